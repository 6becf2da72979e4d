"""Triggers and views of SQLite that a revision leaves alone, or breaks."""

import sqlite3
from contextlib import closing
from itertools import product

import pytest
from alembic_lossless.ddl.sqlite import remember_dependents
from environment import Environment
from scripts import ask, empty, versions, write
from servers import ON_SQLITE

TABLES = """
op.create_table("friend", sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(50)), sa.Column("age", sa.Integer))
op.create_table("log", sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("text", sa.String(50)))
"""
ADDED = 'op.add_column("{table}", sa.Column("{column}", sa.Integer))'
TIMES = 20
"""How often a run alters a table: what is read from freed memory is wrong at random."""

EVENTS = ["INSERT", "UPDATE", "UPDATE OF name", "DELETE"]
BODIES = {
    "another table": "INSERT INTO log (text) VALUES ({row}.name);",
    "its own table": "UPDATE friend SET age = age + 1 WHERE id = {row}.id;",
    "two statements": "DELETE FROM log; UPDATE log SET text = (SELECT max(name) FROM"
    " friend) WHERE text = {row}.name;",
}


def triggers() -> dict[str, str]:
    """Return a trigger of every kind by what it is called."""
    found = {}
    for when, event, (name, body) in product(
        ["BEFORE", "AFTER"], EVENTS, BODIES.items()
    ):
        row = "old" if event == "DELETE" else "new"
        for condition in ["", f"WHEN {row}.age > 3 "]:
            kind = f"{when} {event} {condition}{name}"
            found[kind] = (
                f"CREATE TRIGGER tr {when} {event} ON friend {condition}"
                f"BEGIN {body.format(row=row)} END"
            )
    for event in EVENTS:
        row = "old" if event == "DELETE" else "new"
        found[f"INSTEAD OF {event}"] = (
            f"CREATE TRIGGER tr INSTEAD OF {event} ON names"
            f" BEGIN {BODIES['another table'].format(row=row)} END"
        )
    return found


VIEWS = {
    "columns": "SELECT id, name FROM friend",
    "star": "SELECT * FROM friend",
    "join": "SELECT f.name, l.text FROM friend f LEFT JOIN log l ON l.text = f.name",
    "recursive": "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t"
    " WHERE n < 5) SELECT n, name FROM t JOIN friend ON id = n",
    "of a view": "SELECT count(*) FROM names",
}


def shop_with(project: Environment, url: str, *statements: str) -> Environment:
    """Give a project whose database has more than its first revision made."""
    shop = empty(project.using(url))
    write(shop, "a", TABLES)
    shop.alembic("upgrade", "head")
    for statement in ["CREATE VIEW names AS SELECT id, name FROM friend", *statements]:
        ask(url, statement)
    return shop


@pytest.mark.parametrize("kind", [*triggers(), *VIEWS])
def test_what_still_works_stops_nothing(kind: str) -> None:
    """I add a column twenty times, and my trigger or view is no reason to refuse."""
    raw = sqlite3.connect(":memory:", isolation_level=None)
    with closing(raw):
        raw.executescript(
            "CREATE TABLE friend (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);"
            "CREATE TABLE log (id INTEGER PRIMARY KEY, text TEXT);"
            "CREATE VIEW names AS SELECT id, name FROM friend"
        )
        raw.execute(triggers().get(kind) or f"CREATE VIEW mine AS {VIEWS[kind]}")
        for number in range(TIMES):
            raw.execute("BEGIN IMMEDIATE")
            check = remember_dependents(raw)
            for table in ("friend", "log"):
                raw.execute(f"ALTER TABLE {table} ADD COLUMN c{number} INTEGER")
            check()
            raw.execute("COMMIT")


@ON_SQLITE
def test_a_column_for_a_table_with_a_trigger(
    project: Environment, database_url: str
) -> None:
    """I add columns in three runs to a table with a trigger, and each one is there."""
    shop = shop_with(project, database_url, triggers()["AFTER INSERT another table"])
    for down, revision in ("ab", "bc", "cd"):
        added = ADDED.format(table="friend", column=revision)
        write(shop, revision, added, down=down)
        shop.alembic("upgrade", "head")
    ask(database_url, "INSERT INTO friend (name, b, c, d) VALUES ('x', 1, 2, 3)")
    assert ask(database_url, "SELECT text FROM log") == [("x",)]


GONE = 'op.execute("DROP TABLE log")'


@ON_SQLITE
@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("when", ["BEFORE", "AFTER", "INSTEAD OF"])
def test_a_broken_trigger_undoes_the_run(
    project: Environment, database_url: str, when: str, event: str
) -> None:
    """I drop a table that one of my triggers writes to: told which, nothing is done."""
    table = "names" if when == "INSTEAD OF" else "friend"
    create = f"CREATE TRIGGER {{name}} {when} {event} ON {table} BEGIN {{body}}; END"
    shop = shop_with(
        project,
        database_url,
        create.format(name="good", body="SELECT 1"),
        create.format(name="bad", body="INSERT INTO log (text) VALUES ('x')"),
        create.format(name="fine", body="SELECT 2"),
    )
    write(shop, "b", GONE, down="a")
    done = shop.alembic("upgrade", "head", status=255)
    assert "trigger bad would not work any more: no such table: main.log" in done.stdout
    assert 'op.execute("DROP trigger bad")' in done.stdout
    assert versions(database_url) == ["a"]
    assert ask(database_url, "SELECT count(*) FROM log") == [(0,)]


@ON_SQLITE
def test_the_trigger_that_another_one_fires_is_named(
    project: Environment, database_url: str
) -> None:
    """A trigger writes to a table whose own trigger breaks: I read of the second."""
    first = "CREATE TRIGGER one AFTER INSERT ON friend BEGIN DELETE FROM friend; END"
    second = "CREATE TRIGGER two AFTER DELETE ON friend BEGIN DELETE FROM log; END"
    shop = shop_with(project, database_url, first, second)
    write(shop, "b", GONE, down="a")
    done = shop.alembic("upgrade", "head", status=255)
    assert "trigger two would not work any more" in done.stdout


@ON_SQLITE
def test_a_broken_view_undoes_the_run(project: Environment, database_url: str) -> None:
    """I drop a table that a view reads, which a trigger reads: told of the view."""
    shop = shop_with(
        project,
        database_url,
        "CREATE VIEW texts AS SELECT text FROM log",
        "CREATE TRIGGER tr AFTER DELETE ON friend BEGIN SELECT * FROM texts; END",
        "CREATE TRIGGER it INSTEAD OF DELETE ON texts BEGIN SELECT 1; END",
    )
    write(shop, "b", GONE, down="a")
    done = shop.alembic("upgrade", "head", status=255)
    assert "view texts would not work any more: no such table: main.log" in done.stdout


@ON_SQLITE
def test_what_was_broken_before_is_no_reason(
    project: Environment, database_url: str
) -> None:
    """A trigger of mine never worked: I migrate all the same."""
    shop = shop_with(
        project,
        database_url,
        "CREATE VIEW texts AS SELECT name FROM nowhere",
        "CREATE TRIGGER it INSTEAD OF DELETE ON texts BEGIN SELECT 1; END",
        "CREATE TRIGGER tr AFTER DELETE ON friend BEGIN DELETE FROM nowhere; END",
    )
    write(shop, "b", ADDED.format(table="log", column="age"), down="a")
    shop.alembic("upgrade", "head")
    assert versions(database_url) == ["b"]
