"""Enums, sequences, schemas, DOMAINs and views: what stands beside the tables.

A DOMAIN is a type of PostgreSQL with a CHECK, a default and NOT NULL of its own.
"""

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from alembic.operations import Operations, ops
from alembic.util import CommandError
from sqlalchemy.dialects.postgresql import DOMAIN, CreateDomainType
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateSchema, CreateSequence, DropSequence
from sqlalchemy.types import TypeEngine

from .. import sql
from .._alembic import CREATE_VIEW, maker_of
from ..rules import rule
from ..runtime.causes import PermanentError
from ..types.portable import MYSQL, dialect_named
from .base import LosslessOp, Names, derived, dialect_of, label, operation, table
from .guards import stop_at

REPLACE_ENUM = """\
DECLARE
    old CONSTANT oid := {literal}::regtype;
    elements CONSTANT oid := (SELECT typarray FROM pg_type WHERE oid = old);
    it record;
    command text;
    moves text[] := '{{}}';
    defaults text[] := '{{}}';
    again text[] := '{{}}';
    owners oid[];
    places smallint[];
    formulas boolean[];
BEGIN
    WITH own AS (
        SELECT attrelid, attnum FROM pg_attribute WHERE atttypid IN (old, elements)
    ), concerned AS (
        SELECT attrelid, attnum, false AS is_formula FROM own
        UNION SELECT adrelid, adnum, true
        FROM pg_depend JOIN own ON refobjid = own.attrelid AND refobjsubid = own.attnum
        JOIN pg_attrdef ON classid = 'pg_attrdef'::regclass AND objid = pg_attrdef.oid
        JOIN pg_attribute AS computed
            ON computed.attrelid = adrelid AND computed.attnum = adnum
        WHERE refclassid = 'pg_class'::regclass AND attgenerated <> ''
    )
    SELECT array_agg(attrelid), array_agg(attnum), array_agg(is_formula)
    INTO owners, places, formulas FROM concerned;
    FOR it IN
        SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
                AS gone,
            format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname,
                pg_get_constraintdef(pg_constraint.oid)) AS made
        FROM pg_constraint
        WHERE coninhcount = 0 AND EXISTS (
            SELECT FROM unnest(owners, places, formulas)
                AS concerned (attrelid, attnum, is_formula)
            WHERE attrelid = conrelid AND attnum = ANY (conkey)
            AND (is_formula OR contype IN ('c', 'x')))
        UNION
        SELECT format('DROP INDEX %s', indexrelid::regclass),
            pg_get_indexdef(indexrelid)
        FROM pg_index
        JOIN pg_depend ON classid = 'pg_class'::regclass AND objid = indexrelid
            AND refclassid = 'pg_class'::regclass AND refobjid = indrelid
        JOIN unnest(owners, places, formulas)
            AS concerned (attrelid, attnum, is_formula)
            ON attrelid = indrelid AND attnum = refobjsubid
        WHERE (is_formula OR indpred IS NOT NULL OR indexprs IS NOT NULL)
            AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
            AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = indexrelid)
    LOOP
        EXECUTE it.gone;
        again := again || it.made;
    END LOOP;
    FOR it IN
        SELECT format('ALTER TABLE %s DROP %I', attrelid::regclass, attname) AS gone,
            format('ALTER TABLE %s ADD %I %s%s GENERATED ALWAYS AS (%s) %s%s',
                attrelid::regclass, attname, format_type(atttypid, atttypmod),
                CASE WHEN attcollation <> typcollation
                    THEN ' COLLATE ' || attcollation::regcollation END,
                pg_get_expr(adbin, adrelid),
                CASE attgenerated WHEN 's' THEN 'STORED' ELSE 'VIRTUAL' END,
                CASE WHEN attnotnull THEN ' NOT NULL' END) AS made,
            format('COMMENT ON COLUMN %s.%I IS %L', attrelid::regclass, attname,
                col_description(attrelid, attnum)) AS said
        FROM unnest(owners, places, formulas)
            AS concerned (attrelid, attnum, is_formula)
        JOIN pg_attribute USING (attrelid, attnum)
        JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        JOIN pg_type ON pg_type.oid = atttypid
        WHERE is_formula AND attinhcount = 0
    LOOP
        EXECUTE it.gone;
        again := ARRAY[it.made, it.said] || again;
    END LOOP;
    FOR it IN
        SELECT format('ALTER TABLE %s ALTER %I', attrelid::regclass, attname) AS change,
            format('%I', attname) AS col, atttypid = elements AS many,
            CASE WHEN attgenerated = '' THEN pg_get_expr(adbin, adrelid) END AS def
        FROM pg_attribute
        JOIN pg_class ON pg_class.oid = attrelid AND relkind IN ('r', 'p')
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE atttypid IN (old, elements) AND NOT attisdropped AND attinhcount = 0
    LOOP
        IF it.def IS NOT NULL THEN
            EXECUTE it.change || ' DROP DEFAULT';
            defaults := defaults || (it.change || ' SET DEFAULT ' || it.def);
        END IF;
        IF it.many THEN
            moves := moves || (it.change || ' TYPE ' || {new} || '[] USING ' || it.col
                || '::text[]::' || {new} || '[]');
        ELSE
            moves := moves || (it.change || ' TYPE ' || {new} || ' USING ' || it.col
                || '::text::' || {new});
        END IF;
    END LOOP;
    {create};
    FOREACH command IN ARRAY moves LOOP
        EXECUTE command;
    END LOOP;
    {drop};
    {rename};
    FOREACH command IN ARRAY defaults LOOP
        BEGIN
            EXECUTE command;
        EXCEPTION WHEN invalid_text_representation THEN
            NULL;  -- a value that is gone is no default any more
        END;
    END LOOP;
    FOREACH command IN ARRAY again LOOP
        EXECUTE command;
    END LOOP;
END """
"""Replace a type, and move every column of it, or of arrays of it, to the new one.

Indexes and constraints that compare such a column, and columns that are computed from
one, are made again: PostgreSQL has no operator between the two types. The old one keeps
its name until it is dropped, so that an error speaks of it by that.
"""


