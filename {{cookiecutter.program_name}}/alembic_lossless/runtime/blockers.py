"""Who holds what a run waits for: named with query and age, ended on request."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from ..types.portable import kind_of

log = logging.getLogger(__name__)

QUICK, SLOW = 0.01, 0.5
"""Seconds between two looks: a statement of a live revision waits 0.05 s at a time."""

WAITING = """SELECT query_id FROM information_schema.processlist
WHERE id = :pid AND state = 'Waiting for table metadata lock'"""

PATIENCE, MOMENT = 0.04, 0.02
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


class _Server(NamedTuple):
    """What a kind of server is asked."""

    blockers: str
    """Who blocks it, or may do so."""
    end: str
    """Ends a session."""
    session: str
    """The number of the session that asks."""


SERVERS = {
    "postgresql": _Server(
        "SELECT pid, xact_start, extract(epoch FROM clock_timestamp() - xact_start),"
        " state, query FROM pg_stat_activity WHERE pid = ANY (pg_blocking_pids(:pid))"
        " AND xact_start IS NOT NULL",
        "SELECT pg_terminate_backend(:pid)",
        "SELECT pg_backend_pid()",
    ),
    "mysql": _Server(
        # It does not say whom a table's lock belongs to: the old ones of the database.
        "SELECT id, trx_started, timestampdiff(SECOND, trx_started, now()),"
        " concat('open transaction, ', lower(command)), coalesce(info, trx_query, '')"
        " FROM information_schema.innodb_trx"
        " JOIN information_schema.processlist ON id = trx_mysql_thread_id"
        " WHERE id <> :pid AND db = database()"
        " AND trx_started < now() - INTERVAL 1 SECOND",
        "KILL :pid",
        "SELECT connection_id()",
    ),
}
SERVERS["mariadb"] = SERVERS["mysql"]


def _pid_of(connection: Connection) -> int:
    """Return the number of a session, which its driver knows, or else the server."""
    raw: Any = connection.connection.dbapi_connection
    if hasattr(raw, "info"):
        return int(raw.info.backend_pid)
    if hasattr(raw, "thread_id"):
        return int(raw.thread_id())
    with raw.cursor() as cursor:  # of a driver that is awaited
        cursor.execute(SERVERS[connection.dialect.name].session)
        return int(cursor.fetchone()[0])


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
        done = threading.Event()
        look = partial(self._watch, done, after)
        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

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

    def _watch(self, done: threading.Event, after: float) -> None:
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
        elif time.monotonic() - self._since[1] >= PATIENCE:
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
