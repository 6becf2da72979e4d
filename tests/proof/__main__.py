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

from .case import Court, Verdict, court
from .changes import changed_app
from .generate import Generator
from .known import KNOWN
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
    if chosen.known:
        KNOWN.clear()
    verdicts = Counter[str]()
    began = time.monotonic()
    with court(chosen.database) as judge:
        for seed in range(chosen.first, chosen.first + chosen.seeds):
            verdict = tried(judge, seed, shrink=not chosen.no_shrink)
            verdicts[verdict.kind] += 1
            if chosen.verbose and verdict.kind != "passed":
                print(seed, verdict.cause[:300])
    print(f"{time.monotonic() - began:.1f} s", dict(verdicts.most_common()))
    return int(any(Verdict(kind).is_fault for kind in verdicts))


def tried(judge: Court, seed: int, *, shrink: bool) -> Verdict:
    """Try one seed, and print what is wrong as small as it gets."""
    rng = Random(f"{judge.database} {seed}")
    generator = Generator(rng, judge.database)
    before = generator.app()
    after, kinds = changed_app(generator, before)
    verdict = judge.judge(case_of(before, after))
    if verdict.is_fault:
        print(f"seed {seed} ({', '.join(kinds)}): {verdict.cause[:400]}", flush=True)
        if shrink:
            before, after, verdict = shrunk(judge, before, after, verdict)
            print(pasted(case_of(before, after), seed, verdict), flush=True)
    return verdict


if __name__ == "__main__":
    os.environ.setdefault("TEST_SHARED_FOLDER", "/nowhere")
    sys.exit(main(sys.argv[1:]))
