"""Reflect columns whose type SQLAlchemy does not know by the database's own words.

Otherwise PostgreSQL's LTREE has no type at all, so that no change of it is noticed, and
SQLite's CLOB is a NUMERIC, which the next rebuild of its table would make of it.
"""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Inspector, event
from sqlalchemy.exc import SAWarning

from .portable import SQLType

UNKNOWN = r"Did not recognize type"


CYCLE = r"Cannot correctly sort tables"
"""What SQLAlchemy warns of: such a type, and tables that a draft orders by itself."""


EXPRESSIONS = r"Skipped unsupported reflection of expression-based index"
"""What SQLAlchemy warns of on SQLite; revisions say what such an index is."""


COUNTS = r"autoincrement and existing_autoincrement only make sense for MySQL"
"""What Alembic warns of elsewhere; a revision says it for MariaDB, and runs on all."""


QUERIES = {
    "sqlite": "SELECT name, type FROM pragma_table_xinfo(:table)",
    "postgresql": "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
    " JOIN pg_class ON pg_class.oid = attrelid WHERE relname = :table"
    " AND relnamespace = coalesce(to_regnamespace(:schema),"
    " current_schema()::regnamespace)",
    "mysql": "SELECT column_name, column_type FROM information_schema.columns"
    " WHERE table_name = :table AND table_schema = coalesce(:schema, database())",
}


QUERIES["mariadb"] = QUERIES["mysql"]
"""What asks a database for the types of a table in its own words."""


@contextmanager
def complete_reflection() -> Iterator[None]:
    """Reflect every type for a while, and hide warnings of what is handled here."""

    def complete(inspector: Inspector, table: sa.Table, column: Any) -> None:
        in_own_words(inspector, (table.schema, table.name), column)

    event.listen(sa.Table, "column_reflect", complete)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", UNKNOWN, SAWarning)
            warnings.filterwarnings("ignore", CYCLE, SAWarning)
            warnings.filterwarnings("ignore", EXPRESSIONS, SAWarning)
            warnings.filterwarnings("ignore", COUNTS, UserWarning)
            yield
    finally:
        event.remove(sa.Table, "column_reflect", complete)


def in_own_words(
    inspector: Inspector, key: tuple[str | None, str], column: dict[str, Any]
) -> None:
    """Give a reflected column the type that the database says it has, if need be.

    :param key: the schema and the name of the table in the database.
    :param column: what an inspector says of the column.
    """
    dialect = inspector.dialect
    unknown = isinstance(column["type"], sa.types.NullType)
    if dialect.name not in QUERIES or not (unknown or dialect.name == "sqlite"):
        return
    said = _words(inspector, key).get(column["name"], "")
    name = re.sub(r"\(.*", "", said).strip().upper()
    if name and (unknown or name not in dialect.ischema_names):  # type: ignore[attr-defined]
        column["type"] = SQLType(said)


def _words(inspector: Inspector, key: tuple[str | None, str]) -> dict[str, str]:
    """Return the types of a table in the database's words, asked for once."""
    schema, table = key
    found: dict[str, str] | None = inspector.info_cache.get(("own words", key))
    if found is None:
        query = sa.text(QUERIES[inspector.dialect.name])
        query = query.bindparams(table=table)
        if ":schema" in query.text:
            query = query.bindparams(schema=schema)
        bind = inspector.bind
        with bind.connect() if isinstance(bind, sa.Engine) else nullcontext(bind) as it:
            found = {name: type_ for name, type_ in it.execute(query)}  # noqa: C416  rows
        inspector.info_cache["own words", key] = found
    return found
