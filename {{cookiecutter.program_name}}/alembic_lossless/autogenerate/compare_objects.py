"""Indexes and constraints: what Alembic does not see, or not all of.

Which of them there are, the database says; what they are, the revisions. A database
gives a condition back in words of its own, or forgets the order of an index.
"""

import logging
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.ddl.postgresql import CreateExcludeConstraintOp
from alembic.operations import ops
from sqlalchemy.sql.elements import conv

from ..internals import dropped_items, named_as_made
from .draft import Draft
from .named_objects import (
    Create,
    Name,
    Objects,
    changed,
    drop_of,
    has_expressions,
    name_of,
    objects_of,
)
from .operations import Key, label, operations_in
from .replay import replayed

log = logging.getLogger("alembic.review")

KINDS = {
    ops.CreateIndexOp: "index",
    ops.CreateUniqueConstraintOp: "unique_constraint",
    ops.CreateForeignKeyOp: "foreign_key_constraint",
    ops.CreateCheckConstraintOp: "check_constraint",
    CreateExcludeConstraintOp: "exclude_constraint",
}
"""What `include_object` hears of them."""

DROPS = (ops.DropIndexOp, ops.DropConstraintOp)

EXCLUDES = "SELECT conname FROM pg_constraint WHERE contype = 'x'"
INDEXES = "SELECT name FROM sqlite_master WHERE type = 'index'"


def compare_objects(  # noqa: PLR0913, PLR0917  the signature is Alembic's
    context: AutogenContext,
    change: ops.ModifyTableOps,
    schema: str | None,
    table: str,
    old: sa.Table | None,
    model: sa.Table | None,
) -> None:
    """Notice an index or a constraint that is new, gone, or another one."""
    known = replayed(context.migration_context).objects.tables.get((schema, table), {})
    models = objects_of(model) if model is not None else {}
    if old is None or model is None:
        # The rest comes and goes with its table.
        known, models = _only_indexes(known), _only_indexes(models)
    found = _Unseen(context, (schema, table), is_new=old is None)
    concerned = {name_of(op) for op in change.ops}
    gone = {name_of(op) for op in change.ops if isinstance(op, DROPS)}
    for name in sorted((known.keys() & concerned) - gone):
        # Alembic makes the index that replaces one which it does not see.
        if found.is_one(known[name]) and found.has(known[name]):
            change.ops.append(drop_of(known[name]))
    for name in sorted((known.keys() | models.keys()) - concerned):
        before, after = known.get(name), models.get(name)
        steps = list(_steps(found, before, after))
        if steps and _is_included(context, after or before):
            change.ops += steps
    if old is not None and model is not None:
        _name_unnamed(model)


def _only_indexes(objects: Objects) -> Objects:
    return {name: op for name, op in objects.items() if name[0] == "index"}


class _Unseen:
    """Know which of the objects that Alembic does not see a database has."""

    def __init__(self, context: AutogenContext, key: Key, *, is_new: bool) -> None:
        self._context, self._key, self._is_new = context, key, is_new
        self._found: dict[type[Create], set[str]] = {}
        self._dialect = context.migration_context.dialect

    def is_one(self, op: Create) -> bool:
        """Tell whether Alembic overlooks such an object."""
        if isinstance(op, ops.CreateIndexOp):
            return self._dialect.name == "sqlite" and has_expressions(op)
        return isinstance(op, ops.CreateCheckConstraintOp | CreateExcludeConstraintOp)

    def has(self, op: Create) -> bool:
        """Tell whether the database has an object of that name."""
        if self._is_new:
            return False
        kind = type(op)
        if kind not in self._found:
            self._found[kind] = set(self._ask(kind))
        return named_as_made(op, self._dialect) in self._found[kind]

    def _ask(self, kind: type[Create]) -> Iterator[str]:
        connection = self._context.connection
        if kind is ops.CreateCheckConstraintOp:
            schema, table = self._key
            inspector: Any = self._context.inspector
            every = inspector.get_multi_check_constraints(schema, [table])
            yield from (it["name"] for it in every.get(self._key, ()) if it["name"])
        elif connection is not None:
            text = INDEXES if kind is ops.CreateIndexOp else EXCLUDES
            yield from connection.scalars(sa.text(text))


