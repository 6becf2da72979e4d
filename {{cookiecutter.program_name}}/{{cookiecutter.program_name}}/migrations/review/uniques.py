"""Unique constraints that MariaDB says are indexes, in the revisions' words."""

from alembic.operations import ops
from sqlalchemy import UniqueConstraint

from .draft import Draft
from .history import replayed


def unique_as_declared(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Drop what was declared as a constraint as one, not as MariaDB's index of it.

    The other databases, on which the script runs too, know the difference.
    """
    unique = replayed(draft.context).unique
    for change in upgrade.ops:
        if isinstance(change, ops.ModifyTableOps):
            change.ops = [
                _constraint(op)
                if isinstance(op, ops.DropIndexOp) and op.index_name in unique
                else op
                for op in change.ops
            ]


def _constraint(op: ops.DropIndexOp) -> ops.DropConstraintOp:
    index = op.to_index()
    constraint = UniqueConstraint(*index.columns, name=index.name)
    return ops.DropConstraintOp.from_constraint(constraint)
