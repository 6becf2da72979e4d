"""Which test ran which line."""

import random
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

from coverage import CoverageData

from .sample import LIBRARY, Change

OF_ALL = ("tests/library/test_rules.py", "tests/library/test_reference.py")
"""Tests that read what each module says when it is imported."""

SPECIFIC = 2 / 3
"""The part of the tests that are those which run little else; others are by chance."""


def write_coverage(copy: Path, file: Path) -> None:
    """Run the library's tests, and write down which one ran which line.

    :param copy: a copy of the repository.
    :param file: what is written.
    """
    settings = copy / "coverage.ini"
    settings.write_text(
        f"[run]\nsource = {LIBRARY}\ndata_file = {file.resolve()}\n"
        "relative_files = True\n"
    )
    options = ["--cov", f"--cov-config={settings}", "--cov-context=test"]
    command = [sys.executable, "-m", "pytest", "-q", "tests/library"]
    # A test that fails ran its lines all the same; `judge` sees that it fails anyway.
    subprocess.run([*command, "--cov-report=", *options], cwd=copy, check=False)


class Ran:
    """The tests that ran a line, as coverage wrote them down."""

    def __init__(self, file: Path, copy: Path) -> None:
        """Read what `write_coverage` wrote; tests that are gone since are left out."""
        self._data = CoverageData(str(file))
        self._data.read()
        command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "--collect-only"]
        listed = subprocess.run(
            [*command, "tests/library"],
            cwd=copy,
            capture_output=True,
            text=True,
            check=True,
        )
        self._there = {it for it in listed.stdout.splitlines() if "::" in it}
        self._all = Counter[str]()
        """Each test -> how many lines of the library it ran."""
        for module in self._data.measured_files():
            for tests in self._lines(module).values():
                self._all.update(tests)

    def tests(self, change: Change, number: int, seed: int) -> list[str]:
        """Return the tests that a change is tried with, what is about it first.

        :param number: at most so many; some are those that run little but the module,
            and the others are taken by chance.
        """
        module = str(LIBRARY / change.module)
        lines = self._lines(module)
        here = Counter(test for tests in lines.values() for test in tests)
        known = lines.get(change.line, set()) if change.inside else set()
        if not known:  # it runs at the import, or is a later line of a statement
            before = [it for it in lines if it < change.line and change.inside]
            known = lines[max(before)] if before else set(here)
        ranked = sorted(known, key=lambda it: (-here[it] / self._all[it], it))
        first = ranked[: round(number * SPECIFIC)]
        rest = ranked[len(first) :]
        left = min(len(rest), number - len(first))
        chosen = first + random.Random(seed).sample(rest, left)
        return chosen if change.inside else [*OF_ALL, *chosen]

    @cache  # noqa: B019  there is one
    def _lines(self, module: str) -> dict[int, set[str]]:
        found = self._data.contexts_by_lineno(module)
        return {
            line: {it.split("|")[0] for it in contexts} & self._there
            for line, contexts in found.items()
        }
