"""What changes of rows cost while the app runs, on every server."""

import re
from collections.abc import Iterator
from functools import partial

import sqlalchemy as sa
from alembic.operations import ops
from sqlalchemy.sql import operators, visitors

from . import rules
from .cost import Growth, Key, State, label, sql_of
from .rules import Matched

rule = partial(rules.rule, dialects=("postgresql", "mariadb", "mysql"))
WHOLE_TABLE = re.compile(
    r"\s*(?:UPDATE|DELETE\s+FROM)\s+(?:ONLY\s+)?(?P<table>[\w.\"`]+)", re.IGNORECASE
)


@rule(
    "rows-locked",
    ops.ExecuteSQLOp,
    growth=Growth.SCAN,
    says="Every row of {table} that this changes is locked until the revision commits.",
    instead="with op.get_context().autocommit_block():\n"
    "    op.fill_in_batches({name!r}, 'COLUMN', VALUE)",
)
def rows_locked(op: ops.ExecuteSQLOp, state: State) -> Iterator[Matched]:
    """Find a statement that changes as many rows as the table has."""
    key = _changed_by(op)
    if key is not None and not state.is_new(key):
        yield {"table": label(key), "name": key[1]}


def _changed_by(operation: ops.ExecuteSQLOp) -> Key | None:
    """Return the table that a statement changes most rows of, or None."""
    statement = operation.sqltext
    if isinstance(statement, sa.Update | sa.Delete):
        table = statement.table
        chosen = statement.whereclause is not None and _chooses(statement.whereclause)
        if chosen or not isinstance(table, sa.TableClause):
            return None
        return table.schema, table.name
    words = sql_of(operation)
    found = WHOLE_TABLE.match(words)
    if found is None or re.search(r"\bWHERE\b", words, re.IGNORECASE):
        return None
    schema, _, table_name = re.sub(r"[\"`]", "", found["table"]).rpartition(".")
    return schema or None, table_name


def _chooses(condition: sa.ColumnElement[bool]) -> bool:
    """Tell whether a condition asks for more than that there is no value yet."""
    return any(
        getattr(part, "operator", operators.is_) is not operators.is_
        for part in visitors.iterate(condition)
        if isinstance(part, sa.BinaryExpression)
    )
