"""Operations that Alembic does not reverse before they are reviewed.

Autogenerate reverses what it found, which copies each table twice, and only then shows
it to `process_revision_directives`. The review asks first and reverses what is left.
"""

from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation
from alembic.operations.ops import MigrationScript, UpgradeOps


class Held(MigrateOperation):
    """What autogenerate found for a database, in the place of all of it."""

    def __init__(self, found: list[MigrateOperation]) -> None:
        """Take the operations."""
        self.found = found

    def reverse(self) -> "Held":
        """Return nothing new: a draft's way back is made by its review."""
        return self


def hold(context: AutogenContext, upgrade: UpgradeOps) -> None:
    """Keep what was found from being reversed, if it is to be reviewed."""
    if "ownership" in context.opts:
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
    found = [op for it in held for op in it.found]
    upgrade.ops = [*found, *(op for op in upgrade.ops if op not in held)]
    return bool(held)
