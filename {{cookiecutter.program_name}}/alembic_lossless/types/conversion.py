"""What each type can hold, how a column gets from one to another, and its meaning."""

from collections.abc import Iterator
from typing import Any, TypeGuard

import sqlalchemy as sa

from .._alembic import variants
from .portable import (
    BYTES,
    CHARACTER,
    DIALECTS,
    MYSQL,
    Type,
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

SHORT_BITS = 24

SHORT_FLOATS = ("postgresql", "mariadb")
"""The dialects that make 4 bytes of some Floats, though not of the same ones."""


def kind(type_: Type) -> type:
    """Return the class that tells what sort of values a type has."""
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
        return isinstance(before, sa.CHAR) is isinstance(after, sa.CHAR)
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
    yield from ((on(old, name), on(new, name)) for name in names)


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
    is_filled = isinstance(text, sa.CHAR)
    words = (getattr(text, it, None) for it in ("charset", "collation"))
    return text.__visit_name__ == "CITEXT", is_filled, *words


def _items(old: Type, new: Type) -> tuple[Type, Type]:
    """Return the types of the items where both are arrays, else the types."""
    if isinstance(old, sa.ARRAY) and isinstance(new, sa.ARRAY):
        return old.item_type, new.item_type
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
    if is_moment(old) is not is_moment(new) and sa.Interval in (type(old), type(new)):
        epoch = "timestamp '1970-01-01'"
        later = f"{epoch} + {source}"
        return later if is_moment(new) else f"({source} - {epoch})::{target}"
    items = _items(old, new)
    kinds = set(map(kind, items))
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
    if isinstance(old, sa.DateTime) and isinstance(new, sa.DateTime):
        if old.timezone is new.timezone:
            return None
        return "a moment is taken to be in UTC where it has no zone"
    return BECOMES.get((kind(old), kind(new)))
