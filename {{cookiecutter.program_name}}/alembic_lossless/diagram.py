"""Pictures: tables as a Mermaid diagram of entities, and the history as a graph.

The tables are those of the models, or of any revision. The graph has the branches,
their phases, what is applied and what is squashed.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError, to_tuple
from sqlalchemy import Column, Table, UniqueConstraint
from sqlalchemy.exc import SQLAlchemyError

from . import lockfile
from .config import part_of
from .history import stamped
from .migrations import Migrations
from .replaced import follows, replaced_by
from .replay import state_of
from .rules import phase_of
from .runtime.errors import applied
from .runtime.several import few, give_parts
from .state import MENTIONED, referred
from .types.portable import dialect_named

# Tables


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
    if len(names) > 1:
        give_parts(folder, names[0])
    last = revision if revision == "base" else folder.get_revision(revision).revision
    revisions = [*folder.iterate_revisions(last, "base")][::-1]
    found = list[Table]()
    for name in names:
        url = migrations.database(name).url
        dialect = dialect_named(url.get_backend_name())
        state = state_of(revisions, dialect, part_of(migrations.project, name))
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


# The history


DONE, OPEN, SOME = "*", "o", "+"
"""A revision that is applied, one that is pending, one that some databases have."""

LEGEND = {DONE: "applied", OPEN: "pending", SOME: "applied on some databases"}


class Row(NamedTuple):
    """A revision in a picture."""

    mark: str
    lane: int
    text: str
    before: tuple[int | None, ...]
    """Where each lane above it goes: its number beside the revision."""
    lanes: int
    """How many lanes pass or begin beside it."""
    after: tuple[tuple[int, int], ...]
    """The lines from it and from the lanes beside it to those below."""


@dataclass
class Graph:
    """A history to draw."""

    rows: list[Row]
    marks: set[str]
    notes: list[str] = field(default_factory=list)
    """What is to be said beside the picture."""

    def lines(self) -> Iterator[str]:
        """Give the lines of the picture for a terminal."""
        wide = max((2 * it.lanes for it in self.rows), default=0)
        for row in self.rows:
            if above := _moves([*enumerate(row.before)], wide):
                yield above
            cells = [row.mark if n == row.lane else "|" for n in range(row.lanes)]
            yield f"{' '.join(cells).ljust(wide)} {row.text}".rstrip()
            if below := _moves(row.after, wide):
                yield below
        told = [f"{it} {LEGEND[it]}" for it in LEGEND if it in self.marks]
        if told:
            yield ""
            yield "  ".join(told)

    def svg(self) -> str:
        """Return the picture as a file of SVG, which needs nothing else."""
        return _svg(self.rows, self.marks)


def _moves(moves: Sequence[tuple[int, int | None]], wide: int) -> str:
    """Return a line in which lanes change their places, or nothing."""
    moved = [(a, b) for a, b in moves if b is not None and a != b]
    if not moved:
        return ""
    cells = [" "] * max(wide, 2 * max(max(it) for it in moved) + 1)
    for a, b in moves:
        if a == b:
            cells[2 * a] = "|"
    for a, b in moved:
        low, high = sorted((a, b))
        cells[2 * high - 1] = "/" if a > b else "\\"
        for place in range(2 * low + 1, 2 * high - 1):
            if cells[place] == " ":
                cells[place] = "_"
    return "".join(cells).rstrip()


def graph_of(migrations: Migrations, given: str | None = None) -> Graph:
    """Return the history to draw.

    :param migrations: those of the project.
    :param given: a range such as "1a2b:head", or None for all.
    :raises CommandError: for a range or a revision that is not there.
    """
    at, notes = _places(migrations)
    folder = migrations.script(chain(*at.values()))
    begin, _, end = (given or "").partition(":")
    scripts = [*folder.walk_revisions(begin or "base", end or "heads")]
    done = {
        name: applied(folder, migrations.database(name).url, heads)
        for name, heads in at.items()
    }
    locked = _lock(migrations.script())
    rows, marks, lanes = list[Row](), set[str](), list[str]()
    for script in scripts:
        mark = _mark(script.revision, done)
        marks.add(mark)
        words = [*_words(script, locked)]
        some = [name for name in done if script.revision in done[name]]
        if mark == SOME:
            words.append(f"applied on {few(some)}")
        text = f"{script.revision}  {script.doc}" + (
            f"  ({', '.join(words)})" if words else ""
        )
        rows.append(_row(script, lanes, mark, text, {it.revision for it in scripts}))
    return Graph(rows, marks if done else set(), notes)


def _places(
    migrations: Migrations,
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Return where each database is, and which do not answer."""
    found, notes = dict[str, tuple[str, ...]](), list[str]()
    if places := migrations.places():
        return {name: place.heads for name, place in places.items()}, notes
    for name in migrations.names():
        database = migrations.database(name)
        try:
            found[name] = stamped(database)
        except (CommandError, SQLAlchemyError):
            notes.append(f"{database} does not answer: what is applied is not known.")
    return found, notes


