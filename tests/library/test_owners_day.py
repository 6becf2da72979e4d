"""What an owner types in a day: a slip, a script, a pod that starts again."""

import json
import shlex
from argparse import Namespace
from collections.abc import Iterator

import pytest
from alembic_lossless.cli import REPORTS, CommandLine
from alembic_lossless.urls import printable
from drafts import define_thing, newest, sql
from environment import Environment
from scripts import ask, empty, versions, write
from sqlalchemy import make_url

COMMANDS = sorted(CommandLine("flask db").subparsers.choices)
NOTE = 'op.add_column("note", sa.Column("more", sa.Integer))'
DROP = 'with op.batch_alter_table("note") as batch:\n    batch.drop_column("text")'


def slips(command: str) -> Iterator[str]:
    """Yield a command with two letters exchanged, one left out, and one doubled."""
    yield command[0] + command[2] + command[1] + command[3:]
    yield command[:-1]
    yield command + command[-1]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_mistyped_command(project: Environment, command: str) -> None:
    """I mistype a command, and read in a line which I meant."""
    for slip in set(slips(command)) - set(COMMANDS):
        said = project.run("flask", "db", slip, status=2).stderr
        assert said.startswith(f"flask db: there is no command {slip!r}. ")
        assert said.count("\n") == 1
        assert "Did you mean: flask db " in said


def test_no_command_at_all(project: Environment) -> None:
    """I type something else, and read where all commands are."""
    said = project.run("flask", "db", "qqq", status=2).stderr
    assert said == "flask db: there is no command 'qqq'. All: flask db --help\n"


@pytest.mark.parametrize("key", ["rename", "drop", "fill", "data", "database", "live"])
def test_a_mistyped_answer(project: Environment, key: str) -> None:
    """I mistype what -x says, and nothing is drafted by mistake."""
    project.run("flask", "db", "upgrade")
    said = project.run(
        "flask", "db", "-x", f"{key[:-1]}=friend", "migrate", "-m", "x", status=255
    )
    assert f"did you mean {key}=?" in said.stdout
    assert len(project.revisions()) == 1


@pytest.mark.parametrize("command", REPORTS)
def test_json_wherever_a_command_shows_something(
    project: Environment, command: str
) -> None:
    """My script reads what a command shows, whichever it is."""
    project.run("flask", "db", "upgrade")
    (revision,) = (path.stem.split("_")[1] for path in project.revisions())
    found = json.loads(project.run("flask", "db", command, "--json").stdout)
    assert isinstance(found, dict | list)
    assert (revision in json.dumps(found)) == (command not in {"branches", "check"})


def test_every_command_that_shows_has_json() -> None:
    """A command is added: it changes something, or it has --json."""
    choices = CommandLine("flask db").subparsers.choices
    changing = {"downgrade", "edit", "ensure_version", "init", "merge", "migrate"}
    changing |= {"adopt", "backfill", "baseline", "draft", "lock", "purge", "rebase"}
    changing |= {"revision", "squash", "stamp", "upgrade"}
    words = {"diagram", "list_templates", "list-templates"}
    for name in set(choices) - changing - words:
        arguments = [name, "--json", *(["head"] if name == "show" else [])]
        assert isinstance(choices[name].parse_args(arguments[1:]), Namespace)


def test_one_line_answers_all_questions(
    project: Environment, database_url: str
) -> None:
    """A draft has several questions: the last line answers them all, once filled in."""
    shop = project.using(database_url)
    define_thing(shop, "name = sa.String(20)", "kind = sa.String(20)")
    draft = ("flask", "db", "migrate", "-m", "more")
    shop.run("flask", "db", "upgrade")
    shop.run("flask", "db", "migrate", "-m", "things")
    shop.run("flask", "db", "upgrade")
    sql(database_url, "INSERT INTO thing (name, kind) VALUES ('a', 'b')")
    define_thing(
        shop,
        "full_name = sa.String(20)",
        "kind = sa.String(20)",
        "size = sa.Integer, nullable=False",
        "place = sa.String(9), nullable=False",
    )
    said = shop.run(*draft, status=255).stdout.strip().splitlines()
    assert said[-2] == "All at once, each answer changed where it is another:"
    typed = said[-1].replace("size:VALUE", "size:7").replace("VALUE", "Bonn")
    shop.run(*shlex.split(typed))
    shop.run("flask", "db", "upgrade")
    assert sql(database_url, "SELECT full_name, size, place FROM thing") == [
        ("a", 7, "Bonn")
    ]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cret@host/db",
        "postgresql://me@host/db?password=s3cret&sslmode=require",
        "postgresql://me@host/db?sslpassword=s3cret",
        "mysql://me@host/db?ssl_key=/k&passwd=s3cret",
        "sqlite:////folder/x.db?key=s3cret",
    ],
)
def test_no_part_of_a_url_is_a_secret_that_is_printed(
    project: Environment, url: str
) -> None:
    """My password stands somewhere in the URL, and no command prints it."""
    assert "s3cret" not in printable(make_url(url))
    if url.startswith("postgresql"):
        away = project.using(url.replace("@host", "@127.0.0.1:1"))
        for command in ("status", "upgrade", "check", "current", "upgrade --wait=0.1"):
            done = away.run("flask", "db", *command.split(), status=255)
            assert "s3cret" not in done.stdout + done.stderr


