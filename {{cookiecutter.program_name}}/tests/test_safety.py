"""The library that migrates, tried once: its own tests are elsewhere."""

from pathlib import Path

import pytest
from alembic import command
from alembic.util import CommandError
from sqlalchemy import text

from {{ cookiecutter.program_name }}.db import engines
from {{ cookiecutter.program_name }}.engines import metadatas
from {{ cookiecutter.program_name }}.migrations import migrations

BEGINNING = """
from alembic import op
import sqlalchemy as sa

revision, down_revision, branch_labels, depends_on = {revision!r}, {down!r}, None, None


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


@pytest.mark.usefixtures("empty_app")
def test_no_row_is_lost(tmp_path: Path) -> None:
    """I alter a table whose children refer to it, then the run fails: all are left."""
    bodies = {"1": PARENTS_AND_CHILDREN, "2": WIDER_NAME, "3": FAILURE}
    for revision, body in bodies.items():
        down = str(int(revision) - 1) if revision != "1" else None
        script = BEGINNING.format(revision=revision, down=down) + body
        (tmp_path / f"{revision}.py").write_text(script)
    engine = engines()["default"]
    config = migrations.config()
    config.set_main_option("version_locations", str(tmp_path).replace("%", "%%"))
    config.attributes["connection"] = engines() if len(metadatas) > 1 else engine
    command.upgrade(config, "2")
    with pytest.raises(CommandError, match=r"revision 3 (failed|would fail)"):
        command.upgrade(config, "3")
    with engine.connect() as connection:
        children = connection.execute(text("SELECT * FROM child ORDER BY id"))
        assert [tuple(row) for row in children] == [(1, 1), (2, 1)]
