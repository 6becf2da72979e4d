"""The friends: the page, and how they are stored."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from {{ cookiecutter.program_name }} import seed
from {{ cookiecutter.program_name }}.db import db, engines
from {{ cookiecutter.program_name }}.models import City, Friend, Hobby
from {{ cookiecutter.program_name }}.store import PAGE_SIZE

ADA = {"name": "Ada", "city": "London", "hobbies": ["chess", "go"]}


def test_the_page_adds_a_friend(client: FlaskClient) -> None:
    """I fill in the form and see my friend, with city and hobbies."""
    form = {"name": "Ada", "city": "London", "hobbies": "chess, , go,"}
    page = client.post("/", data=form, follow_redirects=True)
    assert page.request.method == "GET"
    for word in ("Ada", "London", "chess", "go"):
        assert word in page.text


def test_the_page_shows_what_is_wrong(client: FlaskClient) -> None:
    """I forgot the name: the form says so, and keeps what I typed."""
    page = client.post("/", data={"name": " ", "city": "Linz & Graz"})
    assert page.status_code == 400
    assert "Enter a name." in page.text
    assert 'value="Linz &amp; Graz"' in page.text


def test_the_page_escapes(client: FlaskClient) -> None:
    """A friend called <script> is shown, not run."""
    client.post("/", data=dict.fromkeys(("name", "city", "hobbies"), "<script>"))
    page = client.get("/").text
    assert page.count("&lt;script&gt;") == 3
    assert "<script>" not in page


def test_names_are_shared(app: Flask, client: FlaskClient) -> None:
    """Two friends in one city with one hobby make one row of each."""
    client.post("/api/friends", json=ADA)
    client.post("/api/friends", json={**ADA, "name": "Bo"})
    with app.app_context():
        cities = db.session.scalars(select(City.name)).all()
        hobbies = db.session.scalars(select(Hobby.name)).all()
    # Your migrations may have brought others.
    assert [cities.count("London"), *map(hobbies.count, ADA["hobbies"])] == [1, 1, 1]


def test_a_race_for_a_name(app: Flask, client: FlaskClient) -> None:
    """Someone else adds the same city a moment before me, and both of us succeed."""
    others = iter([ADA])

    @event.listens_for(City, "init")
    def _meanwhile(*_: object) -> None:
        for other in others:
            assert app.test_client().post("/api/friends", json=other).status_code == 201

    try:
        assert client.post("/api/friends", json=ADA).status_code == 201
    finally:
        event.remove(City, "init", _meanwhile)
    assert _names(client).count("Ada") == 2


def test_pages(client: FlaskClient, app: Flask) -> None:
    """I have many friends: the newest come first, and each is on one page."""
    with app.app_context():
        db.session.add_all(Friend(name=f"Friend {n}") for n in range(PAGE_SIZE + 1))
        db.session.commit()
    first = client.get("/api/friends").json or {}
    second = client.get(first["older"]).json or {}
    names = [friend["name"] for friend in first["friends"] + second["friends"]]
    mine = [name for name in names if name.startswith("Friend ")]
    assert sorted(mine) == sorted(f"Friend {n}" for n in range(PAGE_SIZE + 1))
    assert client.get("/?page=nonsense").status_code == 200
    assert client.get(f"/?page={10**30}").status_code == 200


def test_as_many_queries_for_many(app: Flask, client: FlaskClient) -> None:
    """My page asks the database as often for ten friends as for one."""
    client.post("/api/friends", json=ADA)
    with _statements(app) as for_one:
        client.get("/")
    for number in range(9):
        client.post("/api/friends", json={**ADA, "city": f"City {number}"})
    with _statements(app) as for_ten:
        client.get("/")
    assert 0 < len(for_ten) <= len(for_one)


def test_seed_twice_is_once(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I add the example friends again, and they are there once."""
    monkeypatch.setenv("FLASK_DEBUG", "1")  # your migrations may have brought others
    for _ in range(2):
        done = app.test_cli_runner().invoke(args=["seed"], catch_exceptions=False)
        assert done.exit_code == 0, done.output
    names = _names(client)
    assert [names.count(example.name) for example in seed.EXAMPLES] == [1, 1, 1, 1]


def _names(client: FlaskClient) -> list[str]:
    """Return the names on the first page."""
    found = client.get("/api/friends").json or {}
    return [friend["name"] for friend in found["friends"]]


@contextmanager
def _statements(app: Flask) -> Iterator[list[str]]:
    """Collect the SQL that the app sends."""
    sent: list[str] = []

    def collect(_c: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    with app.app_context():
        engine = engines()["default"]
    event.listen(engine, "before_cursor_execute", collect)
    yield sent
    event.remove(engine, "before_cursor_execute", collect)
