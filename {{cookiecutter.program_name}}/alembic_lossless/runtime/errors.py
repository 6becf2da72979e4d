"""Say what went wrong in a line or two, without a traceback and without a password.

What has to be dropped before a table, a column or a type, a server describes in its own
language and in the words of `pg_describe_object`. So PostgreSQL's catalog is asked what
depends on something and how that is described, and no name is read out of a text: one
that somebody else wrote names nothing that is not there.

Source: "pg_depend" and "Object Information Functions" in PostgreSQL's documentation.
"""

import signal
import sqlite3
import sys
import threading
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from traceback import extract_tb, walk_tb
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from alembic import context
from alembic.config import Config
from alembic.runtime.migration import RevisionStep
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import MultipleHeads, ResolutionError, RevisionError
from alembic.util import CommandError, messaging
from sqlalchemy import URL, Connection, text
from sqlalchemy.exc import (
    CompileError,
    DataError,
    DBAPIError,
    IntegrityError,
    NoSuchTableError,
    PendingRollbackError,
    SQLAlchemyError,
)

from .._alembic import only_reads, print_nothing, typed_revisions
from ..config import (
    is_typed,
    lossless_program,
    merge_command,
    program_of,
    stamp_command,
)
from ..project import said
from ..replaced import follows, put_back
from ..urls import printable
from .causes import MAY_PASS, Explanation, PermanentError, codes_of, explain

if TYPE_CHECKING:
    from .run import Run


DEPENDENTS = text("""
WITH edge AS (
    SELECT classid::regclass::text AS catalog, objid, objsubid, refobjid, refobjsubid,
        pg_describe_object(classid, objid, objsubid) AS words
    FROM pg_depend WHERE deptype IN ('n', 'a') AND refobjid >= 16384
), relation AS (
    SELECT pg_class.oid, relname::text AS name, oid::regclass::text AS quoted, reltype,
        CASE WHEN NOT pg_table_is_visible(oid) THEN relnamespace::regnamespace::text END
            AS schema,
        CASE relkind WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'c' THEN 'TYPE' ELSE 'VIEW'
        END AS kind
    FROM pg_class
)
-- A view needs something by its rule, which some messages name and some do not.
SELECT ARRAY[words, pg_describe_object('pg_class'::regclass, ev_class, 0)] AS words,
    kind, quoted AS name, NULL AS owner, NULL AS schema
FROM edge JOIN pg_rewrite ON pg_rewrite.oid = objid
    JOIN relation ON relation.oid = ev_class
WHERE catalog = 'pg_rewrite' AND rulename = '_RETURN'
UNION SELECT ARRAY[words], 'RULE', quote_ident(rulename), ev_class::regclass::text, NULL
FROM edge JOIN pg_rewrite ON oid = objid
WHERE catalog = 'pg_rewrite' AND rulename <> '_RETURN'
UNION SELECT ARRAY[words], 'TRIGGER', quote_ident(tgname), tgrelid::regclass::text, NULL
FROM edge JOIN pg_trigger ON oid = objid WHERE catalog = 'pg_trigger'
UNION SELECT ARRAY[words], 'POLICY', quote_ident(polname), polrelid::regclass::text,
    NULL
FROM edge JOIN pg_policy ON oid = objid WHERE catalog = 'pg_policy'
UNION SELECT ARRAY[words],
    CASE prokind WHEN 'a' THEN 'AGGREGATE' WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION'
    END, objid::regprocedure::text, NULL, NULL
FROM edge JOIN pg_proc ON oid = objid WHERE catalog = 'pg_proc'
UNION SELECT ARRAY[words], 'TYPE', objid::regtype::text, NULL, NULL
FROM edge WHERE catalog = 'pg_type'
UNION SELECT ARRAY[words], kind, reltype::regtype::text, NULL, NULL
FROM edge JOIN relation ON oid = objid WHERE catalog = 'pg_class' AND kind = 'TYPE'
UNION SELECT ARRAY[words], 'constraint', conname, name, schema
FROM edge JOIN pg_constraint ON pg_constraint.oid = objid
    JOIN relation ON relation.oid = conrelid
WHERE catalog = 'pg_constraint'
-- Where a type is changed, a computed column is told by its name and its source's.
UNION SELECT ARRAY[pg_describe_object('pg_class'::regclass, own.attrelid, own.attnum),
        format('Column "%s" is used by generated column "%s"', source.attname,
            own.attname)],
    'column', own.attname, name, schema
FROM edge LEFT JOIN pg_attrdef ON catalog = 'pg_attrdef' AND pg_attrdef.oid = objid
    JOIN pg_attribute AS own ON own.attrelid = coalesce(adrelid, objid)
        AND own.attnum = coalesce(adnum, objsubid) AND own.attgenerated <> ''
    LEFT JOIN pg_attribute AS source
        ON source.attrelid = refobjid AND source.attnum = refobjsubid
    JOIN relation ON relation.oid = own.attrelid
WHERE catalog IN ('pg_attrdef', 'pg_class')
""")
"""What depends on something: how it is described, its kind, and how it is named."""

