"""What keeps other sites out, and what a production server insists on."""

import runpy

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from werkzeug.wrappers import Response

from {{ cookiecutter.program_name }} import create_app, settings

HERE = "http://localhost"
KEY = f"{settings.PREFIX}SECRET_KEY"


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


def test_a_production_server_needs_a_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """I deploy without a secret key: the server ends, and says how to make one."""
    module = f"{settings.PROGRAM}.wsgi"
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(module)
    assert ended.value.code == 4
    said = capsys.readouterr().err
    assert said.startswith(f"Error: {KEY} is not set. ")
    assert said.count("\n") == 1
    like_a_number = "1234567890"
    monkeypatch.setenv(KEY, like_a_number)
    assert runpy.run_module(module)["app"].secret_key == like_a_number
