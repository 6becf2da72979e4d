"""`flask db status`: where each database is, and whether the models moved on."""

from collections.abc import Iterator, Mapping

from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from .commands import differences
from .configuration import Databases
from .safety.causes import cause, fix
from .state import history, pending, stopped


def status(config: Config) -> None:
    """Show the database, each revision as applied or pending, and what check says."""
    databases: Databases = config.attributes["connection"]
    several = databases if isinstance(databases, Mapping) else {"Database": databases}
    for name, database in several.items():
        for line in _revisions(name, database):
            config.print_stdout(line)
    prog = getattr(config.cmd_opts, "prog", "")
    config.print_stdout(f"Models: {_models(databases, prog)}")


def _revisions(name: str, database: Connection | Engine) -> Iterator[str]:
    url = database.engine.url
    yield f"{name}: {url}"
    try:
        lacking = {script.revision for script in pending(connection=database)}
        half = stopped(connection=database)
    except DBAPIError as error:
        lines = [f"{name}: {cause(error.orig, url)}.", *fix(error.orig, url)]
        raise CommandError("\n".join(lines)) from error
    for script in history():
        mark = "pending" if script.revision in lacking else "applied"
        mark = "stopped" if script.revision == half else mark
        yield f"  {mark}  {script.revision}  {script.doc}"
    if half:
        yield f"{half} stopped in the middle: an upgrade says what to do"


def _models(databases: Databases, prog: str) -> str:
    if pending(connection=databases):
        return f"not compared while revisions are pending\nNext: {prog} upgrade"
    found = differences(databases)
    return f'{found}\nNext: {prog} migrate -m "…"' if found else "match the database"
