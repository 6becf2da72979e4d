"""What an env.py says of its databases: it is run, and does nothing else.

`alembic_lossless.env` writes down what it is given. No revision runs, and no database
is opened but by env.py itself.
"""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from .._alembic import answer_by
from ..project import Project
from .connect import Database

VERSION_TABLE = ("version_table", "version_table_schema")
"""The options of `context.configure` that say where a database keeps its revision."""


class _DescribedError(BaseException):
    """An env.py has a Project: nothing else need be asked; it catches exceptions."""


class Discovery:
    """What an env.py gives to `alembic_lossless.env`.

    :param is_described: whether the project is known, so that an env.py which has one
        is asked for its databases, too.
    """

    def __init__(self, *, is_described: bool = False) -> None:
        """Begin with nothing."""
        self._is_described = is_described
        self.project: Project | None = None
        self.databases: dict[str, Database] = {}
        self.metadatas: dict[str, Any] = {}
        self.folders: list[str] | None = None
        """The folders of revisions, where env.py chooses them."""

    def describe(self, project: Project) -> None:
        """Take the description that env.py has, and ask no further."""
        self.project = project
        if not self._is_described:
            raise _DescribedError

    def add(self, name: str, database: Database, options: Mapping[str, Any]) -> None:
        """Take a database, and what `context.configure` is to be told of it.

        :param name: its name, "" where there is one.
        """
        given = database.given
        named = {key: options[key] for key in VERSION_TABLE if options.get(key)}
        self.databases[name] = replace(
            database,
            # A connection is closed when env.py ends.
            given=given.engine if isinstance(given, Connection) else given,
            version_table=named,
        )
        self.metadatas[name] = options.get("target_metadata")


def ask(alembic: Config, found: Discovery) -> None:
    """Run an env.py, and take note of what it says.

    :param alembic: the configuration of its environment.
    :param found: gets what it says.
    :raises CommandError: for an env.py that migrates no database by the library.
    """
    alembic.attributes["discovery"] = found
    folder = ScriptDirectory.from_config(alembic)
    asked = EnvironmentContext(alembic, folder, fn=_no_steps)
    answer_by(
        asked,
        configure=partial(_refuse, folder.env_py_location),
        run_migrations=_ignore,
        begin_transaction=nullcontext,
    )
    with asked:
        try:
            folder.run_env()
        except _DescribedError:
            return
        finally:
            found.folders = folder.version_locations
    if not found.databases:
        raise CommandError(
            f"{folder.env_py_location} names no database to alembic_lossless.env:"
            " neither migrating nor migrating_several is called."
        )


def _refuse(path: str, *_given: Any, **_options: Any) -> NoReturn:
    raise CommandError(
        f"{path} calls context.configure for a database of its own, beside the library."
    )


def _ignore(**_options: Any) -> None:
    """Run nothing."""


def _no_steps(_heads: tuple[str, ...], _migration: object) -> list[Any]:
    return []
