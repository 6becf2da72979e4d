"""Say on a terminal what takes long, since when, and how far it is."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from .connect import backend_pid, engine_of

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
    done = threading.Event()
    words = " ".join(what.split())[:60]
    thread = threading.Thread(
        target=_show, args=(_Watch(connection), words, done), daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class _Watch:
    """Ask a server about the work of a session, from another one."""

    def __init__(self, connection: sa.Connection) -> None:
        self._pid: int | None = None
        if connection.dialect.name == "postgresql":
            self._pid = backend_pid(connection.connection.dbapi_connection)
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
