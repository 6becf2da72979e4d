"""What a revision file says of itself: its phase, and comments to find with grep."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alembic.script import Script

DELETES = "# DELETES:"
"""What is taken away for good."""

INVENTS = "# INVENTS:"
"""A value that nobody entered, put where the lost one was."""

LOCKS = "# LOCKS:"
"""Who has to wait for what, for longer than an instant."""

MEANS = "# MEANS:"
"""What a value is taken for, once its column has another type."""

REVIEW = "# REVIEW:"
"""What an author must still look at; a test can refuse a script that has it."""

BEFORE, AFTER = "before", "after"
"""Whether it comes before the new version of the app is deployed, or after."""


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
