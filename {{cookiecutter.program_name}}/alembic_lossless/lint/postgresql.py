"""What operations cost on PostgreSQL.

Sources: PostgreSQL's "Explicit Locking" and the notes of "ALTER TABLE". The tests run
each rule against a server, and read its lock in `pg_locks` and its work in what the
server says at `client_min_messages = debug1`.
"""

from functools import partial

import sqlalchemy as sa
from alembic.ddl.postgresql import CreateExcludeConstraintOp
from alembic.operations import ops
from sqlalchemy.sql.functions import FunctionElement

from .. import sql
from ..operations.base import LosslessOp, called
from ..operations.columns import alter_type_concurrently
from ..operations.constraints import set_not_null
from ..operations.objects import adds_only, alter_domain, change_enum, looks_at_rows
from ..types.portable import dialect_named
from ..types.values import texts_of
from .rules import (
    BUILDS,
    Growth,
    Harm,
    Names,
    Situation,
    Work,
    changes_type,
    goes_on,
    label,
    rule,
)

_rule = partial(rule, dialects=("postgresql",))
_goes_on = partial(goes_on, dialects=("postgresql",))
_scans = partial(_rule, lock="ACCESS EXCLUSIVE", growth=Growth.SCAN)
_rewrites = partial(_rule, lock="ACCESS EXCLUSIVE", growth=Growth.REWRITE)

STABLE = {"now", "current_timestamp", "transaction_timestamp", "current_date"}
STABLE |= {"statement_timestamp", "localtimestamp", "localtime", "timezone"}
STABLE |= {"current_user"}
"""Functions whose value is the same for each row of a statement."""

UNKNOWN = (
    "Nobody can use {table} while {column} becomes {type}, and its type before is not"
    " known: perhaps every row, and every index, is written again. Say it with"
    " existing_type."
)


def _is_apart(op: ops.CreateIndexOp | ops.DropIndexOp) -> bool:
    return bool(op.kw.get("postgresql_concurrently"))


def _blocks_writes(op: ops.CreateIndexOp, situation: Situation) -> bool:
    key = op.schema, str(op.table_name)
    return not (_is_apart(op) or (key, str(op.index_name)) in situation.prepared)


def _is_partitioned(
    op: ops.CreateIndexOp | ops.DropIndexOp, situation: Situation
) -> Names | bool:
    table = str(op.table_name)
    if not (_is_apart(op) and situation.history.is_partitioned(op.schema, table)):
        return False
    if isinstance(op, ops.DropIndexOp):
        return {"instead": f"op.drop_index({op.index_name!r})  # in an instant"}
    return True


def _is_checked(
    op: ops.CreateForeignKeyOp | ops.CreateCheckConstraintOp, _situation: Situation
) -> Names | bool:
    """Tell a constraint for which the rows there are are looked at."""
    if op.kw.get("postgresql_not_valid"):
        return False
    if isinstance(op, ops.CreateForeignKeyOp):
        return {"parent": label((op.kw.get("referent_schema"), op.referent_table))}
    return True


def _looks_for_null(op: ops.AlterColumnOp, situation: Situation) -> bool:
    """Tell a NOT NULL that no valid CHECK has proved before."""
    known = situation.is_not_null((op.schema, op.table_name), op.column_name)
    known = known or op.existing_nullable is False
    return op.modify_nullable is False and not known


def _moves_columns(op: LosslessOp, situation: Situation) -> Names | None:
    """Tell an Enum whose columns move to a new type."""
    if not called(op, change_enum):
        return None
    kept = {op.renamed.get(value, value) for value in op.old} == set(op.new)
    added = situation.autocommit and not op.renamed and adds_only(op.old, op.new)
    return None if kept or added else _of_type(op, situation)


def _of_type(op: LosslessOp, situation: Situation) -> Names:
    """Name a type, and the tables with a column of it."""
    tables = {
        Work(column.table.schema, column.table.name)
        for table in situation.history.tables.values()
        for column in table.c
        if getattr(column.type, "name", None) == op.name
    }
    return {"table": label((op.schema, op.name)), "works": sorted(tables, key=str)}


def _allows_less(op: LosslessOp, situation: Situation) -> Names | None:
    """Tell a DOMAIN for which the values there are are looked at."""
    is_less = called(op, alter_domain) and looks_at_rows(op)
    return _of_type(op, situation) if is_less else None


def _computes(op: ops.AddColumnOp, _situation: Situation) -> Names | None:
    """Tell a new column whose value differs from row to row."""
    why = _own_value(op.column)
    # No default makes such a value: there is no other way to add the column.
    alone = not isinstance(op.column.server_default, sa.DefaultClause)
    return {"why": why, **({"instead": ""} if alone else {})} if why else None


