"""A project that cruft made takes over a newer template and keeps its history."""

import shutil
import subprocess
import sys
from pathlib import Path

import cruft
import pytest
import readme
from rendering import SOMEBODY, TEMPLATE, Project, cookiecut
from shared import once

COMBINATIONS = {
    "one": {},
    "several": {
        "databases": "several",
        "database_layer": "sqlalchemy",
        "database": "mariadb",
    },
}


def git(folder: Path, *arguments: str) -> str:
    """Run Git as somebody."""
    command = ["git", *SOMEBODY, "-c", "init.defaultBranch=main", *arguments]
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """Give a Git repository with a copy of the template."""
    copy = tmp_path / "template"
    ignored = shutil.ignore_patterns(".git", ".venv", ".*_cache")
    shutil.copytree(TEMPLATE, copy, ignore=ignored)
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


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a repository with the template's whole history, and today's as `newest`."""
    copy = tmp_path_factory.mktemp("versions") / "template"
    git(TEMPLATE, "clone", "--quiet", str(TEMPLATE), str(copy))
    oldest = git(copy, "log", "--format=%H", "--", "cookiecutter.json").split()[-1]
    git(copy, "tag", "oldest", oldest)
    git(copy, "rm", "-rq", ".")
    ignored = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__")
    shutil.copytree(TEMPLATE, copy, ignore=ignored, dirs_exist_ok=True)
    git(copy, "add", "--all")
    git(copy, "commit", "--quiet", "--allow-empty", "--message", "newest")
    git(copy, "tag", "newest")
    return copy


def said(heading: str) -> list[str]:
    """Return the commands that docs/update.md gives below a heading."""
    page = (TEMPLATE / "docs" / "update.md").read_text()
    below = page.partition(f"{heading}\n")[2].partition("\n## ")[0]
    found = [block.text for block in readme.blocks_of(below)]
    assert found
    return found


def worked_on(path: Path, folder: Path) -> Project:
    """Do what an owner does: commit, upgrade, edit, add a module, and commit that."""
    shop = Project(path, {"HOME": str(folder), "XDG_DATA_HOME": str(folder)})
    commit_all(path)
    shop.alembic("upgrade", "head")
    shop.edit("models.py", "class City(", "# mine\nclass City(")
    (shop.package / "mine.py").write_text('"""Mine."""\n')
    commit_all(path)
    return shop


def insist_on_my_work(shop: Project, revisions: dict[Path, bytes]) -> None:
    """Check that the project is newer, and what was mine is as it was."""
    assert {path: path.read_bytes() for path in shop.revisions()} == revisions
    assert not list(shop.path.rglob("*.rej"))
    assert "# mine\nclass City(" in (shop.package / "models.py").read_text()
    assert (shop.package / "mine.py").exists()
    newest = Project(shop.path.parent / "again" / shop.name)
    settings = f"{shop.name}/settings.py"
    assert (shop.path / settings).read_bytes() == (newest.path / settings).read_bytes()
    assert shop.alembic("current").stdout.rstrip().endswith("(head)")
    shop.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider")


@pytest.mark.long
@pytest.mark.parametrize("combination", COMBINATIONS)
def test_the_oldest_version_becomes_the_newest(
    combination: str, versions: Path, tmp_path: Path
) -> None:
    """I generated with the first template there was, and update my work to today's."""
    answers = COMBINATIONS[combination]
    create = {"default_config": True, "no_input": True, "extra_context": answers}
    path = cruft.create(
        str(versions),
        tmp_path,
        checkout="oldest",
        **create,
    )
    shop = worked_on(path, tmp_path)
    revisions = {path: path.read_bytes() for path in shop.revisions()}
    given = [f"{key}={value}" for key, value in answers.items()]
    cookiecut("-o", str(tmp_path / "again"), *given, folder=tmp_path)
    assert cruft.update(path, checkout="newest", skip_apply_ask=True)
    insist_on_my_work(shop, revisions)


