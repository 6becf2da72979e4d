"""What autogenerate may not write silently: the steps that a draft goes through.

QUESTIONS settle what only its author knows, on the upgrade; the downgrade is then made
by reversing it. SHAPES give each direction, by itself, the form that is safe on tables
with rows.
"""

from dataclasses import replace

from alembic.operations import ops
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext

from ..prompts.prompt import Prompt
from .by_columns import find_unnamed
from .checks import (
    mark_drops,
    refuse_contradictions,
    refuse_defaults,
    refuse_primary_keys,
    refuse_to_drop_everything,
    refuse_uncompilable,
)
from .compare_objects import (
    checks_of_columns,
    expressions_apart,
    objects_as_declared,
)
from .constraint_guards import guard_keys
from .declared import as_declared
from .draft import Draft, Step
from .enums import ask_for_values, shape_enums
from .foreign_keys import free_indexes, free_retyped
from .generated import refuse_computed, shape_generated
from .not_null import ask_fills, fill_asked, fill_neutrally
from .only_there import allow_for_others
from .ordering import drop_no_indexes_of_dropped_tables, order, reverse, steady
from .phase_scripts import Directions
from .rename_detection import ask_renames
from .schemas import make_schemas, refuse_schemas
from .server_names import names_as_declared
from .table_options import mark_by_hand
from .type_changes import change_types

QUESTIONS: tuple[Step, ...] = (
    refuse_uncompilable,
    refuse_defaults,
    ask_renames,
    refuse_primary_keys,
    refuse_contradictions,
    refuse_schemas,
    refuse_computed,
    names_as_declared,
    as_declared,
    objects_as_declared,
    checks_of_columns,
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
    allow_for_others,
    find_unnamed,
    expressions_apart,
    mark_drops,
    make_schemas,
)
"""Steps for the upgrade and for the downgrade; they ask nothing."""


def take_steps(
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
    if not live:
        _shape(draft)
        _note_costs(draft)
        return after, later
    from .live import leave_others_at_work  # noqa: PLC0415  what servers do, all of it
    from .phases import split  # noqa: PLC0415  likewise

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
        from .costs import note_costs  # noqa: PLC0415  likewise

        note_costs(draft, draft.upgrade)
