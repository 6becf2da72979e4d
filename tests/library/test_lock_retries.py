"""A table that is in use when a revision begins: it is tried again."""

import time
from contextlib import ExitStack, suppress
from threading import Thread
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from alembic_lossless.runtime import run
from environment import Environment
from scripts import empty, open_query, tables, versions, write
from servers import ON_MARIADB, ON_POSTGRESQL, ON_SERVERS
from sqlalchemy.exc import DBAPIError

MADE = 'op.create_table("{0}", sa.Column("id", sa.Integer, primary_key=True))'
DROPPED = 'op.drop_table("a")'
TOLD = "A table is in use: trying again, up to 3 times."


class Held:
    """A query of the app on the table `a`, which ends in a pause of the migration."""

    def __init__(self, url: str, pauses: int) -> None:
        """Begin the query.

        :param pauses: it ends in this pause, the first being 1.
        """
        self.pauses: list[float] = []
        self.query = ExitStack()
        self._last = pauses
        self.query.enter_context(open_query(url, "SELECT * FROM a"))

    def sleep(self, seconds: float) -> None:
        """Stand for the pause, and do not wait."""
        self.pauses.append(seconds)
        if len(self.pauses) == self._last:
            self.query.close()


def holding(
    project: Environment, url: str, patch: pytest.MonkeyPatch, pauses: int = 99
) -> tuple[Environment, Held]:
    """Give a project with a table that a query of the app holds."""
    shop = empty(project.using(url))
    write(shop, "a", MADE.format("a"))
    shop.alembic("upgrade", "head")
    shop.environment["FRIEND_BOOK_MIGRATION_LOCK_TIMEOUT"] = "1"
    held = Held(url, pauses)
    clock = SimpleNamespace(sleep=held.sleep, monotonic=time.monotonic)
    patch.setattr(run, "time", clock)
    return shop, held


@ON_SERVERS
@pytest.mark.parametrize("pauses", [1, 3])
def test_the_query_ends_meanwhile(
    project: Environment,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    pauses: int,
) -> None:
    """A query of the app holds my table for a while: told once, and it is migrated."""
    shop, held = holding(project, database_url, monkeypatch, pauses)
    write(shop, "b", DROPPED, down="a")
    done = shop.alembic("upgrade", "head")
    assert done.stderr.count(TOLD) == 1
    assert held.pauses == [1.0, 2.0, 4.0][:pauses]
    assert versions(database_url) == ["b"]
    assert tables(database_url) == {"alembic_version"}


