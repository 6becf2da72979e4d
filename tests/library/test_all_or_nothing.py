"""A run that fails, or that is killed, leaves nothing of itself."""

import os
import sqlite3
import time
from contextlib import closing

from environment import Environment
from scripts import ask, empty, file_of, tables, versions, write
from servers import ON_SQLITE, TRANSACTIONAL

PARENT = """
op.create_table("parent", sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(50)))
op.create_table("child", sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("parent_id", sa.Integer, sa.ForeignKey("parent.id", ondelete="CASCADE")))
op.create_table("note", sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("parent_id", sa.Integer, sa.ForeignKey("parent.id", ondelete="SET NULL")))
"""
REBUILD = """
with op.batch_alter_table("parent") as batch:
    batch.alter_column("name", type_=sa.String(80), existing_type=sa.String(50))
"""
FORGETFUL = """
op.execute("DELETE FROM parent")
"""
BROKEN = """
op.create_table("new", sa.Column("id", sa.Integer))
op.execute("SELECT nope")
"""
MOMENTS = int(os.environ.get("TEST_KILL_MOMENTS", "6"))
"""How often a run is killed."""

MANY = """INSERT INTO {} WITH RECURSIVE t(n) AS
    (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 50000) SELECT n, {} FROM t"""
TAKEN_BACK = REBUILD.replace("80", "51").replace("50", "80").replace("51", "50")
COUNTED = """
op.create_table("new", sa.Column("id", sa.Integer, primary_key=True))
op.execute("INSERT INTO new SELECT id FROM parent")
"""


@ON_SQLITE
def test_a_rebuilt_table_keeps_the_rows_that_refer_to_it(
    project: Environment, database_url: str
) -> None:
    """I alter a table on SQLite, and no row of another table is lost or changed."""
    shop = empty(project.using(database_url))
    write(shop, "a", PARENT)
    shop.alembic("upgrade", "head")
    with closing(sqlite3.connect(file_of(database_url))) as raw, raw:
        for number in range(1, 101):
            raw.execute("INSERT INTO parent VALUES (?, 'x')", [number])
            raw.execute("INSERT INTO child VALUES (?, ?)", [number, number])
            raw.execute("INSERT INTO note VALUES (?, ?)", [number, number])
    write(shop, "b", REBUILD, down="a")
    shop.alembic("upgrade", "head")
    assert "VARCHAR(80)" in str(ask(database_url, "SELECT sql FROM sqlite_master"))
    assert ask(database_url, "SELECT count(*) FROM child") == [(100,)]
    assert ask(database_url, "SELECT count(parent_id) FROM note") == [(100,)]


@ON_SQLITE
def test_orphans_undo_the_run(project: Environment, database_url: str) -> None:
    """I delete parents and forget their children: told which, and nothing is done."""
    shop = empty(project.using(database_url))
    write(shop, "a", PARENT)
    shop.alembic("upgrade", "head")
    ask(database_url, "INSERT INTO child VALUES (1, 77)")  # an old one is forgiven
    ask(database_url, "INSERT INTO parent VALUES (1, 'x'), (2, 'y')")
    ask(database_url, "INSERT INTO child VALUES (11, 1), (12, 2)")
    write(shop, "b", FORGETFUL, down="a")
    done = shop.alembic("upgrade", "head", status=255)
    assert "child: rowid 11, 12 refer to parent" in done.stdout
    assert ask(database_url, "SELECT count(*) FROM parent") == [(2,)]
    assert versions(database_url) == ["a"]
    write(shop, "b", REBUILD, down="a")
    shop.alembic("upgrade", "head")


@TRANSACTIONAL
def test_the_third_of_three_fails(project: Environment, database_url: str) -> None:
    """I upgrade three revisions, the last one fails, and none of them happened."""
    shop = empty(project.using(database_url))
    write(shop, "a", PARENT)
    shop.alembic("upgrade", "head")
    ask(database_url, "INSERT INTO parent VALUES (1, 'x')")
    write(shop, "b", REBUILD, down="a")
    write(shop, "c", 'op.execute("DELETE FROM parent")', down="b")
    write(
        shop,
        "d",
        BROKEN,
        down="c",
    )
    done = shop.alembic("upgrade", "head", status=255)
    assert "The upgrade of revision d failed" in done.stdout
    assert "SELECT nope" in done.stdout
    assert "Traceback" not in done.stderr
    assert ask(database_url, "SELECT id FROM parent") == [(1,)]
    assert versions(database_url) == ["a"]
    assert tables(database_url) == {"alembic_version", "parent", "child", "note"}
    write(shop, "d", "pass", down="c")
    shop.alembic("upgrade", "head")
    assert versions(database_url) == ["d"]


