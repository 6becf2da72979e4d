"""A table as statements name it, on the database that a revision runs on."""

import hashlib
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations

from ..runtime.journal import journal_of

LONGEST = 63
"""PostgreSQL's limit in bytes; MariaDB's is 64 characters."""


class Names:
    """Quote the names of a table and its parts, and execute text that holds them."""

    def __init__(self, operations: Operations, table: str, schema: str | None) -> None:
        """Take a table."""
        self.operations = operations
        self.name, self.schema = table, schema
        context = operations.get_context()
        self.dialect = context.dialect.name
        self.is_mysql = self.dialect in {"mysql", "mariadb"}
        self.offline = context.as_sql
        self.journal = journal_of(context)
        self._preparer = context.dialect.identifier_preparer

    @property
    def is_alone(self) -> bool:
        """Whether each statement is committed by itself."""
        return self.journal is not None and self.journal.commits()

    @property
    def table(self) -> str:
        """The table, with its schema, quoted where it has to be."""
        schema = f"{self._preparer.quote_schema(self.schema)}." if self.schema else ""
        return schema + self.quoted(self.name)

    def quoted(self, name: str) -> str:
        """Return a name as it stands in a statement."""
        return str(self._preparer.quote(name))

    def execute(self, statement: str) -> None:
        """Execute text in which a colon or a percent sign is only that."""
        self.operations.execute(sa.text(statement.replace(":", r"\:")))

    def bind(self) -> sa.Connection:
        """Return the connection."""
        return self.operations.get_bind()

    def clause(self, *columns: str) -> sa.TableClause:
        """Return the table for a query."""
        every: list[Any] = [sa.column(name) for name in columns]
        return sa.table(self.name, *every, schema=self.schema)


def derived(*parts: str) -> str:
    """Return a name made of others, shortened where a server would do it."""
    name = "_".join(parts)
    if len(name.encode()) <= LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name.encode()[: LONGEST - 9].decode(errors='ignore')}_{digest}"
