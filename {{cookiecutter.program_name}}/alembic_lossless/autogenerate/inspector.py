"""The database as it will be once the renames are done, for a second comparison."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from sqlalchemy import Inspector

from ..runtime.reflection import in_own_words
from ..sqlite.table_sql import renamed
from .operations import Key

COLUMN_LISTS = ("constrained_columns", "column_names", "include_columns")


@dataclass
class Names:
    """What is renamed: tables, and then columns in tables that have their new name."""

    tables: dict[Key, str] = field(default_factory=dict)
    columns: dict[tuple[Key, str], str] = field(default_factory=dict)

    def table(self, schema: str | None, name: str) -> str:
        """Return the new name of a table."""
        return self.tables.get((schema, name), name)

    def old_table(self, schema: str | None, name: str) -> str:
        """Return the name that a table has in the database."""
        found = {(key[0], new): key[1] for key, new in self.tables.items()}
        return found.get((schema, name), name)

    def apply(self, tables: dict[Key, dict[str, Any]]) -> None:
        """Rename in what is known of tables and their columns."""
        for (schema, old), new in self.tables.items():
            if (schema, old) in tables:
                tables[schema, new] = tables.pop((schema, old))
        for (table, old), new in self.columns.items():
            columns = tables.get(table, {})
            if old in columns:
                columns[new] = columns.pop(old)

    def column(self, table: Key, name: str | None) -> str | None:
        """Return the new name of a column; None stands for an expression."""
        return self.columns.get((table, name), name) if name else None


class RenamedInspector:
    """An inspector of a database that says the new names."""

    def __init__(self, inspector: Inspector, names: Names) -> None:
        """Wrap an inspector that has read nothing yet."""
        self._inspector = inspector
        self._names = names

    def __getattr__(self, name: str) -> Any:
        """Translate what the methods that Alembic compares with return.

        It asks for all tables of one schema at once, and for those of others one by
        one: what it keeps of a schema has a name without it.
        """
        found = getattr(self._inspector, name)
        if name.startswith("get_multi_"):
            return self._translated(found)
        multi = f"get_multi_{name.removeprefix('get_')}"
        several = getattr(self._inspector, multi, None)
        return self._of_one(self._translated(several)) if several else found

    def get_table_names(self, schema: str | None = None) -> list[str]:
        """Return the new names of the tables."""
        names = self._inspector.get_table_names(schema)
        return [self._names.table(schema, name) for name in names]

    def _translated(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def get(
            schema: str | None = None, filter_names: list[str] | None = None
        ) -> dict[Key, Any]:
            names = filter_names and [
                self._names.old_table(schema, name) for name in filter_names
            ]
            found = method(schema=schema, filter_names=names)
            if method.__name__ == "get_multi_columns":
                self._complete(found)
            return {
                (key[0], self._names.table(*key)): self._value(key, value)
                for key, value in found.items()
            }

        return get

    def _of_one(self, several: Callable[..., Any]) -> Callable[..., Any]:
        def get(name: str, schema: str | None = None) -> Any:
            return several(schema=schema, filter_names=[name])[schema, name]

        return get

    def _complete(self, found: dict[Key, list[dict[str, Any]]]) -> None:
        """Reflect types by the names that tables have in the database."""
        for key, columns in found.items():
            for column in columns:
                in_own_words(self._inspector, key, column)

    def _value(self, old: Key, value: Any) -> Any:
        if isinstance(value, list):
            return [self._value(old, record) for record in value]
        table = (old[0], self._names.table(*old))
        if "type" in value and "name" in value:
            value["name"] = self._names.column(table, value["name"])
        for names in COLUMN_LISTS:
            if names in value:
                value[names] = [
                    self._names.column(table, name) for name in value[names]
                ]
        if "expressions" in value:
            value["expressions"] = [
                renamed(text, self._columns_of(table)) for text in value["expressions"]
            ]
        if "column_sorting" in value:
            value["column_sorting"] = {
                self._names.column(table, name): how
                for name, how in value["column_sorting"].items()
            }
        return self._referred(value) if "referred_table" in value else value

    def _columns_of(self, table: Key) -> dict[str, str]:
        """Return the new names of the columns of a table that are renamed."""
        names = self._names.columns.items()
        return {old: new for (at, old), new in names if at == table}

    def _referred(self, value: dict[str, Any]) -> dict[str, Any]:
        schema = value["referred_schema"]
        table = self._names.table(schema, value["referred_table"])
        columns = value["referred_columns"]
        return {
            **value,
            "referred_table": table,
            "referred_columns": [
                self._names.column((schema, table), name) for name in columns
            ],
        }
