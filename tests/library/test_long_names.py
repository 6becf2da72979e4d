"""Names that no server keeps whole: a revision says them, and runs on each server."""

from pathlib import Path

import pytest
from drafts import alembic, define_thing, draft, refusal
from environment import Environment
from servers import DATABASES, empty_database, engine_of
from sqlalchemy import inspect

LONG = "a_column_whose_name_alone_is_nearly_too_long_for_a_server_{}"
KEYS = [
    f"{LONG.format(n)} = sa.String(9), {how}=True"
    for n, how in enumerate(("index", "unique"))
]
NO_KEYS = [f"{LONG.format(n)} = sa.String(9)" for n in range(2)]


@pytest.mark.parametrize("drafted_on", DATABASES)
def test_they_go_and_come_on_every_server(
    project: Environment, drafted_on: str, tmp_path: Path
) -> None:
    """I drop an index and a constraint with long names, down and up on each server."""
    with empty_database(drafted_on, tmp_path) as url:
        here = project.using(url)
        define_thing(here, *KEYS)
        draft(here, "keys")
        define_thing(here, *NO_KEYS)
        script = draft(here, "none").partition("def downgrade")[0]
        assert f"ix_thing_{LONG.format(0)}" in script
    for kind in DATABASES:
        with empty_database(kind, tmp_path) as url:
            there = project.using(url)
            alembic(there, "upgrade head", "check", "downgrade -1", "upgrade head")


def test_a_name_that_alembic_cut_is_the_whole_one(
    project: Environment, tmp_path: Path
) -> None:
    """Plain Alembic drafted an index by the name that PostgreSQL keeps of it."""
    with empty_database("postgresql", tmp_path) as url:
        here = project.using(url)
        define_thing(here, KEYS[0])
        draft(here, "keys")
        (index,) = inspect(engine_of(url)).get_indexes("thing")
        alembic(here, "downgrade -1")
        (path,) = (here.package / "migrations" / "versions").glob("*keys*")
        whole = f"ix_thing_{LONG.format(0)}"
        text = path.read_text()
        assert whole in text
        path.write_text(text.replace(whole, str(index["name"])))
        alembic(here, "upgrade head", "check", "downgrade -1", "upgrade head")


UMLAUTS = {
    "index": ("ä" * 29, "sa.String(9), index=True"),
    "unique": ("ä" * 29, "sa.String(9), unique=True"),
    "key": ("ä" * 25, 'sa.Integer, sa.ForeignKey("friend.id")'),
    "check": ("ä", f'sa.Boolean(create_constraint=True, name="{"ö" * 29}")'),
}


@pytest.mark.parametrize("what", UMLAUTS)
def test_umlauts_are_counted_as_postgresql_counts_them(
    project: Environment, what: str, tmp_path: Path
) -> None:
    """What has room in 63 letters, and not in 63 bytes, is no difference ever after."""
    name, how = UMLAUTS[what]
    with empty_database("postgresql", tmp_path) as url:
        here = project.using(url)
        define_thing(here, f"{name} = {how}")
        draft(here, "named")
        define_thing(here, "other = sa.String(9)")
        draft(here, "gone", f"drop=thing.{name}")
        alembic(here, "downgrade -1", "upgrade head", "check", "downgrade base")


def test_what_postgresql_would_cut_is_refused(
    project: Environment, tmp_path: Path
) -> None:
    """I am told of a column whose name the server does not keep, before it is made."""
    with empty_database("postgresql", tmp_path) as url:
        here = project.using(url)
        define_thing(here, f"{'ä' * 32} = sa.String(9)")
        alembic(here, "upgrade head")
        said = refusal(here, "revision", "--autogenerate", "-m", "cut")
        assert "the name has 64 bytes, and PostgreSQL keeps 63." in said
