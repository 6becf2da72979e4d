"""Databases at one revision, for tests: rows are put in before the next, and looked at.

They are empty ones of their own, which are thrown away; a project's are never touched.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url

from .config import part_of
from .project import accepting, accepting_all
from .rehearsal.copies import throw_away_each
from .replay import state_of
from .runtime.run import unlogged
from .runtime.several import give_parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import URL, Engine, Executable, Row, Table

    from .migrations import Migrations

__all__ = ["MigratedDatabase", "migrated_to"]


@accepting_all
class MigratedDatabase:
    """A database at some revision.

    :param migrations: those of the project.
    :param engines: the databases of the project by name; they move together.
    :param name: the one that this is about.
    """

    def __init__(
        self, migrations: Migrations, engines: Mapping[str, Engine], name: str
    ) -> None:
        """Take the databases of a project, and one of them to look at."""
        self._migrations, self._engines, self._name = migrations, engines, name

    @property
    def engine(self) -> Engine:
        """Where the database is."""
        return self._engines[self._name]

    @property
    def revisions(self) -> tuple[str, ...]:
        """The revisions that the database is at: one, or none at base."""
        return self._migrations.stamped(self._name, connection=self._engines)

    @property
    def tables(self) -> dict[str, Table]:
        """The tables as the revisions declare them so far, with their types, by name.

        One in a schema is called "schema.table".
        """
        folder = self._migrations.script()
        if part := part_of(self._migrations.project, self._name):
            give_parts(folder, next(iter(self._engines)))
        revisions = [*folder.iterate_revisions(self.revisions, "base")][::-1]
        state = state_of(revisions, self.engine.dialect, part)
        return {table.fullname: table for table in state.tables.values()}

    def execute(
        self,
        statement: Executable,
        rows: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> Sequence[Row[Any]]:
        """Run a statement, commit it, and return its rows.

        :param statement: what SQLAlchemy has, such as `db.tables["friend"].insert()`.
        :param rows: the values of one row, or of several.
        """
        with self.engine.begin() as connection:
            done = connection.execute(statement, rows)
            return done.all() if done.returns_rows else []

    def upgrade(self, target: str = "heads") -> None:
        """Run revisions.

        :param target: a revision, or a number of them such as "+1".
        :raises CommandError: as the command does; what can be undone is.
        """
        with unlogged():
            self._migrations.upgrade(target, connection=self._engines)

    def downgrade(self, target: str = "-1") -> None:
        """Undo revisions.

        :param target: a revision, "base", or a number of them such as "-1".
        :raises CommandError: as the command does.
        """
        with unlogged():
            self._migrations.downgrade(target, connection=self._engines)


@accepting
@contextmanager
def migrated_to(
    migrations: Migrations,
    revision: str,
    *,
    server: URL | str | None = None,
    database: str | None = None,
) -> Iterator[MigratedDatabase]:
    """Make empty databases, upgrade them to a revision, and drop them at the end.

    :param migrations: those of the project.
    :param revision: where they begin; "base" is an empty database.
    :param server: the URL of a server on which databases may be made; by default they
        are files of SQLite.
    :param database: the one of several to look at, the project's first by default.
    :raises CommandError: for a revision that is not there or does not run, and for a
        server that does not answer.
    """
    name, url = database or migrations.project.names[0], make_url(server or "sqlite://")
    with throw_away_each(migrations, url) as engines:
        found = MigratedDatabase(migrations, engines, name)
        if revision != "base":
            found.upgrade(revision)
        yield found
