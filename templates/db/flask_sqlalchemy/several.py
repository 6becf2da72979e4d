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
# A session finds the engine of a table by what its metadata says.
for name in metadatas.keys() - {"default"}:
    metadatas[name].info["bind_key"] = name
    db.metadatas[name] = metadatas[name]

if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


class AuthModel(Model):
    """What every model of the database `auth` has."""

    __abstract__ = True
    __bind_key__ = "auth"


def init_app(app: Flask) -> None:
    """Connect the app to its databases: `DATABASE_URL`, `AUTH_DATABASE_URL`.

    :param app: an app; its own `SQLALCHEMY_DATABASE_URI` and `SQLALCHEMY_BINDS` win.
    :raises SettingError: for a URL that cannot be used.
    """
    binds = dict(app.config.get("SQLALCHEMY_BINDS", {}))
    if "SQLALCHEMY_DATABASE_URI" in app.config:
        binds["default"] = app.config["SQLALCHEMY_DATABASE_URI"]
    for name in metadatas.keys() - binds.keys():
        binds[name] = database_url(name, app.config)
    app.config["SQLALCHEMY_DATABASE_URI"] = binds.pop("default")
    app.config["SQLALCHEMY_BINDS"] = binds
    db.init_app(app)
    with app.app_context():
        for engine in engines().values():
            prepare_engine(engine)


def engines() -> dict[str, Engine]:
    """Return the current app's engines by database name, as `metadatas` has them."""
    keys = {name: None if name == "default" else name for name in metadatas}
    return {name: db.engines[key] for name, key in keys.items()}
