"""What a type stores, in the words of SQLAlchemy alone and of each database.

A revision must run for years: it names no class of an app, which may be gone by then.
"""

import copy
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

from .dialects import DIALECTS, SQLType, Type, ddl, dialect_named, dialect_of_class, on
from .internals import variants, with_variants

PARTS = ("item_type", "text_type", "astext_type", "data_type")
"""Where a type holds another one: that of an array, of the values of a mapping."""


def parts(type_: Type) -> Iterator[Type]:
    """Give a type, its variants, and the types of what they hold."""
    for one in (type_, *variants(type_).values()):
        yield one
        for held in _held(one).values():
            yield from parts(held)


def _held(type_: Type) -> dict[str, Type]:
    """Return the types that a type holds, by their place in it."""
    return {
        name: it
        for name in PARTS
        if isinstance(it := getattr(type_, name, None), TypeEngine)
    }


def enums_in(type_: Type | None) -> Iterator[sa.Enum]:
    """Give the Enums that are types of their own on PostgreSQL, those in arrays too."""
    if type_ is None or _is_simple(type_):
        return
    for one in parts(on(stored(type_), "postgresql")):
        if isinstance(one, sa.Enum) and one.native_enum and one.name:
            yield from () if dialect_of_class(type(one)) == "mysql" else (one,)


def _is_simple(type_: Type) -> bool:
    """Tell a type that is one word everywhere, as most are."""
    enum = isinstance(type_, sa.Enum) or is_own(type_)
    return not (enum or variants(type_) or _held(type_))


def holding(type_: Type, old: sa.Enum, new: sa.Enum) -> Type:
    """Return a type that holds another Enum in the place of one."""
    if type_ is old:
        return new
    changed = type_.copy()
    for name in PARTS:
        if isinstance(held := getattr(type_, name, None), TypeEngine):
            setattr(changed, name, holding(held, old, new))
    given = {name: holding(one, old, new) for name, one in variants(type_).items()}
    return with_variants(changed, given)


def stored(type_: Type) -> Type:
    """Return what a type stores: a type that SQLAlchemy itself has.

    Where databases store different things, it has variants; what SQLAlchemy has no type
    for is a `SQLType`.
    """
    if variants(type_):
        bare = stored(with_variants(type_, {}))
        given = {name: stored(one) for name, one in variants(type_).items()}
        return _varied(with_variants(bare, {}), {**variants(bare), **given})
    if is_own(type_):
        return _chosen(type_)
    return _with_stored_parts(type_)


def _varied(base: Type, given: dict[str, Type]) -> Type:
    """Return a type with variants that it keeps in the copies of its column.

    An Enum loses them: SQLAlchemy copies it anew. As a variant it stays what it is.
    """
    if not isinstance(base, sa.Enum) or not given:
        return with_variants(base, given)
    others = [one for one in given.values() if not isinstance(one, sa.Enum)]
    every = {name: given.get(name, base) for name in DIALECTS}
    first = others[0] if others else sa.String(base.length)
    return with_variants(first, {n: it for n, it in every.items() if it is not first})


def is_own(type_: Type) -> bool:
    """Tell a type of an app's or a package's own; a pickle is bytes, made in Python."""
    foreign = not type(type_).__module__.startswith("sqlalchemy.")
    return isinstance(type_, sa.PickleType) or (
        foreign and not isinstance(type_, SQLType)
    )


def _with_stored_parts(type_: Type) -> Type:
    held = _held(type_)
    new = {name: stored(it) for name, it in held.items()}
    if new == held:
        return type_
    changed = copy.copy(type_)
    vars(changed).update(new)
    return changed


def _chosen(type_: Type) -> Type:
    """Choose the type that most databases store, and variants for the others."""
    wanted = {name: said for name in DIALECTS if (said := ddl(type_, name))}
    candidates = list(_candidates(type_))
    candidates += [SQLType(said) for said, _ in Counter(wanted.values()).most_common()]

    def agrees(candidate: Type) -> set[str]:
        return {name for name, said in wanted.items() if ddl(candidate, name) == said}

    base = max(candidates, key=lambda it: len(agrees(it)), default=sa.types.NULLTYPE)
    left = {
        name: next(it for it in candidates if name in agrees(it))
        for name in wanted.keys() - agrees(base)
    }
    return _varied(base, dict(sorted(left.items())))


def _candidates(type_: Type) -> Iterator[Type]:
    """Give what a type may store, the likeliest first."""
    if isinstance(type_, TypeDecorator):
        implementations = [type_.impl_instance]
        for name in DIALECTS:
            with suppress(Exception):  # it may know only some of them
                found = type_.load_dialect_impl(dialect_named(name))
                implementations.append(found)
        for found in implementations:
            if found is not type_:
                one = stored(found)
                yield _public(one)
                yield from variants(one).values()
    elif not isinstance(type_, UserDefinedType):
        yield _public(type_)


def _public(type_: Type) -> Type:
    """Return a type by its nearest class that SQLAlchemy exports."""
    for known in type(type_).__mro__:
        if _is_public(known):
            if known is type(type_):
                return type_
            with suppress(Exception):  # not each class takes the arguments of the other
                return type_.adapt(known)
    return type_


def _is_public(class_: type) -> bool:
    """Tell whether a revision can name a class, by SQLAlchemy or by a dialect of it."""
    if not class_.__module__.startswith("sqlalchemy."):
        return False
    dialect = dialect_of_class(class_)
    exported = sys.modules[f"sqlalchemy.dialects.{dialect}"] if dialect else sa
    return vars(exported).get(class_.__name__) is class_
