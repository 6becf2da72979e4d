"""A backfill runs apart from the deployment: what is open, what waits for it."""

import re
import signal
import subprocess
import sys
from itertools import combinations, product

import pytest
import sqlalchemy as sa
from alembic_lossless.operations.backfill import between
from drafts import alembic, define_thing
from environment import LIBRARY, Environment
from scripts import ask, empty, versions, write
from servers import ON_MARIADB

MAKE = """\
op.create_table("friend", sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("name", sa.String(50)))"""

EXPAND = """\
op.add_column("friend", sa.Column("whole", sa.String(50)))
op.backfill("friend", "whole", sa.func.upper(sa.column("name")), later=True)"""

OTHER = 'op.add_column("friend", sa.Column("age", sa.Integer()))'

CONTRACT = """\
with op.batch_alter_table("friend") as batch:
    batch.alter_column("whole", nullable=False, existing_type=sa.String(50))"""

ROWS = 2500

WHOLE = "SELECT count(*) FROM friend WHERE whole IS NOT NULL"


def expanded(
    project: Environment, url: str, rows: int = ROWS, make: str = MAKE
) -> Environment:
    """Give a project a column that is to be filled, with rows that are not."""
    project = empty(project.using(url))
    write(project, "a", make, 'op.drop_table("friend")')
    write(project, "b", EXPAND, 'op.drop_column("friend", "whole")', down="a")
    alembic(project, "upgrade a")
    values = ", ".join(f"({n}, 'n{n}')" for n in range(1, rows + 1))
    if rows:
        ask(url, f"INSERT INTO friend (id, name) VALUES {values}")  # noqa: S608  numbers
    alembic(project, "upgrade b")
    other = write(project, "c", OTHER, 'op.drop_column("friend", "age")', down="b")
    # It raises whatever it is asked, outside of an app.
    other.write_text(f"from flask import current_app\n{other.read_text()}")
    write(project, "d", CONTRACT, "pass", down="c")
    return project


def typed(project: Environment, *arguments: str, status: int = 0) -> str:
    """Run a command, and return what it prints."""
    done = project.run("flask", "db", *arguments, status=status)
    return done.stdout


def test_a_backfill_is_left_for_later(project: Environment, database_url: str) -> None:
    """The revision leaves it, status names it, what changes the column waits for it."""
    project = expanded(project, database_url)
    assert ask(database_url, WHOLE) == [(0,)]
    open_ = "open     friend.whole has rows without its value, which b left"
    assert open_ in typed(project, "status")
    waits = (
        "d, d, and what follows it wait until each row has its value in friend.whole"
    )
    assert waits in typed(project, "upgrade")
    assert versions(database_url) == ["c"]
    assert f"FAILED: {waits}" in (said := typed(project, "upgrade", status=255))
    assert "Next: flask db backfill, then: flask db upgrade" in said
    assert len(said.splitlines()) == 2
    assert f"friend.whole: {ROWS} rows have their value." in typed(project, "backfill")
    assert ask(database_url, WHOLE) == [(ROWS,)]
    assert ask(database_url, "SELECT whole FROM friend WHERE id = 7") == [("N7",)]
    assert "open   " not in typed(project, "status")
    assert typed(project, "backfill") == "No backfill is open.\n"
    typed(project, "upgrade")
    assert versions(database_url) == ["d"]


def test_a_new_database_waits_for_nothing(project: Environment) -> None:
    """Where no row lacks a value that it can get, all revisions run at once."""
    url = f"sqlite:///{project.path}/x.db"
    project = expanded(project, url, rows=0)
    ask(url, "INSERT INTO friend (id) VALUES (1)")
    assert "open   " not in typed(project, "status")
    ask(url, "DELETE FROM friend")
    typed(project, "upgrade")
    assert versions(url) == ["d"]


@ON_MARIADB
def test_rows_without_a_key_are_counted(
    project: Environment, database_url: str
) -> None:
    """My table has no key: all its rows get their value, and I hear how many."""
    make = MAKE.replace(", primary_key=True", "")
    project = expanded(project, database_url, make=make)
    assert f"friend.whole: {ROWS} rows have their value." in typed(project, "backfill")
    assert ask(database_url, WHOLE) == [(ROWS,)]


