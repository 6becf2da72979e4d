"""Server defaults that changed: a model's is compared with what the revisions say.

No database gives a default back as it was written: `false()` is 0 on SQLite, and
'new'::character varying is PostgreSQL's word for 'new'. The revisions' words are the
models' own, the same on all three.
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
    """Notice a default that a model gained, lost or changed."""
    table = declared_in(context.migration_context).get(
        (change.schema, change.table_name), {}
    )
    column: Column[Any] = compared[-1]
    if column.name not in table:
        return
    before, after = table[column.name].server_default, column.server_default
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
