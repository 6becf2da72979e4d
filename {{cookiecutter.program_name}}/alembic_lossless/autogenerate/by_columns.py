"""Constraints that the models name as little as the revisions did."""

import logging
from collections.abc import Iterable, Iterator
from itertools import chain, count
from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from sqlalchemy import ForeignKeyConstraint, Table, UniqueConstraint

from ..operations.by_columns import DropConstraintByColumnsOp
from .draft import Draft
from .named_objects import name_for

log = logging.getLogger(__name__)

Keyed = UniqueConstraint | ForeignKeyConstraint
"""What can be found by its columns."""

NAMED = (ops.CreateUniqueConstraintOp, ops.CreateForeignKeyOp)
"""What makes them."""


def compare_unnamed(
    context: AutogenContext,
    change: ops.ModifyTableOps,
    _schema: Any,
    _name: Any,
    old: Table | None,
    new: Table | None,
) -> None:
    """Notice a unique constraint that SQLite has without a name, and models have not.

    Alembic compares it in one direction: it notices such a one that is new.
    """
    if old is None or new is None:
        return
    wanted = [frozenset(it.columns.keys()) for it in _uniques(new)]
    wanted += [frozenset(it.columns.keys()) for it in new.indexes if it.unique]
    kind: Any = "unique_constraint"
    reflected = True
    for constraint in _uniques(old):
        columns = constraint.columns.keys()
        if (
            constraint.name is None
            and frozenset(columns) not in wanted
            and context.run_object_filters(constraint, None, kind, reflected, None)
        ):
            change.ops.append(ops.DropConstraintOp.from_constraint(constraint))
            log.info("Detected removed unique constraint of %s", ", ".join(columns))


def _uniques(table: Table) -> list[UniqueConstraint]:
    found = (it for it in table.constraints if isinstance(it, UniqueConstraint))
    return sorted(found, key=lambda it: it.columns.keys())


def find_unnamed(_draft: Draft, container: ops.OpContainer) -> None:
    """Drop what has no name by its columns, and name what a table gets.

    SQLite's batch makes no constraint without a name. The name is PostgreSQL's own.
    """
    every = list[ops.MigrateOperation]()
    for change in container.ops:
        if isinstance(change, ops.ModifyTableOps):
            every += _drops(change)
            _name(change.ops)
            if change.is_empty():
                continue
        every.append(change)
    container.ops = every


def _drops(change: ops.ModifyTableOps) -> Iterator[DropConstraintByColumnsOp]:
    """Take the constraints that go without a name out of the change of a table."""
    for op in list(change.ops):
        if isinstance(op, ops.DropConstraintOp) and op.constraint_name is None:
            constraint = op.to_constraint()
            if isinstance(constraint, Keyed):
                change.ops.remove(op)
                yield DropConstraintByColumnsOp(
                    op.table_name,
                    _columns(constraint),
                    type_=op.constraint_type,
                    schema=op.schema,
                )


def _name(changes: Iterable[ops.MigrateOperation]) -> None:
    """Give each new constraint of a table a name, with a number where it is taken."""
    taken = set[str]()
    for op in changes:
        if isinstance(op, NAMED):
            constraint = op.to_constraint()
            if op.constraint_name is None and isinstance(constraint, Keyed):
                name = name_for(constraint)
                numbered = (f"{name}{number}" for number in count(1))
                free = (it for it in chain([name], numbered) if it not in taken)
                op.constraint_name = next(free)
            taken.add(str(op.constraint_name))


def _columns(constraint: Keyed) -> list[str]:
    return [column.name for column in constraint.columns]
