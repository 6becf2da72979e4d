"""What a type stores, in the words of SQLAlchemy alone and of each database.

A revision must run for years: it names no class of an app, which may be gone by then. A
database's dialect is imported when it is asked for: a run on SQLite needs no other.
"""

import copy
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import URL
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

from .._alembic import keeping_bytes, variants, with_plain_text, with_variants

Type = TypeEngine[Any]

DIALECTS = ("sqlite", "postgresql", "mysql", "mariadb")
"""The databases that a revision may be for, whichever one it is drafted on."""

MYSQL = ("mysql", "mariadb")
"""Those that are one server to most of the library."""


SERVER_NAMES = {"postgresql": "PostgreSQL", "mariadb": "MariaDB", "mysql": "MySQL"}
"""What people call the kinds of servers."""


def kind_of(dialect: Dialect) -> str:
    """Return what a database is; a driver of MySQL's may speak to MariaDB."""
    return "mariadb" if getattr(dialect, "is_mariadb", False) else dialect.name


@cache
def dialect_named(name: str) -> Dialect:
    """Return a database's dialect, which is connected to nothing.

    :param name: one of `DIALECTS`.
    """
    return keeping_bytes(with_plain_text(URL.create(name).get_dialect()()))


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
    database = dialect_named(dialect) if isinstance(dialect, str) else dialect
    try:
        return type_.compile(dialect=database)
    except Exception:  # noqa: BLE001  a type of an app's own may raise anything
        return None


def words(type_: Type | None) -> str:
    """Return a type as a person reads it, with its variants.

    SQLAlchemy's words leave these out, and the arguments of an Interval; what a table
    that is created does with the type of an Enum says nothing of its values.
    """
    if type_ is None:
        return "None"
    more = (
        f".with_variant({words(it)}, {name!r})" for name, it in variants(type_).items()
    )
    return bare_words(type_) + "".join(more)


def bare_words(type_: Type) -> str:
    """Return a type as Python makes it, without its variants."""
    if isinstance(type_, sa.Interval):
        names = ("native", "second_precision", "day_precision")
        plain, given = vars(sa.Interval()), vars(type_)
        said = (f"{it}={given[it]!r}" for it in names if given[it] != plain[it])
        return f"{type(type_).__name__}({', '.join(said)})"
    if isinstance(type_, sa.Enum):
        type_ = copy.copy(type_)
        vars(type_).update(create_type=True, metadata=None)
    text = repr(type_)
    has_zone = isinstance(type_, sa.DateTime | sa.Time) and type_.timezone
    if has_zone and "timezone" not in text:  # of the classes of SQLite
        return f"{type(type_).__name__}(timezone=True)"
    return text


def on(type_: Type, dialect: str) -> Type:
    """Return what a type is on one kind of database: a variant, or the type itself."""
    return variants(type_).get(dialect, type_)


def dialect_of_class(class_: type) -> str | None:
    """Return the dialect that has a class of types for itself, as `mysql.ENUM`."""
    path = class_.__module__.split(".")
    return path[2] if path[:2] == ["sqlalchemy", "dialects"] else None


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


def domains_in(type_: Type | None) -> list[Any]:
    """Return the DOMAINs in a type: first those that others are made of."""
    if type_ is None or _is_simple(type_):
        return []
    found = parts(on(stored(type_), "postgresql"))
    return [it for it in found if it.__visit_name__ == "DOMAIN"][::-1]


def base_of(type_: Any) -> Any:
    """Return the type that a DOMAIN is made of, in the end; of others, the type."""
    while type_.__visit_name__ == "DOMAIN":
        type_ = type_.data_type
    return type_


def base_on(type_: Type, dialect: str) -> Type:
    """Return what a type is made of on one kind of database; see `base_of`."""
    return base_of(on(type_, dialect))  # type: ignore[no-any-return]


def _is_simple(type_: Type) -> bool:
    """Tell a type that is one word everywhere, as most are."""
    if _is_plain(type_):
        return not variants(type_)
    enum = isinstance(type_, sa.Enum) or is_own(type_)
    return not (enum or variants(type_) or _held(type_))


def _is_plain(type_: Type) -> bool:
    """Tell a type that holds no other one, as most of SQLAlchemy's own."""
    return _is_plain_class(type(type_))  # type: ignore[arg-type]


@cache
def _is_plain_class(kind: type) -> bool:
    plain = (sa.Integer, sa.Numeric, sa.String, sa.Boolean, sa.DateTime)
    own = kind.__module__.startswith("sqlalchemy.")
    return own and issubclass(kind, plain) and not issubclass(kind, sa.Enum)


def rebuilt(type_: Any, become: Callable[[Any], Any]) -> Any:
    """Return a type of which it, its parts and its variants are what they become."""
    if _is_plain(type_) and not variants(type_):
        found = become(type_)
        return found if found is type_ else copy.copy(found)
    kept = {
        name: it
        for name in (*PARTS, "impl")
        if isinstance(it := vars(type_).get(name), TypeEngine)
    }
    given = {**kept, **variants(type_)}
    changed = {name: rebuilt(it, become) for name, it in given.items()}
    found = become(type_)
    if found is type_ and all(it is given[name] for name, it in changed.items()):
        return type_
    found = copy.copy(found)
    vars(found).update({name: changed[name] for name in kept})
    return with_variants(found, {it: changed[it] for it in variants(type_)})


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
    candidates += (one for named in wanted.items() for one in _by_words(*named))
    candidates += [SQLType(said) for said, _ in Counter(wanted.values()).most_common()]

    def agrees(candidate: Type) -> set[str]:
        return {name for name, said in wanted.items() if ddl(candidate, name) == said}

    base = max(candidates, key=lambda it: len(agrees(it)), default=sa.types.NULLTYPE)
    left = {
        name: next(it for it in candidates if name in agrees(it))
        for name in wanted.keys() - agrees(base)
    }
    return _varied(base, dict(sorted({**variants(base), **left}.items())))


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


