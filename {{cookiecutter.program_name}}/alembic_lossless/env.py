# ruff: noqa: E402  the versions are looked at first
"""What an env.py calls: migrate databases one run at a time, and all of it or nothing.

`migrating` takes the place of `context.configure` and `context.begin_transaction`. It
accepts what `context.configure` does, and asks the functions that env.py gives it for
`include_object`, `include_name`, `compare_type`, `render_item` and
`process_revision_directives` before the library's own.
"""

from __future__ import annotations

from . import requirements

# What follows imports what another Alembic may not have.
requirements.insist()

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from functools import partial, wraps
from itertools import chain
from logging import getLogger
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar

from alembic import context
from alembic.util import CommandError
from sqlalchemy import MetaData, make_url
from sqlalchemy.exc import ArgumentError

with requirements.importing():
    from . import ddl, lockfile, operations, plugin
    from ._alembic import command_name, compares, insist, read_revisions_by
    from .config import is_typed, program_of
    from .project import (
        Project,
        accepting,
        checked,
        forgotten,
        insist_on_kind,
        insist_on_values,
        oldest,
        without_asyncio,
    )
    from .replaced import in_use
    from .runtime import several
    from .runtime.connect import Database, database_of, insist_on_dialect
    from .runtime.errors import located, whole_lines
    from .runtime.run import transaction
    from .urls import EXAMPLE

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

__all__ = [
    "Database",
    "chosen_databases",
    "database",
    "give_parts",
    "metadata",
    "migrating",
    "migrating_several",
    "operations",
    "tenants",
    "writing_sql",
]

Given: TypeAlias = "Database | Connection | Engine | AsyncEngine | URL | str"
"""How a database can be named: `Database` also says what its owner calls it."""

log = getLogger("alembic.review")

P = ParamSpec("P")
T = TypeVar("T")


def _typed(function: Callable[P, T]) -> Callable[P, T]:
    """Let what env.py calls end in a message that keeps its lines.

    Who passes something else than the function takes is told so.
    """
    accepted = accepting(function)

    @wraps(function)
    def called(*arguments: P.args, **options: P.kwargs) -> T:
        with whole_lines(context.config):
            return accepted(*arguments, **options)

    return called


@_typed
def metadata(project: Project) -> dict[str, MetaData | list[MetaData]]:
    """Return what the models of each database declare, imported where they are read.

    A command that runs revisions, or tells which were run, imports none. One metadata
    is no list: Alembic then names the constraints of revisions by its convention.

    :param project: what the project says of itself.
    :raises CommandError: for a module that cannot be imported, for what is no metadata,
        and for a table that two metadatas of a database have.
    """
    found = lists_of_metadata(_described(project))
    return {name: own if own[1:] else own[0] for name, own in found.items()}


def lists_of_metadata(project: Project) -> dict[str, list[MetaData]]:
    """Return the metadatas of each database, with the tables if a command reads them.

    :param project: what the project says of itself.
    :raises CommandError: as `metadata` does.
    """
    modules = project.import_models() if compares() else None
    found = {
        name: several.metadata_of(name, given)
        for name, given in project.metadatas.items()
    }
    for where, other in forgotten(modules or (), chain(*found.values())):
        log.warning(
            "%s declares %s in a metadata that no database has, and no revision makes"
            " them. Give the metadata to one, in `metadatas`.",
            where,
            ", ".join(sorted(other.tables)),
        )
    return found


@_typed
def database(project: Project) -> Database:
    """Return the database of a project that has one.

    It is what `config.attributes["connection"]` holds, or the one at the project's URL.

    :param project: what the project says of itself.
    :raises CommandError: for a URL that cannot be used.
    """
    project, given = _described(project), context.config.attributes.get("connection")
    found = database_of(project, project.names[0], given)
    if not context.is_offline_mode() and several.has_tenants(project, found):
        raise CommandError(
            "The project has schemas, and env.py migrates one database. Let it be: for"
            " database in env.tenants(project): with env.migrating(database, …): …"
        )
    return _readable(found)


@_typed
def tenants(project: Project) -> Iterator[Database]:
    """Yield the schemas of a project, one after the other, each to be migrated alone.

    These are all, or those that `-x database=…` names. An upgrade passes over those
    that are at its target. Where one fails, the others are migrated all the same, and
    the error at the end names it: the next run has only that one to do. A draft is made
    from one schema.

    :param project: what the project says of itself, with `schemas`.
    :raises CommandError: for schemas that are not there, and when one failed.
    """
    with whole_lines(context.config):
        project, given = (
            _described(project),
            context.config.attributes.get("connection"),
        )
        arguments = context.get_x_argument(as_dictionary=False)
        found = several.Tenants(project, given)
        with _lock_file_kept():
            yield from found.chosen(several.asked(arguments))


@_typed
def chosen_databases(project: Project) -> dict[str, Database]:
    """Return the databases of a command: all, or those that `-x database=…` names.

    They are always in the project's order, so that two runs never wait for each other.

    :param project: what the project says of itself.
    :raises CommandError: for one that is not there, or has no connection, or is another
        one too.
    """
    arguments = context.get_x_argument(as_dictionary=False)
    found = several.chosen(_described(project), arguments)
    return {name: _readable(database) for name, database in found.items()}


def _readable(database: Database) -> Database:
    """Return a database for which SQL can be written, if that is all (`--sql`)."""
    if context.is_offline_mode():
        insist_on_dialect(database)
        context.config.attributes["runs_on"] = database.runs_on
    return database


