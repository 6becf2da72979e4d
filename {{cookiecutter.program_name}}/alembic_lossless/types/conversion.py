"""What each type can hold, how a column gets from one to another, and its meaning.

Which values are lossless in another type a database tells in SQL. A column of SQLite
holds values of any kind, whatever its type: each is asked for its own.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeGuard

import sqlalchemy as sa

from .._alembic import variants
from .portable import (
    BYTES,
    CHARACTER,
    DIALECTS,
    MYSQL,
    SHORT_BITS,
    Type,
    base_of,
    base_on,
    ddl,
    dialect_named,
    on,
    stored,
)

KINDS = (
    sa.String,
    sa.Boolean,
    sa.Integer,
    sa.Float,
    sa.Numeric,  # to SQLAlchemy 2.0 a Float is one
    sa.Date,
    sa.DateTime,
    sa.JSON,
    sa.Time,
    sa.Uuid,
)
"""The types between which is known what a change does to each value."""

NUMBERS = (sa.Integer, sa.Numeric, sa.Float)

WIDTHS = {
    "TINYINT": 8,
    **dict.fromkeys(("SMALLINT", "SMALL_INTEGER"), 16),
    "MEDIUMINT": 24,
    **dict.fromkeys(("BIGINT", "BIG_INTEGER"), 64),
}
"""The bits of the integers that have not 32.

