"""What the revision files and a database say, without changing either."""

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from .runtime.connect import Database, opened
from .runtime.half_applied import Mark


def stamped(database: Database) -> tuple[str, ...]:
    """Return the ids of the revisions that a database is at, known here or not."""
    with opened(database) as connection:
        return MigrationContext.configure(connection).get_current_heads()


def stopped(database: Database) -> str | None:
    """Return the id of the revision that is half applied, as MariaDB can leave one."""
    with opened(database) as connection:
        heads = MigrationContext.configure(connection).get_current_heads()
        mark = Mark(connection, {}).stopped(connection, heads)
    return mark and mark["revision"]


def applied(folder: ScriptDirectory, stamped: tuple[str, ...]) -> set[str]:
    """Return these revisions, those they build on and those they depend on.

    :raises CommandError: for a revision that is not in the folder.
    """
    done: set[str] = set()
    found = list(folder.get_revisions(stamped))
    while found:
        entry = found.pop()
        if entry.revision not in done:
            done.add(entry.revision)
            found += folder.get_revisions(entry.down_revision or ())
            found += folder.get_revisions(entry.dependencies or ())
    return done
