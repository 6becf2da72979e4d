"""MariaDB and MySQL undo no DDL: a run begins on an empty copy of the tables.

What fails there stops the run, and nothing was changed. What only rows decide, or what
speaks of more than this database, the copy cannot tell. Databases that are made to be
thrown away are thrown away also after a kill, by whoever makes the next one.
"""

import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from inspect import signature
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from alembic import context
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.util import CommandError
from sqlalchemy import URL, Connection, event
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.pool import NullPool

from .._alembic import in_place_of_context, in_place_of_op
from ..config import database_in
from ..project import said
from ..rules import phase_of, rule
from ..sql import Effect, Statement, quoted, script, words_in
from .causes import BUSY, codes_of, explain
from .connect import engine_of
from .errors import named, traceback_location
from .recovery import Journal

if TYPE_CHECKING:
    from .run import Run

log = logging.getLogger(__name__)


# Databases that are thrown away


PREFIX = "rehearsal_"
"""How the name of each begins."""

SECOND = "_before"
"""How the name of a second one ends that belongs to the first."""


class _Server(NamedTuple):
    """How a kind of server tells those that are in use."""

    begin: str
    """Lets others see that one is used; its end is the session's."""
    left: str
    """Those that nobody uses, of the ones that this user made."""


SERVERS = {
    "postgresql": _Server(
        "SELECT set_config('application_name', :name, false)",
        # A lock of PostgreSQL's belongs to one database, the name of a session to none.
        "SELECT datname FROM pg_database WHERE starts_with(datname, :prefix)"
        " AND pg_get_userbyid(datdba) = current_user AND NOT EXISTS"
        " (SELECT FROM pg_stat_activity WHERE application_name = pg_database.datname)",
    ),
    "mysql": _Server(
        "SELECT GET_LOCK(:name, 0)",
        "SELECT schema_name FROM information_schema.schemata"
        " WHERE left(schema_name, char_length(:prefix)) = :prefix"
        " AND IS_FREE_LOCK(replace(schema_name, '_before', ''))",
    ),
}
SERVERS["mariadb"] = SERVERS["mysql"]

NO_RIGHT = {"42501", 1044, 1142, 1227}
"""PostgreSQL's SQLSTATE, and MariaDB's errors, for what a user may not do."""

RIGHTS = {"postgresql": "ALTER ROLE {user} CREATEDB"}
GRANT = "GRANT CREATE, DROP, ALTER, INDEX, REFERENCES, SELECT, INSERT, UPDATE, DELETE"
GRANT += " ON `" + PREFIX.replace("_", r"\_") + "%`.* TO {user}"
"""What an administrator types for a user who may make no database."""


@contextmanager
def thrown_away(url: URL) -> Iterator[tuple[Connection, str]]:
    """Give a connection, and the name of a database to make, which is dropped again.

    :param url: a database of the server.
    """
    words = SERVERS[url.get_backend_name()]
    engine = sa.create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    name = f"{PREFIX}{secrets.token_hex(6)}"
    with engine.connect() as connection:
        for left in connection.scalars(sa.text(words.left), {"prefix": PREFIX}).all():
            _drop(connection, left)
        connection.scalar(sa.text(words.begin), {"name": name})
        try:
            yield connection, name
        finally:
            for each in (name, f"{name}{SECOND}"):
                _drop(connection, each)


def options_of(connection: Connection) -> str:
    """Return what a database is made with, so that it compares texts as this one does.

    :param connection: one that `thrown_away` gave.
    """
    if connection.dialect.name == "postgresql":
        return ""
    found = connection.exec_driver_sql(
        "SELECT default_character_set_name, default_collation_name"
        " FROM information_schema.schemata WHERE schema_name = database()"
    ).one()
    return "CHARACTER SET {} COLLATE {}".format(*found)


def create(connection: Connection, statement: str) -> None:
    """Make a database.

    :param connection: one that `thrown_away` gave.
    :param statement: what makes it.
    :raises CommandError: with the right that is missing, where one is.
    """
    try:
        connection.exec_driver_sql(statement)
    except DBAPIError as error:
        if not codes_of(error.orig) & NO_RIGHT:
            raise
        url = connection.engine.url
        right = RIGHTS.get(connection.dialect.name, GRANT).format(user=url.username)
        raise CommandError(
            f"The user {url.username!r} may make no database for the copy. Let an"
            f" administrator type: {right}"
        ) from error


def _drop(connection: Connection, name: str) -> None:
    force = " WITH (FORCE)" if connection.dialect.name == "postgresql" else ""
    # On MariaDB nothing was made where that was refused.
    with suppress(DBAPIError):
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}{force}")


# The rehearsal of a run


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
    begin = f"{named(step)} would fail"
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
