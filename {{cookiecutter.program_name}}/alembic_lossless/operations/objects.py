"""Enums, sequences, schemas and DOMAINs: what stands beside the tables, if at all.

A DOMAIN is a type of PostgreSQL with a CHECK, a default and NOT NULL of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations, ops
from alembic.util import CommandError
from sqlalchemy.dialects.postgresql import DOMAIN, CreateDomainType
from sqlalchemy.schema import CreateSchema, CreateSequence, DropSequence
from sqlalchemy.types import TypeEngine

from .. import sql
from ..runtime.recovery import journal_of
from ..types.portable import dialect_named
from .base import LosslessOp, Names, derived, dialect_of, operation, table
from .guards import stop_at
from .keys import do_block, literal, table_literal

REPLACE_ENUM = """
DECLARE
    old CONSTANT oid := {literal}::regtype;
    elements CONSTANT oid := (SELECT typarray FROM pg_type WHERE oid = old);
    it record;
    command text;
    moves text[] := '{{}}';
    defaults text[] := '{{}}';
    again text[] := '{{}}';
BEGIN
    FOR it IN
        SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
                AS gone,
            format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname,
                pg_get_constraintdef(pg_constraint.oid)) AS made
        FROM pg_constraint
        WHERE contype IN ('c', 'x') AND coninhcount = 0 AND EXISTS (
            SELECT FROM pg_attribute WHERE attrelid = conrelid
            AND attnum = ANY (conkey) AND atttypid IN (old, elements))
        UNION
        SELECT format('DROP INDEX %s', indexrelid::regclass),
            pg_get_indexdef(indexrelid)
        FROM pg_index
        JOIN pg_depend ON classid = 'pg_class'::regclass AND objid = indexrelid
            AND refclassid = 'pg_class'::regclass AND refobjid = indrelid
        JOIN pg_attribute ON attrelid = indrelid AND attnum = refobjsubid
        WHERE atttypid IN (old, elements)
            AND (indpred IS NOT NULL OR indexprs IS NOT NULL)
            AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
            AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = indexrelid)
    LOOP
        EXECUTE it.gone;
        again := again || it.made;
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