@operation()
def create_enum(
    operations: Operations,
    name: str,
    values: Sequence[str],
    *,
    schema: str | None = None,
) -> None:
    """Make the type of an Enum, which on PostgreSQL its columns need first.

    :param name: the name of the type.
    :param values: its values, in order.
    :param schema: the schema of the type.
    :rows: stay as they are.
    :databases: PostgreSQL alone has such types; elsewhere nothing happens.
    """
    type_ = Names(operations, name, schema)
    if type_.dialect == "postgresql":
        type_.execute(_creation_of_enum(type_, values))


def _creation_of_enum(type_: Names, values: Sequence[str]) -> str:
    written = ", ".join(map(type_.literal, values))
    return f"CREATE TYPE {type_.table} AS ENUM ({written})"


@operation()
def drop_enum(operations: Operations, name: str, *, schema: str | None = None) -> None:
    """Drop the type of an Enum, which on PostgreSQL outlives its columns.

    :param name: the name of the type.
    :param schema: the schema of the type.
    :rows: stay as they are.
    :databases: PostgreSQL alone has such types, and keeps one that a column uses;
        elsewhere nothing happens.
    """
    type_ = Names(operations, name, schema)
    if type_.dialect == "postgresql":
        type_.execute(f"DROP TYPE {type_.table}")


@operation()
def change_enum(  # noqa: PLR0913  what a revision has to say
    operations: Operations,
    name: str,
    old: Sequence[str],
    new: Sequence[str],
    renamed: Mapping[str, str],
    *,
    schema: str | None = None,
) -> None:
    """Change the values that the type of an Enum has.

    :param name: the name of the type.
    :param old: its values before.
    :param new: its values after.
    :param renamed: a value of `old` -> its name in `new`.
    :param schema: the schema of the type.
    :rows: keep their values, which have their new names.
    :databases: PostgreSQL alone has such types; elsewhere nothing happens. In an
        `autocommit_block()` values are added in an instant; else the columns of the
        type are written again.
    """
    type_ = Names(operations, name, schema)
    if type_.dialect != "postgresql":
        return
    given = operations.get_context().opts
    apart = type_.is_alone if type_.journal else given.get("commits")
    # A value cannot be used before it is committed: here it is, by itself.
    if apart and not renamed and adds_only(old, new):
        _add_values(type_, old, new)
    else:
        _change_values(type_, old, new, renamed)


def adds_only(old: Sequence[str], new: Sequence[str]) -> bool:
    """Tell whether an Enum gets more values, and those it has stay in order.

    :param old: its values before.
    :param new: its values after.
    """
    return [value for value in new if value in old] == list(old)


def _add_values(type_: Names, old: Sequence[str], new: Sequence[str]) -> None:
    """Add values where they stand among the others.

    Each takes an instant; none may be in a transaction with one that uses the value.
    """
    before = ""
    for value in new:
        if value not in old:
            beside = type_.literal(before or old[0])
            place = f"{'AFTER' if before else 'BEFORE'} {beside}"
            added = f"ADD VALUE IF NOT EXISTS {type_.literal(value)} {place}"
            type_.execute(f"ALTER TYPE {type_.table} {added}")
        before = value


def _change_values(
    type_: Names, old: Sequence[str], new: Sequence[str], renamed: Mapping[str, str]
) -> None:
    """Give a type other values, and keep every row.

    PostgreSQL removes no value, and one that it adds cannot be used before the commit:
    so the columns move to a new type. That rewrites their tables; a rename does not.
    """
    for value, becomes in renamed.items():
        pair = f"{type_.literal(value)} TO {type_.literal(becomes)}"
        type_.execute(f"ALTER TYPE {type_.table} RENAME VALUE {pair}")
    if [renamed.get(value, value) for value in old] != [*new]:
        aside = derived(f"{type_.name}_", "new")
        made = Names(type_.operations, aside, type_.schema)
        type_.execute_block(
            REPLACE_ENUM,
            literal=type_.literal(type_.table),
            new=type_.literal(made.table),
            create=_creation_of_enum(made, new),
            drop=f"DROP TYPE {type_.table}",
            rename=f"ALTER TYPE {made.table} RENAME TO {type_.quoted(type_.name)}",
        )


@operation()
def rename_enum_value(  # noqa: PLR0913  what a revision has to say
    operations: Operations,
    table_name: str,
    column_name: str,
    value: str,
    name: str,
    *,
    schema: str | None = None,
) -> None:
    """Give the rows with a value of an Enum its new name.

    :param table_name: the table.
    :param column_name: the column with the Enum.
    :param value: what the rows have.
    :param name: what they get.
    :param schema: the schema of the table.
    :rows: with the old name get the new one.
    :databases: nothing happens on PostgreSQL, where they took it when their type did.
    """
    if dialect_of(operations) != "postgresql":
        target = table(schema, table_name, column_name)
        found = target.c[column_name] == operations.inline_literal(value)
        becomes = operations.inline_literal(name)
        operations.execute(target.update().where(found).values({column_name: becomes}))


CACHED = {"postgresql": 1, "mysql": 1000, "mariadb": 1000}
"""How many values a database keeps ready if nothing is said."""

