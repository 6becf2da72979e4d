"""Several upgrades of one database at the same moment."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from alembic_lossless.runtime.locks import is_held
from environment import Environment
from scripts import ask, empty, open_query, server, tables, versions, write
from servers import ON_POSTGRESQL, ON_SERVERS, ON_SQLITE, TRANSACTIONAL, empty_database
from sqlalchemy import make_url

COUNTED = """
op.create_table("{name}", sa.Column("id", sa.Integer, primary_key=True))
op.execute("INSERT INTO {name} VALUES (1)")
"""
CONCURRENT = """
with op.get_context().autocommit_block():
    op.create_index("ix_c", "c", ["id"], postgresql_concurrently=True)
"""
SLOW = """
import pathlib, time
op.create_table("slow", sa.Column("id", sa.Integer, primary_key=True))
pathlib.Path("begun").touch()
while not pathlib.Path("go").exists():
    time.sleep(0.05)
"""


def three_revisions(project: Environment) -> Environment:
    """Give a project with three revisions that cannot run twice."""
    empty(project)
    for name, down in [("a", None), ("b", "a"), ("c", "b")]:
        write(project, name, COUNTED.format(name=name), down=down)
    return project


def test_eight_at_once(project: Environment, database_url: str) -> None:
    """I start eight pods, and each revision runs once."""
    shop = three_revisions(project.using(database_url))
    done = shop.at_once("alembic", "upgrade", "head")
    assert [each.returncode for each in done] == [0] * 8
    assert versions(database_url) == ["c"]
    assert tables(database_url) == {"alembic_version", "a", "b", "c"}


@ON_POSTGRESQL
def test_eight_at_once_with_an_index_made_concurrently(
    project: Environment, database_url: str
) -> None:
    """I start eight pods, and an index that waits for all others is made."""
    shop = three_revisions(project.using(database_url))
    write(shop, "d", CONCURRENT, down="c")
    done = shop.at_once("alembic", "upgrade", "head")
    assert [each.returncode for each in done] == [0] * 8
    assert versions(database_url) == ["d"]
    index = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_c'::regclass"
    assert ask(database_url, index) == [(True,)]


@pytest.fixture
def waiting(project: Environment, database_url: str) -> Iterator[Environment]:
    """Give a project whose migration lock somebody holds."""
    shop = empty(project.using(database_url))
    write(shop, "slow", SLOW)
    holder = shop.start("alembic", "upgrade", "head")
    while not (shop.path / "begun").exists():
        assert holder.poll() is None
        time.sleep(0.05)
    yield shop
    (shop.path / "go").touch()
    holder.communicate()
    assert holder.returncode == 0
    assert versions(database_url) == ["slow"]


def test_waiting_says_so_and_ends(waiting: Environment, database_url: str) -> None:
    """I wait for another upgrade: told once, with whom, and not for ever."""
    waiting.environment["FRIEND_BOOK_MIGRATION_WAIT"] = "1"
    done = waiting.alembic("upgrade", "head", status=255)
    who = {"sqlite": "another process", "postgresql": ", process "}
    named = who.get(make_url(database_url).get_backend_name(), ", connection ")
    assert done.stderr.count("Waiting up to 1 s for ") == 1
    assert named in done.stderr
    assert "Waited 1 s for" in done.stdout
    assert "FRIEND_BOOK_MIGRATION_WAIT" in done.stdout


SIGNALS = pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])


@SIGNALS
def test_ctrl_c_while_waiting(waiting: Environment, sent: signal.Signals) -> None:
    """I press Ctrl-C, or my platform ends the pod: a word and no traceback."""
    process = waiting.start("alembic", "upgrade", "head")
    assert process.stderr is not None
    while "Waiting" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(sent)
    shown = "".join(process.communicate())
    assert process.returncode not in (0, None)
    assert "Interrupted; nothing was changed." in shown
    assert "Traceback" not in shown


def test_reading_does_not_wait(waiting: Environment) -> None:
    """I look while another upgrade runs, and see the state before it."""
    assert "Waiting" not in waiting.alembic("current").stderr
    assert "Waiting" not in waiting.alembic("check", status=255).stderr


@SIGNALS
@TRANSACTIONAL
def test_ctrl_c_while_migrating(
    project: Environment, database_url: str, sent: signal.Signals
) -> None:
    """I am stopped in the middle of an upgrade, and nothing of it is left."""
    shop = empty(project.using(database_url))
    write(shop, "slow", SLOW)
    process = shop.start("alembic", "upgrade", "head")
    while not (shop.path / "begun").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(sent)
    shown = "".join(process.communicate())
    assert process.returncode not in (0, None)
    assert "Interrupted; nothing was changed." in shown
    assert "Traceback" not in shown
    assert tables(database_url) == set()


@ON_SERVERS
@pytest.mark.usefixtures("waiting")
def test_a_lock_of_another_database(database_url: str, tmp_path: Path) -> None:
    """A run has another database of my server: it is not taken for one of mine."""
    kind = make_url(database_url).get_backend_name()
    with server(database_url).connect() as connection:
        assert is_held(connection, {})
    with (
        empty_database(kind, tmp_path) as other,
        server(other).connect() as connection,
    ):
        assert not is_held(connection, {})


@ON_SERVERS
def test_a_table_that_the_app_holds(project: Environment, database_url: str) -> None:
    """A query of the app holds the table: I give up soon, and nothing is changed."""
    shop = three_revisions(project.using(database_url))
    shop.alembic("upgrade", "head")
    write(shop, "d", 'op.drop_table("a")', down="c")
    shop.environment["FRIEND_BOOK_MIGRATION_LOCK_TIMEOUT"] = "1"
    shop.environment["FRIEND_BOOK_MIGRATION_LOCK_RETRIES"] = "0"
    with open_query(database_url, "SELECT * FROM a"):
        done = shop.alembic("upgrade", "head", status=255)
    assert "it waited too long for a table" in done.stdout
    assert "FRIEND_BOOK_MIGRATION_LOCK_TIMEOUT" in done.stdout
    assert versions(database_url) == ["c"]
    shop.alembic("upgrade", "head")
    assert "a" not in tables(database_url)


@ON_SQLITE
@pytest.mark.parametrize(("patience", "reads_for"), [("0", 60), ("60", 4)])
def test_a_file_that_the_app_reads(
    project: Environment, database_url: str, patience: str, reads_for: float
) -> None:
    """A query of the app reads the file: I wait for it as long as my setting says."""
    shop = three_revisions(project.using(database_url))
    shop.alembic("upgrade", "b")
    shop.environment["FRIEND_BOOK_MIGRATION_LOCK_TIMEOUT"] = patience
    with open_query(database_url, "SELECT * FROM a"):
        process = shop.start("alembic", "upgrade", "head")
        with suppress(subprocess.TimeoutExpired):
            process.wait(reads_for)
    shown = "".join(process.communicate())
    assert (process.returncode == 0) == (patience == "60"), shown
    assert ("another process reads or writes the file" in shown) == (patience == "0")
    assert versions(database_url) == ["c" if patience == "60" else "b"]
