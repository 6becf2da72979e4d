"""A run of three revisions is cut off at each of its statements in turn."""

import os
import re
import signal
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest
from alembic import command
from alembic.util import CommandError
from alembic_lossless import Migrations
from environment import Environment
from scripts import ask, empty, file_of, server, tables, versions, write
from servers import ON_SERVERS, ON_SQLITE
from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import Pool

MADE = 'op.create_table("{0}", sa.Column("id", sa.Integer, primary_key=True))'
FIRST = [MADE.format("a"), 'op.execute("INSERT INTO a (id) VALUES (1)")']
SECOND = [
    'op.add_column("a", sa.Column("n", sa.Integer, server_default="0"))',
    'op.execute("UPDATE a SET n = n + 1")',
]
THIRD = [
    "with op.get_context().autocommit_block():",
    '    op.create_index("ix_a", "a", ["n"], postgresql_concurrently=True)',
    '    op.execute("UPDATE a SET n = n + 1")',
    'op.execute("UPDATE a SET n = n + 1")',
]
READS = re.compile("\\s*(SELECT|SHOW|DESCRIBE|SET|COMMIT)")
UNDONE = {
    "": ["DROP TABLE IF EXISTS a"],
    "a": ["ALTER TABLE a DROP COLUMN IF EXISTS n"],
    "b": ["DROP INDEX IF EXISTS ix_a ON a", "UPDATE a SET n = 1"],
}
"""How a person takes back on MariaDB what the revision after this one did."""


def three_revisions(project: Environment, url: str, third: list[str]) -> Environment:
    """Give a project with a run to cut off."""
    shop = empty(project.using(url))
    write(shop, "a", "\n".join(FIRST))
    write(shop, "b", "\n".join(SECOND), down="a")
    write(shop, "c", "\n".join(third), down="b")
    return shop


def at(url: str) -> str:
    """Return the revision that a database is at."""
    (revision,) = versions(url) or [""]
    return revision


def insist_on_head(url: str) -> None:
    """See that all is there, and that nothing was done twice."""
    assert at(url) == "c"
    assert ask(url, "SELECT id, n FROM a") == [(1, 3)]


@contextmanager
def moments(cut: Callable[[Connection], None], when: int) -> Iterator[list[str]]:
    """Cut off a connection before a statement or a commit, counted from 0."""
    seen: list[str] = []

    def tick(connection: Connection, what: str) -> None:
        seen.append(what)
        if len(seen) == when + 1:
            cut(connection)

    def statement(connection: Connection, _cursor: Any, text: str, *_: Any) -> None:
        tick(connection, text)

    def commit(connection: Connection) -> None:
        if seen and not READS.match(seen[-1]):
            tick(connection, "COMMIT")

    event.listen(Engine, "before_cursor_execute", statement)
    event.listen(Engine, "commit", commit)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", statement)
        event.remove(Engine, "commit", commit)


def cut_off(migrations: Migrations, url: str, when: int) -> tuple[list[str], str]:
    """Upgrade while the server ends the connection; return what ran and was said."""

    def cut(connection: Connection) -> None:
        raw: Any = connection.connection.dbapi_connection
        if url.startswith("postgresql"):
            end = f"SELECT pg_terminate_backend({raw.info.backend_pid}, 5000)"
        else:
            end = f"KILL {raw.thread_id()}"
        with server(url).connect() as other:
            other.exec_driver_sql(end)

    with moments(cut, when) as seen:
        return seen, said_by_upgrade(migrations)


def upgrade(migrations: Migrations) -> None:
    """Upgrade, and look at nothing afterwards."""
    command.upgrade(migrations.config(), "head")


def said_by_upgrade(migrations: Migrations) -> str:
    """Upgrade, and return why that failed, or nothing."""
    try:
        upgrade(migrations)
    except CommandError as error:
        return str(error)
    return ""


def start_again(url: str) -> None:
    """Take all away but the version table, which is empty then."""
    for table in sorted(tables(url) - {"alembic_version"}):
        ask(url, f"DROP TABLE {table}")
    ask(url, "DELETE FROM alembic_version")
    if not url.startswith("postgresql"):  # whose comment is in the transaction
        ask(url, "ALTER TABLE alembic_version COMMENT ''")


def go_on(migrations: Migrations, url: str) -> None:
    """Do what is said: run it again, or first undo by hand what it did."""
    said = said_by_upgrade(migrations)
    if said:
        assert "stopped in the middle" in said
        now = at(url)
        assert f"type: alembic stamp {now or 'base'}\n" in said
        for statement in UNDONE[now]:
            ask(url, statement)
        migrations.stamp(now or "base")
        upgrade(migrations)


@pytest.mark.long
@ON_SERVERS
def test_the_server_ends_the_connection(
    project: Environment, database_url: str
) -> None:
    """Whenever the server cuts me off, I am told how to go on, and that works."""
    shop = three_revisions(project, database_url, THIRD)
    with shop.migrations() as migrations:
        upgrade(migrations)
        start_again(database_url)
        total, _ = cut_off(migrations, database_url, -1)
        insist_on_head(database_url)
        for moment in range(len(total)):
            start_again(database_url)
            _, said = cut_off(migrations, database_url, moment)
            assert "the server ended the connection" in said or at(database_url) == "c"
            assert "Traceback" not in said
            go_on(migrations, database_url)
            insist_on_head(database_url)


def killed(migrations: Migrations, when: int) -> bool:
    """Upgrade in a copy of this process, which is killed before a statement."""

    def watch(raw: sqlite3.Connection, _record: object) -> None:
        left = iter(range(when))
        raw.set_trace_callback(
            lambda _: (
                os.kill(os.getpid(), signal.SIGKILL)
                if next(left, None) is None
                else None
            )
        )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, from 3.12 on
        child = os.fork()
    if child == 0:
        try:
            event.listen(Pool, "connect", watch)
            upgrade(migrations)
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows kills no copy of itself")
@ON_SQLITE
def test_the_process_is_killed(project: Environment, database_url: str) -> None:
    """Whenever my process is killed, the file is as before, or all is done."""
    third = [line.strip() for line in THIRD[1:]]
    shop = three_revisions(project, database_url, third)
    file = file_of(database_url)
    with shop.migrations() as migrations:
        for moment in count(0):
            file.unlink(missing_ok=True)
            was_killed = killed(migrations, moment)
            done = {"alembic_version", "a"} if at(database_url) == "c" else set()
            assert tables(database_url) == done
            upgrade(migrations)
            insist_on_head(database_url)
            if not was_killed:
                break
    assert moment > len(FIRST + SECOND + third)
