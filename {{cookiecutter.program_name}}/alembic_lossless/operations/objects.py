"""Enums, sequences and schemas: objects beside the tables, where there are any."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic.operations import MigrateOperation, Operations
from alembic.util import CommandError
from sqlalchemy.schema import CreateSchema, CreateSequence, DropSequence

from ..runtime.recovery import journal_of
from .base import LosslessOp, Names, dialect_of, table

REPLACE_ENUM = """\
DO $enum$
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
END $enum$"""
"""Replace a type, and move every column of it, or of arrays of it, to the new one.

Indexes and constraints that compare such a column are made again: PostgreSQL has no
operator between the two types. The old one keeps its name until it goes, so that an
error speaks of it by that.
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
    if {renamed.get(value, value) for value in old} != set(new):
        aside = f"{name}__new"
        made = _identifier(aside, schema)
        yield REPLACE_ENUM.format(
            literal=_literal(quoted),
            new=_literal(made),
            create=_sql_to_create(aside, new, schema=schema),
            drop=_sql_to_drop(name, schema=schema),
            rename=f"ALTER TYPE {made} RENAME TO {_identifier(name)}",
        )


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
    quoted = '"' + name.replace('"', '""') + '"'
    return f"{_identifier(schema)}.{quoted}" if schema else quoted


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _literals(values: Sequence[str]) -> str:
    return ", ".join(map(_literal, values))