BEFORE = "Let the revision drop it first and create it again after:"


class Dependent(NamedTuple):
    """Something that needs a table, a column or a type."""

    words: list[str]
    """How the server describes it."""
    kind: str
    name: str
    owner: str | None
    """The table that it is a part of."""
    schema: str | None
    """The table's, if it must be said."""

    @property
    def drop(self) -> str:
        """The line of a revision that drops it."""
        if self.kind in {"constraint", "column"}:
            of_schema = f", schema={_text(self.schema)}" if self.schema else ""
            names = [self.name, str(self.owner)]
            first, second = names if self.kind == "constraint" else names[::-1]
            return f"op.drop_{self.kind}({_text(first)}, {_text(second)}{of_schema})"
        on = f" ON {self.owner}" if self.owner else ""
        return f"op.execute({_text(f'DROP {self.kind} {self.name}{on}')})"


def hint(connection: Connection, error: Any) -> list[str]:
    """Say what a revision has to drop first, and to create again.

    :param connection: one whose transaction was undone.
    :param error: a driver's, whose code is that something depends on it.
    """
    said = (getattr(error.diag, "message_detail", None) or "").splitlines()
    with suppress(SQLAlchemyError), connection.begin():
        found = [Dependent(*row) for row in connection.execute(DEPENDENTS)]
        # What depends on a view stands behind it, and has to go before it.
        drops = [each.drop for line in reversed(said) for each in _in(line, found)]
        return [f"{BEFORE} {'; '.join(dict.fromkeys(drops))}"] if drops else []
    return []


def _in(line: str, dependents: list[Dependent]) -> Iterator[Dependent]:
    """Yield the one that a line of the server's begins with."""
    for each in dependents:
        if any(line.startswith((f"{words} ", f"{words}.")) for words in each.words):
            yield each


def _text(value: str) -> str:
    """Return a text as Python has it, in the quotes that it needs no escapes for."""
    return repr(value) if '"' in value else f'"{value}"'


def traceback_location(error: BaseException, folder: str | Path) -> str | None:
    """Return the file and the line of an exception, the innermost in a folder.

    Every command runs env.py: it is the place only where the exception was raised, or
    where it imports what cannot be imported.

    :param folder: the Alembic environment, with env.py and the revisions.
    :return: None when none of its files raised it or called what did.
    """
    places = [
        (frame.filename, frame.lineno) for frame in extract_tb(error.__traceback__)
    ]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((error.filename, error.lineno))
    root = Path(folder).resolve()
    if isinstance(error, AttributeError) and isinstance(error.obj, ModuleType):
        lacks = Path(error.obj.__file__ or "").resolve()
        if lacks.is_relative_to(root):
            return str(lacks)  # such as the function upgrade
    for name, line in reversed(places):
        path = Path(name).resolve()
        is_place = (name, line) == places[-1] or isinstance(error, ImportError)
        called = path.name == "env.py" and not is_place
        if path.is_relative_to(root) and not called:
            return f"{path}, line {line}"
    return None


