"""`flask seed`: rows to develop with."""

import pytest
from rendering import Project
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

TABLES = ("friend", "city", "hobby", "friend_hobby")


def counts(url: str) -> list[int]:
    """Return how many rows each table has."""
    with create_engine(url, poolclass=NullPool).connect() as connection:
        return [
            connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0  # noqa: S608
            for table in TABLES
        ]


@pytest.fixture
def migrated(project: Project, database_url: str) -> Project:
    """Give a project whose database has its tables."""
    mine = project.using(database_url)
    mine.run("flask", "db", "upgrade")
    return mine


def test_twice_is_once(migrated: Project, database_url: str) -> None:
    """I seed the database again, and it has the same rows."""
    assert migrated.run("flask", "seed").stdout.startswith("Added 4 of 4")
    first = counts(database_url)
    assert min(first) > 0
    assert migrated.run("flask", "seed").stdout.startswith("Added 0 of 4")
    assert counts(database_url) == first


def test_a_database_in_use_is_left_alone(migrated: Project, database_url: str) -> None:
    """I type it on the wrong server: my friends stay alone, unless I insist."""
    with create_engine(database_url, poolclass=NullPool).begin() as connection:
        connection.execute(text("INSERT INTO friend (name) VALUES ('Eve')"))
    done = migrated.run("flask", "seed", status=1)
    assert done.stderr.startswith("Error: ")
    assert counts(database_url)[0] == 1
    migrated.run("flask", "--debug", "seed")
    assert counts(database_url)[0] == 5


def test_before_the_first_upgrade(project: Project) -> None:
    """I seed before I upgrade, and learn what comes first."""
    done = project.run("flask", "seed", status=1)
    assert done.stderr == "Error: Tables are missing. First run: flask db upgrade\n"


def test_a_model_that_is_not_drafted(migrated: Project) -> None:
    """I edited a model and did not draft: I read what differs, and the command."""
    name = "    name: Mapped[str] = mapped_column(String(100))\n    city_id"
    more = "    age: Mapped[int | None]\n"
    migrated.edit("models.py", name, more + name)
    done = migrated.run("flask", "seed", status=1)
    assert "Traceback" not in done.stderr
    assert "friend.age: column added" in done.stderr
    assert done.stderr.endswith("First run: flask db migrate\n")


def test_a_difference_that_does_not_matter(migrated: Project) -> None:
    """I want another index and have not drafted it: the examples are added."""
    name = "    name: Mapped[str] = mapped_column(String(100))\n    city_id"
    migrated.edit("models.py", name, name.replace("(100)", "(100), index=True"))
    assert migrated.run("flask", "seed").stdout.startswith("Added 4 of 4")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cret@127.0.0.1:1/x",
        "postgresql://me@127.0.0.1:1/x?password=s3cret",
        "mysql://me:s3cret@127.0.0.1:1/x?charset=utf8mb4",
    ],
)
def test_a_secret_is_not_printed(project: Project, url: str) -> None:
    """My server is away: I read a line, and no password, wherever it stands."""
    done = project.using(url).run("flask", "seed", status=1)
    assert "Traceback" not in done.stderr
    assert "s3cret" not in done.stdout + done.stderr
