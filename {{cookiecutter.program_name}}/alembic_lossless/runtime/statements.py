"""What a statement does to a transaction of MariaDB and MySQL, and one cut off did.

Where a statement commits itself, the server can have done it when the connection is
lost, and that it ended was not written down. So it is written down that it begins. A
later run tries it again: if that fails because all is as it should be, it was done.

Source: "SQL statements That Cause an Implicit Commit" in MariaDB's documentation.
"""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from .patience import codes_of

log = logging.getLogger(__name__)

T = TypeVar("T")


class Effect(Enum):
    """What is left of a statement when its transaction is rolled back."""

    NONE = "nothing, for it changed nothing"
    ROWS = "nothing, as long as the tables know transactions"
    KEPT = "all of it, and of what came before it"


QUOTED = r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`[^`]*`"""
COMMENT = r"/\*(?!M?!).*?\*/|--(?=\s)[^\n]*|#[^\n]*"
"""What begins with `/*!` or `/*M!` is no comment: the server runs it."""

NOT_CODE = re.compile(rf"({QUOTED})|{COMMENT}", re.DOTALL)

READS = re.compile(
    r"(SELECT|SHOW|DESCRIBE|DESC|EXPLAIN|VALUES|USE|SAVEPOINT|RELEASE|SET(?!.*autocommit)"
    r"|WITH(?!.*\b(UPDATE|DELETE)\b))\b",
    re.IGNORECASE | re.DOTALL,
)
WRITES_ROWS = re.compile(
    r"(INSERT|UPDATE|DELETE|REPLACE|LOAD|WITH|(CREATE|DROP)\s+TEMPORARY)\b",
    re.IGNORECASE,
)
SEVERAL = re.compile(r";\s*\S")
"""A driver can be told to take several statements at once."""

COMMIT = re.compile(r"(COMMIT|END)\b", re.IGNORECASE)

HALVES = re.compile(r"DROP\b.*,", re.IGNORECASE | re.DOTALL)
"""Of several tables, some are dropped even when it fails."""


IS_THERE = {1050, 1060, 1061, 1826, "42710", "42P07"}
"""Errors of what is made again: a table, a column, an index, a key, a value."""

IS_GONE = {1051, 1054, 1091, 1146, "42704"}
"""Errors of what is dropped or renamed again."""


def effect_of(statement: str) -> Effect:
    """Tell what a statement does, if it succeeds; when in doubt, that it is kept."""
    code = _code(statement)
    if SEVERAL.search(code):
        return Effect.KEPT
    if READS.match(code):
        return Effect.NONE
    return Effect.ROWS if WRITES_ROWS.match(code) else Effect.KEPT


def commits(statement: str) -> bool:
    """Tell the statement that commits, which a revision may hold."""
    return bool(COMMIT.match(_code(statement)))


def fails_halfway(statement: str) -> bool:
    """Tell whether a statement that fails may have done a part of its work."""
    code = _code(statement)
    return bool(SEVERAL.search(code) or HALVES.match(code))


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


def _code(statement: str) -> str:
    """Return a statement without comments, and without what stands in quotes."""
    code = NOT_CODE.sub(lambda found: "''" if found[1] else " ", statement)
    return code.lstrip(" \t\r\n(")
