"""The operations that rename, as a script has them."""

from typing import Any

from alembic.autogenerate import render_op_text, renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from sqlalchemy import Column, DefaultClause, types
from sqlalchemy.dialects.postgresql.base import PGIdentifierPreparer


class RenameTable(ops.RenameTableOp):
    """Rename a table; its rows, indexes and references stay."""

    def reverse(self) -> "RenameTable":
        """Return the way back."""
        return RenameTable(self.new_table_name, self.table_name, schema=self.schema)


class RenamePrimaryKey(ops.MigrateOperation):
    """Rename the index of a primary key, which PostgreSQL names once in a schema.

    Without it, a later table with the old name could not be made.
    """

    def __init__(self, old: str, new: str, schema: str | None) -> None:
        """Take the names of the constraint and its table's schema."""
        self.old, self.new, self.schema = old, new, schema

    def reverse(self) -> "RenamePrimaryKey":
        """Return the way back."""
        return RenamePrimaryKey(self.new, self.old, self.schema)


class RenameColumn(ops.AlterColumnOp):
    """Rename a column and change nothing else about it.

    MariaDB hears the whole column again, and would forget what is left out.
    """

    def reverse(self) -> "RenameColumn":
        """Return the way back."""
        return RenameColumn(
            self.table_name,
            str(self.modify_name),
            schema=self.schema,
            modify_name=self.column_name,
            **_existing(self),
            **self.kw,
        )


RENAMES = (RenameTable, RenamePrimaryKey, RenameColumn)


def _existing(op: ops.AlterColumnOp) -> dict[str, Any]:
    same = ("type", "nullable", "comment", "server_default")
    return {f"existing_{what}": getattr(op, f"existing_{what}") for what in same}


def existing(
    old: Column[Any], new: Column[Any], changed_from: types.TypeEngine[Any] | None
) -> dict[str, Any]:
    """Return what a column stays when it is renamed.

    The models' type is better than the one read from this database, since it is right
    on the others too; unless the type changes in the same revision.

    :param changed_from: the old type, where the type changes.
    """
    default = old.server_default and (new.server_default or old.server_default)
    same: dict[str, Any] = {
        "existing_type": changed_from if changed_from is not None else new.type,
        "existing_nullable": old.nullable,
        "existing_comment": old.comment,
    }
    if isinstance(default, DefaultClause):
        same["existing_server_default"] = default
    if new.table.autoincrement_column is new:
        same["existing_autoincrement"] = True
    return same


@renderers.dispatch_for(RenameTable)
def _render_table(_context: AutogenContext, op: RenameTable) -> str:
    schema = f", schema={op.schema!r}" if op.schema else ""
    return f"op.rename_table({op.table_name!r}, {op.new_table_name!r}{schema})"


@renderers.dispatch_for(RenamePrimaryKey)
def _render_primary_key(context: AutogenContext, op: RenamePrimaryKey) -> list[str]:
    quote = PGIdentifierPreparer(context.dialect).quote
    schema = f"{quote(op.schema)}." if op.schema else ""
    sql = f"ALTER INDEX IF EXISTS {schema}{quote(op.old)} RENAME TO {quote(op.new)}"
    return [
        "# PostgreSQL names the index of a primary key once for all tables.",
        'if op.get_context().dialect.name == "postgresql":',
        f"op.execute({sql!r})",
        "",
    ]


@renderers.dispatch_for(RenameColumn)
def _render_column(context: AutogenContext, op: RenameColumn) -> str:
    rename = ops.AlterColumnOp(
        op.table_name,
        op.column_name,
        schema=op.schema,
        modify_name=op.modify_name,
        **_existing(op),
    )
    text = render_op_text(context, rename)
    if "existing_autoincrement" not in op.kw:
        return text
    counting = 'op.get_context().dialect.name in {"mysql", "mariadb"} or None'
    return f"{text.removesuffix(')')},\n{' ' * 11}existing_autoincrement={counting})"
