"""What operations cost on MariaDB, and on MySQL as far as it is the same.

Source: MariaDB, "InnoDB Online DDL Operations". The tests run each rule against a
server with `LOCK=`, which it refuses where it needs more.
"""

from collections.abc import Iterator
from functools import partial

import sqlalchemy as sa
from alembic.operations import ops

from .. import sql
from ..runtime.online import online_form
from ..types.portable import dialect_named
from .rules import Growth, Matched, Situation, label, rule, sql_of
from .types import growth

rule = partial(
    rule,
    dialects=("mariadb", "mysql"),
    lock="SHARED",
    growth=Growth.REWRITE,
    instead="",
)


COPIES_ONLINE = (11, 2)
"""From this version on MariaDB lets others write while it copies a table."""


AT_ONCE = {"now", "current_timestamp", "localtime", "localtimestamp", "curdate"}
"""Functions whose value is the same for each row of a statement."""


def _copies(situation: Situation) -> bool:
    server = situation.server
    return not (server.dialect == "mariadb" and server.at_least(*COPIES_ONLINE))


@rule(
    "foreign-key-copies",
    ops.CreateForeignKeyOp,
    instead=None,
    says="No row of {table} can be written while it is copied for {name}.",
)
def foreign_key_copies(
    op: ops.CreateForeignKeyOp, situation: Situation
) -> Iterator[Matched]:
    """Find a foreign key that is checked by copying the table."""
    key = op.kw.get("source_schema"), op.source_table
    online = op.kw.get("postgresql_not_valid") and situation.autocommit
    if _copies(situation) and not (online or situation.is_new(key)):
        yield {"table": label(key), "name": op.constraint_name or "the foreign key"}


@rule(
    "check-copies",
    ops.CreateCheckConstraintOp,
    says="No row of {table} can be written while it is copied for {name}; there is no"
    " other way.",
)
def check_copies(
    op: ops.CreateCheckConstraintOp, situation: Situation
) -> Iterator[Matched]:
    """Find a CHECK, for which the table is copied."""
    key = op.schema, op.table_name
    if _copies(situation) and not situation.is_new(key):
        yield {"table": label(key), "name": op.constraint_name or "the CHECK"}


UNKNOWN = {
    "growth": Growth.UNKNOWN,
    "says": "{table} is perhaps copied to make {column} {type}, while no row can be"
    " written: its type before is not known. Say it with existing_type.",
}
"""What differs where a revision does not say what a column was."""


@rule(
    "type-copies",
    ops.AlterColumnOp,
    says="No row of {table} can be written while it is copied to make {column} {type};"
    " there is no other way.",
)
def type_copies(op: ops.AlterColumnOp, situation: Situation) -> Iterator[Matched]:
    """Find a change of type for which the table is copied."""
    key = op.schema, op.table_name
    if op.modify_type is None or situation.is_new(key) or not _copies(situation):
        return
    known = situation.column(key, op.column_name)
    old = op.existing_type or (None if known is None else known.type)
    how = growth(old, op.modify_type, situation.server)
    if how is not Growth.INSTANT:
        yield {
            "table": label(key),
            "column": op.column_name,
            "type": repr(op.modify_type),
            **(UNKNOWN if how is Growth.UNKNOWN else {}),
        }


@rule(
    "column-copies",
    ops.AddColumnOp,
    says="No row of {table} can be written while it is copied to add {column} ({why}).",
)
def column_copies(op: ops.AddColumnOp, situation: Situation) -> Iterator[Matched]:
    """Find a new column whose values have to be computed, or a key to be checked."""
    key = op.schema, op.table_name
    why = _needs_copy(op.column)
    if why and _copies(situation) and not situation.is_new(key):
        yield {"table": label(key), "column": op.column.name, "why": why}


@rule(
    "fulltext-blocks",
    ops.CreateIndexOp,
    growth=Growth.SCAN,
    says="No row of {table} can be written while the {kind} index {name} is built;"
    " there is no other way.",
)
def fulltext_blocks(op: ops.CreateIndexOp, situation: Situation) -> Iterator[Matched]:
    """Find an index of a kind that cannot be built beside writers."""
    key = op.schema, op.table_name
    dialects = ("mariadb_prefix", "mysql_prefix")
    kind = next((op.kw[name] for name in dialects if op.kw.get(name)), None)
    if kind and not situation.is_new(key):
        yield {"table": label(key), "name": op.index_name, "kind": kind}


@rule(
    "may-copy",
    ops.ExecuteSQLOp,
    says="MariaDB copies {table} for this, while no row can be written, where it cannot"
    " do it otherwise; with LOCK=NONE it refuses instead.",
    instead="op.execute({online!r})",
)
def may_copy(op: ops.ExecuteSQLOp, situation: Situation) -> Iterator[Matched]:
    """Find SQL that does not make the server itself refuse to stop writers."""
    dialect = dialect_named(situation.server.dialect)
    text = sql_of(op)
    statement = sql.Script(text, dialect).only
    if statement is None or (table := statement.table) is None:
        return
    if any(map(statement.has, ("LOCK = NONE", "ALGORITHM = INSTANT"))):
        return
    online = online_form(statement, text.strip(), dialect)
    if online and statement.verb != "DROP" and not situation.is_new(table):
        yield {"table": label(table), "online": online}


def _needs_copy(column: sa.Column[object]) -> str:
    default = column.server_default
    if isinstance(default, sa.Computed) and default.persisted:
        return "it is computed and stored"
    if column.foreign_keys:
        return "its foreign key is checked"
    if isinstance(default, sa.DefaultClause) and not isinstance(default.arg, str):
        words = str(default.arg).lower()
        called = sql.functions_in(words, dialect_named("mariadb"))
        return f"its default is {words}" if set(called) - AT_ONCE else ""
    return ""
