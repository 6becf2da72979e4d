"""Foreign keys whose columns change their type, on one side or on both."""

from collections.abc import Iterator

from alembic.operations import ops
from sqlalchemy import ForeignKeyConstraint

from .declared import operations_in
from .draft import Draft
from .referring import tables, take_away_and_give_back
from .renamed import Key

WHOLE = (ops.CreateTableOp, ops.DropTableOp)
"""A table that arrives brings its foreign keys, and one that goes takes them along."""


def free_retyped(draft: Draft, container: ops.OpContainer) -> None:
    """Take a foreign key away while a type changes under it, and give it back.

    MariaDB lets no such column change, and PostgreSQL no text become a number.
    """
    retyped = {
        ((op.schema, op.table_name), op.column_name)
        for op in operations_in(container)
        if isinstance(op, ops.AlterColumnOp) and op.modify_type is not None
    }
    whole = [op for op in container.ops if isinstance(op, WHOLE)]
    apart = {(op.schema, op.table_name) for op in whole}
    freed = (
        fk
        for table in tables(draft.context)
        if (table.schema, table.name) not in apart
        for fk in table.foreign_key_constraints
        if retyped & set(_columns(fk))
    )
    take_away_and_give_back(container, freed)


def _columns(fk: ForeignKeyConstraint) -> Iterator[tuple[Key, str]]:
    for element in fk.elements:
        for column in (element.parent, element.column):
            yield (column.table.schema, column.table.name), column.name
