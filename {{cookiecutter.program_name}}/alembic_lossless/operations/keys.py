"""What PostgreSQL keeps beside a key: its sequence, and the names of both.

The other databases have neither, and nothing happens there.
"""

from alembic.operations import Operations

from .. import sql
from ..types.portable import dialect_named
from .base import LONGEST, LosslessOp, dialect_of, operation

RESIZE = """\
DECLARE found text := pg_get_serial_sequence({table}, {column});
BEGIN
    IF found IS NOT NULL THEN
        EXECUTE 'ALTER SEQUENCE ' || found || ' AS {type}';
    END IF;
END """


RENAME = """\
DECLARE found name := (
    SELECT conname FROM pg_constraint
    WHERE conrelid = to_regclass({table}) AND contype = 'p' AND conname <> {name});
BEGIN
    IF found IS NOT NULL THEN
        EXECUTE format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', {table}, found,
            {name});
    END IF;
END """


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

    Source: `makeObjectName` of PostgreSQL, which shortens the longer part.

    :param table: the name of the table.
    :param column: the name of the column.
    """
    parts = [table.encode(), column.encode()]
    while sum(map(len, parts)) + len("__seq") > LONGEST:
        longer = 0 if len(parts[0]) > len(parts[1]) else 1
        parts[longer] = parts[longer][:-1]
    return "_".join([*(it.decode(errors="ignore") for it in parts), "seq"])


def primary_key_of(table: str) -> str:
    """Return the name that PostgreSQL gives the primary key of a table by itself.

    :param table: the name of the table.
    """
    return f"{table}_pkey"


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


@operation()
def rename_primary_key(
    operations: Operations,
    table_name: str,
    name: str,
    *,
    schema: str | None = None,
) -> None:
    """Give the primary key of a table another name, whatever it has.

    PostgreSQL names the index of a primary key once for all tables of a schema:
    after a rename, a later table with the old name could not be made.

    :param table_name: the table, by the name it has now.
    :param name: the new name of its primary key.
    :param schema: the schema of the table.
    :rows: stay as they are.
    :databases: PostgreSQL alone has such names; elsewhere nothing happens.
    """
    if dialect_of(operations) == "postgresql":
        words = {"table": table_literal(schema, table_name), "name": literal(name)}
        do_block(operations, RENAME, words)


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
