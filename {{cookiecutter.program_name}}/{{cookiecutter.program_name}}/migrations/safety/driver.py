"""Python's driver of SQLite, which has its own mind about transactions."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic.util import CommandError
from sqlalchemy import Connection


def raw_connection(connection: Connection) -> sqlite3.Connection:
    """Return the driver's own connection: what runs on it begins nothing by itself."""
    raw: Any = connection.connection.dbapi_connection
    return raw  # type: ignore[no-any-return]


def begins_by_itself(raw: sqlite3.Connection) -> bool:
    """Say whether the driver always holds a transaction open, as it can since 3.12."""
    return getattr(raw, "autocommit", None) is False


@contextmanager
def by_hand(raw: sqlite3.Connection) -> Iterator[None]:
    """Let the driver begin and end nothing by itself for a while."""
    level = raw.isolation_level
    if sys.version_info >= (3, 12):
        mode, raw.autocommit = raw.autocommit, sqlite3.LEGACY_TRANSACTION_CONTROL
        raw.rollback()
    try:
        yield
    finally:
        raw.isolation_level = level
        if sys.version_info >= (3, 12):
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
