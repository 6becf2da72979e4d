"""Errors: a page of the site, and JSON for a program."""

import pytest
from flask import Flask, request
from flask.testing import FlaskClient


@pytest.fixture
def broken(app: Flask) -> FlaskClient:
    """Give a client of an app in production in which three addresses fail."""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    for path in ("/broken", "/api/broken"):
        app.add_url_rule(path, path.replace("/", "_"), _fail)
    app.add_url_rule("/form", "form", _read_form, methods=["POST"])
    return app.test_client()


def _fail() -> str:
    raise RuntimeError("secret")


def _read_form() -> str:
    return request.form["name"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/static/nothing.css", 404),
        ("DELETE", "/static/style.css", 405),
        ("POST", "/form", 413),
        ("GET", "/broken", 500),
    ],
)
def test_an_error_is_a_page_of_the_site(
    broken: FlaskClient, method: str, path: str, status: int
) -> None:
    """I went wrong: the page looks like the others, and leads back."""
    form = {"name": "x" * 100_000} if path == "/form" else {}
    page = broken.open(path, method=method, data=form)
    assert page.status_code == status
    assert page.mimetype == "text/html"
    assert '<h2 id="error">' in page.text
    assert "style.css" in page.text
    assert ">To the first page</a>" in page.text
    assert "secret" not in page.text


def test_an_error_keeps_its_headers(client: FlaskClient) -> None:
    """My browser learns what an address does allow."""
    allowed = client.delete("/static/style.css").headers["Allow"]
    assert "GET" in allowed


def test_a_failure_is_json_for_a_program(broken: FlaskClient) -> None:
    """My program can read the error that nobody expected, and learns no detail."""
    answer = broken.get("/api/broken")
    assert answer.status_code == 500
    assert answer.json is not None
    assert "server" in answer.json["error"]
    assert "secret" not in answer.text
