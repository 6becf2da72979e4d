"""A revision that stopped: what is written down of it, and how it goes on.

In an `autocommit_block()` each statement is committed by itself, so that no lock is
held longer than one statement needs it. Its number, and a digest of all that came
before, is written down with it: a later run passes over what is done, and refuses a
file that now says something else. Where a server cannot undo a revision, a comment on
the version table says which one was started.
"""

import hashlib
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cached_property, partial
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from alembic import context
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData, Table, event, inspect
from sqlalchemy.exc import DBAPIError, NoSuchTableError, SQLAlchemyError
from sqlalchemy.schema import CreateIndex, DropTableComment, SetTableComment

from .._alembic import commit_blocks_by, executed_by
from ..config import stamp_command
from ..replaced import follows
from ..rules import rule
from ..sql import Effect, TableName, script
from .causes import Code, codes_of
from .locks import Blockers, shown
from .online import (
    build,
    limited,
    refused,
    retried,
    short_transaction,
    text_of,
    unlimited,
    without_lock,
)

log = logging.getLogger(__name__)

T = TypeVar("T")

IS_THERE: set[Code] = {1050, 1060, 1061, 1826, "42710", "42P07"}
"""Errors of what is made again: a table, a column, an index, a key, a value."""

IS_GONE: set[Code] = {1051, 1054, 1091, 1146, "42704"}
"""Errors of what is dropped or renamed again."""


@contextmanager
def written_down(
    begin: Callable[[], None], take_back: Callable[[], None]
) -> Iterator[None]:
    """Write down that a statement begins, and take it back when it was refused."""
    begin()
    try:
        yield
    except BaseException as error:
        if not getattr(error, "connection_invalidated", False):
            with suppress(SQLAlchemyError):
                take_back()
        raise


def unless_done(act: Callable[[], T]) -> T | None:
    """Run a statement that an earlier run began, if that did not end it."""
    try:
        return act()
    except DBAPIError as error:
        if not codes_of(error.orig) & (IS_THERE | IS_GONE):
            raise
    log.warning("The statement that was cut off is done already.")
    return None


class Checkpoint(NamedTuple):
    """How far a revision came: so many statements, with this digest of their texts."""

    number: int
    digest: str
    begun: bool = False
    """Whether the statement after them had begun, and may be done."""


def journal_of(migration: MigrationContext) -> "Journal | None":
    """Return the journal of the revision that runs, if its steps are written down."""
    found: Journal | None = migration.opts.get("journal")
    return found