@pytest.mark.long
def test_git_alone_updates_too(versions: Path, tmp_path: Path) -> None:
    """I type what docs/update.md says, in a project that cruft does not know."""
    oldest = ("--checkout", "oldest")
    cookiecut(*oldest, folder=tmp_path, template=versions)
    shop = worked_on(tmp_path / "friend_book", tmp_path)
    revisions = {path: path.read_bytes() for path in shop.revisions()}
    cookiecut("-o", str(tmp_path / "again"), folder=tmp_path)
    branch, update = said("## With git alone")
    typed = f"set -e\n{branch}{update}".replace(
        "gh:org/flask-alembic-template", str(TEMPLATE)
    )
    who = {
        f"GIT_{role}_{key}": "me@localhost"
        for role in ("AUTHOR", "COMMITTER")
        for key in ("NAME", "EMAIL")
    }
    me = Project(shop.path, {**shop.environment, **who})
    me.run("sh", "-c", typed)
    insist_on_my_work(shop, revisions)
    assert git(shop.path, "status", "--short") == ""


VISITS = '''"""Who visits whom."""

import enum

from sqlalchemy import Enum, String
from sqlalchemy.orm import Mapped, mapped_column

from .db import Model


class Mood(enum.Enum):
    """How a visit went."""

    GOOD = "good"
    BAD = "bad"


class Visit(Model):
    """A visit."""

    __tablename__ = "visit"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(20))
    mood: Mapped[Mood]
    kind: Mapped[str] = mapped_column(Enum("a", "b", native_enum=False, length=9))
'''
CHANGED = {
    "code: Mapped[str] = mapped_column(String(20))": "code: Mapped[int]",
    "    mood: Mapped[Mood]\n": "    mood: Mapped[Mood] = mapped_column(unique=True)\n",
    '    BAD = "bad"\n': '    BAD = "bad"\n    MIXED = "mixed"\n',
}


def made_by(commit: str, versions: Path) -> tuple[Path, Path]:
    """Return a project that an old version made, and the same after an update.

    Both are made once, for all databases, and have the table of `VISITS`.
    """

    def make(folder: Path) -> None:
        path = cruft.create(
            str(versions), folder, checkout=commit, default_config=True, no_input=True
        )
        (path / path.name / "visits.py").write_text(VISITS)
        commit_all(path)
        newer = Project(folder / "newest" / path.name)
        shutil.copytree(path, newer.path)
        for old, new in CHANGED.items():
            newer.edit("visits.py", old, new)
        commit_all(newer.path)
        revisions = {it: it.read_bytes() for it in newer.revisions()}
        assert cruft.update(newer.path, checkout="newest", skip_apply_ask=True)
        assert not [*newer.path.rglob("*.rej")]
        assert {it: it.read_bytes() for it in newer.revisions()} == revisions

    made = once(f"made by {commit}", make)
    (updated,) = (made / "newest").iterdir()
    return made / updated.name, updated


@pytest.mark.long
@pytest.mark.parametrize("commit", ["oldest", "19e0064", "d0fdf07", "1da3513"])
def test_my_old_revisions_still_run(
    commit: str, versions: Path, tmp_path: Path, database_url: str
) -> None:
    """I drafted guards and Enums with an old version: after an update they run."""
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    before, after = (
        Project(shutil.copytree(path, tmp_path / when / path.name), home)
        for when, path in zip(
            ("before", "after"), made_by(commit, versions), strict=True
        )
    )
    old, shop = before.using(database_url), after.using(database_url)
    old.alembic("upgrade", "head")
    old.alembic("revision", "--autogenerate", "-m", "visits")
    old.alembic("upgrade", "head")
    for was, now in CHANGED.items():
        old.edit("visits.py", was, now)
    old.alembic("revision", "--autogenerate", "-m", "guarded")
    assert "refuse_loss(" in "".join(path.read_text() for path in old.revisions())

    # An update takes no notice of what it has not made.
    folder = Path("migrations", "versions")
    shutil.copytree(old.package / folder, shop.package / folder, dirs_exist_ok=True)
    drafts = shop.revisions()
    shop.run("sh", "-ec", said("## Revisions of old versions")[0])

    assert shop.revisions() == drafts
    shop.alembic("upgrade", "head")
    shop.alembic("check")
    shop.alembic("downgrade", "base")
    shop.alembic("upgrade", "head")
    shop.alembic("check")
