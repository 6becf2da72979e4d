"""The review of a draft: Alembic has made it, and it is not a file yet.

What env.py itself gives Alembic is asked first.
"""

from collections.abc import Callable, Sequence
from typing import Any

from alembic import context
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext

from ..internals import is_check
from ..plugin import AUTOGENERATE_PLUGINS
from ..prompts.answers import Answers
from ..prompts.prompt import Prompt
from .compare import compare_type
from .data_migration import refuse_unknown, write_data_migration
from .differences import refuse_differences
from .draft import tables
from .held import release
from .layout import lay_out_when_written
from .ownership import Ownership
from .phase_scripts import Directions, declare_phases
from .render import render_item
from .steps import take_steps

Function = Callable[..., Any]

LIVE = {"live": True, "live=yes": True, "live=no": False}
"""What `-x` says of a draft for a project that is in use, or not."""


def reviewed(
    review: "Review", options: dict[str, Any], *, runs_on: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the arguments of `context.configure` with which a draft is reviewed.

    :param review: the review of the command.
    :param options: what env.py gives; its own functions are asked first.
    :param runs_on: the names of the databases of production.
    """
    render, compare = options.get("render_item"), options.get("compare_type", True)
    first = options.get("process_revision_directives")
    ownership = Ownership(review.prompt)
    names, objects = options.get("include_name"), options.get("include_object")
    return {
        "autogenerate_plugins": AUTOGENERATE_PLUGINS,
        "include_schemas": True,  # those of the models and of the revisions
        **options,
        "ownership": ownership,
        "runs_on": runs_on,
        "render_item": _else(render, render_item, undecided=False),
        "compare_type": compare and _else(compare, compare_type, undecided=None),
        "include_name": _both(names, ownership.include_name),
        "include_object": _both(objects, ownership.include_object),
        "process_revision_directives": _then(first, review) if first else review,
    }


def _else(first: Any, second: Function, *, undecided: object) -> Function:
    """Ask a second function where a first one, if there is one, does not decide."""

    def ask(*arguments: Any) -> Any:
        answer = first(*arguments)
        return second(*arguments) if answer is undecided else answer

    return ask if callable(first) else second


def _both(first: Function | None, second: Function) -> Function:
    """Include what a first function, if there is one, and a second one include."""
    if first is None:
        return second
    return lambda *arguments: first(*arguments) and second(*arguments)


def _then(first: Function, second: Function) -> Function:
    """Review what another hook has left of a draft."""

    def process(database: Any, revision: Any, scripts: list[MigrationScript]) -> None:
        for script in scripts:
            release(script, reverse=True)
        first(database, revision, scripts)
        second(database, revision, scripts)

    return process


class Review:
    """The review of one command's draft, database after database."""

    def __init__(self, databases: int, *, live: bool = False) -> None:
        """Begin the review of a draft for so many databases.

        :param live: whether people use the app while it migrates.
        """
        self._databases = databases
        self._live = live
        self._after: list[Directions] = []
        self._prompt: Prompt | None = None
        self._tables: set[str] = set()

    def prompt(self) -> Prompt:
        """Return where the questions of the command go."""
        self._prompt = self._prompt or _prompt()
        return self._prompt

    def __call__(
        self, database: MigrationContext, _revision: Any, scripts: list[MigrationScript]
    ) -> None:
        """Review what autogenerate found for a database.

        Alembic calls this once for each database, and adds its part to the script.
        """
        if not scripts:
            return  # another hook wants none
        revision, script = database.opts["revision_context"], scripts[0]
        release(script, reverse=False)
        is_last = len(script.upgrade_ops_list) == self._databases
        if not revision.command_args["autogenerate"]:
            self._write(database, script, is_last=is_last)
        elif is_check(database):
            database.opts["ownership"].say()
            if is_last:
                refuse_differences(script.upgrade_ops_list, revision)
        else:
            self._draft(database, scripts, is_last=is_last)

    def _write(
        self, database: MigrationContext, script: MigrationScript, *, is_last: bool
    ) -> None:
        """Write a revision without a draft: an empty one, or one that moves data."""
        lay_out_when_written(context.script)
        self._tables |= {table.key for table in tables(database)}
        write_data_migration(database, script)
        if is_last:
            refuse_unknown(self._tables)

    def _draft(
        self,
        database: MigrationContext,
        scripts: list[MigrationScript],
        *,
        is_last: bool,
    ) -> None:
        """Take the steps of a draft; those for all its databases with the last one."""
        prompt = self.prompt()
        live = _is_live(database, self._live)
        self._after.append(take_steps(database, scripts[0], prompt, live=live))
        database.opts["ownership"].say()
        if not is_last:
            return
        prompt.close()
        lay_out_when_written(context.script)
        declare_phases(scripts, self._after)
        if not scripts:
            prompt.config.print_stdout(
                "No changes: the models and the database agree. No revision is written."
            )


def _arguments() -> tuple[list[str], list[str]]:
    """Return what `-x` says, and what the Python API was given in its place."""
    typed = getattr(context.config.cmd_opts, "x", None) or ()
    return [*typed], [*context.config.attributes.get("answers", ())]


def _prompt() -> Prompt:
    typed, given = _arguments()
    answers = [text for text in given if text not in LIVE]
    return Prompt(context.config, Answers(typed, answers))


def _is_live(database: MigrationContext, project: bool) -> bool:  # noqa: FBT001
    """Tell whether a draft is for people at work: `-x live`, or the project says it."""
    typed, given = _arguments()
    said = [LIVE[text] for text in (*typed, *given) if text in LIVE]
    return said[-1] if said else project and database.dialect.name != "sqlite"
