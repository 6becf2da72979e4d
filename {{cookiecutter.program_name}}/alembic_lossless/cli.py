"""Alembic's own command line on the databases of a project, and more commands."""

import logging
import re
import sys
from argparse import ArgumentError, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

from alembic import config
from alembic.config import Config
from alembic.script.revision import ResolutionError, RevisionError
from alembic.util import CommandError, messaging
from sqlalchemy.exc import DBAPIError

from . import adoption, lockfile, reports
from ._alembic import revisions_read_by
from .config import insist_on_source_tree, typed_config
from .diagram import diagram_of, diagram_of_changes, graph_of, tables_at
from .discovery import Discovered
from .env import lists_of_metadata
from .migrations import Migrations
from .project import production_server, said
from .replaced import FOLDER, in_use, stood_for
from .runtime.connect import explained, opened, wait_until_started
from .runtime.errors import join, traceback_location
from .runtime.several import among, asked, few
from .urls import printable

Argument = tuple[tuple[str, ...], dict[str, Any]]
"""What argparse is given for an argument: its names, and how it is read."""

Command = Callable[[Migrations, Any], Iterator[str]]
"""Does what a command is for, and yields the lines that it prints."""

COMMANDS: list[tuple[config.CommandFunction, tuple[Argument, ...]]] = []
"""The commands that Alembic does not have, and their arguments."""


def argument(*names: str, **options: Any) -> Argument:
    """Return an argument, as argparse's `add_argument` takes it."""
    return names, options


def command(*arguments: Argument) -> Callable[[Command], Command]:
    """Declare that a function is a command of its name; its docstring is the help."""

    def declare(function: Command) -> Command:
        def run(config: Config) -> None:
            lines = function(config.attributes["migrations"], config.cmd_opts)
            for line in lines:
                config.print_stdout("%s", line)

        run.__name__, run.__doc__ = function.__name__, function.__doc__
        made: Any = run
        COMMANDS.append((made, arguments))
        return function

    return declare


FORMAT_JSON = argument(
    "--json", dest="format", action="store_const", const="json", help="JSON"
)


def _format(*choices: str) -> Argument:
    told = "how to say it (default: %(default)s)"
    return argument("--format", choices=choices, default="text", help=told)


@command()
def status(migrations: Migrations, options: Any) -> Iterator[str]:
    """Show the database, each revision as applied or pending, and what check says."""
    yield from reports.text(migrations, options.prog, asked(options.x or ()))


@command(
    argument(
        "revision_or_range",
        nargs="?",
        metavar="REVISION",
        help="a revision, or two as 1a2b..head (default: the models)",
    )
)
def diagram(migrations: Migrations, options: Any) -> Iterator[str]:
    """Show the models, or the tables at a revision, as a Mermaid diagram of entities.

    1a2b: what the revisions up to it declare; 1a2b..head: what changes between two.
    """
    given = options.revision_or_range
    if given is None:
        found = chain(*lists_of_metadata(migrations.project).values())
        yield diagram_of(it for metadata in found for it in metadata.tables.values())
        return
    old, between, new = given.partition("..")
    if not between:
        yield diagram_of(tables_at(migrations, given))
        return
    before, after = (tables_at(migrations, it or "head") for it in (old, new))
    yield diagram_of_changes(before, after)


@command()
def lock(migrations: Migrations, _options: Any) -> Iterator[str]:
    """Write history.lock anew: what each revision follows and declares."""
    yield f"Written: {migrations.lock()}"


@command(
    argument(
        "range",
        nargs="?",
        help="revisions, such as 1a2b:head or 1a2b (default: all)",
    ),
    _format("text", "json", "github"),
    FORMAT_JSON,
    argument(
        "--dialect",
        choices=("postgresql", "mariadb", "mysql"),
        help="what the revisions will run on (default: what the project runs on)",
    ),
    argument("--database", help="one of several databases, by its name"),
    argument(
        "--estimate",
        action="store_true",
        help="ask the database how large its tables are, and say how long others would"
        " wait",
    ),
)
def lint(migrations: Migrations, options: Any) -> Iterator[str]:
    """Say whom revisions would stop, for how long, and how not to."""
    from .lint.runner import FORMATS, WRITES_NOTHING  # noqa: PLC0415  one command's

    names = [options.database] if options.database else [*migrations.project.names]
    project, urls = migrations.project, (migrations.database(it).url for it in names)
    backends = dict(zip(names, (url.get_backend_name() for url in urls), strict=True))
    if options.dialect is None:
        served = {it: production_server(backends[it], project.runs_on) for it in names}
        names = [name for name in names if served[name] != "sqlite"]
    if not names:
        raise CommandError(WRITES_NOTHING.format(prog=options.prog))
    found = []
    for name in names:
        found += migrations.lint(
            options.range,
            dialect=options.dialect,
            database=name,
            estimate=options.estimate,
        )
    yield from FORMATS[options.format](found)
    if any(revision.findings for revision in found):
        sys.exit(1)


