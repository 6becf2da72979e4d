"""Enums with other values than before: noticed on every database, and asked about."""

from collections.abc import Iterator
from typing import Any, TypeGuard

import sqlalchemy as sa
from alembic.operations.ops import AlterColumnOp, OpContainer
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy.dialects import postgresql

from .declared import operations_in
from .draft import Draft
from .history import declared_in
from .keeping import kind
from .questions import Question


def compare_type(
    context: MigrationContext,
    _inspected: sa.Column[Any],
    column: sa.Column[Any],
    inspected_type: Any,
    model_type: Any,
) -> bool | None:
    """Notice what this database forgets; leave every other type to Alembic."""
    table = declared_in(context).get((column.table.schema, column.table.name), {})
    declared = table[column.name].type if column.name in table else None
    old = inspected_type if isinstance(inspected_type, sa.Enum) else declared
    if isinstance(model_type, sa.Enum) and isinstance(old, sa.Enum):
        if model_type.native_enum is not old.native_enum:
            return True
        if is_native(model_type):
            # MariaDB keeps no name of it.
            name = old.name or getattr(declared, "name", None) or model_type.name
            return name != model_type.name or set(old.enums) != set(model_type.enums)
    return _is_forgotten(context, old, model_type) or None


def _is_forgotten(context: MigrationContext, old: Any, new: Any) -> bool:
    """Tell whether types that are one here are two on PostgreSQL.

    SQLite and MariaDB keep no time zone, and a variant can say INTEGER to SQLite alone.
    """
    if context.dialect.name == "postgresql" or old is None:
        return False
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    if kind(old) is kind(new) and kind(new) in {sa.DateTime, sa.Integer}:
        return bool(old.compile(dialect=dialect) != new.compile(dialect=dialect))
    return False


def is_native(type_: Any) -> TypeGuard[sa.Enum]:
    """Tell an Enum that is a type of its own from one that is text."""
    return isinstance(type_, sa.Enum) and type_.native_enum


def enum_changes(
    container: OpContainer,
) -> Iterator[tuple[AlterColumnOp, sa.Enum, sa.Enum]]:
    """Give each change of an Enum's values, with the Enum before and after."""
    for operation in operations_in(container):
        if isinstance(operation, AlterColumnOp):
            old, new = operation.existing_type, operation.modify_type
            if is_native(old) and is_native(new):
                yield operation, old, new


def ask_for_values(draft: Draft, upgrade: OpContainer) -> None:
    """Ask of each value that is gone whether one that is new is its new name.

    :raises CommandError: for an Enum that has another name.
    """
    for change, old, new in enum_changes(upgrade):
        if old.name and old.name != new.name:
            column = f"{change.table_name}.{change.column_name}"
            raise CommandError(
                f"{column}: its Enum is {old.name} in the database, {new.name} in the"
                " model. Nothing is written.\nOn PostgreSQL these are two types: keep"
                f' name="{old.name}" in the model.'
            )
        renamed = draft.renamed_values.setdefault(str(new.name), {})
        for value in old.enums:
            known = {*old.enums, *renamed.values()}
            candidates = tuple(name for name in new.enums if name not in known)
            if candidates and value not in {*new.enums, *renamed}:
                question = _question(change, value, candidates)
                if name := draft.desk.ask(question):
                    renamed[value] = name


def _question(
    change: AlterColumnOp, value: str, candidates: tuple[str, ...]
) -> Question:
    column = f"{change.table_name}.{change.column_name}"

    def check(name: str) -> None:
        if name not in candidates:
            raise ValueError(f"{column} has no new value {name!r}.")

    names = " or ".join(map(repr, candidates))
    text = f"Was the value {value!r} of {column} renamed to {names}?"
    return Question("rename", column, value, text, candidates, check)
