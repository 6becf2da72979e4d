"""What generates a column's values, its type, its second name, its other options."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import sqlalchemy as sa
from alembic.operations import MigrateOperation, Operations, ops
from alembic.util import CommandError
from sqlalchemy.types import TypeEngine

from ..rules import rule
from ..types.portable import SQLType
from .backfill import FillInBatchesOp
from .base import LosslessOp, Names, derived
from .constraints import SetNotNullOp
from .keys import sequence_of
from .objects import option_words


@Operations.register_operation("sql_type")
class SQLTypeOp(MigrateOperation):
    """Only the place where Alembic finds `op.sql_type`; it changes nothing."""

    @classmethod
    def sql_type(cls, operations: Operations, sql: str) -> SQLType:  # noqa: ARG003
        """Return a type by the words that a database has for it.

        A revision imports no class of a model or a package, which may be gone in years.

        :param sql: these words, which stand in the statement as they are.
        """
        return SQLType(sql)


@Operations.register_operation("changed_by_hand")
class ChangedByHandOp(LosslessOp):
    """Say that a table or a column has other options from here on."""

    function = "changed_by_hand"

    def __init__(self, *where: str, schema: str | None = None, **options: Any) -> None:
        """Take the table, perhaps a column, and the options."""
        self.old: dict[str, Any] = options.pop("existing", {})
        super().__init__(*where, schema=schema, **options)

    def reverse(self) -> MigrateOperation:
        """Return the way back."""
        return ChangedByHandOp(
            *self.arguments, schema=self.schema, **self.old, existing=self.options
        )

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """Return what the Python API of `check` has of it."""
        return "modify_options", self.schema, *self.arguments, self.old, self.options

    @classmethod
    def changed_by_hand(
        cls,
        operations: Operations,
        table_name: str,
        column_name: str | None = None,
        *,
        schema: str | None = None,
        **options: Any,
    ) -> None:
        """Say which options a table or a column has now; it does nothing else.

        Later drafts compare the models with it. The statement that changes them stands
        beside it, in an `op.execute`.

        :param options: for example `mysql_engine="Aria"`, as the model has it.
        """
        where = (table_name, column_name) if column_name else (table_name,)
        operations.invoke(cls(*where, schema=schema, **options))


@Operations.implementation_for(ChangedByHandOp)
def _do_nothing(_operations: Operations, _op: ChangedByHandOp) -> None:
    """Do nothing: who wrote the revision did it."""


@Operations.register_operation("keep_in_step")
class KeepInStepOp(LosslessOp):
    """Begin to keep two columns of a table the same."""

    function = "keep_in_step"

    @classmethod
    def keep_in_step(
        cls,
        operations: Operations,
        table_name: str,
        column_name: str,
        new_name: str,
        *,
        schema: str | None = None,
    ) -> None:
        """Let each write to one of two columns be a write to both.

        A row that is inserted with the new one takes the old one from it, any other row
        the new from the old; of two that an UPDATE changes, the new one counts. The
        rows there are get what they lack in either, a few at a time.
        """
        operations.invoke(cls(table_name, column_name, new_name, schema=schema))

    def reverse(self) -> "StopKeepingInStepOp":
        """Return what lets the columns be two again."""
        return StopKeepingInStepOp(*self.arguments, schema=self.schema)


@Operations.register_operation("stop_keeping_in_step")
class StopKeepingInStepOp(LosslessOp):
    """Stop to keep two columns of a table the same."""

    function = "stop_keeping_in_step"

    @classmethod
    def stop_keeping_in_step(
        cls,
        operations: Operations,
        table_name: str,
        column_name: str,
        new_name: str,
        *,
        schema: str | None = None,
    ) -> None:
        """Let two columns be two again."""
        operations.invoke(cls(table_name, column_name, new_name, schema=schema))

    def reverse(self) -> KeepInStepOp:
        """Return what keeps the columns the same again."""
        return KeepInStepOp(*self.arguments, schema=self.schema)


@Operations.implementation_for(KeepInStepOp)
def _keep_in_step(operations: Operations, op: KeepInStepOp) -> None:
    _execute_triggers(operations, op, _KEEP)
    table, old, new = op.arguments
    for column, source in ((new, old), (old, new)):
        fill = FillInBatchesOp(table, column, sa.column(source), schema=op.schema)
        operations.invoke(fill)


@Operations.implementation_for(StopKeepingInStepOp)
def _stop(operations: Operations, op: StopKeepingInStepOp) -> None:
    _execute_triggers(operations, op, _STOP)


def _execute_triggers(
    operations: Operations, op: LosslessOp, statements: Mapping[str, tuple[str, ...]]
) -> None:
    table, column, other = op.arguments
    names = Names(operations, table, op.schema)
    trigger = derived("step", table, column, other)
    old, new = names.quoted(column), names.quoted(other)
    for statement in statements["mysql" if names.is_mysql else names.dialect]:
        names.execute(
            statement.format(
                table=names.table,
                old=old,
                new=new,
                name=names.quoted(trigger),
                insert=names.quoted(derived(trigger, "i")),
                update=names.quoted(derived(trigger, "u")),
            )
        )


_KEEP = {
    "postgresql": (
        """CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.{new} IS NULL THEN NEW.{new} := NEW.{old};
        ELSE NEW.{old} := NEW.{new}; END IF;
    ELSIF NEW.{new} IS DISTINCT FROM OLD.{new} THEN NEW.{old} := NEW.{new};
    ELSIF NEW.{old} IS DISTINCT FROM OLD.{old} THEN NEW.{new} := NEW.{old};
    END IF;
    RETURN NEW;
