"""Alembic's own command line on the databases of a project, and `status`."""

import logging
from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import Any

from alembic import config
from alembic.config import Config
from alembic.util import CommandError, err
from sqlalchemy.exc import DBAPIError

from .api import Migrations
from .config import config_of, insist_on_source_tree
from .runtime.causes import explain
from .runtime.starting import wait_until_started

DEFAULTS: dict[str, dict[str, Any]] = {
    "downgrade": {"revision": "-1"},
    "edit": {"rev": "head"},
    "merge": {"revisions": ["heads"]},
    "show": {"rev": "head"},
    "stamp": {"revisions": ["head"]},
    "upgrade": {"revision": "head"},
}
"""What a command takes for an argument that is left out, as in Flask-Migrate."""

DRAFT = "Create a revision file of what the models have and the database lacks."

WRITERS = {"edit", "merge", "revision"}
"""The functions that need a source tree; `migrate` runs `revision`."""


class CommandLine(config.CommandLine):
    """Alembic's command line, and what Flask's users look for in it."""

    # The one private name used here: the options of positional arguments.
    _POSITIONAL_OPTS = {  # noqa: RUF012  Alembic's own declares no ClassVar
        "directory": {"nargs": "?", "help": "where to write an environment"},
        "rev": {"nargs": "?", "help": "a revision (default: %(default)s)"},
        "revision": {
            "nargs": "?",
            "help": "a revision, or a number of them such as +1 or -1"
            " (default: %(default)s)",
        },
        "revisions": {"nargs": "*", "help": "revisions (default: %(default)s)"},
    }

    def __init__(self, prog: str) -> None:
        """Add what Alembic does not have.

        :param prog: the name of the command, such as "flask db".
        """
        super().__init__(prog)
        self.parser.description = "Migrate the app's database with Alembic."
        self.subparsers.metavar = "COMMAND"
        self.register_command(status)
        self.subparsers.add_parser(
            "migrate",
            parents=[self.subparsers.choices["revision"]],
            add_help=False,  # the parent's is enough
            help=DRAFT,
            description=DRAFT,
        ).set_defaults(drafts=True)  # `autogenerate` would be the default of both
        self.subparsers.choices["upgrade"].add_argument(
            "--wait",
            nargs="?",
            type=float,
            const=60.0,
            metavar="SECONDS",
            help="Wait for a database that is still starting, at most this long"
            " (default: %(const)s)",
        )

    def register_command(self, fn: config.CommandFunction) -> None:
        """Add a command with its defaults, and `-x` after its name too."""
        super().register_command(fn)
        parser = self.subparsers.choices[fn.__name__]
        parser.description = (fn.__doc__ or "").strip().split("\n\n")[0]
        parser.set_defaults(**DEFAULTS.get(fn.__name__, {}))
        parser.add_argument(
            "-x",
            action="append",
            dest="late_x",
            metavar="NAME=VALUE",
            help="An answer to a question of a draft, or another argument of env.py",
        )


def run(migrations: Migrations, arguments: Sequence[str], prog: str) -> None:
    """Run one command and exit like Alembic: 0, or a line that says what is wrong.

    :param migrations: what it works on.
    :param arguments: what was typed after `prog`.
    :param prog: the name of the command in its help, such as "flask db".
    """
    line = CommandLine(prog)
    options = line.parser.parse_args(arguments or ["--help"])
    if "cmd" not in options:
        line.parser.error("a command is missing")
    options.prog = prog
    if "drafts" in options:
        options.autogenerate = True
    options.x = [*(options.x or []), *(options.late_x or [])] or None
    try:
        alembic = _prepare(migrations, options)
    except CommandError as error:
        err(str(error))
    else:
        line.run_cmd(alembic, options)


def _prepare(migrations: Migrations, options: Namespace) -> Config:
    """Return the configuration of a command that may start.

    :raises CommandError: when it may not.
    """
    project = migrations.project
    name = options.cmd[0].__name__
    if name == "init" and not options.directory:
        raise CommandError(
            f"There is nothing to set up: {project.folder} has the migrations."
            f' Next: {options.prog} migrate -m "…"'
        )
    if name in WRITERS:
        insist_on_source_tree(project)
    alembic = config_of(options, project)
    alembic.attributes["migrations"] = migrations
    alembic.attributes["connection"] = migrations.databases()
    if getattr(options, "wait", None):
        databases = [migrations.database(name) for name in migrations.names()]
        wait_until_started(databases, options.wait)
    if not alembic.config_file_name and name != "status":
        _log_to_terminal()
    return alembic


def _log_to_terminal() -> None:
    """Say what Alembic does, as alembic.ini does where there is one."""
    logging.basicConfig(format="%(levelname)-7s [%(name)s] %(message)s")
    logging.getLogger("alembic").setLevel(logging.INFO)
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)


def status(config: Config) -> None:
    """Show the database, each revision as applied or pending, and what check says."""
    migrations: Migrations = config.attributes["migrations"]
    names = migrations.names()
    for name in names:
        label = name if len(names) > 1 else "Database"
        for line in _status_lines(migrations, name, label):
            config.print_stdout(line)
    prog = getattr(config.cmd_opts, "prog", "")
    config.print_stdout(f"Models: {_models(migrations, prog)}")


def _status_lines(migrations: Migrations, name: str, label: str) -> Iterator[str]:
    url = migrations.database(name).url
    yield f"{label}: {url}"
    try:
        lacking = {it.revision for it in migrations.pending(name)}
        half = migrations.stopped(name)
    except DBAPIError as error:
        known = explain(error.orig, url, migrations.project.settings)
        raise CommandError(known.about(label)) from error
    for script in migrations.history():
        mark = "pending" if script.revision in lacking else "applied"
        mark = "stopped" if script.revision == half else mark
        yield f"  {mark}  {script.revision}  {script.doc}"
    if half:
        yield f"{half} stopped in the middle: an upgrade says what to do"


def _models(migrations: Migrations, prog: str) -> str:
    if migrations.pending():
        return f"not compared while revisions are pending\nNext: {prog} upgrade"
    found = migrations.differences()
    return f'{found}\nNext: {prog} migrate -m "…"' if found else "match the database"
