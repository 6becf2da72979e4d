"""The log: one readable line for a request, or one JSON object."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from {{ cookiecutter.program_name }} import create_app, settings
from {{ cookiecutter.program_name }}.migrations import migrations

SCRIPT = f"""
import logging
from {settings.PROGRAM} import create_app
app = create_app({% raw %}{{"DATABASE_URL": "sqlite://"}}{% endraw %})
app.add_url_rule("/broken", "broken", lambda: 1 / 0)
client = app.test_client()
client.get("/healthz")
client.get("/broken")
app.logger.info("mine")
logging.getLogger("library").warning("theirs")
logging.getLogger("library").info("too much")
"""


def logged(kind: str, folder: Path) -> list[str]:
    """Run an app in a process of its own, and return the lines of its log."""
    # The app's folder is the first of the path, as where it is started.
    path = os.pathsep.join([str(settings.PROJECT), *sys.path])
    variables = {f"{settings.PREFIX}LOG_FORMAT": kind, "PYTHONPATH": path}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(  # noqa: S603  the command is above
        command, env=variables, cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stderr.splitlines()


def test_a_line_for_each_request(tmp_path: Path) -> None:
    """I read in the log who asked for what, what went wrong, and nothing twice."""
    lines = logged("text", tmp_path)
    text = "\n".join(lines)
    assert "requests: GET /healthz 200 in " in lines[0]
    assert lines[0].endswith(" ms for 127.0.0.1")
    for once in ("Traceback", "ZeroDivision", "GET /broken 500", ": mine", "theirs"):
        assert text.count(once) == 1, text
    assert "too much" not in text


def test_json_for_a_program(tmp_path: Path) -> None:
    """My log collector reads each line as one object, tracebacks too."""
    lines = [json.loads(line) for line in logged("json", tmp_path)]
    asked = [line for line in lines if line["logger"].endswith(".requests")]
    assert [(line["path"], line["status"]) for line in asked] == [
        ("/healthz", 200),
        ("/broken", 500),
    ]
    assert [line["level"] for line in lines if "exc_info" in line] == ["ERROR"]
    assert all(line["time"] for line in lines)


def test_a_request_is_one_line(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody writes a line of their own into my log, nor their password."""
    with caplog.at_level(logging.INFO):
        client.get("/a%0Ab%1B[31m?password=secret")
    [line] = [message for message in caplog.messages if "404" in message]
    assert line.startswith("GET /a%0Ab%1B%5B31m 404 in ")


def test_an_unknown_format() -> None:
    """I mistype the format, and read which ones there are."""
    with pytest.raises(settings.SettingError, match="Write text or json"):
        create_app({"DATABASE_URL": "sqlite://", "LOG_FORMAT": "xml"})


def test_an_upgrade_leaves_the_log_alone(empty_app: Flask) -> None:
    """I migrate inside the app, and my log goes on as before."""
    assert empty_app
    before = _state()
    migrations.upgrade("heads")
    assert _state() == before


def _state() -> dict[str, tuple[object, ...]]:
    """Return what could have changed of each logger that was there."""
    names = [None, settings.PROGRAM, f"{settings.PROGRAM}.requests", "werkzeug"]
    loggers = map(logging.getLogger, names)
    return {
        each.name: (each.level, each.disabled, each.propagate, [*each.handlers])
        for each in loggers
    }
