"""Two columns that hold the same while two versions of an app write to the table.

A rename needs them until the old version is gone. Triggers keep them in step.
"""

from collections.abc import Mapping

import sqlalchemy as sa
from alembic.operations import Operations

from .base import LosslessOp
from .batches import FillInBatchesOp
from .names import Names, derived


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
