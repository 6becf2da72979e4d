"""What the fields of a new friend may hold: the page and the JSON both ask here."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load
from marshmallow.validate import Length

from .models import City, Friend, Hobby

MOST_HOBBIES = 20


@dataclass(frozen=True)
class NewFriend:
    """The checked fields of a friend to add."""

    name: str
    city: str | None
    hobbies: list[str]


def new_friend(given: Mapping[str, Any]) -> NewFriend:
    """Check all fields at once.

    :param given: `name` is a text, `city` perhaps one, `hobbies` a list of them.
    :raises ValidationError: with a sentence for each field that cannot be used.
    """
    try:
        friend: NewFriend = FriendSchema().load(given)
    except ValidationError as error:
        found = error.messages_dict
        error.messages = {field: _first(found[field]) for field in found}
        raise
    return friend


class Name(fields.String):
    """A name as it is stored: é is one character however it was typed."""

    def __init__(self, model: type[Friend | City | Hobby], **options: Any) -> None:
        """Say whose name it is."""
        super().__init__(**options)
        self.error_messages["invalid"] = "Send a text."
        self._model = model

    def _deserialize(self, *value: Any, **options: Any) -> str:
        text = super()._deserialize(*value, **options)
        text = unicodedata.normalize("NFC", text.strip())
        # No database stores a lone surrogate, and PostgreSQL no NUL.
        if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
            raise ValidationError("Leave out control characters.")
        longest = getattr(self._model.__table__.c.name.type, "length", None)
        if longest and len(text) > longest:
            raise ValidationError(
                f"Use at most {longest} characters: these are {len(text)}."
            )
        return text


def few(names: list[str | None]) -> None:
    """Refuse more names than a friend may have hobbies; an empty one is none."""
    if len({name for name in names if name}) > MOST_HOBBIES:
        raise ValidationError(f"Name at most {MOST_HOBBIES} hobbies.")


class FriendSchema(Schema):
    """What is sent for a new friend."""

    error_messages = {  # noqa: RUF012  marshmallow's own is no ClassVar
        "unknown": "There is no such field: use name, city and hobbies."
    }
    name = Name(
        Friend,
        required=True,
        error_messages=dict.fromkeys(["required", "null"], "Enter a name."),
        validate=Length(min=1, error="Enter a name."),
    )
    city = Name(City, allow_none=True, load_default=None)
    hobbies = fields.List(
        Name(Hobby, allow_none=True),
        allow_none=True,
        load_default=None,
        error_messages={"invalid": "Send a list of texts."},
        validate=few,
    )

    @post_load
    def _friend(self, data: dict[str, Any], **_: Any) -> NewFriend:
        hobbies = {name for name in data["hobbies"] or () if name}
        return NewFriend(data["name"], data["city"] or None, sorted(hobbies))


def _first(messages: Any) -> str:
    """Return the first message of a field; a list has some for each of its items."""
    while not isinstance(messages, str):
        several = messages.values() if isinstance(messages, dict) else messages
        messages = next(iter(several))
    return messages
