"""The form of a draft that leaves the running app at work.

Each operation is committed by itself, in an `autocommit_block()`: then none waits with
a lock on a table for what comes after it.
"""

from collections.abc import Callable, Iterator
from copy import copy
from functools import partial
from typing import Any

from alembic.operations import MigrateOperation, ops
from sqlalchemy import Column

from ..lint import Growth, Server
from ..lint.type_changes import growth
from ..operations.base import LosslessOp
from ..operations.batches import FillInBatchesOp
from ..operations.constraints import (
    CreateUniqueConcurrentlyOp,
    SetNotNullOp,
    ValidateConstraintOp,
)
from ..operations.guards import (
    RefuseDuplicatesOp,
    RefuseLossOp,
    RefuseMissingOp,
    RefuseOrphansOp,
)
from ..operations.retype import AlterTypeConcurrentlyOp
from ..operations.violations import RefuseViolationsOp
from .draft import Draft
from .operations import AutocommitBlock, FillNulls, Key, Note

VALIDATED = (ops.CreateForeignKeyOp, ops.CreateCheckConstraintOp)
CONCURRENT = (ops.CreateIndexOp, ops.DropIndexOp)
GUARDS = (
    RefuseDuplicatesOp,
    RefuseLossOp,
    RefuseMissingOp,
    RefuseOrphansOp,
    RefuseViolationsOp,
)
StandsAlone = Callable[[ops.AlterColumnOp], bool]
POSTGRESQL = Server.oldest("postgresql")
"""What is an instant there is left as it is: MariaDB refuses what it cannot do."""


def leave_others_at_work(draft: Draft, container: ops.OpContainer) -> None:
    """Give each change of a table in use its online form."""
    made = {
        (op.schema, op.table_name)
        for op in container.ops
        if isinstance(op, ops.CreateTableOp)
    }
    before, inside = list[MigrateOperation](), list[MigrateOperation]()
    for op in container.ops:
        if isinstance(op, ops.ModifyTableOps) and _key(op) not in made:
            inside += online(op, partial(_stands_alone, draft))
        elif isinstance(op, FillNulls):
            inside.append(_in_batches(op))
        elif isinstance(op, GUARDS) or (isinstance(op, Note) and not inside):
            before.append(op)
        else:
            inside.append(op)
    new = (ops.CreateTableOp, Note)
    alone = all(isinstance(op, new) or _is_of(op, made) for op in inside)
    container.ops = [*before, *(inside if alone else [AutocommitBlock(inside)])]


def _is_of(op: MigrateOperation, made: set[Key]) -> bool:
    return isinstance(op, ops.ModifyTableOps) and _key(op) in made


def _key(op: ops.ModifyTableOps) -> Key:
    return op.schema, op.table_name


def _in_batches(op: FillNulls) -> FillInBatchesOp:
    schema, table = op.table
    return FillInBatchesOp(table, op.column, op.value.plain(), schema=schema)


def online(
    change: ops.ModifyTableOps, stands_alone: StandsAlone
) -> Iterator[MigrateOperation]:
    """Give the change of a table in parts, those in a batch and those that are not.

    :param stands_alone: tells whether a column can be copied to take another type.
    """
    batch: list[MigrateOperation] = []
    for op in change.ops:
        inside, after = _parts(change, op, stands_alone)
        batch += inside
        if after:
            yield from _batch(change, batch)
            yield from after
            batch = []
    yield from _batch(change, batch)


def _batch(
    change: ops.ModifyTableOps, inside: list[MigrateOperation]
) -> Iterator[ops.ModifyTableOps]:
    if inside:
        yield ops.ModifyTableOps(change.table_name, inside, schema=change.schema)


def _parts(
    change: ops.ModifyTableOps, op: MigrateOperation, stands_alone: StandsAlone
) -> tuple[list[MigrateOperation], list[LosslessOp]]:
    """Return what an operation is in the batch of its table, and after it."""
    table, schema = change.table_name, change.schema
    if isinstance(op, CONCURRENT):
        return [_with(op, postgresql_concurrently=True)], []
    if isinstance(op, VALIDATED):
        name = str(op.constraint_name)
        validate = ValidateConstraintOp(name, table, schema=schema)
        return [_with(op, postgresql_not_valid=True)], [validate]
    if isinstance(op, ops.CreateUniqueConstraintOp):
        name, columns = str(op.constraint_name), list(op.columns)
        unique = CreateUniqueConcurrentlyOp(name, table, columns, schema=schema)
        return [], [unique]
    if isinstance(op, ops.AlterColumnOp):
        return _altered(op, stands_alone)
    return [op], []


def _with(op: Any, **more: Any) -> Any:
    """Return an operation with more of its server's arguments."""
    changed = copy(op)
    changed.kw = {**op.kw, **more}
    return changed


def _altered(
    op: ops.AlterColumnOp, stands_alone: StandsAlone
) -> tuple[list[MigrateOperation], list[LosslessOp]]:
    """Take NOT NULL, and a type for which rows are rewritten, out of an operation."""
    rest, after = copy(op), list[LosslessOp]()
    where = (op.table_name, op.column_name)
    if _rewrites(op) and stands_alone(op):
        known = _existing(op, "type", "nullable", "server_default", "comment")
        using = op.kw.get("postgresql_using")
        more = known | ({"postgresql_using": using} if using else {})
        retype = AlterTypeConcurrentlyOp(
            *where, op.modify_type, schema=op.schema, **more
        )
        after.append(retype)
        rest.existing_type, rest.modify_type, rest.kw = op.modify_type, None, {}
    if op.modify_nullable is False:
        known = _existing(op, "type", "server_default", "comment")
        if op.modify_type is not None:
            known["existing_type"] = op.modify_type
        after.append(SetNotNullOp(*where, schema=op.schema, **known))
        rest.modify_nullable = None
    return ([rest] if rest.has_changes() else []), after


def _existing(op: ops.AlterColumnOp, *what: str) -> dict[str, Any]:
    """Return what a column is, as far as it is not what it would be anyway."""
    found = {f"existing_{one}": getattr(op, f"existing_{one}") for one in what}
    return {
        name: value for name, value in found.items() if value not in (None, False)
    } | (
        {"existing_nullable": False} if found.get("existing_nullable") is False else {}
    )


def _rewrites(op: ops.AlterColumnOp) -> bool:
    if op.modify_type is None or op.modify_name is not None:
        return False
    using = op.kw.get("postgresql_using", "")
    how = growth(op.existing_type, op.modify_type, POSTGRESQL, using)
    return how is Growth.REWRITE


def _stands_alone(draft: Draft, op: ops.AlterColumnOp) -> bool:
    """Tell whether no key, index or CHECK of the models uses a column."""
    column = draft.models.get((op.schema, op.table_name), {}).get(op.column_name)
    return column is not None and not is_used(column)


def is_used(column: Column[Any]) -> bool:
    """Tell whether a key, an index or a CHECK uses a column."""
    if column.primary_key or column.foreign_keys:
        return True
    table = column.table
    referred = any(
        key.column is column
        for other in table.metadata.tables.values()
        for key in other.foreign_keys
    )
    indexed = any(column.name in index.columns for index in table.indexes)
    constrained = any(
        column.name in getattr(constraint, "columns", ())
        for constraint in table.constraints
    )
    return referred or indexed or constrained
