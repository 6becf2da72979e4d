"""The scripts of a draft in two phases: each says its own, and they follow."""

from collections.abc import Iterable

from alembic.operations import ops
from alembic.util import rev_id

from ..internals import to_be_rendered
from ..marks import AFTER, BEFORE
from .operations import AutocommitBlock

Directions = tuple[ops.UpgradeOps, ops.DowngradeOps]
"""What a revision does to one database, and how it is undone."""


def declare_phases(scripts: list[ops.MigrationScript], after: list[Directions]) -> None:
    """Let each script say its phase, and make one of what waits for the deployment.

    :param scripts: one, as Alembic made it, which becomes none, one or two.
    :param after: what waits, for each database.
    """
    (script,) = scripts
    waits = any(not upgrade.is_empty() for upgrade, _ in after)
    if all(upgrade.is_empty() for upgrade in script.upgrade_ops_list):
        if not waits:
            scripts.clear()
            return
        for mine, (upgrade, downgrade) in zip(_pairs(script), after, strict=True):
            mine[0].ops, mine[1].ops = upgrade.ops, downgrade.ops
        _declared(script, AFTER)
        return
    if waits:
        scripts.append(_declared(_second(script, after), AFTER))
    if waits or _is_for_people_at_work(script):
        _declared(script, BEFORE)


def _pairs(script: ops.MigrationScript) -> Iterable[Directions]:
    return zip(script.upgrade_ops_list, script.downgrade_ops_list, strict=True)


def _is_for_people_at_work(script: ops.MigrationScript) -> bool:
    every = (op for upgrade in script.upgrade_ops_list for op in upgrade.ops)
    return any(isinstance(op, AutocommitBlock) for op in every)


def _declared(script: ops.MigrationScript, phase: str) -> ops.MigrationScript:
    """Let a script declare its phase.

    What a script imports is the only part of every script.py.mako that is free text.
    """
    script.imports = {
        *script.imports,
        f'phase = "{phase}"  # the deployment of the code',
    }
    return script


def _second(
    script: ops.MigrationScript, after: list[Directions]
) -> ops.MigrationScript:
    upgrades, downgrades = zip(*after, strict=True)
    script.rev_id = script.rev_id or rev_id()
    second = ops.MigrationScript(
        _later(script.rev_id),
        # It takes lists as well: a script has a part for each database.
        upgrade_ops=list(upgrades),  # type: ignore[arg-type]
        downgrade_ops=list(downgrades),  # type: ignore[arg-type]
        message=f"{script.message or 'draft'} after the deployment",
        imports=set(),
        head=script.rev_id,
        version_path=script.version_path,
    )
    return to_be_rendered(second)


def _later(first: str) -> str:
    """Return an identifier that sorts after another, as the files then do as well.

    A file's name has the time before the identifier, and the two share the second.
    """
    tried = (rev_id() for _ in range(1000))
    return next((new for new in tried if new > first), rev_id())
