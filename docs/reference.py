"""Make the reference, and the types of `alembic.op`, from the docstrings.

Usage: python docs/reference.py

An operation is declared once, in `alembic_lossless.operations`: its section of the page
and its function in the stub come from its signature and its docstring.
"""

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent, indent
from types import ModuleType
from typing import Any, NamedTuple

import alembic

DOCS = Path(__file__).resolve().parent
LIBRARY = DOCS.parent / "{{cookiecutter.program_name}}"
sys.path.insert(0, str(LIBRARY))

import alembic_lossless as library  # noqa: E402
from alembic_lossless import env, flask, testing, urls  # noqa: E402
from alembic_lossless.operations.base import OPERATIONS  # noqa: E402

PUBLIC: tuple[ModuleType, ...] = (library, env, flask, urls, testing)
"""The modules that a project may import; what `__all__` of each names is public."""

PAGE = DOCS / "reference.md"
STUB = LIBRARY / "alembic_lossless" / "stubs" / "alembic" / "op.pyi"

HEAD = """\
# Reference

What the library has for the code of a project, from its docstrings. The commands have a
page, [Commands](commands.md), and what a draft asks and refuses, [Rules](rules.md).

## What is public

What is on this page: what these modules have in `__all__`, and the operations. So are
the commands with their options, exit statuses and JSON, the settings, and the names of
rules. Every other module and name is private, with an underscore or without one, and
may be another in any version.

Versions are semantic. What is public is taken away, or means something else, in a major
version alone; for at least one minor version before, its use warns with
`DeprecationWarning` and names what takes its place. Additions are a minor version: new
arguments have defaults, and JSON only grows. An operation of a revision is never taken
away, since a revision runs for years. Messages are for people, and may change.
"""
OPERATIONS_HEAD = """\
## Operations of a revision

What a draft writes beside Alembic's own operations; a revision that is written by hand
may call them too. A revision runs for years, so no argument is ever taken away, and a
former name stays callable. Each is `op.` in a revision, after `from alembic import op`,
as soon as `alembic_lossless.env` is imported by env.py.

Their types are in the folder `alembic_lossless/stubs`, which is mypy's `mypy_path` or
pyright's `stubPath`. With the distribution installed, both find them by themselves.
"""
STUB_HEAD = '''\
"""The types of `alembic.op`: Alembic's own operations, and those of the library.

`docs/reference.py` makes this file from the declarations of the operations.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations
from sqlalchemy.types import TypeEngine

_op: Operations

'''
WORDS = {
    "rows": "Rows",
    "databases": "Databases",
    "return": "Returns",
    "raises": "Raises",
}
NONE = ast.Constant(None)
WIDTH = 88


class Doc(NamedTuple):
    """A docstring in parts."""

    text: str
    parameters: dict[str, str]
    others: dict[str, str]
    """What follows a field such as `:rows:` or `:raises CommandError:`."""


def doc_of(item: Any) -> Doc:
    """Return the docstring of a function or a class in parts."""
    field_begins = re.compile(r"^:(?=[\w ]+:)", re.MULTILINE)
    text, *fields = field_begins.split(inspect.getdoc(item) or "")
    parameters, others = dict[str, str](), dict[str, str]()
    for field in fields:
        name, _, said = field.partition(":")
        kind, _, subject = name.partition(" ")
        where, key = (parameters, subject) if kind == "param" else (others, name)
        where[key] = " ".join(said.split())
    return Doc(text.strip(), parameters, others)


def page() -> str:
    """Return the reference."""
    parts = [HEAD]
    for module in PUBLIC:
        where = module.__name__.removeprefix("alembic_lossless").removeprefix(".")
        parts += [f"## {where or module.__name__}\n", f"{doc_of(module).text}\n"]
        for name, item in members(module).items():
            parts += (_class if inspect.isclass(item) else _function)(name, item)
        if others := [f"`{it}`" for it in module.__all__ if it not in members(module)]:
            parts += [f"It has also {', '.join(sorted(others))}.\n"]
    parts += [OPERATIONS_HEAD]
    for name, declared in sorted(OPERATIONS.items()):
        parts += _function(f"op.{name}", declared.function)
        if declared.formerly:
            parts += [f"Formerly `op.{'`, `op.'.join(declared.formerly)}`.\n"]
    return "\n".join(parts).rstrip() + "\n"


def members(module: ModuleType) -> dict[str, Any]:
    """Return the functions and classes of a module that are public, by name."""
    found = {name: getattr(module, name) for name in module.__all__}
    return {
        name: item
        for name, item in found.items()
        if inspect.isfunction(item) or inspect.isclass(item)
    }


