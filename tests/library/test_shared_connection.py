"""A database that a program already has open, and migrates itself."""

import sys
from dataclasses import replace

import pytest
from alembic_lossless import Migrations
from environment import Environment
from scripts import ask, empty, tables, versions, write
from servers import ON_MARIADB, ON_SERVERS, ON_SQLITE, TRANSACTIONAL
from sqlalchemy import URL, create_engine, make_url
from sqlalchemy.pool import NullPool

MADE = """
op.create_table("made", sa.Column("id", sa.Integer, primary_key=True))
op.execute("INSERT INTO made VALUES (1)")
"""
PRELUDE = """
import logging
from alembic import command
from sqlalchemy import create_engine, event, inspect, text
from alembic.util import CommandError
from friend_book.migrations import migrations
engine = create_engine({url!r})
if engine.dialect.name == "sqlite":
    @event.listens_for(engine, "connect")
    def enforce_foreign_keys(connection, _record):
        connection.execute("PRAGMA foreign_keys=ON")
def upgrade(connection):
    alembic = migrations.config()
    alembic.attributes["connection"] = connection
    command.upgrade(alembic, "head")
def pragmas(connection):
    raw = connection.connection.dbapi_connection
    names = "foreign_keys", "busy_timeout", "query_only", "legacy_alter_table"
    return [raw.execute(f"PRAGMA {{name}}").fetchone() for name in names] + [
        raw.isolation_level]
"""


def program(project: Environment, url: str, code: str, revision: str = MADE) -> str:
    """Run a program of the project's owner, with one revision to apply."""
    write(empty(project), "a", revision)
    # Whoever ignores what was given migrates this one.
    elsewhere = project.using(f"sqlite:///{project.path}/elsewhere.db")
    said = elsewhere.program(PRELUDE.format(url=url) + code + "\nengine.dispose()")
    assert not (project.path / "elsewhere.db").exists()
    return said


@pytest.mark.parametrize("given", ["engine", "{'default': engine}"])
def test_an_engine(project: Environment, database_url: str, given: str) -> None:
    """I hand over my engine, alone or by its name, and it is migrated."""
    program(project, database_url, f"upgrade({given})")
    assert versions(database_url) == ["a"]


def test_a_connection(project: Environment, database_url: str) -> None:
    """I hand over a connection, and it is as it was afterwards."""
    code = """
with engine.connect() as connection:
    upgrade(connection)
    assert not connection.in_transaction()
    assert connection.scalar(text("SELECT count(*) FROM made")) == 1
"""
    program(project, database_url, code)
    assert versions(database_url) == ["a"]


@ON_SQLITE
@pytest.mark.parametrize("fails", ["", "op.execute('SELECT nope')"])
def test_my_connections_are_as_before(
    project: Environment, database_url: str, fails: str
) -> None:
    """My engine's connections have their pragmas and handlers after the upgrade."""
    code = """
with engine.connect() as connection:
    before = pragmas(connection)
    connection.rollback()
    try:
        upgrade(connection)
    except CommandError as error:
        print(error)
    assert pragmas(connection) == before, (pragmas(connection), before)
try:
    upgrade(engine)
except CommandError as error:
    print(error)
with engine.connect() as connection:
    assert pragmas(connection) == before
    raw = connection.connection.dbapi_connection
    connection.begin()
    assert not raw.in_transaction
assert before[0] == (1,)
"""
    shown = program(project, database_url, code, MADE + fails)
    assert ("nope" in shown) == bool(fails)


SETTINGS = """
key = __import__("alembic_lossless.runtime.locks").runtime.locks
if engine.dialect.name == "postgresql":
    asked = "SELECT name, setting FROM pg_settings"
    asked += " UNION SELECT 'holds', count(*)::text FROM pg_locks"
    asked += " WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
else:
    asked = "SHOW SESSION VARIABLES"
own = "timestamp", "error_count", "warning_count", "last_gtid", "rand_", "gtid_"
def settings():
    with engine.connect() as connection:
        found = dict(map(tuple, connection.execute(text(asked))))
        found["is held"] = key.is_held(connection, {})
        return {it: of for it, of in found.items() if not it.startswith(own)}
before = settings()
try:
    upgrade(engine)
except CommandError as error:
    print(error)
after = settings()
print({it: (before[it], of) for it, of in after.items() if before[it] != of})
assert after == before
"""
IN_A_BLOCK = """
with op.get_context().autocommit_block():
    op.add_column("made", sa.Column("size", sa.Integer))
    op.backfill("made", "size", 7)
    op.create_index("ix", "made", ["size"], postgresql_concurrently=True)
    op.create_foreign_key(
        "fk", "made", "made", ["size"], ["id"], postgresql_not_valid=True
    )
"""


@ON_SERVERS
@pytest.mark.parametrize("fails", ["", "    op.execute('SELECT nope')"])
def test_my_pooled_sessions_are_as_before(
    project: Environment, database_url: str, fails: str
) -> None:
    """My engine keeps its sessions: no lock and no setting of the run stays in one."""
    shown = program(project, database_url, SETTINGS, MADE + IN_A_BLOCK + fails)
    assert ("nope" in shown) == bool(fails), shown


