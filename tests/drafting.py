"""Draft a revision from changed models, and run it up, down and up on rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drafts import sql
from environment import Environment
from rendering import Project

Rows = list[tuple[Any, ...]]


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


def round_trip(
    project: Environment,
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
    url = project.environment[project.url_variable]

    def rows(queries: Sequence[str]) -> dict[str, Rows]:
        return {query: sql(url, query) for query in queries}

    def insert_rows() -> None:
        for statement in insert:
            sql(url, statement)

    with project.migrations() as migrations:
        migrations.upgrade()
        insert_rows()
        script = migrations.revision("change", answers=answers)
        assert script is not None
        drafted = Path(script.path).read_text()
        migrations.upgrade()
        found_up = rows(up)
        assert not (differences := migrations.check()), differences
        migrations.downgrade("-1")
        found_down = rows(down)
        migrations.upgrade()
        again = rows(up)
        assert not (differences := migrations.check()), differences
    return Trip(drafted, found_up, found_down, again)
