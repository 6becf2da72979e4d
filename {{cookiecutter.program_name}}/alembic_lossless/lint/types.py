"""What it costs a server to give a column another type."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

from ..types.conversion import is_native
from .rules import Growth, Server

Type = TypeEngine[Any]


ONE_BYTE = 255
"""The longest text, in bytes, whose length MariaDB stores in one byte."""


BYTES = 4
"""What a character takes in utf8mb4, at most."""


def growth(old: Type | None, new: Type, server: Server, using: str = "") -> Growth:
    """Return how long a change of type takes as the table grows.

    PostgreSQL looks at no row where each value of the old type is one of the new, to
    the byte; everything else it writes again. What is not known is taken for the worse.

    Source: PostgreSQL, "ALTER TABLE", notes; MariaDB, "InnoDB Online DDL Operations".

    :param old: the type that the column has, if that is known.
    :param using: the expression that converts the values, if one is given.
    """
    if old is None:
        return Growth.UNKNOWN
    if server.dialect == "postgresql":
        dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
        instant = not using and _is_same_to_the_byte(old, new, dialect)
    else:
        instant = _is_instant_on_mariadb(old, new)
    return Growth.INSTANT if instant else Growth.REWRITE


def _is_same_to_the_byte(old: Type, new: Type, dialect: Dialect) -> bool:
    before, after = _stored(old, dialect), _stored(new, dialect)
    if before == after:
        return True
    was, will = old.dialect_impl(dialect), new.dialect_impl(dialect)
    varying = ("VARCHAR", "TEXT")
    if before.startswith(varying) and after.startswith(varying):
        lengths = getattr(was, "length", None), getattr(will, "length", None)
        return lengths[1] is None or (lengths[0] or lengths[1] + 1) <= lengths[1]
    if isinstance(was, sa.Numeric) and before.startswith("NUMERIC"):
        return after.startswith("NUMERIC") and _is_wider(was, will)
    return False


def _is_wider(old: Any, new: Any) -> bool:
    if new.precision is None:
        return True
    if old.precision is None:
        return False
    return (old.scale or 0) == (new.scale or 0) and bool(old.precision <= new.precision)


def _is_instant_on_mariadb(old: Type, new: Type) -> bool:
    dialect = mysql.dialect()
    if _stored(old, dialect) == _stored(new, dialect):
        return True
    if is_native(old) and is_native(new):
        return list(new.enums[: len(old.enums)]) == list(old.enums)
    if {_word(old, dialect), _word(new, dialect)} == {"VARCHAR"}:
        before, after = (int(getattr(one, "length", 0) or 0) for one in (old, new))
        crosses = BYTES * before <= ONE_BYTE < BYTES * after
        return before <= after and not crosses
    return False


def _stored(type_: Type, dialect: Dialect) -> str:
    return str(type_.compile(dialect=dialect))


def _word(type_: Type, dialect: Dialect) -> str:
    return _stored(type_, dialect).partition("(")[0]
