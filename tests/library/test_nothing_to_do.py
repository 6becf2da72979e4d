"""Upgrades that find nothing to do: they wait for nobody."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from database_pairs import two_databases, using_both, write_parts
from environment import Environment
from scripts import ask, empty, tables, versions, write
from servers import ON_MARIADB

MADE = 'op.create_table("{0}", sa.Column("id", sa.Integer, primary_key=True))'
SLOW = f"""
import pathlib, time
{MADE.format("slow")}
pathlib.Path("begun").touch()
while not pathlib.Path("go").exists():
    time.sleep(0.05)
"""
PODS = 8


@pytest.fixture
def old_version(project: Environment, database_url: str) -> Iterator[Environment]:
    """Give an app whose database is at its head, while a newer version migrates it."""
    shop = empty(project.using(database_url))
    write(shop, "a", MADE.format("a"))
    shop.alembic("upgrade", "head")
    newer = write(shop, "b", SLOW, down="a")
    holder = shop.start("alembic", "upgrade", "head")
    while not (shop.path / "begun").exists():
        assert holder.poll() is None
        time.sleep(0.05)
    newer.unlink()
    shop.environment["FRIEND_BOOK_MIGRATION_WAIT"] = "0"
    yield shop
    (shop.path / "go").touch()
    holder.communicate()
    assert holder.returncode == 0
    assert versions(database_url) == ["b"]


def test_eight_pods_of_the_old_version(old_version: Environment) -> None:
    """A long migration runs, and eight pods that need nothing of it start at once."""
    for _ in range(PODS):
        assert "Waiting" not in old_version.alembic("upgrade", "head").stderr
        assert "Waiting" not in old_version.alembic("upgrade", "a").stderr


def test_what_has_something_to_do_waits(old_version: Environment) -> None:
    """A long migration runs, and what would change something is not let in."""
    done = old_version.alembic("stamp", "base", status=255)
    assert "Waited 0 s for" in done.stdout
    done = old_version.alembic("downgrade", "base", status=255)
    assert "Waited 0 s for" in done.stdout
    write(old_version, "c", MADE.format("c"), down="a")
    done = old_version.alembic("upgrade", "head", status=255)
    assert "Waited 0 s for" in done.stdout


def test_from_python(project: Environment, database_url: str) -> None:
    """My app upgrades itself at every start, and is told where it is each time."""
    shop = empty(project.using(database_url))
    write(shop, "a", MADE.format("a"))
    with shop.migrations() as migrations:
        for _ in range(3):
            assert [it.revision for it in migrations.upgrade()] == ["a"]
    assert tables(database_url) == {"alembic_version", "a"}


@ON_MARIADB
def test_a_half_applied_revision_is_no_reason_to_be_quiet(
    project: Environment, database_url: str
) -> None:
    """A revision stopped in the middle: also who needs nothing of it is told."""
    shop = empty(project.using(database_url))
    write(shop, "a", MADE.format("a"))
    newer = write(shop, "b", MADE.format("half") + "\n1 / 0", down="a")
    shop.alembic("upgrade", "head", status=255)
    newer.unlink()
    done = shop.alembic("upgrade", "head", status=255)
    assert "The upgrade of revision b stopped in the middle" in done.stdout


@pytest.mark.parametrize("kinds", ["sqlite-sqlite", "postgresql-mariadb"])
def test_one_of_two_databases_is_behind(
    several: Environment, tmp_path: Path, kinds: str
) -> None:
    """Default is at the head and auth is not, or the other way: both end there."""
    note = MADE.format("note")
    with two_databases(kinds, tmp_path) as urls:
        shop = using_both(several, urls)
        shop.alembic("upgrade", "head")
        write_parts(shop, "b", note, note)
        shop.alembic("-x", "database=default", "upgrade", "head")
        shop.alembic("upgrade", "head")
        assert versions(urls[0]) == versions(urls[1]) == ["b"]
        assert "note" in tables(urls[1])
        shop.alembic("-x", "database=default", "downgrade", "-1")
        ask(urls[0], "DROP TABLE note")
        shop.alembic("upgrade", "head")
        assert versions(urls[0]) == versions(urls[1]) == ["b"]
        assert "note" in tables(urls[0])
