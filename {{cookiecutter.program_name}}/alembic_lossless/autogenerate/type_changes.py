"""A column's type changes in a way that loses no value, or that refuses to lose one."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic.operations import MigrateOperation
from alembic.operations.ops import AlterColumnOp, OpContainer

from ..dialects import on
from ..marks import MEANS, REVIEW
from ..meaning import becomes
from ..operations.guards import RefuseLossOp
from ..operations.keys import ResizeSequenceOp
from ..rules import rule
from ..types import bits, is_known, is_native, keeps_all, kind, using, way
from .declared import defaults_around
from .draft import Draft
from .operations import Note, names_before, operations_in


@rule(
    "review",
    "mark",
    "`# REVIEW:` stands where nobody can judge what becomes of the rows.",
)
def change_types(draft: Draft, container: OpContainer) -> None:
    """Make every change of a type safe on a table with rows."""
    # First of all come the guards: MariaDB takes nothing back after a refusal.
    container.ops[:0] = list(_guards(container))
    _split(draft, container, container)


def _guards(container: OpContainer) -> Iterator[RefuseLossOp]:
    """Give the checks of rows, by the names that tables and columns have before."""
    for change in operations_in(container):
        if not isinstance(change, AlterColumnOp):
            continue
        old, new = change.existing_type, change.modify_type
        if old is None or new is None or (is_native(old) and is_native(new)):
            continue
        if is_known(old, new) and not keeps_all(old, new):
            yield refuse_loss(container, change, new)


def _split(draft: Draft, container: OpContainer, within: OpContainer) -> None:
    for operation in list(within.ops):
        if isinstance(operation, OpContainer):
            _split(draft, container, operation)
        elif isinstance(operation, AlterColumnOp) and operation.modify_type:
            at = within.ops.index(operation)
            before, after = defaults_around(draft, container, operation)
            within.ops[at : at + 1] = [
                part
                for step in _on_the_way(operation)
                for part in _parts(step, before, after)
            ]


def _on_the_way(change: AlterColumnOp) -> list[AlterColumnOp]:
    """Return the changes that lead from a type to another."""
    old, new = change.existing_type, change.modify_type
    if old is None or new is None or len(way(old, new)) == 1:
        return [change]
    middle = way(old, new)[0]
    first = AlterColumnOp(
        change.table_name,
        change.column_name,
        schema=change.schema,
        existing_type=old,
        existing_nullable=change.existing_nullable,
        existing_server_default=change.existing_server_default,
        existing_comment=change.existing_comment,
        modify_type=middle,
    )
    change.existing_type = middle
    change.existing_server_default = False
    return [first, change]


def _parts(change: AlterColumnOp, before: Any, after: Any) -> list[MigrateOperation]:
    """Take the default away, change the type, and give a default that fits it.

    No database converts a default: PostgreSQL stops at '' for an Integer.
    """
    old, new = change.existing_type, change.modify_type
    if old is None or new is None:
        return [change]
    parts: list[MigrateOperation] = [change]
    if expression := using(change.column_name, old, new):
        change.kw["postgresql_using"] = expression
    if kind(old) is not kind(new) and (before is not None or after is not None):
        change.existing_server_default = change.modify_server_default = False
        if before is not None:
            parts.insert(0, _default_change(change, change.column_name, old, None))
        if after is not None:
            name = change.modify_name or change.column_name
            parts.append(_default_change(change, name, new, after))
    if change.kw.get("autoincrement") and bits_of(old) != bits_of(new):
        name = change.modify_name or change.column_name
        words = change.table_name, name, bits_of(new)
        parts.append(ResizeSequenceOp(*words, schema=change.schema))
    return [*_notes(change, old, new), *parts]


@rule(
    "means",
    "mark",
    "`# MEANS:` stands where a value may be meant otherwise than it is taken.",
)
def _notes(change: AlterColumnOp, old: Any, new: Any) -> Iterator[Note]:
    """Say what an author must look at, or what every value becomes."""
    subject = f"{change.table_name}.{change.column_name}"
    if not is_known(old, new):
        text = f"what becomes of the rows when {subject} goes from {old!r} to {new!r}?"
        yield Note(REVIEW, text)
    elif words := becomes(old, new):
        yield Note(MEANS, f"in {subject} {words}.")


def bits_of(type_: Any) -> int | None:
    """Return the size of an integer type on PostgreSQL, None for other types."""
    here = on(type_, "postgresql")
    return bits(here) if isinstance(here, sa.Integer) else None


def _default_change(
    change: AlterColumnOp, column: str, type_: Any, default: Any
) -> AlterColumnOp:
    return AlterColumnOp(
        change.table_name,
        column,
        schema=change.schema,
        existing_type=type_,
        existing_nullable=change.existing_nullable,
        modify_server_default=default,
    )


def refuse_loss(
    container: OpContainer, change: AlterColumnOp, new: Any
) -> RefuseLossOp:
    """Return the step that stops when a column has values that a type would destroy.

    It comes first, so it speaks of the column as it is called before anything changes.

    :param container: the operations of one direction, that the change is in.
    """
    key = change.schema, change.table_name
    was = names_before(container, key, change.column_name)
    return RefuseLossOp(*was, new, schema=change.schema)
