"""What costs a connection most, and one test leaves to the next.

A session of its own costs PostgreSQL ten times what a statement does: it begins with
nothing of the catalog. `DISCARD ALL` takes back whatever a session can be told. PyMySQL
reads the certificates of the machine for each connection.
"""

import os
import select
import ssl
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any, Self

import psycopg
from psycopg.abc import PQGenConn
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import ConnStatus, ExecStatus, PGconn, TransactionStatus
from psycopg.pq.abc import PGconn as Session

MOST = 4
"""How many sessions are kept of a database."""

_kept = defaultdict[tuple[int, str], list[Session]](list)
"""The sessions by the process that has them, and how they were begun."""

_GONE = PGconn.connect_start(b"host=/nowhere")
_GONE.finish()


class Connection(psycopg.Connection[Any]):
    """A connection to a test's database, whose session is not ended with it."""

    begun = ""
    """How the session was begun, where it is kept."""

    @classmethod
    def _connect_gen(cls, conninfo: str = "", **more: Any) -> PQGenConn[Self]:
        sessions = _kept[os.getpid(), conninfo]
        while sessions and not _is_idle(sessions[-1]):
            sessions.pop().finish()
        if sessions:
            made = cls(sessions.pop())
        else:
            made = yield from super()._connect_gen(conninfo, **more)
        if str(conninfo_to_dict(conninfo).get("dbname")).startswith("test_"):
            made.begun = conninfo
        return made

    def close(self) -> None:
        """Close the connection, and keep its session."""
        sessions = _kept[os.getpid(), self.begun]
        if self.begun and len(sessions) < MOST and _is_as_new(self.pgconn):
            sessions.append(self.pgconn)
            self.pgconn = _GONE
        super().close()


def _is_idle(session: Session) -> bool:
    """Tell a session to which the server has nothing more to say, as that it ended."""
    if session.status != ConnStatus.OK:
        return False
    readable, _, _ = select.select([session.socket], [], [], 0)
    return not readable


def _is_as_new(session: Session) -> bool:
    """Make a session like a new one, and tell whether it is."""
    if session.status != ConnStatus.OK:
        return False
    if session.transaction_status in {
        TransactionStatus.INTRANS,
        TransactionStatus.INERROR,
    }:
        session.exec_(b"ROLLBACK")
    if session.transaction_status != TransactionStatus.IDLE:
        return False
    return session.exec_(b"DISCARD ALL").status == ExecStatus.COMMAND_OK


def keep() -> None:
    """Let this process keep sessions, and read certificates once."""
    psycopg.connect = Connection.connect
    read_certificates_once()


def read_certificates_once() -> None:
    """Read the certificates of the machine for all connections, those of forks too."""
    once: Any = cache(ssl.create_default_context)
    once(cafile=None, capath=None)  # as PyMySQL asks
    ssl.create_default_context = once


def _kept_of(database: str) -> Iterator[list[Session]]:
    for (process, begun), sessions in _kept.items():
        if process == os.getpid() and conninfo_to_dict(begun).get("dbname") == database:
            yield sessions


def sessions_of(database: str) -> list[Session]:
    """Return the sessions of a database that this process keeps."""
    return [session for sessions in _kept_of(database) for session in sessions]


def end(database: str) -> None:
    """End the sessions of a database: it goes, or is to be another for the next."""
    for sessions in _kept_of(database):
        while sessions:
            sessions.pop().finish()
