"""The database layer, Flask-SQLAlchemy-Lite: nothing else knows which it is."""

from flask import Flask
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import Engine
from sqlalchemy.orm import DeclarativeBase

from .engines import metadatas, prepare_engine
from .settings import database_url


class Model(DeclarativeBase):
    """What every model has."""

    metadata = metadatas["default"]


db = SQLAlchemy(engine_options={"pool_pre_ping": True})


def init_app(app: Flask) -> None:
    """Connect the app to the database that `DATABASE_URL` in its configuration names.

    :param app: an app; its own `SQLALCHEMY_ENGINES["default"]` wins.
    :raises SettingError: for a URL that cannot be used.
    """
    configured = dict(app.config.get("SQLALCHEMY_ENGINES", {}))
    if "default" not in configured:
        configured["default"] = database_url("default", app.config)
    app.config["SQLALCHEMY_ENGINES"] = configured
    db.init_app(app)
    with app.app_context():
        for engine in engines().values():
            prepare_engine(engine)


def engines() -> dict[str, Engine]:
    """Return the current app's engines by database name, as `metadatas` has them."""
    return {name: db.engines[name] for name in metadatas}
