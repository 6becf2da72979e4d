"""Which values are provably lossless in another type, in words that SQLite understands.

A column of SQLite holds values of any kind, whatever its type: each is asked for its
own. See `value_sql` for what is promised.
"""

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from .conversion import (
    MICROSECONDS,
    MYSQL_NUMERIC,
    digits_of,
    fraction,
    is_short,
    is_short_moment,
    is_unsigned,
    kind,
    limits,
    room,
)
from .portable import MYSQL, on, stored
from .values import SQLITE_DIGITS

if TYPE_CHECKING:
    from collections.abc import Callable


Condition = sa.ColumnElement[bool]

Value = sa.ColumnElement[Any]

DAY = "[1-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]"

TIMES = [f" {hour}:[0-5][0-9]:[0-5][0-9]" for hour in ("[01][0-9]", "2[0-3]")]

ENDS = ["", "." + 6 * "[0-9]"]

SURE_DIGITS = 18
"""Integers of so many digits are in each range that is asked for."""

SHORTEST, LARGEST = "0.001", 10**9
"""Between them SQLite rounds and Python writes a number without an exponent."""


def _provably_lossless_on_sqlite(
    column: Value, new: TypeEngine[Any]
) -> Condition | None:
    """Return what is true of values that survive, or None where no SQL can say it."""
    match new:
        case sa.Enum(enums=names):
            sure = [_text_of(column, names)]
        case sa.String(length=int(length)):
            sure = [_short_text(column, length), _short_integer(column, length)]
        case sa.Boolean():
            sure = [_integer(column, 0, 1), _text_of(column, ["0", "1"])]
        case sa.Integer():
            digits = min(digits_of(new) - 1, SURE_DIGITS)
            sure = [
                _integer(column, *limits(new)),
                _digits_on_sqlite(column, digits),
            ]
        case sa.Float():
            sure = [_is(column, "real")]
        case sa.Numeric(precision=int(precision), scale=scale):
            sure = _decimals(column, precision - (scale or 0), scale or 0)
        case sa.Date():
            sure = [_moment(column, DAY, sa.func.date)]
        case sa.DateTime():
            times = (DAY + time + end for time in TIMES for end in ENDS)
            sure = [_moment(column, form, sa.func.datetime) for form in times]
        case _:
            sure = []
    return sa.or_(*sure) if sure else None


def _text_of(column: Value, values: list[str]) -> Condition:
    exact = sa.collate(column, "BINARY")
    return sa.and_(_is(column, "text"), exact.in_(values))


def _short_text(column: Value, length: int) -> Condition:
    """Ask for the bytes first: SQLite counts characters up to the first NUL alone."""
    bytes_ = sa.func.length(sa.cast(column, sa.LargeBinary)) <= _number(length)
    whole = sa.func.instr(column, sa.func.char(_number(0))) == _number(0)
    short = sa.func.length(column) <= _number(length)
    return sa.and_(_is(column, "text"), sa.or_(bytes_, sa.and_(short, whole)))


def _short_integer(column: Value, length: int) -> Condition:
    digits = min(length, SURE_DIGITS)
    return _integer(column, 1 - 10 ** (digits - 1), 10**digits - 1)


def _integer(column: Value, low: int, high: int) -> Condition:
    return sa.and_(_is(column, "integer"), column.between(_number(low), _number(high)))


def _digits_on_sqlite(column: Value, most: int) -> Condition:
    """Tell text that is a natural number, and written as a database writes it."""
    return sa.and_(
        _is(column, "text"),
        ~_glob(column, "*[^0-9]*"),
        _glob(column, "[1-9]*"),
        sa.func.length(sa.cast(column, sa.LargeBinary)) <= _number(most),
    )


def _decimals(column: Value, whole: int, scale: int) -> list[Condition]:
    limit = min(10**whole, LARGEST, 10 ** max(SQLITE_DIGITS - scale, 0))
    number = sa.cast(column, sa.REAL)
    inside = sa.and_(number > _number(-limit), number < _number(limit))
    real = sa.and_(
        _is(column, "real"),
        column == sa.func.round(column, _number(scale)),
        sa.or_(
            column == _number(0),
            sa.func.abs(column) >= sa.literal_column(SHORTEST),
        ),
    )
    written = sa.func.printf(sa.literal_column(f"'%.{scale}f'"), number)
    text = sa.and_(_is(column, "text"), column == written)
    return [sa.and_(inside, form) for form in (_is(column, "integer"), real, text)]


def _moment(column: Value, form: str, canonical: Any) -> Condition:
    """Tell a day that is in the calendar; without a modifier, SQLite does not look."""
    length = 10 if form == DAY else 19
    start = sa.func.substr(column, _number(1), _number(length))
    same = start == canonical(start, sa.literal_column("'+0 days'"))
    return sa.and_(_is(column, "text"), _glob(column, form), same)


def _is(column: Value, kind: str) -> Condition:
    return sa.func.typeof(column) == sa.literal_column(f"'{kind}'")


def _glob(column: Value, pattern: str) -> Condition:
    return column.op("GLOB", is_comparison=True)(sa.literal_column(f"'{pattern}'"))


