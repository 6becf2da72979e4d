"""A database that is at a revision which the project does not have."""

from typing import Any

from alembic import context
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import Connection

from ..config import stamp_command


def refuse_unknown(
    heads: tuple[str, ...], connection: Connection, options: dict[str, Any]
) -> None:
    """Explain a revision that stands in the database and not in the project.

    :param heads: the revisions that the database is at.
    :param options: arguments of `context.configure`.
    :raises CommandError: with what may have happened, and what to do then.
    """
    for head in heads:
        try:
            context.script.get_revision(head)
        except (ResolutionError, CommandError):
            url = connection.engine.url.set(password=None)
            raise CommandError(
                f"{url.render_as_string()} is at revision {head!r}, which this project"
                " does not have: newer code migrated it, the file was deleted or is on"
                " another branch, or it is another project's database.\n"
                "Get the code that has the file. If it was deleted on purpose, begin"
                f" with an empty database: {_emptied(connection)}. Or, if you know that"
                f" the tables match this code: {stamp_command(options)} --purge head"
            ) from None


def _emptied(connection: Connection) -> str:
    """Return how to get an empty database in the place of one."""
    database = str(connection.engine.url.database)
    if connection.dialect.name == "sqlite":
        return f"delete {database}"
    quoted = connection.dialect.identifier_preparer.quote(database)
    return f"DROP DATABASE {quoted}; CREATE DATABASE {quoted}"
