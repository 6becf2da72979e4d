"""Open the database that is to be migrated."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from alembic import context
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from ...settings import SettingError, database_url, url_variable
from .causes import cause, fix
from .errors import interruptible
from .run import only_reads

CONNECT_TIMEOUT = {"psycopg": 10, "psycopg2": 10, "pymysql": 10}
"""Seconds until a server that does not answer is given up, by driver."""


def url_in_settings(name: str = "default", *, make_folder: bool = False) -> URL:
    """Return the URL that the settings give a database; nothing is opened.

    :param make_folder: make the folder of a SQLite file that no variable names.
    :raises CommandError: for a URL that cannot be used.
    """
    try:
        return database_url(name, make_folder=make_folder)
    except SettingError as error:
        raise CommandError(str(error)) from error


def url_of(name: str = "default") -> URL:
    """Return the URL of what the caller gave, or that the settings name."""
    given = _given(name)
    return given.engine.url if given else url_in_settings(name)


@contextmanager
def connected(name: str) -> Iterator[Connection]:
    """Connect to what the caller gave, or to the database that the settings name."""
    given = _given(name)
    if isinstance(given, Connection):
        yield given
        return
    reads = only_reads()
    engine = given or _engine(url_in_settings(name, make_folder=not reads))
    with _open(to_read(engine) if reads else engine, source(name)) as connection:
        yield connection


def _given(name: str) -> Connection | Engine | None:
    given = context.config.attributes.get("connection")
    found: Connection | Engine | None
    found = given[name] if isinstance(given, Mapping) else given
    return found


def _open(engine: Engine, source: str) -> Connection:
    """Connect, and say what is wrong with the URL when that fails."""
    try:
        with interruptible():
            return engine.connect()
    except DBAPIError as error:
        said = cause(error.orig, engine.url)
        lines = [f"{source}: {said}.", *fix(error.orig, engine.url)]
        raise CommandError("\n".join(lines)) from error


def source(name: str) -> str:
    """Return how the owner knows a database: the variable, or the URL as given."""
    if context.config.attributes.get("connection") is None:
        return url_variable(name)
    return url_of(name).set(password=None).render_as_string()


def _engine(url: URL) -> Engine:
    """Make an engine that keeps no connection, since closing one frees the lock."""
    seconds = CONNECT_TIMEOUT.get(url.get_driver_name())
    known = seconds is None or "connect_timeout" in url.query
    arguments = {} if known else {"connect_timeout": seconds}
    return create_engine(url, poolclass=NullPool, connect_args=arguments)


def to_read(engine: Engine) -> Engine:
    """Return an engine that makes no SQLite file: where there is none, an empty one."""
    path = engine.url.database or ":memory:"
    on_disk = engine.dialect.name == "sqlite" and not path.startswith((":", "file:"))
    missing = on_disk and not Path(path).exists()
    return create_engine("sqlite://", poolclass=NullPool) if missing else engine
