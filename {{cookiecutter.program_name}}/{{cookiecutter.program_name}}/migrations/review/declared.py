"""Put the revisions' own words where a draft would repeat the database's."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic.ddl.impl import DefaultImpl
from alembic.operations import ops

from .draft import Draft
from .renamed import Key
from .rendering import portable_default, portable_type


def as_declared(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Replace what a database reported in a draft by what was once declared.

    That is what a downgrade restores after a drop, and what `existing_type` says.
    """
    tables, impl = draft.declared, draft.context.impl
    for operation in operations_in(upgrade):
        if isinstance(operation, ops.AlterColumnOp):
            known = tables.get((operation.schema, operation.table_name), {})
            _restore_existing(operation, known, impl)
        elif isinstance(operation, ops.DropColumnOp | ops.DropTableOp):
            known = tables.get((operation.schema, operation.table_name), {})
            for column in _dropped(operation):
                declared = _confirmed(column, known, impl)
                column.type = declared.type
                column.comment = column.comment or declared.comment
                column.server_default = declared.server_default


def operations_in(container: ops.OpContainer) -> Iterator[ops.MigrateOperation]:
    """Give every operation, those within a batch included."""
    for operation in container.ops:
        if isinstance(operation, ops.OpContainer):
            yield from operations_in(operation)
        else:
            yield operation


def names_before(container: ops.OpContainer, key: Key, column: str) -> tuple[str, str]:
    """Return a table and a column of it as they are called before all operations."""
    table = key[1]
    for operation in operations_in(container):
        match operation:
            case ops.AlterColumnOp(table_name=name, modify_name=str(new)):
                if (name, new) == (key[1], column):
                    column = operation.column_name
            case ops.RenameTableOp(new_table_name=new, schema=at):
                if (at, new) == key:
                    table = operation.table_name
    return table, column


def _dropped(operation: ops.DropTableOp | ops.DropColumnOp) -> list[sa.Column[Any]]:
    if isinstance(operation, ops.DropColumnOp):
        return [operation.to_column()]
    create = operation._reverse  # noqa: SLF001  to_table() gives a copy of it
    items = create.columns if create else []
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
        operation.existing_server_default = declared.server_default


def _confirmed(
    reported: sa.Column[Any], known: dict[str, sa.Column[Any]], impl: DefaultImpl
) -> sa.Column[Any]:
    """Return the declaration of a column, if the database still agrees with it.

    It may not: a table can come from elsewhere, or be changed in a way not recorded.
    """
    declared = known.get(reported.name)
    if declared is not None and not impl.compare_type(reported, declared):
        return declared
    return sa.Column(
        reported.name,
        portable_type(reported.type),
        server_default=portable_default(reported),
    )