END $$""",
        """CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON {table}
FOR EACH ROW EXECUTE FUNCTION {name}()""",
    ),
    "mysql": (
        """CREATE TRIGGER {insert} BEFORE INSERT ON {table} FOR EACH ROW
    IF NEW.{new} IS NULL THEN SET NEW.{new} = NEW.{old};
    ELSE SET NEW.{old} = NEW.{new}; END IF""",
        """CREATE TRIGGER {update} BEFORE UPDATE ON {table} FOR EACH ROW
    IF NOT NEW.{new} <=> OLD.{new} THEN SET NEW.{old} = NEW.{new};
    ELSEIF NOT NEW.{old} <=> OLD.{old} THEN SET NEW.{new} = NEW.{old}; END IF""",
    ),
    "sqlite": (
        """CREATE TRIGGER {insert} AFTER INSERT ON {table} FOR EACH ROW BEGIN
    UPDATE {table} SET {new} = coalesce(NEW.{new}, NEW.{old}),
        {old} = coalesce(NEW.{new}, NEW.{old}) WHERE rowid = NEW.rowid;
END""",
        """CREATE TRIGGER {update} AFTER UPDATE OF {old}, {new} ON {table} FOR EACH ROW
WHEN NEW.{old} IS NOT NEW.{new} BEGIN
    UPDATE {table} SET
        {old} = iif(NEW.{new} IS NOT OLD.{new}, NEW.{new}, NEW.{old}),
        {new} = iif(NEW.{new} IS NOT OLD.{new}, NEW.{new}, NEW.{old})
    WHERE rowid = NEW.rowid;
