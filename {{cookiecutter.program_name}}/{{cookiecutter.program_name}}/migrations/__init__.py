"""The migrations of this app as functions: `migrations.upgrade()` and the others.

This is all that the library in `alembic_lossless` knows of the app.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from alembic_lossless import Migrations, Project, Settings, import_modules
from sqlalchemy import Engine

from .. import settings
from ..engines import metadatas

FOLDER = Path(__file__).resolve().parent
APP = __name__.rpartition(".")[0]


def app_engines() -> Mapping[str, Engine] | None:
    """Return the databases of the running app; None where no app runs."""
    # Imported here: `alembic` runs no app, and needs no Flask to run revisions.
    from flask import has_app_context

    from ..db import engines

    return engines() if has_app_context() else None


project = Project(
    folder=FOLDER,
    ini=settings.PROJECT / "alembic.ini",
    metadatas=metadatas,
    import_models=lambda: import_modules(APP),
    url=partial(settings.database_url, make_folder=True),
    source=settings.url_variable,
    engines=app_engines,
    runs_on=("{{ cookiecutter.database }}",),
    settings=Settings(settings.variables, settings.PREFIX),
)
migrations = Migrations(project)
