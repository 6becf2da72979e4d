"""The JSON twin of the page: what it takes, and how it says no."""

import pytest
from flask.testing import FlaskClient

ADA = {"name": "Ada", "city": "London", "hobbies": ["chess", "go"]}


def test_the_json_adds_a_friend(client: FlaskClient) -> None:
    """My program adds a friend, and finds it where the answer says."""
    added = client.post("/api/friends", json=ADA)
    assert added.status_code == 201
    assert added.json is not None
    assert {**ADA, "id": added.json["id"]} == added.json
    assert client.get(added.headers["Location"]).json == added.json


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", 5),
        ("name", "x" * 101),
        ("name", "a\0b"),
        ("name", "\ud800"),
        ("city", ["London"]),
        ("city", "x" * 101),
        ("hobbies", "chess"),
        ("hobbies", [5]),
        ("hobbies", [str(number) for number in range(21)]),
        ("nickname", "A"),
    ],
)
def test_the_json_says_what_is_wrong(
    client: FlaskClient, field: str, value: object
) -> None:
    """My program sent a bad field, and is told which."""
    answer = client.post("/api/friends", json={**ADA, field: value})
    assert answer.status_code == 400
    assert answer.json is not None
    assert list(answer.json["fields"]) == [field]


@pytest.mark.parametrize("body", ["{", "[1]", "null", "[" * 30_000, "\xff"])
def test_only_an_object(client: FlaskClient, body: str) -> None:
    """My program sent something else than an object, and is told what to send."""
    data = body.encode("latin-1")
    answer = client.post("/api/friends", data=data, content_type="application/json")
    assert answer.status_code == 400
    assert "one JSON object" in (answer.json or {})["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/friends/1000000", 404),
        ("GET", f"/api/friends/{10**30}", 404),
        ("GET", "/api/nothing", 404),
        ("DELETE", "/api/friends", 405),
        ("POST", "/api/friends", 415),
    ],
)
def test_errors_are_json(
    client: FlaskClient, method: str, path: str, status: int
) -> None:
    """My program can read every error."""
    answer = client.open(path, method=method)
    assert answer.status_code == status
    assert answer.json is not None
    assert answer.json["error"]