def _steps(
    found: _Unseen, before: Create | None, after: Create | None
) -> Iterator[Any]:
    """Give what makes one object of another; None stands for none."""
    if before is not None and after is not None:
        differences = changed(before, after)
        is_there = not found.is_one(after) or found.has(after)
        if differences and is_there:
            log.info("Detected another %s of %s", differences, name_of(after))
            yield drop_of(before)
        if differences or not is_there:
            yield after
    elif after is not None and found.is_one(after) and not found.has(after):
        log.info("Detected %s", name_of(after))
        yield after
    elif before is not None and found.is_one(before) and found.has(before):
        log.info("Detected that %s is gone", name_of(before))
        yield drop_of(before)


def _is_included(context: AutogenContext, op: Any) -> bool:
    item = op.to_index() if isinstance(op, ops.CreateIndexOp) else op.to_constraint()
    kind: Any = KINDS[type(op)]
    return context.run_object_filters(item, item.name, kind, False, None)  # noqa: FBT003


def _name_unnamed(model: sa.Table) -> None:
    """Say which CHECKs cannot be compared, because nothing tells them apart."""
    for check in model.constraints:
        if isinstance(check, sa.CheckConstraint) and not check.name:
            log.warning(
                "%s: a CHECK without a name is not compared (%s). Give it one.",
                label(model.schema, model.name),
                check.sqltext,
            )


def objects_as_declared(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Let a downgrade make again what revisions declared, not what a database says."""
    history = replayed(draft.context).objects.tables
    for change in upgrade.ops:
        if isinstance(change, ops.ModifyTableOps):
            known = history.get((change.schema, change.table_name), {})
            change.ops = [_as_declared(op, known) for op in change.ops]
        elif isinstance(change, ops.DropTableOp):
            known = history.get((change.schema, change.table_name), {})
            items = dropped_items(change)
            items[:] = [_item_as_declared(item, known) for item in items]


def _as_declared(op: ops.MigrateOperation, known: Objects) -> ops.MigrateOperation:
    if isinstance(op, ops.DropIndexOp | ops.DropConstraintOp):
        declared = known.get(name_of(op) or ("", ""))
        return op if declared is None else drop_of(declared)
    return op


def _item_as_declared(item: Any, known: Objects) -> Any:
    name: Name = ("constraint", str(getattr(item, "name", "")))
    declared = known.get(name) if isinstance(item, sa.Constraint) else None
    if declared is None or isinstance(declared, ops.CreateIndexOp):
        return item
    return declared.to_constraint()


def checks_of_columns(_draft: Draft, upgrade: ops.OpContainer) -> None:
    """Write the CHECK that stands in a column beside it, where Alembic writes it."""
    for op in operations_in(upgrade):
        if not isinstance(op, ops.CreateTableOp):
            continue
        columns = [item for item in op.columns if isinstance(item, sa.Column)]
        op.columns = [
            *op.columns,
            *(
                _beside(check)
                for column in columns
                for check in column.constraints
                if isinstance(check, sa.CheckConstraint)
            ),
        ]


def _beside(check: sa.CheckConstraint) -> sa.CheckConstraint:
    name = conv(str(check.name)) if check.name else None
    return sa.CheckConstraint(check.sqltext, name=name, **check.dialect_kwargs)


def expressions_apart(_draft: Draft, container: ops.OpContainer) -> None:
    """Make and drop indexes of expressions beside the batch of their table.

    A batch that makes the table of SQLite anew knows no expression.
    """
    every = list[ops.MigrateOperation]()
    for op in container.ops:
        every += _parts(op) if isinstance(op, ops.ModifyTableOps) else [op]
    container.ops = every


def _parts(change: ops.ModifyTableOps) -> Iterator[ops.ModifyTableOps]:
    found = [op for op in change.ops if has_expressions(op)]
    drops = [op for op in found if isinstance(op, ops.DropIndexOp)]
    makes = [op for op in found if isinstance(op, ops.CreateIndexOp)]
    rest = [op for op in change.ops if op not in found]
    for part in (drops, rest, makes):
        if part:
            yield ops.ModifyTableOps(change.table_name, part, schema=change.schema)
