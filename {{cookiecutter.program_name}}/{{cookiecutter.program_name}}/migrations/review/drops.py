"""Drops: written, said aloud, and never everything at once."""

import logging
from collections.abc import Iterator

from alembic.operations import ops
from alembic.util import CommandError
from sqlalchemy import inspect

from .draft import Draft, Note, label
from .marks import DELETES

log = logging.getLogger("alembic.review")


def refuse_to_drop_everything(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Refuse a draft without a single table that stays, unless each was answered.

    :raises CommandError: with the likely cause.
    """
    drops = [op for op in upgrade.ops if isinstance(op, ops.DropTableOp)]
    names = [label(op.schema, op.table_name) for op in drops]
    said = [draft.desk.confirms_drop(name) for name in names]
    if all(said) or draft.desk.open or _tables(draft) - set(names):
        return
    raise CommandError(
        f"The draft would drop every table ({', '.join(sorted(names))}): the models"
        " were not imported, or this is another project's database."
        " Nothing is written. To drop a table for real, add -x drop=TABLE for each."
    )


def _tables(draft: Draft) -> set[str]:
    """Return the tables of the database; Alembic's own is none of them."""
    found = inspect(draft.context.connection).get_table_names()
    return set(found) - {draft.context.version_table}


def mark_drops(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Say in the script and in the log what an upgrade deletes."""
    if upgrade is not draft.upgrade:
        return
    marked: list[ops.MigrateOperation] = []
    for op in upgrade.ops:
        if isinstance(op, ops.DropTableOp):
            name = label(op.schema, op.table_name)
            marked.append(_note(f"table {name} with all its rows"))
        if isinstance(op, ops.ModifyTableOps):
            op.ops = list(_marked(draft, op))
        marked.append(op)
    upgrade.ops = marked


def _marked(draft: Draft, change: ops.ModifyTableOps) -> Iterator[ops.MigrateOperation]:
    for op in change.ops:
        if isinstance(op, ops.DropColumnOp):
            name = f"{label(change.schema, change.table_name)}.{op.column_name}"
            draft.desk.confirms_drop(name)
            yield _note(f"column {name} with its values")
        yield op


def _note(text: str) -> Note:
    log.warning("The draft deletes %s.", text)
    return Note(DELETES, text)
