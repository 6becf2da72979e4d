"""What a draft drops later: until a day it is there under another name."""

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic.operations import MigrateOperation, ops
from alembic.util import CommandError

from ..operations.aside import (
    kept,
    kept_name,
    restore_column,
    restore_table,
    set_column_aside,
    set_table_aside,
)
from ..operations.base import Key, LosslessOp, altering, label
from ..rules import KEEPS, rule
from ..sql import columns_in
from ..state import State, name_of, sql
from .draft import (
    Draft,
    Note,
    RestoreColumn,
    RestoreTable,
    SetColumnAside,
    SetTableAside,
    as_aside,
    key_of,
    of_kind,
    operations_in,
)

log = logging.getLogger("alembic.review")

DAYS = 30
"""For how long what is dropped later is kept, unless the project says it."""


def set_aside(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Let a draft keep aside what an answer, or the project, wants to drop later."""
    for at, op in enumerate(upgrade.ops):
        if isinstance(op, ops.DropTableOp):
            subject = label(op.schema, op.table_name)
            if days := _days(draft, subject, _why_not_table(draft, op)):
                until = _until(draft, key_of(op), None, days)
                upgrade.ops[at] = as_aside(op, SetTableAside, until)
        elif isinstance(op, ops.ModifyTableOps):
            op.ops = [part for one in op.ops for part in _parts(draft, one)]


def columns_aside(state: State) -> Iterator[sa.Column[Any]]:
    """Give the columns that are set aside by now, alone or with their table."""
    for (_, name), table in state.tables.items():
        yield from (it for it in table.columns if kept(name) or kept(it.name))


def columns_moved(container: ops.OpContainer) -> Iterator[sa.Column[Any]]:
    """Give the columns that operations set aside, or bring back."""
    for op in operations_in(container):
        match op:
            case SetColumnAside():
                yield op.to_column()
            case RestoreColumn():
                yield op.column
            case SetTableAside() | RestoreTable():
                yield from op.to_table().columns


def _parts(draft: Draft, op: MigrateOperation) -> Iterator[MigrateOperation]:
    if not isinstance(op, ops.DropColumnOp):
        yield op
        return
    subject = f"{label(op.schema, op.table_name)}.{op.column_name}"
    days = _days(draft, subject, _why_not(draft, op))
    if not days:
        yield op
        return
    if not op.to_column().nullable:
        allow, op = allow_null(draft, op)
        yield allow
    until = _until(draft, key_of(op), op.column_name, days)
    yield as_aside(op, SetColumnAside, until)


def allow_null(
    draft: Draft, op: ops.DropColumnOp
) -> tuple[ops.AlterColumnOp, ops.DropColumnOp]:
    """Return what lets a column be empty, and what drops it when it may be.

    The way back is in two steps, too: what has no value by then gets a neutral one.
    """
    column = op.to_column()
    known = draft.state.column(op.schema, op.table_name, column.name)
    default: Any = column.server_default
    allow = altering(
        op,
        column.name,
        existing_type=column.type if known is None else known.type,
        existing_nullable=False,
        existing_comment=column.comment,
        existing_server_default=False if default is None else default,
        modify_nullable=True,
    )
    empty: sa.Column[Any] = sa.Column(
        column.name, column.type, default, comment=column.comment, nullable=True
    )
    add = ops.AddColumnOp(op.table_name, empty, schema=op.schema)
    return allow, add.reverse()


def _days(draft: Draft, subject: str, why_not: str) -> int:
    """Return for how many days something is kept; 0 where it is dropped."""
    kept: int = draft.context.opts["keep_dropped"]
    when = draft.prompt.when_dropped(subject)
    if when == "later" and why_not:
        raise CommandError(
            f"drop={subject}:later: {why_not}. Nothing is written. To drop it with this"
            f" revision: drop={subject}:now"
        )
    if when == "now" or why_not:
        return 0
    return (kept or DAYS) if when == "later" else kept


def _why_not_table(draft: Draft, op: ops.DropTableOp) -> str:
    if draft.state.created(*key_of(op)) is None:
        return "no revision made it, so that other databases have none to keep"
    return ""


def _why_not(draft: Draft, op: ops.DropColumnOp) -> str:
    """Return why a column cannot be set aside, or nothing."""
    column = op.to_column()
    if draft.state.column(op.schema, op.table_name, op.column_name) is None:
        return "no revision made it, so that other databases have none to keep"
    if column.computed is not None:
        return "its values are computed, and a downgrade computes them again"
    if column.identity is not None:
        return "the database counts it (Identity)"
    for create in draft.state.others(*key_of(op)):
        if isinstance(create, ops.CreateCheckConstraintOp) and not name_of(create):
            condition = sql(create.to_constraint().sqltext, draft.context.dialect)
            if columns_in(condition, [op.column_name], draft.context.dialect):
                return f"it has a CHECK without a name ({condition}), which would stay"
    return ""


def _until(draft: Draft, key: Key, column: str | None, days: int) -> str:
    """Return the day until which it is kept, one whose name is not taken."""
    until: date = datetime.now(tz=UTC).date() + timedelta(days=days)
    schema, table = key

    def taken() -> bool:
        if column is None:
            return draft.state.table(schema, kept_name(table, str(until))) is not None
        return draft.state.column(*key, kept_name(column, str(until))) is not None

    while taken():
        until += timedelta(days=1)
    return str(until)


@rule(
    "keeps",
    "mark",
    "`# KEEPS:` stands where an upgrade sets a table or a column aside until a day, in"
    " the place of a drop.",
)
def write_aside(_draft: Draft, container: ops.OpContainer) -> None:
    """Write what is set aside, and what comes back, beside the batch of its table."""
    every = list[MigrateOperation]()
    for op in container.ops:
        if isinstance(op, SetTableAside):
            name = label(op.schema, op.table_name)
            every.append(_keeps(f"table {name} with all its rows", op.until))
            call = set_table_aside(op.table_name, until=op.until, schema=op.schema)
            every.append(call)
        elif isinstance(op, RestoreTable):
            call = restore_table(op.table_name, until=op.until, schema=op.schema)
            every.append(call)
        elif isinstance(op, ops.ModifyTableOps):
            every += _beside(op)
        else:
            every.append(op)
    container.ops = every


def _beside(change: ops.ModifyTableOps) -> Iterator[MigrateOperation]:
    """Give what comes back first, then the batch, and what is set aside last."""
    back = [*of_kind(RestoreColumn, change.ops)]
    aside = [*of_kind(SetColumnAside, change.ops)]
    change.ops = [it for it in change.ops if it not in back and it not in aside]
    for it in back:
        yield _call(restore_column, it, it.column)
    if change.ops or not (back or aside):
        yield change
    for op in aside:
        name = f"{label(op.schema, op.table_name)}.{op.column_name}"
        yield _keeps(f"column {name} with its values", op.until)
        yield _call(set_column_aside, op, op.to_column())


def _call(operation: Any, op: Any, column: sa.Column[Any]) -> LosslessOp:
    given: dict[str, Any] = {"until": op.until, "existing_type": column.type}
    if column.server_default is not None:
        given["existing_server_default"] = column.server_default
    if column.comment:
        given["existing_comment"] = column.comment
    call: LosslessOp = operation(op.table_name, column.name, **given, schema=op.schema)
    return call


def _keeps(text: str, until: str) -> Note:
    log.info("The draft keeps %s until %s, under another name.", text, until)
    return Note(KEEPS, f"{text}, until {until}")
