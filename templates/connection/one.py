"""A connection that is fit for migrating."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .safety.opening import url_of
from .safety.transaction import transaction

__all__ = ["migrating", "url_of"]


@contextmanager
def migrating(**options: Any) -> Iterator[None]:
    """Configure Alembic with a connection to the database, for one run.

    One run at a time has the database. It is one transaction, committed when the block
    ends and undone when it fails, as far as the database can undo it.

    :param options: arguments of `context.configure`.
    :raises CommandError: with the cause and what to do, when nothing was migrated.
    """
    with transaction("default", options):
        yield