@command(
    argument(
        "revision",
        nargs="?",
        default="head",
        help="the revision to stop at (default: %(default)s)",
    ),
    argument(
        "--from",
        dest="dump",
        type=Path,
        metavar="FILE",
        help="a backup to restore in the place of a copy",
    ),
    argument("--sample", metavar="PERCENT", help="copy so many rows: 10%%"),
    argument("--structure", action="store_true", help="copy the tables and no row"),
    _format("text", "json", "markdown"),
    FORMAT_JSON,
)
def rehearse(migrations: Migrations, options: Any) -> Iterator[str]:
    """Run the pending revisions on a copy of the rows, and compare every value."""
    from .rehearsal.run import FORMATS, LOSSLESS, LOSSY  # noqa: PLC0415  one command's

    share = 0.0 if options.structure else _share(options.sample)
    found = migrations.rehearse(options.revision, dump=options.dump, share=share)
    yield from FORMATS[options.format](found)
    sys.exit(LOSSLESS if all(it.is_lossless for it in found) else LOSSY)


def _share(text: str | None) -> float:
    """Return the share of rows that `--sample` names.

    :raises CommandError: for anything but a percentage above 0 and up to 100.
    """
    try:
        share = float((text or "100%").removesuffix("%")) / 100
    except ValueError:
        share = 0
    if not 0 < share <= 1:
        raise CommandError(f"--sample {text}: write a percentage such as 10%.")
    return share


@command(
    argument("--now", action="store_true", help="what is not due yet, too"),
    argument("--yes", action="store_true", help="ask nothing"),
)
def purge(migrations: Migrations, options: Any) -> Iterator[str]:
    """Drop for good what drafts have set aside, once its day has come."""
    names = migrations.each()
    found = [it for name in names for it in migrations.set_aside(name) if not it.counts]
    due = [it for it in found if options.now or it.is_due]
    if not due:
        for name in names:  # what one left that was killed
            migrations.purge(name, now=options.now)
        kept = ", ".join(f"{it} until {it.until}" for it in found)
        yield f"Nothing is due. Kept: {kept or 'none'}."
        return
    yield from (f"  {it}, kept until {it.until}" for it in due)
    if not (options.yes or _says_yes("Drop these for good? [y/N] ", options)):
        raise CommandError("Nothing is dropped.")
    for name in names:
        yield from (f"Dropped {it}." for it in migrations.purge(name, now=options.now))


def _says_yes(question: str, options: Any) -> bool:
    """Ask on the terminal.

    :raises CommandError: where nobody can answer.
    """
    if (reply := _typed(question)) is None:
        now = " --now" if options.now else ""
        told = f"Nothing is dropped. To drop these for good: {options.prog} purge{now}"
        raise CommandError(f"{told} --yes")
    return reply.lower() in {"y", "yes"}


