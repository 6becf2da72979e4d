"""A revision that is carried along: its whole text, as one function of the new file."""

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

from alembic.script import Script
from alembic.util import CommandError

from ..rebase import with_code

OWN = frozenset(
    {"revision", "down_revision", "branch_labels", "depends_on", "phase", "replaces"}
    | {"lint_allow"}
)
"""What a revision says of itself, which the squashed one says in its own place."""

INDENT = "    "


def function_of(revision: Script) -> str:
    """Return the name of the function that a carried revision becomes."""
    letters = (it if it.isalnum() else "_" for it in revision.revision)
    return f"carried_{''.join(letters)}"


def call(revision: Script, direction: str, database: str) -> str:
    """Return the code that runs a carried revision.

    :param direction: "upgrade" or "downgrade".
    :param database: its name where there are several, or "".
    """
    part = f"{direction}_{database}" if database else direction
    return f'{function_of(revision)}("{part}")'


def carried(revision: Script, databases: list[str]) -> str:
    """Return the function that does what a revision does.

    :param databases: the names of those with a part, or [""].
    :raises CommandError: for a text that means something else inside a function.
    """
    source = _dropping_by_columns(Path(revision.path).read_text("utf-8"))
    tree = ast.parse(source)
    parts = _parts(tree, databases)
    run = {it.partition("(")[0] for it in parts.values() if it}
    dropped = {*_dropped(tree, run)}
    kept = [node for node in tree.body if node not in dropped]
    _refuse(revision, kept)
    lines = source.splitlines()
    body = [_text(lines, node) for node in kept]
    doc = revision.doc.replace('"""', "'''").replace("\\", "\\\\").rstrip(".")
    head = [
        f"def {function_of(revision)}(part: str) -> None:",
        f'{INDENT}"""Run a part of revision {revision.revision}: {doc}."""',
    ]
    text = "\n\n".join(_indented(it) for it in body if it.strip())
    return "\n".join([*head, text, "", *_choices(parts)])


MADE = {"create_foreign_key": "foreignkey", "create_unique_constraint": "unique"}
"""What makes a constraint -> what its drop calls it."""


def _dropping_by_columns(source: str) -> str:
    """Let a constraint that nobody named be dropped by its columns.

    `op.drop_constraint(None, …)`, as Alembic drafts it, drops nothing on any database:
    which one it means is what the upgrade makes without a name.
    """
    made = dict[tuple[str, str], list[str]]()
    drops = list[tuple[ast.Call, tuple[str, str]]]()
    for call in (it for it in ast.walk(ast.parse(source)) if isinstance(it, ast.Call)):
        function, given = ast.unparse(call.func), [*map(ast.unparse, call.args)]
        types = {it.arg: ast.unparse(it.value) for it in call.keywords}
        if given[:1] != ["None"] or not function.startswith("op."):
            continue
        if kind := MADE.get(function.removeprefix("op.")):
            columns = given[3:4] if kind == "foreignkey" else given[2:3]
            made.setdefault((given[1], repr(kind)), []).extend(columns)
        elif function == "op.drop_constraint":
            drops.append((call, (given[1], types.get("type_", ""))))
    clear = {
        place
        for place, columns in made.items()
        if len(columns) == sum(it == place for _, it in drops)
    }
    text = source.encode()
    # From the last one on, so that no place moves.
    for call, place in sorted(drops, key=lambda it: -it[0].lineno):
        if place in clear:
            named = f"{place[0]}, {made[place].pop()}, type_={place[1]}"
            code = f"op.drop_unnamed_constraint({named})"
            text = with_code(text, call, code.encode())
    return text.decode()


def _parts(tree: ast.Module, databases: list[str]) -> dict[str, str | None]:
    """Return the calls that are made for each part, by what `call` says of it."""
    there = {it.name: it for it in tree.body if isinstance(it, ast.FunctionDef)}
    found = dict[str, str | None]()
    for name in databases:
        for direction in ("upgrade", "downgrade"):
            own = f"{direction}_{name}" if name else direction
            plain = there.get(direction)
            if own in there:
                found[own] = f"{own}()"
            elif plain is None or any(it.startswith(f"{direction}_") for it in there):
                found[own] = None  # the database came later
            else:
                given = repr(name) if plain.args.args else ""
                found[own] = f"{direction}({given})"
    return found


def _choices(parts: dict[str, str | None]) -> Iterator[str]:
    for part, called in parts.items():
        if called:
            yield f'{INDENT}if part == "{part}":'
            yield f"{INDENT}{INDENT}{called}"


def _dropped(tree: ast.Module, run: set[str]) -> Iterator[ast.stmt]:
    """Give what a function does not need: the docstring, the revision's names."""
    used = {
        node.id
        for part in tree.body
        if not _names(part) & OWN
        for node in ast.walk(part)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    for number, node in enumerate(tree.body):
        is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        names, is_first = _names(node), number == 0 and _is_docstring(node)
        if is_first or is_future or (names and names <= OWN - used):
            yield node
        elif isinstance(node, ast.ImportFrom | ast.Import):
            if not {_bound(it) for it in node.names} & used or _is_everywhere(node):
                yield node
        elif isinstance(node, ast.FunctionDef):
            is_other = node.name in {"upgrade", "downgrade"} and node.name not in run
            if is_other and node.args.args:
                yield node  # it only chooses among the parts


def _names(node: ast.stmt) -> set[str]:
    """Return the names that an assignment gives something to."""
    targets = [*getattr(node, "targets", ()), getattr(node, "target", None)]
    return {it.id for it in targets if isinstance(it, ast.Name)}


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _bound(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _is_everywhere(node: ast.stmt) -> bool:
    """Tell an import that every revision has."""
    return ast.unparse(node) in {"import sqlalchemy as sa", "from alembic import op"}


def _refuse(revision: Script, kept: list[ast.stmt]) -> None:
    for node in (node for it in kept for node in ast.walk(it)):
        if isinstance(node, ast.Name) and node.id == "globals":
            raise _refusal(revision, "it says `globals()`")
        if isinstance(node, ast.Global):
            raise _refusal(revision, f"it says `global {node.names[0]}`")
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            raise _refusal(revision, f"it imports * from {node.module}")


def _refusal(revision: Script, why: str) -> CommandError:
    return CommandError(
        f"{Path(revision.path).name} cannot be carried along: {why}. Write it in"
        " another way, or squash what is before it. Nothing is written."
    )


def _text(lines: list[str], node: ast.stmt) -> str:
    """Return a statement as it is written, with the comments before it."""
    decorators = getattr(node, "decorator_list", [])
    begin = min([node.lineno, *(it.lineno for it in decorators)]) - 1
    while begin and lines[begin - 1].startswith("#"):
        begin -= 1
    return "\n".join(lines[begin : node.end_lineno])


def _indented(text: str) -> str:
    """Indent code; what stands in a string of several lines stays as it is."""
    inside = set[int]()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.STRING or token.type in FORMATTED:
            inside |= {*range(token.start[0] + 1, token.end[0] + 1)}
    return "\n".join(
        line if not line or number in inside else INDENT + line
        for number, line in enumerate(text.splitlines(), 1)
    )


FORMATTED = {
    getattr(tokenize, name)
    for name in ("FSTRING_MIDDLE", "FSTRING_END")
    if hasattr(tokenize, name)
}
"""The tokens of an f-string, which are its parts since Python 3.12."""
