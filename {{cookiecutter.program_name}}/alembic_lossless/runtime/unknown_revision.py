"""A revision that somebody names and whose file is not in the project."""

from traceback import walk_tb
from typing import Any

from alembic import context
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import URL, Connection

from ..config import stamp_command

REVISIONS = "alembic.script.revision"


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
            stamp = stamp_command(options)
            raise CommandError(unknown(head, connection.engine.url, stamp)) from None


def unknown(head: str, url: URL, stamp: str) -> str:
    """Say what may have happened to a revision that a database is at.

    :param head: its id.
    :param url: where the database is.
    :param stamp: how to stamp it.
    """
    return (
        f"{url.set(password=None).render_as_string()} is at revision {head!r}, which"
        " this project does not have: newer code migrated it, the file was deleted or"
        " is on another branch, or it is another project's database.\n"
        "Get the code that has the file. If it is gone and you know that the tables"
        f" match this code: {stamp} --purge head. If no row matters, begin with an"
        f" empty database: {_emptied(url)}"
    )


def missing_file(error: BaseException) -> str | None:
    """Say which revision is gone that others build on: Alembic only says its id."""
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    if not isinstance(error, KeyError) or not frames:
        return None
    if frames[-1].f_globals.get("__name__") != REVISIONS:
        return None
    return (
        f"The file of revision {error.args[0]!r} is gone, and others build on it. Get"
        " it back, from version control or from who has it: no command can do without."
    )


def _emptied(url: URL) -> str:
    """Return how to get an empty database in the place of one."""
    database = str(url.database)
    if url.get_backend_name() == "sqlite":
        return f"delete {database}"
    quoted = url.get_dialect()().identifier_preparer.quote(database)
    return f"DROP DATABASE {quoted}; CREATE DATABASE {quoted}"