def _brings(op: ops.AddColumnOp, _situation: Situation) -> list[Names]:
    """Return the keys, the index and the CHECK that a new column brings."""
    column = op.column
    brought = {
        "unique index": column.unique,
        "index": column.index and not column.unique,
        "foreign key": column.foreign_keys,
        "CHECK": any(isinstance(it, sa.CheckConstraint) for it in column.constraints),
    }
    return [{"what": what} for what, is_there in brought.items() if is_there]


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


def _copies_column(op: LosslessOp, _situation: Situation) -> Names | None:
    """Tell a column that takes another type through a copy."""
    return {"type": op.type_} if called(op, alter_type_concurrently) else None


def _builds_apart(op: ops.CreateIndexOp | LosslessOp, situation: Situation) -> bool:
    """Tell an index that is built while others write."""
    if isinstance(op, LosslessOp):
        return called(op, *BUILDS)
    return situation.autocommit and _is_apart(op)


_rule(
    "index-blocks-writes",
    ops.CreateIndexOp,
    lock="SHARE",
    growth=Growth.SCAN,
    says="No row of {table} can be written while the index {name} is built.",
    when=_blocks_writes,
)
_rule(
    "concurrently-partitioned",
    ops.CreateIndexOp,
    ops.DropIndexOp,
    harm=Harm.FAILS,
    says="PostgreSQL has no CONCURRENTLY for {name}: {table} has partitions.",
    when=_is_partitioned,
)
_rule(
    "concurrently-in-transaction",
    ops.CreateIndexOp,
    ops.DropIndexOp,
    harm=Harm.FAILS,
    says="PostgreSQL refuses CONCURRENTLY for {name} inside a transaction.",
    when=lambda op, known: _is_apart(op) and not known.autocommit,
)
_scans(
    "unique-blocks",
    ops.CreateUniqueConstraintOp,
    ops.CreatePrimaryKeyOp,
    says="Nobody can use {table} while the index of {name} is built.",
)
_scans(
    "exclude-blocks",
    CreateExcludeConstraintOp,
    instead="",
    says="Nobody can use {table} while {name} is built and checked; there is no other"
    " way.",
)
_rule(
    "foreign-key-scans",
    ops.CreateForeignKeyOp,
    lock="SHARE ROW EXCLUSIVE",
    growth=Growth.SCAN,
    says="No row of {table} or {parent} can be written while {name} is checked.",
    when=_is_checked,
)
_scans(
    "check-scans",
    ops.CreateCheckConstraintOp,
    says="Nobody can use {table} while {name} is checked for each row.",
    when=_is_checked,
)
_scans(
    "not-null-scans",
    ops.AlterColumnOp,
    says="Nobody can use {table} while each row is looked at for a NULL in {column}.",
    when=_looks_for_null,
)
_rewrites(
    "type-rewrites",
    ops.AlterColumnOp,
    says="Nobody can use {table} while {column} becomes {type}: every row, and every"
    " index, is written again.",
    when=lambda op, known: changes_type(op, known, UNKNOWN),
)
_rewrites(
    "enum-rewrites",
    LosslessOp,
    instead="with op.get_context().autocommit_block():  # where values only come\n"
    "    op.change_enum(...)",
    says="Nobody can use a table with a column of the type {table} while it is written"
    " again.",
    when=_moves_columns,
)
_rule(
    "domain-scans",
    LosslessOp,
    instead="",
    lock="SHARE",
    growth=Growth.SCAN,
    says="No row of a table with a column of the DOMAIN {table} can be written while"
    " each is looked at; there is no other way.",
    when=_allows_less,
)
_rewrites(
    "column-rewrites",
    ops.AddColumnOp,
    instead="op.add_column({bare!r}, sa.Column({column!r}, ...))  # no default yet\n"
    "op.alter_column({bare!r}, {column!r}, server_default=...)\n"
    "with op.get_context().autocommit_block():\n"
    "    op.backfill({bare!r}, {column!r}, VALUE)",
    says="Nobody can use {table} while each row gets a value of {column} ({why}).",
    when=_computes,
)
_scans(
    "column-scans",
    ops.AddColumnOp,
    instead="# Add the column alone, and its {what} by an operation of its own.",
    says="Nobody can use {table} while the {what} of the new {column} is made.",
    when=_brings,
)
_goes_on(
    "index-concurrently",
    ops.CreateIndexOp,
    LosslessOp,
    growth=Growth.SCAN,
    says="The index {name} of {table} is built.",
    when=_builds_apart,
)
_goes_on(
    "not-null-proved",
    LosslessOp,
    growth=Growth.SCAN,
    says="Each row of {table} is looked at for a NULL in {column}.",
    when=lambda op, _: called(op, set_not_null),
)
_goes_on(
    "type-concurrently",
    LosslessOp,
    growth=Growth.REWRITE,
    says="Rows of {table} get {column} as {type}, a few at a time.",
    when=_copies_column,
)
