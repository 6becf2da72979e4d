"""The migrations of a project without an app."""

import os
from pathlib import Path

from alembic_lossless import Migrations, Project, Settings, import_modules
from sqlalchemy import URL, make_url

from ..db import metadatas

ROOT = Path(__file__).resolve().parent.parent.parent
PREFIX = "FRIEND_BOOK_"
DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}


def variable(name: str) -> str:
    """Return the variable that holds the URL of a database."""
    middle = "" if name == "default" else f"{name.upper()}_"
    return f"{PREFIX}{middle}DATABASE_URL"


def url(name: str) -> URL:
    """Return the URL of a database, a file in the project by default."""
    found = make_url(os.environ.get(variable(name), f"sqlite:///{ROOT}/{name}.db"))
    return found.set(drivername=DRIVERS.get(found.drivername, found.drivername))


def values() -> dict[str, str]:
    """Return the settings without their prefix."""
    return {name.removeprefix(PREFIX): value for name, value in os.environ.items()}


project = Project(
    folder=Path(__file__).resolve().parent,
    ini=ROOT / "alembic.ini",
    metadatas=metadatas,
    import_models=lambda: import_modules("friend_book"),
    url=url,
    source=variable,
    settings=Settings(values, PREFIX),
)
migrations = Migrations(project)
