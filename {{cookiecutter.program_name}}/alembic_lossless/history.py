"""What is read of a project's revisions and of its databases; nothing is run here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import Script, ScriptDirectory
    from sqlalchemy import Engine
    from sqlalchemy.exc import DBAPIError

    from .project import Databases, Project
    from .runtime.connect import Database


class History:
    """The revisions of a project, and where its databases are among them.

    :param project: what the project says of itself.
    """

    def __init__(self, project: Project) -> None:
        """Take a project; nothing is read before a function is called."""
        self.project = project

    def config(self) -> Config:
        """Return a configuration for `alembic.command`, which is quiet."""
        from .config import quiet_config

        return quiet_config(self.project)

    def script(self) -> ScriptDirectory:
        """Return the folder of revisions, as Alembic sees it."""
        from alembic.script import ScriptDirectory

        return ScriptDirectory.from_config(self.config())

    def heads(self) -> tuple[Script, ...]:
        """Return the newest revisions: one, unless two branches must be merged."""
        folder = self.script()
        return folder.get_revisions(folder.get_heads())

    def history(self, start: str = "base", end: str = "heads") -> tuple[Script, ...]:
        """Return revisions, newest first.

        :param start: the oldest to return.
        :param end: the newest to return.
        """
        return tuple(self.script().walk_revisions(start, end))

    def current(
        self, database: str | None = None, *, connection: Databases | None = None
    ) -> tuple[Script, ...]:
        """Return the revisions that a database is at: none before the first upgrade.

        :param database: its name, the project's first by default.
        :param connection: the database, or several by name.
        :raises CommandError: when it is at a revision that is not in this project.
        """
        stamped = self.stamped(database, connection=connection)
        return self.script().get_revisions(stamped)

    def stamped(
        self, database: str | None = None, *, connection: Databases | None = None
    ) -> tuple[str, ...]:
        """Return the ids of the revisions that a database is at, known here or not.

        :param database: its name, the project's first by default.
        :param connection: the database, or several by name.
        """
        from .state import stamped

        return stamped(self.database(database, connection=connection))

    def stopped(
        self, database: str | None = None, *, connection: Databases | None = None
    ) -> str | None:
        """Return the id of the revision that is half applied, as MariaDB can leave one.

        :param database: its name, the project's first by default.
        :param connection: the database, or several by name.
        """
        from .state import stopped

        return stopped(self.database(database, connection=connection))

    def pending(
        self, database: str | None = None, *, connection: Databases | None = None
    ) -> tuple[Script, ...]:
        """Return the revisions that a database lacks, in the order they will run.

        :param database: its name; by default all of the project's are meant.
        :param connection: the database, or several by name.
        :raises CommandError: when one is at a revision that is not in this project.
        """
        from .state import applied

        folder = self.script()
        everything = list(folder.walk_revisions())
        lacking: set[str] = set()
        for name in [database] if database else self.names(connection):
            done = applied(folder, self.database(name, connection=connection))
            lacking |= {entry.revision for entry in everything} - done
        return tuple(it for it in reversed(everything) if it.revision in lacking)

    def ready_at(self) -> tuple[frozenset[str], ...]:
        """Return where a database may be while this code serves, the newest first.

        That is at the newest revisions, or before those at the end that wait until the
        old version of the app is gone.
        """
        from .state import ready_at

        return ready_at(self.script())

    def databases(self, connection: Databases | None = None) -> Databases | None:
        """Return what to migrate: the argument, or the engines of the running app.

        :return: None when the databases that the project names are meant.
        """
        if connection is not None:
            return connection
        found = self.project.engines()
        return next(iter(found.values())) if found and len(found) == 1 else found

    def names(self, connection: Databases | None = None) -> tuple[str, ...]:
        """Return the names of the databases that a command is about.

        :param connection: the database, or several by name.
        """
        given = self.databases(connection)
        several = given is None or isinstance(given, Mapping)
        return self.project.names if several else self.project.names[:1]

    def database(
        self, name: str | None = None, *, connection: Databases | None = None
    ) -> Database:
        """Return where a database is, and what its owner calls it.

        :param name: its name, the project's first by default.
        :param connection: the database, or several by name.
        :raises CommandError: for a URL that cannot be used.
        """
        from .runtime.connect import database_of

        given = self.databases(connection)
        return database_of(self.project, name or self.project.names[0], given)

    def explain(self, error: DBAPIError, engine: Engine) -> str:
        """Return what a database's error means and what to do, without a password.

        :param error: what connecting or a statement raised.
        :param engine: the database.
        """
        from .runtime.causes import explain

        known = explain(error.orig, engine.url, self.project.settings)
        return known.about(engine.url)
