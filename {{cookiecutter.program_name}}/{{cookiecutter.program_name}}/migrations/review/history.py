"""What the revisions say each column is: in their words, not a database's.

A database forgets: SQLite keeps no time zone, no Enum and no symbolic default. So the
revisions run once more, as `--sql` runs them, on no database, and are remembered.
"""

import logging
from collections.abc import Sequence
from inspect import signature

from alembic.runtime.migration import MigrationContext
from alembic.script import Script

from ..tokens import database_of
from .recorder import Recorder, Tables

log = logging.getLogger(__name__)


def declared_in(context: MigrationContext) -> Tables:
    """Return the tables of a database as its revisions declare them."""
    return replayed(context).tables


def replayed(context: MigrationContext) -> Recorder:
    """Return what the revisions of a database declare, found out once."""
    name = database_of(context.opts["upgrade_token"]) or "default"
    # One run has one dictionary of options, for all its databases.
    found: dict[str, Recorder] = context.opts.setdefault("declared", {})
    if name not in found:
        environment = context.environment_context
        revisions = list(environment.script.walk_revisions()) if environment else []
        found[name] = _replay(revisions[::-1], name)
    return found[name]


def _replay(revisions: Sequence[Script], name: str) -> Recorder:
    """Let every revision say what it does to columns and constraints.

    A revision that asks the database something cannot answer here: what it had not yet
    said stays unknown, and a draft takes the database's word for that.

    :param revisions: from the first to the last.
    :param name: the database, for revisions with a part for each.
    """
    recorder = Recorder()
    with recorder.in_place_of_op():
        for revision in revisions:
            try:
                _upgrade(revision, name)
            except Exception:
                log.debug("%s cannot be replayed", revision.revision, exc_info=True)
    return recorder


def _upgrade(revision: Script, name: str) -> None:
    upgrade = revision.module.upgrade
    if signature(upgrade).parameters:
        upgrade(name)
    elif name == "default":
        upgrade()