Source: MariaDB's "Numeric Data Types", PostgreSQL's "Numeric Types".
"""

ROOM = {f"{size}TEXT": most for most, size in BYTES} | {"LONGTEXT": 2**32 - 1}
"""The bytes that MariaDB and MySQL have for a text; a Text of SQLAlchemy is a TEXT."""

MYSQL_NUMERIC = 10
"""The digits of a Numeric without a precision there; it has none after the point."""

UUID_LENGTH = 36

MICROSECONDS = 6
"""The digits of a second that PostgreSQL and SQLite keep unless a type says fewer."""

SQLITE_DIGITS = 15
"""What SQLite writes of a Float that becomes text."""

SHORT_FLOATS = ("postgresql", "mariadb")
"""The dialects that make 4 bytes of some Floats, though not of the same ones."""


def kind(type_: Type) -> type:
    """Return the class that tells what sort of values a type has.

    A DOMAIN has those of what it is made of.
    """
    type_ = base_of(type_)
    if isinstance(type_, sa.Enum) and type_.native_enum:
        return sa.Enum
    if hasattr(type_, "retrieve_as_bitwise"):
        return type(type_)  # a SET of MariaDB's, whose length is that of one value
    return next((known for known in KINDS if isinstance(type_, known)), type(type_))


def is_native(type_: Any) -> TypeGuard[sa.Enum]:
    """Tell an Enum that is a type of its own from one that is text."""
    return isinstance(type_, sa.Enum) and type_.native_enum


def is_one_enum(old: Type, new: Type) -> bool:
    """Tell whether two Enums are one type, whose values may differ.

    One without a name is no type of its own on any database.
    """
    if not (is_native(old) and is_native(new)):
        return False
    named = bool(old.name and new.name)
    return not named or (old.schema, old.name) == (new.schema, new.name)


FILLED = (sa.CHAR, sa.NCHAR)
"""The texts that servers fill up with spaces, which are no part of a value."""


def keeps_casts(old: Type, new: Type) -> bool:
    """Tell whether PostgreSQL has the same of an expression when its column changes.

    It keeps an expression as it was read, with a cast to the type of then in it.

    :param old: the type of the column when the expression was made.
    :param new: the type that the column gets.
    """
    before, after = (on(stored(it), "postgresql") for it in (old, new))
    same = kind(before)
    if kind(after) is not same:
        return False
    if same is sa.Enum:
        return is_one_enum(before, after)
    if issubclass(same, (sa.String, *NUMBERS)):
        return isinstance(before, FILLED) is isinstance(after, FILLED)
    return ddl(before, "postgresql") == ddl(after, "postgresql")


def is_decimal(type_: Type) -> TypeGuard[sa.Numeric[Any]]:
    """Tell a Numeric from a Float."""
    return kind(type_) is sa.Numeric


def bits(integer: sa.Integer) -> int:
    """Return the size of an integer type where it has one: SQLite has none."""
    return WIDTHS.get(integer.__visit_name__.upper(), 32)


def limits(integer: sa.Integer) -> tuple[int, int]:
    """Return the smallest and the largest number of an integer type."""
    values: int = 2 ** bits(integer)
    if is_unsigned(integer):
        return 0, values - 1
    return -values // 2, values // 2 - 1


def is_unsigned(type_: Type) -> bool:
    """Tell a number of MariaDB without a sign: what it fills with zeros has none."""
    return any(getattr(type_, it, False) for it in ("unsigned", "zerofill"))


def digits_of(integer: sa.Integer) -> int:
    """Return how many digits the longest number of an integer type has."""
    return max(len(str(abs(it))) for it in limits(integer))


def room(type_: Type, dialect: str) -> int | None:
    """Return how many bytes of text a type has that has no length, None for any.

    :param dialect: the database: but MariaDB and MySQL have room for any text.
    """
    name = on(type_, dialect).__visit_name__.upper()
    return ROOM.get(name) if dialect in MYSQL else None


def is_short(type_: Type, dialect: str) -> bool:
    """Tell a Float of 4 bytes from one of 8, as which others make the same type.

    Source: PostgreSQL's "Numeric Types" on real, MariaDB's "FLOAT" on its precision.
    """
    if not isinstance(type_, sa.Float) or isinstance(type_, sa.Double):
        return False
    if type_.precision is not None:
        return type_.precision <= SHORT_BITS and dialect != "sqlite"
    real = isinstance(type_, sa.REAL)
    return real if dialect == "postgresql" else not real and dialect in MYSQL


def _on_each(old: Type, new: Type) -> Iterator[tuple[Type, Type]]:
    """Give two types as each database has them: a variant can change by itself."""
    names = DIALECTS if variants(old) or variants(new) else ("",)
    yield from ((base_on(old, name), base_on(new, name)) for name in names)


def is_known(old: Type, new: Type) -> bool:
    """Tell whether it can be said of each value what a change does to it."""
    return all(_is_known(*pair) for pair in _on_each(old, new))


def _is_known(old: Type, new: Type) -> bool:
    items = _items(old, new)
    if items != (old, new):
        # What only an expression converts, none converts in an array.
        alike = kind(items[0]) is kind(items[1]) is not sa.Enum
        return alike and _is_known(*items) and using("it", *items) is None
    if isinstance(old, sa.Time) and isinstance(new, sa.Time):
        return old.timezone is new.timezone
    if isinstance(old, sa.Uuid) and isinstance(new, sa.Uuid):
        return old.native_uuid is new.native_uuid
    return {kind(old), kind(new)} <= {*KINDS, sa.Enum}


def keeps_all(old: Type, new: Type) -> bool:
    """Tell whether the new type holds every value that the old one can hold."""
    pairs = [_items(*pair) for pair in _on_each(old, new)]
    asked = _keeps_sign, _keeps_fraction, _keeps_all
    return all(keeps(*it) for it in pairs for keeps in asked)


def may_unite(old: Type, new: Type) -> bool:
    """Tell whether two values may become one and the same to the database, or equal.

    None of them is lost by that: '1' and '1.0' are one number, and to a collation 'a'
    and 'A' one text. Texts alone are written in more ways than one.
    """
    return any(_may_unite(*pair) for pair in _on_each(old, new))


def _may_unite(old: Type, new: Type) -> bool:
    if kind(old) not in {sa.String, sa.Enum} or kind(new) is sa.Enum:
        return False
    return kind(new) is not sa.String or _compared_by(old) != _compared_by(new)


def _compared_by(text: Type) -> tuple[object, ...]:
    """Return by what texts of a type are the same: spaces at the end are no part."""
    is_filled = isinstance(text, FILLED)
    words = (getattr(text, it, None) for it in ("charset", "collation"))
    return text.__visit_name__ == "CITEXT", is_filled, *words


def _items(old: Type, new: Type) -> tuple[Type, Type]:
    """Return the types of the items where both are arrays, else the types."""
    if isinstance(old, sa.ARRAY) and isinstance(new, sa.ARRAY):
        return base_of(old.item_type), base_of(new.item_type)
    return old, new


def _keeps_sign(old: Type, new: Type) -> bool:
    return not is_unsigned(new) or is_unsigned(old) or isinstance(old, sa.Boolean)


def fraction(type_: Type, dialect: str) -> int:
    """Return how many digits of a second a database keeps in a type.

    :param type_: of moments, or of times of day.
    :param dialect: the database; "" for any that keeps them all.
    """
    here = on(type_, dialect)
    if dialect in MYSQL:
        return getattr(here, "fsp", None) or 0
    given = getattr(here, "precision", None) if dialect == "postgresql" else None
    return MICROSECONDS if given is None else given


def _keeps_fraction(old: Type, new: Type) -> bool:
    if {kind(old), kind(new)} - {sa.DateTime, sa.Time}:
        return True
    servers = "postgresql", "mariadb"
    return all(fraction(old, it) <= fraction(new, it) for it in servers)


def is_short_moment(old: Type, new: Type) -> bool:
    """Tell whether MariaDB has fewer years for a moment than it had."""
    return isinstance(new, sa.TIMESTAMP) and not isinstance(old, sa.TIMESTAMP)


def _keeps_all(old: Type, new: Type) -> bool:
    if isinstance(new, sa.Enum):
        return isinstance(old, sa.Enum) and set(old.enums) <= set(new.enums)
    if isinstance(new, sa.String):
        # SQLite writes fewer digits of a Float than it has.
        return _has_room(old, new) and not isinstance(old, sa.Float)
    if isinstance(new, sa.Integer):
        return isinstance(old, sa.Boolean) or (
            isinstance(old, sa.Integer)
            and limits(new)[0] <= limits(old)[0]
            and limits(old)[1] <= limits(new)[1]
        )
    if is_decimal(new):
        return _holds_digits(old, new)
    if isinstance(new, sa.DateTime):
        is_moment = isinstance(old, sa.Date | sa.DateTime)
        return is_moment and not is_short_moment(old, new)
    return kind(old) is kind(new) and not _shortens(old, new)


def _has_room(old: Type, new: sa.String) -> bool:
    longest = _longest(old)
    if new.length is not None:
        return longest is not None and longest <= new.length
    has, had = (room(it, "mariadb") for it in (new, old))
    if has is None or had is not None:
        return has is None or (had or 0) <= has
    return has >= ROOM["TEXT"] or (longest is not None and CHARACTER * longest <= has)


def _longest(old: Type) -> int | None:
    """Return how many characters the longest value of a type takes, if there is one."""
    if isinstance(old, sa.String):
        return old.length
    if isinstance(old, sa.Integer):
        return max(len(str(it)) for it in limits(old))
    if is_decimal(old):
        return old.precision and old.precision + 2
    lengths = {sa.Boolean: 1, sa.Date: 10, sa.DateTime: 32, sa.Time: 21}
    lengths[sa.Uuid] = UUID_LENGTH
    return lengths.get(kind(old))


def _shortens(old: Type, new: Type) -> bool:
    """Tell whether some database makes a Float of 4 bytes of one that had 8."""
    return any(is_short(new, name) and not is_short(old, name) for name in SHORT_FLOATS)


def _holds_digits(old: Type, new: sa.Numeric[Any]) -> bool:
    if new.precision is None:  # to MariaDB that means ten digits
        if isinstance(old, sa.Integer):
            return digits_of(old) <= MYSQL_NUMERIC
        same = is_decimal(old) and old.precision is None
        return same or isinstance(old, sa.Boolean)
    scale = new.scale or 0
    if isinstance(old, sa.Integer):
        return digits_of(old) <= new.precision - scale
    if is_decimal(old) and old.precision is not None:
        old_scale = old.scale or 0
        whole = old.precision - old_scale <= new.precision - scale
        return whole and old_scale <= scale
    return isinstance(old, sa.Boolean)


def way(old: Type, new: Type) -> list[Type]:
    """Return the types that a column has one after the other on its way to a new one.

    MariaDB would take the place of a value for the number: '1' may be the second. It
    makes a UUID of text alone, and only text of a UUID.
    """
    if {kind(old), kind(new)} - {sa.String, sa.Enum} > {sa.Uuid}:
        return [sa.String(UUID_LENGTH), new]
    if is_native(old := base_of(old)) and kind(new) not in {sa.Enum, sa.String}:
        return [sa.String(max(map(len, old.enums))), new]
    return [new]


def using(column: str, old: Type, new: Type) -> str | None:
    """Return the expression that PostgreSQL converts a column with, if it needs one."""
    source: str = dialect_named("postgresql").identifier_preparer.quote(column)
    target = ddl(new, "postgresql")
    if target is None:
        return None
    old, new = base_on(old, "postgresql"), base_on(new, "postgresql")
    if isinstance(old, sa.DateTime) and old.timezone != getattr(
        new, "timezone", old.timezone if isinstance(new, sa.DateTime) else False
    ):
        source = f"({source} AT TIME ZONE 'UTC')"
        return source if isinstance(new, sa.DateTime) else f"{source}::{target}"
    if is_moment(old) is not is_moment(new) and sa.Interval in (type(old), type(new)):
        epoch = "timestamp '1970-01-01'"
        later = f"{epoch} + {source}"
        return later if is_moment(new) else f"({source} - {epoch})::{target}"
    items = _items(old, new)
    kinds = {kind(it) for it in items}
    if is_one_enum(*items) or (len(kinds) == 1 and sa.Enum not in kinds):
        return None
    if items != (old, new):
        return f"{source}::{'text[]::' if kinds == {sa.Enum} else ''}{target}"
    if isinstance(old, sa.Boolean):
        source += "::integer"
    if isinstance(new, sa.Enum) or _has_no_cast(old, new):
        source += "::text"
    is_truth = isinstance(new, sa.Boolean) and isinstance(old, NUMBERS)
    return f"{source} <> 0" if is_truth else f"{source}::{target}"


def is_moment(type_: Type) -> bool:
    """Tell an Interval that is the moment so long after 1970 began."""
    return isinstance(type_, sa.Interval) and not type_.native


def _has_no_cast(old: Type, new: Type) -> bool:
    """Tell whether PostgreSQL refuses a change, even of a table without rows."""
    return any(
        isinstance(old, apart) is not isinstance(new, apart)
        for apart in ((sa.Date, sa.DateTime), sa.JSON, sa.Time, sa.Uuid)
    )


BECOMES: dict[tuple[type, type], str] = {
    (sa.Boolean, sa.String): "true becomes '1' and false '0'",
    (sa.String, sa.Boolean): "'1' becomes true and '0' false",
    (sa.Date, sa.String): "a day becomes its text, such as '2026-03-01'",
    (sa.String, sa.Date): "a text becomes the day that it spells, year first",
    (sa.DateTime, sa.String): "a moment becomes its text, as the database writes it",
    (sa.String, sa.DateTime): "a text becomes the moment that it spells, year first",
    (sa.Time, sa.String): "a time becomes its text, as the database writes it",
    (sa.String, sa.Time): "a text becomes the time of day that it spells",
    (sa.Uuid, sa.String): "a UUID becomes its text, as the database writes it",
    (sa.String, sa.Uuid): "a text becomes the UUID that it spells",
    (sa.Date, sa.DateTime): "a day becomes its midnight",
    (sa.DateTime, sa.Date): "a midnight becomes its day",
    (sa.String, sa.Enum): "a text becomes the value that is spelled like it",
    (sa.JSON, sa.String): "a JSON value becomes its text",
    (sa.String, sa.JSON): "a text becomes the JSON that it spells: '1' the number 1",
    **{
        pair: words
        for number in NUMBERS
        for pair, words in {
            (number, sa.String): "a number becomes its digits: '10' sorts before '9'",
            (sa.String, number): "a text becomes the number that it spells",
            (number, sa.Enum): "a number is no value of an Enum",
            (sa.Boolean, number): "true becomes 1 and false 0",
            (number, sa.Boolean): "1 becomes true and 0 false",
        }.items()
    },
}
"""The kinds of a type before and after -> what a value becomes."""


def becomes(old: Type, new: Type) -> str | None:
    """Return what a value becomes, None where it stays what it is."""
    old, new = base_of(old), base_of(new)
    if isinstance(old, sa.DateTime) and isinstance(new, sa.DateTime):
        if old.timezone is new.timezone:
            return None
        return "a moment is taken to be in UTC where it has no zone"
    return BECOMES.get((kind(old), kind(new)))


# Which values are lossless, as a database tells it.

Condition = sa.ColumnElement[bool]

Value = sa.ColumnElement[Any]

DAY = "[1-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]"

TIMES = [f" {hour}:[0-5][0-9]:[0-5][0-9]" for hour in ("[01][0-9]", "2[0-3]")]

ENDS = ["", "." + 6 * "[0-9]"]

SURE_DIGITS = 18
"""Integers of so many digits are in each range that is asked for."""

SHORTEST, LARGEST = "0.001", 10**9
"""Between them SQLite rounds and Python writes a number without an exponent."""


def _provably_lossless_on_sqlite(column: Value, new: Type) -> Condition | None:
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
    new = base_on(new, dialect)
    if dialect == "sqlite":
        return _provably_lossless_on_sqlite(column, new)
    known = {"postgresql": _Postgresql, **dict.fromkeys(MYSQL, _Mysql)}
    if old is None or dialect not in known:
        return None
    server, old = known[dialect](), base_of(old)
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
        case _ if isinstance(old, FILLED):
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


CASTS = (sa.Boolean, sa.Float, sa.Integer, sa.Numeric, sa.String)
"""The types to which SQLite converts a value by their names."""


def copied(column: Value, new: Type) -> Value:
    """Return what SQLite copies of a column to a table where it has another type.

    A type whose name tells SQLite nothing, such as UUID or VARBINARY, would make a
    number of each value: 0. What is none of CASTS is copied as it is.
    Source: "Datatypes In SQLite", determination of column affinity.

    :param column: the column, as it is now.
    :param new: the type that it is about to have.
    """
    if isinstance(new, sa.Date):
        return sa.func.date(column)
    if isinstance(new, sa.Uuid):  # its digits alone
        return sa.func.lower(sa.func.replace(column, "-", ""))
    if isinstance(new, sa.LargeBinary | sa.BINARY | sa.VARBINARY):
        return sa.cast(column, sa.LargeBinary)
    return sa.cast(column, new) if isinstance(new, CASTS) else column


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
    if dialect == "sqlite":
        return copied(column, new)
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
