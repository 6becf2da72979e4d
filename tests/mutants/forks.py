"""Tests of one change, in a fork of a process that has imported all but the library."""

import os
import re
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from resource import RLIMIT_CPU, setrlimit
from typing import TYPE_CHECKING

from .sample import LIBRARY, Change

if TYPE_CHECKING:
    from multiprocessing.queues import SimpleQueue

PACKAGES = (
    *("alembic.config", "cookiecutter.main", "flask.cli", "flask_sqlalchemy"),
    *("pytest", "sqlalchemy.dialects.mysql.pymysql", "sqlalchemy.orm"),
    *("sqlalchemy.dialects.postgresql.psycopg", "sqlalchemy.dialects.sqlite.pysqlite"),
)

PROCESSOR, LIMIT = 120, 900
"""Seconds of the processor, and of the clock, after which tests are taken to hang."""

LOG = "pytest.log"

FAILED = re.compile(r"^(?:FAILED|ERROR) (tests/.*?)(?: - |$)", re.MULTILINE)

WORDS = {
    0: "missed",
    1: "failed",
    2: "not imported",
    4: "not imported",
    None: "endless",
}
"""What pytest's exit status says of a change."""

_copy = Path()


@dataclass(frozen=True)
class Outcome:
    """What became of a change."""

    tests: int
    """With how many tests it was tried."""
    word: str
    """One of `WORDS`."""


def begin(places: "SimpleQueue[Path]") -> None:
    """Begin a process that has a copy of the repository to itself.

    :param places: the copies that nobody has yet.
    """
    global _copy  # noqa: PLW0603  a process of a pool has no other place
    _copy = places.get()
    for package in PACKAGES:
        import_module(package)
    if "alembic_lossless" in sys.modules:
        raise AssertionError("The library is imported before it is changed.")


def judge(change: Change, tests: list[str]) -> Outcome:
    """Run tests on a changed module until one fails.

    :param tests: as pytest calls them; none means that no test runs the line.
    """
    path = _copy / LIBRARY / change.module
    while tests:
        path.write_text(change.source)
        try:
            status = _status_of(tests)
        finally:
            path.write_text(change.before)
        failed = FAILED.search((_copy / LOG).read_text(errors="replace"))
        if status != 1 or failed is None or _status_of([failed[1]]) == 0:
            return Outcome(len(tests), WORDS[status])
        # It fails without the change as well.
        tests = [it for it in tests if not failed[1].startswith(it)]
    return Outcome(0, "missed")


def _status_of(tests: list[str]) -> int | None:
    """Return the exit status of pytest in a process of its own, None if it hangs."""
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            _run(tests)
        except BaseException:  # noqa: BLE001  a fork must not go on as its parent
            traceback.print_exc()
        finally:
            os._exit(3)
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else None
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _run(tests: list[str]) -> None:
    setrlimit(RLIMIT_CPU, (PROCESSOR, PROCESSOR))
    output = os.open(_copy / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.chdir(_copy)
    sys.path[:] = [it for it in sys.path if it and Path(it).name != "tests"]
    options = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider"]
    status = import_module("pytest").main([*options, *tests])
    sys.stdout.flush()
    os._exit(int(status))
