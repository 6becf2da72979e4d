"""What the operations have in common, and a table as statements name it."""

import hashlib
from typing import Any, ClassVar

import sqlalchemy as sa
from alembic.operations import MigrateOperation, Operations, ops

from ..runtime.recovery import journal_of

Key = tuple[str | None, str]
"""The schema and the name of a table."""


def label(schema: str | None, table: str) -> str:
    """Return a table's name as questions and answers have it."""
    return f"{schema}.{table}" if schema else table


class AutocommitBlock(ops.OpContainer):
    """Operations that are each committed by itself."""


class LosslessOp(MigrateOperation):
    """An operation that a draft writes as one call on `op`.

    :param arguments: what the call is written with, in order.
    :param schema: the schema of its table or type, if it has one.
    :param options: what it is written with by name.
    """

    function: ClassVar[str]
    """The name of the call."""

    def __init__(
        self, *arguments: Any, schema: str | None = None, **options: Any
    ) -> None:
        """Take what the call is written with."""
        self.arguments = arguments
        self.schema = schema
        self.options = options

    def as_alembic(self) -> MigrateOperation | None:
        """Return the operation of Alembic's that leaves a table the same, if one does.

        Who reads revisions need not know the operations of the library.
        """
        return None

    def stops_like(self) -> MigrateOperation:
        """Return the operation that makes others wait as this one does."""
        return self


def table(op: LosslessOp, name: str, *columns: str) -> sa.TableClause:
    """Return a table that an operation speaks of, with these columns."""
    return sa.table(name, *map(sa.column, columns), schema=op.schema)


def is_online(operations: Operations) -> bool:
    """Tell whether a revision is one of a live project, and must hold no lock."""
    journal = journal_of(operations.get_context())
    return journal is not None and journal.live


def dialect_of(operations: Operations) -> str:
    """Return the name of the database that a revision runs on."""
    return operations.get_context().dialect.name


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
