"""What a revision costs a copy: seconds, rows, locks and bytes, as a server counts."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

from ..sql import undoubled

LOCKS = """
SELECT coalesce(nullif(nspname, 'public') || '.', '') || relname, mode
FROM pg_locks JOIN pg_class ON pg_class.oid = relation
JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE pid = pg_backend_pid() AND granted AND relkind IN ('r', 'p', 'm')
AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
AND mode NOT IN ('AccessShareLock', 'RowShareLock')
"""
"""The locks of a transaction by which others may have to wait."""

ROWS = """
SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0),
    coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_xact_user_tables
"""
"""The rows that a transaction has read and written so far."""

HANDLERS = "SHOW SESSION STATUS LIKE 'Handler%'"
READS, WRITES = "Handler_read", ("Handler_write", "Handler_update", "Handler_delete")

WORDS = {
    "AccessExclusiveLock": "ACCESS EXCLUSIVE",
    "ExclusiveLock": "EXCLUSIVE",
    "ShareRowExclusiveLock": "SHARE ROW EXCLUSIVE",
    "ShareLock": "SHARE",
    "ShareUpdateExclusiveLock": "SHARE UPDATE EXCLUSIVE",
    "RowExclusiveLock": "ROW EXCLUSIVE",
}
"""PostgreSQL's locks in the words of its documentation, the strongest first."""


@dataclass
class Cost:
    """What one revision cost.

    :param revision: its identifier.
    :param message: what it says that it does.
    :param seconds: how long it took, its commit included.
    :param rows_read: rows that it read, None where the server does not count them.
    :param rows_written: rows that it inserted, changed and deleted, likewise.
    :param bytes_written: what the server, or the file, grew by: PostgreSQL's WAL.
    :param locks: the strongest lock on each table, and for how many seconds.
    :param statement: the statement that took longest, and its seconds.
    """

    revision: str
    message: str
    seconds: float = 0
    rows_read: int | None = None
    rows_written: int | None = None
    bytes_written: int | None = None
    locks: dict[str, tuple[str, float]] = field(default_factory=dict)
    statement: tuple[str, float] = ("", 0)


@contextmanager
def measured(engine: Engine, revision: str, message: str) -> Iterator[Cost]:
    """Measure what is run on an engine for a while.

    :param engine: the copy.
    :param revision: what is run, likewise `message`.
    """
    cost = Cost(revision, message)
    meter = METERS.get(engine.dialect.name, _Meter)(engine, cost)
    begin = time.monotonic()
    with meter.listening():
        yield cost
    cost.seconds = time.monotonic() - begin
    meter.finish()