@TRANSACTIONAL
def test_a_python_error_undoes_the_run(project: Environment, database_url: str) -> None:
    """My revision has a bug: I see where, and the database is as it was."""
    shop = empty(project.using(database_url))
    write(shop, "a", PARENT + "\n1 / 0")
    done = shop.alembic("upgrade", "head", status=255)
    assert (
        "The upgrade of revision a failed: ZeroDivisionError: division" in done.stdout
    )
    assert "versions/a.py, line" in done.stdout
    assert "Traceback" not in done.stderr
    assert tables(database_url) == set()


@ON_SQLITE
def test_killed_at_any_moment(project: Environment, database_url: str) -> None:
    """The machine goes down while a large table is rebuilt, and nothing is torn."""
    shop = empty(project.using(database_url))
    write(shop, "a", PARENT)
    shop.alembic("upgrade", "head")
    ask(database_url, MANY.format("parent", "'x'"))
    ask(database_url, MANY.format("child", "n"))
    write(shop, "b", REBUILD, TAKEN_BACK, down="a")
    write(shop, "c", COUNTED, 'op.drop_table("new")', down="b")
    start = time.monotonic()
    shop.alembic("upgrade", "head")
    whole = time.monotonic() - start
    for moment in range(MOMENTS):
        shop.alembic("downgrade", "a")
        process = shop.start("alembic", "upgrade", "head")
        time.sleep(whole * (0.4 + 0.6 * moment / MOMENTS))
        process.kill()
        process.communicate()
        at = versions(database_url)
        assert at in (["a"], ["c"])
        assert ("new" in tables(database_url)) == (at == ["c"])
        assert ask(database_url, "SELECT count(*) FROM child") == [(50_000,)]
        shop.alembic("upgrade", "head")
        assert versions(database_url) == ["c"]


@ON_SQLITE
def test_orphans_of_a_table_without_rowid(
    project: Environment, database_url: str
) -> None:
    """Rows that have no number are counted."""
    shop = empty(project).using(database_url)
    last = 'ondelete="SET NULL"))'
    write(shop, "a1", PARENT.replace(last, f"{last}, sqlite_with_rowid=False"))
    write(shop, "b1", 'op.execute("INSERT INTO note VALUES (1, 7), (2, 8)")', down="a1")
    said = shop.alembic("upgrade", "head", status=255).stdout
    assert "note: 2 rows refer to parent" in said


NO_KEY = """
op.create_table("tool", sa.Column("a", sa.Integer), sa.Column("b", sa.Integer),
    sa.UniqueConstraint("a", name="uq"))
op.create_table("part", sa.Column("a", sa.Integer, sa.ForeignKey("tool.{column}")))
"""


@ON_SQLITE
def test_a_reference_to_no_key(project: Environment, database_url: str) -> None:
    """A new table that refers to no key is made with a word, as create_all makes it."""
    shop = empty(project).using(database_url)
    write(shop, "a1", NO_KEY.format(column="b"))
    said = shop.alembic("upgrade", "head").stderr
    assert 'part: foreign key mismatch - "part" referencing "tool"' in said
    assert "part" in tables(database_url)


@ON_SQLITE
def test_a_key_that_others_refer_to(project: Environment, database_url: str) -> None:
    """I drop the key that a table refers to: nobody could write to it; it stays."""
    shop = empty(project).using(database_url)
    write(shop, "a1", NO_KEY.format(column="a"))
    drop = "with op.batch_alter_table('tool') as batch: batch.drop_constraint('uq')"
    write(shop, "b1", drop, down="a1")
    shop.alembic("upgrade", "a1")
    said = shop.alembic("upgrade", "head", status=255).stdout
    assert "nobody could write to part any more (foreign key mismatch" in said
    assert versions(database_url) == ["a1"]
