"""Names that Alembic keeps for itself are in one place: an upgrade is one look."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

from alembic_lossless import requirements
from environment import LIBRARY
from rendering import TEMPLATE

ALEMBIC_LOSSLESS = LIBRARY / "alembic_lossless"
ELSEWHERE = {
    # A command line cannot say otherwise what its positional arguments are.
    ("cli.py", "_POSITIONAL_OPTS"),
    # It is the end of a name that PostgreSQL gives.
    ("operations/keys.py", "_pkey"),
}


def private(tree: ast.Module) -> Iterator[str]:
    """Yield the private names of other packages that a module speaks of."""
    nodes = list(ast.walk(tree))
    own = {getattr(node, "name", None) for node in nodes}
    own |= {node.attr for node in nodes if _is_own(node)}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and not node.level:
            yield from (it.name for it in node.names)
        elif isinstance(node, ast.Attribute) and node.attr not in own:
            yield node.attr
        elif isinstance(node, ast.Constant):
            yield str(node.value)
        elif isinstance(node, ast.ClassDef):
            yield from (it.id for it in ast.walk(node) if _is_overridden(it))


def _is_own(node: ast.AST) -> TypeGuard[ast.Attribute]:
    """Tell an attribute that an object sets on itself."""
    return isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)


def _is_overridden(node: ast.AST) -> TypeGuard[ast.Name]:
    """Tell a constant of a class; ours begin with no underscore."""
    return (
        isinstance(node, ast.Name)
        and isinstance(node.ctx, ast.Store)
        and node.id.isupper()
    )


def _is_private(name: str) -> bool:
    return name[:1] == "_" and name[1:2] not in {"", "_"} and name.isidentifier()


def test_private_names_are_in_one_module() -> None:
    """I look at a new Alembic, and read one module to know what may have moved."""
    found = {
        (path.relative_to(ALEMBIC_LOSSLESS).as_posix(), name)
        for path in ALEMBIC_LOSSLESS.rglob("*.py")
        for name in private(ast.parse(path.read_text()))
        if _is_private(name)
    }
    assert {name for path, name in found if path == "_alembic.py"} == {
        "_copy",
        "_display_history",
        "_migrations_fn",
        "_exec",
        "_migration_context",
        "_generator",
        "_load_revisions",
        "_should_recreate",
        "_tabledef_parser",
        "_render_column",
        "_repr_type",
        "_result_columns",
        "_sequences",
        "_prefixes",
        "_proxy",
        "_reverse",
        "_type_bound",
        "_variant_mapping",
    }
    assert {it for it in found if it[0] != "_alembic.py"} == ELSEWHERE


def test_the_bounds_are_the_same_everywhere() -> None:
    """What the library needs is what its distribution and each project ask for."""
    metadata = tomllib.loads((TEMPLATE / "pyproject.toml").read_text())
    needed = [requirements.ALEMBIC, requirements.SQLALCHEMY]
    assert metadata["project"]["dependencies"] == needed
    generated = (Path(LIBRARY) / "pyproject.toml").read_text()
    assert all(f'"{requirement}"' in generated for requirement in needed)
