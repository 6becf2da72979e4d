"""Alembic runs this file for every command that reads the models or the database."""

from logging.config import fileConfig

from alembic import context
from alembic_lossless import env

from {{ cookiecutter.program_name }}.migrations import project

config = context.config

# A running app that migrates itself sets configure_logger to False and keeps its logs.
if config.config_file_name and config.attributes.get("configure_logger", True):
    fileConfig(config.config_file_name, disable_existing_loggers=False)

# What config.attributes["connection"] holds, or what the settings name.
database = env.database(project)
target_metadata = env.metadata(project)["default"]
# SQLite can alter little: batch operations rebuild the table there.
render_as_batch = True


def run_migrations_offline() -> None:
    """Write the SQL of a run (`--sql`) without a database."""
    context.configure(
        url=database.url,
        target_metadata=target_metadata,
        render_as_batch=render_as_batch,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
    )
    with env.writing_sql():
        context.run_migrations()


def run_migrations_online() -> None:
    """Migrate a database: one run at a time, and all of it or nothing."""
    with env.migrating(
        database,
        target_metadata=target_metadata,
        render_as_batch=render_as_batch,
    ):
        context.run_migrations()


if context.is_offline_mode():
    run_migrations_offline()
else:
    run_migrations_online()
