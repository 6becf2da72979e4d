"""Draft a revision from changed models, and run it up, down and up on rows."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rendering import Project
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

Rows = list[list[Any]]


@dataclass
class Trip:
    """What a drafted revision did to the rows of a query."""

    script: str
    up: dict[str, Rows]
    """The rows of each query after the upgrade."""
    down: dict[str, Rows]
    """The rows of each query after the downgrade."""
    again: dict[str, Rows]
    """The rows of each query after the second upgrade."""


def change(project: Project, *edits: tuple[str, str]) -> None:
    """Replace texts in the models, wherever they stand."""
    path = project.package / "models.py"
    text = path.read_text()
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text)


def execute(url: str, sql: str) -> Rows:
    """Run one statement on a database and return its rows."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        done = connection.execute(text(sql))
        return [list(row) for row in done] if done.returns_rows else []


def round_trip(
    project: Project,
    insert: Sequence[str] = (),
    answers: Sequence[str] = (),
    up: Sequence[str] = (),
    down: Sequence[str] = (),
) -> Trip:
    """Draft a revision on a database with rows, and run it up, down and up again.

    The models must have changed before. After each upgrade, `check` must agree.

    :param insert: SQL that makes the rows, after the first revision.
    :param answers: what `-x` would say.
    :param up: queries after an upgrade.
    :param down: queries after the downgrade.
    """
    steps = json.dumps([list(part) for part in (insert, answers, up, down)])
    done = project.run(sys.executable, __file__, project.name, typed=steps)
    return Trip(**json.loads(done.stdout))


def _drive(package: str, steps: list[list[str]]) -> dict[str, Any]:
    """Run inside the project."""
    sys.path.insert(0, str(Path.cwd()))
    from importlib import import_module  # noqa: PLC0415

    migrations: Any = import_module(f"{package}.migrations")
    settings: Any = import_module(f"{package}.settings")
    url = settings.database_url().render_as_string(hide_password=False)
    insert, answers, up, down = steps

    def rows(queries: list[str]) -> dict[str, Rows]:
        return {query: execute(url, query) for query in queries}

    migrations.upgrade()
    for sql in insert:
        execute(url, sql)
    script = migrations.revision("change", answers=answers)
    found: dict[str, Any] = {"script": Path(script.path).read_text()}
    migrations.upgrade()
    found["up"] = rows(up)
    assert not (differences := migrations.check()), differences
    migrations.downgrade("-1")
    found["down"] = rows(down)
    migrations.upgrade()
    found["again"] = rows(up)
    assert not (differences := migrations.check()), differences
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_drive(sys.argv[1], json.load(sys.stdin)), default=str))
