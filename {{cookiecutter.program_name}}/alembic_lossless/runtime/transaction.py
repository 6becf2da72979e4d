"""Configure Alembic with a database, in a transaction that is fit for migrating."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from alembic import context

from ..sqlite import batch  # noqa: F401  the import tells Alembic how SQLite is altered
from ..sqlite import transaction as sqlite
from . import locks
from .connect import Database, connected
from .errors import explained
from .run import Run, only_reads, unlogged


@contextmanager
def transaction(
    database: Database, options: dict[str, Any]
) -> Iterator[Callable[[], None]]:
    """Configure Alembic with a connection to a database, in one transaction.

    The transaction is committed when the block ends, and undone when it fails. One that
    was begun on a Connection stays its owner's.

    :param database: where it is, and what its owner calls it.
    :param options: arguments of `context.configure`.
    :return: the last check before the commit, which may be called early.
    :raises CommandError: with the cause and what to do, when nothing was migrated.
    """
    if only_reads():
        with _reading(database, options):
            yield _nothing
        return
    with ExitStack() as stack:
        connection = stack.enter_context(connected(database))
        run = Run(connection, options, database)
        kind = sqlite if connection.dialect.name == "sqlite" else locks
        stack.enter_context(explained(run))
        stack.enter_context(kind.prepared(run))
        context.configure(
            connection=connection,
            fn=run.steps,
            transactional_ddl=connection.dialect.name not in locks.COMMITS_DDL,
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
def _reading(database: Database, options: dict[str, Any]) -> Iterator[None]:
    """Configure Alembic for a command that must not write, wait, or make a file."""
    with ExitStack() as stack:
        connection = stack.enter_context(connected(database))
        run = Run(connection, options, database)
        stack.enter_context(explained(run))
        with unlogged():
            context.configure(
                connection=connection, fn=run.steps, dont_mutate=True, **options
            )
        with context.begin_transaction():
            yield
