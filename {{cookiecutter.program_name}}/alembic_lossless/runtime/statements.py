"""What a statement does to a transaction of MariaDB and MySQL.

Source: "SQL statements That Cause an Implicit Commit" in MariaDB's documentation.
"""

import re
from enum import Enum


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

HALVES = re.compile(r"DROP\b.*,", re.IGNORECASE | re.DOTALL)
"""Of several tables, some are dropped even when it fails."""


def effect_of(statement: str) -> Effect:
    """Tell what a statement does, if it succeeds; when in doubt, that it is kept."""
    code = _code(statement)
    if SEVERAL.search(code):
        return Effect.KEPT
    if READS.match(code):
        return Effect.NONE
    return Effect.ROWS if WRITES_ROWS.match(code) else Effect.KEPT


def fails_halfway(statement: str) -> bool:
    """Tell whether a statement that fails may have done a part of its work."""
    code = _code(statement)
    return bool(SEVERAL.search(code) or HALVES.match(code))


def _code(statement: str) -> str:
    """Return a statement without comments, and without what stands in quotes."""
    code = NOT_CODE.sub(lambda found: "''" if found[1] else " ", statement)
    return code.lstrip(" \t\r\n(")
