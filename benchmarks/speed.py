"""Time a day's commands beside those of other tools, in one run, and print Markdown.

Usage: python benchmarks/speed.py [ROUNDS]

Needs `pip install --group dev --group benchmarks`, and Linux or macOS. A figure is the
processor time of the commands, which other work on the machine changes little, the
median of rounds in which the tools take turns; behind it is its ratio to this
template's. Only ratios travel to another machine.
"""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from tempfile import TemporaryDirectory

from contestants import CONTESTANTS, Contestant, run

MANY = 1000
START = "import app; app.create_app()"
ALEMBIC_SCRIPT = """\
from alembic import op
revision, down_revision = "r{number}", {before}
def upgrade():
    op.execute("CREATE TABLE t{number} (id INTEGER PRIMARY KEY)")
def downgrade():
    op.execute("DROP TABLE t{number}")
"""
DJANGO_SCRIPT = """\
from django.db import migrations
class Migration(migrations.Migration):
    dependencies = {before}
    operations = [
        migrations.RunSQL("CREATE TABLE t{number} (id INTEGER PRIMARY KEY)"),
    ]
"""

Measured = dict[str, float]


def main() -> None:
    """Measure everything and print one table."""
    rounds = int(sys.argv[1]) if sys.argv[1:] else 5
    with TemporaryDirectory() as folder:
        made = {each.name: Path(folder) / f"{n}" for n, each in enumerate(CONTESTANTS)}
        for each in CONTESTANTS:
            each.make(made[each.name])
        print("| | " + " | ".join(made) + " |")
        print("|---" * (len(made) + 1) + "|")
        for title, measure in MEASURES.items():
            print(row(title, in_turns(measure, made, rounds), list(made)), flush=True)


def in_turns(
    measure: Callable[[Contestant, Path], float | None],
    made: dict[str, Path],
    rounds: int,
) -> Measured:
    """Return the median of each tool, measured in turns on fresh copies."""
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        for each in CONTESTANTS:
            with TemporaryDirectory() as folder:
                copy = shutil.copytree(made[each.name], Path(folder) / "app")
                seconds = measure(each, copy)
            if seconds is not None:
                found.setdefault(each.name, []).append(seconds)
    return {name: median(seconds) for name, seconds in found.items()}


def first_migration(tool: Contestant, folder: Path) -> float | None:
    """Time the three commands that draft, apply and check a first revision."""
    if not tool.revision:
        return None
    commands = (tool.revision, tool.upgrade, tool.check)
    return sum(seconds(folder, command) for command in commands)


def nothing_to_do(tool: Contestant, folder: Path) -> float | None:
    """Time the upgrade at the start of a container whose database is up to date."""
    if not tool.revision:
        return None
    run(folder, tool.revision)
    run(folder, tool.upgrade)
    return seconds(folder, tool.upgrade)


def many_revisions(tool: Contestant, folder: Path) -> float | None:
    """Time an upgrade through many revisions that create a table each."""
    if not tool.revision:
        return None
    script = DJANGO_SCRIPT if tool.name == "Django" else ALEMBIC_SCRIPT
    for number in range(1, MANY + 1):
        before = f'"r{number - 1}"' if number > 1 else "None"
        if tool.name == "Django":
            before = f'[("friends", {before})]' if number > 1 else "[]"
        text = script.format(number=number, before=before)
        (folder / tool.versions / f"r{number}.py").write_text(text)
    return seconds(folder, tool.upgrade)


def start(tool: Contestant, folder: Path) -> float | None:
    """Time a process that imports and makes the app."""
    if tool.name in {"`alembic init`", "Django"}:
        return None
    return seconds(folder, f"python -c '{START}'")


def seconds(folder: Path, command: str) -> float:
    """Run a command and return the processor time that it took."""
    before = getrusage(RUSAGE_CHILDREN)
    run(folder, command)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def row(title: str, measured: Measured, names: list[str]) -> str:
    """Return a line of the table: the time of each and its ratio to the first."""
    cells = [
        f"{measured[name]:.2f} s, {measured[name] / measured[names[0]]:.1f}x"
        if name in measured
        else "—"
        for name in names
    ]
    return f"| {title} | " + " | ".join(cells) + " |"


MEASURES = {
    "draft, apply and check the first revision, three commands": first_migration,
    "upgrade when there is nothing to do": nothing_to_do,
    f"upgrade through {MANY:,} revisions": many_revisions,
    "import and make the app": start,
}

if __name__ == "__main__":
    main()
