"""Migrations of an environment that nobody described: what its env.py says is asked.

env.py is run, and `alembic_lossless.env` writes down what it is given, and does nothing
else: no revision runs, and no database is opened but by env.py itself.
"""

import io
import os
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NoReturn

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, make_url

from ._alembic import answer_by, print_nothing
from .config import files_of, is_environment, locate, typed_config
from .migrations import ONE_AT_A_TIME, Migrations
from .project import Databases, Project
from .runtime.connect import Database, database_of

VERSION_TABLE = ("version_table", "version_table_schema")
"""The options of `context.configure` that say where a database keeps its revision."""


class _DescribedError(BaseException):
    """An env.py has a Project: nothing else need be asked; it catches exceptions."""


class Discovery:
    """What an env.py gives to `alembic_lossless.env`."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.project: Project | None = None
        self.databases: dict[str, Database] = {}
        self.metadatas: dict[str, Any] = {}
        self.versions: list[str] | None = None
        """The folders of revisions, where env.py chooses them."""

    def describe(self, project: Project) -> None:
        """Take the description that env.py has, and ask no further."""
        self.project = project
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


class Discovered(Migrations):
    """The migrations of an environment, as a command line names it.

    :param options: what Alembic's parser made of the command line.
    :raises CommandError: where there is no environment.
    """

    def __init__(self, options: Namespace) -> None:
        """Find the environment; env.py is run when something of it is asked."""
        self._options = options
        self._config = typed_config(options)
        self._located = _located(self._config)

    @property
    def folder(self) -> Path:
        """The folder of the environment."""
        return self._located

    @property
    def is_adopted(self) -> bool:
        """Whether env.py uses the library."""
        return "alembic_lossless" in self._source

    @property
    def _source(self) -> str:
        return (self.folder / "env.py").read_text("utf-8")

    @cached_property
    def _found(self) -> Discovery:
        found = Discovery()
        if not self.is_adopted:
            # What asks for no database can do without.
            found.databases[""] = Database(make_url("sqlite://"))
            return found
        alembic = self.config()
        alembic.attributes["discovery"] = found
        folder = ScriptDirectory.from_config(alembic)
        asked = EnvironmentContext(alembic, folder, fn=_no_steps)
        answer_by(
            asked,
            configure=partial(_refuse, folder.env_py_location),
            run_migrations=_ignore,
            begin_transaction=nullcontext,
        )
        with ONE_AT_A_TIME, asked:
            try:
                folder.run_env()
            except _DescribedError:
                return found
            finally:
                found.versions = folder.version_locations
        if not found.databases:
            raise CommandError(
                f"{folder.env_py_location} names no database to alembic_lossless.env:"
                " neither migrating nor migrating_several is called."
            )
        return found

    @cached_property
    def project(self) -> Project:
        """What env.py says of the project, or has for a description."""
        found = self._found
        return found.project or Project(
            folder=self.folder,
            metadatas=found.metadatas or {"": []},
            url=lambda name: found.databases[name].url,
        )

    def enter_app(self) -> None:
        """Enter the context of the app that an env.py of Flask-Migrate asks.

        :raises CommandError: where Flask finds no app.
        """
        if "current_app" not in self._source:
            return
        # env.py imports Flask, which the library does not need.
        from flask import has_app_context  # noqa: PLC0415
        from flask.cli import NoAppException, ScriptInfo, load_dotenv  # noqa: PLC0415

        if has_app_context():
            return
        load_dotenv()
        try:
            info = ScriptInfo(app_import_path=os.environ.get("FLASK_APP"))
            info.load_app().app_context().push()
        except NoAppException as error:
            raise CommandError(
                f"{self.folder / 'env.py'} asks the app of Flask: {error.message}"
            ) from error

    def config(self) -> Config:
        """Return a configuration for `alembic.command`, which is quiet."""
        quiet = io.StringIO()
        given = self._options
        answers = Namespace(x=given.x, config=given.config, name=given.name)
        alembic = typed_config(answers)
        _located(alembic)
        alembic.stdout = alembic.output_buffer = quiet
        alembic.attributes["configure_logger"] = False
        print_nothing(alembic)
        return alembic

    def _script_directory(self) -> ScriptDirectory:
        """Return the folder of revisions; an env.py may choose others."""
        found = super()._script_directory()
        if self.is_adopted and "version_locations" in self._source:
            found.version_locations = self._found.versions or found.version_locations
        return found

    def typed_config(self, options: Namespace) -> Config:
        """Return the configuration of what was typed."""
        del options
        return self._config

    def databases(self, connection: Databases | None = None) -> Databases | None:
        """Return what to migrate: the argument, or None for what env.py names."""
        return connection

    def database(
        self, name: str | None = None, *, connection: Databases | None = None
    ) -> Database:
        """Return where a database is, as env.py says."""
        project, name = self.project, name or self.project.names[0]
        known = self._found.databases.get(name)
        if connection is None and known is not None:
            return known
        given = database_of(project, name, connection)
        return given if known is None else replace(known, given=given.given)

    @contextmanager
    def configured(self, connection: Databases | None = None) -> Iterator[Config]:
        """Give a configuration for `alembic.command`, as every project's is."""
        alembic = self.config()
        # An env.py may know nothing of a connection that is given, and has to take it.
        alembic.attributes["databases"] = connection
        if self.project is self._found.project:
            alembic.attributes["connection"] = connection
        with ONE_AT_A_TIME:
            yield alembic


def _located(alembic: Config) -> Path:
    """Return the folder of an environment; Flask-Migrate's is that of its alembic.ini.

    :raises CommandError: where there is none.
    """
    location = alembic.get_alembic_option("script_location")
    files = [file for file in files_of(alembic) if file.is_file()]
    if not location:
        beside = [it.parent for it in files if is_environment(it.parent)]
        if beside:
            locate(alembic, beside[0])
            return beside[0]
        there = ", ".join(map(str, files)) or "no alembic.ini, no pyproject.toml"
        raise CommandError(
            f"No Alembic environment is named in {Path.cwd()} ({there}): there is no"
            " script_location.\nName a file that has one with -c, or make one:"
            " alembic-lossless init migrations"
        )
    folder = Path(ScriptDirectory.from_config(alembic).dir)
    if not is_environment(folder):
        raise CommandError(f"{folder} has no env.py: it is no Alembic environment.")
    return folder


def _refuse(path: str, *_given: Any, **_options: Any) -> NoReturn:
    raise CommandError(
        f"{path} calls context.configure for a database of its own, beside the library."
    )


def _ignore(**_options: Any) -> None:
    """Run nothing."""


def _no_steps(_heads: tuple[str, ...], _migration: object) -> list[Any]:
    return []
