"""PostgreSQL behind a pooler: whether each transaction may get another session.

PgBouncer in transaction mode lends a session for one transaction. The lock of a run and
its `lock_timeout` are the session's: two runs could both have the lock, and the next
borrower, a request of the app, would have both. In session mode nothing is different.
"""

from contextlib import suppress
from functools import partial
from os import dup
from socket import SHUT_RDWR, socket
from threading import Timer
from typing import Any

from alembic.util import CommandError
from sqlalchemy import Connection

PATIENCE = 2.0
"""Seconds to wait for a session: a pool in session mode may have no other one."""

TRIES = 10
"""How often to ask: a pool may lend its sessions in turn."""

PID = "SELECT pg_backend_pid()"


def refuse(connection: Connection, database: object) -> None:
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
    raw: Any = connection.connection.dbapi_connection
    known = getattr(getattr(raw, "info", None), "backend_pid", None)
    return known is None or known == _session(connection)


def _is_shared(connection: Connection) -> bool:
    """Tell whether another connection gets the session that this one had."""
    mine = _session(connection)
    try:
        other = _another(connection)
    except connection.dialect.loaded_dbapi.Error:
        return False  # no second connection: it cannot be told
    timer = Timer(PATIENCE, partial(_hang_up, other))
    timer.start()
    try:
        for _ in range(TRIES):
            if _raw_session(other) == mine or _session(connection) != mine:
                return True
    except connection.dialect.loaded_dbapi.Error:
        return False  # in time there was no other session to lend
    finally:
        timer.cancel()
        other.close()
    return False


def _another(connection: Connection) -> Any:
    """Connect once more; an engine would ask for a session at once, and wait."""
    dialect = connection.dialect
    places, names = dialect.create_connect_args(connection.engine.url)
    return dialect.loaded_dbapi.connect(
        *places, **{"connect_timeout": round(PATIENCE), **names}
    )


def _hang_up(raw: Any) -> None:
    """End a wait for a pooler, which does not hear a request to cancel it."""
    with suppress(OSError), socket(fileno=dup(raw.fileno())) as line:
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
