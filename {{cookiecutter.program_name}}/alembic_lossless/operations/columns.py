"""What generates a column's values, its type, its second name, its other options."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import sqlalchemy as sa
from alembic.operations import MigrateOperation, Operations, ops
from alembic.util import CommandError
from sqlalchemy.types import TypeEngine

from .. import sql
from ..ddl.mysql import change_column
from ..rules import rule
from ..runtime.causes import PermanentError
from ..types.portable import SQLType
from ..types.reflection import inspector_of
from ..types.values import in_statement
from .backfill import backfill, copy_column
from .base import LosslessOp, Names, altering, derived, operation
from .constraints import set_not_null
from .objects import option_words, sequence_of


@operation()
def sql_type(operations: Operations, sql: str) -> TypeEngine[Any]:  # noqa: ARG001  no database is asked
    """Return a type by the words that a database has for it.

    A revision imports no class of a model or a package, which may be gone in years.

    :param sql: these words, which stand in the statement as they are.
    :rows: stay as they are.
    :databases: the same on each.
    """
    return SQLType(sql)


@operation(formerly=("changed_by_hand",))
def manual_change(
    operations: Operations,
    /,
    table_name: str,
    column_name: str | None = None,
    *,
    schema: str | None = None,
    **options: Any,
) -> None:
    """Say which options a table or a column has now; it does nothing else.

    Later drafts compare the models with it. The statement that changes them stands
    beside it, in an `op.execute`.

    :param table_name: the table.
    :param column_name: the column, where it is a column's option.
    :param schema: the schema of the table.
    :param options: for example `mysql_engine="Aria"`, as the model has it.
    :rows: stay as they are.
    :databases: the same on each.
    """


@manual_change.declares("to_diff_tuple")
def _(op: LosslessOp) -> tuple[Any, ...]:
    was: Any = op.reverse()
    where = (op.table_name, op.column_name) if op.column_name else (op.table_name,)
    return "modify_options", op.schema, *where, was.options, op.options


@operation(formerly=("keep_in_step",))
def begin_dual_write(  # noqa: PLR0913  what a revision has to say
    operations: Operations,
    table_name: str,
    column_name: str,
    new_name: str,
    *,
    default: Any = None,
    fills: str | None = None,
    schema: str | None = None,
) -> None:
    """Let each write to one of two columns be a write to both, by triggers.

    A row that is inserted with the new one takes the old one from it, any other row
    the new from the old; of two that an UPDATE changes, the new one counts.

    :param table_name: the table.
    :param column_name: the column that the running version of the app knows.
    :param new_name: the column that the next version knows.
    :param default: the server default that both have: a row that is inserted with it
        was not given this column. By default NULL says so.
    :param fills: the column that gets the values of the other one, NULL too; by default
        each gets what it lacks.
    :param schema: the schema of the table.
    :rows: get what they lack in either column, in batches as of `backfill`.
    :databases: the same on each.
    """
    unset = None if default is None else in_statement(default)
    columns = table_name, column_name, new_name
    _execute_triggers(operations, columns, schema, _KEEP, unset)
    if fills:
        source = column_name if fills == new_name else new_name
        copy_column(Names(operations, table_name, schema), fills, source)
        return
    for column, source in ((new_name, column_name), (column_name, new_name)):
        operations.invoke(
            backfill(table_name, column, sa.column(source), schema=schema)
        )


@operation(formerly=("stop_keeping_in_step",))
def end_dual_write(
    operations: Operations,
    table_name: str,
    column_name: str,
    new_name: str,
    *,
    schema: str | None = None,
) -> None:
    """Let two columns be two again, as they were before `begin_dual_write`.

    :param table_name: the table.
    :param column_name: the column that the previous version of the app knows.
    :param new_name: the column that the running version knows.
    :param schema: the schema of the table.
    :rows: stay as they are.
    :databases: the same on each.
    """
    _execute_triggers(operations, (table_name, column_name, new_name), schema, _STOP)


@begin_dual_write.declares("reverse")
def _(op: LosslessOp) -> LosslessOp:
    return end_dual_write(*op.args, schema=op.schema)


@end_dual_write.declares("reverse")
def _(op: LosslessOp) -> LosslessOp:
    return begin_dual_write(*op.args, **op.kwargs)


def _execute_triggers(
    operations: Operations,
    columns: tuple[str, str, str],
    schema: str | None,
    statements: Mapping[str, tuple[str, ...]],
    unset: sa.ClauseElement | None = None,
) -> None:
    table, column, other = columns
    dialect = operations.get_context().dialect
    default = "NULL" if unset is None else sql.compiled(unset, dialect)
    names = Names(operations, table, schema)
    trigger = derived("step", table, column, other)
    old, new = names.quoted(column), names.quoted(other)
    for statement in statements["mysql" if names.is_mysql else names.dialect]:
        names.execute(
            statement.format(
                table=names.table,
                old=old,
                new=new,
                unset=default,
                body=sql.body(
                    _BODY.format(old=old, new=new, table=names.table, unset=default), ""
                ),
                bare=names.quoted(table),
                name=names.quoted(trigger),
                function=names.beside(trigger),
                insert=names.beside(derived(trigger, "i")),
                update=names.beside(derived(trigger, "u")),
            )
        )


_BODY = """
DECLARE unset {table}.{new}%TYPE := {unset};
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.{new}::text IS NOT DISTINCT FROM unset::text THEN NEW.{new} := NEW.{old};
        ELSE NEW.{old} := NEW.{new}; END IF;
    ELSIF NEW.{new}::text IS DISTINCT FROM OLD.{new}::text THEN NEW.{old} := NEW.{new};
    ELSIF NEW.{old}::text IS DISTINCT FROM OLD.{old}::text THEN NEW.{new} := NEW.{old};
    END IF;
    RETURN NEW;