OF_CALL = ("existing", "if_exists", "if_not_exists")
"""What a call says beside the options of its sequence."""


def option_words(given: Mapping[str, Any], dialect: str) -> Iterator[str]:
    """Give every option of a sequence or an identity, those not given too.

    :param given: the arguments of SQLAlchemy's class.
    :param dialect: the database.
    """
    step = given.get("increment") or 1
    limits = ("minvalue", "maxvalue")
    low, high = (given.get(name) for name in limits)
    first = (low if low is not None else 1) if step > 0 else high or -1
    start = given.get("start")
    yield f"INCREMENT BY {step}"
    for name, value in zip(limits, (low, high), strict=True):
        word = name.upper()
        yield f"NO {word}" if value is None else f"{word} {value}"
    yield f"START WITH {first if start is None else start}"
    yield f"CACHE {given.get('cache') or CACHED[dialect]}"
    no = "NO " if dialect == "postgresql" else "NO"
    yield "CYCLE" if given.get("cycle") else f"{no}CYCLE"


def given_options(op: LosslessOp) -> dict[str, Any]:
    """Return the options that a sequence itself has, by a call that is about one.

    :param op: the call.
    """
    return {name: it for name, it in op.options.items() if name not in OF_CALL}


def _sequence(op: LosslessOp) -> sa.Sequence:
    return sa.Sequence(op.name, schema=op.schema, **given_options(op))


def _has_sequences(operations: Operations) -> bool:
    context = operations.get_context()
    # With --sql no server has said its version; each that is maintained has them.
    assumed = context.as_sql and context.dialect.name == "mariadb"
    return assumed or context.dialect.supports_sequences


@operation()
def create_sequence(
    operations: Operations, /, name: str, *, schema: str | None = None, **options: Any
) -> None:
    """Make a sequence.

    :param name: its name.
    :param schema: its schema.
    :param options: what `sa.Sequence` takes, and `if_not_exists`.
    :rows: stay as they are.
    :databases: on SQLite and MySQL, which have none, nothing happens.
    """
    if _has_sequences(operations):
        anyway = options.pop("if_not_exists", False)
        made = sa.Sequence(name, schema=schema, **options)
        operations.execute(CreateSequence(made, if_not_exists=anyway))


@create_sequence.declares("reverse")
def _(op: LosslessOp) -> LosslessOp:
    """Return what drops it; its options are for the way back."""
    options = dict(op.options)
    if options.pop("if_not_exists", False):
        options["if_exists"] = True
    return drop_sequence(op.name, **options, schema=op.schema)


@create_sequence.declares("to_diff_tuple")
def _(op: LosslessOp) -> tuple[Any, ...]:
    return "add_sequence", _sequence(op)


@operation()
def drop_sequence(
    operations: Operations, /, name: str, *, schema: str | None = None, **options: Any
) -> None:
    """Drop a sequence.

    :param name: its name.
    :param schema: its schema.
    :param options: what it was made with, and `if_exists`.
    :rows: stay as they are.
    :databases: on SQLite and MySQL, which have none, nothing happens.
    """
    if _has_sequences(operations):
        gone = sa.Sequence(name, schema=schema)
        anyway = options.get("if_exists", False)
        operations.execute(DropSequence(gone, if_exists=anyway))


@drop_sequence.declares("reverse")
def _(op: LosslessOp) -> LosslessOp:
    options = dict(op.options)
    if options.pop("if_exists", False):
        options["if_not_exists"] = True
    return create_sequence(op.name, **options, schema=op.schema)


@drop_sequence.declares("to_diff_tuple")
def _(op: LosslessOp) -> tuple[Any, ...]:
    return "remove_sequence", _sequence(op)


@operation()
def alter_sequence(
    operations: Operations,
    /,
    name: str,
    *,
    existing: Mapping[str, Any],  # noqa: ARG001  for the way back
    schema: str | None = None,
    **options: Any,
) -> None:
    """Change the options of a sequence; it goes on from where it is.

    Where it has not come to its lowest value yet, it begins anew: a server refuses it.

    :param name: its name.
    :param existing: the options that it has.
    :param schema: its schema.
    :param options: those that it gets, and no others.
    :rows: stay as they are.
    :databases: on SQLite and MySQL, which have none, nothing happens.
    """
    if not _has_sequences(operations):
        return
    names = Names(operations, name, schema)
    words = [*option_words(options, names.dialect)]
    if names.dialect == "postgresql":
        kind = sa.Sequence(name, **options).data_type or sa.BigInteger()
        words.append(f"AS {kind.compile(dialect=operations.get_context().dialect)}")
    if not names.offline and _is_before(names, options):
        words.append("RESTART")
    names.execute(f"ALTER SEQUENCE {names.table} {' '.join(words)}")


def _is_before(names: Names, given: Mapping[str, Any]) -> bool:
    """Tell whether a sequence has not come to the values that it may have then."""
    counter = "last_value" if names.dialect == "postgresql" else "next_not_cached_value"
    found = sa.table(names.name, sa.column(counter), schema=names.schema)
    at = int(names.bind().scalar(sa.select(found.c[counter])) or 0)
    low, high = given.get("minvalue"), given.get("maxvalue")
    if (given.get("increment") or 1) > 0:
        return at < (1 if low is None else low)
    return at > (-1 if high is None else high)


@alter_sequence.declares("reverse")
def _(op: LosslessOp) -> LosslessOp:
    return alter_sequence(op.name, **op.existing, existing=op.options, schema=op.schema)


@alter_sequence.declares("to_diff_tuple")
def _(op: LosslessOp) -> tuple[Any, ...]:
    return "modify_sequence", _sequence(op), op.existing


