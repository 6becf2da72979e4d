"""The constraints of a table of SQLite, read from its CREATE TABLE.

SQLAlchemy reads the names there by patterns that know letters, and of other names it
sees no key: a table that is rebuilt would lose them.
"""

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy.engine import Connection, Dialect

from .. import sql

Found = list[dict[str, Any]]
Schema = str | None


def with_constraints(dialect: Dialect) -> Dialect:
    """Return a dialect of SQLite that reads the constraints of any name.

    :param dialect: the one to copy.
    """
    copied: Any = copy.copy(dialect)
    read = _Constraints(dialect)
    copied.get_check_constraints = read.checks
    copied.get_unique_constraints = read.uniques
    copied.get_foreign_keys = read.foreign_keys
    copied.get_pk_constraint = read.primary_key
    return copied  # type: ignore[no-any-return]


class _Constraints:
    """What a dialect returns of the constraints of one table."""

    def __init__(self, dialect: Any) -> None:
        self._dialect = dialect

    def checks(
        self, connection: Connection, table: str, schema: Schema = None, **_: Any
    ) -> Found:
        found = [
            it for item in self._items(connection, table, schema) for it in item.checks
        ]
        return [{"name": name, "sqltext": condition} for name, condition in found]

    def uniques(
        self, connection: Connection, table: str, schema: Schema = None, **_: Any
    ) -> Found:
        """Return the UNIQUEs, of a table and of a column."""
        return [
            {"name": item.constraint, "column_names": self._columns(item)}
            for item in self._items(connection, table, schema)
            if "UNIQUE" in item.words
        ]

    def primary_key(
        self,
        connection: Connection,
        table: str,
        schema: str | None = None,
        **given: Any,
    ) -> dict[str, Any]:
        found = self._dialect.get_pk_constraint(connection, table, schema, **given)
        items = self._items(connection, table, schema)
        names = (
            it.constraint for it in items if "PRIMARY" in it.words and not it.column
        )
        return {**found, "name": next(names, None)}

    def foreign_keys(
        self, connection: Connection, table: str, schema: Schema = None, **_: Any
    ) -> Found:
        """Return the foreign keys, with the names and options that SQLite omits."""
        items = self._items(connection, table, schema)
        said = [it for it in items if "REFERENCES" in it.words]
        found = []
        for key in self._keys(connection, table, schema):
            columns = key["constrained_columns"]
            item = next((it for it in said if self._columns(it) == columns), None)
            if item is not None:
                said.remove(item)
                key["name"] = item.constraint
                key["options"] |= dict(_deferred(item))
            if None in key["referred_columns"]:
                parent = key["referred_table"]
                its = self._key_of(connection, parent, schema)
                if not its:
                    raise CommandError(
                        f"A foreign key of {table} refers to {parent}, which is not"
                        f" there, or has no key: make {parent}, or drop the reference."
                    )
                key["referred_columns"] = its
            found.append(key)
        return found

    def _keys(self, connection: Connection, table: str, schema: Schema) -> Found:
        """Return the foreign keys as SQLite lists them, in the order of the table."""
        keys: dict[int, dict[str, Any]] = {}
        rows = self._pragma(connection, "foreign_key_list", table, schema)
        for number, _, parent, column, referred, update, delete, _ in rows:
            key = keys.setdefault(
                number,
                {
                    "name": None,
                    "constrained_columns": [],
                    "referred_schema": schema,
                    "referred_table": parent,
                    "referred_columns": [],
                    "options": {},
                },
            )
            key["constrained_columns"].append(column)
            key["referred_columns"].append(referred)
            for option, action in (("onupdate", update), ("ondelete", delete)):
                if action != "NO ACTION":
                    key["options"][option] = action
        return [keys[number] for number in sorted(keys, reverse=True)]

    def _key_of(self, connection: Connection, table: str, schema: Schema) -> list[str]:
        """Return the columns of the primary key of a table, in any case of its name."""
        rows = self._pragma(connection, "table_xinfo", table, schema)
        return [row.name for row in sorted(rows, key=lambda it: it.pk) if row.pk]

    def _pragma(
        self, connection: Connection, pragma: str, table: str, schema: Schema
    ) -> Sequence[Any]:
        at = f"{sql.quoted(schema, self._dialect)}." if schema else ""
        name = sql.quoted(table, self._dialect)
        return connection.execute(sql.text(f"PRAGMA {at}{pragma}({name})")).all()

    def _items(
        self, connection: Connection, table: str, schema: Schema
    ) -> list[sql.Item]:
        master = sql.quoted_table("sqlite_master", schema, self._dialect)
        where = "WHERE type = 'table' AND lower(name) = lower(:name)"
        query = sa.text(f"SELECT sql FROM {sql.escaped(master)} {where}")  # noqa: S608
        text = connection.scalar(query, {"name": table})
        return sql.items(text, self._dialect) if text else []

    def _columns(self, item: sql.Item) -> list[str]:
        """Return the columns of a constraint of a table, or the column that has it."""
        if item.column is not None:
            return [item.column]
        return sql.names_in_list(item.groups[0], self._dialect)


def _deferred(item: sql.Item) -> Iterator[tuple[str, Any]]:
    if item.count("NOT DEFERRABLE"):
        yield "deferrable", False
    elif item.count("DEFERRABLE"):
        yield "deferrable", True
    for when in ("DEFERRED", "IMMEDIATE"):
        if item.count(f"INITIALLY {when}"):
            yield "initially", when
