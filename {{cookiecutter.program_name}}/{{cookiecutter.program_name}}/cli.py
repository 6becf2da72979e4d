"""The app's own commands: `flask db` and `flask seed`."""

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from sqlalchemy.exc import DBAPIError

from . import migrations, seed
from .db import engines
from .migrations.safety.causes import cause


def init_app(app: Flask) -> None:
    """Give the app its commands."""
    app.cli.add_command(db)
    app.cli.add_command(seed_examples)


@click.command(
    "db", add_help_option=False, context_settings={"ignore_unknown_options": True}
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
@with_appcontext
def db(context: click.Context, arguments: tuple[str, ...]) -> None:
    """Migrate the database: all that Alembic can, and `status`."""
    # Alembic takes longer to import than the app: only this command pays for it.
    from .migrations.command_line import run  # noqa: PLC0415

    run(arguments, context.command_path)


@click.command("seed")
@with_appcontext
def seed_examples() -> None:
    """Add the example friends that are missing, to develop with."""
    try:
        pending = migrations.pending()
    except DBAPIError as error:
        url = engines()["default"].url
        raise click.ClickException(f"{url}: {cause(error.orig, url)}.") from error
    if pending:
        raise click.ClickException("Tables are missing. First run: flask db upgrade")
    others = seed.count_others()
    if others and not current_app.debug:
        raise click.ClickException(
            f"The database holds {others} friends that are no examples, so somebody may"
            " use it. Nothing was added. To add them all the same: flask --debug seed"
        )
    click.echo(f"Added {seed.seed()} of {len(seed.EXAMPLES)} example friends.")