@pytest.fixture
def rolled_out(project: Environment, database_url: str) -> Environment:
    """Give the old version of a project whose models name the table `note`."""
    shop = empty(project.using(database_url))
    (shop.package / "models.py").write_text(
        '"""Notes."""\n\nimport sqlalchemy as sa\n\nfrom .db import Model\n\n\n'
        "class Note(Model):\n"
        '    __tablename__ = "note"\n'
        "    id = sa.Column(sa.Integer, primary_key=True)\n"
        "    text = sa.Column(sa.String(9))\n"
    )
    columns = (
        'sa.Column("id", sa.Integer, primary_key=True), sa.Column("text", sa.String(9))'
    )
    write(shop, "a", f'op.create_table("note", {columns})')
    return shop


def deploy(shop: Environment, body: str) -> None:
    """Let the new version, whose file this one does not have, upgrade the database."""
    newer = write(shop, "b", body, down="a")
    shop.run("flask", "db", "upgrade")
    newer.unlink()


def test_an_old_pod_starts_again(
    rolled_out: Environment, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """I roll out a revision that old pods survive, and one of them starts again."""
    deploy(rolled_out, NOTE)
    caplog.clear()
    rolled_out.run("flask", "db", "upgrade", "--wait")
    said = caplog.text
    assert "is at revision b, which this version of the app does not have" in said
    assert versions(database_url) == ["b"]
    rolled_out.run("flask", "db", "upgrade", status=255)


def test_an_old_pod_cannot_serve(rolled_out: Environment, database_url: str) -> None:
    """A column is gone that the old version reads: its pod ends, as ever."""
    deploy(rolled_out, DROP)
    done = rolled_out.run("flask", "db", "upgrade", "--wait", status=255)
    assert "which this project does not have" in done.stdout
    assert ask(database_url, "SELECT count(*) FROM note") == [(0,)]


@pytest.fixture(params=["postgresql"])
def for_a_server(request: pytest.FixtureRequest, project: Environment) -> Environment:
    """Give a project on a developer's SQLite that runs on a server in production."""
    project.edit(
        "migrations/__init__.py",
        "    url=url,\n",
        f'    url=url,\n    runs_on=("{request.param}",),\n',
    )
    project.run("flask", "db", "upgrade")
    name = "    name: Mapped[str] = mapped_column(String(100))\n    city_id"
    project.edit("models.py", name, name.replace("(100)", "(100), index=True"))
    return project


def test_a_draft_is_for_the_server(for_a_server: Environment) -> None:
    """I draft on SQLite: the draft and the lint say what production's server locks."""
    for_a_server.run("flask", "db", "migrate", "-m", "found by name")
    assert "# LOCKS:" in newest(for_a_server, "found by name")
    found = json.loads(
        for_a_server.run("flask", "db", "lint", "--json", status=1).stdout
    )
    assert "index-blocks-writes" in json.dumps(found)


def test_a_live_draft_is_for_the_server(for_a_server: Environment) -> None:
    """My project says that it is in use: drafts on SQLite leave the server's alone."""
    for_a_server.edit(
        "migrations/__init__.py", "    url=url,", "    url=url,\n    live=True,"
    )
    for_a_server.run("flask", "db", "migrate", "-m", "found by name")
    assert "autocommit_block" in newest(for_a_server, "found by name")
    for_a_server.run("flask", "db", "upgrade")
    for_a_server.run("flask", "db", "check")
