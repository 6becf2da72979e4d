"""How a type is written in a revision: as an expression of `sa`, a dialect or `op`."""

import copy
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import dialects
from sqlalchemy.sql.elements import conv
from sqlalchemy.types import TypeEngine

from ..dialects import SQLType, dialect_of_class
from ..internals import variants, with_variants
from ..stored_types import PARTS

Type = TypeEngine[Any]


class _Written:
    """Stand in for a type inside another one, and be written as it should be."""

    def __init__(self, code: str) -> None:
        self._code = code

    def __repr__(self) -> str:
        return self._code


def code_of(type_: Type, context: AutogenContext) -> str:
    """Return the expression that makes a type.

    Revisions drafted on one database run on the others, so it does not matter which one
    this is.

    :param type_: a type of SQLAlchemy's own, as `stored` returns them.
    :param context: where imports go.
    """
    code = _bare_code(with_variants(type_, {}), context)
    for name, one in sorted(variants(type_).items()):
        code += f".with_variant({code_of(one, context)}, {name!r})"
    return code


def _bare_code(type_: Type, context: AutogenContext) -> str:
    if isinstance(type_, SQLType):
        return f"{context.opts['alembic_module_prefix']}sql_type({type_.sql!r})"
    name, prefix = _exported(type_, context)
    if isinstance(type_, sa.Enum):
        return f"{prefix}{name}({', '.join(_enum_arguments(type_, context))})"
    shown = copy.copy(type_)
    if isinstance(type_, sa.Boolean) and type_.name:
        vars(shown)["name"] = _Written(_name_code(type_.name, context))
    for part in PARTS:
        held = getattr(type_, part, None)
        if isinstance(held, TypeEngine):
            setattr(shown, part, _Written(code_of(held, context)))
    return f"{prefix}{name}{repr(shown).removeprefix(type(type_).__name__)}"


def _exported(type_: Type, context: AutogenContext) -> tuple[str, str]:
    """Return the public name of a type's class, and what stands before it."""
    dialect = dialect_of_class(type(type_))
    prefix: str = context.opts["sqlalchemy_module_prefix"] or ""
    places: list[tuple[Any, str]] = [(sa, prefix), (sa.types, f"{prefix}types.")]
    if dialect:
        context.imports.add(f"from sqlalchemy.dialects import {dialect}")
        places = [(getattr(dialects, dialect), f"{dialect}.")]
    for module, before in places:
        if found := _names_of(module, type(type_)):
            return found[0], before
    return type(type_).__name__, places[-1][1]


def _names_of(module: Any, class_: type) -> list[str]:
    """Return the names that a module has for a class, its own name first."""
    found = [name for name, value in vars(module).items() if value is class_]
    return sorted(found, key=lambda name: (name != class_.__name__, name))


def _name_code(name: object, context: AutogenContext) -> str:
    """Return the name of a type and of its CHECK; a convention leaves `op.f` alone."""
    code = repr(str(name))
    prefix = context.opts["alembic_module_prefix"]
    return f"{prefix}f({code})" if isinstance(name, conv) else code


def _enum_arguments(enum: sa.Enum, context: AutogenContext) -> Iterator[str]:
    yield from map(repr, enum.enums)
    if enum.name:
        yield f"name={_name_code(enum.name, context)}"
    if enum.schema:
        yield f"schema={str(enum.schema)!r}"
    if enum.native_enum and dialect_of_class(type(enum)) != "mysql":
        # Its type is made and dropped by steps of their own: two tables may share it.
        yield "create_type=False"
    elif not enum.native_enum:
        yield f"native_enum=False, length={enum.length}"
    if enum.create_constraint:
        yield "create_constraint=True"
