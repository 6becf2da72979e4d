"""One run of a command on one database: what it is, and how far it came."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import cached_property, partial, wraps
from typing import TYPE_CHECKING, Any, NoReturn

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationStep, RevisionStep
from alembic.util import CommandError
from sqlalchemy import URL, Connection, column, inspect, select, table

from ..internals import command_options, only_reads
from ..marks import AFTER, phase_of
from . import half_applied, locks
from .journal import Journal, Passed
from .locks import seconds
from .retries import Retries
from .unknown_revision import refuse_unknown

if TYPE_CHECKING:
    from .connect import Database

Steps = Callable[[tuple[str, ...], MigrationContext], Iterable[MigrationStep]]


@contextmanager
def unlogged() -> Iterator[None]:
    """Leave out what Alembic logs of a context that changes no database."""
    logger = logging.getLogger("alembic.runtime.migration")
    disabled, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = disabled


def _is_upgrade(command: Steps) -> bool:
    return (command.__module__, command.__name__) == ("alembic.command", "upgrade")


class Run:
    """What a command does to a database, step by step."""

    def __init__(
        self,
        connection: Connection,
        options: dict[str, Any],
        database: "Database",
    ) -> None:
        """Begin with a connection to a database, and what Alembic is told of it."""
        self.connection = connection
        self.options = options
        self.database = database
        self.step: RevisionStep | None = None
        self.migration: MigrationContext | None = None
        self.heads: tuple[str, ...] = ()
        self.joins = connection.in_transaction()
        self.mark = half_applied.Mark(connection, options)
        command: Steps = command_options()["fn"]
        # A run for another database may have put its own steps in front.
        self._command: Steps = getattr(command, "__wrapped__", command)

    @property
    def url(self) -> URL:
        """Where the database is, also where it is not there and was not opened."""
        return self.database.url

    @property
    def undoes_ddl(self) -> bool:
        """Whether the database rolls a CREATE, an ALTER or a DROP back."""
        return self.connection.dialect.name not in locks.COMMITS_DDL

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
            self.migration, self.heads = migration, heads
            refuse_unknown(heads, self.connection, self.options)
            if self.joins:
                migration.autocommit_block = self._refuse_autocommit  # type: ignore[method-assign]
            stamps = self._command.__name__ == "do_stamp"
            if not only_reads() and not stamps:
                self.mark.refuse_half_applied(heads)
            attempts = Retries(self)
            for step in self._command(heads, migration):
                if isinstance(step, RevisionStep):
                    if self._must_wait(step):
                        break
                    passed = self.mark.passed(step, heads)
                    # The one before is done, and this one has not begun.
                    first, self.step = self.step is None, None
                    self.mark.set(step, passed)
                    step.migration_fn = self._watched(step, migration, passed)
                    attempts.cover(step, first=first)
                    self.step = step
                yield step
            self.step = None
            self.mark.done()

        return steps

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
        if not _is_upgrade(self._command):
            return False
        try:
            heads = self._stamped()
            done = bool(heads) and not self._revisions_after(heads)
            if done and self.mark.stopped(self.connection, heads):
                done = locks.is_held(self.connection, self.options)
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

    def _revisions_after(self, heads: tuple[str, ...]) -> bool:
        """Say whether the command has steps; what it refuses, its run will explain."""
        try:
            return any(True for _ in self._command(heads, None))  # type: ignore[arg-type]
        except CommandError:
            return True

    def current_heads(self) -> tuple[str, ...]:
        """Return the revisions that the database is at now."""
        return self.migration.get_current_heads() if self.migration else ()

    def _must_wait(self, step: RevisionStep) -> bool:
        """Tell whether a revision waits for the deployment, and if so say it."""
        config = context.config
        given = getattr(config.cmd_opts, "x", None) or ()
        stops = config.attributes.get("before") or "phase=before" in given
        waits = step.is_upgrade and phase_of(step.revision) == AFTER
        if stops and waits:
            program = getattr(config.cmd_opts, "prog", "alembic")
            config.print_stdout(
                "%s",
                f"{step.revision.revision}, {step.revision.doc}, and what follows it"
                " wait until the new version of the app is deployed everywhere.\n"
                f"Then: {program} upgrade",
            )
        return bool(stops and waits)

    def _watched(
        self, step: RevisionStep, migration: MigrationContext, passed: Passed | None
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
                if migration.dialect.name == "sqlite":
                    if phase is not None:
                        stack.enter_context(_without_blocks(migration))
                elif not self.joins:
                    write = partial(self.mark.set, step)
                    live = phase is not None
                    journal = Journal(migration, write, passed, self._wait, live=live)
                    stack.enter_context(journal.kept())
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
    vars(migration)["autocommit_block"] = nullcontext
    try:
        yield
    finally:
        vars(migration)["autocommit_block"] = before
