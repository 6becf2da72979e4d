"""A column's type changes in a way that loses no value, or that refuses to lose one.

Enums are types of their own on PostgreSQL: their values are asked about.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from alembic.operations import MigrateOperation, ops

from ..operations.base import Key, LosslessOp, altering, called
from ..operations.guards import refuse_duplicates, refuse_loss
from ..operations.objects import (
    change_enum,
    create_enum,
    drop_enum,
    rename_enum_value,
    resize_sequence,
)
from ..prompts import Question
from ..rules import MEANS, REVIEW, rule
from ..types.conversion import (
    becomes,
    bits,
    is_known,
    is_native,
    is_one_enum,
    keeps_all,
    kind,
    may_unite,
    using,
    way,
)
from ..types.portable import base_of, domains_in, enums_in, on, rebuilt, stored
from .aside import columns_aside, columns_moved
from .compare_columns import defaults_around, value_in
from .draft import (
    Draft,
    Note,
    filled_in,
    key_of,
    leading_renames,
    names_before,
    of_kind,
    operations_in,
    retypes,
    unique_in,
)


@rule(
    "review",
    "mark",
    "`# REVIEW:` stands where nobody can judge what becomes of the rows.",
)
def change_types(draft: Draft, container: ops.OpContainer) -> None:
    """Make every change of a type safe on a table with rows."""
    # First of all come the guards: MariaDB takes nothing back after a refusal.
    container.ops[:0] = [*_guards(container), *_united(draft, container)]
    _split(draft, container, container)


def _guards(container: ops.OpContainer) -> Iterator[LosslessOp]:
    """Give the checks of rows, by the names that tables and columns have before."""
    for change in of_kind(ops.AlterColumnOp, operations_in(container)):
        old, new = change.existing_type, change.modify_type
        if old is None or new is None or is_one_enum(old, new):
            continue
        spans = [kind(it) for it in (old, new)].count(sa.Interval)
        # A number of which unit is an Interval, nobody knows; SQLite would take any.
        if (is_known(old, new) or spans == 1) and not keeps_all(old, new):
            yield loss_guard(container, change, new)


def _united(draft: Draft, container: ops.OpContainer) -> Iterator[LosslessOp]:
    """Give the looks at what is unique, and may not be in the new types.

    A key that is new with a type is looked at here, since it is compared by that; so is
    one that is filled.
    """
    filled = filled_in(container)
    retyped, added = dict[Key, dict[str, ops.AlterColumnOp]](), set[tuple[Key, str]]()
    for op in operations_in(container):
        if retypes(op):
            found = retyped.setdefault(key_of(op), {})
            found[op.modify_name or op.column_name] = op
        elif isinstance(op, ops.AddColumnOp):
            added.add((key_of(op), op.column.name))
    for key, changes in retyped.items():
        table = names_before(container, key, "")[0]
        # The history has the new names by now, the models of a downgrade the old ones.
        places = key, (key[0], table)
        before = [draft.table_before(container, place) for place in places]
        known = {names for it in before for names in unique_in(it)}
        for names in unique_in(draft.table_after(container, key)):
            was = {it: names_before(container, key, it)[1] for it in names}
            some = [changes[it] for it in names if it in changes]
            is_new = known.isdisjoint({names, tuple(was.values())})
            fills = {was[it]: filled[key, it] for it in names if (key, it) in filled}
            looks = is_new or bool(fills) or any(map(_unites, some))
            looks &= all(map(_is_known, some))
            if some and looks and added.isdisjoint((key, it) for it in names):
                types = {
                    was[it]: by
                    for it in names
                    if it in changes
                    and (by := _compared_by(changes[it], is_filled=was[it] in fills))
                }
                given: dict[str, Any] = {"types": types} if types else {}
                given |= {"fills": fills} if fills else {}
                columns = [*was.values()]
                yield refuse_duplicates(table, columns, **given, schema=key[0])


def _compared_by(change: ops.AlterColumnOp, *, is_filled: bool) -> Any:
    """Return the type by which values are compared before their column has it.

    None stands for the type that it has: a draft may make the new one. Beside a value
    that fills the column they are what the new one is made of.
    """
    new: Any = change.modify_type
    if not (domains_in(new) or any(map(is_native, enums_in(new)))):
        return new
    base = base_of(new)
    return None if not is_filled else sa.Text() if is_native(base) else base


def _is_known(change: ops.AlterColumnOp) -> bool:
    old, new = change.existing_type, change.modify_type
    return old is not None and new is not None and is_known(old, new)


def _unites(change: ops.AlterColumnOp) -> bool:
    """Tell whether values that differ may be the same in the new type."""
    old, new = change.existing_type, change.modify_type
    if old is None or new is None or is_one_enum(old, new):
        return False
    return may_unite(old, new)


def _split(draft: Draft, container: ops.OpContainer, within: ops.OpContainer) -> None:
    for operation in list(within.ops):
        if isinstance(operation, ops.OpContainer):
            _split(draft, container, operation)
        elif isinstance(operation, ops.AlterColumnOp) and operation.modify_type:
            at = within.ops.index(operation)
            before, after = defaults_around(draft, container, operation)
            within.ops[at : at + 1] = [
                part
                for step in _on_the_way(operation)
                for part in _parts(step, before, after)
            ]


def _on_the_way(change: ops.AlterColumnOp) -> list[ops.AlterColumnOp]:
    """Return the changes that lead from a type to another."""
    old, new = change.existing_type, change.modify_type
    if old is None or new is None or len(way(old, new)) == 1:
        return [change]
    middle = way(old, new)[0]
    first = altering(
        change,
        change.column_name,
        existing_type=old,
        existing_nullable=change.existing_nullable,
        existing_server_default=change.existing_server_default,
        existing_comment=change.existing_comment,
        modify_type=middle,
    )
    change.existing_type = middle
    change.existing_server_default = False
    return [first, change]


def _parts(
    change: ops.AlterColumnOp, before: Any, after: Any
) -> list[MigrateOperation]:
    """Take the default away, change the type, and give a default that fits it.

    No database converts a default: PostgreSQL stops at '' for an Integer.
    """
    old, new = change.existing_type, change.modify_type
    if old is None or new is None:
        return [change]
    parts: list[MigrateOperation] = [change]
    if expression := using(change.column_name, old, new):
        change.kw["postgresql_using"] = expression
    is_kind = kind(old) is kind(new) is not sa.Enum or is_one_enum(old, new)
    if not is_kind and (before is not None or after is not None):
        change.existing_server_default = change.modify_server_default = False
        if before is not None:
            parts.insert(0, _default_change(change, change.column_name, old, None))
        if after is not None:
            name = change.modify_name or change.column_name
            parts.append(_default_change(change, name, new, after))
    size = bits_of(new)
    if change.kw.get("autoincrement") and size and bits_of(old) != size:
        name = change.modify_name or change.column_name
        words = change.table_name, name, size
        parts.append(resize_sequence(*words, schema=change.schema))
    return [*_notes(change, old, new), *parts]


@rule(
    "means",
    "mark",
    "`# MEANS:` stands where a value may be meant otherwise than it is taken.",
)
def _notes(change: ops.AlterColumnOp, old: Any, new: Any) -> Iterator[Note]:
    """Say what an author must look at, or what every value becomes."""
    subject = f"{change.table_name}.{change.column_name}"
    if not is_known(old, new):
        text = f"what becomes of the rows when {subject} goes from {old!r} to {new!r}?"
        yield Note(REVIEW, text)
    elif words := becomes(old, new):
        yield Note(MEANS, f"in {subject} {words}.")


def bits_of(type_: Any) -> int | None:
    """Return the size of an integer type on PostgreSQL, None for other types."""
    here = on(type_, "postgresql")
    return bits(here) if isinstance(here, sa.Integer) else None


def _default_change(
    change: ops.AlterColumnOp, column: str, type_: Any, default: Any
) -> ops.AlterColumnOp:
    return altering(
        change,
        column,
        existing_type=type_,
        existing_nullable=change.existing_nullable,
        existing_comment=change.existing_comment,
        modify_server_default=default,
    )


def loss_guard(
    container: ops.OpContainer, change: ops.AlterColumnOp, new: Any
) -> LosslessOp:
    """Return the step that stops when a column has values that a type would destroy.

    It comes first, so it speaks of the column as it is called before anything changes.

    :param container: the operations of one direction, that the change is in.
    """
    key = key_of(change)
    was = names_before(container, key, change.column_name)
    old = change.existing_type
    return refuse_loss(*was, new, existing_type=old, schema=change.schema)


Name = tuple[str | None, str]
"""The schema and the name of a type."""


def enum_changes(
    container: ops.OpContainer,
) -> Iterator[tuple[ops.AlterColumnOp, sa.Enum, sa.Enum]]:
    """Give each change of an Enum's values, with the Enum before and after."""
    for operation in of_kind(ops.AlterColumnOp, operations_in(container)):
        old, new = operation.existing_type, operation.modify_type
        if is_native(old) and is_native(new):
            if is_one_enum(old, new):
                yield operation, old, new
        elif old is not None and new is not None:
            before = {_name(enum): enum for enum in enums_in(old)}
            for enum in enums_in(new):
                was = before.get(_name(enum))
                if was is not None and was.enums != enum.enums:
                    yield operation, was, enum


