"""What the tests share: settings that are nobody's, databases, an app and a client."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
from alembic_lossless import testing
from flask import Flask
from flask.testing import FlaskClient

from {{ cookiecutter.program_name }} import settings
from {{ cookiecutter.program_name }}.migrations import migrations

from .databases import Migrated, Urls, app_on, new_databases
from .server import KINDS, running_server


@pytest.fixture(autouse=True, scope="session")
def own_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the tests off your `.env`, your variables and your databases."""
    folder = tmp_path_factory.mktemp("nobody")
    with pytest.MonkeyPatch.context() as patch:
        for variable in list(os.environ):
            if variable.startswith(settings.PREFIX):
                patch.delenv(variable)
        patch.delenv("FLASK_DEBUG", raising=False)
        patch.setattr(settings, "dotenv_values", lambda *_: {})
        patch.setattr(settings, "user_data_path", lambda *_, **__: folder)
        yield folder


@pytest.fixture(scope="session", params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """Give the URL of a server, or None for SQLite: tests run on each there is."""
    if request.param == "sqlite":
        yield None
        return
    with running_server() as url:
        yield url


@pytest.fixture(scope="session")
def migrated(
    server: str | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Migrated]:
    """Run all migrations, once."""
    with new_databases(server, tmp_path_factory.mktemp("migrated")) as urls:
        with app_on(urls) as app, app.app_context():
            migrations.upgrade("heads")
        yield Migrated(urls)


@pytest.fixture
def urls(migrated: Migrated, tmp_path: Path) -> Iterator[Urls]:
    """Give databases that hold what the migrations left there."""
    with migrated.fresh(tmp_path) as urls:
        yield urls


@pytest.fixture
def app(urls: Urls) -> Iterator[Flask]:
    """Give an app whose databases are migrated."""
    with app_on(urls) as app:
        yield app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Give a browser without a window."""
    return app.test_client()


@pytest.fixture
def migrated_to(
    server: str | None,
) -> Callable[[str], AbstractContextManager[testing.MigratedDatabase]]:
    """Give what makes a database at a revision: put rows in, go on, and look."""
    return partial(testing.migrated_to, migrations, server=server)


@pytest.fixture
def empty_app(server: str | None, tmp_path: Path) -> Iterator[Flask]:
    """Give an app whose databases are empty, with its context pushed."""
    with (
        new_databases(server, tmp_path) as urls,
        app_on(urls) as app,
        app.app_context(),
    ):
        yield app