@ON_SERVERS
def test_it_ends(
    project: Environment, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The query does not end: after the last try I am told, and nothing is changed."""
    shop, held = holding(project, database_url, monkeypatch)
    write(shop, "b", DROPPED, down="a")
    with held.query:
        done = shop.alembic("upgrade", "head", status=255)
        assert held.pauses == [1.0, 2.0, 4.0]
        shop.environment["FRIEND_BOOK_MIGRATION_LOCK_RETRIES"] = "0"
        shop.alembic("upgrade", "head", status=255)
        assert held.pauses == [1.0, 2.0, 4.0]
    assert "it waited too long for a table" in done.stdout
    assert versions(database_url) == ["a"]
    shop.alembic("upgrade", "head")


@ON_SERVERS
def test_not_beyond_the_deadline(
    project: Environment, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I wait for nobody longer than my setting says, also not in several tries."""
    shop, held = holding(project, database_url, monkeypatch)
    write(shop, "b", DROPPED, down="a")
    shop.environment["FRIEND_BOOK_MIGRATION_WAIT"] = "0"
    with held.query:
        shop.alembic("upgrade", "head", status=255)
    assert held.pauses == []


@ON_SERVERS
def test_who_has_it_is_ended_in_any_revision(
    project: Environment, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I ask for an end of who blocks: it comes in the first try, and later ones too."""
    shop, held = holding(project, database_url, monkeypatch)
    shop.environment["FRIEND_BOOK_MIGRATION_LOCK_TIMEOUT"] = "60"
    shop.environment["FRIEND_BOOK_MIGRATION_LOCK_RETRIES"] = "0"
    write(shop, "b", MADE.format("b"), down="a")
    write(shop, "c", DROPPED, down="b")
    with suppress(DBAPIError), held.query:
        done = shop.run("flask", "db", "upgrade", "--end-blockers-after", "1")
        assert "Ending process" in done.stderr
    assert versions(database_url) == ["c"]
    assert held.pauses == []


@ON_POSTGRESQL
def test_a_revision_that_can_be_undone_runs_again(
    project: Environment, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """My revision has made a table when it has to wait: it begins once more."""
    shop, held = holding(project, database_url, monkeypatch, pauses=1)
    write(shop, "b", f"{MADE.format('b')}\n{DROPPED}", down="a")
    shop.alembic("upgrade", "head")
    assert held.pauses == [1.0]
    assert tables(database_url) == {"alembic_version", "b"}


@ON_POSTGRESQL
def test_nobody_waits_for_an_earlier_revision_meanwhile(
    project: Environment, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first revision of a run has locked tables: the second does not pause."""
    shop, held = holding(project, database_url, monkeypatch)
    write(shop, "b", MADE.format("b"), down="a")
    write(shop, "c", DROPPED, down="b")
    with held.query:
        shop.alembic("upgrade", "head", status=255)
    assert held.pauses == []
    assert versions(database_url) == ["a"]


@ON_MARIADB
def test_a_revision_that_cannot_be_undone_does_not_run_again(
    project: Environment, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """My revision has made a table when it has to wait: it is marked as stopped."""
    shop, held = holding(project, database_url, monkeypatch)
    write(shop, "b", f"{MADE.format('b')}\n{DROPPED}", down="a")
    with held.query:
        done = shop.alembic("upgrade", "head", status=255)
    assert held.pauses == []
    assert "The upgrade of revision b stopped in the middle" in done.stdout


@ON_POSTGRESQL
def test_what_a_block_committed_does_not_run_again(
    project: Environment, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """My block is committed when the rest has to wait: the next run does the rest."""
    shop, held = holding(project, database_url, monkeypatch)
    block = f"with op.get_context().autocommit_block():\n    {MADE.format('b')}\n"
    write(shop, "b", block + DROPPED, down="a")
    with held.query:
        done = shop.alembic("upgrade", "head", status=255)
    assert held.pauses == []
    assert "it waited too long for a table" in done.stdout
    assert "The upgrade of revision b stopped after statement 1" in done.stdout
    shop.alembic("upgrade", "head")
    assert tables(database_url) == {"alembic_version", "b"}


HOLDS_A = """
SELECT count(*) FROM pg_locks WHERE relation = 'a'::regclass AND granted
AND mode = 'RowExclusiveLock' AND pid <> pg_backend_pid()
"""


def write_beside(url: str) -> None:
    """Change a row, then one that a revision has changed, for as long as one has.

    Of two who wait for each other PostgreSQL ends the one that looks first.
    """
    engine, met = sa.create_engine(url), True
    while met:
        with engine.begin() as connection:
            connection.execute(sa.text("SET LOCAL deadlock_timeout = '1min'"))
            connection.execute(sa.text("UPDATE a SET n = n + 1 WHERE id = 2"))
            for _ in range(60):
                time.sleep(0.05)
                if met := bool(connection.scalar(sa.text(HOLDS_A))):
                    break
            time.sleep(0.1)
            connection.execute(sa.text("UPDATE a SET n = n + 1 WHERE id = 1"))
    engine.dispose()


@ON_POSTGRESQL
def test_others_who_write_to_a_table_that_i_fill(
    project: Environment, database_url: str
) -> None:
    """My fill and writers wait for each other: the next attempt has the table first."""
    shop = empty(project.using(database_url))
    columns = (
        'sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer)'
    )
    rows = 'op.execute("INSERT INTO a VALUES (1, 0), (2, 0)")'
    write(shop, "a", f'op.create_table("a", {columns})\n{rows}')
    shop.alembic("upgrade", "head")
    filled = 'op.execute("UPDATE a SET n = 7 WHERE id = 1")'
    altered = 'op.alter_column("a", "n", nullable=False)'
    write(shop, "b", f"{filled}\n{altered}", down="a")
    writer = Thread(target=write_beside, args=(database_url,))
    writer.start()
    try:
        done = shop.alembic("upgrade", "head")
    finally:
        writer.join()
    assert TOLD in done.stderr
    assert versions(database_url) == ["b"]


@ON_POSTGRESQL
def test_a_number_of_tries_that_is_none(
    project: Environment, database_url: str
) -> None:
    """I mistype the setting, and read which one and what it holds."""
    shop = project.using(database_url)
    shop.environment["FRIEND_BOOK_MIGRATION_LOCK_RETRIES"] = "some"
    done = shop.alembic("upgrade", "head", status=255)
    assert "FRIEND_BOOK_MIGRATION_LOCK_RETRIES is 'some'. Write a number: 3" in (
        done.stdout
    )
