"""What is for some kinds of databases alone: `ddl_if`, and revisions that ask which.

A script that is drafted on one database runs on the others of `runs_on`. What they need
is found by the revisions alone, replayed as each of them would run them.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

from .._alembic import made_on
from ..operations.base import Key
from ..replay import declared_at
from ..state import Create, Drop, Name, State, changed, created_by, drop_of, name_of
from ..types.portable import DIALECTS, dialect_named
from .draft import DialectBlock, Draft, given_models, is_rename, items_of, operations_in

Place = tuple[Key, Name]
"""A table, and what an index or a constraint of it is called."""

Steps = dict[Place, tuple[Drop | None, Create | None]]
"""What is dropped and what is made at each place, on one kind of database."""


def for_some_databases(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Let each database have the indexes and constraints that are for it.

    What all of them get stays where it is.
    """
    wanted = dict(_conditional(draft))
    others = draft.dialects[1:]
    if not wanted and not (others and _ask_which(draft.context)):
        return
    states = {it.name: _renamed(draft, upgrade, it) for it in others}
    places = {*wanted}
    for state in states.values():
        places |= _unlike(draft.state, state)
    here = draft.context.dialect.name
    steps: dict[str, Steps] = {here: dict(_taken(upgrade, places))}
    for name, state in states.items():
        steps[name] = dict(_steps(draft, state, places, wanted, name))
    drops, makes = _blocks(steps, wanted)
    upgrade.ops = [*drops, *upgrade.ops, *makes]


def _conditional(draft: Draft) -> Iterator[tuple[Place, tuple[Create, set[str]]]]:
    """Give what models make on some databases alone, and the names of these."""
    for metadata in given_models(draft.context):
        for table in metadata.tables.values():
            for item in items_of(table):
                names = {it for it in DIALECTS if made_on(item, dialect_named(it))}
                if names != {*DIALECTS} and not isinstance(item.name, str):
                    continue  # nothing tells it apart
                if names != {*DIALECTS}:
                    yield _made(draft, table, item, names)


def _made(
    draft: Draft, table: sa.Table, item: Any, names: set[str]
) -> tuple[Place, tuple[Create, set[str]]]:
    is_index = isinstance(item, sa.Index)
    op: Any = ops.CreateIndexOp.from_index(item) if is_index else created_by(item)
    key = draft.state.key(table.schema, table.name)
    if isinstance(op, ops.CreateForeignKeyOp):
        op.kw["source_schema"] = key[0]
    else:
        op.schema = key[0]
    return (key, name_of(op) or ("", "")), (op, names)


def _ask_which(context: MigrationContext) -> bool:
    """Tell whether a revision asks on which database it runs."""
    environment = context.environment_context
    revisions = environment.script.walk_revisions() if environment else ()
    return any("dialect" in Path(it.path).read_text() for it in revisions)


def _renamed(draft: Draft, upgrade: ops.OpContainer, dialect: sa.Dialect) -> State:
    """Return what the revisions declare elsewhere, with the names of the draft."""
    state = declared_at(draft.context, dialect=dialect)
    for op in operations_in(upgrade):
        if is_rename(op):
            state.apply(op)
    return state


def _unlike(here: State, there: State) -> set[Place]:
    """Return what only one of two databases has."""
    return {
        (key, name)
        for key in here.tables.keys() & there.tables.keys()
        for name in here.objects(*key).keys() ^ there.objects(*key).keys()
    }


def _taken(
    upgrade: ops.OpContainer, places: set[Place]
) -> Iterator[tuple[Place, tuple[Drop | None, Create | None]]]:
    """Take what is dropped and made at some places out of a draft."""
    found = defaultdict[Place, list[ops.MigrateOperation]](list)
    for change in upgrade.ops:
        if isinstance(change, ops.ModifyTableOps):
            for op in [*change.ops]:
                place = (change.schema, change.table_name), name_of(op) or ("", "")
                if place in places:
                    found[place].append(op)
                    change.ops.remove(op)
        elif isinstance(change, ops.CreateTableOp):
            for item in [it for it in change.columns if isinstance(it, sa.Constraint)]:
                name = "constraint", str(item.name)
                if (place := ((change.schema, change.table_name), name)) in places:
                    found[place].append(created_by(item))
                    change.columns = [it for it in change.columns if it is not item]
    for place, every in found.items():
        drop = next((it for it in every if isinstance(it, Drop)), None)
        make = next((it for it in every if isinstance(it, Create)), None)
        yield place, (drop, make)


def _steps(
    draft: Draft,
    state: State,
    places: set[Place],
    wanted: dict[Place, tuple[Create, set[str]]],
    dialect: str,
) -> Iterator[tuple[Place, tuple[Drop | None, Create | None]]]:
    """Give what another kind of database drops and makes, by the revisions alone."""
    for place in places:
        key, name = place
        if key not in draft.models:
            continue  # it is dropped with its table
        before = state.objects(*key).get(name)
        after, names = wanted.get(place, (None, set[str]()))
        if place not in wanted and name in draft.state.objects(*key):
            after = None if _is_gone(draft, place) else draft.state.objects(*key)[name]
        elif dialect not in names:
            after = None
        if before is not None and after is not None and not changed(before, after):
            continue
        if before is not None or after is not None:
            yield place, (None if before is None else drop_of(before), after)


def _is_gone(draft: Draft, place: Place) -> bool:
    """Tell whether models have nothing of a name."""
    (schema, table), (_, name) = place
    return not any(
        draft.state.key(one.schema, one.name) == (schema, table)
        and any(str(it.name) == name for it in items_of(one))
        for metadata in given_models(draft.context)
        for one in metadata.tables.values()
    )


def _blocks(
    steps: dict[str, Steps], wanted: dict[Place, tuple[Create, set[str]]]
) -> tuple[list[DialectBlock], list[DialectBlock]]:
    """Return what drops and what makes, each for the databases that need it."""
    drops, makes = list[DialectBlock](), list[DialectBlock]()
    for place in sorted({it for found in steps.values() for it in found}, key=str):
        found = {name: it[place] for name, it in steps.items() if place in it}
        (schema, table), _ = place
        dropping = {name: drop for name, (drop, _) in found.items() if drop}
        making = {name: make for name, (_, make) in found.items() if make}
        for part, which in ((drops, dropping), (makes, making)):
            if which:
                op = next(iter(which.values()))
                change = ops.ModifyTableOps(table, [op], schema=schema)
                names = {*which}
                if place in wanted:  # also on the databases that nobody runs on
                    names |= wanted[place][1] - steps.keys()
                part.append(DialectBlock(names, [change]))
    return drops, makes
