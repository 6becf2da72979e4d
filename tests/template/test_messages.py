"""What I read when the database cannot be used: the cause and what to do."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from rendering import Project
from scripts import ask, versions, write
from servers import DATABASES, VARIABLES, empty_database
from sqlalchemy import make_url

PASSWORD = "s3cr%t@:/#?x"  # noqa: S105  every sign that has a meaning in a URL
URLS = {
    "": "is empty",
    "nonsense": "is not a database URL",
    "oracl://x/y": "'oracl', which SQLAlchemy does not know",
    "postgresql+pg8000://u:s3cret@h/d": "'postgresql+pg8000', and it is not installed",
    "postgresql+asyncpg://u:s3cret@h/d": "asyncpg",
    "postgresql://u:s3cret@127.0.0.1:54x/d": "is not a database URL",
    "postgresql://u:s3@cret@127.0.0.1/d": "has more than one @",
    "sqlite://home/x.db": "Write three slashes before a path",
    "postgresql://u:s3cret@nowhere.invalid/d": "there is no host 'nowhere.invalid'",
    "postgresql://u:s3cret@127.0.0.1:1/d": "no server answers at 127.0.0.1:1",
    "mysql://u:s3cret@nowhere.invalid/d": "there is no host 'nowhere.invalid'",
    "mysql://u:s3cret@127.0.0.1:1/d": "no server answers at 127.0.0.1:1",
    "sqlite:////nowhere/x.db": "there is no folder /nowhere",
    "sqlite:////": "is a folder",
    "sqlite:////proc/x.db": "you may not create /proc/x.db",
}


def lines(project: Project, *arguments: str) -> list[str]:
    """Run Alembic, which fails, and return what a person reads."""
    return read(project.alembic(*arguments, status=255))


def read(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return what a person reads of a command."""
    shown = done.stdout + done.stderr
    return [line for line in shown.splitlines() if not line.startswith("INFO")]


@pytest.mark.parametrize(("url", "told"), URLS.items())
def test_a_url_that_cannot_be_used(project: Project, url: str, told: str) -> None:
    """I mistype the URL: the variable, the cause and the fix, and no password."""
    for program in (["alembic"], ["flask", "db"]):
        done = project.using(url).run(*program, "upgrade", "head", status=None)
        shown = [line for line in read(done) if not line.startswith("Usage: ")]
        assert done.returncode != 0
        assert len(shown) <= 3
        assert project.url_variable in shown[0]
        assert told in " ".join(shown)
        assert "cret" not in " ".join(shown)


def test_a_file_that_is_no_database(project: Project) -> None:
    """I name a text file, and am told so."""
    shown = lines(project.using(f"sqlite:///{__file__}"), "upgrade", "head")
    assert "the file is not a SQLite database" in shown[0]
    assert len(shown) <= 3


@pytest.mark.parametrize("kind", VARIABLES)
def test_a_server_that_refuses(project: Project, kind: str) -> None:
    """I mistype the password, or the name of the database."""
    server = os.environ.get(VARIABLES[kind])
    if not server:
        pytest.skip(f"{VARIABLES[kind]} is not set")
    url = make_url(server).set(database="no_such_database")
    absent = url.render_as_string(hide_password=False)
    shown = lines(project.using(absent), "upgrade", "head")
    assert "the server has no database 'no_such_database'" in shown[0]
    wrong = url.set(username="nobody_here", password="s3cret")  # noqa: S106
    text = wrong.render_as_string(hide_password=False)
    shown = lines(project.using(text), "upgrade", "head")
    assert "the server refuses the user 'nobody_here' or the password" in shown[0]
    assert len(shown) <= 3
    assert "s3cret" not in " ".join(shown)


@contextmanager
def own_role(kind: str, url: str) -> Iterator[str]:
    """Give the URL of a database for a user with a difficult password."""
    user = f"u_{uuid4().hex[:8]}"
    database = make_url(url).database
    doubled = PASSWORD.replace(":", r"\:")
    if kind == "postgresql":
        ask(url, f"CREATE ROLE {user} LOGIN PASSWORD '{doubled}'")
        ask(url, f"ALTER DATABASE {database} OWNER TO {user}")
        gone = [f"REASSIGN OWNED BY {user} TO current_user", f"DROP ROLE {user}"]
    else:
        ask(url, f"CREATE USER {user}@'%' IDENTIFIED BY '{doubled}'")
        ask(url, f"GRANT ALL ON {database}.* TO {user}@'%'")
        gone = [f"DROP USER {user}@'%'"]
    try:
        made = make_url(url).set(username=user, password=PASSWORD)
        yield made.render_as_string(hide_password=False)
    finally:
        for statement in gone:
            ask(url, statement)


@pytest.mark.parametrize("kind", VARIABLES)
def test_a_password_with_every_sign(
    project: Project, kind: str, tmp_path: Path
) -> None:
    """My password has %, @, :, / and #: it works, and nobody reads it."""
    with empty_database(kind, tmp_path) as url, own_role(kind, url) as own:
        shop = project.using(own)
        for command in ("upgrade head", "current", "check"):
            done = shop.alembic(*command.split())
            assert "s3cr" not in done.stdout + done.stderr


def test_a_revision_that_is_not_here(project: Project, database_url: str) -> None:
    """The database is at a revision of newer code, and I am told what to type."""
    shop = project.using(database_url)
    newer = write(shop, "newer", "pass", down=shop.revisions()[-1].stem.split("_")[1])
    shop.alembic("upgrade", "head")
    newer.unlink()
    for command in ("upgrade head", "current", "check"):
        shown = lines(shop, *command.split())
        assert "is at revision 'newer', which this project does not have" in shown[0]
        assert "alembic stamp --purge" in shown[1]
    assert versions(database_url) == ["newer"]
    shop.alembic("stamp", "--purge", "head")
    shop.alembic("current")


@pytest.mark.parametrize("value", ["soon", "-1", "inf"])
def test_a_setting_that_is_no_number(project: Project, value: str) -> None:
    """I mistype a number of seconds, and am told which."""
    name = f"{project.name.upper()}_MIGRATION_LOCK_TIMEOUT"
    project.environment[name] = value
    shown = lines(project, "upgrade", "head")
    assert shown == [f"FAILED: {name} is {value!r}. Write a number of seconds: 5"]


@pytest.mark.parametrize("kind", DATABASES)
def test_reading_changes_nothing(project: Project, kind: str, tmp_path: Path) -> None:
    """I only look, and no file, folder or table is made."""
    with empty_database(kind, tmp_path / "there" / "not") as url:
        shop = project.using(url)
        shop.alembic("current")
        shop.alembic("history")
        shop.alembic("heads")
        shop.alembic("check", status=255)
        assert not (tmp_path / "there").exists()
        assert kind == "sqlite" or versions(url) == []


@pytest.mark.parametrize("database_url", DATABASES, indirect=True)
def test_a_draft_needs_the_newest_revision(project: Project, database_url: str) -> None:
    """I draft before I upgraded: I read where the database is, and what comes first."""
    shop = project.using(database_url)
    head = shop.alembic("heads").stdout.split()[0]
    url = make_url(database_url).render_as_string()
    for program, command in (
        ("alembic", "revision --autogenerate"),
        ("flask", "db check"),
    ):
        done = shop.run(program, *command.split(), status=255)
        prog = "flask db" if program == "flask" else program
        told = f"is not up to date. {url} is at base, not {head}."
        assert f"{told}\nFirst: {prog} upgrade head" in done.stdout + done.stderr
    assert len(shop.revisions()) == 1
