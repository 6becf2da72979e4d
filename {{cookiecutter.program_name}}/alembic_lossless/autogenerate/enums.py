"""Enums with other values than before: asked about, and shaped for PostgreSQL."""

from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any

import sqlalchemy as sa
from alembic.operations import MigrateOperation
from alembic.operations.ops import AlterColumnOp, ModifyTableOps, OpContainer
from alembic.util import CommandError

from ..operations.enums import ChangeEnumOp, CreateEnumOp, DropEnumOp, RenameEnumValueOp
from ..operations.guards import RefuseLossOp
from ..prompts.questions import Question
from ..rules import rule
from ..stored_types import enums_in, holding, stored
from ..types import is_native
from .declared import defaults_around
from .draft import Draft
from .operations import RENAMES, operations_in
from .type_changes import refuse_loss

Name = tuple[str | None, str]
"""The schema and the name of a type."""


def enum_changes(
    container: OpContainer,
) -> Iterator[tuple[AlterColumnOp, sa.Enum, sa.Enum]]:
    """Give each change of an Enum's values, with the Enum before and after."""
    for operation in operations_in(container):
        if isinstance(operation, AlterColumnOp):
            old, new = operation.existing_type, operation.modify_type
            if is_native(old) and is_native(new):
                yield operation, old, new
            elif old is not None and new is not None:
                before = {_name(enum): enum for enum in enums_in(old)}
                for enum in enums_in(new):
                    was = before.get(_name(enum))
                    if was is not None and set(was.enums) != set(enum.enums):
                        yield operation, was, enum


def _name(enum: sa.Enum) -> Name:
    return enum.schema, str(enum.name)


def _key(change: AlterColumnOp, enum: sa.Enum) -> str:
    """Return what stands for an Enum in the draft: one without a name is its column."""
    return str(enum.name or f"{change.table_name}.{change.column_name}")


@rule(
    "rename-value",
    "question",
    "A value of an Enum is gone and another is new: was it renamed?",
)
def ask_for_values(draft: Draft, upgrade: OpContainer) -> None:
    """Ask of each value that is gone whether one that is new is its new name.

    :raises CommandError: for an Enum that has another name.
    """
    for change, old, new in enum_changes(upgrade):
        if old.name and new.name and old.name != new.name:
            column = f"{change.table_name}.{change.column_name}"
            raise CommandError(
                f"{column}: its Enum is {old.name} in the database, {new.name} in the"
                " model. Nothing is written.\nOn PostgreSQL these are two types: keep"
                f' name="{old.name}" in the model.'
            )
        renamed = draft.renamed_values.setdefault(_key(change, new), {})
        for value in old.enums:
            known = {*old.enums, *renamed.values()}
            candidates = tuple(name for name in new.enums if name not in known)
            if candidates and value not in {*new.enums, *renamed}:
                question = _value_question(change, value, candidates)
                if name := draft.prompt.ask(question):
                    renamed[value] = name


def _value_question(
    change: AlterColumnOp, value: str, candidates: tuple[str, ...]
) -> Question:
    column = f"{change.table_name}.{change.column_name}"

    def check(name: str) -> None:
        if name not in candidates:
            raise ValueError(f"{column} has no new value {name!r}.")

    names = " or ".join(map(repr, candidates))
    text = f"Was the value {value!r} of {column} renamed to {names}?"
    return Question("rename", column, value, text, candidates, check)


