"""The library as a distribution: by itself, and in place of a project's copy."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from alembic_lossless import __version__
from rendering import TEMPLATE, Project, cookiecut, generated, knowing_types
from test_environment import REAL, lines_after, type_in_shell, without_uv

pytestmark = pytest.mark.long

ALONE = """
import alembic_lossless, sys
from alembic.runtime import plugins
assert "alembic_lossless" in plugins._all_plugins
from alembic_lossless import env, cli
assert "flask" not in sys.modules
print(alembic_lossless.__version__)
"""


GUARDED = """
from alembic import op


def upgrade() -> None:
    op.refuse_duplicates("friend", ["name"])
    op.drop_column("friend", "name")
"""
"""What a draft may hold; the wheel has the types of both."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the wheel that `pip wheel` makes of this repository."""
    folder = tmp_path_factory.mktemp("wheel")
    build = ("pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w")
    subprocess.run([sys.executable, "-m", *build, folder, TEMPLATE], check=True)
    (made,) = folder.glob("*.whl")
    return made


def fresh(folder: Path, *packages: str) -> Project:
    """Make an environment, install packages, and return what runs commands in it."""
    uv: list[str | Path] = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "-q", folder / ".venv"], check=True)
    python = folder / ".venv" / "bin" / "python"
    install = [*uv, "pip", "install", "-q", "--python", python, *packages]
    subprocess.run(install, check=True, cwd=folder)
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    mine = {"PATH": path, "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": ""}
    return Project(folder, {**mine, "HOME": str(folder)})


def test_the_wheel_is_whole(wheel: Path, tmp_path: Path) -> None:
    """I install it by itself: Alembic finds its plugin, and it needs no Flask."""
    assert wheel.name.startswith(f"alembic_lossless-{__version__}-")
    alone = fresh(tmp_path, str(wheel))
    python = str(tmp_path / ".venv" / "bin" / "python")
    assert alone.run(python, "-c", ALONE).stdout.strip() == __version__
    said = alone.run("alembic-lossless", "status", status=255).stdout
    assert "No Alembic environment is named in" in said


def by_hand(folder: Path) -> Project:
    """Give a project whose folder was deleted later, as its README says."""
    shop = generated(folder)
    shutil.rmtree(shop.path / "alembic_lossless")
    metadata = shop.path / "pyproject.toml"
    text = metadata.read_text().replace(', "alembic_lossless"]', "]")
    line = "dependencies = [\n"
    assert text.count(line) == 1
    metadata.write_text(text.replace(line, f'{line}    "alembic-lossless",\n'))
    return shop


@pytest.mark.parametrize("way", ["by hand", "by the question"])
def test_the_dependency_takes_the_place_of_the_folder(
    way: str, wheel: Path, tmp_path: Path
) -> None:
    """I have one line and no folder, and everything works as before."""
    if way == "by hand":
        shop = by_hand(tmp_path)
    else:
        shop = generated(tmp_path, databases="several", library="dependency")

    links = ("--find-links", str(wheel.parent))
    bare = fresh(shop.path, *links, "-e", ".[dev]")
    bare.environment["XDG_DATA_HOME"] = str(tmp_path)
    tools = shop.path / ".venv" / "bin"
    said = bare.run(str(tools / "alembic"), "upgrade", "head").stderr
    assert "Running upgrade" in said
    bare.run(str(tools / "alembic"), "check")
    bare.run(str(tools / "ruff"), "check", "--no-cache")
    bare.run(str(tools / "ruff"), "format", "--no-cache", "--check")
    (shop.package / "guarded.py").write_text(GUARDED)
    knowing_types(bare).run(str(tools / "mypy"))
    bare.run(str(tools / "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider")


@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_the_index_does_not_have_it(tool: str, wheel: Path, tmp_path: Path) -> None:
    """No index has the library: I read so, name its wheel, and finish the project."""
    (folder := tmp_path / "work").mkdir()
    path = os.environ["PATH"] if tool == "uv" else without_uv(tmp_path)
    away = {**REAL, "PATH": path}
    told = cookiecut("library=dependency", folder=folder, environment=away).stdout
    assert "alembic-lossless" in told.partition("The project is kept")[0]
    shop = Project(folder / "friend_book")
    assert not (shop.path / "alembic_lossless").exists()

    links = {"UV_FIND_LINKS": str(wheel.parent), "PIP_FIND_LINKS": str(wheel.parent)}
    finish = lines_after(told, "this finishes it:\n")
    told = type_in_shell(finish, folder, PATH=path, **links)
    assert len(shop.revisions()) == 1
    commands = lines_after(told, "Next:\n")[:4]
    said = type_in_shell(commands, folder, PATH=path, **links)
    assert "Models: match the database" in said
