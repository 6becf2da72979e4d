"""The value of rows that have none: typed by a person, from the model, or neutral."""

import datetime as dt
import ipaddress
import json
import re
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column
from sqlalchemy.engine import Dialect

from .portable import Type, base_of, on, stored
from .values import Stored, Value, stored_as

BOOLEANS = {"true": True, "false": False}

WHOLE = re.compile(r"[+-]?[0-9]+")
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
"""Numbers; Python also reads 1_000, nan, and other digits."""

CLOCK = r"(?P<hours>\d+):(?P<minutes>[0-5]?\d)(:(?P<seconds>[0-5]?\d(\.\d{1,6})?))?"
SPANS = (
    re.compile(r"(?P<seconds>\d+(\.\d{1,6})?)", re.ASCII),
    re.compile(rf"((?P<days>\d+) days?,? ?)?({CLOCK})?", re.ASCII | re.IGNORECASE),
    re.compile(
        r"P((?P<weeks>\d+)W)?((?P<days>\d+)D)?(T(?=\d)((?P<hours>\d+)H)?"
        r"((?P<minutes>\d+)M)?((?P<seconds>\d+(\.\d{1,6})?)S)?)?",
        re.ASCII,
    ),
)
"""Lengths of time: seconds, PostgreSQL's and Python's words, and those of ISO 8601."""

HEX = re.compile(r"(?:\\x|0x)((?:[0-9a-f]{2})*)", re.IGNORECASE)

RANGE = re.compile(r"empty|[\[(]([^,\[\]()]*),([^,\[\]()]*)[\])]")
RANGES = re.compile(r"\{\s*((empty|[\[(][^\[\](){}]*[\])])\s*(,\s*(?=[^}]))?)*\}")
MAC = re.compile(r"([0-9a-f]{2}[:-]?){5,7}[0-9a-f]{2}", re.IGNORECASE)

NAME = r'(?:[^\W\d][\w$]*|"(?:[^"]|"")+")'
OBJECT = re.compile(rf"-|({NAME}\.)?{NAME}")
"""The name of a table or a configuration of PostgreSQL's, perhaps after its schema."""

ELEMENT = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^\s{},"][^{},"]*))\s*')
"""An element of an array as PostgreSQL writes it, perhaps in quotes."""


@dataclass(frozen=True)
class Form:
    """How a person types the values of a kind of type.

    :param read: makes a value of Python of a type and what was typed; it raises
        an error of any class for what is none.
    :param example: what may be typed, for the question.
    :param neutral: the value that says least, typed; None where any may be wrong.
    """

    read: Callable[[Any, str], Any]
    example: str
    neutral: str | None = None


@dataclass(frozen=True)
class TypedValue(Value):
    """A value as a person typed it: it says what is stored.

    :param python: what was typed.
    :param type: what the column stores, as `stored` has it.
    """

    def stored(self, dialect: Dialect) -> Stored:
        """Return what a database stores, which may have a type of its own for it."""
        here = on(self.type, dialect.name)
        form = form_of(here)
        try:
            return stored_as(form.read(here, self.python), here, dialect)
        except Exception as error:
            said = f"{self.python} is no value for {here!r}: write {form.example}."
            raise ValueError(said) from error


def typed(column: Column[Any], words: str, dialects: Iterable[Dialect] = ()) -> Value:
    """Read what was typed for a column, for example `''` for empty text.

    A pair of quotes around it is no part of it.

    :param column: the column, whose type may be an app's own: what it stores is typed.
    :param words: what was typed.
    :param dialects: the databases that have to hold it.
    :raises ValueError: for what the column cannot hold; NULL is one of them.
    """
    type_ = stored(column.type)
    if not words or words.upper() == "NULL":
        advice = f"write {form_of(type_).example}"
        if isinstance(type_, sa.String):
            advice = "empty text is ''"
        raise ValueError(f"{column.name} needs a value; {advice}.")
    value = TypedValue(words, type_)
    value.check(dialects)
    return value


