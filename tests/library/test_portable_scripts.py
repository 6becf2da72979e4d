"""A script drafted on one kind of database runs on the others."""

from pathlib import Path

import pytest
from drafts import alembic, define_thing, draft, newest, sql
from environment import Environment
from servers import DATABASES, empty_database

EVERYTHING = (
    "flag = sa.Boolean, nullable=False, server_default=sa.false()",
    "yes = sa.Boolean, nullable=False, server_default=sa.true()",
    "at = sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()",
    "seen = sa.DateTime, server_default=sa.text('CURRENT_TIMESTAMP')",
    "mood = sa.Enum('happy', 'sad', name='mood'), server_default='happy'",
    "tone = sa.Enum('high', 'low', native_enum=False, length=20)",
    "data = sa.JSON, server_default='{}'",
    "extra = sa.JSON().with_variant(postgresql.JSONB, 'postgresql')",
    "tags = sa.JSON().with_variant(postgresql.ARRAY(sa.Text), 'postgresql')",
    "price = sa.Numeric(10, 2), server_default='1.50'",
    "rate = sa.Double, server_default=sa.text('0.5')",
    "count = sa.BigInteger, server_default='7'",
    "blob = sa.LargeBinary",
    "key = sa.Uuid",
    "body = sa.Text",
    'name = sa.String(1000), server_default="it\'s"',
)
DEFAULTS = "SELECT flag, yes, mood, price, rate, count, name FROM thing"


@pytest.mark.parametrize("drafted_on", DATABASES)
def test_a_draft_runs_everywhere(
    project: Environment, drafted_on: str, tmp_path: Path
) -> None:
    """I add a table of every type, and drop it; both ways work on all databases."""
    with empty_database(drafted_on, tmp_path) as url:
        here = project.using(url)
        define_thing(here, *EVERYTHING)
        text = draft(here, "everything")
        assert "sa.false()" in text
        assert "sa.func.now()" in text
        insert_and_look(url)
        define_thing(here, "name = sa.String(1000), server_default='none'")
        draft(here, "little")
        alembic(here, "downgrade -1")
        insert_and_look(url)
        gone = here.package / "things.py"
        gone.unlink()
        alembic(here, "upgrade head", "revision --autogenerate -m gone")
        assert_nothing_is_foreign(newest(here, "little") + newest(here, "gone"))
    for kind in DATABASES:
        with empty_database(kind, tmp_path) as url:
            there = project.using(url)
            alembic(there, "upgrade head", "check", "downgrade -2")
            insert_and_look(url)
            alembic(there, "upgrade head", "downgrade -3", "upgrade head", "check")


FORGOTTEN = (
    "name = sa.String(9), unique=True",
    "code = sa.String(9), unique=True, index=True",
    "at = sa.DateTime",
    "number = sa.Integer",
    "said = sa.Text, comment='as they said'",
    "note = sa.Text, comment='first'",
    "gone = sa.Text, comment='comes back'",
)
REMEMBERED = (
    "name = sa.String(9)",
    "code = sa.String(9)",
    "at = sa.DateTime(timezone=True)",
    "number = sa.BigInteger().with_variant(sa.Integer, 'sqlite')",
    "told = sa.Text, comment='as they said'",
    "note = sa.Text, comment='second'",
)


@pytest.mark.parametrize("drafted_on", DATABASES)
def test_what_a_database_forgets_is_drafted(
    project: Environment, drafted_on: str, tmp_path: Path
) -> None:
    """I change what some databases do not know, and none of them forgets it."""
    with empty_database(drafted_on, tmp_path) as url:
        here = project.using(url)
        define_thing(here, *FORGOTTEN)
        draft(here, "before")
        define_thing(here, *REMEMBERED)
        script = draft(here, "after", "rename=thing.said:told", "drop=thing.gone")
        assert script.count('comment="comes back"') == 1
    for kind in DATABASES:
        with empty_database(kind, tmp_path) as url:
            there = project.using(url)
            alembic(there, "upgrade head", "check", "downgrade -1", "upgrade head")
            alembic(there, "check", "downgrade base")


def insert_and_look(url: str) -> None:
    """Insert a row and see that it has the defaults of the model."""
    sql(url, "DELETE FROM thing")
    sql(url, "INSERT INTO thing (id) VALUES (1)")
    ((flag, yes, mood, price, rate, count, name),) = sql(url, DEFAULTS)
    assert (bool(flag), bool(yes), mood, float(price)) == (False, True, "happy", 1.5)
    assert (rate, count, name) == (0.5, 7, "it's")


def assert_nothing_is_foreign(script: str) -> None:
    """See that a script says nothing as only one database does."""
    for word in (
        "mysql",
        "collation",
        "::",
        "nextval",
        "sa.TEXT",
        "sa.VARCHAR",
        "BLOB",
    ):
        assert word not in script.replace("postgresql.JSONB", "")
    assert script.count("sa.DateTime(timezone=True)") == 1