Indexes and constraints that compare such a column are made again: PostgreSQL has no
operator between the two types. The old one keeps its name until it is dropped, so that
an error speaks of it by that.
"""


def _sql_to_create(
    name: str, values: Sequence[str], *, schema: str | None = None
) -> str:
    """Return the statement that makes a type."""
    return f"CREATE TYPE {_identifier(name, schema)} AS ENUM ({_literals(values)})"


def _sql_to_drop(name: str, *, schema: str | None = None) -> str:
    """Return the statement that drops a type."""
    return f"DROP TYPE {_identifier(name, schema)}"


def _sql_to_change(
    name: str,
    old: Sequence[str],
    new: Sequence[str],
    renamed: Mapping[str, str],
    *,
    schema: str | None = None,
) -> Iterator[str]:
    """Give the statements that give a type other values, and keep every row.

    PostgreSQL removes no value, and one that it adds cannot be used before the commit:
    so the columns move to a new type. That rewrites their tables; a rename does not.
    """
    quoted = _identifier(name, schema)
    for value, becomes in renamed.items():
        pair = f"{_literal(value)} TO {_literal(becomes)}"
        yield f"ALTER TYPE {quoted} RENAME VALUE {pair}"
    if [renamed.get(value, value) for value in old] != [*new]:
        aside = derived(f"{name}_", "new")
        made = _identifier(aside, schema)
        block = REPLACE_ENUM.format(
            literal=_literal(quoted),
            new=_literal(made),
            create=_sql_to_create(aside, new, schema=schema),
            drop=_sql_to_drop(name, schema=schema),
            rename=f"ALTER TYPE {made} RENAME TO {_identifier(name)}",
        )
        yield f"DO {sql.body(block, 'enum')}"


def _sql_to_add(
    name: str, old: Sequence[str], new: Sequence[str], *, schema: str | None = None
) -> Iterator[str]:
    """Give the statements that add values where they stand among the others.

    Each takes an instant; none may be in a transaction with one that uses the value.
    """
    before = ""
    for value in new:
        if value not in old:
            place = f" AFTER {_literal(before)}" if before else ""
            place = place or f" BEFORE {_literal(old[0])}"
            yield (
                f"ALTER TYPE {_identifier(name, schema)} ADD VALUE IF NOT EXISTS"
                f" {_literal(value)}{place}"
            )
        before = value


def _identifier(name: str, schema: str | None = None) -> str:
    return sql.quoted_table(name, schema, dialect_named("postgresql"))


def _literal(value: str) -> str:
    return sql.literal(value, dialect_named("postgresql"))


def _literals(values: Sequence[str]) -> str:
    return ", ".join(map(_literal, values))


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
    if _on_postgresql(operations):
        _execute_literally(operations, _sql_to_create(name, values, schema=schema))


@operation()
def drop_enum(operations: Operations, name: str, *, schema: str | None = None) -> None:
    """Drop the type of an Enum, which on PostgreSQL outlives its columns.

    :param name: the name of the type.
    :param schema: the schema of the type.
    :rows: stay as they are.
    :databases: PostgreSQL alone has such types, and keeps one that a column uses;
        elsewhere nothing happens.
    """
    if _on_postgresql(operations):
        _execute_literally(operations, _sql_to_drop(name, schema=schema))


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
    if not _on_postgresql(operations):
        return
    context = operations.get_context()
    journal = journal_of(context)
    apart = journal.commits() if journal else context.opts.get("commits")
    # A value cannot be used before it is committed: here it is, by itself.
    if apart and not renamed and adds_only(old, new):
        statements = _sql_to_add(name, old, new, schema=schema)
    else:
        statements = _sql_to_change(name, old, new, renamed, schema=schema)
    for statement in statements:
        _execute_literally(operations, statement)


def adds_only(old: Sequence[str], new: Sequence[str]) -> bool:
    """Tell whether an Enum gets more values, and those it has stay in order.

    :param old: its values before.
    :param new: its values after.
    """
    return [value for value in new if value in old] == list(old)


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
    if not _on_postgresql(operations):
        target = table(schema, table_name, column_name)
        found = target.c[column_name] == operations.inline_literal(value)
        becomes = operations.inline_literal(name)
        operations.execute(target.update().where(found).values({column_name: becomes}))


def _on_postgresql(operations: Operations) -> bool:
    return dialect_of(operations) == "postgresql"


def _execute_literally(operations: Operations, statement: str) -> None:
    operations.execute(sql.text(statement))


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
        place = "current_schema()" if new_schema is None else literal(new_schema)
        words = {"table": table_literal(schema, table_name), "schema": place}
        do_block(operations, SET_SCHEMA, words)
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

COLUMNS = """
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


@operation()
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


@create_domain.declares("reverse")
def _(op: LosslessOp) -> LosslessOp:
    """Return what drops it; what it was is for the way back."""
    return drop_domain(op.name, op.type_, schema=op.schema, **op.options)


@create_domain.declares("to_diff_tuple")
def _(op: LosslessOp) -> tuple[Any, ...]:
    return "add_domain", op.schema, op.name


@operation()
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


@drop_domain.declares("reverse")
def _(op: LosslessOp) -> LosslessOp:
    return create_domain(op.name, op.type_, schema=op.schema, **op.options)


@drop_domain.declares("to_diff_tuple")
def _(op: LosslessOp) -> tuple[Any, ...]:
    return "remove_domain", op.schema, op.name


@operation()
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


@alter_domain.declares("to_diff_tuple")
def _(op: LosslessOp) -> tuple[Any, ...]:
    return "modify_domain", op.schema, op.name


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
    asked = COLUMNS.format(domain=domain.literal(domain.table))
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
