"""Configure Alembic with a database, in a transaction that is fit for migrating."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from alembic import context

from .. import casts  # noqa: F401  the import tells Alembic how SQLite copies dates
from . import servers, sqlite
from .errors import explained
from .opening import connected, source, url_of
from .run import Run, only_reads


@contextmanager
def transaction(name: str, options: dict[str, Any]) -> Iterator[Callable[[], None]]:
    """Configure Alembic with a connection to a database, in one transaction.

    The transaction is committed when the block ends, and undone when it fails. What
    was given in `config.attributes["connection"]` is used: a Connection, an Engine, or
    a mapping of either by name. A transaction begun on it stays its owner's.

    :param name: the database.
    :param options: arguments of `context.configure`.
    :return: the last check before the commit, which may be called early.
    :raises CommandError: with the cause and what to do, when nothing was migrated.
    """
    if only_reads():
        with _reading(name, options):
            yield _nothing
        return
    with ExitStack() as stack:
        connection = stack.enter_context(connected(name))
        run = Run(connection, options, url_of(name), source(name))
        kind = sqlite if connection.dialect.name == "sqlite" else servers
        stack.enter_context(explained(run))
        stack.enter_context(kind.prepared(connection, options))
        context.configure(
            connection=connection,
            fn=run.steps,
            transactional_ddl=connection.dialect.name not in servers.COMMITS_DDL,
            dont_mutate=False,
            **options,
        )
        stack.enter_context(context.begin_transaction())
        check = stack.enter_context(kind.checked(run))
        yield check
        check()


def _nothing() -> None:
    """Check nothing: a command that reads has nothing to commit."""


@contextmanager
def _reading(name: str, options: dict[str, Any]) -> Iterator[None]:
    """Configure Alembic for a command that must not write, wait, or make a file."""
    with ExitStack() as stack:
        connection = stack.enter_context(connected(name))
        run = Run(connection, options, url_of(name), source(name))
        stack.enter_context(explained(run))
        context.configure(
            connection=connection, fn=run.steps, dont_mutate=True, **options
        )
        with context.begin_transaction():
            yield
