"""Options of tables and columns, compared with the revisions; few can be changed."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops

from ..marks import REVIEW
from ..operations.by_hand import ChangedByHandOp
from .draft import Draft
from .expressions import same
from .named_objects import options_of_column, options_of_table
from .operations import Note, label
from .replay import replayed

log = logging.getLogger("alembic.review")


def _key_has(name: str) -> Callable[[sa.Table], bool]:
    def has(table: sa.Table) -> bool:
        key = table.primary_key
        return bool(getattr(key, name, None) or key.dialect_kwargs.get(name))

    return has


NOT_COMPARED: dict[str, Callable[[sa.Table], bool]] = {
    "PrimaryKeyConstraint.deferrable": _key_has("deferrable"),
    "PrimaryKeyConstraint.initially": _key_has("initially"),
    "PrimaryKeyConstraint.postgresql_include": _key_has("postgresql_include"),
    "PrimaryKeyConstraint.mysql_using": _key_has("mysql_using"),
    "PrimaryKeyConstraint.sqlite_on_conflict": _key_has("sqlite_on_conflict"),
    "ForeignKeyConstraint.comment": lambda table: any(
        key.comment for key in table.foreign_key_constraints
    ),
}
"""What Alembic does not write, and whether a model has it."""


def compare_options(  # noqa: PLR0913, PLR0917  the signature is Alembic's
    context: AutogenContext,
    change: ops.ModifyTableOps,
    schema: str | None,
    table: str,
    old: sa.Table | None,
    model: sa.Table | None,
) -> None:
    """Notice another comment of a table where none are kept, and other options."""
    if model is not None:
        _name_not_compared(model)
    if old is None or model is None:
        return
    history = replayed(context.migration_context).objects
    places: dict[str | None, dict[str, Any]] = {None: options_of_table(model)}
    places |= {column.name: options_of_column(column) for column in model.columns}
    for column, after in places.items():
        before = history.options.get(((schema, table), column))
        if before is None:
            continue
        if column is None:
            was = before.get("comment")
            if not context.migration_context.dialect.supports_comments:
                change.ops += _comment(model, was)
        names = (before.keys() | after.keys()) - {"comment"}
        other = {
            name: after.get(name)
            for name in sorted(names)
            if not same(before.get(name), after.get(name))
        }
        if other:
            where = (table, column) if column else (table,)
            was = {name: before.get(name) for name in other}
            change.ops.append(
                ChangedByHandOp(*where, schema=schema, **other, existing=was)
            )


def _name_not_compared(model: sa.Table) -> None:
    """Say what a model has that neither a first draft nor a later one knows."""
    for name, has in NOT_COMPARED.items():
        if has(model):
            where = label(model.schema, model.name)
            log.warning("%s: %s is not compared, and no draft makes it.", where, name)


def _comment(model: sa.Table, old: str | None) -> list[ops.MigrateOperation]:
    if (model.comment or None) == (old or None):
        return []
    log.info("Detected another comment of '%s'", model)
    if model.comment is None:
        name, schema = model.name, model.schema
        return [ops.DropTableCommentOp(name, existing_comment=old, schema=schema)]
    return [
        ops.CreateTableCommentOp(
            model.name, model.comment, existing_comment=old, schema=model.schema
        )
    ]


def mark_by_hand(draft: Draft, container: ops.OpContainer) -> None:
    """Say in the script and in the log what its author has to write."""
    every = list[ops.MigrateOperation]()
    for change in container.ops:
        every.append(change)
        if isinstance(change, ops.ModifyTableOps):
            taken = [op for op in change.ops if isinstance(op, ChangedByHandOp)]
            change.ops = [op for op in change.ops if op not in taken]
            for op in taken:
                text = _text(op)
                every += [Note(REVIEW, text), op]
                if container is draft.upgrade:
                    log.warning("%s", text)
    container.ops = every


def _text(op: ChangedByHandOp) -> str:
    where = ".".join([label(op.schema, op.arguments[0]), *op.arguments[1:]])
    return (
        f"{where}: {_words(op.old)} becomes {_words(op.options)}, which no draft can"
        " do. Write the op.execute for it here, before this line."
    )


def _words(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in options.items())
