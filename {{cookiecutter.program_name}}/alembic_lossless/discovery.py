"""Migrations of an environment that nobody described: what its env.py says is asked."""

import os
from argparse import Namespace
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import make_url

from .config import choose, files_of, is_environment, locate, quiet, typed_config
from .migrations import ONE_AT_A_TIME, Migrations
from .project import Databases, Project
from .runtime.connect import Database, Discovery, ask, database_of


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
        self.enter_app()
        alembic = self.config()
        with ONE_AT_A_TIME:
            ask(alembic, found)
        return found

    @cached_property
    def project(self) -> Project:
        """What env.py says of the project, or has for a description."""
        found = self._found
        options = found.options.items()
        metadatas: Any = {it: of.get("target_metadata") for it, of in options}
        return found.project or Project(
            folder=self.folder,
            metadatas=metadatas or {"": []},
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
        given = self._options
        answers = Namespace(x=given.x, config=given.config, name=given.name)
        alembic = typed_config(answers)
        _located(alembic)
        return quiet(alembic)

    def _script_directory(self) -> ScriptDirectory:
        """Return the folder of revisions; an env.py may choose others."""
        found = super()._script_directory()
        if self.is_adopted and "version_locations" in self._source:
            found.version_locations = self._found.folders or found.version_locations
        return found

    def typed_config(self, options: Namespace) -> Config:
        """Return the configuration of what was typed."""
        del options
        return self._config

    def databases(self, connection: Databases | None = None) -> Databases | None:
        """Return what to migrate: the argument, or None for what env.py names."""
        return None if connection is None else super().databases(connection)

    def database(
        self, name: str | None = None, *, connection: Databases | None = None
    ) -> Database:
        """Return where a database is, as env.py says."""
        project, name = self.project, name or self.project.names[0]
        if project.schemas is not None and name not in project.names:
            return super().database(name, connection=connection)
        known = self._found.databases.get(name)
        if connection is None and known is not None:
            return known
        given = database_of(project, name, connection)
        return given if known is None else replace(known, given=given.given)

    @contextmanager
    def configured(
        self, connection: Databases | None = None, only: Collection[str] = ()
    ) -> Iterator[Config]:
        """Give a configuration for `alembic.command`, as every project's is."""
        alembic = self.config()
        choose(alembic, only)
        # An env.py may know nothing of a connection that is given, and has to take it.
        given = alembic.attributes["databases"] = self.databases(connection)
        if self.project is self._found.project:
            alembic.attributes["connection"] = given
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
