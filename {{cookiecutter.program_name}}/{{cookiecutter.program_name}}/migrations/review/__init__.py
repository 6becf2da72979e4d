"""What autogenerate may not write silently.

Alembic drafts a revision, and the hook of `review()` sees it before it is a file.
The draft of each database goes through two lists of steps. QUESTIONS settle what only
its author knows, on the upgrade; the downgrade is then made by reversing it. SHAPES
give each direction, by itself, the form that is safe on tables with rows.
"""

from typing import Any

from alembic import context
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext

from . import undetected  # noqa: F401  the import tells Alembic to compare more
from .answers import Answers
from .contradictions import refuse_contradictions
from .declared import as_declared
from .desk import Desk
from .differences import refuse_differences
from .draft import Draft, Step
from .drops import mark_drops, refuse_to_drop_everything
from .enum_types import shape_enums
from .enums import ask_for_values, compare_type
from .filling import fill_asked
from .fills import ask_fills, fill_neutrally
from .needed_indexes import free_indexes
from .new_keys import guard_keys
from .order import drop_no_indexes_of_dropped_tables, order, steady
from .primary_keys import refuse_primary_keys
from .questions import OpenQuestions, Question
from .renames import ask_renames
from .rendering import render_item
from .retyped_keys import free_retyped
from .seed_data import write_data_migration
from .type_changes import change_types
from .uniques import include_object, unique_as_declared
from .unspeakable import refuse_unspeakable

__all__ = ["OpenQuestions", "Question", "review"]

QUESTIONS: tuple[Step, ...] = (
    refuse_unspeakable,
    ask_renames,
    refuse_primary_keys,
    refuse_contradictions,
    as_declared,
    unique_as_declared,
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
    guard_keys,
    mark_drops,
)
"""Steps for the upgrade and for the downgrade; they ask nothing."""


def review(databases: int = 1) -> dict[str, Any]:
    """Return the arguments of `context.configure` that review a draft.

    :param databases: how many of them the draft is for.
    """
    return {
        "process_revision_directives": Review(databases),
        "render_item": render_item,
        "compare_type": compare_type,
        "include_object": include_object,
    }


class Review:
    """The review of one command's draft, database after database."""

    def __init__(self, databases: int) -> None:
        """Start with an empty desk, on which so many databases will be."""
        self._databases = databases
        self._desk: Desk | None = None

    def __call__(
        self, database: MigrationContext, _revision: Any, scripts: list[MigrationScript]
    ) -> None:
        """Review what autogenerate found for a database.

        Alembic calls this once for each database, and adds its part to the script.
        """
        revision = database.opts["revision_context"]
        script = scripts[0]
        is_last = len(script.upgrade_ops_list) == self._databases
        if not revision.command_args["autogenerate"]:
            write_data_migration(database, script)
            return
        if _is_check(database):
            if is_last:
                refuse_differences(script.upgrade_ops_list, revision)
            return
        desk = self._desk = self._desk or _desk()
        _review(database, script, desk)
        if not is_last:
            return
        desk.close()
        if all(upgrade.is_empty() for upgrade in script.upgrade_ops_list):
            scripts.clear()
            desk.config.print_stdout(
                "No changes: the models and the database agree. No revision is written."
            )


def _is_check(database: MigrationContext) -> bool:
    """Return whether `alembic check` runs, which looks exactly like a revision.

    Only the function that Alembic runs inside env.py tells them apart.
    """
    name: str = database.opts["fn"].__qualname__
    return name.startswith("check.")


def _desk() -> Desk:
    arguments = getattr(context.config.cmd_opts, "x", None) or ()
    given = context.config.attributes.get("answers", ())
    return Desk(context.config, Answers(arguments, given))


def _review(database: MigrationContext, script: MigrationScript, desk: Desk) -> None:
    upgrade, downgrade = script.upgrade_ops_list[-1], script.downgrade_ops_list[-1]
    draft = Draft(database, upgrade, downgrade, desk)
    for step in QUESTIONS:
        step(draft, upgrade)
    if desk.open:
        return
    upgrade.reverse_into(downgrade)
    for step in SHAPES:
        step(draft, upgrade)
        step(draft, downgrade)
