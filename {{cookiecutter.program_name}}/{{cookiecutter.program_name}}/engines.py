"""The databases of the app, and what each has, whatever the database layer."""

from typing import Any

from sqlalchemy import Engine, MetaData, event

from .settings import make_data_folder

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Names for all constraints, since a migration cannot drop what has no name.

Source: "The Importance of Naming Constraints" in Alembic's documentation.
"""

metadatas = {
    "default": MetaData(naming_convention=NAMING_CONVENTION),
{% if cookiecutter.databases == "several" %}
    "auth": MetaData(naming_convention=NAMING_CONVENTION),
{% endif %}
}
"""What the migrations look after; a database that is not here is somebody else's.

They stand here, apart from the models: to run revisions, `alembic` needs no Flask.
"""


def prepare_engine(engine: Engine) -> None:
    """Make the app's connections enforce foreign keys, which SQLite leaves off.

    The first one makes the data folder: an app that only starts needs none.

    Source: section 2 of SQLite's documentation of foreign keys.
    """
    if engine.dialect.name == "sqlite":
        event.listen(engine, "do_connect", lambda *_: make_data_folder(engine.url))
        event.listen(engine, "connect", _enforce_foreign_keys)


def _enforce_foreign_keys(dbapi_connection: Any, _record: Any) -> None:
    dbapi_connection.execute("PRAGMA foreign_keys=ON")
