"""Changes of rows and of types, and what the running version would not survive.

The last is said unless the revision declares its phase as "after": then the old version
is gone when it runs.
"""

from functools import partial
from typing import Any

import sqlalchemy as sa
from alembic.operations import ops
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import operators, visitors
from sqlalchemy.types import TypeEngine

from ..operations.backfill import backfill
from ..operations.base import LosslessOp, called
from ..operations.columns import begin_dual_write
from ..operations.constraints import validate_constraint
from ..operations.guards import GUARDS
from ..operations.objects import drop_view
from ..sql import Script
from ..types.conversion import is_native
from ..types.portable import dialect_named
from .rules import (
    Growth,
    Harm,
    Key,
    Names,
    Server,
    Situation,
    Work,
    key_of,
    rule,
    sql_of,
)
from .rules import label as labelled

EVERYWHERE = ("postgresql", "mariadb", "mysql")


def _changes_all(
    op: ops.ExecuteSQLOp | LosslessOp, situation: Situation
) -> Names | bool | None:
    """Tell what changes as many rows as the table has, and commits them at once."""
    if isinstance(op, LosslessOp):
        return _fills(op, situation) and not situation.autocommit
    key = _changed_by(op, situation.server.dialect)
    if key is None or situation.is_new(key):
        return None
    return {"table": labelled(key), "bare": key[1], "works": [Work(*key)]}


def _fills(op: LosslessOp, _situation: Situation) -> bool:
    """Tell what gives values to rows now."""
    is_left = called(op, backfill) and op.later
    return called(op, backfill, begin_dual_write) and not is_left


def _changed_by(operation: ops.ExecuteSQLOp, dialect: str) -> Key | None:
    """Return the table that a statement changes most rows of, or None."""
    statement = operation.sqltext
    if isinstance(statement, sa.Update | sa.Delete):
        table = statement.table
        chosen = statement.whereclause is not None and _chooses(statement.whereclause)
        if chosen or not isinstance(table, sa.TableClause):
            return None
        return table.schema, table.name
    said = Script(sql_of(operation), dialect_named(dialect)).only
    if said is None or said.verb not in {"UPDATE", "DELETE"} or said.has("WHERE"):
        return None
    return said.table


def _chooses(condition: sa.ColumnElement[bool]) -> bool:
    """Tell whether a condition asks for more than that there is no value yet."""
    return any(
        getattr(part, "operator", operators.is_) is not operators.is_
        for part in visitors.iterate(condition)
        if isinstance(part, sa.BinaryExpression)
    )


rule(
    "rows-locked",
    ops.ExecuteSQLOp,
    LosslessOp,
    dialects=EVERYWHERE,
    growth=Growth.SCAN,
    says="Every row of {table} that this changes is locked until the revision commits.",
    instead="with op.get_context().autocommit_block():\n"
    "    op.backfill({bare!r}, 'COLUMN', VALUE)",
    when=_changes_all,
)


goes_on = partial(rule, dialects=EVERYWHERE, harm=Harm.GOES_ON, instead="")
"""Declares what stops nobody, and takes as long as there are rows."""

goes_on(
    "guard-reads",
    LosslessOp,
    growth=Growth.SCAN,
    says="The rows of {table} are looked at.",
    when=lambda op, _: called(op, *GUARDS, validate_constraint),
)
goes_on(
    "rows-online",
    LosslessOp,
    growth=Growth.REWRITE,
    says="Rows of {table} get values, a few at a time.",
    when=lambda op, known: known.autocommit and _fills(op, known),
)


# What the running version would not survive.

_breaks = partial(
    rule,
    dialects=EVERYWHERE,
    harm=Harm.BREAKS,
    instead='phase = "after"  # of the deployment: below the imports, in a revision of'
    " its own",
)


def _is_old(op: Any, situation: Situation) -> bool:
    """Tell whether the column of an operation was there before the revision."""
    key = key_of(op)
    return key is not None and not situation.is_new(key, op.column_name)


def _drops_view(op: LosslessOp, situation: Situation) -> Names | None:
    if not called(op, drop_view) or situation.is_new((op.schema, op.name)):
        return None
    return {"table": labelled((op.schema, op.name))}


def _is_required(op: ops.AddColumnOp, _situation: Situation) -> bool:
    """Tell a new column that each INSERT has to give."""
    column = op.column
    return not (column.nullable or column.server_default or column.primary_key)


def _may_be_null(op: ops.AlterColumnOp, situation: Situation) -> bool:
    """Tell a column that becomes NOT NULL, and may be given NULL."""
    if op.modify_nullable is not False or op.existing_nullable is False:
        return False
    known = situation.column((op.schema, op.table_name), op.column_name)
    if known is None:
        return True
    # A column that came just now is not named by the running version's INSERTs.
    gives_itself = known.server_default is not None and not _is_old(op, situation)
    return known.nullable is not False and not gives_itself


