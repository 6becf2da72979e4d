"""Which values surely survive in another type, in words that a server understands.

`types.survives` decides of each value. What is said here of PostgreSQL, MariaDB and
MySQL only spares it the values of which the server can tell that they survive: in most
tables all of them, so that no row leaves the server.
"""

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from ..dialects import MYSQL
from ..types import MYSQL_NUMERIC, bits, is_short, kind
from . import sqlite_value_sql

if TYPE_CHECKING:
    from collections.abc import Callable

Condition = sa.ColumnElement[bool]
Value = sa.ColumnElement[Any]
Type = TypeEngine[Any]

SURE_DIGITS = 18
"""Integers of so many digits are in each range that is asked for."""

DATE = (
    r"[1-9][0-9]{3}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
    r"|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)"
)
"""A day as databases write it; of 29 February they do not know the year."""

FRACTION = r"(\.[0-9]{6})?"

TIME = rf"( ([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]{FRACTION})?"


def surely_survives(
    column: Value, old: Type | None, new: Type, dialect: str
) -> Condition | None:
    """Return what is true of values that survive, or None where no SQL can say it.

    It may be false, or NULL, of others that survive as well.

    :param column: the column, as it is now.
    :param old: the type that it has; SQLite's columns hold what they like.
    :param new: the type that it is about to have.
    :param dialect: the name of the database.
    """
    if dialect == "sqlite":
        return sqlite_value_sql.surely_survives(column, new)
    known = {"postgresql": _Postgresql, **dict.fromkeys(MYSQL, _Mysql)}
    if old is None or dialect not in known:
        return None
    server = known[dialect]()
    of_kind: dict[type, Callable[..., Condition | None]] = {
        sa.String: _of_text,
        sa.Enum: _of_text,
        sa.Integer: _of_integer,
        sa.Numeric: _of_decimal,
        sa.DateTime: _of_moment,
    }
    told = of_kind.get(kind(old))
    return told(server, column, old, new, dialect) if told else None


class _Postgresql:
    """PostgreSQL's words."""

    def text(self, column: Value) -> Value:
        return sa.cast(column, sa.Text)

    def length(self, column: Value) -> Value:
        return sa.func.char_length(self.text(column))

    def same(self, column: Value, values: list[str]) -> Condition:
        return sa.collate(self.text(column), "C").in_(values)

    def matches(self, column: Value, pattern: str) -> Condition:
        return self.text(column).regexp_match(f"^({pattern})$")

    def whole(self, column: Value) -> Value:
        return sa.func.trunc(column)


class _Mysql:
    """MariaDB's and MySQL's words; bytes differ where collations see no difference."""

    def text(self, column: Value) -> Value:
        return sa.func.convert(column.op("USING")(sa.literal_column("utf8mb4")))

    def length(self, column: Value) -> Value:
        return sa.func.char_length(column)

    def same(self, column: Value, values: list[str]) -> Condition:
        exact = sa.cast(self.text(column), sa.LargeBinary)
        return sa.type_coerce(exact, sa.String).in_(values)

    def matches(self, column: Value, pattern: str) -> Condition:
        # A $ would also match before a line feed at the end.
        return self.text(column).regexp_match(rf"^({pattern})\z")

    def whole(self, column: Value) -> Value:
        return sa.func.truncate(column, sa.literal_column("0"))


Server = _Postgresql | _Mysql


def _of_text(
    server: Server, column: Value, old: Type, new: Type, dialect: str
) -> Condition | None:
    pattern = _pattern(new, dialect)
    match new:
        case _ if isinstance(old, sa.CHAR):
            sure = None  # a length that counts no spaces at the end
        case sa.Enum(enums=names):
            sure = server.same(column, list(names))
        case sa.Boolean():
            sure = server.same(column, ["0", "1"])
        case sa.String(length=length):
            sure = server.length(column) <= _number(length or 0)
        case _:
            sure = server.matches(column, pattern) if pattern else None
    return sure


def _pattern(new: Type, dialect: str) -> str | None:
    """Return how values are written that a type holds for sure."""
    match new:
        case sa.Date():
            pattern = DATE
        case sa.DateTime(timezone=True):
            return None  # a text without a zone means another moment in each session
        case sa.DateTime():
            whole = dialect in MYSQL  # which rounds to seconds
            pattern = f"{DATE}{TIME.replace(FRACTION, '')}" if whole else DATE + TIME
        case sa.Integer():
            pattern = _digits({16: 4, 32: 9}.get(bits(new), SURE_DIGITS), 0)
        case sa.Float():
            pattern = _digits(3, 3) if is_short(new, dialect) else _digits(9, 6)
        case sa.Numeric(precision=None) if dialect in MYSQL:
            pattern = _digits(MYSQL_NUMERIC, 0)
        case sa.Numeric(precision=None):
            pattern = _digits(SURE_DIGITS, SURE_DIGITS)
        case sa.Numeric(precision=int(precision), scale=scale):
            pattern = _digits(precision - (scale or 0), scale or 0)
        case _:
            return None
    return pattern


def _digits(whole: int, fraction: int) -> str:
    integer = rf"(0|[1-9][0-9]{{0,{whole - 1}}})" if whole > 0 else "0"
    tail = rf"(\.[0-9]{{1,{fraction}}})?" if fraction else ""
    return f"-?{integer}{tail}"


def _of_integer(
    _server: Server, column: Value, _old: Type, new: Type, dialect: str
) -> Condition | None:
    match new:
        case sa.Boolean():
            return _between(column, 0, 1)
        case sa.Integer():
            limit = 2 ** (bits(new) - 1)
            return _between(column, -limit, limit - 1)
        case sa.Float():
            limit = 10 ** (6 if is_short(new, dialect) else 15)
            return _between(column, 1 - limit, limit - 1)
        case sa.Numeric(precision=int(precision), scale=scale):
            limit = 10 ** min(precision - (scale or 0), SURE_DIGITS)
            return _between(column, 1 - limit, limit - 1)
        case sa.String(length=int(length)) if not isinstance(new, sa.Enum):
            digits = min(length, SURE_DIGITS)
            return _between(column, 1 - 10 ** (digits - 1), 10**digits - 1)
    return None


def _of_decimal(
    server: Server, column: Value, old: Type, new: Type, _dialect: str
) -> Condition | None:
    if isinstance(old, sa.Float) or isinstance(new, sa.Float | sa.Enum):
        return None
    match new:
        case sa.Integer():
            limit = 2 ** (bits(new) - 1)
            return sa.and_(
                column == server.whole(column), _between(column, -limit, limit - 1)
            )
        case sa.Numeric(precision=int(precision), scale=scale):
            limit = 10 ** (precision - (scale or 0))
            rounded = sa.func.round(column, _number(scale or 0))
            return sa.and_(
                column == rounded, column > _number(-limit), column < _number(limit)
            )
        case sa.String(length=int(length)):
            return server.length(column) <= _number(length)
    return None


def _of_moment(
    _server: Server, column: Value, old: Type, new: Type, _dialect: str
) -> Condition | None:
    if isinstance(new, sa.Date) and not getattr(old, "timezone", False):
        return column == sa.cast(sa.cast(column, sa.Date), sa.DateTime)
    return None


def _between(column: Value, low: int, high: int) -> Condition:
    return column.between(_number(low), _number(high))


def _number(number: int) -> sa.ColumnClause[Any]:
    return sa.literal_column(str(number))