def _typed(question: str) -> str | None:
    """Return what is typed on the terminal, or None where nobody can answer."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip()


SHOWN_CARRIED = 10
"""How many of the revisions that are carried along are named on the terminal."""


@command(
    argument(
        "range",
        nargs="?",
        help="revisions from the one after its begin, such as 1a2b:head, 1a2b or"
        " base:1a2b (default: all)",
    ),
    argument("-m", "--message", help="what the revision is called"),
    argument(
        "--on",
        action="append",
        default=[],
        metavar="URL",
        help="one more server to prove it on; may be repeated",
    ),
)
def squash(migrations: Migrations, options: Any) -> Iterator[str]:
    """Write one revision from many, and prove that both ways make the same."""
    found = migrations.squash(
        options.range, message=options.message, servers=options.on
    )
    yield f"{len(found.replaced)} revisions are one, {found.revision}: {found.path}"
    for revision, why in [*found.carried.items()][:SHOWN_CARRIED]:
        yield f"  carried along as it is: {revision}, {why}"
    if (more := len(found.carried) - SHOWN_CARRIED) > 0:
        yield f"  and {more} more, which the file names"
    for revision in found.without_rows:
        yield f"  left out: {revision}, which changes no row of a new database"
    yield f"Both ways make the same tables and rows on {', '.join(found.proved)}."
    yield from found.notes
    yield (
        f"The old files wait in {FOLDER} for databases in the middle. Delete them when"
        f" every database has passed {found.revision}."
    )


@command(argument("--database", help="one of several databases, by its name"))
def backfill(migrations: Migrations, options: Any) -> Iterator[str]:
    """Give rows the values that revisions left for later, a few at a time."""
    names, chosen = migrations.each(), options.database
    if chosen not in {None, *names}:
        raise CommandError(f"--database {chosen}: there are {few(names)}.")
    done = [migrations.backfill(it) for it in ([chosen] if chosen else names)]
    for found in done:
        for column, count in found.items():
            yield f"{column}: {count} rows have their value."
    if not any(done):
        yield "No backfill is open."


@command(
    argument(
        "mine",
        nargs="?",
        metavar="REVISION",
        help="the head that is yours (default: the one that git's main lacks)",
    ),
    argument(
        "--published",
        action="append",
        default=[],
        metavar="REVISION",
        help="a revision that others have, with all that it builds on",
    ),
)
def rebase(migrations: Migrations, options: Any) -> Iterator[str]:
    """Put my revisions behind theirs, where two branches each added some."""
    from .rebase import rebase as put_behind  # noqa: PLC0415  one command's

    drop = [it.removeprefix("drop=") for it in options.x or () if it[:5] == "drop="]
    found = put_behind(
        migrations,
        mine=options.mine,
        published=options.published,
        drop=drop,
        program=options.prog,
    )
    yield f"Behind {found.onto} now: {', '.join(found.moved)}"
    for name in found.again:
        yield f"Undone and run again: {name or 'the database'}"
    yield from (f"Written: {path}" for path in found.files)
    if not found.again:
        yield f"Next: {options.prog} upgrade"


@command(
    argument(
        "-m",
        "--message",
        default="baseline",
        help="what the revision is called (default: %(default)s)",
    )
)
def baseline(migrations: Migrations, options: Any) -> Iterator[str]:
    """Begin the history of a database that has the tables of the models already."""
    made = migrations.baseline(options.message)
    yield f"Written: {made.path}"
    for name in migrations.names():
        url = printable(migrations.database(name).url)
        yield f"{url} is as the models are, and at {made.revision}"


@command(
    argument("--write", action="store_true", help="write the change"),
    argument(
        "--check",
        action="store_true",
        help="say what changes and what stays; exit with 1 when something changes",
    ),
    argument(
        "--compare",
        action="store_true",
        help="say what differs between history, database and models",
    ),
    argument(
        "--accept",
        action="store_true",
        help="let what differs between database and models stay as it is",
    ),
)
def adopt(migrations: Migrations, options: Any) -> Iterator[str]:
    """Change env.py so that it uses the library: show the change, or write it."""
    path = migrations.folder / "env.py"
    found = adoption.read(path)
    if not (found.problems or options.check):
        yield from adoption.difference(path, found)
    yield from adoption.report(path, found, changes=options.check)
    if not (found.problems or found.changes):
        yield f"{path} uses alembic_lossless: nothing is to be changed."
    if found.problems or options.check:
        sys.exit(bool(found.problems or found.changes))
    if found.changes and not options.write:
        yield f"Next: {options.prog} adopt --write"
    if found.changes and options.write:
        adoption.write(path, found.text)
        yield f"Written: {path}"
    if options.compare or options.accept or (found.changes and options.write):
        yield from _compared(migrations, options)


def _compared(migrations: Migrations, options: Any) -> Iterator[str]:
    """Say what differs between history, database and models, after an adoption.

    :raises CommandError: where that was asked for, and cannot be told.
    """
    try:
        if isinstance(migrations, Discovered):
            migrations = _discovered(options, runs=True)
        found = reports.report(migrations)
        if options.accept and found["state"] == "drift":
            migrations.differences(accept=True)
            from .autogenerate.differences import FILE  # noqa: PLC0415  one command's

            yield f"Accepted, a line of {migrations.folder / FILE} for each:"
            yield from (f"  {line}" for line in found["differences"])
            found = reports.report(migrations)
    except Exception as error:
        if options.compare or options.accept:
            raise
        told = str(error) if isinstance(error, CommandError) else said(error)
        yield f"History, database and models: {told}"
        yield f"Next: {options.prog} adopt --compare"
        return
    for name, database in found["databases"].items():
        at = ", ".join(database["at"]) or "no revision"
        yield f"{name or 'Database'}: {database['url']} at {at}"
    yield from reports.models(found, options.prog)
    if found["state"] == "drift":
        yield f"  or, where all were there and may stay: {options.prog} adopt --accept"


def draw(config: Config, rev_range: str | None) -> None:
    """Draw the history on the terminal, or into a file.

    :raises CommandError: for a file that cannot be written.
    """
    options: Any = config.cmd_opts
    graph = graph_of(config.attributes["migrations"], rev_range)
    if options.svg is None:
        for line in graph.lines():
            config.print_stdout("%s", line)
    else:
        lockfile.replace(options.svg, graph.svg().encode())
    for line in graph.notes:
        sys.stderr.write(f"{line}\n")


REPORTS: dict[str, Callable[[Migrations, Namespace], Any]] = {
    "branches": lambda it, _: [
        reports.revision(each) for each in it.history() if each.is_branch_point
    ],
    "check": lambda it, options: reports.check(it, asked(options.x or ())),
    "current": lambda it, options: reports.current(it, asked(options.x or ())),
    "heads": lambda it, _: [*map(reports.revision, it.heads())],
    "history": lambda it, _: [*map(reports.revision, it.history())],
    "show": lambda it, options: reports.revision(it.script().get_revision(options.rev)),
    "status": lambda it, options: reports.report(it, asked(options.x or ())),
}
"""What the commands that show something print with `--json`."""


def as_json(migrations: Migrations, options: Namespace) -> int:
    """Print the report of a command as JSON, and return its exit status."""
    found = REPORTS[options.cmd[0].__name__](migrations, options)
    sys.stdout.write(f"{reports.as_json(found)}\n")
    return reports.STATUSES[found["state"]] if "state" in found else 0


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

MERGEABLE = 2
"""How many heads a merge joins, at least."""


MORE: dict[str, tuple[Argument, ...]] = {
    "history": (
        argument(
            "--graph",
            action="store_true",
            help="Draw the branches, and what is applied where",
        ),
        argument(
            "--svg", type=Path, metavar="FILE", help="Draw them into a file of SVG"
        ),
    ),
    "upgrade": (
        argument(
            "--before",
            action="store_true",
            help="Stop before the first revision that must wait until the new version"
            " of the app is deployed",
        ),
        argument(
            "--end-blockers-after",
            type=float,
            metavar="SECONDS",
            help="End a session that holds, for longer than this, a lock that the run"
            " waits for",
        ),
        argument(
            "--wait",
            nargs="?",
            type=float,
            const=60.0,
            metavar="SECONDS",
            help="Wait for a database that is still starting, at most this long"
            " (default: %(const)s)",
        ),
    ),
    **dict.fromkeys(
        ("revision", "migrate"),
        (
            argument(
                "words", nargs="?", metavar="MESSAGE", help="the same as --message"
            ),
        ),
    ),
}
"""What commands of Alembic's take beside its own arguments."""

