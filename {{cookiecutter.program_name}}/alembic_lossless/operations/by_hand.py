"""What a revision changes by hand, because no draft can."""

from typing import Any

from alembic.operations import MigrateOperation, Operations

from .base import LosslessOp


@Operations.register_operation("changed_by_hand")
class ChangedByHandOp(LosslessOp):
    """Say that a table or a column has other options from here on."""

    function = "changed_by_hand"

    def __init__(self, *where: str, schema: str | None = None, **options: Any) -> None:
        """Take the table, perhaps a column, and the options."""
        self.old: dict[str, Any] = options.pop("existing", {})
        super().__init__(*where, schema=schema, **options)

    def reverse(self) -> MigrateOperation:
        """Return the way back."""
        return ChangedByHandOp(
            *self.arguments, schema=self.schema, **self.old, existing=self.options
        )

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """Return what the Python API of `check` has of it."""
        return "modify_options", self.schema, *self.arguments, self.old, self.options

    @classmethod
    def changed_by_hand(
        cls,
        operations: Operations,
        table_name: str,
        column_name: str | None = None,
        *,
        schema: str | None = None,
        **options: Any,
    ) -> None:
        """Say which options a table or a column has now; it does nothing else.

        Later drafts compare the models with it. The statement that changes them stands
        beside it, in an `op.execute`.

        :param options: for example `mysql_engine="Aria"`, as the model has it.
        """
        where = (table_name, column_name) if column_name else (table_name,)
        operations.invoke(cls(*where, schema=schema, **options))


@Operations.implementation_for(ChangedByHandOp)
def _nothing(_operations: Operations, _op: ChangedByHandOp) -> None:
    """Do nothing: who wrote the revision did it."""
