"""The migrations: they lead from nothing to the models, and back."""

from pathlib import Path

import pytest
from alembic_lossless import REVIEW
from sqlalchemy import inspect

from {{ cookiecutter.program_name }}.db import engines
from {{ cookiecutter.program_name }}.migrations import migrations

needs_empty_databases = pytest.mark.usefixtures("empty_app")


def test_one_head() -> None:
    """My branch and my colleague's are joined before they are deployed."""
    heads = [script.revision for script in migrations.heads()]
    assert len(heads) == 1, (
        f"Two branches each added a revision: {' and '.join(heads)}. Put yours behind"
        " theirs: flask db rebase"
    )


def test_history_is_locked() -> None:
    """I edited no revision that others have, and none is missing in history.lock."""
    found = migrations.lock_problems()
    assert not found, f"{'; '.join(found)}. If that is meant: flask db lock"


def test_no_open_review() -> None:
    """I looked at every place of a draft that it asked me to look at."""
    for script in migrations.history():
        lines = Path(script.path).read_text("utf-8").splitlines()
        marked = [f"line {n}" for n, line in enumerate(lines, 1) if REVIEW in line]
        assert not marked, (
            f"{script.path} asks for a review: {', '.join(marked)}. Look, then delete"
            f' what follows "{REVIEW}".'
        )


@needs_empty_databases
def test_from_empty_to_head() -> None:
    """I set up a new database with one command."""
    migrations.upgrade("heads")
    assert migrations.pending() == ()


@needs_empty_databases
def test_models_match() -> None:
    """I changed no model without a migration."""
    migrations.upgrade("heads")
    assert migrations.check() == [], (
        "The models and the migrations differ: draft a revision with"
        ' alembic revision --autogenerate -m "…"'
    )


@needs_empty_databases
def test_each_revision_down_and_up_again() -> None:
    """I can take back each revision, and run it again."""
    for script in reversed(migrations.history()):
        below = script.down_revision or "base"
        migrations.upgrade(script.revision)
        migrations.downgrade(below if isinstance(below, str) else below[0])
        migrations.upgrade(script.revision)


@needs_empty_databases
def test_nothing_stays_behind() -> None:
    """I take everything back, and my database is as empty as before."""
    before, made = _contents(), set[str]()
    for script in reversed(migrations.history()):
        migrations.upgrade(script.revision)
        made |= _contents() - before
    migrations.downgrade("base")  # which brings back what others made, too
    own = "alembic_version", "alembic_version_history"
    left = {f"{database}: table {name}" for database in engines() for name in own}
    assert _contents() & made == left


def _contents() -> set[str]:
    """Return the tables, views and types of all databases."""
    found = set()
    for database, engine in engines().items():
        inspector = inspect(engine)
        found |= {f"{database}: table {name}" for name in inspector.get_table_names()}
        found |= {f"{database}: view {name}" for name in inspector.get_view_names()}
        if engine.dialect.name == "postgresql":
            enums = inspector.get_enums()  # type: ignore[attr-defined]
            found |= {f"{database}: type {enum['name']}" for enum in enums}
    return found
