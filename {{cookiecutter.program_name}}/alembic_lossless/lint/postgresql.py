"""What operations cost on PostgreSQL.

Sources: PostgreSQL's "Explicit Locking" and the notes of "ALTER TABLE". The tests run
each rule against a server, and read its lock in `pg_locks` and its work in what the
server says at `client_min_messages = debug1`.
"""

from collections.abc import Iterator
from functools import partial

import sqlalchemy as sa
from alembic.ddl.postgresql import CreateExcludeConstraintOp
from alembic.operations import ops
from sqlalchemy.sql.functions import FunctionElement

from .. import sql
from ..operations.base import LosslessOp, called
from ..operations.objects import adds_only, change_enum
from ..types.portable import dialect_named
from ..types.values import texts_of
from .rules import Growth, Harm, Matched, Situation, label, rule
from .types import growth

rule = partial(rule, dialects=("postgresql",))


EXCLUSIVE = "ACCESS EXCLUSIVE"


STABLE = {"now", "current_timestamp", "transaction_timestamp", "current_date"}


STABLE |= {"statement_timestamp", "localtimestamp", "localtime", "timezone"}
STABLE |= {"current_user"}
"""Functions whose value is the same for each row of a statement."""


@rule(
    "index-blocks-writes",
    ops.CreateIndexOp,
    lock="SHARE",
    growth=Growth.SCAN,
    says="No row of {table} can be written while the index {name} is built.",
)
def index_blocks_writes(
    op: ops.CreateIndexOp, situation: Situation
) -> Iterator[Matched]:
    """Find an index that is built while writers wait."""
    key = op.schema, str(op.table_name)
    is_apart = op.kw.get("postgresql_concurrently")
    is_apart = is_apart or (key, str(op.index_name)) in situation.prepared
    if not (is_apart or situation.is_new(key)):
        yield {"table": label(key), "name": op.index_name}


@rule(
    "concurrently-partitioned",
    ops.CreateIndexOp,
    ops.DropIndexOp,
    harm=Harm.FAILS,
    instead="with op.get_context().autocommit_block():\n"
    "    op.index_partitions({name!r}, {only!r}, [...])\n"
    "    op.create_index({name!r}, {only!r}, [...])  # takes them over",
    says="PostgreSQL has no CONCURRENTLY for {name}: {table} has partitions.",
)
def concurrently_partitioned(
    op: ops.CreateIndexOp | ops.DropIndexOp, situation: Situation
) -> Iterator[Matched]:
    """Find CONCURRENTLY on a table with partitions."""
    key = op.schema, str(op.table_name)
    is_one = situation.history.is_partitioned(*key)
    if op.kw.get("postgresql_concurrently") and is_one:
        found = {"table": label(key), "only": key[1], "name": op.index_name}
        if isinstance(op, ops.DropIndexOp):
            found["instead"] = f"op.drop_index({op.index_name!r})  # in an instant"
        yield found


@rule(
    "concurrently-in-transaction",
    ops.CreateIndexOp,
    ops.DropIndexOp,
    harm=Harm.FAILS,
    instead="with op.get_context().autocommit_block():",
    says="PostgreSQL refuses CONCURRENTLY for {name} inside a transaction.",
)
def concurrently_in_transaction(
    op: ops.CreateIndexOp | ops.DropIndexOp, situation: Situation
) -> Iterator[Matched]:
    """Find CONCURRENTLY where a transaction is open."""
    if op.kw.get("postgresql_concurrently") and not situation.autocommit:
        yield {"table": label((op.schema, str(op.table_name))), "name": op.index_name}


