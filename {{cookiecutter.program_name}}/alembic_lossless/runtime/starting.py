"""Wait for a database that is still starting, as containers need it."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from alembic.util import CommandError
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError

from ..project import Settings
from .causes import explain
from .connect import Database, engine_of

PAUSE = 0.5
"""Seconds between two attempts."""


def wait_until_started(databases: Sequence[Database], seconds: float) -> None:
    """Return when every database answers, and say once that it is waiting.

    :param seconds: how long to wait, for all of them together.
    :raises CommandError: when one does not answer in time.
    """
    deadline = time.monotonic() + seconds
    for database in databases:
        if not isinstance(database.given, Connection):
            engine = engine_of(database.given)
            _wait(engine, database.settings, seconds, deadline)


def _wait(engine: Engine, settings: Settings, seconds: float, deadline: float) -> None:
    told = False
    while error := _refusal(engine, deadline):
        known = explain(error.orig, engine.url, settings)
        if not told:
            limit = f"at most {seconds:g} seconds"
            sys.stderr.write(f"Waiting for {engine.url}, {limit}: {known.said}.\n")
            told = True
        if time.monotonic() + PAUSE > deadline:
            line = f"{engine.url}: after {seconds:g} seconds still {known.said}."
            raise CommandError("\n".join([line, *known.advice]))
        time.sleep(PAUSE)


def _refusal(engine: Engine, deadline: float) -> OperationalError | None:
    """Try to connect, and return why it did not work."""
    try:
        with _connecting_until(engine, deadline), engine.connect():
            return None
    except OperationalError as error:
        return error


@contextmanager
def _connecting_until(engine: Engine, deadline: float) -> Iterator[None]:
    """Let an attempt end with the waiting: a silent host would hold it for minutes."""

    def limit(_dialect: Any, _record: Any, _args: Any, options: dict[str, Any]) -> None:
        remaining = max(2, round(deadline - time.monotonic()))
        options.setdefault("connect_timeout", remaining)

    if engine.dialect.name == "sqlite":
        yield
        return
    event.listen(engine, "do_connect", limit)
    try:
        yield
    finally:
        event.remove(engine, "do_connect", limit)
