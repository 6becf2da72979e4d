"""Which test ran which line."""

import random
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from coverage import CoverageData

from .sample import LIBRARY, Change

OF_ALL = ("tests/library/test_rules.py", "tests/library/test_reference.py")
"""Tests that read what each module says when it is imported."""

SPECIFIC = 2 / 3
"""The part of the time for tests which run little else; others are by chance."""

DURATION = re.compile(r"^([\d.]+)s (?:setup|call|teardown) +(tests/.*)$", re.MULTILINE)

SHORTEST = 0.01
"""Seconds of a test that pytest does not tell the duration of."""


def write_coverage(copy: Path, file: Path) -> None:
    """Run the library's tests, and write down which one ran which line, and how long.

    :param copy: a copy of the repository.
    :param file: what is written; what pytest says goes into another one beside it.
    """
    settings = copy / "coverage.ini"
    settings.write_text(
        f"[run]\nsource = {LIBRARY}\ndata_file = {file.resolve()}\n"
        "relative_files = True\n"
    )
    options = ["--cov", f"--cov-config={settings}", "--cov-context=test"]
    options += ["--cov-report=", "--durations=0", "-vv"]
    command = [sys.executable, "-m", "pytest", "-q", "tests/library", *options]
    # A test that fails ran its lines all the same; `judge` sees that it fails anyway.
    with file.with_suffix(".txt").open("w") as said:
        subprocess.run(command, cwd=copy, stdout=said, check=False)


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
        self._seconds = defaultdict[str, float](float)
        for seconds, test in DURATION.findall(file.with_suffix(".txt").read_text()):
            self._seconds[test] += float(seconds)
        self._all = Counter[str]()
        """Each test -> how many lines of the library it ran."""
        for module in self._data.measured_files():
            for tests in self._lines(module).values():
                self._all.update(tests)

    def tests(self, change: Change, seconds: float, seed: int) -> list[str]:
        """Return the tests that a change is tried with, the shortest first.

        :param seconds: how long they may take together; some of them are those that run
            little but the module, and the others are taken by chance.
        """
        module = str(LIBRARY / change.module)
        lines = self._lines(module)
        here = Counter(test for tests in lines.values() for test in tests)
        known = lines.get(change.line, set()) if change.inside else set()
        if not known:  # it runs at the import, or is a later line of a statement
            before = [it for it in lines if it < change.line and change.inside]
            known = lines[max(before)] if before else set(here)
        ranked = sorted(known, key=lambda it: (-here[it] / self._all[it], it))
        first = [*self._within(seconds * SPECIFIC, ranked)]
        rest = [it for it in ranked if it not in first]
        random.Random(seed).shuffle(rest)
        left = seconds - sum(map(self._takes, first))
        chosen = [*first, *self._within(left, rest)]
        chosen = sorted(chosen, key=self._takes) or sorted(known, key=self._takes)[:1]
        return chosen if change.inside else [*OF_ALL, *chosen]

    def _within(self, seconds: float, tests: Iterable[str]) -> Iterator[str]:
        for test in tests:
            if self._takes(test) <= seconds:
                seconds -= self._takes(test)
                yield test

    def _takes(self, test: str) -> float:
        return max(self._seconds[test], SHORTEST)

    @cache  # noqa: B019  there is one
    def _lines(self, module: str) -> dict[int, set[str]]:
        found = self._data.contexts_by_lineno(module)
        return {
            line: {it.split("|")[0] for it in contexts} & self._there
            for line, contexts in found.items()
        }
