"""Indexes that MariaDB will not drop, since a foreign key needs them."""

from collections.abc import Sequence

from alembic.operations import ops
from sqlalchemy import ForeignKeyConstraint, UniqueConstraint

from .draft import Draft
from .order import CREATES, name_of
from .referring import tables, take_away_and_give_back

DROPS = (ops.DropIndexOp, ops.DropConstraintOp)


def free_indexes(draft: Draft, container: ops.OpContainer) -> None:
    """Take a foreign key away while its index goes, and give it back.

    MariaDB then makes an index of its own for it; the other databases need none.
    """
    models = {(table.schema, table.name): table for table in tables(draft.context)}
    freed = list[ForeignKeyConstraint]()
    for change in container.ops:
        if not isinstance(change, ops.ModifyTableOps):
            continue
        table = models.get((change.schema, change.table_name))
        for fk in table.foreign_key_constraints if table is not None else ():
            if _lose_index(change.ops, list(fk.column_keys)):
                freed.append(fk)
    take_away_and_give_back(container, freed)


def _lose_index(
    changes: Sequence[ops.MigrateOperation], columns: Sequence[str]
) -> bool:
    """Return whether columns are without an index for a while, or for good.

    A constraint goes before another comes, and so does an index if that has its name.
    """
    concerned = [op for op in changes if _columns(op)[: len(columns)] == columns]
    gone = [op for op in concerned if isinstance(op, DROPS)]
    made = {name_of(op) for op in concerned if isinstance(op, CREATES)}
    first = (isinstance(op, ops.DropConstraintOp) or name_of(op) in made for op in gone)
    return any(first) or bool(gone and not made)


def _columns(op: ops.MigrateOperation) -> list[str]:
    """Return the columns of an index or a unique constraint, in order."""
    if isinstance(op, ops.CreateIndexOp | ops.DropIndexOp):
        return [column.name for column in op.to_index().columns]
    if isinstance(op, ops.DropConstraintOp | ops.CreateUniqueConstraintOp):
        constraint = op.to_constraint()
        if isinstance(constraint, UniqueConstraint):
            return [column.name for column in constraint.columns]
    return []
