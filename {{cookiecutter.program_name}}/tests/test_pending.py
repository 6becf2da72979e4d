"""What a developer sees while models and database differ."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from {{ cookiecutter.program_name }}.db import db
from {{ cookiecutter.program_name }}.migrations import migrations

from .databases import app_on, new_databases

EMPTY = {"default": "sqlite://"}
BUTTON = "Upgrade the database</button>"
ELSEWHERE = [
    {"Host": "rebound.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://elsewhere.example"},
]


def add_views(app: Flask) -> None:
    """Let an app ask for what is not in its database, on a page and as JSON."""
    for path in ("/rows", "/api/rows"):
        app.add_url_rule(path, path, ask_in_vain)


def ask_in_vain() -> str:
    """Ask for the rows of a table that is not there."""
    return str(db.session.execute(text("SELECT * FROM not_there")).all())


def take_a_table() -> str:
    """Give a table another name, whatever refers to it, and return its own."""
    with migrations.operations() as operations:
        found = inspect(operations.get_bind()).get_table_names()
        table = next(it for it in found if not it.startswith("alembic_"))
        operations.rename_table(table, "taken_away")
    return table


@pytest.fixture
def debugged(
    server: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Flask]:
    """Give an app in debug mode whose databases are empty."""
    monkeypatch.setenv("FLASK_DEBUG", "1")
    with new_databases(server, tmp_path) as urls, app_on(urls) as app:
        add_views(app)
        yield app


@pytest.fixture
def developer(debugged: Flask) -> FlaskClient:
    """Give the developer's browser."""
    return debugged.test_client()


def test_a_page_names_the_revision_and_the_command(developer: FlaskClient) -> None:
    """I forgot to upgrade: the page says what to type, and has a button."""
    response = developer.get("/rows")
    assert response.status_code == 503
    for word in ("flask db upgrade", migrations.heads()[0].revision, BUTTON):
        assert word in response.text


def test_a_program_gets_json(developer: FlaskClient) -> None:
    """I forgot to upgrade, and my program reads so too."""
    response = developer.get("/api/rows")
    assert response.status_code == 503
    assert response.json is not None
    assert "flask db upgrade" in response.json["error"]
    assert migrations.heads()[0].revision in str(response.json["pending"])


def test_the_button_upgrades(debugged: Flask, developer: FlaskClient) -> None:
    """I press the button, and am led to the first page of an app that is ready."""
    answer = developer.post("/pending/upgrade")
    assert (answer.status_code, answer.location) == (303, "/")
    assert developer.get("/readyz").status_code == 200
    with debugged.app_context():
        assert migrations.pending() == ()


@pytest.mark.parametrize("headers", ELSEWHERE)
def test_nobody_else_presses_it(
    debugged: Flask, developer: FlaskClient, headers: dict[str, str]
) -> None:
    """Another site, also one whose name leads to my machine, cannot migrate."""
    refused = developer.post("/pending/upgrade", headers=headers)
    assert refused.status_code == 403
    with debugged.app_context():
        assert migrations.pending() != ()
    if "Host" in headers:
        assert BUTTON not in developer.get("/rows", headers=headers).text


def test_a_failed_upgrade_says_why(
    developer: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I press the button, the migration fails, and I read the reason."""
    from alembic.util import CommandError  # noqa: PLC0415  as the app does

    def fail(*_: object) -> None:
        raise CommandError("revision 7 failed")

    monkeypatch.setattr(migrations, "upgrade", fail)
    page = developer.post("/pending/upgrade")
    assert page.status_code == 500
    assert "revision 7 failed" in page.text


def test_models_and_nothing_drafted(debugged: Flask, developer: FlaskClient) -> None:
    """I edited a model and drafted nothing: I read what differs, and what to type."""
    with debugged.app_context():
        migrations.upgrade("heads")
        table = take_a_table()
    page = developer.get("/rows")
    assert page.status_code == 503
    assert "The models and the database differ" in page.text
    assert f"{table}: table added" in page.text
    assert "flask db migrate -m" in page.text
    differences = (developer.get("/api/rows").json or {})["differences"]
    added = f"{table}: table added (the revisions made it so: this database was changed"
    assert any(line.endswith(f"{added} by hand)") for line in differences)


def test_another_error_is_another_error(
    debugged: Flask, developer: FlaskClient
) -> None:
    """My rows are at fault and not my tables: I see the traceback that I need."""

    def orphan() -> str:
        raise IntegrityError("INSERT …", {}, ValueError("no such parent"))

    with debugged.app_context():
        migrations.upgrade("heads")
    debugged.add_url_rule("/orphan", "orphan", orphan)
    with pytest.raises(IntegrityError):
        developer.get("/orphan")


def test_no_page_for_strangers() -> None:
    """In production a missing table is an error like any other, without a button."""
    with app_on(EMPTY) as app:
        add_views(app)
        client = app.test_client()
        with pytest.raises(DBAPIError):
            client.get("/rows")
        assert client.post("/pending/upgrade").status_code == 404
