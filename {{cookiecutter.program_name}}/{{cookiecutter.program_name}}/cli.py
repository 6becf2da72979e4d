"""The app's own commands: `flask db` and `flask seed`."""

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
        if migrations.pending():
            raise click.ClickException("Tables are missing. First run: flask db upgrade")
        if found := migrations.differences():
            raise click.ClickException(f"{found}\nFirst run: flask db migrate")
        others = seed.count_others()
    except DBAPIError as error:
        said = migrations.explain(error, engines()["default"])
        raise click.ClickException(said) from error
    if others and not current_app.debug:
        raise click.ClickException(
            f"The database holds {others} friends that are no examples, so somebody may"
            " use it. Nothing was added. To add them all the same: flask --debug seed"
        )
    click.echo(f"Added {seed.seed()} of {len(seed.EXAMPLES)} example friends.")
