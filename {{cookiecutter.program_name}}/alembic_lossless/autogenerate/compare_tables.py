"""Options of tables and columns, and schemas, compared with the revisions."""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.util import CommandError
from sqlalchemy import ForeignKeyConstraint

from ..operations.base import LosslessOp, called, label
from ..operations.columns import manual_change
from ..operations.domains import create_domain
from ..operations.objects import ATTACH, create_enum, create_schema, has_schema
from ..replay import replayed
from ..rules import REVIEW, rule
from ..state import options_of_column, options_of_table, same
from ..types.portable import MYSQL
from .draft import Draft, Note, operations_in

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
"""What a table is made with and no later draft changes; whether a model has it."""


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
    state = replayed(context.migration_context)
    if (whole := state.created(schema, table)) is not None:
        if not context.migration_context.dialect.supports_comments:
            change.ops += _comment(model, whole.comment)
        _compare(change, options_of_table(whole), options_of_table(model))
    is_same_key = {*old.primary_key.columns.keys()} == {
        *model.primary_key.columns.keys()
    }
    for column in model.columns:
        if (known := state.column(schema, table, column.name)) is not None:
            before = options_of_column(known)
            after = options_of_column(column, context.migration_context.dialect)
            if "autoincrement" not in before or not is_same_key:
                # Another key is another difference.
                before.pop("autoincrement", None)
                after.pop("autoincrement", None)
            _compare(change, before, after, column.name)


def _compare(
    change: ops.ModifyTableOps,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *column: str,
) -> None:
    """Note the options of a table, or of a column of it, that are others."""
    names = sorted(before.keys() | after.keys())
    other = [name for name in names if not same(before.get(name), after.get(name))]
    if other:
        where: Any = (change.table_name, *column)
        old: dict[str, Any] = {name: before.get(name) for name in other}
        new: dict[str, Any] = {name: after.get(name) for name in other}
        back = manual_change(*where, schema=change.schema, **old)
        made = manual_change(*where, schema=change.schema, **new)
        change.ops.append(made.reversed_by(back))


def _name_not_compared(model: sa.Table) -> None:
    """Say what a model has of which no change is seen."""
    for name, has in NOT_COMPARED.items():
        if has(model):
            where = label(model.schema, model.name)
            log.warning("%s: %s is not compared, and no draft changes it.", where, name)


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


def mark_manual_changes(draft: Draft, container: ops.OpContainer) -> None:
    """Say in the script and in the log what its author has to write."""
    every = list[ops.MigrateOperation]()
    for change in container.ops:
        every.append(change)
        if isinstance(change, ops.ModifyTableOps):
            taken = [op for op in change.ops if called(op, manual_change)]
            change.ops = [op for op in change.ops if op not in taken]
            for op in taken:
                text = _text(op)
                every += [Note(REVIEW, text), op]
                if container is draft.upgrade:
                    log.warning("%s", text)
    container.ops = every


def _text(op: LosslessOp) -> str:
    where = ".".join(filter(None, (label(op.schema, op.table_name), op.column_name)))
    was: Any = op.reverse()
    return (
        f"{where}: {_words(was.options)} becomes {_words(op.options)}, which no draft"
        " can do. Write the op.execute for it here, before this line."
    )


def _words(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in options.items())


@rule(
    "schema",
    "refusal",
    "SQLite has no such schema, or MariaDB finds no table of another one from it.",
)
def refuse_schemas(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Refuse what a database cannot do with schemas, which create_all cannot do either.

    :raises CommandError: with the schema, or with the tables.
    """
    connection, dialect = draft.context.connection, draft.context.dialect.name
    lines = []
    if dialect == "sqlite" and connection is not None:
        news = _new_schemas(draft, upgrade)
        lines = [
            ATTACH.format(name=it) for it in news if not has_schema(connection, it)
        ]
    if dialect in MYSQL:
        lines = [
            f"{source} refers to {target}, and MariaDB looks for it in the same"
            f" database. Say which one it is in: schema=… of {target}."
            for source, target in _references_without_schema(upgrade)
        ]
    if lines:
        raise CommandError("\n".join([*lines, "Nothing is written."]))


def _references_without_schema(container: ops.OpContainer) -> Iterator[tuple[str, str]]:
    """Give each table of a schema and the one without, which its keys refer to."""
    for op in operations_in(container):
        if isinstance(op, ops.CreateTableOp):
            keys = op.to_table().foreign_key_constraints
        elif isinstance(op, ops.CreateForeignKeyOp):
            made = op.to_constraint()
            keys = {made} if isinstance(made, ForeignKeyConstraint) else set()
        else:
            continue
        for key in keys:
            schema, name = key.table.schema, key.table.name
            target = key.elements[0].target_fullname.split(".")[:-1]
            if schema and len(target) == 1:
                yield label(schema, name), target[0]


def make_schemas(draft: Draft, container: ops.OpContainer) -> None:
    """Begin an upgrade with the schemas that no revision has used before."""
    if container is draft.upgrade:
        made = [create_schema(name) for name in _new_schemas(draft, container)]
        container.ops[:0] = made


def _new_schemas(draft: Draft, upgrade: ops.OpContainer) -> list[str]:
    """Return the schemas of new tables and types that no revision has used."""
    known = {schema for schema, _ in draft.state.tables}
    used = [
        op.schema
        for op in operations_in(upgrade)
        if isinstance(op, ops.CreateTableOp) or called(op, create_enum, create_domain)
        if op.schema not in known
    ]
    return [name for name in dict.fromkeys(used) if name is not None]
