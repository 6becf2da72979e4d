"""What the revision files and the databases say, without changing either."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import Script, ScriptDirectory

from ..db import metadatas
from .configuration import Databases, config, databases
from .connecting import connected
from .safety.half_applied import Mark


def script() -> ScriptDirectory:
    """Return the folder of revisions, as Alembic sees it."""
    return ScriptDirectory.from_config(config())


def heads() -> tuple[Script, ...]:
    """Return the newest revisions: one, unless two branches must be merged."""
    folder = script()
    return folder.get_revisions(folder.get_heads())


def history(start: str = "base", end: str = "heads") -> tuple[Script, ...]:
    """Return revisions, newest first.

    :param start: the oldest to return.
    :param end: the newest to return.
    """
    return tuple(script().walk_revisions(start, end))


def current(
    database: str = "default", *, connection: Databases | None = None
) -> tuple[Script, ...]:
    """Return the revisions that a database is at: none before the first upgrade.

    :param database: its name.
    :param connection: the database, or several by name.
    :raises CommandError: when it is at a revision that is not in this project.
    """
    return script().get_revisions(_stamped(database, databases(connection)))


def stamped(
    database: str = "default", *, connection: Databases | None = None
) -> tuple[str, ...]:
    """Return the ids of the revisions that a database is at, known here or not.

    :param database: its name.
    :param connection: the database, or several by name.
    """
    return _stamped(database, databases(connection))


def stopped(
    database: str = "default", *, connection: Databases | None = None
) -> str | None:
    """Return the id of the revision that is half applied, as MariaDB can leave one.

    :param database: its name.
    :param connection: the database, or several by name.
    """
    with connected(database, databases(connection)) as found:
        heads = MigrationContext.configure(found).get_current_heads()
        mark = Mark(found, {}).stopped(found, heads)
    return mark and mark["revision"]


def pending(*, connection: Databases | None = None) -> tuple[Script, ...]:
    """Return the revisions that a database still lacks, in the order they will run.

    :param connection: the database, or several by name.
    :raises CommandError: when one is at a revision that is not in this project.
    """
    folder = script()
    given = databases(connection)
    everything = list(folder.walk_revisions())
    lacking: set[str] = set()
    several = given is None or isinstance(given, Mapping)
    for name in metadatas if several else ["default"]:
        applied = _applied(folder, _stamped(name, given))
        lacking |= {entry.revision for entry in everything} - applied
    return tuple(entry for entry in reversed(everything) if entry.revision in lacking)


@contextmanager
def operations(
    database: str = "default", *, connection: Databases | None = None
) -> Iterator[Operations]:
    """Give Alembic's `op` outside a revision, in one transaction.

    :param database: its name.
    :param connection: the database, or several by name.
    """
    with connected(database, databases(connection), reads=False) as found:
        began = found.in_transaction()
        yield Operations(MigrationContext.configure(found))
        if not began:
            found.commit()


def _applied(folder: ScriptDirectory, stamped: tuple[str, ...]) -> set[str]:
    """Return these revisions, those they build on and those they depend on."""
    applied: set[str] = set()
    found = list(folder.get_revisions(stamped))
    while found:
        entry = found.pop()
        if entry.revision not in applied:
            applied.add(entry.revision)
            found += folder.get_revisions(entry.down_revision or ())
            found += folder.get_revisions(entry.dependencies or ())
    return applied


def _stamped(name: str, given: Databases | None) -> tuple[str, ...]:
    with connected(name, given) as connection:
        return MigrationContext.configure(connection).get_current_heads()
