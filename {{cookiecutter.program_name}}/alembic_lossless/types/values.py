"""Which value survives in which other type, on which database."""

import json
import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any

import sqlalchemy as sa

from .conversion import MYSQL_NUMERIC, bits, is_short, kind
from .portable import MYSQL, Type, ddl, on

NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
"""A number as a database writes it back: the zeros of 007 would be lost."""


FLOATING = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
"""A number that every database reads; Python also reads nan, 1_000 and other digits."""


MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?([+-][0-9]{2}:[0-9]{2})?)?"
)
"""A date or a moment that every database reads; SQLite would make 20260301 a number."""


TIME = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?")
"""A time of day that every database reads."""


UUID = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){4}[0-9a-f]{8}", re.IGNORECASE)


BARE_UUID = re.compile(r"[0-9a-f]{32}")
"""A UUID, and how it is written where a database has none: there text is compared."""


ELEMENT = re.compile(r'"((?:[^"\\]|\\.)*)"|([^{},]+)')
"""An element of an array as PostgreSQL writes it, perhaps in quotes."""


SQLITE_DIGITS = 15
"""What SQLite writes of a Float that becomes text."""


DECIMALS_READ = 10
"""How many digits after the point SQLAlchemy reads of a Numeric without a scale.

Source: `decimal_return_scale` in its documentation of `Numeric`.
"""


SHORT_DIGITS = 6
"""What a Float of 4 bytes keeps of a number."""


def is_lossless(value: Any, new: Type, *, dialect: str = "") -> bool:
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
        return all(is_lossless(it, item, dialect=dialect) for it in _elements(value))
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
            survivor &= dialect != "sqlite" or _is_read_back(as_text(value), new)
        case _:
            survivor = _spelled(value, new, dialect)
    return survivor


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


def _spelled(value: Any, new: Type, dialect: str) -> bool:
    """Tell it of what a text spells: JSON, a UUID, or a moment."""
    match new:
        case sa.JSON():
            return _is_json(as_text(value), dialect)
        case sa.Uuid():
            return _is_uuid(as_text(value), new, dialect)
        case sa.Time():
            return _time_survives(value, new, dialect)
    return _moment_survives(value, new, dialect)


def _is_json(text: str, dialect: str) -> bool:
    """Tell it of JSON, whose numbers SQLite takes for its own."""
    if dialect == "sqlite" and _parses(float, text):
        return is_lossless(text, sa.Double())
    return _parses(_json, text)


def _is_uuid(text: str, new: sa.Uuid[Any], dialect: str) -> bool:
    if dialect and ddl(new, dialect) != "UUID":
        return bool(BARE_UUID.fullmatch(text))
    # MariaDB refuses some of version 8 and later.
    known = dialect not in MYSQL or text.replace("-", "")[12:13] in set("01234567")
    return known and bool(UUID.fullmatch(text))


def _is_read_back(text: str, new: Type) -> bool:
    """Tell whether SQLite's 8 bytes hold all digits of what will be a Decimal.

    A price of a million in a Numeric without a scale comes back as 1050000.1000000001.
    """
    if kind(new) is not sa.Numeric or not _parses(float, text):
        return True
    digits = getattr(new, "scale", None)
    digits = DECIMALS_READ if digits is None else digits
    return Decimal(text) == Decimal(f"{float(text):.{digits}f}")


def _is_refused_text(value: Any, new: Type, dialect: str) -> bool:
    """Tell text that is a whole number, but written as servers read no Integer."""
    whole = isinstance(new, sa.Integer) and dialect not in {"", "sqlite"}
    return whole and isinstance(value, str) and "." in value


def _made_by(dialect: str, type_: Type) -> Type:
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
    if isinstance(value, timedelta):  # a time of day, as MariaDB's driver reads it
        return str(value).rjust(len("00:00:00"), "0")
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


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


def _moment_survives(value: Any, new: Type, dialect: str) -> bool:
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


def _time_survives(value: Any, new: sa.Time, dialect: str) -> bool:
    """Tell it of a text that spells a time of day; nothing else becomes one."""
    if not isinstance(value, str) or not TIME.fullmatch(value):
        return False
    if not _parses(time.fromisoformat, value) or new.timezone:
        return False
    rounds = dialect in MYSQL and not getattr(new, "fsp", None)
    return not (rounds and time.fromisoformat(value).microsecond)


def _zone_fits(value: datetime, new: Type, dialect: str) -> bool:
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
