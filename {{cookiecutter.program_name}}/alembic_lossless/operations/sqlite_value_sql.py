"""Which values surely survive in another type, in words that SQLite understands.

A column of SQLite holds values of any kind, whatever its type: each is asked for its
own. See `value_sql` for what is promised.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from ..types import bits
from ..values import SQLITE_DIGITS

Condition = sa.ColumnElement[bool]
Value = sa.ColumnElement[Any]

DAY = "[1-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]"
TIMES = [f" {hour}:[0-5][0-9]:[0-5][0-9]" for hour in ("[01][0-9]", "2[0-3]")]
ENDS = ["", "." + 6 * "[0-9]"]

SHORTEST, LARGEST = "0.001", 10**9
"""Between them SQLite rounds and Python writes a number without an exponent."""

DIGITS = 18
"""Integers of so many digits are in each range that is asked for."""


def surely_survives(column: Value, new: TypeEngine[Any]) -> Condition | None:
    """Return what is true of values that survive, or None where no SQL can say it."""
    match new:
        case sa.Enum(enums=names):
            sure = [_text_of(column, names)]
        case sa.String(length=int(length)):
            sure = [_short_text(column, length), _short_integer(column, length)]
        case sa.Boolean():
            sure = [_integer(column, 0, 1), _text_of(column, ["0", "1"])]
        case sa.Integer():
            limit = 2 ** (bits(new) - 1)
            digits = {16: 4, 32: 9}.get(bits(new), DIGITS)
            sure = [_integer(column, -limit, limit - 1), _digits(column, digits)]
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
    digits = min(length, DIGITS)
    return _integer(column, 1 - 10 ** (digits - 1), 10**digits - 1)


def _integer(column: Value, low: int, high: int) -> Condition:
    return sa.and_(_is(column, "integer"), column.between(_number(low), _number(high)))


def _digits(column: Value, most: int) -> Condition:
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