def sequence_of(table: str, column: str) -> str:
    """Return the name that PostgreSQL gives the sequence of a column by itself.

    :param table: the name of the table.
    :param column: the name of the column.
    """
    return sql.object_name(table, column, ending="seq")


RESIZE = """\
DECLARE found text := pg_get_serial_sequence({table}, {column});
BEGIN
    IF found IS NOT NULL THEN
        EXECUTE 'ALTER SEQUENCE ' || found || ' AS {type}';
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
    names = Names(operations, table_name, schema)
    if names.dialect == "postgresql":
        table, column = map(names.literal, (names.table, column_name))
        names.execute_block(RESIZE, table=table, column=column, type=type_)


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
    names = Names(operations, table_name, schema)
    if names.dialect == "postgresql":
        words = {"column": column_name, "old": old_name, "new": new_name}
        written = {word: names.literal(it) for word, it in words.items()}
        at = names.literal(names.table)
        names.execute_block(RENAME_SEQUENCE, table=at, **written)


@rename_sequence.declares("reverse")
def _(op: LosslessOp) -> LosslessOp:
    names = op.table_name, op.column_name, op.new_name, op.old_name
    return rename_sequence(*names, schema=op.schema)


ATTACH = (
    "SQLite has no schema {name!r}: attach a file under this name whenever a connection"
    " begins, leave schema= out of the models, or use PostgreSQL or MariaDB."
)


@operation()
def create_schema(operations: Operations, name: str) -> None:
    """Make a schema, unless it is there.

    A downgrade leaves it: others may have tables in it.

    :param name: its name.
    :rows: stay as they are.
    :databases: to MariaDB it is a database, and to SQLite a file that is attached under
        its name whenever a connection begins.
    :raises CommandError: on SQLite, where no file is attached under its name.
    """
    offline = operations.get_context().as_sql
    if not offline and has_schema(operations.get_bind(), name):
        return  # who may not make schemas needs no right to
    if dialect_of(operations) == "sqlite":
        raise CommandError(ATTACH.format(name=name))
    operations.execute(CreateSchema(name, if_not_exists=True))


SET_SCHEMA = """\
BEGIN
    EXECUTE format('ALTER TABLE %s SET SCHEMA %I', {table}, {schema});
END """


@operation()
def move_table(
    operations: Operations,
    table_name: str,
    new_schema: str | None,
    *,
    schema: str | None = None,
) -> None:
    """Move a table to another schema, with its rows, indexes and constraints.

    Foreign keys that refer to it follow. A view that uses it does so on PostgreSQL.

    :param table_name: the table; it keeps its name.
    :param new_schema: where it comes to; None for where tables without a schema are.
    :param schema: the schema that it is in.
    :rows: stay as they are.
    :databases: to MariaDB a schema is a database, and a table with triggers stays where
        it is. On SQLite it is a file, to which no table can move.
    :raises CommandError: on SQLite.
    """
    dialect = dialect_of(operations)
    if dialect == "postgresql":
        names = Names(operations, table_name, schema)
        place = "current_schema()" if new_schema is None else names.literal(new_schema)
        names.execute_block(SET_SCHEMA, table=names.literal(names.table), schema=place)
    elif dialect == "sqlite":
        raise CommandError(
            f"{table_name} stays where it is: SQLite moves no table to another file."
        )
    else:
        old, new = (
            Names(operations, table_name, it).table for it in (schema, new_schema)
        )
        operations.execute(sql.text(f"RENAME TABLE {old} TO {new}"))


@move_table.declares("reverse")
def _(op: LosslessOp) -> LosslessOp:
    return move_table(op.table_name, op.schema, schema=op.new_schema)


@move_table.declares("stops_like")
def _(op: LosslessOp) -> ops.RenameTableOp:
    return ops.RenameTableOp(op.table_name, op.table_name, schema=op.schema)


def has_schema(connection: sa.Connection, name: str) -> bool:
    """Tell whether a database has a schema.

    :param connection: the database.
    :param name: the name of the schema.
    """
    return name in sa.inspect(connection).get_schema_names()


OPTIONS = (
    *("check", "not_null", "default"),
    *("collation", "collation_schema", "constraint_name"),
)
"""What a DOMAIN has beside its name and its type."""

DOMAIN_COLUMNS = """
SELECT nspname, relname, attname FROM pg_attribute
JOIN pg_class ON pg_class.oid = attrelid AND relkind IN ('r', 'p')
JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE atttypid = {domain}::regtype AND NOT attisdropped AND attinhcount = 0
ORDER BY 1, 2, 3
"""
"""The columns of a DOMAIN."""

CHECKS = (
    "SELECT conname FROM pg_constraint"
    " WHERE contypid = {domain}::regtype AND contype = 'c'"
)
"""The CHECKs of a DOMAIN."""


def creation_of_domain(domain: DOMAIN) -> LosslessOp:
    """Return the call that makes a DOMAIN.

    :param domain: that of a model.
    """
    given = {name: getattr(domain, name, None) for name in OPTIONS}
    options = {name: it for name, it in given.items() if it not in (None, False)}
    if isinstance(domain.check, sa.ClauseElement):
        options["check"] = sql.compiled(domain.check, dialect_named("postgresql"))
    where: dict[str, Any] = {"schema": domain.schema} if domain.schema else {}
    return create_domain(str(domain.name), domain.data_type, **where, **options)


def _check_name(name: str, options: Mapping[str, Any]) -> str:
    """Return what PostgreSQL calls the CHECK; before NOT NULL a name is that one's."""
    given = None if options.get("not_null") else options.get("constraint_name")
    return str(given or f"{name}_check")


