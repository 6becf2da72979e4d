"""One run of a command on one database: what it is, and how far it came."""

import logging
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import cached_property, partial, wraps
from itertools import takewhile
from typing import Any, NoReturn, Protocol

from alembic import context
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, MigrationStep, RevisionStep
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, column, inspect, select, table
from sqlalchemy.exc import DBAPIError

from .._alembic import (
    command_name,
    command_steps,
    commit_blocks_by,
    compares_database,
    counts_back,
    has_no_steps,
    in_place_of_op,
    only_reads,
)
from ..config import program_of, stamp_command
from ..rules import AFTER, phase_of
from ..sql import quoted_table, script, text
from . import locks, sqlite
from .applied import Applied, refusal, remember
from .causes import DEADLOCK, codes_of
from .connect import Database, Discovery, ask, connected, no_steps
from .errors import explained, join, refuse_unknown
from .locks import Blockers, seconds
from .online import is_busy
from .recovery import Checkpoint, Journal, RevisionMarker

log = logging.getLogger(__name__)

PAUSE = 1.0
"""Seconds before the first new attempt; each pause is twice the one before."""

UNSEEN = 0.5
"""Seconds that a first attempt may wait before it is asked for whom."""

TRYING_AGAIN = "A table is in use: trying again, up to %d times."

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
        self._first = dict[str, None]()
        self._ends = run.end_after is not None
        self._blockers = Blockers(run.connection, run.end_after)

    def cover(self, step: RevisionStep, *, first: bool) -> None:
        """Let a revision run again if it has done nothing, or if that can be undone.

        :param step: its run; it is changed.
        :param first: whether it is the first of the run. Where a run is one
            transaction, those before it hold their tables while a later one waits.
        """
        repeats = self._number if first or not self._undoes else 0
        if repeats or self._ends:
            step.migration_fn = self._covered(step.migration_fn, repeats)

    def _covered(
        self, migrate: Callable[..., None], repeats: int
    ) -> Callable[..., None]:
        @wraps(migrate)  # Alembic knows the direction by the name
        def attempt(**arguments: Any) -> None:
            for number in range(repeats + 1):
                pause = PAUSE * 2**number
                if repeats:
                    self._savepoint("SAVEPOINT")
                try:
                    with self._watched(number):
                        self._lock_first()
                        return migrate(**arguments)
                except DBAPIError as error:
                    too_late = time.monotonic() + pause >= self._deadline
                    may_repeat = is_busy(error) and self._run.mark.may_repeat()
                    if number == repeats or too_late or not may_repeat:
                        raise
                    self._note(error)
                self._savepoint("ROLLBACK TO SAVEPOINT")
                if not self._told:
                    log.warning(TRYING_AGAIN, self._number)
                    self._told = True
                time.sleep(pause)
            return None

        return attempt

    @contextmanager
    def _watched(self, number: int) -> Iterator[None]:
        """Look who blocks a new attempt, or each one where blockers are ended."""
        if not (number or self._ends):
            yield
            return
        try:
            with self._blockers.watched(after=0 if number else UNSEEN):
                yield
        finally:
            self._blockers.close()

    def _note(self, error: DBAPIError) -> None:
        """Keep the table that a revision asked for when others waited for its rows.

        It has changed rows of it before it alters it, and somebody came between. The
        next attempt would meet the next one, unless it has the table from its begin.
        """
        if not (self._undoes and codes_of(error.orig) & {*DEADLOCK}):
            return
        dialect = self._run.connection.dialect
        statement = script(error.statement or "", dialect).only
        if statement and (table := statement.table):
            self._first[quoted_table(table.name, table.schema, dialect)] = None

    def _lock_first(self) -> None:
        """Lock the tables for which an attempt stood in a circle with others."""
        for name in self._first:
            lock = text(f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE")
            self._run.connection.execute(lock)

    def _savepoint(self, words: str) -> None:
        """Set or use the savepoint, which also gives back what was locked since."""
        if self._undoes:
            self._run.connection.exec_driver_sql(f"{words} {SAVEPOINT}")


def _number(run: "Run") -> int:
    """Return how often a run may try again: never in a transaction of its caller."""
    if run.joins or run.connection.dialect.name == "sqlite":
        return 0
    try:
        return run.database.settings.number("MIGRATION_LOCK_RETRIES", 3)
    except ValueError as error:
        raise CommandError(str(error)) from error


Steps = Callable[[tuple[str, ...], MigrationContext], Iterable[MigrationStep]]


@contextmanager
def unlogged() -> Iterator[None]:
    """Leave out what Alembic logs of a context that changes no database.

    What other threads log meanwhile is not this one's to leave out.
    """
    logger, own = logging.getLogger("alembic.runtime.migration"), threading.get_ident()

    def is_others(record: logging.LogRecord) -> bool:
        return record.thread != own

    logger.addFilter(is_others)
    try:
        yield
    finally:
        logger.removeFilter(is_others)


class Ddl(Protocol):
    """How databases are altered, which a run does not know: it knows when."""

    def implement(self, migration: MigrationContext) -> None:
        """Let a context alter its database as the library does."""

    def operations(self, migration: MigrationContext) -> Operations:
        """Return what takes the place of `op` while a revision runs."""

    def remember(
        self, connection: Connection, *, rehearsed: bool = False
    ) -> Callable[[], None]:
        """Look at a database; return what looks whether a run broke something."""


class Run:
    """What a command does to a database, step by step."""

    def __init__(
        self,
        connection: Connection,
        options: dict[str, Any],
        database: "Database",
        ddl: Ddl,
    ) -> None:
        """Begin with a connection to a database, and what Alembic is told of it."""
        self.connection = connection
        self.ddl = ddl
        self.options = options
        self.database = database
        self.step: RevisionStep | None = None
        self.migration: MigrationContext | None = None
        self.heads: tuple[str, ...] = ()
        self.joins = connection.in_transaction()
        self.mark = RevisionMarker(connection, options)
        self.applied = Applied(connection, options)
        self._command: Steps = command_steps()

    @property
    def url(self) -> URL:
        """Where the database is, also where it is not there and was not opened."""
        return self.database.url

    @property
    def undoes_ddl(self) -> bool:
        """Whether the database rolls a CREATE, an ALTER or a DROP back."""
        return self.connection.dialect.name not in locks.COMMITS_DDL

    @property
    def end_after(self) -> float | None:
        """The seconds after which a session that blocks the run is ended, if it is."""
        config, name = context.config, "end_blockers_after"
        given = getattr(config.cmd_opts, "x", None) or ()
        typed = [it.partition("=")[2] for it in given if it.startswith(f"{name}=")]
        found = typed[-1] if typed else config.attributes.get(name)
        if found is None:
            return None
        try:
            seconds = float(found)
        except ValueError:
            seconds = -1
        if seconds < 0:
            raise CommandError(f"{name} is {found!r}. Write a number of seconds: 30")
        return seconds

    @cached_property
    def _wait(self) -> float:
        """The seconds to wait for others, which are read from files."""
        return seconds(self.database.settings, "MIGRATION_WAIT", 300)

    @property
    def steps(self) -> Steps:
        """The steps of the command, each one remembered before it is taken."""

        @wraps(self._command)  # the review, too, knows the command by its name
        def steps(
            heads: tuple[str, ...], migration: MigrationContext
        ) -> Iterator[MigrationStep]:
            # A database that has all tables and no history is compared as if at one.
            if at := context.config.attributes.get("at"):
                heads = (at,)
            self.migration, self.heads = migration, heads
            refuse_unknown(heads, self.connection, self.options)
            if self.joins:
                commit_blocks_by(migration, self._refuse_autocommit)
            stamps = command_name() == "stamp"
            if not only_reads() and not stamps:
                self.mark.refuse_half_applied(heads)
            self._refuse_in_doubt(heads, migration)
            if not (stamps or self.mark.goes_on):
                self._rehearse(heads, migration)
            attempts = Retries(self)
            for step in self._command(heads, migration):
                if isinstance(step, RevisionStep):
                    if self._must_wait(step) or self._must_be_filled(step, migration):
                        break
                    passed = self.mark.passed(step, heads)
                    # The one before is done, and this one has not begun.
                    first, self.step = self.step is None, None
                    self.mark.set(step, passed)
                    step.migration_fn = self._watched(step, migration, passed)
                    attempts.cover(step, first=first)
                    self.step = step
                    self.applied.begin(step.revision)
                yield step
            self.step = None
            if stamps:
                self.applied.accept(context.script, migration.get_current_heads())
            self.mark.done(heads)

        return steps

    def _edited(self, heads: tuple[str, ...]) -> str | None:
        """Return what is to be said of revisions that were edited since they ran."""
        if not (found := self.applied.edited(context.script, heads)):
            return None
        stamp = f"{stamp_command(self.options)} {' '.join(heads)}"
        return refusal(found, program_of(context.config), stamp)

    def _refuse_in_doubt(
        self, heads: tuple[str, ...], migration: MigrationContext
    ) -> None:
        """Let no comparison take an edited revision for a difference of the models.

        :raises CommandError: with what was edited, for a draft and a check; and for a
            number of revisions to go back where two heads are.
        """
        newest = context.script.get_heads()
        if counts_back() and len(newest) > 1:
            told = join(newest, program_of(context.config))
            if len(heads) > 1:
                raise CommandError(told)
            log.warning("%s", told)
        if command_name() == "upgrade":
            self._warn_of_edited(heads)
        elif compares_database():
            if said := self._edited(heads):
                raise CommandError(said)
            migration.opts["remembered"] = self.applied.knows

    def _warn_of_edited(self, heads: tuple[str, ...]) -> None:
        if said := self._edited(heads):
            log.warning("%s", said)

    @property
    def no_steps(self) -> Steps:
        """The steps of a command that is done before it begins."""

        @wraps(self._command)
        def steps(_heads: tuple[str, ...], _migration: MigrationContext) -> list[Any]:
            return []

        return steps

    def is_done(self) -> bool:
        """Say whether this is an upgrade whose target is reached; it waits for nobody.

        A revision that was started counts only while another run is at work on it.
        """
        if command_name() != "upgrade":
            return False
        try:
            heads = self._stamped()
            done = has_no_steps(heads)
            if done and self.mark.stopped(self.connection, heads):
                done = locks.is_held(self.connection, self.options)
            if done:
                self._warn_of_edited(heads)
        finally:
            if not self.joins:
                self.connection.rollback()  # Alembic must find no transaction
        return done

    def _stamped(self) -> tuple[str, ...]:
        """Return where the database is, before Alembic is configured."""
        name = self.options.get("version_table", "alembic_version")
        schema = self.options.get("version_table_schema")
        if not inspect(self.connection).has_table(name, schema):
            return ()
        found = table(name, column("version_num"), schema=schema)
        return tuple(self.connection.scalars(select(found)))

    def current_heads(self) -> tuple[str, ...]:
        """Return the revisions that the database is at now."""
        return self.migration.get_current_heads() if self.migration else ()

    def _rehearse(self, heads: tuple[str, ...], migration: MigrationContext) -> None:
        """Try the steps on a copy where the database cannot undo them.

        :raises CommandError: when one of them fails there.
        """
        if self.undoes_ddl or self.joins or only_reads():
            return
        try:
            if not self.database.settings.is_wanted("MIGRATION_REHEARSE"):
                return
        except ValueError as error:
            raise CommandError(str(error)) from error
        every = self._command(heads, migration)
        steps = [it for it in every if isinstance(it, RevisionStep)]
        steps = [*takewhile(lambda it: not self._waits(it), steps)]
        if steps:
            from .trial import rehearse  # noqa: PLC0415  others undo DDL

            with unlogged():  # there is a second context
                rehearse(self, steps)

    def _waits(self, step: RevisionStep) -> bool:
        """Tell whether a revision waits for the deployment."""
        config = context.config
        given = getattr(config.cmd_opts, "x", None) or ()
        stops = config.attributes.get("before") or "phase=before" in given
        after = step.is_upgrade and phase_of(step.revision) == AFTER
        return bool(stops and after)

    def _must_wait(self, step: RevisionStep) -> bool:
        """Tell whether a revision waits for the deployment, and if so say it."""
        config, waits = context.config, self._waits(step)
        if waits:
            program = getattr(config.cmd_opts, "prog", "alembic")
            config.print_stdout(
                "%s",
                f"{step.revision.revision}, {step.revision.doc}, and what follows it"
                " wait until the new version of the app is deployed everywhere.\n"
                f"Then: {program} upgrade",
            )
        return waits

    def _must_be_filled(self, step: RevisionStep, migration: MigrationContext) -> bool:
        """Tell whether a revision waits for a backfill, and if so say it.

        :raises CommandError: where it is the first of the run: nothing is done then.
        """
        waits_for = self.options.get("waits_for")
        said = waits_for(step.revision, migration) if waits_for else None
        if not step.is_upgrade or said is None:
            return False
        if self.step is None:
            raise CommandError(said)
        context.config.print_stdout("%s", said)
        return True

    def _watched(
        self, step: RevisionStep, migration: MigrationContext, passed: Checkpoint | None
    ) -> Callable[..., None]:
        """Return the function of a revision, whose statements are written down.

        SQLite needs no `autocommit_block()`: nobody writes while a run does, and what a
        live project's revision does is undone as a whole.
        """
        function = step.migration_fn
        phase = phase_of(step.revision)

        @wraps(function)
        def run(**arguments: Any) -> None:
            with ExitStack() as stack:
                stack.enter_context(in_place_of_op(self.ddl.operations(migration)))
                if migration.dialect.name == "sqlite":
                    if phase is not None:
                        stack.enter_context(_without_blocks(migration))
                elif not self.joins:
                    write = partial(self.mark.set, step)
                    live = phase is not None
                    journal = Journal(
                        migration,
                        write,
                        passed,
                        self._wait,
                        live=live,
                        end_after=self.end_after,
                    )
                    stack.enter_context(journal.kept())
                if watched := context.config.attributes.get("watched"):
                    stack.enter_context(watched(step.revision.revision, migration))
                function(**arguments)

        return run

    def _refuse_autocommit(self) -> NoReturn:
        """Refuse to commit what the caller began; Alembic only asserts otherwise."""
        raise CommandError(
            "An autocommit_block() commits what came before, and the connection given"
            " has begun a transaction, which is its caller's.\n"
            "Give an Engine, or a Connection on which nothing has begun."
        )


@contextmanager
def _without_blocks(migration: MigrationContext) -> Iterator[None]:
    """Let an `autocommit_block()` be a part of the run's transaction."""
    before = migration.autocommit_block
    commit_blocks_by(migration, nullcontext)
    try:
        yield
    finally:
        commit_blocks_by(migration, before)


@contextmanager
def transaction(
    database: Database, options: dict[str, Any], ddl: Ddl
) -> Iterator[Callable[[], None]]:
    """Configure Alembic with a connection to a database, in one transaction.

    The transaction is committed when the block ends, and undone when it fails. One that
    was begun on a Connection stays its owner's. An upgrade that finds its target
    reached takes no lock; what env.py itself does is committed all the same.

    :param database: where it is, and what its owner calls it.
    :param options: arguments of `context.configure`.
    :param ddl: how databases are altered, and checked.
    :return: the last check before the commit, which may be called early.
    :raises CommandError: with the cause and what to do, when nothing was migrated.
    """
    reads = only_reads()
    with ExitStack() as stack:
        connection = stack.enter_context(connected(database))
        run = Run(connection, options, database, ddl)
        stack.enter_context(explained(run))
        if reads or run.is_done():
            with unlogged() if reads else nullcontext():
                # It would be remembered when the next of several is configured.
                _configure(run, run.steps if reads else run.no_steps, dont_mutate=reads)
            stack.enter_context(context.begin_transaction())
            yield lambda: None  # what only reads has nothing to commit
            return
        kind = sqlite if connection.dialect.name == "sqlite" else locks
        if connection.dialect.name in locks.COMMITS_DDL:
            stack.enter_context(locks.strict(connection))
        stack.enter_context(kind.prepared(run))
        _configure(run, run.steps, dont_mutate=False)
        stack.enter_context(context.begin_transaction())
        check = stack.enter_context(_checked(run))
        yield check
        check()


def _configure(run: Run, steps: Steps, *, dont_mutate: bool) -> None:
    """Let Alembic begin with a database, which it alters as the library does."""
    context.configure(
        connection=run.connection,
        fn=steps,
        transactional_ddl=run.undoes_ddl,
        dont_mutate=dont_mutate,
        **run.options,
    )
    migration = context.get_context()
    run.ddl.implement(migration)
    if not dont_mutate:
        remember(migration, run.applied)


@contextmanager
def _checked(run: Run) -> Iterator[Callable[[], None]]:
    """Give the last act of a run: that no revision is half applied, and all works.

    :raises CommandError: with rows, views or triggers that the run has broken.
    """
    look = run.ddl.remember(run.connection)

    def check() -> None:
        run.mark.clear()
        look()

    with run.mark.watching():
        yield check


CONFIGURED = (
    *("target_metadata", "version_table", "version_table_schema", "version_table_pk"),
    *("upgrade_token", "downgrade_token"),
)
"""What env.py says of a database, and a run without it has to know."""


@contextmanager
def operating(
    config: Config, database: Database, name: str, ddl: Ddl
) -> Iterator[Operations]:
    """Give operations outside of a revision, in a run of their own.

    :param config: of the project.
    :param database: where it is, and what its owner calls it.
    :param name: the database, where there are several, or "".
    :param ddl: how databases are altered, and checked.
    :raises CommandError: as `transaction` does.
    """
    given = None if isinstance(database.given, URL) else database.given
    if chosen := name or database.tenant:
        config.cmd_opts = Namespace(x=[f"database={chosen}"])
    if not database.tenant:
        config.attributes["connection"] = {name: given} if name and given else given
    found = Discovery(is_described=True)
    ask(config, found)
    told = found.options[name]
    options = {key: told[key] for key in CONFIGURED if key in told}
    folder = ScriptDirectory.from_config(config)
    with (
        EnvironmentContext(config, folder, fn=no_steps),
        transaction(database, options, ddl),
    ):
        migration = context.get_context()
        # No revision runs, and what forbids one to run forbids this.
        for _ in migration.opts["fn"](migration.get_current_heads(), migration):
            raise AssertionError
        yield ddl.operations(migration)
