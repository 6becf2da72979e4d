"""Other versions and options of cookiecutter, and a colleague's clone."""

import os
import re
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from rendering import TEMPLATE, Project, cookiecut
from test_environment import REAL, posix, type_in_shell, without_uv
from test_template_update import commit_all, git

NONE = {"FLASK_ALEMBIC_TEMPLATE_ENVIRONMENT": "none"}
ANSWERS = ("databases=several", "database=postgresql", "program_name=shop")


def contents(folder: Path) -> dict[str, str]:
    """Return the files of a folder and what stands for their contents."""
    sources = (path for path in folder.rglob("*") if path.suffix != ".pyc")
    paths = (path for path in sources if path.is_file())
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in paths
    }


@pytest.mark.parametrize("version", ["2.6.0", "2.7.0"])
def test_an_older_cookiecutter_makes_the_same_project(
    version: str, tmp_path: Path
) -> None:
    """My distribution has an older cookiecutter, and I get the same files."""
    cookiecut(*ANSWERS, folder=tmp_path, environment=NONE)
    uv = [sys.executable, "-m", "uv", "tool", "run", "--quiet"]
    tool = [*uv, "--from", f"cookiecutter=={version}", "cookiecutter"]
    options = ["--default-config", "--no-input", "-o", "old", str(TEMPLATE), *ANSWERS]
    old = Project(tmp_path, {**NONE, "HOME": str(tmp_path)})
    old.environment |= {"UV_CACHE_DIR": str(REAL["UV_CACHE_DIR"])}
    old.run(*tool, *options)
    made = contents(tmp_path / "old" / "shop")
    assert made
    assert made == contents(tmp_path / "shop")


def test_a_replay_makes_the_same_project(tmp_path: Path) -> None:
    """I generate again with the answers of the last time."""
    cookiecut(*ANSWERS, folder=tmp_path)
    shutil.move(tmp_path / "shop", tmp_path / "before")
    replay = [sys.executable, "-m", "cookiecutter", "--default-config", "--replay"]
    Project(tmp_path, {"HOME": str(tmp_path)}).run(*replay, str(TEMPLATE))
    assert contents(tmp_path / "shop") == contents(tmp_path / "before")


def test_skipping_what_is_there_keeps_my_work(project: Project) -> None:
    """I generate over my project with -f -s: what I lost comes back, all else stays."""
    project.edit("models.py", "class Hobby", "# mine\nclass Hobby")
    mine = project.package / "mine.py"
    mine.write_text('"""Mine."""\n')
    before = contents(project.path)
    (project.package / "seed.py").unlink()
    cookiecut("-f", "-s", folder=project.path.parent)
    assert contents(project.path) == before


@pytest.mark.long
@posix
@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_a_colleague_clones_and_moves_it(
    tool: str, project: Project, tmp_path: Path
) -> None:
    """I clone my colleague's project, move it, and type what its README says."""
    commit_all(project.path)
    git(tmp_path, "clone", "--quiet", str(project.path), "clone")
    readme = (tmp_path / "clone" / "README.md").read_text()
    (command,) = re.findall(rf"with {tool}\s+\(`(.+?)`\)", readme)
    path = os.environ["PATH"] if tool == "uv" else f"{without_uv(tmp_path)}:/bin"
    clone, moved = tmp_path / "clone", tmp_path / "moved"
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", ".venv"], cwd=clone, check=True
    )
    clone.rename(moved)
    typed = ["cd moved", command, ". .venv/bin/activate", "command -v flask"]
    shown = type_in_shell([*typed, "flask db upgrade"], tmp_path, PATH=path)
    assert f"{moved}/.venv/bin/flask\n" in shown
    assert set(git(moved, "status", "--short").split()) <= {"??", "uv.lock"}


def test_a_refusal_is_above_cookiecutters_traceback(tmp_path: Path) -> None:
    """My answer is refused: I find the reason where the README says, at the top."""
    command = (
        f"cookiecutter --no-input --default-config '{TEMPLATE}' program_name=email"
    )
    shell = Project(tmp_path, {"HOME": str(tmp_path)})
    shown = shell.run("sh", "-c", f"{command} 2>&1", status=1).stdout
    ours, _, theirs = shown.partition("Traceback (most recent call last)")
    assert ours.startswith("No project was made:\n")
    assert "program_name=email_app" in ours
    assert "FailedHookException" in theirs


def test_jinja_on_the_command_line_is_rendered(tmp_path: Path) -> None:
    """The README says so, and how a title with braces is written all the same."""
    for title in ("{{ 7 * 7 }} shops", "{% raw %}{{ 7 * 7 }}{% endraw %} shops"):
        name = f"project_name={title}"
        cookiecut(name, "program_name=shop", "-f", folder=tmp_path, environment=NONE)
        heading = (tmp_path / "shop" / "README.md").read_text().partition("\n")[0]
        shown = "49" if title.startswith("{{") else r"{{ 7 \* 7 }}"
        assert heading == f"# {shown} shops"
