"""What a database keeps beside a table's columns: names, and the sequence of a key."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

from alembic.operations import Operations
from sqlalchemy.sql.elements import conv

from .. import sql
from ..ddl.sqlite import Rebuild
from ..types.portable import dialect_named, kind_of
from ..types.reflection import inspector_of
from .base import LosslessOp, Names, dialect_of, operation

RESIZE = """\
DECLARE found text := pg_get_serial_sequence({table}, {column});
BEGIN
    IF found IS NOT NULL THEN
        EXECUTE 'ALTER SEQUENCE ' || found || ' AS {type}';
    END IF;
END """

RENAME = """\
BEGIN
    IF EXISTS (SELECT FROM pg_constraint
        WHERE conrelid = to_regclass({table}) AND conname = {old})
    THEN
        EXECUTE format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', {table}, {old},
            {new});
    END IF;
END """

RENAME_IN_MYSQL = """\
SELECT coalesce(
    (SELECT concat({check}, {condition}, ')') FROM information_schema.check_constraints
    WHERE constraint_schema = {schema} AND constraint_name = {old}{of_table}),
    (SELECT DISTINCT {index} FROM information_schema.statistics
    WHERE table_schema = {schema} AND table_name = {table} AND index_name = {old}))"""
"""What gives a CHECK, or the index of a UNIQUE, another name, if it is there.

A CHECK has no way to be renamed: it is made again, by one statement.
"""

RENAME_SEQUENCE = """\
DECLARE
    found regclass := pg_get_serial_sequence({table}, {column});
    place regnamespace := (SELECT relnamespace FROM pg_class WHERE oid = found);
BEGIN
    IF (SELECT relname FROM pg_class WHERE oid = found) = {old} AND NOT EXISTS (
        SELECT FROM pg_class WHERE relname = {new} AND relnamespace = place)
    THEN
        EXECUTE format('ALTER SEQUENCE %s RENAME TO %I', found, {new});
    END IF;
