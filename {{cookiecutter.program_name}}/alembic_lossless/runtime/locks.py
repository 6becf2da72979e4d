"""PostgreSQL and MariaDB: one run at a time, and no endless wait for a table.

Who holds what a run waits for is named with query and age, and ended on request. What
takes long is shown on a terminal: since when, and how far it is.
"""

import hashlib
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from os import dup
from socket import SHUT_RDWR, socket
from threading import Timer
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from ..project import Settings
from ..sql import escaped, significant
from ..types.portable import kind_of
from .causes import codes_of
from .connect import awaited, backend_pid, engine_of

if TYPE_CHECKING:
    from .run import Run

log = logging.getLogger(__name__)


# Poolers


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


# The lock of a migration


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
    """What a kind of server is told and asked, in its own words."""

    limit: str
    """Lets a statement wait so many seconds for a table; `unlimit`: as before."""
    unlimit: str
    lock: str
    """Takes the migration lock, if nobody has it; `unlock` gives it back."""
    unlock: str
    held: str
    """Whether somebody has it, and who that is: `holder`."""
    holder: str
    blockers: str
    """Who blocks a session, or may do so."""
    end: str
    """Ends a session."""
    session: str
    """The number of the session that asks."""


HOLDS = (
    "locktype = 'advisory' AND granted AND objsubid = 1"
    " AND CAST(classid AS bigint) = CAST(:key AS bigint) >> 32"
    " AND CAST(objid AS bigint) = CAST(:key AS bigint) & 4294967295"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
"""Which rows of `pg_locks`, a view of the whole server, are about the lock of a key."""

SERVERS = {
    "postgresql": Server(
        limit="SELECT set_config('lock_timeout', CAST(:seconds AS integer) || 's',"
        " false)",
        unlimit="RESET lock_timeout",
        lock="SELECT pg_try_advisory_lock(:key)",
        unlock="SELECT pg_advisory_unlock(:key)",
        held=f"SELECT count(*) FROM pg_locks WHERE {HOLDS}",  # noqa: S608  a constant
        holder="SELECT concat_ws(', ', usename, client_addr, application_name,"  # noqa: S608
        " 'process ' || pid) FROM pg_locks JOIN pg_stat_activity USING (pid)"
        f" WHERE {HOLDS}",
        blockers="SELECT pid, xact_start,"
        " extract(epoch FROM clock_timestamp() - xact_start), state, query"
        " FROM pg_stat_activity WHERE pid = ANY (pg_blocking_pids(:pid))"
        " AND xact_start IS NOT NULL",
        end="SELECT pg_terminate_backend(:pid)",
        session=PID,
    ),
    "mysql": Server(
        limit="SET @table_wait = @@lock_wait_timeout, lock_wait_timeout = :seconds,"
        " @row_wait = @@innodb_lock_wait_timeout, innodb_lock_wait_timeout = :seconds",
        unlimit="SET lock_wait_timeout = @table_wait,"
        " innodb_lock_wait_timeout = @row_wait",
        lock="SELECT GET_LOCK(:key, 0)",
        unlock="SELECT RELEASE_LOCK(:key)",
        held="SELECT IS_USED_LOCK(:key) IS NOT NULL",
        holder="SELECT concat(user, ', ', host, ', connection ', id)"
        " FROM information_schema.processlist WHERE id = IS_USED_LOCK(:key)",
        # It does not say whom a table's lock belongs to: the old ones of the database.
        blockers="SELECT id, trx_started, timestampdiff(SECOND, trx_started, now()),"
        " concat('open transaction, ', lower(command)), coalesce(info, trx_query, '')"
        " FROM information_schema.innodb_trx"
        " JOIN information_schema.processlist ON id = trx_mysql_thread_id"
        " WHERE id <> :pid AND db = database()"
        " AND trx_started < now() - INTERVAL 1 SECOND",
        end="KILL :pid",
        session="SELECT connection_id()",
    ),
}
SERVERS["mariadb"] = SERVERS["mysql"]


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
    server = SERVERS[connection.dialect.name]
    mysql = connection.dialect.name in COMMITS_DDL
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
    mysql = connection.dialect.name in COMMITS_DDL
    schema = None if mysql else connection.scalar(text("SELECT current_schema()"))
    key = lock_key(connection, options, schema)
    held = SERVERS[connection.dialect.name].held
    return bool(connection.scalar(text(held), {"key": key}))


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


# Who is in the way


QUICK, SLOW = 0.01, 0.5
"""Seconds between two looks: a statement of a live revision waits 0.05 s at a time."""

WAITING = """SELECT query_id FROM information_schema.processlist
WHERE id = :pid AND state = 'Waiting for table metadata lock'"""

QUEUED, MOMENT = 0.04, 0.02
"""Seconds for which a statement of MariaDB may stand in the queue for a table, and
between two looks: the server itself counts whole seconds."""

SHOWN = 80
"""How much of a query is shown."""


class Blocker(NamedTuple):
    """A transaction of another session.

    :param pid: the number of its process, or of its connection.
    :param begun: when it began, as the server has it.
    :param seconds: its age.
    :param state: what it is doing.
    :param query: its last statement.
    """

    pid: int
    begun: Any
    seconds: float
    state: str
    query: str

    def __str__(self) -> str:
        """Return it as messages have it."""
        query = " ".join((self.query or "").split())[:SHOWN]
        return f"process {self.pid}, {self.state}, since {self.seconds:.0f} s: {query}"


def _pid_of(connection: Connection) -> int:
    """Return the number of a session, which its driver knows, or else the server."""
    raw: Any = connection.connection.dbapi_connection
    if (found := backend_pid(raw)) is not None:
        return found
    if hasattr(raw, "thread_id"):
        return int(raw.thread_id())
    with raw.cursor() as cursor:  # of a driver that is awaited
        cursor.execute(SERVERS[connection.dialect.name].session)
        return int(cursor.fetchone()[0])


@contextmanager
def _beside(act: Callable[[threading.Event], None]) -> Iterator[None]:
    """Let something be done in a thread meanwhile, until the event that it is given."""
    done = threading.Event()
    thread = threading.Thread(target=act, args=(done,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class Blockers:
    """The sessions that a run has waited for.

    :param connection: the one that waits.
    :param end_after: seconds after which a session that blocks is ended, if it is.
    """

    def __init__(self, connection: Connection, end_after: float | None) -> None:
        """Know of none yet."""
        self._connection, self._end_after = connection, end_after
        self._seen: dict[tuple[int, Any], float] = {}
        self._told = set[int]()
        self._pid: int | None = None
        self._other: Connection | None = None
        self._hurries = False
        self._since = 0, 0.0
        self.interrupted = False
        """Whether what was watched last was ended, since it stood in a queue."""

    def close(self) -> None:
        """Look no more."""
        if self._other is not None:
            with suppress(SQLAlchemyError):
                self._other.close()
            self._other = None

    @contextmanager
    def watched(self, after: float = 0, *, hurries: bool = False) -> Iterator[None]:
        """Look who blocks what is done meanwhile, from another connection.

        :param after: seconds that it may take without a look.
        :param hurries: whether MariaDB's is ended where it stands in a queue.
        """
        if self._connection.dialect.name not in SERVERS:
            yield
            return
        self._pid = self._pid or _pid_of(self._connection)
        self.interrupted = False
        self._hurries = hurries and kind_of(self._connection.dialect) == "mariadb"
        if not after:  # what waits for an instant is to be seen, too
            self._connect()
        with _beside(partial(self._watch, after=after)):
            yield

    def _connect(self) -> None:
        """Connect once more; who has no second connection to give is not asked."""
        if self._other is None:
            engine = sa.create_engine(
                self._connection.engine.url,
                poolclass=NullPool,
                isolation_level="AUTOCOMMIT",
            )
            with suppress(SQLAlchemyError):
                self._other = engine.connect()

    def _watch(self, done: threading.Event, *, after: float) -> None:
        if after and not self._hurries and done.wait(after):
            return
        self._connect()
        begin, other = time.monotonic(), self._other
        look = begin + after if self._hurries else begin
        with suppress(SQLAlchemyError):
            while other is not None:
                now = time.monotonic()
                if now >= look:
                    for blocker in self._found(other):
                        self._take(other, blocker)
                    look = now + (QUICK if now - begin < SLOW else SLOW)
                if self._hurries:
                    self._interrupt(other)
                if done.wait(MOMENT if self._hurries else look - now):
                    return

    def _interrupt(self, other: Connection) -> None:
        """End a statement of MariaDB behind which others have to wait for a table."""
        waits = other.scalar(sa.text(WAITING), {"pid": self._pid})
        if waits is None or waits != self._since[0]:
            self._since = waits or 0, time.monotonic()
        elif time.monotonic() - self._since[1] >= QUEUED:
            self.interrupted = True
            other.execute(sa.text("KILL QUERY ID :id"), {"id": waits})

    def _found(self, other: Connection) -> list[Blocker]:
        query = SERVERS[other.dialect.name].blockers
        return [
            Blocker(*row) for row in other.execute(sa.text(query), {"pid": self._pid})
        ]

    def _take(self, other: Connection, blocker: Blocker) -> None:
        """Name a session that blocks, and end it when it is time."""
        key = blocker.pid, blocker.begun
        since = self._seen.setdefault(key, time.monotonic())
        if blocker.pid not in self._told:
            self._told.add(blocker.pid)
            log.warning("Waiting for %s", blocker)
        wants = self._end_after is not None
        if wants and time.monotonic() - since >= float(self._end_after or 0):
            log.warning("Ending process %d, which has the lock.", blocker.pid)
            with suppress(SQLAlchemyError):
                end = SERVERS[other.dialect.name].end
                other.execute(sa.text(end), {"pid": blocker.pid})
            self._seen.pop(key, None)


# How far it is, on a terminal


QUIET = 1.0
"""Seconds that nobody needs to be told about."""

WIDTH = 100

HOW_FAR = """
SELECT phase, round(100.0 * coalesce(
    nullif(blocks_done, 0)::numeric / nullif(blocks_total, 0),
    nullif(tuples_done, 0)::numeric / nullif(tuples_total, 0), 0))
FROM pg_stat_progress_create_index WHERE pid = :pid
UNION ALL
SELECT phase, round(100.0 * heap_blks_scanned / nullif(heap_blks_total, 0))
FROM pg_stat_progress_cluster WHERE pid = :pid
UNION ALL
SELECT 'waiting for ' || string_agg(coalesce(application_name, '') || ' process '
    || pid || ': ' || left(query, 40), ', '), NULL
FROM pg_stat_activity WHERE pid = ANY (pg_blocking_pids(:pid)) HAVING count(*) > 0
"""
"""What PostgreSQL knows of the work of another session."""


@contextmanager
def shown(connection: sa.Connection, what: str) -> Iterator[None]:
    """Show a step that lasts, once a second, where standard error is a terminal.

    :param connection: the one that is busy; PostgreSQL is asked by another.
    :param what: the step, in one line or more.
    """
    if not sys.stderr.isatty():
        yield
        return
    words = " ".join(what.split())[:60]
    with _beside(partial(_show, _Watch(connection), words)):
        yield


class _Watch:
    """Ask a server about the work of a session, from another one."""

    def __init__(self, connection: sa.Connection) -> None:
        self._pid: int | None = None
        if connection.dialect.name == "postgresql":
            self._pid = _pid_of(connection)
            # An app that lends its one connection has no other to give.
            self._engine = engine_of(connection.engine.url)

    def how_far(self) -> str:
        """Return what is known: the phase, and how much of it is done."""
        if self._pid is None:
            return ""
        with suppress(SQLAlchemyError), self._engine.connect() as connection:
            row = connection.execute(sa.text(HOW_FAR), {"pid": self._pid}).first()
            if row is not None:
                return f"{row[0]} {row[1]} %" if row[1] is not None else str(row[0])
        return ""


def _show(watch: _Watch, what: str, done: threading.Event) -> None:
    begin = time.monotonic()
    told = False
    while not done.wait(QUIET):
        told = True
        seconds = time.monotonic() - begin
        line = f"{what} … {seconds:.0f} s  {watch.how_far()}"
        sys.stderr.write(f"\r{line[:WIDTH].ljust(WIDTH)}")
        sys.stderr.flush()
    if told:
        sys.stderr.write(f"\r{what} took {time.monotonic() - begin:.0f} s{'':<40}\n")