def declared(column: Column[Any], dialects: Iterable[Dialect] = ()) -> Value | None:
    """Return the constant that a model has as a default in Python, as it is stored.

    What is called or is an expression is another one for each row, and what the type
    cannot write is none: who drafts is asked.

    :param column: the column of the model.
    :param dialects: the databases that have to hold it.
    """
    default: Any = column.default
    if default is None or not default.is_scalar:
        return None
    value = Value(default.arg, column.type)
    try:
        value.check(dialects)
    except ValueError:
        return None
    return value


def neutral(column: Column[Any], dialects: Iterable[Dialect] = ()) -> Value | None:
    """Return the value that says least, or None where any value would be wrong.

    :param column: the column.
    :param dialects: the databases that have to hold it.
    """
    if column.foreign_keys or is_unique(column):
        return None
    whole = stored(column.type)
    if (type_ := base_of(whole)) is not whole:
        column = Column(column.name, type_)
    form = form_of(type_)
    words = type_.enums[0] if isinstance(type_, sa.Enum) else form.neutral
    if words is None:
        return None
    try:
        return typed(column, words or "''", dialects)
    except ValueError:
        return None


def is_unique(column: Column[Any]) -> bool:
    """Return whether no two rows can have the same value."""
    keys: list[sa.Index | sa.UniqueConstraint] = []
    if column.table is not None:
        keys = [index for index in column.table.indexes if index.unique]
        found = column.table.constraints
        keys += [key for key in found if isinstance(key, sa.UniqueConstraint)]
    return any([part.name for part in key.columns] == [column.name] for key in keys)


def form_of(type_: Type) -> Form:
    """Return how values of a type are typed.

    What nobody knows is text that the database reads.
    """
    names = [class_.__name__ for class_ in type(type_).__mro__]
    with suppress(NotImplementedError):
        names.append(type_.python_type.__name__)
    return next((FORMS[name] for name in names if name in FORMS), TEXT)


def has_form(type_: Type) -> bool:
    """Tell whether a value of a type can be typed; a pickle is Python's alone."""
    return not isinstance(type_, sa.PickleType | sa.types.NullType)


def _bare(words: str) -> str:
    quoted = len(words) > 1 and words[0] == words[-1] and words[0] in "'\""
    return words[1:-1] if quoted else words


def _string(_type: Any, words: str) -> str:
    return _bare(words)


def _quoting(_type: Any, words: str) -> str:
    """Read what has quotes of its own."""
    return "" if words == "''" else words


def _words(_type: Any, words: str) -> str:
    """Read what only the database knows; it is something."""
    if not (text := _bare(words)):
        raise ValueError(words)
    return text


def _enum(type_: Any, words: str) -> Any:
    """Read what is stored, or the name of a member."""
    text = _bare(words)
    return text if text in type_.enums else type_.enum_class[text]


def _set(type_: Any, words: str) -> str:
    text = _bare(words)
    if not {*type_.values} >= set(filter(None, text.split(","))):
        raise ValueError(words)
    return text


def _boolean(_type: Any, words: str) -> bool:
    return BOOLEANS[_bare(words).lower()]


def _integer(_type: Any, words: str) -> int:
    return int(_matched(WHOLE, words))


def _number(_type: Any, words: str) -> Decimal:
    return Decimal(_matched(NUMBER, words))


def _float(_type: Any, words: str) -> float:
    return float(_matched(NUMBER, words))


def _matched(pattern: re.Pattern[str], words: str) -> str:
    text = _bare(words)
    if not pattern.fullmatch(text):
        raise ValueError(words)
    return text


def _moment(type_: Any, words: str) -> dt.datetime:
    """Read a moment; one of a column with a zone is in UTC where it says none."""
    moment = dt.datetime.fromisoformat(_bare(words))
    if type_.timezone:
        zoned = moment.replace(tzinfo=moment.tzinfo or dt.UTC)
        return zoned.astimezone(dt.UTC)
    if moment.tzinfo is not None:
        raise ValueError(words)
    return moment


