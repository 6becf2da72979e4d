"""Statements that leave others at work: MariaDB's LOCK=NONE, PostgreSQL's indexes."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError

from ..rules import rule

T = TypeVar("T")
TABLE = re.compile(r"\s*(ALTER\s+TABLE|CREATE\s+TABLE)\s+(?P<table>\S+)", re.IGNORECASE)
INDEX = re.compile(
    r"\s*CREATE\s+(UNIQUE\s+)?INDEX\s+\S+\s+ON\s+(?P<table>\S+)", re.IGNORECASE
)
DROP_INDEX = re.compile(
    r"\s*DROP\s+INDEX\s+(?P<index>\S+)\s+ON\s+(?P<table>\S+)\s*$", re.IGNORECASE
)
CHOSEN = re.compile(r"\b(LOCK|ALGORITHM)\s*=|\bRENAME\s+(TO\s+)?\S+$", re.IGNORECASE)
NOT_ONLINE = {1845, 1846}
"""MariaDB's errors for an ALGORITHM or a LOCK that it cannot keep."""


def text_of(construct: Any, dialect: Dialect) -> str:
    """Return a statement as the server gets it."""
    if isinstance(construct, str):
        return construct
    return str(construct.compile(dialect=dialect)).strip()


def without_lock(text: str, construct: Any, new: set[str]) -> Any:
    """Return a statement that MariaDB refuses where others would have to wait.

    :param text: the statement as MariaDB gets it.
    :param new: the tables that the revision made: nobody waits for them. It grows.
    """
    found = TABLE.match(text) or INDEX.match(text) or DROP_INDEX.match(text)
    if found is None or CHOSEN.search(text):
        return construct
    table = found["table"]
    if text[:6].upper() == "CREATE" and not INDEX.match(text):
        new.add(table)
    if table in new:
        return construct
    if found.re is DROP_INDEX:
        text = f"ALTER TABLE {table} DROP INDEX {found['index']}"
    between = " " if found.re is INDEX else ", "
    return sa.text(f"{text}{between}LOCK=NONE".replace(":", r"\:"))


@rule("not-online", "refusal", "MariaDB cannot do it while others write to the table.")
def refused(text: str, act: Callable[[], T], connection: sa.Connection) -> T:
    """Run a statement on MariaDB, and say so where it cannot leave writers alone.

    A foreign key is added unchecked: `op.validate_constraint` looks at the rows then.

    :raises CommandError: when others would have to wait; nothing has happened yet.
    """
    unchecked = bool(re.search(r"\bFOREIGN\s+KEY\b", text, re.IGNORECASE))
    if unchecked:
        connection.exec_driver_sql("SET foreign_key_checks = 0")
    try:
        return act()
    except DBAPIError as error:
        code, said = getattr(error.orig, "args", (0, ""))[:2]
        if code not in NOT_ONLINE:
            raise
        raise CommandError(
            f"MariaDB cannot do this while others write to the table: {said}.\n"
            f"  {text}\n"
            "Take it out of the autocommit_block() and run it in a quiet hour."
        ) from error
    finally:
        if unchecked:
            connection.exec_driver_sql("SET foreign_key_checks = 1")


def build(
    index: sa.Index, act: Callable[[], T], connection: sa.Connection, *, goes_on: bool
) -> T | None:
    """Build an index of PostgreSQL, and first drop what a run that failed left of it.

    :param goes_on: whether a run that was killed may have built it, and not have
        written that down.
    """
    is_valid = _is_valid(index, connection)
    if is_valid is False:
        dropped = _name(index, connection)
        connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY {dropped}")
    return None if is_valid and goes_on else act()


def _is_valid(index: sa.Index, connection: sa.Connection) -> bool | None:
    """Tell whether an index can be used; None when there is none."""
    found = sa.text(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:n)"
    )
    valid: bool | None = connection.scalar(found, {"n": _name(index, connection)})
    return valid


def _name(index: sa.Index, connection: sa.Connection) -> str:
    preparer = connection.dialect.identifier_preparer
    name = preparer.format_index(index)
    schema = index.table.schema if index.table is not None else None
    return f"{preparer.quote_schema(schema)}.{name}" if schema else name
