"""Whatever a column holds: a new type refuses it, or it means the same there."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from itertools import permutations
from random import Random
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from alembic_lossless.ddl import sqlite
from alembic_lossless.types.conversion import (
    is_known,
    keeps_all,
    limits,
    room,
    using,
    way,
)
from alembic_lossless.types.values import is_lossless
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripts import operations_on
from servers import ON_MARIADB, ON_POSTGRESQL
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.pool import NullPool
from sqlalchemy.types import TypeEngine

TEXT = sa.String(60)
ODD = ("nan", "Infinity", "1_000", "\uff11\uff12", "20260301", "2026-W09-7", "1e400")
EVEN = ("0", "1", "-7", "1.5", "0.1", "1e10", "2026-03-01", "2026-03-01 09:00:00", "[]")

ZONES = UTC, timezone(timedelta(hours=-5, minutes=-30))

texts = st.lists(
    st.one_of(
        st.sampled_from(ODD + EVEN),
        st.text("0123456789-+.eE_ :T", max_size=20),
        st.integers().map(str),
        st.floats().map(repr),
        st.decimals(allow_nan=False, places=3, max_value=10**12).map(str),
        st.dates().map(date.isoformat),
        st.datetimes().map(str),
        st.datetimes(timezones=st.sampled_from(ZONES)).map(str),
        st.times().map(str),
        st.uuids().map(str),
        st.uuids().map(lambda it: it.hex),
    ).filter(lambda text: len(text) <= 60 and "\0" not in text),
    max_size=40,
)


def number(text: str, back: Any) -> bool:
    """Tell whether a number is what a text said."""
    return Decimal(text) == Decimal(str(back))


def moment(text: str, back: Any) -> bool:
    """Tell whether a moment is what a text said."""
    return bool(datetime.fromisoformat(text) == back)


TYPES: list[tuple[TypeEngine[Any], Callable[[str, Any], bool]]] = [
    (sa.Integer(), number),
    (sa.BigInteger(), number),
    (sa.Numeric(14, 3), number),
    (sa.Numeric(), number),
    (sa.Double(), number),
    (sa.Boolean(), lambda text, back: bool(int(text)) is back),
    (sa.Date(), lambda text, back: date.fromisoformat(text[:10]) == back),
    (sa.DateTime(), moment),
    (sa.DateTime(timezone=True), moment),
    (sa.JSON(), lambda text, back: bool(json.loads(text) == back)),
    (sa.Time(), lambda text, back: time.fromisoformat(text) == back),
    (sa.Uuid(), lambda text, back: UUID(text) == back),
]


@pytest.mark.parametrize(("new", "equal"), TYPES, ids=lambda it: repr(it)[:9])
def test_a_text_is_refused_or_comes_back(
    database_url: str, new: TypeEngine[Any], equal: Callable[[str, Any], bool]
) -> None:
    """I give a column of text another type: no value is another one afterwards."""
    assert sqlite.SQLite.__dialect__ == "sqlite"
    engine = sa.create_engine(database_url, poolclass=NullPool)

    @settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(texts)
    def lose_nothing(values: list[str]) -> None:
        with engine.begin() as connection:
            pairs = changed(connection, values, TEXT, new)
        assert [pair for pair in pairs if not equal(*pair)] == []

    lose_nothing()


EPOCH = date(1971, 1, 1)
NAMES = "new", "1", "2026-03-01"
VALUES: dict[TypeEngine[Any], Callable[[Random], Any]] = {
    sa.SmallInteger(): lambda any_: any_.choice(
        [0, 1, any_.randrange(-(2**15), 2**15)]
    ),
    sa.BigInteger(): lambda any_: any_.choice([0, 1, -(2**62), any_.randrange(2**40)]),
    sa.Numeric(14, 3): lambda any_: (
        Decimal(any_.randrange(-(10**13), 10**13, 125)) / 1000
    ),
    sa.Double(): lambda any_: any_.choice(
        [0.0, 1.0, any_.random(), any_.gauss() * 1e9]
    ),
    sa.Boolean(): lambda any_: any_.choice([False, True]),
    sa.Date(): lambda any_: EPOCH + timedelta(days=any_.randrange(300_000)),
    sa.DateTime(): lambda any_: (
        datetime.combine(EPOCH, time.min)
        + timedelta(days=any_.randrange(300_000), seconds=any_.choice([0, 0, 7, 86399]))
    ),
    sa.Enum(*NAMES, name="kind"): lambda any_: any_.choice(NAMES),
    sa.String(30): lambda any_: any_.choice([*NAMES, "1.5", "0", "x", "[]", ""]),
    sa.JSON(): lambda any_: any_.choice(
        [0, 1, -7, 1.5, True, False, "x", "2026-03-01", "", [], [1], {"a": "é"}, {}]
    ),
    sa.Time(): lambda any_: time(any_.randrange(24), any_.choice([0, 59]), 7),
    sa.Uuid(): lambda any_: UUID(int=any_.randrange(2**128), version=4),
}
"""The types between which a column may change, and what gives a value of each."""


@pytest.mark.parametrize("old", VALUES, ids=lambda it: repr(it)[:9])
def test_every_pair_of_types(database_url: str, old: TypeEngine[Any]) -> None:
    """Whichever type becomes whichever: a value is refused, or means the same."""
    any_ = Random(repr(old))  # noqa: S311  no secret, the same in each run
    values = [VALUES[old](any_) for _ in range(40)]
    engine = sa.create_engine(database_url, poolclass=NullPool)
    for new in VALUES:
        if new is not old:
            with engine.begin() as connection:
                pairs = changed(connection, values, old, new)
            if sa.JSON in {type(old), type(new)}:
                pairs = [(spelled(it, old), spelled(back, new)) for it, back in pairs]
            assert [pair for pair in pairs if not same(*pair)] == [], repr(new)


SIZES: list[TypeEngine[Any]] = [
    *(
        getattr(mysql, name)(unsigned=unsigned)
        for name in ("TINYINT", "SMALLINT", "MEDIUMINT", "INTEGER", "BIGINT")
        for unsigned in (False, True)
    ),
    mysql.DECIMAL(20, 1, unsigned=True),
    mysql.DECIMAL(20, 1),
    mysql.INTEGER(zerofill=True),
    sa.String(20),
]
LONG = [mysql.TINYTEXT(), sa.Text(), mysql.MEDIUMTEXT(), sa.String(300)]


@ON_MARIADB
@pytest.mark.parametrize("old", SIZES, ids=repr)
def test_every_size_of_a_number(database_url: str, old: TypeEngine[Any]) -> None:
    """Whichever number becomes whichever on MariaDB, it is refused or the same."""
    limits_ = sorted(
        {it for size in SIZES if isinstance(size, sa.Integer) for it in limits(size)}
    )
    every = [Decimal(it + more) for it in limits_ for more in (-1, 0, 1)]
    held = [it for it in every if is_lossless(str(it), old, dialect="mariadb")]
    values = [str(it) for it in held] if isinstance(old, sa.String) else held
    engine = sa.create_engine(database_url, poolclass=NullPool)
    for new in SIZES:
        with engine.begin() as connection:
            pairs = changed(connection, values, old, new)
        assert [it for it in pairs if Decimal(it[0]) != Decimal(it[1])] == [], repr(new)
        if isinstance(old, sa.Integer) and isinstance(new, sa.Integer):
            low, high = limits(new)
            assert len(pairs) == sum(low <= it <= high for it in held), repr(new)


@ON_MARIADB
@pytest.mark.parametrize("old", LONG, ids=repr)
def test_every_size_of_a_text(database_url: str, old: TypeEngine[Any]) -> None:
    """Whichever text becomes whichever on MariaDB, it is refused or the same."""
    most = 300 if isinstance(old, sa.String) and old.length else room(old, "mariadb")
    sizes = [it for it in (0, 84, 85, 86, 300, 21845, 21846) if 3 * it <= (most or 0)]
    values = ["\u20ac" * it for it in sizes]
    engine = sa.create_engine(database_url, poolclass=NullPool)
    for new in LONG:
        with engine.begin() as connection:
            pairs = changed(connection, values, old, new)
        assert [it for it in pairs if it[0] != it[1]] == [], repr(new)


ZONED, UNZONED = sa.DateTime(timezone=True), sa.DateTime()
NOON = datetime(2026, 3, 1, 12)  # noqa: DTZ001  one without a zone
MOVED = [
    (ZONED, NOON.replace(tzinfo=UTC), UNZONED, NOON),
    (UNZONED, NOON, ZONED, NOON.replace(tzinfo=UTC)),
    (ZONED, NOON.replace(tzinfo=UTC), ZONED, NOON.replace(tzinfo=UTC)),
    (UNZONED, NOON, UNZONED, NOON),
    (ZONED, NOON.replace(tzinfo=UTC), sa.String(40), str(NOON)),
    (UNZONED, NOON, sa.String(40), str(NOON)),
]
"""A type, a moment in it, another type, and what the moment is there."""


@ON_POSTGRESQL
@pytest.mark.parametrize(("old", "value", "new", "wanted"), MOVED, ids=repr)
def test_a_moment_is_in_utc_whatever_my_session_is(
    database_url: str,
    old: TypeEngine[Any],
    value: datetime,
    new: TypeEngine[Any],
    wanted: Any,
) -> None:
    """I migrate from a laptop in New York, and no moment is another one in UTC."""
    engine = sa.create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET timezone = 'America/New_York'")
        assert changed(connection, [value], old, new) == [(value, wanted)]


BEHIND = ("", ".5", ".123", ".123456")
"""What a moment may have behind its second."""

MOMENTS: list[tuple[str, list[TypeEngine[Any]], str]] = [
    (
        "mariadb",
        [sa.DateTime(), *(mysql.DATETIME(fsp=it) for it in (1, 3, 6))],
        "2026-02-28 01:02:03",
    ),
    (
        "mariadb",
        [sa.TIMESTAMP(), mysql.TIMESTAMP(fsp=3), mysql.DATETIME(fsp=6)],
        "1965-02-28 01:02:03",
    ),
    ("mariadb", [sa.Time(), *(mysql.TIME(fsp=it) for it in (1, 3, 6))], "01:02:03"),
    (
        "postgresql",
        [sa.DateTime(), *(postgresql.TIMESTAMP(precision=it) for it in (0, 3))],
        "2026-02-28 01:02:03",
    ),
    (
        "postgresql",
        [sa.Time(), *(postgresql.TIME(precision=it) for it in (0, 3))],
        "01:02:03",
    ),
]


@pytest.mark.parametrize(
    ("database_url", "types", "second"), MOMENTS, indirect=["database_url"]
)
def test_every_size_of_a_moment(
    database_url: str, types: list[TypeEngine[Any]], second: str
) -> None:
    """Whichever moment or time becomes whichever, it is refused or the same."""
    engine = sa.create_engine(database_url, poolclass=NullPool)
    dialect = engine.dialect.name
    read = time.fromisoformat if " " not in second else datetime.fromisoformat
    every = [read(second + it) for it in BEHIND]
    for old, new in permutations(types, 2):
        values = [it for it in every if is_lossless(it, old, dialect=dialect)]
        with engine.begin() as connection:
            pairs = changed(connection, values, old, new)
        assert [it for it in pairs if it[0] != it[1]] == [], (old, new)


@pytest.mark.parametrize("type_", [sa.LargeBinary(), sa.Interval()], ids=repr)
def test_what_nobody_can_judge(type_: TypeEngine[Any]) -> None:
    """Bytes in no encoding, and what databases store differently: a draft says so."""
    pairs = [pair for it in VALUES for pair in ((it, type_), (type_, it))]
    assert not any(is_known(*pair) for pair in pairs)


def spelled(value: Any, type_: TypeEngine[Any]) -> Any:
    """Return the JSON that a text spells, and what is no text as it is."""
    is_text = isinstance(value, str) and not isinstance(type_, sa.JSON)
    return json.loads(value) if is_text else value


def same(value: Any, back: Any) -> bool:
    """Tell whether two values of two types mean the same."""
    if isinstance(value, str) and not isinstance(back, str):
        return same(back, value)
    if isinstance(value, int | float | Decimal):
        return Decimal(str(plain(value))) == Decimal(str(plain(back)))
    if isinstance(value, time):
        return value == (time.fromisoformat(back) if isinstance(back, str) else back)
    if isinstance(value, UUID):
        return value == (UUID(back) if isinstance(back, str) else back)
    if isinstance(value, date):
        before, after = (datetime.fromisoformat(str(it)) for it in (value, back))
        return before == after
    return bool(value == back)


def plain(value: Any) -> Any:
    """Return a truth as the number that it is."""
    return int(value) if isinstance(value, bool) else value


def changed(
    connection: sa.Connection,
    values: list[Any],
    old: TypeEngine[Any],
    new: TypeEngine[Any],
) -> list[tuple[Any, Any]]:
    """Return what no guard refuses, and what a database makes of it in a new type."""
    metadata = sa.MetaData()
    id_ = sa.Column("id", sa.Integer, primary_key=True, autoincrement=False)
    table = sa.Table("held", metadata, id_, sa.Column("it", old))
    metadata.drop_all(connection)
    metadata.create_all(connection)
    if values:
        rows = [{"id": number, "it": value} for number, value in enumerate(values)]
        connection.execute(table.insert(), rows)
    raw, name = sa.table("held", sa.column("id"), sa.column("it")), connection.dialect
    is_json = isinstance(old, sa.JSON) and name.name == "postgresql"
    held_ = sa.cast(raw.c.it, sa.Text) if is_json else raw.c.it
    found = connection.execute(sa.select(raw.c.id, held_)).all()
    lost = [
        number
        for number, value in found
        if not (keeps_all(old, new) or is_lossless(value, new, dialect=name.name))
    ]
    connection.execute(sa.delete(raw).where(raw.c.id.in_(lost)))
    if isinstance(new, sa.Enum):
        new.create(connection, checkfirst=True)
    operations = operations_on(connection)
    for step in way(old, new):
        how = using("it", old, step)
        with operations.batch_alter_table("held") as held:
            held.alter_column("it", existing_type=old, type_=step, postgresql_using=how)
        old = step
    typed = sa.table("held", sa.column("id"), sa.column("it", new))
    query = sa.select(typed.c.id, typed.c.it)
    return [(values[number], back) for number, back in connection.execute(query)]


LONGEST = [
    (sa.SmallInteger(), len("-32768")),
    (sa.Numeric(8, 2), len("-123456.78")),
    (sa.Date(), len("2026-03-01")),
    (sa.DateTime(), len("2026-03-01 09:00:00.000000+00:00")),
    (sa.Time(), len("09:00:00.000000+00:00")),
    (sa.Uuid(), len("00000000-0000-0000-0000-000000000000")),
    (sa.String(9), 9),
    (sa.Enum("sad", "glad", native_enum=False), len("glad")),
]
"""Types, and the characters of their longest value."""


@pytest.mark.parametrize(("old", "length"), LONGEST, ids=repr)
def test_a_text_with_room_for_each_value_needs_no_look(
    old: TypeEngine[Any], length: int
) -> None:
    """A column becomes a text in which its longest value fits: no row is read."""
    assert keeps_all(old, sa.String(length))
    assert keeps_all(old, sa.Text())
    assert not keeps_all(old, sa.String(length - 1))
