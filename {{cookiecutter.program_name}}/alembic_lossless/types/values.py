"""Values: what a database stores of them, and which are lossless in another type.

The processors of a type say what is stored. Of that each database has a literal, and a
revision has the code that is right on all of them.
"""

import ipaddress
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeDecorator

from .. import sql
from .conversion import (
    KINDS,
    MICROSECONDS,
    MYSQL_NUMERIC,
    SQLITE_DIGITS,
    fraction,
    is_short,
    is_unsigned,
    kind,
    limits,
    room,
)
from .portable import (
    DIALECTS,
    MYSQL,
    Type,
    base_on,
    ddl,
    dialect_named,
    on,
    stored,
    words,
)

Stored = str | bool | int | float | Decimal | bytes
"""What a database has of a value: text, a truth, a number, or bytes."""

ADDRESSES = (
    *(ipaddress.IPv4Address, ipaddress.IPv4Interface, ipaddress.IPv4Network),
    *(ipaddress.IPv6Address, ipaddress.IPv6Interface, ipaddress.IPv6Network),
)


@dataclass(frozen=True)
class Value:
    """A value of Python, as an app gives it to a column.

    :param python: the value.
    :param type: the type of the column, one of an app's own too.
    """

    python: Any
    type: Type

    def stored(self, dialect: Dialect) -> Stored:
        """Return what a database stores of it.

        :raises ValueError: for what the type cannot write there.
        """
        try:
            return stored_as(self.python, self.type, dialect)
        except Exception as error:  # a type of an app's own may raise anything
            shown = f"{self.python!r} is no value for {words(self.type)}"
            raise ValueError(f"{shown} on {dialect.name}.") from error

    def check(self, dialects: Iterable[Dialect]) -> None:
        """Refuse a value that a database cannot hold.

        :raises ValueError: with the value, the type and the database.
        """
        type_ = stored(self.type)
        for dialect in dialects:
            if not _fits(self.stored(dialect), on(type_, dialect.name), dialect.name):
                shown = f"{self.shown(dialect)} is no value for {words(type_)}"
                raise ValueError(f"{shown} on {dialect.name}.")

    def shown(self, dialect: Dialect) -> str:
        """Return the value as comments and messages have it.

        :param dialect: the database that the draft is made on.
        """
        found = self.stored(dialect)
        return repr(found) if isinstance(found, str) else literal(found, dialect)

    def clause(self) -> "Literal":
        """Return the value as an expression of SQL, which each database writes."""
        return Literal(self)

    def default_code(self) -> str:
        """Return the value as a revision has it for a server default."""
        return self._code("{}", "sa.text('{}')")

    def expression_code(self) -> str:
        """Return the value as it stands in a statement, right also with `--sql`."""
        return self._code("op.inline_literal({})", "sa.text('{}')")

    def argument_code(self) -> str:
        """Return the value as an argument of an operation."""
        return self._code("{}", "{}")

    def _code(self, text: str, number: str) -> str:
        """Return the code of it.

        :param text: how a text is written where it stands.
        :param number: likewise, of one that is exact.
        """
        found = dict[str, Stored]()
        for name in DIALECTS:
            if ddl(self.type, name) is not None:
                with suppress(ValueError):  # a type need not know each of them
                    found[name] = self.stored(dialect_named(name))
        if all(isinstance(one, str) for one in found.values()):
            return text.format(chosen({name: str(it) for name, it in found.items()}))
        if len({(type(one), one) for one in found.values()}) == 1:
            (one, *_) = found.values()
            if isinstance(one, bool):
                return f"sa.{str(one).lower()}()"
            if isinstance(one, int | float):
                return number.format(one)
        return sql_code(
            {name: literal(it, dialect_named(name)) for name, it in found.items()}
        )


class Literal(sa.ColumnElement[Any]):
    """A value where SQL has an expression: the default of a column of a draft."""

    inherit_cache = False

    def __init__(self, value: Value) -> None:
        """Take the value."""
        self.value = value
        self.type = value.type


def in_statement(value: Any) -> sa.ClauseElement:
    """Return a value as a statement has it, right also with `--sql`."""
    if isinstance(value, sa.ClauseElement):
        return value
    return Literal(Value(value, sa.literal(value).type))


@compiles(Literal)
def _compile(element: Literal, compiler: Any, **_: Any) -> str:
    stored = element.value.stored(compiler.dialect)
    written = _expression(stored, compiler.dialect)
    return str(compiler.process(written, literal_binds=True))


