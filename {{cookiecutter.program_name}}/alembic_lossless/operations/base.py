"""What the operations of the library have in common."""

from typing import Any, ClassVar

import sqlalchemy as sa
from alembic.operations import MigrateOperation, Operations


class LosslessOp(MigrateOperation):
    """An operation that a draft writes as one call on `op`.

    :param arguments: what the call is written with, in order.
    :param schema: the schema of its table or type, if it has one.
    """

    function: ClassVar[str]
    """The name of the call."""

    def __init__(self, *arguments: Any, schema: str | None = None) -> None:
        """Take what the call is written with."""
        self.arguments = arguments
        self.schema = schema


def table(op: LosslessOp, name: str, *columns: str) -> sa.TableClause:
    """Return a table that an operation speaks of, with these columns."""
    return sa.table(name, *map(sa.column, columns), schema=op.schema)


def dialect_of(operations: Operations) -> str:
    """Return the name of the database that a revision runs on."""
    return operations.get_context().dialect.name