def _name(enum: sa.Enum) -> Name:
    return enum.schema, str(enum.name)


def _key(change: ops.AlterColumnOp, enum: sa.Enum) -> str:
    """Return what stands for an Enum in the draft: one without a name is its column."""
    return str(enum.name or f"{change.table_name}.{change.column_name}")


@rule(
    "rename-value",
    "question",
    "A value of an Enum is gone and another is new: was it renamed?",
)
def ask_for_values(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Ask of each value that is gone whether one that is new is its new name."""
    columns: dict[str, list[str]] = {}
    for change, _, new in enum_changes(upgrade):
        column = f"{change.table_name}.{change.column_name}"
        columns.setdefault(_key(change, new), []).append(column)
    for change, old, new in enum_changes(upgrade):
        # A type is asked about once, whichever of its columns an answer names.
        if (using := columns.pop(_key(change, new), None)) is not None:
            renamed = draft.renamed_values.setdefault(_key(change, new), {})
            for value in old.enums:
                known = {*new.enums, *renamed}
                candidates = (it for it in new.enums if it not in old.enums)
                free = tuple(it for it in candidates if it not in renamed.values())
                if free and value not in known:
                    question = _value_question(draft, using, value, free)
                    if name := draft.prompt.ask(question):
                        renamed[value] = name


def _value_question(
    draft: Draft, columns: list[str], value: str, candidates: tuple[str, ...]
) -> Question:
    answers = draft.prompt.answers
    said = (it for it in columns if answers.says("rename", f"{it}.{value}"))
    column = next(said, columns[0])

    def check(name: str) -> None:
        if name not in candidates:
            raise ValueError(f"{column} has no new value {name!r}.")

    names = " or ".join(map(repr, candidates))
    text = f"Was the value {value!r} of {column} renamed to {names}?"
    return Question("rename", column, value, text, candidates, check)


def shape_enums(draft: Draft, container: ops.OpContainer) -> None:
    """Make, change and drop types around the operations of one direction.

    It comes after the step that orders operations: a value is renamed between two
    changes of its column, which must stay two.
    """
    before, after = _types(draft.state.tables), _types(draft.models)
    if container is draft.downgrade:
        before, after = after, before
    for _, old, new in enum_changes(container):
        if new.name:
            before.setdefault(_name(new), old.enums)
            after.setdefault(_name(new), new.enums)
    held, coming = set(_held(draft, container)), _coming(container)
    is_up = container is draft.upgrade
    # The type of a table that no revision made is there, and stays.
    made = {(it.schema, it.name) for it in draft.upgrade.ops if called(it, create_enum)}
    created = [
        create_enum(name, after[schema, name], schema=schema)
        for schema, name in after
        if (schema, name) not in {*before, *held}
        if not is_up or (schema, name) in coming
    ]
    dropped = [
        drop_enum(name, schema=schema)
        for schema, name in before
        if (schema, name) not in {*after, *held}
        if is_up or (schema, name) in made
    ]
    changed: dict[Name, LosslessOp] = {}
    guards: list[MigrateOperation] = []
    widened: list[MigrateOperation] = []
    for change, old, new in enum_changes(container):
        renamed = _renamed_values(draft, container, _key(change, new))
        guards += _guards_of_values(container, change, old, new, renamed)
        if new.name:
            words = str(new.name), old.enums, new.enums, renamed
            changed[_name(new)] = change_enum(*words, schema=new.schema)
        if is_native(change.modify_type):
            widened += _widened(change, old, new, renamed)
            _set_default(draft, container, change)
    passed_on = [
        step
        for key, new in coming.items()
        if key in before and key not in {*changed, *held} and before[key] != new
        for step in _pass_on(key, before[key], new)
    ]
    # A rename speaks of the old values, and a downgrade renames after all else.
    renames, rest = leading_renames(container)
    # A column that is dropped may hold the value that is dropped.
    calls = [*changed.values(), *passed_on]
    late = [call for call in calls if _narrows(call.old, call.new, call.renamed)]
    early = [call for call in calls if call not in late]
    first = [*guards, *renames, *created, *early, *widened]
    container.ops[:] = [*first, *rest, *late, *dropped]


def _held(draft: Draft, container: ops.OpContainer) -> Iterator[Name]:
    """Give the types that a column needs which is set aside, or is by now."""
    for column in (*columns_aside(draft.state), *columns_moved(container)):
        yield from map(_name, enums_in(column.type))


def _coming(container: ops.OpContainer) -> dict[Name, list[str]]:
    """Return the values of each type that a column gets, or comes with."""
    found = list[Any]()
    for op in operations_in(container):
        match op:
            case ops.CreateTableOp():
                found += [it.type for it in op.columns if isinstance(it, sa.Column)]
            case ops.AddColumnOp():
                found.append(op.column.type)
            case ops.AlterColumnOp():
                found.append(op.modify_type)
    return {_name(enum): enum.enums for type_ in found for enum in enums_in(type_)}


def _pass_on(key: Name, old: list[str], new: list[str]) -> Iterator[LosslessOp]:
    """Change a type that one column leaves and another gets, each with its values."""
    both = [*new, *(it for it in old if it not in new)]
    steps = [old, *([] if set(old) <= set(new) or set(new) < set(old) else [both]), new]
    for before, after in pairwise(steps):
        yield change_enum(key[1], before, after, {}, schema=key[0])


def _narrows(old: list[str], new: list[str], renamed: dict[str, str]) -> bool:
    return not renamed and set(new) < set(old)


def _columns_of(
    table: sa.Table | Mapping[str, sa.Column[Any]],
) -> Iterable[sa.Column[Any]]:
    return table.columns if isinstance(table, sa.Table) else table.values()


def _types(
    tables: Mapping[Any, sa.Table | Mapping[str, sa.Column[Any]]],
) -> dict[Name, list[str]]:
    """Return the values of each type that tables need, by its name."""
    columns = (column for table in tables.values() for column in _columns_of(table))
    enums = (enum for column in columns for enum in enums_in(column.type))
    return {_name(enum): enum.enums for enum in enums}


def _renamed_values(
    draft: Draft, container: ops.OpContainer, key: str
) -> dict[str, str]:
    renamed = draft.renamed_values.get(key, {})
    if container is draft.downgrade:
        return {name: value for value, name in renamed.items()}
    return renamed


def _guards_of_values(
    container: ops.OpContainer,
    change: ops.AlterColumnOp,
    old: sa.Enum,
    new: sa.Enum,
    renamed: dict[str, str],
) -> Iterator[LosslessOp]:
    """Refuse rows that hold a value which is removed, and was not renamed."""
    kept = sa.Enum(*new.enums, *renamed, name=new.name, schema=new.schema)
    if not set(old.enums) <= set(kept.enums):
        whole = stored(change.modify_type) if change.modify_type is not None else new
        held: Any = kept
        if not is_native(whole):  # it is a part of what the column has
            held = rebuilt(whole, lambda it: kept if it is new else it)
        yield loss_guard(container, change, held)


def _widened(
    change: ops.AlterColumnOp,
    old: sa.Enum,
    new: sa.Enum,
    renamed: dict[str, str],
) -> Iterator[MigrateOperation]:
    """Let MariaDB hold old and new names while the rows change theirs."""
    if not renamed:
        return
    table, column = change.table_name, change.column_name
    every = dict.fromkeys((*old.enums, *new.enums))
    both = sa.Enum(*every, name=new.name, schema=new.schema)
    widen = altering(
        change,
        column,
        existing_type=old,
        existing_nullable=change.existing_nullable,
        existing_server_default=change.existing_server_default,
        modify_type=both,
    )
    yield ops.ModifyTableOps(table, [widen], schema=change.schema)
    for value, name in renamed.items():
        yield rename_enum_value(table, column, value, name, schema=change.schema)


def _set_default(
    draft: Draft, container: ops.OpContainer, change: ops.AlterColumnOp
) -> None:
    """Give the column the default that it has afterwards, perhaps a renamed value."""
    before, after = defaults_around(draft, container, change)
    change.existing_server_default = before if before is not None else False
    was, becomes = (value_in(getattr(it, "arg", "")) for it in (before, after))
    if str(was) != str(becomes):
        change.modify_server_default = after
