"""Reflect columns whose type SQLAlchemy does not know by the database's own words.

Otherwise PostgreSQL's LTREE has no type at all, so that no change of it is noticed, and
SQLite's CLOB is a NUMERIC, which the next rebuild of its table would make of it.

The constraints of a table of SQLite are read from its CREATE TABLE: SQLAlchemy reads
names there by patterns that know letters, and a rebuilt table would lose others. On
MariaDB and MySQL these patterns are given plain words in the place of names and texts.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import sqlalchemy as sa
from alembic.ddl.impl import DefaultImpl
from alembic.util import CommandError
from sqlalchemy import Connection, Inspector
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.reflection import cache
from sqlalchemy.sql.elements import conv
from sqlalchemy.types import NullType

from .. import sql
from .._alembic import is_made_by_type, parse_by, reflecting_dialect
from ..sql import Kind, significant
from .portable import MYSQL, SQLType

QUERIES = {
    "sqlite": "SELECT name, type FROM pragma_table_xinfo(:table, :schema)",
    "postgresql": "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
    " JOIN pg_class ON pg_class.oid = attrelid WHERE relname = :table"
    " AND relnamespace = to_regnamespace("
    "quote_ident(coalesce(:schema, current_schema())))",
    "mysql": "SELECT column_name, column_type FROM information_schema.columns"
    " WHERE table_name = :table AND table_schema = coalesce(:schema, database())",
}

QUERIES["mariadb"] = QUERIES["mysql"]
"""What asks a database for the types of a table in its own words."""

OTHERS = """
SELECT lower(format_type(oid, NULL)) FROM pg_type
WHERE typtype IN ('b', 'r', 'm') OR typrelid IN (
    SELECT oid FROM pg_class WHERE relkind = 'c'
)
"""
"""The types of PostgreSQL that are no Enum and no domain, which a dialect looks up."""


class Unknown(NullType):
    """A type that SQLAlchemy does not know, until the database's own words say it."""

    def __init__(self, *_words: Any, **_options: Any) -> None:
        """Take what stands in parentheses behind the name, which means nothing here."""


class _AllTypes(dict[str, Any]):
    """The types by their names in MariaDB, with one for each that is unknown."""

    def __missing__(self, name: str) -> type[Unknown]:
        return Unknown


def inspector_of(connection: Connection) -> Inspector:
    """Return an inspector that knows every type, and warns of nothing handled here.

    SQLAlchemy warns of an unknown type, and of SQLite's indexes of expressions, which
    the revisions declare. To silence it is no way: a filter of warnings is all threads'
    of the process. So its dialect, a copy, has nothing to warn of.
    """
    found = sa.inspect(connection)
    dialect: Any = found.dialect
    types = getattr(dialect, "ischema_names", {})
    if dialect.name == "postgresql":
        names = connection.exec_driver_sql(OTHERS).scalars()
        types = dict.fromkeys(names, Unknown) | types
    elif dialect.name != "sqlite":
        types = _AllTypes(types)
    found.dialect = reflecting_dialect(dialect, types)
    if dialect.name == "sqlite":
        found.dialect = with_constraints(found.dialect)
    elif dialect.name in MYSQL:
        parse_by(found.dialect, partial(_parsed, dialect=dialect))
    return found


def _parsed(parse: Callable[[str], Any], create: str, *, dialect: Dialect) -> Any:
    """Read a CREATE TABLE of MariaDB's or MySQL's, whatever names and texts it has.

    SQLAlchemy's patterns take the quotes in them for the end.
    """
    plain = sql.PlainWords(create, dialect)
    state = parse(plain.text)
    vars(state).update(_told_again(vars(state), plain))
    return state


def _told_again(found: Any, plain: sql.PlainWords) -> Any:
    """Return a part of what was read with the names and texts that there are."""
    match found:
        case str():
            return plain.again(found)
        case dict():
            return {key: _told_again(it, plain) for key, it in found.items()}
        case list() | tuple():
            return type(found)(_told_again(it, plain) for it in found)
        case sa.types.TypeEngine():
            return _type_told_again(found, plain)
    return found


def _type_told_again(found: Any, plain: sql.PlainWords) -> Any:
    """Return a type with the values that there are; those of an ENUM or a SET."""
    is_set = hasattr(found, "retrieve_as_bitwise")
    if not (is_set or isinstance(found, sa.Enum)):
        return found
    values = [plain.again(it) for it in (found.values if is_set else found.enums)]
    words = {"charset": found.charset, "collation": found.collation}
    if is_set and "" in values:
        words["retrieve_as_bitwise"] = True
    return type(found)(*values, **words)


