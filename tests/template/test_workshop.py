"""What looks after a project: the workflow, the hooks of Git, the editor's settings."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from rendering import TEMPLATE, Project, generated, knowing_types

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the workflow is for a POSIX shell"
)

WORKFLOWS = Path(".github", "workflows", "ci.yml")
RUN = re.compile(r"^ +- run: (.+)$", re.MULTILINE)
USES = re.compile(r"uses: (\S+)")
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40}")


def commands(project: Project) -> list[str]:
    """Return what the workflow runs, but for what installs."""
    found = RUN.findall((project.path / WORKFLOWS).read_text())
    return [command for command in found if not command.startswith("pip install")]


@pytest.mark.long
def test_the_workflow_passes(project: Project) -> None:
    """I push my new project, and each line of its workflow is content."""
    lines = commands(project)
    mine = knowing_types(project)
    for line in lines:
        mine.run("sh", "-ec", line)
    assert {"pytest", "mypy", "ruff check", "flask db check"} <= set(lines)


def test_the_workflow_finds_a_model_that_nobody_drafted(project: Project) -> None:
    """I change a model and forget the revision: the workflow fails."""
    name = "    name: Mapped[str] = mapped_column(String(100))\n    city_id"
    project.edit("models.py", name, name.replace("100", "90"))
    project.run("flask", "db", "upgrade")
    said = project.run("flask", "db", "check", status=None)
    assert said.returncode != 0
    assert "friend.name" in said.stdout + said.stderr


@pytest.mark.parametrize("generated", [True, False], ids=["project", "template"])
def test_actions_are_pinned(project: Project, *, generated: bool) -> None:
    """Nobody can change what my workflow runs by moving a tag."""
    text = ((project.path if generated else TEMPLATE) / WORKFLOWS).read_text()
    used = USES.findall(text)
    assert used
    assert [action for action in used if not PINNED.fullmatch(action)] == []


@pytest.fixture
def hooked(project: Project) -> Project:
    """Give a project under Git, with every file staged."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    more = {
        "PRE_COMMIT_HOME": str(cache / "pre-commit"),
        "GIT_CONFIG_GLOBAL": "/dev/null",
    }
    mine = knowing_types(project)
    mine.environment |= more
    for tool in (".mypy_cache", ".ruff_cache"):
        shutil.rmtree(mine.path / tool, ignore_errors=True)
    mine.run("git", "init", "--quiet")
    mine.run("git", "add", "--all")
    return mine


@pytest.mark.long
def test_the_hooks_are_content(hooked: Project) -> None:
    """I install the hooks, and my first commit passes all of them."""
    done = hooked.run("pre-commit", "run", "--all-files")
    assert "Failed" not in done.stdout
    assert done.stdout.count("Passed") == 6


def test_the_hooks_stop_a_bad_commit(hooked: Project) -> None:
    """I commit a slip, and the hook names it; what is applied it leaves alone."""
    (revision,) = hooked.revisions()
    revision.write_text(revision.read_text() + "import os   \n")
    (hooked.package / "slip.py").write_text('"""A slip."""\n\nx: int = "one"  \n')
    hooked.run("git", "add", "--all")
    done = hooked.run("pre-commit", "run", "--all-files", status=1)
    assert "Incompatible types in assignment" in done.stdout
    assert "no white space" in done.stdout
    assert (hooked.package / "slip.py").read_text().endswith('"one"\n')
    assert revision.read_text().endswith("import os   \n")


def test_the_editor_agrees_with_the_files(project: Project) -> None:
    """My editor's settings change no file that was generated."""
    assert "indent_size = 4" in (project.path / ".editorconfig").read_text()
    for path in project.package.rglob("*.html"):
        for line in path.read_text().splitlines():
            assert "\t" not in line
            assert (len(line) - len(line.lstrip())) % 2 == 0, path


def test_the_workflow_lints_revisions(tmp_path: Path) -> None:
    """My app runs on a server: the workflow says whom a revision would stop."""
    shop = generated(tmp_path, database="postgresql")
    (line,) = (it for it in commands(shop) if "db lint" in it)
    shop.run("sh", "-ec", line)
    city = "    name: Mapped[str] = mapped_column(String(100))\n    city_id"
    shop.edit("models.py", city, city.replace("(100)", "(100), index=True"))
    shop.run("flask", "db", "upgrade")
    shop.run("flask", "db", "migrate", "-m", "friends are found by name")
    said = shop.run("sh", "-ec", line, status=1).stdout
    assert said.startswith("::")
    assert "index-blocks-writes" in said
