"""Read the URL of a database as people write it: any scheme, a schema, a mistake.

Nothing here imports Alembic.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import URL, Dialect, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.sql.elements import quoted_name

from . import sql
from .project import accepting

__all__ = ["in_schema", "usable_url", "with_driver"]

DRIVERS = {
    "postgres": ("postgresql", ("psycopg", "psycopg2")),
    "postgresql": ("postgresql", ("psycopg", "psycopg2")),
    "mysql": ("mysql", ("pymysql", "MySQLdb")),
    "mariadb": ("mariadb", ("pymysql", "MySQLdb")),
}
"""URL scheme -> SQLAlchemy's dialect and the drivers to look for, best first."""

EXAMPLE = (
    "Write it like postgresql://user:password@host:5432/name or"
    " sqlite:////folder/main.db, an @ in the password as %40."
)
"""How every message about a URL ends."""


class DriverError(ValueError):
    """A URL has no driver; the text ends a sentence and says what to do."""


def usable_url(value: str | URL, variable: str, source: Path) -> URL:
    """Return a URL that names an installed driver.

    :param value: what the variable holds.
    :param variable: its name, for the messages.
    :param source: the folder of the project, whose pyproject.toml has the extras
        `postgresql` and `mariadb`; it is not there where a wheel is installed.
    :raises ValueError: for a value that is no URL, or whose driver is missing or is
        not for a program like this, with the variable and the fix, and without the
        password.
    """
    if not value:
        raise ValueError(f"{variable} is empty. {EXAMPLE} Or unset it.")
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        # The error's own text may hold a piece of the password.
        raise ValueError(f"{variable} is not a database URL. {EXAMPLE}") from None
    if "@" in (url.host or ""):
        raise ValueError(f"{variable} has more than one @. {EXAMPLE}")
    if url.get_backend_name() == "sqlite" and url.host:
        raise ValueError(
            f"{variable} names a server, {url.host!r}, and SQLite has none. Write three"
            " slashes before a path, and four before one that begins with a slash:"
            f" sqlite:///{url.host}/{url.database or ''}"
        )
    try:
        url = in_schema(url)
        _insist_on_synchronous(url)
        return with_driver(url, source)
    except DriverError as error:
        text = f"{variable} asks for {url.drivername!r}, {error}"
        raise ValueError(text) from None


def _insist_on_synchronous(url: URL) -> None:
    """Refuse a driver that has to be awaited, which an app of Flask cannot use."""
    if dialect_of(url).is_async:
        backend = url.get_backend_name()
        raise DriverError(f"which is asynchronous. Write {backend}:// for another.")


@accepting
def with_driver(url: URL, source: Path | None = None) -> URL:
    """Return a URL that names an installed driver.

    :param url: a URL with a driver, such as `mysql+pymysql`, or without.
    :param source: the folder of the project, whose pyproject.toml has the extras
        `postgresql` and `mariadb`, if it is known; it is not there where a wheel is
        installed.
    :raises DriverError: when there is none.
    """
    if url.drivername in DRIVERS:
        return url.set(drivername=_installed(url.drivername, source))
    try:
        dialect_of(url).import_dbapi()
    except ImportError:
        raise DriverError(
            "and it is not installed."
            f" Install it, or write {url.get_backend_name()}:// for one that may be."
        ) from None
    return url


def dialect_of(url: URL) -> type[Dialect]:
    """Return the dialect of a URL, for which no driver need be installed.

    :raises DriverError: when there is none.
    """
    try:
        return url.get_dialect()
    except NoSuchModuleError:
        raise DriverError(
            "which SQLAlchemy does not know. Use sqlite, postgresql, mysql or mariadb."
        ) from None


def printable(url: URL) -> str:
    """Return a URL as it is printed: a secret can stand in its query, too."""
    query = "&".join(f"{key}=***" for key in url.query)
    text = url.set(query={}).render_as_string()
    return f"{text}?{query}" if query else text


@accepting
def in_schema(url: URL) -> URL:
    """Return a URL whose `?schema=name` is in the words of PostgreSQL's driver.

    All tables are then in that schema, the version table too, and neither models nor
    revisions name it. Migrating makes it where it is not there yet.

    :param url: a URL, with `?schema=` or without.
    :raises DriverError: when the database has no schemas, or for two of them.
    """
    schema = url.query.get("schema")
    if schema is None:
        return url
    backend = url.get_backend_name()
    if DRIVERS.get(backend, (backend,))[0] != "postgresql":
        raise DriverError("which has no schemas. Leave ?schema= out.")
    if not isinstance(schema, str) or not schema.strip():
        raise DriverError("with a ?schema= that is not one name.")
    given = url.query.get("options", ())
    options = [*([given] if isinstance(given, str) else given)]
    url = url.difference_update_query(["schema"])
    return url.update_query_dict(
        {"options": " ".join([*options, f"-csearch_path={_in_options(schema)}"])}
    )


def _in_options(schema: str) -> str:
    """Return a schema as PostgreSQL's `options` have it, which a space would end.

    It is quoted in any case: `user` is a function, and `Shop` another schema.
    """
    name = sql.quoted(quoted_name(schema, quote=True))
    return "".join(f"\\{it}" if it.isspace() or it == "\\" else it for it in name)


def _installed(scheme: str, source: Path | None) -> str:
    dialect, drivers = DRIVERS[scheme]
    for driver in drivers:
        if find_spec(driver):
            return f"{dialect}+{driver.lower()}"
    extra = "postgresql" if dialect == "postgresql" else "mariadb"
    how = install_command(extra, source) if source else f"Install {drivers[0]}."
    raise DriverError(f"and no driver for it is installed. {how}")


def install_command(extra: str, source: Path) -> str:
    """Return what to type for an extra of a project, in the environment that runs.

    Never the project's bare name: on a package index that is somebody else's package.

    :param extra: a key of `project.optional-dependencies`.
    :param source: the folder of the project; not there where a wheel is installed.
    """
    made = Path(sys.prefix, "pyvenv.cfg")
    by_uv = made.is_file() and "\nuv = " in f"\n{made.read_text()}"
    if not (source / "pyproject.toml").is_file():
        pip = "uv pip install" if by_uv else "python -m pip install"
        return f'Install the wheel again, with its extra: {pip} "WHEEL[{extra}]"'
    if by_uv:
        return f"In {source} run: uv sync --extra {extra}"
    return f'In {source} run: python -m pip install -e ".[{extra}]"'