def _mark(revision: str, done: Mapping[str, Collection[str]]) -> str:
    has = [revision in it for it in done.values()]
    if all(has):
        return DONE
    return SOME if any(has) else OPEN


def _lock(folder: ScriptDirectory) -> dict[str, str]:
    """Return the revisions that the lock file does not have as they are, and how."""
    try:
        found = lockfile.problems(folder, "alembic")
    except CommandError:
        return {}
    return {
        it.revision: "not locked" if it.what == lockfile.NO_LINE else "edited"
        for it in found
    }


def _words(script: Script, locked: Mapping[str, str]) -> Iterator[str]:
    if script.is_head:
        yield "head"
    yield from sorted(to_tuple(getattr(script.module, "branch_labels", None)) or ())
    if (phase := phase_of(script)) is not None:
        yield f"{phase} the deployment"
    if old := replaced_by(script):
        yield f"squashed from {len(old) + 1}"
    if script.revision in locked:
        yield locked[script.revision]
    if script.dependencies:
        yield f"depends on {', '.join(to_tuple(script.dependencies, default=()))}"


def _row(
    script: Script, lanes: list[str], mark: str, text: str, known: Collection[str]
) -> Row:
    """Place a revision, and move the lanes on to what is below it.

    :param lanes: what each lane waits for; it is changed.
    """
    before, joined = list[int | None](), list[str]()
    for name in lanes:
        if name not in joined:
            joined.append(name)
        before.append(joined.index(name))
    if script.revision not in joined:
        joined.append(script.revision)
    lane = joined.index(script.revision)
    parents = [it for it in follows(script) if it in known]
    below, after = list[str](), list[tuple[int, int]]()
    for number, name in enumerate(joined):
        nexts = parents if number == lane else [name]
        for it in nexts:
            below.append(it)
            after.append((number, len(below) - 1))
    lanes[:] = below
    return Row(mark, lane, text, tuple(before), len(joined), tuple(after))


HIGH, WIDE, LEFT = 28, 18, 20
"""The distances of rows and of lanes, and the margin, in pixels."""

LETTER = 7.3
"""The width of a letter of the picture's font."""

COLOURS = ("#2563eb", "#b45309", "#047857", "#9333ea", "#be123c", "#475569")
"""The colours of lanes, dark enough to be read on white."""


def _svg(rows: Sequence[Row], marks: Collection[str]) -> str:
    most = max((it.lanes for it in rows), default=1)
    text_at = LEFT + most * WIDE
    longest = max((len(it.text) for it in rows), default=0)
    width = round(text_at + longest * LETTER + LEFT)
    told = [it for it in LEGEND if it in marks]
    height = HIGH * (len(rows) + bool(told)) + HIGH
    parts = [*_lines_of(rows)]
    for number, row in enumerate(rows):
        x, y = _at(row.lane, number)
        parts.append(_node(row.mark, x, y, row.lane))
        parts.append(f'<text x="{text_at}" y="{y + 4}">{escape(row.text)}</text>')
    x = text_at
    for it in told:
        y = HIGH * len(rows) + HIGH
        parts += [
            _node(it, x + 6, y, 0),
            f'<text x="{x + 18}" y="{y + 4}">{LEGEND[it]}</text>',
        ]
        x += round(len(LEGEND[it]) * LETTER) + 50
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{max(width, x)}"'
        f' height="{height}" font-family="ui-monospace, monospace" font-size="12"'
        ' role="img" aria-label="The history of revisions, the newest first">'
    )
    paper = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return "\n".join([head, paper, *parts, "</svg>", ""])


def _at(lane: int, number: int) -> tuple[int, int]:
    return LEFT + lane * WIDE, HIGH * number + HIGH


def _lines_of(rows: Sequence[Row]) -> Iterator[str]:
    """Give the lines from each row to the next one, where its lanes may join."""
    for number, (row, below) in enumerate(pairwise(rows)):
        for begin, middle in row.after:
            end = below.before[middle]
            if end is None:
                continue
            (x, y), (to_x, to_y) = _at(begin, number), _at(end, number + 1)
            half = (y + to_y) // 2
            colour = COLOURS[max(begin, end) % len(COLOURS)]
            yield (
                f'<path d="M{x} {y} C{x} {half} {to_x} {half} {to_x} {to_y}"'
                f' fill="none" stroke="{colour}" stroke-width="2"/>'
            )


def _node(mark: str, x: int, y: int, lane: int) -> str:
    colour = COLOURS[lane % len(COLOURS)]
    inside = {DONE: colour, OPEN: "#ffffff", SOME: "#cbd5e1"}[mark]
    place = f'cx="{x}" cy="{y}" r="5"'
    return f'<circle {place} fill="{inside}" stroke="{colour}" stroke-width="2"/>'
