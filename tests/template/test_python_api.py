"""The migrations as Python functions: data comes back, and nothing else happens."""

import json
from typing import Any

from rendering import Project

PRELUDE = """
import json, logging, os, sys
from concurrent.futures import ThreadPoolExecutor
from sqlalchemy import create_engine, inspect, text
from friend_book import create_app
from friend_book.migrations import migrations
ids = lambda scripts: [script.revision for script in scripts]
"""


def answer(project: Project, code: str, status: int = 0) -> Any:
    """Run Python in the project; it gives its answer by `answer = …`."""
    code = f"{PRELUDE}{code}\nsys.stderr.write('\\n' + json.dumps(answer))"
    done = project.run("python", "-c", code, status=status)
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 2, done.stderr
    return json.loads(lines[-1])


def test_a_database_goes_up_and_down(project: Project, database_url: str) -> None:
    """I upgrade and downgrade from Python, and every step says where I am."""
    first, pending, up, left, down, back = answer(
        project.using(database_url),
        """
first = ids(migrations.heads())
pending = ids(migrations.pending())
up = ids(migrations.upgrade())
left = ids(migrations.pending())
down = ids(migrations.downgrade())
answer = first, pending, up, left, down, ids(migrations.pending())
""",
    )
    assert first == pending == up == back
    assert (len(first), left, down) == (1, [], [])


def test_looking_makes_no_file(project: Project) -> None:
    """I ask where a database is, and asking does not create it."""
    url = f"sqlite:///{project.path}/new.db"
    current = "answer = ids(migrations.current())"
    assert answer(project.using(url), current) == []
    assert not (project.path / "new.db").exists()


def test_an_app_context_means_the_apps_database(project: Project) -> None:
    """I migrate the database of the app that I made, whatever the environment says."""
    app_only = """
app = create_app({"DATABASE_URL": "sqlite:///app.db"})
with app.app_context():
    up = ids(migrations.upgrade())
answer = up, ids(migrations.current())
"""
    environment = project.using(f"sqlite:///{project.path}/environment.db")
    up, current = answer(environment, app_only)
    assert (len(up), current) == (1, [])
    assert (project.path / "app.db").exists()
    assert not (project.path / "environment.db").exists()


def test_a_connection_of_mine_is_used(project: Project, database_url: str) -> None:
    """I hand over an engine or a connection, and it is still mine afterwards."""
    up, current, tables = answer(
        project,
        f"""
engine = create_engine({database_url!r})
up = ids(migrations.upgrade(connection=engine))
with engine.connect() as connection:
    current = ids(migrations.current(connection=connection))
    assert not connection.in_transaction()
    migrations.downgrade(connection=connection)
    assert ids(migrations.pending(connection=connection)) == up
answer = up, current, inspect(engine).get_table_names()
""",
    )
    assert up == current
    assert tables == ["alembic_version", "alembic_version_history"]


def test_eight_threads_at_once(project: Project) -> None:
    """I migrate eight databases from a thread pool, and each gets its tables."""
    revisions, tables = answer(
        project,
        """
engines = [create_engine(f"sqlite:///{number}.db") for number in range(8)]
def work(engine):
    migrations.upgrade(connection=engine)
    migrations.downgrade(connection=engine)
    return ids(migrations.upgrade(connection=engine))
with ThreadPoolExecutor(8) as pool:
    revisions = list(pool.map(work, engines))
answer = revisions, [len(inspect(engine).get_table_names()) for engine in engines]
""",
    )
    assert revisions == [revisions[0]] * 8
    assert tables == [6] * 8


def test_my_logging_stays_mine(project: Project) -> None:
    """I configured logging, and an upgrade from Python changes nothing of it."""
    before, after = answer(
        project,
        """
def state():
    loggers = [logging.getLogger(name) for name in ("mine", "alembic", "sqlalchemy")]
    return [
        (logger.name, logger.level, logger.disabled, str(logger.handlers))
        for logger in [logging.getLogger(), *loggers]
    ]
logging.getLogger("mine").addHandler(logging.NullHandler())
logging.getLogger().setLevel(logging.ERROR)
migrations.heads()
before = state()
migrations.upgrade()
migrations.check()
answer = before, state()
""",
    )
    assert before == after


def test_a_transaction_of_mine_stays_mine(project: Project) -> None:
    """I look inside a transaction of my own, and it is neither ended nor committed."""
    inside, after = answer(
        project,
        """
engine = create_engine("sqlite:///mine.db")
migrations.upgrade(connection=engine)
with engine.connect() as connection:
    connection.execute(text("INSERT INTO city (name) VALUES ('Bern')"))
    migrations.current(connection=connection)
    migrations.pending(connection=connection)
    with migrations.operations(connection=connection) as op:
        op.execute("INSERT INTO city (name) VALUES ('Basel')")
    inside = connection.in_transaction()
    connection.rollback()
    answer = inside, connection.scalar(text("SELECT count(*) FROM city"))
""",
    )
    assert (inside, after) == (True, 0)


def test_mistakes_are_exceptions(project: Project) -> None:
    """I name a revision that is not there, and catch what Alembic would print."""
    message = answer(
        project,
        """
from alembic.util import CommandError
try:
    migrations.upgrade("nope")
except CommandError as error:
    answer = str(error)
""",
    )
    assert message == "Can't locate revision identified by 'nope'"


def test_what_others_depend_on_is_not_pending(project: Project) -> None:
    """I have two branches, one needs the other, and upgrading the first runs both."""
    pending = answer(
        project,
        """
migrations.upgrade()
draft = {"autogenerate": False, "splice": True, "head": "base"}
migrations.revision("apart", rev_id="apart", **draft)
migrations.revision("needs", rev_id="needs", depends_on="apart", **draft)
before = ids(migrations.pending())
migrations.upgrade("needs")
answer = before, ids(migrations.pending())
""",
    )
    assert pending == [["apart", "needs"], []]


def test_questions_are_data(project: Project) -> None:
    """I rename a column: the draft asks me as data, and my answer settles it."""
    project.run("flask", "db", "upgrade")
    project.edit("store.py", "Friend(name=", "Friend(full_name=")
    project.edit(
        "models.py",
        "name: Mapped[str] = mapped_column(String(100))\n    city_id",
        "full_name: Mapped[str] = mapped_column(String(100))\n    city_id",
    )
    subject, answers, drafted = answer(
        project,
        """
from alembic_lossless import OpenQuestions
try:
    migrations.revision("rename")
except OpenQuestions as error:
    (question,) = error.questions
drafted = migrations.revision("rename", answers=["rename=friend.name:full_name"])
answer = question.subject, question.answers, drafted.doc
""",
    )
    assert (subject, drafted) == ("friend.name", "rename")
    assert answers == ["rename=friend.name:full_name", "drop=friend.name"]
    assert len(project.revisions()) == 2
