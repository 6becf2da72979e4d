"""What Alembic does not detect: another server default and, on SQLite, another comment.

No database gives a default back as it was written: `false()` is 0 on SQLite, and
'new'::character varying is PostgreSQL's word for 'new'. SQLite has no comments, which
the others get from a script that was drafted on it. So a model is compared with the
revisions, whose words are the models' own.
"""

import logging
from typing import Any, TypeGuard

from alembic.autogenerate import comparators
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import AlterColumnOp
from sqlalchemy import Column, DefaultClause, FetchedValue

from .defaults import fits
from .history import declared_in
from .rendering import default_code

log = logging.getLogger(__name__)


@comparators.dispatch_for("column")
def _compare(context: AutogenContext, change: AlterColumnOp, *compared: Any) -> None:
    """Compare a column of the models, which comes last, with the revisions."""
    column: Column[Any] = compared[-1]
    tables = declared_in(context.migration_context)
    declared = tables.get((change.schema, change.table_name), {}).get(column.name)
    if declared is None:
        return
    _compare_defaults(change, declared, column)
    has_none = not context.migration_context.dialect.supports_comments
    if has_none and declared.comment != column.comment:
        change.existing_comment = declared.comment
        change.modify_comment = column.comment
        log.info("Detected another comment of '%s'", column)


def _compare_defaults(
    change: AlterColumnOp, declared: Column[Any], column: Column[Any]
) -> None:
    """Notice a default that a model gained, lost or changed."""
    before, after = declared.server_default, column.server_default
    if before is None and not fits(column):
        return  # another type took it away
    if _is_plain(before) and _is_plain(after) and _code(before) != _code(after):
        change.existing_server_default, change.modify_server_default = before, after
        log.info("Detected another server default of '%s'", column)


def _is_plain(default: FetchedValue | None) -> TypeGuard[DefaultClause | None]:
    """Tell a default, or none, from an identity or a formula, which no draft alters."""
    return default is None or isinstance(default, DefaultClause)


def _code(default: DefaultClause | None) -> str | None:
    return None if default is None else default_code(default.arg)
