"""Which driver a database URL gets, and what the driver is told of a schema."""

import re
import sys
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.exc import NoSuchModuleError

PROJECT = Path(__file__).resolve().parent.parent
DRIVERS = {
    "postgres": ("postgresql", ("psycopg", "psycopg2")),
    "postgresql": ("postgresql", ("psycopg", "psycopg2")),
    "mysql": ("mysql", ("pymysql", "MySQLdb")),
    "mariadb": ("mariadb", ("pymysql", "MySQLdb")),
}
"""URL scheme -> SQLAlchemy's dialect and the drivers to look for, best first."""

SCHEMA = re.compile(r"[a-z_][a-z0-9_]*")


class DriverError(ValueError):
    """A URL has no driver; the text ends a sentence and says what to do."""


def with_driver(url: URL) -> URL:
    """Return a URL that names an installed driver.

    :param url: a URL with a driver, such as `mysql+pymysql`, or without.
    :raises DriverError: when there is none, or it is not for a program like this.
    """
    if url.drivername in DRIVERS:
        return url.set(drivername=_installed(url.drivername))
    backend = url.get_backend_name()
    try:
        dialect = url.get_dialect()
        dialect.import_dbapi()
    except NoSuchModuleError:
        raise DriverError(
            "which SQLAlchemy does not know. Use sqlite, postgresql, mysql or mariadb."
        ) from None
    except ImportError:
        raise DriverError(
            "and it is not installed."
            f" Install it, or write {backend}:// for one that may be."
        ) from None
    if dialect.is_async:
        raise DriverError(f"which is asynchronous. Write {backend}:// for another.")
    return url


def in_schema(url: URL) -> URL:
    """Return a URL whose `?schema=name` is in the words of PostgreSQL's driver.

    All tables are then in that schema, the version table too, and neither models nor
    revisions name it. Migrating makes it where it is not there yet.

    :raises DriverError: when the database has no schemas, or for an odd name.
    """
    schema = url.query.get("schema")
    if schema is None:
        return url
    if url.get_backend_name() != "postgresql":
        raise DriverError("which has no schemas. Leave ?schema= out.")
    if not isinstance(schema, str) or not SCHEMA.fullmatch(schema):
        raise DriverError("with a ?schema= that is not one lower-case name.")
    given = url.query.get("options", ())
    options = [*([given] if isinstance(given, str) else given)]
    url = url.difference_update_query(["schema"])
    return url.update_query_dict(
        {"options": " ".join([*options, f"-csearch_path={schema}"])}
    )


def _installed(scheme: str) -> str:
    dialect, drivers = DRIVERS[scheme]
    for driver in drivers:
        if find_spec(driver):
            return f"{dialect}+{driver.lower()}"
    extra = "postgresql" if dialect == "postgresql" else "mariadb"
    raise DriverError(f"and no driver for it is installed. {installing(extra)}")


def installing(extra: str) -> str:
    """Return what to type for an extra of the project, in the environment that runs.

    Never the project's bare name: on a package index that is somebody else's package.

    :param extra: a key of `project.optional-dependencies`.
    """
    settings = Path(sys.prefix, "pyvenv.cfg")
    by_uv = settings.is_file() and "\nuv = " in f"\n{settings.read_text()}"
    if not (PROJECT / "pyproject.toml").is_file():
        pip = "uv pip install" if by_uv else "python -m pip install"
        return f'Install the wheel again, with its extra: {pip} "WHEEL[{extra}]"'
    if by_uv:
        return f"In {PROJECT} run: uv sync --extra {extra}"
    return f'In {PROJECT} run: python -m pip install -e ".[{extra}]"'
