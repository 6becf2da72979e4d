"""Give the rows of a table in use a value, a few at a time."""

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations

from ..types.values import in_statement
from .base import Names, operation

FIRST = 1000
"""Rows of the first batch; later ones are as large as their time allows."""


SECONDS = 0.025
"""How long a batch may hold its rows."""


LEAST, MOST = 100, 50_000


@operation(formerly=("fill_in_batches",))
def backfill(
    operations: Operations,
    table_name: str,
    column_name: str,
    value: Any,
    *,
    schema: str | None = None,
) -> None:
    """Give a value to the rows that have none, in batches that are each committed.

    Outside an `autocommit_block()` they all are committed with the revision. A run
    that was ended goes on with the rows that are left.

    :param table_name: the table.
    :param column_name: the column that gets the value where it is NULL.
    :param value: a value, which is written in the database's own words (a number keeps
        each digit), or an expression such as `sa.column("name")`.
    :param schema: the schema of the table.
    :rows: get the value where the column is NULL; no other value is changed.
    :databases: the same on each.
    """
    names = Names(operations, table_name, schema)
    column: Any = sa.column(column_name)
    fill(names, column_name, value, column.is_(None))


def copy_column(names: Names, column_name: str, source: str) -> None:
    """Give a column what another one has in each row where they differ, as `backfill`.

    :param names: the table.
    :param column_name: the column that gets the values, NULL too.
    :param source: the column that has them.
    """
    columns = [exactly(sa.column(name), names) for name in (column_name, source)]
    differ = columns[0].is_distinct_from(columns[1])
    fill(names, column_name, sa.column(source), differ)


def exactly(column: sa.ColumnClause[Any], names: Names) -> sa.ColumnElement[Any]:
    """Return a column as it is compared to the letter, whatever its type is.

    :param column: a column.
    :param names: its table, on the database that the revision runs on.
    """
    if names.dialect == "sqlite":
        return sa.collate(column, "BINARY")
    exact: Any = sa.LargeBinary() if names.is_mysql else sa.Text()
    return sa.cast(column, exact)


def fill(names: Names, column: str, value: Any, where: sa.ColumnElement[bool]) -> None:
    """Give a value to the rows of a table in batches, if each statement is committed.

    :param names: the table.
    :param column: the column that gets the value.
    :param value: the value, or an expression.
    :param where: the rows that are still to get it.
    """
    update = sa.update(names.clause(column)).where(where)
    update = update.values({column: in_statement(value)})
    if names.journal is None or not names.is_alone:
        names.operations.execute(update)
        return
    what = f"fill {names.name}.{column} with {value}"
    names.journal.run(what, partial(_in_batches, names, update), alone=True)


def _in_batches(names: Names, update: sa.Update) -> None:
    """Walk through the table by its primary key, from the first row to the last."""
    bind, journal = names.bind(), names.journal
    key = sa.inspect(bind).get_pk_constraint(names.name, names.schema)
    if journal is None or not key["constrained_columns"]:
        bind.execute(update)
        return
    # The first column of the key is enough: rows that share it are in one batch.
    column: sa.ColumnClause[Any] = sa.column(key["constrained_columns"][0])
    rows = names.clause(column.name)
    walk = _Walk(bind, rows, column)
    while (end := walk.next_end()) is not None:
        part = update.where(column <= end)
        if walk.last is not None:
            part = part.where(column > walk.last)
        begin = time.monotonic()
        journal.patiently(partial(_commit, part, bind, journal.commit))
        walk.went(end, time.monotonic() - begin)


def _commit(update: sa.Update, bind: sa.Connection, commit: Callable[[], None]) -> None:
    bind.execute(update)
    commit()


class _Walk:
    """Where a walk through a table is, and how far its next step goes."""

    def __init__(
        self, bind: sa.Connection, rows: sa.TableClause, column: sa.ColumnClause[Any]
    ) -> None:
        self._bind, self._column = bind, column
        self._rows = rows
        self._size = FIRST
        self._number = 0
        self.last: Any = None

    def next_end(self) -> Any:
        """Return the key that the next batch ends with, or None after the last row."""
        part = sa.select(self._column).select_from(self._rows)
        if self.last is not None:
            part = part.where(self._column > self.last)
        keys = part.order_by(self._column).limit(self._size).subquery()
        return self._bind.scalar(sa.select(sa.func.max(keys.c[0])))

    def went(self, end: Any, seconds: float) -> None:
        """Go on behind a batch, and make the next as large as its time allows."""
        self.last = end
        self._number += self._size
        faster = seconds < SECONDS / 2
        size = self._size * 2 if faster else self._size
        size = size // 2 if seconds > SECONDS else size
        self._size = min(MOST, max(LEAST, size))
        if sys.stderr.isatty():
            name = self._rows.name
            sys.stderr.write(f"\r{name}: about {self._number} rows looked at ")
            sys.stderr.flush()
