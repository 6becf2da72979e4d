"""Empty databases to migrate: a SQLite file, or a new database on a real server."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from kept import end, sessions_of
from sqlalchemy import URL, Engine, create_engine, inspect, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

VARIABLES = {
    "postgresql": "TEST_POSTGRESQL_URL",
    "mariadb": "TEST_MARIADB_URL",
}
"""The variable that holds the URL of a server on which databases may be made."""

DATABASES = ["sqlite", *VARIABLES]


def _only(*kinds: str) -> pytest.MarkDecorator:
    """Let a test run on some kinds of databases alone."""
    return pytest.mark.parametrize("database_url", kinds, indirect=True)


ON_SQLITE, ON_POSTGRESQL, ON_MARIADB = map(_only, DATABASES)
ON_SERVERS = _only(*VARIABLES)
TRANSACTIONAL = _only("sqlite", "postgresql")
"""Databases that undo a CREATE TABLE."""


@cache
def driver(kind: str) -> str:
    """Return how a server is spoken to; one of MySQL may stand for one of MariaDB."""
    if kind == "postgresql":
        return "postgresql+psycopg"
    server = make_url(os.environ[VARIABLES[kind]]).set(drivername="mysql+pymysql")
    version = _execute(server, "SELECT VERSION()")
    return f"{'mariadb' if 'MariaDB' in version else 'mysql'}+pymysql"


def kind_of(url: str | URL) -> str:
    """Return which of `DATABASES` a URL leads to."""
    return make_url(url).get_backend_name().replace("mysql", "mariadb")


EMPTIES = """
DO $$
DECLARE found text;
BEGIN
    IF current_setting('server_version_num')::int >= 140000 THEN
        PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> ALL ({kept});
    ELSE
        PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> ALL ({kept});
    END IF;
    FOR found IN SELECT extname FROM pg_extension WHERE extname <> 'plpgsql' LOOP
        EXECUTE 'DROP EXTENSION ' || quote_ident(found) || ' CASCADE';
    END LOOP;
    FOR found IN SELECT nspname FROM pg_namespace
        WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
        EXECUTE 'DROP SCHEMA ' || quote_ident(found) || ' CASCADE';
    END LOOP;
    CREATE SCHEMA public;
    IF current_setting('server_version_num')::int >= 140000 THEN
        ALTER SCHEMA public OWNER TO pg_database_owner;
    END IF;
    GRANT USAGE ON SCHEMA public TO PUBLIC;
END $$
"""
"""Takes all out of a PostgreSQL database, which is quicker than to make another."""

VACUUMS = """
VACUUM pg_attrdef, pg_attribute, pg_class, pg_constraint, pg_depend, pg_index, pg_type
"""
"""Takes away what the catalog had of it, which is twice as slow to read otherwise."""

IS_ORDINARY = """
SELECT datacl IS NULL AND NOT EXISTS (
    SELECT FROM pg_db_role_setting WHERE setdatabase = pg_database.oid
    AND (setrole <> 0 OR setconfig <> '{synchronous_commit=off}')
) AND NOT EXISTS (
    SELECT FROM (
        SELECT 'pg_proc'::regclass, oid, proacl FROM pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace
        UNION ALL SELECT 'pg_class'::regclass, oid, relacl FROM pg_class
        WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v')
    ) AS found (classoid, objoid, acl)
    LEFT JOIN pg_init_privs AS given USING (classoid, objoid)
    WHERE acl IS DISTINCT FROM given.initprivs AND COALESCE(objsubid, 0) = 0
) FROM pg_database WHERE datname = current_database()
"""
"""Whether a database and its catalog have no rights and settings but the tests'."""

_emptied: list[URL] = []
"""The databases that the next tests take."""


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
    server = make_url(os.environ[variable]).set(drivername=driver(kind))
    if kind == "postgresql" and _emptied:
        url = _emptied.pop()
    else:
        url = server.set(database=name)
        _execute(server, f"CREATE DATABASE {name}", *_quick(kind, name))
    try:
        yield url.render_as_string(hide_password=False)
    finally:
        if kind == "postgresql" and _is_emptied(url):
            _emptied.append(url)
        else:
            _drop(url)


def _quick(kind: str, name: str) -> list[str]:
    """Return what spares a test the wait for a disk; no test pulls the plug."""
    off = f"ALTER DATABASE {name} SET synchronous_commit = off"
    return [off] if kind == "postgresql" else []


def drop_emptied() -> None:
    """Drop the databases that were kept for the next test, after the last one."""
    while _emptied:
        _drop(_emptied.pop())


def _is_emptied(url: URL) -> bool:
    """Empty a PostgreSQL database, and tell whether it is then like a new one."""
    try:
        return bool(_execute(url, empties(url), VACUUMS, IS_ORDINARY))
    except DBAPIError:
        return False


def empties(url: URL) -> str:
    """Return what takes all out of a PostgreSQL database, and leaves our sessions."""
    kept = [it.backend_pid for it in sessions_of(str(url.database))]
    return EMPTIES.replace("{kept}", f"pg_backend_pid() || ARRAY{kept}::int[]")


def _drop(url: URL) -> None:
    kind = kind_of(url)
    server = make_url(os.environ[VARIABLES[kind]]).set(drivername=driver(kind))
    end(str(url.database))
    force = " WITH (FORCE)" if kind == "postgresql" else ""
    _execute(server, f"DROP DATABASE IF EXISTS {url.database}{force}")


def _execute(url: URL, *statements: str) -> Any:
    """Run statements, each by itself, and return the value of the last one."""
    engine = engine_of(url, "AUTOCOMMIT")
    with engine.connect() as connection:
        done = [connection.exec_driver_sql(statement) for statement in statements]
        return done[-1].scalar() if done[-1].returns_rows else None


@lru_cache(maxsize=9)
def engine_of(url: str | URL, isolation_level: Any = None) -> Engine:
    """Return an engine of the tests', which asks a server once what it is."""
    return create_engine(url, poolclass=NullPool, isolation_level=isolation_level)


def table_names(url: str) -> list[str]:
    """Return the names of the tables of a database."""
    return inspect(engine_of(url)).get_table_names()
