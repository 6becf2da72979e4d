"""Databases that tests may spoil: SQLite files, or new ones on a server."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from flask import Flask
from sqlalchemy import Engine, MetaData, create_engine, select, text
from sqlalchemy.pool import NullPool

from {{ cookiecutter.program_name }} import create_app, settings
from {{ cookiecutter.program_name }}.db import engines
from {{ cookiecutter.program_name }}.engines import metadatas

from .server import VARIABLE

Urls = dict[str, str]
"""The URL of each of the app's databases, by its name."""


@contextmanager
def app_on(urls: Urls) -> Iterator[Flask]:
    """Make an app that uses these databases, and close them afterwards.

    Its title is not yours, which could be one of the words that tests look for.
    """
    keys = {name: settings.url_variable(name) for name in urls}
    config = {keys[name].removeprefix(settings.PREFIX): urls[name] for name in urls}
    app = create_app({"TESTING": True, "TITLE": "Friends", **config})
    try:
        yield app
    finally:
        with app.app_context():
            for engine in engines().values():
                engine.dispose()


@contextmanager
def new_databases(server: str | None, folder: Path) -> Iterator[Urls]:
    """Make an empty database for each of the app's, and drop what was made.

    :param server: the URL of a server; None for SQLite.
    :param folder: where SQLite files go.
    """
    unique = {name: f"test_{uuid4().hex}" for name in metadatas}
    if server is None:
        yield {name: f"sqlite:///{folder / unique[name]}.db" for name in unique}
        return
    url = settings.usable_url(server, VARIABLE)
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    made = []
    try:
        with engine.connect() as connection:
            for database in unique.values():
                connection.execute(text(f"CREATE DATABASE {database}"))
                made.append(database)
        yield {
            name: url.set(database=unique[name]).render_as_string(hide_password=False)
            for name in unique
        }
    finally:
        with engine.connect() as connection:
            for database in made:
                connection.execute(text(f"DROP DATABASE {database}"))


class Migrated:
    """Databases after all migrations: each test gets them as they were then."""

    def __init__(self, urls: Urls) -> None:
        """Remember the rows that the migrations wrote."""
        self._urls = urls
        self._rows = {
            name: Rows(create_engine(settings.usable_url(url), poolclass=NullPool))
            for name, url in urls.items()
            if not url.startswith("sqlite")
        }

    @contextmanager
    def fresh(self, folder: Path) -> Iterator[Urls]:
        """Give copies of SQLite files; on a server, put the rows back afterwards."""
        if not self._rows:
            yield {name: _copied(url, folder) for name, url in self._urls.items()}
            return
        try:
            yield self._urls
        finally:
            for rows in self._rows.values():
                rows.restore()


class Rows:
    """All rows of a database on a server."""

    def __init__(self, engine: Engine) -> None:
        """Read the rows of all tables, as the database has them."""
        self._engine = engine
        tables = MetaData()
        tables.reflect(engine)
        with engine.connect() as connection:
            self._rows = {
                table: list(map(dict, connection.execute(select(table)).mappings()))
                for table in tables.sorted_tables
            }

    def restore(self) -> None:
        """Make the database hold these rows and no other."""
        preparer = self._engine.dialect.identifier_preparer
        names = [preparer.format_table(table) for table in self._rows]
        if self._engine.dialect.name == "postgresql":
            emptying = [f"TRUNCATE {', '.join(names)} CASCADE"] if names else []
        else:
            emptying = ["SET FOREIGN_KEY_CHECKS = 0"]
            emptying += [f"DELETE FROM {name}" for name in names]  # noqa: S608  no input
        with self._engine.begin() as connection:
            for statement in emptying:
                connection.execute(text(statement))
            for table in self._rows:
                if self._rows[table]:
                    connection.execute(table.insert(), self._rows[table])


def _copied(url: str, folder: Path) -> str:
    source = settings.usable_url(url).database or ""
    return f"sqlite:///{shutil.copy(source, folder)}"
