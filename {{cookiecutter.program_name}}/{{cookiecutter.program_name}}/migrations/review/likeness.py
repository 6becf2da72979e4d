"""Whether something new may be something old under another name."""

from difflib import SequenceMatcher
from typing import Any

from sqlalchemy import (
    Column,
    Date,
    DateTime,
    Float,
    Integer,
    Interval,
    LargeBinary,
    Numeric,
    Table,
    Time,
    types,
)

SIMILAR = 0.6
KINDS: dict[str, tuple[type[Any], ...]] = {
    "text": (types.String, types.Uuid, types.JSON),
    "number": (Integer, Numeric, Float, types.Boolean),
    "time": (Date, DateTime, Time, Interval),
    "bytes": (LargeBinary, types.BINARY, types.VARBINARY),
}


def kind(type_: types.TypeEngine[object]) -> str:
    """Return which values a type has: text, number, time, bytes, or "" for others."""
    inner = type_.impl if isinstance(type_, types.TypeDecorator) else type_
    return next((name for name, of in KINDS.items() if isinstance(inner, of)), "")


def convertible(old: Column[object], new: Column[object]) -> bool:
    """Return whether the values of a column can become those of another at all."""
    kinds = {kind(old.type), kind(new.type)}
    return len(kinds) == 1 or (bool(kinds & {"", "text"}) and "bytes" not in kinds)


def may_be(old: Column[object], new: Column[object]) -> bool:
    """Return whether it is worth asking if a column was renamed.

    Columns of one kind are, and all whose names are similar. A foreign key is like a
    foreign key, a primary key like a primary key.
    """
    if not convertible(old, new):
        return False
    if SequenceMatcher(None, old.name, new.name).ratio() >= SIMILAR:
        return True
    return kind(old.type) == kind(new.type) and _role(old) == _role(new)


def may_be_table(old: Table, new: Table) -> bool:
    """Return whether it is worth asking if a table was renamed.

    It is when half of its columns have the same name and kind, or when all columns
    are of the same kinds in the same order. A number that counts rows says nothing.
    """
    olds, news = _telling(old), _telling(new)
    kinds = [{(c.name, kind(c.type)) for c in columns} for columns in (olds, news)]
    shared = kinds[0] & kinds[1]
    if olds and 2 * len(shared) >= len(olds):
        return True
    roles = [[(kind(c.type), *_role(c)) for c in columns] for columns in (olds, news)]
    return roles[0] == roles[1]


def _telling(table: Table) -> list[Column[object]]:
    return [c for c in table.columns if c is not table.autoincrement_column]


def _role(column: Column[object]) -> tuple[bool, bool]:
    return bool(column.foreign_keys), column.primary_key
