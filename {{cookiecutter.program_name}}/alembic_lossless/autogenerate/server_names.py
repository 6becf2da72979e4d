"""Names that only this server has: a draft drops things by those of the revisions.

A server shortens a long name, and has one of its own for what was given none; and
MariaDB says of a unique constraint that it is an index.
"""

from collections.abc import Callable
from typing import TypeGuard

from alembic.operations import ops
from sqlalchemy import UniqueConstraint
from sqlalchemy.sql.elements import conv

from ..dialects import MYSQL
from ..operations.by_columns import WORDS
from .draft import Draft
from .named_objects import Drop, created_by, is_same_key, name_of
from .replay import Recorder, replayed


def names_as_declared(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Drop indexes and constraints by the names that they have in the revisions.

    The other databases, on which the script runs too, know no other.
    """
    history, dialect = replayed(draft.context), draft.context.dialect
    whole = history.objects.whole_names(dialect)

    def named(op: Drop) -> Drop:
        op = _wholly_named(op, whole)
        if dialect.name in MYSQL and isinstance(op, ops.DropIndexOp):
            op = _as_constraint(op, history)
        if _is_unnamed(op, history):
            op.constraint_name = None
        return op

    _each(upgrade, named)


def _each(container: ops.OpContainer, named: Callable[[Drop], Drop]) -> None:
    for at, op in enumerate(container.ops):
        if isinstance(op, ops.OpContainer):
            _each(op, named)
        elif isinstance(op, ops.DropIndexOp | ops.DropConstraintOp):
            container.ops[at] = named(op)


def _wholly_named(op: Drop, whole: dict[str, str]) -> Drop:
    """Return a drop by a name that no server has shortened."""
    _, name = name_of(op) or ("", "")
    if name not in whole:
        return op
    if isinstance(op, ops.DropIndexOp):
        index = op.to_index()
        index.name = conv(whole[name])
        return ops.DropIndexOp.from_index(index)
    constraint = op.to_constraint()
    constraint.name = conv(whole[name])
    return ops.DropConstraintOp.from_constraint(constraint)


def _as_constraint(op: ops.DropIndexOp, history: Recorder) -> Drop:
    """Return the drop of a constraint where MariaDB tells of an index of one.

    What revisions gave no name has one of the server's.
    """
    index, names = op.to_index(), history.objects.names
    known = (op.schema, op.table_name) in history.tables
    unnamed = known and op.index_name not in names[ops.CreateIndexOp]
    declared = op.index_name in names[ops.CreateUniqueConstraintOp]
    if not (declared or (index.unique and unnamed)):
        return op
    constraint = UniqueConstraint(*index.columns, name=index.name)
    return ops.DropConstraintOp.from_constraint(constraint)


def _is_unnamed(op: Drop, history: Recorder) -> TypeGuard[ops.DropConstraintOp]:
    """Tell whether only this server has a name for a constraint.

    What the revisions named has that name everywhere, and what others made here alone.
    """
    if not isinstance(op, ops.DropConstraintOp) or op.constraint_type not in WORDS:
        return False
    names = history.objects.names
    kinds = (ops.CreateUniqueConstraintOp, ops.CreateForeignKeyOp)
    if any(op.constraint_name in names[kind] for kind in kinds):
        return False
    made = created_by(op.to_constraint())
    known = history.objects.others[op.schema, op.table_name]
    return any(name_of(it) is None and is_same_key(it, made) for it in known)
