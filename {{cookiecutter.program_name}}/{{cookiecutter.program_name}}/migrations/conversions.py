"""Which values survive a change of a column's type, the same on every database."""

import json
import re
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
"""A number as a database writes it back: the zeros of 007 would be lost."""

MYSQL = ("mysql", "mariadb")
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
    if is_short(new, dialect) and not _is_short_number(as_text(value)):
        return False
    match new:
        case sa.Enum(enums=names):
            survivor = value in names
        case sa.String(length=length):
            survivor = length is None or len(as_text(value)) <= length
        case sa.Boolean():
            survivor = as_text(value) in {"0", "1"}
        case sa.Integer() | sa.Numeric() | sa.Float():
            survivor = _number_survives(as_text(value), new)
        case sa.JSON():
            survivor = _parses(json.loads, value)
        case _:
            survivor = _moment_survives(value, new)
    return survivor


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
    if isinstance(new, sa.Float) and _parses(float, text):
        return repr(float(text)) == text or Decimal(text) == Decimal(repr(float(text)))
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


def _moment_survives(value: Any, new: TypeEngine[Any]) -> bool:
    """Tell it of dates and times; SQLite's are text, in the form of ISO 8601."""
    if isinstance(value, str):
        if not _parses(datetime.fromisoformat, value):
            return False
        value = datetime.fromisoformat(value)
    if isinstance(new, sa.Date) and isinstance(value, datetime):
        return value.time() == time() and value.tzinfo is None
    return isinstance(new, sa.Date | sa.DateTime) and isinstance(value, date)


def _parses(parse: Any, value: Any) -> bool:
    try:
        parse(value)
    except (TypeError, ValueError):
        return False
    return True
