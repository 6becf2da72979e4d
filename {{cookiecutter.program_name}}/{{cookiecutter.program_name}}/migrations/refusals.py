"""Refuse a revision that the rows contradict, before it changes anything.

Revisions call these as `steps.refuse_…`: add to this file, change nothing. `--sql` has
no rows to look at, and gets a comment.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from alembic.util import CommandError
from sqlalchemy.types import TypeEngine

from .conversions import survives


def refuse_loss(
    table: str, column: str, new: TypeEngine[Any], *, schema: str | None = None
) -> None:
    """Stop the upgrade when a column holds values that a new type would destroy.

    It reads every row and changes none. On PostgreSQL nobody else can write to the
    table from here on: a row that came now would not have been looked at.

    :param new: the type that the column is about to have.
    :raises CommandError: with a count and an example.
    """
    if _asks_only(f"does {new!r} hold every value of {table}.{column}?"):
        return
    source = sa.table(table, sa.column(column), schema=schema)
    dialect = op.get_context().dialect
    if dialect.name == "postgresql":
        op.execute(f"LOCK TABLE {dialect.identifier_preparer.format_table(source)}")
    rows = _rows(sa.select(source))
    lost = (row for row in rows if not survives(row[0], new, dialect=dialect.name))
    _refuse(lost, f"{table}.{column} holds", f"that {new!r} cannot keep")


def refuse_duplicates(
    table: str, columns: Sequence[str], *, schema: str | None = None
) -> None:
    """Stop the upgrade when rows share what is about to be unique.

    The database compares: to MariaDB, 'a' and 'A' can be the same.

    :param columns: those that are unique together.
    :raises CommandError: with a count and an example.
    """
    subject = _label(table, columns)
    if _asks_only(f"is {subject} different in each row?"):
        return
    source = sa.table(table, *map(sa.column, columns), schema=schema)
    same = sa.select(source).where(*_not_null(source)).group_by(*source.columns)
    shared = _rows(same.having(sa.func.count() > 1))
    _refuse(shared, f"{subject} holds", "more than once")


def refuse_orphans(
    table: str,
    columns: Sequence[str],
    parent: str,
    keys: Sequence[str],
    *,
    schema: str | None = None,
) -> None:
    """Stop the upgrade when rows hold what is about to refer to no row.

    :param columns: those that get a foreign key.
    :param parent: the table that it refers to.
    :param keys: the columns that it refers to, in the order of `columns`.
    :raises CommandError: with a count and an example.
    """
    subject, target = _label(table, columns), _label(parent, keys)
    if _asks_only(f"is each {subject} a {target}?"):
        return
    source = sa.table(table, *map(sa.column, columns), schema=schema)
    found = sa.table(parent, *map(sa.column, keys), schema=schema).alias("parent")
    pairs = zip(source.columns, found.columns, strict=True)
    refers = sa.exists().where(*(child == key for child, key in pairs))
    orphans = sa.select(source).where(*_not_null(source), ~refers)
    _refuse(_rows(orphans), f"{subject} holds", f"that no {target} has")


def refuse_missing(
    table: str,
    column: str | None,
    target: tuple[str, str],
    value: str | int,
    *,
    schema: str | None = None,
) -> None:
    """Stop the upgrade when rows are about to refer to a row that is not there.

    :param table: the table whose rows get the value.
    :param column: where they get it, if it is there; it is NULL in these rows.
    :param target: the table and the column that they will refer to.
    :param value: what they get.
    :raises CommandError: naming what is missing.
    """
    parent, key = target
    if _asks_only(f"is one {parent}.{key} {value!r}, for the rows of {table}?"):
        return
    rows = sa.select(sa.literal(1)).select_from(sa.table(table, schema=schema))
    if column is not None:
        rows = rows.where(sa.column(column).is_(None))
    found = sa.table(parent, sa.column(key), schema=schema)
    bind = op.get_bind()
    there = sa.select(found).where(found.c[key] == op.inline_literal(value))
    if bind.scalar(rows.limit(1)) and bind.execute(there).first() is None:
        raise CommandError(
            f"No {parent}.{key} is {value!r}, to which the rows of {table} are about to"
            " refer. Add it and try again: this revision has changed nothing."
        )


def _asks_only(question: str) -> bool:
    """With `--sql`, leave the question to whoever runs the script."""
    context = op.get_context()
    if context.as_sql:
        context.impl.static_output(f"-- First: {question}")
    return context.as_sql


def _rows(query: sa.Select[Any]) -> Iterable[Sequence[Any]]:
    return op.get_bind().execute(query, execution_options={"stream_results": True})


def _refuse(rows: Iterable[Sequence[Any]], holds: str, why: str) -> None:
    """Stop at rows that should not be, and say how many there are."""
    remaining = iter(rows)
    row = next(remaining, None)
    if row is None:
        return
    count = 1 + sum(1 for _ in remaining)
    values = "1 value" if count == 1 else f"{count} values"
    example = row[0] if len(row) == 1 else tuple(row)
    raise CommandError(
        f"{holds} {values} {why}, for example {example!r}. Correct the rows and try"
        " again: this revision has changed nothing."
    )


def _label(table: str, columns: Sequence[str]) -> str:
    names = ", ".join(columns)
    return f"{table} ({names})" if len(columns) > 1 else f"{table}.{names}"


def _not_null(source: sa.TableClause) -> Iterable[sa.ColumnElement[bool]]:
    return (column.is_not(None) for column in source.columns)
