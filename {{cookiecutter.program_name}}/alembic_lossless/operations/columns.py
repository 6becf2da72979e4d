"""Two columns that hold the same while two versions of an app write to the table.

A rename needs them until the old version is gone, another type until every row has been
copied. Triggers keep them in step.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import sqlalchemy as sa
from alembic.operations import MigrateOperation, Operations
from alembic.util import CommandError
from sqlalchemy.types import TypeEngine

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
@Operations.register_operation("stop_keeping_in_step", "stop_keeping_in_step")
class KeepInStepOp(MigrateOperation):
    """Begin, or stop, to keep two columns of a table the same."""

    def __init__(
        self,
        table_name: str,
        column_name: str,
        new_name: str,
        *,
        schema: str | None = None,
        stop: bool = False,
    ) -> None:
        """Take the table and its two columns."""
        self.table_name = table_name
        self.column_name = column_name
        self.new_name = new_name
        self.schema = schema
        self.stop = stop

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
        the new from the old; of two that an UPDATE changes, the new one counts.
        """
        operations.invoke(cls(table_name, column_name, new_name, schema=schema))

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
        operation = cls(table_name, column_name, new_name, schema=schema, stop=True)
        operations.invoke(operation)

    def reverse(self) -> "KeepInStepOp":
        """Return what stops what this begins, or begins it again."""
        return KeepInStepOp(
            self.table_name,
            self.column_name,
            self.new_name,
            schema=self.schema,
            stop=not self.stop,
        )


@Operations.implementation_for(KeepInStepOp)
def _keep_in_step(operations: Operations, op: KeepInStepOp) -> None:
    names = Names(operations, op.table_name, op.schema)
    kind = "mysql" if names.is_mysql else names.dialect
    write = (_STOP if op.stop else _KEEP)[kind]
    trigger = derived("step", op.table_name, op.column_name, op.new_name)
    old, new = names.quoted(op.column_name), names.quoted(op.new_name)
    for statement in write:
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
        "CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION {name}()",
    ),
    "mysql": (
        "CREATE TRIGGER {insert} BEFORE INSERT ON {table} FOR EACH ROW"
        " IF NEW.{new} IS NULL THEN SET NEW.{new} = NEW.{old};"
        " ELSE SET NEW.{old} = NEW.{new}; END IF",
        "CREATE TRIGGER {update} BEFORE UPDATE ON {table} FOR EACH ROW"
        " IF NOT NEW.{new} <=> OLD.{new} THEN SET NEW.{old} = NEW.{new};"
        " ELSEIF NOT NEW.{old} <=> OLD.{old} THEN SET NEW.{new} = NEW.{old}; END IF",
    ),
    "sqlite": (
        "CREATE TRIGGER {insert} AFTER INSERT ON {table} FOR EACH ROW BEGIN"
        " UPDATE {table} SET {new} = coalesce(NEW.{new}, NEW.{old}),"
        " {old} = coalesce(NEW.{new}, NEW.{old}) WHERE rowid = NEW.rowid; END",
        "CREATE TRIGGER {update} AFTER UPDATE OF {old}, {new} ON {table} FOR EACH ROW"
        " WHEN NEW.{old} IS NOT NEW.{new} BEGIN"
        " UPDATE {table} SET"
        " {old} = iif(NEW.{new} IS NOT OLD.{new}, NEW.{new}, NEW.{old}),"
        " {new} = iif(NEW.{new} IS NOT OLD.{new}, NEW.{new}, NEW.{old})"
        " WHERE rowid = NEW.rowid; END",
    ),
}
_STOP = {
    "postgresql": ("DROP TRIGGER {name} ON {table}", "DROP FUNCTION {name}()"),
    "mysql": ("DROP TRIGGER {insert}", "DROP TRIGGER {update}"),
    "sqlite": ("DROP TRIGGER {insert}", "DROP TRIGGER {update}"),
}


@Operations.register_operation("alter_type_concurrently")
class AlterTypeConcurrentlyOp(MigrateOperation):
    """Give a column of a table in use another type."""

    def __init__(
        self,
        table_name: str,
        column_name: str,
        type_: TypeEngine[Any],
        *,
        schema: str | None = None,
        using: str | None = None,
        **existing: Any,
    ) -> None:
        """Take the column, its new type, and what it was."""
        self.table_name = table_name
        self.column_name = column_name
        self.type_ = type_
        self.schema = schema
        self.using = using
        self.existing = existing

    @classmethod
    def alter_type_concurrently(
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
        operations.invoke(
            cls(
                table_name,
                column_name,
                type_,
                schema=schema,
                using=postgresql_using,
                **existing,
            )
        )


@Operations.implementation_for(AlterTypeConcurrentlyOp)
def _alter_type(operations: Operations, op: AlterTypeConcurrentlyOp) -> None:
    names = Names(operations, op.table_name, op.schema)
    if names.dialect != "postgresql" or names.journal is None or not names.is_alone:
        known = op.existing | ({"postgresql_using": op.using} if op.using else {})
        with operations.batch_alter_table(op.table_name, schema=op.schema) as batch:
            batch.alter_column(op.column_name, type_=op.type_, **known)
        return
    look = partial(_refuse_dependents, names, op.column_name)
    names.journal.run(f"look at {op.table_name}.{op.column_name}", look)
    copy = derived(op.column_name, "retyped")
    column: sa.Column[Any] = sa.Column(
        copy, op.type_, comment=op.existing["existing_comment"]
    )
    operations.add_column(op.table_name, column, schema=op.schema)
    name = names.quoted(derived("retype", op.table_name, op.column_name))
    old, new = names.quoted(op.column_name), names.quoted(copy)
    value = op.using or old
    for statement in _retype(names.table, name, old, new, op.using):
        names.execute(statement)
    where = (op.table_name, copy)
    fill = FillInBatchesOp(*where, sa.literal_column(value), schema=op.schema)
    operations.invoke(fill)
    if not op.existing["existing_nullable"]:
        proved = SetNotNullOp(*where, schema=op.schema, existing_type=op.type_)
        operations.invoke(proved)
    default = op.existing["existing_server_default"]
    if default is not None:
        operations.alter_column(*where, server_default=default, schema=op.schema)
    _swap(names, name, old, new)


def _retype(
    table: str, name: str, old: str, new: str, using: str | None
) -> Iterator[str]:
    """Give what lets a trigger fill the copy of a column.

    A conversion speaks of the column by its bare name: the row becomes a table of one.
    """
    value = f"(SELECT {using} FROM (SELECT NEW.*) AS row)" if using else f"NEW.{old}"
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


def _refuse_dependents(names: Names, column: str) -> None:
    given = {"table": names.table, "column": column}
    found = list(names.bind().scalars(sa.text(DEPENDENTS), given))
    if found:
        raise CommandError(
            f"{names.name}.{column} cannot be copied while others write: these use it:"
            f" {'; '.join(found)}.\nDrop them first and make them again after, or use"
            " op.alter_column outside the autocommit_block(), in a quiet hour."
        )