def shape_enums(draft: Draft, container: OpContainer) -> None:
    """Make, change and drop types around the operations of one direction.

    It comes after the step that orders operations: a value is renamed between two
    changes of its column, which must stay two.
    """
    before, after = _types(draft.declared), _types(draft.models)
    if container is draft.downgrade:
        before, after = after, before
    for _, old, new in enum_changes(container):
        if new.name:
            before.setdefault(_name(new), old.enums)
            after.setdefault(_name(new), new.enums)
    created = [_create(key, after[key]) for key in after if key not in before]
    dropped = [_drop(key) for key in before if key not in after]
    changed: dict[Name, ChangeEnumOp] = {}
    guards: list[MigrateOperation] = []
    widened: list[MigrateOperation] = []
    for change, old, new in enum_changes(container):
        renamed = _renamed_values(draft, container, _key(change, new))
        guards += _guards(container, change, old, new, renamed)
        if new.name:
            words = str(new.name), old.enums, new.enums, renamed
            changed[_name(new)] = ChangeEnumOp(*words, schema=new.schema)
        if is_native(change.modify_type):
            widened += _widened(change, old, new, renamed)
            _set_default(draft, container, change)
    # A rename speaks of the old values, and a downgrade renames after all else.
    renames, rest = _leading_renames(container)
    # A column that goes may hold the value that goes.
    late = [call for call in changed.values() if _narrows(*call.arguments[1:])]
    early = [call for call in changed.values() if call not in late]
    first = [*guards, *renames, *created, *early, *widened]
    container.ops[:] = [*first, *rest, *late, *dropped]


def _create(key: Name, values: list[str]) -> CreateEnumOp:
    return CreateEnumOp(key[1], values, schema=key[0])


def _drop(key: Name) -> DropEnumOp:
    return DropEnumOp(key[1], schema=key[0])


def _narrows(old: list[str], new: list[str], renamed: dict[str, str]) -> bool:
    return not renamed and set(new) < set(old)


def _leading_renames(
    container: OpContainer,
) -> tuple[list[MigrateOperation], list[MigrateOperation]]:
    """Return the renames that an upgrade begins with, and what follows them."""
    count = len(list(takewhile(lambda op: isinstance(op, RENAMES), container.ops)))
    return container.ops[:count], container.ops[count:]


def _types(
    tables: Mapping[Any, Mapping[str, sa.Column[Any]]],
) -> dict[Name, list[str]]:
    """Return the values of each type that tables need, by its name."""
    columns = (column for table in tables.values() for column in table.values())
    enums = (enum for column in columns for enum in enums_in(column.type))
    return {_name(enum): enum.enums for enum in enums}


def _renamed_values(draft: Draft, container: OpContainer, key: str) -> dict[str, str]:
    renamed = draft.renamed_values.get(key, {})
    if container is draft.downgrade:
        return {name: value for value, name in renamed.items()}
    return renamed


def _guards(
    container: OpContainer,
    change: AlterColumnOp,
    old: sa.Enum,
    new: sa.Enum,
    renamed: dict[str, str],
) -> Iterator[RefuseLossOp]:
    """Refuse rows that hold a value which is removed, and was not renamed."""
    kept = sa.Enum(*new.enums, *renamed, name=new.name, schema=new.schema)
    if not set(old.enums) <= set(kept.enums):
        whole = stored(change.modify_type) if change.modify_type is not None else new
        held = kept if is_native(whole) else holding(whole, new, kept)
        yield refuse_loss(container, change, held)


def _widened(
    change: AlterColumnOp,
    old: sa.Enum,
    new: sa.Enum,
    renamed: dict[str, str],
) -> Iterator[MigrateOperation]:
    """Let MariaDB hold old and new names while the rows change theirs."""
    if not renamed:
        return
    table, column = change.table_name, change.column_name
    both = sa.Enum(*dict.fromkeys((*old.enums, *new.enums)), name=new.name)
    widen = AlterColumnOp(
        table,
        column,
        schema=change.schema,
        existing_type=old,
        existing_nullable=change.existing_nullable,
        existing_server_default=change.existing_server_default,
        modify_type=both,
    )
    yield ModifyTableOps(table, [widen], schema=change.schema)
    for value, name in renamed.items():
        yield RenameEnumValueOp(table, column, value, name, schema=change.schema)


def _set_default(draft: Draft, container: OpContainer, change: AlterColumnOp) -> None:
    """Give the column the default that it has afterwards, perhaps a renamed value."""
    before, after = defaults_around(draft, container, change)
    change.existing_server_default = before if before is not None else False
    if str(getattr(before, "arg", "")).strip("'") != str(getattr(after, "arg", "")):
        change.modify_server_default = after
