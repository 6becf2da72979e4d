"""What the revision files and a database say, without changing either."""

from typing import NamedTuple

from alembic.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError, to_tuple
from sqlalchemy.exc import SQLAlchemyError

from .lint import Server, version_of
from .rules import AFTER, phase_of
from .runtime.connect import Database, opened
from .runtime.errors import is_unknown, unknown
from .runtime.recovery import RevisionMarker


def stamped(database: Database) -> tuple[str, ...]:
    """Return the ids of the revisions that a database is at, known here or not."""
    with opened(database) as connection:
        return MigrationContext.configure(connection).get_current_heads()


def server_of(database: Database, dialect: str | None) -> Server:
    """Return the kind of server that a database is on, and its version if it answers.

    :param dialect: another kind, of which no version is known.
    """
    kind = database.url.get_backend_name()
    if dialect not in {None, kind}:
        return Server.oldest(str(dialect))
    try:
        with opened(database) as connection:
            found = connection.dialect
            is_mariadb = getattr(found, "is_mariadb", False)
            return Server("mariadb" if is_mariadb else found.name, version_of(found))
    except (CommandError, SQLAlchemyError):
        return Server.oldest(kind)


class HalfApplied(NamedTuple):
    """A revision that stopped in the middle, as MariaDB can leave one.

    :param revision: its id.
    :param direction: "upgrade" or "downgrade".
    :param goes_on: whether the same command goes on where it stopped.
    """

    revision: str
    direction: str
    goes_on: bool


def half_applied(database: Database) -> HalfApplied | None:
    """Return the revision that stopped in the middle, if one did."""
    with opened(database) as connection:
        heads = MigrationContext.configure(connection).get_current_heads()
        mark = RevisionMarker(connection, {}).stopped(connection, heads)
    if mark is None:
        return None
    return HalfApplied(mark["revision"], mark["direction"], bool(mark["number"]))


def ready_at(folder: ScriptDirectory) -> tuple[frozenset[str], ...]:
    """Return where a database may be while this code serves, the newest first."""
    found = [frozenset(folder.get_heads())]
    while len(found[-1]) == 1:
        (newest,) = folder.get_revisions(tuple(found[-1]))
        if phase_of(newest) != AFTER:
            break
        found.append(frozenset(to_tuple(newest.down_revision, default=())))
    return tuple(found)


def applied(folder: ScriptDirectory, database: Database) -> set[str]:
    """Return what a database is at, what that builds on and what it depends on.

    :raises CommandError: for a revision that is not in the folder.
    """
    done: set[str] = set()
    found = list[Script]()
    for head in stamped(database):
        try:
            found += folder.get_revisions(head)
        except CommandError as error:
            if not is_unknown(error):
                raise
            said = unknown(head, database.url, "alembic stamp")
            raise CommandError(said) from None
    while found:
        entry = found.pop()
        if entry.revision not in done:
            done.add(entry.revision)
            found += folder.get_revisions(entry.down_revision or ())
            found += folder.get_revisions(entry.dependencies or ())
    return done
