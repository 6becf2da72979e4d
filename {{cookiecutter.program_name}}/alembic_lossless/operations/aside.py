"""Nothing is dropped before its time: what a draft drops is set aside until a day.

It is there under another name, which says until when, and stops no writer. A downgrade
brings each value back.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa
from alembic.operations import MigrateOperation, Operations, ops
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from .. import sql
from ..types.portable import enums_in
from ..types.reflection import inspector_of
from .base import LosslessOp, Names, altering, derived, dialect_of, operation
from .base import label as table_label
from .objects import drop_enum

log = logging.getLogger(__name__)

UNTIL, SINCE = "kept_until", "kept_since"
"""How the names begin of what is set aside, and of what says which rows came since."""

SHOWN = 3
"""How many of the rows that came since are shown."""


class Kept(NamedTuple):
    """What a name of something that was set aside says.

    :param name: what it was called; a long name is shortened.
    :param until: the day until which it is kept.
    :param counts: whether it only says which rows came since.
    """

    name: str
    until: date
    counts: bool


def kept_name(name: str, until: str) -> str:
    """Return what a table or a column is called while it is set aside.

    :param name: its name.
    :param until: the day until which it is kept: "2027-01-31".
    """
    return derived(UNTIL, _digits(until), name)


def since_name(name: str, until: str) -> str:
    """Return the column that says which rows came since a column was set aside.

    :param name: the column.
    :param until: the day until which it is kept.
    """
    return derived(SINCE, _digits(until), name)


def kept(name: str | None) -> Kept | None:
    """Return what the name of a table or a column says, if it was set aside.

    :param name: the name that it has in the database.
    """
    for prefix in (UNTIL, SINCE):
        begin, _, rest = (name or "").partition(f"{prefix}_")
        digits, _, known = rest.partition("_")
        if begin or not (digits.isdecimal() and known):
            continue
        with suppress(ValueError):  # it has digits of its own
            return Kept(known, date.fromisoformat(digits), prefix == SINCE)
    return None


def _digits(until: str) -> str:
    """Return a day as names have it."""
    try:
        return f"{date.fromisoformat(until):%Y%m%d}"
    except ValueError as error:
        told = f"until is {until!r}. Write a day, such as '2027-01-31'."
        raise CommandError(told) from error


@operation()
def set_column_aside(  # noqa: PLR0913  MariaDB hears the whole column again
    operations: Operations,
    table_name: str,
    column_name: str,
    *,
    until: str,
    existing_type: TypeEngine[Any],
    existing_server_default: Any = None,
    existing_comment: str | None = None,
    schema: str | None = None,
) -> None:
    """Keep a column with its values under another name, in the place of a drop.

    :param table_name: the table.
    :param column_name: the column, which may be NULL by now.
    :param until: the day until which it is kept, "2027-01-31"; `purge` drops it then.
    :param existing_type: its type.
    :param existing_server_default: its default, if it has one, which new rows no longer
        get.
    :param existing_comment: its comment, if it has one.
    :param schema: the schema of the table.
    :rows: keep their values. Those that come later are marked in a column beside it.
    :databases: the same on each; on SQLite the table is made anew.
    """
    kept, since = kept_name(column_name, until), since_name(column_name, until)
    operations.add_column(table_name, sa.Column(since, sa.Boolean), schema=schema)
    default: Any = existing_server_default
    with operations.batch_alter_table(table_name, schema=schema) as batch:
        # The rows there are have NULL, and later ones the default.
        batch.alter_column(
            since,
            existing_type=sa.Boolean(),
            existing_nullable=True,
            server_default=sa.true(),
        )
        batch.alter_column(
            column_name,
            new_column_name=kept,
            existing_type=existing_type,
            existing_nullable=True,
            existing_comment=existing_comment,
            existing_server_default=False if default is None else default,
            server_default=False if default is None else None,
        )


@operation()
def restore_column(  # noqa: PLR0913  likewise
    operations: Operations,
    table_name: str,
    column_name: str,
    *,
    until: str,
    existing_type: TypeEngine[Any],
    existing_server_default: Any = None,
    existing_comment: str | None = None,
    schema: str | None = None,
) -> None:
    """Give a column that was set aside its name, its default and its values back.

    :param table_name: the table.
    :param column_name: the name that it had.
    :param until: the day until which it is kept.
    :param existing_type: its type.
    :param existing_server_default: the default that it gets again.
    :param existing_comment: its comment, if it has one.
    :param schema: the schema of the table.
    :rows: have the values that they had. Those that came since have none: it is said
        how many, and which.
    :databases: the same on each; on SQLite the table is made anew.
    :raises CommandError: when it was purged.
    """
    kept, since = kept_name(column_name, until), since_name(column_name, until)
    names = Names(operations, table_name, schema)
    subject = f"{table_label(schema, table_name)}.{column_name}"
    if not names.offline:
        found = inspector_of(names.bind()).get_columns(table_name, schema)
        if kept not in {it["name"] for it in found}:
            raise _purged(subject, until)
        _say_since(names, since, subject)
    default: Any = existing_server_default
    with operations.batch_alter_table(table_name, schema=schema) as batch:
        batch.drop_column(since)
        batch.alter_column(
            kept,
            new_column_name=column_name,
            existing_type=existing_type,
            existing_nullable=True,
            existing_comment=existing_comment,
            server_default=False if default is None else default,
        )


def _purged(subject: str, until: str) -> CommandError:
    return CommandError(
        f"{subject} was kept until {until} and has been purged: its values are gone."
        " To go back without them, make it anew in the downgrade (op.add_column,"
        " op.create_table) in the place of op.restore_…."
    )


def _say_since(names: Names, since: str, subject: str) -> None:
    """Say which rows came while a column was set aside."""
    inspector = inspector_of(names.bind())
    key = inspector.get_pk_constraint(names.name, names.schema)["constrained_columns"]
    table = names.clause(*key, since)
    came = table.c[since] == sa.true()
    count = names.bind().scalar(
        sa.select(sa.func.count()).select_from(table).where(came)
    )
    if not count:
        return
    rows = []
    if key:
        columns = [table.c[it] for it in key]
        query = sa.select(*columns).where(came).order_by(*columns).limit(SHOWN)
        rows = [
            ", ".join(f"{name} {value!r}" for name, value in zip(key, row, strict=True))
            for row in names.bind().execute(query)
        ]
    log.warning(
        "%d %s after %s was set aside, and had no value for it%s%s.",
        count,
        "row came" if count == 1 else "rows came",
        subject,
        ": " + "; ".join(rows) if rows else "",
        f" and {count - SHOWN} more" if rows and count > SHOWN else "",
    )


@operation()
def set_table_aside(
    operations: Operations,
    table_name: str,
    *,
    until: str,
    schema: str | None = None,
) -> None:
    """Keep a table with its rows under another name, in the place of a drop.

    :param table_name: the table, which has no foreign key by now.
    :param until: the day until which it is kept, "2027-01-31"; `purge` drops it then.
    :param schema: the schema of the table.
    :rows: stay as they are.
    :databases: on PostgreSQL the key, and what counts it, get other names too: a new
        table may need those.
    """
    operations.rename_table(table_name, kept_name(table_name, until), schema=schema)
    _rename_parts(operations, table_name, until, schema, aside=True)


@operation()
def restore_table(
    operations: Operations,
    table_name: str,
    *,
    until: str,
    schema: str | None = None,
) -> None:
    """Give a table that was set aside its name back, with all its rows.

    :param table_name: the name that it had.
    :param until: the day until which it is kept.
    :param schema: the schema of the table.
    :rows: stay as they are.
    :databases: the same on each.
    :raises CommandError: when it was purged.
    """
    names = Names(operations, kept_name(table_name, until), schema)
    if not names.offline and not sa.inspect(names.bind()).has_table(names.name, schema):
        raise _purged(table_label(schema, table_name), until)
    _rename_parts(operations, table_name, until, schema, aside=False)
    operations.rename_table(names.name, table_name, schema=schema)


def purge(
    operations: Operations, places: Iterable[tuple[str | None, str, str | None]]
) -> None:
    """Drop what was set aside, and the types that nothing else needs.

    :param operations: what runs outside of a revision.
    :param places: the schema, the table and the column; None where it is the table.
    """
    tables = defaultdict[tuple[str | None, str], list[str]](list)
    for schema, table, column in places:
        tables[schema, table] += [column] if column else []
    types = set[tuple[str | None, str]]()
    inspector = inspector_of(operations.get_bind())
    for (schema, table), columns in tables.items():
        there = inspector.get_columns(table, schema)
        found = [it for it in there if not columns or it["name"] in columns]
        enums = [enum for it in found for enum in enums_in(it["type"])]
        types |= {(it.schema, str(it.name)) for it in enums}
        if not columns:
            operations.drop_table(table, schema=schema)
            continue
        with operations.batch_alter_table(table, schema=schema) as batch:
            for it in found:
                batch.drop_column(it["name"])
    for schema, name in types if dialect_of(operations) == "postgresql" else ():
        # Another column may have it.
        with suppress(DBAPIError), operations.get_bind().begin_nested():
            drop_enum.function(operations, name, schema=schema)


PARTS = """\
DECLARE part record;
BEGIN
    FOR part IN
        SELECT oid::regclass AS place, relname::text AS name,
            CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'INDEX' END AS kind
        FROM pg_class WHERE oid IN (
            SELECT indexrelid FROM pg_index WHERE indrelid = to_regclass({table})
            UNION SELECT objid FROM pg_depend
            WHERE classid = 'pg_class'::regclass AND deptype IN ('a', 'i')
            AND refobjid = to_regclass({table}))
        AND relkind IN ('i', 'I', 'S') AND {condition}
    LOOP
        EXECUTE format('ALTER %s %s RENAME TO %I', part.kind, part.place, {name});
    END LOOP;
