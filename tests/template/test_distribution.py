"""The library as a distribution: by itself, and in place of a project's copy."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from alembic_lossless import __version__
from rendering import TEMPLATE, Project, generated, knowing_types

pytestmark = pytest.mark.long

ALONE = """
import alembic_lossless, sys
from alembic.runtime import plugins
assert "alembic_lossless" in plugins._all_plugins
from alembic_lossless import env, cli
assert "flask" not in sys.modules
print(alembic_lossless.__version__)
"""


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


@pytest.mark.parametrize("databases", ["one", "several"])
def test_the_dependency_takes_the_place_of_the_folder(
    wheel: Path, tmp_path: Path, databases: str
) -> None:
    """I delete the folder and add one line, and everything works as before."""
    shop = generated(tmp_path, databases=databases)
    shutil.rmtree(shop.path / "alembic_lossless")
    metadata = shop.path / "pyproject.toml"
    text = metadata.read_text().replace(', "alembic_lossless"]', "]")
    line = "dependencies = [\n"
    assert text.count(line) == 1
    metadata.write_text(text.replace(line, f'{line}    "alembic-lossless",\n'))

    links = ("--find-links", str(wheel.parent))
    bare = fresh(shop.path, *links, "-e", ".[dev]")
    bare.environment["XDG_DATA_HOME"] = str(tmp_path)
    tools = shop.path / ".venv" / "bin"
    said = bare.run(str(tools / "alembic"), "upgrade", "head").stderr
    assert "Running upgrade" in said
    bare.run(str(tools / "alembic"), "check")
    bare.run(str(tools / "ruff"), "check", "--no-cache")
    bare.run(str(tools / "ruff"), "format", "--no-cache", "--check")
    knowing_types(bare).run(str(tools / "mypy"))
    bare.run(str(tools / "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider")