class _Meter:
    """Count what a database tells of itself."""

    def __init__(self, engine: Engine, cost: Cost) -> None:
        self._engine, self._cost = engine, cost
        self._begun = 0.0
        self._before = self._bytes()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Notice each statement, and the end of each transaction."""
        listeners = {
            "before_cursor_execute": self._begin,
            "after_cursor_execute": self._end,
            "commit": self._committed,
            "rollback": self._committed,
        }
        for name, listener in listeners.items():
            event.listen(self._engine, name, listener)
        try:
            yield
        finally:
            for name, listener in listeners.items():
                event.remove(self._engine, name, listener)

    def finish(self) -> None:
        """Take what is known at the end."""
        before, after = self._before, self._bytes()
        if before is not None and after is not None:
            self._cost.bytes_written = max(0, after - before)

    def _begin(self, *_: Any) -> None:
        self._begun = time.monotonic()

    def _end(self, connection: Connection, _cursor: Any, text: str, *_: Any) -> None:
        seconds = time.monotonic() - self._begun
        if seconds > self._cost.statement[1]:
            said = " ".join(undoubled(text, connection.dialect).split())
            self._cost.statement = said, seconds
        self._look(connection)

    def _committed(self, _connection: Connection) -> None:
        """Take note that a transaction ended."""

    def _look(self, connection: Connection) -> None:
        """Ask the session what it has done."""

    def _bytes(self) -> int | None:
        return None


class _Sessions(_Meter):
    """Add up what each session says that it has done since it began."""

    def __init__(self, engine: Engine, cost: Cost) -> None:
        super().__init__(engine, cost)
        # Each is kept, so that no later one has its number.
        self._sessions: dict[int, tuple[Any, int, int]] = {}

    def finish(self) -> None:
        super().finish()
        found = self._sessions.values()
        self._cost.rows_written = sum(written for _, _, written in found)

    def _look(self, connection: Connection) -> None:
        raw: Any = connection.connection.dbapi_connection
        self._sessions[id(raw)] = (raw, *self._counted(raw))

    def _counted(self, raw: Any) -> tuple[int, int]:
        """Return the rows that a session has read and written."""
        return 0, raw.total_changes


class _SQLite(_Sessions):
    """Count the changes of connections, and the bytes of the file."""

    def _bytes(self) -> int | None:
        file = Path(self._engine.url.database or "")
        return file.stat().st_size if file.is_file() else None


class _PostgreSQL(_Meter):
    """Look at a transaction's locks and rows after each of its statements."""

    def __init__(self, engine: Engine, cost: Cost) -> None:
        super().__init__(engine, cost)
        self._since: dict[tuple[str, str], float] = {}
        self._rows = (0, 0)
        self._total = (0, 0)

    def finish(self) -> None:
        super().finish()
        self._cost.rows_read, self._cost.rows_written = self._total

    def _look(self, connection: Connection) -> None:
        raw: Any = connection.connection.dbapi_connection
        info = getattr(raw, "info", None)  # asyncpg has none
        if info is not None and info.transaction_status.name != "INTRANS":
            return
        with raw.cursor() as cursor:
            cursor.execute(ROWS)
            read, written = cursor.fetchone()
            self._rows = int(read), int(written)
            cursor.execute(LOCKS)
            for lock in cursor.fetchall():
                self._since.setdefault(lock, self._begun)

    def _committed(self, _connection: Connection) -> None:
        # The event comes before the commit; what that takes is not the revision's.
        now = time.monotonic()
        for (table, mode), begun in self._since.items():
            known = self._cost.locks.get(table, ("", 0.0))
            word, seconds = WORDS[mode], now - begun
            if not known[0] or _strength(word) < _strength(known[0]):
                known = (word, seconds)
            elif word == known[0]:
                known = (word, max(seconds, known[1]))
            self._cost.locks[table] = known
        read, written = self._total
        self._total = read + self._rows[0], written + self._rows[1]
        self._since, self._rows = {}, (0, 0)

    def _bytes(self) -> int | None:
        query = "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"
        with self._engine.connect() as connection:
            return int(connection.exec_driver_sql(query).scalar_one())


def _strength(word: str) -> int:
    return list(WORDS.values()).index(word)


class _MariaDB(_Sessions):
    """Read the counters of sessions, and the server's of its log."""

    def finish(self) -> None:
        super().finish()
        self._cost.rows_read = sum(read for _, read, _ in self._sessions.values())

    def _counted(self, raw: Any) -> tuple[int, int]:
        with raw.cursor() as cursor:
            cursor.execute(HANDLERS)
            found = {name: int(value) for name, value in cursor.fetchall()}
        read = sum(it for name, it in found.items() if name.startswith(READS))
        return read, sum(found[name] for name in WRITES)

    def _bytes(self) -> int | None:
        query = "SHOW GLOBAL STATUS LIKE 'Innodb_os_log_written'"
        with self._engine.connect() as connection:
            row = connection.exec_driver_sql(query).first()
        return int(row[1]) if row else None


METERS: dict[str, type[_Meter]] = {
    "sqlite": _SQLite,
    "postgresql": _PostgreSQL,
    "mysql": _MariaDB,
    "mariadb": _MariaDB,
}
"""The kinds of databases that tell what a revision costs."""
