"""Indexes that MariaDB will not drop, since a foreign key needs them."""

from alembic.operations import ops
from sqlalchemy import UniqueConstraint

from .declared import operations_in
from .draft import Draft
from .referring import tables

DROPS = (ops.DropIndexOp, ops.DropConstraintOp)
CREATES = (ops.CreateIndexOp, ops.CreateUniqueConstraintOp)


def free_indexes(draft: Draft, container: ops.OpContainer) -> None:
    """Take a foreign key away while its index goes, and give it back.

    MariaDB then makes an index of its own for it; the other databases need none.
    """
    models = {(table.schema, table.name): table for table in tables(draft.context)}
    changed = {getattr(op, "constraint_name", None) for op in operations_in(container)}
    for change in container.ops:
        if not isinstance(change, ops.ModifyTableOps):
            continue
        table = models.get((change.schema, change.table_name))
        gone = [_columns(op) for op in change.ops if isinstance(op, DROPS)]
        made = [_columns(op) for op in change.ops if isinstance(op, CREATES)]
        for fk in table.foreign_key_constraints if table is not None else ():
            columns = list(fk.column_keys)
            starts = [[key[: len(columns)] for key in keys] for keys in (gone, made)]
            needed = columns in starts[0] and columns not in starts[1]
            if needed and fk.name and fk.name not in changed:
                change.ops.append(ops.DropConstraintOp.from_constraint(fk))
                change.ops.append(ops.CreateForeignKeyOp.from_constraint(fk))


def _columns(op: ops.MigrateOperation) -> list[str]:
    """Return the columns of an index or a unique constraint, in order."""
    if isinstance(op, ops.CreateIndexOp | ops.DropIndexOp):
        return [column.name for column in op.to_index().columns]
    if isinstance(op, ops.DropConstraintOp | ops.CreateUniqueConstraintOp):
        constraint = op.to_constraint()
        if isinstance(constraint, UniqueConstraint):
            return [column.name for column in constraint.columns]
    return []
