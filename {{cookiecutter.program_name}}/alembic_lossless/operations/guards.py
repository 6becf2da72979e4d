"""Refuse a revision that the rows contradict, before it changes anything.

With `--sql` the script looks at the rows: it stops at the guard, with the sentence.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.util import CommandError
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import ReflectedForeignKeyConstraint
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.elements import quoted_name
from sqlalchemy.types import TypeEngine

from .. import sql
from ..rules import rule
from ..runtime.recovery import journal_of
from ..types.conversion import FILLED, becoming, provably_lossless
from ..types.portable import MYSQL, base_of, words
from ..types.reflection import inspector_of
from ..types.values import in_statement, is_lossless
from .base import Names, derived, dialect_of, is_online, operation, table

AGAIN = "Correct the rows and try again: this revision has changed nothing."
OWN_VALUES = (
    "Let it be nullable, and give each row its own value before it is unique: this"
    " revision has changed nothing."
)

RAISES = (
    "DO $guard$ BEGIN IF EXISTS ({query}) THEN"
    " RAISE EXCEPTION USING MESSAGE = {sentence}; END IF; END $guard$"
)

IN_SCRIPTS = {
    "postgresql": (RAISES,),
    "mysql": (
        "SET @guard = (SELECT IF(EXISTS ({query}), {signal}, 'DO 0'))",
        "PREPARE guard FROM @guard",
        "EXECUTE guard",
        "DEALLOCATE PREPARE guard",
    ),
    "sqlite": (
        "CREATE TEMPORARY TABLE guard (passes CONSTRAINT {name} CHECK (passes))",
        "INSERT INTO temp.guard SELECT NOT EXISTS ({query})",
        "DROP TABLE temp.guard",
    ),
}
IN_SCRIPTS["mariadb"] = IN_SCRIPTS["mysql"]
"""How a script of each database stops with a sentence where a query finds a row."""

LONGEST_SIGNAL = 128
"""How many characters MySQL tells of a sentence; MariaDB tells 512."""


def stop_at(
    operations: Operations,
    query: sa.Select[Any],
    holds: str,
    why: str,
    then: str = AGAIN,
) -> None:
    """Stop at the rows that a query finds; with `--sql`, let the script stop at them.

    :param operations: what a revision has as `op`.
    :param query: what must find no row.
    :param holds: what holds them, as the sentence begins.
    :param why: why they may not be.
    :param then: what to do about it.
    :raises CommandError: with a count and an example.
    """
    if operations.get_context().as_sql:
        write_guard(operations, query, f"{holds} values {why}.", then)
    else:
        refuse(rows_of(operations, query), holds, why, then)


def write_guard(
    operations: Operations, query: sa.Select[Any], said: str, then: str = AGAIN
) -> None:
    """Write a guard into the script of `--sql`, unless `-x unguarded` leaves it out.

    :param operations: what a revision has as `op`.
    :param query: what must find no row.
    :param said: what is wrong where it finds one.
    :param then: what to do about it.
    """
    if is_unguarded(operations):
        return
    dialect = operations.get_context().dialect
    sentence = f"{said} {then}"
    shown = sentence if len(sentence) <= LONGEST_SIGNAL else said[:LONGEST_SIGNAL]
    signal = f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = {sql.literal(shown, dialect)}"
    words = {
        "query": sql.compiled(query, dialect),
        "sentence": sql.literal(sentence, dialect),
        "signal": sql.literal(signal, dialect),
        "name": sql.quoted(quoted_name(sentence, quote=True), dialect),
    }
    for statement in IN_SCRIPTS[dialect.name]:
        operations.execute(sql.text(statement.format(**words)))


def is_unguarded(operations: Operations) -> bool:
    """Tell whether `-x unguarded` asks for a script without guards.

    :param operations: what a revision has as `op`.
    """
    config = operations.get_context().config
    given = getattr(config and config.cmd_opts, "x", None) or ()
    return "unguarded" in given


def rows_of(operations: Operations, query: sa.Select[Any]) -> Iterable[Sequence[Any]]:
    """Return the rows that a query finds.

    :param operations: what a revision has as `op`.
    :param query: what finds them.
    """
    migration = operations.get_context()
    # PostgreSQL streams inside a transaction only, and asyncpg keeps the table in use
    # until that ends.
    journal = journal_of(migration)
    streams = journal is None or not journal.commits()
    streamed = {"stream_results": streams and migration.dialect.driver != "asyncpg"}
    return operations.get_bind().execute(query, execution_options=streamed)


def refuse(
    rows: Iterable[Sequence[Any]], holds: str, why: str, then: str = AGAIN
) -> None:
    """Stop at rows that should not be, and say how many there are.

    :param rows: those that should not be.
    :param holds: how the message begins: what holds the values.
    :param why: what is wrong with them.
    :param then: what to do about it.
    """
    remaining = iter(rows)
    row = next(remaining, None)
    if row is None:
        return
    count = 1 + sum(1 for _ in remaining)
    values = "1 value" if count == 1 else f"{count} values"
    example = row[0] if len(row) == 1 else tuple(row)
    raise CommandError(f"{holds} {values} {why}, for example {example!r}. {then}")


def label(name: str, columns: Sequence[str]) -> str:
    """Return columns of a table as a message has them.

    :param name: the table.
    :param columns: the names of its columns.
    """
    names = ", ".join(columns)
    return f"{name} ({names})" if len(columns) > 1 else f"{name}.{names}"


def not_null(source: sa.TableClause) -> Iterable[sa.ColumnElement[bool]]:
    """Return what holds where no column of a table is NULL.

    :param source: the table, with these columns.
    """
    return (column.is_not(None) for column in source.columns)


@rule("loss", "guard", "Rows hold what a new type cannot keep.")
@operation()
def refuse_loss(  # noqa: PLR0913  what a revision has to say
    operations: Operations,
    table_name: str,
    column_name: str,
    type_: TypeEngine[Any],
    *,
    existing_type: TypeEngine[Any] | None = None,
    schema: str | None = None,
) -> None:
    """Stop the revision when a column holds values that a new type would destroy.

    The server looks for values that may be lost, and only these are read.

    :param table_name: the table, by the name it has now.
    :param column_name: the column, by the name it has now.
    :param type_: the type that the column is about to have.
    :param existing_type: the type that it has, which only a script of `--sql` needs:
        elsewhere the database is asked.
    :param schema: the schema of the table.
    :rows: are read, and none is changed.
    :databases: on PostgreSQL nobody else can write to the table from here on, though
        everybody can read it: a row that came now would not have been looked at.
    :raises CommandError: with a count and an example; with `--sql`, where the database
        has no words for the question.
    """
    source = table(schema, table_name, column_name)
    context = operations.get_context()
    dialect = context.dialect
    if dialect.name == "postgresql" and not is_online(operations):
        quoted = sql.quoted_table(table_name, schema, dialect)
        lock = f"LOCK TABLE {quoted} IN SHARE ROW EXCLUSIVE MODE"
        operations.execute(sql.text(lock))
    holds, why = f"{table_name}.{column_name} holds", f"that {words(type_)} cannot keep"
    if context.as_sql:
        (column,) = source.columns
        sure = provably_lossless(column, existing_type, type_, dialect.name)
        if sure is None and not is_unguarded(operations):
            raise CommandError(
                f"{table_name}.{column_name} becomes {words(type_)}, and"
                f" {dialect.name} has no words for whether that loses a value. Run this"
                " revision without --sql, or leave the guards out: -x unguarded"
            )
        doubtful = _doubtful(dialect.name, source, existing_type, type_)
        write_guard(operations, doubtful, f"{holds} values {why}.")
        return
    old = None if dialect.name == "sqlite" else _type_of(operations, source)
    rows = rows_of(operations, _doubtful(dialect.name, source, old, type_))
    lost = (row for row in rows if not is_lossless(row[0], type_, dialect=dialect.name))
    refuse(lost, holds, why)


def _doubtful(
    dialect: str,
    source: sa.TableClause,
    old: TypeEngine[Any] | None,
    new: TypeEngine[Any],
) -> sa.Select[Any]:
    """Return a query for the values that, as far as the server knows, may be lost."""
    (column,) = source.columns
    sure = provably_lossless(column, old, new, dialect)
    # The driver would read what JSON means, and the spaces that fill a CHAR up: a new
    # type gets the text.
    has = None if old is None else base_of(old)
    is_text = dialect == "postgresql" and isinstance(has, (sa.JSON, *FILLED))
    value = sa.cast(column, sa.Text) if is_text else column
    query = sa.select(value).where(column.is_not(None))
    if sure is None:
        return query
    # SQLite stops at the first AND or OR that decides only where nothing asks for NULL.
    return query.where(sa.case((sure, sa.false()), else_=sa.true()))


def _type_of(operations: Operations, source: sa.TableClause) -> TypeEngine[Any] | None:
    """Return the type that the only column of a table has now."""
    (column,) = source.columns
    inspector = inspector_of(operations.get_bind())
    found = inspector.get_columns(source.name, source.schema)
    return next((it["type"] for it in found if it["name"] == column.name), None)


@rule("duplicates", "guard", "Rows share what is about to be unique.")
@operation()
def refuse_duplicates(  # noqa: PLR0913  which rows, on each database
    operations: Operations,
    table_name: str,
    columns: Sequence[str | sa.TextClause],
    *,
    types: Mapping[str, TypeEngine[Any]] | None = None,
    values: Mapping[str, Any] | None = None,
    fills: Mapping[str, Any] | None = None,
    postgresql_where: sa.TextClause | None = None,
    sqlite_where: sa.TextClause | None = None,
    postgresql_nulls_not_distinct: bool = False,
    schema: str | None = None,
) -> None:
    """Stop the revision when rows share what is about to be unique.

    :param table_name: the table, by the name it has now.
    :param columns: those that are unique together, or expressions, as `sa.text`.
    :param types: the types that some of them are about to have, and are compared by.
    :param values: what each row is about to have in columns that are not there yet.
    :param fills: what some of the columns are about to hold where they are NULL.
    :param postgresql_where: which rows an index of PostgreSQL is about, as `sa.text`.
    :param sqlite_where: likewise on SQLite.
    :param postgresql_nulls_not_distinct: whether PostgreSQL takes NULLs for one value.
    :param schema: the schema of the table.
    :rows: are read, and none is changed. One with a NULL is like no other, but for
        `postgresql_nulls_not_distinct`.
    :databases: the database compares: to MariaDB, 'a' and 'A' can be the same.
    :raises CommandError: with a count and an example.
    """
    texts = [it if isinstance(it, str) else sql.text_in(it) for it in columns]
    dialect = operations.get_context().dialect
    part = partial(_part, operations, table_name, schema, types=types or {})
    source = _with_values(table(schema, table_name), table_name, values or {})
    filled = {it: derived("filled", it) for it in fills or {}}
    for column, value in (fills or {}).items():
        given: Any = sa.func.coalesce(part(column), in_statement(value))
        source = _with(source, table_name, filled[column], given)
    parts = [
        part(
            filled.get(it, it) if isinstance(it, str) else _renamed(it, filled, dialect)
        )
        for it in columns
    ]
    on_postgresql = dialect_of(operations) == "postgresql"
    has_nulls = postgresql_nulls_not_distinct and on_postgresql
    shared = _shared(source, parts, has_nulls=has_nulls)
    is_given = bool(values or fills)
    holds, then = ("would hold", OWN_VALUES) if is_given else ("holds", AGAIN)
    why = "more than once" + (" in the new type" if types else "")
    conditions = {"postgresql": postgresql_where, "sqlite": sqlite_where}
    where = conditions.get(dialect_of(operations))
    if where is not None:
        said = sql.text_in(where)
        condition = sql.text_in(_renamed(where, filled, dialect))
        shared = shared.where(sa.literal_column(f"({condition})"))
        why = f"{why} where {said}"
    stop_at(operations, shared, f"{label(table_name, texts)} {holds}", why, then)


def _with_values(
    source: sa.FromClause, name: str, values: Mapping[str, Any]
) -> sa.FromClause:
    """Return a table as it is with more columns, of which one may speak of another."""
    for column, value in values.items():
        said: Any = in_statement(value)
        if isinstance(value, sa.TextClause):
            said = sa.literal_column(f"({sql.text_in(value)})")
        source = _with(source, name, column, said)
    return source


def _renamed(
    expression: sa.TextClause, names: Mapping[str, str], dialect: Dialect
) -> sa.TextClause:
    """Return an expression that calls columns by other names."""
    return sql.text(str(sql.renamed(sql.text_in(expression), names, dialect)))


def _with(
    source: sa.FromClause, name: str, column: str, value: sa.ColumnElement[Any]
) -> sa.FromClause:
    """Return a table with one more column."""
    query = sa.select(sa.literal_column("*"), value.label(column))
    return query.select_from(source).subquery(name)


def _part(
    operations: Operations,
    name: str,
    schema: str | None,
    column: str | sa.TextClause,
    types: Mapping[str, TypeEngine[Any]],
) -> sa.ColumnElement[Any]:
    """Return what is compared of a row: a column, as it becomes, or an expression."""
    if not isinstance(column, str):
        return sa.literal_column(sql.text_in(column))
    if column not in types:
        return sa.column(column)
    context = operations.get_context()
    collation = None
    if context.dialect.name in MYSQL and not context.as_sql:
        given = {"schema": schema, "name": name}
        collation = operations.get_bind().scalar(sa.text(COLLATION), given)
    return becoming(sa.column(column), types[column], context.dialect.name, collation)


COLLATION = """
SELECT table_collation FROM information_schema.tables
WHERE table_schema = coalesce(:schema, database()) AND table_name = :name
"""


def _shared(
    source: sa.FromClause,
    parts: Sequence[sa.ColumnElement[Any]],
    *,
    has_nulls: bool = False,
) -> sa.Select[Any]:
    """Return a query for the values that more than one row has.

    MariaDB is told to sort: of millions of values it would else look each up in a table
    on its disk, which took 28 times as long.
    """
    query = sa.select(*parts).select_from(source).group_by(*parts)
    for dialect in ("mariadb", "mysql"):
        query = query.prefix_with("SQL_BIG_RESULT", dialect=dialect)
    given = [] if has_nulls else [it.is_not(None) for it in parts]
    return query.where(*given).having(sa.func.count() > 1)


@rule("orphans", "guard", "Rows hold what is about to refer to no row.")
@operation()
def refuse_orphans(  # noqa: PLR0913  what a revision has to say
    operations: Operations,
    table_name: str,
    columns: Sequence[str],
    parent: str,
    keys: Sequence[str],
    *,
    schema: str | None = None,
) -> None:
    """Stop the revision when rows hold what is about to refer to no row.

    :param table_name: the table, by the name it has now.
    :param columns: those that get a foreign key.
    :param parent: the table that it refers to.
    :param keys: the columns that it refers to, in the order of `columns`.
    :param schema: the schema of both tables.
    :rows: are read, and none is changed. One with a NULL refers to nothing.
    :databases: the same on each.
    :raises CommandError: with a count and an example.
    """
    subject, target = label(table_name, columns), label(parent, keys)
    source = table(schema, table_name, *columns)
    orphans = _orphans(source, table(schema, parent, *keys))
    stop_at(operations, orphans, f"{subject} holds", f"that no {target} has")


def _orphans(source: sa.TableClause, parent: sa.TableClause) -> sa.Select[Any]:
    """Return a query for the rows of a table that no row of another one has."""
    pairs = zip(source.columns, parent.alias("parent").columns, strict=True)
    refers = sa.exists().where(*(child == key for child, key in pairs))
    return sa.select(source).where(*not_null(source), ~refers)


@rule("missing", "guard", "Rows are about to refer to a row that is not there.")
@operation()
def refuse_missing(  # noqa: PLR0913  what a revision has to say
    operations: Operations,
    table_name: str,
    column_name: str | None,
    target: tuple[str, str],
    value: Any,
    *,
    made_here: bool = False,
    schema: str | None = None,
) -> None:
    """Stop the revision when rows are about to refer to a row that is not there.

    :param table_name: the table whose rows get the value.
    :param column_name: where they get it, if it is there; it is NULL in these rows.
    :param target: the table and the column that they will refer to.
    :param value: what they get.
    :param made_here: whether the revision makes the table that they will refer to,
        which has no row yet.
    :param schema: the schema of both tables.
    :rows: are read, and none is changed.
    :databases: the same on each.
    :raises CommandError: naming what is missing.
    """
    parent, key = target
    shown = str(value) if isinstance(value, sa.ClauseElement) else repr(value)
    rows: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(
        table(schema, table_name)
    )
    if column_name is not None:
        rows = rows.where(sa.column(column_name).is_(None))
    found = table(schema, parent, key)
    wanted: Any = in_statement(value)
    there = sa.exists().where(found.c[key] == wanted).correlate(None)
    missing = (rows if made_here else rows.where(~there)).limit(1)
    said = f"No {parent}.{key} is {shown}, to which the rows of {table_name} are"
    said += " about to refer."
    add = f"Insert it in the revision, which makes {parent}," if made_here else "Add it"
    if operations.get_context().as_sql:
        write_guard(operations, missing, said)
    elif operations.get_bind().execute(missing).first() is not None:
        raise CommandError(f"{said} {add} and try again: nothing has changed.")


CHECK_CONDITION = (
    "SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint"
    " WHERE conname = :name AND conrelid = to_regclass(:table)"
)


def explain_violation(names: Names, constraint: str, error: IntegrityError) -> NoReturn:
    """Say which rows PostgreSQL did not like, if that can still be asked.

    :param names: the table.
    :param constraint: the name of the constraint.
    :param error: what the server raised.
    :raises CommandError: with a count and an example.
    """
    if not names.is_alone:
        raise error
    if _foreign_key(names, constraint):
        explain_orphans(names, constraint)
    given = {"name": constraint, "table": names.table}
    condition = names.bind().scalar(sa.text(CHECK_CONDITION), given)
    if condition is None:
        raise error
    query = sa.select(*_primary_key(names)).where(
        sa.not_(sa.literal_column(f"({condition})"))
    )
    _refuse_violating(names, query, f"violate {constraint}: {condition}")
    raise error


def explain_duplicates(
    names: Names, columns: Sequence[str], error: IntegrityError
) -> NoReturn:
    """Say which values PostgreSQL found more than once.

    :param names: the table.
    :param columns: those that are unique together.
    :param error: what the server raised.
    :raises CommandError: with a count and an example.
    """
    if names.is_alone:
        query = _shared(names.clause(*columns), [sa.column(it) for it in columns])
        _refuse_violating(
            names, query, f"({', '.join(columns)}) are there more than once", "value"
        )
    raise error


def explain_orphans(names: Names, constraint: str) -> None:
    """Stop when rows refer to nothing.

    :param names: the table.
    :param constraint: the name of the foreign key.
    :raises CommandError: with a count and an example.
    """
    key = _foreign_key(names, constraint)
    if key is None:
        return
    columns, keys = key["constrained_columns"], key["referred_columns"]
    parent = key["referred_table"]
    referred = table(key.get("referred_schema"), parent, *keys)
    query = _orphans(names.clause(*columns), referred)
    _refuse_violating(names, query, f"refer to no {parent} ({constraint})")


def _foreign_key(names: Names, name: str) -> ReflectedForeignKeyConstraint | None:
    found = inspector_of(names.bind()).get_foreign_keys(names.name, names.schema)
    return next((key for key in found if key["name"] == name), None)


def _primary_key(names: Names) -> list[sa.ColumnClause[object]]:
    """Return the columns by which a row is found again."""
    key = inspector_of(names.bind()).get_pk_constraint(names.name, names.schema)
    return list(names.clause(*key["constrained_columns"]).columns)


@rule("violations", "guard", "Rows violate a constraint that new rows keep already.")
def _refuse_violating(
    names: Names, query: sa.Select[*tuple[object, ...]], why: str, of: str = "row"
) -> None:
    rows = query.subquery()
    bind = names.bind()
    count = bind.scalar(sa.select(sa.func.count()).select_from(rows))
    example = bind.execute(query.limit(1)).first()
    if example is not None:
        pairs = zip(query.selected_columns.keys(), example, strict=True)
        values = ", ".join(f"{name}={value!r}" for name, value in pairs)
        some = f"1 {of}" if count == 1 else f"{count} {of}s"
        raise CommandError(
            f"{some} of {names.name} {why}, for example {values}. Correct them and run"
            " the upgrade again: it goes on from here."
        )


@rule("check", "guard", "Rows violate a CHECK that is about to be there.")
@operation()
def refuse_violations(
    operations: Operations,
    table_name: str,
    condition: str,
    columns: Sequence[str],
    *,
    schema: str | None = None,
) -> None:
    """Stop the revision when rows violate a condition that is about to hold.

    Where it comes to NULL it holds, as in a CHECK.

    :param table_name: the table, by the name it has now.
    :param condition: SQL, with the names that columns have now.
    :param columns: those to show of a row.
    :param schema: the schema of the table.
    :rows: are read, and none is changed.
    :databases: the same on each.
    :raises CommandError: with a count and an example.
    """
    subject = label(table_name, columns)
    source = table(schema, table_name, *columns)
    violates: sa.ColumnElement[bool] = sa.not_(sa.literal_column(f"({condition})"))
    found = sa.select(source).where(violates)
    stop_at(operations, found, f"{subject} holds", f"that violate {condition}")


GUARDS = (
    refuse_duplicates,
    refuse_loss,
    refuse_missing,
    refuse_orphans,
    refuse_violations,
)
"""What looks at the rows before anything changes."""
