"""Answers that cannot work are refused, with one that does; all others work."""

import tomllib
from collections.abc import Iterator
from importlib.metadata import (
    PackageNotFoundError,
    packages_distributions,
    requires,
)
from pathlib import Path

import pytest
from combinations import CHOICES
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rendering import Project, cookiecut, generated, load_hook, render

PRE = load_hook("pre_gen_project")

REFUSED = {
    "": ("is empty", "app"),
    "class": ("keyword", "class_app"),
    "match": ("keyword", "match_app"),
    "email": ("standard library", "email_app"),
    "flask": ("package or tool", "flask_app"),
    "uv": ("package or tool", "uv_app"),
    "tests": ("file or folder", "tests_app"),
    "test_shop": ("file or folder", "shop"),
    "con": ("Windows", "con_app"),
    "../up": ("lower-case", "up"),
    "/root/shop": ("lower-case", "root_shop"),
    "Shop": ("lower-case", "shop"),
    "my-shop": ("lower-case", "my_shop"),
    "my shop": ("lower-case", "my_shop"),
    "_shop": ("lower-case", "shop"),
    "shop_": ("lower-case", "shop"),
    "1shop": ("lower-case", "app_1shop"),
    "café": ("lower-case", "cafe"),
    "店": ("lower-case", "app"),
    "shop\n": ("lower-case", "shop"),
    "s" * 33: ("longer than 32", "s" * 32),
}
"""Program name -> why it is refused, and the name that is suggested."""


@pytest.mark.parametrize("name", REFUSED, ids=repr)
def test_a_name_that_cannot_work_is_refused(name: str) -> None:
    """I am told why, and get a name that works."""
    reason, better = REFUSED[name]
    assert reason in PRE.refusal(name)
    assert PRE.suggestion(name) == better
    assert PRE.refusal(better) == ""


@pytest.mark.parametrize("name", ["s", "shop", "friend_book_2", "x" * 32, "app"])
def test_a_name_that_works_is_taken(name: str) -> None:
    """I use a name that is nobody's."""
    assert PRE.refusal(name) == ""


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    """I see all that is wrong in one run, and no folder is left."""
    bad = ["program_name=class", f"project_name={'Long ' * 13}", "author_name=a\nb"]
    told = cookiecut(
        *bad,
        folder=tmp_path,
        status=1,
        environment={
            "FLASK_ALEMBIC_TEMPLATE_ENVIRONMENT": "moon",
            "FLASK_ALEMBIC_TEMPLATE_STRICT": "yes",
        },
    ).stderr
    assert 'program_name "class" is a keyword of Python; try program_name=cl' in told
    assert f'than 60 columns; try project_name="{"Long " * 11}Long"' in told
    assert 'a character that is not seen; try author_name="a b"' in told
    assert 'ENVIRONMENT is "moon"; unset it, or use current or none' in told
    assert 'STRICT is "yes"; unset it, or use 0 or 1' in told
    assert not (tmp_path / "class").exists()


def test_a_title_is_needed() -> None:
    """I get a title from the name when I give none."""
    answers = {"program_name": "my_shop", "description": "", "author_name": ""}
    told = list(PRE.problems({**answers, "project_name": " "}))
    assert told == ['project_name is empty; try project_name="My Shop"']


def test_an_unknown_choice_is_refused(tmp_path: Path) -> None:
    """I see which values there are."""
    told = cookiecut("database=oracle", folder=tmp_path, status=1).stderr
    assert "oracle provided for choice variable database, but the choices are" in told
    assert not (tmp_path / "friend_book").exists()


@pytest.mark.parametrize("options", [[], ["-s"], ["-f"], ["-f", "-s"]], ids=str)
def test_my_own_folder_is_never_deleted(options: list[str], tmp_path: Path) -> None:
    """My work survives a project of the same, refused name."""
    mine = tmp_path / "email" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("work")
    cookiecut("program_name=email", *options, folder=tmp_path, status=1)
    assert [path.name for path in mine.parent.iterdir()] == ["mine.txt"]
    assert mine.read_text() == "work"


def test_a_folder_outside_is_neither_made_nor_touched(tmp_path: Path) -> None:
    """A path as a name writes nothing anywhere, even with -f."""
    (tmp_path / "inner").mkdir()
    (tmp_path / "there").mkdir()
    for name in ("../up", "../there"):
        cookiecut("-f", f"program_name={name}", folder=tmp_path / "inner", status=1)
    assert not (tmp_path / "up").exists()
    assert not list((tmp_path / "there").iterdir())


@pytest.mark.parametrize("title", ["\N{PARTY POPPER}", "A " + "very " * 20, "3D Shop"])
def test_every_title_suggests_a_usable_name(title: str, tmp_path: Path) -> None:
    """I give a title only; where its default name cannot be, I get one that can."""
    name = render(tmp_path, hooks=False, project_name=title).name
    assert PRE.refusal(PRE.suggestion(name)) == ""
    assert len(name) <= PRE.LONGEST


@pytest.mark.parametrize("database", CHOICES["database"])
def test_no_dependency_can_be_a_name(database: str, tmp_path: Path) -> None:
    """My package never hides one that it needs."""
    shop = generated(tmp_path, hooks=False, database=database)
    about = tomllib.loads((shop.path / "pyproject.toml").read_text())
    wanted = [*about["build-system"]["requires"], *about["project"]["dependencies"]]
    for extra in about["project"]["optional-dependencies"].values():
        wanted += extra
    wanted += ["pre-commit"]
    names = set(imported_names(wanted))
    assert {"flask", "markupsafe", "pytest", "mako"} <= names
    assert [name for name in names if not PRE.refusal(name)] == []


def imported_names(requirements: list[str]) -> Iterator[str]:
    """Yield every name that requirements, and what they require, take."""
    modules = packages_distributions()
    seen: set[str] = set()
    while requirements:
        wanted = Requirement(requirements.pop())
        name = canonicalize_name(wanted.name)
        if name in seen or (wanted.marker and not wanted.marker.evaluate()):
            continue
        seen.add(name)
        yield name.replace("-", "_")
        yield from (m for m, d in modules.items() if name in map(canonicalize_name, d))
        try:
            requirements += requires(name) or []
        except PackageNotFoundError:
            continue


def test_no_folder_of_a_project_can_be_a_name(project: Project) -> None:
    """My package never takes the name of what Python or Git finds beside it."""
    names = {path.name for path in project.path.iterdir() if path.is_dir()}
    names -= {project.name}
    ignored = (project.path / ".gitignore").read_text().split()
    names |= {line.strip("/") for line in ignored if line.endswith("/")}
    taken = {name for name in names if PRE.refusal(name)}
    assert names == taken >= {"tests", "dist", "__pycache__"}
