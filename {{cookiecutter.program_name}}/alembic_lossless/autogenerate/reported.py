"""How a database reports a type that it was asked for under another name."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

from ..dialects import ddl

SHORT_BITS = 24
BYTES = ((255, "TINY"), (65535, ""), (16777215, "MEDIUM"))
"""The longest BLOB or TEXT that each of MariaDB's sizes holds, in bytes."""

CHARACTER = 4
"""The bytes that MariaDB counts for a character of utf8mb4."""


def _float(bits: str) -> str:
    return "FLOAT" if int(bits) <= SHORT_BITS else "DOUBLE"


def _sized(length: str, name: str, character: int = 1) -> str:
    """Return the smallest BLOB or TEXT that holds so much, as MariaDB chooses it."""
    bytes_ = int(length) * character
    prefix = next((size for limit, size in BYTES if bytes_ <= limit), "LONG")
    return f"{prefix}{name}"


Rule = tuple[str, Callable[[re.Match[str]], str]]

MARIADB: Sequence[Rule] = (
    (r"REAL|DOUBLE PRECISION", lambda _: "DOUBLE"),
    (r"REAL(\(.*\))", lambda found: f"DOUBLE{found[1]}"),
    (r"FLOAT\((\d+)\)", lambda found: _float(found[1])),
    (r"BLOB\((\d+)\)", lambda found: _sized(found[1], "BLOB")),
    (r"TEXT\((\d+)\)", lambda found: _sized(found[1], "TEXT", CHARACTER)),
    (r"(?:NATIONAL |N)((?:VAR)?CHAR\(\d+\))", lambda found: f"{found[1]}"),
    (r"BOOL(?:EAN)?", lambda _: "TINYINT(1)"),
    (r"(?:NUMERIC|DEC)(.*)", lambda found: f"DECIMAL{found[1]}"),
)
"""What MariaDB and MySQL make of a type.

Source: "Numeric Data Type Overview", "TEXT", "BLOB" and "National character set" in
MariaDB's documentation.
"""

POSTGRESQL: Sequence[Rule] = (
    (r"FLOAT\((\d+)\)", lambda it: "REAL" if int(it[1]) <= SHORT_BITS else "FLOAT"),
    (r"FLOAT|DOUBLE PRECISION", lambda _: "DOUBLE PRECISION"),
    (r"NCHAR(.*)", lambda found: f"CHAR{found[1]}"),
)

RULES = {"mysql": MARIADB, "mariadb": MARIADB, "postgresql": POSTGRESQL}

NATIONAL = re.compile(r" CHARACTER SET utf8(mb3)?| COLLATE utf8(mb3)?_general_ci")
"""How MariaDB reports what NATIONAL means."""


def is_reported_as(
    dialect: Dialect, asked: TypeEngine[Any], reported: TypeEngine[Any]
) -> bool:
    """Tell whether a database makes of one type the other, which it then reports.

    :param asked: what a model asks for.
    :param reported: what the database says it has.
    """
    wanted, found = ddl(asked, dialect), ddl(reported, dialect)
    if wanted is None or found is None:
        return False
    if re.match("N(ATIONAL |CHAR|VARCHAR)", wanted):
        found = NATIONAL.sub("", found)
    return wanted == found or _made_of(dialect, wanted) == _made_of(dialect, found)


def _made_of(dialect: Dialect, asked: str) -> str:
    """Return what a database makes of a type, or of arrays of it."""
    item = asked.rstrip("[]")
    for pattern, make in RULES.get(dialect.name, ()):
        if found := re.fullmatch(pattern, item):
            return make(found) + asked.removeprefix(item)
    return asked