JSON = argument("--json", action="store_true", help="Print JSON, for programs")

ONLY = argument(
    "--only",
    action="append",
    metavar="NAME",
    help="one of several databases or schemas; may be repeated",
)

ON_SOME = (
    *("check", "current", "downgrade", "migrate", "revision", "stamp", "status"),
    "upgrade",
)
"""The commands that can be told to take some databases or schemas alone."""

WRITERS = {"baseline", "edit", "lock", "merge", "rebase", "revision"}
"""The functions that need a source tree; `migrate` runs `revision`."""

WITHOUT_ENVIRONMENT = {"init", "list_templates"}
"""The functions that work where there is no environment."""

WITHOUT_ENV = {"adopt", "branches", "edit", "heads", "history", "lint", "merge", "show"}
"""The functions that do not run env.py, or can do without."""


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
        self.parser.description = "Migrate a database with Alembic, and lose no row."
        self.subparsers.metavar = "COMMAND"
        self._repeat("revision", "migrate", DRAFT, aliases=["draft"]).set_defaults(
            drafts=True  # `autogenerate` would be the default of both
        )
        listing = "The same as list_templates."
        self._repeat("list_templates", "list-templates", listing)
        for function, arguments in COMMANDS:
            self.register_command(function)
            self._add(function.__name__, *arguments)
        for name, arguments in MORE.items():
            self._add(name, *arguments)
        for name in REPORTS:
            self._add(name, JSON)
        for name in ON_SOME:
            self._add(name, ONLY)

    def _repeat(self, known: str, name: str, told: str, **options: Any) -> Any:
        """Add a command that takes what another one does."""
        parents = [self.subparsers.choices[known]]
        return self.subparsers.add_parser(
            name,
            parents=parents,
            add_help=False,  # the parent's is enough
            help=told,
            description=told,
            **options,
        )

    def _add(self, name: str, *arguments: Argument) -> None:
        for names, options in arguments:
            self.subparsers.choices[name].add_argument(*names, **options)

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


