"""The last words of a new project: what to type next, and what to know."""

import re
import shutil
import sys
from pathlib import Path

import pytest
from rendering import Project, cookiecut, load_hook, render
from test_environment import REAL, lines_after, posix, type_in_shell

URL = "FRIEND_BOOK_DATABASE_URL"


@pytest.mark.parametrize(
    ("platform", "folder", "expected"),
    [
        ("linux", "shop", ["cd shop", ".venv/bin/python -m flask db upgrade"]),
        ("linux", "my shop", ["cd 'my shop'", ".venv/bin/python -m flask db upgrade"]),
        ("linux", "-shop", ["cd ./-shop", ".venv/bin/python -m flask db upgrade"]),
        (
            "win32",
            "my shop",
            ['cd "my shop"', r".venv\Scripts\python -m flask db upgrade"],
        ),
    ],
)
def test_the_next_commands_suit_the_platform(
    platform: str, folder: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """I copy the last lines into my shell."""
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    hook = load_hook("post_gen_project", program_name="shop")
    monkeypatch.setenv("PWD", "/home/me")
    monkeypatch.setattr(hook, "PROJECT", Path("/home/me", folder))
    lines = hook.next_commands("venv")
    assert lines[:2] == expected
    programs = expected[1].removesuffix("flask db upgrade")
    rest = ["flask db status", "flask run", "pytest"]
    assert lines[2:] == [f"{programs}{command}" for command in rest]


@posix
def test_the_commands_work_beside_a_colon(tmp_path: Path) -> None:
    """My folder's name holds a colon, with which uv run does not start."""
    (folder := tmp_path / "a:b").mkdir()
    told = cookiecut(folder=folder, environment=REAL).stdout
    type_in_shell(lines_after(told, "Next:\n")[:4], folder)


def test_a_repository_is_made_where_there_is_none(tmp_path: Path) -> None:
    """I am told to make a repository, unless the project is in one."""
    assert "  git init\n" in cookiecut(folder=tmp_path).stdout
    (tmp_path / ".git").mkdir()
    assert "git init" not in cookiecut("-f", folder=tmp_path).stdout


@pytest.mark.parametrize(
    ("database", "scheme"), [("postgresql", "postgresql"), ("mariadb", "mysql")]
)
def test_a_server_is_yet_to_be_named(
    database: str, scheme: str, tmp_path: Path
) -> None:
    """Production runs on a server: I read which variables to set, unless they are."""
    answers = (f"database={database}", "databases=several")
    told = cookiecut(*answers, folder=tmp_path).stdout
    lines = lines_after(told, "Until .env has your server, SQLite is used:\n")
    assert [line.split(":")[0] for line in lines] == [
        f"{URL}={scheme}",
        f"FRIEND_BOOK_AUTH_DATABASE_URL={scheme}",
    ]
    mine = dict.fromkeys([URL, "FRIEND_BOOK_AUTH_DATABASE_URL"], "sqlite://")
    told = cookiecut(*answers, "-f", folder=tmp_path, environment=mine).stdout
    assert "Until .env" not in told


def test_sqlite_needs_no_variable(tmp_path: Path) -> None:
    """Production runs on SQLite, and there is nothing to set."""
    assert "DATABASE_URL" not in cookiecut(folder=tmp_path).stdout


def test_another_project_of_this_name(tmp_path: Path) -> None:
    """My second project is called like my first: I read how not to share its file."""
    first, second = tmp_path / "1", tmp_path / "2"
    data = {"XDG_DATA_HOME": str(tmp_path)}
    for folder in (first, second):
        folder.mkdir()
    cookiecut("databases=several", folder=first, environment=data)
    one = Project(first / "friend_book", data)
    one.run("flask", "db", "upgrade")

    told = cookiecut("databases=several", folder=second, environment=data).stdout
    for file, variable in (
        ("main.db", URL),
        ("auth.db", "FRIEND_BOOK_AUTH_DATABASE_URL"),
    ):
        path = tmp_path / "friend_book" / file
        assert f"\n{path} is there already: another project of this name" in told
        assert f"write in .env:\n  {variable}=sqlite:///{file}\n" in told

    two = Project(second / "friend_book", data)
    lines = re.findall(r"(?m)^  (FRIEND_BOOK_\w*DATABASE_URL=.+)", told)
    (two.path / ".env").write_text("\n".join(lines))
    two.run("flask", "db", "upgrade")
    assert {path.name for path in two.path.glob("*.db")} == {"main.db", "auth.db"}


@pytest.mark.parametrize("pip", [True, False], ids=["pip", "no pip"])
def test_an_old_python_gets_a_way_to_a_newer_one(
    *, pip: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """My cookiecutter runs on Python 3.10 and there is no uv: I read how to get it."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    hook = load_hook("post_gen_project", program_name="shop")
    monkeypatch.setattr(hook, "LOWEST", (9, 0))
    monkeypatch.setattr(hook, "PROJECT", tmp_path)
    monkeypatch.setattr(hook.importlib.util, "find_spec", lambda _name: pip or None)
    with pytest.raises(RuntimeError, match=r"needs Python 9\.0, this is 3\."):
        hook.make_venv()
    script = f"{tmp_path}/finish_setup.py"
    run = f"uv run --no-project {script}"
    python = f"{sys.executable} -m"
    assert list(map(hook.JOIN, hook.finish_commands())) == (
        [f"{python} pip install uv", f"{python} {run}"] if pip else [f"pipx run {run}"]
    )


def test_an_unusable_variable_does_not_stop_me(tmp_path: Path) -> None:
    """A variable of another project is called like mine: generating goes on."""
    assert render(tmp_path / "as ever").revisions()
    told = cookiecut(folder=tmp_path, environment={URL: "nonsense"}).stdout
    assert "Next:\n" in told
