"""PostgreSQL and MariaDB: one run at a time, and no endless wait for a table."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from ..project import Settings
from ..urls import SCHEMA
from . import pooler
from .mariadb_dependents import Dependents

if TYPE_CHECKING:
    from .run import Run

log = logging.getLogger(__name__)

PAUSE = 0.1
"""Seconds between two tries: an upgrade that waits for nobody loses no more."""


def seconds(settings: Settings, name: str, default: float) -> float:
    """Return a setting in seconds.

    :raises CommandError: when it is not a number of seconds.
    """
    try:
        return settings.seconds(name, default)
    except ValueError as error:
        raise CommandError(str(error)) from error


def lock_timeout(settings: Settings) -> float:
    """Return how many seconds a statement waits for a table that is in use."""
    return seconds(settings, "MIGRATION_LOCK_TIMEOUT", 5)


def wait_until(
    attempt: Callable[[], bool], who: Callable[[], str], settings: Settings
) -> None:
    """Repeat an attempt until it succeeds.

    Trying and sleeping, not waiting inside the database: a session that waits there
    blocks CREATE INDEX CONCURRENTLY, and Ctrl-C would have to wait as well.

    :param attempt: says whether it succeeded, and does not wait.
    :param who: names the one that is waited for.
    :param settings: `MIGRATION_WAIT` is the longest wait.
    :raises CommandError: at the deadline.
    """
    longest = seconds(settings, "MIGRATION_WAIT", 300)
    deadline = time.monotonic() + longest
    told = False
    while not attempt():
        if not told:
            log.warning("Waiting up to %g s for %s.", longest, who())
            told = True
        if time.monotonic() >= deadline:
            raise CommandError(
                f"Waited {longest:g} s for {who()}; nothing was changed.\n"
                f"Let it finish or end it, then run this again; or set"
                f" {settings.variable('MIGRATION_WAIT')} to more seconds."
            )
        time.sleep(PAUSE)


COMMITS_DDL = ("mysql", "mariadb")
"""The dialects whose CREATE, ALTER and DROP commit whatever came before."""


class Server(NamedTuple):
    """What a kind of server is told, in its own words."""

    limit: str
    unlimit: str
    lock: str
    unlock: str
    held: str
    holder: str


HOLDS = (
    "locktype = 'advisory' AND granted AND objsubid = 1"
    " AND CAST(classid AS bigint) = CAST(:key AS bigint) >> 32"
    " AND CAST(objid AS bigint) = CAST(:key AS bigint) & 4294967295"
)
"""Which rows of `pg_locks` are about the lock of a key."""

POSTGRESQL = Server(
    limit="SELECT set_config('lock_timeout', CAST(:seconds AS text) || 's', false)",
    unlimit="RESET lock_timeout",
    lock="SELECT pg_try_advisory_lock(:key)",
    unlock="SELECT pg_advisory_unlock(:key)",
    held=f"SELECT count(*) FROM pg_locks WHERE {HOLDS}",  # noqa: S608  a constant
    holder="SELECT concat_ws(', ', usename, client_addr, application_name,"  # noqa: S608
    " 'process ' || pid) FROM pg_locks JOIN pg_stat_activity USING (pid)"
    f" WHERE {HOLDS}",
)

MARIADB = Server(
    limit="SET @table_wait = @@lock_wait_timeout, lock_wait_timeout = :seconds,"
    " @row_wait = @@innodb_lock_wait_timeout, innodb_lock_wait_timeout = :seconds",
    unlimit="SET lock_wait_timeout = @table_wait, innodb_lock_wait_timeout = @row_wait",
    lock="SELECT GET_LOCK(:key, 0)",
    unlock="SELECT RELEASE_LOCK(:key)",
    held="SELECT IS_USED_LOCK(:key) IS NOT NULL",
    holder="SELECT concat(user, ', ', host, ', connection ', id)"
    " FROM information_schema.processlist WHERE id = IS_USED_LOCK(:key)",
)


@contextmanager
def prepared(run: "Run") -> Iterator[None]:
    """Hold the migration lock of a database, and do not wait long for its tables.

    An ALTER TABLE that waits for one query makes every later query wait behind it.
    The lock is the session's: an `autocommit_block()` would lose a transaction's. When
    the caller began a transaction, though, it is held until the caller ends that, and
    how long a statement waits is the caller's choice.

    :param run: a run that has not begun.
    """
    connection, settings = run.connection, run.database.settings
    mysql, server = _server(connection)
    ask = _asking(connection)
    key = lock_key(connection, run.options, None if mysql else _schema(ask))

    def holder() -> str:
        return f"another migration ({ask(server.holder, key=key) or 'ending'})"

    if connection.in_transaction():
        if mysql:
            _refuse_open_work(connection)
        lock = server.lock.replace("advisory_lock", "advisory_xact_lock")
        wait_until(lambda: bool(ask(lock, key=key)), holder, settings)
        yield
        return
    if not mysql:
        pooler.refuse(connection, run.database)
    ask(server.limit, seconds=max(1, round(lock_timeout(settings))))
    try:
        wait_until(lambda: bool(ask(server.lock, key=key)), holder, settings)
        yield
    finally:
        with suppress(SQLAlchemyError):  # a session that broke holds nothing any more
            ask(server.unlock, key=key)
            ask(server.unlimit)


def is_held(connection: Connection, options: dict[str, Any]) -> bool:
    """Say whether a run has the migration lock of a database at this moment.

    :param options: what Alembic is told of the database.
    """
    mysql, server = _server(connection)
    schema = None if mysql else connection.scalar(text("SELECT current_schema()"))
    key = lock_key(connection, options, schema)
    return bool(connection.scalar(text(server.held), {"key": key}))


def _server(connection: Connection) -> tuple[bool, Server]:
    mysql = connection.dialect.name in COMMITS_DDL
    return mysql, MARIADB if mysql else POSTGRESQL


def lock_key(
    connection: Connection, options: dict[str, Any], schema: str | None
) -> int | str:
    """Return the name of the lock: one for each version table.

    PostgreSQL counts locks by database and names them by number; MariaDB has one list
    for the whole server, and names of at most 64 characters.
    """
    table = options.get("version_table", "alembic_version")
    name = f"{options.get('version_table_schema') or schema}.{table}"
    if connection.dialect.name not in COMMITS_DDL:
        digest = hashlib.sha256(f"alembic {name}".encode()).digest()
        return int.from_bytes(digest[:8]) >> 1
    database = connection.engine.url.database
    digest = hashlib.sha256(f"{database}.{name}".encode()).digest()
    return f"alembic {str(database)[:20]} {digest.hex()[:32]}"


def _schema(ask: Callable[..., Any]) -> str:
    """Return the schema that tables go to; make the one that the URL names."""
    found: str | None = ask("SELECT current_schema()")
    if found:
        return found
    path = str(ask("SHOW search_path"))
    if SCHEMA.fullmatch(path):
        with suppress(IntegrityError):  # another run made it at the same moment
            ask(f"CREATE SCHEMA IF NOT EXISTS {path}")
    return path


@contextmanager
def checked(run: "Run") -> Iterator[Callable[[], None]]:
    """Give the last act of a run: to say that no revision is half applied.

    :raises CommandError: when MariaDB has views or triggers that the run has broken.
    """
    mysql = run.connection.dialect.name in COMMITS_DDL
    dependents = Dependents(run.connection) if mysql else None

    def check() -> None:
        run.mark.clear()
        if dependents:
            dependents.check()

    with run.mark.watching():
        yield check


def _asking(connection: Connection) -> Callable[..., Any]:
    caller = connection.in_transaction()

    def ask(statement: str, **values: Any) -> Any:
        try:
            result = connection.execute(text(statement), values)
            return result.scalar() if result.returns_rows else None
        finally:
            if not caller:
                # Alembic must find no transaction, a waiter must not keep one open.
                connection.commit()

    return ask


def _refuse_open_work(connection: Connection) -> None:
    """Refuse a transaction of the caller that the first CREATE TABLE would commit."""
    question = text("SELECT @@in_transaction")  # MySQL has no such variable
    if getattr(connection.dialect, "is_mariadb", False) and connection.scalar(question):
        raise CommandError(
            "This server commits an open transaction at every CREATE or ALTER TABLE,"
            " and the connection given has work in one.\n"
            "Commit or undo that first, or give an Engine."
        )