END """
"""Values are compared as text: not each type has an equality, and some see no case."""

_KEEP = {
    "postgresql": (
        "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS {body}",
        """CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON {table}
FOR EACH ROW EXECUTE FUNCTION {function}()""",
    ),
    "mysql": (
        # One statement each: a script of --sql is cut at its semicolons.
        """CREATE TRIGGER {insert} BEFORE INSERT ON {table} FOR EACH ROW
    SET NEW.{old} = if(NEW.{new} <=> {unset} AND NOT (NEW.{old} <=> {unset}
            AND NOT CAST(NEW.{new} AS BINARY) <=> CAST({unset} AS BINARY)),
            NEW.{old}, NEW.{new}),
        NEW.{new} = NEW.{old}""",
        """CREATE TRIGGER {update} BEFORE UPDATE ON {table} FOR EACH ROW
    SET NEW.{old} = if(NEW.{new} <=> OLD.{new}
            AND CAST(NEW.{new} AS BINARY) <=> CAST(OLD.{new} AS BINARY),
            NEW.{old}, NEW.{new}),
        NEW.{new} = NEW.{old}""",
    ),
    "sqlite": (
        # NEW would have no affinity, and 1.5 be another value than '1.5'. The table is
        # that of the trigger's own file, and must not be said to be.
        """CREATE TRIGGER {insert} AFTER INSERT ON {bare} FOR EACH ROW BEGIN
    UPDATE {bare} SET
        {new} = iif({new} COLLATE BINARY IS NOT {unset}, {new}, {old}),
        {old} = iif({new} COLLATE BINARY IS NOT {unset}, {new}, {old})
    WHERE rowid = NEW.rowid;
END""",
        """CREATE TRIGGER {update} AFTER UPDATE OF {old}, {new} ON {bare} FOR EACH ROW
WHEN NEW.{old} COLLATE BINARY IS NOT NEW.{new} BEGIN
    UPDATE {bare} SET
        {old} = iif(NEW.{new} COLLATE BINARY IS NOT OLD.{new}, NEW.{new}, NEW.{old}),
        {new} = iif(NEW.{new} COLLATE BINARY IS NOT OLD.{new}, NEW.{new}, NEW.{old})
    WHERE rowid = NEW.rowid;
