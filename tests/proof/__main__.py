"""Run random cases, make small what fails, and print it as a test to paste.

PYTHONPATH=tests python -m proof --seeds 2000 --database postgresql
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from random import Random

from kept import keep
from servers import DATABASES, drop_emptied

from .case import court
from .changes import changed_app, known_drops
from .described import App
from .generate import Generator
from .known import known_on
from .left_out import CHANGES
from .page import PAGE, Result, page
from .shrink import pasted, shrunk
from .write import case_of


def main(arguments: Sequence[str]) -> int:
    """Run what the command line asks for, and return its status."""
    parser = argparse.ArgumentParser(prog="python -m proof", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many")
    parser.add_argument("--from", dest="first", type=int, default=1, help="the first")
    parser.add_argument("--database", choices=DATABASES, action="append")
    parser.add_argument("--no-shrink", action="store_true", help="print it as it is")
    parser.add_argument("--known", action="store_true", help="with the known faults")
    parser.add_argument("--page", action="store_true", help="write docs/proof.md")
    parser.add_argument(
        "--judge", action="store_true", help="ask results or sqlglot, too"
    )
    chosen = parser.parse_args(arguments)
    keep()
    results = {}
    for database in chosen.database or DATABASES:
        seeds = range(chosen.first, chosen.first + chosen.seeds)
        result = results[database] = run(
            database,
            seeds,
            known=chosen.known,
            shrink=not chosen.no_shrink,
            second=chosen.judge,
        )
        print(f"{database}: {result.seconds:.1f} s", dict(result.verdicts))
        for cause, number in result.causes.most_common():
            print(f"{number:5} {cause}")
    drop_emptied()
    if chosen.page:
        PAGE.write_text(page(results))
    return int(any(result.causes for result in results.values()))


def run(
    database: str, seeds: range, *, known: bool, shrink: bool, second: bool = False
) -> Result:
    """Judge seeds on a database, and print what is wrong as small as it gets.

    :param known: whether they may have what has a known fault.
    :param second: whether a second judge looks, too.
    """
    result, began = Result(seeds), time.monotonic()
    with court(database) as judge:
        judge.second = {} if second else None
        for seed in seeds:
            before, after, kinds = apps_of(seed, database, known=known)
            case = case_of(before, after)
            verdict = judge.judge(case)
            result.count(case, kinds, verdict)
            if verdict.is_fault:
                print(f"seed {seed} ({', '.join(kinds)}): {verdict.text[:400]}")
                if shrink and result.causes[verdict.cause] == 1:
                    before, after, verdict = shrunk(judge, before, after, verdict)
                    print(pasted(case_of(before, after), seed, verdict), flush=True)
        if second:
            print(f"the second judge agrees {judge.opinions.pop('', 0)} times")
        for said, number in judge.opinions.most_common():
            print(f"it says {number} times:\n{said}")
    result.seconds = time.monotonic() - began
    return result


def apps_of(
    seed: int, database: str, *, known: bool = False
) -> tuple[App, App, list[str]]:
    """Return the apps of a seed, before and after, and the kinds of the changes.

    :param known: whether they may have what has a known fault.
    """
    off = set(CHANGES) if known else known_on(database)
    generator = Generator(Random(f"{database} {seed}"), database, off)
    before = generator.app()
    after, kinds = changed_app(generator, before)
    if known_drops(before, after) & off:
        return before, before, []
    return before, after, kinds


if __name__ == "__main__":
    os.environ.setdefault("TEST_SHARED_FOLDER", "/nowhere")
    sys.exit(main(sys.argv[1:]))