def run(migrations: Migrations | None, arguments: Sequence[str], prog: str) -> None:
    """Run one command and exit like Alembic: 0, or a line that says what is wrong.

    :param migrations: what it works on; None for what the command line names.
    :param arguments: what was typed after `prog`.
    :param prog: the name of the command in its help, such as "flask db".
    """
    line = CommandLine(prog)
    options = _parsed(line, arguments or ["--help"])
    if "cmd" not in options:
        line.parser.error("a command is missing")
    options.prog = prog
    if "drafts" in options:
        options.autogenerate = True
    only = (f"database={it}" for it in getattr(options, "only", None) or ())
    options.x = [*(options.x or []), *(options.late_x or []), *only] or None
    # Alembic's own way to print an error fills a terminal with it as one paragraph.
    raises, options.raiseerr = options.raiseerr, True
    # Alembic logs what it prints; no alembic.ini need be there to stop that.
    logging.getLogger("alembic.util.messaging").setLevel(logging.CRITICAL)
    try:
        if migrations is None:
            name = options.cmd[0].__name__
            if name in WITHOUT_ENVIRONMENT:
                line.run_cmd(typed_config(options), options)
                return
            migrations = _discovered(options, runs=name not in WITHOUT_ENV)
        alembic = _prepare(migrations, options)
        if getattr(options, "json", False):
            sys.exit(as_json(migrations, options))
        with revisions_read_by(in_use), _lock_file_kept(migrations, options):
            line.run_cmd(alembic, options)
    except (CommandError, RevisionError) as error:
        if raises:
            raise
        _fail(_squashed(error, migrations) or str(error), options)
    except Exception as error:
        told = migrations and _told(migrations, error)
        if not told or raises:
            raise
        _fail(told, options)


def _told(migrations: Migrations, error: Exception) -> str | None:
    """Say what is wrong in a revision, or with a database, outside of env.py."""
    # A command that runs no env.py, such as heads, reads revisions all the same.
    if place := traceback_location(error, migrations.folder):
        return f"{place}: {said(error)}"
    return _refused(migrations, error) if isinstance(error, DBAPIError) else None


def _refused(migrations: Migrations, error: DBAPIError) -> str | None:
    """Say what a database refused that a command asked outside of env.py."""
    every = [migrations.database(it) for it in migrations.names()]
    try:
        for database in every:
            with explained(database), opened(database):
                pass
        if len(every) == 1:  # of several nobody knows which one it was
            with explained(every[0], connected=True):
                raise error
    except CommandError as known:
        return str(known)
    return None


@contextmanager
def _lock_file_kept(migrations: Migrations, options: Namespace) -> Iterator[None]:
    """Let a revision have its line, also where env.py does not run for one."""
    name, keep = options.cmd[0].__name__, False
    if name in {"merge", "revision"}:
        keep = lockfile.path_of(migrations.script()).exists()
    if keep and name == "revision":
        lockfile.read(migrations.script(), options.prog)
    yield
    if keep:
        lockfile.complete(migrations.script(), options.prog, anew=name == "merge")


def _squashed(error: Exception, migrations: Migrations | None) -> str | None:
    """Say into what a revision was squashed that a command does not know."""
    cause = error if isinstance(error, ResolutionError) else error.__cause__
    if migrations is None or not isinstance(cause, ResolutionError):
        return None
    return stood_for(migrations.script(), cause.argument)


