"""Copier makes the same project as cookiecutter, and merges later versions into it."""

import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from combinations import COMBINATIONS, Answers, name_of
from rendering import TEMPLATE, Project, cookiecut
from test_cookiecutter import contents
from test_template_update import commit_all, git

TASKS = runpy.run_path(str(TEMPLATE / "hooks" / "copier_tasks.py"))
ANSWERS_FILE = ".copier-answers.yml"
TEXTS = {"project_name": 'Ann\'s "Shop" \\ {{ 1 }}', "program_name": "shop"}


def copier(
    *arguments: str,
    folder: Path,
    status: int = 0,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Type the copier command, and return what it says.

    :param folder: where it is typed, and whose home it is.
    :param status: the exit status to insist on.
    :param environment: variables of its own.
    """
    who = {
        f"GIT_{role}_{key}": "me@localhost"
        for role in ("AUTHOR", "COMMITTER")
        for key in ("NAME", "EMAIL")
    }
    home = {"HOME": str(folder), "PWD": str(folder), "NO_COLOR": "1", **who}
    done = subprocess.run(
        [sys.executable, "-m", "copier", *arguments],
        cwd=folder,
        env={**os.environ, **home, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a repository with the template as its version 1.0.0."""
    copy = tmp_path_factory.mktemp("copier") / "template"
    ignored = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__")
    shutil.copytree(TEMPLATE, copy, ignore=ignored)
    commit_all(copy)
    git(copy, "tag", "1.0.0")
    return copy


def test_the_questions_are_the_same() -> None:
    """A question was changed: `python hooks/copier_tasks.py` writes copier's anew."""
    assert (TEMPLATE / "copier.yml").read_text() == TASKS["copier_yml"]()


@pytest.mark.parametrize("answers", [*COMBINATIONS[:4], TEXTS], ids=name_of)
def test_the_project_is_the_same(
    answers: Answers, versions: Path, tmp_path: Path
) -> None:
    """I prefer copier, and get the files that cookiecutter makes, to the byte."""
    given = [word for key in answers for word in ("--data", f"{key}={answers[key]}")]
    name = answers.get("program_name", "friend_book")
    copy = ("copy", "--trust", "--defaults", "--quiet", *given, str(versions), name)
    none = {"FLASK_ALEMBIC_TEMPLATE_ENVIRONMENT": "none"}
    told = copier(*copy, folder=tmp_path, environment=none)
    assert told.index("flask db upgrade") > told.index(f"cd {name}")
    typed = [
        f"{key}="
        + "{% raw %}" * (key == "project_name")
        + answers[key]
        + "{% endraw %}" * (key == "project_name")
        for key in answers
    ]
    cookiecut("-o", "other", *typed, folder=tmp_path, environment=none)
    readme = tmp_path / "other" / name / "README.md"
    readme.write_text(readme.read_text().replace(str(TEMPLATE), TASKS["ADDRESS"]))
    made = contents(tmp_path / name)
    assert made.pop(ANSWERS_FILE)
    other = contents(tmp_path / "other" / name)
    assert made == other


def test_a_name_that_cannot_work_leaves_nothing(versions: Path, tmp_path: Path) -> None:
    """My answer is refused: I read why and what works, and no folder is left."""
    copy = ("copy", "--trust", "--defaults", "--data", "program_name=email")
    told = copier(*copy, str(versions), "email", folder=tmp_path, status=1)
    assert "module of Python's standard library; try program_name=email_app" in told
    assert not (tmp_path / "email").exists()


def test_an_update_merges_what_i_wrote(versions: Path, tmp_path: Path) -> None:
    """I edited the README and the models: both versions' lines are there, no .rej."""
    newer = tmp_path / "template"
    shutil.copytree(versions, newer)
    copier("copy", "--trust", "--defaults", str(newer), "friend_book", folder=tmp_path)
    shop = Project(
        tmp_path / "friend_book",
        {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)},
    )
    shop.alembic("upgrade", "head")
    (readme := shop.path / "README.md").write_text(
        readme_text := readme.read_text().replace("## Commands", "Mine.\n\n## Commands")
    )
    assert "Mine." in readme_text
    shop.edit("models.py", "class City(", "# mine\nclass City(")
    page = shop.package / "templates" / "friends.html"
    page.write_text(page.read_text() + "<!-- mine -->\n")
    commit_all(shop.path)
    revisions = {path: path.read_bytes() for path in shop.revisions()}

    source = newer / "{{cookiecutter.program_name}}"
    for file, old, new in (
        ("README.md", "## Deploy", "Theirs.\n\n## Deploy"),
        (".gitignore", ".env\n", ".env\nnewer/\n"),
        (
            "{{cookiecutter.program_name}}/templates/friends.html",
            "<h2",
            "<!-- -->\n<h2",
        ),
        ("alembic_lossless/rules.py", '"""', '"""Newer: '),
    ):
        text = (source / file).read_text()
        assert old in text, file
        (source / file).write_text(text.replace(old, new, 1))
    (source / "alembic_lossless" / "py.typed").rename(source / "alembic_lossless" / "x")
    commit_all(newer)
    git(newer, "tag", "2.0.0")
    copier("update", "--trust", "--defaults", folder=shop.path)

    assert {"Mine.", "Theirs."} <= set(readme.read_text().split())
    assert "newer/" in (shop.path / ".gitignore").read_text()
    assert page.read_text().endswith("<!-- mine -->\n")
    assert "<!-- -->" in page.read_text()
    assert "# mine\nclass City(" in (shop.package / "models.py").read_text()
    assert not [*shop.path.rglob("*.rej")]
    assert "<<<<<<<" not in git(shop.path, "diff")
    library = shop.path / "alembic_lossless"
    assert (library / "rules.py").read_text().startswith('"""Newer: ')
    assert {path.name for path in library.glob("*")} >= {"x"}
    assert not (library / "py.typed").exists()
    assert "_commit: 2.0.0" in (shop.path / ANSWERS_FILE).read_text()
    assert {path: path.read_bytes() for path in shop.revisions()} == revisions
    shop.alembic("check")
