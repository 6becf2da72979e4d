"""Each command of `alembic-lossless`, where it cannot work: told, nothing written."""

import logging
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path

import pytest
from alembic_lossless import __main__, cli, requirements
from environment import Environment

LINE = cache(cli.CommandLine)
COMMANDS = sorted(LINE("alembic-lossless").subparsers.choices)
ARGUMENTS = {
    "draft": ["-m", "x"],
    "init": ["migrations"],
    "migrate": ["-m", "x"],
    "revision": ["-m", "x"],
}
"""What a command cannot do without."""

ANYWHERE = {"init", "list-templates", "list_templates"}
"""The commands that need no environment."""

FILES_ONLY = {"adopt", "branches", "heads", "history", "show"}
"""The commands that read files and run none, so that they go on without env.py."""

ASKS_NOTHING = FILES_ONLY | {
    *("baseline", "diagram", "edit", "lint", "merge", "rebase", "squash"),
}
"""The commands that say what they have to say of this project without its database."""

WRITES = {"lock", "revision"}
"""The commands that need no database for the file that they write."""

ENV = """
from alembic import context
from alembic_lossless import env
from sqlalchemy import MetaData

with env.migrating({url!r}, target_metadata=MetaData()):
    context.run_migrations()
"""
AWAY = "postgresql+psycopg://me:s3cret@127.0.0.1:1/shop"
TOO_LATE = 3
"""More lines than a message has."""


def an_app(folder: Path, env: str) -> None:
    """Make an environment with one revision, and this env.py."""
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True)
    (folder / "alembic.ini").write_text("[alembic]\nscript_location = migrations\n")
    (folder / "migrations" / "env.py").write_text(env)
    (versions.parent / "script.py.mako").write_text("")
    revision = "revision, down_revision = 'a', None\ndef upgrade(): pass\n"
    (versions / "a.py").write_text(f"{revision}def downgrade(): pass\n")


def typed(
    folder: Path, command: str, act: Callable[[list[str]], None]
) -> tuple[int, str]:
    """Type a command in a folder, which it leaves as it is; return what it says."""
    before = {it: it.read_bytes() for it in folder.rglob("*") if it.is_file()}
    level, said, status = logging.getLogger("alembic").level, StringIO(), 0
    with redirect_stdout(said), redirect_stderr(said):
        try:
            act([command, *ARGUMENTS.get(command, ())])
        except SystemExit as end:
            said.write(end.code if isinstance(end.code, str) else "")
            status = end.code if isinstance(end.code, int) else 1
    logging.getLogger("alembic").setLevel(level)
    after = {it: it.read_bytes() for it in folder.rglob("*") if it.is_file()}
    assert after == before
    return status, said.getvalue()


def lossless(arguments: list[str]) -> None:
    """Type `alembic-lossless`."""
    cli.run(None, arguments, "alembic-lossless")


def is_a_sentence(status: int, said: str) -> None:
    """Hold that a command failed with a line or two, and showed no password."""
    assert status
    assert said.startswith("FAILED: ")
    assert len(said.splitlines()) < TOO_LATE, said
    assert "Traceback" not in said
    assert "s3cret" not in said


@pytest.fixture(autouse=True)
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the parser be made once, which takes longer than any command here."""
    monkeypatch.setattr(cli, "CommandLine", LINE)


@pytest.mark.parametrize("command", [it for it in COMMANDS if it not in ANYWHERE])
def test_a_folder_without_a_project(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I am in the wrong folder: told so, and how to name the right one."""
    monkeypatch.chdir(tmp_path)
    status, said = typed(tmp_path, command, lossless)
    is_a_sentence(status, said)
    assert "No Alembic environment is named in" in said


