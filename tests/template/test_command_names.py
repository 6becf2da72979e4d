"""The commands that people know from elsewhere, and what docs/commands.md says."""

import json
import re
import shlex

import click
import pytest
from flask_alembic import Alembic
from flask_alembic.cli import cli as flask_alembic
from flask_migrate.cli import db as flask_migrate
from rendering import TEMPLATE, Project

DOCS = (TEMPLATE / "docs" / "commands.md").read_text(encoding="utf-8")


def rows(heading: str, table: int = 0) -> list[tuple[str, str]]:
    """Return the rows of a table under a heading: what theirs is, and what ours."""
    section = DOCS.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)[table]
    cells = (line.strip("| ").split(" | ") for line in found.splitlines()[2:])
    return [(theirs, ours) for theirs, ours in cells]


@pytest.fixture(scope="session")
def ours(_pristine: Project) -> dict[str, list[str]]:
    """Return the options of each command of `flask db`, as its parser has them."""
    code = """
import json
from alembic_lossless.cli import CommandLine
parsers = CommandLine("flask db").subparsers.choices
options = {
    name: [word for word in parser.format_help().replace(",", " ").split()
           if word.startswith("-")]
    for name, parser in parsers.items()
}
print(json.dumps(options))
"""
    options: dict[str, list[str]] = json.loads(
        _pristine.run("python", "-c", code).stdout
    )
    return options


@pytest.mark.parametrize(
    ("name", "group"),
    [("Flask-Migrate", flask_migrate), ("Flask-Alembic", flask_alembic)],
)
def test_every_command_of_theirs(
    ours: dict[str, list[str]], name: str, group: click.Group
) -> None:
    """I follow their documentation, and the table has each command they have."""
    table = dict(rows(f"Coming from {name}"))
    assert set(table) == {f"`flask db {command}`" for command in group.commands}
    for text in table.values():
        for command in re.findall(r"`flask db (.*?)`", text):
            words = shlex.split(command)
            assert words[0] in ours, text
            options = [word for word in words if re.match(r"--?[a-z]", word)]
            assert set(options) <= set(ours[words[0]]), text


def test_every_option_of_flask_migrate(ours: dict[str, list[str]]) -> None:
    """I use an option of Flask-Migrate: it is here, or the table says what instead."""
    listed = {theirs.strip("`") for theirs, _ in rows("Coming from Flask-Migrate", 1)}
    missing = {
        option
        for name, command in flask_migrate.commands.items()
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--") and option not in ours[name.replace("-", "_")]
    }
    assert missing == listed


def test_every_method_of_flask_alembic() -> None:
    """I use Flask-Alembic's object, and the table says what each method is here."""
    listed = {
        name
        for theirs, _ in rows("From Python")
        for name in re.findall(r"`(\w+)`", theirs)
    }
    assert listed == {name for name in dir(Alembic) if not name.startswith("_")}


def test_the_example_runs(project: Project) -> None:
    """I type the example of the documentation, and it does what its comments say."""
    every = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    (example,) = (it for it in every if "create_app" in it)
    project.run("flask", "db", "upgrade")
    project.edit(
        "models.py",
        "    friends: Mapped[list[Friend]]",
        "    note: Mapped[str | None] = mapped_column(String(200))\n"
        "    friends: Mapped[list[Friend]]",
    )
    result = (
        "assert drafted.doc == 'made changes'\n"
        "(kind, _, table, column), = differences\n"
        "print(kind, table, column.name)"
    )
    done = project.run("python", "-c", f"{example}\n{result}")
    assert done.stdout == "add_column hobby note\n"