@contextmanager
def located() -> Iterator[None]:
    """Let an exception of a revision be a line with its place.

    :raises CommandError: with the file and the line, if it comes from the project.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error.__cause__, MultipleHeads):
            heads = error.__cause__.heads
            raise CommandError(join(heads, program_of(context.config))) from error
        place = traceback_location(error, context.script.dir)
        if isinstance(error, CommandError) or place is None:
            raise
        raise CommandError(f"{place}: {said(error)}") from error


def refuse_unknown(
    heads: tuple[str, ...], connection: Connection, options: dict[str, Any]
) -> None:
    """Explain a revision that stands in the database and not in the project.

    :param heads: the revisions that the database is at.
    :param options: arguments of `context.configure`.
    :raises CommandError: with what may have happened, and what to do then.
    """
    put_back(context.script, heads, typed_revisions())
    for head in heads:
        try:
            context.script.get_revision(head)
        except CommandError as error:
            if not is_unknown(error):
                raise
            stamp = stamp_command(options)
            raise CommandError(unknown(head, connection.engine.url, stamp)) from None


def applied(folder: ScriptDirectory, url: URL, heads: Iterable[str]) -> set[str]:
    """Return what a database is at, what that builds on and what it depends on.

    :param url: where it is.
    :param heads: what it is at.
    :raises CommandError: for a revision that is not in the folder.
    """
    done: set[str] = set()
    found = list[Script]()
    for head in heads:
        try:
            found += folder.get_revisions(head)
        except CommandError as error:
            if not is_unknown(error):
                raise
            raise CommandError(unknown(head, url, "alembic stamp")) from None
    while found:
        entry = found.pop()
        if entry.revision not in done:
            done.add(entry.revision)
            found += folder.get_revisions(entry.down_revision or ())
            found += folder.get_revisions(entry.dependencies or ())
    return done


def is_unknown(error: CommandError) -> bool:
    """Tell an error of Alembic's about a revision whose file is not there."""
    return isinstance(error.__cause__, ResolutionError)


def between(folder: ScriptDirectory, lower: str, upper: str) -> list[Script]:
    """Return the revisions of a range, the newest first.

    :param lower: the one that it begins after, or "base".
    :param upper: the last, or "heads".
    :raises CommandError: for a revision that is not in the folder.
    """
    try:
        return list(folder.iterate_revisions(upper, lower))
    except RevisionError as error:
        raise CommandError(str(error)) from error


def unknown(head: str, url: URL, stamp: str) -> str:
    """Say what may have happened to a revision that a database is at.

    :param head: its id.
    :param url: where the database is.
    :param stamp: how to stamp it.
    """
    return (
        f"{printable(url.set(password=None))} is at revision {head!r}, which"
        " this project does not have: newer code migrated it, the file was deleted or"
        " is on another branch, or it is another project's database.\n"
        "Get the code that has the file. If it is gone and you know that the tables"
        f" match this code: {stamp} --purge head. If no row matters, begin with an"
        f" empty database: {_emptied(url)}"
    )


def _emptied(url: URL) -> str:
    """Return how to get an empty database in the place of one."""
    database = str(url.database)
    if url.get_backend_name() == "sqlite":
        return f"delete {database}"
    quoted = url.get_dialect()().identifier_preparer.quote(database)
    return f"DROP DATABASE {quoted}; CREATE DATABASE {quoted}"


REBUILDS = {"alembic.operations.batch", "alembic_lossless.ddl.sqlite"}
"""The modules that make a table of SQLite anew."""


class RunInterruptedError(CommandError):
    """Somebody ended the command; nothing more of it is to run."""


BEHIND = "Target database is not up to date."
"""What Alembic says of a draft, or a check, on a database that lacks revisions."""

AMBIGUOUS = "Ambiguous walk"
"""What Alembic says of a downgrade by a number of steps, where two ways lead back."""

KEPT = "What was done before it is kept: this server cannot undo it."

STATEMENT_SHOWN = 200
"""How many characters of a failed statement a message holds."""


class ReviewError(CommandError):
    """Something in the models or the database that a draft cannot be made from."""


@contextmanager
def reviewing(table: str, column: str) -> Iterator[None]:
    """Let an error say which column was looked at.

    :raises ReviewError: with it, for anything that goes wrong.
    """
    try:
        yield
    except Exception as error:
        raise ReviewError(
            f"{table}.{column} cannot be compared with the database: {said(error)}"
        ) from error


