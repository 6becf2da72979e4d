"""PostgreSQL and MariaDB: one run at a time, and no endless wait for a table."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from os import dup
from socket import SHUT_RDWR, socket
from threading import Timer
from typing import TYPE_CHECKING, Any, NamedTuple

from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from ..project import Settings
from ..sql import escaped, significant
from .asynchronous import awaited, backend_pid
from .causes import codes_of

if TYPE_CHECKING:
    from .run import Run


PATIENCE = 2.0
"""Seconds to wait for a session: a pool in session mode may have no other one."""

TRIES = 10
"""How often to ask: a pool may lend its sessions in turn."""

PID = "SELECT pg_backend_pid()"

LENT = {"42P05", "26000"}
"""A statement is prepared twice, or not at all: others have the session, too."""


def refuse_pooler(connection: Connection, database: object) -> None:
    """Refuse a pooler that does not keep the session of this connection.

    :param connection: one in no transaction.
    :param database: what its owner calls it.
    :raises CommandError: with what to connect to instead.
    """
    if _is_direct(connection) or not _is_shared(connection):
        return
    raise CommandError(
        f"{database}: a pooler in transaction mode is between, which lends each"
        " transaction another session: the lock of a migration would not hold. Nothing"
        " was changed.\nName the server itself, or a pool in session mode."
    )


def _is_direct(connection: Connection) -> bool:
    """Tell a session from one that a pooler lends: its process has another number."""
    known = backend_pid(connection.connection.dbapi_connection)
    return known is None or known == _session(connection)


def _is_shared(connection: Connection) -> bool:
    """Tell whether another connection gets the session that this one had."""
    mine = _session(connection)
    try:
        other = _another(connection)
    except connection.dialect.loaded_dbapi.Error:
        return False  # no second connection: it cannot be told
    except TimeoutError:
        return False  # of asyncpg
    timer = Timer(PATIENCE, partial(_hang_up, other))
    timer.start()
    try:
        for _ in range(TRIES):
            if _raw_session(other) == mine or _session(connection) != mine:
                return True
    except (DBAPIError, connection.dialect.loaded_dbapi.Error) as error:
        # In time there was no other session to lend, or one that is prepared for this.
        return bool(codes_of(getattr(error, "orig", error)) & LENT)
    finally:
        timer.cancel()
        other.close()
    return False


def _another(connection: Connection) -> Any:
    """Connect once more; an engine would ask for a session at once, and wait."""
    dialect = connection.dialect
    places, names = dialect.create_connect_args(connection.engine.url)
    seconds = "timeout" if dialect.driver == "asyncpg" else "connect_timeout"
    options = {seconds: round(PATIENCE), **names}
    connect = partial(dialect.loaded_dbapi.connect, *places, **options)
    return awaited(connect) if dialect.is_async else connect()


def _hang_up(raw: Any) -> None:
    """End a wait for a pooler, which does not hear a request to cancel it."""
    driver = getattr(raw, "driver_connection", raw)
    if not hasattr(driver, "fileno"):
        raw.terminate()  # of asyncpg, as SQLAlchemy has it
        return
    with suppress(OSError), socket(fileno=dup(driver.fileno())) as line:
        line.shutdown(SHUT_RDWR)


def _session(connection: Connection) -> int:
    """Return the number of the server's process, and give the session back."""
    found = int(connection.exec_driver_sql(PID).scalar_one())
    connection.commit()
    return found


def _raw_session(raw: Any) -> int:
    """Return it for a connection of the driver."""
    with raw.cursor() as cursor:
        cursor.execute(PID)
        (found,) = cursor.fetchone()
    raw.commit()
    return int(found)


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
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
"""Which rows of `pg_locks`, a view of the whole server, are about the lock of a key."""

POSTGRESQL = Server(
    limit="SELECT set_config('lock_timeout', CAST(:seconds AS integer) || 's', false)",
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
        refuse_pooler(connection, run.database)
    ask(server.limit, seconds=max(1, round(lock_timeout(settings))))
    try:
        wait_until(lambda: bool(ask(server.lock, key=key)), holder, settings)
        yield
    finally:
        with suppress(SQLAlchemyError):  # a session that broke holds nothing any more
            ask(server.unlock, key=key)
            ask(server.unlimit)


@contextmanager
def strict(connection: Connection) -> Iterator[None]:
    """Let MariaDB and MySQL refuse a value that a column cannot hold, whatever is set.

    A server whose `sql_mode` is not strict cuts it, or takes the nearest number, and
    warns. Source: MariaDB's "SQL_MODE", on strict mode.
    """
    ask = _asking(connection)
    before = ask("SELECT @@sql_mode")
    ask("SET sql_mode = :mode", mode=f"{before},STRICT_ALL_TABLES".lstrip(","))
    try:
        yield
    finally:
        with suppress(SQLAlchemyError):
            ask("SET sql_mode = :mode", mode=before)


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
    names = significant(path)
    if len(names) == 1:
        with suppress(IntegrityError):  # another run made it at the same moment
            ask(f"CREATE SCHEMA IF NOT EXISTS {escaped(path)}")
    return names[0].value


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