END""",
    ),
}
"""What keeps a column `old` and a column `new` the same, by the kind of database."""


_STOP = {
    "postgresql": ("DROP TRIGGER {name} ON {table}", "DROP FUNCTION {name}()"),
    "mysql": ("DROP TRIGGER {insert}", "DROP TRIGGER {update}"),
    "sqlite": ("DROP TRIGGER {insert}", "DROP TRIGGER {update}"),
}


Generator = sa.Computed | sa.Identity | None


OPTIONS = ("start", "increment", "minvalue", "maxvalue", "cache", "cycle")


SET_EXPRESSION = (17,)
"""The first PostgreSQL that changes a formula in place."""


@Operations.register_operation("alter_generated")
class AlterGeneratedOp(LosslessOp):
    """Change the formula or the identity of a column."""

    function = "alter_generated"

    def as_alembic(self) -> ops.AlterColumnOp:
        """Return the change of the column."""
        table, column, type_, new = self.arguments
        return ops.AlterColumnOp(
            table,
            column,
            schema=self.schema,
            existing_type=type_,
            existing_server_default=self.options["existing"],
            modify_server_default=new,
        )

    def stops_like(self) -> MigrateOperation:
        """Return what computes the values of all rows, where a formula changes."""
        table, column, type_, new = self.arguments
        if not isinstance(new, sa.Computed):
            return self
        formula = sa.Computed(new.sqltext, persisted=new.persisted)
        made = sa.Column(column, type_, formula)
        return ops.AddColumnOp(table, made, schema=self.schema)

    @classmethod
    def alter_generated(  # noqa: PLR0913  what a revision has to say
        cls,
        operations: Operations,
        table_name: str,
        column_name: str,
        type_: TypeEngine[Any],
        new: Generator,
        *,
        existing: Generator,
        counts: bool = False,
        schema: str | None = None,
    ) -> None:
        """Let a column have another formula, or an identity, another one, or none.

        A formula computes the values of all rows again. An identity, which PostgreSQL
        alone has, goes on behind the highest value; without one a key counts by itself.

        :param type_: the type of the column.
        :param new: a formula or an identity; None where an identity goes.
        :param existing: what there is now.
        :param counts: whether the column counts by itself without an identity.
        :raises CommandError: when a column must be made anew and something uses it.
        """
        arguments = table_name, column_name, type_, new
        operations.invoke(
            cls(*arguments, schema=schema, existing=existing, counts=counts)
        )


@Operations.implementation_for(AlterGeneratedOp)
def _alter_generated(operations: Operations, op: AlterGeneratedOp) -> None:
    table, column, type_, new = op.arguments
    names = Names(operations, table, op.schema)
    if isinstance(new, sa.Computed):
        _compute(names, sa.Column(column, type_, new), op.options["existing"])
    elif names.dialect == "postgresql":
        _identify(names, op)


def _compute(names: Names, column: sa.Column[Any], old: sa.Computed) -> None:
    dialect = names.operations.get_context().dialect
    computed: Any = column.computed
    stays = bool(computed.persisted) is bool(old.persisted)
    in_place = names.is_mysql and stays
    version: tuple[int, ...] = getattr(dialect, "server_version_info", None) or ()
    if names.dialect == "postgresql" and version >= SET_EXPRESSION:
        formula = computed.sqltext.compile(
            dialect=dialect, compile_kwargs={"literal_binds": True}
        )
        names.execute(
            f"ALTER TABLE {names.table} ALTER COLUMN {names.quoted(column.name)}"
            f" SET EXPRESSION AS ({formula})"
        )
    elif in_place:
        sa.Table(names.name, sa.MetaData(), column, schema=names.schema)
        compiler: Any = dialect.ddl_compiler(dialect, None)  # type: ignore[arg-type]
        names.execute(
            f"ALTER TABLE {names.table} MODIFY"
            f" {compiler.get_column_specification(column)}"
        )
    else:
        if names.dialect != "sqlite":
            _refuse_users(names, column.name)
        operations = names.operations
        with operations.batch_alter_table(names.name, schema=names.schema) as batch:
            batch.drop_column(column.name)
            batch.add_column(column)


def _refuse_users(names: Names, column: str) -> None:
    """Refuse to make a column anew that an index or a constraint would go with.

    :raises CommandError: with the names of what uses it.
    """
    if names.offline:
        return
    inspector = sa.inspect(names.bind())
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


def _identify(names: Names, op: AlterGeneratedOp) -> None:
    """Give a column of PostgreSQL an identity, change it, or let the key count."""
    table, column, type_, new = op.arguments
    old, counts = op.options["existing"], op.options.get("counts")
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
        schema=op.schema,
        server_default=new,
        existing_server_default=old,
    )
    if new is None and counts:
        kind = type_.compile(dialect=names.operations.get_context().dialect)
        owner = f"OWNED BY {names.table}.{names.quoted(column)}"
        names.execute(f"CREATE SEQUENCE {sequence} AS {kind} {owner}")
        names.execute(f"{alter} SET DEFAULT nextval('{sequence}')")
    if new is not None or counts:
        _go_on(names, column)


def _go_on(names: Names, column: str) -> None:
    """Let what counts a column go on behind the highest value that it has."""
    counter = f"pg_get_serial_sequence('{names.table}', '{column}')"
    quoted = names.quoted(column)
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


@Operations.register_operation("alter_type_concurrently")
class AlterTypeConcurrentlyOp(LosslessOp):
    """Give a column of a table in use another type."""

    function = "alter_type_concurrently"

    def as_alembic(self) -> ops.AlterColumnOp:
        """Return the change of the column."""
        table, column, new_type = self.arguments
        change = {"modify_type": new_type, **self.options}
        return ops.AlterColumnOp(table, column, schema=self.schema, **change)

    @classmethod
    def alter_type_concurrently(  # noqa: PLR0913  as of op.alter_column
        cls,
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

        On PostgreSQL the rows are copied to a column that then takes its place, behind
        the others. Elsewhere it is `op.alter_column`.

        :raises CommandError: on PostgreSQL, when an index, a constraint or a view uses
            the column: these would go with it.
        """
        existing = {
            "existing_type": existing_type,
            "existing_nullable": existing_nullable,
            "existing_server_default": existing_server_default,
            "existing_comment": existing_comment,
        }
        if postgresql_using:
            existing["postgresql_using"] = postgresql_using
        change = cls(table_name, column_name, type_, schema=schema, **existing)
        operations.invoke(change)