@contextmanager
def whole_lines(config: Config) -> Iterator[None]:
    """Print a message with its lines as they are, before Alembic's command line does.

    On a terminal that fills paragraphs of its width, and ours have a line for each
    difference, and commands to type.

    :param config: the command's, which then prints no more.
    """
    try:
        yield
    except CommandError as error:
        typed, said = vars(config.cmd_opts or Namespace()), config.messaging_opts
        is_printed = "cmd" in typed and not typed["raiseerr"]
        if messaging.TERMWIDTH and is_printed and not said.get("quiet"):
            messaging.write_outstream(sys.stdout, f"FAILED: {error}\n")
            print_nothing(config)
        raise


@contextmanager
def explained(run: "Run") -> Iterator[None]:
    """Turn the failure of a run into a message, once its transaction has been undone.

    An exception of a file of the project, a revision or env.py, is one with its place;
    one of the library itself stays what it is.

    :raises CommandError: for errors of the database and of the project's files, and for
        Ctrl-C on a command line.
    """
    with interruptible(run):
        try:
            yield
        except Exception as raised:
            error = _first(raised)
            if isinstance(error, DBAPIError):
                stays = _stays(error)
                text = _failure(run, error.orig, error.statement, is_permanent=stays)
                raise CommandError(text) from error
            if isinstance(error, sqlite3.Error):
                raise CommandError(_failure(run, error)) from error
            if told := _known(run, error):
                raise CommandError(told) from error
            if not isinstance(error, CommandError):
                _explain_python(run, error)
            if run.step and (outcome := _outcome(run, is_permanent=_stays(error))):
                raise CommandError(f"{error}\n{outcome}") from error
            raise


def _stays(error: BaseException) -> bool:
    """Tell a failure that another run of the same revision would meet again.

    Rows can be corrected, and a lock or a connection be had.
    """
    if isinstance(error, DBAPIError):
        again = isinstance(error, IntegrityError | DataError)
        passes = error.connection_invalidated or codes_of(error.orig) & MAY_PASS
        return not (again or passes)
    return isinstance(error, PermanentError) or not isinstance(error, CommandError)


def _first(error: BaseException) -> BaseException:
    """Return the loss of a connection that a later error of it hides."""
    while isinstance(error, PendingRollbackError) and error.__context__:
        error = error.__context__
    return error


def _known(run: "Run", error: BaseException) -> str | None:
    """Return what Alembic's own errors mean to who typed the command."""
    if isinstance(error.__cause__, MultipleHeads):
        return join(error.__cause__.heads, program_of(context.config))
    if str(error) == BEHIND:
        return _behind(run)
    if str(error) == AMBIGUOUS:
        return _fork(run)
    missing = _missing(error)
    return _failure(run, missing) if missing else None


def _explain_python(run: "Run", error: BaseException) -> None:
    """Say where in the project's files an exception was raised.

    :raises CommandError: with the file and the line, if it comes from there.
    """
    place = traceback_location(error, context.script.dir)
    if isinstance(error, CompileError):
        what = said(error).partition(": ")[2]
    elif place:
        what = said(error)
    else:
        return
    if run.step is None:
        raise CommandError(f"{place}: {what}" if place else what) from error
    lines = [f"{named(run.step)} failed: {what}"]
    lines += [f"In: {place}"] if place else []
    lines.append(_outcome(run) or "What it did was undone.")
    raise CommandError("\n".join(lines)) from error


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM, by which a platform ends a command, be a Ctrl-C."""
    here = threading.current_thread() is threading.main_thread()
    if not (here and is_typed(context.config)):
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def interruptible(run: "Run | None" = None) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM on a command line end in a message.

    A program decides for itself.
    """
    try:
        with _terminable():
            yield
    except KeyboardInterrupt:
        if not is_typed(context.config):
            raise
        outcome = _outcome(run) if run and run.step else None
        raise RunInterruptedError(
            f"Interrupted: {outcome}"
            if outcome
            else "Interrupted; nothing was changed."
        ) from None


