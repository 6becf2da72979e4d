"""A value of my Project is wrong, or a file of it: each command says so in a line."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from alembic.util import CommandError
from alembic_lossless import Migrations
from environment import Environment
from scripts import write
from servers import ON_MARIADB
from sqlalchemy.dialects.mysql.base import MySQLDialect

VALUES = {
    "folder": ["'migrations'", "None", "Path('/no')"],
    "metadatas": [
        *("{}", "None", "[1]", "{1: metadatas['default']}"),
        *("{'default': []}", "{'default': 'x'}", "{'default': ['x']}"),
    ],
    "url": [
        *("None", "'sqlite://'", "lambda: 1", "lambda name: 1 / 0"),
        "lambda name: 'sqlite://'",
        "lambda name: make_url('postgresql+asyncpg://x/y')",
        "lambda name: make_url('mysql+mysqldb://x/y')",
        "lambda name: make_url('nosuch://x/y')",
        "lambda name: make_url('mysql://' + 'a' * 70)",
    ],
    "source": ["'X'", "lambda: 1", "lambda name: 1 / 0", "lambda name: 7"],
    "import_models": ["None", "lambda: 1 / 0", "lambda: 7", "lambda name: None"],
    "engines": [
        *("None", "lambda: 1 / 0", "lambda: 7", "lambda: {}"),
        "lambda: {'default': 7}",
    ],
    "ini": ["'alembic.ini'", "7"],
    "live": ["'no'", "None"],
    "runs_on": ["'mariadb'", "('oracle',)", "('postgresql>14',)", "None", "7"],
    "lint_after": ["7", "'no_such'"],
    "settings": [
        *("None", "{}", "Settings(None)", "Settings(values, None)"),
        *("Settings(lambda: 7)", "Settings(lambda: 1 / 0)"),
        "Settings(lambda: {'MIGRATION_WAIT': 'long'})",
        "Settings(lambda: {'MIGRATION_LOCK_TIMEOUT': 'long'})",
    ],
}
"""What is wrong, by the argument of Project."""

COMMANDS = (
    *("flask db heads", "flask db history", "flask db history -i", "flask db show"),
    *("flask db branches", "flask db current", "flask db status"),
    *("flask db check", "flask db check --json", "flask db status --json"),
    *("flask db diagram", "flask db lint --dialect postgresql"),
    "flask db migrate -m x",
    *("flask db upgrade", "flask db upgrade --wait 1", "flask db upgrade --sql"),
    *("alembic current", "alembic check", "alembic upgrade head"),
    *("alembic revision --autogenerate -m x", "flask db stamp", "flask db downgrade"),
)

READERS = {*COMMANDS, "flask db merge heads"} - {"flask db diagram"}
"""Those that read revisions."""

LINES = 2
"""How many lines a message may have."""


def bad_values() -> Iterator[Any]:
    """Yield each argument with each of its wrong values."""
    for name, values in VALUES.items():
        for value in values:
            yield pytest.param(name, value, id=f"{name}={value}")


@pytest.mark.parametrize(("name", "value"), [*bad_values()])
def test_a_value_that_cannot_be_used(
    project: Environment, name: str, value: str
) -> None:
    """I give my Project a wrong value: a command does without it, or names it."""
    project.alembic("upgrade", "head")
    path = project.package / "migrations" / "__init__.py"
    text = path.read_text()
    without = re.sub(rf"\n    {name}=.*\n", "\n", text)
    path.write_text(
        without.replace("Project(\n", f"Project(\n    {name}={value},\n", 1)
    )
    said = [it for command in COMMANDS if (it := told(project, command))]
    assert said, "no command noticed it"
    named = rf"The project's {name}\b|_DATABASE_URL\b|'default'|MIGRATION_|{name}"
    assert all(re.search(named, it) for it in said), said


def told(project: Environment, command: str) -> str:
    """Run a command; return what it fails with, which is a line or two."""
    done = project.run(*command.split(), status=None)
    both = done.stdout + done.stderr
    assert "Traceback" not in both, f"{command}\n{both}"
    if done.returncode == 0:
        return ""
    assert "FAILED: " in both, f"{command}\n{both}"
    failed = done.stdout.partition("FAILED: ")[2].strip()
    assert 1 <= len(failed.splitlines()) <= LINES, f"{command}\n{both}"
    return failed


CALLS: dict[str, tuple[Callable[[Migrations], object], str]] = {
    "name": (lambda it: it.current("no"), "no database and no schema 'no' here"),
    "only": (lambda it: it.check(only=["no"]), "no database and no schema 'no' here"),
    "text": (lambda it: it.upgrade(only="default"), "upgrade: only is 'default'. Give"),
    "empty": (lambda it: it.upgrade(""), "upgrade: target is ''. Give"),
    "range": (lambda it: it.lint("no"), "No such revision or branch 'no'"),
    "share": (lambda it: it.rehearse(share=7), "rehearse: share is 7. Give"),
    "target": (lambda it: it.rehearse("no"), "No such revision or branch 'no'"),
    "dialect": (lambda it: it.lint(dialect="no"), "lint: dialect is 'no'. Give"),
    "url": (
        lambda it: it.check(connection="postgresql://me:s3cret@x/y"),  # type: ignore[arg-type]
        "check: connection is of the type str. Give",
    ),
    "project": (lambda _: Migrations(7).heads(), "Migrations: project is 7. Give"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("call", CALLS)
def test_a_value_that_a_function_cannot_use(project: Environment, call: str) -> None:
    """I pass what has the right type and no sense: it is named, with no password."""
    function, told = CALLS[call]
    project.alembic("stamp", "base")
    with project.migrations() as migrations, pytest.raises(CommandError) as refused:
        function(migrations)
    assert told in str(refused.value)
    assert "s3cret" not in str(refused.value)


IN_ENV = {
    "None": "migrating: database is None. Give a URL, an Engine or a Connection.",
    "'postgresql//me:s3cret@x/y'": "What env.py gives for the database is no URL.",
    "env.Database(7)": "Database: given is 7. Give a URL, an Engine or a Connection.",
    "env.Database(url, live='no')": "The database's live is 'no'. Give True or False.",
    "": "migrating: missing a required argument: 'database'.",
    "url, target_metadata=env.Database": "migrating: target_metadata is the class",
}


@pytest.mark.parametrize("given", IN_ENV)
def test_an_env_py_that_gives_something_else(project: Environment, given: str) -> None:
    """I write something else into env.py than `migrating` takes: a line says so."""
    path = project.package / "migrations" / "env.py"
    begin = "from alembic import context\nfrom alembic_lossless import env\n"
    text = f"{begin}url = 'sqlite://'\nwith env.migrating({given}): pass\n"
    path.write_text(text)
    for command in ("alembic upgrade head", "alembic check", "flask db upgrade"):
        said = told(project, command)
        assert IN_ENV[given] in said, said
        assert "s3cret" not in said


IN_FILE = {
    "from friend_book import no_such": "ImportError: cannot import name",
    "from alembic_lossless import no_such": "ImportError: cannot import name",
    "from flask import current_app\n\ncurrent_app.name": "Working outside of appl",
    "raise ValueError('one\\ntwo\\nthree')": "ValueError: one",
}


@pytest.mark.parametrize("line", IN_FILE)
def test_a_revision_that_is_not_imported(project: Environment, line: str) -> None:
    """A revision imports what is not there, or wants an app: its place is said."""
    project.alembic("upgrade", "head")
    path = write(project, "2", "pass", down="1")
    path.write_text(f"{path.read_text()}\n{line}\n")
    number = path.read_text().count("\n")
    for command in READERS:
        said = told(project, command)
        assert IN_FILE[line] in said, command
        assert f"2.py, line {number}: " in said
        assert "\n" not in said


def test_two_files_with_one_identifier(project: Environment) -> None:
    """I copied a revision and forgot its identifier: both files are named."""
    project.alembic("upgrade", "head")
    path = write(project, "2", "pass", down="1")
    path.with_name("copy.py").write_text(path.read_text())
    for command in READERS:
        said = told(project, command)
        assert said.startswith("Two files have the identifier '2': "), command
        assert "/2.py and " in said
        assert "/copy.py.\n" in said
    path.unlink()
    assert not told(project, "flask db upgrade")


@ON_MARIADB
@pytest.mark.parametrize("command", ["flask db upgrade", "flask db status"])
def test_a_url_of_mariadb_for_mysql(
    project: Environment,
    database_url: str,
    command: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """My URL says mariadb:// and the server is MySQL: I read which one to write."""
    monkeypatch.setattr(
        MySQLDialect,
        "_get_server_version_info",
        lambda self, _connection: self._parse_server_version("8.0.36"),
    )
    path = project.package / "migrations" / "__init__.py"
    path.write_text(path.read_text().replace("return found.set(", "return found  # "))
    said = told(project.using(database_url), command)
    assert said == (
        "FRIEND_BOOK_DATABASE_URL says mariadb+pymysql, and the server is MySQL. Write"
        " mysql+pymysql:// for it."
    )
