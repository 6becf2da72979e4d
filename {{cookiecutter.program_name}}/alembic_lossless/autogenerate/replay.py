"""What the revisions say each column is: in their words, not a database's.

A database forgets: SQLite keeps no time zone, no Enum and no symbolic default. So the
revisions run once more, as `--sql` runs them, on no database, and are remembered.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from io import StringIO
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from alembic.operations import BatchOperations, MigrateOperation, Operations, ops
from alembic.runtime.migration import MigrationContext
from alembic.script import Script

from ..config import database_in
from ..internals import in_place_of_op
from ..operations.base import LosslessOp
from ..runtime.run import unlogged
from .object_history import ObjectHistory

log = logging.getLogger(__name__)


Tables = dict[tuple[str | None, str], dict[str, sa.Column[Any]]]
"""(schema, table) -> column -> the column as the revisions declare it."""


class Recorder(Operations):
    """Take the place of `op` while revisions run, and only keep track of columns."""

    def __init__(self, dialect: str = "sqlite", metadata: Any = None) -> None:
        """Start with no table, as the first revision does.

        :param dialect: the kind of database that revisions are told they run on.
        :param metadata: the models', for their naming convention.
        """
        super().__init__(_nowhere(dialect, metadata))
        self.tables: Tables = {}
        self.objects = ObjectHistory(self.migration_context)

    @contextmanager
    def batch_alter_table(
        self, table_name: str, schema: str | None = None, *_given: Any, **_options: Any
    ) -> Iterator[BatchOperations]:
        """Take what is done to one table without reading it first."""
        yield _Batch(self, table_name, schema)

    def invoke(self, operation: MigrateOperation) -> Any:
        """Remember what an operation does to columns."""
        if isinstance(operation, LosslessOp):
            operation = operation.as_alembic() or operation
        self.objects.take(operation)
        match operation:
            case ops.CreateTableOp():
                table = operation.to_table(self.migration_context)
                self.objects.take_table(table)
                self.tables[operation.schema, operation.table_name] = dict(table.c)
                return table
            case ops.DropTableOp():
                self.tables.pop((operation.schema, operation.table_name), None)
            case ops.RenameTableOp(schema=schema):
                columns = self.tables.pop((schema, operation.table_name), {})
                self.tables[schema, operation.new_table_name] = columns
            case ops.AddColumnOp() | ops.DropColumnOp() | ops.AlterColumnOp():
                key = operation.schema, operation.table_name
                _change_columns(self.tables.setdefault(key, {}), operation)
        return None


def _nowhere(dialect: str, metadata: Any) -> MigrationContext:
    """Return a context without a database, and without the log lines of a real one."""
    with unlogged():
        opts = {"as_sql": True, "output_buffer": StringIO()}
        opts |= {"target_metadata": metadata}
        return MigrationContext.configure(dialect_name=dialect, opts=opts)


class _Batch(BatchOperations):
    def __init__(self, recorder: Recorder, table: str, schema: str | None) -> None:
        batch: Any = SimpleNamespace(table_name=table, schema=schema)
        super().__init__(recorder.migration_context, impl=batch)
        self.recorder = recorder

    def invoke(self, operation: MigrateOperation) -> Any:
        return self.recorder.invoke(operation)


def _change_columns(
    columns: dict[str, sa.Column[Any]],
    operation: ops.AddColumnOp | ops.DropColumnOp | ops.AlterColumnOp,
) -> None:
    if isinstance(operation, ops.AddColumnOp):
        columns[operation.column.name] = operation.column
        return
    column = columns.pop(operation.column_name, None)
    if column is not None and isinstance(operation, ops.AlterColumnOp):
        name = operation.modify_name or column.name
        columns[name] = _altered(column, name, operation)


def _altered(
    column: sa.Column[Any], name: str, operation: ops.AlterColumnOp
) -> sa.Column[Any]:
    default: Any = operation.modify_server_default
    nullable, comment = operation.modify_nullable, operation.modify_comment
    return sa.Column(
        name,
        operation.modify_type or column.type,
        server_default=column.server_default if default is False else default,
        nullable=column.nullable if nullable is None else nullable,
        comment=column.comment if comment is False else comment,
    )


def declared_in(context: MigrationContext) -> Tables:
    """Return the tables of a database as its revisions declare them."""
    return replayed(context).tables


def replayed(context: MigrationContext) -> Recorder:
    """Return what the revisions of a database declare, found out once."""
    name = database_in(context.opts["upgrade_token"])
    # One run has one dictionary of options, for all its databases.
    found: dict[str, Recorder] = context.opts.setdefault("declared", {})
    if name not in found:
        environment = context.environment_context
        revisions = list(environment.script.walk_revisions()) if environment else []
        recorder = Recorder(metadata=context.opts.get("target_metadata"))
        found[name] = _replay(recorder, revisions[::-1], name)
    return found[name]


def _replay(recorder: Recorder, revisions: Sequence[Script], name: str) -> Recorder:
    """Let every revision say what it does to columns and constraints.

    A revision that asks the database something cannot answer here: what it had not yet
    said stays unknown, and a draft takes the database's word for that.

    :param revisions: from the first to the last.
    :param name: the database, for revisions with a part for each, or "".
    """
    with in_place_of_op(recorder):
        for revision in revisions:
            try:
                run_upgrade(revision, name)
            except Exception:
                log.debug("%s cannot be replayed", revision.revision, exc_info=True)
    return recorder


def run_upgrade(revision: Script, name: str) -> None:
    """Run the upgrade of a revision, or its part for a database.

    :param name: the database, for revisions with a part for each, or "".
    """
    upgrade = revision.module.upgrade
    if signature(upgrade).parameters:
        upgrade(name)
    elif not name:
        upgrade()
