"""The models, as the database keeps them."""

import pytest
from flask import Flask
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from {{ cookiecutter.program_name }}.db import db
from {{ cookiecutter.program_name }}.models import City, Friend


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
