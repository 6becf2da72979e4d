"""Expressions of SQL: as a revision has them, and whether two say the same.

A model writes a condition with its columns, and a revision holds text that was drafted
on some database. They are the same if any database makes that text of the condition.
"""

import copy
import re
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.exc import CompileError

from ..dialects import DIALECTS, dialect_named

WRITTEN = {"literal_binds": True, "include_table": False}
"""How an expression stands in DDL: with its values, and columns without a table."""

PARAMETER = re.compile(r"(?<![:\w\\]):(?=\w)")
"""A colon that text would take for the beginning of a parameter."""

LITERAL = re.compile(r"""('(?:[^']|'')*')|["`]|\s+""")
"""A value in quotes, which is kept, or what means nothing."""

NO_ACTION = "NO ACTION"
"""What a foreign key does to rows that refer to what goes, if nothing is said."""


def sql(expression: sa.ClauseElement, dialect: Dialect) -> str:
    """Return an expression as text for a revision that runs on any database.

    SQLite and MariaDB read `true`, and PostgreSQL no 1 in its place.

    :param dialect: the database on which it is drafted.
    """
    # That of SQLite says 1 in any case.
    shown = DefaultDialect() if dialect.name == "sqlite" else copy.copy(dialect)
    shown.supports_native_boolean = True
    try:
        text = str(expression.compile(dialect=shown, compile_kwargs=WRITTEN))
    except CompileError:  # it has a word that is SQLite's alone
        text = str(expression.compile(dialect=dialect, compile_kwargs=WRITTEN))
    if dialect.paramstyle in {"format", "pyformat"}:
        text = text.replace("%%", "%")
    return text


def text_code(expression: sa.ClauseElement, dialect: Dialect) -> str:
    """Return an expression as the argument of `sa.text`, which has no parameters."""
    return repr(PARAMETER.sub(r"\:", sql(expression, dialect)))


def same(old: Any, new: Any) -> bool:
    """Tell whether two arguments of a column, an index or a constraint say the same."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        names = {str(name) for name in old} | {str(name) for name in new}
        return all(same(old.get(name), new.get(name)) for name in names)
    if _is_list(old) or _is_list(new):
        before, after = _as_list(old), _as_list(new)
        pairs = zip(before, after, strict=False)
        return len(before) == len(after) and all(same(*pair) for pair in pairs)
    if _is_nothing(old) or _is_nothing(new):
        return _is_nothing(old) and _is_nothing(new)
    return not _texts(old).isdisjoint(_texts(new))


def _is_nothing(value: Any) -> bool:
    if isinstance(value, str):
        return value in {"", NO_ACTION}
    return value is None or value is False


def _is_list(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(
        value, str | bytes | sa.ClauseElement
    )


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if _is_list(value) else [value]


def _texts(value: Any) -> set[str]:
    """Return what databases make of an expression, without what means nothing."""
    if isinstance(value, sa.Column):
        return {value.name}
    if isinstance(value, sa.TextClause):
        return {_bare(value.text)}
    if not isinstance(value, sa.ClauseElement):
        return {_bare(str(value))}
    found = set()
    for dialect in map(dialect_named, DIALECTS):
        try:
            found.add(_bare(sql(value, dialect)))
            found.add(
                _bare(str(value.compile(dialect=dialect, compile_kwargs=WRITTEN)))
            )
        except Exception:  # noqa: BLE001, S112  one database need not know it
            continue
    return found or {_bare(str(value))}


def _bare(text: str) -> str:
    """Return text without quotes of names, doubled signs and space between words."""
    plain = LITERAL.sub(lambda it: it[1] or "", text)
    plain = plain.replace("%%", "%").replace(r"\:", ":")
    while plain.startswith("(") and _closes_last(plain):
        plain = plain[1:-1]
    return plain


def _closes_last(text: str) -> bool:
    """Tell whether the first parenthesis is closed by the last character."""
    depth = 0
    for place, sign in enumerate(text, 1):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return place == len(text)
    return False
