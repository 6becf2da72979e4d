"""The value for rows that have none: typed, or from the models, or a neutral one."""

import datetime as dt
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any

from sqlalchemy import Column, Index, UniqueConstraint, false, text, true, types

BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True)
class Value:
    """A value as SQL has it: text, a number as it is written, true or false."""

    value: str | Decimal | bool

    def __str__(self) -> str:
        """Return the value as a comment shows it."""
        return repr(self.value) if isinstance(self.value, str) else str(self.value)

    def default(self) -> Any:
        """Return it as the server default of a column."""
        if isinstance(self.value, bool):
            return true() if self.value else false()
        return self.value if isinstance(self.value, str) else text(str(self.value))

    def plain(self) -> str | int | float | bool:
        """Return it as a value of Python."""
        if isinstance(self.value, Decimal):
            whole = int(self.value)
            return whole if whole == self.value else float(self.value)
        return self.value

    def code(self) -> str:
        """Return it as an expression of a script, right also with `--sql`."""
        if isinstance(self.value, bool):
            return f"sa.{str(self.value).lower()}()"
        if isinstance(self.value, str):
            return f"op.inline_literal({self.value!r})"
        return f"sa.text({str(self.value)!r})"


def typed(column: Column[Any], words: str) -> Value:
    """Read what was typed for a column, for example `''` for empty text.

    A number, `true` or `false`, an ISO date, time or moment, a UUID, JSON, one of an
    Enum's values; everything else is text. A pair of quotes around it is no part of it.

    :raises ValueError: for what the column cannot hold; NULL is one of them.
    """
    if not words or words.upper() == "NULL":
        raise ValueError(f"{column.name} needs a value; empty text is ''.")
    type_ = _inner(column.type)
    for kind, read, _ in KINDS:
        if isinstance(type_, kind):
            try:
                return Value(read(type_, words if kind is types.JSON else _bare(words)))
            except (ValueError, KeyError, InvalidOperation) as error:
                raise ValueError(f"{words} is no value for {type_!r}.") from error
    raise ValueError(
        f"a value for {type_!r} cannot be typed: fill {column.name} by hand."
    )


def declared(column: Column[Any]) -> Value | None:
    """Return the constant default that a model has in Python: `default=7`."""
    value = getattr(column.default, "arg", None)
    if value is None or callable(value):
        return None
    if isinstance(value, Enum) and isinstance(column.type, types.Enum):
        members = list(column.type.enum_class or ())
        value = column.type.enums[members.index(value)]
    words = json.dumps(value) if isinstance(column.type, types.JSON) else str(value)
    try:
        return typed(column, f"'{words}'" if isinstance(value, str) else words)
    except ValueError:
        return None


def neutral(column: Column[Any]) -> Value | None:
    """Return the value that says least, or None where any value would be wrong."""
    type_ = _inner(column.type)
    if column.foreign_keys or is_unique(column):
        return None
    if isinstance(type_, types.Enum):
        return Value(type_.enums[0])
    found = (words for kind, _, words in KINDS if isinstance(type_, kind))
    words = next(found, None)
    return typed(column, words) if words else None


def is_unique(column: Column[Any]) -> bool:
    """Return whether no two rows can have the same value."""
    keys: list[Index | UniqueConstraint] = []
    if column.table is not None:
        keys = [index for index in column.table.indexes if index.unique]
        found = column.table.constraints
        keys += [key for key in found if isinstance(key, UniqueConstraint)]
    return any([part.name for part in key.columns] == [column.name] for key in keys)


def _inner(type_: types.TypeEngine[Any]) -> types.TypeEngine[Any]:
    return type_.impl_instance if isinstance(type_, types.TypeDecorator) else type_


def _bare(words: str) -> str:
    quoted = len(words) > 1 and words[0] == words[-1] and words[0] in "'\""
    return words[1:-1] if quoted else words


def _enum(type_: Any, words: str) -> str:
    if words not in type_.enums:
        raise ValueError(words)
    return words


def _string(type_: Any, words: str) -> str:
    if type_.length and len(words) > type_.length:
        raise ValueError(words)
    return words


def _number(_type: Any, words: str) -> Decimal:
    if not (number := Decimal(words)).is_finite():
        raise ValueError(words)
    return number


def _iso(value: dt.datetime | dt.time) -> str:
    return value.isoformat(timespec="microseconds").replace("T", " ")


KINDS: tuple[tuple[Any, Callable[[Any, str], str | Decimal | bool], str], ...] = (
    (types.Enum, _enum, ""),
    (types.Boolean, lambda _, words: BOOLEANS[words.lower()], "false"),
    (types.Integer, lambda _, words: Decimal(int(words)), "0"),
    ((types.Numeric, types.Float), _number, "0"),
    (
        types.DateTime,
        lambda _, words: _iso(dt.datetime.fromisoformat(words)),
        "1970-01-01",
    ),
    (
        types.Date,
        lambda _, words: dt.date.fromisoformat(words).isoformat(),
        "1970-01-01",
    ),
    (types.Time, lambda _, words: _iso(dt.time.fromisoformat(words)), "00:00"),
    (types.Uuid, lambda _, words: uuid.UUID(words).hex, uuid.UUID(int=0).hex),
    (types.JSON, lambda _, words: json.dumps(json.loads(words)), "{}"),
    (types.String, _string, "''"),
)
"""Kinds of types, the first that fits: how a value is read, and a neutral one.

Moments and times are written as SQLite stores them, with microseconds.
"""
