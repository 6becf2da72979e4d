"""How long a statement waits for its lock, so that others are let through.

It waits for an instant, and is tried again; what stops nobody may wait for long.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, repeat
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

T = TypeVar("T")

LOCK_TIMEOUT = "50ms"
"""How long a statement may stand in the queue for a table, and others behind it."""

PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between tries; the last again and again."""

BUSY = {"55P03", "40P01", 1205, 1213}
"""Lock not available, and deadlock: PostgreSQL's SQLSTATE, MariaDB's error number."""


def patiently(act: Callable[[], T], wait: float) -> T:
    """Repeat what did not get its lock, with growing pauses.

    :param wait: seconds after which that is an error.
    :raises DBAPIError: when it did not get it in time, or for another reason.
    """
    deadline = time.monotonic() + wait
    for pause in chain(PAUSES, repeat(PAUSES[-1])):
        try:
            return act()
        except DBAPIError as error:
            if not is_busy(error) or time.monotonic() > deadline:
                raise
        time.sleep(pause)
    raise AssertionError


def is_busy(error: DBAPIError) -> bool:
    """Tell whether an error means that somebody else has the lock."""
    return bool(codes_of(error) & BUSY)


def codes_of(error: DBAPIError) -> set[object]:
    """Return PostgreSQL's SQLSTATE of an error, or MariaDB's number."""
    cause: Any = error.orig
    return {getattr(cause, "sqlstate", None), *getattr(cause, "args", ())[:1]}


@contextmanager
def short_transaction(connection: Connection) -> Iterator[None]:
    """Commit by itself what PostgreSQL has to wait for a table for."""
    execute = connection.exec_driver_sql
    execute("BEGIN")
    try:
        execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        yield
        execute("COMMIT")
    except BaseException:
        execute("ROLLBACK")
        raise


@contextmanager
def unlimited(connection: Connection) -> Iterator[None]:
    """Let PostgreSQL wait for old transactions, which stops nobody."""
    before = connection.exec_driver_sql("SHOW lock_timeout").scalar()
    connection.exec_driver_sql("SET lock_timeout = 0")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"SET lock_timeout = '{before}'")


@contextmanager
def limited(connection: Connection) -> Iterator[None]:
    """Let MariaDB wait for a table no longer than the shortest time it knows."""
    connection.exec_driver_sql("COMMIT")
    connection.exec_driver_sql("SET @wait = @@lock_wait_timeout")
    connection.exec_driver_sql("SET lock_wait_timeout = 1")
    try:
        yield
    finally:
        connection.exec_driver_sql("SET lock_wait_timeout = @wait")
