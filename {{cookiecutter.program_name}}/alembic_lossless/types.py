"""The one place that knows which value of which type survives in which other."""

import json
import re
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite
from typing import Any, TypeGuard

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from .dialects import ddl, dialect_named, on

NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
"""A number as a database writes it back: the zeros of 007 would be lost."""

FLOATING = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
"""A number that every database reads; Python also reads nan, 1_000 and other digits."""

MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?([+-][0-9]{2}:[0-9]{2})?)?"
)
"""A date or a moment that every database reads; SQLite would make 20260301 a number."""

SQLITE_DIGITS = 15
"""What SQLite writes of a Float that becomes text."""

MYSQL = ("mysql", "mariadb")

MYSQL_NUMERIC = 10
"""The digits of a Numeric without a precision there; it has none after the point."""

SHORT_BITS = 24

SHORT_DIGITS = 6
"""What a Float of 4 bytes keeps of a number."""


def survives(value: Any, new: TypeEngine[Any], *, dialect: str = "") -> bool:
    """Tell whether a value means the same after its column has changed its type.

    :param value: what the column holds, as the driver reads it.
    :param new: the new type; a value is not said to survive in one not known here.
    :param dialect: the database, which decides how long a Float is.
    """
    if value is None:
        return True
    new = _made_by(dialect, new)
    if isinstance(new, sa.ARRAY):
        item = new.item_type
        return all(survives(it, item, dialect=dialect) for it in _elements(value))
    if is_short(new, dialect) and not _is_short_number(as_text(value)):
        return False
    match new:
        case sa.Enum(enums=names):
            survivor = value in names
        case sa.String(length=length):
            survivor = length is None or len(as_text(value)) <= length
            if isinstance(value, float) and dialect in {"", "sqlite"}:
                survivor &= float(f"{value:.{SQLITE_DIGITS}g}") == value
        case sa.Boolean():
            survivor = as_text(value) in {"0", "1"}
        case sa.Integer() | sa.Numeric() | sa.Float():
            survivor = _number_survives(as_text(value), new)
            survivor &= not _is_refused_text(value, new, dialect)
        case sa.JSON():
            survivor = _parses(_json, value)
        case _:
            survivor = _moment_survives(value, new, dialect)
    return survivor


ELEMENT = re.compile(r'"((?:[^"\\]|\\.)*)"|([^{},]+)')
"""An element of an array as PostgreSQL writes it, perhaps in quotes."""


def _elements(array: Any) -> Iterator[Any]:
    """Give what an array holds; psycopg reads one of a type not its own as text."""
    if isinstance(array, list):
        for it in array:
            yield from _elements(it) if isinstance(it, list) else [it]
        return
    for quoted, bare in ELEMENT.findall(str(array)):
        if bare != "NULL":
            yield bare or re.sub(r"\\(.)", r"\1", quoted)


def _refuse(constant: str) -> None:
    """Refuse NaN and Infinity, which are no JSON; Python reads them."""
    raise ValueError(constant)


def _json(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse)


def _is_refused_text(value: Any, new: TypeEngine[Any], dialect: str) -> bool:
    """Tell text that is a whole number, but written as servers read no Integer."""
    whole = isinstance(new, sa.Integer) and dialect not in {"", "sqlite"}
    return whole and isinstance(value, str) and "." in value


