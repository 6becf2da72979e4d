"""What a column of SQLite says of itself, and says again in a table made anew."""

import copy
import re
from typing import Any

import sqlalchemy as sa

from ..dialects import SQLType, ddl
from .table_sql import Item, bare, renamed

Type = sa.types.TypeEngine[Any]


class Columns:
    """The types, defaults, collations and expressions of columns, word for word."""

    def __init__(
        self, raw: Any, batch: Any, names: dict[str, str | None], items: list[Item]
    ) -> None:
        """Look at the columns of the old table.

        :param raw: the driver's connection.
        :param batch: Alembic's ApplyBatchImpl: the old table, the new, how they differ.
        :param names: the new name of each column by the old one; None if it goes.
        :param items: what stands in the CREATE TABLE of the old one.
        """
        self._raw = raw
        self._batch = batch
        self._names = names
        self._items = {item.column: item for item in items if item.column}
        self._before = self._declared()
        self._collations = {
            name: None if self._drops_collation(name) else item.collation
            for name, item in self._items.items()
        }

    def complete(self) -> None:
        """Let the columns of the new table say what SQLAlchemy did not see."""
        for name, (words, _) in self._before.items():
            new = self._batch.new_table.c.get(name)
            if new is not None:
                item = self._items[name]
                self._keep_type(new, words, self._collations[name])
                self._keep_expressions(new, item.computed)

    def lost(self, items: list[Item]) -> list[str]:
        """Return what the columns said before and do not say now.

        :param items: what stands in the CREATE TABLE of the new table.
        """
        after, lost = self._declared(), []
        collations = {item.column: item.collation for item in items}
        for old, (_, default) in self._before.items():
            new, collation = self._names[old], self._collations[old]
            if new is None:
                continue
            left_alone = _default(self._batch.columns[old]) == _default(
                self._batch.table.c[old]
            )
            if left_alone and default != after[new][1]:
                lost.append(f"DEFAULT {default} of {old}")
            if collation and self._is_collated(old) and not collations[new]:
                lost.append(f"COLLATE {collation} of {old}")
        return lost

    def _drops_collation(self, name: str) -> bool:
        """Tell whether a type was given anew that differs by its collation alone."""
        old, new = self._batch.table.c[name], self._batch.columns.get(name)
        if new is None or new.type is old.type:
            return False
        return ddl(new.type, "sqlite") == ddl(old.type, "sqlite")

    def _is_collated(self, name: str) -> bool:
        new = self._batch.new_table.c[name]
        return isinstance(new.type, sa.String | SQLType) or self._keeps_type(new)

    def _keeps_type(self, new: sa.Column[Any]) -> bool:
        return repr(self._batch.table.c[new.key].type) == repr(new.type)

    def _keep_type(
        self, new: sa.Column[Any], words: str, collation: str | None
    ) -> None:
        """Leave a type in its words, and its collation with what is text."""
        if isinstance(new.type, sa.String):
            new.type = text = copy.copy(new.type)
            text.collation = text.collation or collation
        elif self._keeps_type(new):
            said = ddl(new.type, "sqlite") or ""
            if collation:
                words += f' COLLATE "{collation}"'
            if not words or bare(words).upper() != bare(said).upper():
                # INT is no INTEGER: as a primary key that is the number of the row.
                new.type = SQLType(words)

    def _keep_expressions(self, new: sa.Column[Any], computed: str | None) -> None:
        if isinstance(new.server_default, sa.DefaultClause):
            default = new.server_default.arg
            if isinstance(default, sa.TextClause):
                new.server_default = sa.DefaultClause(literal(default.text))
        old = self._batch.table.c[new.key]
        if new.computed is not None and computed and _formula(old) == _formula(new):
            new.computed.sqltext = literal(renamed(computed, self._names) or computed)

    def _declared(self) -> dict[str, tuple[str, str | None]]:
        """Return the type and the default of each column, in the table's own words."""
        quoted = self._batch.table.name.replace('"', '""')
        rows = self._raw.execute(f'PRAGMA table_xinfo("{quoted}")').fetchall()
        return {name: (type_, bare(default)) for _, name, type_, _, default, *_ in rows}


def literal(sql: str) -> sa.TextClause:
    """Return a text without parameters: in SQLAlchemy's, a colon begins one."""
    return sa.text(re.sub(r"(?<!\\):", r"\:", sql))


def _default(column: sa.Column[Any]) -> str:
    """Return what a column says of its default."""
    return str(getattr(column.server_default, "arg", None))


def _formula(column: sa.Column[Any]) -> str:
    """Return what a column says it is computed from."""
    return str(getattr(column.computed, "sqltext", None))
