"""What a platform asks: whether the app runs, and whether it can serve."""

from collections.abc import Set as AbstractSet
from functools import cache
from typing import Any

from flask import Blueprint, current_app
from sqlalchemy.exc import SQLAlchemyError

from .db import engines
from .engines import metadatas
from .migrations import migrations
from .settings import SettingError, unset_server

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive() -> dict[str, str]:
    """Say that the process answers; a platform restarts it when it does not."""
    return {"status": "ok"}


@blueprint.get("/readyz")
def ready() -> tuple[dict[str, Any], int]:
    """Say whether each database can be reached and has all migrations."""
    problems = {name: problem for name in metadatas if (problem := _problem(name))}
    if problems:
        return {"status": "not ready", "databases": problems}, 503
    return {"status": "ok"}, 200


def _problem(name: str) -> str | None:
    """Return what is wrong with a database; a driver's own words could hold a password.

    While a new version is rolled out, the old one meets a database that is ahead of it:
    it goes on serving, or every deployment with a migration would be an outage.
    """
    unset = unset_server(name, engines()[name].url)
    if unset and not (current_app.debug or current_app.testing):
        return f"{unset} is not set."
    try:
        stamped = set(migrations.stamped(name))
    except (SettingError, SQLAlchemyError) as error:
        return f"The database cannot be reached ({type(error).__name__})."
    # A process that serves sees no new files, but a developer drafts beside it.
    known, ready = _revisions() if current_app.debug else _cached_revisions()
    if stamped in ready or stamped - known:
        return None
    return f"The database is at {_listed(stamped)} and must be at {_listed(ready[0])}."


def _revisions() -> tuple[set[str], tuple[frozenset[str], ...]]:
    """Return all revisions, and where a database may be while this version serves."""
    everything = {script.revision for script in migrations.history()}
    return everything, migrations.ready_at()


_cached_revisions = cache(_revisions)


def _listed(revisions: AbstractSet[str]) -> str:
    return ", ".join(sorted(revisions)) or "no revision"