def stored_as(value: Any, type_: Type, dialect: Dialect) -> Stored:
    """Return what a database stores of a value, by the processors of its type.

    What a driver would be given is only text, a truth, a number or bytes to a
    database. A number is never a float on the way, and what drivers have objects for,
    such as a range, is written in the database's own words.

    :raises Exception: whatever a type raises for a value that it cannot write.
    """
    here = type_.dialect_impl(dialect)
    if isinstance(here, TypeDecorator):
        return _decorated(value, here, dialect)
    for kinds, write in WRITTEN_BY_TYPE:
        if isinstance(here, kinds):
            return write(value, here, dialect)
    if dialect.name == "postgresql":
        return _plain(_postgresql(value, here), dialect)
    return _plain(_bound(here, value, dialect), dialect)


def _decorated(value: Any, type_: TypeDecorator[Any], dialect: Dialect) -> Stored:
    """Return what a type of an app's own stores."""
    if _overrides(type_, "bind_expression"):
        raise TypeError(type_)  # what it stores is a database's to say
    if _overrides(type_, "bind_processor"):  # it pickles, or counts from 1970
        return _plain(_bound(type_, value, dialect), dialect)
    if _overrides(type_, "process_bind_param"):
        value = type_.process_bind_param(value, dialect)
    return stored_as(value, type_.impl_instance, dialect)


def _overrides(type_: Type, method: str) -> bool:
    return getattr(type(type_), method) is not getattr(TypeDecorator, method)


def _bound(type_: Type, value: Any, dialect: Dialect) -> Any:
    """Return what a type gives a driver, but none that wraps it in an object."""
    known = dialect_named(dialect.name) if dialect.name in DIALECTS else dialect
    process = type_.bind_processor(known)
    return process(value) if process else value


def _truth(value: Any, *_: Any) -> bool:
    if value not in {True, False}:
        raise ValueError(value)
    return bool(value)


def _number(value: Any, *_: Any) -> int | float | Decimal:
    number = value if isinstance(value, int | float | Decimal) else Decimal(value)
    if not isfinite(number):
        raise ValueError(value)
    return int(number) if isinstance(number, int) else number


def _postgresql(value: Any, type_: Type) -> Any:
    """Return what is text to PostgreSQL and an object to its drivers."""
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415  only there

    if isinstance(type_, sa.Enum):
        return _bound(type_, value, dialect_named("postgresql"))
    if isinstance(type_, postgresql.HSTORE):
        process = postgresql.HSTORE.bind_processor(type_, dialect_named("postgresql"))
        return process(value)
    if isinstance(value, postgresql.Range):
        return str(value)
    is_multirange = isinstance(type_, postgresql.ranges.AbstractMultiRange)
    if is_multirange and not isinstance(value, str):
        return "{" + ",".join(str(one) for one in value) + "}"
    return value


def _array(value: Any, type_: sa.ARRAY[Any], dialect: Dialect) -> str:
    """Return an array as PostgreSQL reads it, whatever its items are."""
    if not isinstance(value, list | tuple):
        raise TypeError(value)
    nested = type_.dimensions != 1 and not isinstance(type_.item_type, sa.JSON)
    items = []
    for item in value:
        if item is None:
            items.append("NULL")
        elif nested and isinstance(item, list | tuple):
            items.append(_array(item, type_, dialect))
        else:
            items.append(_item(stored_as(item, type_.item_type, dialect), dialect))
    return "{" + ",".join(items) + "}"


def _item(stored: Stored, dialect: Dialect) -> str:
    if isinstance(stored, bool | int | float | Decimal):
        return literal(stored, dialect)
    text = rf"\x{stored.hex()}" if isinstance(stored, bytes) else stored
    return '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'


def _json(value: Any, _type: Type, dialect: Dialect) -> Stored:
    """Return JSON as text: drivers have objects of their own for it."""
    return _plain(_bound(sa.JSON(), value, dialect_named("sqlite")), dialect)


def _uuid(value: Any, *_: Any) -> str:
    return (value if isinstance(value, UUID) else UUID(value)).hex


def _span(value: timedelta, *_: Any) -> str:
    return f"{value.days} days {value.seconds}.{value.microseconds:06} seconds"


WRITTEN_BY_TYPE: tuple[tuple[Any, Callable[[Any, Any, Dialect], Stored]], ...] = (
    (sa.Boolean, _truth),
    ((sa.Numeric, sa.Float), _number),
    (sa.JSON, _json),
    (sa.ARRAY, _array),
    (sa.Uuid, _uuid),
)
"""Types whose values drivers have otherwise than databases."""


def _plain(value: Any, dialect: Dialect) -> Stored:
    """Return what a database has of what a driver would be given."""
    for kinds, write in WRITTEN_BY_CLASS:
        if isinstance(value, kinds):
            return write(value, dialect)
    raise TypeError(value)


