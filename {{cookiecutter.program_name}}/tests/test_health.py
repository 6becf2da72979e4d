"""What a platform asks."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from {{ cookiecutter.program_name }} import create_app
from {{ cookiecutter.program_name }}.migrations import migrations


@pytest.fixture
def away(tmp_path: Path) -> FlaskClient:
    """Give an app whose database cannot be opened: there is a folder in its place."""
    folder = tmp_path / "secret"
    folder.mkdir()
    return create_app({"DATABASE_URL": f"sqlite:///{folder}"}).test_client()


def test_alive_without_a_database(away: FlaskClient) -> None:
    """My platform does not restart the app because the database is away."""
    assert away.get("/healthz").status_code == 200


def test_ready(client: FlaskClient) -> None:
    """My platform sends requests once the database is migrated."""
    assert client.get("/readyz").status_code == 200


def test_not_ready_before_the_migrations(empty_app: Flask) -> None:
    """My platform waits, and says for which revision."""
    response = empty_app.test_client().get("/readyz")
    assert response.status_code == 503
    assert migrations.heads()[0].revision in response.text


def test_not_ready_without_the_database(away: FlaskClient) -> None:
    """My platform waits while the database is away, and tells nobody where it is."""
    response = away.get("/readyz")
    assert response.status_code == 503
    assert "cannot be reached" in response.text
    assert "secret" not in response.text


def test_an_older_app_goes_on(app: Flask) -> None:
    """While I roll out a new version, the old one serves the upgraded database."""
    with app.app_context(), migrations.operations() as operations:
        operations.execute("UPDATE alembic_version SET version_num = 'newer'")
    assert app.test_client().get("/readyz").status_code == 200
