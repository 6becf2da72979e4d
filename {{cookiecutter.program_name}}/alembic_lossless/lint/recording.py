"""Run the upgrade of a revision on no database, and judge its operations in order.

What stops others is shown in the form that leaves them at work.
"""

import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from textwrap import dedent
from typing import Any

from alembic.autogenerate import render_python_code
from alembic.operations import MigrateOperation, ops

from ..autogenerate.live import online
from ..autogenerate.operations import AutocommitBlock
from ..autogenerate.render import render_item
from ..autogenerate.replay import Recorder
from ..operations.base import LosslessOp
from .cost import Finding, Harm, State, sql_of
from .rules import examine
from .sql import Statement


class Judge(Recorder):
    """Take the place of `op` while revisions run, and judge what they ask for.

    It knows the columns that earlier revisions declared.
    """

    def __init__(self, dialect: str) -> None:
        """Begin before the first revision, on no table."""
        super().__init__(dialect)
        vars(self.migration_context)["autocommit_block"] = self._autocommit
        self._file = ""
        self._state: State | None = None
        self.findings: list[Finding] = []
        self.statements: list[Statement] = []

    @contextmanager
    def judging(self, state: State, file: str) -> Iterator[None]:
        """Judge what a revision does, by what is known before it.

        :param file: the revision's; the lines of findings are its lines.
        """
        state.tables = self.tables
        self._state, self._file = state, file
        self.findings, self.statements = [], []
        try:
            yield
        finally:
            self._state = None

    def invoke(self, operation: MigrateOperation) -> Any:
        """Judge an operation by what is known before it, and remember what it does."""
        state = self._state
        if state is not None:
            line = self._line()
            found = _judged(operation, state)
            self.findings += [replace(finding, line=line) for finding in found]
            if isinstance(operation, ops.ExecuteSQLOp) and (text := sql_of(operation)):
                self.statements.append(Statement(text, line, state.autocommit))
        result = super().invoke(operation)
        if state is not None:
            state.after(operation)
        return result

    @contextmanager
    def _autocommit(self) -> Iterator[None]:
        if self._state is None or self._state.autocommit:
            yield
            return
        self._state.autocommit = True
        try:
            yield
        finally:
            self._state.autocommit = False

    def _line(self) -> int:
        """Return the line of the revision that is running."""
        frames = traceback.walk_stack(None)
        return next((n for f, n in frames if f.f_code.co_filename == self._file), 0)


def _judged(operation: MigrateOperation, state: State) -> list[Finding]:
    """Return what is found in an operation, and in what it comes to in the end.

    An operation of the library stops nobody, but what it makes of a table may be more
    than the running version survives.
    """
    found = [_with_safe_form(it, operation) for it in examine(operation, state)]
    if isinstance(operation, LosslessOp) and (same := operation.as_alembic()):
        found += [it for it in examine(same, state) if it.harm is Harm.BREAKS]
    return found


def _with_safe_form(finding: Finding, operation: MigrateOperation) -> Finding:
    if finding.instead is not None:
        return finding
    return replace(finding, instead=_safe_form(operation))


def _safe_form(operation: MigrateOperation) -> str:
    """Return the form of an operation that leaves others at work, or nothing."""
    schema = getattr(operation, "schema", None)
    table = getattr(operation, "table_name", "")
    if isinstance(operation, ops.CreateForeignKeyOp):
        schema, table = operation.kw.get("source_schema"), operation.source_table
    change = ops.ModifyTableOps(table, [operation], schema=schema)
    parts = list(online(change, lambda _change: True))
    if _operations(parts) == [operation]:
        return ""
    block = ops.UpgradeOps([AutocommitBlock(parts)])
    lines = render_python_code(block, render_item=render_item).splitlines()
    code = (line for line in lines if line and not line.lstrip().startswith("#"))
    return dedent("\n".join(code))


def _operations(parts: Iterable[MigrateOperation]) -> list[MigrateOperation]:
    return [
        op
        for part in parts
        for op in (part.ops if isinstance(part, ops.ModifyTableOps) else [part])
    ]
