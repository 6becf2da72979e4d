"""A renamed column has both names until the old version of the app is gone."""

from typing import Any

from alembic.operations import MigrateOperation, ops
from sqlalchemy import Column

from ..operations.keep_in_step import KeepInStepOp
from .draft import Draft
from .generated import GENERATORS
from .live import is_used
from .operations import RenameColumn, operations_in


class Rename:
    """A column that has two names, and is two columns, while two versions run."""

    def __init__(self, op: RenameColumn) -> None:
        """Take the rename that stands for all of it."""
        self._op = op
        old, new = op.column_name, str(op.modify_name)
        self._step = KeepInStepOp(op.table_name, old, new, schema=op.schema)

    def before(self) -> list[MigrateOperation]:
        """Return what lets the new version use its name."""
        return [self._table(self._add(str(self._op.modify_name))), self._step]

    def after(self) -> list[MigrateOperation]:
        """Return what makes one column of the two, once the old version is gone."""
        new = self._complete(str(self._op.modify_name))
        drop = self._add(self._op.column_name).reverse()
        # The new version does not know the old name, and could not give it a value.
        return [*new, *self._allow_null(), self._step.reverse(), self._table(drop)]

    def undo_after(self) -> list[MigrateOperation]:
        """Return what gives the old version its name back."""
        old = self._op.column_name
        return [self._table(self._add(old)), self._step, *self._complete(old)]

    def undo_before(self) -> list[MigrateOperation]:
        """Return what leaves the old name alone."""
        drop = self._add(str(self._op.modify_name)).reverse()
        return [self._step.reverse(), self._table(drop)]

    def _add(self, name: str) -> ops.AddColumnOp:
        op = self._op
        column: Column[Any] = Column(
            name, op.existing_type, comment=op.existing_comment or None
        )
        return ops.AddColumnOp(op.table_name, column, schema=op.schema)

    def _complete(self, name: str) -> list[MigrateOperation]:
        """Return what forbids NULL, and gives the default, if the column had that."""
        op = self._op
        change = ops.AlterColumnOp(
            op.table_name,
            name,
            schema=op.schema,
            existing_type=op.existing_type,
            existing_nullable=True,
            existing_comment=op.existing_comment,
            modify_nullable=False if op.existing_nullable is False else None,
            modify_server_default=op.existing_server_default or False,
        )
        return [self._table(change)] if change.has_changes() else []

    def _allow_null(self) -> list[MigrateOperation]:
        op = self._op
        if op.existing_nullable is not False:
            return []
        change = ops.AlterColumnOp(
            op.table_name,
            op.column_name,
            schema=op.schema,
            existing_type=op.existing_type,
            existing_nullable=False,
            existing_comment=op.existing_comment,
            existing_server_default=op.existing_server_default,
            modify_nullable=True,
        )
        return [self._table(change)]

    def _table(self, *changes: MigrateOperation) -> ops.ModifyTableOps:
        op = self._op
        return ops.ModifyTableOps(op.table_name, list(changes), schema=op.schema)


def is_kept_in_step(draft: Draft, upgrade: ops.UpgradeOps, op: RenameColumn) -> bool:
    """Tell whether a column can have two names for a while.

    Where a key or an index uses it, something generates its values, or more than its
    name changes, it is renamed after the deployment: the lint says whom that breaks.
    """
    models = draft.models.get((op.schema, op.table_name), {})
    column = models.get(str(op.modify_name))
    if column is None or isinstance(column.server_default, GENERATORS):
        return False
    return not (is_used(column) or _is_changed(upgrade, op))


def _is_changed(upgrade: ops.UpgradeOps, rename: RenameColumn) -> bool:
    """Tell whether more than its name changes of a column."""
    names = {rename.column_name, rename.modify_name}
    return any(
        getattr(op, "column_name", None) in names
        for op in operations_in(upgrade)
        if op is not rename and getattr(op, "table_name", None) == rename.table_name
    )