@_typed
@contextmanager
def migrating(database: Given, **options: Any) -> Iterator[None]:
    """Configure Alembic with a connection to a database, for one run.

    One run at a time has the database. It is one transaction, committed when the block
    ends and undone when it fails, as far as the database can undo it.

    :param database: where it is. A transaction that was begun on a Connection stays its
        owner's, who commits it.
    :param options: arguments of `context.configure`, but `connection` and `url`.
    :raises CommandError: with the cause and what to do, when nothing was migrated.
    """
    if (discovery := _discovery()) is not None:
        discovery.add("", _database(database), options)
        yield
        return
    with whole_lines(context.config):
        _insist()
        known = _given_for("", _database(database))
        reviewed = _reviewing([known])(options)
        options = {**reviewed, "waits_for": _waits_for, "tenant": known.tenant}
        kept = nullcontext() if known.tenant else _lock_file_kept()
        with kept, known.alone(), transaction(known, options, ddl):
            yield


@contextmanager
def writing_sql() -> Iterator[None]:
    """Write the SQL of a run (`--sql`) for what Alembic was configured with.

    It takes the place of `context.begin_transaction` there. The script does what the
    run would do: on SQLite, too, it is one transaction, with foreign keys off.

    :raises CommandError: with the file and the line of what cannot be written.
    """
    from .offline import writing  # noqa: PLC0415

    _insist()
    with writing():
        yield


@_typed
@contextmanager
def migrating_several(
    databases: Mapping[str, Given],
) -> Iterator[Callable[..., None]]:
    """Migrate databases: none is committed before all have run and are sound.

    One run at a time has each of them. When it fails, what the databases can undo is
    undone, and the error says where each one is if they differ then.

    :param databases: where they are, by name.
    :return: what begins with a database; its arguments are the name, and those of
        `context.configure`.
    :raises CommandError: with the database, the cause and what to do.
    """
    known = {name: _database(given) for name, given in databases.items()}
    if (discovery := _discovery()) is not None:
        yield lambda name, **options: discovery.add(name, known[name], options)
        return
    _insist()
    known = {name: _given_for(name, database) for name, database in known.items()}
    reviewed = _reviewing(known.values())
    checks = {}
    places = several.Positions(known)
    with whole_lines(context.config), places.said(), ExitStack() as stack:
        stack.enter_context(_lock_file_kept())

        @_typed
        def begin(name: str, **options: Any) -> None:
            several.among([*known], {name})
            several.announce(name)
            stack.enter_context(several.errors_of(name))
            waiting = {**reviewed(options), "waits_for": _waits_for}
            run = transaction(known[name], waiting, ddl)
            checks[name] = stack.enter_context(run)
            places.remember(name)

        yield begin
        for name, check in checks.items():
            with several.errors_of(name):
                check()


@_typed
def give_parts(first: str) -> None:
    """Let revisions from the time of one database be parts for the first of several.

    :param first: the name of the database that they are about.
    """
    read_revisions_by(context.script, in_use)
    several.give_parts(context.script, first)


@contextmanager
def _lock_file_kept() -> Iterator[None]:
    """Let a draft and a merge write the lock file, and a typed check compare it.

    What the database and the models say comes first.

    :raises CommandError: for one that cannot be read, or is not as the revisions are.
    """
    program, name = program_of(context.config), command_name()
    if name in {"merge", "revision"}:
        lockfile.keep(context.script, program, anew=name == "merge")
    yield
    if name == "check" and is_typed(context.config):
        lockfile.insist(context.script, program)


def _insist() -> None:
    """Refuse what no command can work with, before a database is opened.

    :raises CommandError: for names that Alembic or SQLAlchemy lack, and for files of
        revisions that are no history.
    """
    insist()
    read_revisions_by(context.script, in_use)
    with located():
        context.script.get_heads()


def _reviewing(
    databases: Collection[Database],
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return what adds the review of a draft to the options of a database.

    A command that compares nothing needs no review, nor the time to import it.
    """
    if not compares():
        return dict
    from .autogenerate.review import Review, reviewed  # noqa: PLC0415

    plugin.register()

    live = any(database.live for database in databases)
    runs_on = oldest(it for database in databases for it in database.runs_on)
    review = partial(
        reviewed,
        Review(len(databases), live=live),
        runs_on=runs_on,
        keep_dropped=max(database.keep_dropped for database in databases),
    )
    plugins = {"autogenerate_plugins": plugin.AUTOGENERATE_PLUGINS}
    return lambda options: review({**plugins, **options})


def _described(project: Project) -> Project:
    """Return a project whose values can be used, or end here where it is only asked.

    :raises CommandError: with a value, and what to give in its place.
    """
    if (discovery := _discovery()) is not None:
        discovery.describe(project)
    return checked(project)


def _discovery() -> Any:
    """Return what takes note of a project, where env.py is asked and nothing is run."""
    return context.config.attributes.get("discovery")


def _waits_for(*revision: Any) -> str | None:
    """Say which backfill a revision must wait for, imported where a revision runs."""
    from .backfills import waits_for  # noqa: PLC0415

    return waits_for(*revision)


def _given_for(name: str, known: Database) -> Database:
    """Return the database that a function was given in the place of env.py's own.

    :param name: its name, "" where there is one.
    """
    given = context.config.attributes.get("databases")
    if isinstance(given, Mapping):
        given = given[name]
    return known if given is None else replace(known, given=without_asyncio(given))


def _database(given: Given) -> Database:
    if isinstance(given, Database):
        insist_on_kind("Database", "given", given.given, "Given")
        own = ("settings", "live", "runs_on", "keep_dropped")
        insist_on_values(given, "database", own)
        return given
    try:
        found = make_url(given) if isinstance(given, str) else given
    except (ArgumentError, ValueError):
        # The error's own text may hold a piece of the password.
        raise CommandError(
            f"What env.py gives for the database is no URL. {EXAMPLE}"
        ) from None
    return Database(without_asyncio(found))
