"""How each database is altered, and what is looked at before that is committed.

Alembic has one implementation for each dialect, for the whole process. The library's
are mixed into the one of the context that is at hand, and into no other.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from alembic.ddl.impl import DefaultImpl
from alembic.ddl.mysql import MySQLImpl
from alembic.ddl.postgresql import PostgresqlImpl
from alembic.ddl.sqlite import SQLiteImpl
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from .._alembic import keeping_bytes

Check = Callable[[], None]


def implement(migration: MigrationContext) -> None:
    """Let a context alter its database as the library does.

    :param migration: its implementation may be one of the app's own, which stays below.
    """
    impl = migration.impl
    impl.dialect = migration.dialect = keeping_bytes(impl.dialect)
    if (ours := _class_for(impl)) and not isinstance(impl, ours):
        migration.impl = _mixed(ours, type(impl))(
            impl.dialect,
            impl.connection,
            impl.as_sql,
            impl.transactional_ddl,
            impl.output_buffer,
            impl.context_opts,
        )


def operations(migration: MigrationContext) -> Operations:
    """Return what takes the place of `op` while a revision runs."""
    if isinstance(migration.impl, SQLiteImpl):
        from .sqlite import SQLiteOperations  # noqa: PLC0415  others need no SQLite

        return SQLiteOperations(migration)
    return Operations(migration)


def remember(connection: Connection, *, rehearsed: bool = False) -> Check:
    """Look at a database before a run; return what looks whether it broke something.

    :param connection: the database.
    :param rehearsed: whether it is a copy, on which the run is tried.
    :raises CommandError: when it is called, with what would not work any more.
    """
    name = connection.dialect.name
    if name == "sqlite":
        from .sqlite import remember_all  # noqa: PLC0415  likewise

        return remember_all(connection)
    if name in {"mysql", "mariadb"}:
        from .mysql import Dependents  # noqa: PLC0415  likewise

        return Dependents(connection, rehearsed=rehearsed).check
    return _nothing


def _class_for(impl: DefaultImpl) -> type[DefaultImpl] | None:
    if isinstance(impl, SQLiteImpl):
        from .sqlite import SQLite  # noqa: PLC0415  likewise

        return SQLite
    if isinstance(impl, PostgresqlImpl):
        from .postgresql import PostgreSQL  # noqa: PLC0415  likewise

        return PostgreSQL
    if isinstance(impl, MySQLImpl):
        from .mysql import MySQL  # noqa: PLC0415  likewise

        return MySQL
    return None


@cache
def _mixed(ours: type[DefaultImpl], stock: type[DefaultImpl]) -> Any:
    return type(ours.__name__, (ours, stock), {})


def _nothing() -> None:
    """Check nothing: PostgreSQL itself refuses what would break a view."""
