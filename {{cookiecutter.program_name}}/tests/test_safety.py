"""What your rows may rely on: a run is whole or not at all, and alone."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from flask import Flask
from sqlalchemy import Engine, text

from {{ cookiecutter.program_name }} import settings
from {{ cookiecutter.program_name }}.db import engines
from {{ cookiecutter.program_name }}.engines import metadatas
from {{ cookiecutter.program_name }}.migrations import migrations

from .databases import new_databases

BEGINNING = """
from alembic import op
import sqlalchemy as sa

revision = {revision!r}
down_revision = {down!r}
branch_labels = depends_on = None


def downgrade():
    pass


def upgrade():
"""
PARENTS_AND_CHILDREN = """
    op.create_table("parent", sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(10)))
    op.create_table("child", sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("parent_id", sa.Integer,
            sa.ForeignKey("parent.id", ondelete="CASCADE")))
    op.execute("INSERT INTO parent VALUES (1, 'Ann')")
    op.execute("INSERT INTO child VALUES (1, 1), (2, 1)")
"""
WIDER_NAME = """
    with op.batch_alter_table("parent") as batch:
        batch.alter_column("name", type_=sa.String(20), existing_type=sa.String(10))
"""
FAILURE = """
    op.execute("DELETE FROM child")
    op.execute("SELECT this_column_is_not_there")
"""


@pytest.fixture
def engine(empty_app: Flask) -> Engine:
    """Give the app's engine for an empty database."""
    assert empty_app
    return engines()["default"]


@pytest.fixture
def alembic(engine: Engine, tmp_path: Path) -> Config:
    """Give Alembic revisions that are not the app's."""
    bodies = {"1": PARENTS_AND_CHILDREN, "2": WIDER_NAME, "3": FAILURE}
    for revision, body in bodies.items():
        down = str(int(revision) - 1) if revision != "1" else None
        beginning = BEGINNING.format(revision=revision, down=down)
        (tmp_path / f"{revision}.py").write_text(beginning + body)
    config = migrations.config()
    config.set_main_option("version_locations", str(tmp_path).replace("%", "%%"))
    config.attributes["connection"] = engines() if len(metadatas) > 1 else engine
    return config


def test_an_altered_table_keeps_its_children(alembic: Config, engine: Engine) -> None:
    """I alter a table whose children are deleted with it, and none is."""
    command.upgrade(alembic, "2")
    assert _rows(engine, "child") == [(1, 1), (2, 1)]


def test_a_failed_run_loses_nothing(alembic: Config, engine: Engine) -> None:
    """I run two more revisions, the last one fails, and all my rows are there."""
    command.upgrade(alembic, "1")
    with pytest.raises(CommandError, match="revision 3 failed"):
        command.upgrade(alembic, "3")
    # The others undo the whole run; MariaDB and MySQL commit at every ALTER TABLE.
    whole = "2" if engine.dialect.name in {"mysql", "mariadb"} else "1"
    assert _rows(engine, "alembic_version") == [(whole,)]
    assert _rows(engine, "child") == [(1, 1), (2, 1)]


def test_two_runs_at_once(server: str | None, tmp_path: Path) -> None:
    """I start the app twice at the same moment, and each revision runs once."""
    upgrade = [sys.executable, "-m", settings.PROGRAM, "db", "upgrade", "heads"]
    with new_databases(server, tmp_path) as urls:
        variables = {settings.url_variable(name): urls[name] for name in urls}
        runs = [
            subprocess.Popen(  # noqa: S603  the command is above
                upgrade,
                cwd=settings.PROJECT,
                env={**os.environ, **variables},
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        logged = [run.communicate()[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], logged
    revisions = len(migrations.history())
    assert sum(log.count("Running upgrade") for log in logged) == revisions * len(urls)


def _rows(engine: Engine, table: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        rows = connection.execute(text(f"SELECT * FROM {table} ORDER BY 1"))  # noqa: S608
        return [tuple(row) for row in rows]
