"""SQLite: the whole run in one transaction, in which a rebuilt table keeps its rows."""

import sqlite3
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from alembic.util import CommandError
from sqlalchemy import Connection, event

from . import dangling, orphans
from .driver import begins_by_itself, by_hand, pragma, raw_connection
from .waiting import setting, wait_until

if TYPE_CHECKING:
    from .run import Run


@contextmanager
def prepared(connection: Connection, _options: dict[str, Any]) -> Iterator[None]:
    """Turn foreign keys off, and make the transaction that Alembic begins a real one.

    Alembic alters a table by making a new one and dropping the old. With foreign keys
    on, that drop deletes every row that refers to it by ON DELETE CASCADE.

    :param connection: the database; it is left as it was found.
    :raises CommandError: when foreign keys cannot be turned off.
    """
    raw = raw_connection(connection)
    begun = raw.in_transaction and not begins_by_itself(raw)
    if connection.in_transaction() or begun:
        _join_transaction(raw)
        yield
        return
    patience = round(1000 * setting("MIGRATION_LOCK_TIMEOUT", 5))
    with (
        by_hand(raw),
        # The pragma is ignored while a transaction is open: so now, and read back.
        pragma(raw, "foreign_keys", 0),
        pragma(raw, "busy_timeout", patience),
    ):
        event.listen(connection, "begin", _begin)
        try:
            yield
        finally:
            event.remove(connection, "begin", _begin)


@contextmanager
def checked(run: "Run") -> Iterator[Callable[[], None]]:
    """Give the last act of a run: to see that no row, view or trigger dangles.

    :param run: a run that has begun its transaction.
    """
    raw = raw_connection(run.connection)
    checks = orphans.remember(raw), dangling.remember(raw)

    def check() -> None:
        for each in checks:
            each()

    with warnings.catch_warnings():
        # Unnamed CHECKs and expression indexes are kept, whatever Alembic says.
        warnings.filterwarnings("ignore", "Unnamed CHECK|Skipped unsupported reflect")
        yield check


def _begin(connection: Connection) -> None:
    """Begin for SQLAlchemy, which thinks that the driver does."""
    if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
        return  # a revision asked for an autocommit_block()
    raw = raw_connection(connection)
    # Else the driver begins late, and a CREATE TABLE would be in no transaction.
    raw.isolation_level = None
    _begin_immediate(raw)


def _begin_immediate(raw: sqlite3.Connection) -> None:
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
        wait_until(attempt, lambda: "another process that writes to the SQLite file")


def _join_transaction(raw: sqlite3.Connection) -> None:
    """Run inside the transaction of the caller, who commits it or not."""
    if raw.execute("PRAGMA foreign_keys").fetchone() != (0,):
        raise CommandError(
            "The connection given has begun a transaction, in which SQLite cannot turn"
            " foreign keys off: a table that is rebuilt would lose the rows that refer"
            " to it.\nGive the Engine, or a Connection on which nothing has begun."
        )
    if not raw.in_transaction:
        _begin_immediate(raw)
