"""Alembic runs this file for every command that reads the models or the database."""

from logging.config import fileConfig

from alembic import context

from {{ cookiecutter.program_name }}.migrations.connection import migrating, url_of
from {{ cookiecutter.program_name }}.migrations.models import all_metadata
from {{ cookiecutter.program_name }}.migrations.review import review

config = context.config

# A running app that migrates itself sets configure_logger to False and keeps its logs.
if config.config_file_name and config.attributes.get("configure_logger", True):
    fileConfig(config.config_file_name, disable_existing_loggers=False)

options = {
    "target_metadata": all_metadata()["default"],
    # SQLite can alter little: batch operations rebuild the table there.
    "render_as_batch": True,
    **review(),
}


def run_migrations_offline() -> None:
    """Write the SQL of a run (`--sql`) without a database."""
    context.configure(url=url_of(), literal_binds=True, **options)
    with context.begin_transaction():
        context.run_migrations()


def run_migrations_online() -> None:
    """Migrate a database: one run at a time, and all of it or nothing."""
    with migrating(**options):
        context.run_migrations()


if context.is_offline_mode():
    run_migrations_offline()
else:
    run_migrations_online()
