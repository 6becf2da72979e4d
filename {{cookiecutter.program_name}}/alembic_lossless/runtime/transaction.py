"""Configure Alembic with a database, in a transaction that is fit for migrating."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

from alembic import context

from ..internals import only_reads
from ..sqlite import batch  # noqa: F401  the import tells Alembic how SQLite is altered
from ..sqlite import transaction as sqlite
from . import locks
from .connect import Database, connected
from .errors import explained
from .run import Run, unlogged


@contextmanager
def transaction(
    database: Database, options: dict[str, Any]
) -> Iterator[Callable[[], None]]:
    """Configure Alembic with a connection to a database, in one transaction.

    The transaction is committed when the block ends, and undone when it fails. One that
    was begun on a Connection stays its owner's. An upgrade that finds its target
    reached takes no lock; what env.py itself does is committed all the same.

    :param database: where it is, and what its owner calls it.
    :param options: arguments of `context.configure`.
    :return: the last check before the commit, which may be called early.
    :raises CommandError: with the cause and what to do, when nothing was migrated.
    """
    reads = only_reads()
    with ExitStack() as stack:
        connection = stack.enter_context(connected(database))
        run = Run(connection, options, database)
        stack.enter_context(explained(run))
        if reads or run.is_done():
            with _without_lock(run, reads=reads):
                yield _nothing
            return
        kind = sqlite if connection.dialect.name == "sqlite" else locks
        stack.enter_context(kind.prepared(run))
        context.configure(
            connection=connection,
            fn=run.steps,
            transactional_ddl=run.undoes_ddl,
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
def _without_lock(run: Run, *, reads: bool) -> Iterator[None]:
    """Configure Alembic for a command that has nothing to change, and must not wait.

    :param reads: whether it must not write either, and not even make a file.
    """
    with unlogged() if reads else nullcontext():
        context.configure(
            connection=run.connection,
            fn=run.steps if reads else run.no_steps,
            transactional_ddl=run.undoes_ddl,
            # It would be remembered when the next of several databases is configured.
            dont_mutate=reads,
            **run.options,
        )
    with context.begin_transaction():
        yield
