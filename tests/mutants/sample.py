"""Lines by chance, and the changes that Cosmic Ray makes of them."""

import ast
import random
from collections import defaultdict
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

from .operators import PROVIDER, is_annotation, is_inside_function

LIBRARY = Path("{{cookiecutter.program_name}}", "alembic_lossless")

MODULES = (
    *("operations/guards.py", "operations/backfill.py"),
    *("types/conversion.py", "types/values.py", "types/fills.py"),
    *("autogenerate/renames.py", "autogenerate/order.py", "autogenerate/guards.py"),
    *("autogenerate/refusals.py", "autogenerate/online.py"),
    *("autogenerate/compare_columns.py", "autogenerate/compare_tables.py"),
    "autogenerate/compare_constraints.py",
    "autogenerate/compare_objects.py",
    *("autogenerate/unmanaged.py", "runtime/locks.py", "runtime/online.py"),
    *("runtime/recovery.py", "runtime/run.py", "runtime/connect.py", "ddl/sqlite.py"),
    *("lint/mysql.py", "lint/postgresql.py"),
    *("lint/rules.py", "lint/runner.py"),
)
"""What guards data, or says what is true."""

SAME = ("_Is_Eq", "_Eq_Is", "_IsNot_NotEq", "_NotEq_IsNot", "_Is_LtE", "_Is_GtE")
"""What changes nothing where each value is there once, as most constants are."""

plugins.OPERATOR_PROVIDERS["ours"] = PROVIDER


@dataclass(frozen=True)
class Change:
    """A change of one line of a module."""

    module: str
    line: int
    operator: str
    occurrence: int
    inside: bool
    """Whether it is in a function, not in what runs at the import."""
    before: str
    """The text of the module, and what it becomes."""
    source: str
    diff: str

    @property
    def key(self) -> str:
        """What it is called in a file of results."""
        return f"{self.module}:{self.line} {self.operator} {self.occurrence}"

    @property
    def name(self) -> str:
        """What it is called in `EQUIVALENT`: its module, and what becomes of a line."""
        lines = self.diff.split("\n")
        gone, new = (
            " ".join(it[1:].strip() for it in lines if it[:1] == sign) for sign in "-+"
        )
        return f"{self.module}: {gone} -> {new}"


def sampled(copy: Path, module: str, seed: int, number: int) -> list[Change]:
    """Return changes of so many lines of a module, fewer if it has no more.

    :param copy: a copy of the repository.
    :param module: its path below the library's folder.
    """
    path = copy / LIBRARY / module
    source = path.read_text()
    chance = random.Random(f"{seed} {module}")
    places = _places(source)
    lines = chance.sample(sorted(places), len(places))
    found = list[Change]()
    for line in lines:
        if len(found) == number:
            break
        kinds = places[line]
        operator, occurrence, inside = chance.choice(kinds[chance.choice([*kinds])])
        changed = mutate_code(source, plugins.get_operator(operator)(), occurrence)
        if changed is None or not _is_python(changed):
            continue
        before, after = source.split("\n"), changed.split("\n")
        diff = "\n".join([*unified_diff(before, after, n=2, lineterm="")][2:])
        found.append(
            Change(module, line, operator, occurrence, inside, source, changed, diff)
        )
    return found


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def _places(source: str) -> dict[int, dict[str, list[tuple[str, int, bool]]]]:
    """Return lines -> kinds of changes -> the changes; nothing runs an annotation."""
    nodes = list(ast_nodes(get_ast(source)))
    places: dict[int, dict[str, list[tuple[str, int, bool]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for name in plugins.operator_names():
        operator = plugins.get_operator(name)
        if operator.arguments() or name.endswith(SAME):
            continue
        kind = name.split("_")[0]
        occurrence = -1
        for node in nodes:
            for start, _ in operator().mutation_positions(node):
                occurrence += 1
                if not is_annotation(node):
                    its = name, occurrence, is_inside_function(node)
                    places[start[0]][kind].append(its)
    return places
