"""Try again what did not get its lock, and let others through between the tries."""

import time
from collections.abc import Callable
from itertools import chain, repeat
from typing import Any, TypeVar

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
