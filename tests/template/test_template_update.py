"""A project that cruft made takes over a newer template and keeps its history."""

import shutil
import subprocess
import sys
from pathlib import Path

import cruft
import pytest
from rendering import TEMPLATE, Project


def git(folder: Path, *arguments: str) -> str:
    """Run Git as somebody."""
    who = ["-c", "user.name=me", "-c", "user.email=me@localhost"]
    command = ["git", *who, "-c", "init.defaultBranch=main", *arguments]
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """Give a Git repository with a copy of the template."""
    copy = tmp_path / "template"
    shutil.copytree(TEMPLATE, copy, ignore=shutil.ignore_patterns(".git", ".*_cache"))
    commit_all(copy)
    return copy


def commit_all(folder: Path) -> None:
    """Commit all files of a folder, whose repository is made when there is none."""
    git(folder, "init")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "all")


def test_an_update_keeps_my_revisions(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I update months later: the new lines arrive, applied revisions stay mine."""
    path = cruft.create(str(template), tmp_path / "made", default_config=True)
    shop = Project(path, {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)})
    shop.alembic("upgrade", "head")
    (first,) = shop.revisions()
    first.write_text(first.read_text() + "# adjusted by hand\n")
    commit_all(path)

    ignore = template / "{{cookiecutter.program_name}}" / ".gitignore"
    ignore.write_text("newer/\n" + ignore.read_text())
    commit_all(template)
    # An environment asked for here would fail: this is no uv.
    monkeypatch.setenv("FLASK_ALEMBIC_TEMPLATE_ENVIRONMENT", "")
    monkeypatch.setenv("UV", sys.executable)
    assert cruft.update(path)

    assert (path / ".gitignore").read_text().startswith("newer/\n")
    changed = git(path, "status", "--short").split()
    assert changed == ["M", ".cruft.json", "M", ".gitignore"]
    assert shop.revisions() == [first]
    assert first.read_text().endswith("# adjusted by hand\n")
    assert shop.alembic("current").stdout.startswith(first.name[5:17])