@rule(
    "unique-blocks",
    ops.CreateUniqueConstraintOp,
    ops.CreatePrimaryKeyOp,
    lock=EXCLUSIVE,
    growth=Growth.SCAN,
    says="Nobody can use {table} while the index of {name} is built.",
)
def unique_blocks(
    op: ops.CreateUniqueConstraintOp | ops.CreatePrimaryKeyOp, situation: Situation
) -> Iterator[Matched]:
    """Find a key whose index is built under the strongest lock."""
    key = op.schema, op.table_name
    if not situation.is_new(key):
        name = op.constraint_name or "the key"
        yield {"table": label(key), "name": name}


@rule(
    "exclude-blocks",
    CreateExcludeConstraintOp,
    instead="",
    lock=EXCLUSIVE,
    growth=Growth.SCAN,
    says="Nobody can use {table} while {name} is built and checked; there is no other"
    " way.",
)
def exclude_blocks(
    op: CreateExcludeConstraintOp, situation: Situation
) -> Iterator[Matched]:
    """Find an exclusion constraint, which has no form that leaves writers alone."""
    key = op.schema, op.table_name
    if not situation.is_new(key):
        yield {"table": label(key), "name": op.constraint_name}


@rule(
    "foreign-key-scans",
    ops.CreateForeignKeyOp,
    lock="SHARE ROW EXCLUSIVE",
    growth=Growth.SCAN,
    says="No row of {table} or {parent} can be written while {name} is checked.",
)
def foreign_key_scans(
    op: ops.CreateForeignKeyOp, situation: Situation
) -> Iterator[Matched]:
    """Find a foreign key that looks at the rows there are."""
    key = op.kw.get("source_schema"), op.source_table
    parent = op.kw.get("referent_schema"), op.referent_table
    if not (op.kw.get("postgresql_not_valid") or situation.is_new(key)):
        name = op.constraint_name or "the foreign key"
        yield {"table": label(key), "parent": label(parent), "name": name}


@rule(
    "check-scans",
    ops.CreateCheckConstraintOp,
    lock=EXCLUSIVE,
    growth=Growth.SCAN,
    says="Nobody can use {table} while {name} is checked for each row.",
)
def check_scans(
    op: ops.CreateCheckConstraintOp, situation: Situation
) -> Iterator[Matched]:
    """Find a CHECK that looks at the rows there are."""
    key = op.schema, op.table_name
    if not (op.kw.get("postgresql_not_valid") or situation.is_new(key)):
        yield {"table": label(key), "name": op.constraint_name or "the CHECK"}


@rule(
    "not-null-scans",
    ops.AlterColumnOp,
    lock=EXCLUSIVE,
    growth=Growth.SCAN,
    says="Nobody can use {table} while each row is looked at for a NULL in {column}.",
)
def not_null_scans(op: ops.AlterColumnOp, situation: Situation) -> Iterator[Matched]:
    """Find a NOT NULL that no valid CHECK has proved before."""
    key = op.schema, op.table_name
    known = situation.is_new(key) or situation.is_not_null(key, op.column_name)
    known = known or op.existing_nullable is False
    if op.modify_nullable is False and not known:
        yield {"table": label(key), "column": op.column_name}


UNKNOWN = {
    "growth": Growth.UNKNOWN,
    "says": "Nobody can use {table} while {column} becomes {type}, and its type before"
    " is not known: perhaps every row, and every index, is written again. Say it with"
    " existing_type.",
}
"""What differs where a revision does not say what a column was."""


@rule(
    "type-rewrites",
    ops.AlterColumnOp,
    lock=EXCLUSIVE,
    growth=Growth.REWRITE,
    says="Nobody can use {table} while {column} becomes {type}: every row, and every"
    " index, is written again.",
)
def type_rewrites(op: ops.AlterColumnOp, situation: Situation) -> Iterator[Matched]:
    """Find a change of type for which the table is written again."""
    key = op.schema, op.table_name
    if op.modify_type is None or situation.is_new(key):
        return
    known = situation.column(key, op.column_name)
    old = op.existing_type or (None if known is None else known.type)
    using = op.kw.get("postgresql_using", "")
    how = growth(old, op.modify_type, situation.server, using)
    if how is not Growth.INSTANT:
        yield {
            "table": label(key),
            "column": op.column_name,
            "type": repr(op.modify_type),
            **(UNKNOWN if how is Growth.UNKNOWN else {}),
        }


