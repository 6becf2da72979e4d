"""The review of a draft: Alembic has made it, and it is not a file yet.

What env.py itself gives Alembic is asked first. QUESTIONS settle what only the author
knows, on the upgrade; the downgrade is then made by reversing it. REWRITES give each
direction, by itself, the form that is safe on tables with rows.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from importlib.util import find_spec
from itertools import chain
from sysconfig import get_path
from typing import Any

from alembic import context
from alembic.operations import ops
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError

from .._alembic import is_check, write_revisions_by
from ..project import Versions, production_server
from ..prompts import Answers, Prompt
from . import (
    aside,
    compare_columns,
    compare_constraints,
    compare_objects,
    compare_tables,
    guards,
    online,
    order,
    refusals,
    types,
)
from .data_migration import refuse_unknown, write_data_migration
from .differences import Accepted, differences_in, refuse_differences
from .draft import Draft, Step, release, tables
from .renames import ask_renames, move
from .render import render_item, written
from .unmanaged import Unmanaged, allow_for_others


def check_when_written(script: ScriptDirectory) -> None:
    """Let no revision file be written that is no Python, and lay out those that are.

    The layout is ruff's, unless the project has write hooks of its own. It finds the
    project's settings by the place of the file. Without ruff the draft stays as
    Alembic writes it. A write hook of Alembic's would do the same, but prints two
    lines, which functions of Python must not.
    """
    generate = script.generate_revision

    @wraps(generate)
    def generate_checked(*arguments: Any, **options: Any) -> Script | None:
        _refuse_other_languages(options)
        made = generate(*arguments, **options)
        if made is not None:
            laid_out(script, made.path)
        return made

    write_revisions_by(script, generate_checked)


def laid_out(script: ScriptDirectory, path: str) -> None:
    """Lay out a revision file as the project has it, if ruff is there."""
    if layout := _layout(script):
        subprocess.run([*layout, path], check=False)


def _layout(script: ScriptDirectory) -> list[str]:
    """Return the command that lays out a file, or none."""
    ruff = shutil.which("ruff", path=get_path("scripts"))
    if script.hooks or not (ruff or find_spec("ruff")):
        return []
    # An interpreter that only starts it takes longer than the layout.
    command = [ruff] if ruff else [sys.executable, "-m", "ruff"]
    return [*command, "format", "--quiet", "--no-cache"]


def _refuse_other_languages(parts: Mapping[str, Any]) -> None:
    """Refuse what would be no Python in a file, such as an object's name in brackets.

    :param parts: what the file is made of: the body of a function for each direction.
    :raises CommandError: with the line.
    """
    for name, body in parts.items():
        if name.endswith(("upgrades", "downgrades")):
            try:
                compile(f"def {name}():\n    {body}", "draft", "exec")
            except SyntaxError as error:
                line = (error.text or "").strip()
                raise CommandError(
                    f"The draft has a line that is no Python: {line}"
                    "\nNothing is written. Say what the model has there in another way,"
                    " and report it: the draft should have been written otherwise."
                ) from error


QUESTIONS: tuple[Step, ...] = (
    refusals.refuse_uncompilable,
    refusals.refuse_unknown_features,
    refusals.refuse_defaults,
    ask_renames,
    refusals.refuse_primary_keys,
    refusals.refuse_contradictions,
    refusals.refuse_tables_again,
    refusals.refuse_same_names,
    compare_tables.refuse_schemas,
    compare_columns.refuse_computed,
    compare_constraints.rename_in_place,
    compare_tables.names_as_declared,
    compare_columns.as_declared,
    compare_tables.objects_as_declared,
    compare_tables.checks_of_columns,
    types.ask_for_values,
    refusals.refuse_to_drop_everything,
    refusals.refuse_to_move,
    aside.set_aside,
    guards.ask_fills,
    compare_tables.for_some_databases,
    order.steady,
)
"""Steps for the upgrade; they may ask."""

REWRITES: tuple[Step, ...] = (
    compare_objects.hold_domains,
    order.drop_no_indexes_of_dropped_tables,
    order.free_expressions,
    order.free_indexes,
    order.free_retyped,
    order.order,
    guards.fill_asked,
    guards.fill_neutrally,
    guards.hold_defaults,
    types.shape_enums,
    types.change_types,
    compare_columns.shape_generated,
    compare_tables.mark_manual_changes,
    guards.guard_keys,
    allow_for_others,
    order.drop_indexes_of_keys,
    compare_tables.find_unnamed,
    compare_tables.expressions_apart,
    refusals.mark_drops,
    aside.write_aside,
    compare_tables.say_conflicts,
)
"""Steps for the upgrade and for the downgrade; they ask nothing."""


def run_pipeline(
    database: MigrationContext,
    script: MigrationScript,
    prompt: Prompt,
    *,
    live: bool,
    leaves_fills: bool,
) -> online.Directions:
    """Review what was found for a database; return what waits for the deployment.

    :param live: whether people use the app while it migrates.
    :param leaves_fills: whether rows get their values by `flask db backfill`.
    """
    upgrade, downgrade = script.upgrade_ops_list[-1], script.downgrade_ops_list[-1]
    draft = Draft(database, upgrade, downgrade, prompt)
    for step in QUESTIONS:
        step(draft, upgrade)
    after = ops.UpgradeOps([], upgrade_token=upgrade.upgrade_token)
    later = ops.DowngradeOps([], downgrade_token=downgrade.downgrade_token)
    if prompt.open:
        return after, later
    views = compare_objects.take_views(draft)
    if not live:
        _rewrite(draft)
        move(draft)
        compare_objects.arrange_views(draft, views)
        compare_tables.make_schemas(draft, upgrade)
        _note_costs(draft)
        return after, later
    refusals.refuse_to_move_online(draft)
    phases = online.split(draft, upgrade)
    upgrade.ops, after.ops = phases.before.ops, phases.after.ops
    first, last = (upgrade, downgrade), (after, later)
    drafts = [replace(draft, upgrade=up, downgrade=down) for up, down in (first, last)]
    for part in drafts:
        _rewrite(part)
        refusals.refuse_formulas_online(part)
    phases.add_renames(first, last)
    left = online.leave_fills(after) if leaves_fills else []
    for part, own in zip(drafts, views.split(phases.late_names()), strict=True):
        compare_objects.arrange_views(part, own)
        compare_tables.make_schemas(part, part.upgrade)
    phases.add_views(draft, first, last)
    for part in drafts:
        online.make_online(part, part.upgrade)
        _note_costs(part)
    upgrade.ops += left
    return last


def _rewrite(draft: Draft) -> None:
    """Give both directions the form that is safe on tables with rows."""
    upgrade, downgrade = draft.upgrade, draft.downgrade
    order.reverse(upgrade, downgrade)
    for step in REWRITES:
        step(draft, upgrade)
        step(draft, downgrade)


def _note_costs(draft: Draft) -> None:
    """Say whom a draft stops; on SQLite, its one writer waits for the run anyway."""
    if _served(draft.context) != "sqlite":
        online.note_costs(draft, draft.upgrade)


Function = Callable[..., Any]

LATER = "live=later"
"""What `-x` says where the rows get their values apart from the deployment."""

LIVE = {"live": True, "live=yes": True, "live=no": False, LATER: True}
"""What `-x` says of a draft for a project that is in use, or not."""


def reviewed(
    review: "Review",
    options: dict[str, Any],
    *,
    runs_on: Versions,
    keep_dropped: int = 0,
) -> dict[str, Any]:
    """Return the arguments of `context.configure` with which a draft is reviewed.

    :param review: the review of the command.
    :param options: what env.py gives; its own functions are asked first.
    :param runs_on: the databases of production, and the oldest version of each.
    :param keep_dropped: the days for which what is dropped is kept aside.
    """
    render, compare = options.get("render_item"), options.get("compare_type", True)
    first = options.get("process_revision_directives")
    unmanaged = Unmanaged(review.prompt)
    names, objects = options.get("include_name"), options.get("include_object")
    return {
        "include_schemas": True,  # those of the models and of the revisions
        **options,
        "unmanaged": unmanaged,
        "accepted": review.accepted,
        "runs_on": runs_on,
        "keep_dropped": keep_dropped,
        "render_item": _else(render, render_item, undecided=False),
        "compare_type": compare
        and _else(compare, compare_columns.compare_type, undecided=None),
        "include_name": _both(names, unmanaged.include_name),
        "include_object": _both(objects, unmanaged.include_object),
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
        self._after: list[online.Directions] = []
        self._prompt: Prompt | None = None
        self._tables: set[str] = set()
        self._differences: list[str] = []
        self.accepted = Accepted(self.prompt)
        """The differences that stay as they are."""

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
        # Tenants are each compared by themselves, and Alembic keeps what was found.
        is_last = len(script.upgrade_ops_list) % self._databases == 0
        if not revision.command_args["autogenerate"]:
            self._write(database, script, is_last=is_last)
        elif is_check(database):
            database.opts["unmanaged"].leave_doubtful(script.upgrade_ops_list[-1])
            database.opts["unmanaged"].say()
            self.accepted.leave_out(script.upgrade_ops_list[-1])
            found = differences_in(database, script.upgrade_ops_list[-1])
            self._differences += found
            if is_last:
                self.accepted.say()
                if context.config.attributes.get("accepts"):
                    self.accepted.write()
                lines, self._differences = self._differences, []
                those = script.upgrade_ops_list[-self._databases :]
                refuse_differences(those, revision, lines)
        else:
            self._draft(database, scripts, is_last=is_last)

    def _write(
        self, database: MigrationContext, script: MigrationScript, *, is_last: bool
    ) -> None:
        """Write a revision without a draft: an empty one, or one that moves data."""
        check_when_written(context.script)
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
        self.accepted.leave_out(scripts[0].upgrade_ops_list[-1])
        leaves = live and LATER in chain(*_arguments())
        directions = run_pipeline(
            database, scripts[0], prompt, live=live, leaves_fills=leaves
        )
        self._after.append(directions)
        database.opts["unmanaged"].say()
        if not is_last:
            return
        prompt.close()
        self.accepted.say()
        self.accepted.write()
        check_when_written(context.script)
        online.declare_phases(scripts, self._after)
        for script in scripts:
            for part in (*script.upgrade_ops_list, *script.downgrade_ops_list):
                written(part)
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
    """Tell whether a draft is made online: `-x live`, or the project says it."""
    typed, given = _arguments()
    said = [LIVE[text] for text in (*typed, *given) if text in LIVE]
    return said[-1] if said else project and _served(database) != "sqlite"


def _served(database: MigrationContext) -> str:
    return production_server(database.dialect.name, database.opts["runs_on"])