def _text(value: str, _dialect: Dialect) -> str:
    """Return text that each database can hold, and a file of Python too."""
    text = str.__str__(value)  # no member of an Enum
    if "\0" in text:
        raise ValueError(text)
    text.encode()
    return text


def _moment(value: datetime | time, dialect: Dialect) -> str:
    """Return a moment as SQLite stores it, which each database reads."""
    if dialect.name != "postgresql":
        value = value.replace(tzinfo=None)
    return value.isoformat(timespec="microseconds").replace("T", " ")


WRITTEN_BY_CLASS: tuple[tuple[Any, Callable[[Any, Dialect], Stored]], ...] = (
    (bool, lambda value, _: bool(value)),
    (int, lambda value, _: int(value)),
    ((float, Decimal), _number),
    (str, _text),
    ((bytes, bytearray, memoryview), lambda value, _: bytes(value)),
    ((datetime, time), _moment),
    (date, lambda value, _: str(value.isoformat())),
    (timedelta, _span),
    (UUID, _uuid),
    (ADDRESSES, lambda value, _: str(value)),
)
"""What drivers are given, and how databases have it."""


def _fits(stored: Stored, type_: Type, dialect: str) -> bool:
    """Tell whether a type holds what is stored, as far as that is known of types."""
    has_zone = isinstance(type_, sa.Time) and type_.timezone
    item = type_.item_type if isinstance(type_, sa.ARRAY) else type_
    if kind(item) not in {*KINDS, sa.Enum} - {sa.Float} or has_zone:
        return True  # a Float rounds, whoever writes it
    # Its numbers have 8 bytes, whoever writes them.
    rounds = dialect == "sqlite" and kind(type_) is sa.Numeric
    return is_lossless(stored, type_, dialect="" if rounds else dialect)


def literal(stored: Stored, dialect: Dialect) -> str:
    """Return what is stored as a literal of SQL."""
    return sql.compiled(_expression(stored, dialect), dialect)


def _expression(stored: Stored, dialect: Dialect) -> sa.ClauseElement:
    match stored:
        case bool():
            return sa.true() if stored else sa.false()
        case str():
            return sa.literal(stored, sa.String())
        case bytes() if dialect.name == "postgresql":
            return sa.literal(rf"\x{stored.hex()}", sa.String())
        case bytes():
            return sa.literal_column(f"X'{stored.hex()}'")
        case Decimal():
            return sa.literal_column(format(stored, "f"))
    return sa.literal_column(repr(stored))


def texts_of(expression: sa.ClauseElement) -> dict[str, str]:
    """Return an expression in the words of each database that has some.

    :param expression: such as a server default.
    """
    found = {}
    for dialect in map(dialect_named, DIALECTS):
        with suppress(Exception):  # one need not know it, and an app's may raise any
            found[dialect.name] = sql.compiled(expression, dialect)
    return found


def sql_code(texts: Mapping[str, str]) -> str:
    """Return the code of an expression that is written in SQL."""
    return f"sa.text({chosen({name: sql.text(it).text for name, it in texts.items()})})"


def chosen(texts: Mapping[str, str]) -> str:
    """Return the code of a text, chosen by the database where that matters."""
    (most, _), *_ = Counter(texts.values()).most_common()
    others = {name: text for name, text in texts.items() if text != most}
    name = "op.get_context().dialect.name"
    if not others:
        return repr(most)
    if len(texts) < len(DIALECTS):
        return f"{dict(texts)!r}[{name}]"
    return f"{others!r}.get({name}, {most!r})"


NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
"""A number as a database writes it back: the zeros of 007 would be lost."""

FLOATING = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
"""A number that every database reads; Python also reads nan, 1_000 and other digits."""

MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?([+-][0-9]{2}:[0-9]{2})?)?"
)
"""A date or a moment that every database reads; SQLite would make 20260301 a number."""

CLOCK = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?")
"""A time of day that every database reads."""

HYPHENED_UUID = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){4}[0-9a-f]{8}", re.IGNORECASE)

BARE_UUID = re.compile(r"[0-9a-f]{32}")
"""A UUID, and how it is written where a database has none: there text is compared."""

ELEMENT = re.compile(r'"((?:[^"\\]|\\.)*)"|([^{},]+)')
"""An element of an array as PostgreSQL writes it, perhaps in quotes."""

DECIMALS_READ = 10
"""How many digits after the point SQLAlchemy reads of a Numeric without a scale.

Source: `decimal_return_scale` in its documentation of `Numeric`.
"""

FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2038, 1, 19)
"""The days between which MariaDB's TIMESTAMP is; it counts seconds in 32 bits."""

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
            text, most = as_text(value), room(new, dialect)
            survivor = length is None or len(text) <= length
            survivor &= most is None or len(text.encode()) <= most
            if isinstance(value, float) and dialect in {"", "sqlite"}:
                survivor &= float(f"{value:.{SQLITE_DIGITS}g}") == value
        case sa.Boolean():
            # A Numeric says 1.00, and a text of that is no truth.
            said = as_text(value) if isinstance(value, str) else value
            survivor = said in {"0", "1", 0, 1}
        case sa.Integer() | sa.Numeric() | sa.Float():
            survivor = _number_is_kept(as_text(value), new)
            survivor = survivor and not _is_refused_text(value, new, dialect)
            survivor &= not (is_unsigned(new) and as_text(value).startswith("-"))
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


def _read_json(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse)


def _spelled(value: Any, new: Type, dialect: str) -> bool:
    """Tell it of what a text spells: JSON, a UUID, or a moment."""
    match new:
        case sa.JSON():
            return _is_json(as_text(value), dialect)
        case sa.Uuid():
            return _is_uuid(as_text(value), new, dialect)
        case sa.Time():
            return _time_is_kept(value, new, dialect)
    return _moment_is_kept(value, new, dialect)


def _is_json(text: str, dialect: str) -> bool:
    """Tell it of JSON, whose numbers SQLite takes for its own."""
    if dialect == "sqlite" and _parses(float, text):
        return is_lossless(text, sa.Double())
    return _parses(_read_json, text)


def _is_uuid(text: str, new: sa.Uuid[Any], dialect: str) -> bool:
    is_text = bool(dialect) and ddl(new, dialect) != "UUID"
    if dialect == "sqlite" and not is_text and _parses(float, text.replace("-", "")):
        return False  # a number, in a column that it does not know to be text
    if is_text and dialect != "sqlite":  # SQLite's rebuild takes the signs out
        return bool(BARE_UUID.fullmatch(text))
    # MariaDB refuses some of version 8 and later.
    known = dialect not in MYSQL or text.replace("-", "")[12:13] in set("01234567")
    return known and bool(HYPHENED_UUID.fullmatch(text))


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
    """Tell text that is a whole number, but one that servers read as no Integer.

    MariaDB reads it as one of 64 bits with a sign.
    """
    whole = isinstance(new, sa.Integer) and dialect not in {"", "sqlite"}
    return whole and isinstance(value, str) and ("." in value or int(value) >= 2**63)


def _made_by(dialect: str, type_: Type) -> Type:
    """Return what a database makes of a type: its variant, with the digits it has."""
    here = base_on(type_, dialect)
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


def _number_is_kept(
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
        low, high = limits(new)
        return number == int(number) and low <= number <= high
    if new.precision is None:
        return True
    scale = new.scale or 0
    return number == round(number, scale) and abs(number) < 10 ** (
        new.precision - scale
    )


def _moment_is_kept(value: Any, new: Type, dialect: str) -> bool:
    """Tell it of dates and times; SQLite's are text, in the form of ISO 8601."""
    if isinstance(value, str):
        if not MOMENT.fullmatch(value) or not _parses(datetime.fromisoformat, value):
            return False
        value = datetime.fromisoformat(value)
        if not _zone_fits(value, new, dialect):
            return False
    if isinstance(new, sa.Date) and isinstance(value, datetime):
        return value.time() == time() and value.tzinfo is None
    if dialect in MYSQL and not _is_of_mariadb(value, new):
        return False
    is_moment = isinstance(new, sa.Date | sa.DateTime) and isinstance(value, date)
    return is_moment and _fraction_is_kept(value, new, dialect)


def _fraction_is_kept(value: Any, new: Type, dialect: str) -> bool:
    """Tell it of what a moment or a time has behind the second, which is rounded."""
    names = "microsecond", "microseconds"  # MariaDB's driver has a timedelta
    behind = max(getattr(value, name, 0) for name in names)
    return bool(behind % 10 ** (MICROSECONDS - fraction(new, dialect)) == 0)


def _is_of_mariadb(value: Any, new: Type) -> bool:
    """Tell whether MariaDB has a moment; in any zone, that of a TIMESTAMP."""
    if isinstance(new, sa.TIMESTAMP) and isinstance(value, date):
        day = date(value.year, value.month, value.day)
        return FIRST_DAY < day < LAST_DAY
    return True


def _time_is_kept(value: Any, new: sa.Time, dialect: str) -> bool:
    """Tell it of a time of day, or of a text that spells one."""
    if isinstance(value, time | timedelta):
        return _fraction_is_kept(value, new, dialect)
    if not isinstance(value, str) or not CLOCK.fullmatch(value):
        return False
    if not _parses(time.fromisoformat, value) or new.timezone:
        return False
    return _fraction_is_kept(time.fromisoformat(value), new, dialect)


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
