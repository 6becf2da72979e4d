"""Connect to a database outside env.py, to read it or to operate on it.

A connection that is fit for migrating is what `connection.py` makes.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import NullPool

from .configuration import Databases
from .safety.opening import to_read, url_in_settings


@contextmanager
def connected(
    name: str, given: Databases | None, *, reads: bool = True
) -> Iterator[Connection]:
    """Open a database; a transaction that the caller began stays the caller's.

    :param name: the database.
    :param given: the caller's own, or None for what the settings name.
    :param reads: make no SQLite file where there is none, and keep no change.
    """
    target = _target(name, given)
    if isinstance(target, Engine):
        with (to_read(target) if reads else target).connect() as connection:
            yield connection
        return
    began = target.in_transaction()
    try:
        yield target
    finally:
        if not began:
            target.rollback()


def _target(name: str, given: Databases | None) -> Connection | Engine:
    if given is None:
        return create_engine(url_in_settings(name), poolclass=NullPool)
    return given[name] if isinstance(given, Mapping) else given
