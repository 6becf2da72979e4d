"""The commands, as they are typed in a terminal."""

import pytest
from flask import Flask

from {{ cookiecutter.program_name }} import settings
from {{ cookiecutter.program_name }}.engines import metadatas
from {{ cookiecutter.program_name }}.migrations import migrations, warn_of_file

from .databases import app_on


def run(app: Flask, *command: str) -> str:
    """Run a command of the app and return what it prints."""
    done = app.test_cli_runner().invoke(args=command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_status(app: Flask) -> None:
    """I see which revisions my database has, and that the models match it."""
    output = run(app, "db", "status")
    assert "pending" not in output
    assert all(script.revision in output for script in migrations.history())
    assert "Models: match the database" in output


def test_down_and_up_again(empty_app: Flask) -> None:
    """I upgrade and downgrade with the commands that I know from Flask-Migrate."""
    run(empty_app, "db", "upgrade", "heads")
    assert migrations.pending() == ()
    run(empty_app, "db", "downgrade", "base")
    assert migrations.pending() != ()


def test_a_command_says_which_file_it_took(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Production has a server and I have named none: I read which file is used."""
    monkeypatch.setattr(settings, "RUNS_ON", ("postgresql",))
    warn_of_file.cache_clear()
    with app_on({}) as app:
        run(app, "db", "current")
    said = [record.getMessage() for record in caplog.records]
    for name in metadatas:
        variable, url = settings.url_variable(name), settings.default_url(name)
        assert said.count(f"{variable} is not set: SQLite is used, {url.database}") == 1
