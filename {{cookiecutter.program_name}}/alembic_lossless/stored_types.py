"""What a type stores, in the words of SQLAlchemy alone and of each database.

A revision must run for years: it names no class of an app, which may be gone by then.
"""

import copy
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.dialects.mysql.mariadb import MariaDBDialect
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

from .internals import variants, with_variants

Type = TypeEngine[Any]

DIALECTS: dict[str, Dialect] = {
    "sqlite": sqlite.dialect(),
    "postgresql": postgresql.dialect(),  # type: ignore[no-untyped-call]
    "mysql": mysql.dialect(),
    "mariadb": MariaDBDialect(),
}
"""The databases that a revision may be for, whichever one it is drafted on."""

PUBLIC = (sa, mysql, postgresql, sqlite)
"""The modules whose types a revision can name."""

PARTS = ("item_type", "text_type", "astext_type", "data_type")
"""Where a type holds another one: that of an array, of the values of a mapping."""


class SQLType(UserDefinedType[Any]):
    """A type that only a database's own words name, such as LTREE.

    :param sql: these words.
    """

    cache_ok = True

    def __init__(self, sql: str) -> None:
        """Take the words."""
        self.sql = sql

    def get_col_spec(self, **_: Any) -> str:
        """Return the words, for any database."""
        return self.sql


def ddl(type_: Type, dialect: str | Dialect) -> str | None:
    """Return a type as a database says it, or None where it cannot.

    :param type_: any type, one of an app's own too.
    :param dialect: the database, or the name of one of `DIALECTS`.
    """
    database = DIALECTS[dialect] if isinstance(dialect, str) else dialect
    try:
        return type_.compile(dialect=database)
    except Exception:  # noqa: BLE001  a type of an app's own may raise anything
        return None


def on(type_: Type, dialect: str) -> Type:
    """Return what a type is on one kind of database: a variant, or the type itself."""
    return variants(type_).get(dialect, type_)


def parts(type_: Type) -> Iterator[Type]:
    """Give a type, its variants, and the types of what they hold."""
    for one in (type_, *variants(type_).values()):
        yield one
        for name in PARTS:
            held = getattr(one, name, None)
            if isinstance(held, TypeEngine):
                yield from parts(held)


def enums_in(type_: Type | None) -> Iterator[sa.Enum]:
    """Give the Enums that are types of their own on PostgreSQL, those in arrays too."""
    if type_ is None:
        return
    for one in parts(on(stored(type_), "postgresql")):
        if isinstance(one, sa.Enum) and one.native_enum and one.name:
            yield from () if isinstance(one, mysql.ENUM) else (one,)


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
    held = {name: getattr(type_, name, None) for name in PARTS}
    given = {name: it for name, it in held.items() if isinstance(it, TypeEngine)}
    new = {name: stored(it) for name, it in given.items()}
    if all(new[name] is it for name, it in given.items()):
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
        for dialect in DIALECTS.values():
            with suppress(Exception):  # it may know only some of them
                implementations.append(type_.load_dialect_impl(dialect))
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
        if any(vars(module).get(known.__name__) is known for module in PUBLIC):
            if known is type(type_):
                return type_
            with suppress(Exception):  # not each class takes the arguments of the other
                return type_.adapt(known)
    return type_
