"""Open the database that is to be migrated, or looked at, and wait for its server.

An asynchronous driver works in an event loop of its own, in a thread of its own, so
that it does not matter whether the caller is in a loop. Each call of the connection is
handed to that loop, and waited for.

Where nobody described the databases, env.py is run and says which they are: it writes
down what it is given to `alembic_lossless.env`. No revision runs then, and no database
is opened but by env.py itself.
"""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, NoReturn

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, InvalidRequestError, OperationalError
from sqlalchemy.pool import NullPool
from sqlalchemy.util import greenlet_spawn

from .._alembic import answer_by, asks_database, creator_of, only_reads
from ..project import Databases, Project, Settings, said, without_asyncio
from ..urls import DriverError, dialect_of, printable, with_driver
from .causes import explain
from .errors import interruptible


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
            event.listen(pool, name, partial(_awaited, listener), asyncio=False)
    return Engine(pool, engine.dialect, engine.url)


def awaited(connect: Callable[[], Any]) -> Any:
    """Return the connection that a driver makes, each call of which is waited for."""
    return _Awaited(_awaited(connect))


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
            result = _awaited(found, *arguments, **options)
            return _Awaited(result) if hasattr(result, "fetchone") else result

        return called

    def __setattr__(self, name: str, value: Any) -> None:
        _awaited(setattr, vars(self)["driver"], name, value)

    def __iter__(self) -> Any:
        return iter(self.fetchall())

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()


