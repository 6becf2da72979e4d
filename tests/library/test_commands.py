"""The library's own command line: what people type, and what programs read."""

import json
from typing import Any

import pytest
from alembic.config import Config
from alembic_lossless.config import program_of
from alembic_lossless.flask import db_command
from drafts import define_thing
from environment import Environment
from flask import Flask
from scripts import write

NEW = "name = sa.String(20)"


@pytest.fixture
def shop(project: Environment) -> Environment:
    """Give a project that is at its first revision."""
    shop = project.using(f"sqlite:///{project.path}/here.db")
    shop.alembic("upgrade", "head")
    return shop


def typed(shop: Environment, *arguments: str, status: int = 0) -> str:
    """Type a command of `flask db`, and return all that it says."""
    done = shop.run("flask", "db", *arguments, status=status)
    return done.stdout + done.stderr


def read(shop: Environment, *arguments: str, status: int = 0) -> Any:
    """Return what a command prints for programs."""
    return json.loads(
        shop.run("flask", "db", *arguments, "--json", status=status).stdout
    )


def two_heads(shop: Environment) -> None:
    """Let two branches each add a revision."""
    for name in ("apple", "pear"):
        write(shop, name, "pass", down="1")


def test_a_message_needs_no_option(shop: Environment) -> None:
    """I write it as Flask-Alembic has it, and the file is named after it."""
    typed(shop, "revision", "made changes")
    assert shop.revisions()[-1].name.endswith("_made_changes.py")
    define_thing(shop, NEW)
    typed(shop, "upgrade")
    typed(shop, "migrate", "more changes")
    assert any(it.name.endswith("_more_changes.py") for it in shop.revisions())


def test_list_templates_has_two_spellings(shop: Environment) -> None:
    """I type it with a hyphen, as with Flask-Migrate."""
    assert typed(shop, "list-templates") == typed(shop, "list_templates") != ""


def test_init_makes_no_second_environment(shop: Environment) -> None:
    """I type init with a folder, and am told that there is one already."""
    said = typed(shop, "init", "elsewhere", status=255)
    assert "has the migrations. Next: flask db migrate" in said
    assert not (shop.path / "elsewhere").exists()


def test_looking_logs_nothing(shop: Environment) -> None:
    """I look, and read no line about what a context would assume."""
    for command in (["current"], ["check"], ["heads"], ["history"], ["status"]):
        assert "Will assume" not in typed(shop, *command), command
    assert "Will assume transactional DDL." in typed(shop, "downgrade")


@pytest.mark.parametrize("program", ["flask db", "alembic"])
def test_the_history_needs_no_database(shop: Environment, program: str) -> None:
    """My server is away: I read the history, and join two branches of it."""
    two_heads(shop)
    words = program.split()
    there = shop.run(*words, "history").stdout
    away = shop.using("postgresql://me@127.0.0.1:1/shop")
    assert away.run(*words, "history").stdout == there != ""
    for more in (["-i"], ["-r", "current:"], ["-r", "base:current"]):
        said = away.run(*words, "history", *more, status=255).stdout
        assert "127.0.0.1" in said, more
    assert "(current)" in shop.run(*words, "history", "-i").stdout
    away.run(*words, "merge", "-m", "both", "apple", "pear")
    assert ", both" in away.run(*words, "history").stdout


def test_one_head_needs_no_merge(shop: Environment) -> None:
    """I merge by mistake, and nothing is written."""
    before = shop.revisions()
    said = typed(shop, "merge", "-m", "x", status=255)
    assert "There is one head: nothing is to be merged." in said
    assert shop.revisions() == before


@pytest.mark.parametrize("command", ["upgrade", "migrate -m x", "revision -m x"])
def test_two_heads_name_the_next_command(shop: Environment, command: str) -> None:
    """I have two heads, and whatever I type tells me the line that joins them."""
    two_heads(shop)
    said = typed(shop, *command.split(), status=255)
    line = said.partition("join them: ")[2].splitlines()[0]
    assert line.startswith('flask db merge -m "join two branches" ')
    words = line.removeprefix("flask db ").replace('"join two branches"', "join")
    typed(shop, *words.split())
    typed(shop, "upgrade")
    assert read(shop, "status")["state"] == "clean"


