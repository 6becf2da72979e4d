"""Asynchronous drivers, used from a run, which is synchronous.

A driver that is awaited works in an event loop of its own, in a thread of its own, so
that it does not matter whether the caller is in a loop. Each call of the connection is
handed to that loop, and waited for.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.pool import NullPool
from sqlalchemy.util import greenlet_spawn

from .._alembic import creator_of


def synchronous(engine: Engine) -> Engine:
    """Return an engine that can be used without awaiting, and keeps no connection.

    It connects as the given one does, whose connections belong to another loop, and
    who listens to that one's connections listens to these.
    """
    connect = partial(awaited, creator_of(engine.pool))
    pool = NullPool(connect, dialect=engine.dialect)
    for name in ("first_connect", "connect"):
        for listener in getattr(engine.pool.dispatch, name):
            # It may await, too, and what calls it may not.
            event.listen(pool, name, partial(_wait, listener), asyncio=False)
    return Engine(pool, engine.dialect, engine.url)


def awaited(connect: Callable[[], Any]) -> Any:
    """Return the connection that a driver makes, each call of which is waited for."""
    return _Awaited(_wait(connect))


def backend_pid(raw: Any) -> int | None:
    """Return the number of its process that PostgreSQL told the driver, if it did.

    :param raw: a connection of any driver.
    """
    driver = getattr(raw, "driver_connection", raw)
    info = getattr(raw, "info", None) or getattr(driver, "info", None)
    if ask := getattr(driver, "get_server_pid", None):  # asyncpg
        return int(ask())
    return getattr(info, "backend_pid", None)


class SQLiteConnection:
    """Stand for SQLite's own connection, with what SQLAlchemy's lacks of it."""

    def __init__(self, connection: Any) -> None:
        """Begin with the connection of a driver, as SQLAlchemy has it."""
        vars(self)["connection"] = connection

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """Run a statement, and return its cursor."""
        cursor = vars(self)["connection"].cursor()
        cursor.execute(statement, values)
        return cursor

    def __getattr__(self, name: str) -> Any:
        """Return what SQLAlchemy's has, or the driver's."""
        connection = vars(self)["connection"]
        return getattr(
            connection if hasattr(connection, name) else connection.driver_connection,
            name,
        )

    def __setattr__(self, name: str, value: Any) -> None:
        """Set it on SQLAlchemy's, which waits for the driver."""
        setattr(vars(self)["connection"], name, value)


class _Awaited:
    """A connection or a cursor of a driver, each call of which is waited for."""

    def __init__(self, driver: Any) -> None:
        vars(self)["driver"] = driver

    def __getattr__(self, name: str) -> Any:
        driver = vars(self)["driver"]
        found = getattr(driver, name)
        if not callable(found) or isinstance(found, type):
            return found

        def called(*arguments: Any, **options: Any) -> Any:
            result = _wait(found, *arguments, **options)
            return _Awaited(result) if hasattr(result, "fetchone") else result

        return called

    def __setattr__(self, name: str, value: Any) -> None:
        _wait(setattr, vars(self)["driver"], name, value)

    def __iter__(self) -> Any:
        return iter(self.fetchall())

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()


def _wait(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call a function that awaits by SQLAlchemy's greenlets, and wait for its end."""
    thread, loop = _loop(os.getpid())
    if threading.current_thread() is thread:
        return function(*arguments, **options)  # the driver itself asks back
    awaited = greenlet_spawn(function, *arguments, **options)
    future = asyncio.run_coroutine_threadsafe(awaited, loop)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


@cache
def _loop(_process: int) -> tuple[threading.Thread, asyncio.AbstractEventLoop]:
    """Return the thread of the loop, which a fork of the process does not have."""
    # psycopg cannot use the loop that Windows has by default.
    windows = sys.platform == "win32"
    loop = asyncio.SelectorEventLoop() if windows else asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=__name__, daemon=True)
    thread.start()
    return thread, loop
