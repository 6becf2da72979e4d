"""Alembic runs this file for every command that reads the models or the databases.

Each revision has a part for each database, and each database knows its own revision. A
command works on all of them, or on those that `-x database=…` names.
"""

from logging.config import fileConfig
from typing import Any

from alembic import context
from alembic_lossless import env

from {{ cookiecutter.program_name }}.migrations import project

config = context.config

# A running app that migrates itself sets configure_logger to False and keeps its logs.
if config.config_file_name and config.attributes.get("configure_logger", True):
    fileConfig(config.config_file_name, disable_existing_loggers=False)

# What config.attributes["connection"] holds, or what the settings name.
databases = env.chosen_databases(project)
metadata = env.metadata(project)
# Revisions from a time with one database have no parts: they are about this one.
env.give_parts("default")


def options_of(name: str) -> dict[str, Any]:
    """Return what Alembic must know of a database, and what its parts are called."""
    return {
        "target_metadata": metadata[name],
        "upgrade_token": f"{name}_upgrades",
        "downgrade_token": f"{name}_downgrades",
        # SQLite can alter little: batch operations rebuild the table there.
        "render_as_batch": True,
    }


def run_migrations_offline() -> None:
    """Write the SQL of a run (`--sql`), one database after the other."""
    for name, database in databases.items():
        context.configure(
            url=database.url,
            literal_binds=True,
            dialect_opts={"paramstyle": "named"},
            **options_of(name),
        )
        context.get_context().impl.static_output(f"-- Database: {name}")
        with env.writing_sql():
            context.run_migrations(database=name)


def run_migrations_online() -> None:
    """Migrate the databases: one run at a time, and all of it or nothing."""
    with env.migrating_several(databases) as begin:
        for name in databases:
            begin(name, **options_of(name))
            context.run_migrations(database=name)


if context.is_offline_mode():
    run_migrations_offline()
else:
    run_migrations_online()
