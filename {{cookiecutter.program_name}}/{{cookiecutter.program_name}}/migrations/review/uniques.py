"""Indexes of MariaDB that the models know as a unique constraint, or not at all."""

from typing import Any

from alembic import context
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


def include_object(
    _item: Any,
    name: str | None,
    kind: str,
    reflected: bool,  # noqa: FBT001  the signature is Alembic's
    model: Any,
) -> bool:
    """Overlook the index that MariaDB made for a foreign key, and kept without it.

    It does no harm, and the other databases have none that a script could drop.
    """
    left = kind == "index" and reflected and model is None
    return not (left and name in replayed(context.get_context()).foreign_keys)


def _constraint(op: ops.DropIndexOp) -> ops.DropConstraintOp:
    index = op.to_index()
    constraint = UniqueConstraint(*index.columns, name=index.name)
    return ops.DropConstraintOp.from_constraint(constraint)