@rule(
    "enum-rewrites",
    LosslessOp,
    instead="with op.get_context().autocommit_block():  # where values only come\n"
    "    op.change_enum(...)",
    lock=EXCLUSIVE,
    growth=Growth.REWRITE,
    says="Nobody can use a table with a column of the type {table} while it is written"
    " again.",
)
def enum_rewrites(op: LosslessOp, situation: Situation) -> Iterator[Matched]:
    """Find an Enum whose columns move to a new type."""
    if not called(op, change_enum):
        return
    kept = {op.renamed.get(value, value) for value in op.old} == set(op.new)
    added = situation.autocommit and not op.renamed and adds_only(op.old, op.new)
    if not (kept or added):
        yield {"table": op.name}


ALONE = {"instead": ""}
"""What a rule says where the server has no online form."""


@rule(
    "column-rewrites",
    ops.AddColumnOp,
    instead="op.add_column({name!r}, sa.Column({column!r}, ...))  # no default yet\n"
    "op.alter_column({name!r}, {column!r}, server_default=...)\n"
    "with op.get_context().autocommit_block():\n"
    "    op.backfill({name!r}, {column!r}, VALUE)",
    lock=EXCLUSIVE,
    growth=Growth.REWRITE,
    says="Nobody can use {table} while each row gets a value of {column} ({why}).",
)
def column_rewrites(op: ops.AddColumnOp, situation: Situation) -> Iterator[Matched]:
    """Find a new column whose value differs from row to row."""
    key = op.schema, op.table_name
    why = _own_value(op.column)
    if why and not situation.is_new(key):
        names = {"name": op.table_name, "column": op.column.name}
        # No default makes such a value: there is no other way to add the column.
        only = {} if isinstance(op.column.server_default, sa.DefaultClause) else ALONE
        yield {"table": label(key), **names, "why": why, **only}


@rule(
    "column-scans",
    ops.AddColumnOp,
    instead="# Add the column alone, and its {what} by an operation of its own.",
    lock=EXCLUSIVE,
    growth=Growth.SCAN,
    says="Nobody can use {table} while the {what} of the new {column} is made.",
)
def column_scans(op: ops.AddColumnOp, situation: Situation) -> Iterator[Matched]:
    """Find a new column that brings a key, an index or a CHECK of its own."""
    key = op.schema, op.table_name
    if not situation.is_new(key):
        for what in _brought(op.column):
            yield {"table": label(key), "column": op.column.name, "what": what}


def _brought(column: sa.Column[object]) -> Iterator[str]:
    if column.unique:
        yield "unique index"
    elif column.index:
        yield "index"
    if column.foreign_keys:
        yield "foreign key"
    if any(isinstance(item, sa.CheckConstraint) for item in column.constraints):
        yield "CHECK"


def _own_value(column: sa.Column[object]) -> str:
    """Say why rows need a value each, or nothing when one value is enough."""
    default = column.server_default
    if isinstance(default, sa.Computed):
        return "" if default.persisted is False else "it is computed"
    if isinstance(default, sa.Identity) or column.primary_key:
        return "it counts up"
    if not isinstance(default, sa.DefaultClause) or isinstance(default.arg, str):
        return ""
    return _volatile(default.arg)


def _volatile(default: object) -> str:
    """Return the call in a default that may give each row another value."""
    if isinstance(default, sa.TextClause):
        words = sql.text_in(default).lower()
        called = sql.functions_in(words, dialect_named("postgresql"))
        return words if {*called} - STABLE else ""
    if isinstance(default, FunctionElement):
        return _volatile(sa.text(texts_of(default).get("postgresql", "")))
    return ""
