"""What keeps other sites out, and what a production server insists on."""

import runpy

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from werkzeug.wrappers import Response

from {{ cookiecutter.program_name }} import create_app, settings
from {{ cookiecutter.program_name }}.db import engines
from {{ cookiecutter.program_name }}.engines import metadatas

HERE = "http://localhost"
KEY = f"{settings.PREFIX}SECRET_KEY"
LIKE_A_NUMBER = "1234567890"


@pytest.mark.parametrize(
    "path", ["/", "/static/style.css", "/api/nothing", "/nothing", "/healthz"]
)
def test_every_answer_has_the_headers(client: FlaskClient, path: str) -> None:
    """Whatever I open, my browser runs nothing that is not from this site."""
    with client.get(path) as answer:
        headers = answer.headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Strict-Transport-Security"] == "max-age=31536000"


def test_a_view_may_say_otherwise(app: Flask) -> None:
    """One page of mine needs another policy, and sets it."""
    mine = {"Content-Security-Policy": "default-src 'none'"}
    app.add_url_rule("/mine", "mine", lambda: Response(headers=mine))
    answer = app.test_client().get("/mine")
    assert answer.headers.getlist("Content-Security-Policy") == ["default-src 'none'"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": HERE}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": HERE}, 403),
        ({"Origin": HERE}, 200),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": f"{HERE}.elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_no_change_from_another_site(
    app: Flask, headers: dict[str, str], status: int
) -> None:
    """Another site cannot make my browser, new or old, change anything."""
    changes: list[str] = []

    def change() -> str:
        changes.append("changed")
        return "changed"

    app.add_url_rule("/change", "change", change, methods=["POST"])
    answer = app.test_client().post("/change", headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert "from another site" in answer.text
        assert not changes


@pytest.mark.parametrize("proxies", [0, 1])
def test_a_proxy_is_believed_when_i_say_so(proxies: int) -> None:
    """I say that a proxy stands before the app: it then knows who really asked."""
    app = create_app({"DATABASE_URL": "sqlite://", "PROXIES": proxies})
    app.add_url_rule("/who", "who", lambda: f"{request.scheme} {request.remote_addr}")
    forwarded = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}
    answer = app.test_client().get("/who", headers=forwarded).text
    assert answer == ("https 192.0.2.7" if proxies else "http 127.0.0.1")


@pytest.mark.parametrize("value", ["many", "-1", "true", "1.5"])
def test_a_bad_number_of_proxies(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """I mistype the number: the message names the variable and what I can write."""
    monkeypatch.setenv(f"{settings.PREFIX}PROXIES", value)
    with pytest.raises(settings.SettingError, match=f"{settings.PREFIX}PROXIES is "):
        create_app({"DATABASE_URL": "sqlite://"})


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Give the settings of a production server, with nothing missing."""
    monkeypatch.setenv(KEY, LIKE_A_NUMBER)
    for name in metadatas:
        monkeypatch.setenv(settings.url_variable(name), "sqlite://")
    return monkeypatch


def test_a_production_server_starts(production: pytest.MonkeyPatch) -> None:
    """I deploy with all that production needs, and the server starts."""
    production.setattr(settings, "RUNS_ON", ("postgresql",))
    app = runpy.run_module(f"{settings.PROGRAM}.wsgi")["app"]
    assert app.secret_key == LIKE_A_NUMBER


def test_a_production_server_needs_a_key(
    production: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """I deploy without a secret key: the server ends, and says how to make one."""
    production.delenv(KEY)
    (line,) = refusal(capsys)
    assert line.startswith(f"Error: {KEY} is not set. ")


@pytest.mark.parametrize("name", metadatas)
def test_a_production_server_needs_its_database(
    name: str, production: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """I forget one URL: nobody is served from a file, and I read which variable."""
    production.delenv(settings.url_variable(name))
    production.setattr(settings, "RUNS_ON", ("postgresql",))
    (line,) = refusal(capsys)
    assert line.startswith(f"Error: {settings.url_variable(name)} is not set, ")
    app = create_app()
    answer = app.test_client().get("/readyz")
    with app.app_context():
        for engine in engines().values():
            engine.dispose()
    assert answer.status_code == 503
    assert settings.url_variable(name) in answer.text


def test_a_production_server_says_all_that_is_missing(
    production: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """I deploy with nothing set, and read everything in one go."""
    variables = [KEY, *map(settings.url_variable, metadatas)]
    for variable in variables:
        production.delenv(variable)
    production.setattr(settings, "RUNS_ON", ("postgresql",))
    said = refusal(capsys)
    assert [line.split()[1] for line in said] == variables


def refusal(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Start the server, which ends; return what it says."""
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"{settings.PROGRAM}.wsgi")
    assert ended.value.code == 4
    return capsys.readouterr().err.splitlines()