KILLED = """
import os, signal
from alembic_lossless.operations import backfill
from friend_book.migrations import migrations
run, batches = backfill._run, []
def killed(bind, update):
    batches.append(1)
    if len(batches) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return run(bind, update)
backfill._run = killed
migrations.backfill()
"""


@pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
def test_a_backfill_was_killed(project: Environment, database_url: str) -> None:
    """It was killed in its second batch: the first is there, and it goes on."""
    project = expanded(project, database_url)
    variables = {**project.environment, "PYTHONPATH": f"{project.path}:{LIBRARY}"}
    done = subprocess.run(
        [sys.executable, "-B", "-c", KILLED],
        env=variables,
        cwd=project.path,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    ((filled,),) = ask(database_url, WHOLE)
    assert 0 < filled < ROWS
    assert "open     friend.whole" in typed(project, "status")
    left = ROWS - filled
    assert f"friend.whole: {left} rows have their value." in typed(project, "backfill")
    assert ask(database_url, WHOLE) == [(ROWS,)]


KEY: list[sa.ColumnClause[int]] = [*map(sa.column, "abc")]


def test_each_row_is_in_one_batch() -> None:
    """A key of three columns: a batch has what is behind the one before, no more."""
    rows = [*product(range(3), repeat=3)]
    there = sa.table("there", *map(sa.column, "abc"))
    with sa.create_engine("sqlite://").connect() as connection:
        connection.exec_driver_sql("CREATE TABLE there (a, b, c)")
        connection.execute(there.insert().values(rows))
        for after, last in [*combinations(rows, 2), *((None, row) for row in rows)]:
            found = connection.execute(
                sa.select(there).where(between(KEY, after, last)).order_by(*KEY)
            )
            begin = rows.index(after) + 1 if after else 0
            assert [*found] == rows[begin : rows.index(last) + 1]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_batch_reads_its_rows_alone(database_url: str) -> None:
    """My table's key begins with the tenant, which is one: others do not wait long."""
    numbers = "SELECT 1 AS a, 1 AS b, n AS c FROM generate_series(1, 50000) AS n"
    ask(database_url, f"CREATE TABLE pair AS {numbers}")
    ask(database_url, "ALTER TABLE pair ADD PRIMARY KEY (a, b, c)")
    part = between(KEY, (1, 1, 10), (1, 1, 20)).compile(
        dialect=sa.create_engine(database_url).dialect,
        compile_kwargs={"literal_binds": True},
    )
    explained = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) SELECT * FROM pair WHERE"
    plan = "\n".join(row for (row,) in ask(database_url, f"{explained} {part}"))
    pages = re.findall(r"(?:hit|read)=(\d+)", plan.partition("Planning")[0])
    assert 0 < sum(map(int, pages[:2])) < 20, plan


def test_a_draft_leaves_its_backfill(project: Environment, database_url: str) -> None:
    """A column becomes NOT NULL: the rows get their values when I say so."""
    shop = project.using(database_url)
    define_thing(shop, "name = sa.String(9)")
    shop.commands("upgrade head", "revision --autogenerate -m thing", "upgrade head")
    ask(database_url, "INSERT INTO thing (id) VALUES (1), (2)")
    define_thing(shop, "name = sa.String(9), nullable=False")
    answers = ("-x", "live=later", "-x", "fill=thing.name:none")
    typed(shop, *answers, "migrate", "-m", "named")
    assert "wait until each row has its value in thing.name" in typed(shop, "upgrade")
    assert "open     thing.name has rows without" in typed(shop, "status")
    assert "thing.name: 2 rows have their value." in typed(shop, "backfill")
    typed(shop, "upgrade")
    assert ask(database_url, "SELECT name FROM thing") == [("none",), ("none",)]
    assert "Models: match the database" in typed(shop, "status")
    alembic(shop, "downgrade -2", "upgrade head")


def test_the_server_is_away(project: Environment) -> None:
    """There is no server to ask: one line says so."""
    project = empty(project).using("postgresql://nobody@127.0.0.1:1/none")
    write(project, "a", MAKE)
    said = typed(project, "backfill", status=255)
    assert said.startswith("FAILED: ")
    assert "127.0.0.1" in said
    assert len(said.splitlines()) <= 2
    said = typed(project, "backfill", "--database", "nix", status=255)
    assert said == "FAILED: --database nix: there are default.\n"
