"""Put the revisions' own words where a draft would repeat the database's."""

import re
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from alembic.ddl.impl import DefaultImpl
from alembic.operations import ops
from alembic.operations.ops import AlterColumnOp, OpContainer
from sqlalchemy.types import TypeEngine

from ..internals import dropped_items
from ..stored_types import stored
from ..types import is_known, kind
from ..values import survives
from .draft import Draft
from .operations import operations_in
from .reported import is_reported_as


def as_declared(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Replace what a database reported in a draft by what was once declared.

    That is what a downgrade restores after a drop, and what `existing_type` says.
    """
    tables, impl = draft.declared, draft.context.impl
    for operation in operations_in(upgrade):
        if isinstance(operation, ops.AlterColumnOp):
            if operation.modify_type is not None:
                operation.modify_type = stored(operation.modify_type)
            known = tables.get((operation.schema, operation.table_name), {})
            _restore_existing(operation, known, impl)
        elif isinstance(operation, ops.DropColumnOp | ops.DropTableOp):
            known = tables.get((operation.schema, operation.table_name), {})
            for column in _dropped(operation):
                declared = _confirmed(column, known, impl)
                column.type = declared.type
                column.comment = column.comment or declared.comment
                column.server_default = declared.server_default


def _dropped(operation: ops.DropTableOp | ops.DropColumnOp) -> list[sa.Column[Any]]:
    if isinstance(operation, ops.DropColumnOp):
        return [operation.to_column()]
    items = dropped_items(operation)
    return [item for item in items if isinstance(item, sa.Column)]


def _restore_existing(
    operation: ops.AlterColumnOp,
    known: dict[str, sa.Column[Any]],
    impl: DefaultImpl,
) -> None:
    if operation.existing_type is None:
        return
    default = operation.existing_server_default or None
    # A rename speaks of the column as it was, and what is known has its new name.
    name = operation.modify_name or operation.column_name
    reported = sa.Column(name, operation.existing_type, server_default=default)
    declared = _confirmed(reported, known, impl)
    operation.existing_type = declared.type
    # SQLite keeps no comments, and MariaDB hears the whole column again.
    operation.existing_comment = operation.existing_comment or declared.comment
    if operation.existing_server_default is not False:
        found = declared.server_default
        if found is None and not operation.kw.get("autoincrement"):
            # What nobody declared is still there, and MariaDB would forget it.
            found = portable_default(reported)
        operation.existing_server_default = found


def _confirmed(
    reported: sa.Column[Any], known: dict[str, sa.Column[Any]], impl: DefaultImpl
) -> sa.Column[Any]:
    """Return the declaration of a column, if the database still agrees with it.

    It may not: a table can come from elsewhere, or be changed in a way not recorded.
    """
    declared = known.get(reported.name)
    if declared is not None and _agrees(impl, reported, declared):
        return declared
    return sa.Column(
        reported.name,
        portable_type(reported.type),
        server_default=portable_default(reported),
    )


def _agrees(
    impl: DefaultImpl, reported: sa.Column[Any], declared: sa.Column[Any]
) -> bool:
    """Tell whether a column can be what the revisions say it is."""
    if isinstance(reported.type, sa.types.NullType):
        return True  # only the database has a word for it
    return not impl.compare_type(reported, declared) or is_reported_as(
        impl.dialect, declared.type, reported.type
    )


def portable_type(reflected: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return the type of a column that a model would have had, as far as can be told.

    :param reflected: a type as a database reports it, for example `mysql.TINYINT(1)`.
    """
    if isinstance(reflected, sa.Enum):
        return sa.Enum(*reflected.enums, name=reflected.name)
    name = type(reflected).__name__
    if name == "TINYINT" and getattr(reflected, "display_width", 0) == 1:
        return sa.Boolean()
    if name.endswith("TEXT"):
        return sa.Text()
    # Types in capitals are a database's own, and these are nobody else's.
    if name.isupper() and name not in {"ARRAY", "HSTORE", "JSONB"}:
        with suppress(NotImplementedError):
            portable = reflected.as_generic()
            if isinstance(portable, sa.String):
                portable.collation = None
            return portable
    return reflected


def portable_default(column: sa.Column[Any]) -> Any:
    """Return the default of a reflected column as every database understands it."""
    default = column.server_default
    if not isinstance(default, sa.DefaultClause) or isinstance(default.arg, str):
        return default
    sql = str(default.arg)
    # PostgreSQL says 'new'::character varying, MariaDB says current_timestamp().
    sql = re.sub(r"^('(?:[^']|'')*')::[\w ]+(\(\d+\))?$", r"\1", sql)
    if sql.lower().strip("()") in {"now", "current_timestamp"}:
        return sa.DefaultClause(sa.func.now())
    if isinstance(portable_type(column.type), sa.Boolean):
        return sa.DefaultClause(sa.false() if sql in {"0", "false"} else sa.true())
    return sa.DefaultClause(sa.text(sql))


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
    after = (
        column.server_default if column is not None and default_fits(column) else None
    )
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


def default_of(column: sa.Column[Any]) -> Any:
    """Return what a model says as a server default, text where it is a value."""
    default = column.server_default
    return default.arg if isinstance(default, sa.DefaultClause) else default


def default_fits(column: sa.Column[Any]) -> bool:
    """Tell whether a model's default is a value that its type can have."""
    value, type_ = default_of(column), stored(column.type)
    if isinstance(value, sa.TextClause) and value.text.startswith("'"):
        value = value.text.strip("'")
    if not isinstance(value, str) or not is_known(type_, type_):
        return True
    if isinstance(type_, sa.Boolean):
        return value.lower() in {"0", "1", "true", "false"}
    return survives(value, type_)
