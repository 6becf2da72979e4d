"""Where the database cannot be, or has no driver: one sentence, and what to type."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from rendering import Project
from scripts import tables

COMMANDS = [
    ("flask", "db", "upgrade"),
    ("alembic", "upgrade", "head"),
    ("python", "-m", "friend_book", "db", "upgrade"),
    ("python", "-m", "friend_book.wsgi"),
]
CURE = re.compile(
    r"The data folder /proc/nobody/\S+ cannot be made \([^)]+\)\. Set"
    r" FRIEND_BOOK_DATABASE_URL to a database URL, or XDG_DATA_HOME to a folder that"
    r" you may write to\.\n"
)


@pytest.fixture
def homeless(project: Project) -> Project:
    """Give a project whose user has a home in which nobody can make a folder."""
    return Project(project.path, {"HOME": "/proc/nobody", "XDG_DATA_HOME": ""})


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_data_folder_that_cannot_be_made(
    homeless: Project, command: tuple[str, ...]
) -> None:
    """My container's user has no home: I read one sentence with two cures."""
    done = homeless.run(*command, status=None)
    assert done.returncode != 0
    said = [
        line for line in (done.stdout + done.stderr).splitlines() if "INFO" not in line
    ]
    assert len(said) == 1
    assert CURE.search(said[0] + "\n")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_help_needs_no_data_folder(homeless: Project) -> None:
    """I ask for help before there is a home, and it lists every command."""
    shown = homeless.run("flask", "--help")
    assert re.search(r"(?m)^  db ", shown.stdout)
    assert shown.stderr == ""


@pytest.mark.parametrize("cure", ["FRIEND_BOOK_DATABASE_URL", "XDG_DATA_HOME"])
def test_both_cures_work(homeless: Project, cure: str, tmp_path: Path) -> None:
    """I set one of the two variables, and the next upgrade works."""
    url = f"sqlite:///{tmp_path}/{'friend_book/' * (cure[0] == 'X')}main.db"
    value = str(tmp_path) if cure[0] == "X" else url
    cured = Project(homeless.path, {**homeless.environment, cure: value})
    cured.run("flask", "db", "upgrade")
    assert "friend" in tables(url)


def test_starting_the_app_makes_no_folder(project: Project, tmp_path: Path) -> None:
    """I only import the app, and nothing is written to my home."""
    home = tmp_path / "home"
    shop = Project(project.path, {"HOME": str(home), "XDG_DATA_HOME": str(home)})
    shop.run("python", "-c", "import friend_book; friend_book.create_app()")
    assert not home.exists()


@pytest.mark.parametrize("made_by", ["uv", "venv", "uv, from a wheel", "a wheel"])
def test_a_driver_is_never_a_strangers_package(
    project: Project, made_by: str, tmp_path: Path
) -> None:
    """I have no driver: the line to type suits my environment, and names no index's."""
    by_uv = "uv" in made_by
    (tmp_path / "pyvenv.cfg").write_text("home = /\n" + "uv = 0.9.0\n" * by_uv)
    if "wheel" in made_by:
        (project.path / "pyproject.toml").unlink()
    code = (
        "import sys; from friend_book.settings import PROJECT, urls\n"
        f"sys.prefix = {str(tmp_path)!r}\n"
        "print(urls.install_command('mariadb', PROJECT))"
    )
    here = f"In {project.path} run: "
    assert (
        project.run("python", "-c", code).stdout.strip()
        == {
            "uv": f"{here}uv sync --extra mariadb",
            "venv": f'{here}python -m pip install -e ".[mariadb]"',
            "uv, from a wheel": "Install the wheel again, with its extra:"
            ' uv pip install "WHEEL[mariadb]"',
            "a wheel": "Install the wheel again, with its extra:"
            ' python -m pip install "WHEEL[mariadb]"',
        }[made_by]
    )


def test_the_driver_that_was_missing(project: Project) -> None:
    """My URL asks for a server: I type what the message says, and have the driver."""
    uv = [sys.executable, "-m", "uv", "--quiet"]
    subprocess.run([*uv, "sync"], cwd=project.path, check=True, env=None)
    project.environment["PYTHONDONTWRITEBYTECODE"] = ""
    url = "postgresql://u:s3cret@127.0.0.1:1/d"
    flask = str(project.path / ".venv" / "bin" / "flask")
    said = project.using(url).run(flask, "db", "current", status=None)
    shown = said.stdout + said.stderr
    command = re.search(r"run: (uv sync --extra postgresql)$", shown, re.MULTILINE)
    assert command, shown
    project.run("sh", "-c", command[1])
    said = project.using(url).run(flask, "db", "current", status=None)
    assert "no server answers at 127.0.0.1:1" in said.stdout + said.stderr
    assert "s3cret" not in shown
