"""I test a revision with rows: before it, after it, and taken back."""

import os
from datetime import date

import pytest
import sqlalchemy as sa
from alembic.util import CommandError
from alembic_lossless.testing import migrated_to
from environment import Environment
from scripts import empty, write
from servers import VARIABLES

MAKE = """\
op.create_table(
    "friend", sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("name", sa.String(50)), sa.Column("born", sa.Date()),
    sa.Column("data", sa.JSON()),
    sa.Column("mood", sa.Enum("sad", "glad", name="mood", native_enum=False, length=9)),
)"""

SPLIT = """\
with op.batch_alter_table("friend") as batch:
    batch.alter_column("name", new_column_name="whole", existing_type=sa.String(50))
op.execute("UPDATE friend SET whole = upper(whole)")"""

BACK = """\
with op.batch_alter_table("friend") as batch:
    batch.alter_column("whole", new_column_name="name", existing_type=sa.String(50))"""


@pytest.mark.parametrize("kind", ["sqlite", *VARIABLES])
def test_rows_before_and_after(project: Environment, kind: str) -> None:
    """The tables have the types of my revisions, and move on with the database."""
    project = empty(project)
    write(project, "a", MAKE, 'op.drop_table("friend")')
    write(project, "b", SPLIT, BACK, down="a")
    server = None if kind == "sqlite" else os.environ[VARIABLES[kind]]
    born = date(1815, 12, 10)
    with project.migrations() as migrations:
        with migrated_to(migrations, "a", server=server) as db:
            friend = db.tables["friend"]
            row = {"name": "Ada", "born": born, "data": {"n": [1]}, "mood": "glad"}
            db.execute(friend.insert(), row)
            db.execute(friend.insert(), [{"name": "Bob"}, {"name": "Cyd"}])
            assert db.revisions == ("a",)
            db.upgrade()
            assert db.revisions == ("b",)
            (ada, *_) = db.execute(sa.select(db.tables["friend"]))
            assert ada == (1, "ADA", born, {"n": [1]}, "glad")
            assert "whole" in db.tables["friend"].c
            db.downgrade()
            assert "name" in db.tables["friend"].c
            url = db.engine.url
        assert migrations.stamped() == ()  # mine was not touched
        if server is not None:
            with pytest.raises(sa.exc.OperationalError):
                sa.create_engine(url).connect()


def test_bad_input(project: Environment) -> None:
    """A revision is not there, or the server is away: it says which, in a line."""
    with project.migrations() as migrations:
        never = migrated_to(migrations, "never")
        with pytest.raises(CommandError, match="Can't locate revision"), never:
            pass
        url = "postgresql+psycopg://nobody@127.0.0.1:1/none"
        away = migrated_to(migrations, "1", server=url)
        with pytest.raises(CommandError, match=r"127\.0\.0\.1"), away:
            pass


def test_several_databases(several: Environment) -> None:
    """All of a project's databases move together; I name the one that I look at."""
    with (
        several.migrations() as migrations,
        migrated_to(migrations, "base", database="auth") as db,
    ):
        assert db.tables == {}
        db.upgrade()
        assert "user" in db.tables
        assert "friend" not in db.tables
