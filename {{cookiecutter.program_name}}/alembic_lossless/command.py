"""The commands that Alembic does not have, in the form of `alembic.command`."""

import sys
from itertools import chain
from typing import Any

from alembic.config import Config
from alembic.util import CommandError

from . import diagram as diagrams
from . import reports
from .api import Migrations
from .config import program_of
from .env import lists_of_metadata


def lint(config: Config) -> None:
    """Say whom revisions would stop, for how long, and how not to."""
    from .lint.report import FORMATS, WRITES_NOTHING  # noqa: PLC0415  one command's

    migrations: Migrations = config.attributes["migrations"]
    options: Any = config.cmd_opts
    names = [options.database] if options.database else [*migrations.project.names]
    urls = {name: migrations.database(name).url for name in names}
    if options.dialect is None:
        names = [it for it in names if urls[it].get_backend_name() != "sqlite"]
    if not names:
        raise CommandError(WRITES_NOTHING.format(prog=options.prog))
    found = []
    for name in names:
        found += migrations.lint(options.range, dialect=options.dialect, database=name)
    for line in FORMATS[options.format](found):
        config.print_stdout("%s", line)
    if any(revision.findings for revision in found):
        sys.exit(1)


def status(config: Config) -> None:
    """Show the database, each revision as applied or pending, and what check says."""
    migrations: Migrations = config.attributes["migrations"]
    for line in reports.text(migrations, program_of(config)):
        config.print_stdout("%s", line)


def diagram(config: Config) -> None:
    """Show the models as a Mermaid diagram of entities, for a README."""
    found = lists_of_metadata(config.attributes["migrations"].project)
    config.print_stdout("%s", diagrams.diagram(chain(*found.values())))


def as_json(migrations: Migrations, name: str) -> int:
    """Print the report of a command as JSON, and return its exit status."""
    if name == "history":
        sys.stdout.write(f"{reports.as_json(reports.history(migrations))}\n")
        return 0
    found = reports.check(migrations) if name == "check" else reports.report(migrations)
    sys.stdout.write(f"{reports.as_json(found)}\n")
    return reports.STATUSES[found["state"]]
