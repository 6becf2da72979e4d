"""What is known of two types: does one hold all of the other, and how to get there."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from ..conversions import bits, is_short

Type = TypeEngine[Any]

KINDS = (
    sa.String,
    sa.Boolean,
    sa.Integer,
    sa.Numeric,
    sa.Float,
    sa.Date,
    sa.DateTime,
    sa.JSON,
)
"""The types between which is known what a change does to each value."""

CHARACTERS = {16: 6, 32: 11, 64: 20}
"""The bits of an integer -> the characters that the longest takes, sign included."""

SHORT_FLOATS = ("postgresql", "mariadb")
"""The dialects that make 4 bytes of some Floats, though not of the same ones."""

DIGITS = {16: 5, 32: 10, 64: 19}
"""The bits of an integer -> its decimal digits."""


def kind(type_: Type) -> type:
    """Return the class that tells what sort of values a type has."""
    if isinstance(type_, sa.Enum) and type_.native_enum:
        return sa.Enum
    return next((known for known in KINDS if isinstance(type_, known)), type(type_))


def is_known(old: Type, new: Type) -> bool:
    """Tell whether it can be said of each value what a change does to it."""
    return {kind(old), kind(new)} <= {*KINDS, sa.Enum}


def keeps_all(old: Type, new: Type) -> bool:
    """Tell whether the new type holds every value that the old one can hold."""
    if isinstance(new, sa.Enum):
        return isinstance(old, sa.Enum) and set(old.enums) <= set(new.enums)
    if isinstance(new, sa.String):
        longest = _longest(old)
        return new.length is None or (longest is not None and longest <= new.length)
    if isinstance(new, sa.Integer):
        return isinstance(old, sa.Boolean) or (
            isinstance(old, sa.Integer) and bits(old) <= bits(new)
        )
    if isinstance(new, sa.Numeric):
        return _holds_digits(old, new)
    if isinstance(new, sa.DateTime):
        return isinstance(old, sa.Date | sa.DateTime)
    return kind(old) is kind(new) and not _shortens(old, new)


def using(column: str, old: Type, new: Type) -> str | None:
    """Return the expression that PostgreSQL converts a column with, if it needs one."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    source: str = dialect.identifier_preparer.quote(column)
    target = new.compile(dialect=dialect)
    if isinstance(old, sa.DateTime) and old.timezone != getattr(
        new, "timezone", old.timezone if isinstance(new, sa.DateTime) else False
    ):
        source = f"({source} AT TIME ZONE 'UTC')"
        return source if isinstance(new, sa.DateTime) else f"{source}::{target}"
    if kind(old) is kind(new):
        return None
    if isinstance(new, sa.Boolean) and not isinstance(old, sa.String):
        return f"{source} <> 0"
    if isinstance(old, sa.Boolean):
        source += "::integer"
    if isinstance(new, sa.Enum):
        source += "::text"
    return f"{source}::{target}"


def _longest(old: Type) -> int | None:
    """Return how many characters the longest value of a type takes, if there is one."""
    if isinstance(old, sa.String):
        return old.length
    if isinstance(old, sa.Integer):
        return CHARACTERS[bits(old)]
    if isinstance(old, sa.Numeric):
        return old.precision and old.precision + 2
    lengths = {sa.Boolean: 1, sa.Date: 10, sa.DateTime: 32}
    return lengths.get(kind(old))


def _shortens(old: Type, new: Type) -> bool:
    """Tell whether some database makes a Float of 4 bytes of one that had 8."""
    return any(is_short(new, name) and not is_short(old, name) for name in SHORT_FLOATS)


def _holds_digits(old: Type, new: sa.Numeric[Any]) -> bool:
    if new.precision is None:
        return isinstance(old, sa.Numeric | sa.Integer | sa.Boolean)
    scale = new.scale or 0
    if isinstance(old, sa.Integer):
        return DIGITS[bits(old)] <= new.precision - scale
    if isinstance(old, sa.Numeric) and old.precision is not None:
        old_scale = old.scale or 0
        whole = old.precision - old_scale <= new.precision - scale
        return whole and old_scale <= scale
    return isinstance(old, sa.Boolean)
