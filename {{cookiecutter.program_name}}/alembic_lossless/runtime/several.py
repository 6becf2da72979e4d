"""Several databases in one run: which, in which order, and where each one is."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from inspect import signature
from logging import getLogger
from reprlib import repr as short

from alembic import command, context
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import MetaData
from sqlalchemy.exc import SQLAlchemyError

from .._alembic import asks_database, only_reads
from ..config import program_of
from ..project import Project
from ..replaced import GIVE_PARTS
from .connect import Database, database_of, opened

Heads = tuple[str, ...]

SHOWN = 10
"""How many names of databases a message has."""


class OneDatabaseError(CommandError):
    """What went wrong with one database, which the text names."""


def chosen(project: Project, arguments: Sequence[str]) -> dict[str, Database]:
    """Return the databases that a command is about, in the project's order.

    :param arguments: every `-x`.
    :raises CommandError: for one that is not there, or has no connection, or is another
        one too.
    """
    names = among(project.names, asked(arguments))
    if not asks_database():
        names = names[:1]  # the same would be said of each
    given = context.config.attributes.get("connection")
    if given and not (isinstance(given, Mapping) and given.keys() >= set(names)):
        raise CommandError(f"Give a connection for each database: {', '.join(names)}.")
    found = {name: database_of(project, name, given) for name in names}
    urls = {name: database.url for name, database in found.items()}
    kept = [url for url in urls.values() if url.database not in {None, ":memory:"}]
    if same := [name for name, url in urls.items() if kept.count(url) > 1]:
        both = " and ".join(same)
        raise CommandError(f"{both} are one database: each needs its own.")
    return found


def asked(arguments: Sequence[str]) -> set[str]:
    """Return the names of databases that a command is told to take.

    :param arguments: every `-x`.
    """
    pairs = (text.partition("=") for text in arguments)
    return {name for key, _, name in pairs if key == "database"}


def few(names: Sequence[str]) -> str:
    """Return names for a message, which has no thousand of them."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def among(names: Sequence[str], asked: Collection[str]) -> list[str]:
    """Return the names that a command is told to take, by default all, in their order.

    :raises CommandError: for one that is not there.
    """
    if unknown := {*asked} - {*names}:
        raise CommandError(
            f"There is no database and no schema {min(unknown)!r} here: there are"
            f" {few(names)}."
        )
    return [name for name in names if name in (asked or names)]


def metadata_of(name: str, given: object) -> list[MetaData]:
    """Return the metadatas of a database as a list.

    :param given: what the project says they are.
    :raises CommandError: for what is none, and for a table that two of them have.
    """
    several = list(given) if isinstance(given, list | tuple) else [given]
    found = [one for one in several if isinstance(one, MetaData)]
    if not found or found != several:
        raise CommandError(
            f"The project's metadatas[{name!r}] is {short(given)}. Give a MetaData, or"
            " a list of them: a declarative base has one as `Base.metadata`."
        )
    tables = Counter(table for metadata in found for table in metadata.tables)
    for table, times in tables.items():
        if times > 1:
            raise CommandError(
                f"The table {table} is in {times} metadatas of the database {name}:"
                " leave it to one model."
            )
    return found


def give_parts(script: ScriptDirectory, first: str) -> None:
    """Give revisions from the time of one database the form of those with parts."""
    setattr(script, GIVE_PARTS, partial(give_parts, first=first))
    for revision in script.walk_revisions():
        for name in ("upgrade", "downgrade"):
            run = getattr(revision.module, name, None)
            if run and not signature(run).parameters:
                setattr(revision.module, name, _only_on(first, run))


def _only_on(first: str, run: Callable[[], None]) -> Callable[[str], None]:
    def part(database: str) -> None:
        if database == first:
            run()

    part.__name__ = run.__name__  # Alembic logs it
    return part


def announce(name: str) -> None:
    """Name the database that the next lines are about."""
    if not asks_database():
        return
    config = context.config
    if getattr(config.cmd_opts, "cmd", [None])[0] in {command.current, command.history}:
        config.print_stdout("%s:", name or "default")
    getLogger("alembic.env").info("Database %s", name or "default")


@contextmanager
def errors_of(name: str) -> Iterator[None]:
    """Let an error begin with the name of its database."""
    try:
        yield
    except CommandError as error:
        if type(error) is not CommandError:
            raise
        raise OneDatabaseError(f"{name}: {error}") from error


class Places:
    """Where databases were before a run, to say where each one is when it fails."""

    def __init__(self, databases: Mapping[str, Database]) -> None:
        """Begin with databases of which none is open yet."""
        self._databases = databases
        self._before: dict[str, Heads] = {}
        self._options: dict[str, dict[str, object]] = {}

    def remember(self, name: str) -> None:
        """Remember where a database is, for which Alembic was just configured."""
        if not only_reads():
            migration = context.get_context()
            self._before[name] = migration.get_current_heads()
            self._options[name] = {
                option: it
                for option, it in migration.opts.items()
                if option in {"version_table", "version_table_schema"}
            }

    @contextmanager
    def said(self) -> Iterator[None]:
        """Say where each database is, when a run fails that not all could undo."""
        try:
            yield
        except OneDatabaseError as error:
            found = {} if only_reads() else self._now()
            moved = any(set(found[it]) != set(self._before[it]) for it in found)
            places = {self._place(found, name) for name in self._databases}
            if not moved or len(places) == 1:
                raise
            at = (
                f"{name or 'default'} {self._place(found, name)}"
                for name in self._databases
            )
            program = program_of(context.config)
            raise OneDatabaseError(
                f"{error}\nNow the databases differ: {', '.join(at)}. Bring them"
                f" together with: {program} upgrade REVISION, or {program} downgrade"
                " REVISION"
            ) from error

    @staticmethod
    def _place(found: Mapping[str, Heads], name: str) -> str:
        if name not in found:
            return "not reached"
        return f"at {' '.join(found[name]) or 'base'}"

    def _now(self) -> dict[str, Heads]:
        """Ask those that were open where they are; one may be away by now."""
        found = {}
        for name in self._before:
            with (
                suppress(SQLAlchemyError),
                opened(self._databases[name]) as connection,
            ):
                options = self._options[name]
                migration = MigrationContext.configure(connection, opts=options)
                found[name] = migration.get_current_heads()
        return found
