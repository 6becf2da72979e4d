"""Columns that a formula or an identity generates, compared with the revisions."""

import logging
from inspect import signature
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.operations.ops import AlterColumnOp
from alembic.util import CommandError
from sqlalchemy.engine import Dialect

from ..operations.generated import AlterGeneratedOp
from ..rules import rule
from .draft import Draft
from .expressions import same, text_code
from .operations import label, operations_in
from .replay import declared_in

log = logging.getLogger(__name__)

GENERATORS = (sa.Computed, sa.Identity)


def options_of(item: Any) -> dict[str, Any]:
    """Return the arguments of a formula, an identity or a sequence that are given.

    They are those that its class takes, so that a new one is not overlooked.
    """
    names = [*signature(type(item).__init__).parameters][1:]
    given = {name: getattr(item, name, None) for name in names}
    given = {name: it for name, it in given.items() if it is not None}
    return given | dict(getattr(item, "dialect_kwargs", {}))


def compare_generated(
    context: AutogenContext, change: AlterColumnOp, *compared: Any
) -> None:
    """Compare what generates a column of the models, which comes last."""
    column: sa.Column[Any] = compared[-1]
    known = declared_in(context.migration_context)
    declared = known.get((change.schema, change.table_name), {}).get(column.name)
    if declared is None:
        return
    before, after = declared.server_default, column.server_default
    if not isinstance(before, GENERATORS) and not isinstance(after, GENERATORS):
        return
    if type(before) is not type(after) or not same(
        options_of(before), options_of(after)
    ):
        change.existing_server_default, change.modify_server_default = before, after
        log.info("Detected that '%s' is generated otherwise", column)


@rule(
    "computed",
    "refusal",
    "A column with values becomes computed, or a computed one gets values.",
)
def refuse_computed(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Refuse to take the values of rows away for a formula, or to leave them to it.

    :raises CommandError: with the columns, and what to do.
    """
    lines = [
        f"{label(op.schema, op.table_name)}.{op.column_name} "
        + ("becomes computed." if is_new else "is computed no more.")
        for op in operations_in(upgrade)
        if isinstance(op, AlterColumnOp) and op.modify_server_default is not False
        if (is_new := isinstance(op.modify_server_default, sa.Computed))
        is not isinstance(op.existing_server_default, sa.Computed)
    ]
    if lines and not draft.prompt.open:
        advice = (
            "Nothing is written. Give the new column another name in the model, or"
            " write a revision by hand (without --autogenerate) with"
            " op.drop_column and op.add_column."
        )
        raise CommandError("\n".join([*lines, advice]))


def shape_generated(draft: Draft, container: ops.OpContainer) -> None:
    """Change formulas and identities by an operation that every database knows."""
    found = list[ops.MigrateOperation]()
    for change in container.ops:
        found.append(change)
        if isinstance(change, ops.ModifyTableOps):
            alters = [op for op in change.ops if isinstance(op, AlterColumnOp)]
            found += [_taken(draft, op) for op in alters if _is_generated(op)]
            change.ops = [
                op
                for op in change.ops
                if not isinstance(op, AlterColumnOp) or op.has_changes()
            ]
    container.ops = found


def _is_generated(op: AlterColumnOp) -> bool:
    both = (op.modify_server_default, op.existing_server_default)
    changes = op.modify_server_default is not False
    return changes and any(isinstance(it, GENERATORS) for it in both)


def _taken(draft: Draft, op: AlterColumnOp) -> AlterGeneratedOp:
    """Take the change of what generates a column out of an operation."""
    type_ = op.existing_type if op.modify_type is None else op.modify_type
    name = op.modify_name or op.column_name
    new, old = op.modify_server_default, op.existing_server_default or None
    op.modify_server_default = False
    column = draft.models.get((op.schema, op.table_name), {}).get(name)
    counts = column is not None and column.table.autoincrement_column is column
    arguments = op.table_name, name, type_, new
    more = {"counts": True} if counts else {}
    return AlterGeneratedOp(*arguments, schema=op.schema, existing=old, **more)


def generated_code(item: sa.Computed | sa.Identity, prefix: str, on: Dialect) -> str:
    """Return a formula or an identity as a script has it."""
    given = options_of(item)
    written = []
    if isinstance(item, sa.Computed):
        written.append(text_code(given.pop("sqltext"), on))
    written += [f"{name}={value!r}" for name, value in given.items()]
    return f"{prefix}{type(item).__name__}({', '.join(written)})"
