"""The database layer, Flask-SQLAlchemy-Lite: nothing else knows which it is."""

from flask import Flask
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import Engine
from sqlalchemy.orm import DeclarativeBase

from .engines import metadatas, prepare_engine
from .settings import database_url


class Model(DeclarativeBase):
    """What every model of the first database has."""

    metadata = metadatas["default"]


class AuthModel(DeclarativeBase):
    """What every model of the database `auth` has."""

    metadata = metadatas["auth"]


db = SQLAlchemy(engine_options={"pool_pre_ping": True})
bases = {"default": Model, "auth": AuthModel}


def init_app(app: Flask) -> None:
    """Connect the app to its databases: `DATABASE_URL`, `AUTH_DATABASE_URL`.

    :param app: an app; what its own `SQLALCHEMY_ENGINES` has wins.
    :raises SettingError: for a URL that cannot be used.
    """
    configured = dict(app.config.get("SQLALCHEMY_ENGINES", {}))
    for name in metadatas.keys() - configured.keys():
        configured[name] = database_url(name, app.config)
    app.config["SQLALCHEMY_ENGINES"] = configured
    db.init_app(app)
    with app.app_context():
        for engine in engines().values():
            prepare_engine(engine)
        # One session for all: each model leads to its own database.
        binds = {bases[name]: engine for name, engine in engines().items()}
        db.sessionmaker.configure(binds=binds)


def engines() -> dict[str, Engine]:
    """Return the current app's engines by database name, as `metadatas` has them."""
    return {name: db.engines[name] for name in metadatas}