class CompleteReflection(DefaultImpl):
    """Reflect each column with a type, where Alembic compares or rebuilds its table."""

    def name_as_there(self, constraint: sa.Constraint) -> str | None:
        """Give the CHECK of a type that is to be dropped the name that it has here.

        The naming convention may be younger than the CHECK.

        :return: what it says, where it has no name.
        """
        connection, table = self.connection, constraint.table
        if connection is None or self.as_sql or not is_made_by_type(constraint):
            return None
        inspector = inspector_of(connection)
        found = inspector.get_check_constraints(table.name, schema=table.schema)
        preparer: Any = connection.dialect.identifier_preparer
        name = constraint.name and preparer.format_constraint(constraint)
        if any(it["name"] and preparer.quote(it["name"]) == name for it in found):
            return None
        columns = inspector.get_columns(table.name, schema=table.schema)
        names = [it["name"] for it in columns] if found else []
        for it in found:
            if is_check_of_type(connection, it["sqltext"], names, constraint):
                constraint.name = conv(it["name"]) if it["name"] else constraint.name
                return None if it["name"] else it["sqltext"]
        return None

    def autogen_column_reflect(
        self, inspector: Inspector, table: sa.Table, column_info: Any
    ) -> None:
        """Complete what Alembic is about to take for a column."""
        completed: Any = super().autogen_column_reflect
        said = column_info.get("default") or ""
        counts = said.startswith("nextval(")
        for it in significant(said, inspector.dialect) if counts else ():
            if it.kind is Kind.STRING:  # Alembic asks by what stands between the quotes
                column_info["default"] = said.replace(it.text[1:-1], it.value)
        completed(inspector, table, column_info)
        if counts and "default" in column_info:
            column_info["default"] = said
        in_own_words(inspector, table, column_info)


def is_check_of_type(
    connection: Connection, said: str, names: Iterable[str], made: Any
) -> bool:
    """Tell whether a CHECK of a database is the one that a type makes.

    A database says it in its own words, so it is asked which values both allow.

    :param said: the condition in the database.
    :param names: those of the columns of its table.
    :param made: the CHECK of an Enum or a Boolean, of a column of a table.
    """
    dialect, (column,) = connection.dialect, made.columns
    own = sql.compiled(made.sqltext, dialect, literal_binds=True, include_table=False)
    kinds = {Kind.NUMBER if isinstance(column.type, sa.Boolean) else Kind.STRING}
    values, others = (
        {it.value: it.text for it in significant(text, dialect) if it.kind in kinds}
        for text in (own, said)
    )
    if not values or values.keys() != others.keys():
        return False
    if sql.columns_in(said, names, dialect) != [column.name]:
        return False
    another = "2" if Kind.NUMBER in kinds else sql.literal("".join(values), dialect)
    rows = " UNION ALL SELECT ".join([*values.values(), another, "NULL"][1:])
    name = sql.quoted(column.name, dialect)
    first = next(iter(values.values()))
    query = (
        f"SELECT {own}, {said} FROM (SELECT {first} AS {name}"  # noqa: S608
        f" UNION ALL SELECT {rows}) AS own"
    )
    return all(one == two for one, two in connection.execute(sql.text(query)))


def in_own_words(inspector: Inspector, table: sa.Table, column: dict[str, Any]) -> None:
    """Give a column that is reflected the type that the database says, if need be.

    :param column: what the inspector says of the column.
    """
    dialect = inspector.dialect
    item = column["type"]
    item = item.item_type if isinstance(item, sa.ARRAY) else item
    unknown = isinstance(item, NullType)
    if dialect.name not in QUERIES or not (unknown or dialect.name == "sqlite"):
        return
    said = _words(inspector, (table.schema, table.name)).get(column["name"], "")
    name = said.partition("(")[0].strip().upper()
    if name and (unknown or name not in dialect.ischema_names):  # type: ignore[attr-defined]
        column["type"] = SQLType(said)


def _words(inspector: Inspector, key: tuple[str | None, str]) -> dict[str, str]:
    """Return the types of a table in the database's words, asked for once."""
    schema, table = key
    found: dict[str, str] | None = inspector.info_cache.get(("own words", key))
    if found is None:
        query = sa.text(QUERIES[inspector.dialect.name])
        query = query.bindparams(table=table, schema=schema)
        bind = inspector.bind
        with bind.connect() if isinstance(bind, sa.Engine) else nullcontext(bind) as it:
            found = {name: type_ for name, type_ in it.execute(query)}  # noqa: C416  rows
        inspector.info_cache["own words", key] = found
    return found


