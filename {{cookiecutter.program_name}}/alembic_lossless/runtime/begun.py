"""A statement that was cut off: nobody wrote down whether the server did it.

Where a statement commits itself, the server can have done it when the connection is
lost, and that it ended was not written down. So it is written down that it begins. A
later run tries it again: if that fails because all is as it should be, it was done.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from .patience import codes_of
from .statements import Effect, effect_of

log = logging.getLogger(__name__)

T = TypeVar("T")

IS_THERE = {1050, 1060, 1061, 1826, "42710", "42P07"}
"""Errors of what is made again: a table, a column, an index, a key, a value."""

IS_GONE = {1051, 1054, 1091, 1146, "42704"}
"""Errors of what is dropped or renamed again."""


def commits_itself(statement: str, *, alone: bool, postgresql: bool) -> bool:
    """Tell whether a server keeps a statement before anything else can be written."""
    return alone if postgresql else effect_of(statement) is Effect.KEPT


@contextmanager
def written_down(
    begin: Callable[[], None], take_back: Callable[[], None]
) -> Iterator[None]:
    """Write down that a statement begins, and take it back when it was refused."""
    begin()
    try:
        yield
    except BaseException as error:
        if not getattr(error, "connection_invalidated", False):
            with suppress(SQLAlchemyError):
                take_back()
        raise


def unless_done(act: Callable[[], T]) -> T | None:
    """Run a statement that an earlier run began, if that did not end it."""
    try:
        return act()
    except DBAPIError as error:
        if not codes_of(error) & (IS_THERE | IS_GONE):
            raise
    log.warning("The statement that was cut off is done already.")
    return None
