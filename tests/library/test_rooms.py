"""The house: who reads one room need not know those above it."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from environment import LIBRARY
from rendering import TEMPLATE

ALEMBIC_LOSSLESS = LIBRARY / "alembic_lossless"

ROOMS = (
    ("flask", "__main__"),
    ("cli",),
    ("discovery",),
    ("diagram", "testing"),
    ("reports",),
    ("migrations",),
    ("history", "baseline"),
    ("squash",),
    ("rebase", "rehearsal"),
    ("env",),
    ("plugin",),
    ("offline",),
    ("autogenerate",),
    ("lint",),
    ("backfills",),
    ("replay",),
    ("state",),
    ("operations",),
    ("ddl",),
    ("runtime",),
    ("prompts",),
    ("lockfile",),
    ("types",),
    ("config", "replaced", "urls", "rules"),
    ("_alembic",),
    ("digest", "project", "requirements", "sql", "adoption"),
)
"""The rooms of the library, from the top to the ground: a floor imports those below."""


@cache
def modules() -> dict[str, Path]:
    """Return the modules of the library by their dotted names."""
    found = ALEMBIC_LOSSLESS.rglob("*.py")
    return {
        ".".join(it.relative_to(ALEMBIC_LOSSLESS).with_suffix("").parts): it
        for it in found
    }


def imported(module: str) -> Iterator[str]:
    """Yield the modules of the library that one imports, at once or later."""
    tree = ast.parse(modules()[module].read_text())
    for_types = {id(it) for it in ast.walk(tree) if _is_for_types(it)}
    nodes = list(tree.body)
    while nodes:
        node = nodes.pop()
        if id(node) in for_types:
            continue
        nodes += [it for it in ast.iter_child_nodes(node) if isinstance(it, ast.stmt)]
        if isinstance(node, ast.ImportFrom) and node.level:
            yield from _named(module, node)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _named(module: str, node: ast.ImportFrom) -> Iterator[str]:
    package = module.split(".")[: -node.level]
    base = [*package, *(node.module.split(".") if node.module else [])]
    for alias in node.names:
        below = [*base, alias.name]
        paths = (below, [*below, "__init__"], base, [*base, "__init__"])
        names = (".".join(path) for path in paths)
        found = (name for name in names if name in modules())
        if (name := next(found, module)) != module:
            yield name


def room(module: str) -> str:
    """Return the room of a module: its folder, or itself."""
    return module.partition(".")[0]


def test_every_module_has_a_room() -> None:
    """I find a module by the table of rooms."""
    known = {name for floor in ROOMS for name in floor}
    assert {room(it) for it in modules()} - {"__init__"} == known


def test_the_table_of_rooms_is_in_contributing() -> None:
    """I look a room up in CONTRIBUTING, and find all of them from the top down."""
    text = (TEMPLATE / "CONTRIBUTING.md").read_text()
    table = text.partition("| room | is |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if "`" in line]
    told = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert told == [name for floor in ROOMS for name in floor]


@pytest.mark.parametrize("module", sorted(set(modules()) - {"__init__"}))
def test_arrows_go_down(module: str) -> None:
    """I read a module with what is below it, and nothing above."""
    floors = {name: number for number, floor in enumerate(ROOMS) for name in floor}
    floors["__init__"] = -1
    up = {
        (room(module), room(it))
        for it in imported(module)
        if room(it) != room(module) and floors[room(it)] <= floors[room(module)]
    }
    assert not up


def test_no_circle_of_modules() -> None:
    """I can read the modules of a room in an order in which each knows those before."""
    graph = {module: set(imported(module)) for module in modules()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(str(error.args[1]))
