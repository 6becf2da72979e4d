"""Two columns that hold the same while two versions of an app write to the table.

A rename needs them until the old version is gone, another type until every row has been
copied. Triggers keep them in step.
"""

from collections.abc import Iterator, Mapping
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


@Operations.register_operation("keep_in_step")
class KeepInStepOp(LosslessOp):
    """Begin to keep two columns of a table the same."""

    function = "keep_in_step"

    @classmethod
    def keep_in_step(
        cls,
        operations: Operations,
        table_name: str,
        column_name: str,
        new_name: str,
        *,
        schema: str | None = None,
    ) -> None:
        """Let each write to one of two columns be a write to both.

        A row that is inserted with the new one takes the old one from it, any other row
        the new from the old; of two that an UPDATE changes, the new one counts. The
        rows there are get what they lack in either, a few at a time.
        """
        operations.invoke(cls(table_name, column_name, new_name, schema=schema))

    def reverse(self) -> "StopKeepingInStepOp":
        """Return what lets the columns be two again."""
        return StopKeepingInStepOp(*self.arguments, schema=self.schema)


@Operations.register_operation("stop_keeping_in_step")
class StopKeepingInStepOp(LosslessOp):
    """Stop to keep two columns of a table the same."""

    function = "stop_keeping_in_step"

    @classmethod
    def stop_keeping_in_step(
        cls,
        operations: Operations,
        table_name: str,
        column_name: str,
        new_name: str,
        *,
        schema: str | None = None,
    ) -> None:
        """Let two columns be two again."""
        operations.invoke(cls(table_name, column_name, new_name, schema=schema))

    def reverse(self) -> KeepInStepOp:
        """Return what keeps the columns the same again."""
        return KeepInStepOp(*self.arguments, schema=self.schema)


@Operations.implementation_for(KeepInStepOp)
def _keep_in_step(operations: Operations, op: KeepInStepOp) -> None:
    _execute(operations, op, _KEEP)
    table, old, new = op.arguments
    for column, source in ((new, old), (old, new)):
        fill = FillInBatchesOp(table, column, sa.column(source), schema=op.schema)
        operations.invoke(fill)


@Operations.implementation_for(StopKeepingInStepOp)
def _stop(operations: Operations, op: StopKeepingInStepOp) -> None:
    _execute(operations, op, _STOP)


def _execute(
    operations: Operations, op: LosslessOp, statements: Mapping[str, tuple[str, ...]]
) -> None:
    table, column, other = op.arguments
    names = Names(operations, table, op.schema)
    trigger = derived("step", table, column, other)
    old, new = names.quoted(column), names.quoted(other)
    for statement in statements["mysql" if names.is_mysql else names.dialect]:
        names.execute(
            statement.format(
                table=names.table,
                old=old,
                new=new,
                name=names.quoted(trigger),
                insert=names.quoted(derived(trigger, "i")),
                update=names.quoted(derived(trigger, "u")),
            )
        )


_KEEP = {
    "postgresql": (
        """CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.{new} IS NULL THEN NEW.{new} := NEW.{old};
        ELSE NEW.{old} := NEW.{new}; END IF;
    ELSIF NEW.{new} IS DISTINCT FROM OLD.{new} THEN NEW.{old} := NEW.{new};
    ELSIF NEW.{old} IS DISTINCT FROM OLD.{old} THEN NEW.{new} := NEW.{old};
    END IF;
    RETURN NEW;
END $$""",
        """CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON {table}
FOR EACH ROW EXECUTE FUNCTION {name}()""",
    ),
    "mysql": (
        """CREATE TRIGGER {insert} BEFORE INSERT ON {table} FOR EACH ROW
    IF NEW.{new} IS NULL THEN SET NEW.{new} = NEW.{old};
    ELSE SET NEW.{old} = NEW.{new}; END IF""",
        """CREATE TRIGGER {update} BEFORE UPDATE ON {table} FOR EACH ROW
    IF NOT NEW.{new} <=> OLD.{new} THEN SET NEW.{old} = NEW.{new};
    ELSEIF NOT NEW.{old} <=> OLD.{old} THEN SET NEW.{new} = NEW.{old}; END IF""",
    ),
    "sqlite": (
        """CREATE TRIGGER {insert} AFTER INSERT ON {table} FOR EACH ROW BEGIN
    UPDATE {table} SET {new} = coalesce(NEW.{new}, NEW.{old}),
        {old} = coalesce(NEW.{new}, NEW.{old}) WHERE rowid = NEW.rowid;
END""",
        """CREATE TRIGGER {update} AFTER UPDATE OF {old}, {new} ON {table} FOR EACH ROW
WHEN NEW.{old} IS NOT NEW.{new} BEGIN
    UPDATE {table} SET
        {old} = iif(NEW.{new} IS NOT OLD.{new}, NEW.{new}, NEW.{old}),
        {new} = iif(NEW.{new} IS NOT OLD.{new}, NEW.{new}, NEW.{old})
    WHERE rowid = NEW.rowid;
END""",
    ),
}
"""What keeps a column `old` and a column `new` the same, by the kind of database."""

_STOP = {
    "postgresql": ("DROP TRIGGER {name} ON {table}", "DROP FUNCTION {name}()"),
    "mysql": ("DROP TRIGGER {insert}", "DROP TRIGGER {update}"),
    "sqlite": ("DROP TRIGGER {insert}", "DROP TRIGGER {update}"),
}


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
