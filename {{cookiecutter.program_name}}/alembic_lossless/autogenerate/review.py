"""What autogenerate may not write silently.

Alembic drafts a revision, and the `Review` sees it before it is a file.
The draft of each database goes through two lists of steps. QUESTIONS settle what only
its author knows, on the upgrade; the downgrade is then made by reversing it. SHAPES
give each direction, by itself, the form that is safe on tables with rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from alembic import context
from alembic.operations import ops
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext

from ..internals import is_check
from ..plugin import AUTOGENERATE_PLUGINS
from ..prompts.answers import Answers
from ..prompts.prompt import Prompt
from .by_columns import find_unnamed, forget_server_names
from .checks import (
    mark_drops,
    refuse_contradictions,
    refuse_defaults,
    refuse_primary_keys,
    refuse_to_drop_everything,
    refuse_uncompilable,
)
from .compare import compare_type
from .compare_objects import (
    checks_of_columns,
    expressions_apart,
    objects_as_declared,
)
from .constraint_guards import guard_keys, unique_as_declared
from .data_migration import refuse_unknown, write_data_migration
from .declared import as_declared
from .differences import refuse_differences
from .draft import Draft, Step, tables
from .enums import ask_for_values, shape_enums
from .foreign_keys import free_indexes, free_retyped
from .generated import refuse_computed, shape_generated
from .held import release
from .layout import lay_out_when_written
from .live import leave_others_at_work
from .long_names import name_wholly
from .not_null import ask_fills, fill_asked, fill_neutrally
from .ordering import drop_no_indexes_of_dropped_tables, order, reverse, steady
from .ownership import Ownership
from .phase_scripts import Directions, declare_phases
from .phases import split
from .rename_detection import ask_renames
from .render import render_item
from .schemas import make_schemas, refuse_schemas
from .table_options import mark_by_hand
from .type_changes import change_types

Function = Callable[..., Any]

LIVE = {"live": True, "live=yes": True, "live=no": False}
"""What `-x` says of a draft for a project that is in use, or not."""

QUESTIONS: tuple[Step, ...] = (
    refuse_uncompilable,
    refuse_defaults,
    ask_renames,
    refuse_primary_keys,
    refuse_contradictions,
    refuse_schemas,
    refuse_computed,
    name_wholly,
    as_declared,
    objects_as_declared,
    checks_of_columns,
    unique_as_declared,
    forget_server_names,
    ask_for_values,
    refuse_to_drop_everything,
    ask_fills,
    steady,
)
"""Steps for the upgrade; they may ask."""

SHAPES: tuple[Step, ...] = (
    drop_no_indexes_of_dropped_tables,
    free_indexes,
    free_retyped,
    order,
    fill_asked,
    fill_neutrally,
    shape_enums,
    change_types,
    shape_generated,
    mark_by_hand,
    guard_keys,
    find_unnamed,
    expressions_apart,
    mark_drops,
    make_schemas,
)
"""Steps for the upgrade and for the downgrade; they ask nothing."""


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
        revision = database.opts["revision_context"]
        script = scripts[0]
        release(script, reverse=False)
        is_last = len(script.upgrade_ops_list) == self._databases
        if not revision.command_args["autogenerate"]:
            lay_out_when_written(context.script)
            self._tables |= {table.key for table in tables(database)}
            write_data_migration(database, script)
            if is_last:
                refuse_unknown(self._tables)
            return
        ownership: Ownership = database.opts["ownership"]
        if is_check(database):
            ownership.say()
            if is_last:
                refuse_differences(script.upgrade_ops_list, revision)
            return
        prompt = self.prompt()
        self._after.append(_review(database, script, prompt, live=self._live))
        ownership.say()
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


def _review(
    database: MigrationContext, script: MigrationScript, prompt: Prompt, *, live: bool
) -> Directions:
    """Review what was found for a database; return what waits for the deployment."""
    upgrade, downgrade = script.upgrade_ops_list[-1], script.downgrade_ops_list[-1]
    draft = Draft(database, upgrade, downgrade, prompt)
    for step in QUESTIONS:
        step(draft, upgrade)
    after = ops.UpgradeOps([], upgrade_token=upgrade.upgrade_token)
    later = ops.DowngradeOps([], downgrade_token=downgrade.downgrade_token)
    if prompt.open:
        return after, later
    live = _is_live(database, live)
    if not live:
        _shape(draft)
        _note_costs(draft)
        return after, later
    phases = split(draft, upgrade)
    upgrade.ops, after.ops = phases.before.ops, phases.after.ops
    first, last = (upgrade, downgrade), (after, later)
    drafts = [replace(draft, upgrade=up, downgrade=down) for up, down in (first, last)]
    for part in drafts:
        _shape(part)
    phases.add_renames(first, last)
    for part in drafts:
        leave_others_at_work(part, part.upgrade)
        _note_costs(part)
    return last


def _shape(draft: Draft) -> None:
    """Give both directions the form that is safe on tables with rows."""
    upgrade, downgrade = draft.upgrade, draft.downgrade
    reverse(upgrade, downgrade)
    for step in SHAPES:
        step(draft, upgrade)
        step(draft, downgrade)


def _note_costs(draft: Draft) -> None:
    """Say whom a draft stops; on SQLite, its one writer waits for the run anyway."""
    if draft.context.dialect.name != "sqlite":
        from .costs import note_costs  # noqa: PLC0415  what servers do, all of it

        note_costs(draft, draft.upgrade)
