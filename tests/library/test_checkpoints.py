"""MariaDB: what a revision that failed has left behind, and whether it is told so."""

import itertools
from typing import Any

import pytest
from environment import Environment
from scripts import ask, empty, versions, write
from servers import ON_MARIADB, ON_POSTGRESQL
from sqlalchemy import Engine, event

TABLE = (
    'op.create_table("a", sa.Column("id", sa.Integer, primary_key=True),'
    ' sa.Column("name", sa.String(80)), mariadb_engine="{engine}")'
)
FAILS = 'op.execute("SELECT nope")'
STOPPED = "The upgrade of revision b stopped in the middle"
UNDONE = "What it did was undone."

INSERT = "INSERT INTO a VALUES (1, 'x')"


def run(*statements: str) -> str:
    """Return what a revision says to run statements."""
    return "\n".join(f"op.execute({statement!r})" for statement in statements)


KEPT = {
    "a comment on a column": 'op.add_column("a", sa.Column("b", sa.Integer,'
    ' comment="started: upgrade b"))',
    "a comment on a table": 'op.create_table_comment("a", "started: upgrade b")',
    "a column called comment": 'op.add_column("a", sa.Column("COMMENT", sa.Integer))',
    "a table called comment": 'op.create_table("COMMENT", sa.Column("b", sa.Integer))',
    "alembic_version in a name": 'op.create_table("old_alembic_version",'
    ' sa.Column("started", sa.Integer))',
    "COMMENT in a default": 'op.add_column("a", sa.Column("b", sa.String(40),'
    ' server_default="ALTER TABLE alembic_version COMMENT"))',
    "a comment before it": run("/* SELECT */ -- SELECT\nALTER TABLE a ADD b INT"),
    "a comment that is run": run("/*!50000 ALTER TABLE a ADD b INT */"),
    "TRUNCATE": run("TRUNCATE TABLE a"),
    "rows before what fails": run(INSERT, "CREATE TABLE a (id INT)"),
    "one of two tables": run("DROP TABLE a, nowhere"),
    "rows, committed": run(INSERT, "COMMIT"),
    "rows, committed in Python": run(INSERT)
    + "\nop.get_bind().commit()\nraise OSError('stop')",
}
"""What MariaDB does not undo, with each word that the mark's own statement has."""

IN_BLOCKS = {
    "rows, committed one by one": "with op.get_context().autocommit_block():\n    "
    + run(INSERT),
    "rows before an autocommit_block": run(INSERT)
    + "\nwith op.get_context().autocommit_block():\n    pass",
}
"""What an `autocommit_block()` commits: a later run goes on after it."""

GIVEN_BACK = {
    "nothing": "pass",
    "INSERT": run("INSERT INTO a VALUES (1, 'ALTER TABLE a; COMMENT x')"),
    "UPDATE": run("UPDATE a SET name = 'COMMENT'"),
    "DELETE": run("DELETE FROM a"),
    "REPLACE": run("REPLACE INTO a VALUES (1, 'it''s \\'; DROP')"),
    "in parentheses": run("(SELECT 1) UNION (SELECT 2)"),
    "a comment before it": run("/* ALTER */ # DROP\nDELETE FROM a"),
    "a table of the session": run("CREATE TEMPORARY TABLE t AS SELECT 1 AS x"),
    "a variable": run("SET @x = 'COMMENT'"),
}
"""What MariaDB undoes, though it may look like more."""


def failing(
    project: Environment, url: str, body: str, engine: str = "InnoDB"
) -> tuple[Environment, str]:
    """Run a revision that does something and then fails; return what is said of it."""
    shop = empty(project.using(url))
    write(shop, "a", TABLE.format(engine=engine))
    shop.alembic("upgrade", "head")
    ask(url, "INSERT INTO a VALUES (7, 'seven')")
    write(shop, "b", f"{body}\n{FAILS}", down="a")
    return shop, shop.alembic("upgrade", "head", status=255).stdout


@ON_MARIADB
@pytest.mark.parametrize("what", KEPT)
def test_what_stays_is_marked(
    project: Environment, database_url: str, what: str
) -> None:
    """My revision fails after a change that MariaDB keeps, and no run ignores that."""
    shop, said = failing(project, database_url, KEPT[what])
    assert STOPPED in said
    assert STOPPED in shop.alembic("upgrade", "head", status=255).stdout
    assert versions(database_url) == ["a"]


@ON_POSTGRESQL
@pytest.mark.parametrize("commit", ['op.execute("COMMIT")', "op.get_bind().commit()"])
def test_postgresql_marks_what_a_revision_commits(
    project: Environment, database_url: str, commit: str
) -> None:
    """My revision commits by itself and fails then: no run ignores that."""
    shop, said = failing(project, database_url, f"{run(INSERT)}\n{commit}")
    assert STOPPED in said
    assert STOPPED in shop.alembic("upgrade", "head", status=255).stdout
    assert len(ask(database_url, "SELECT id FROM a")) > 1
    shop.alembic("stamp", "b")
    assert shop.alembic("upgrade", "head").stdout == ""


