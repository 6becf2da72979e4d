"""A new project has its first revision, drafted by its own Alembic."""

import re
import shutil
import sys
from pathlib import Path

import pytest
from rendering import TEMPLATE, Project, cookiecut, render

LAX = {"FLASK_ALEMBIC_TEMPLATE_STRICT": None}
USUAL = ("PYTHONDONTWRITEBYTECODE", "XDG_DATA_HOME")
CAUSE = (
    "first revision failed: friend_book.fields cannot be imported, so its tables are"
    " unknown: TypeError: no such column\n"
)
NAME = re.compile(r"0001_([0-9a-f]{12})_first_tables\.py")


def test_the_first_revision_makes_every_table(project: Project) -> None:
    """I generate a project and its tables are in its one revision."""
    (revision,) = project.revisions()
    assert NAME.fullmatch(revision.name)
    text = revision.read_text()
    for table in ("city", "friend", "hobby", "friend_hobby"):
        assert f'create_table(\n        "{table}"' in text
        assert f'op.drop_table("{table}")' in text


def test_the_history_is_locked_from_the_start(project: Project) -> None:
    """I generate a project, and its lock file has the line of its one revision."""
    (revision,) = project.revisions()
    lines = revision.with_name("history.lock").read_text().splitlines()
    identifier = revision.name.split("_")[1]
    assert [line.split()[:2] for line in lines[2:]] == [[identifier, "-"]]


def test_the_first_revision_only_drops_to_go_back(project: Project) -> None:
    """I read its downgrade: the tables go, nothing is changed first, also as SQL."""
    (revision,) = project.revisions()
    downgrade = revision.read_text().partition("def downgrade")[2]
    assert re.findall(r"\bop\.(\w+)", downgrade) == ["drop_table"] * 4
    whole = f"{revision.name.split('_')[1]}:base"
    project.alembic("downgrade", whole, "--sql")


def test_the_first_revision_works(project: Project, database_url: str) -> None:
    """I upgrade at once, on any database, and the models match."""
    shop = project.using(database_url)
    shop.alembic("upgrade", "head")
    shop.alembic("check")


def test_the_same_answers_make_the_same_file(project: Project, tmp_path: Path) -> None:
    """I generate twice and get the same revision; another name gives another id."""
    again = render(tmp_path / "again").revisions()[0]
    other = render(tmp_path / "other", program_name="shop").revisions()[0]
    mine = project.revisions()[0]
    assert (mine.name, mine.read_bytes()) == (again.name, again.read_bytes())
    assert mine.name != other.name


@pytest.mark.parametrize("kind", ["current", "none"])
def test_a_dependency_has_no_folder(kind: str, tmp_path: Path) -> None:
    """I want the library from an index: one line names it, and no folder is left."""
    environment = {"FLASK_ALEMBIC_TEMPLATE_ENVIRONMENT": kind}
    cookiecut("library=dependency", folder=tmp_path, environment=environment)
    shop = Project(tmp_path / "friend_book")
    assert not (shop.path / "alembic_lossless").exists()
    lines = (shop.path / "pyproject.toml").read_text().splitlines()
    assert [line for line in lines if "lossless" in line and "#" not in line] == [
        '    "alembic-lossless>=1.0",'
    ]
    assert len(shop.revisions()) == (kind == "current")


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    """I keep my projects in "50% off", whose % Alembic's ini file cannot read."""
    folder = tmp_path / "50% off"
    folder.mkdir()
    shop = render(folder)
    assert shop.revisions()
    shop.run("flask", "db", "upgrade")


def test_nothing_else_is_left(project: Project, tmp_path: Path) -> None:
    """I find no database, no cache and no folder in my home that I did not ask for."""
    made = tmp_path / "made"
    made.mkdir()
    cookiecut(folder=made, environment=dict.fromkeys(USUAL))
    home = {path.name for path in made.iterdir()}
    assert home == {project.name, ".cookiecutter_replay"}
    left = {path.name for path in (made / project.name).rglob("*")}
    assert not {name for name in left if name.endswith((".db", ".pyc"))}
    assert not left & {"__pycache__", "finish_setup.py", "uv.lock", ".venv"}


def test_generating_again_adds_no_second_root(tmp_path: Path) -> None:
    """I generate over my project with -f: my revisions stay, and none is added."""
    shop = render(tmp_path)
    (first,) = shop.revisions()
    first.write_text(first.read_text() + "# mine\n")
    renamed = first.rename(first.with_name("2020_mine.py"))
    told = cookiecut("-f", folder=tmp_path).stdout
    assert "there are revisions already, none added" in told
    assert shop.revisions() == [renamed]
    assert renamed.read_text().endswith("# mine\n")


def test_a_setting_leaves_the_revision_to_me(tmp_path: Path) -> None:
    """I want to make environment and revision myself, and read how."""
    none = {"FLASK_ALEMBIC_TEMPLATE_ENVIRONMENT": "none"}
    told = cookiecut(folder=tmp_path, environment=none).stdout
    assert 'flask db migrate -m "first tables"\n' in told
    shop = Project(tmp_path / "friend_book")
    assert shop.revisions() == []
    assert not (shop.path / ".venv").exists()


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Give a copy of the template whose models do not work."""
    copy = tmp_path / "template"
    ignored = shutil.ignore_patterns(".git", ".venv", ".*_cache")
    shutil.copytree(TEMPLATE, copy, ignore=ignored)
    for models in (copy / "templates" / "models").glob("*.py"):
        models.write_text(models.read_text() + "\nraise TypeError('no such column')\n")
    return copy


def test_a_draft_that_fails_keeps_the_project(broken: Path, tmp_path: Path) -> None:
    """I edited the template wrongly: I read why, repair it, and finish the project."""
    told = cookiecut(folder=tmp_path, template=broken, environment=LAX).stdout
    assert CAUSE in told
    shop = Project(tmp_path / "friend_book")
    assert shop.revisions() == []
    command = told.split("this finishes it:\n  ")[1].strip()
    assert command.endswith(str(shop.path / "finish_setup.py"))
    shop.run(sys.executable, "finish_setup.py", status=1)
    shop.edit("models.py", "\nraise TypeError('no such column')\n", "")
    shop.run(sys.executable, "finish_setup.py")
    assert [NAME.fullmatch(path.name) is None for path in shop.revisions()] == [False]
    assert not (shop.path / "finish_setup.py").exists()


def test_a_strict_run_fails_and_leaves_nothing(broken: Path, tmp_path: Path) -> None:
    """My CI wants an error, not a project that is half set up."""
    told = cookiecut(folder=tmp_path, template=broken, status=1).stderr
    assert CAUSE in told
    assert not (tmp_path / "friend_book").exists()


def test_a_draft_that_cannot_be_applied_is_not_kept(
    broken: Path, tmp_path: Path
) -> None:
    """A revision that does not upgrade never stands in my way when I finish."""
    for script in (broken / "templates" / "script").glob("*.mako"):
        script.write_text(script.read_text() + "\nraise OSError('bad script')\n")
    for models in (broken / "templates" / "models").glob("*.py"):
        shutil.copy(TEMPLATE / "templates" / "models" / models.name, models)
    told = cookiecut(folder=tmp_path, template=broken, environment=LAX).stdout
    assert "first revision failed: OSError: bad script\n" in told
    assert Project(tmp_path / "friend_book").revisions() == []