def _made_by(dialect: str, type_: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return what a database makes of a type: its variant, with the digits it has."""
    here = on(type_, dialect)
    if kind(here) is sa.Numeric and dialect in MYSQL:
        bare = getattr(here, "precision", None) is None
        return sa.Numeric(MYSQL_NUMERIC, 0) if bare else here
    return here


def as_text(value: Any) -> str:
    """Return a value as a text column holds it."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, Decimal):
        return format(value, "f")
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def bits(integer: sa.Integer) -> int:
    """Return the size of an integer type where it has one: SQLite has none."""
    if isinstance(integer, sa.BigInteger):
        return 64
    return 16 if isinstance(integer, sa.SmallInteger) else 32


def is_short(type_: TypeEngine[Any], dialect: str) -> bool:
    """Tell a Float of 4 bytes from one of 8, as which others make the same type.

    Source: PostgreSQL's "Numeric Types" on real, MariaDB's "FLOAT" on its precision.
    """
    if not isinstance(type_, sa.Float) or isinstance(type_, sa.Double):
        return False
    if type_.precision is not None:
        return type_.precision <= SHORT_BITS and dialect != "sqlite"
    real = isinstance(type_, sa.REAL)
    return real if dialect == "postgresql" else not real and dialect in MYSQL


def _is_short_number(text: str) -> bool:
    digits = Decimal(text).normalize().as_tuple().digits if _parses(float, text) else ()
    return len(digits) <= SHORT_DIGITS


def _number_survives(
    text: str, new: sa.Integer | sa.Numeric[Any] | sa.Float[Any]
) -> bool:
    if isinstance(new, sa.Float):
        if not FLOATING.fullmatch(text) or not isfinite(float(text)):
            return False
        return Decimal(text) == Decimal(repr(float(text)))
    if not NUMBER.fullmatch(text):
        return False
    number = Decimal(text)
    if isinstance(new, sa.Integer):
        limit = 2 ** (bits(new) - 1)
        return number == int(number) and -limit <= number < limit
    if new.precision is None:
        return True
    scale = new.scale or 0
    return number == round(number, scale) and abs(number) < 10 ** (
        new.precision - scale
    )


def _moment_survives(value: Any, new: TypeEngine[Any], dialect: str) -> bool:
    """Tell it of dates and times; SQLite's are text, in the form of ISO 8601."""
    if isinstance(value, str):
        if not MOMENT.fullmatch(value) or not _parses(datetime.fromisoformat, value):
            return False
        value = datetime.fromisoformat(value)
        if not _zone_fits(value, new, dialect):
            return False
    if isinstance(new, sa.Date) and isinstance(value, datetime):
        return value.time() == time() and value.tzinfo is None
    if dialect in MYSQL and getattr(value, "microsecond", False):
        return bool(getattr(new, "fsp", None))  # else it rounds to seconds
    return isinstance(new, sa.Date | sa.DateTime) and isinstance(value, date)


def _zone_fits(value: datetime, new: TypeEngine[Any], dialect: str) -> bool:
    """Tell whether a text means one moment: PostgreSQL would take the session's zone.

    The zone of a text is dropped where the type has none.
    """
    has_zone = getattr(new, "timezone", False) and dialect not in MYSQL
    if value.tzinfo is not None:
        return has_zone
    return not (has_zone and dialect == "postgresql")


def _parses(parse: Any, value: Any) -> bool:
    try:
        parse(value)
    except (TypeError, ValueError):
        return False
    return True


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

NUMBERS = (sa.Integer, sa.Numeric, sa.Float)

DIGITS = {16: 5, 32: 10, 64: 19}
"""The bits of an integer -> its decimal digits."""


def kind(type_: Type) -> type:
    """Return the class that tells what sort of values a type has."""
    if isinstance(type_, sa.Enum) and type_.native_enum:
        return sa.Enum
    return next((known for known in KINDS if isinstance(type_, known)), type(type_))


def is_native(type_: Any) -> TypeGuard[sa.Enum]:
    """Tell an Enum that is a type of its own from one that is text."""
    return isinstance(type_, sa.Enum) and type_.native_enum


def is_known(old: Type, new: Type) -> bool:
    """Tell whether it can be said of each value what a change does to it."""
    return {kind(old), kind(new)} <= {*KINDS, sa.Enum}


def keeps_all(old: Type, new: Type) -> bool:
    """Tell whether the new type holds every value that the old one can hold."""
    if isinstance(new, sa.Enum):
        return isinstance(old, sa.Enum) and set(old.enums) <= set(new.enums)
    if isinstance(new, sa.String):
        longest = _longest(old)
        fits = new.length is None or (longest is not None and longest <= new.length)
        # SQLite writes fewer digits of a Float than it has.
        return fits and not isinstance(old, sa.Float)
    if isinstance(new, sa.Integer):
        return isinstance(old, sa.Boolean) or (
            isinstance(old, sa.Integer) and bits(old) <= bits(new)
        )
    if isinstance(new, sa.Numeric):
        return _holds_digits(old, new)
    if isinstance(new, sa.DateTime):
        return isinstance(old, sa.Date | sa.DateTime)
    return kind(old) is kind(new) and not _shortens(old, new)


def way(old: Type, new: Type) -> list[Type]:
    """Return the types that a column has one after the other on its way to a new one.

    MariaDB would take the place of a value for the number: '1' may be the second.
    """
    if is_native(old) and kind(new) not in {sa.Enum, sa.String}:
        return [sa.String(max(map(len, old.enums))), new]
    return [new]


def using(column: str, old: Type, new: Type) -> str | None:
    """Return the expression that PostgreSQL converts a column with, if it needs one."""
    source: str = dialect_named("postgresql").identifier_preparer.quote(column)
    target = ddl(new, "postgresql")
    if target is None:
        return None
    old, new = on(old, "postgresql"), on(new, "postgresql")
    if isinstance(old, sa.DateTime) and old.timezone != getattr(
        new, "timezone", old.timezone if isinstance(new, sa.DateTime) else False
    ):
        source = f"({source} AT TIME ZONE 'UTC')"
        return source if isinstance(new, sa.DateTime) else f"{source}::{target}"
    if kind(old) is kind(new):
        return None
    if isinstance(new, sa.Boolean) and isinstance(old, NUMBERS):
        return f"{source} <> 0"
    if isinstance(old, sa.Boolean):
        source += "::integer"
    if isinstance(new, sa.Enum) or _has_no_cast(old, new):
        source += "::text"
    return f"{source}::{target}"


def _has_no_cast(old: Type, new: Type) -> bool:
    """Tell whether PostgreSQL refuses a change, even of a table without rows."""
    moments = sa.Date, sa.DateTime
    return isinstance(old, moments) is not isinstance(new, moments)


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
    if new.precision is None:  # to MariaDB that means ten digits
        if isinstance(old, sa.Integer):
            return DIGITS[bits(old)] <= MYSQL_NUMERIC
        same = isinstance(old, sa.Numeric) and old.precision is None
        return same or isinstance(old, sa.Boolean)
    scale = new.scale or 0
    if isinstance(old, sa.Integer):
        return DIGITS[bits(old)] <= new.precision - scale
    if isinstance(old, sa.Numeric) and old.precision is not None:
        old_scale = old.scale or 0
        whole = old.precision - old_scale <= new.precision - scale
        return whole and old_scale <= scale
    return isinstance(old, sa.Boolean)
