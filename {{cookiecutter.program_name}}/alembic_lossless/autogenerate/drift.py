"""Which differences are in the database alone: somebody changed it by hand."""

from collections.abc import Sequence
from typing import Any

from alembic.operations import MigrateOperation, ops
from sqlalchemy.engine import Dialect

from ..operations.base import Key
from ..state import State, Subject, described_at, differing, table_of
from .draft import ChangePrimaryKey


def changed_by_hand(
    upgrade: ops.UpgradeOps, state: State, dialect: Dialect
) -> list[MigrateOperation]:
    """Return the operations that would make what the revisions declare already.

    They are applied to what is declared. What is declared after all of them as it was
    before is what the models say, too: only the database says something else.

    :param upgrade: what a database lacks.
    :param state: what its revisions declare; it is of no use afterwards.
    """
    state.enums = None  # an operation says here what a type is to be
    before, now = dict[Key, Any](), dict[Key, Any]()
    touched = list[tuple[MigrateOperation, Key, set[Subject]]]()
    for op, applied in _parts(upgrade.ops):
        key = state.key(*_place(applied))
        was = now.get(key, described_at(state, key, dialect))
        before.setdefault(key, was)
        state.apply(applied)
        now[key] = described_at(state, key, dialect)
        touched.append((op, key, differing(was, now[key])))
    new = {it for key in now for it in differing(before[key], now[key])}
    # Of what no revision is known to make, none can be said to make it so.
    return [op for op, key, subjects in touched if before[key] and not subjects & new]


def _parts(
    found: Sequence[MigrateOperation],
) -> list[tuple[MigrateOperation, MigrateOperation]]:
    """Return each operation, and what can be applied of it."""
    every = list[tuple[MigrateOperation, MigrateOperation]]()
    for op in found:
        for part in op.ops if isinstance(op, ops.ModifyTableOps) else (op,):
            applied = part
            if isinstance(op, ops.ModifyTableOps) and isinstance(
                part, ChangePrimaryKey
            ):
                applied = ops.CreatePrimaryKeyOp(
                    None, op.table_name, part.new, schema=op.schema
                )
            every.append((part, applied))
    return every


def _place(op: Any) -> Key:
    """Return the schema and the name of what an operation is about."""
    if isinstance(op, ops.CreateForeignKeyOp):
        return table_of(op)
    name = getattr(op, "table_name", None) or getattr(op, "name", "")
    return getattr(op, "schema", None), str(name)
