"""Measure how long the work takes beside other tools, and write docs/speed.md.

Usage: python benchmarks/speed.py [--rounds ROUNDS] [--machine TEXT] [PART ...]

Parts are `commands`, `revisions`, `tables`, `rows`, `tests`, `start`, `generate`,
`postgresql` and `guards`; all of them without an argument. What other parts measured
before is kept in speed.json, so that they can be measured one at a time.

Needs `pip install --group dev --group benchmarks`, uv, and Linux or macOS; guards and
PostgreSQL are measured on the servers that the tests use. A figure is the processor
time of whole processes, which other work on the machine changes little, and the median
of rounds in which the tools take turns. Only ratios travel to another machine.
"""

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

import speed_app
import speed_commands
import speed_growth
import speed_report


def _postgresql(rounds: int) -> Any:
    # Imported late: a child's most memory is at least what its parent has at the fork.
    from speed_postgresql import postgresql  # noqa: PLC0415

    return postgresql(rounds)


def _guards(rounds: int) -> Any:
    from guards import guards  # noqa: PLC0415  likewise

    return guards(rounds)


PARTS: dict[str, Callable[[int], Any]] = {
    "commands": speed_commands.measured,
    "revisions": speed_growth.revisions,
    "tables": speed_growth.tables,
    "rows": speed_growth.rows,
    "tests": speed_app.tests,
    "start": speed_app.start,
    "generate": speed_app.generate,
    "postgresql": _postgresql,
    "guards": _guards,
}


def main() -> None:
    """Measure parts, and write the report and the picture of all that is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--machine", help="a sentence about it, for the report")
    options = parser.parse_args()
    if unknown := set(options.parts) - PARTS.keys():
        sys.exit(f"There is no part {min(unknown)!r}: {', '.join(PARTS)}.")
    for part in options.parts or PARTS:
        found = PARTS[part](options.rounds)
        print(part, json.dumps(found, indent=2), flush=True)
        kept = speed_report.kept() | {part: found}
        if options.machine:
            kept["machine"] = options.machine
        speed_report.keep(kept)


if __name__ == "__main__":
    main()
