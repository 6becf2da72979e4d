"""Foreign keys that an order of tables and changes cannot hold."""

from collections import defaultdict
from collections.abc import Iterable

from alembic.operations import ops
from sqlalchemy import ForeignKeyConstraint, UniqueConstraint

from .draft import label
from .foreign_keys import Keyed, target


def changed_columns(changes: Iterable[ops.ModifyTableOps]) -> dict[str, set[str]]:
    """Return, by table, the columns that arrive, change, go or become unique or not."""
    found = defaultdict[str, set[str]](set)
    for table in changes:
        for op in table.ops:
            found[label(table.schema, table.table_name)] |= set(_columns(op))
    return found


def _columns(op: ops.MigrateOperation) -> Iterable[str]:
    if isinstance(op, ops.AddColumnOp | ops.DropColumnOp):
        return [op.to_column().name]
    if isinstance(op, ops.AlterColumnOp) and op.modify_type is not None:
        return [op.column_name]
    if isinstance(op, ops.AddConstraintOp | ops.DropConstraintOp):
        constraint = op.to_constraint()
        if isinstance(constraint, UniqueConstraint):
            return [column.name for column in constraint.columns]
    if isinstance(op, ops.CreateIndexOp | ops.DropIndexOp):
        index = op.to_index()
        return [column.name for column in index.columns] if index.unique else []
    return []


class Apart:
    """Foreign keys that go before everything else, or come after it."""

    def __init__(
        self,
        changes: Iterable[ops.ModifyTableOps],
        cycles: Iterable[ForeignKeyConstraint],
    ) -> None:
        """Take what changes in tables, and the foreign keys that close a cycle."""
        self._changed = changed_columns(changes)
        self._cycles = list(cycles)

    def has(self, fk: ForeignKeyConstraint) -> bool:
        """Return whether a foreign key closes a cycle or refers to what changes."""
        table, columns = target(fk)
        changed = self._changed.get(table, set()) & columns
        return bool(fk in self._cycles or fk.use_alter or changed)

    def drop(self, table: Keyed) -> ops.ModifyTableOps:
        """Return what drops them from a table that goes."""
        op, keys = table
        drops = [
            ops.DropConstraintOp.from_constraint(fk) for fk in keys if self.has(fk)
        ]
        return ops.ModifyTableOps(op.table_name, drops, schema=op.schema)

    def postpone(self, table: Keyed) -> ops.ModifyTableOps:
        """Take them out of a table that arrives, and return what adds them."""
        op, keys = table
        late = [fk for fk in keys if self.has(fk)]
        if isinstance(op, ops.CreateTableOp):
            op.columns = [x for x in op.columns if not any(x is fk for fk in late)]
        adds = [ops.CreateForeignKeyOp.from_constraint(fk) for fk in late]
        return ops.ModifyTableOps(op.table_name, adds, schema=op.schema)

    def take(
        self,
        change: ops.ModifyTableOps,
        of: type[ops.DropConstraintOp] | type[ops.CreateForeignKeyOp],
    ) -> ops.ModifyTableOps:
        """Take operations on them out of the change of a table."""
        own = label(change.schema, change.table_name)
        keys = [(op, op.to_constraint()) for op in change.ops if isinstance(op, of)]
        taken = [
            op
            for op, fk in keys
            if isinstance(fk, ForeignKeyConstraint) and target(fk)[0] != own
            if self.has(fk)
        ]
        change.ops = [op for op in change.ops if op not in taken]
        return ops.ModifyTableOps(change.table_name, taken, schema=change.schema)
