"""Compare every value of a copy with what it was, on the server."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.types import NullType, TypeEngine

from ..runtime.applied import is_own
from ..types.reflection import inspector_of
from .copies import Copy, Table, user_tables


@dataclass(frozen=True)
class Difference:
    """Values, or rows, that are not what they were.

    :param table: the table, as messages have it.
    :param column: the column, or None where whole rows are meant.
    :param count: how many values or rows.
    :param example: one value as it was, and as it is now.
    """

    table: str
    column: str | None
    count: int
    example: tuple[Any, Any] | None = None

    @property
    def subject(self) -> str:
        """The column, or the table."""
        return f"{self.table}.{self.column}" if self.column else self.table


@dataclass(frozen=True)
class Compared:
    """What a comparison looked at, and what it found."""

    rows: int
    tables: int
    differences: tuple[Difference, ...]


def compared(
    copy: Copy, connection: Connection, version_table: Mapping[str, Any], *, whole: bool
) -> Compared:
    """Compare the copy that revisions ran on with the one that stayed as it was.

    :param copy: both copies.
    :param connection: a connection to them.
    :param version_table: what the table is called of where the database is.
    :param whole: whether everything has to be there again, as after a downgrade.
        Otherwise what is there under its name and with its type is compared.
    """
    now = set(user_tables(connection))
    found, rows = list[Difference](), 0
    tables = [it for it in copy.tables if not is_own(it, version_table)]
    for table in tables:
        comparison = _Comparison(connection, table, copy.tables[table])
        count = comparison.count()
        rows += count
        if table in now:
            found += comparison.differences(whole=whole)
        elif whole and count:
            found.append(Difference(str(table), None, count))
    return Compared(rows, len(tables), tuple(found))


class _Comparison:
    """One table as it was and as it is."""

    def __init__(self, connection: Connection, table: Table, kept: Table) -> None:
        self._connection, self._table = connection, table
        inspector = inspector_of(connection)
        inspector.clear_cache()
        self._before = self._reflected(kept)
        self._now: sa.TableClause | None = None
        if inspector.has_table(table.name, table.schema):
            self._now = self._reflected(table)
            key = inspector.get_pk_constraint(table.name, table.schema)
            self._key = key["constrained_columns"]

    def _reflected(self, table: Table) -> sa.TableClause:
        """Return a table as a query needs it; types decide how values are compared."""
        found = inspector_of(self._connection).get_columns(table.name, table.schema)
        columns = (sa.column(it["name"], it["type"]) for it in found)
        return sa.table(table.name, *columns, schema=table.schema)

    def count(self) -> int:
        """Count the rows that there were."""
        query = sa.select(sa.func.count()).select_from(self._before)
        return int(self._connection.scalar(query) or 0)

    def differences(self, *, whole: bool) -> Iterator[Difference]:
        """Give what is not as it was: rows first, and then values by column."""
        if self._now is None:
            return
        before, now = self._before.alias("was"), self._now.alias("now")
        missing = [it.name for it in before.columns if it.name not in now.columns]
        shared = [it.name for it in before.columns if it.name in now.columns]
        if not self._key or not set(self._key) <= set(shared):
            yield from self._without_key(shared)
            return
        same = sa.and_(*(before.c[it] == now.c[it] for it in self._key))
        there = before.join(now, same)
        rows = self._scalar(
            sa.select(sa.func.count())
            .select_from(before.outerjoin(now, same))
            .where(now.c[self._key[0]].is_(None))
        )
        if rows:
            yield Difference(str(self._table), None, rows)
        for name in shared:
            old, new = before.c[name], now.c[name]
            if not whole and not self._has_same_type(old.type, new.type):
                continue
            differs = self._differs(old, new)
            yield from self._counted(name, there, old, new, differs)
        if whole:
            for name in missing:
                values = before.c[name].is_not(None)
                yield from self._counted(
                    name, before, before.c[name], sa.null(), values
                )

    def _counted(
        self, name: str, rows: sa.FromClause, old: Any, new: Any, differs: Any
    ) -> Iterator[Difference]:
        count = self._scalar(
            sa.select(sa.func.count()).select_from(rows).where(differs)
        )
        if count:
            query = sa.select(old, new).select_from(rows).where(differs).limit(1)
            example = self._connection.execute(query).first()
            pair = (example[0], example[1]) if example else None
            yield Difference(str(self._table), name, count, pair)

    def _without_key(self, shared: list[str]) -> Iterator[Difference]:
        """Compare rows that nothing tells apart, as a whole."""
        if self._now is None or not shared:
            return
        parts = [
            sa.select(*(self._comparable(it.c[name]) for name in shared))
            for it in (self._before, self._now)
        ]
        gone = sa.except_(*parts).subquery()
        count = self._scalar(sa.select(sa.func.count()).select_from(gone))
        if count:
            yield Difference(str(self._table), None, count)

    def _scalar(self, query: sa.Select[Any]) -> int:
        return int(self._connection.scalar(query) or 0)

    def _has_same_type(self, old: TypeEngine[Any], new: TypeEngine[Any]) -> bool:
        dialect = self._connection.dialect
        if isinstance(old, NullType) or isinstance(new, NullType):
            return type(old) is type(new)
        return old.compile(dialect=dialect) == new.compile(dialect=dialect)

    def _differs(self, old: Any, new: Any) -> sa.ColumnElement[bool]:
        """Return whether two values differ, to the letter, and NULL like a value."""
        differs: sa.ColumnElement[bool] = self._comparable(old).is_distinct_from(
            self._comparable(new)
        )
        if self._connection.dialect.name == "sqlite":
            # 1 and '1' are two values there, and 1 and 1.0 one.
            text = [sa.func.typeof(it) == "text" for it in (old, new)]
            return sa.or_(differs, text[0].is_distinct_from(text[1]))
        return differs

    def _comparable(self, column: Any) -> Any:
        """Return a value as it is compared: not by the rules of a collation."""
        dialect = self._connection.dialect.name
        if dialect == "postgresql":
            # JSON, XML and points have no equality there; the text of each is exact.
            return sa.cast(column, sa.Text)
        if dialect == "sqlite":
            return sa.collate(sa.type_coerce(column, sa.String), "BINARY")
        if isinstance(column.type, sa.String | sa.JSON | sa.Enum):
            return sa.cast(column, sa.LargeBinary)
        return column
