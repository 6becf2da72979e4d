"""What the fields of a new friend may hold: the page and the JSON both ask here."""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .models import City, Friend, Hobby

MOST_HOBBIES = 20
UNKNOWN = "There is no such field: use name, city and hobbies."


@dataclass(frozen=True)
class NewFriend:
    """The checked fields of a friend to add."""

    name: str
    city: str | None
    hobbies: list[str]


class FieldsError(ValueError):
    """Some fields cannot be used; `messages` has a sentence for each."""

    def __init__(self, messages: dict[str, str]) -> None:
        """Keep the messages, by the name of the field."""
        super().__init__(" ".join(messages.values()))
        self.messages = messages


def new_friend(fields: Mapping[str, Any]) -> NewFriend:
    """Check all fields at once.

    :param fields: `name` is a text, `city` perhaps one, `hobbies` a list of them.
    :raises FieldsError: with a message for each field that cannot be used.
    """
    messages = dict.fromkeys(fields.keys() - CHECKS.keys(), UNKNOWN)
    checked = {}
    for field, check in CHECKS.items():
        try:
            checked[field] = check(fields.get(field))
        except ValueError as error:
            messages[field] = str(error)
    if messages:
        raise FieldsError(messages)
    return NewFriend(**checked)


def _name(value: Any) -> str:
    if name := _text(value, Friend):
        return name
    raise ValueError("Enter a name.")


def _city(value: Any) -> str | None:
    return _text(value, City) or None


def _hobbies(value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError("Send a list of texts.")  # noqa: TRY004  it is a bad value
    hobbies = {hobby for each in value if (hobby := _text(each, Hobby))}
    if len(hobbies) > MOST_HOBBIES:
        raise ValueError(f"Name at most {MOST_HOBBIES} hobbies.")
    return sorted(hobbies)


def _text(value: Any, model: type[Friend | City | Hobby]) -> str:
    """Return a name as it is stored: é is one character however it was typed."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError("Send a text.")  # noqa: TRY004  it is a bad value
    text = unicodedata.normalize("NFC", value.strip())
    # No database stores a lone surrogate, and PostgreSQL no NUL.
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        raise ValueError("Leave out control characters.")
    longest = getattr(model.__table__.c.name.type, "length", None)
    if longest and len(text) > longest:
        raise ValueError(f"Use at most {longest} characters: these are {len(text)}.")
    return text


CHECKS: dict[str, Callable[[Any], Any]] = {
    "name": _name,
    "city": _city,
    "hobbies": _hobbies,
}
