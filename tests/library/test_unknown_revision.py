"""A database is at a revision whose file is gone, and the message's remedies work."""

import re

import pytest
from drafts import alembic, sql
from environment import Environment
from kept import end
from scripts import empty, file_of, server, tables, write
from sqlalchemy import text

OWN = '''"""My own table."""

from sqlalchemy.orm import Mapped, mapped_column

from .db import Model


class Product(Model):
    """What we sell."""

    __tablename__ = "product"

    id: Mapped[int] = mapped_column(primary_key=True)
'''


@pytest.fixture
def shop(project: Environment, database_url: str) -> Environment:
    """Give a project whose database is at a first revision that was deleted."""
    shop = project.using(database_url)
    alembic(shop, "upgrade head")
    return empty(shop)


def said(shop: Environment) -> str:
    """Draft, which is refused, and return what the message says to do."""
    done = shop.run("flask", "db", "migrate", "-m", "own tables", status=255)
    assert "is at revision '1', which this project does not have" in done.stdout
    assert shop.revisions() == []
    return done.stdout.replace("\n", " ")


def test_the_revision_was_deleted_on_purpose(
    shop: Environment, database_url: str
) -> None:
    """I replace the first tables, and begin with an empty database as I am told."""
    (shop.package / "models.py").write_text(OWN)
    advice = re.search(r"empty database: (.*)", said(shop).strip())
    assert advice
    if database_url.startswith("sqlite"):
        assert advice[1] == f"delete {file_of(database_url)}"
        file_of(database_url).unlink()
    else:
        run_elsewhere(database_url, advice[1])
    alembic(shop, "revision --autogenerate -m own", "upgrade head", "check")
    assert tables(database_url) == {"product", "alembic_version"}


def test_a_status_explains_it_too(shop: Environment) -> None:
    """I ask for the status, as my README has it, and read the same."""
    done = shop.run("flask", "db", "status", status=255)
    assert "is at revision '1', which this project does not have" in done.stdout
    assert "stamp --purge head" in done.stdout


FLASK_DB = """
import sys
from alembic_lossless.cli import run
from friend_book.migrations import migrations
run(migrations, sys.argv[1:], "flask db")
"""


@pytest.mark.parametrize(
    "command",
    ["alembic upgrade head", "alembic history"]
    + [f"flask {it}" for it in ("status", "upgrade", "heads", "migrate -m x")],
)
def test_a_file_in_the_middle_is_gone(project: Environment, command: str) -> None:
    """I deleted a revision that another builds on: told which, and no traceback."""
    write(project, "two", "pass", down="1")
    write(project, "three", "pass", down="two")
    (project.package / "migrations" / "versions" / "two.py").unlink()
    program, *words = command.split()
    start = ["-c", FLASK_DB] if program == "flask" else ["-m", "alembic"]
    done = project.run("python", *start, *words, status=255)
    assert "FAILED: The file of revision 'two' is gone" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def run_elsewhere(url: str, statements: str) -> None:
    """Run statements on a server, in another database than the one they are about."""
    engine = server(url)
    end(str(engine.url.database))
    elsewhere = "mysql" if engine.dialect.name == "mysql" else "postgres"
    there = server(
        engine.url.set(database=elsewhere).render_as_string(hide_password=False)
    )
    with there.connect() as connection:
        for statement in statements.split(";"):
            connection.execute(text(statement))


def test_the_tables_match(shop: Environment, database_url: str) -> None:
    """I draft the first revision anew on another database, and stamp the one I have."""
    sql(database_url, "INSERT INTO city (id, name) VALUES (1, 'Oslo')")
    stamp = re.search(r"flask db stamp --purge head", said(shop))
    assert stamp
    other = shop.using(f"sqlite:///{shop.path / 'other.db'}")
    alembic(other, "revision --autogenerate -m again")
    shop.run(*stamp[0].split())
    alembic(shop, "upgrade head", "check")
    assert sql(database_url, "SELECT name FROM city") == [("Oslo",)]