def _by_words(dialect: str, said: str) -> Iterator[Type]:
    """Give the type that SQLAlchemy has for the words of an `@compiles` function."""
    known = dialect_named(dialect).ischema_names  # type: ignore[attr-defined]
    named = known.get(said.lower()) or known.get(said)
    with suppress(Exception):  # some want arguments
        if named is not None and ddl(named(), dialect) == said:
            yield _public(named())


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


SHORT_BITS = 24

BYTES = ((255, "TINY"), (65535, ""), (16777215, "MEDIUM"))
"""The longest BLOB or TEXT that each of MariaDB's sizes holds, in bytes."""

CHARACTER = 4
"""The bytes that MariaDB counts for a character of utf8mb4."""


def _float(bits: str) -> str:
    return "FLOAT" if int(bits) <= SHORT_BITS else "DOUBLE"


def _sized(length: str, name: str, character: int = 1) -> str:
    """Return the smallest BLOB or TEXT that holds so much, as MariaDB chooses it."""
    bytes_ = int(length) * character
    prefix = next((size for limit, size in BYTES if bytes_ <= limit), "LONG")
    return f"{prefix}{name}"


Rule = tuple[str, Callable[[re.Match[str]], str]]

MARIADB: Sequence[Rule] = (
    (r"REAL|DOUBLE PRECISION", lambda _: "DOUBLE"),
    (r"REAL(\(.*\))", lambda found: f"DOUBLE{found[1]}"),
    (r"FLOAT\((\d+)\)", lambda found: _float(found[1])),
    (r"BLOB\((\d+)\)", lambda found: _sized(found[1], "BLOB")),
    (r"TEXT\((\d+)\)", lambda found: _sized(found[1], "TEXT", CHARACTER)),
    (r"(?:NATIONAL |N)((?:VAR)?CHAR\(\d+\))", lambda found: f"{found[1]}"),
    (r"BOOL(?:EAN)?", lambda _: "TINYINT(1)"),
    (r"(?:NUMERIC|DEC)(.*)", lambda found: f"DECIMAL{found[1]}"),
)
"""What MariaDB and MySQL make of a type.

Source: "Numeric Data Type Overview", "TEXT", "BLOB" and "National character set" in
MariaDB's documentation.
"""

POSTGRESQL: Sequence[Rule] = (
    (r"FLOAT\((\d+)\)", lambda it: "REAL" if int(it[1]) <= SHORT_BITS else "FLOAT"),
    (r"FLOAT|DOUBLE PRECISION", lambda _: "DOUBLE PRECISION"),
    (r"NCHAR(.*)", lambda found: f"CHAR{found[1]}"),
)

RULES = {"mysql": MARIADB, "mariadb": MARIADB, "postgresql": POSTGRESQL}

NATIONAL = re.compile(r" CHARACTER SET utf8(mb3)?| COLLATE utf8(mb3)?_general_ci")
"""How MariaDB reports what NATIONAL means."""


def is_equivalent(
    dialect: Dialect, asked: TypeEngine[Any], reported: TypeEngine[Any]
) -> bool:
    """Tell whether a database makes of one type the other, which it then reports.

    :param asked: what a model asks for.
    :param reported: what the database says it has.
    """
    wanted, found = ddl(asked, dialect), ddl(reported, dialect)
    if wanted is None or found is None:
        return False
    if re.match("N(ATIONAL |CHAR|VARCHAR)", wanted):
        found = NATIONAL.sub("", found)
    if dialect.name in MYSQL:
        if wanted.endswith(BINARY):
            if " COLLATE " in found and OF_BINARY.search(found) is None:
                return False
            wanted = wanted.removesuffix(BINARY)
        (wanted, asked_for), (found, there) = map(_with_words, (wanted, found))
        # What its table has anyway, a server does not say again.
        if any(there.get(name, it) != it for name, it in asked_for.items()):
            return False
    return wanted == found or _made_of(dialect, wanted) == _made_of(dialect, found)


BINARY, OF_BINARY = " BINARY", re.compile(r" COLLATE \w+_bin\b")
"""What MariaDB is told of a text, and how it says it."""

WORDS = re.compile(r" (CHARACTER SET|COLLATE) (\w+)")
"""What MariaDB says behind a type of text, also where nobody asked for it."""


def _with_words(said: str) -> tuple[str, dict[str, str]]:
    """Return a type without its character set and collation, and these."""
    return WORDS.sub("", said), dict(WORDS.findall(said))


SIGN = re.compile(r"(.*?)( UNSIGNED)?( ZEROFILL)?", re.DOTALL)
"""A type, and what MariaDB says behind a number: ZEROFILL means UNSIGNED, too."""


def _made_of(dialect: Dialect, asked: str) -> str:
    """Return what a database makes of a type, or of arrays of it."""
    item = asked.rstrip("[]")
    bare, unsigned, zeros = SIGN.fullmatch(item).groups("")  # type: ignore[union-attr]
    end = (" UNSIGNED" if unsigned or zeros else "") + zeros + asked[len(item) :]
    for pattern, make in RULES.get(dialect.name, ()):
        if found := re.fullmatch(pattern, bare):
            return make(found) + end
    return bare + end