def _day(_type: Any, words: str) -> dt.date:
    return dt.date.fromisoformat(_bare(words))


def _time(type_: Any, words: str) -> dt.time:
    time = dt.time.fromisoformat(_bare(words))
    if time.tzinfo is not None and not type_.timezone:
        raise ValueError(words)
    utc = dt.UTC if type_.timezone and time.tzinfo is None else time.tzinfo
    return time.replace(tzinfo=utc)


def _span(_type: Any, words: str) -> dt.timedelta:
    """Read a length of time, which a minus makes negative as a whole."""
    text = _bare(words)
    sign = -1 if text.startswith("-") else 1
    found = (pattern.fullmatch(text.removeprefix("-")) for pattern in SPANS)
    parts = next(match for match in found if match is not None).groupdict()
    given = {name: Decimal(it) for name, it in parts.items() if it is not None}
    if not given:
        raise ValueError(words)
    micro = int(given.pop("seconds", Decimal()) * 1_000_000)
    whole = {name: int(number) for name, number in given.items()}
    return sign * dt.timedelta(**whole, microseconds=micro)


def _bytes(_type: Any, words: str) -> bytes:
    found = HEX.fullmatch(_bare(words))
    if found is None:
        raise ValueError(words)
    return bytes.fromhex(found[1])


def _json(_type: Any, words: str) -> Any:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    return json.loads(words, parse_constant=refuse)


def _mapping(_type: Any, words: str) -> dict[str, str | None]:
    found = json.loads(words)
    if not all(isinstance(it, str | None) for it in found.values()):
        raise ValueError(words)
    return dict(found)


def _array(type_: Any, words: str) -> list[Any]:
    """Read a list, as JSON or as PostgreSQL writes it."""
    if words.lstrip().startswith("["):
        # A number keeps its digits.
        found = json.loads(words, parse_float=str, parse_int=str)
        return _items(type_, found)
    items, rest = _elements(words.strip())
    if rest:
        raise ValueError(words)
    return _items(type_, items)


def _items(type_: Any, found: list[Any]) -> list[Any]:
    item, nested = type_.item_type, type_.dimensions != 1
    form = form_of(item)

    def read(value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, list) and nested and not isinstance(item, sa.JSON):
            return [read(it) for it in value]
        text = value if isinstance(value, str) else json.dumps(value)
        quoted = isinstance(item, sa.String) or text == ""
        return form.read(item, f"'{text}'" if quoted else text)

    return [read(value) for value in found]


def _elements(text: str) -> tuple[list[Any], str]:
    """Return what stands between braces, and what follows them."""
    if not text.startswith("{"):
        raise ValueError(text)
    found, rest = list[Any](), text[1:].lstrip()
    while not rest.startswith("}"):
        if rest.startswith("{"):
            item, rest = _elements(rest)
            found.append(item)
        else:
            match = ELEMENT.match(rest)
            if match is None:
                raise ValueError(text)
            quoted, bare = match.groups()
            word = re.sub(r"\\(.)", r"\1", quoted) if bare is None else bare.strip()
            found.append(None if bare is not None and word.upper() == "NULL" else word)
            rest = rest[match.end() :]
        rest = rest.lstrip()
        if rest.startswith(","):
            rest = rest[1:].lstrip()
        elif not rest.startswith("}"):
            raise ValueError(text)
    return found, rest[1:].strip()


def _bits(type_: Any, words: str) -> Any:
    """Read zeros and ones: text to PostgreSQL, a number to MariaDB."""
    digits = _matched(re.compile(r"[01]+"), words)
    length = type_.length or 1
    is_text = hasattr(type_, "varying")
    if len(digits) > length or (
        is_text and not type_.varying and len(digits) != length
    ):
        raise ValueError(words)
    return digits if is_text else int(digits, 2)


def _year(_type: Any, words: str) -> int:
    year = int(_matched(WHOLE, words))
    if not (year == 0 or 1901 <= year <= 2155):  # noqa: PLR2004  MariaDB's years
        raise ValueError(words)
    return year


