"""A column of MariaDB is altered, and what the revision does not say of it stays."""

from itertools import product
from typing import Any

import pytest
import sqlalchemy as sa
from scripts import operations_on
from servers import ON_MARIADB, engine_of

COLUMNS = {
    "a text": "`it` varchar(20) COLLATE utf8mb4_bin NOT NULL"
    " DEFAULT 'it''s' COMMENT 'a'",
    "a number": "`it` smallint(6) unsigned DEFAULT 7 COMMENT '7'",
    "a moment": "`it` datetime(3) DEFAULT current_timestamp(3) COMMENT 'when'",
    "a moment that is updated": "`it` timestamp NOT NULL DEFAULT current_timestamp()"
    " ON UPDATE current_timestamp() COMMENT 'when'",
    "an expression": "`it` varchar(40) DEFAULT (uuid()) COMMENT 'any'",
    "a formula": "`it` int(11) GENERATED ALWAYS AS (`id` * 2) STORED COMMENT 'twice'",
    "a formula of each read": "`it` int(11) GENERATED ALWAYS AS (`id` + 1) VIRTUAL",
}
CHANGES: dict[str, dict[str, Any]] = {
    "another comment": {"comment": "another"},
    "no comment": {"comment": None},
    "a name": {"new_column_name": "other"},
    "a name and a comment": {"new_column_name": "other", "comment": "another"},
    "NULL": {"nullable": True},
    "what only SQLite knows": {"sqlite_on_conflict_not_null": "FAIL"},
}


@ON_MARIADB
@pytest.mark.parametrize("change", CHANGES)
def test_what_is_not_said_stays(database_url: str, change: str) -> None:
    """I write a change by hand, and say nothing that it does not change."""
    with engine_of(database_url).begin() as connection:
        op = operations_on(connection)
        for number, (kind, column) in enumerate(COLUMNS.items()):
            made = "id int(11) NOT NULL PRIMARY KEY, "
            op.execute(sa.text(f"CREATE TABLE t{number} ({made}{column})"))
            expected = columns_of(connection, f"t{number}")["it"]
            op.alter_column(f"t{number}", "it", **CHANGES[change])
            given = CHANGES[change]
            expected |= {"name": given.get("new_column_name", "it")}
            expected |= {name: it for name, it in given.items() if name in expected}
            found = columns_of(connection, f"t{number}")[expected["name"]]
            assert found == expected, kind


@ON_MARIADB
def test_a_default_that_is_a_function_leaves_the_comment(database_url: str) -> None:
    """MariaDB hears the whole of a moment when it gets such a default, or loses it."""
    columns = [COLUMNS["a moment"], COLUMNS["a moment that is updated"]]
    defaults = sa.func.now(), sa.text("'2020-01-01 00:00:00'"), None
    with engine_of(database_url).begin() as connection:
        op = operations_on(connection)
        for number, (column, default) in enumerate(product(columns, defaults)):
            op.execute(sa.text(f"CREATE TABLE t{number} (id int, {column})"))
            before = columns_of(connection, f"t{number}")["it"]
            type_: Any = before["type"]
            has: Any = {"existing_type": sa.DateTime()} if number % 2 else {}
            op.alter_column(f"t{number}", "it", server_default=default, **has)
            after = columns_of(connection, f"t{number}")["it"]
            assert after["comment"] == before["comment"] == "when"
            assert after["nullable"] == before["nullable"]
            assert number % 2 or str(after["type"]) == str(type_)


@ON_MARIADB
def test_a_default_goes_with_its_kind_of_type(database_url: str) -> None:
    """I change a type by hand: a default stays where it is a value of the new one."""
    with engine_of(database_url).begin() as connection:
        op = operations_on(connection)
        op.execute(sa.text(f"CREATE TABLE t (id int, {COLUMNS['a number']})"))
        types: list[Any] = [sa.BigInteger(), sa.Date()]
        for number, type_ in enumerate(types):
            op.alter_column("t", "it", type_=type_, new_column_name="it")
            found = columns_of(connection, "t")["it"]
            assert (found["default"], found["comment"]) == (("7", None)[number], "7")


@ON_MARIADB
def test_a_key_goes_on_counting(database_url: str) -> None:
    """I give a key a comment."""
    with engine_of(database_url).begin() as connection:
        op = operations_on(connection)
        op.execute(sa.text("CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY)"))
        op.alter_column("t", "id", comment="the key", existing_type=sa.BigInteger())
        found = columns_of(connection, "t")["id"]
        assert (found["autoincrement"], found["comment"]) == (True, "the key")


def columns_of(connection: sa.Connection, table: str) -> dict[str, Any]:
    """Return what the server says of columns, by their names."""
    found: list[Any] = [*sa.inspect(connection).get_columns(table)]
    for it in found:
        it["type"] = str(it["type"])
    return {it["name"]: it for it in found}
