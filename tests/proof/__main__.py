"""Run random cases, make small what fails, and print it as a test to paste.

PYTHONPATH=tests python -m proof --seeds 2000 --database postgresql
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from random import Random

from servers import DATABASES

from .case import court
from .changes import changed_app, known_drops
from .described import App
from .generate import Generator
from .known import known_on
from .shrink import pasted, shrunk
from .write import case_of


def main(arguments: Sequence[str]) -> int:
    """Run what the command line asks for, and return its status."""
    parser = argparse.ArgumentParser(prog="python -m proof", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--from", dest="first", type=int, default=1)
    parser.add_argument("--database", choices=DATABASES, default="sqlite")
    parser.add_argument("--no-shrink", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--known", action="store_true")
    chosen = parser.parse_args(arguments)
    verdicts = Counter[str]()
    causes = Counter[str]()
    began = time.monotonic()
    with court(chosen.database) as judge:
        for seed in range(chosen.first, chosen.first + chosen.seeds):
            before, after, kinds = apps_of(seed, judge.database, known=chosen.known)
            verdict = judge.judge(case_of(before, after))
            verdicts[verdict.kind] += 1
            if chosen.verbose and not verdict.is_fault and verdict.kind != "passed":
                print(seed, verdict.kind, verdict.text[:300])
            if not verdict.is_fault:
                continue
            print(f"seed {seed} ({', '.join(kinds)}): {verdict.text[:400]}", flush=True)
            causes[verdict.cause] += 1
            if causes[verdict.cause] == 1 and not chosen.no_shrink:
                before, after, verdict = shrunk(judge, before, after, verdict)
                print(pasted(case_of(before, after), seed, verdict), flush=True)
    print(f"{time.monotonic() - began:.1f} s", dict(verdicts.most_common()))
    for cause, number in causes.most_common():
        print(f"{number:5} {cause}")
    return int(bool(causes))


def apps_of(
    seed: int, database: str, *, known: bool = False
) -> tuple[App, App, list[str]]:
    """Return the apps of a seed, before and after, and the kinds of the changes.

    :param known: whether they may have what has a known fault.
    """
    off = set[str]() if known else known_on(database)
    generator = Generator(Random(f"{database} {seed}"), database, off)
    before = generator.app()
    after, kinds = changed_app(generator, before)
    if known_drops(before, after) & off:
        return before, before, []
    return before, after, kinds


if __name__ == "__main__":
    os.environ.setdefault("TEST_SHARED_FOLDER", "/nowhere")
    sys.exit(main(sys.argv[1:]))
