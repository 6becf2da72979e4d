"""What operations cost on MariaDB, and on MySQL as far as it is the same.

Source: MariaDB, "InnoDB Online DDL Operations". The tests run each rule against a
server with `LOCK=`, which it refuses where it needs more.
"""

from functools import partial
from typing import Any

import sqlalchemy as sa
from alembic.operations import ops

from .. import sql
from ..operations.base import LosslessOp, called
from ..operations.constraints import create_unique_constraint_concurrently, set_not_null
from ..runtime.online import online_form
from ..types.portable import dialect_named
from .rules import (
    Growth,
    Names,
    Situation,
    Work,
    changes_type,
    goes_on,
    label,
    rule,
    sql_of,
)

_rule = partial(
    rule,
    dialects=("mariadb", "mysql"),
    lock="SHARED",
    growth=Growth.REWRITE,
    instead="",
)
_goes_on = partial(goes_on, dialects=("mariadb", "mysql"))

COPIES_ONLINE = (11, 2)
"""From this version on MariaDB lets others write while it copies a table."""

AT_ONCE = {"now", "current_timestamp", "localtime", "localtimestamp", "curdate"}
"""Functions whose value is the same for each row of a statement."""

UNKNOWN = (
    "{table} is perhaps copied to make {column} {type}, while no row can be written:"
    " its type before is not known. Say it with existing_type."
)


def _copies(_operation: object, situation: Situation) -> bool:
    server = situation.server
    return not (server.dialect == "mariadb" and server.at_least(*COPIES_ONLINE))


def _checks_key(op: ops.CreateForeignKeyOp, situation: Situation) -> bool:
    online = op.kw.get("postgresql_not_valid") and situation.autocommit
    return _copies(op, situation) and not online


def _adds_by_copy(op: ops.AddColumnOp, situation: Situation) -> Names | None:
    why = _needs_copy(op.column)
    return {"why": why} if why and _copies(op, situation) else None


def _is_fulltext(op: ops.CreateIndexOp, _situation: Situation) -> Names | None:
    """Tell an index of a kind that cannot be built beside writers."""
    dialects = ("mariadb_prefix", "mysql_prefix")
    kind = next((op.kw[name] for name in dialects if op.kw.get(name)), None)
    return {"kind": kind} if kind else None


def _may_copy(op: ops.ExecuteSQLOp, situation: Situation) -> Names | None:
    """Tell SQL that does not make the server itself refuse to stop writers."""
    dialect = dialect_named(situation.server.dialect)
    text = sql_of(op)
    statement = sql.Script(text, dialect).only
    if statement is None or (table := statement.table) is None:
        return None
    if any(map(statement.has, ("LOCK = NONE", "ALGORITHM = INSTANT"))):
        return None
    online = online_form(statement, text.strip(), dialect)
    if online and statement.verb != "DROP" and not situation.is_new(table):
        return {"table": label(table), "online": online, "works": [Work(*table)]}
    return None


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


def _builds(op: Any, situation: Situation) -> bool:
    """Tell an index that is built while others write."""
    if isinstance(op, LosslessOp):
        return called(op, create_unique_constraint_concurrently)
    return isinstance(op, ops.CreateUniqueConstraintOp) or not _is_fulltext(
        op, situation
    )


def _forbids_null(op: ops.AlterColumnOp | LosslessOp, _situation: Situation) -> bool:
    """Tell NOT NULL, for which the table is built again beside others."""
    if isinstance(op, LosslessOp):
        return called(op, set_not_null)
    return op.modify_nullable is False and op.modify_type is None


_rule(
    "foreign-key-copies",
    ops.CreateForeignKeyOp,
    instead=None,
    says="No row of {table} can be written while it is copied for {name}.",
    when=_checks_key,
)
_rule(
    "check-copies",
    ops.CreateCheckConstraintOp,
    says="No row of {table} can be written while it is copied for {name}; there is no"
    " other way.",
    when=_copies,
)
_rule(
    "type-copies",
    ops.AlterColumnOp,
    says="No row of {table} can be written while it is copied to make {column} {type};"
    " there is no other way.",
    when=lambda op, known: _copies(op, known) and changes_type(op, known, UNKNOWN),
)
_rule(
    "column-copies",
    ops.AddColumnOp,
    says="No row of {table} can be written while it is copied to add {column} ({why}).",
    when=_adds_by_copy,
)
_rule(
    "fulltext-blocks",
    ops.CreateIndexOp,
    growth=Growth.SCAN,
    says="No row of {table} can be written while the {kind} index {name} is built;"
    " there is no other way.",
    when=_is_fulltext,
)
_rule(
    "may-copy",
    ops.ExecuteSQLOp,
    says="MariaDB copies {table} for this, while no row can be written, where it cannot"
    " do it otherwise; with LOCK=NONE it refuses instead.",
    instead="op.execute({online!r})",
    when=_may_copy,
)
_goes_on(
    "index-online",
    ops.CreateIndexOp,
    ops.CreateUniqueConstraintOp,
    LosslessOp,
    growth=Growth.SCAN,
    says="The index {name} of {table} is built.",
    when=_builds,
)
_goes_on(
    "not-null-online",
    ops.AlterColumnOp,
    LosslessOp,
    growth=Growth.REWRITE,
    says="{table} is built again, so that {column} is NOT NULL.",
    when=_forbids_null,
)
