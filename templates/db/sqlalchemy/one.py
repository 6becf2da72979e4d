"""The database layer, plain SQLAlchemy: nothing else in the app knows which it is."""

from flask import Flask, current_app, g
from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import StaticPool

from .engines import metadatas, prepare_engine
from .settings import database_url


class Model(DeclarativeBase):
    """What every model has."""

    metadata = metadatas["default"]


class Database:
    """The engine of the current app, and one session for each app context."""

    @property
    def engine(self) -> Engine:
        """The engine of the current app."""
        return engines()["default"]

    @property
    def session(self) -> Session:
        """The session of the current app context, closed when the context ends."""
        if "db_session" not in g:
            g.db_session = Session(self.engine)
        session: Session = g.db_session
        return session


db = Database()


def init_app(app: Flask) -> None:
    """Connect the app to the database that `DATABASE_URL` in its configuration names.

    :param app: an app.
    :raises SettingError: for a URL that cannot be used.
    """
    engine = _make_engine(database_url("default", app.config))
    app.extensions["engines"] = {"default": engine}
    app.teardown_appcontext(_close_session)


def engines() -> dict[str, Engine]:
    """Return the current app's engines by database name, as `metadatas` has them."""
    found: dict[str, Engine] = current_app.extensions["engines"]
    return found


def _make_engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}:
        # A database in memory is its connection: all threads share the one.
        threads = {"check_same_thread": False}
        engine = create_engine(url, poolclass=StaticPool, connect_args=threads)
    else:
        engine = create_engine(url, pool_pre_ping=True)
    prepare_engine(engine)
    return engine


def _close_session(_error: BaseException | None) -> None:
    session: Session | None = g.pop("db_session", None)
    if session is not None:
        session.close()
