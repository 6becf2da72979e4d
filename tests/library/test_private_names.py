"""Names that Alembic keeps for itself are in one place: an upgrade is one look."""

import ast
import inspect
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from pkgutil import resolve_name
from typing import TypeGuard

import pytest
from alembic.autogenerate.api import AutogenContext
from alembic.config import CommandLine, Config
from alembic.ddl.impl import DefaultImpl
from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionMap
from alembic.util import CommandError, messaging
from alembic_lossless import _alembic, requirements
from alembic_lossless._alembic import NAMES, Name
from alembic_lossless.flask import db_command
from alembic_lossless.plugin import setup
from environment import LIBRARY, Environment
from flask import Flask
from rendering import TEMPLATE

DECLARED = {"_needs_render"}
"""Names that a class has only in its annotations."""

REPLACED = (
    *(AutogenContext, CommandLine, Config, DefaultImpl, EnvironmentContext),
    *(MigrationContext, Operations, RevisionMap, Script, ScriptDirectory),
)
"""The classes of Alembic that do something, where ops and types only hold values."""

ALEMBIC_LOSSLESS = LIBRARY / "alembic_lossless"
ELSEWHERE = {
    # A command line cannot say otherwise what its positional arguments are.
    ("cli.py", "_POSITIONAL_OPTS"),
    # They are ends of names that the library gives.
    ("history.py", "_upgrades"),
    ("runtime/applied.py", "_history"),
    ("operations/objects.py", "_check"),
    ("runtime/trial.py", "_before"),
    ("squash/proof.py", "_pkc"),
    ("squash/proof.py", "_pkey"),
    # Flask-Migrate's template has it, and adoption takes it away.
    ("adoption.py", "_sync_connection"),
    # It is a method of Migrations, which is another module.
    ("discovery.py", "_script_directory"),
    # It is a class of that module.
    ("runtime/trial.py", "_Watch"),
}


def private(tree: ast.Module) -> Iterator[str]:
    """Yield the private names of other packages that a module speaks of."""
    nodes = list(ast.walk(tree))
    own = {getattr(node, "name", None) for node in nodes}
    own |= {node.attr for node in nodes if _is_own(node)}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and not node.level:
            yield from (it.name for it in node.names)
        elif isinstance(node, ast.Attribute):
            of_base = ast.unparse(node.value) == "super()"
            yield node.attr if of_base or node.attr not in own else ""
        elif isinstance(node, ast.Constant):
            yield str(node.value)
        elif isinstance(node, ast.ClassDef):
            yield from (it.id for it in ast.walk(node) if _is_overridden(it))


def _is_own(node: ast.AST) -> TypeGuard[ast.Attribute]:
    """Tell an attribute that an object sets on itself."""
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and ast.unparse(node.value) == "self"
    )


def replaced(tree: ast.Module) -> Iterator[str]:
    """Yield the attributes of something else that a module sets or takes away."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            yield "" if _is_own(node) else node.attr
        elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            if ast.unparse(node.value).startswith("vars("):
                yield ast.unparse(node.slice).strip("'")
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "setattr":
            yield ast.unparse(node.args[1]).strip("'")


def _is_overridden(node: ast.AST) -> TypeGuard[ast.Name]:
    """Tell a constant of a class; ours begin with no underscore."""
    return (
        isinstance(node, ast.Name)
        and isinstance(node.ctx, ast.Store)
        and node.id.isupper()
    )


def _is_private(name: str) -> bool:
    return name[:1] == "_" and name[1:2] not in {"", "_"} and name.isidentifier()


def parsed() -> Iterator[tuple[str, ast.Module]]:
    """Yield each module of the library by its path."""
    for path in ALEMBIC_LOSSLESS.rglob("*.py"):
        name = path.relative_to(ALEMBIC_LOSSLESS).as_posix()
        yield name, ast.parse(path.read_text())


def test_private_names_are_in_one_module() -> None:
    """I look at a new Alembic, and read one module to know what may have moved."""
    found = {
        (path, name)
        for path, tree in parsed()
        for name in private(tree)
        if _is_private(name)
    }
    known = {it.name for it in NAMES if _is_private(it.name)}
    assert {name for path, name in found if path == "_alembic.py"} == known
    assert {it for it in found if it[0] != "_alembic.py"} == ELSEWHERE


def test_replaced_names_are_in_one_module() -> None:
    """No other module puts something in the place of a function of Alembic's."""
    functions = {
        name
        for kind in REPLACED
        for name, value in inspect.getmembers(kind)
        if (callable(value) or hasattr(value, "__get__")) and name[:2] != "__"
    }
    functions |= {name for name in vars(messaging) if name.isupper()}
    found = {(path, name) for path, tree in parsed() for name in replaced(tree)}
    outside = {it for it in found if it[0] != "_alembic.py" and it[1] in functions}
    assert outside == set()
    here = {name for path, name in found if path == "_alembic.py"} & functions
    assert here <= {it.name for it in NAMES}


