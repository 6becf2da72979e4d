"""The models, as the databases keep them."""

import pytest
from flask import Flask
from sqlalchemy import delete, inspect, select
from sqlalchemy.exc import IntegrityError

from {{ cookiecutter.program_name }}.db import db, engines
from {{ cookiecutter.program_name }}.models import City, Friend, User


def test_what_is_not_committed_is_gone(app: Flask) -> None:
    """A request that fails half-way leaves nothing for the next one to find."""
    with app.app_context():
        db.session.add(City(name="Bonn"))
        db.session.flush()
    with app.app_context():
        assert db.session.scalars(select(City).where(City.name == "Bonn")).all() == []


def test_foreign_keys_are_enforced(app: Flask) -> None:
    """A friend cannot live in a city that is not there, on SQLite too."""
    with app.app_context():
        db.session.add(Friend(name="Ada", city_id=2**31 - 1))
        with pytest.raises(IntegrityError):
            db.session.commit()
        db.session.rollback()


def test_a_city_goes_and_its_friends_stay(app: Flask) -> None:
    """I delete a city, and the database forgets where its friends live."""
    with app.app_context():
        db.session.add(Friend(name="Ada", city=City(name="Bonn")))
        db.session.commit()
        db.session.execute(delete(City).where(City.name == "Bonn"))
        db.session.commit()
    with app.app_context():
        ada = select(Friend).where(Friend.name == "Ada")
        assert db.session.scalars(ada).one().city is None


def test_users_are_in_their_own_database(app: Flask) -> None:
    """I use one session, and each model leads to its own database."""
    with app.app_context():
        db.session.add_all([User(email="ada@example.org"), City(name="Bonn")])
        db.session.commit()
        found = {name: inspect(engine) for name, engine in engines().items()}
        assert found["auth"].has_table("user")
        assert not found["auth"].has_table("city")
        assert not found["default"].has_table("user")
    with app.app_context():
        assert "ada@example.org" in db.session.scalars(select(User.email)).all()


def test_an_address_is_used_once(app: Flask) -> None:
    """Nobody logs in with somebody else's address."""
    with app.app_context():
        db.session.add_all([User(email="ada@example.org") for _ in range(2)])
        with pytest.raises(IntegrityError):
            db.session.commit()
        db.session.rollback()
