"""Alembic runs this file for every command that reads the models or the databases.

Each revision has a part for each database, and each database knows its own revision. A
command works on all of them, or on those that `-x database=…` names.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from inspect import signature
from logging import getLogger
from logging.config import fileConfig
from typing import Any

from alembic import command, context
from alembic.util import CommandError

from {{ cookiecutter.program_name }}.migrations.connection import migrating, url_of
from {{ cookiecutter.program_name }}.migrations.models import all_metadata
from {{ cookiecutter.program_name }}.migrations.review import review
from {{ cookiecutter.program_name }}.migrations.state import stamped

config = context.config

# A running app that migrates itself sets configure_logger to False and keeps its logs.
if config.config_file_name and config.attributes.get("configure_logger", True):
    fileConfig(config.config_file_name, disable_existing_loggers=False)

metadata = all_metadata()
arguments = (text.partition("=") for text in context.get_x_argument())
asked = {name for key, _, name in arguments if key == "database"}
if unknown := asked - metadata.keys():
    raise CommandError(f"-x database={min(unknown)}: there are {', '.join(metadata)}.")
# Always in this order, so that two runs never wait for each other's locks.
chosen = [name for name in metadata if name in (asked or metadata)]

given = config.attributes.get("connection")
if given and not (isinstance(given, Mapping) and given.keys() >= set(chosen)):
    raise CommandError(f"Give a connection for each database: {', '.join(chosen)}.")

urls = [url for url in map(url_of, chosen) if url.database not in {None, ":memory:"}]
if len(set(urls)) < len(urls):
    raise CommandError(f"{' and '.join(chosen)} are one database: each needs its own.")

reviewed = review(len(chosen))


def options_of(name: str) -> dict[str, Any]:
    """Return what Alembic must know of a database, and what its parts are called."""
    return {
        "target_metadata": metadata[name],
        "upgrade_token": f"{name}_upgrades",
        "downgrade_token": f"{name}_downgrades",
        # SQLite can alter little: batch operations rebuild the table there.
        "render_as_batch": True,
        **reviewed,
    }


def run_migrations_offline() -> None:
    """Write the SQL of a run (`--sql`), one database after the other."""
    for name in chosen:
        context.configure(url=url_of(name), literal_binds=True, **options_of(name))
        context.get_context().impl.static_output(f"-- Database: {name}")
        with context.begin_transaction():
            context.run_migrations(database=name)


def run_migrations_online() -> None:
    """Migrate the databases: none is committed before all have run and are sound."""
    with ExitStack() as stack:
        stack.enter_context(saying_where_each_is())
        checks = {}
        for name in chosen:
            announce(name)
            stack.enter_context(errors_of(name))
            checks[name] = stack.enter_context(migrating(name, **options_of(name)))
            context.run_migrations(database=name)
        for name, check in checks.items():
            with errors_of(name):
                check()


def announce(name: str) -> None:
    """Name the database that the next lines are about."""
    if getattr(config.cmd_opts, "cmd", [None])[0] in {command.current, command.history}:
        config.print_stdout("%s:", name)
    getLogger("alembic.env").info("Database %s", name)


class OneDatabaseError(CommandError):
    """What went wrong with one database, which the text names."""


@contextmanager
def errors_of(name: str) -> Iterator[None]:
    """Let an error begin with the name of its database."""
    try:
        yield
    except CommandError as error:
        if type(error) is not CommandError:
            raise
        raise OneDatabaseError(f"{name}: {error}") from error


@contextmanager
def saying_where_each_is() -> Iterator[None]:
    """When a run fails, and not all databases could undo it, say where each one is."""
    try:
        yield
    except OneDatabaseError as error:
        found = {name: stamped(name, connection=given) for name in metadata}
        if len(set(found.values())) == 1:
            raise
        at = (f"{name} at {' '.join(ids) or 'base'}" for name, ids in found.items())
        raise OneDatabaseError(
            f"{error}\nNow the databases differ: {', '.join(at)}. Bring them together"
            " with: alembic upgrade REVISION, or alembic downgrade REVISION"
        ) from error


def only_on_default(run: Callable[[], None]) -> Callable[[str], None]:
    """Give a revision from the time of one database the form of a part."""

    def part(database: str) -> None:
        if database == "default":
            run()

    part.__name__ = run.__name__  # Alembic logs it
    return part


for script in context.script.walk_revisions():
    for name in ("upgrade", "downgrade"):
        run = getattr(script.module, name, None)
        if run and not signature(run).parameters:
            setattr(script.module, name, only_on_default(run))

if context.is_offline_mode():
    run_migrations_offline()
else:
    run_migrations_online()
