"""Write what was measured as docs/speed.md and docs/speed.svg."""

import json
from collections.abc import Iterator
from typing import Any

from contestants import TEMPLATE
from speed_app import TESTS
from speed_commands import TOOLS
from speed_growth import OURS, PLAIN
from speed_picture import Panel, draw

DOCS = TEMPLATE / "docs"
FILE = TEMPLATE / "benchmarks" / "speed.json"
"""What was measured, kept between runs of parts."""

Kept = dict[str, Any]

INTRODUCTION = """\
# Speed

`python benchmarks/speed.py` measured this and wrote this page. A figure is processor
time of whole processes, user's and system's, the median of rounds in which the tools
took turns; waiting for the disk or for a server is not in it. Only ratios travel to
another machine. {machine}
"""
COMMANDS = """
## The commands of a day

Each tool has the same tables in a SQLite file. Behind a figure is its ratio to
`alembic init`'s, which is plain Alembic with its models in a file without Flask. "In
this app" the models are those of the generated app, with all that they import.
"""
NOTES = """
- A command that runs revisions, or says which were run, imports neither Flask, nor the
  ORM, nor the models: the metadatas, which hold the names of constraints, stand apart.
- `flask db` makes the app first, with all that its pages need.
- `history` runs env.py, because `alembic.ini` says `revision_environment`, with which a
  revision for data can be written by the models; it opens no database. Plain Alembic
  imports neither.
- A run on SQLite is one transaction. The others commit each revision.
- Byte code was there, as it is after the first command; that one also compiles the
  library and the app.
"""
GROWTH = """
## How it grows

![Seconds by the number of revisions, of tables and of rows, beside plain Alembic and
bare SQL](speed.svg)

"""
GROWTH_NOTES = """
- A draft replays the revisions behind it: only they know what a database forgets. That
  grows with their number. A cache would have to know which code a revision calls.
- A first draft is reversed once, after its review, and copies no table for a line that
  only drops it. That pays for a part of the review.
- A rebuild is what SQLite does of it: its rows never come to Python.
"""
POSTGRESQL = """
## On PostgreSQL

Elapsed time, for the server does most of the work.

"""
GUARDS = """
## What a guard costs

A column of text is about to be shorter, and no value is too long: what a million rows
add to `op.refuse_loss`, to the query that a person would type, and to a guard that
reads each row in Python. This is elapsed time, for the server works. The memory is the
client's, with one row and with a million that the guard refuses.

"""
UPSTREAM = """
## What belongs upstream

- Alembic imports all of its dialects, and so SQLAlchemy's dialect of PostgreSQL, to
  migrate SQLite. `alembic.ddl` could import one when a URL names it.
- `DropIndexOp` and `DropTableOp` of a reversed draft copy each table and index. They
  could keep the operation that they reverse, and copy when they are asked for it.
- A hook before Alembic reverses a draft would let a review do it, once. Here an
  operation takes the place of all others until then.
- The cache of a comparison's reflection has no schema in its key: tables of the second
  schema are read one by one.
"""


def kept() -> Kept:
    """Return what was measured before."""
    found: Kept = json.loads(FILE.read_text()) if FILE.exists() else {}
    return found


def keep(kept: Kept) -> None:
    """Keep what was measured, and write the page and the picture of it."""
    FILE.write_text(json.dumps(kept, indent=2) + "\n")
    parts = [INTRODUCTION.format(machine=kept.get("machine", ""))]
    if found := kept.get("commands"):
        parts += [COMMANDS, _commands(found), NOTES]
    panels = list(_panels(kept))
    if panels:
        (DOCS / "speed.svg").write_text(draw(panels))
        parts += [GROWTH, *map(_growth, panels), GROWTH_NOTES]
    if found := kept.get("postgresql"):
        parts += [POSTGRESQL, _postgresql(found)]
    if found := kept.get("guards"):
        parts += [GUARDS, _guards(found)]
    parts += ["\n## The app\n\n", *_app(kept), UPSTREAM]
    (DOCS / "speed.md").write_text("".join(parts))