def _domain(type_: Any, words: str) -> Any:
    return form_of(type_.data_type).read(type_.data_type, words)


def _read_by(read: Callable[[str], Any]) -> Callable[[Any, str], str]:
    """Return what refuses a text that a function refuses."""

    def checked(_type: Any, words: str) -> str:
        read(_bare(words))
        return _bare(words)

    return checked


def _of_pattern(pattern: re.Pattern[str]) -> Callable[[Any, str], str]:
    return lambda _type, words: _matched(pattern, words)


TEXT = Form(_words, "it as the database reads it")

SPAN = Form(_span, "1 day 02:03:04, P1DT2H3M4S or seconds", "0")
RANGE_FORM = Form(_of_pattern(RANGE), "[1,10) or empty", "empty")
RANGES_FORM = Form(_of_pattern(RANGES), "{[1,3), [5,8)}", "{}")

FORMS: dict[str, Form] = {
    "Enum": Form(_enum, "one of its values, or the name of a member"),
    "SET": Form(_set, "some of its values, such as one,two", "''"),
    "Boolean": Form(_boolean, "true or false", "false"),
    "Integer": Form(_integer, "a whole number", "0"),
    "Float": Form(_float, "a number", "0"),
    "Numeric": Form(_number, "a number", "0"),
    "MONEY": Form(_number, "a number", "0"),
    "OID": Form(_integer, "a whole number", "0"),
    "YEAR": Form(_year, "a year such as 2026", "0"),
    "TIMESTAMP": Form(_moment, "2026-03-01 10:30", "1970-01-02"),  # in each zone
    "DateTime": Form(_moment, "2026-03-01 10:30", "1970-01-01"),
    "Date": Form(_day, "2026-03-01", "1970-01-01"),
    "Time": Form(_time, "10:30", "00:00"),
    "timedelta": SPAN,
    "Uuid": Form(
        lambda _, words: uuid.UUID(_bare(words)),
        str(uuid.UUID(int=0)),
        str(uuid.UUID(int=0)),
    ),
    "JSON": Form(_json, '{"a": 1}', "{}"),
    "bytes": Form(_bytes, r"\x00ff or 0x00ff", "0x"),
    "ARRAY": Form(_array, '["a", "b"] or {a,b}', "[]"),
    "HSTORE": Form(_mapping, '{"a": "b"}', "{}"),
    "AbstractSingleRange": RANGE_FORM,
    "AbstractMultiRange": RANGES_FORM,
    "BIT": Form(_bits, "zeros and ones", "0"),
    "INET": Form(_read_by(ipaddress.ip_interface), "192.168.0.1", "0.0.0.0"),  # noqa: S104
    "CIDR": Form(_read_by(ipaddress.ip_network), "192.168.0.0/24", "0.0.0.0/0"),
    "INET4": Form(_read_by(ipaddress.IPv4Address), "192.168.0.1", "0.0.0.0"),  # noqa: S104
    "INET6": Form(_read_by(ipaddress.ip_address), "::1", "::"),
    "MACADDR": Form(_of_pattern(MAC), "08:00:2b:01:02:03", "00:00:00:00:00:00"),
    "MACADDR8": Form(_of_pattern(MAC), "08:00:2b:01:02:03", "00:00:00:00:00:00"),
    "TSVECTOR": Form(_quoting, "its text; '' for none", "''"),
    "TSQUERY": Form(_quoting, "its text; '' for none", "''"),
    "JSONPATH": Form(_words, "$.a", "$"),
    "REGCLASS": Form(_of_pattern(OBJECT), "the name of a table", "-"),
    "REGCONFIG": Form(_of_pattern(OBJECT), "a configuration such as english", "simple"),
    "DOMAIN": Form(_domain, "a value of the type that it is made of"),
    "String": Form(_string, "'' for empty text", "''"),
}
"""The class of a type, or of its values in Python -> how these are typed."""