@Operations.implementation_for(AlterTypeConcurrentlyOp)
def _alter_type(operations: Operations, op: AlterTypeConcurrentlyOp) -> None:
    table, column, new_type = op.arguments
    names = Names(operations, table, op.schema)
    if names.dialect != "postgresql" or names.journal is None or not names.is_alone:
        with operations.batch_alter_table(table, schema=op.schema) as batch:
            batch.alter_column(column, type_=new_type, **op.options)
        return
    look = partial(_refuse_dependents, names, column)
    names.journal.run(f"look at {table}.{column}", look)
    existing, using = op.options, op.options.get("postgresql_using")
    copied = derived(column, "retyped")
    fresh: sa.Column[Any] = sa.Column(
        copied, new_type, comment=existing["existing_comment"]
    )
    operations.add_column(table, fresh, schema=op.schema)
    name = names.quoted(derived("retype", table, column))
    old, new = names.quoted(column), names.quoted(copied)
    for statement in _retype(names.table, name, old, new, using):
        names.execute(statement)
    value: sa.ColumnClause[Any] = sa.literal_column(str(using or old))
    operations.invoke(FillInBatchesOp(table, copied, value, schema=op.schema))
    if not existing["existing_nullable"]:
        proved = SetNotNullOp(table, copied, schema=op.schema, existing_type=new_type)
        operations.invoke(proved)
    if (default := existing["existing_server_default"]) is not None:
        operations.alter_column(table, copied, server_default=default, schema=op.schema)
    _swap(names, name, old, new)


def _retype(
    table: str, name: str, old: str, new: str, using: str | None
) -> Iterator[str]:
    """Give what lets a trigger fill the copy of a column.

    A conversion speaks of the column by its bare name: the row becomes a table of one.
    """
    row = f"(SELECT {using} FROM (SELECT NEW.*) AS row)"  # noqa: S608  a draft's own
    value = row if using else f"NEW.{old}"
    yield (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN NEW.{new} := {value}; RETURN NEW; END $$"
    )
    yield (
        f"CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON {table}"
        f" FOR EACH ROW EXECUTE FUNCTION {name}()"
    )


def _swap(names: Names, name: str, old: str, new: str) -> None:
    """Let the copy take the place of the column, in one transaction of an instant."""
    table, bind = names.table, names.bind()
    steps = (
        f"DROP TRIGGER {name} ON {table}",
        f"DROP FUNCTION {name}()",
        f"ALTER TABLE {table} DROP COLUMN {old}",
        f"ALTER TABLE {table} RENAME COLUMN {new} TO {old}",
    )

    def swap() -> None:
        for statement in steps:
            bind.exec_driver_sql(statement)

    if names.journal is not None:
        names.journal.run("; ".join(steps), swap)


@rule("used", "guard", "A column is to be copied, and an index or a key uses it.")
def _refuse_dependents(names: Names, column: str) -> None:
    given = {"table": names.table, "column": column}
    found = list(names.bind().scalars(sa.text(DEPENDENTS), given))
    if found:
        raise CommandError(
            f"{names.name}.{column} cannot be copied while others write: these use it:"
            f" {'; '.join(found)}.\nDrop them first and make them again after, or use"
            " op.alter_column outside the autocommit_block(), in a quiet hour."
        )
