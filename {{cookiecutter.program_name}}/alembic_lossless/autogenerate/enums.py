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
from ..types import is_native
from .declared import defaults_around
from .draft import Draft
from .operations import RENAMES, operations_in
from .type_changes import refuse_loss


def enum_changes(
    container: OpContainer,
) -> Iterator[tuple[AlterColumnOp, sa.Enum, sa.Enum]]:
    """Give each change of an Enum's values, with the Enum before and after."""
    for operation in operations_in(container):
        if isinstance(operation, AlterColumnOp):
            old, new = operation.existing_type, operation.modify_type
            if is_native(old) and is_native(new):
                yield operation, old, new


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
        before.setdefault(str(new.name), old.enums)
        after.setdefault(str(new.name), new.enums)
    created = [CreateEnumOp(name, after[name]) for name in after if name not in before]
    dropped = [DropEnumOp(name) for name in before if name not in after]
    changed: dict[str, ChangeEnumOp] = {}
    guards: list[MigrateOperation] = []
    widened: list[MigrateOperation] = []
    for change, old, new in enum_changes(container):
        renamed = _renamed_values(draft, container, new)
        guards += _guards(container, change, old, new, renamed)
        name = str(new.name)
        changed[name] = ChangeEnumOp(name, old.enums, new.enums, renamed)
        widened += _widened(change, old, new, renamed)
        _set_default(draft, container, change)
    # A rename speaks of the old values, and a downgrade renames after all else.
    renames, rest = _leading_renames(container)
    # A column that goes may hold the value that goes.
    late = [call for call in changed.values() if _narrows(*call.arguments[1:])]
    early = [call for call in changed.values() if call not in late]
    first = [*guards, *renames, *created, *early, *widened]
    container.ops[:] = [*first, *rest, *late, *dropped]


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
) -> dict[str, list[str]]:
    """Return the values of each type that tables need, by its name."""
    columns = (column for table in tables.values() for column in table.values())
    types = (column.type for column in columns)
    return {str(type_.name): type_.enums for type_ in types if is_native(type_)}


def _renamed_values(
    draft: Draft, container: OpContainer, new: sa.Enum
) -> dict[str, str]:
    renamed = draft.renamed_values.get(str(new.name), {})
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
    kept = sa.Enum(*new.enums, *renamed, name=new.name)
    if not set(old.enums) <= set(kept.enums):
        yield refuse_loss(container, change, kept)


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
