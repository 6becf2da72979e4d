"""The types of `alembic.op`: Alembic's own operations, and those of the library.

`docs/reference.py` makes this file from the declarations of the operations.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations
from sqlalchemy.types import TypeEngine

_op: Operations

add_column = _op.add_column
alter_column = _op.alter_column
batch_alter_table = _op.batch_alter_table
bulk_insert = _op.bulk_insert
create_check_constraint = _op.create_check_constraint
create_exclude_constraint = _op.create_exclude_constraint
create_foreign_key = _op.create_foreign_key
create_index = _op.create_index
create_primary_key = _op.create_primary_key
create_table = _op.create_table
create_table_comment = _op.create_table_comment
create_unique_constraint = _op.create_unique_constraint
drop_column = _op.drop_column
drop_constraint = _op.drop_constraint
drop_index = _op.drop_index
drop_table = _op.drop_table
drop_table_comment = _op.drop_table_comment
execute = _op.execute
f = _op.f
get_bind = _op.get_bind
get_context = _op.get_context
implementation_for = _op.implementation_for
inline_literal = _op.inline_literal
invoke = _op.invoke
register_operation = _op.register_operation
rename_table = _op.rename_table
run_async = _op.run_async

def alter_domain(
    name: str,
    type_: TypeEngine[Any],
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

def alter_generated(
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

def alter_sequence(
    name: str,
    *,
    existing: Mapping[str, Any],
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

def alter_type_concurrently(
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

def backfill(
    table_name: str,
    column_name: str,
    value: Any,
    *,
    schema: str | None = None,
    later: bool = False,
) -> None:
    """Give a value to the rows that have none, in batches that are each committed.

    Outside an `autocommit_block()` they all are committed with the revision. A run
    that was ended goes on with the rows that are left. With `later` the revision only
    declares it: `flask db backfill` gives the values, when it is convenient, and no
    later revision that changes the column runs before that is done.

    :param table_name: the table.
    :param column_name: the column that gets the value where it is NULL.
    :param value: a value, which is written in the database's own words (a number keeps
        each digit), or an expression such as `sa.column("name")`.
    :param schema: the schema of the table.
    :param later: leave it to `flask db backfill`.
    :rows: get the value where the column is NULL; no other value is changed.
    :databases: the same on each.
    """

fill_in_batches = backfill

def begin_dual_write(
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

keep_in_step = begin_dual_write

def begin_table_rename(
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

def change_enum(
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

def create_domain(
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

def create_enum(
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

def create_schema(
    name: str,
) -> None:
    """Make a schema, unless it is there.

    A downgrade leaves it: others may have tables in it.

    :param name: its name.
    :rows: stay as they are.
    :databases: to MariaDB it is a database, and to SQLite a file that is attached under
        its name whenever a connection begins.
    :raises CommandError: on SQLite, where no file is attached under its name.
    """

def create_sequence(
    name: str,
    *,
    schema: str | None = None,
    **options: Any,
) -> None:
    """Make a sequence.

    :param name: its name.
    :param schema: its schema.
    :param options: what `sa.Sequence` takes, and `if_not_exists`.
    :rows: stay as they are.
    :databases: on SQLite and MySQL, which have none, nothing happens.
    """

def create_table_as(
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

def create_unique_constraint_concurrently(
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

def create_view(
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

def drop_domain(
    name: str,
    type_: TypeEngine[Any],
    *,
    schema: str | None = None,
    **options: Any,
) -> None:
    """Drop a DOMAIN that no column uses any more.

    :param name: its name.
    :param type_: the type that it is made of.
    :param schema: its schema.
    :param options: what it was made with.
    :rows: stay as they are.
    :databases: PostgreSQL alone has such types; elsewhere nothing happens.
    """

def drop_enum(
    name: str,
    *,
    schema: str | None = None,
) -> None:
    """Drop the type of an Enum, which on PostgreSQL outlives its columns.

    :param name: the name of the type.
    :param schema: the schema of the type.
    :rows: stay as they are.
    :databases: PostgreSQL alone has such types, and keeps one that a column uses;
        elsewhere nothing happens.
    """

def drop_index_of_foreign_key(
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

def drop_sequence(
    name: str,
    *,
    schema: str | None = None,
    **options: Any,
) -> None:
    """Drop a sequence.

    :param name: its name.
    :param schema: its schema.
    :param options: what it was made with, and `if_exists`.
    :rows: stay as they are.
    :databases: on SQLite and MySQL, which have none, nothing happens.
    """

def drop_unnamed_constraint(
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

drop_constraint_by_columns = drop_unnamed_constraint

def drop_view(
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

def end_dual_write(
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

stop_keeping_in_step = end_dual_write

def end_table_rename(
    table_name: str,
    new_name: str,
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

def index_partitions(
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

def manual_change(
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

changed_by_hand = manual_change

def move_table(
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

def refuse_duplicates(
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

def refuse_loss(
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

def refuse_missing(
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

def refuse_orphans(
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

def refuse_violations(
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

def rename_constraints(
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

def rename_enum_value(
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

def rename_sequence(
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

def replace_view(
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

def resize_sequence(
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

def restore_column(
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

def restore_table(
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

def set_column_aside(
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

def set_constraint_comment(
    constraint_name: str,
    table_name: str,
    comment: str | None,
    *,
    existing_comment: str | None = None,
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

def set_not_null(
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

def set_table_aside(
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

def sql_type(
    sql: str,
) -> TypeEngine[Any]:
    """Return a type by the words that a database has for it.

    A revision imports no class of a model or a package, which may be gone in years.

    :param sql: these words, which stand in the statement as they are.
    :rows: stay as they are.
    :databases: the same on each.
    """

def validate_constraint(
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