def _awaited(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
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


CONNECT_TIMEOUT = dict.fromkeys(
    ("psycopg", "psycopg2", "psycopg_async", "pymysql", "aiomysql"), 10
)
"""Seconds until a server that does not answer is given up, by driver."""


@dataclass(frozen=True)
class Database:
    """A database to migrate, and how its owner speaks of it.

    :param given: where it is.
    :param source: what messages call it, or what returns that when there is one; by
        default its URL, without the password.
    :param settings: what else its owner may set.
    :param live: whether people use the app while it migrates.
    :param runs_on: what else its revisions run on, such as ("mariadb",).
    :param keep_dropped: the days for which a draft keeps aside what it drops.
    :param version_table: the options `version_table` and `version_table_schema`, where
        its revision is not in `alembic_version`.
    :param tenant: the schema that it is, where a project has several of them.
    :param alone: begins what a run on it happens in, where others are to run whether it
        fails or not.
    """

    given: Connection | Engine | URL
    source: str | Callable[[], str] = ""
    settings: Settings = field(default_factory=Settings)
    live: bool = False
    runs_on: tuple[str, ...] = ()
    keep_dropped: int = 0
    version_table: Mapping[str, Any] = field(default_factory=dict)
    tenant: str = ""
    alone: Callable[[], AbstractContextManager[None]] = nullcontext

    @property
    def url(self) -> URL:
        """Where it is."""
        return self.given if isinstance(self.given, URL) else self.given.engine.url

    def __str__(self) -> str:
        """Return what messages call it."""
        said = self.source() if callable(self.source) else self.source
        return said or printable(self.url)


def database_of(project: Project, name: str, given: Databases | None) -> Database:
    """Return a database of a project.

    :param name: one of the project's names.
    :param given: the caller's own, or None for the one at the project's URL.
    :raises CommandError: for a URL that cannot be used.
    """
    source: str | Callable[[], str]
    one: Connection | Engine | URL
    if given is None:
        one = project.url(name)
        source = project.source(name) if project.source else ""
    else:
        one = _usable(given.get(name) if isinstance(given, Mapping) else given, name)
        # A running app asks where it is all the time, and its settings are in files.
        source = partial(_source_of, one.engine.url, project, name)
    return Database(
        one,
        source,
        project.settings,
        project.live,
        project.runs_on,
        project.keep_dropped,
    )


def _source_of(url: URL, project: Project, name: str) -> str:
    """Return what the owner calls the URL of an app, if the project has the same one.

    A driver's options may differ: Flask-SQLAlchemy adds a character set.
    """
    try:
        own = project.url(name).set(query={})
    except CommandError:
        return ""
    same = url.set(query={}) == own
    return project.source(name) if same and project.source else ""


def _usable(given: object, name: str) -> Connection | Engine:
    """Return what a caller gave for a database, if it can be used.

    :raises CommandError: for anything but an Engine, or a Connection.
    """
    given = without_asyncio(given)
    if not isinstance(given, Connection | Engine):
        raise CommandError(
            f"What is given for the database {name!r} is a {type(given).__name__}. Give"
            " an Engine or a Connection."
        )
    return given


@contextmanager
def connected(database: Database) -> Iterator[Connection]:
    """Connect to a database for the command that runs env.py."""
    if isinstance(database.given, Connection):
        yield database.given
        return
    engine = engine_of(database.given, database) if asks_database() else _empty()
    if only_reads():
        engine = to_read(engine)
    with explained(database), interruptible():
        opened_now = _connect(engine, database)
    with opened_now as connection:
        yield connection


def _empty() -> Engine:
    """Return a database that has nothing, for a command that need not open the real."""
    return create_engine("sqlite://", poolclass=NullPool)


def _connect(engine: Engine, database: Database) -> Connection:
    """Connect, and say what the database has nothing to do with.

    :raises DBAPIError: when the database refuses.
    :raises CommandError: for what a driver or SQLAlchemy refuse.
    """
    try:
        return engine.connect()
    except DBAPIError:
        raise
    except InvalidRequestError as error:
        if not getattr(engine.dialect, "is_mariadb", False):
            raise
        raise CommandError(
            f"{database} says {engine.url.drivername}, and the server is MySQL. Write"
            f" mysql+{engine.url.get_driver_name()}:// for it."
        ) from error
    except Exception as error:
        raise CommandError(f"{database}: {said(error)}.") from error


def insist_on_dialect(database: Database) -> None:
    """Refuse a URL whose SQL nobody can write, where no database is opened.

    :raises CommandError: naming the URL.
    """
    with _about(database, database.url):
        dialect_of(database.url)


@contextmanager
def _about(called: object, url: URL) -> Iterator[None]:
    """Let what is wrong with a driver be an error of a command."""
    try:
        yield
    except DriverError as error:
        told = f"{called} asks for {url.drivername!r}, {error}"
        raise CommandError(told) from error


def engine_of(given: Engine | URL, called: object = "") -> Engine:
    """Make an engine that keeps no connection, since closing one frees the lock.

    :param called: what its owner calls the URL; by default the URL itself.
    :raises CommandError: when no driver is installed that can be used.
    """
    if isinstance(given, URL):
        with _about(called or given, given):
            url = with_driver(given)
        seconds = CONNECT_TIMEOUT.get(url.get_driver_name())
        known = seconds is None or "connect_timeout" in url.query
        arguments = {} if known else {"connect_timeout": seconds}
        given = create_engine(url, poolclass=NullPool, connect_args=arguments)
    return synchronous(given) if given.dialect.is_async else given


def synchronous_url(database: Database) -> URL:
    """Return the URL of a database with a driver that need not be awaited.

    :raises CommandError: when no such driver is installed.
    """
    url = database.url
    with _about(database, url):
        if not dialect_of(url).is_async:
            return url
        return with_driver(url.set(drivername=url.get_backend_name()))


def to_read(engine: Engine) -> Engine:
    """Return an engine that makes no SQLite file: where there is none, an empty one."""
    path = engine.url.database or ":memory:"
    on_disk = engine.dialect.name == "sqlite" and not path.startswith((":", "file:"))
    missing = on_disk and not Path(path).exists()
    return _empty() if missing else engine


@contextmanager
def explained(
    database: Database, called: str = "", *, connected: bool = False
) -> Iterator[None]:
    """Say what an error of a database means, and what to do.

    :param called: what it is called there; by default as its owner does.
    :param connected: whether it had let the user in already.
    :raises CommandError: for what the database refuses.
    """
    try:
        yield
    except DBAPIError as error:
        at = database.url, database.settings
        known = explain(error.orig, *at, connected=connected)
        raise CommandError(known.about(called or str(database))) from error


@contextmanager
def opened(database: Database, *, reads: bool = True) -> Iterator[Connection]:
    """Open a database outside env.py; what its caller began stays the caller's.

    :param reads: make no SQLite file where there is none, and keep no change.
    """
    given = database.given
    if not isinstance(given, Connection):
        engine = engine_of(given, database)
        with _connect(to_read(engine) if reads else engine, database) as connection:
            yield connection
        return
    began = given.in_transaction()
    try:
        yield given
    finally:
        if not began:
            given.rollback()


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
            _wait(engine_of(database.given, database), database, seconds, deadline)


def _wait(engine: Engine, database: Database, seconds: float, deadline: float) -> None:
    told = False
    while error := _refusal(engine, database, deadline):
        known = explain(error.orig, engine.url, database.settings)
        if not told:
            limit = f"at most {seconds:g} seconds"
            sys.stderr.write(
                f"Waiting for {printable(engine.url)}, {limit}: {known.said}.\n"
            )
            told = True
        if time.monotonic() + PAUSE > deadline:
            url = printable(engine.url)
            line = f"{url}: after {seconds:g} seconds still {known.said}."
            raise CommandError("\n".join([line, *known.advice]))
        time.sleep(PAUSE)


def _refusal(
    engine: Engine, database: Database, deadline: float
) -> OperationalError | None:
    """Try to connect, and return why it did not work."""
    try:
        with _connecting_until(engine, deadline), _connect(engine, database):
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


VERSION_TABLE = ("version_table", "version_table_schema")
"""The options of `context.configure` that say where a database keeps its revision."""


class _DescribedError(BaseException):
    """An env.py has a Project: nothing else need be asked; it catches exceptions."""


class Discovery:
    """What an env.py gives to `alembic_lossless.env`.

    :param is_described: whether the project is known, so that an env.py which has one
        is asked for its databases, too.
    """

    def __init__(self, *, is_described: bool = False) -> None:
        """Begin with nothing."""
        self._is_described = is_described
        self.project: Project | None = None
        self.databases: dict[str, Database] = {}
        self.options: dict[str, Mapping[str, Any]] = {}
        """What `context.configure` is to be told of each."""
        self.folders: list[str] | None = None
        """The folders of revisions, where env.py chooses them."""

    def describe(self, project: Project) -> None:
        """Take the description that env.py has, and ask no further."""
        self.project = project
        if not self._is_described:
            raise _DescribedError

    def add(self, name: str, database: Database, options: Mapping[str, Any]) -> None:
        """Take a database, and what `context.configure` is to be told of it.

        :param name: its name, "" where there is one.
        """
        given = database.given
        named = {key: options[key] for key in VERSION_TABLE if options.get(key)}
        self.databases[name] = replace(
            database,
            # A connection is closed when env.py ends.
            given=given.engine if isinstance(given, Connection) else given,
            version_table=named,
        )
        self.options[name] = options


def ask(alembic: Config, found: Discovery) -> None:
    """Run an env.py, and take note of what it says.

    :param alembic: the configuration of its environment.
    :param found: gets what it says.
    :raises CommandError: for an env.py that migrates no database by the library.
    """
    alembic.attributes["discovery"] = found
    folder = ScriptDirectory.from_config(alembic)
    asked = EnvironmentContext(alembic, folder, fn=no_steps)
    answer_by(
        asked,
        configure=partial(_refuse, folder.env_py_location),
        run_migrations=no_steps,
        begin_transaction=nullcontext,
    )
    with asked:
        try:
            folder.run_env()
        except _DescribedError:
            return
        finally:
            found.folders = folder.version_locations
    if not found.databases:
        raise CommandError(
            f"{folder.env_py_location} names no database to alembic_lossless.env:"
            " neither migrating nor migrating_several is called."
        )


def _refuse(path: str, *_given: Any, **_options: Any) -> NoReturn:
    raise CommandError(
        f"{path} calls context.configure for a database of its own, beside the library."
    )


def no_steps(*_given: Any, **_options: Any) -> list[Any]:
    """Run nothing."""
    return []
