"""Constraints on tables in use: first for new rows, then for those there are.

On PostgreSQL each step is short or stops nobody; elsewhere the same call is one step.
So it is with indexes of partitioned tables, for which it has no CONCURRENTLY. And
constraints that have no name, or get another one.
"""

from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa
from alembic.operations import Operations, ops
from alembic.operations.schemaobj import SchemaObjects
from alembic.util import CommandError
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import SetConstraintComment
from sqlalchemy.sql.elements import conv
from sqlalchemy.types import TypeEngine

from .. import sql
from ..ddl.sqlite import Rebuild
from ..types.portable import kind_of
from ..types.reflection import inspector_of
from .base import Key, LosslessOp, Names, altering, derived, operation
from .guards import explain_duplicates, explain_orphans, explain_violation


@operation()
def validate_constraint(
    operations: Operations,
    constraint_name: str,
    table_name: str,
    *,
    schema: str | None = None,
) -> None:
    """Check the rows there are, while others go on writing.

    :param constraint_name: a foreign key or CHECK with `postgresql_not_valid=True`,
        as the revision calls it.
    :param table_name: the table that has it.
    :param schema: the schema of the table.
    :rows: are read, and none is changed.
    :databases: PostgreSQL checks a constraint that was added NOT VALID. On MariaDB the
        rows of a foreign key are looked at, which was made without that; on SQLite
        nothing happens.
    :raises CommandError: when rows violate it, with a count and an example.
    """
    names = Names(operations, table_name, schema)
    if names.dialect == "postgresql":
        name = _in_database(names, constraint_name)
        constraint = names.quoted(name)
        try:
            names.execute(f"ALTER TABLE {names.table} VALIDATE CONSTRAINT {constraint}")
        except IntegrityError as error:
            explain_violation(names, name, error)
    elif names.is_mysql and not operations.get_context().as_sql:
        explain_orphans(names, constraint_name)


def _in_database(names: Names, name: str) -> str:
    """Return the name of a constraint, or what the convention made of a CHECK's."""
    if names.offline:
        return name
    build = SchemaObjects(names.operations.get_context())
    check = build.generic_constraint(name, names.name, "check", schema=names.schema)
    checks = inspector_of(names.bind()).get_check_constraints(names.name, names.schema)
    found = {it["name"] for it in checks}
    return str(check.name) if name not in found and check.name in found else name


@operation()
def set_not_null(  # noqa: PLR0913  MariaDB hears the whole column again
    operations: Operations,
    table_name: str,
    column_name: str,
    *,
    existing_type: TypeEngine[Any],
    existing_server_default: Any = None,
    existing_comment: str | None = None,
    schema: str | None = None,
) -> None:
    """Forbid NULL in a column while others read and write it.

    :param table_name: the table.
    :param column_name: the column.
    :param existing_type: its type.
    :param existing_server_default: its default, if it has one.
    :param existing_comment: its comment, if it has one.
    :param schema: the schema of the table.
    :rows: are read, and none is changed.
    :databases: on PostgreSQL by a CHECK that is validated while others write; elsewhere
        it is `op.alter_column`.
    :raises CommandError: when there is a NULL, with a count and an example.
    """
    names = Names(operations, table_name, schema)
    if names.dialect != "postgresql":
        with operations.batch_alter_table(table_name, schema=schema) as batch:
            batch.alter_column(
                column_name,
                nullable=False,
                existing_nullable=True,
                existing_type=existing_type,
                existing_server_default=existing_server_default,
                existing_comment=existing_comment,
            )
        return
    name = derived("ck", table_name, column_name, "not_null")
    given = sa.column(column_name).is_not(None)
    proof = sa.CheckConstraint(given, name=name, postgresql_not_valid=True)
    sa.Table(table_name, sa.MetaData(), sa.Column(column_name), proof, schema=schema)
    operations.impl.add_constraint(proof)
    validate_constraint.function(operations, name, table_name, schema=schema)
    operations.alter_column(table_name, column_name, nullable=False, schema=schema)
    operations.impl.drop_constraint(proof)


@set_not_null.declares("as_alembic")
def _(op: LosslessOp) -> ops.AlterColumnOp:
    """Return the change of the column."""
    return altering(
        op,
        op.column_name,
        modify_nullable=False,
        existing_type=op.existing_type,
        existing_server_default=op.existing_server_default,
        existing_comment=op.existing_comment,
    )


