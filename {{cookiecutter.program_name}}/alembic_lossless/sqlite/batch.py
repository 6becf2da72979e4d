"""Alembic's table rebuild for SQLite, which loses nothing that nobody dropped."""

import re
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from alembic.ddl.sqlite import SQLiteImpl
from alembic.util import CommandError
from sqlalchemy.sql.elements import quoted_name
from sqlalchemy.types import TypeEngine

from .dependents import Attached
from .transaction import pragma, raw_connection
from .unreflected import Unreflected

Key = type[sa.UniqueConstraint] | type[sa.ForeignKeyConstraint]

UNNAMED: dict[str, Key] = {
    "unique": sa.UniqueConstraint,
    "foreignkey": sa.ForeignKeyConstraint,
}
"""The constraints that a batch can drop without a name."""

KIND = """SELECT CASE WHEN sql LIKE 'CREATE VIRTUAL%' THEN 'virtual' ELSE type END
    FROM sqlite_master WHERE lower(name) = lower(?) AND type IN ('table', 'view')"""
SHADOW = "SELECT type FROM pragma_table_list WHERE lower(name) = lower(?)"

ANEW = 'Let the revision drop it, op.execute("DROP {} {}"), and create it anew.'
REFUSED = {
    "view": ("a view", ANEW),
    "virtual": ("a virtual table", ANEW),
    "shadow": (
        "a part of a virtual table",
        "Alter that one: drop it and create it anew.",
    ),
}
"""What it is, and what to do instead."""


class Rebuild(SQLiteImpl):
    """Alter a table as Alembic does: make a new one, copy the rows, drop the old one.

    With the old one go its triggers and the indexes that SQLAlchemy cannot reflect,
    and the new one has only what it can. So look before, and put it back.
    """

    _attached: Attached | None = None
    _left_out: tuple[list[str], Key] | None = None
    _details: Unreflected
    _batch: Any
    _raw: sqlite3.Connection

    def prep_table_for_batch(self, batch_impl: Any, table: sa.Table) -> None:
        """Look at a table; Alembic calls this before it makes the new one."""
        super().prep_table_for_batch(batch_impl, table)
        if self.connection is None or self.as_sql:
            return
        self._raw = raw = raw_connection(self.connection)
        _refuse_other_kinds(raw, table.name)
        reflected = {str(index.name) for index in table.indexes}
        self._attached = Attached(raw, table.name, reflected)
        self._batch = batch_impl
        self._drop_unnamed()
        self._details = Unreflected(raw, batch_impl)
        self._details.complete()

    def leave_out(self, columns: Sequence[str], kind: str) -> None:
        """Drop a constraint without a name in the batch that is open.

        :param columns: its columns.
        :param kind: `unique` or `foreignkey`.
        """
        self._left_out = list(columns), UNNAMED[kind]

    def _drop_unnamed(self) -> None:
        if self._left_out is None:
            return
        (columns, kind), self._left_out = self._left_out, None
        batch = self._batch
        for constraints in (batch.unnamed_constraints, batch.new_table.constraints):
            for it in [it for it in constraints if isinstance(it, kind)]:
                if not it.name and [column.name for column in it.columns] == columns:
                    constraints.remove(it)

    def rename_table(
        self,
        old_table_name: str,
        new_table_name: str | quoted_name,
        schema: str | quoted_name | None = None,
    ) -> None:
        """Give the new table its name, and what hung on the old one."""
        if self._attached is None or old_table_name != self._batch.temp_table_name:
            super().rename_table(old_table_name, new_table_name, schema)
            return
        # Else SQLite looks for the old table in every view and trigger, and fails.
        with pragma(self._raw, "legacy_alter_table", 1):
            super().rename_table(old_table_name, new_table_name, schema)
        self._attached.restore()
        lost = self._details.lost()
        if lost:
            raise CommandError(
                f"Altering {new_table_name} would have lost {', '.join(lost)}.\n"
                "Write this change with op.execute instead: CREATE TABLE, INSERT"
                " ... SELECT, DROP TABLE, ALTER TABLE ... RENAME."
            )

    def create_index(self, index: sa.Index, **kw: Any) -> None:
        """Make an index of a rebuilt table as it was, with DESC and COLLATE."""
        name, old = str(index.name), self._attached
        if old is None or name not in old.indexes or not self._is_left_alone(index):
            super().create_index(index, **kw)
        elif all(column.key == column.name for column in index.columns):
            old.make_index(name)
        elif re.search(r"\b(COLLATE|DESC)\b", old.indexes[name], re.IGNORECASE):
            raise CommandError(
                f"Renaming a column would change the index {name}. Let the revision"
                f' drop it, op.execute("DROP INDEX {name}"), and create it as it should'
                " be then."
            )
        else:
            super().create_index(index, **kw)

    def _is_left_alone(self, index: sa.Index) -> bool:
        """Say whether Alembic only copies an index to the new table."""
        batch = self._batch
        return index.table is batch.new_table and index.name not in batch.new_indexes


class SQLite(Rebuild):
    """Copy dates as the text they are.

    SQLite has no dates: to it `CAST('2026-03-01' AS DATE)` is the number 2026, which is
    what would be left of every row. Alembic takes this class for SQLite by its dialect.

    Source: section 3.1 of SQLite's "Datatypes", on the affinity of a declared type.
    """

    __dialect__ = "sqlite"

    def correct_for_autogen_constraints(
        self,
        conn_unique_constraints: set[sa.UniqueConstraint],
        conn_indexes: set[sa.Index],
        metadata_unique_constraints: set[sa.UniqueConstraint],
        metadata_indexes: set[sa.Index],
    ) -> None:
        """Take indexes of expressions out, which SQLAlchemy does not reflect here.

        Of `age DESC` it sees the column alone. Revisions say what they are.
        """
        del conn_unique_constraints, metadata_unique_constraints
        found = {
            index
            for index in metadata_indexes
            if not all(isinstance(it, sa.Column) for it in index.expressions)
        }
        names = {index.name for index in found}
        metadata_indexes -= found
        conn_indexes -= {index for index in conn_indexes if index.name in names}

    def cast_for_batch_migrate(
        self,
        existing: sa.Column[Any],
        existing_transfer: dict[str, Any],
        new_type: TypeEngine[Any],
    ) -> None:
        """Choose the expression that fills a rebuilt column."""
        source = existing_transfer["expr"]
        if isinstance(new_type, sa.Date):
            existing_transfer["expr"] = sa.func.date(source)
        elif isinstance(new_type, sa.DateTime) and isinstance(existing.type, sa.Date):
            existing_transfer["expr"] = sa.type_coerce(source, sa.String).concat(
                " 00:00:00.000000"
            )
        elif not isinstance(new_type, sa.DateTime | sa.Time):
            super().cast_for_batch_migrate(existing, existing_transfer, new_type)


def _refuse_other_kinds(raw: sqlite3.Connection, name: str) -> None:
    """Refuse to make anew what is no table: the copy would be one.

    :param raw: the driver's connection.
    :raises CommandError: with what it is, and what to do instead.
    """
    (kind,) = raw.execute(KIND, (name,)).fetchone()
    with suppress(sqlite3.OperationalError):  # SQLite before 3.37 cannot tell
        (kind,) = raw.execute(SHADOW, (name,)).fetchone()
    if kind in REFUSED:
        what, instead = REFUSED[kind]
        word = "VIEW" if kind == "view" else "TABLE"
        raise CommandError(
            f"{name} is {what}, which cannot be altered.\n{instead.format(word, name)}"
        )
