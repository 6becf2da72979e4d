"""What the revision files and a database say, without changing either."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import NamedTuple

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from .operations.aside import kept
from .operations.base import label
from .runtime.applied import Applied, Edited, Ran
from .runtime.connect import Database, opened
from .runtime.recovery import RevisionMarker


def stamped(database: Database) -> tuple[str, ...]:
    """Return the ids of the revisions that a database is at, known here or not."""
    with opened(database) as connection:
        return _context(database, connection).get_current_heads()


def _context(database: Database, connection: Connection) -> MigrationContext:
    options = dict(database.version_table)
    return MigrationContext.configure(connection, opts=options)


class HalfApplied(NamedTuple):
    """A revision that stopped in the middle, as MariaDB can leave one.

    :param revision: its id.
    :param direction: "upgrade" or "downgrade".
    :param goes_on: whether the same command goes on where it stopped.
    """

    revision: str
    direction: str
    goes_on: bool


def half_applied(database: Database) -> HalfApplied | None:
    """Return the revision that stopped in the middle, if one did."""
    with opened(database) as connection:
        heads = _context(database, connection).get_current_heads()
        options = dict(database.version_table)
        mark = RevisionMarker(connection, options).stopped(connection, heads)
    if mark is None:
        return None
    return HalfApplied(mark["revision"], mark["direction"], bool(mark["number"]))


class SetAside(NamedTuple):
    """A table or a column that a revision has set aside.

    :param schema: the schema of the table, if it has one.
    :param table: the table, by the name that it has now.
    :param column: the column, likewise; None where it is the table.
    """

    schema: str | None
    table: str
    column: str | None

    @property
    def until(self) -> date:
        """The day from which on it may be dropped."""
        found = kept(self.column or self.table)
        return found.until if found else date.max

    @property
    def counts(self) -> bool:
        """Whether it is the column that says which rows came since."""
        found = kept(self.column)
        return bool(found and found.counts)

    @property
    def is_due(self) -> bool:
        """Whether its day has come."""
        return self.until <= datetime.now(tz=UTC).date()

    def __str__(self) -> str:
        """Return what it was called."""
        found = kept(self.column or self.table)
        name = found.name if found else ""
        if self.column is None:
            return label(self.schema, name)
        return f"{label(self.schema, self.table)}.{name}"


SERVERS_COLUMNS = (
    "SELECT table_name, column_name FROM information_schema.columns"
    " JOIN information_schema.tables USING (table_schema, table_name)"
    " WHERE table_type = 'BASE TABLE' AND table_schema = coalesce(:schema, {here})"
)
COLUMNS = {
    "sqlite": "SELECT m.name, c.name FROM sqlite_master m"
    " JOIN pragma_table_info(m.name) c WHERE m.type = 'table'",
    "postgresql": SERVERS_COLUMNS.format(here="current_schema()"),
    "mysql": SERVERS_COLUMNS.format(here="database()"),
    "mariadb": SERVERS_COLUMNS.format(here="database()"),
}
"""The columns of all tables of a schema, by the kind of database."""


def set_aside(database: Database, schemas: Iterable[str | None]) -> list[SetAside]:
    """Return the tables and the columns of a database that are set aside.

    :param schemas: those that models use.
    """
    with opened(database) as connection:
        every = sa.text(COLUMNS[connection.dialect.name])
        found = set[SetAside]()
        for schema in {None, *schemas}:
            given = {} if connection.dialect.name == "sqlite" else {"schema": schema}
            rows = connection.execute(every, given)
            found |= {it for row in rows for it in _set_aside(schema, *row)}
    return sorted(found, key=str)


def _set_aside(schema: str | None, table: str, column: str) -> Iterator[SetAside]:
    if kept(table):
        yield SetAside(schema, table, None)
    elif kept(column):
        yield SetAside(schema, table, column)


def edited(folder: ScriptDirectory, database: Database, name: str) -> list[Edited]:
    """Return the revisions that say something else than when they ran on a database.

    :param name: the database, where there are several, or "".
    """
    with opened(database) as connection:
        heads = _context(database, connection).get_current_heads()
        token = f"{name}_upgrades" if name else "upgrades"
        options = {**database.version_table, "upgrade_token": token}
        return Applied(connection, options).edited(folder, heads)


def ran(database: Database, connection: Connection) -> dict[str, Ran]:
    """Return what a database remembers of revisions that took long, by their ids."""
    return Applied(connection, dict(database.version_table)).ran()