_breaks(
    "table-dropped",
    ops.DropTableOp,
    says="The running version still uses {table}.",
)
_breaks(
    "view-dropped",
    LosslessOp,
    says="The running version still reads the view {table}, which is not there until it"
    " is made again.",
    when=_drops_view,
)
_breaks(
    "column-dropped",
    ops.DropColumnOp,
    says="The running version still reads and writes {table}.{column}.",
    when=_is_old,
)
_breaks(
    "column-renamed",
    ops.AlterColumnOp,
    instead="with op.get_context().autocommit_block():\n"
    "    op.add_column({bare!r}, sa.Column({new!r}, ...))\n"
    "    op.begin_dual_write({bare!r}, {column!r}, {new!r})\n"
    "# And after the deployment: op.end_dual_write, op.drop_column",
    says="The running version still calls {table}.{column} that.",
    when=lambda op, known: op.modify_name is not None and _is_old(op, known),
)
_breaks(
    "table-renamed",
    ops.RenameTableOp,
    instead="with op.get_context().autocommit_block():\n"
    "    op.begin_table_rename({bare!r}, {new!r})\n"
    "# And after the deployment: op.end_table_rename",
    says="The running version still calls {table} that.",
)
_breaks(
    "column-required",
    ops.AddColumnOp,
    instead="op.add_column({bare!r}, sa.Column({column!r}, ..., server_default=...))",
    says="The running version inserts rows without {table}.{column}, which is NOT NULL"
    " and has no default.",
    when=_is_required,
)
_breaks(
    "not-null-refuses",
    ops.AlterColumnOp,
    says="The running version may still write NULL to {table}.{column}.",
    when=_may_be_null,
)
_breaks(
    "default-dropped",
    ops.AlterColumnOp,
    says="The running version inserts rows without {table}.{column}, which then is NOT"
    " NULL and has no default.",
    when=lambda op, _: (
        op.modify_server_default is None and op.existing_nullable is False
    ),
)


# What it costs to give a column another type.

Type = TypeEngine[Any]

ONE_BYTE = 255
"""The longest text, in bytes, whose length MariaDB stores in one byte."""

BYTES = 4
"""What a character takes in utf8mb4, at most."""


def growth(old: Type | None, new: Type, server: Server, using: str = "") -> Growth:
    """Return how long a change of type takes as the table grows.

    PostgreSQL looks at no row where each value of the old type is one of the new, to
    the byte; everything else it writes again. What is not known is taken for the worse.

    Source: PostgreSQL, "ALTER TABLE", notes; MariaDB, "InnoDB Online DDL Operations".

    :param old: the type that the column has, if that is known.
    :param using: the expression that converts the values, if one is given.
    """
    if old is None:
        return Growth.UNKNOWN
    if server.dialect == "postgresql":
        dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
        instant = not using and _is_same_to_the_byte(old, new, dialect)
    else:
        instant = _is_instant_on_mariadb(old, new)
    return Growth.INSTANT if instant else Growth.REWRITE


def _is_same_to_the_byte(old: Type, new: Type, dialect: Dialect) -> bool:
    before, after = _stored(old, dialect), _stored(new, dialect)
    if before == after:
        return True
    was, will = old.dialect_impl(dialect), new.dialect_impl(dialect)
    varying = ("VARCHAR", "TEXT")
    if before.startswith(varying) and after.startswith(varying):
        lengths = getattr(was, "length", None), getattr(will, "length", None)
        return lengths[1] is None or (lengths[0] or lengths[1] + 1) <= lengths[1]
    if isinstance(was, sa.Numeric) and before.startswith("NUMERIC"):
        return after.startswith("NUMERIC") and _is_wider(was, will)
    return False


def _is_wider(old: Any, new: Any) -> bool:
    if new.precision is None:
        return True
    if old.precision is None:
        return False
    return (old.scale or 0) == (new.scale or 0) and bool(old.precision <= new.precision)


def _is_instant_on_mariadb(old: Type, new: Type) -> bool:
    dialect = mysql.dialect()
    if _stored(old, dialect) == _stored(new, dialect):
        return True
    if is_native(old) and is_native(new):
        return list(new.enums[: len(old.enums)]) == list(old.enums)
    if {_word(old, dialect), _word(new, dialect)} == {"VARCHAR"}:
        before, after = (int(getattr(one, "length", 0) or 0) for one in (old, new))
        crosses = BYTES * before <= ONE_BYTE < BYTES * after
        return before <= after and not crosses
    return False


def _stored(type_: Type, dialect: Dialect) -> str:
    return str(type_.compile(dialect=dialect))


def _word(type_: Type, dialect: Dialect) -> str:
    return _stored(type_, dialect).partition("(")[0]


def changes_type(
    op: ops.AlterColumnOp, situation: Situation, unknown: str
) -> Names | None:
    """Return what a rule names of a change of type that is no matter of an instant.

    :param op: what alters a column.
    :param situation: what is known before.
    :param unknown: what is said where nobody knows the type before.
    """
    if op.modify_type is None:
        return None
    known = situation.column((op.schema, op.table_name), op.column_name)
    old = op.existing_type or (None if known is None else known.type)
    using = op.kw.get("postgresql_using", "")
    how = growth(old, op.modify_type, situation.server, using)
    if how is Growth.INSTANT:
        return None
    return (
        {"growth": how, "says": unknown} if how is Growth.UNKNOWN else {"growth": how}
    )
