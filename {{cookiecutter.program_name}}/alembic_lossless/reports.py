"""Where the databases are and whether the models moved on: for people, and as JSON.

What the JSON holds only grows, and the exit statuses stay: a script may rely on both.
"""

import json
from collections.abc import Iterator
from typing import Any

from alembic.script import Script
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from .config import merge_command
from .migrations import Migrations
from .runtime.causes import explain

STATUSES = {"clean": 0, "pending": 3, "drift": 4, "two heads": 5, "stopped": 6}
"""The state that a report is about, the worst that there is -> its exit status."""


def report(migrations: Migrations) -> dict[str, Any]:
    """Return what `status --json` prints.

    :raises CommandError: for a database that cannot be read.
    """
    databases = {name: _report_of(migrations, name) for name in migrations.names()}
    heads = [script.revision for script in migrations.heads()]
    found = {
        "databases": databases,
        "heads": heads,
        "differences": None,
    }
    if any(it["stopped"] for it in databases.values()):
        return {"state": "stopped", **found}
    if len(heads) > 1:
        return {"state": "two heads", **found}
    if any(it["pending"] for it in databases.values()):
        return {"state": "pending", **found}
    differences = migrations.differences()
    lines = str(differences).splitlines()[1:] if differences else []
    found["differences"] = [line.strip() for line in lines]
    return {"state": "drift" if lines else "clean", **found}


def _report_of(migrations: Migrations, name: str) -> dict[str, Any]:
    database = migrations.database(name)
    try:
        return {
            "url": database.url.render_as_string(),
            "at": list(migrations.stamped(name)),
            "pending": [script.revision for script in migrations.pending(name)],
            "stopped": migrations.stopped(name),
        }
    except DBAPIError as error:
        known = explain(error.orig, database.url, migrations.project.settings)
        label = name if len(migrations.names()) > 1 else "Database"
        raise CommandError(known.about(label)) from error


def text(migrations: Migrations, prog: str) -> Iterator[str]:
    """Yield the lines of `status`: the last ones say what to type next.

    :param prog: the name of the command, such as "flask db".
    """
    found = report(migrations)
    several = len(found["databases"]) > 1
    for name, database in found["databases"].items():
        yield f"{name if several else 'Database'}: {database['url']}"
        for script in migrations.history():
            mark = "pending" if script.revision in database["pending"] else "applied"
            mark = "stopped" if script.revision == database["stopped"] else mark
            yield f"  {mark}  {script.revision}  {script.doc}"
        if half := database["stopped"]:
            yield f"{half} stopped in the middle: an upgrade says what to do"
    yield from _models(found, prog)


def _models(found: dict[str, Any], prog: str) -> Iterator[str]:
    differences = found["differences"]
    match found["state"]:
        case "clean":
            yield "Models: match the database"
        case "drift":
            count = len(differences)
            many = "1 difference" if count == 1 else f"{count} differences"
            yield f"Models: {many} between the models and the database:"
            yield from (f"  {line}" for line in differences)
            yield f'Next: {prog} migrate -m "…"'
        case "two heads":
            heads = found["heads"]
            yield f"Models: not compared while {' and '.join(heads)} are two heads"
            yield f"Next: {merge_command(prog, heads)}"
        case _:
            yield "Models: not compared while revisions are pending"
            yield f"Next: {prog} upgrade"


def check(migrations: Migrations) -> dict[str, Any]:
    """Return what `check --json` prints."""
    found = report(migrations)
    return {"state": found["state"], "differences": found["differences"]}


def history(migrations: Migrations) -> list[dict[str, Any]]:
    """Return what `history --json` prints: the revisions, newest first."""
    return [_revision(script) for script in migrations.history()]


def _revision(script: Script) -> dict[str, Any]:
    down = script.down_revision or ()
    return {
        "revision": script.revision,
        "down_revisions": [down] if isinstance(down, str) else list(down),
        "message": script.doc,
        "branch_labels": sorted(script.branch_labels),
        "is_head": script.is_head,
        "path": script.path,
    }


def as_json(found: object) -> str:
    """Return a report as it is printed."""
    return json.dumps(found, indent=2, ensure_ascii=False)
