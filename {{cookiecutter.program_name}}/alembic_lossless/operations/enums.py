"""Enums, which on PostgreSQL are types of their own: made, changed and dropped apart.

Elsewhere an Enum belongs to its column, and altering that is enough.
"""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from alembic.operations import Operations

from ..runtime.journal import journal_of
from . import enum_sql
from .base import LosslessOp, dialect_of, table


@Operations.register_operation("create_enum")
class CreateEnumOp(LosslessOp):
    """Make the type of an Enum."""

    function = "create_enum"

    @classmethod
    def create_enum(
        cls,
        operations: Operations,
        name: str,
        values: Sequence[str],
        *,
        schema: str | None = None,
    ) -> None:
        """Make the type of an Enum, which on PostgreSQL its columns need first.

        :param name: the name of the type.
        :param values: its values, in order.
        :param schema: the schema of the type.
        """
        operations.invoke(cls(name, values, schema=schema))


@Operations.implementation_for(CreateEnumOp)
def _create_enum(operations: Operations, op: CreateEnumOp) -> None:
    if _on_postgresql(operations):
        _execute(operations, enum_sql.create(*op.arguments, schema=op.schema))


@Operations.register_operation("drop_enum")
class DropEnumOp(LosslessOp):
    """Drop the type of an Enum."""

    function = "drop_enum"

    @classmethod
    def drop_enum(
        cls, operations: Operations, name: str, *, schema: str | None = None
    ) -> None:
        """Drop the type of an Enum, which on PostgreSQL outlives its columns.

        :param name: the name of the type.
        :param schema: the schema of the type.
        """
        operations.invoke(cls(name, schema=schema))


@Operations.implementation_for(DropEnumOp)
def _drop_enum(operations: Operations, op: DropEnumOp) -> None:
    if _on_postgresql(operations):
        _execute(operations, enum_sql.drop(*op.arguments, schema=op.schema))


@Operations.register_operation("change_enum")
class ChangeEnumOp(LosslessOp):
    """Change the values that the type of an Enum has."""

    function = "change_enum"

    @classmethod
    def change_enum(  # noqa: PLR0913  what a revision has to say
        cls,
        operations: Operations,
        name: str,
        old: Sequence[str],
        new: Sequence[str],
        renamed: Mapping[str, str],
        *,
        schema: str | None = None,
    ) -> None:
        """Change the values that the type of an Enum has on PostgreSQL.

        :param name: the name of the type.
        :param old: its values before.
        :param new: its values after.
        :param renamed: a value of `old` -> its name in `new`.
        :param schema: the schema of the type.
        """
        operations.invoke(cls(name, old, new, renamed, schema=schema))


@Operations.implementation_for(ChangeEnumOp)
def _change_enum(operations: Operations, op: ChangeEnumOp) -> None:
    if not _on_postgresql(operations):
        return
    name, old, new, renamed = op.arguments
    journal = journal_of(operations.get_context())
    apart = journal is not None and journal.commits()
    # A value cannot be used before it is committed: here it is, by itself.
    if apart and not renamed and adds_only(old, new):
        statements = enum_sql.add(name, old, new, schema=op.schema)
    else:
        statements = enum_sql.change(name, old, new, renamed, schema=op.schema)
    for statement in statements:
        _execute(operations, statement)


def adds_only(old: Sequence[str], new: Sequence[str]) -> bool:
    """Tell whether an Enum gets more values, and those it has stay in order."""
    return [value for value in new if value in old] == list(old)


@Operations.register_operation("rename_enum_value")
class RenameEnumValueOp(LosslessOp):
    """Give the rows with a value of an Enum its new name."""

    function = "rename_enum_value"

    @classmethod
    def rename_enum_value(  # noqa: PLR0913  what a revision has to say
        cls,
        operations: Operations,
        table_name: str,
        column_name: str,
        value: str,
        name: str,
        *,
        schema: str | None = None,
    ) -> None:
        """Give the rows with a value of an Enum its new name.

        On PostgreSQL there are none: they took the name when their type did.

        :param table_name: the table.
        :param column_name: the column with the Enum.
        :param value: what the rows have.
        :param name: what they get.
        :param schema: the schema of the table.
        """
        operations.invoke(cls(table_name, column_name, value, name, schema=schema))


@Operations.implementation_for(RenameEnumValueOp)
def _rename_enum_value(operations: Operations, op: RenameEnumValueOp) -> None:
    if not _on_postgresql(operations):
        name, column, value, becomes = op.arguments
        target = table(op, name, column)
        found = target.c[column] == operations.inline_literal(value)
        rows = target.update().where(found)
        operations.execute(rows.values({column: operations.inline_literal(becomes)}))


def _on_postgresql(operations: Operations) -> bool:
    return dialect_of(operations) == "postgresql"


def _execute(operations: Operations, statement: str) -> None:
    # A colon in a value is no parameter.
    operations.execute(sa.text(statement.replace(":", r"\:")))