@operation(diff="add_domain")
def create_domain(
    operations: Operations,
    /,
    name: str,
    type_: TypeEngine[Any],
    *,
    schema: str | None = None,
    **options: Any,
) -> None:
    """Make a DOMAIN, which its columns need first.

    :param name: its name.
    :param type_: the type that it is made of.
    :param schema: its schema.
    :param options: what `postgresql.DOMAIN` takes: `check`, `not_null`, `default`,
        `collation`, `collation_schema` and `constraint_name`.
    :rows: stay as they are.
    :databases: PostgreSQL alone has such types; elsewhere nothing happens.
    """
    if dialect_of(operations) == "postgresql":
        given = dict(options)
        if "check" in given:
            given["check"] = sql.text(given["check"])
        made = DOMAIN(name, type_, schema=schema, create_type=False, **given)
        operations.execute(CreateDomainType(made))


@operation(diff="remove_domain")
def drop_domain(
    operations: Operations,
    /,
    name: str,
    type_: TypeEngine[Any],  # noqa: ARG001  for the way back
    *,
    schema: str | None = None,
    **options: Any,  # noqa: ARG001  likewise
) -> None:
    """Drop a DOMAIN that no column uses any more.

    :param name: its name.
    :param type_: the type that it is made of.
    :param schema: its schema.
    :param options: what it was made with.
    :rows: stay as they are.
    :databases: PostgreSQL alone has such types; elsewhere nothing happens.
    """
    if dialect_of(operations) == "postgresql":
        domain = Names(operations, name, schema)
        domain.execute(f"DROP DOMAIN {domain.table}")


create_domain.undoes(drop_domain)


@operation(diff="modify_domain")
def alter_domain(
    operations: Operations,
    /,
    name: str,
    type_: TypeEngine[Any],  # noqa: ARG001  for what reads revisions
    *,
    existing: Mapping[str, Any],
    schema: str | None = None,
    **options: Any,
) -> None:
    """Give a DOMAIN another CHECK, another default, or NOT NULL, or none of them.

    :param name: its name.
    :param type_: the type that it is made of, which stays.
    :param existing: what it was made with.
    :param schema: its schema.
    :param options: what it is from now on; what is left out it has not.
    :rows: are read, in each column of it. None is changed.
    :databases: PostgreSQL alone has such types; elsewhere nothing happens.
    :raises CommandError: where a column holds what is no longer allowed, with a count
        and an example; nothing was changed.
    """
    if dialect_of(operations) != "postgresql":
        return
    domain = Names(operations, name, schema)
    if not domain.offline:
        _refuse_violations(operations, domain, existing, options)
    for clause in _clauses(domain, existing, options):
        domain.execute(f"ALTER DOMAIN {domain.table} {clause}")


@alter_domain.declares("reverse")
def _(op: LosslessOp) -> LosslessOp:
    where = {"schema": op.schema} if op.schema else {}
    return alter_domain(
        op.name, op.type_, **where, **op.existing, existing=dict(op.options)
    )


def looks_at_rows(op: LosslessOp) -> bool:
    """Tell whether a DOMAIN allows less than before.

    :param op: what changes it.
    """
    given, existing = op.options, op.existing
    is_new = given.get("check") not in {None, existing.get("check")}
    return is_new or bool(given.get("not_null") and not existing.get("not_null"))


def _refuse_violations(
    operations: Operations,
    domain: Names,
    existing: Mapping[str, Any],
    options: Mapping[str, Any],
) -> None:
    """Stop where a column of a DOMAIN holds what it will not allow."""
    asked = DOMAIN_COLUMNS.format(domain=domain.literal(domain.table))
    check = options.get("check")
    is_new = check is not None and check != existing.get("check")
    server = operations.get_context().dialect
    for schema, name, column in domain.bind().execute(sql.text(asked)).all():
        place = sa.table(name, sa.column(column), schema=schema)
        subject = f"{name}.{column} holds"
        if is_new:
            condition = sql.renamed(str(check), {"value": column}, server)
            violates: Any = sa.not_(sa.literal_column(f"({condition})"))
            found = sa.select(place).where(violates)
            said = f"that the DOMAIN {domain.name} no longer allows: {check}"
            stop_at(operations, found, subject, said)
        if options.get("not_null") and not existing.get("not_null"):
            found = sa.select(place).where(place.c[column].is_(None))
            said = f"that the DOMAIN {domain.name} no longer allows: NOT NULL"
            stop_at(operations, found, subject, said)


def _clauses(
    domain: Names, existing: Mapping[str, Any], options: Mapping[str, Any]
) -> Iterator[str]:
    """Give what ALTER DOMAIN is told."""
    old, new = existing.get("check"), options.get("check")
    name, called = (_check_name(domain.name, it) for it in (existing, options))
    if (old, old and name) != (new, new and called):
        if old is not None:
            yield f"DROP CONSTRAINT {domain.quoted(_one_check(domain) or name)}"
        if new is not None:
            yield f"ADD CONSTRAINT {domain.quoted(called)} CHECK ({new})"
    if bool(existing.get("not_null")) != bool(options.get("not_null")):
        yield "SET NOT NULL" if options.get("not_null") else "DROP NOT NULL"
    before, after = (given.get("default") for given in (existing, options))
    if after is None and before is not None:
        yield "DROP DEFAULT"
    elif str(before) != str(after):
        yield f"SET DEFAULT {_default(domain, after)}"


def _one_check(domain: Names) -> str | None:
    """Return the name of the CHECK that there is, which PostgreSQL may have given."""
    if domain.offline:
        return None
    asked = CHECKS.format(domain=domain.literal(domain.table))
    found = domain.bind().scalars(sql.text(asked)).all()
    return str(found[0]) if len(found) == 1 else None


