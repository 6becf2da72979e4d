"""The migrations of this app as functions: `migrations.upgrade()` and the others.

This is all that the library in `alembic_lossless` knows of the app.
"""

import logging
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from alembic_lossless import Migrations, Project, Settings, import_modules
from sqlalchemy import URL, Engine

from .. import settings
from ..engines import metadatas

FOLDER = Path(__file__).resolve().parent
APP = __name__.rpartition(".")[0]


def app_engines() -> Mapping[str, Engine] | None:
    """Return the databases of the running app; None where no app runs."""
    # Imported here: `alembic` runs no app, and needs no Flask to run revisions.
    from flask import has_app_context

    from ..db import engines

    if not has_app_context():
        return None
    for name, engine in engines().items():
        warn_of_file(name, engine.url)
    return engines()


def url_of(name: str) -> URL:
    """Return the URL of a database where no app runs."""
    url = settings.database_url(name, make_folder=True)
    warn_of_file(name, url)
    return url


@cache
def warn_of_file(name: str, url: URL) -> None:
    """Say once which SQLite file is used where production has a server."""
    if unset := settings.unset_server(name, url):
        said = "%s is not set: SQLite is used, %s"
        logging.getLogger(APP).warning(said, unset, url.database)


project = Project(
    folder=FOLDER,
    ini=settings.PROJECT / "alembic.ini",
    metadatas=metadatas,
    import_models=lambda: import_modules(APP),
    url=url_of,
    source=settings.url_variable,
    engines=app_engines,
    runs_on=settings.RUNS_ON,
    settings=Settings(settings.variables, settings.PREFIX),
)
migrations = Migrations(project)
