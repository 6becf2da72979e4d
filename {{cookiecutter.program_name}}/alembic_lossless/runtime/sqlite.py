"""SQLite: the whole run in one transaction, in which a rebuilt table keeps its rows."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from alembic.util import CommandError
from sqlalchemy import Connection, event

from ..project import Settings
from .connect import SQLiteConnection
from .locks import lock_timeout, wait_until

if TYPE_CHECKING:
    from .run import Run


def raw_connection(connection: Connection) -> sqlite3.Connection:
    """Return the driver's own connection: what runs on it begins nothing by itself."""
    raw: Any = connection.connection.dbapi_connection
    if connection.dialect.is_async:
        raw = SQLiteConnection(raw)
    return raw  # type: ignore[no-any-return]


def begins_by_itself(raw: sqlite3.Connection) -> bool:
    """Say whether the driver always holds a transaction open, as it can since 3.12."""
    return getattr(raw, "autocommit", None) is False


@contextmanager
def manual_transactions(raw: sqlite3.Connection) -> Iterator[None]:
    """Let the driver begin and end nothing by itself for a while."""
    level = raw.isolation_level
    mode = None
    if sys.version_info >= (3, 12) and hasattr(raw, "autocommit"):
        mode, raw.autocommit = raw.autocommit, sqlite3.LEGACY_TRANSACTION_CONTROL
        raw.rollback()
    try:
        yield
    finally:
        raw.isolation_level = level
        if sys.version_info >= (3, 12) and mode is not None:
            raw.autocommit = mode


@contextmanager
def pragma(raw: sqlite3.Connection, name: str, value: int) -> Iterator[None]:
    """Give a pragma another value for a while.

    :raises CommandError: when SQLite did not take it.
    """
    (before,) = raw.execute(f"PRAGMA {name}").fetchone()
    raw.execute(f"PRAGMA {name} = {value}")
    if raw.execute(f"PRAGMA {name}").fetchone() != (value,):
        raise CommandError(f"SQLite did not take PRAGMA {name} = {value}.")
    try:
        yield
    finally:
        raw.execute(f"PRAGMA {name} = {before}")


@contextmanager
def prepared(run: "Run") -> Iterator[None]:
    """Turn foreign keys off, and make the transaction that Alembic begins a real one.

    Alembic alters a table by making a new one and dropping the old. With foreign keys
    on, that drop deletes every row that refers to it by ON DELETE CASCADE.

    :param run: a run that has not begun; its connection is left as it was found.
    :raises CommandError: when foreign keys cannot be turned off.
    """
    connection, settings = run.connection, run.database.settings
    raw = raw_connection(connection)
    begun = raw.in_transaction and not begins_by_itself(raw)
    if connection.in_transaction() or begun:
        _join_transaction(raw, settings)
        yield
        return
    milliseconds = round(1000 * lock_timeout(settings))
    with (
        manual_transactions(raw),
        # The pragma is ignored while a transaction is open: so now, and read back.
        pragma(raw, "foreign_keys", 0),
        pragma(raw, "busy_timeout", milliseconds),
    ):
        begin = partial(_begin, settings)
        event.listen(connection, "begin", begin)
        try:
            yield
        finally:
            event.remove(connection, "begin", begin)
            if raw.in_transaction:
                # A COMMIT that others are in the way of leaves it open.
                raw.execute("ROLLBACK")


def _begin(settings: Settings, connection: Connection) -> None:
    """Begin for SQLAlchemy, which thinks that the driver does."""
    if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
        return  # a revision asked for an autocommit_block()
    raw = raw_connection(connection)
    # Else the driver begins late, and a CREATE TABLE would be in no transaction.
    raw.isolation_level = None
    _begin_immediate(raw, settings)


def _begin_immediate(raw: sqlite3.Connection, settings: Settings) -> None:
    """Take the only right to write, before anything is read.

    With a plain BEGIN two runs read the same revision, and both apply the next.
    """

    def attempt() -> bool:
        try:
            raw.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            # The low byte is the kind of error: busy, for whichever reason.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            return False
        return True

    with pragma(raw, "busy_timeout", 0):
        wait_until(
            attempt, lambda: "another process that writes to the SQLite file", settings
        )


def _join_transaction(raw: sqlite3.Connection, settings: Settings) -> None:
    """Run inside the transaction of the caller, who commits it or not."""
    if raw.execute("PRAGMA foreign_keys").fetchone() != (0,):
        raise CommandError(
            "The connection given has begun a transaction, in which SQLite cannot turn"
            " foreign keys off: a table that is rebuilt would lose the rows that refer"
            " to it.\nGive the Engine, or a Connection on which nothing has begun."
        )
    if not raw.in_transaction:
        _begin_immediate(raw, settings)