def _default(domain: Names, value: Any) -> str:
    if isinstance(value, sa.TextClause):
        return sql.text_in(value)
    return domain.literal(value)


Query = str | Mapping[str, str]
"""A SELECT as text; or one for each database, by its name, where they differ."""

REPLACE = """\
BEGIN
    CREATE OR REPLACE VIEW {view} AS {query};
EXCEPTION WHEN invalid_table_definition THEN
    IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = {literal}::regclass) THEN
        RAISE;
    END IF;
    DROP VIEW {name};
    CREATE VIEW {view} AS {query};
END """
"""Replace a view, or make it anew where it loses columns or gives them other types."""

ATTACHED = {
    "sqlite": "SELECT name FROM {catalog} WHERE type = 'trigger' AND tbl_name = {view}",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    " AND tgrelid = to_regclass({name})",
}
"""What is dropped with a view, without a word."""

RIGHTS = """
WITH it AS (SELECT * FROM pg_class WHERE oid = to_regclass({name})),
given AS (
    SELECT NULL::name AS attname, relowner, (aclexplode(relacl)).* FROM it
    UNION ALL SELECT attname, relowner, (aclexplode(attacl)).*
    FROM it JOIN pg_attribute ON attrelid = it.oid AND NOT attisdropped
)
SELECT attname, 'GRANT ' || privilege_type
    || coalesce('(' || quote_ident(attname) || ')', '') || ' ON ' || {view} || ' TO '
    || CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END
    || CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
FROM given WHERE grantee <> relowner
UNION ALL SELECT attname, 'COMMENT ON '
    || coalesce('COLUMN ' || {view} || '.' || quote_ident(attname), {kind} || {view})
    || ' IS ' || quote_literal(description)
FROM it JOIN pg_description ON objoid = it.oid AND classoid = 'pg_class'::regclass
    LEFT JOIN pg_attribute ON attrelid = it.oid AND attnum = objsubid AND attnum > 0
UNION ALL SELECT NULL, 'ALTER TABLE ' || {view} || ' OWNER TO '
    || quote_ident(pg_get_userbyid(relowner))
FROM it WHERE pg_get_userbyid(relowner) <> current_user
"""
"""What gives a view of PostgreSQL the rights, comments and owner that something has,
which are those of all of it, or of a column."""

VIEW_COLUMNS = "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass({name})"

_rights: MutableMapping[Operations, dict[str, list[Any]]] = WeakKeyDictionary()
"""A revision's operations -> the views that it has dropped -> what `RIGHTS` found."""


def query_for(query: Query, dialect: str) -> str | None:
    """Return a query as one database reads it, or None where it has none.

    :param query: of a view.
    :param dialect: the name of the database; MariaDB and MySQL are one.
    """
    if isinstance(query, str):
        return query
    names = (dialect, *MYSQL) if dialect in MYSQL else (dialect,)
    return next((query[name] for name in names if name in query), None)


def query_of(select: sa.ClauseElement, dialects: Iterable[Dialect]) -> Query:
    """Return a SELECT as text, for each database if they read it differently.

    :param select: what SQLAlchemy has of it.
    :param dialects: the databases.
    :raises CompileError: where one of them has no words for it.
    """
    found = {
        "mysql" if it.name in MYSQL else it.name: sql.compiled(select, it)
        for it in dialects
    }
    texts = {*found.values()}
    return next(iter(texts)) if len(texts) == 1 else found


def creation_of(table: sa.Table, dialects: Iterable[Dialect]) -> LosslessOp:
    """Return the call that makes a view, or a table that a query fills.

    :param table: what a `CreateView` or a `CreateTableAs` has as `table`.
    :param dialects: the databases that the call is for.
    :raises CompileError: where one of them has no words for its query.
    """
    maker: Any = maker_of(table)
    query = query_of(maker.selectable, dialects)
    where: dict[str, Any] = {"schema": table.schema} if table.schema else {}
    if not isinstance(maker, CREATE_VIEW):
        made = create_table_as(table.name, query, **where)
        made.info["reverse"] = ops.DropTableOp(table.name, schema=table.schema)
        return made
    options: dict[str, Any] = {"materialized": True} if maker.materialized else {}
    # SQLAlchemy gives a default for it, which is None.
    if given := maker.dialect_options["postgresql"]["with"]:
        options["postgresql_with"] = dict(given)
    return create_view(table.name, query, **where, **options)