def _missing(error: BaseException) -> Exception | None:
    """Say what a table of SQLite lacks that is to be rebuilt.

    Other databases say so themselves; here Alembic looks for it, in Python.
    """
    frames = (frame for frame, _ in walk_tb(error.__traceback__))
    if REBUILDS.isdisjoint(frame.f_globals.get("__name__") for frame in frames):
        return None
    if isinstance(error, NoSuchTableError):
        return ValueError(f"no such table: {error}")
    if isinstance(error, KeyError):
        return ValueError(f"no such column: {error.args[0]}")
    return error if isinstance(error, ValueError) else None


def _behind(run: "Run") -> str:
    """Say where the database is, and what has to come first."""
    program, heads = program_of(context.config), context.script.get_heads()
    if len(heads) > 1:
        return join(heads, program)
    url = printable(run.url.set(password=None))
    now = " ".join(run.heads) or "base"
    newest = " ".join(heads)
    return f"{BEHIND} {url} is at {now}, not {newest}.\nFirst: {program} upgrade head"


def _fork(run: "Run") -> str:
    """Say where a downgrade can go from a merge: a number does not say which way."""
    program = program_of(context.config)
    scripts = context.script.get_revisions(run.heads)
    ways = [way for it in scripts for way in follows(it)]
    lines = [f"  {program} downgrade {way}" for way in ways]
    return "\n".join(["Two ways lead back from here. Name the one you mean:", *lines])


def join(heads: Sequence[str], program: str) -> str:
    """Say how revisions that were drafted on two branches become one history.

    :param program: the name of the command that was typed.
    """
    return (
        f"Two branches each added a revision: {' and '.join(heads)}. Put yours behind"
        f" theirs: {lossless_program(program)} rebase"
        f"\nOr, where others have run both, join them: {merge_command(program, heads)}"
    )


def named(step: RevisionStep) -> str:
    """Return what messages call a step: "The upgrade of revision 1a2b"."""
    word = "upgrade" if step.is_upgrade else "downgrade"
    return f"The {word} of revision {step.revision.revision}"


def _failure(
    run: "Run",
    error: BaseException | None,
    statement: str | None = None,
    *,
    is_permanent: bool = False,
) -> str:
    """Name what failed, and in which state the database is now."""
    known = explain(error, run.url, run.database.settings, connected=True)
    # A standby of PostgreSQL says what it is at the first statement, whichever it is.
    is_standby = known.of_url and run.connection.dialect.name == "postgresql"
    if run.step is None or (is_standby and statement):
        url = printable(run.url.set(password=None))
        lines = [known.about(run.database if known.of_url else url)]
        if not only_reads():
            outcome = _outcome(run) if run.migration else None
            lines.append(outcome or (KEPT if run.mark.kept else "Nothing was changed."))
        return "\n".join(lines)
    outcome = _outcome(run, is_permanent=is_permanent) or "What it did was undone."
    shown = " ".join((statement or "").split())[:STATEMENT_SHOWN]
    return "\n".join(
        [
            f"{named(run.step)} failed: {known.said}",
            *([f"In: {shown}"] if shown else []),
            *known.advice,
            *_in_the_way(run, known, error),
            outcome,
            *_without_history(run, known),
        ]
    )


def _in_the_way(
    run: "Run", known: Explanation, error: BaseException | None
) -> list[str]:
    """Say what has to go first; a caller's transaction that failed cannot be asked."""
    if known.name != "needed" or run.joins:
        return []
    return hint(run.connection, error)


def _without_history(run: "Run", known: Explanation) -> list[str]:
    """Say what to do when something else made the tables of the first revision."""
    if run.heads or known.name != "exists":
        return []
    stamp = f"{stamp_command(run.options)} head"
    return [f"Tables are there and no revision. If they match the models: {stamp}"]


def _outcome(run: "Run", *, is_permanent: bool = False) -> str | None:
    """Ask the database what a failed run left there; None says that it left nothing."""
    connection = run.connection
    if run.joins:
        return "The transaction is the caller's: undo it."
    try:
        connection.rollback()  # a lost connection is opened again only then
        with connection.begin():
            heads = run.current_heads()
            advice = run.mark.advice(connection, heads, is_permanent=is_permanent)
    except SQLAlchemyError:
        return "The database cannot be asked what it kept: alembic current"
    if advice or set(heads) == set(run.heads):
        return advice
    now = " ".join(heads) or "base"
    return f"The revisions before it are done: the database is at {now}."
