"""Databases of a server that are made to be thrown away, also after a kill."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from .causes import codes_of

PREFIX = "rehearsal_"
"""How the name of each begins."""

SECOND = "_before"
"""How the name of a second one ends that belongs to the first."""


class _Server(NamedTuple):
    """How a kind of server tells those that are in use."""

    begin: str
    """Lets others see that one is used; its end is the session's."""
    left: str
    """Those that nobody uses, of the ones that this user made."""


SERVERS = {
    "postgresql": _Server(
        "SELECT set_config('application_name', :name, false)",
        # A lock of PostgreSQL's belongs to one database, the name of a session to none.
        "SELECT datname FROM pg_database WHERE starts_with(datname, :prefix)"
        " AND pg_get_userbyid(datdba) = current_user AND NOT EXISTS"
        " (SELECT FROM pg_stat_activity WHERE application_name = pg_database.datname)",
    ),
    "mysql": _Server(
        "SELECT GET_LOCK(:name, 0)",
        "SELECT schema_name FROM information_schema.schemata"
        " WHERE left(schema_name, char_length(:prefix)) = :prefix"
        " AND IS_FREE_LOCK(replace(schema_name, '_before', ''))",
    ),
}
SERVERS["mariadb"] = SERVERS["mysql"]

NO_RIGHT = {"42501", 1044, 1142, 1227}
"""PostgreSQL's SQLSTATE, and MariaDB's errors, for what a user may not do."""

RIGHTS = {"postgresql": "ALTER ROLE {user} CREATEDB"}
GRANT = "GRANT CREATE, DROP, ALTER, INDEX, REFERENCES, SELECT, INSERT, UPDATE, DELETE"
GRANT += " ON `" + PREFIX.replace("_", r"\_") + "%`.* TO {user}"
"""What an administrator types for a user who may make no database."""


@contextmanager
def thrown_away(url: URL) -> Iterator[tuple[Connection, str]]:
    """Give a connection, and the name of a database to make, which is dropped again.

    :param url: a database of the server.
    """
    words = SERVERS[url.get_backend_name()]
    engine = sa.create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    name = f"{PREFIX}{secrets.token_hex(6)}"
    with engine.connect() as connection:
        for left in connection.scalars(sa.text(words.left), {"prefix": PREFIX}).all():
            _drop(connection, left)
        connection.scalar(sa.text(words.begin), {"name": name})
        try:
            yield connection, name
        finally:
            for each in (name, f"{name}{SECOND}"):
                _drop(connection, each)


def options_of(connection: Connection) -> str:
    """Return what a database is made with, so that it compares texts as this one does.

    :param connection: one that `thrown_away` gave.
    """
    if connection.dialect.name == "postgresql":
        return ""
    found = connection.exec_driver_sql(
        "SELECT default_character_set_name, default_collation_name"
        " FROM information_schema.schemata WHERE schema_name = database()"
    ).one()
    return "CHARACTER SET {} COLLATE {}".format(*found)


def create(connection: Connection, statement: str) -> None:
    """Make a database.

    :param connection: one that `thrown_away` gave.
    :param statement: what makes it.
    :raises CommandError: with the right that is missing, where one is.
    """
    try:
        connection.exec_driver_sql(statement)
    except DBAPIError as error:
        if not codes_of(error.orig) & NO_RIGHT:
            raise
        url = connection.engine.url
        right = RIGHTS.get(connection.dialect.name, GRANT).format(user=url.username)
        raise CommandError(
            f"The user {url.username!r} may make no database for the copy. Let an"
            f" administrator type: {right}"
        ) from error


def _drop(connection: Connection, name: str) -> None:
    force = " WITH (FORCE)" if connection.dialect.name == "postgresql" else ""
    # On MariaDB nothing was made where that was refused.
    with suppress(DBAPIError):
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}{force}")
