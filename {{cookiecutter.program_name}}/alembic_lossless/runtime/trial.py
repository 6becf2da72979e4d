"""MariaDB and MySQL undo no DDL: a run begins on an empty copy of the tables.

What fails there stops the run, and nothing was changed. What only rows decide, or what
speaks of more than this database, the copy cannot tell.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from inspect import signature
from typing import TYPE_CHECKING, Any

from alembic import context
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.util import CommandError
from sqlalchemy import Connection, event
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from .._alembic import in_place_of_context, in_place_of_op
from ..config import database_in
from ..project import said
from ..rules import phase_of, rule
from ..sql import Effect, Statement, quoted, script, words_in
from .causes import BUSY, codes_of, explain
from .connect import engine_of
from .errors import traceback_location
from .recovery import Journal
from .throwaway import create, options_of, thrown_away

if TYPE_CHECKING:
    from .run import Run

log = logging.getLogger(__name__)

SETTING = "MIGRATION_REHEARSE"

SHOWN = 200
"""How much of a statement is shown."""

LOCAL = frozenset({"FUNCTION", "INDEX", "PROCEDURE", "SEQUENCE", "TABLE", "TRIGGER"})
LOCAL |= {"VIEW"}
"""What belongs to one database, of all that CREATE, ALTER and DROP are about."""

ROWS = frozenset(
    {"DELETE", "INSERT", "RENAME", "REPLACE", "TRUNCATE", "UPDATE", "WITH"}
)
"""The verbs that change rows, or the name of a table."""

OUTSIDE = ("SET GLOBAL", "SET PERSIST", "KILL", "INTO OUTFILE", "INTO DUMPFILE")
"""What reaches beyond a database and changes no row."""


class _UndecidedError(Exception):
    """The copy cannot tell whether a revision would fail."""

    level = logging.INFO


class _NoCopyError(_UndecidedError):
    """There is no copy, which an administrator could change."""

    level = logging.WARNING


@rule(
    "rehearsed",
    "refusal",
    "MariaDB and MySQL undo no DDL: a revision fails on an empty copy of the tables.",
)
def rehearse(run: "Run", steps: Sequence[RevisionStep]) -> None:
    """Run revisions on an empty copy of the tables, before they run.

    :param run: a run that has changed nothing yet.
    :param steps: what it is about to do.
    :raises CommandError: with the first revision that fails, and why.
    """
    words = {it.lower() for each in steps for it in words_in(each.revision.path)}
    try:
        try:
            with _copied(run, words) as copy:
                _try(run, copy, steps)
        except CommandError:
            # It may have made up the name of a table that was not copied.
            with _copied(run, None) as copy:
                _try(run, copy, steps)
    except _UndecidedError as why:
        log.log(why.level, "This run was not rehearsed to its end: %s", why)


@contextmanager
def _copied(run: "Run", words: set[str] | None) -> Iterator[Connection]:
    """Give a connection to an empty copy of the tables."""
    with ExitStack() as stack:
        try:
            origin, name = stack.enter_context(thrown_away(run.url))
            create(origin, f"CREATE DATABASE {name} {options_of(origin)}")
            engine = engine_of(run.url.set(database=name))
            copy = stack.enter_context(engine.connect())
            _copy(origin, copy, words)
        except DBAPIError as error:
            known = explain(error.orig, run.url, run.database.settings)
            raise _NoCopyError(known.said) from error
        except CommandError as error:
            variable = run.database.settings.variable(SETTING)
            raise _NoCopyError(f"{error}\nOr set {variable}=no.") from error
        yield copy


RELATED = (
    "SELECT table_name, referenced_table_name"
    " FROM information_schema.referential_constraints"
    " WHERE constraint_schema = database()"
)
"""Which table refers to which."""


def _wanted(origin: Connection, words: set[str]) -> set[str]:
    """Return the tables that words name, those that they refer to, and the reverse."""
    wanted = set(words)
    for child, parent in origin.exec_driver_sql(RELATED):
        if {child.lower(), parent.lower()} & words:
            wanted |= {child.lower(), parent.lower()}
    return wanted


def _copy(origin: Connection, copy: Connection, words: set[str] | None) -> None:
    """Make the tables, sequences, views and triggers of a database in another one."""
    wanted = None if words is None else _wanted(origin, words)
    plain = {"no_parameters": True}

    def made(kind: str, name: str, column: int) -> str:
        what = f"SHOW CREATE {kind} {quoted(name, origin.dialect)}"
        found = origin.exec_driver_sql(what, execution_options=plain).one()
        return str(found[column])

    copy.exec_driver_sql("SET foreign_key_checks = 0")
    views = list[str]()
    for name, kind in origin.exec_driver_sql("SHOW FULL TABLES").all():
        if kind == "VIEW":
            views.append(made("VIEW", name, 1))
        elif wanted is None or name.lower() in wanted:
            what = "SEQUENCE" if kind == "SEQUENCE" else "TABLE"
            copy.exec_driver_sql(made(what, name, 1), execution_options=plain)
    _make_views(copy, views)
    for trigger, _, table, *_ in origin.exec_driver_sql("SHOW TRIGGERS").all():
        if wanted is not None and table.lower() not in wanted:
            continue
        text = made("TRIGGER", trigger, 2)
        copy.exec_driver_sql(text, execution_options=plain)
    copy.exec_driver_sql("SET foreign_key_checks = 1")
    copy.commit()


def _make_views(copy: Connection, views: list[str]) -> None:
    """Make views, of which some read others, as far as they can be made."""
    while views:
        left = list[str]()
        for text in views:
            try:
                copy.exec_driver_sql(text, execution_options={"no_parameters": True})
            except DBAPIError:
                left.append(text)
        if len(left) == len(views):
            return  # they cannot be read in the original either
        views = left


def _try(run: "Run", copy: Connection, steps: Sequence[RevisionStep]) -> None:
    """Run revisions on a copy."""
    look = run.ddl.remember(copy, rehearsed=True)
    copy.rollback()
    trial = _context(run, copy)
    watch = _Watch(copy)
    for step in steps:
        with watch.looking(), _explained(run, step, watch):
            _run(run, trial, step)
            copy.commit()
    with _explained(run, steps[-1], watch):
        look()


def _context(run: "Run", copy: Connection) -> MigrationContext:
    migration: Any = run.migration
    trial = MigrationContext.configure(
        copy, environment_context=migration.environment_context, opts=migration.opts
    )
    trial.opts = dict(trial.opts)
    run.ddl.implement(trial)
    return trial


def _run(run: "Run", trial: MigrationContext, step: RevisionStep) -> None:
    """Run a revision as a run does, but write nothing down."""
    function: Callable[..., None] = step.migration_fn
    name = database_in(trial.opts["upgrade_token"])
    takes_name = bool(signature(function).parameters)
    if not takes_name and name:
        return
    live = phase_of(step.revision) is not None
    journal = Journal(trial, lambda _: None, live=live)
    environment: Any = trial.environment_context
    with (
        in_place_of_op(run.ddl.operations(trial)),
        in_place_of_context(environment, trial),
        journal.kept(),
    ):
        function(*[name] if takes_name else [])


@contextmanager
def _explained(run: "Run", step: RevisionStep, watch: "_Watch") -> Iterator[None]:
    """Turn a failure on the copy into one of the run, if it would be one."""
    revision = step.revision.revision
    word = "upgrade" if step.is_upgrade else "downgrade"
    begin = f"The {word} of revision {revision} would fail"
    end = (
        "It was rehearsed on an empty copy of the tables; nothing was changed. To run"
        f" it all the same: {run.database.settings.variable(SETTING)}=no"
    )
    try:
        yield
    except DBAPIError as error:
        by_rows = isinstance(error, IntegrityError | DataError)
        if by_rows or error.connection_invalidated or codes_of(error.orig) & BUSY:
            raise _UndecidedError(f"{revision} needs rows that it has not.") from error
        known = explain(error.orig, run.url, run.database.settings, connected=True)
        statement = " ".join((error.statement or "").split())[:SHOWN]
        lines = [f"{begin}: {known.said}", f"In: {statement}", *known.advice, end]
        raise CommandError("\n".join(lines)) from error
    except CommandError as error:
        raise CommandError(f"{begin}: {error}\n{end}") from error
    except _UndecidedError:
        raise
    except Exception as error:
        place = traceback_location(error, context.script.dir)
        if watch.asked or place is None:
            told = f"{revision} may need rows that it has not ({said(error)})."
            raise _UndecidedError(told) from error
        raise CommandError(f"{begin}. {place}: {said(error)}\n{end}") from error


class _Watch:
    """Look at each statement before it runs: none may leave the copy."""

    def __init__(self, copy: Connection) -> None:
        """Take the copy, which is the database that one connection is in."""
        self._copy = copy
        self.asked = False
        """Whether a revision has asked for rows."""
        names = copy.exec_driver_sql("SHOW DATABASES").scalars().all()
        copy.rollback()
        self._others = {it.lower() for it in names} - {str(copy.engine.url.database)}

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look at what is executed."""
        event.listen(self._copy, "before_cursor_execute", self._look)
        try:
            yield
        finally:
            event.remove(self._copy, "before_cursor_execute", self._look)

    def _look(self, _copy: Any, _cursor: Any, text: str, *_: Any) -> None:
        for statement in script(text, self._copy.dialect).statements:
            if not self._is_local(statement):
                shown = " ".join(text.split())[:SHOWN]
                raise _UndecidedError(f"this may change more than its tables: {shown}")
            prefixes = {it.lower() for it in statement.prefixes}
            reads = statement.effect is Effect.NOTHING and statement.verb == "SELECT"
            self.asked |= reads and "information_schema" not in prefixes

    def _is_local(self, statement: Statement) -> bool:
        """Tell whether a statement stays in its database."""
        if any(map(statement.has, OUTSIDE)):
            return False
        if statement.effect is Effect.NOTHING:
            return True
        if {it.lower() for it in statement.prefixes} & self._others:
            return False
        return statement.verb in ROWS or statement.object in LOCAL