def _commands(found: dict[str, dict[str, float]]) -> str:
    names = [
        tool.name for tool in TOOLS if any(tool.name in it for it in found.values())
    ]
    lines = ["", "| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for title, measured in found.items():
        base = measured["`alembic init`"]
        cells = (
            f"{measured[name]:.2f} s, {measured[name] / base:.2f}x"
            if name in measured
            else "—"
            for name in names
        )
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def _panels(kept: Kept) -> list[Panel]:
    panels: list[Panel] = []
    if found := kept.get("revisions"):
        panels.append(("A draft, by the revisions behind it", "s", found))
    if found := kept.get("tables"):
        panels.append(("A first draft, by its tables", "s", found))
    if found := kept.get("rows"):
        panels.append(("A rebuild on SQLite, by its rows", "s", found["seconds"]))
    return panels


def _growth(panel: Panel) -> str:
    title, _, curves = panel
    counts = list(next(iter(curves.values())))
    head = "".join(f" {int(count):,} |" for count in counts)
    lines = [f"| {title} |{head}", "|---" * (len(counts) + 1) + "|"]
    for name, curve in curves.items():
        cells = "".join(f" {curve[count]:.2f} s |" for count in counts)
        lines.append(f"| {name} |{cells}")
    ours, other = (curves[name] for name in curves)
    if PLAIN in curves:
        cells = "".join(f" {ours[count] / other[count]:.2f}x |" for count in counts)
        lines.append(f"| ratio |{cells}")
    else:
        first = counts[0]
        more = (
            (ours[count] - ours[first]) / (other[count] - other[first])
            if other[count] - other[first] > LEAST
            else None
            for count in counts
        )
        cells = "".join(" — |" if it is None else f" {it:.2f}x |" for it in more)
        lines.append(f"| ratio of what the rows add |{cells}")
    return "\n".join([*lines, "", ""])


def _postgresql(found: dict[str, dict[str, float]]) -> str:
    lines = [f"| | {OURS} | {PLAIN} | ratio |", "|---" * 4 + "|"]
    for title, it in found.items():
        ours, plain = it[OURS], it[PLAIN]
        lines.append(
            f"| {title} | {ours:.1f} s | {plain:.1f} s | {ours / plain:.2f}x |"
        )
    return "\n".join([*lines, ""])


def _guards(found: dict[str, dict[str, float]]) -> str:
    lines = [
        "| | guard | bare SQL | ratio | each row read | memory |",
        "|---" * 6 + "|",
    ]
    for kind, it in found.items():
        low, high = it["MB with one row"], it["MB"]
        lines.append(
            f"| {kind} | {it['asked']:.2f} s | {it['bare SQL']:.2f} s |"
            f" {it['asked'] / it['bare SQL']:.2f}x | {it['read']:.1f} s |"
            f" {low:.0f} MB, {high:.0f} MB |"
        )
    return "\n".join([*lines, ""])


LEAST = 0.1
"""Seconds: of less, no ratio is worth printing."""


def _app(kept: Kept) -> Iterator[str]:
    if found := kept.get("rows"):
        least, *_, most = found["MB"][OURS].values()
        yield (
            f"- The client of a rebuild has {least:.0f} MB with one row and"
            f" {most:.0f} MB with a million.\n"
        )
    if found := kept.get("tests"):
        ours, peer, app, _ = (it["elapsed"] for it in found.values())
        used, others, bare, _ = (it["processor"] for it in found.values())
        yield (
            f"- {TESTS} small tests, on ten tables, take {ours:.1f} s with the"
            f" generated fixtures, {peer:.1f} s with\n  `create_all` and `drop_all` for"
            f" each, and {app:.1f} s with an app for each and no"
            " database:\n  databases take"
            f" {ours - app:.1f} s and {peer - app:.1f} s, and of the processor"
            f" {used - bare:.1f} s and {others - bare:.1f} s.\n"
        )
    if found := kept.get("start"):
        ours, other = found.values()
        yield (
            f"- `flask run` to its first answer: {ours['seconds']:.2f} s and"
            f" {ours['MB']:.0f} MB; the same app without\n  migrations:"
            f" {other['seconds']:.2f} s and {other['MB']:.0f} MB.\n"
        )
    if found := kept.get("generate"):
        whole, *floor = found.values()
        parts = ", ".join(f"{name} {it:.2f} s" for name, it in [*found.items()][1:])
        yield (
            f"- A whole generation with uv, its packages cached: {whole:.2f} s,"
            f" {whole / sum(floor):.2f}x of what it\n  cannot do without: {parts}.\n"
        )
