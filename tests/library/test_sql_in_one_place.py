"""SQL is read and quoted in one module, and nowhere else."""

import ast
from collections.abc import Iterator

import pytest
from environment import LIBRARY

PATHS = {
    it.relative_to(LIBRARY / "alembic_lossless").as_posix(): it
    for it in sorted((LIBRARY / "alembic_lossless").rglob("*.py"))
}
OTHERS = [name for name in PATHS if name != "sql.py"]
"""The modules that have to do with other things."""

OTHERWISE = {
    "autogenerate/data_migration.py": "the name of a file",
    "cli.py": "what argparse says of a mistyped command",
    "diagram.py": "a word of a diagram",
    "rebase.py": "a line of a revision's docstring",
    "rehearsal/copies.py": "how a backup says what wrote it",
    "replaced.py": "a revision, as it is typed",
    "requirements.py": "a version",
    "runtime/causes.py": "the words of a server's own message",
    "runtime/recovery.py": "the comment on the version table",
    "types/fills.py": "what a person types",
    "types/portable.py": "the name of one type, which stands in no statement",
    "types/values.py": "a value of a row",
}
"""Modules with regular expressions, and what these look at in place of SQL."""

QUOTES = {'"', "'", "`", "%", "%%", ":", "\\:", '"`', "'\"", '""', "''", "``"}
QUOTED = {
    ("config.py", "replace('%', '%%')"): "the format of alembic.ini",
    ("types/values.py", r"""replace('"', '\\"')"""): "an element of an array's value",
}
"""What is quoted by a module itself, which is no SQL."""

SQL = (
    "SELECT ",
    "ALTER ",
    "CREATE ",
    "DROP ",
    "PRAGMA ",
    "UPDATE ",
    "INSERT ",
    " FROM ",
)


def tree(module: str) -> ast.Module:
    """Return a module of the library as Python reads it."""
    return ast.parse(PATHS[module].read_text())


def expressions(module: str) -> Iterator[str]:
    """Yield what a module does with regular expressions."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {it.name for it in node.names} | {getattr(node, "module", None)}
            yield from ("re" for name in names if name in {"re", "regex", "sre_parse"})


def quoting(module: str) -> Iterator[str]:
    """Yield what a module does to quotes, by a method of a text or in an f-string."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            given = [it.value for it in node.args if isinstance(it, ast.Constant)]
            if node.func.attr in {"replace", "strip"} and {*given} & QUOTES:
                yield f"{node.func.attr}({', '.join(map(repr, given))})"
        elif isinstance(node, ast.JoinedStr) and any(it in _fixed(node) for it in SQL):
            for before, name, behind in zip(
                node.values, node.values[1:], node.values[2:], strict=False
            ):
                if isinstance(name, ast.FormattedValue) and _is_quoted(before, behind):
                    yield ast.unparse(node)


def _fixed(text: ast.JoinedStr) -> str:
    return "".join(str(it.value) for it in text.values if isinstance(it, ast.Constant))


def _is_quoted(before: ast.expr, behind: ast.expr) -> bool:
    ends = [it.value for it in (before, behind) if isinstance(it, ast.Constant)]
    texts = [str(it) for it in ends if it]
    return len(texts) == 2 and texts[0][-1] == texts[1][0] and texts[0][-1] in "\"'`"


@pytest.mark.parametrize("module", OTHERS)
def test_no_regular_expression_looks_at_sql(module: str) -> None:
    """I change how SQL is read, and have one module to look at."""
    assert bool([*expressions(module)]) is (module in OTHERWISE)


@pytest.mark.parametrize("module", OTHERS)
def test_nothing_is_quoted_by_hand(module: str) -> None:
    """I call a table what I like, and it is quoted by the dialect everywhere."""
    assert [it for it in quoting(module) if (module, it) not in QUOTED] == []
