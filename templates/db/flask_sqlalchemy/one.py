"""The database layer, Flask-SQLAlchemy: nothing else in the app knows which it is."""

from typing import TYPE_CHECKING

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine
from sqlalchemy.orm import DeclarativeBase

from .engines import metadatas, prepare_engine
from .settings import database_url


class Base(DeclarativeBase):
    """What every model has; Flask-SQLAlchemy makes `db.Model` of it."""

    metadata = metadatas["default"]


db = SQLAlchemy(model_class=Base, engine_options={"pool_pre_ping": True})

if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


def init_app(app: Flask) -> None:
    """Connect the app to the database that `DATABASE_URL` in its configuration names.

    :param app: an app; its own `SQLALCHEMY_DATABASE_URI` wins.
    :raises SettingError: for a URL that cannot be used.
    """
    if "SQLALCHEMY_DATABASE_URI" not in app.config:
        app.config["SQLALCHEMY_DATABASE_URI"] = database_url("default", app.config)
    db.init_app(app)
    with app.app_context():
        for engine in engines().values():
            prepare_engine(engine)


def engines() -> dict[str, Engine]:
    """Return the current app's engines by database name, as `metadatas` has them."""
    return {"default": db.engine}