END """


def sequence_of(table: str, column: str) -> str:
    """Return the name that PostgreSQL gives the sequence of a column by itself.

    :param table: the name of the table.
    :param column: the name of the column.
    """
    return sql.object_name(table, column, ending="seq")


def primary_key_of(table: str) -> str:
    """Return the name that PostgreSQL gives the primary key of a table by itself.

    :param table: the name of the table.
    """
    return sql.object_name(table, ending="pkey")


@operation()
def resize_sequence(
    operations: Operations,
    table_name: str,
    column_name: str,
    bits: int,
    *,
    schema: str | None = None,
) -> None:
    """Let the sequence of a key count as far as the type of its column reaches.

    `ALTER COLUMN … TYPE BIGINT` leaves the sequence of a serial column where it
    was: it ends at 2147483647.

    :param table_name: the table.
    :param column_name: the column that counts up.
    :param bits: the size of its type: 16, 32 or 64.
    :param schema: the schema of the table.
    :rows: stay as they are.
    :databases: PostgreSQL alone has such sequences; elsewhere nothing happens.
    """
    type_ = {16: "smallint", 32: "integer", 64: "bigint"}[bits]
    if dialect_of(operations) == "postgresql":
        table, column = table_literal(schema, table_name), literal(column_name)
        words = {"table": table, "column": column, "type": type_}
        do_block(operations, RESIZE, words)


@operation()
def rename_sequence(  # noqa: PLR0913  its old and new name
    operations: Operations,
    table_name: str,
    column_name: str,
    old_name: str,
    new_name: str,
    *,
    schema: str | None = None,
) -> None:
    """Give the sequence of a column another name, if it has the one that it had.

    PostgreSQL calls it after table and column when it makes them, and not again
    when they are renamed. A sequence that somebody else named keeps its name.

    :param table_name: the table, by the name it has now.
    :param column_name: the column, by the name it has now.
    :param old_name: the name that the sequence had.
    :param new_name: the name that it gets, unless something else has it.
    :param schema: the schema of the table.
    :rows: stay as they are.
    :databases: PostgreSQL alone has such sequences; elsewhere nothing happens.
    """
    if dialect_of(operations) == "postgresql":
        column, old, new = map(literal, (column_name, old_name, new_name))
        at = table_literal(schema, table_name)
        words = {"table": at, "column": column, "old": old, "new": new}
        do_block(operations, RENAME_SEQUENCE, words)


@rename_sequence.declares("reverse")
def _(op: LosslessOp) -> LosslessOp:
    names = op.table_name, op.column_name, op.new_name, op.old_name
    return rename_sequence(*names, schema=op.schema)


Name = TypeVar("Name", bound=Hashable)


def in_turn(names: Mapping[Name, Name]) -> dict[Name, Name]:
    """Return renames in an order in which each name is free when it is given.

    :param names: the new name of each thing by the old one.
    :raises ValueError: where things get the names of each other.
    """
    waiting, found = dict(names), dict[Name, Name]()
    while waiting:
        free = next((old for old, new in waiting.items() if new not in waiting), None)
        if free is None:
            raise ValueError(", ".join(map(str, waiting)))
        found[free] = waiting.pop(free)
    return found


@operation()
def rename_constraints(
    operations: Operations,
    table_name: str,
    names: Mapping[str, str],
    *,
    schema: str | None = None,
) -> None:
    """Give constraints of a table other names, those that are there.

    Where nobody names a constraint, PostgreSQL does, after table and columns, and not
    again when these are renamed: a later table with the old name could not be made.

    :param table_name: the table, by the name it has now.
    :param names: the new name of each constraint by the old one.
    :param schema: the schema of the table.
    :rows: stay as they are.
    :databases: on SQLite the table is made anew, if it has one of the names. MariaDB
        has no name of a primary key, and checks the rows of a CHECK again.
    """
    table = Names(operations, table_name, schema)
    if table.is_mysql:
        for old, new in names.items():
            table.execute_found(RENAME_IN_MYSQL.format(**_mysql_words(table, old, new)))
    elif table.dialect == "postgresql":
        at = {"table": table_literal(schema, table_name)}
        for old, new in names.items():
            do_block(
                operations, RENAME, at | {"old": _as_made(old), "new": _as_made(new)}
            )
    elif not table.offline and names.keys() & _constraint_names(table):
        with operations.batch_alter_table(table_name, schema=schema, recreate="always"):
            if isinstance(operations.impl, Rebuild):
                operations.impl.rename_constraints(names)


@rename_constraints.declares("reverse")
def _(op: LosslessOp) -> LosslessOp:
    back = {new: old for old, new in reversed([*op.names.items()])}
    return rename_constraints(op.table_name, back, schema=op.schema)


def _mysql_words(table: Names, old: str, new: str) -> dict[str, str]:
    """Return the words of the statement that renames, as literals of SQL."""
    alter, said = f"ALTER TABLE {table.table}", table.literal
    before, after = table.quoted(old), table.quoted(new)
    check = f"{alter} DROP CONSTRAINT {before}, ADD CONSTRAINT {after} CHECK ("
    dialect = table.operations.get_context().dialect
    name, is_mariadb = said(table.name), kind_of(dialect) == "mariadb"
    quote, escaped = said("'"), said("\\'")
    condition = f"replace(check_clause, {escaped}, {quote})"
    return {
        "check": said(check),
        "condition": "check_clause" if is_mariadb else condition,
        "index": said(f"{alter} RENAME INDEX {before} TO {after}"),
        "schema": said(table.schema) if table.schema else "database()",
        "table": name,
        "old": said(old),
        # MySQL has a name once for all tables.
        "of_table": f" AND table_name = {name}" if is_mariadb else "",
    }


def _constraint_names(table: Names) -> set[str]:
    """Return the names that the constraints of a table of SQLite have."""
    inspector, key = inspector_of(table.bind()), (table.name, table.schema)
    found = [
        inspector.get_pk_constraint(*key),
        *inspector.get_unique_constraints(*key),
        *inspector.get_check_constraints(*key),
        *inspector.get_foreign_keys(*key),
    ]
    return {str(it["name"]) for it in found}


def _as_made(name: str) -> str:
    """Return a name as PostgreSQL has it, which is shorter if it is long."""
    dialect = dialect_named("postgresql")
    made = dialect.identifier_preparer.truncate_and_render_constraint_name(conv(name))
    return literal(sql.rendered(made, dialect))


def do_block(operations: Operations, block: str, words: dict[str, str]) -> None:
    """Execute a block of PL/pgSQL.

    :param operations: what a revision has as `op`.
    :param block: its code.
    :param words: what stands in the place of each name in braces.
    """
    code = sql.body(f"\n{block.format(**words)}", "key")
    operations.execute(sql.text(f"DO {code}"))


def table_literal(schema: str | None, name: str) -> str:
    """Return a table's name in quotes, as a text of SQL.

    :param schema: its schema, if it has one.
    :param name: its name.
    """
    return literal(sql.quoted_table(name, schema, dialect_named("postgresql")))


def literal(value: str) -> str:
    """Return a text as PostgreSQL writes it.

    :param value: the text.
    """
    return sql.literal(value, dialect_named("postgresql"))
