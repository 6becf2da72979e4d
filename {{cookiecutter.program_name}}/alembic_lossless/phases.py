"""Whether a revision comes before the new version of the app is deployed, or after."""

from alembic.script import Script

BEFORE, AFTER = "before", "after"


def phase_of(revision: Script) -> str | None:
    """Return the phase that a revision declares: BEFORE, AFTER, or None.

    :raises ValueError: for any other word.
    """
    phase: str | None = getattr(revision.module, "phase", None)
    if phase not in {BEFORE, AFTER, None}:
        raise ValueError(
            f"{revision.path}: phase is {phase!r}. Write {BEFORE!r} or {AFTER!r}."
        )
    return phase
