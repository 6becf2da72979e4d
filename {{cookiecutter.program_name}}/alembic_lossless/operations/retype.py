"""Give a column of a table in use another type: fill a second one, and swap them."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations, ops
from alembic.util import CommandError
from sqlalchemy.types import TypeEngine

from ..rules import rule
from .base import LosslessOp
from .batches import FillInBatchesOp
from .constraints import SetNotNullOp
from .names import Names, derived

DEPENDENTS = """
SELECT pg_describe_object(classid, objid, objsubid) FROM pg_depend
WHERE refclassid = 'pg_class'::regclass AND refobjid = to_regclass(:table)
AND refobjsubid = (SELECT attnum FROM pg_attribute
    WHERE attrelid = to_regclass(:table) AND attname = :column)
AND NOT (classid = 'pg_attrdef'::regclass AND deptype IN ('a', 'i'))
AND classid <> 'pg_trigger'::regclass
AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE oid = objid AND contype = 'n')
"""
"""What PostgreSQL would drop with a column, or would not drop it for."""


@Operations.register_operation("alter_type_concurrently")
class AlterTypeConcurrentlyOp(LosslessOp):
    """Give a column of a table in use another type."""

    function = "alter_type_concurrently"

    def as_alembic(self) -> ops.AlterColumnOp:
        """Return the change of the column."""
        table, column, new_type = self.arguments
        change = {"modify_type": new_type, **self.options}
        return ops.AlterColumnOp(table, column, schema=self.schema, **change)

    @classmethod
    def alter_type_concurrently(  # noqa: PLR0913  as of op.alter_column
        cls,
        operations: Operations,
        table_name: str,
        column_name: str,
        type_: TypeEngine[Any],
        *,
        existing_type: TypeEngine[Any],
        existing_nullable: bool = True,
        existing_server_default: Any = None,
        existing_comment: str | None = None,
        postgresql_using: str | None = None,
        schema: str | None = None,
    ) -> None:
        """Give a column another type while others read and write it.

        On PostgreSQL the rows are copied to a column that then takes its place, behind
        the others. Elsewhere it is `op.alter_column`.

        :raises CommandError: on PostgreSQL, when an index, a constraint or a view uses
            the column: these would go with it.
        """
        existing = {
            "existing_type": existing_type,
            "existing_nullable": existing_nullable,
            "existing_server_default": existing_server_default,
            "existing_comment": existing_comment,
        }
        if postgresql_using:
            existing["postgresql_using"] = postgresql_using
        change = cls(table_name, column_name, type_, schema=schema, **existing)
        operations.invoke(change)


@Operations.implementation_for(AlterTypeConcurrentlyOp)
def _alter_type(operations: Operations, op: AlterTypeConcurrentlyOp) -> None:
    table, column, new_type = op.arguments
    names = Names(operations, table, op.schema)
    if names.dialect != "postgresql" or names.journal is None or not names.is_alone:
        with operations.batch_alter_table(table, schema=op.schema) as batch:
            batch.alter_column(column, type_=new_type, **op.options)
        return
    look = partial(_refuse_dependents, names, column)
    names.journal.run(f"look at {table}.{column}", look)
    existing, using = op.options, op.options.get("postgresql_using")
    copied = derived(column, "retyped")
    fresh: sa.Column[Any] = sa.Column(
        copied, new_type, comment=existing["existing_comment"]
    )
    operations.add_column(table, fresh, schema=op.schema)
    name = names.quoted(derived("retype", table, column))
    old, new = names.quoted(column), names.quoted(copied)
    for statement in _retype(names.table, name, old, new, using):
        names.execute(statement)
    value: sa.ColumnClause[Any] = sa.literal_column(str(using or old))
    operations.invoke(FillInBatchesOp(table, copied, value, schema=op.schema))
    if not existing["existing_nullable"]:
        proved = SetNotNullOp(table, copied, schema=op.schema, existing_type=new_type)
        operations.invoke(proved)
    if (default := existing["existing_server_default"]) is not None:
        operations.alter_column(table, copied, server_default=default, schema=op.schema)
    _swap(names, name, old, new)


def _retype(
    table: str, name: str, old: str, new: str, using: str | None
) -> Iterator[str]:
    """Give what lets a trigger fill the copy of a column.

    A conversion speaks of the column by its bare name: the row becomes a table of one.
    """
    row = f"(SELECT {using} FROM (SELECT NEW.*) AS row)"  # noqa: S608  a draft's own
    value = row if using else f"NEW.{old}"
    yield (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN NEW.{new} := {value}; RETURN NEW; END $$"
    )
    yield (
        f"CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON {table}"
        f" FOR EACH ROW EXECUTE FUNCTION {name}()"
    )


def _swap(names: Names, name: str, old: str, new: str) -> None:
    """Let the copy take the place of the column, in one transaction of an instant."""
    table, bind = names.table, names.bind()
    steps = (
        f"DROP TRIGGER {name} ON {table}",
        f"DROP FUNCTION {name}()",
        f"ALTER TABLE {table} DROP COLUMN {old}",
        f"ALTER TABLE {table} RENAME COLUMN {new} TO {old}",
    )

    def swap() -> None:
        for statement in steps:
            bind.exec_driver_sql(statement)

    if names.journal is not None:
        names.journal.run("; ".join(steps), swap)


@rule("used", "guard", "A column is to be copied, and an index or a key uses it.")
def _refuse_dependents(names: Names, column: str) -> None:
    given = {"table": names.table, "column": column}
    found = list(names.bind().scalars(sa.text(DEPENDENTS), given))
    if found:
        raise CommandError(
            f"{names.name}.{column} cannot be copied while others write: these use it:"
            f" {'; '.join(found)}.\nDrop them first and make them again after, or use"
            " op.alter_column outside the autocommit_block(), in a quiet hour."
        )
