"""Run the upgrade of a revision on no database, and judge its operations in order."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from types import SimpleNamespace
from typing import Any

from alembic import op
from alembic.operations import BatchOperations, MigrateOperation, Operations, ops
from alembic.runtime.migration import MigrationContext

from .cost import Finding, State, sql_of
from .rules import examine
from .sql import Statement


class Recorder(Operations):
    """Take the place of `op` while a revision runs, and judge what it is asked to do."""

    def __init__(self, state: State, file: str) -> None:
        """Begin with what is known of the tables before a revision.

        :param file: the revision's; the lines of findings are its lines.
        """
        context = _nowhere(state.server.dialect)
        super().__init__(context)
        self.state = state
        self.findings: list[Finding] = []
        self.statements: list[Statement] = []
        self._file = file
        vars(context)["autocommit_block"] = self._autocommit

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
        """Judge an operation by what is known before it, and remember what it does."""
        line = self._line()
        found = examine(operation, self.state)
        self.findings += [replace(finding, line=line) for finding in found]
        if isinstance(operation, ops.ExecuteSQLOp):
            statement = Statement(sql_of(operation), line, self.state.autocommit)
            self.statements.append(statement)
        self.state.after(operation)
        return (
            operation.to_table() if isinstance(operation, ops.CreateTableOp) else None
        )

    @contextmanager
    def _autocommit(self) -> Iterator[None]:
        before, self.state.autocommit = self.state.autocommit, True
        try:
            yield
        finally:
            self.state.autocommit = before

    def _line(self) -> int:
        """Return the line of the revision that is running."""
        frames = traceback.walk_stack(None)
        return next((n for f, n in frames if f.f_code.co_filename == self._file), 0)


class _Batch(BatchOperations):
    def __init__(self, recorder: Recorder, table: str, schema: str | None) -> None:
        batch: Any = SimpleNamespace(table_name=table, schema=schema)
        super().__init__(recorder.migration_context, impl=batch)
        self.recorder = recorder

    def invoke(self, operation: MigrateOperation) -> Any:
        return self.recorder.invoke(operation)


def _nowhere(dialect: str) -> MigrationContext:
    """Return a context without a database, and without the log lines of a real one."""
    logger = logging.getLogger("alembic.runtime.migration")
    disabled, logger.disabled = logger.disabled, True
    try:
        opts = {"as_sql": True, "output_buffer": StringIO()}
        return MigrationContext.configure(dialect_name=dialect, opts=opts)
    finally:
        logger.disabled = disabled
