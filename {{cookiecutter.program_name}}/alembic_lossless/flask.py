"""`flask db`: the commands of a project's migrations, for an app of Flask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from flask.cli import with_appcontext

from . import requirements
from .project import accepting

if TYPE_CHECKING:
    from .migrations import Migrations

__all__ = ["db_command"]


@accepting
def db_command(migrations: Migrations, name: str = "db") -> click.Command:
    """Return a command for `app.cli.add_command`: all that Alembic can, and `status`.

    :param migrations: what it works on; in an app context these are the app's engines.
    :param name: its name.
    """

    @click.command(
        name,
        add_help_option=False,
        context_settings={"ignore_unknown_options": True},
        help="Migrate the database: all that Alembic can, and `status`.",
    )
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    @click.pass_context
    @with_appcontext
    def command(context: click.Context, arguments: tuple[str, ...]) -> None:
        try:
            requirements.insist()
            # Alembic takes longer to import than an app: only this command pays.
            with requirements.importing():
                from .cli import run  # noqa: PLC0415
                from .config import PROGRAM  # noqa: PLC0415
        except ImportError:
            raise
        except Exception as error:
            raise click.ClickException(str(error)) from error
        # Also for what a command runs in its turn, such as the runs of a rehearsal.
        context.meta[PROGRAM] = context.command_path
        run(migrations, arguments, context.command_path)

    return command
