"""Give the rows of a table in use a value, a few at a time."""

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import NullType

from ..runtime.online import analyze, batches, is_busy
from ..types.reflection import inspector_of
from ..types.values import in_statement
from .base import Names, operation

FIRST = 1000
"""Rows of the first batch; later ones are as large as their time allows."""

SECONDS = 0.025
"""How long a batch may hold its rows."""

MOST = 50_000
"""Rows of the largest batch."""


Row = tuple[Any, ...]
"""The values of a key."""

Update = Callable[..., sa.Update]
"""Returns what gives all rows their value, by an index of MariaDB or MySQL."""


@operation(formerly=("fill_in_batches",))
def backfill(  # noqa: PLR0913  what a revision has to say
    operations: Operations,
    table_name: str,
    column_name: str,
    value: Any,
    *,
    schema: str | None = None,
    later: bool = False,
) -> None:
    """Give a value to the rows that have none, in batches that are each committed.

    Outside an `autocommit_block()` they all are committed with the revision. A run
    that was ended goes on with the rows that are left. With `later` the revision only
    declares it: `flask db backfill` gives the values, when it is convenient, and no
    later revision that changes the column runs before that is done.

    :param table_name: the table.
    :param column_name: the column that gets the value where it is NULL.
    :param value: a value, which is written in the database's own words (a number keeps
        each digit), or an expression such as `sa.column("name")`.
    :param schema: the schema of the table.
    :param later: leave it to `flask db backfill`.
    :rows: get the value where the column is NULL; no other value is changed.
    :databases: the same on each.
    """
    if later:
        return
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


def lacking(column_name: str, value: Any) -> sa.ColumnElement[bool]:
    """Return what is true of the rows that a backfill is still to give its value.

    Where the value itself is NULL, there is nothing to give.

    :param column_name: the column that gets the value.
    :param value: the value, or an expression.
    """
    column: Any = sa.column(column_name)
    given = isinstance(value, sa.ClauseElement)
    there: Any = in_statement(value)
    return sa.and_(column.is_(None), there.is_not(None)) if given else column.is_(None)


def fill(names: Names, column: str, value: Any, where: sa.ColumnElement[bool]) -> int:
    """Give a value to the rows of a table in batches, if each statement is committed.

    :return: how many rows got it; 0 where that is not known.

    :param names: the table.
    :param column: the column that gets the value.
    :param value: the value, or an expression.
    :param where: the rows that are still to get it.
    """

    def update(index: str = "") -> sa.Update:
        source = _walked(names, index, column) if index else names.clause(column)
        return sa.update(source).where(where).values({column: in_statement(value)})

    if names.journal is None or not names.is_alone:
        names.operations.execute(update())
        return 0
    what = f"fill {names.name}.{column} with {value}"
    act = partial(_in_batches, names, column, update)
    return names.journal.run(what, act, alone=True) or 0


def _walked(names: Names, index: str, column: str) -> sa.TableClause:
    """Return a table of MariaDB or MySQL of which a statement reads this index alone.

    By another one it would come to rows of other batches, and wait for who holds them.
    """
    # As a statement with parameters has names: a percent sign is doubled.
    prepare = names.operations.get_context().dialect.identifier_preparer
    table, index = prepare.format_table(names.clause()), prepare.quote(index)
    forced = f"{table} FORCE INDEX ({index})"
    return sa.table(sa.quoted_name(forced, quote=False), sa.column(column))


def _in_batches(names: Names, column: str, update: Update) -> int:
    """Give the rows their value, and let PostgreSQL count what there is by then."""
    with batches(names.bind()):
        total = _batches(names, update)
    if names.dialect == "postgresql":
        analyze(names.bind(), names.name, names.schema, column)
    return total


def _batches(names: Names, update: Update) -> int:
    """Give the rows their value in batches; what somebody holds comes at the end."""
    total = 0
    bind, journal = names.bind(), names.journal
    if journal is None:
        raise AssertionError
    index, key = _walked_by(names)
    columns, every = [*map(_column, key)], update(index)
    if not columns and names.is_mysql:
        some = every.with_dialect_options(mysql_limit=FIRST, mariadb_limit=FIRST)
        while changed := journal.patiently(partial(_run, bind, some)):
            total += changed
        return total
    while True:
        changed, held = _walk(names, columns, every)
        for rows in held:
            changed += journal.patiently(partial(_run, bind, rows))
        total += changed
        # A row without a key moves when others write to it, perhaps to where we were.
        if columns or not changed:
            return total


INDEXES = """
SELECT index_name FROM information_schema.statistics
WHERE table_schema = coalesce(:schema, database()) AND table_name = :name
GROUP BY index_name
HAVING max(nullable = 'YES') = 0 AND max(sub_part IS NOT NULL) = 0
    AND max(index_type <> 'BTREE') = 0
ORDER BY min(non_unique), max(cardinality) DESC
"""
"""The indexes of MariaDB or MySQL that have each row, the best ones first."""


