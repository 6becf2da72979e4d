"""Foreign keys that contradict their column, which only MariaDB says at once."""

from collections.abc import Iterable

from alembic.operations import ops
from alembic.util import CommandError
from sqlalchemy import Column, ForeignKey

from .declared import operations_in
from .draft import Draft, label
from .renamed import Key


def refuse_contradictions(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Refuse a column that is NOT NULL and becomes NULL when its parent is deleted.

    :raises CommandError: with each of them, and what to write.
    """
    lines = [
        f"{label(*key)}.{name} is NOT NULL, and its ondelete would make it NULL."
        for op in operations_in(upgrade)
        for key, name in _columns(op)
        if not draft.models[key][name].nullable
        if any(map(_sets_null, draft.models[key][name].foreign_keys))
    ]
    if lines:
        advice = "Allow NULL in the model, or choose another ondelete."
        lines.append(f"Nothing is written. {advice}")
        raise CommandError("\n".join(dict.fromkeys(lines)))


def _sets_null(fk: ForeignKey) -> bool:
    return (fk.ondelete or "").upper() == "SET NULL"


def _columns(op: ops.MigrateOperation) -> Iterable[tuple[Key, str]]:
    """Return the columns that an operation makes, makes NOT NULL or lets refer."""
    key: Key
    match op:
        case ops.CreateTableOp():
            key = op.schema, op.table_name
            return [(key, item.name) for item in op.columns if isinstance(item, Column)]
        case ops.AddColumnOp():
            return [((op.schema, op.table_name), op.column.name)]
        case ops.AlterColumnOp(modify_nullable=False):
            return [((op.schema, op.table_name), op.column_name)]
        case ops.CreateForeignKeyOp():
            key = op.kw.get("source_schema"), op.source_table
            return [(key, name) for name in op.local_cols]
    return []