END""",
    ),
}
"""What keeps a column `old` and a column `new` the same, by the kind of database."""

_STOP = {
    "postgresql": ("DROP TRIGGER {name} ON {table}", "DROP FUNCTION {function}()"),
    "mysql": ("DROP TRIGGER {insert}", "DROP TRIGGER {update}"),
    "sqlite": ("DROP TRIGGER {insert}", "DROP TRIGGER {update}"),
}

OPTIONS = ("start", "increment", "minvalue", "maxvalue", "cache", "cycle")

SET_EXPRESSION = (17,)
"""The first PostgreSQL that changes a formula in place."""


@operation()
def alter_generated(  # noqa: PLR0913  what a revision has to say
    operations: Operations,
    table_name: str,
    column_name: str,
    type_: TypeEngine[Any],
    new: sa.Computed | sa.Identity | None,
    *,
    existing: sa.Computed | sa.Identity | None,
    counts: bool = False,
    nullable: bool = True,
    comment: str | None = None,
    schema: str | None = None,
) -> None:
    """Let a column have another formula, or an identity, another one, or none.

    :param table_name: the table.
    :param column_name: the column.
    :param type_: the type of the column.
    :param new: a formula or an identity; None where an identity is dropped.
    :param existing: what there is now.
    :param counts: whether the column counts by itself without an identity.
    :param nullable: whether a computed column may be NULL.
    :param comment: the comment of a computed column.
    :param schema: the schema of the table.
    :rows: get the values of a new formula; an identity changes none.
    :databases: PostgreSQL alone has identities. A new one goes on behind the highest
        value; without one a key counts by itself. Elsewhere nothing happens.
    :raises CommandError: when a column must be made anew and something uses it.
    """
    names = Names(operations, table_name, schema)
    if isinstance(new, sa.Computed):
        kept: Any = {"nullable": nullable, "comment": comment}
        _compute(names, sa.Column(column_name, type_, new, **kept), existing)
    elif names.dialect == "postgresql":
        found: sa.Column[Any] = sa.Column(column_name, type_)
        _identify(names, found, existing, new, counts=counts)


@alter_generated.declares("as_alembic")
def _(op: LosslessOp) -> ops.AlterColumnOp:
    """Return the change of the column."""
    return altering(
        op,
        op.column_name,
        existing_type=op.type_,
        existing_server_default=op.existing,
        modify_server_default=op.new,
    )


@alter_generated.declares("stops_like")
def _(op: LosslessOp) -> MigrateOperation:
    """Return what computes the values of all rows, where a formula changes."""
    if not isinstance(op.new, sa.Computed):
        return op
    formula = sa.Computed(op.new.sqltext, persisted=op.new.persisted)
    made = sa.Column(op.column_name, op.type_, formula)
    return ops.AddColumnOp(op.table_name, made, schema=op.schema)


def _compute(names: Names, column: sa.Column[Any], old: object) -> None:
    dialect = names.operations.get_context().dialect
    computed: Any = column.computed
    stays = bool(computed.persisted) is bool(getattr(old, "persisted", False))
    in_place = names.is_mysql and stays
    version: tuple[int, ...] = getattr(dialect, "server_version_info", None) or ()
    if names.dialect == "postgresql" and version >= SET_EXPRESSION:
        formula = sql.compiled(computed.sqltext, dialect)
        names.execute(
            f"ALTER TABLE {names.table} ALTER COLUMN {names.quoted(column.name)}"
            f" SET EXPRESSION AS ({formula})"
        )
    elif in_place:
        words = names.name, column.name, column, names.schema
        names.operations.execute(change_column(*words, dialect))
    else:
        if names.dialect != "sqlite":
            _refuse_users(names, column.name)
        operations = names.operations
        with operations.batch_alter_table(names.name, schema=names.schema) as batch:
            batch.drop_column(column.name)
            batch.add_column(column)


def _refuse_users(names: Names, column: str) -> None:
    """Refuse to make a column anew that an index or a constraint would go with."""
    if names.offline:
        return
    inspector = inspector_of(names.bind())
    at = names.name, names.schema
    found: list[Any] = [
        *inspector.get_indexes(*at),
        *inspector.get_unique_constraints(*at),
        *inspector.get_foreign_keys(*at),
    ]
    columns = ("column_names", "constrained_columns", "include_columns")
    users = {
        str(it["name"])
        for it in found
        if any(column in (it.get(where) or ()) for where in columns)
    }
    if users:
        raise CommandError(
            f"{names.name}.{column} is made anew, and {', '.join(sorted(users))} would"
            " go with it. Let the revision drop that before, and create it after."
        )


def _identify(
    names: Names, found: sa.Column[Any], old: Any, new: Any, *, counts: bool
) -> None:
    """Give a column of PostgreSQL an identity, change it, or let the key count."""
    table, column = names.name, found.name
    alter = f"ALTER TABLE {names.table} ALTER COLUMN {names.quoted(column)}"
    if old is not None and new is not None:
        given = {name: getattr(new, name) for name in OPTIONS}
        kind = "ALWAYS" if new.always else "BY DEFAULT"
        words = [f"GENERATED {kind}", *option_words(given, names.dialect)]
        names.execute(f"{alter} SET {' SET '.join(words)}")
        return
    own = sequence_of(table, column)
    sequence = Names(names.operations, own, names.schema).table
    if old is None and counts:
        names.execute(f"{alter} DROP DEFAULT")
        names.execute(f"DROP SEQUENCE IF EXISTS {sequence}")
    names.operations.alter_column(
        table,
        column,
        schema=names.schema,
        server_default=new,
        existing_server_default=old,
    )
    if new is None and counts:
        kind = found.type.compile(dialect=names.operations.get_context().dialect)
        owner = f"OWNED BY {names.table}.{names.quoted(column)}"
        names.execute(f"CREATE SEQUENCE {sequence} AS {kind} {owner}")
        names.execute(f"{alter} SET DEFAULT nextval({names.literal(sequence)})")
    if new is not None or counts:
        _go_on(names, column)


def _go_on(names: Names, column: str) -> None:
    """Let what counts a column go on behind the highest value that it has."""
    where = f"{names.literal(names.table)}, {names.literal(column)}"
    counter, quoted = f"pg_get_serial_sequence({where})", names.quoted(column)
    names.execute(
        f"SELECT setval({counter}, max({quoted})) FROM {names.table}"  # noqa: S608  names
        f" HAVING max({quoted}) IS NOT NULL"
    )


DEPENDENTS = """
SELECT pg_describe_object(classid, objid, objsubid) FROM pg_depend
WHERE refclassid = 'pg_class'::regclass AND refobjid = to_regclass(:table)
AND refobjsubid = (SELECT attnum FROM pg_attribute
    WHERE attrelid = to_regclass(:table) AND attname = :column)