@ON_POSTGRESQL
def test_postgresql_marks_nothing_that_it_undoes(
    project: Environment, database_url: str
) -> None:
    """My revisions run in one transaction: nothing is written down for each of them."""
    shop = empty(project.using(database_url))
    write(shop, "a", TABLE.format(engine="InnoDB"))
    for before, name in itertools.pairwise("abcd"):
        write(shop, name, run(INSERT.replace("1", str(ord(name)))), down=before)
    seen: list[str] = []

    def see(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", see)
    shop.alembic("upgrade", "head")
    event.remove(Engine, "before_cursor_execute", see)
    assert versions(database_url) == ["d"]
    assert any(it.startswith("INSERT INTO a ") for it in seen)
    assert not any(it.startswith("COMMENT ON") for it in seen)


@ON_MARIADB
@pytest.mark.parametrize("what", IN_BLOCKS)
def test_what_a_block_committed_is_not_done_twice(
    project: Environment, database_url: str, what: str
) -> None:
    """My revision fails after rows were committed: the corrected one goes on there."""
    shop, said = failing(project, database_url, IN_BLOCKS[what])
    assert "The upgrade of revision b stopped after statement 1." in said
    write(shop, "b", IN_BLOCKS[what], down="a")
    shop.alembic("upgrade", "head")
    assert versions(database_url) == ["b"]
    rows = ask(database_url, "SELECT id FROM a ORDER BY id")
    assert rows == [(1,), (7,)]


@ON_MARIADB
@pytest.mark.parametrize("what", GIVEN_BACK)
def test_what_is_undone_is_not_marked(
    project: Environment, database_url: str, what: str
) -> None:
    """My revision only changed rows and fails: I correct it and just upgrade."""
    shop, said = failing(project, database_url, GIVEN_BACK[what])
    assert UNDONE in said
    assert ask(database_url, "SELECT id, name FROM a") == [(7, "seven")]
    write(shop, "b", "pass", down="a")
    shop.alembic("upgrade", "head")
    assert versions(database_url) == ["b"]


@ON_MARIADB
@pytest.mark.parametrize("engine", ["MyISAM", "Aria", "MEMORY"])
@pytest.mark.parametrize(
    "rows", ["(1, 'x')", "(1, 'x'), (2, 'y'), (1, 'z')"], ids=["all", "two of three"]
)
def test_rows_of_a_table_without_transactions(
    project: Environment, database_url: str, engine: str, rows: str
) -> None:
    """My revision fills a table that cannot undo it, and fails: that is marked."""
    insert = f"INSERT INTO a VALUES {rows}"  # noqa: S608
    shop, said = failing(project, database_url, run(insert), engine)
    assert len(ask(database_url, "SELECT id FROM a")) > 1
    assert STOPPED in said
    assert STOPPED in shop.alembic("upgrade", "head", status=255).stdout


@ON_MARIADB
def test_rows_that_a_trigger_writes(project: Environment, database_url: str) -> None:
    """A trigger writes what my revision does into a MyISAM table: that is marked."""
    shop = empty(project.using(database_url))
    write(shop, "a", TABLE.format(engine="InnoDB"))
    shop.alembic("upgrade", "head")
    ask(database_url, "CREATE TABLE log (id INT) ENGINE=MyISAM")
    ask(
        database_url,
        "CREATE TRIGGER tr AFTER INSERT ON a FOR EACH ROW INSERT INTO log VALUES (1)",
    )
    write(shop, "b", f"{run(INSERT)}\n{FAILS}", down="a")
    assert STOPPED in shop.alembic("upgrade", "head", status=255).stdout
    assert ask(database_url, "SELECT * FROM a") == []
    assert ask(database_url, "SELECT * FROM log") == [(1,)]


@ON_MARIADB
def test_only_the_failed_revision_counts(
    project: Environment, database_url: str
) -> None:
    """The revision before made tables, mine only rows: it is done, and mine undone."""
    shop = empty(project.using(database_url))
    write(shop, "a", TABLE.format(engine="InnoDB"))
    write(shop, "b", f"{run(INSERT)}\n{FAILS}", down="a")
    said = shop.alembic("upgrade", "head", status=255).stdout
    assert "The revisions before it are done: the database is at a." in said
    assert ask(database_url, "SELECT * FROM a") == []
    write(shop, "b", run(INSERT), down="a")
    shop.alembic("upgrade", "head")
    assert versions(database_url) == ["b"]
