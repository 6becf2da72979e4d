"""Tables in the order that their foreign keys allow."""

from collections.abc import Iterable

from alembic.operations import ops
from sqlalchemy import ForeignKeyConstraint

from .draft import label

Whole = ops.CreateTableOp | ops.DropTableOp
Keyed = tuple[Whole, list[ForeignKeyConstraint]]
"""A table that arrives or goes, and its foreign keys."""


def target(fk: ForeignKeyConstraint) -> tuple[str, set[str]]:
    """Return the table that a foreign key refers to, and the columns."""
    names = [element.target_fullname.rpartition(".") for element in fk.elements]
    return names[0][0], {column for _, _, column in names}


def _foreign_keys(op: Whole) -> list[ForeignKeyConstraint]:
    """Return the foreign keys of a table, but those to itself."""
    whole = (
        op.columns if isinstance(op, ops.CreateTableOp) else op.to_table().constraints
    )
    keys = [item for item in whole if isinstance(item, ForeignKeyConstraint)]
    own = label(op.schema, op.table_name)
    others = (fk for fk in keys if target(fk)[0] != own)
    return sorted(others, key=lambda fk: list(fk.column_keys))


def by_reference(
    tables: Iterable[Whole],
) -> tuple[list[Keyed], list[ForeignKeyConstraint]]:
    """Return tables in order, those that others refer to first.

    :return: also the foreign keys that close a cycle: no order has room for them.
    """
    waiting = {label(op.schema, op.table_name): op for op in tables}
    keys = {name: _foreign_keys(op) for name, op in waiting.items()}
    found, cycles = list[Keyed](), list[ForeignKeyConstraint]()
    while waiting:
        open_keys = {
            name: [fk for fk in keys[name] if target(fk)[0] in waiting]
            for name in waiting
        }
        name = min(open_keys, key=lambda name: (len(open_keys[name]), name))
        cycles += open_keys[name]
        found.append((waiting.pop(name), keys[name]))
    return found, cycles
