"""Whether the app runs, whether it can serve, and in debug mode what it waits for."""

from functools import cache
from typing import Any

from flask import Blueprint, Flask, render_template
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from . import migrations
from .db import metadatas
from .settings import SettingError

blueprint = Blueprint("health", __name__)


def init_app(app: Flask) -> None:
    """Add the addresses that a platform asks, and the page for the developer."""
    app.register_blueprint(blueprint)
    if app.debug:
        app.register_error_handler(DBAPIError, explain_pending)


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


def explain_pending(error: DBAPIError) -> tuple[str, int]:
    """Name the pending migrations where a missing table would be a traceback.

    :param error: what the database said; it goes on when migrations are not the cause.
    """
    try:
        pending = migrations.pending()
    except Exception:  # noqa: BLE001  the first error says more than a second one
        raise error from None
    if not pending:
        raise error
    return render_template("pending.html", pending=pending), 503


def _problem(name: str) -> str | None:
    """Return what is wrong with a database; a driver's own words could hold a password.

    While a new version is rolled out, the old one meets a database that is ahead of it:
    it goes on serving, or every deployment with a migration would be an outage.
    """
    try:
        stamped = set(migrations.stamped(name))
    except (SettingError, SQLAlchemyError) as error:
        return f"The database cannot be reached ({type(error).__name__})."
    known, newest = _revisions()
    if stamped == newest or stamped - known:
        return None
    return f"The database is at {_listed(stamped)} and must be at {_listed(newest)}."


@cache
def _revisions() -> tuple[set[str], set[str]]:
    """Return all revisions and the newest: a process that serves sees no new files."""
    everything = {script.revision for script in migrations.history()}
    return everything, {script.revision for script in migrations.heads()}


def _listed(revisions: set[str]) -> str:
    return ", ".join(sorted(revisions)) or "no revision"
