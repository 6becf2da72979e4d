"""What a server says of a value agrees with what is decided of it in Python."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.util import CommandError
from alembic_lossless.types.conversion import provably_lossless
from alembic_lossless.types.values import is_lossless
from servers import ON_MARIADB
from sqlalchemy.dialects import mysql
from sqlalchemy.pool import NullPool

TEXT = [
    *("", "0", "1", "-1", "007", "-0", "1.50", "1.", ".5", "1e3", "nan", "Infinity"),
    *(
        "1_000",
        "\uff11\uff12",
        " 1",
        "1 ",
        "1\n",
        "32767",
        "32768",
        "-32768",
        "2147483648",
    ),
    *("9223372036854775807", "9223372036854775808", "99999999999999999999", "red"),
    *("Red", "red ", "it's", "2026-02-28", "2026-02-29", "2024-02-29", "2026-13-01"),
    *("2026-04-31", "0000-01-01", "20260301", "2026-W09-7", "2026-03-01 10:11:12"),
    *("2026-03-01 24:00:00", "2026-03-01 10:11:12.123456", "2026-03-01T10:11"),
    *("2026-03-01 00:00:00", "é" * 5, "e\u0301" * 3, "🙂🙂🙂", "a:b%c\\d"),
    *("true", "1.123456789", "123456.7", "0.1", "100.00", "99.995"),
]
INTEGERS = [0, 1, -1, 2, 9, 10, 99, -99, 32767, 32768, -32768, -32769, 999_999, 10**6]
INTEGERS += [2**31 - 1, 2**31, -(2**31), 10**15, 10**17, 2**63 - 1, -(2**63)]
DECIMALS = ["0", "1", "1.5", "-1.25", "99.99", "100", "99.995", "12345.678", "-0.001"]
MOMENTS = ["2026-03-01 00:00:00", "2026-03-01 10:11:12", "2026-03-01 00:00:00.5"]

Type = sa.types.TypeEngine[Any]

NEW: list[Type] = [
    *(sa.String(3), sa.String(5), sa.SmallInteger(), sa.Integer(), sa.BigInteger()),
    *(sa.Numeric(), sa.Numeric(4, 2), sa.Numeric(3, 0), sa.Float(), sa.Double()),
    *(sa.REAL(), sa.Boolean(), sa.Date(), sa.DateTime(), sa.JSON()),
    sa.DateTime(timezone=True),
    *(sa.Enum("red", "0", "it's", "é" * 5, "a:b%c\\d"), sa.Numeric(2, 2)),
]
OLD: dict[str, tuple[Type, list[Any]]] = {
    "text": (sa.String(80), TEXT),
    "integer": (sa.BigInteger(), INTEGERS),
    "decimal": (sa.Numeric(20, 6), DECIMALS),
    "moment": (sa.DateTime(), MOMENTS),
    "zoned": (sa.DateTime(timezone=True), MOMENTS),
    "enum": (sa.Enum("red", "green", "a:b%c\\d", name="old"), ["red", "green"]),
}


@contextmanager
def column_of(
    url: str, type_: Type, values: list[Any]
) -> Iterator[tuple[sa.Connection, sa.TableClause]]:
    """Give a table with these values in its only column."""
    engine = sa.create_engine(url, poolclass=NullPool)
    thing = sa.Table("thing", sa.MetaData(), sa.Column("value", type_))
    with engine.begin() as connection:
        if connection.dialect.name in {"mysql", "mariadb"}:
            milliseconds = "ALTER TABLE thing MODIFY value DATETIME(6)"
        else:
            milliseconds = ""
        thing.create(connection)
        if milliseconds and isinstance(type_, sa.DateTime):
            connection.exec_driver_sql(milliseconds)
        raw = sa.table("thing", sa.column("value"))
        for value in values:
            connection.execute(raw.insert().values(value=value))
        yield connection, raw


@pytest.mark.parametrize("old", OLD)
@pytest.mark.parametrize("new", NEW, ids=repr)
def test_the_server_agrees(database_url: str, old: str, new: Type) -> None:
    """What the server says survives does, for values of every sort and random ones."""
    type_, values = OLD[old]
    random = Random(f"{old}{new!r}")  # noqa: S311  the same values in every run
    more: dict[str, Callable[[], Any]] = {
        "text": lambda: "".join(
            random.choices("01259-. :T+eé", k=random.randint(1, 7))
        ),
        "integer": lambda: random.randint(-(10 ** random.randint(1, 18)), 10**18),
        "decimal": lambda: str(random.randint(-(10**9), 10**9) / 10**4),
    }
    if old in more:
        values = [*values, *(more[old]() for _ in range(60))]
    with column_of(database_url, type_, values) as (connection, thing):
        found = sa.inspect(connection).get_columns("thing")[0]["type"]
        dialect = connection.dialect.name
        sure = provably_lossless(thing.c.value, found, new, dialect)
        if sure is None:
            return
        for (value,) in connection.execute(sa.select(thing).where(sure)):
            assert is_lossless(value, new, dialect=dialect), (value, new)


EASY: dict[str, tuple[Type, Any, Type, Any]] = {
    "shorter text": (sa.String(100), "x" * 50, sa.String(60), "x" * 61),
    "text to number": (sa.String(20), "12345", sa.Integer(), "12x"),
    "text to date": (sa.String(20), "2026-03-31", sa.Date(), "yesterday"),
    "text to moment": (sa.String(30), "2026-03-31 10:11:12", sa.DateTime(), "noon"),
    "text to truth": (sa.String(20), "1", sa.Boolean(), "yes"),
    "text to decimal": (sa.String(20), "12.50", sa.Numeric(6, 2), "1,5"),
    "smaller integer": (sa.BigInteger(), 1234, sa.SmallInteger(), 40_000),
    "no negative": (sa.Integer(), 5, mysql.INTEGER(unsigned=True), -1),
    "integer to text": (sa.BigInteger(), 1234, sa.String(4), 12_345),
    "fewer decimals": (sa.Numeric(10, 4), "12.25", sa.Numeric(6, 2), "1.125"),
    "fewer words": (sa.String(20), "red", sa.Enum("red", "green"), "blue"),
}


@pytest.mark.parametrize("change", EASY)
def test_good_rows_stay_on_the_server(database_url: str, change: str) -> None:
    """No row is read that survives: the server answers with the others."""
    old, good, new, bad = EASY[change]
    with column_of(database_url, old, [good] * 5) as (connection, thing):
        found = sa.inspect(connection).get_columns("thing")[0]["type"]
        sure = provably_lossless(thing.c.value, found, new, connection.dialect.name)
        assert sure is not None
        rest = sa.select(thing).where(sure.is_not(sa.true()))
        assert connection.execute(rest).all() == []
        operations: Any = Operations(MigrationContext.configure(connection))
        operations.refuse_loss("thing", "value", new)
        connection.execute(thing.insert().values(value=bad))
        with pytest.raises(CommandError, match=r"thing\.value holds 1 value that"):
            operations.refuse_loss("thing", "value", new)


@ON_MARIADB
def test_a_number_that_loses_its_sign_is_found(database_url: str) -> None:
    """My decimals become UNSIGNED: one below zero is in the way, the others are not."""
    new = mysql.DECIMAL(6, 2, unsigned=True)
    with column_of(database_url, sa.Numeric(6, 2), ["1.25", "0"]) as (
        connection,
        thing,
    ):
        operations: Any = Operations(MigrationContext.configure(connection))
        operations.refuse_loss("thing", "value", new)
        connection.execute(thing.insert().values(value="-1.25"))
        with pytest.raises(CommandError, match="value holds 1 value that"):
            operations.refuse_loss("thing", "value", new)