def _walked_by(names: Names) -> tuple[str, list[str]]:
    """Return the index and the columns by which a table is walked, if there are any.

    They are its key or, where MariaDB has none, an index: rows that share its value are
    in one batch, and may not be many.
    """
    inspector, at = inspector_of(names.bind()), (names.name, names.schema)
    key = inspector.get_pk_constraint(*at)["constrained_columns"]
    if key or not names.is_mysql:
        return "PRIMARY" if names.is_mysql else "", key
    given = {"schema": names.schema, "name": names.name}
    found = names.bind().scalars(sa.text(INDEXES), given).all()
    every = {it["name"]: it["column_names"] for it in inspector.get_indexes(*at)}
    for name in (it for it in found if it in every):
        parts = [_column(str(it)) for it in every[name]]
        same = sa.select(sa.func.count()).select_from(names.clause()).group_by(*parts)
        many = same.having(sa.func.count() > MOST // 10).limit(1)
        if names.bind().scalar(many) is None:
            return name, [it.name for it in parts]
    return "", []


def _column(name: str) -> sa.ColumnClause[Any]:
    return sa.column(name)


def _walk(
    names: Names, key: list[sa.ColumnClause[Any]], update: sa.Update
) -> tuple[int, list[sa.Update]]:
    """Walk once through a table; return how many rows changed, and what others held."""
    changed, held = 0, list[sa.Update]()
    walk: _Walk | _Pages = _Walk(names, key) if key else _Pages(names)
    while (part := walk.next_part()) is not None:
        begin, rows = time.monotonic(), update.where(part)
        try:
            changed += _run(names.bind(), rows)
        except DBAPIError as error:
            if not is_busy(error):
                raise
            held.append(rows)
        walk.went(time.monotonic() - begin)
    return changed, held


def _run(bind: sa.Connection, update: sa.Update) -> int:
    return bind.execute(update).rowcount


class _Parts:
    """How far a walk through a table goes in one step."""

    def __init__(self, names: Names, first: int, most: int) -> None:
        """Begin with a table.

        :param first: the rows, or pages, of the first step.
        """
        self._names = names
        self._size, self._least, self._most = first, max(1, first // 10), most
        self._number = 0

    def went(self, seconds: float) -> None:
        """Make the next step as large as its time allows."""
        self._number += self._size
        faster = seconds < SECONDS / 2
        size = self._size * 2 if faster else self._size
        size = size // 2 if seconds > SECONDS else size
        self._size = min(self._most, max(self._least, size))
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{self._names.name}: about {self._number} looked at ")


class _Walk(_Parts):
    """A walk through a table by its whole primary key."""

    def __init__(self, names: Names, key: list[sa.ColumnClause[Any]]) -> None:
        """Begin before the first row."""
        super().__init__(names, FIRST, MOST)
        self._key = key
        self._last: Row | None = None

    def next_part(self) -> sa.ColumnElement[bool] | None:
        """Return which rows come next, or None after the last one."""
        begin = None if self._last is None else self._beyond(self._last)
        rows = sa.select(*self._key).select_from(self._names.clause())
        some = rows if begin is None else rows.where(begin)
        keys = some.order_by(*self._key).limit(self._size).subquery()
        last = sa.select(keys).order_by(*(it.desc() for it in keys.c)).limit(1)
        found = self._names.bind().execute(last).first()
        if found is None:
            return None
        before, self._last = self._last, tuple(found)
        return between(self._key, before, self._last)

    def _beyond(self, key: Row) -> sa.ColumnElement[bool]:
        """Return what is true of the rows behind a key, as an index is walked by it."""
        if self._names.dialect != "postgresql":
            return _behind(self._key, key)
        given = sa.tuple_(*(sa.literal(value, NullType()) for value in key))
        return sa.tuple_(*self._key) > given


def between(
    key: list[sa.ColumnClause[Any]], after: Row | None, last: Row
) -> sa.ColumnElement[bool]:
    """Return what is true of the rows behind one of them, up to another one.

    Each part of it is a range of the index. PostgreSQL begins to read an index where
    a row of values says, but stops where the first column says.

    :param key: the columns of the key, in its order.
    :param after: the values of the row before the first one; None where there is none.
    :param last: those of the last one.
    """
    column, *rest = key
    if not rest:
        until: sa.ColumnElement[bool] = column <= last[0]
        return until if after is None else sa.and_(column > after[0], until)
    end = sa.and_(column == last[0], between(rest, None, last[1:]))
    if after is None:
        return sa.or_(column < last[0], end)
    if after[0] == last[0]:
        return sa.and_(column == last[0], between(rest, after[1:], last[1:]))
    begin = sa.and_(column == after[0], _behind(rest, after[1:]))
    return sa.or_(begin, sa.and_(column > after[0], column < last[0]), end)


def _behind(key: list[sa.ColumnClause[Any]], row: Row) -> sa.ColumnElement[bool]:
    """Return what is true of the rows behind a key, in the order of its index."""
    pairs = [*zip(key, row, strict=True)]
    return sa.or_(
        *(
            sa.and_(*(column == it for column, it in pairs[:n]), column > value)
            for n, (column, value) in enumerate(pairs)
        )
    )


class _Pages(_Parts):
    """A walk through a table of PostgreSQL without a key, by where its rows lie."""

    def __init__(self, names: Names) -> None:
        """Begin with the first page."""
        super().__init__(names, first=10, most=1000)
        size = "max(pg_relation_size(relid)) / current_setting('block_size')::int"
        query = sa.text(f"SELECT {size} FROM pg_partition_tree(:table)")  # noqa: S608
        query = query.bindparams(table=names.table)
        if not names.bind().scalar(query):
            query = sa.text(f"SELECT {size} FROM CAST(:table AS regclass) AS relid")  # noqa: S608
            query = query.bindparams(table=names.table)
        self._pages = int(names.bind().scalar(query) or 0)
        self._next = 0

    def next_part(self) -> sa.ColumnElement[bool] | None:
        """Return which rows come next, or None after the last page."""
        if self._next > self._pages:
            return None
        begin, self._next = self._next, self._next + self._size
        place: sa.ColumnElement[Any] = sa.literal_column("ctid")
        return sa.and_(place >= _start_of(begin), place < _start_of(self._next))


def _start_of(page: int) -> sa.ColumnElement[Any]:
    return sa.literal_column(f"'({page},0)'")
