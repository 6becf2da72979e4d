"""`migrations.operations()`: what I do outside a revision is a run like any other."""

import time
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic.util import CommandError
from alembic_lossless import Migrations
from environment import Environment
from scripts import ask, empty, tables, versions, write
from servers import ON_MARIADB, ON_SQLITE, TRANSACTIONAL
from sqlalchemy.pool import NullPool

ROWS = """
INSERT INTO city VALUES (1, 'Bern');
INSERT INTO friend VALUES (1, 'Ada', 1), (2, 'Eva', 1);
INSERT INTO hobby VALUES (1, 'chess');
INSERT INTO friend_hobby VALUES (1, 1), (2, 1);
"""
SLOW = """
import pathlib, time
pathlib.Path("begun").touch()
while not pathlib.Path("go").exists():
    time.sleep(0.05)
"""


@pytest.fixture
def shop(project: Environment, database_url: str) -> Iterator[Migrations]:
    """Give the migrations of a database that has rows."""
    mine = project.using(database_url)
    with mine.migrations() as migrations:
        migrations.upgrade()
        for statement in filter(str.strip, ROWS.split(";")):
            ask(database_url, statement)
        yield migrations


def enforcing(url: str) -> sa.Engine:
    """Return an app's engine, which has foreign keys on."""
    engine = sa.create_engine(url, poolclass=NullPool)
    if url.startswith("sqlite"):
        on = "PRAGMA foreign_keys = ON"
        sa.event.listen(engine, "connect", lambda raw, _: raw.execute(on))
    return engine


def run(shop: Migrations, *statements: str, fails: bool = False) -> None:
    """Run statements, and perhaps fail for another reason."""
    with shop.operations() as op:
        for statement in statements:
            op.execute(statement)
        if fails:
            raise ZeroDivisionError


def test_a_rebuilt_table_keeps_the_rows_of_others(
    shop: Migrations, database_url: str
) -> None:
    """I alter a table to which rows refer by CASCADE, and they are all there."""
    with (
        shop.operations(connection=enforcing(database_url)) as op,
        op.batch_alter_table("friend") as batch,
    ):
        batch.alter_column(
            "name",
            type_=sa.String(50),
            existing_type=sa.String(100),
            existing_nullable=False,
        )
    assert ask(database_url, "SELECT count(*) FROM friend_hobby") == [(2,)]


@TRANSACTIONAL
def test_an_exception_leaves_nothing(shop: Migrations, database_url: str) -> None:
    """My code fails after it has made a table: there is none, and I see my error."""
    with pytest.raises(ZeroDivisionError):
        run(
            shop,
            "CREATE TABLE made (id INTEGER)",
            "DELETE FROM friend_hobby",
            fails=True,
        )
    assert "made" not in tables(database_url)
    assert ask(database_url, "SELECT count(*) FROM friend_hobby") == [(2,)]


def test_an_error_is_said_as_of_a_run(shop: Migrations, database_url: str) -> None:
    """The database refuses a statement: I am told which, and what is left."""
    made = database_url.startswith(("mysql", "mariadb"))
    with pytest.raises(CommandError, match="nope") as raised:
        run(shop, "CREATE TABLE made (id INTEGER)", "SELECT nope")
    assert ("made" in tables(database_url)) is made
    assert ("Nothing was changed." in str(raised.value)) is not made


@ON_SQLITE
def test_rows_that_would_refer_to_nothing(shop: Migrations, database_url: str) -> None:
    """I delete what others refer to, and nothing of it is done."""
    with pytest.raises(CommandError, match="friend: rowid 1, 2 refer to city"):
        run(shop, "DELETE FROM city")
    assert ask(database_url, "SELECT count(*) FROM city") == [(1,)]


def test_another_run_is_waited_for(project: Environment, database_url: str) -> None:
    """An upgrade is at work: I wait as long as my setting says."""
    mine = empty(project.using(database_url))
    write(mine, "slow", SLOW)
    holder = mine.start("alembic", "upgrade", "head")
    while not (mine.path / "begun").exists():
        assert holder.poll() is None
        time.sleep(0.05)
    mine.environment["FRIEND_BOOK_MIGRATION_WAIT"] = "1"
    with (
        mine.migrations() as migrations,
        pytest.raises(CommandError, match="Waited 1 s for"),
        migrations.operations() as op,
    ):
        op.execute("CREATE TABLE made (id INTEGER)")
    (mine.path / "go").touch()
    holder.communicate()
    assert "made" not in tables(database_url)
    assert versions(database_url) == ["slow"]


@ON_MARIADB
def test_a_half_applied_revision_comes_first(
    project: Environment, database_url: str
) -> None:
    """A revision stopped in the middle: I am told, and nothing is run on top of it."""
    mine = empty(project.using(database_url))
    half = 'op.execute("CREATE TABLE half (id INTEGER)")\nop.execute("SELECT nope")'
    write(mine, "a", half)
    mine.alembic("upgrade", "head", status=255)
    with (
        mine.migrations() as migrations,
        pytest.raises(CommandError, match="revision a stopped in the middle"),
        migrations.operations() as op,
    ):
        op.execute("CREATE TABLE made (id INTEGER)")
    assert "made" not in tables(database_url)


def test_one_of_several_databases(several: Environment) -> None:
    """I name one of my databases, and the other one is left as it is."""
    with several.migrations() as migrations:
        migrations.upgrade()
        with migrations.operations("auth") as op:
            op.execute("CREATE TABLE made (id INTEGER)")
        found = {
            name: "made" in tables(str(migrations.database(name).url))
            for name in ("default", "auth")
        }
    assert found == {"default": False, "auth": True}
