"""Run a revision again whose first wait for a table was too long.

Source: `lock_timeout_retries` of strong_migrations, for Rails.
"""

import logging
import time
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from alembic.runtime.migration import RevisionStep
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from .locks import seconds
from .patience import is_busy

if TYPE_CHECKING:
    from .run import Run

log = logging.getLogger(__name__)

PAUSE = 1.0
"""Seconds before the first new attempt; each pause is twice the one before."""

SAVEPOINT = "before_revision"


class Retries:
    """The new attempts of one run, which together wait no longer than it may."""

    def __init__(self, run: "Run") -> None:
        """Begin with the settings of a run."""
        settings = run.database.settings
        self._run = run
        self._number = _number(run)
        self._deadline = time.monotonic() + seconds(settings, "MIGRATION_WAIT", 300)
        self._told = False
        self._undoes = run.connection.dialect.name == "postgresql"

    def cover(self, step: RevisionStep, *, first: bool) -> None:
        """Let a revision run again if it has done nothing, or if that can be undone.

        :param step: its run; it is changed.
        :param first: whether it is the first of the run. Where a run is one
            transaction, those before it hold their tables while a later one waits.
        """
        if self._number and (first or not self._undoes):
            step.migration_fn = self._covered(step.migration_fn)

    def _covered(self, migrate: Callable[..., None]) -> Callable[..., None]:
        @wraps(migrate)  # Alembic knows the direction by the name
        def attempt(**arguments: Any) -> None:
            for number in range(self._number + 1):
                pause = PAUSE * 2**number
                self._savepoint("SAVEPOINT")
                try:
                    return migrate(**arguments)
                except DBAPIError as error:
                    if number == self._number or not self._may_repeat(error, pause):
                        raise
                self._savepoint("ROLLBACK TO SAVEPOINT")
                self._tell()
                time.sleep(pause)
            return None

        return attempt

    def _savepoint(self, words: str) -> None:
        """Set or use the savepoint, which also gives back what was locked since."""
        if self._undoes:
            self._run.connection.exec_driver_sql(f"{words} {SAVEPOINT}")

    def _may_repeat(self, error: DBAPIError, pause: float) -> bool:
        return (
            is_busy(error)
            and self._run.mark.may_repeat()
            and time.monotonic() + pause < self._deadline
        )

    def _tell(self) -> None:
        if not self._told:
            log.warning(
                "A table is in use: trying again, up to %d times.", self._number
            )
        self._told = True


def _number(run: "Run") -> int:
    """Return how often a run may try again: never in a transaction of its caller."""
    if run.joins or run.connection.dialect.name == "sqlite":
        return 0
    try:
        return run.database.settings.number("MIGRATION_LOCK_RETRIES", 3)
    except ValueError as error:
        raise CommandError(str(error)) from error