@operation()
def create_unique_constraint_concurrently(
    operations: Operations,
    /,
    constraint_name: str,
    table_name: str,
    columns: Sequence[str],
    *,
    schema: str | None = None,
    **options: Any,
) -> None:
    """Build a unique index while others write, then make it the constraint.

    :param constraint_name: the name of the constraint, and of its index.
    :param table_name: the table.
    :param columns: those that are unique together.
    :param schema: the schema of the table.
    :param options: what else `op.create_unique_constraint` is given.
    :rows: are read, and none is changed.
    :databases: on PostgreSQL the index is built CONCURRENTLY in an
        `autocommit_block()`; elsewhere it is `op.create_unique_constraint`.
    :raises CommandError: when rows are the same, with a count and an example.
    """
    names = Names(operations, table_name, schema)
    try:
        if names.dialect != "postgresql":
            with operations.batch_alter_table(table_name, schema=schema) as batch:
                batch.create_unique_constraint(constraint_name, [*columns], **options)
            return
        own = {it: options[it] for it in options if it.startswith("postgresql_")}
        operations.create_index(
            constraint_name,
            table_name,
            [*columns],
            unique=True,
            schema=schema,
            postgresql_concurrently=names.is_alone or names.offline,
            **own,
        )
    except IntegrityError as error:
        explain_duplicates(names, columns, error)
    quoted = names.quoted(constraint_name)
    deferrable, initially = options.get("deferrable"), options.get("initially")
    words = ["UNIQUE USING INDEX", quoted]
    if deferrable is not None:
        words.append("DEFERRABLE" if deferrable else "NOT DEFERRABLE")
    if initially is not None:
        words.append(f"INITIALLY {initially}")
    said = " ".join(words)
    names.execute(f"ALTER TABLE {names.table} ADD CONSTRAINT {quoted} {said}")
    if comment := options.get("comment"):
        comment_on(operations, constraint_name, (schema, table_name), comment)


@create_unique_constraint_concurrently.declares("as_alembic")
def _(op: LosslessOp) -> ops.CreateUniqueConstraintOp:
    """Return the constraint."""
    return ops.CreateUniqueConstraintOp(
        op.constraint_name, op.table_name, op.columns, schema=op.schema, **op.options
    )


def comment_on(
    operations: Operations, name: str, table: Key, comment: str | None
) -> None:
    """Give a constraint a comment, or take it away.

    :param operations: what a revision has as `op`.
    :param name: the name of the constraint.
    :param table: the schema and the name of its table.
    :param comment: what it says; None for no comment.
    """
    named = sa.CheckConstraint("true", name=conv(name), comment=comment)
    sa.Table(table[1], sa.MetaData(), named, schema=table[0])
    operations.execute(SetConstraintComment(named))


@operation()
def set_constraint_comment(  # noqa: PLR0913  what a revision has to say
    operations: Operations,
    constraint_name: str,
    table_name: str,
    comment: str | None,
    *,
    existing_comment: str | None = None,  # noqa: ARG001  for the way back
    schema: str | None = None,
) -> None:
    """Give a constraint another comment, or none.

    :param constraint_name: the name of the constraint.
    :param table_name: the table that has it.
    :param comment: what it says; None for no comment.
    :param existing_comment: the comment that it has, which a downgrade gives it back.
    :param schema: the schema of the table.
    :rows: stay as they are.
    :databases: PostgreSQL alone keeps comments of constraints; elsewhere nothing
        happens.
    """
    if operations.get_context().dialect.supports_constraint_comments:
        comment_on(operations, constraint_name, (schema, table_name), comment)


@set_constraint_comment.declares("reverse")
def _(op: LosslessOp) -> LosslessOp:
    return set_constraint_comment(
        op.constraint_name,
        op.table_name,
        op.existing_comment,
        existing_comment=op.comment,
        schema=op.schema,
    )


@set_constraint_comment.declares("to_diff_tuple")
def _(op: LosslessOp) -> tuple[Any, ...]:
    where = op.schema, op.table_name, op.constraint_name
    return "modify_constraint_comment", *where, op.existing_comment, op.comment