@pytest.mark.parametrize("program", ["flask db", "alembic"])
def test_the_way_back_from_a_merge(shop: Environment, program: str) -> None:
    """I go back one step from a merge, and the lines that say which are as I typed."""
    two_heads(shop)
    typed(shop, "merge", "-m", "both")
    typed(shop, "upgrade")
    said = shop.run(*program.split(), "downgrade", "-1", status=255).stdout
    lines = [line.strip() for line in said.splitlines()[1:]]
    assert lines == [f"{program} downgrade {name}" for name in ("apple", "pear")]
    shop.run(*lines[0].split())
    assert sorted(typed(shop, "current").split()) == ["apple", "pear"]


def test_status_names_it_too(shop: Environment) -> None:
    """I ask for the status with two heads, and read what to type next."""
    two_heads(shop)
    rebase, merge = typed(shop, "status").splitlines()[-2:]
    assert rebase == "Next: flask db rebase"
    assert 'run both: flask db merge -m "join two branches" ' in merge


def test_states_have_statuses_of_their_own(shop: Environment) -> None:
    """My script asks, and knows from the exit status what there is to do."""
    assert read(shop, "status")["state"] == "clean"
    assert read(shop, "check") == {"state": "clean", "differences": []}
    define_thing(shop, NEW)
    drift = {"state": "drift", "differences": ["thing: table added"]}
    assert read(shop, "check", status=4) == drift
    assert read(shop, "status", status=4)["differences"] == drift["differences"]
    typed(shop, "migrate", "thing")
    (pending,) = read(shop, "status", status=3)["databases"]["default"]["pending"]
    assert read(shop, "check", status=3) == {"state": "pending", "differences": None}
    newest = read(shop, "history")[0]
    assert (newest["revision"], newest["message"]) == (pending, "thing")
    assert (newest["down_revisions"], newest["is_head"]) == (["1"], True)
    two_heads(shop)
    assert len(read(shop, "status", status=5)["heads"]) == 3


def test_a_status_holds_no_password(shop: Environment) -> None:
    """I send the report to a colleague."""
    away = shop.using("postgresql://me:secret@127.0.0.1:1/shop")
    assert "secret" not in typed(away, "status", "--json", status=255)


def test_the_models_are_a_diagram(shop: Environment) -> None:
    """I paste it into my README: tables, their keys, and who refers to whom."""
    lines = typed(shop, "diagram").splitlines()
    assert lines[0] == "erDiagram"
    assert '    "friend" {' in lines
    assert "        VARCHAR(100) name UK" in lines
    assert '    "city" |o--o{ "friend" : "city_id"' in lines
    assert '    "friend" ||--o{ "friend_hobby" : "friend_id"' in lines


@pytest.mark.parametrize("ini", ["alembic.ini", "none"])
def test_an_error_is_printed_once(shop: Environment, ini: str) -> None:
    """My revision fails, in the source tree or installed: I read it in one place."""
    write(shop, "broken", 'op.execute("SELECT nope")', down="1")
    if ini == "none":
        (shop.path / "alembic.ini").unlink()
    code = "from alembic_lossless.cli import run; from {}.migrations import migrations;"
    code += "run(migrations, ['upgrade'], 'flask db')"
    done = shop.run("python", "-c", code.format(shop.name), status=255)
    assert (done.stdout + done.stderr).count("no such column: nope") == 1
    assert "Running upgrade 1 -> broken" in done.stderr


def test_what_a_command_runs_is_called_as_it_was(shop: Environment) -> None:
    """What a rehearsal runs tells me to type what begins with `flask db`."""
    seen = list[str]()

    def run(_migrations: Any, _arguments: Any, _prog: str) -> None:
        seen.append(program_of(Config()))

    app = Flask("shop")
    with pytest.MonkeyPatch.context() as patch, shop.migrations() as migrations:
        app.cli.add_command(db_command(migrations))
        patch.setattr("alembic_lossless.cli.run", run)
        app.test_cli_runner().invoke(args=["db", "rehearse"])
    assert len(seen) == 1
    assert seen[0].endswith(" db")
