"""The reference and the types of `op` say what the code does."""

import ast
import inspect
import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from alembic.config import Config
from alembic.util import CommandError
from alembic_lossless import env, operations
from alembic_lossless.operations.base import OPERATIONS
from alembic_lossless.project import CONFIGURE
from environment import LIBRARY
from rendering import TEMPLATE
from sqlalchemy import create_engine, make_url

MADE: Any = runpy.run_path(str(TEMPLATE / "docs" / "reference.py"))
PUBLIC = {
    f"{module.__name__}.{name}": item
    for module in MADE["PUBLIC"]
    for name, item in MADE["members"](module).items()
}


@pytest.mark.parametrize(("path", "made"), [("PAGE", "page"), ("STUB", "stub")])
def test_it_is_made_of_the_docstrings(path: str, made: str) -> None:
    """What I read beside the code is the code's own: `python docs/reference.py`."""
    assert MADE[path].read_text(encoding="utf-8") == MADE[made]()


IMPORTED = re.compile(r"from (alembic_lossless[\w.]*) import ([\w, ]+|\([^)]+\))")
"""What a page or a file of a project imports of the library."""

TEACHING = [
    *(TEMPLATE / "docs").glob("*.md"),
    *TEMPLATE.glob("*.md"),
    *(TEMPLATE / "templates").rglob("*.*"),
    *(LIBRARY / "{{cookiecutter.program_name}}").rglob("*.py"),
    *(LIBRARY / "tests").rglob("*.py"),
]


def test_it_has_what_a_project_imports() -> None:
    """I import what pages and the template import: all of that is public."""
    modules = {module.__name__: {*module.__all__} for module in MADE["PUBLIC"]}
    found = {
        (module, name.strip(), path.name)
        for path in TEACHING
        for module, names in IMPORTED.findall(path.read_text(encoding="utf-8"))
        for name in names.strip("()").split(",")
        if name.strip()
    }
    own = {name.rpartition(".")[2] for name in modules}
    assert len(found) > len(modules)
    assert [it for it in found if it[1] not in modules.get(it[0], set()) | own] == []


def described(item: Any, given: set[str]) -> None:
    """Hold that a docstring has a line for each parameter, and for no other."""
    doc = MADE["doc_of"](item)
    assert doc.text.endswith((".", ":")), item
    assert set(doc.parameters) == given - {"self"}, item


def parameters(function: Any) -> set[str]:
    """Return the names of what a function takes."""
    return {*inspect.signature(function).parameters}


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_parameter_is_described(name: str) -> None:
    """I look an argument up, and read what it is."""
    item = PUBLIC[name]
    if not inspect.isclass(item):
        described(item, parameters(item))
        return
    fields = {field.partition(":")[0] for field in MADE["fields_of"](item)}
    if fields:
        described(item, fields)
    for method in MADE["methods_of"](item).values():
        given = method.fget if isinstance(method, property) else method
        described(given, parameters(given))


URL = make_url("sqlite://")
RIGHT = {
    "str": "x",
    "Given": URL,
    "URL": URL,
    "Mapping[str, Given]": {"x": URL},
    "Mapping[str, Engine]": {"x": create_engine(URL)},
}
"""What fits an annotation; for any other it is an object of a class of that name."""

WRONG = [object(), object, b"x", [7], {1: 2}]
"""What no argument takes."""

NAMES_ITSELF = {"usable_url", "rows"}
"""A function whose errors name what its caller calls the value, and an argument that
SQLAlchemy looks at."""


def entry_points() -> Iterator[Any]:
    """Yield each public function and method."""
    for name, item in PUBLIC.items():
        own = MADE["methods_of"](item) if inspect.isclass(item) else {name: item}
        for function in own.values():
            if hasattr(function, "__wrapped__"):
                yield pytest.param(function, id=function.__qualname__)
            else:
                known = NAMES_ITSELF | {"variable", "seconds", "is_wanted", "number"}
                assert isinstance(function, property) or function.__name__ in known


@pytest.mark.parametrize("function", [*entry_points()])
def test_an_argument_of_another_type(
    function: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """I pass something else than a function takes: I read which argument, and what."""
    monkeypatch.setattr(env, "context", SimpleNamespace(config=Config()))
    parameters = inspect.signature(function).parameters.values()
    given = {
        it.name: RIGHT.get(str(it.annotation), type(str(it.annotation), (), {})())
        for it in parameters
        if it.default is it.empty and it.kind is not it.VAR_KEYWORD
    }
    options = CONFIGURE.keys() if function.__name__ == "migrating" else ()
    names = [it.name for it in parameters if it.annotation not in {"Any", it.empty}]
    for name in {*names, *options} - NAMES_ITSELF:
        for value in WRONG:
            if callable(value) and "Callable" in CONFIGURE.get(name, ""):
                continue
            with pytest.raises(CommandError) as refused:
                function(**{**given, name: value})
            said = str(refused.value)
            words = rf"{function.__qualname__}: {name} is (of the type|the class) \w+\."
            assert re.match(rf"{words} Give ", said)
            assert "\n" not in said
    takes_more = any(it.kind is it.VAR_KEYWORD for it in parameters)
    if parameters and not takes_more:
        with pytest.raises(CommandError, match="unexpected keyword argument 'no_such'"):
            function(**given, no_such=7)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_operation_says_what_it_does_to_rows(name: str) -> None:
    """I know before a revision runs whether it touches rows, and on which databases."""
    operation = OPERATIONS[name]
    described(operation.function, {*operation.signature.parameters})
    assert {"rows", "databases"} <= {*MADE["doc_of"](operation.function).others}


def test_every_helper_of_operations_says_what_it_takes() -> None:
    """I write an operation, and read how those that are there were written."""
    silent = [
        f"{function.name}({name})"
        for path in Path(operations.__file__).parent.glob("*.py")
        for function in functions_of(ast.parse(path.read_text(encoding="utf-8")))
        for name in taken_by(function)
        if f":param {name}:" not in (ast.get_docstring(function) or "")
    ]
    assert silent == []


def functions_of(node: ast.Module | ast.ClassDef) -> Iterator[ast.FunctionDef]:
    """Yield the public functions and methods of a module."""
    for it in node.body:
        match it:
            case ast.ClassDef(name=name) if not name.startswith("_"):
                yield from functions_of(it)
            case ast.FunctionDef(name=name) if not name.startswith("_"):
                yield it


def taken_by(function: ast.FunctionDef) -> list[str]:
    """Return the parameters of a function, without what every operation begins with."""
    given = function.args
    every = [*given.posonlyargs, *given.args, given.vararg, *given.kwonlyargs]
    names = [it.arg for it in (*every, given.kwarg) if it is not None]
    return [name for name in names if name not in {"self", "operations"}]