def _number(number: int) -> sa.ColumnClause[Any]:
    return sa.literal_column(str(number))


Type = TypeEngine[Any]

DATE = (
    r"[1-9][0-9]{3}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
    r"|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)"
)
"""A day as databases write it; of 29 February they do not know the year."""

FRACTION = r"(\.[0-9]{6})?"

TIME = rf"( ([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]{FRACTION})?"


def provably_lossless(
    column: Value, old: Type | None, new: Type, dialect: str
) -> Condition | None:
    """Return what is true of values that survive, or None where no SQL can say it.

    It may be false, or NULL, of others that survive as well.

    :param column: the column, as it is now.
    :param old: the type that it has; SQLite's columns hold what they like.
    :param new: the type that it is about to have.
    :param dialect: the name of the database.
    """
    new = on(new, dialect)
    if dialect == "sqlite":
        return _provably_lossless_on_sqlite(column, new)
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
        sa.Time: _of_moment,
    }
    if isinstance(old, sa.ARRAY) and isinstance(new, sa.ARRAY):
        return _of_array(column, old, new, dialect)
    told = of_kind.get(kind(old))
    sure = told(server, column, old, new, dialect) if told else None
    is_number = kind(old) in {sa.Integer, sa.Numeric}
    if sure is not None and is_number and is_unsigned(new):
        return sa.and_(sure, column >= _number(0))
    return sure


def _of_array(
    column: Value, old: sa.ARRAY[Any], new: sa.ARRAY[Any], dialect: str
) -> Condition | None:
    """Ask of each item of an array, of whatever dimensions."""
    items = sa.func.unnest(column).table_valued("item").render_derived()
    item = items.c.item
    sure = provably_lossless(item, old.item_type, new.item_type, dialect)
    if sure is None:
        return None
    lost = sa.case((item.is_(None), sa.false()), (sure, sa.false()), else_=sa.true())
    return ~sa.exists(sa.select(items.c.item).where(lost))


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

    def behind_second(self, column: Value) -> Value:
        return sa.cast(sa.extract("microseconds", column), sa.BigInteger)


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

    def behind_second(self, column: Value) -> Value:
        return sa.func.microsecond(column)


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
        case sa.String(length=None):
            most = room(new, dialect)
            bytes_ = sa.func.octet_length(server.text(column))
            sure = bytes_ <= _number(most) if most else sa.true()
        case sa.String(length=int(length)):
            sure = server.length(column) <= _number(length)
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
            pattern = _digits(min(digits_of(new) - 1, SURE_DIGITS), 0)
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
    return pattern.removeprefix("-?") if is_unsigned(new) else pattern


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
            return _between(column, *limits(new))
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
            return sa.and_(
                column == server.whole(column), _between(column, *limits(new))
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
    server: Server, column: Value, old: Type, new: Type, dialect: str
) -> Condition | None:
    zones = [getattr(it, "timezone", False) for it in (old, new)]
    if isinstance(new, sa.Date) and not zones[0]:
        return column == sa.cast(sa.cast(column, sa.Date), sa.DateTime)
    is_kind = kind(old) is kind(new) and zones[0] is zones[1]
    if not is_kind or (dialect in MYSQL and is_short_moment(old, new)):
        return None
    step = 10 ** (MICROSECONDS - fraction(new, dialect))
    return sa.func.mod(server.behind_second(column), _number(step)) == _number(0)


def _between(column: Value, low: int, high: int) -> Condition:
    return column.between(_number(low), _number(high))


def becoming(
    column: Value, new: Type, dialect: str, collation: str | None = None
) -> Value:
    """Return a text as it will be compared once its column has another type.

    :param column: the column, as it is now.
    :param new: the type that it is about to have.
    :param dialect: the name of the database.
    :param collation: that of the table, where the type says none.
    """
    new = on(stored(new), dialect)
    if isinstance(new, sa.String):
        collation = getattr(new, "collation", None) or collation
        text = _as_text(column, new, dialect, collation)
        return text if collation is None else sa.collate(text, collation)
    if dialect not in MYSQL:
        return sa.cast(column, new)
    match new:
        case sa.Boolean():
            return sa.cast(column, sa.Integer)
        case sa.Integer() | sa.Numeric() | sa.Date() | sa.DateTime() | sa.Time():
            is_exact = not isinstance(new, sa.Float)
            return sa.cast(column, new) if is_exact else column.op("+")(_number(0))
    return column


def _as_text(
    column: Value, new: sa.String, dialect: str, collation: str | None
) -> Value:
    """Return a text without the collation that it has now."""
    if dialect == "sqlite":
        return column if collation else sa.collate(column, "BINARY")
    if dialect == "postgresql":
        plain: Any = new.copy()
        plain.collation = None
        return sa.cast(column, plain)
    charset = getattr(new, "charset", None)
    if charset is None and collation is not None and not collation.startswith("uca"):
        charset = collation.partition("_")[0]
    using = column.op("USING")(sa.literal_column(charset or "utf8mb4"))
    return sa.func.convert(using)
