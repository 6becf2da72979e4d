"""Constraints that a revision finds by their columns, since nobody gave them a name.

PostgreSQL makes one up, MariaDB another, and SQLite has none.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations, ops
from alembic.util import CommandError

from ..sqlite.batch import Rebuild
from .base import LosslessOp
from .names import Names

WORDS = {"unique": "unique constraint", "foreignkey": "foreign key"}
"""The types of such constraints, as Alembic calls them, and in words."""


@Operations.register_operation("drop_constraint_by_columns")
class DropConstraintByColumnsOp(LosslessOp):
    """Drop a constraint that has another name on each server, or none."""

    function = "drop_constraint_by_columns"

    def as_alembic(self) -> ops.DropConstraintOp:
        """Return the operation that would need the name."""
        table, _ = self.arguments
        kind = self.options["type_"]
        return ops.DropConstraintOp(None, table, type_=kind, schema=self.schema)

    @classmethod
    def drop_constraint_by_columns(
        cls,
        operations: Operations,
        table_name: str,
        columns: Sequence[str],
        *,
        type_: str,
        schema: str | None = None,
    ) -> None:
        """Drop the constraint of these columns, whatever name the database gave it.

        :param table_name: the table that has it.
        :param columns: its columns; of a foreign key those in this table.
        :param type_: `unique` or `foreignkey`.
        :param schema: the schema of the table.
        :raises CommandError: when there is none, and with `--sql`, where no database
            can be asked for the name.
        """
        operations.invoke(cls(table_name, columns, type_=type_, schema=schema))


@Operations.implementation_for(DropConstraintByColumnsOp)
def _drop(operations: Operations, op: DropConstraintByColumnsOp) -> None:
    table, columns = op.arguments
    kind = op.options["type_"]
    names = Names(operations, table, op.schema)
    what = f"the {WORDS[kind]} of {table} ({', '.join(columns)})"
    if names.offline:
        raise CommandError(
            f"Nobody gave {what} a name, so that only the database knows it."
            " Run this revision without --sql."
        )
    found = [it for it in _read(names, kind) if _columns(it) == list(columns)]
    if not found:
        raise CommandError(f"There is no such constraint: {what}.")
    name = found[0]["name"]
    with operations.batch_alter_table(
        table, schema=op.schema, recreate="auto" if name else "always"
    ) as batch:
        if name:
            batch.drop_constraint(name, type_=kind)
        elif isinstance(operations.impl, Rebuild):
            operations.impl.leave_out(columns, kind)


def _read(names: Names, kind: str) -> list[Any]:
    inspector = sa.inspect(names.bind())
    if kind == "unique":
        return [*inspector.get_unique_constraints(names.name, names.schema)]
    return [*inspector.get_foreign_keys(names.name, names.schema)]


def _columns(found: dict[str, Any]) -> list[str]:
    names: list[str] = found.get("constrained_columns") or found["column_names"]
    return names
