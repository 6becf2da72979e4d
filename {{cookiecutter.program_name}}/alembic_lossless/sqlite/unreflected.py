"""What SQLAlchemy does not see in a table of SQLite, and Alembic would not make."""

import re
from typing import Any

import sqlalchemy as sa

from .columns import Columns, literal
from .table_sql import Item, bare, read, renamed

CLAUSES = (
    *("AUTOINCREMENT", "WITHOUT ROWID", "STRICT", "AS", "PRIMARY KEY DESC"),
    *("ON CONFLICT", "DEFERRABLE", "NOT DEFERRABLE", "INITIALLY DEFERRED"),
)
"""What must be there as often as before; AS is a generated column."""

ORDERED = re.compile(r"\(.*\b(COLLATE|DESC)\b", re.DOTALL)
"""A key by another collation, or downwards, for which SQLAlchemy has no words."""


class Unreflected:
    """Know a table before it is made anew, complete the new one, and compare."""

    def __init__(self, raw: Any, batch: Any) -> None:
        """Look at the table.

        :param raw: the driver's connection.
        :param batch: Alembic's ApplyBatchImpl: the old table, the new, how they differ.
        """
        self._raw = raw
        self._batch = batch
        # A column that goes has no name any more.
        self._names: dict[str, str | None] = {
            name: batch.columns[name].name if name in batch.columns else None
            for name in (column.name for column in batch.table.columns)
        }
        self._items = self._read()
        self._columns = Columns(raw, batch, self._names, self._items)
        self._actions = self._foreign_key_actions()

    def complete(self) -> None:
        """Tell the new table what SQLAlchemy did not see in the old one."""
        new, options = self._batch.new_table, " ".join(self._items[-1].words)
        self._complete_checks()
        told = new.dialect_options["sqlite"]
        told["strict"] |= "STRICT" in options
        told["with_rowid"] &= "WITHOUT ROWID" not in options
        told["autoincrement"] |= any(map(_counts_up, self._items))
        self._columns.complete()
        for key in self._untouched_keys():
            update, delete = self._actions[key]
            for made in new.foreign_key_constraints:
                if tuple(made.column_keys) == key:
                    made.onupdate, made.ondelete = update, delete
        for column in self._batch.table.columns:
            if column.computed is not None:
                # It computes itself: nothing is to be copied.
                self._batch.column_transfers.get(column.name, {}).pop("expr", None)

    def _complete_checks(self) -> None:
        new = self._batch.new_table
        for check in [c for c in new.constraints if isinstance(c, sa.CheckConstraint)]:
            condition = renamed(str(check.sqltext), self._names)
            if condition is None:
                # It goes with its column, as on PostgreSQL.
                new.constraints.remove(check)
            elif check.name in self._left_alone():
                check.sqltext = literal(condition)
        for condition in self._conditions():
            new.append_constraint(sa.CheckConstraint(literal(condition)))

    def lost(self) -> list[str]:
        """Return what the table had before and has not now."""
        after = self._read()
        named = {item.constraint for item in after}
        stay = [
            item
            for item in self._items
            if (item.column is None or self._names.get(item.column))
            and (item.constraint is None or item.constraint in named)
            and item.constraint not in self._replaced()
        ]
        lost = [
            clause for clause in CLAUSES if _count(stay, clause) > _count(after, clause)
        ]
        checks = {bare(check) for item in after for check in item.checks}
        conditions = [it for it in self._conditions() if bare(it) not in checks]
        lost += [f"CHECK ({condition})" for condition in conditions]
        lost += [key for item in stay for key in self._ordered_keys(item)]
        lost += self._columns.lost(after)
        actions = self._foreign_key_actions()
        for key in self._untouched_keys():
            now = tuple(str(self._names[column]) for column in key)
            if actions.get(now) != self._actions[key]:
                lost.append(f"ON DELETE or ON UPDATE of {', '.join(key)}")
        return lost

    def _replaced(self) -> set[str]:
        """Return the names of constraints that the revision drops and makes."""
        now = self._batch.named_constraints
        old = [c for c in self._batch.table.constraints if c.name]
        return {str(c.name) for c in old if now.get(c.name) is not c}

    def _conditions(self) -> list[str]:
        """Return the unnamed CHECKs, unless the revision gives CHECKs itself."""
        if any(isinstance(it, sa.CheckConstraint) for it in self._batch.table_args):
            return []
        checks = [check for item in self._items for check in item.checks]
        conditions = [renamed(check, self._names) for check in checks]
        return [condition for condition in conditions if condition]

    def _left_alone(self) -> set[Any]:
        """Return the names of the constraints that are the old table's."""
        kept = self._batch.named_constraints
        old = {known.name: known for known in self._batch.table.constraints}
        return {name for name in kept if kept[name] is old.get(name)}

    def _ordered_keys(self, item: Item) -> list[str]:
        """Return what a key of columns that stay says of their order."""
        keys = [word for word in item.words if item.is_key and ORDERED.match(word)]
        return [f"the order of the key {it}" for it in keys if renamed(it, self._names)]

    def _untouched_keys(self) -> list[tuple[str, ...]]:
        """Return the columns of the foreign keys that the revision leaves alone."""
        batch = self._batch
        left = [*batch.named_constraints.values(), *batch.unnamed_constraints]
        keys = [
            tuple(key.column_keys)
            for key in batch.table.foreign_key_constraints
            if any(key is constraint for constraint in left)
        ]
        return [
            key
            for key in keys
            if key in self._actions and all(self._names.get(column) for column in key)
        ]

    def _read(self) -> list[Item]:
        text = "SELECT sql FROM sqlite_master WHERE type = 'table' AND lower(name) = ?"
        (sql,) = self._raw.execute(text, (self._batch.table.name.lower(),)).fetchone()
        return read(sql)

    def _foreign_key_actions(self) -> dict[tuple[str, ...], tuple[str | None, ...]]:
        """Return ON UPDATE and ON DELETE of each foreign key, by its columns."""
        columns: dict[int, list[str]] = {}
        actions: dict[int, tuple[str | None, ...]] = {}
        quoted = self._batch.table.name.replace('"', '""')
        for row in self._raw.execute(f'PRAGMA foreign_key_list("{quoted}")').fetchall():
            number, _, _, column, _, *rest = row
            columns.setdefault(number, []).append(column)
            actions[number] = tuple(
                None if action == "NO ACTION" else action for action in rest[:2]
            )
        return {tuple(columns[number]): actions[number] for number in columns}


def _counts_up(item: Item) -> bool:
    return item.count("AUTOINCREMENT") > 0


def _count(items: list[Item], clause: str) -> int:
    return sum(item.count(clause) for item in items)