Found = list[dict[str, Any]]
Schema = str | None


def with_constraints(dialect: Dialect) -> Dialect:
    """Return a dialect of SQLite that reads the constraints of any name.

    :param dialect: the one to copy.
    """
    copied: Any = copy.copy(dialect)
    read = _Constraints(dialect)
    copied.get_columns = read.columns
    copied.get_check_constraints = read.checks
    copied.get_unique_constraints = read.uniques
    copied.get_foreign_keys = read.foreign_keys
    copied.get_pk_constraint = read.primary_key
    return copied  # type: ignore[no-any-return]


class _Constraints:
    """What a dialect returns of the constraints of one table."""

    def __init__(self, dialect: Any) -> None:
        self._dialect = dialect

    def columns(
        self, connection: Connection, table: str, schema: Schema = None, **given: Any
    ) -> Found:
        """Return the columns, with what is to happen where they are NULL."""
        found: Found = self._dialect.get_columns(connection, table, schema, **given)
        items = self._items(connection, table, schema, **given)
        said = {it.column: it for it in items if it.column is not None}
        for column in found:
            if (item := said.get(column["name"])) is not None:
                options = _on_conflict(item, "NOT NULL", "sqlite_on_conflict_not_null")
                column.setdefault("dialect_options", {}).update(options)
        return found

    def checks(
        self, connection: Connection, table: str, schema: Schema = None, **given: Any
    ) -> Found:
        items = self._items(connection, table, schema, **given)
        return [
            {"name": name, "sqltext": condition, **_on_conflict(item, "CHECK")}
            for item in items
            for name, condition in item.checks
        ]

    def uniques(
        self, connection: Connection, table: str, schema: Schema = None, **given: Any
    ) -> Found:
        """Return the UNIQUEs, of a table and of a column."""
        return [
            {
                "name": item.constraint,
                "column_names": self._columns(item),
                "dialect_options": _on_conflict(item, "UNIQUE"),
            }
            for item in self._items(connection, table, schema, **given)
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
        items = self._items(connection, table, schema, **given)
        item = next((it for it in items if "PRIMARY" in it.words), None)
        if item is None:
            return {**found, "name": None}
        return {
            **found,
            "name": None if item.column else item.constraint,
            "dialect_options": _on_conflict(item, "PRIMARY KEY"),
        }

    def foreign_keys(
        self, connection: Connection, table: str, schema: Schema = None, **given: Any
    ) -> Found:
        """Return the foreign keys, with the names and options that SQLite omits."""
        items = self._items(connection, table, schema, **given)
        said = [it for it in items if "REFERENCES" in it.words]
        found = []
        for key in self._keys(connection, table, schema):
            columns = key["constrained_columns"]
            item = next((it for it in said if self._columns(it) == columns), None)
            if item is not None:
                said.remove(item)
                key["name"] = item.constraint
                key["options"] |= dict(_options(item))
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

    @cache
    def _items(
        self, connection: Connection, table: str, schema: Schema, **_: Any
    ) -> Sequence[sql.Item]:
        """Return what a table consists of, read once for an inspector's questions."""
        master = sql.quoted_table("sqlite_master", schema, self._dialect)
        where = "WHERE type = 'table' AND lower(name) = lower(:name)"
        query = sa.text(f"SELECT sql FROM {sql.escaped(master)} {where}")  # noqa: S608
        text = connection.scalar(query, {"name": table})
        return sql.items(text, self._dialect) if text else ()

    def _columns(self, item: sql.Item) -> list[str]:
        """Return the columns of a constraint of a table, or the column that has it."""
        if item.column is not None:
            return [item.column]
        return sql.names_in_list(item.groups[0], self._dialect)


def _on_conflict(
    item: sql.Item, clause: str, name: str = "sqlite_on_conflict"
) -> dict[str, str]:
    """Return the option that says what a clause does with a row that breaks it."""
    said = item.on_conflict(clause)
    return {} if said is None else {name: said}


def _options(item: sql.Item) -> Iterator[tuple[str, Any]]:
    if item.count("NOT DEFERRABLE"):
        yield "deferrable", False
    elif item.count("DEFERRABLE"):
        yield "deferrable", True
    for when in ("DEFERRED", "IMMEDIATE"):
        if item.count(f"INITIALLY {when}"):
            yield "initially", when
    for which in ("FULL", "PARTIAL", "SIMPLE"):
        if item.count(f"MATCH {which}"):
            yield "match", which