class Journal:
    """The statements of one revision on one database, those that are done and to do."""

    def __init__(  # noqa: PLR0913  what a run knows of it
        self,
        migration: MigrationContext,
        write: Callable[[Checkpoint | None], None],
        passed: Checkpoint | None = None,
        wait: float = 300,
        *,
        live: bool = False,
        end_after: float | None = None,
    ) -> None:
        """Begin a revision, or go on with it.

        :param write: writes down how far the revision came, in the transaction that is
            open; None means: no further than its begin, as far as is known.
        :param passed: what an earlier run wrote down.
        :param wait: seconds after which a lock that cannot be had is an error.
        :param live: whether the revision is made for concurrent clients.
        :param end_after: seconds after which a session that blocks it is ended.
        """
        self.live = live
        self._end_after = end_after
        self._migration = migration
        self._write = write
        self._passed = passed
        self._wait = wait
        self._number, self._digest = 0, ""
        self._before = (0, "")
        self._inside = False
        self._written = passed is not None
        self._block = migration.autocommit_block
        self._postgresql = migration.dialect.name == "postgresql"
        self._new = set[TableName]()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Let each statement of a revision pass through here."""
        migration = self._migration
        commit_blocks_by(migration, self._separately_committed)
        migration.opts["journal"] = self
        try:
            with executed_by(migration.impl, self._one) as self._execute:
                yield
            if self._passed and self._number < self._passed.number:
                raise CommandError(_changed(self._passed.number))
        finally:
            commit_blocks_by(migration, self._block)
            del migration.opts["journal"]
            self._blockers.close()

    def run(self, what: str, act: Callable[[], T], *, alone: bool = False) -> T | None:
        """Take one step, unless an earlier run took it.

        :param what: the same text each time that the revision runs.
        :param act: takes the step.
        :param alone: commits what it does itself, or needs no transaction around it.
        """
        if not self._is_next(what):
            return None
        if not self._inside:
            self._forget()
            return act()
        with self._begun(what, alone), shown(self.connection, what):
            return self.patiently(partial(self._commit, act, alone))

    def patiently(self, act: Callable[[], T]) -> T:
        """Repeat what did not get its lock, with growing pauses.

        :raises DBAPIError: when it did not get it in time, or for another reason.
        """
        return retried(act, self._wait, self._blockers)

    @cached_property
    def _blockers(self) -> Blockers:
        return Blockers(self.connection, self._end_after)

    @property
    def connection(self) -> sa.Connection:
        """The connection that the revision runs on."""
        connection = self._migration.connection
        if connection is None:
            raise AssertionError
        return connection

    def commits(self) -> bool:
        """Tell whether each statement is committed by itself at the moment."""
        return self._inside

    def commit(self) -> None:
        """Commit a part of a step that commits by itself."""
        if self._inside and not self._postgresql:
            self.connection.exec_driver_sql("COMMIT")

    @contextmanager
    def _separately_committed(self) -> Iterator[None]:
        """Stand for Alembic's `autocommit_block()`."""
        if self._inside:
            yield
            return
        if self._number >= (self._passed.number if self._passed else 0):
            # What came before the block is committed as it begins.
            self._note()
        with self._block() if self._postgresql else limited(self.connection):
            self._inside = True
            try:
                yield
            finally:
                self._inside = False

    def _begun(self, what: str, alone: bool) -> AbstractContextManager[None]:  # noqa: FBT001
        kept = script(what, self._migration.dialect).commits_itself
        if not (alone if self._postgresql else kept):
            return nullcontext()
        begin = partial(self._write, Checkpoint(*self._before, begun=True))
        return written_down(begin, partial(self._write, Checkpoint(*self._before)))

    def _one(self, construct: Any, *args: Any, **kw: Any) -> Any:
        """Stand for Alembic's own execution of one statement."""
        text = text_of(construct, self._migration.dialect)
        said = script(text, self._migration.dialect)
        if said.effect is Effect.NOTHING:
            return self._execute(construct, *args, **kw)
        if self._inside and not self._postgresql:
            dialect = self._migration.dialect
            construct = without_lock(said, text, construct, dialect, self._new)
        act = partial(self._execute, construct, *args, **kw)
        passed = self._passed
        goes_on = passed is not None and passed.number == self._number
        if passed and passed.begun and goes_on:
            act = partial(unless_done, act)
        if self._inside and not self._postgresql:
            act = partial(refused, said, text, act, self.connection)
        if isinstance(construct, CreateIndex) and said.runs_alone:
            index = construct.element
            act = partial(build, index, act, self.connection, goes_on=goes_on)
        return self.run(text, act, alone=said.runs_alone)

    def _commit(self, act: Callable[[], T], alone: bool) -> T:  # noqa: FBT001
        """Take a step and write down that it was taken, both or neither."""
        if self._postgresql and not alone:
            with short_transaction(self.connection):
                self._note()  # before it: what it locks is held until the commit
                return act()
        if self._postgresql:
            with unlimited(self.connection), self._blockers.watched(after=1):
                result = act()
        else:
            result = act()
        self._note()
        self.commit()
        return result

    @rule(
        "stopped", "refusal", "A revision that stopped was changed before that place."
    )
    def _is_next(self, what: str) -> bool:
        """Count a statement, and tell whether it is still to be run."""
        self._before = self._number, self._digest
        self._number += 1
        whole = f"{self._digest} {what}"
        self._digest = hashlib.sha256(whole.encode()).hexdigest()[:16]
        if self._passed is None or self._number > self._passed.number:
            return True
        if self._number == self._passed.number:
            if self._digest != self._passed.digest:
                raise CommandError(_changed(self._number))
            log.warning("Going on after statement %d, which is done.", self._number)
        return False

    def _note(self) -> None:
        self._written = True
        self._write(Checkpoint(self._number, self._digest))

    def _forget(self) -> None:
        """Take back what is written where a statement cannot be taken back."""
        if self._written and not self._postgresql:
            self._written = False
            self._write(None)


def _changed(number: int) -> str:
    return (
        f"An earlier run did {number} statements of this revision, with which its file"
        " does not begin any more. Put them back as they were, or do the rest by hand"
        " and stamp the revision."
    )


MARK = re.compile(
    r"started: (?P<direction>upgrade|downgrade) (?P<revision>\S+)"
    r"( at (?P<number>\d+) (?P<digest>\w*)(?P<begun> begun)?)?"
)

NOT_ROLLED_BACK = 1196
"""The warning after a rollback that tables without transactions kept their rows."""


def half_applied(
    mark: re.Match[str] | None, heads: Sequence[str]
) -> re.Match[str] | None:
    """Return a mark if the revision that it names is neither done nor undone.

    The version row may have been written just before a crash.

    :param mark: the direction and the revision that a run noted, if one did.
    :param heads: the revisions that the database is at.
    """
    if mark is None:
        return None
    is_whole = (mark["revision"] in heads) == (mark["direction"] == "upgrade")
    return None if is_whole else mark


