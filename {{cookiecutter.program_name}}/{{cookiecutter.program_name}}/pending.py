"""Debug mode only: a page, and a button, while models and database differ."""

from typing import Any

from flask import (
    Blueprint,
    Flask,
    abort,
    current_app,
    redirect,
    render_template,
    request,
)
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from werkzeug.sansio.utils import host_is_trusted
from werkzeug.wrappers import Response

from .errors import asks_for_json
from .migrations import migrations

blueprint = Blueprint("pending", __name__)
THIS_MACHINE = [".localhost", "127.0.0.1"]
MISSING = (OperationalError, ProgrammingError)
"""What a table or a column that is not there is called, whatever the database."""


def init_app(app: Flask) -> None:
    """Explain a database's error where a developer would see a traceback."""
    app.register_blueprint(blueprint)
    app.register_error_handler(DBAPIError, explain)


def explain(error: DBAPIError) -> tuple[str | dict[str, Any], int]:
    """Name the pending migrations, or what differs while nothing is drafted yet.

    :param error: what the database said; it goes on when neither is the cause.
    """
    try:
        pending = migrations.pending()
        drafted = pending or not isinstance(error, MISSING)
        found = None if drafted else migrations.differences()
    except Exception:  # noqa: BLE001  the first error says more than a second one
        raise error from None
    if not pending and not found:
        raise error
    # Below its first line, what `check` says has one for each difference.
    lines = [line.strip() for line in str(found or "").splitlines()[1:]]
    revisions = [f"{script.revision} {script.doc}" for script in pending]
    return _answer(revisions, lines), 503


@blueprint.post("/pending/upgrade")
def upgrade() -> Response:
    """Run the pending migrations, and show the first page."""
    from alembic.util import CommandError  # noqa: PLC0415  slow, and rarely needed

    if not _asked_here():
        abort(403, "Only a browser on this machine may upgrade: flask db upgrade")
    try:
        migrations.upgrade("heads")
    except CommandError as error:
        abort(500, str(error))
    return redirect(f"{request.script_root}/", 303)


def _answer(revisions: list[str], differences: list[str]) -> str | dict[str, Any]:
    if asks_for_json():
        commands = "flask db upgrade" if revisions else "flask db migrate"
        error = f"The models and the database differ. Next: {commands}"
        return {"error": error, "pending": revisions, "differences": differences}
    return render_template(
        "pending.html",
        pending=revisions,
        differences=differences,
        button=_asked_here(),
    )


def _asked_here() -> bool:
    """Say whether the address is this machine's own, or one that the settings trust.

    A name that another site has pointed at this machine, "DNS rebinding", is neither.
    """
    trusted = [*THIS_MACHINE, *(current_app.config["TRUSTED_HOSTS"] or ())]
    return host_is_trusted(request.headers.get("Host"), trusted)
