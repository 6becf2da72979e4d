"""The commands, as they are typed in a terminal."""

from flask import Flask

from {{ cookiecutter.program_name }}.migrations import migrations


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