if sys.version_info >= (3, 12):

    @ON_SQLITE
    @pytest.mark.parametrize("mode", [False, True])
    @pytest.mark.parametrize("fails", ["", "op.execute('SELECT nope')"])
    def test_a_driver_that_begins_by_itself(
        project: Environment, database_url: str, *, mode: bool, fails: str
    ) -> None:
        """My driver ends no transaction, or always has one: all or nothing even so."""
        code = """
engine = create_engine({url!r}, connect_args={{"autocommit": {mode}}})
prepare_engine(engine)
with engine.connect() as connection:
    try:
        upgrade(connection)
    except CommandError as error:
        print(error)
    raw = connection.connection.dbapi_connection
    assert raw.autocommit is {mode}
"""
        filled = code.format(url=database_url, mode=mode)
        shown = program(project, database_url, filled, MADE + fails)
        assert ("nope" in shown) == bool(fails)
        assert tables(database_url) == (set() if fails else {"alembic_version", "made"})


def test_an_in_memory_database(project: Environment) -> None:
    """I migrate a database that is only in memory, for my tests."""
    code = """
upgrade(engine)
ours = {"alembic_version", "alembic_version_history"}
assert set(inspect(engine).get_table_names()) == {*ours, "made"}
other = create_engine("sqlite://")
with other.connect() as connection:
    upgrade(connection)
    assert connection.scalar(text("SELECT count(*) FROM made")) == 1
"""
    program(project, "sqlite://", code)


@TRANSACTIONAL
@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_my_transaction_stays_mine(
    project: Environment, database_url: str, end: str
) -> None:
    """I began a transaction: the upgrade is part of it, and I end it."""
    code = """
if engine.dialect.name == "sqlite":
    event.listen(engine, "connect",
        lambda raw, _: raw.execute("PRAGMA foreign_keys=OFF"))
with engine.begin() as connection:
    connection.execute(text("CREATE TABLE mine (id INTEGER)"))
with engine.connect() as connection:
    transaction = connection.begin()
    connection.execute(text("INSERT INTO mine VALUES (1)"))
    upgrade(connection)
    assert transaction.is_active
    assert connection.in_transaction()
    transaction.END()
"""
    program(project, database_url, code.replace("END", end))
    kept = {"alembic_version", "made"} if end == "commit" else set()
    assert tables(database_url) == {"mine", *kept}
    assert ask(database_url, "SELECT count(*) FROM mine") == [(end == "commit",)]


@TRANSACTIONAL
def test_a_revision_that_would_commit_mine(
    project: Environment, database_url: str
) -> None:
    """I began a transaction, which an autocommit_block would commit: refused, why."""
    code = """
if engine.dialect.name == "sqlite":
    event.listen(engine, "connect",
        lambda raw, _: raw.execute("PRAGMA foreign_keys=OFF"))
with engine.connect() as connection:
    connection.execute(text("CREATE TABLE mine (id INTEGER)"))
    try:
        upgrade(connection)
    except CommandError as error:
        print(error)
    connection.rollback()
"""
    revision = "with op.get_context().autocommit_block():\n    pass"
    shown = program(project, database_url, code, revision)
    assert "An autocommit_block() commits what came before" in shown
    assert "The transaction is the caller's: undo it." in shown
    assert "alembic_version" not in tables(database_url)


@ON_SQLITE
def test_a_transaction_with_foreign_keys_on(
    project: Environment, database_url: str
) -> None:
    """I began a transaction in which a rebuild would lose rows: refused, and why."""
    code = """
with engine.begin() as connection:
    connection.execute(text("CREATE TABLE mine (id INTEGER)"))
    try:
        upgrade(connection)
    except CommandError as error:
        print(error)
"""
    shown = program(project, database_url, code)
    assert "SQLite cannot turn foreign keys off" in shown
    assert "Give the Engine" in shown
    assert tables(database_url) == {"mine"}


@ON_MARIADB
def test_work_that_the_server_would_commit(
    project: Environment, database_url: str
) -> None:
    """I have uncommitted rows that a CREATE TABLE would commit: refused, and why."""
    code = """
with engine.begin() as connection:
    connection.execute(text("CREATE TABLE mine (id INTEGER)"))
with engine.connect() as connection:
    connection.execute(text("INSERT INTO mine VALUES (1)"))
    try:
        upgrade(connection)
    except CommandError as error:
        print(error)
    connection.rollback()
    assert connection.scalar(text("SELECT count(*) FROM mine")) == 0
"""
    shown = program(project, database_url, code)
    assert "commits an open transaction at every CREATE" in shown
    assert tables(database_url) == {"mine"}


def test_my_logging_is_untouched(project: Environment, database_url: str) -> None:
    """My program migrates itself, and its loggers log as before."""
    code = """
logging.basicConfig(level=logging.ERROR)
mine = logging.getLogger("mine")
def state():
    root = logging.getLogger()
    names = ["alembic", "alembic.runtime.migration", "mine", "sqlalchemy.engine"]
    loggers = [root, *map(logging.getLogger, names)]
    return [(it.level, list(it.handlers), it.disabled, it.propagate) for it in loggers]
before = state()
upgrade(engine)
assert state() == before
"""
    write(empty(project), "a", MADE)
    # In a process of its own: this one's loggers are Pytest's.
    code = PRELUDE.format(url=database_url) + code + "\nengine.dispose()"
    done = project.run("python", "-W", "error", "-c", code)
    assert done.stdout + done.stderr == ""


def test_a_given_engine_needs_no_settings(project: Environment) -> None:
    """My app asks for its revisions at each request, and no file is read for that."""
    url = f"sqlite:///{project.path}/mine.db"

    asked: list[str] = []

    def ask_settings(name: str) -> URL:
        asked.append(name)
        return make_url(url)

    engine = create_engine(url, poolclass=NullPool)
    with project.migrations() as migrations:
        mine = Migrations(replace(migrations.project, url=ask_settings))
        assert mine.stamped(connection=engine) == ()
        assert len(mine.pending(connection=engine)) == 1
    assert asked == []
