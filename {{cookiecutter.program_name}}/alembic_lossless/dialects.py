"""The databases that a revision may be for, and types in the words of each.

A database's dialect is imported when it is asked for: a run on SQLite needs no other.
"""

from functools import cache
from typing import Any

from sqlalchemy import URL
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine, UserDefinedType

from .internals import variants

Type = TypeEngine[Any]

DIALECTS = ("sqlite", "postgresql", "mysql", "mariadb")
"""The databases that a revision may be for, whichever one it is drafted on."""

MYSQL = ("mysql", "mariadb")
"""Those that are one server to most of the library."""


@cache
def dialect_named(name: str) -> Dialect:
    """Return a database's dialect, which is connected to nothing.

    :param name: one of `DIALECTS`.
    """
    return URL.create(name).get_dialect()()


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


def on(type_: Type, dialect: str) -> Type:
    """Return what a type is on one kind of database: a variant, or the type itself."""
    return variants(type_).get(dialect, type_)


def dialect_of_class(class_: type) -> str | None:
    """Return the dialect that has a class of types for itself, as `mysql.ENUM`."""
    path = class_.__module__.split(".")
    return path[2] if path[:2] == ["sqlalchemy", "dialects"] else None
