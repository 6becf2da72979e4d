"""Tables as a Mermaid diagram of entities: those of the models, or of any revision."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Column, Table, UniqueConstraint

from .migrations import Migrations
from .replay import state_of
from .runtime.several import give_parts
from .state import MENTIONED, referred
from .types.portable import dialect_named

MANY = "{"
"""The foot of a crow."""


def tables_at(migrations: Migrations, revision: str) -> list[Table]:
    """Return the tables that the revisions up to one declare; no database is asked.

    :param migrations: those of the project.
    :param revision: its identifier, "head", or "base" for none.
    :raises CommandError: for a revision that is not there.
    """
    folder = migrations.script()
    names = migrations.names()
    several = len(names) > 1
    if several:
        give_parts(folder, names[0])
    last = revision if revision == "base" else folder.get_revision(revision).revision
    revisions = [*folder.iterate_revisions(last, "base")][::-1]
    found = list[Table]()
    for name in names:
        url = migrations.database(name).url
        dialect = dialect_named(url.get_backend_name())
        state = state_of(revisions, dialect, name if several else "")
        found += [it for it in state.tables.values() if MENTIONED not in it.info]
    return found


def diagram_of(tables: Iterable[Table]) -> str:
    """Return tables and their foreign keys in the words of Mermaid."""
    ordered = sorted(tables, key=lambda table: table.fullname)
    lines = [line for table in ordered for line in _entity(table)]
    lines += [line for table in ordered for line in _relations(table)]
    return _diagram(lines)


def diagram_of_changes(before: Iterable[Table], after: Iterable[Table]) -> str:
    """Return what differs between two sets of tables, in the words of Mermaid.

    A table has those of its columns that are added, dropped or changed, each with a
    comment that says which.
    """
    old = {table.fullname: table for table in before}
    new = {table.fullname: table for table in after}
    lines, relations = list[str](), list[str]()
    for name in sorted({*old, *new}):
        changes = [*_changes(old.get(name), new.get(name))]
        was, now = (
            [] if it is None else [*_relations(it)]
            for it in (old.get(name), new.get(name))
        )
        relations += [f"{it}: dropped" for it in was if it not in now]
        relations += [f"{it}: added" for it in now if it not in was]
        if changes:
            lines += [f"{_name(name)} {MANY}", *(f"    {it}" for it in changes), "}"]
    return _diagram([*lines, *(_said(it) for it in relations)])


def _said(relation: str) -> str:
    """Return a relation with its change inside the label."""
    line, _, change = relation.rpartition(": ")
    return f'{line[:-1]} {change}"'


def _changes(old: Table | None, new: Table | None) -> Iterator[str]:
    was: Mapping[str, Column[Any]] = (
        {} if old is None else {it.name: it for it in old.c}
    )
    now: Mapping[str, Column[Any]] = (
        {} if new is None else {it.name: it for it in new.c}
    )
    for name, column in was.items():
        if name not in now:
            yield f'{_attribute(column)} "dropped"'
    for name, column in now.items():
        if name not in was:
            yield f'{_attribute(column)} "added"'
        elif (before := _described(was[name])) != _described(column):
            yield f'{_attribute(column)} "was {before}"'


def _described(column: Column[Any]) -> str:
    nothing = "" if column.nullable else " NOT NULL"
    keys = [key for key, there in _keys(column).items() if there]
    words = " ".join([str(column.type) + nothing, *keys])
    return words.translate({ord('"'): "'"})


def _diagram(lines: Iterable[str]) -> str:
    return "\n".join(["erDiagram", *(f"    {line}" for line in lines)])


def _entity(table: Table) -> Iterator[str]:
    yield f"{_name(table.fullname)} {MANY}"
    yield from (f"    {_attribute(column)}" for column in table.columns)
    yield "}"


def _attribute(column: Column[Any]) -> str:
    words = [_word(str(column.type)), _word(column.name)]
    keys = [key for key, there in _keys(column).items() if there]
    return " ".join([*words, ", ".join(keys)] if keys else words)


def _keys(column: Column[Any]) -> dict[str, bool]:
    return {
        "PK": column.primary_key,
        "FK": bool(column.foreign_keys),
        "UK": bool(column.unique) or _is_unique_alone(column),
    }


def _is_unique_alone(column: Column[Any]) -> bool:
    """Tell a column that has a UNIQUE, or a unique index, to itself."""
    table = column.table
    keys = [it for it in table.constraints if isinstance(it, UniqueConstraint)]
    found = [*(it.columns for it in keys)]
    found += [it.columns for it in table.indexes if it.unique]
    return any([*it] == [column] for it in found)


def _relations(table: Table) -> Iterator[str]:
    """Yield a line for each foreign key: many here refer to one there, or to none."""
    for key in sorted(
        table.foreign_key_constraints, key=lambda key: list(key.column_keys)
    ):
        one = "|o" if any(column.nullable for column in key.columns) else "||"
        label = ", ".join(key.column_keys)
        referred_to = ".".join(it for it in referred(key.elements[0])[:2] if it)
        ends = _name(referred_to), _name(table.fullname)
        yield f" {one}--o{MANY} ".join(ends) + f' : "{label}"'


def _name(table: str) -> str:
    return f'"{table}"'


def _word(text: str) -> str:
    """Return a text as one word of Mermaid: `VARCHAR(100)`, `NUMERIC(8-2)`."""
    return re.sub(r"[^\w()\[\]-]+", "-", text.replace(" ", "_")).strip("-")
