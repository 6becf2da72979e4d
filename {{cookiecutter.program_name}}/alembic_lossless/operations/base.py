"""What the operations of the library have in common."""

from typing import Any, ClassVar

import sqlalchemy as sa
from alembic.operations import MigrateOperation, Operations

from ..runtime.journal import journal_of


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


def leaves_others_at_work(operations: Operations) -> bool:
    """Tell whether a revision is one of a live project, and must hold no lock."""
    journal = journal_of(operations.get_context())
    return journal is not None and journal.live


def dialect_of(operations: Operations) -> str:
    """Return the name of the database that a revision runs on."""
    return operations.get_context().dialect.name
