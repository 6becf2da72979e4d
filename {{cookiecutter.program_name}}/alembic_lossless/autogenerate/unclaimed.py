"""What somebody else gave to a table of ours: it is left alone, and named.

Indexes and constraints that Alembic notices are asked about in `ownership`. Here are
those that it does not notice, or does not ask about.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.operations.ops import AlterColumnOp
from alembic.util import PriorityDispatchResult
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.sql.elements import conv

from ..dialects import MYSQL
from .operations import label
from .ownership import ownership_of
from .replay import declared_in, replayed

EXCLUDES = sa.text(
    "SELECT nullif(own.relnamespace, current_schema()::regnamespace::oid)::regnamespace"
    " AS schema, own.relname AS table, conname AS name, amname AS using,"
    " pg_get_expr(indpred, indrelid, true) AS where,"
    " ARRAY(SELECT pg_get_indexdef(indexrelid, at::int, true)"
    "  FROM generate_subscripts(conexclop, 1) AS at ORDER BY at) AS elements,"
    " ARRAY(SELECT oprname::text FROM unnest(conexclop) WITH ORDINALITY AS its (op, at)"
    "  JOIN pg_operator ON pg_operator.oid = op ORDER BY at) AS operators"
    " FROM pg_constraint"
    " JOIN pg_class AS own ON own.oid = conrelid"
    " JOIN pg_index ON indexrelid = conindid"
    " JOIN pg_class AS its ON its.oid = conindid JOIN pg_am ON pg_am.oid = its.relam"
    " WHERE contype = 'x' ORDER BY conname"
)
"""The EXCLUDE constraints, which SQLAlchemy does not reflect."""


def unwanted(context: AutogenContext, kind: str, subject: str) -> bool:
    """Tell whether a thing that nobody declared is left alone: no answer drops it.

    :param kind: what it is.
    :param subject: what an answer calls it.
    """
    ownership = ownership_of(context.migration_context)
    return ownership is None or not ownership.is_wanted(kind, subject)


def keep_comment(
    context: AutogenContext, change: Any, *where: Any
) -> PriorityDispatchResult:
    """Leave the comment of a table or a column alone that nobody declared.

    :param where: the schema, the table, perhaps the name of a column, and then the
        table or the column as the database and as the models have it.
    """
    schema, table, *column, old, model = where
    if old is None or model is None or not old.comment or model.comment:
        return PriorityDispatchResult.CONTINUE
    history = replayed(context.migration_context)
    if not column and "comment" in old.columns:
        return PriorityDispatchResult.STOP  # an answer would speak of that column
    if column:
        declared = history.tables.get((schema, table), {}).get(column[0])
        was = declared.comment if declared is not None else None
    else:
        was = history.objects.options.get(((schema, table), None), {}).get("comment")
    subject = ".".join([label(schema, table), *column, "comment"])
    if was or not unwanted(context, "comment", subject):
        return PriorityDispatchResult.CONTINUE
    if column:
        change.existing_comment = old.comment  # MariaDB hears the whole column again
    return PriorityDispatchResult.STOP


def compare_default(  # noqa: PLR0913, PLR0917  the signature is Alembic's
    context: AutogenContext,
    change: AlterColumnOp,
    schema: str | None,
    table: str,
    name: str,
    old: sa.Column[Any],
    model: sa.Column[Any],
) -> None:
    """Notice the default of a column that nobody declared."""
    declared = declared_in(context.migration_context).get((schema, table), {}).get(name)
    default = old.server_default
    if not isinstance(default, sa.DefaultClause) or model.server_default is not None:
        return
    if declared is not None and declared.server_default is not None:
        return
    if model.table.autoincrement_column is model or _is_given(context, old):
        return
    if not unwanted(
        context, "default", f"{label(schema, table)}.{name}.server_default"
    ):
        change.existing_server_default = default
        change.modify_server_default = None


def _is_given(context: AutogenContext, column: sa.Column[Any]) -> bool:
    """Tell the default that MariaDB may give a TIMESTAMP by itself."""
    on_mysql = context.migration_context.dialect.name in MYSQL
    return on_mysql and isinstance(column.type, sa.TIMESTAMP)


def compare_unclaimed(
    context: AutogenContext,
    change: ops.ModifyTableOps,
    _schema: str | None,
    _table: str,
    old: sa.Table | None,
    model: sa.Table | None,
) -> None:
    """Notice a CHECK or an EXCLUDE that nobody declared.

    `compare_objects` drops those that a revision made.
    """
    ownership = ownership_of(context.migration_context)
    if old is None or model is None or ownership is None:
        return
    reflected = True
    for kind, constraint in _conditions(context, old):
        name = constraint.name
        if (
            name
            and not ownership.is_ours(constraint)
            and context.run_object_filters(constraint, name, kind, reflected, None)
        ):
            change.ops.append(ops.DropConstraintOp.from_constraint(constraint))


def _conditions(
    context: AutogenContext, table: sa.Table
) -> Iterator[tuple[Any, sa.Constraint]]:
    checks = [it for it in table.constraints if isinstance(it, sa.CheckConstraint)]
    for check in sorted(checks, key=lambda it: str(it.name)):
        yield "check_constraint", check
    connection = context.connection
    if connection is None or connection.dialect.name != "postgresql":
        return
    for found in _excludes(context.inspector, connection):
        if (found["schema"], found["table"]) != (table.schema, table.name):
            continue
        elements = zip(found["elements"], found["operators"], strict=True)
        exclude = ExcludeConstraint(
            *((sa.literal_column(element), operator) for element, operator in elements),
            name=conv(found["name"]),
            using=found["using"],
            where=found["where"] and sa.text(found["where"]),
        )
        table.append_constraint(exclude)
        yield "exclude_constraint", exclude


def _excludes(inspector: sa.Inspector, connection: sa.Connection) -> Any:
    """Return the EXCLUDE constraints of PostgreSQL, asked for once."""
    cache = inspector.info_cache
    if EXCLUDES not in cache:
        cache[EXCLUDES] = connection.execute(EXCLUDES).mappings().all()
    return cache[EXCLUDES]
