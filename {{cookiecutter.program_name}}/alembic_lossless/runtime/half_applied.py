"""A revision that stopped in the middle, where the database could not undo it."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from alembic import context
from alembic.runtime.migration import RevisionStep
from alembic.util import CommandError, to_tuple
from sqlalchemy import Connection, MetaData, Table, event, inspect
from sqlalchemy.exc import NoSuchTableError, SQLAlchemyError
from sqlalchemy.schema import DropTableComment, SetTableComment

from ..config import stamp_command
from .journal import Passed
from .statements import Effect, commits, effect_of, fails_halfway

MARK = re.compile(
    r"started: (?P<direction>upgrade|downgrade) (?P<revision>\S+)"
    r"( at (?P<number>\d+) (?P<digest>\w*)(?P<begun> begun)?)?"
)

NOT_ROLLED_BACK = 1196
"""The warning after a rollback that tables without transactions kept their rows."""


class Mark:
    """A comment on the version table: which revision was started last.

    MariaDB commits at every CREATE, ALTER and DROP, PostgreSQL at an
    `autocommit_block()`. The mark is committed with them, and so it is there even after
    a crash. Where a transaction is undone, it vanishes with it: PostgreSQL gets none
    before a revision commits something. SQLite needs none.
    """

    def __init__(self, connection: Connection, options: dict[str, Any]) -> None:
        """Mark a database, of which Alembic knows by these options."""
        self._connection = connection
        self._name = options.get("version_table", "alembic_version")
        self._schema = options.get("version_table_schema")
        self._options = options
        self._used = connection.dialect.name != "sqlite"
        self._resumed: re.Match[str] | None = None
        self._marking = False
        self._later: str | None = None  # what is written when the revision commits
        self._rows = False
        self._kept = False
        self._commits = False
        self._step: RevisionStep | None = None

    def read(self, connection: Connection) -> re.Match[str] | None:
        """Return which revision was started last, if the run did not end well."""
        if not self._used:
            return None
        with suppress(NoSuchTableError):
            found = inspect(connection).get_table_comment(self._name, self._schema)
            return MARK.match(found["text"] or "")
        return None

    def passed(self, step: RevisionStep, heads: tuple[str, ...]) -> Passed | None:
        """Return how far an earlier run of a revision came, if it can go on.

        :param heads: the revisions that the database was at before the run.
        :raises CommandError: when it is another revision that is half applied.
        """
        mark = self._resumed
        self._resumed = None
        if mark is None:
            return None
        if (mark["direction"], mark["revision"]) != _named(step):
            raise CommandError(str(self.advice(self._connection, heads)))
        return Passed(int(mark["number"]), mark["digest"], bool(mark["begun"]))

    def set(self, step: RevisionStep, passed: Passed | None = None) -> None:
        """Write down that a revision starts, or how far it came.

        :param passed: what a later run need not do again.
        """
        if self._used:
            started = "started: {} {}".format(*_named(step))
            if passed is not None:
                started += f" at {passed.number} {passed.digest}"
                started += " begun" if passed.begun else ""
            if passed is None and self._connection.dialect.name == "postgresql":
                self._later = started
            else:
                self._comment(started)
            if step is not self._step:
                self._step = step
                self._rows = self._kept = self._commits = False
            # What is written down must stay, even if nothing more happens.
            self._kept |= passed is not None

    def done(self) -> None:
        """Take it that the last revision is whole: what is committed now is the run."""
        self._later = None

    def clear(self) -> None:
        """Write down that every revision is whole."""
        if self.read(self._connection):
            self._write(DropTableComment(self._table()))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Take the mark back when a revision fails, and nothing of it was kept.

        So a revision whose first statement gave up waiting can just be run again, and
        one that only changed rows.
        """
        try:
            with self._listening():
                yield
        except Exception as error:
            lost = getattr(error, "connection_invalidated", False)
            if not (lost or self._kept or self._connection.in_transaction()):
                with suppress(SQLAlchemyError):
                    if not self._rows_were_kept():
                        self.clear()
            raise

    def may_repeat(self) -> bool:
        """Say whether the revision that failed can run again from its beginning."""
        if self._connection.dialect.name == "postgresql":
            return not self._commits
        return not (self._kept or self._rows)

    def refuse_half_applied(self, heads: tuple[str, ...]) -> None:
        """Refuse to run on tables that are in no known state.

        :param heads: the revisions that the database is at.
        :raises CommandError: when a revision was started and not finished.
        """
        mark = self.stopped(self._connection, heads)
        if mark is not None and mark["number"]:
            self._resumed = mark
            return
        advice = self.advice(self._connection, heads)
        if advice:
            raise CommandError(advice)

    def stopped(
        self, connection: Connection, heads: Sequence[str]
    ) -> re.Match[str] | None:
        """Return the direction and the revision that is half applied, if one is.

        :param heads: the revisions that the database is at.
        """
        mark = self.read(connection)
        if mark is None:
            return None
        # The version row may have been written just before a crash.
        is_whole = (mark["revision"] in heads) == (mark["direction"] == "upgrade")
        return None if is_whole else mark

    def advice(self, connection: Connection, heads: tuple[str, ...]) -> str | None:
        """Say how to go on when a revision is half applied.

        :param heads: the revisions that the database is at.
        """
        mark = self.stopped(connection, heads)
        if mark is None:
            return None
        direction, revision = mark["direction"], mark["revision"]
        stamp = stamp_command(self._options)
        now = " ".join(heads) or "base"
        if mark["number"]:
            return (
                f"The {direction} of revision {revision} stopped after statement"
                f" {mark['number']}. Run it again: it goes on from there.\n"
                f"Or undo by hand what it did and type: {stamp} {now}"
            )
        done = revision
        if direction == "downgrade":
            done = " ".join(_revisions_before(revision)) or "base"
        return (
            f"The {direction} of revision {revision} stopped in the middle; the last"
            f" whole state is {now}. Compare the tables with the revision file.\n"
            f"Undo by hand what it did and type: {stamp} {now}\n"
            f"Or do the rest by hand and type: {stamp} {done}"
        )

    def _table(self, comment: str | None = None) -> Table:
        return Table(self._name, MetaData(), schema=self._schema, comment=comment)

    def _comment(self, text: str) -> None:
        self._later = None
        self._write(SetTableComment(self._table(comment=text)))

    def _write(self, statement: SetTableComment | DropTableComment) -> None:
        self._marking = True
        try:
            self._connection.execute(statement)
        finally:
            self._marking = False

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Notice what the revisions do, which the database may be unable to undo."""
        listeners: list[tuple[str, Callable[..., None]]] = [
            ("before_cursor_execute", self._before),
            ("after_cursor_execute", self._after),
            ("commit", self._committed),
        ]
        for name, listener in listeners:
            event.listen(self._connection, name, listener)
        try:
            yield
        finally:
            for name, listener in listeners:
                event.remove(self._connection, name, listener)

    def _before(self, _conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        """Notice what stays even when the statement fails."""
        if not self._marking:
            if self._later and commits(statement):
                self._comment(self._later)
            stays = effect_of(statement) is Effect.KEPT
            self._kept |= (stays and self._rows) or fails_halfway(statement)

    def _after(self, connection: Connection, _c: Any, statement: str, *_: Any) -> None:
        if self._marking:
            return
        effect = effect_of(statement)
        options = connection.get_execution_options()
        alone = options.get("isolation_level") == "AUTOCOMMIT"
        self._rows |= effect is Effect.ROWS
        self._kept |= effect is Effect.KEPT or (alone and effect is Effect.ROWS)

    def _committed(self, _connection: Connection) -> None:
        if self._later:
            self._comment(self._later)
        self._kept |= self._rows
        self._commits = True

    def _rows_were_kept(self) -> bool:
        """Ask the server whether the rollback just now left rows: MyISAM's, Aria's."""
        warnings = self._connection.exec_driver_sql("SHOW WARNINGS")
        return any(row[1] == NOT_ROLLED_BACK for row in warnings)


def _named(step: RevisionStep) -> tuple[str, str]:
    """Return the direction of a step and its revision."""
    direction = "upgrade" if step.is_upgrade else "downgrade"
    return direction, str(step.revision.revision)


def _revisions_before(revision: str) -> tuple[str, ...]:
    script = context.script.get_revision(revision)
    return to_tuple(script.down_revision if script else None, default=())