class _View(Names):
    """A view in statements."""

    def query(self, query: Query) -> str:
        """Return what the view shows on this database."""
        if (found := query_for(query, self.dialect)) is not None:
            return found
        raise CommandError(
            f"{label(self.schema, self.name)}: the revision has a query for"
            f" {', '.join(query)} and none for {self.dialect}. Add one of that name."
        )

    def refuse_materialized(self) -> None:
        """Refuse to make one that holds its rows where there are none."""
        if self.dialect != "postgresql":
            raise CommandError(no_materialized(self.schema, self.name, self.dialect))

    def refuse_attached(self) -> None:
        """Refuse to drop a trigger with a view."""
        asked = ATTACHED.get(self.dialect)
        if asked is None or self.offline:
            return
        schema = f"{self.quoted(self.schema)}." if self.schema else ""
        question = asked.format(
            catalog=f"{schema}sqlite_master",
            view=self.literal(self.name),
            name=self.literal(self.table),
        )
        for trigger in self.bind().scalars(sql.text(question)).all():
            drop = f"DROP TRIGGER {self.quoted(trigger)}"
            if self.dialect == "postgresql":
                drop += f" ON {self.table}"
            raise CommandError(
                f"The view {label(self.schema, self.name)} would be dropped with its"
                f" trigger {trigger}. Let the revision drop that first and create it"
                f" again after: {sql.executing(drop)}"
            )

    def create(self, query: str, options: Mapping[str, Any] | None, kind: str) -> None:
        """Make it."""
        self.execute(f"CREATE {kind} {self.with_options(options)} AS {query}")
        self.give_again()

    def give_again(self) -> None:
        """Give it what it had before this revision dropped it."""
        found = _rights.get(self.operations, {}).pop(self.table, [])
        asked = VIEW_COLUMNS.format(name=self.literal(self.table))
        there = {*self.bind().scalars(sql.text(asked))} if found else set()
        for column, statement in found:
            if column is None or column in there:
                self.execute(statement)

    def remember(self, kind: str) -> None:
        """Remember what is lost with it, until this revision makes it again."""
        if self.dialect != "postgresql":
            return
        if self.offline:
            line = f"-- The rights on {self.table} are lost here: grant them again."
            self.operations.get_context().impl.static_output(line)
            return
        name, kind = self.literal(self.table), self.literal(f"{kind} ")
        asked = RIGHTS.format(name=name, view=name, kind=kind)
        found = self.bind().execute(sql.text(asked))
        _rights.setdefault(self.operations, {})[self.table] = [*found]

    def with_options(self, options: Mapping[str, Any] | None) -> str:
        """Return its name, and what PostgreSQL is told in WITH."""
        if not options or self.dialect != "postgresql":
            return self.table
        said = ", ".join(f"{name} = {value}".lower() for name, value in options.items())
        return f"{self.table} WITH ({said})"


def no_materialized(schema: str | None, name: str, dialect: str) -> str:
    """Say that a database has no materialized views.

    :param schema: that of the one it should have.
    :param name: its name.
    :param dialect: the name of the database.
    """
    return (
        f"{label(schema, name)}: {dialect} has no materialized views, PostgreSQL alone"
        " has. Leave materialized=True out, or keep the rows in a table."
    )


KINDS = {False: "VIEW", True: "MATERIALIZED VIEW"}


@operation(diff="add_view")
def create_view(  # noqa: PLR0913  what a revision has to say
    operations: Operations,
    name: str,
    query: str | Mapping[str, str],
    *,
    schema: str | None = None,
    materialized: bool = False,
    postgresql_with: Mapping[str, Any] | None = None,
) -> None:
    """Make a view.

    :param name: its name.
    :param query: the SELECT that it shows; or one for each database, by the names that
        SQLAlchemy has for them, where they are written differently.
    :param schema: its schema.
    :param materialized: whether it holds its rows, which PostgreSQL alone can; `REFRESH
        MATERIALIZED VIEW` reads them again.
    :param postgresql_with: its options, such as `{"security_barrier": True}`.
    :rows: stay as they are.
    :databases: a materialized view is refused but on PostgreSQL.
    :raises CommandError: where the query is given for other databases only.
    """
    view = _View(operations, name, schema)
    if materialized:
        view.refuse_materialized()
    view.create(view.query(query), postgresql_with, KINDS[materialized])


@create_view.declares("reverse")
def _(op: LosslessOp) -> LosslessOp:
    return dropping(op).reversed_by(op)


@operation(diff="modify_view")
def replace_view(  # noqa: PLR0913  what a revision has to say
    operations: Operations,
    name: str,
    query: str | Mapping[str, str],
    *,
    schema: str | None = None,
    materialized: bool = False,
    postgresql_with: Mapping[str, Any] | None = None,
) -> None:
    """Let a view show something else, or make it where there is none.

    PostgreSQL replaces it if the columns stay and others follow them; else, and on
    SQLite, the view is dropped and made. Then it must have no trigger. Its owner, its
    comments and who may read it stay as they are, but in a script of `--sql`.

    :param name: its name.
    :param query: what it shows from now on, as for `create_view`.
    :param schema: its schema.
    :param materialized: whether it holds its rows; it is dropped and made.
    :param postgresql_with: its options.
    :rows: stay as they are.
    :databases: a materialized view is refused but on PostgreSQL.
    :raises CommandError: where a trigger would be dropped with it.
    """
    view, kind = _View(operations, name, schema), KINDS[materialized]
    shown = view.query(query)
    if materialized:
        view.refuse_materialized()
    if view.is_mysql:
        view.create(shown, None, f"OR REPLACE {kind}")
        return
    view.remember(kind)
    if view.dialect == "postgresql" and not materialized:
        view.execute_block(
            REPLACE,
            view=view.with_options(postgresql_with),
            name=view.table,
            literal=view.literal(view.table),
            query=shown,
        )
        view.give_again()
    else:
        view.refuse_attached()
        view.execute(f"DROP {kind} IF EXISTS {view.table}")
        view.create(shown, postgresql_with, kind)


@operation(diff="remove_view")
def drop_view(
    operations: Operations,
    name: str,
    *,
    schema: str | None = None,
    materialized: bool = False,
    if_exists: bool = False,
) -> None:
    """Drop a view; a revision that makes it again gives it its rights again.

    :param name: its name.
    :param schema: its schema.
    :param materialized: whether it holds its rows.
    :param if_exists: whether it need not be there.
    :rows: stay as they are; those of a materialized view are made of others.
    :databases: is refused on PostgreSQL while another view uses it.
    :raises CommandError: where a trigger would be dropped with it.
    """
    view = _View(operations, name, schema)
    view.refuse_attached()
    view.remember(KINDS[materialized])
    there = "IF EXISTS " if if_exists else ""
    view.execute(f"DROP {KINDS[materialized]} {there}{view.table}")