def stub() -> str:
    """Return the types of `alembic.op`."""
    own = {name for it in OPERATIONS.values() for name in (it.name, *it.formerly)}
    typed = ast.parse(Path(alembic.__file__).with_name("op.pyi").read_text())
    names = {it.name for it in typed.body if isinstance(it, ast.FunctionDef)} - own
    lines = [STUB_HEAD, *(f"{name} = _op.{name}\n" for name in sorted(names)), "\n"]
    for name, declared in sorted(OPERATIONS.items()):
        node = _source(declared.function)
        words = "".join(f"    {it},\n" for it in _parameters(node.args))
        returned = ast.unparse(node.returns) if node.returns else "None"
        doc = indent(f'"""{inspect.getdoc(declared.function)}', "    ").rstrip()
        end = '\n    """' if "\n" in doc else '"""'
        lines += [f"def {name}(\n{words}) -> {returned}:\n{doc}{end}\n\n"]
        lines += [f"{former} = {name}\n" for former in declared.formerly]
        lines += ["\n"] if declared.formerly else []
    every = "".join(lines).splitlines()
    return "\n".join(line.rstrip() for line in every).rstrip() + "\n"


def _class(name: str, item: type) -> Iterator[str]:
    yield f"### `{name}`\n"
    if fields := [*fields_of(item)]:
        yield _code(name, fields, "")
    yield from _said(doc_of(item))
    for method, function in methods_of(item).items():
        if isinstance(function, property):
            yield f"#### `{name}.{method}`\n"
            yield from _said(doc_of(function))
        else:
            yield from _function(f"{name}.{method}", function, level=4)


def methods_of(item: type) -> dict[str, Any]:
    """Return the public methods and properties of a class of the library."""
    ours = (it for it in item.__mro__[::-1] if it.__module__.startswith("alembic_loss"))
    return {
        name: method
        for parent in ours
        for name, method in vars(parent).items()
        if not name.startswith("_")
        and (inspect.isfunction(method) or isinstance(method, property))
        and name not in inspect.get_annotations(parent)
    }


def fields_of(item: type) -> Iterator[str]:
    """Yield the fields of a dataclass as parameters."""
    (node,) = ast.parse(dedent(inspect.getsource(item))).body
    for field in getattr(node, "body", ()):
        if isinstance(field, ast.AnnAssign):
            name = ast.unparse(field.target)
            yield _with_default(name, field.annotation, field.value)


def _function(name: str, function: Callable[..., Any], level: int = 3) -> Iterator[str]:
    node = _source(function)
    yield f"{'#' * level} `{name}`\n"
    yield _code(name, [*_parameters(node.args)], ast.unparse(node.returns or NONE))
    yield from _said(doc_of(function))


def _source(function: Callable[..., Any]) -> ast.FunctionDef:
    (node,) = ast.parse(dedent(inspect.getsource(function))).body
    assert isinstance(node, ast.FunctionDef)  # noqa: S101  for the types
    return node


def _code(name: str, words: list[str], returned: str) -> str:
    """Return a signature as code, on one line where it fits."""
    arrow = f" -> {returned}" if returned not in {"", "None"} else ""
    code = f"{name}({', '.join(words)}){arrow}"
    if len(code) > WIDTH:
        code = "".join([f"{name}(\n", *(f"    {it},\n" for it in words), f"){arrow}"])
    return f"```python\n{code}\n```\n"


def _parameters(given: ast.arguments) -> Iterator[str]:
    """Yield what a call takes, each with its type, as a signature has it."""
    first = len(given.args) - len(given.defaults)
    defaults = [*[None] * first, *given.defaults]
    for it, default in zip(given.args, defaults, strict=True):
        if it.arg not in {"self", "operations"}:
            yield _with_default(it.arg, it.annotation, default)
    if given.kwonlyargs:
        yield "*"
    for it, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        yield _with_default(it.arg, it.annotation, default)
    if given.kwarg:
        yield _with_default(f"**{given.kwarg.arg}", given.kwarg.annotation, None)


def _with_default(
    name: str, annotation: ast.expr | None, default: ast.expr | None
) -> str:
    typed = f"{name}: {ast.unparse(annotation)}" if annotation else name
    if default is None:
        return typed
    is_plain = isinstance(default, ast.Constant | ast.Tuple)
    return f"{typed} = {ast.unparse(default) if is_plain else '...'}"


def _said(doc: Doc) -> Iterator[str]:
    yield f"{doc.text}\n"
    if doc.parameters:
        lines = (f"- `{name}`: {said}" for name, said in doc.parameters.items())
        yield "\n".join(lines) + "\n"
    for name, said in doc.others.items():
        kind, _, subject = name.partition(" ")
        yield f"{WORDS[kind]}{f' `{subject}`' if subject else ''}: {said}\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    STUB.write_text(stub(), encoding="utf-8")
