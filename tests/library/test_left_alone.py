"""What neither my models nor my revisions know is left alone, and said."""

from collections.abc import Sequence

import pytest
from drafting import change, round_trip
from drafts import alembic, draft, newest, refusal, sql
from environment import Environment
from scripts import empty, write
from sqlalchemy import create_engine, inspect
from sqlalchemy.pool import NullPool

JOBS = "CREATE TABLE apscheduler_jobs (id VARCHAR(50) PRIMARY KEY, at INTEGER)"
INDEX = "CREATE INDEX ix_jobs_at ON apscheduler_jobs (at)"
COLUMN = "ALTER TABLE friend ADD COLUMN old_note VARCHAR(50)"
BY_HAND = "CREATE INDEX ix_by_hand ON friend (name, id)"


def _with_others(project: Environment, *made: str) -> str:
    """Migrate, and let somebody else make things there; return the URL."""
    alembic(project, "upgrade head")
    url = project.environment[project.url_variable]
    for statement in made:
        sql(url, statement)
    return url


def _shape(url: str) -> dict[str, list[str]]:
    """Return the names of the columns and indexes of each table."""
    there = inspect(create_engine(url, poolclass=NullPool))
    return {
        table: sorted(
            str(it["name"])
            for it in (*there.get_columns(table), *there.get_indexes(table))
        )
        for table in there.get_table_names()
    }


def test_what_others_made_is_left_alone(
    project: Environment, database_url: str
) -> None:
    """A job queue, a column and an index of somebody else's are no difference."""
    project = project.using(database_url)
    _with_others(project, JOBS, INDEX, COLUMN, BY_HAND)
    said = alembic(project, "check")
    line = (
        "Left alone, for neither the models nor a revision declare it: table"
        " apscheduler_jobs, index friend.ix_by_hand, column friend.old_note."
        " To drop it: -x drop=apscheduler_jobs"
    )
    assert line in said
    change(
        project,
        ("name: Mapped[str]", "nick: Mapped[int | None]\n    name: Mapped[str]"),
    )
    revision = "revision --autogenerate -m nick"
    assert line in alembic(project, revision)
    assert "drop" not in newest(project, "nick").partition("def downgrade")[0]


@pytest.mark.parametrize(
    ("made", "answer", "call"),
    [
        ([JOBS, INDEX], "apscheduler_jobs", "drop_table"),
        ([COLUMN], "friend.old_note", "drop_column"),
        ([BY_HAND], "friend.ix_by_hand", "drop_index"),
    ],
)
def test_it_is_dropped_when_i_say_so(
    project: Environment,
    database_url: str,
    made: Sequence[str],
    answer: str,
    call: str,
) -> None:
    """`-x drop=` makes a thing mine, and the downgrade makes it again."""
    project = project.using(database_url)
    url = _with_others(project, *made)
    before = _shape(url)
    trip = round_trip(project, answers=[f"drop={answer}"])
    assert call in trip.script
    assert _shape(url) != before
    alembic(project, "downgrade -1")
    assert _shape(url) == before


def test_a_database_without_history(project: Environment) -> None:
    """Tables of a database that no revision made are not dropped by my first draft."""
    project = empty(project)
    url = f"sqlite:///{project.path}/default.db"
    sql(url, JOBS)
    sql(url, "CREATE TABLE city (id INTEGER NOT NULL PRIMARY KEY, old VARCHAR)")
    said = alembic(project, "-x fill=city.name:'' revision --autogenerate -m first")
    assert "table apscheduler_jobs, column city.old." in said
    assert "drop_" not in newest(project, "first").partition("def downgrade")[0]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_extension_is_not_even_mentioned(
    project: Environment, database_url: str
) -> None:
    """A table that an extension brought, as PostGIS does, stays whatever I answer."""
    project = project.using(database_url)
    owned = "ALTER EXTENSION citext ADD TABLE apscheduler_jobs"
    _with_others(project, JOBS, "CREATE EXTENSION citext", owned)
    assert "Left alone" not in alembic(project, "check")
    answer = "drop=apscheduler_jobs"
    said = refusal(project, "-x", answer, "revision", "--autogenerate", "-m", "x")
    assert f"{answer} answers no question" in said


def test_what_i_include_is_asked_first(project: Environment) -> None:
    """My own include_name and include_object still say what is compared."""
    env = project.package / "migrations" / "env.py"
    mine = (
        "        include_name=lambda name, kind, parents: name != 'apscheduler_jobs',\n"
        "        include_object=lambda it, name, *_: name != 'hobby',\n"
    )
    online = "        render_as_batch=render_as_batch,\n    ):"
    assert online in env.read_text()
    env.write_text(env.read_text().replace(online, mine + online))
    project = project.using(f"sqlite:///{project.path}/default.db")
    _with_others(project, JOBS, COLUMN)
    hobby = '__tablename__ = "hobby"\n'
    change(project, (hobby, f"{hobby}    note: Mapped[str]\n"))
    said = alembic(project, "check")
    assert "apscheduler_jobs" not in said
    assert "column friend.old_note" in said


def test_an_index_that_a_column_brought_is_mine(project: Environment) -> None:
    """My revision said `index=True`; a model without it drops the index."""
    column = "op.add_column('hobby', sa.Column('note', sa.String(9), index=True))"
    write(project, "2", column, down="1")
    hobby = '__tablename__ = "hobby"\n'
    note = "    note: Mapped[str | None] = mapped_column(String(9))\n"
    change(project, (hobby, hobby + note))
    assert "op.drop_index" in draft(project, "note").replace("batch_op", "op")
