"""The commands of a day, timed beside those of other tools on the same tables."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from tempfile import TemporaryDirectory

from contestants import (
    CONTESTANTS,
    Contestant,
    alembic,
    make_alembic_in_app,
    make_flask_migrate_in_app,
    make_template,
    run,
)

MANY = 1000
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
ONE_PROCESS = """\
from alembic import command
from alembic.config import Config
{config}
command.revision(config, "first", autogenerate=True)
command.upgrade(config, "head")
command.check(config)
"""

Found = dict[str, dict[str, float]]
"""What was done -> the tool -> seconds."""

IN_APP = "`alembic init` in this app"
"""What plain Alembic costs where the models are those of the generated app."""

MIGRATE_IN_APP = "Flask-Migrate in this app"

TOOLS = [
    *CONTESTANTS[:1],
    Contestant(
        "with plain SQLAlchemy",
        lambda folder: make_template(folder, database_layer="sqlalchemy"),
        *(CONTESTANTS[0].revision, CONTESTANTS[0].upgrade, CONTESTANTS[0].check),
        versions=CONTESTANTS[0].versions,
    ),
    replace(
        CONTESTANTS[0],
        name="with `flask db`",
        revision="flask db migrate -m first",
        upgrade="flask db upgrade",
        check="flask db check",
    ),
    CONTESTANTS[1],
    alembic(IN_APP, make_alembic_in_app),
    CONTESTANTS[2],
    replace(CONTESTANTS[2], name=MIGRATE_IN_APP, make=make_flask_migrate_in_app),
    *CONTESTANTS[3:5],
]


def measured(rounds: int) -> Found:
    """Return the median of each tool for each of the measures.

    :param rounds: how often each is measured; the tools take turns.
    """
    with TemporaryDirectory() as folder:
        new = {tool.name: Path(folder) / f"{n}" for n, tool in enumerate(TOOLS)}
        migrated = {tool.name: Path(folder) / f"{n}m" for n, tool in enumerate(TOOLS)}
        for tool in TOOLS:
            tool.make(new[tool.name])
            tool.make(migrated[tool.name])
            run(migrated[tool.name], tool.revision)
            run(migrated[tool.name], tool.upgrade)
            # What a package index installs is compiled; so is a project from then on.
            for made in (new, migrated):
                run(made[tool.name], "python -m compileall -q .")
        found = {
            title: _in_turns(measure, migrated, rounds)
            for title, measure in ON_MIGRATED.items()
        }
        for title, measure in ON_NEW.items():
            found[title] = _in_turns(measure, new, rounds)
        return found


def _in_turns(
    measure: Callable[[Contestant, Path], float | None],
    made: dict[str, Path],
    rounds: int,
) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        for tool in TOOLS:
            with TemporaryDirectory() as folder:
                copy = shutil.copytree(made[tool.name], Path(folder) / "app")
                taken = measure(tool, copy)
            if taken is not None:
                found.setdefault(tool.name, []).append(taken)
    return {name: median(taken) for name, taken in found.items()}


def first_migration(tool: Contestant, folder: Path) -> float:
    """Time the three commands that draft, apply and check a first revision."""
    return sum(seconds(folder, it) for it in (tool.revision, tool.upgrade, tool.check))


def one_process(tool: Contestant, folder: Path) -> float | None:
    """Time the same in one process, as the hook of the template does it."""
    if tool.name in {"`alembic init`", IN_APP}:
        config = 'config = Config("alembic.ini")'
    elif tool.name in {TOOLS[0].name, TOOLS[1].name}:
        config = "from app.migrations import migrations; config = migrations.config()"
    else:
        return None
    (folder / "once.py").write_text(ONE_PROCESS.format(config=config))
    return seconds(folder, "python once.py")


def nothing_to_do(tool: Contestant, folder: Path) -> float:
    """Time the upgrade at the start of a container whose database is up to date."""
    return seconds(folder, tool.upgrade)


def reading(what: str) -> Callable[[Contestant, Path], float | None]:
    """Return what times a command of Alembic's that only reads."""

    def measure(tool: Contestant, folder: Path) -> float | None:
        if tool.name in {"Django", "Flask-Alembic"}:
            return None
        return seconds(folder, tool.upgrade.partition(" upgrade")[0] + f" {what}")

    return measure


def many_revisions(tool: Contestant, folder: Path) -> float:
    """Time an upgrade through many revisions that create a table each."""
    is_django = tool.name == "Django"
    script = DJANGO_SCRIPT if is_django else ALEMBIC_SCRIPT
    for number in range(1, MANY + 1):
        before = f'"r{number - 1}"' if number > 1 else "None"
        if is_django:
            before = f'[("friends", {before})]' if number > 1 else "[]"
        text = script.format(number=number, before=before)
        (folder / tool.versions / f"r{number}.py").write_text(text)
    return seconds(folder, tool.upgrade)


def seconds(folder: Path, command: str) -> float:
    """Run a command and return the processor time that it took."""
    before = getrusage(RUSAGE_CHILDREN)
    run(folder, command)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


Measures = dict[str, Callable[[Contestant, Path], float | None]]

ON_MIGRATED: Measures = {
    "`upgrade` with nothing to do": nothing_to_do,
    "`current`": reading("current"),
    "`history`": reading("history"),
    "`heads`": reading("heads"),
}
ON_NEW: Measures = {
    "draft, apply and check, three commands": first_migration,
    "draft, apply and check, one process": one_process,
    f"`upgrade` through {MANY:,} revisions": many_revisions,
}