@Operations.register_operation("create_enum")
class CreateEnumOp(LosslessOp):
    """Make the type of an Enum."""

    function = "create_enum"

    @classmethod
    def create_enum(
        cls,
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
        """
        operations.invoke(cls(name, values, schema=schema))


@Operations.implementation_for(CreateEnumOp)
def _create_enum(operations: Operations, op: CreateEnumOp) -> None:
    if _on_postgresql(operations):
        _execute_literally(operations, _sql_to_create(*op.arguments, schema=op.schema))


@Operations.register_operation("drop_enum")
class DropEnumOp(LosslessOp):
    """Drop the type of an Enum."""

    function = "drop_enum"

    @classmethod
    def drop_enum(
        cls, operations: Operations, name: str, *, schema: str | None = None
    ) -> None:
        """Drop the type of an Enum, which on PostgreSQL outlives its columns.

        :param name: the name of the type.
        :param schema: the schema of the type.
        """
        operations.invoke(cls(name, schema=schema))


@Operations.implementation_for(DropEnumOp)
def _drop_enum(operations: Operations, op: DropEnumOp) -> None:
    if _on_postgresql(operations):
        _execute_literally(operations, _sql_to_drop(*op.arguments, schema=op.schema))


@Operations.register_operation("change_enum")
class ChangeEnumOp(LosslessOp):
    """Change the values that the type of an Enum has."""

    function = "change_enum"

    @classmethod
    def change_enum(  # noqa: PLR0913  what a revision has to say
        cls,
        operations: Operations,
        name: str,
        old: Sequence[str],
        new: Sequence[str],
        renamed: Mapping[str, str],
        *,
        schema: str | None = None,
    ) -> None:
        """Change the values that the type of an Enum has on PostgreSQL.

        :param name: the name of the type.
        :param old: its values before.
        :param new: its values after.
        :param renamed: a value of `old` -> its name in `new`.
        :param schema: the schema of the type.
        """
        operations.invoke(cls(name, old, new, renamed, schema=schema))


@Operations.implementation_for(ChangeEnumOp)
def _change_enum(operations: Operations, op: ChangeEnumOp) -> None:
    if not _on_postgresql(operations):
        return
    name, old, new, renamed = op.arguments
    journal = journal_of(operations.get_context())
    apart = journal is not None and journal.commits()
    # A value cannot be used before it is committed: here it is, by itself.
    if apart and not renamed and adds_only(old, new):
        statements = _sql_to_add(name, old, new, schema=op.schema)
    else:
        statements = _sql_to_change(name, old, new, renamed, schema=op.schema)
    for statement in statements:
        _execute_literally(operations, statement)


def adds_only(old: Sequence[str], new: Sequence[str]) -> bool:
    """Tell whether an Enum gets more values, and those it has stay in order."""
    return [value for value in new if value in old] == list(old)


@Operations.register_operation("rename_enum_value")
class RenameEnumValueOp(LosslessOp):
    """Give the rows with a value of an Enum its new name."""

    function = "rename_enum_value"

    @classmethod
    def rename_enum_value(  # noqa: PLR0913  what a revision has to say
        cls,
        operations: Operations,
        table_name: str,
        column_name: str,
        value: str,
        name: str,
        *,
        schema: str | None = None,
    ) -> None:
        """Give the rows with a value of an Enum its new name.

        On PostgreSQL there are none: they took the name when their type did.

        :param table_name: the table.
        :param column_name: the column with the Enum.
        :param value: what the rows have.
        :param name: what they get.
        :param schema: the schema of the table.
        """
        operations.invoke(cls(table_name, column_name, value, name, schema=schema))


@Operations.implementation_for(RenameEnumValueOp)
def _rename_enum_value(operations: Operations, op: RenameEnumValueOp) -> None:
    if not _on_postgresql(operations):
        name, column, value, becomes = op.arguments
        target = table(op, name, column)
        found = target.c[column] == operations.inline_literal(value)
        rows = target.update().where(found)
        operations.execute(rows.values({column: operations.inline_literal(becomes)}))


def _on_postgresql(operations: Operations) -> bool:
    return dialect_of(operations) == "postgresql"


def _execute_literally(operations: Operations, statement: str) -> None:
    # A colon in a value is no parameter.
    operations.execute(sa.text(statement.replace(":", r"\:")))


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


class SequenceOp(LosslessOp):
    """What happens to a sequence, by its name and its options."""

    @property
    def given(self) -> dict[str, Any]:
        """The options that the sequence itself has."""
        return {name: it for name, it in self.options.items() if name not in OF_CALL}

    @property
    def sequence(self) -> sa.Sequence:
        """The sequence, with the options that it has or gets."""
        name: str = self.arguments[0]
        return sa.Sequence(name, schema=self.schema, **self.given)


def _has_sequences(operations: Operations) -> bool:
    return operations.get_context().dialect.supports_sequences


@Operations.register_operation("create_sequence")
class CreateSequenceOp(SequenceOp):
    """Make a sequence."""

    function = "create_sequence"

    def reverse(self) -> MigrateOperation:
        """Return what drops it; its options are for the way back."""
        options = dict(self.options)
        if options.pop("if_not_exists", False):
            options["if_exists"] = True
        return DropSequenceOp(*self.arguments, schema=self.schema, **options)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """Return what the Python API of `check` has of it."""
        return "add_sequence", self.sequence

    @classmethod
    def create_sequence(cls, operations: Operations, name: str, **options: Any) -> None:
        """Make a sequence, where the database has them.

        :param options: what `sa.Sequence` takes, and `if_not_exists`.
        """
        operations.invoke(cls(name, **options))


@Operations.implementation_for(CreateSequenceOp)
def _create_sequence(operations: Operations, op: CreateSequenceOp) -> None:
    if _has_sequences(operations):
        anyway = op.options.get("if_not_exists", False)
        operations.execute(CreateSequence(op.sequence, if_not_exists=anyway))


@Operations.register_operation("drop_sequence")
class DropSequenceOp(SequenceOp):
    """Drop a sequence."""

    function = "drop_sequence"

    def reverse(self) -> MigrateOperation:
        """Return what makes it again."""
        options = dict(self.options)
        if options.pop("if_exists", False):
            options["if_not_exists"] = True
        return CreateSequenceOp(*self.arguments, schema=self.schema, **options)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """Return what the Python API of `check` has of it."""
        return "remove_sequence", self.sequence

    @classmethod
    def drop_sequence(cls, operations: Operations, name: str, **options: Any) -> None:
        """Drop a sequence, where the database has them.

        :param options: what it was made with, and `if_exists`.
        """
        operations.invoke(cls(name, **options))


@Operations.implementation_for(DropSequenceOp)
def _drop_sequence(operations: Operations, op: DropSequenceOp) -> None:
    if _has_sequences(operations):
        anyway = op.options.get("if_exists", False)
        operations.execute(DropSequence(op.sequence, if_exists=anyway))


@Operations.register_operation("alter_sequence")
class AlterSequenceOp(SequenceOp):
    """Change the options of a sequence."""

    function = "alter_sequence"

    def reverse(self) -> MigrateOperation:
        """Return the way back."""
        options = dict(self.options)
        old = options.pop("existing")
        return AlterSequenceOp(
            *self.arguments, schema=self.schema, **old, existing=options
        )

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """Return what the Python API of `check` has of it."""
        return "modify_sequence", self.sequence, self.options["existing"]

    @classmethod
    def alter_sequence(
        cls,
        operations: Operations,
        name: str,
        *,
        existing: Mapping[str, Any],
        **options: Any,
    ) -> None:
        """Change the options of a sequence; it goes on from where it is.

        :param existing: the options that it has.
        :param options: those that it gets, and no others.
        """
        operations.invoke(cls(name, **options, existing=existing))


@Operations.implementation_for(AlterSequenceOp)
def _alter_sequence(operations: Operations, op: AlterSequenceOp) -> None:
    if not _has_sequences(operations):
        return
    names = Names(operations, op.arguments[0], op.schema)
    words = [*option_words(op.options, names.dialect)]
    if names.dialect == "postgresql":
        kind = op.sequence.data_type or sa.BigInteger()
        words.append(f"AS {kind.compile(dialect=operations.get_context().dialect)}")
    names.execute(f"ALTER SEQUENCE {names.table} {' '.join(words)}")


ATTACH = (
    "SQLite has no schema {name!r}: attach a file under this name whenever a connection"
    " begins, leave schema= out of the models, or use PostgreSQL or MariaDB."
)


@Operations.register_operation("create_schema")
class CreateSchemaOp(LosslessOp):
    """Make the schema that tables are about to be in."""

    function = "create_schema"

    @classmethod
    def create_schema(cls, operations: Operations, name: str) -> None:
        """Make a schema, unless it is there.

        A downgrade leaves it: others may have tables in it.

        :raises CommandError: on SQLite, where no file is attached under its name.
        """
        operations.invoke(cls(name))


@Operations.implementation_for(CreateSchemaOp)
def _create_schema(operations: Operations, op: CreateSchemaOp) -> None:
    (name,) = op.arguments
    offline = operations.get_context().as_sql
    if not offline and has_schema(operations.get_bind(), name):
        return  # who may not make schemas needs no right to
    if dialect_of(operations) == "sqlite":
        raise CommandError(ATTACH.format(name=name))
    operations.execute(CreateSchema(name, if_not_exists=True))


def has_schema(connection: sa.Connection, name: str) -> bool:
    """Tell whether a database has a schema."""
    return name in sa.inspect(connection).get_schema_names()
