"""Run the upgrade of a revision on no database, and judge its operations in order."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from alembic.operations import MigrateOperation, ops

from ..autogenerate.replay import Recorder
from ..operations.base import LosslessOp
from .cost import Finding, Harm, State, sql_of
from .rules import examine
from .safe_form import safe_form
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


def _with_safe_form(finding: Finding, operation: MigrateOperation) -> Finding:
    if finding.instead is not None:
        return finding
    return replace(finding, instead=safe_form(operation))


def _judged(operation: MigrateOperation, state: State) -> list[Finding]:
    """Return what is found in an operation, and in what it comes to in the end.

    An operation of the library stops nobody, but what it makes of a table may be more
    than the running version survives.
    """
    found = [_with_safe_form(it, operation) for it in examine(operation, state)]
    if isinstance(operation, LosslessOp) and (same := operation.as_alembic()):
        found += [it for it in examine(same, state) if it.harm is Harm.BREAKS]
    return found
