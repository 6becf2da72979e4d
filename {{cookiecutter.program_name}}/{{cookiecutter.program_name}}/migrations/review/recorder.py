"""What stands in for `op` while revisions are replayed, and remembers columns."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import StringIO
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations, MigrateOperation, Operations, ops
from alembic.runtime.migration import MigrationContext

Tables = dict[tuple[str | None, str], dict[str, sa.Column[Any]]]
"""(schema, table) -> column -> the column as the revisions declare it."""


class Recorder(Operations):
    """Take the place of `op` while revisions run, and only keep track of columns."""

    def __init__(self) -> None:
        """Start with no table, as the first revision does."""
        super().__init__(_nowhere())
        self.tables: Tables = {}
        self.unique: set[str] = set()
        """The names of unique constraints, which MariaDB says are indexes."""
        self.foreign_keys: set[str] = set()
        """The names of foreign keys, and of the indexes that MariaDB makes for them."""

    @contextmanager
    def in_place_of_op(self) -> Iterator[None]:
        """Let every `op.…` of a revision come here."""
        proxy = vars(op).get("_proxy")
        vars(op)["_proxy"] = self
        try:
            yield
        finally:
            vars(op)["_proxy"] = proxy

    @contextmanager
    def batch_alter_table(
        self, table_name: str, schema: str | None = None, *_given: Any, **_options: Any
    ) -> Iterator[BatchOperations]:
        """Take what is done to one table without reading it first."""
        yield _Batch(self, table_name, schema)

    def invoke(self, operation: MigrateOperation) -> Any:
        """Remember what an operation does to columns."""
        match operation:
            case ops.CreateTableOp():
                table = operation.to_table()
                self._constrain(table.constraints)
                self.tables[operation.schema, operation.table_name] = dict(table.c)
                return table
            case ops.DropTableOp():
                self.tables.pop((operation.schema, operation.table_name), None)
            case ops.RenameTableOp(schema=schema):
                columns = self.tables.pop((schema, operation.table_name), {})
                self.tables[schema, operation.new_table_name] = columns
            case ops.AddColumnOp() | ops.DropColumnOp() | ops.AlterColumnOp():
                key = operation.schema, operation.table_name
                _change(self.tables.setdefault(key, {}), operation)
            case ops.CreateUniqueConstraintOp() | ops.CreateForeignKeyOp():
                self._constrain([operation.to_constraint()])
        return None

    def _constrain(self, constraints: Iterable[sa.Constraint]) -> None:
        for constraint in constraints:
            if isinstance(constraint, sa.UniqueConstraint):
                self.unique.add(str(constraint.name))
            elif isinstance(constraint, sa.ForeignKeyConstraint):
                self.foreign_keys.add(str(constraint.name))


def _nowhere() -> MigrationContext:
    """Return a context without a database, and without the log lines of a real one."""
    logger = logging.getLogger("alembic.runtime.migration")
    disabled, logger.disabled = logger.disabled, True
    try:
        opts = {"as_sql": True, "output_buffer": StringIO()}
        return MigrationContext.configure(dialect_name="sqlite", opts=opts)
    finally:
        logger.disabled = disabled


class _Batch(BatchOperations):
    def __init__(self, recorder: Recorder, table: str, schema: str | None) -> None:
        batch: Any = SimpleNamespace(table_name=table, schema=schema)
        super().__init__(recorder.migration_context, impl=batch)
        self.recorder = recorder

    def invoke(self, operation: MigrateOperation) -> Any:
        return self.recorder.invoke(operation)


def _change(
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