def _discovered(options: Namespace, *, runs: bool) -> Discovered:
    """Return the migrations of the environment that a command line names.

    :param runs: whether the command runs env.py.
    :raises CommandError: for an env.py that does not use the library.
    """
    found = Discovered(options)
    if runs and not found.is_adopted:
        raise CommandError(
            f"{found.folder / 'env.py'} does not use alembic_lossless yet."
            f" Next: {options.prog} adopt"
        )
    if runs:
        found.enter_app()
    return found


def _fail(text: str, options: Namespace) -> NoReturn:
    """End with a message, and the exit status of Alembic."""
    if not options.quiet:
        messaging.write_outstream(sys.stdout, f"FAILED: {text}\n")
    sys.exit(-1)


def _parsed(line: CommandLine, arguments: Sequence[str]) -> Namespace:
    """Return what the parser makes of a line; a mistyped command gets a likely one.

    :param line: the commands.
    :param arguments: what was typed.
    """
    line.parser.exit_on_error = False
    try:
        return line.parser.parse_args(arguments)
    except ArgumentError as error:
        typed = re.search("invalid choice: '(.+?)'", str(error))
        if typed is None or error.argument_name != line.subparsers.metavar:
            line.parser.error(str(error))
        prog = line.parser.prog
        like = get_close_matches(typed[1], line.subparsers.choices, n=1)
        hint = f"Did you mean: {prog} {like[0]}" if like else f"All: {prog} --help"
        line.parser.exit(2, f"{prog}: there is no command {typed[1]!r}. {hint}\n")


def _prepare(migrations: Migrations, options: Namespace) -> Config:
    """Return the configuration of a command that may start.

    :raises CommandError: when it may not.
    """
    name = options.cmd[0].__name__
    if name == "init":
        raise CommandError(
            f"There is nothing to set up: {migrations.folder} has the migrations."
            f' Next: {options.prog} migrate -m "…"'
        )
    if name in WRITERS:
        insist_on_source_tree(migrations.project)
        _refuse_heads(migrations, name, options)
    if name == "revision":
        options.message = options.message or options.words or _asked_message()
    if getattr(options, "only", None):
        among(migrations.each(), options.only)
    alembic = migrations.typed_config(options)
    if getattr(options, "graph", False) or getattr(options, "svg", None):
        options.cmd = (draw, ["rev_range"], [])
    alembic.attributes["migrations"] = migrations
    alembic.attributes["connection"] = migrations.databases()
    alembic.attributes["before"] = getattr(options, "before", False)
    end_after = getattr(options, "end_blockers_after", None)
    alembic.attributes["end_blockers_after"] = end_after
    if getattr(options, "wait", None):
        databases = [migrations.database(name) for name in migrations.names()]
        wait_until_started(databases, options.wait)
        if name == "upgrade" and (ahead := list(reports.ahead(migrations))):
            logging.getLogger("alembic.ahead").warning("\n".join(ahead))
            sys.exit()
    if not alembic.config_file_name and name != "status":
        _log_to_terminal()
    return alembic


def _refuse_heads(migrations: Migrations, name: str, options: Namespace) -> None:
    """Refuse to draft while there are two heads, and to merge while there is one."""
    heads = [script.revision for script in migrations.heads()]
    if name == "merge" and len(heads) < MERGEABLE:
        raise CommandError("There is one head: nothing is to be merged.")
    if (
        name == "revision"
        and len(heads) >= MERGEABLE
        and options.head in {None, "head"}
    ):
        raise CommandError(join(heads, options.prog))


def _asked_message() -> str | None:
    """Ask for the message of a revision, where somebody can answer.

    :raises CommandError: for none.
    """
    message = _typed("What does the revision do? ")
    if message == "":
        raise CommandError('Nothing is written. Say it on the command line: -m "…"')
    return message


def _log_to_terminal() -> None:
    """Say what Alembic does, as alembic.ini does where there is one."""
    logging.basicConfig(format="%(levelname)-7s [%(name)s] %(message)s")
    logging.getLogger("alembic").setLevel(logging.INFO)
    for chatty in ("runtime.plugins", "ddl.postgresql"):
        logging.getLogger(f"alembic.{chatty}").setLevel(logging.WARNING)
