"""What no revision made, and goes when an answer says so: other databases have none."""

import logging
from collections.abc import Iterator, Mapping

from alembic.operations import ops

from ..marks import REVIEW
from ..rules import rule
from .draft import Draft
from .named_objects import name_for
from .operations import Note, RenameColumn, RenameTable, label

log = logging.getLogger("alembic.review")

INDEXES = (ops.CreateIndexOp, ops.DropIndexOp)


@rule(
    "only-there",
    "mark",
    "`# REVIEW:` stands where a database fails that lacks what no revision made.",
)
def allow_for_others(draft: Draft, container: ops.OpContainer) -> None:
    """Let a draft run where there is nothing to drop, or say that it does not.

    Tables and indexes have an IF EXISTS on every database; columns and constraints have
    none on SQLite, and none in a batch.
    """
    taken = draft.ownership.taken
    if not taken:
        return
    is_upgrade = container is draft.upgrade
    every = list[ops.MigrateOperation]()
    for op in container.ops:
        if isinstance(op, ops.ModifyTableOps):
            every += _parts(op, taken, is_upgrade=is_upgrade)
            continue
        table = label(getattr(op, "schema", None), getattr(op, "table_name", ""))
        if isinstance(op, RenameTable | RenameColumn) and is_upgrade:
            every += _review(taken, table)
            every += _review(taken, f"{table}.{_name(op)}")
        elif table in taken:
            _allow(op, is_upgrade=is_upgrade)
        every.append(op)
    container.ops = every


def _parts(
    change: ops.ModifyTableOps, taken: Mapping[str, str], *, is_upgrade: bool
) -> Iterator[ops.MigrateOperation]:
    """Give the change of a table in parts: an index of others has one to itself.

    A batch that makes the table of SQLite anew knows no IF EXISTS.
    """
    table = label(change.schema, change.table_name)
    part = list[ops.MigrateOperation]()
    for op in change.ops:
        subject = table if table in taken else f"{table}.{_name(op)}"
        if is_upgrade and not isinstance(op, INDEXES):
            yield from _review(taken, subject)
        if isinstance(op, INDEXES) and subject in taken:
            _allow(op, is_upgrade=is_upgrade)
            yield from _part(change, part)
            yield from _part(change, [op])
            part = []
            continue
        part.append(op)
    yield from _part(change, part)


def _part(
    change: ops.ModifyTableOps, inside: list[ops.MigrateOperation]
) -> Iterator[ops.ModifyTableOps]:
    if inside:
        yield ops.ModifyTableOps(change.table_name, inside, schema=change.schema)


def _name(op: ops.MigrateOperation) -> str | None:
    """Return the name of what an operation drops or changes."""
    if isinstance(op, ops.DropConstraintOp):
        return str(op.constraint_name or name_for(op.to_constraint()))
    if isinstance(op, INDEXES):
        return str(op.index_name)
    if isinstance(op, ops.DropColumnOp | ops.AlterColumnOp):
        return op.column_name
    return None


def _allow(op: ops.MigrateOperation, *, is_upgrade: bool) -> None:
    """Let an upgrade drop what is not there, and a downgrade make what is."""
    if isinstance(op, ops.DropTableOp | ops.DropIndexOp) and is_upgrade:
        op.if_exists = True
    elif isinstance(op, ops.CreateTableOp | ops.CreateIndexOp) and not is_upgrade:
        op.if_not_exists = True


def _review(taken: Mapping[str, str], subject: str) -> Iterator[Note]:
    if subject in taken:
        text = (
            f"no revision made {taken[subject]} {subject}: this fails on a database"
            " without it, such as a new one."
        )
        log.warning("In the draft, %s", text)
        yield Note(REVIEW, text)
