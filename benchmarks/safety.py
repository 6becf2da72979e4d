"""Hurt a day's migrations as a bad day would, beside other tools, and print Markdown.

Usage: python benchmarks/safety.py [MOMENTS [ROUNDS]] [--help]

MOMENTS is how often an upgrade is killed, ROUNDS how often eight start together. Needs
`pip install --group dev --group benchmarks`, and Linux or macOS; the rows about servers
need TEST_POSTGRESQL_URL and TEST_MARIADB_URL and are left out without them. What a
command says of a torn database is shown as an error. All tools get the same revisions.
The apps of all enforce foreign keys, as SQLite's own documentation asks for.
"""

import argparse
import compileall
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from contestants import BIN, CONTESTANTS, Contestant, replace
from hazards import (
    BROKEN,
    CONCURRENT,
    ENFORCED,
    ORPHANED,
    REBUILT,
    SERVERS,
    STEPWISE,
    URLS,
    Cut,
    Hazard,
    count,
    database,
    is_whole,
    migration,
    parents,
    script,
    state,
    table,
)

TOOLS = [each for each in CONTESTANTS if each.upgrade]
STUCK = 90
"""Seconds after which an upgrade hangs."""


@dataclass
class App:
    """An app of a tool, on a database of its own."""

    tool: Contestant
    folder: Path
    url: str

    def start(self) -> subprocess.Popen[str]:
        """Start an upgrade."""
        return subprocess.Popen(
            shlex.split(self.tool.upgrade),
            cwd=self.folder,
            env={
                **os.environ,
                "APP_DATABASE_URL": self.url,
                "DJANGO_SETTINGS_MODULE": "settings",
                "FLASK_APP": "app",
                "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": str(self.folder),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def upgrade(self) -> tuple[int, str]:
        """Upgrade, and return the exit status and what was printed."""
        process = self.start()
        try:
            shown, _ = process.communicate(timeout=STUCK)
        except subprocess.TimeoutExpired:
            process.kill()
            shown, _ = process.communicate()
        return process.returncode, shown

    def add(self, revision: str, hazard: Hazard, down: str | None = None) -> None:
        """Write a revision."""
        path = self.folder / self.tool.versions / f"{revision}.py"
        if self.tool.name == "Django":
            path.write_text(migration(hazard.django, down))
        else:
            path.write_text(script(revision, hazard.alembic, down))


@contextmanager
def app_of(tool: Contestant, made: Path, url: str = "") -> Iterator[App]:
    """Give a copy of a tool's app that uses a database."""
    with TemporaryDirectory() as parent:
        folder = Path(parent) / "app"
        shutil.copytree(made, folder)
        url = url or f"sqlite:///{folder}/app.db"
        if tool.upgrade.startswith("django"):
            (folder / "friends" / "models.py").write_text("")
        elif tool is not TOOLS[0]:
            file = "alembic.ini" if tool.upgrade.startswith("alembic") else "app.py"
            text = url.replace("%", "%%") if file == "alembic.ini" else url
            replace(folder / file, "sqlite:///app.db", text)
            with (folder / "models.py").open("a") as models:
                models.write(ENFORCED)
        yield App(tool, folder, url)


def children(tool: Contestant, made: Path) -> str:
    """Alter a table to which 100 rows refer by CASCADE, and 100 by SET NULL."""
    with app_of(tool, made) as app:
        app.add("a", parents(100))
        app.upgrade()
        app.add("b", REBUILT, "a")
        status, _ = app.upgrade()
        left = count(app.url, "child"), count(app.url, "note", "parent_id")
        return f"{left[0]} and {left[1]} left, exit {status}"


def orphans(tool: Contestant, made: Path) -> str:
    """Delete parents and forget their children."""
    with app_of(tool, made) as app:
        app.add("a", parents(2))
        app.upgrade()
        # The apps of the others have foreign keys off here: they would be no match.
        models = app.folder / "models.py"
        if models.exists():
            models.write_text(models.read_text().replace(ENFORCED, ""))
        app.add("b", ORPHANED, "a")
        status, shown = app.upgrade()
        done = "undone" if count(app.url, "parent") else "committed"
        named = ", rows named" if "rowid 1, 2" in shown else ""
        return f"{done}{named}, exit {status}"


def third(tool: Contestant, made: Path, kind: str) -> str:
    """Let the last of three revisions fail, correct it, and upgrade again."""
    with database(kind) as url, app_of(tool, made, url) as app:
        app.add("a", table("a"))
        app.add("b", table("b"), "a")
        app.add("c", BROKEN, "b")
        app.upgrade()
        left = state(app.url)[1]
        app.add("c", table("c"), "b")
        again, shown = app.upgrade()
        whole = f"{len(left)} tables left" if left else "nothing left"
        told = "is refused with what to type" if "alembic stamp" in shown else "fails"
        return f"{whole}, corrected one {told if again else 'runs'}"


def killed(tool: Contestant, made: Path, number: int) -> str:
    """Kill a rebuild of 50,000 rows at evenly spread moments, and upgrade again.

    Only the rebuilt table counts: what becomes of its children is another row.
    """
    with app_of(tool, made) as app:
        file, saved = app.folder / "app.db", app.folder / "saved"
        app.add("a", parents(50000))
        app.upgrade()
        shutil.copy(file, saved)
        app.add("b", REBUILT, "a")
        start = time.monotonic()
        app.upgrade()
        whole, torn = time.monotonic() - start, 0
        for moment in range(number):
            for left in app.folder.glob("app.db*"):
                left.unlink()
            shutil.copy(saved, file)
            process = app.start()
            time.sleep(whole * (0.4 + 0.6 * moment / number))
            process.kill()
            process.communicate()
            status, _ = app.upgrade()
            torn += status != 0 or count(app.url, "parent") != 50000  # noqa: PLR2004
        return f"{torn} of {number} torn"


def killed_on(tool: Contestant, made: Path, number: int, kind: str) -> str:
    """Kill an upgrade on a server at evenly spread moments, and upgrade again."""
    start = time.monotonic()
    with database(kind) as url, app_of(tool, made, url) as app:
        app.add("a", STEPWISE)
        app.upgrade()
        whole = time.monotonic() - start
    found = []
    for moment in range(number):
        with database(kind) as url, app_of(tool, made, url) as app:
            app.add("a", STEPWISE)
            process = app.start()
            time.sleep(whole * (0.4 + 0.6 * moment / number))
            process.kill()
            process.communicate()
            found.append(ended_up(app))
    return shown_as(found)


def cut_off(tool: Contestant, made: Path, kind: str) -> str:
    """Cut the connection of an upgrade at each message, and upgrade again."""
    found: list[str] = []
    while True:
        with database(kind) as url, app_of(tool, made, url) as app:
            app.add("a", STEPWISE)
            line = Cut(url, len(found) + 1)
            with replaced(app, line.url):
                app.upgrade()
            line.close()
            if not line.is_cut:
                return shown_as(found)
            found.append(ended_up(app))


@contextmanager
def replaced(app: App, url: str) -> Iterator[None]:
    """Let an app use another URL for a while."""
    before, app.url = app.url, url
    files = [app.folder / "alembic.ini", app.folder / "app.py"]
    texts = {file: file.read_text() for file in files if file.is_file()}
    for file, text in texts.items():
        file.write_text(text.replace(before, url))
    yield
    app.url = before
    for file, text in texts.items():
        file.write_text(text)


def ended_up(app: App) -> str:
    """Upgrade again, and say what became of the database."""
    status, shown = app.upgrade()
    if status == 0 and is_whole(app.url):
        return "whole"
    if "alembic stamp" in shown:
        return "refused with what to type"
    print(f"torn, exit status {status}: {shown}", file=sys.stderr)
    return "torn"


def shown_as(found: list[str]) -> str:
    """Count what became of databases."""
    counts = {it: found.count(it) for it in ("refused with what to type", "torn")}
    more = "".join(f", {n} {word}" for word, n in counts.items() if n)
    return f"{found.count('whole')} of {len(found)} whole{more}"


def together(
    tool: Contestant, made: Path, rounds: int, kind: str, last: Hazard | None = None
) -> str:
    """Start eight upgrades at the same moment."""
    failed = 0
    for _ in range(rounds):
        with database(kind) as url, app_of(tool, made, url) as app:
            for name, down in {"a": None, "b": "a", "c": "b"}.items():
                app.add(name, table(name), down)
            app.add("d", last or table("d"), "c")
            running = [app.start() for _ in range(8)]
            end = time.monotonic() + STUCK
            statuses = [ended(process, end) for process in running]
            failed += any(statuses) or state(app.url)[0] != ["d"]
    return f"{failed} of {rounds} rounds fail"


def ended(process: subprocess.Popen[str], end: float) -> int:
    """Wait for an upgrade until a moment of the monotonic clock, not for ever."""
    try:
        process.communicate(timeout=max(0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    return process.returncode


def mistyped(tool: Contestant, made: Path) -> str:
    """Give URLs that cannot work."""
    if tool.name == "Django":
        return "has no URL"
    lines, leaks, named = [], 0, 0
    for url in URLS:
        with app_of(tool, made, url or " ") as app:
            app.url = url
            app.add("a", table("a"))
            _, shown = app.upgrade()
        told = [line for line in shown.splitlines() if not line.startswith("INFO")]
        lines.append(len(told))
        leaks += any("s3cret" in line or "cret@" in line for line in told)
        named += any("DATABASE_UR" in line for line in told)
    found = f"{min(lines)} to {max(lines)} lines, variable named in {named}"
    return f"{found}, password shown in {leaks}"


def main() -> None:
    """Hurt all tools in turn, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("moments", type=int, nargs="?", default=40)
    parser.add_argument("rounds", type=int, nargs="?", default=20)
    parser.add_argument("--row", default="", help="only rows that have this text")
    parser.add_argument("--tool", action="append", choices=[it.name for it in TOOLS])
    options = parser.parse_args()
    moments, rounds = options.moments, options.rounds
    tools = [it for it in TOOLS if it.name in (options.tool or [it.name])]
    kinds = [kind for kind in SERVERS if SERVERS[kind][0] in os.environ]
    rows: dict[str, Callable[[Contestant, Path], str]] = {
        "100 CASCADE and 100 SET NULL children of a rebuilt table": children,
        "rows that refer to nothing, after a revision": orphans,
        "a database URL that cannot work, 11 of them": mistyped,
        f"SIGKILL while 50,000 rows are rebuilt, {moments} moments": partial(
            killed, number=moments
        ),
    }
    for kind in ["sqlite", *kinds]:
        rows[f"the third of three fails, {kind}"] = partial(third, kind=kind)
        if kind != "sqlite":
            title = f"SIGKILL at {moments} moments of many statements, {kind}"
            rows[title] = partial(killed_on, number=moments, kind=kind)
            title = f"the connection is cut at each message, {kind}"
            rows[title] = partial(cut_off, kind=kind)
        title = f"eight upgrades at once, {kind}"
        rows[title] = partial(together, rounds=rounds, kind=kind)
    if "postgresql" in kinds:
        few = max(1, rounds // 2)
        rows["eight at once with CREATE INDEX CONCURRENTLY"] = partial(
            together, rounds=few, kind="postgresql", last=CONCURRENT
        )
    with TemporaryDirectory() as folder:
        made = {tool.name: Path(folder) / f"{n}" for n, tool in enumerate(tools)}
        for tool in tools:
            tool.make(made[tool.name])
            compileall.compile_dir(made[tool.name], quiet=1)  # as it is after a start
        print("| | " + " | ".join(made) + " |")
        print("|---" * (len(made) + 1) + "|")
        for title, hurt in rows.items():
            if options.row not in title:
                continue
            cells = [hurt(tool, made[tool.name]) for tool in tools]
            print(f"| {title} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