class RevisionMarker:
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

    @property
    def goes_on(self) -> bool:
        """Whether an earlier run stopped in a revision, and this one goes on there."""
        return self._resumed is not None

    def read(self, connection: Connection) -> re.Match[str] | None:
        """Return which revision was started last, if the run did not end well."""
        if not self._used:
            return None
        with suppress(NoSuchTableError):
            found = inspect(connection).get_table_comment(self._name, self._schema)
            return MARK.match(found["text"] or "")
        return None

    def passed(self, step: RevisionStep, heads: tuple[str, ...]) -> Checkpoint | None:
        """Begin with a revision: return how far an earlier run came, if it can go on.

        :param heads: the revisions that the database was at before the run.
        :raises CommandError: when it is another revision that is half applied.
        """
        mark, self._resumed = self._resumed, None
        if mark and (mark["direction"], mark["revision"]) != _named(step):
            raise CommandError(str(self.advice(self._connection, heads)))
        self._rows = self._kept = self._commits = False
        if mark is None:
            return None
        return Checkpoint(int(mark["number"]), mark["digest"], bool(mark["begun"]))

    def set(self, step: RevisionStep, passed: Checkpoint | None = None) -> None:
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
            # What is written down must stay, even if nothing more happens.
            self._kept |= passed is not None

    def done(self, heads: tuple[str, ...]) -> None:
        """Take it that the last revision is whole: what is committed now is the run.

        What an earlier run began, and this one did not go on with, stays written down.

        :param heads: the revisions that the database was at before the run.
        :raises CommandError: when a revision of the project is half applied.
        """
        self._later = None
        if (mark := self._resumed) is None:
            return
        if _is_known(mark["revision"]):
            raise CommandError(str(self.advice(self._connection, heads)))
        log.warning(
            "The %s of revision %s, which has no file here, stopped after statement %s:"
            " the version of the app that has its file goes on from there.",
            *mark.group("direction", "revision", "number"),
        )

    def clear(self) -> None:
        """Write down that every revision is whole, unless one is not."""
        if self._resumed is None and self.read(self._connection):
            self._write(DropTableComment(self._table()))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Take the mark back when a revision fails, and nothing of it was kept.

        So a revision whose first statement gave up waiting can just be run again, and
        one that only changed rows.
        """
        if not self._used:
            yield
            return
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

    @property
    def kept(self) -> bool:
        """Whether the database keeps something of what failed."""
        is_undone = self._connection.dialect.name == "postgresql"
        return self._commits if is_undone else self._kept

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
        return half_applied(self.read(connection), heads)

    def advice(
        self,
        connection: Connection,
        heads: tuple[str, ...],
        *,
        is_permanent: bool = False,
    ) -> str | None:
        """Say how to go on when a revision is half applied.

        :param heads: the revisions that the database is at.
        :param is_permanent: whether another run would stop at the same place.
        """
        mark = self.stopped(connection, heads)
        if mark is None:
            return None
        direction, revision = mark["direction"], mark["revision"]
        stamp = stamp_command(self._options)
        now = " ".join(heads) or "base"
        if mark["number"]:
            again = "Run it again: it goes on from there."
            if is_permanent:
                again = "What follows would stop again: correct the file behind that"
                again += " place, and the next run goes on there."
            return (
                f"The {direction} of revision {revision} stopped after statement"
                f" {mark['number']}. {again}\n"
                f"Or undo by hand what it did and type: {stamp} {now}"
            )
        done = revision
        if direction == "downgrade":
            known = context.script.get_revision(revision)
            done = " ".join(follows(known) if known else ()) or "base"
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
            said = script(statement, self._connection.dialect)
            if self._later and said.commits:
                self._comment(self._later)
            stays = said.effect is Effect.ANYTHING
            self._kept |= (stays and self._rows) or said.may_half_fail

    def _after(self, connection: Connection, _c: Any, statement: str, *_: Any) -> None:
        if self._marking:
            return
        effect = script(statement, connection.dialect).effect
        options = connection.get_execution_options()
        alone = options.get("isolation_level") == "AUTOCOMMIT"
        self._rows |= effect is Effect.ROWS
        self._kept |= effect is Effect.ANYTHING or (alone and effect is Effect.ROWS)

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


def _is_known(revision: str) -> bool:
    """Tell whether a revision has a file here, and not in another version alone."""
    with suppress(CommandError):
        return context.script.get_revision(revision) is not None
    return False
