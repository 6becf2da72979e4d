"""Operations that Alembic does not reverse before they are reviewed.

Autogenerate reverses what it found, which copies each table twice, and only then shows
it to `process_revision_directives`. The review asks first and reverses what is left.
"""

from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import MigrationScript, OpContainer, UpgradeOps


class Held(OpContainer):
    """What autogenerate found for a database, in the place of all of it."""

    def reverse(self) -> "Held":
        """Return nothing new: a draft's way back is made by its review."""
        return self


def hold(context: AutogenContext, upgrade: UpgradeOps) -> None:
    """Keep what was found from being reversed, if it is to be reviewed.

    A hook that was given to the command itself comes before env.py's, and sees it all.
    """
    revision: Any = context.opts.get("revision_context")
    reviewed = revision is not None and "ownership" in context.opts
    if reviewed and revision.process_revision_directives is None:
        upgrade.ops = [Held(upgrade.ops)]


def release(script: MigrationScript, *, reverse: bool) -> None:
    """Put the operations of the newest database back into a script, if they are held.

    :param reverse: whether somebody wants to see a downgrade before the review.
    """
    upgrade, downgrade = script.upgrade_ops_list[-1], script.downgrade_ops_list[-1]
    if put_back(upgrade):
        downgrade.ops = []
        if reverse:
            upgrade.reverse_into(downgrade)


def put_back(upgrade: UpgradeOps) -> bool:
    """Put held operations back among others; return whether there were any."""
    held = [op for op in upgrade.ops if isinstance(op, Held)]
    found = [op for it in held for op in it.ops]
    upgrade.ops = [*found, *(op for op in upgrade.ops if op not in held)]
    return bool(held)
