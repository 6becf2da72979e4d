"""Empty databases to migrate: a SQLite file, or a new database on a real server."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, inspect, make_url, text
from sqlalchemy.pool import NullPool

VARIABLES = {
    "postgresql": "TEST_POSTGRESQL_URL",
    "mariadb": "TEST_MARIADB_URL",
}
"""The variable that holds the URL of a server on which databases may be made."""

DATABASES = ["sqlite", *VARIABLES]
DRIVERS = {"postgresql": "postgresql+psycopg", "mariadb": "mariadb+pymysql"}


@contextmanager
def empty_database(kind: str, folder: Path) -> Iterator[str]:
    """Make an empty database, give its URL, and drop it.

    :param kind: one of `DATABASES`; a server whose variable is not set skips the test.
    :param folder: where a SQLite file goes.
    """
    name = f"test_{uuid4().hex[:12]}"
    if kind == "sqlite":
        yield f"sqlite:///{folder / name}.db"
        return
    variable = VARIABLES[kind]
    if variable not in os.environ:
        pytest.skip(f"{variable} is not set: no {kind} server to test on")
    server = make_url(os.environ[variable]).set(drivername=DRIVERS[kind])
    engine = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        force = " WITH (FORCE)" if kind == "postgresql" else ""
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name}{force}"))


def table_names(url: str) -> list[str]:
    """Return the names of the tables of a database."""
    return inspect(create_engine(url, poolclass=NullPool)).get_table_names()
