"""A type that SQLAlchemy has no class for, such as LTREE or GEOMETRY(POINT, 4326)."""

from alembic.operations import MigrateOperation, Operations

from ..dialects import SQLType


@Operations.register_operation("sql_type")
class SQLTypeOp(MigrateOperation):
    """Only the place where Alembic finds `op.sql_type`; it changes nothing."""

    @classmethod
    def sql_type(cls, operations: Operations, sql: str) -> SQLType:  # noqa: ARG003
        """Return a type by the words that a database has for it.

        A revision imports no class of a model or a package, which may be gone in years.

        :param sql: these words, which stand in the statement as they are.
        """
        return SQLType(sql)
