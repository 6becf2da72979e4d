"""The same on PostgreSQL: elapsed time, since the server does most of the work."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from contestants import make_alembic_in_app, make_template, run
from guards import empty_database
from speed_commands import ALEMBIC_SCRIPT, MANY
from speed_growth import DRAFT, OURS, PLAIN, versions, with_tables

SQLITE = "sqlite:///app.db"
FIRST = 500
"""The tables of a first draft."""


def postgresql(rounds: int) -> dict[str, dict[str, float]]:
    """Time many revisions, and a first draft of many tables, beside plain Alembic.

    :param rounds: how often each is measured; the tools take turns.
    :return: what was done -> the tool -> seconds.
    """
    return {
        f"`upgrade` through {MANY:,} revisions": _measured(
            _with_revisions, "alembic upgrade head", rounds
        ),
        f"a first draft of {FIRST} tables": _measured(
            lambda project: with_tables(project, FIRST), DRAFT, rounds
        ),
    }


def _measured(
    prepare: Callable[[Path], None], command: str, rounds: int
) -> dict[str, float]:
    taken: dict[str, list[float]] = {OURS: [], PLAIN: []}
    with TemporaryDirectory() as name:
        projects = {OURS: Path(name) / "ours", PLAIN: Path(name) / "plain"}
        make_template(projects[OURS], database_layer="sqlalchemy")
        make_alembic_in_app(projects[PLAIN])
        ini = projects[PLAIN] / "alembic.ini"
        text = ini.read_text()
        for project in projects.values():
            prepare(project)
            run(project, "python -m compileall -q .")
        for tool, project in [*projects.items()] * rounds:
            with empty_database("postgresql", project) as url:
                ini.write_text(text.replace(SQLITE, url))
                start = time.monotonic()
                run(project, command, url)
                taken[tool].append(time.monotonic() - start)
            for draft in versions(project).glob("*_draft.py"):
                draft.unlink()
    return {tool: median(several) for tool, several in taken.items()}


def _with_revisions(project: Path) -> None:
    for number in range(1, MANY + 1):
        before = f'"r{number - 1}"' if number > 1 else "None"
        script = ALEMBIC_SCRIPT.format(number=number, before=before)
        (versions(project) / f"r{number}.py").write_text(script)
