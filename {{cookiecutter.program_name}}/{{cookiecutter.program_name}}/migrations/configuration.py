"""How Alembic is told where the migrations are, and which databases to migrate."""

import io
import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from alembic.config import Config
from alembic.util import CommandError
from flask import has_app_context
from sqlalchemy import Connection, Engine

from ..db import engines
from ..settings import PROJECT

FOLDER = Path(__file__).resolve().parent
INI = PROJECT / "alembic.ini"

Databases = Connection | Engine | Mapping[str, Connection | Engine]
"""One database, or several by name, as `config.attributes["connection"]` takes them."""


def config() -> Config:
    """Return a configuration for Python: it prints nothing and leaves logging alone."""
    quiet = io.StringIO()
    alembic = Config(
        INI if INI.exists() else None,
        stdout=quiet,
        output_buffer=quiet,
        attributes={"configure_logger": False},
    )
    alembic.messaging_opts = {"quiet": True}
    return _located(alembic)


def config_of(options: Namespace) -> Config:
    """Return the configuration that a command line asks for, the project's by default.

    :param options: what Alembic's parser made of the command line.
    """
    files = {Path(file).name == "pyproject.toml": file for file in options.config or ()}
    default = INI if INI.exists() else None
    alembic = Config(
        files.get(False, default),
        files.get(True),
        ini_section=options.name,
        stdout=sys.stdout,
        cmd_opts=options,
    )
    chosen = files or options.name != "alembic"
    return alembic if chosen else _located(alembic)


def databases(connection: Databases | None = None) -> Databases | None:
    """Return what to migrate: the argument, or the engines of the current app.

    :return: None when the databases of the environment are meant.
    """
    if connection is not None or not has_app_context():
        return connection
    found = engines()
    return found if len(found) > 1 else found["default"]


def insist_on_source_tree() -> None:
    """Refuse to write a revision where it would be lost.

    :raises CommandError: when this package is an installed copy.
    """
    if not INI.exists():
        raise CommandError(
            f"{FOLDER} is an installed copy: a revision written there would be lost."
            " Run the command in the project's source tree."
        )


def _located(alembic: Config) -> Config:
    """Say where the migrations are, from anywhere, installed or not.

    ConfigParser cannot read the `%(here)s` of a folder with a percent sign in its name.
    """
    alembic.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    alembic.set_main_option("prepend_sys_path", "")
    return alembic