WORDS = {
    "unique": "unique constraint",
    "foreignkey": "foreign key",
    "check": "CHECK",
}
"""The types of such constraints, as Alembic calls them, and in words."""


@operation(formerly=("drop_constraint_by_columns",))
def drop_unnamed_constraint(  # noqa: PLR0913  what a revision has to say
    operations: Operations,
    table_name: str,
    columns: Sequence[str],
    *,
    type_: str,
    condition: str | None = None,
    drafted_as: str | None = None,
    schema: str | None = None,
) -> None:
    """Drop the constraint of these columns, whatever name the database gave it.

    :param table_name: the table that has it.
    :param columns: its columns; of a foreign key those in this table.
    :param type_: `unique`, `foreignkey` or `check`.
    :param condition: what a CHECK says; it has no columns.
    :param drafted_as: the name that a draft gave it, which a script of `--sql` drops it
        by. Where `create_all` made the table it has another one.
    :param schema: the schema of the table.
    :rows: stay as they are.
    :databases: PostgreSQL and MariaDB are asked for its name; SQLite has none, and the
        table is made anew without it.
    :raises CommandError: when there is none, and with `--sql`, where no database
        can be asked for the name.
    """
    names = Names(operations, table_name, schema)
    if names.offline and drafted_as is not None:
        with operations.batch_alter_table(table_name, schema=schema) as batch:
            batch.drop_constraint(conv(drafted_as), type_=type_)
        return
    what = f"the {WORDS[type_]} of {table_name} ({condition or ', '.join(columns)})"
    if names.offline:
        raise CommandError(
            f"Nobody gave {what} a name, so that only the database knows it."
            " Run this revision without --sql."
        )
    if condition is None:
        every = _reflected(names, type_)
        found = [it for it in every if _columns_of(it) == list(columns)]
    else:
        found = _checks_saying(names, condition)
    if not found:
        raise CommandError(f"There is no such constraint: {what}.")
    # Another one with a name may say the same, and of several the last came last.
    name = min(found, key=partial(_by_name, type_=type_))["name"]
    with operations.batch_alter_table(
        table_name, schema=schema, recreate="auto" if name else "always"
    ) as batch:
        if name:
            batch.drop_constraint(conv(name), type_=type_)
        elif isinstance(operations.impl, Rebuild):
            operations.impl.leave_out(columns, type_, condition)


@drop_unnamed_constraint.declares("as_alembic")
def _(op: LosslessOp) -> ops.DropConstraintOp:
    """Return the operation that would need the name."""
    return ops.DropConstraintOp(None, op.table_name, type_=op.type_, schema=op.schema)


DROP_INDEX = """\
SELECT DISTINCT {drop} FROM information_schema.statistics
WHERE table_schema = {schema} AND table_name = {table} AND index_name = {name}
AND non_unique"""


@operation()
def drop_index_of_foreign_key(
    operations: Operations,
    table_name: str,
    index_name: str,
    *,
    schema: str | None = None,
) -> None:
    """Drop the index that MariaDB and MySQL made for a foreign key that is dropped.

    They keep it, where a table that is made without the key has none.

    :param table_name: the table that had the key.
    :param index_name: the name of the index, which is that of the key; where nobody
        named the key it is that of its first column.
    :param schema: the schema of the table.
    :rows: stay as they are.
    :databases: MariaDB and MySQL, where the index is there; elsewhere nothing happens.
    """
    names = Names(operations, table_name, schema)
    if names.is_mysql:
        drop = f"ALTER TABLE {names.table} DROP INDEX {names.quoted(index_name)}"
        words = {
            "drop": names.literal(drop),
            "schema": names.literal(schema) if schema else "database()",
            "table": names.literal(table_name),
            "name": names.literal(index_name),
        }
        names.execute_found(DROP_INDEX.format(**words))


MADE_BY_SERVERS = {
    "check": ("check", "CONSTRAINT"),
    "foreignkey": ("fkey", "ibfk"),
    "unique": ("key",),
}
"""How the names end that PostgreSQL and MariaDB make up, before their number.

A draft gives those of PostgreSQL on MariaDB, too: MariaDB's own ones came before them.
"""


