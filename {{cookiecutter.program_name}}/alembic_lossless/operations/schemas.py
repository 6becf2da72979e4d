"""Schemas: to MariaDB they are databases, and to SQLite attached files."""

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.util import CommandError
from sqlalchemy.schema import CreateSchema

from .base import LosslessOp, dialect_of

ATTACH = (
    "SQLite has no schema {name!r}: attach a file under this name whenever a connection"
    " begins, leave schema= out of the models, or use PostgreSQL or MariaDB."
)


@Operations.register_operation("create_schema")
class CreateSchemaOp(LosslessOp):
    """Make the schema that tables are about to be in."""

    function = "create_schema"

    @classmethod
    def create_schema(cls, operations: Operations, name: str) -> None:
        """Make a schema, unless it is there.

        A downgrade leaves it: others may have tables in it.

        :raises CommandError: on SQLite, where no file is attached under its name.
        """
        operations.invoke(cls(name))


@Operations.implementation_for(CreateSchemaOp)
def _create(operations: Operations, op: CreateSchemaOp) -> None:
    (name,) = op.arguments
    offline = operations.get_context().as_sql
    if not offline and is_there(operations.get_bind(), name):
        return  # who may not make schemas needs no right to
    if dialect_of(operations) == "sqlite":
        raise CommandError(ATTACH.format(name=name))
    operations.execute(CreateSchema(name, if_not_exists=True))


def is_there(connection: sa.Connection, name: str) -> bool:
    """Tell whether a database has a schema."""
    return name in sa.inspect(connection).get_schema_names()