AND NOT (classid = 'pg_attrdef'::regclass AND deptype IN ('a', 'i'))
AND classid <> 'pg_trigger'::regclass
AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE oid = objid AND contype = 'n')
"""
"""What PostgreSQL would drop with a column, or would not drop it for."""


@operation()
def alter_type_concurrently(  # noqa: PLR0913  as of op.alter_column
    operations: Operations,
    table_name: str,
    column_name: str,
    type_: TypeEngine[Any],
    *,
    existing_type: TypeEngine[Any],
    existing_nullable: bool = True,
    existing_server_default: Any = None,
    existing_comment: str | None = None,
    postgresql_using: str | None = None,
    schema: str | None = None,
) -> None:
    """Give a column another type while others read and write it.

    :param table_name: the table.
    :param column_name: the column.
    :param type_: its new type.
    :param existing_type: the type that it has.
    :param existing_nullable: whether it may be NULL.
    :param existing_server_default: its default, if it has one.
    :param existing_comment: its comment, if it has one.
    :param postgresql_using: what converts a value, as of `op.alter_column`.
    :param schema: the schema of the table.
    :rows: are converted, in batches as of `backfill`.
    :databases: on PostgreSQL they are copied to a column that then takes the place of
        the old one, behind the others. Elsewhere it is `op.alter_column`.
    :raises CommandError: on PostgreSQL, when an index, a constraint or a view uses
        the column: these would go with it.
    """
    names = Names(operations, table_name, schema)
    existing = {
        "existing_type": existing_type,
        "existing_nullable": existing_nullable,
        "existing_server_default": existing_server_default,
        "existing_comment": existing_comment,
    }
    if names.dialect != "postgresql" or names.journal is None or not names.is_alone:
        if postgresql_using:
            existing["postgresql_using"] = postgresql_using
        with operations.batch_alter_table(table_name, schema=schema) as batch:
            batch.alter_column(column_name, type_=type_, **existing)
        return
    look = partial(_refuse_dependents, names, column_name)
    names.journal.run(f"look at {table_name}.{column_name}", look)
    copied = derived(column_name, "retyped")
    fresh: sa.Column[Any] = sa.Column(copied, type_, comment=existing_comment)
    operations.add_column(table_name, fresh, schema=schema)
    trigger = derived("retype", table_name, column_name)
    old, new = names.quoted(column_name), names.quoted(copied)
    for statement in _retype(names, trigger, old, new, postgresql_using):
        names.execute(statement)
    value: sa.ColumnClause[Any] = sa.literal_column(str(postgresql_using or old))
    operations.invoke(backfill(table_name, copied, value, schema=schema))
    if not existing_nullable:
        operations.invoke(
            set_not_null(table_name, copied, schema=schema, existing_type=type_)
        )
    if (default := existing_server_default) is not None:
        operations.alter_column(
            table_name, copied, server_default=default, schema=schema
        )
    _swap(names, trigger, old, new)


@alter_type_concurrently.declares("as_alembic")
def _(op: LosslessOp) -> ops.AlterColumnOp:
    """Return the change of the column."""
    using = op.postgresql_using
    return altering(
        op,
        op.column_name,
        modify_type=op.type_,
        existing_type=op.existing_type,
        existing_nullable=op.existing_nullable,
        existing_server_default=op.existing_server_default,
        existing_comment=op.existing_comment,
        **({"postgresql_using": using} if using else {}),
    )


def _retype(
    names: Names, trigger: str, old: str, new: str, using: str | None
) -> Iterator[str]:
    """Give what lets a trigger fill the copy of a column.

    A conversion speaks of the column by its bare name: the row becomes a table of one.
    """
    name, function = names.quoted(trigger), names.beside(trigger)
    row = f"(SELECT {using} FROM (SELECT NEW.*) AS row)"  # noqa: S608  a draft's own
    value = row if using else f"NEW.{old}"
    body = sql.body(f" BEGIN NEW.{new} := {value}; RETURN NEW; END ", "")
    yield f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS {body}"
    yield (
        f"CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON {names.table}"
        f" FOR EACH ROW EXECUTE FUNCTION {function}()"
    )


def _swap(names: Names, trigger: str, old: str, new: str) -> None:
    """Let the copy take the place of the column, in one statement of an instant."""
    steps = (
        f"DROP TRIGGER {names.quoted(trigger)} ON {names.table}",
        f"DROP FUNCTION {names.beside(trigger)}()",
        f"ALTER TABLE {names.table} DROP COLUMN {old}",
        f"ALTER TABLE {names.table} RENAME COLUMN {new} TO {old}",
    )
    names.execute("DO " + sql.body(f"BEGIN {'; '.join(steps)}; END", ""))


@rule("used", "guard", "A column is to be copied, and an index or a key uses it.")
def _refuse_dependents(names: Names, column: str) -> None:
    given = {"table": names.table, "column": column}
    found = list(names.bind().scalars(sa.text(DEPENDENTS), given))
    if found:
        raise PermanentError(
            f"{names.name}.{column} cannot be copied while others write: these use it:"
            f" {'; '.join(found)}.\nDrop them first and make them again after, or use"
            " op.alter_column outside the autocommit_block(), in a quiet hour."
        )