END """
"""What else of a table has a name to itself on PostgreSQL; a long one keeps it."""


def _rename_parts(
    operations: Operations, table: str, until: str, schema: str | None, *, aside: bool
) -> None:
    kept = Names(operations, kept_name(table, until), schema)
    if kept.dialect != "postgresql":
        return
    prefix = kept.literal(f"{UNTIL}_{_digits(until)}_")
    condition = f"starts_with(relname::text, {prefix})"
    name = f"substr(part.name, length({prefix}) + 1)"
    if aside:
        name = f"{prefix} || part.name"
        condition = f"octet_length({prefix} || relname::text) <= {sql.LONGEST}"
    at = kept.literal(kept.table)
    kept.execute_block(PARTS, table=at, condition=condition, name=name)


set_column_aside.undoes(restore_column)
set_table_aside.undoes(restore_table)


@set_column_aside.declares("as_alembic")
def _(op: LosslessOp) -> MigrateOperation:
    """Return the column that comes, and the change of the other one."""
    kept, since = (it(op.column_name, op.until) for it in (kept_name, since_name))
    mark: sa.Column[Any] = sa.Column(since, sa.Boolean, server_default=sa.true())
    add = ops.AddColumnOp(op.table_name, mark, schema=op.schema)
    rename = altering(
        op,
        op.column_name,
        modify_name=kept,
        modify_nullable=True,
        modify_server_default=None,
    )
    return ops.ModifyTableOps(op.table_name, [add, rename], schema=op.schema)


@restore_column.declares("as_alembic")
def _(op: LosslessOp) -> MigrateOperation:
    """Return the column that is dropped, and the change of the other one."""
    kept, since = (it(op.column_name, op.until) for it in (kept_name, since_name))
    drop = ops.DropColumnOp(op.table_name, since, schema=op.schema)
    rename = altering(
        op,
        kept,
        modify_name=op.column_name,
        modify_server_default=op.existing_server_default,
    )
    return ops.ModifyTableOps(op.table_name, [drop, rename], schema=op.schema)


@set_table_aside.declares("as_alembic")
def _(op: LosslessOp) -> MigrateOperation:
    """Return the rename."""
    kept = kept_name(op.table_name, op.until)
    return ops.RenameTableOp(op.table_name, kept, schema=op.schema)


@restore_table.declares("as_alembic")
def _(op: LosslessOp) -> MigrateOperation:
    """Return the rename."""
    kept = kept_name(op.table_name, op.until)
    return ops.RenameTableOp(kept, op.table_name, schema=op.schema)


@set_column_aside.declares("stops_like")
def _(op: LosslessOp) -> MigrateOperation:
    """Return the drop: the running version misses the column as after one."""
    return ops.DropColumnOp(op.table_name, op.column_name, schema=op.schema)


@set_table_aside.declares("stops_like")
def _(op: LosslessOp) -> MigrateOperation:
    """Return the drop, likewise."""
    return ops.DropTableOp(op.table_name, schema=op.schema)