@operation(diff="add_table")
def create_table_as(
    operations: Operations,
    name: str,
    query: str | Mapping[str, str],
    *,
    schema: str | None = None,
) -> None:
    """Make a table of the rows that a query finds now.

    :param name: its name.
    :param query: the SELECT, as for `create_view`.
    :param schema: its schema.
    :rows: are copied; later changes of the others do not reach them.
    :databases: what a type becomes is theirs to say; no constraint is made.
    :raises CommandError: where the query is given for other databases only.
    """
    made = _View(operations, name, schema)
    made.create(made.query(query), None, "TABLE")


def dropping(made: LosslessOp, *, if_exists: bool = False) -> LosslessOp:
    """Return the call that drops a view.

    :param made: the call that makes it.
    :param if_exists: whether it need not be there.
    """
    options = {"if_exists": True} if if_exists else {}
    if made.materialized:
        options["materialized"] = True
    return drop_view(made.name, schema=made.schema, **options)


SECOND_NAME = """\
DECLARE given record;
BEGIN
    {rename}CREATE VIEW {old} AS SELECT * FROM {new};
    FOR given IN SELECT * FROM ({rights}) AS found (place, statement) LOOP
        EXECUTE given.statement;
    END LOOP;
END """
"""Let a table of PostgreSQL have a second name, for whoever had the first one."""

RENAMES: dict[str, tuple[str, ...]] = {
    # The view is made of a table without rows, which then changes places with the
    # table: there is no instant without one of the names.
    "begin": (
        "CREATE TABLE {new} LIKE {old}",
        "CREATE VIEW {view} AS SELECT * FROM {new}",
        "RENAME TABLE {new} TO {spare}, {old} TO {new}, {view} TO {old}",
        "DROP TABLE {spare}",
    ),
    "renamed": ("CREATE VIEW {old} AS SELECT * FROM {new}",),
}
"""What gives a table of MariaDB or MySQL a second name."""


@operation()
def begin_table_rename(
    operations: Operations,
    table_name: str,
    new_name: str,
    *,
    renamed: bool = False,
    schema: str | None = None,
) -> None:
    """Rename a table, and let others read and write it by its old name, as a view.

    :param table_name: the name that the running version of the app knows.
    :param new_name: the name that the next version knows.
    :param renamed: whether the table has the new name already.
    :param schema: the schema of the table.
    :rows: stay as they are.
    :databases: PostgreSQL, MariaDB and MySQL, in one instant; who had rights to the
        table has them to the view. SQLite, where nobody else writes meanwhile, has no
        view.
    :raises CommandError: for a table of PostgreSQL with row security.
    """
    names = Names(operations, table_name, schema)
    if names.dialect == "sqlite":
        if not renamed:
            operations.rename_table(table_name, new_name, schema=schema)
        return
    if names.is_mysql:
        _rename_on_mysql(names, new_name, "renamed" if renamed else "begin")
        return
    new = Names(operations, new_name, schema)
    _refuse_row_security(new if renamed else names)
    name, view = names.literal(new.table), names.literal(names.table)
    rights = RIGHTS.format(name=name, view=view, kind=names.literal("VIEW "))
    rename = f"ALTER TABLE {names.table} RENAME TO {names.quoted(new_name)};\n    "
    names.execute_block(
        SECOND_NAME,
        rename="" if renamed else rename,
        old=names.table,
        new=new.table,
        rights=rights,
    )


@operation()
def end_table_rename(
    operations: Operations,
    table_name: str,
    new_name: str,  # noqa: ARG001  who reads it learns whose name it was
    *,
    schema: str | None = None,
) -> None:
    """Let a table have one name again, the new one, after `begin_table_rename`.

    :param table_name: the name that the previous version of the app knows.
    :param new_name: the name that the running version knows.
    :param schema: the schema of the table.
    :rows: stay as they are.
    :databases: the same on each.
    """
    names = Names(operations, table_name, schema)
    if names.dialect != "sqlite":
        names.execute(f"DROP VIEW {names.table}")


@end_table_rename.declares("reverse")
def _(op: LosslessOp) -> LosslessOp:
    return begin_table_rename(*op.args, renamed=True, schema=op.schema)


@begin_table_rename.declares("reverse")
def _(op: LosslessOp) -> LosslessOp | None:
    """Return what drops the view; nothing by itself gives the old name back."""
    if not op.renamed:
        return None
    return end_table_rename(*op.args, schema=op.schema)


@begin_table_rename.declares("as_alembic")
def _(op: LosslessOp) -> ops.RenameTableOp | None:
    """Return the rename, unless it was done before."""
    names = op.table_name, op.new_name
    return None if op.renamed else ops.RenameTableOp(*names, schema=op.schema)


def _rename_on_mysql(names: Names, new_name: str, what: str) -> None:
    words = {
        "old": names.table,
        "new": names.beside(new_name),
        "view": names.beside(derived(names.name, "view")),
        "spare": names.beside(derived(names.name, "spare")),
    }
    for statement in RENAMES[what]:
        names.execute(statement.format(**words))


SECURED = "SELECT relrowsecurity FROM pg_class WHERE oid = to_regclass({name})"


@rule("row-security", "refusal", "A table with row security is renamed behind a view.")
def _refuse_row_security(names: Names) -> None:
    if not names.offline and names.bind().scalar(
        sql.text(SECURED.format(name=names.literal(names.table)))
    ):
        raise PermanentError(
            f"{names.name} has row security, which does not hold for a view of it: use"
            " op.rename_table outside the autocommit_block(), in a quiet hour."
        )
