"""The app's own commands: `flask db` and `flask seed`."""

from contextlib import suppress

import click
from alembic_lossless.flask import db_command
from flask import Flask, current_app
from flask.cli import with_appcontext
from sqlalchemy.exc import DBAPIError

from . import seed
from .db import engines
from .migrations import migrations


def init_app(app: Flask) -> None:
    """Give the app its commands."""
    app.cli.add_command(db_command(migrations))
    app.cli.add_command(seed_examples)


@click.command("seed")
@with_appcontext
def seed_examples() -> None:
    """Add the example friends that are missing, to develop with."""
    try:
        pending = migrations.pending()
        others = 0 if pending or current_app.debug else seed.count_others()
        added = None if pending or others else seed.seed()
    except DBAPIError as error:
        raise click.ClickException(explained(error)) from error
    if pending:
        raise click.ClickException("Tables are missing. First run: flask db upgrade")
    if others:
        raise click.ClickException(
            f"The database holds {others} friends that are no examples, so somebody may"
            " use it. Nothing was added. To add them all the same: flask --debug seed"
        )
    click.echo(f"Added {added} of {len(seed.EXAMPLES)} example friends.")


def explained(error: DBAPIError) -> str:
    """Say how models and database differ, or else what the database's error means."""
    from alembic.util import CommandError  # noqa: PLC0415  slow, and rarely needed

    with suppress(CommandError):  # of a database that is away
        if found := migrations.differences():
            return f"{found}\nFirst run: flask db migrate"
    return migrations.explain(error, engines()["default"])
