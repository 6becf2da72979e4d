"""The hook makes `.venv` with uv or pip, and says what to do where it cannot."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rendering import Project, cookiecut

REAL = {
    "FLASK_ALEMBIC_TEMPLATE_ENVIRONMENT": None,
    "FLASK_ALEMBIC_TEMPLATE_STRICT": None,
    "PYTHONDONTWRITEBYTECODE": None,
    "UV": None,
    # Where packages were found for this run, they are found for its projects.
    "UV_CACHE_DIR": os.environ.get(
        "UV_CACHE_DIR", str(Path("~/.cache/uv").expanduser())
    ),
    "PIP_CACHE_DIR": os.environ.get(
        "PIP_CACHE_DIR", str(Path("~/.cache/pip").expanduser())
    ),
}
LAST_WORDS = ["init", "upgrade", "status", "run", "pytest"]
"""How the commands end that a new project says to type, after the cd."""

ODD = '-50% %(here)s it\'s "q" $HOME `x` #\u00fc;&{y}[z]*'
"""A folder whose name a shell, an ini file, a URL and a pattern read otherwise."""

posix = pytest.mark.skipif(sys.platform == "win32", reason="a shell and its signals")


def lines_after(told: str, heading: str) -> list[str]:
    """Return the indented lines that follow a heading."""
    return [line.strip() for line in told.split(heading)[1].strip("\n").splitlines()]


def type_in_shell(commands: list[str], folder: Path, **variables: str | None) -> str:
    """Run commands in one shell, as they were printed, and stop at the first error."""
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), **REAL, **variables}
    return subprocess.run(
        ["/bin/sh", "-ec", "\n".join(commands)],
        cwd=folder,
        env={k: v for k, v in {**os.environ, **home}.items() if v is not None},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


def without_uv(folder: Path) -> str:
    """Return a PATH with this Python and what a shell needs, and no uv."""
    programs = folder / "programs"
    programs.mkdir()
    for name in ("python3", "sh", "cat", "git"):
        found = sys.executable if name == "python3" else shutil.which(name)
        (programs / name).symlink_to(str(found))
    return str(programs)


@pytest.mark.long
@posix
@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_the_printed_commands_work(tool: str, tmp_path: Path) -> None:
    """I have no network; later I have, and type what was printed, to the last line."""
    (folder := tmp_path / ODD).mkdir()
    path = os.environ["PATH"] if tool == "uv" else without_uv(tmp_path)
    away = {"UV_OFFLINE": "1", "UV_CACHE_DIR": str(tmp_path / "cache"), "PATH": path}
    away |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
    told = cookiecut(folder=folder, environment={**REAL, **away}).stdout
    assert "(is the package index reachable?)\n" in told
    shop = Project(folder / "friend_book")
    assert not (shop.path / ".venv").exists()

    told = type_in_shell(lines_after(told, "this finishes it:\n"), folder, PATH=path)
    assert len(shop.revisions()) == 1
    assert not (shop.path / "finish_setup.py").exists()
    assert not list(shop.package.rglob("__pycache__"))
    commands = lines_after(told, "Next:\n")
    assert [command.split()[-1] for command in commands[1:]] == LAST_WORDS
    assert (commands[2].split()[0] == "uv") is (tool == "uv")
    commands[4] += " --help"
    assert " passed" in type_in_shell(commands, folder, PATH=path)


def test_uv_that_fails_is_quoted(tmp_path: Path) -> None:
    """I see the reason in a line, the project stays, and no half environment."""
    away = {**REAL, "UV": sys.executable}  # which knows no command "sync"
    told = cookiecut(folder=tmp_path, environment=away).stdout
    assert "environment (uv sync) failed: " in told
    assert "No such file or directory\nThe project is kept" in told
    shop = Project(tmp_path / "friend_book")
    assert (shop.path / "finish_setup.py").exists()
    assert not (shop.path / ".venv").exists()


def test_my_own_environment_is_not_removed(tmp_path: Path) -> None:
    """I generate over my project and uv fails: my `.venv` is as it was."""
    mine = tmp_path / "friend_book" / ".venv" / "mine"
    mine.parent.mkdir(parents=True)
    mine.touch()
    cookiecut("-f", folder=tmp_path, environment={**REAL, "UV": sys.executable})
    assert mine.exists()


@posix
def test_a_python_without_venv_says_what_to_install(tmp_path: Path) -> None:
    """I have Debian's Python without python3-venv, and no uv."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.modules['ensurepip'] = None\n"
    )
    away = {**REAL, "PATH": without_uv(tmp_path), "PYTHONPATH": str(tmp_path)}
    told = cookiecut(folder=tmp_path, environment=away).stdout
    assert "This Python has no venv module. Install it (Debian and Ubuntu: apt" in told
    assert lines_after(told, "this finishes it:\n")[0].startswith("python3 ")


@posix
def test_another_environment_is_left_alone(tmp_path: Path) -> None:
    """I work in an environment of mine: the project still gets its own."""
    spy = tmp_path / "spy"
    spy.write_text("#!/bin/sh\nenv > seen; exit 1\n")
    spy.chmod(0o755)
    mine = {"VIRTUAL_ENV": "/mine", "UV_PROJECT_ENVIRONMENT": "/mine", "UV": str(spy)}
    cookiecut(folder=tmp_path, environment={**REAL, **mine})
    seen = (tmp_path / "friend_book" / "seen").read_text()
    assert "PYTHONDONTWRITEBYTECODE=1" in seen
    assert "=/mine" not in seen
