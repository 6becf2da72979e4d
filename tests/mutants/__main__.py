"""Change lines of the library, one at a time, and say which no test notices.

    pip install --group mutants && PYTHONPATH=tests python -m mutants

Cosmic Ray makes the changes, in copies of this repository. Lines are chosen by chance,
so many of each module, and then one of the changes that the line allows. A change runs
against tests that ran the line before it was changed, until one of them fails:
those that are about it, and a few by chance, within so many seconds.
"""

import json
import random
import shutil
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from .coverage import Ran, write_coverage
from .equivalent import EQUIVALENT
from .forks import Outcome, begin, judge
from .sample import MODULES, Change, sampled

HERE = Path(__file__).resolve().parent.parent.parent


def copy_into(folder: Path) -> None:
    """Copy what git knows, and what it would take, into a folder."""
    command = ["git", "ls-files", "-z", "-co", "--exclude-standard"]
    listed = subprocess.run(
        command, cwd=HERE, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (HERE / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(HERE / name, folder / name)


def arguments() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser("mutants", description=__doc__)
    add = parser.add_argument
    add("modules", nargs="*", default=MODULES, help="paths below alembic_lossless")
    add("--seed", type=int, default=1)
    add("--each", type=int, default=12, help="lines of each module")
    add("--seconds", type=float, default=40, help="of tests, for each change")
    add("--processes", type=int, default=2)
    add("--coverage", type=Path, help="which test ran which line; made if not there")
    add("--results", type=Path, help="where results are kept: a run goes on from there")
    return parser.parse_args()


def shown(change: Change, outcome: Outcome) -> str:
    """Return a change that no test noticed, as a reader wants to see it."""
    return (
        f"\n{change.module}:{change.line} {change.operator},"
        f" {outcome.tests} tests\n{change.diff}"
    )


def main() -> int:
    """Run, and print what was not noticed and how many there were."""
    asked = arguments()
    done = dict[str, str]()
    if asked.results and asked.results.exists():
        done = dict(map(json.loads, asked.results.read_text().splitlines()))
    with TemporaryDirectory(prefix="mutants-") as temporary:
        copies = [Path(temporary, str(number)) for number in range(asked.processes)]
        for copy in copies:
            copy_into(copy)
        coverage = asked.coverage or Path(temporary, "coverage")
        if not coverage.exists():
            write_coverage(copies[0], coverage)
        ran = Ran(coverage, copies[0])
        changes = [
            change
            for module in asked.modules
            for change in sampled(copies[0], module, asked.seed, asked.each)
        ]
        # Whoever stops it has looked at some of each module.
        random.Random(asked.seed).shuffle(changes)
        places = get_context("fork").SimpleQueue()
        for copy in copies:
            places.put(copy)
        with ProcessPoolExecutor(
            len(copies), get_context("fork"), begin, (places,)
        ) as pool:
            running = {
                pool.submit(judge, it, ran.tests(it, asked.seconds, asked.seed)): it
                for it in changes
                if it.key not in done
            }
            for ended in as_completed(running):
                change, outcome = running[ended], ended.result()
                word = outcome.word
                if word == "missed" and change.name in EQUIVALENT:
                    word = "equivalent"
                done[change.key] = word
                if word == "missed":
                    print(shown(change, outcome), flush=True)
                if asked.results:
                    with asked.results.open("a") as file:
                        file.write(json.dumps([change.key, word]) + "\n")
    table = Counter((it.module, done[it.key]) for it in changes)
    for module in asked.modules:
        counts = {word: n for (its, word), n in table.items() if its == module}
        print(module, counts)
    words = Counter(done[it.key] for it in changes)
    missed, same = words["missed"], words["equivalent"]
    print(
        f"Of {len(changes)} changes (seed {asked.seed}) {len(changes) - missed - same}"
        f" were noticed, {same} are equivalent and {missed} were missed."
    )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
