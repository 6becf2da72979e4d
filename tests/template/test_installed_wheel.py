"""The project far from home: installed without sources, read-only, oddly named."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rendering import Project


@pytest.fixture(scope="module")
def site(
    _pristine: Project, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Give the folder where the project is installed from a wheel, read-only."""
    folder = tmp_path_factory.mktemp("installed")
    site, dist = folder / "site", str(folder / "dist")
    build = ("-m", "hatchling", "build", "-t", "wheel", "-d", dist)
    _pristine.run(sys.executable, *build)
    wheel = next(folder.glob("dist/*.whl"))
    options = ("--offline", "--no-deps", "--compile-bytecode", "--target", str(site))
    python = ("--python", sys.executable)
    _pristine.run("uv", "pip", "install", *options, *python, str(wheel))
    folders = [site, *(path for path in site.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    yield site
    for path in folders:
        path.chmod(0o755)


@pytest.fixture
def installed(site: Path, tmp_path: Path) -> Project:
    """Give the installed project, from a folder that has no source tree."""
    environment = {
        "HOME": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path),
        "PATH": f"{site / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(site),
        "PYTHONDONTWRITEBYTECODE": "",
        "EDITOR": "true",
    }
    return Project(tmp_path, environment)


def run(installed: Project, *arguments: str, status: int = 0) -> str:
    """Run the console script and return all that it prints."""
    done = installed.run("friend-book", *arguments, status=status)
    return done.stdout + done.stderr


def test_an_installed_wheel_migrates(installed: Project) -> None:
    """I install the wheel on a server, and it migrates without a source tree."""
    assert "Running upgrade" in run(installed, "db", "upgrade")
    status = run(installed, "db", "status")
    assert "Models: match the database" in status
    assert str(installed.path) in status
    assert "INFO" not in status
    assert "CREATE TABLE friend" in run(installed, "db", "upgrade", "--sql")
    assert "/healthz" in run(installed, "routes")


def test_a_relative_path_starts_where_i_am(installed: Project, site: Path) -> None:
    """I name a SQLite file without a folder: it is where I am, not in the packages."""
    installed.environment["FRIEND_BOOK_DATABASE_URL"] = "sqlite:///here.db"
    run(installed, "db", "upgrade")
    assert (installed.path / "here.db").exists()
    assert not [*site.rglob("here.db")]


def test_a_relative_path_starts_at_the_project(
    project: Project, tmp_path: Path
) -> None:
    """I have the sources: the file is in the project, wherever I type the command."""
    mine, ini = project.using("sqlite:///here.db"), str(project.path / "alembic.ini")
    mine.run("alembic", "-c", ini, "upgrade", "head", cwd=tmp_path)
    assert (project.path / "here.db").exists()
    assert not (tmp_path / "here.db").exists()


def test_an_error_is_said_once(installed: Project) -> None:
    """I name a folder that is not there, and read so in one place."""
    installed.environment["FRIEND_BOOK_DATABASE_URL"] = "sqlite:////nowhere/main.db"
    output = run(installed, "db", "upgrade", status=255)
    assert output.count("there is no folder /nowhere") == 1


def test_nothing_is_written_to_the_installation(installed: Project, site: Path) -> None:
    """I cannot write where the app is installed, and it does not try to."""
    before = {path: path.stat().st_mtime_ns for path in site.rglob("*")}
    run(installed, "db", "upgrade")
    run(installed, "db", "check")
    assert {path: path.stat().st_mtime_ns for path in site.rglob("*")} == before


@pytest.mark.parametrize(
    "command",
    ["db revision -m more", "db migrate -m more", "db merge", "db edit"],
)
def test_a_revision_needs_a_source_tree(installed: Project, command: str) -> None:
    """I draft a revision in an installed copy, and learn where to draft it."""
    output = run(installed, *command.split(), status=255)
    assert output.startswith("FAILED: ")
    assert "installed copy" in output
    assert output.count("\n") == 1


def test_a_folder_with_spaces_and_percent(project: Project, tmp_path: Path) -> None:
    """I keep the project in an odd folder, and draft and migrate from another one."""
    odd = tmp_path / "100% my %(here)s folder" / project.name
    shutil.move(project.path, odd)
    mine = Project(odd, {**project.environment, "FLASK_APP": str(odd / project.name)})
    for command in (["upgrade"], ["revision", "-m", "more"], ["upgrade"]):
        mine.run("flask", "db", *command, cwd=tmp_path)
    assert "more" in mine.run("flask", "db", "status", cwd=tmp_path).stdout
    assert len(mine.revisions()) == 2