def _by_name(found: dict[str, Any], type_: str) -> tuple[int, int]:
    """Sort a constraint that a server named, or nobody, before one that has a name.

    Of those that a server counted, the one with the highest number is the first.
    """
    name = found["name"] or ""
    letters = name.rstrip("0123456789")
    last = letters.rstrip("_").rpartition("_")[2]
    endings = MADE_BY_SERVERS[type_]
    known = [*endings, last] if name else [last]
    return known.index(last), -int(name[len(letters) :] or 0)


def _reflected(names: Names, kind: str) -> list[Any]:
    inspector = inspector_of(names.bind())
    if kind == "unique":
        return [*inspector.get_unique_constraints(names.name, names.schema)]
    return [*inspector.get_foreign_keys(names.name, names.schema)]


def _checks_saying(names: Names, condition: str) -> list[Any]:
    """Return the CHECKs that say the same, in the words of the server.

    It is asked for these: an empty copy of the table gets a CHECK with the condition.
    """
    checks = inspector_of(names.bind()).get_check_constraints(names.name, names.schema)
    dialect = names.bind().dialect
    said = sql.normal(condition, dialect)
    if names.dialect != "sqlite":
        copy = derived("copy", names.name)
        table = names.quoted(copy)
        like = f"(LIKE {names.table})"
        names.execute(f"CREATE TEMPORARY TABLE {table} {like}")
        own = f"CONSTRAINT {table} CHECK ({condition})"  # MariaDB copies the others
        names.execute(f"ALTER TABLE {table} ADD {own}")
        every = inspector_of(names.bind()).get_check_constraints(copy)
        said = next(
            sql.normal(it["sqltext"], dialect) for it in every if it["name"] == copy
        )
        kind = "TEMPORARY " if names.is_mysql else ""
        names.execute(f"DROP {kind}TABLE {table}")
    return [it for it in checks if sql.normal(it["sqltext"], dialect) == said]


def _columns_of(found: dict[str, Any]) -> list[str]:
    names: list[str] = found.get("constrained_columns") or found["column_names"]
    return names


PARTITIONS = """
SELECT nspname, relname FROM pg_partition_tree({table}::regclass)
JOIN pg_class ON pg_class.oid = relid AND relkind = 'r'
JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE isleaf ORDER BY 1, 2
"""
"""The partitions that hold rows, those of partitions too."""


@operation()
def index_partitions(  # noqa: PLR0913  what an index is made of
    operations: Operations,
    /,
    index_name: str,
    table_name: str,
    columns: Sequence[str],
    *,
    unique: bool = False,
    schema: str | None = None,
    **options: Any,
) -> None:
    """Build an index of each partition while others write, before `op.create_index`.

    That then takes them over in an instant. With `--sql`, which sees no partition,
    nothing is written.

    :param index_name: the index that `op.create_index` makes.
    :param table_name: the partitioned table.
    :param columns: the columns of the index.
    :param unique: whether it is a unique one.
    :param schema: the schema of the table.
    :param options: what `op.create_index` is given for PostgreSQL.
    :rows: are read, and none is changed.
    :databases: on PostgreSQL each is built CONCURRENTLY in an `autocommit_block()`;
        elsewhere nothing happens.
    """
    names = Names(operations, table_name, schema)
    if names.dialect != "postgresql" or names.offline:
        return
    asked = PARTITIONS.format(table=names.literal(names.table))
    for place, partition in names.bind().execute(sql.text(asked)).all():
        operations.create_index(
            derived(partition, index_name),
            partition,
            [*columns],
            unique=unique,
            schema=place,
            if_not_exists=True,
            postgresql_concurrently=names.is_alone,
            **options,
        )


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


def primary_key_of(table: str) -> str:
    """Return the name that PostgreSQL gives the primary key of a table by itself.

    :param table: the name of the table.
    """
    return sql.object_name(table, ending="pkey")


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
        at = table.literal(table.table)
        for old, new in names.items():
            before, after = _as_made(table, old), _as_made(table, new)
            table.execute_block(RENAME, table=at, old=before, new=after)
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


def _as_made(table: Names, name: str) -> str:
    """Return a name as PostgreSQL has it, which is shorter if it is long."""
    dialect = table.operations.get_context().dialect
    made = dialect.identifier_preparer.truncate_and_render_constraint_name(conv(name))
    return table.literal(sql.rendered(made, dialect))
