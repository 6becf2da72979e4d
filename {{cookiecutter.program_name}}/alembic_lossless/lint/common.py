"""Changes of rows, and what the running version would not survive, on every server.

The latter is said unless the revision declares its phase as "after": then the old
version is gone when it runs.
"""

from collections.abc import Iterator
from functools import partial

import sqlalchemy as sa
from alembic.operations import ops
from sqlalchemy.sql import operators, visitors

from ..operations.base import LosslessOp, called
from ..operations.views import drop_view
from ..sql import Script
from ..types.portable import dialect_named
from .rules import Growth, Harm, Key, Matched, Situation, label, rule, sql_of

_rule_on_rows = partial(rule, dialects=("postgresql", "mariadb", "mysql"))


@_rule_on_rows(
    "rows-locked",
    ops.ExecuteSQLOp,
    growth=Growth.SCAN,
    says="Every row of {table} that this changes is locked until the revision commits.",
    instead="with op.get_context().autocommit_block():\n"
    "    op.backfill({name!r}, 'COLUMN', VALUE)",
)
def rows_locked(op: ops.ExecuteSQLOp, situation: Situation) -> Iterator[Matched]:
    """Find a statement that changes as many rows as the table has."""
    key = _changed_by(op, situation.server.dialect)
    if key is not None and not situation.is_new(key):
        yield {"table": label(key), "name": key[1]}


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


WAIT = (
    'phase = "after"  # of the deployment: below the imports, in a revision of its own'
)
"""What a revision says that waits until the running version is gone."""


_rule_on_deployment = partial(
    rule,
    dialects=("postgresql", "mariadb", "mysql"),
    harm=Harm.BREAKS,
    instead=WAIT,
)


@_rule_on_deployment(
    "table-dropped",
    ops.DropTableOp,
    says="The running version still uses {table}.",
)
def table_dropped(op: ops.DropTableOp, situation: Situation) -> Iterator[Matched]:
    """Find a table that is dropped."""
    key = op.schema, op.table_name
    if situation.phase != "after" and not situation.is_new(key):
        yield {"table": label(key)}


@_rule_on_deployment(
    "view-dropped",
    LosslessOp,
    says="The running version still reads the view {table}, which is not there until it"
    " is made again.",
)
def view_dropped(op: LosslessOp, situation: Situation) -> Iterator[Matched]:
    """Find a view that is dropped, be it for a moment in which others may commit."""
    if called(op, drop_view) and situation.phase != "after":
        key = op.schema, op.name
        if not situation.is_new(key):
            yield {"table": label(key)}


@_rule_on_deployment(
    "column-dropped",
    ops.DropColumnOp,
    says="The running version still reads and writes {table}.{column}.",
)
def column_dropped(op: ops.DropColumnOp, situation: Situation) -> Iterator[Matched]:
    """Find a column that is dropped."""
    key = op.schema, op.table_name
    if situation.phase != "after" and not situation.is_new(key, op.column_name):
        yield {"table": label(key), "column": op.column_name}


@_rule_on_deployment(
    "column-renamed",
    ops.AlterColumnOp,
    instead="with op.get_context().autocommit_block():\n"
    "    op.add_column({name!r}, sa.Column({new!r}, ...))\n"
    "    op.begin_dual_write({name!r}, {column!r}, {new!r})\n"
    "# And after the deployment: op.end_dual_write, op.drop_column",
    says="The running version still calls {table}.{column} that.",
)
def column_renamed(op: ops.AlterColumnOp, situation: Situation) -> Iterator[Matched]:
    """Find a column that gets another name."""
    key = op.schema, op.table_name
    stays = op.modify_name is None or situation.phase == "after"
    if not (stays or situation.is_new(key, op.column_name)):
        names = {"name": op.table_name, "column": op.column_name, "new": op.modify_name}
        yield {"table": label(key), **names}


@_rule_on_deployment(
    "table-renamed",
    ops.RenameTableOp,
    says="The running version still calls {table} that.",
)
def table_renamed(op: ops.RenameTableOp, situation: Situation) -> Iterator[Matched]:
    """Find a table that gets another name."""
    key = op.schema, op.table_name
    if situation.phase != "after" and not situation.is_new(key):
        yield {"table": label(key)}


@_rule_on_deployment(
    "column-required",
    ops.AddColumnOp,
    instead="op.add_column({name!r}, sa.Column({column!r}, ..., server_default=...))",
    says="The running version inserts rows without {table}.{column}, which is NOT NULL"
    " and has no default.",
)
def column_required(op: ops.AddColumnOp, situation: Situation) -> Iterator[Matched]:
    """Find a new column that each INSERT has to give."""
    key, column = (op.schema, op.table_name), op.column
    gives_itself = column.nullable or column.server_default or column.primary_key
    if not (gives_itself or situation.phase == "after" or situation.is_new(key)):
        yield {"table": label(key), "name": key[1], "column": column.name}


@_rule_on_deployment(
    "not-null-refuses",
    ops.AlterColumnOp,
    says="The running version may still write NULL to {table}.{column}.",
)
def not_null_refuses(op: ops.AlterColumnOp, situation: Situation) -> Iterator[Matched]:
    """Find a column that becomes NOT NULL."""
    key = op.schema, op.table_name
    if (
        op.modify_nullable is not False
        or situation.phase == "after"
        or situation.is_new(key)
    ):
        return
    known = situation.column(key, op.column_name)
    is_so = known is not None and known.nullable is False
    if is_so or op.existing_nullable is False:
        return
    # A column that came just now is not named by the running version's INSERTs.
    gives_itself = known is not None and known.server_default is not None
    if not (gives_itself and situation.is_new(key, op.column_name)):
        yield {"table": label(key), "column": op.column_name}


@_rule_on_deployment(
    "default-dropped",
    ops.AlterColumnOp,
    says="The running version inserts rows without {table}.{column}, which then is NOT"
    " NULL and has no default.",
)
def default_dropped(op: ops.AlterColumnOp, situation: Situation) -> Iterator[Matched]:
    """Find a default that is dropped from a column that needs a value."""
    key = op.schema, op.table_name
    nullable = op.existing_nullable is not False
    is_dropped = op.modify_server_default is None and not nullable
    if is_dropped and situation.phase != "after" and not situation.is_new(key):
        yield {"table": label(key), "column": op.column_name}