@pytest.mark.parametrize("known", NAMES, ids=lambda it: f"{it.of}.{it.name}")
def test_a_name_that_is_gone(
    project: Environment, monkeypatch: pytest.MonkeyPatch, known: Name
) -> None:
    """A new version has another name for it: I read which one, and what to type."""
    of, owner = resolve_name(known.of), known.owner()
    is_inside = inspect.isfunction(of) or inspect.ismodule(of)
    assert owner is of or is_inside or isinstance(owner, of) or known.name in DECLARED
    gone = [it._replace(owner=object) if it is known else it for it in NAMES]
    monkeypatch.setattr(_alembic, "NAMES", gone)
    package = "SQLAlchemy" if known.of.startswith("sqlalchemy") else "alembic"
    said = f"{package} {version(package)} has no {known.of}.{known.name}, by which"
    for command in ("flask db current", "alembic upgrade head", "flask db check"):
        done = project.run(*command.split(), status=255)
        words = f"FAILED: {said} alembic_lossless works. Run: python -m pip install"
        assert f'{words} "{package}>=' in done.stdout
        assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("installed", "is_fit"),
    [
        *(("2.1.7", True), ("2.1.10", True), ("2.1.7.post1", True), ("3.0", True)),
        *(("2.1.7b7", False), ("2.1.7rc1", False), ("2.1.7.dev0", False)),
        *(("2.1.6", False), ("2.1.0b7", False), ("1.4.54", False), ("unknown", False)),
        *(("2.2.0b1", True), ("2.1.7+local", True), ("2.1", False)),
    ],
)
def test_a_version_is_read_as_pip_reads_it(installed: str, *, is_fit: bool) -> None:
    """What was not released yet is not the release that the library needs."""
    assert requirements.fits(installed, "SQLAlchemy>=2.1.7") is is_fit


NEEDED = (
    "alembic_lossless needs alembic>=1.18.3, and 1.17.2 is installed. Run:"
    ' python -m pip install "alembic>=1.18.3"'
)


@pytest.fixture
def older(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an Alembic that is too old seem to be installed."""
    monkeypatch.setattr(
        requirements,
        "version_of",
        lambda name: "1.17.2" if name == "alembic" else version(name),
    )


@pytest.mark.usefixtures("older")
@pytest.mark.parametrize("command", ["status", "upgrade", "heads", "migrate -m x"])
def test_an_app_with_another_alembic(project: Environment, command: str) -> None:
    """My app starts, and `flask db` is a command that says what it needs."""
    with project.migrations() as migrations:
        app = Flask("friend_book")
        app.cli.add_command(db_command(migrations))
        done = app.test_cli_runner().invoke(args=["db", *command.split()])
        assert done.output == f"Error: {NEEDED}\n"
        assert done.exit_code == 1
        with pytest.raises(CommandError, match="needs alembic"):
            migrations.pending()


def test_a_plugin_of_another_alembic() -> None:
    """Another project imports an Alembic that is not ours: nothing is added to it."""
    setup(object())  # type: ignore[arg-type]


@pytest.mark.parametrize("command", ["current", "upgrade head", "check"])
def test_a_command_with_another_alembic(project: Environment, command: str) -> None:
    """I type a command of Alembic's own in such an environment, and read a sentence."""
    metadata = project.path / "alembic-1.17.2.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: alembic\nVersion: 1.17.2\n")
    done = project.run("python", "-c", "import alembic_lossless; print('imported')")
    assert done.stdout == "imported\n"
    done = project.run("python", "-m", "alembic", *command.split(), status=255)
    assert " ".join(done.stdout.split()) == f"FAILED: {NEEDED}"
    assert "Traceback" not in done.stderr


MOVED = """
import sys, {module}
del {module}.{name}
sys.argv = ["alembic", "current"]
from alembic.config import main
main()
"""


@pytest.mark.parametrize(
    "name", ["alembic.util.to_tuple", "sqlalchemy.schema.DropSequence"]
)
def test_a_module_that_has_moved(project: Environment, name: str) -> None:
    """A newer version has a public name elsewhere: I read a sentence, no traceback."""
    module, _, attribute = name.rpartition(".")
    program = MOVED.format(module=module, name=attribute)
    done = project.run("python", "-c", program, status=255)
    assert f" has no {name}, by which alembic_lossless works. Run: " in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_the_bounds_are_the_same_everywhere() -> None:
    """What the library needs is what its distribution and each project ask for."""
    metadata = tomllib.loads((TEMPLATE / "pyproject.toml").read_text())
    needed = [requirements.ALEMBIC, requirements.SQLALCHEMY]
    assert metadata["project"]["dependencies"] == needed
    generated = (Path(LIBRARY) / "pyproject.toml").read_text()
    assert all(f'"{requirement}"' in generated for requirement in needed)
