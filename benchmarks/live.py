"""Migrate a table that people use, in three ways, and print what they notice.

Usage: python benchmarks/live.py [--help]

A table of a million rows gets each of the changes: by the draft of plain Alembic, by
this library's, and by this library's for a project that is live. Meanwhile one person
writes and one reads, every 5 ms; in two of them somebody else has a transaction open
for five seconds, and in some the table has another key, none, partitions or a generated
column. Said are the longest time that a write took, beside the longest that the same
write took meanwhile in a database where nothing is migrated; the errors of the version
of the app that was running; and how long the migration took. A live draft in two
revisions has the deployment between them: from then on the new version writes.

It needs `pip install --group dev`, TEST_POSTGRESQL_URL and TEST_MARIADB_URL, and half
an hour for everything. Times are this machine's; what waits for what is not.
"""

import argparse
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from live_changes import CHANGES, SHAPES, WRITES, Change
from live_picture import draw
from live_project import SERVERS, Project, Server, make
from live_traffic import Request, Traffic

WAYS = {
    "plain Alembic": {"ours": False, "live": False},
    "this library": {"ours": True, "live": False},
    "this library, live": {"ours": True, "live": True},
}
QUIET = 1.0
"""Seconds before and after a migration, in which nothing happens to the table."""
FEW = 10_000
"""Rows where nothing is migrated."""
HOLDS = 5.0
"""Seconds for which somebody else holds a row, or has a transaction open."""


@dataclass
class Measured:
    """What people noticed of one migration."""

    seconds: float
    written: list[Request]
    read: list[Request]
    refusal: str
    """Why it was not done, where it was not."""
    floor: float
    """The longest that a write took meanwhile where nothing is migrated, in seconds."""
    warned: bool
    """Whether the draft said that others would have to wait."""

    @property
    def stall(self) -> float:
        """The longest that a write took, in seconds."""
        return max(request.seconds for request in self.written)

    @property
    def errors(self) -> int:
        """How many writes failed."""
        return sum(bool(request.error) for request in self.written)

    def __str__(self) -> str:
        """Return a cell of the table."""
        if self.refusal:
            return self.refusal
        errors = f", **{self.errors} errors**" if self.errors else ""
        said = ", said before" if self.warned else ""
        times = f"{_ms(self.stall)}, beside {_ms(self.floor)}"
        return f"{times}{errors} ({self.seconds:.1f} s{said})"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"


def main() -> None:
    """Measure, print one table for each server, and draw."""
    options = _options()
    kept: dict[str, dict[str, dict[str, Measured]]] = {}
    for kind in options.server or SERVERS:
        found = kept[kind] = {}
        ways = options.way or [*WAYS]
        print(f"\n### {kind}\n\n| | {' | '.join(ways)} |\n|---{'|---' * len(ways)}|")
        with TemporaryDirectory() as folder, ExitStack() as stack:
            # In it nothing is migrated, and so all that delays its writer is the rest.
            beside = stack.enter_context(Server(kind, FEW, Path(folder)))
            servers: dict[str, Server] = {}
            for name in options.change or CHANGES:
                change = CHANGES[name]
                if change.shape not in servers:
                    server = Server(kind, options.rows, Path(folder), change.shape)
                    servers[change.shape] = stack.enter_context(server)
                server = servers[change.shape]
                row = dict(_row(server, Path(folder), beside, change, ways))
                found[name] = row
                cells = " | ".join(map(str, row.values()))
                print(f"| {CHANGES[name].title} | {cells} |", flush=True)
    if options.picture:
        options.picture.write_text(draw(kept), encoding="utf-8")
    if options.json:
        options.json.write_text(json.dumps(_plain(kept)), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--server", action="append", choices=SERVERS)
    parser.add_argument("--change", action="append", choices=CHANGES)
    parser.add_argument("--way", action="append", choices=WAYS)
    parser.add_argument("--picture", type=Path, help="an SVG of the writers' times")
    parser.add_argument("--json", type=Path, help="a file for what was measured")
    return parser.parse_args()


def _row(
    server: Server, folder: Path, beside: Server, change: Change, ways: list[str]
) -> Iterator[tuple[str, Measured]]:
    for way in ways:
        place = folder / f"{time.monotonic_ns()}"
        with server.copied() as url:
            project = make(place, url, **WAYS[way], shape=change.shape)
            first = place / "migrations" / "versions" / "1_first.py"
            shutil.copy(server.first, first)
            where = SHAPES[change.shape].where
            traffic = Traffic(url, server.rows, where), Traffic(beside.url, FEW)
            yield way, _migrate(project, change, *traffic)


def _migrate(
    project: Project, change: Change, traffic: Traffic, beside: Traffic
) -> Measured:
    """Migrate while people use the old version, then the new one."""
    try:
        scripts = project.draft(change)
    except RuntimeError as error:
        return Measured(0, [], [], _last(str(error)), 0, warned=False)
    refusal, took = "", 0.0
    texts = [path.read_text() for path in scripts]
    if "op." not in "".join(texts):
        return Measured(0, [], [], "the change is not noticed", 0, warned=False)
    warned = any("LOCKS:" in text for text in texts)
    old, new = change.old_writes(), change.new_writes()
    versions = [old] if len(texts) == 1 else [old, new]
    if len(texts) == 1 and 'phase = "after"' in texts[0]:
        versions = [new]
    for number, writes in enumerate(versions, 1):
        target = "head" if number == len(versions) else "+1"
        with (
            traffic.flowing(writes),
            beside.flowing(WRITES),
            traffic.held(change.holds, HOLDS),
        ):
            time.sleep(QUIET)
            begin = time.monotonic()
            process = project.start("upgrade", target)
            said, _ = process.communicate()
            took += time.monotonic() - begin
            refusal = refusal or (_last(said) if process.returncode else "")
            time.sleep(QUIET)
    floor = max(request.seconds for request in beside.written)
    return Measured(took, traffic.written, traffic.read, refusal, floor, warned)


def _last(said: str) -> str:
    """Return the line that says why a command stopped."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    reasons = [line for line in lines if "FAILED" in line or "Error" in line]
    reason = (reasons or lines)[-1].rpartition("failed: ")[2].removeprefix("FAILED: ")
    return f"fails: {reason.rpartition('Violation) ')[2][:100].replace('|', '/')}"


def _plain(kept: dict[str, dict[str, dict[str, Measured]]]) -> dict[str, object]:
    return {
        kind: {
            name: {
                way: {
                    "stall": one.stall if one.written else None,
                    "floor": one.floor,
                    "errors": one.errors,
                    "seconds": one.seconds,
                    "refusal": one.refusal,
                    "warned": one.warned,
                    "reader": max((r.seconds for r in one.read), default=None),
                    "first error": next((r.error for r in one.written if r.error), ""),
                }
                for way, one in row.items()
            }
            for name, row in found.items()
        }
        for kind, found in kept.items()
    }


if __name__ == "__main__":
    main()