@pytest.mark.parametrize(
    "command", [it for it in COMMANDS if it not in ANYWHERE | WRITES]
)
def test_a_database_that_is_away(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """My server is down: told so with its address, by each command that asks it."""
    an_app(tmp_path, ENV.format(url=AWAY))
    monkeypatch.chdir(tmp_path)
    status, said = typed(tmp_path, command, lossless)
    if command in ASKS_NOTHING:
        assert "127.0.0.1" not in said
        return
    is_a_sentence(status, said)
    assert "127.0.0.1" in said


@pytest.mark.parametrize(
    "words",
    [
        *([it] for it in COMMANDS if it not in ANYWHERE | WRITES | ASKS_NOTHING),
        ["lint", "--estimate", "--dialect", "postgresql"],
    ],
    ids=" ".join,
)
def test_my_server_is_away(project: Environment, words: list[str]) -> None:
    """A project that describes itself says so, too: its variable and the address."""
    project.environment["FRIEND_BOOK_DATABASE_URL"] = AWAY
    words = [*words, *ARGUMENTS.get(words[0], [])]
    done = project.run("flask", "db", *words, status=None)
    said = done.stdout + done.stderr
    is_a_sentence(done.returncode, said)
    assert "127.0.0.1" in said
    assert "s3cret" not in said


@pytest.mark.parametrize("command", [it for it in COMMANDS if it not in ANYWHERE])
@pytest.mark.parametrize("module", ["shop", "app"])
def test_an_env_py_that_cannot_be_read(
    command: str, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """My app, or what it needs, is not installed here: I read which line wants it."""
    an_app(
        tmp_path,
        ENV.format(url="sqlite://").replace("\nwith", f"\nimport {module}\nwith"),
    )
    (tmp_path / "app.py").write_text("import shop")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    status, said = typed(tmp_path, command, lossless)
    if command in FILES_ONLY:
        assert "shop" not in said or command == "adopt"
        return
    is_a_sentence(status, said)
    assert "env.py, line 6: ModuleNotFoundError: No module named 'shop'" in said


REVISION = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = {!r}, {!r}


def upgrade():
    {}


def downgrade():
    pass
"""
TABLE = "op.create_table('t', sa.Column('id', sa.Integer, primary_key=True))"


def broken(text: str, name: str = "b.py") -> Callable[[Path], object]:
    """Return what writes a file of revisions with this text."""
    return lambda versions: (versions / name).write_text(text)


HISTORIES: dict[str, tuple[Callable[[Path], object], str]] = {
    "gone": (
        lambda versions: (versions / "b.py").unlink(),
        "The file of revision 'b' is gone, and {}/c.py builds on it.",
    ),
    "first-gone": (
        lambda versions: (versions / "a.py").unlink(),
        "The file of revision 'a' is gone, and {}/b.py builds on it.",
    ),
    "depends": (
        broken(f"{REVISION.format('b', 'a', 'pass')}depends_on = 'gone'"),
        "The file of revision 'gone' is gone, and {}/b.py builds on it.",
    ),
    "twins": (
        broken(REVISION.format("b", "a", "pass"), "copy.py"),
        "Two files have the identifier 'b': {}/b.py and {}/copy.py.",
    ),
    "import": (
        broken(f"import no_such{REVISION.format('b', 'a', 'pass')}"),
        "{}/b.py, line 1: ModuleNotFoundError: No module named 'no_such'",
    ),
    "syntax": (broken("def ("), "{}/b.py, line 1: SyntaxError: "),
    "no-revision": (
        broken("def upgrade(): pass"),
        "{}/b.py: module 'b_py' has no attribute 'down_revision'.",
    ),
    "number": (
        broken(REVISION.format(7, "a", "pass")),
        "{}/b.py: 'int' object is not iterable. A revision has a text",
    ),
    "circle": (
        broken(REVISION.format("a", "c", "pass"), "a.py"),
        "Cycle is detected in revisions (a, b, c)",
    ),
}
"""What is wrong with the files of revisions, and what is said of it."""

NO_HISTORY = {"adopt", "diagram", "lint", "purge", "rehearse"}
"""The commands that read no revision here, or say before that there is no database."""


@pytest.mark.parametrize(
    "command",
    [it for it in COMMANDS if it not in ANYWHERE | NO_HISTORY] + ["adopt --compare"],
)
def test_a_history_that_is_broken(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A revision is gone, or there twice, or no revision: its file is named."""
    name, *options = command.split()
    monkeypatch.setitem(ARGUMENTS, name, [*ARGUMENTS.get(name, []), *options])
    for kind, (breaks, told) in HISTORIES.items():
        folder = tmp_path / kind
        an_app(folder, ENV.format(url=f"sqlite:///{folder}/shop.db"))
        versions = folder / "migrations" / "versions"
        for revision, down in (("a", None), ("b", "a"), ("c", "b")):
            text = REVISION.format(revision, down, "pass")
            (versions / f"{revision}.py").write_text(text)
        breaks(versions)
        monkeypatch.chdir(folder)
        status, said = typed(folder, name, lossless)
        own = said.partition("nothing is to be changed.\n")
        is_a_sentence(status, own[2] or own[0])
        assert told.replace("{}", str(versions)) in said, kind


def test_a_database_that_was_stamped_while_it_was_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I stamped an empty database: a draft does not make all tables once more."""
    url = f"sqlite:///{tmp_path}/shop.db"
    models = "MetaData()\nTable('t', m, Column('id', Integer, primary_key=True))"
    env = ENV.format(url=url).replace("MetaData()", "m").replace(" MetaData", " *")
    an_app(tmp_path, env.replace("\nwith", f"\nm = {models}\nwith"))
    path = tmp_path / "migrations" / "versions" / "a.py"
    path.write_text(REVISION.format("a", None, TABLE))
    monkeypatch.chdir(tmp_path)
    lossless(["stamp", "head"])
    status, said = typed(tmp_path, "draft", lossless)
    is_a_sentence(status, said)
    assert f"{url} lacks t, which revisions make that it has run: it was stamp" in said
    status, said = typed(tmp_path, "check", lossless)
    assert "t: table added (the revisions made it so: this database was " in said


def test_a_database_without_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flask-Migrate has no name for my first database of two: it is called default."""
    one, two = (f"sqlite:///{tmp_path}/{name}.db" for name in ("one", "two"))
    body = f"with env.migrating_several({{'': {one!r}, 'auth': {two!r}}}) as begin:\n"
    body += (
        "    for name in ('', 'auth'):\n        begin(name, target_metadata=MetaData()"
    )
    body += ", upgrade_token=f'{name}_upgrades', downgrade_token=f'{name}_downgrades')"
    body += "\n        context.run_migrations()\n"
    an_app(tmp_path, ENV.partition("with")[0] + body)
    monkeypatch.chdir(tmp_path)
    for command in ("status", "current"):
        said = typed(tmp_path, command, lossless)[1]
        assert "default:" in said
        assert "\n:" not in f"\n{said}"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_version_that_is_too_old(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """My Alembic is too old: each command says which one is needed, and no more."""
    an_app(tmp_path, ENV.format(url="sqlite://"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(requirements, "version_of", lambda _: "1.12.0")

    def main(arguments: list[str]) -> None:
        monkeypatch.setattr(sys, "argv", ["alembic-lossless", *arguments])
        __main__.main()

    status, said = typed(tmp_path, command, main)
    is_a_sentence(status, said)
    assert f"needs {requirements.ALEMBIC}, and 1.12.0 is installed. Run: " in said
