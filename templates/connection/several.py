"""Connections that are fit for migrating several databases in one run."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from inspect import signature
from logging import getLogger
from typing import Any

from alembic import command, context
from alembic.util import CommandError

from ..db import metadatas
from .safety.opening import url_of
from .safety.run import only_reads
from .safety.transaction import transaction
from .state import stamped

__all__ = ["chosen", "give_parts", "migrating", "url_of"]


class OneDatabaseError(CommandError):
    """What went wrong with one database, which the text names."""


def chosen() -> list[str]:
    """Return the databases of a command: all, or those that `-x database=…` names.

    They are always in this order, so that two runs never wait for each other's locks.

    :raises CommandError: for one that is not there, or has no connection, or is another
        one too.
    """
    arguments = (text.partition("=") for text in context.get_x_argument())
    asked = {name for key, _, name in arguments if key == "database"}
    if unknown := asked - metadatas.keys():
        known = ", ".join(metadatas)
        raise CommandError(f"-x database={min(unknown)}: there are {known}.")
    names = [name for name in metadatas if name in (asked or metadatas)]
    given = _given()
    if given and not (isinstance(given, Mapping) and given.keys() >= set(names)):
        raise CommandError(f"Give a connection for each database: {', '.join(names)}.")
    urls = {name: url_of(name) for name in names}
    kept = [url for url in urls.values() if url.database not in {None, ":memory:"}]
    if same := [name for name, url in urls.items() if kept.count(url) > 1]:
        both = " and ".join(same)
        raise CommandError(f"{both} are one database: each needs its own.")
    return names


@contextmanager
def migrating() -> Iterator[Callable[..., None]]:
    """Migrate databases: none is committed before all have run and are sound.

    One run at a time has each of them. When it fails, what the databases can undo is
    undone, and the error says where each one is if they differ then.

    :return: what begins with a database; its arguments are the name, and those of
        `context.configure`.
    :raises CommandError: with the database, the cause and what to do.
    """
    checks = {}
    with _saying_where_each_is(), ExitStack() as stack:

        def begin(name: str, **options: Any) -> None:
            _announce(name)
            stack.enter_context(_errors_of(name))
            checks[name] = stack.enter_context(transaction(name, options))

        yield begin
        for name, check in checks.items():
            with _errors_of(name):
                check()


def give_parts() -> None:
    """Give revisions from the time of one database the form of those with parts."""
    for script in context.script.walk_revisions():
        for name in ("upgrade", "downgrade"):
            run = getattr(script.module, name, None)
            if run and not signature(run).parameters:
                setattr(script.module, name, _only_on_default(run))


def _only_on_default(run: Callable[[], None]) -> Callable[[str], None]:
    def part(database: str) -> None:
        if database == "default":
            run()

    part.__name__ = run.__name__  # Alembic logs it
    return part


def _given() -> Any:
    return context.config.attributes.get("connection")


def _announce(name: str) -> None:
    """Name the database that the next lines are about."""
    config = context.config
    if getattr(config.cmd_opts, "cmd", [None])[0] in {command.current, command.history}:
        config.print_stdout("%s:", name)
    getLogger("alembic.env").info("Database %s", name)


@contextmanager
def _errors_of(name: str) -> Iterator[None]:
    """Let an error begin with the name of its database."""
    try:
        yield
    except CommandError as error:
        if type(error) is not CommandError:
            raise
        raise OneDatabaseError(f"{name}: {error}") from error


@contextmanager
def _saying_where_each_is() -> Iterator[None]:
    """When a run fails, and not all databases could undo it, say where each one is."""
    try:
        yield
    except OneDatabaseError as error:
        if only_reads():
            raise
        found = {name: stamped(name, connection=_given()) for name in metadatas}
        if len(set(found.values())) == 1:
            raise
        at = (f"{name} at {' '.join(ids) or 'base'}" for name, ids in found.items())
        raise OneDatabaseError(
            f"{error}\nNow the databases differ: {', '.join(at)}. Bring them together"
            " with: alembic upgrade REVISION, or alembic downgrade REVISION"
        ) from error
