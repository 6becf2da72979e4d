"""Wait for another migration: with a word, a deadline, and hands off the keyboard."""

import logging
import time
from collections.abc import Callable

from alembic.util import CommandError

from ...settings import PREFIX, SettingError, seconds

log = logging.getLogger(__name__)

PAUSE = 0.1
"""Seconds between two tries: an upgrade that waits for nobody loses no more."""


def setting(name: str, default: float) -> float:
    """Return a setting in seconds.

    :raises CommandError: when it is not a number of seconds.
    """
    try:
        return seconds(name, default)
    except SettingError as error:
        raise CommandError(str(error)) from error


def wait_until(attempt: Callable[[], bool], who: Callable[[], str]) -> None:
    """Repeat an attempt until it succeeds.

    Trying and sleeping, not waiting inside the database: a session that waits there
    blocks CREATE INDEX CONCURRENTLY, and Ctrl-C would have to wait as well.

    :param attempt: says whether it succeeded, and does not wait.
    :param who: names the one that is waited for.
    :raises CommandError: at the deadline.
    """
    longest = setting("MIGRATION_WAIT", 300)
    deadline = time.monotonic() + longest
    told = False
    while not attempt():
        if not told:
            log.warning("Waiting up to %g s for %s.", longest, who())
            told = True
        if time.monotonic() >= deadline:
            raise CommandError(
                f"Waited {longest:g} s for {who()}; nothing was changed.\n"
                f"Let it finish or end it, then run this again; or set"
                f" {PREFIX}MIGRATION_WAIT to more seconds."
            )
        time.sleep(PAUSE)
