"""The server default that a column has before and after a change of its type."""

from typing import Any

import sqlalchemy as sa
from alembic.operations.ops import AlterColumnOp, OpContainer

from ..conversions import survives
from .draft import Draft
from .keeping import is_known, kind


def defaults_around(
    draft: Draft, container: OpContainer, change: AlterColumnOp
) -> tuple[Any, Any]:
    """Return the default before and after a change, None for no default.

    :param container: the operations of one direction, that the change is in.
    """
    declared = change.existing_server_default
    if container is draft.downgrade and change.modify_server_default is not False:
        declared = change.modify_server_default
    before = None if declared is False else declared
    columns = draft.models.get((change.schema, change.table_name), {})
    column = columns.get(change.modify_name or change.column_name)
    after = column.server_default if column is not None and fits(column) else None
    return (after, before) if container is draft.downgrade else (before, after)


def default_after(draft: Draft, container: OpContainer, change: AlterColumnOp) -> Any:
    """Return the default that a column keeps or gets when its type changes."""
    if change.modify_server_default is not False:
        return change.modify_server_default or False
    old, new = change.existing_type, change.modify_type
    if old is None or new is None:
        return change.existing_server_default
    if kind(old) is kind(new) is not sa.Enum:
        return change.existing_server_default
    after = defaults_around(draft, container, change)[1]
    return False if after is None else after


def fits(column: sa.Column[Any]) -> bool:
    """Tell whether a model's default is a value that its type can have."""
    default, type_ = column.server_default, column.type
    value = default.arg if isinstance(default, sa.DefaultClause) else default
    if isinstance(value, sa.TextClause) and value.text.startswith("'"):
        value = value.text.strip("'")
    if not isinstance(value, str) or not is_known(type_, type_):
        return True
    if isinstance(type_, sa.Boolean):
        return value.lower() in {"0", "1", "true", "false"}
    return survives(value, type_)
