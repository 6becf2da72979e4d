"""Whatever two answers in `cookiecutter.json` are chosen, the project works."""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import combinations as pairs
from itertools import product
from pathlib import Path

import pytest
from drafts import alembic, draft, sql
from jinja2 import Environment
from pairs import two_databases, using_both
from rendering import TEMPLATE, Project, generated, knowing_types
from scripts import tables

QUESTIONS = json.loads((TEMPLATE / "cookiecutter.json").read_text())
CHOICES = {
    key: choices
    for key, choices in QUESTIONS.items()
    if isinstance(choices, list) and not key.startswith("_")
}
INCLUDE = re.compile(r"{% include (.+?) %}")
GENERATED = TEMPLATE / "{{cookiecutter.program_name}}"

HOBBY = "    friends: Mapped[list[Friend]]"
ADDRESS = "    address: Mapped[str | None] = mapped_column(String(100))\n"
NUMBER = "    address: Mapped[int | None]\n"
CITY_ID = "    city_id: Mapped[int | None] = mapped_column("
BEST_ID = '    best_id: Mapped[int | None] = mapped_column(ForeignKey("friend.id"))\n'
EMAIL = "    email: Mapped[str] = mapped_column(String(254), unique=True)\n"


def combinations(choices: Mapping[str, list[str]]) -> list[dict[str, str]]:
    """Return every combination of answers."""
    return [
        dict(zip(choices, answers, strict=True))
        for answers in product(*choices.values())
    ]


def pairs_of(choices: Mapping[str, list[str]]) -> list[dict[str, str]]:
    """Return combinations in which each answer meets each answer of another question.

    No file depends on more than two answers, so that these have all there is.
    """
    left = {pair for answers in combinations(choices) for pair in _pairs(answers)}
    found = []
    while left:
        found.append(
            max(combinations(choices), key=lambda it: len(left & set(_pairs(it))))
        )
        left -= set(_pairs(found[-1]))
    return found


def _pairs(answers: Mapping[str, str]) -> list[tuple[tuple[str, str], ...]]:
    return list(pairs(answers.items(), 2))


def files_of(choices: Mapping[str, list[str]]) -> set[Path]:
    """Return the files in `templates/` that the combinations of answers ask for."""
    sources = [path.read_text() for path in GENERATED.rglob("*") if path.is_file()]
    names = [name for source in sources for name in INCLUDE.findall(source)]
    compiled = [Environment(autoescape=True).compile_expression(name) for name in names]
    return {
        TEMPLATE / "templates" / str(file(cookiecutter=answers))
        for file in compiled
        for answers in combinations(choices)
    }


def missing(choices: Mapping[str, list[str]]) -> list[str]:
    """Return the paths of files that a choice needs and that are not there."""
    return sorted(
        path.relative_to(TEMPLATE).as_posix()
        for path in files_of(choices)
        if not path.is_file()
    )


def test_every_choice_has_its_files() -> None:
    """I add a choice to cookiecutter.json, and read which file it still needs."""
    assert missing(CHOICES) == []
    more = {**CHOICES, "database_layer": [*CHOICES["database_layer"], "pony"]}
    assert missing(more) == [
        f"templates/db/pony/{databases}.py" for databases in CHOICES["databases"]
    ]


def test_every_file_has_its_choice() -> None:
    """I remove a choice, and no file of it stays behind."""
    found = {path for path in (TEMPLATE / "templates").rglob("*") if path.is_file()}
    assert sorted(found - files_of(CHOICES)) == []


def test_no_file_depends_on_more_than_two_answers() -> None:
    """I read a variant, and do not have to think of three things at once."""
    for path in GENERATED.rglob("*"):
        for name in INCLUDE.findall(path.read_text()) if path.is_file() else ():
            assert name.count("cookiecutter.") <= 2, path


def test_each_answer_meets_each_other_one() -> None:
    """I choose two answers, and a project that was tried has both."""
    tried = {pair for answers in pairs_of(CHOICES) for pair in _pairs(answers)}
    for answers in combinations(CHOICES):
        assert tried.issuperset(_pairs(answers))


@pytest.fixture(
    params=pairs_of(CHOICES), ids=lambda answers: "-".join(answers.values())
)
def answers(request: pytest.FixtureRequest) -> dict[str, str]:
    """Give a combination of answers."""
    chosen: dict[str, str] = request.param
    return chosen


@pytest.fixture
def chosen(answers: dict[str, str], tmp_path: Path) -> Iterator[Project]:
    """Give the project of a combination, on databases such as production has."""
    kinds = f"{answers['database']}-{answers['database']}"
    with two_databases(kinds, tmp_path) as urls:
        yield using_both(generated(tmp_path, hooks=True, **answers), urls)


@pytest.mark.long
def test_each_project_works(chosen: Project, answers: dict[str, str]) -> None:
    """I answer as I like: types and tests are content, and I walk through changes."""
    knowing_types(chosen).run("mypy")
    plugins = {**chosen.environment, "PYTHONPATH": str(TEMPLATE / "tests")}
    tests = ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    Project(chosen.path, plugins).run(*tests, "-p", "left_open")
    walk(chosen, several=answers["databases"] == "several")


def walk(project: Project, *, several: bool) -> None:
    """Add columns and a foreign key, change a type, drop, and go back, with rows."""
    default, auth = urls(project)
    alembic(project, "upgrade head")
    sql(default, "INSERT INTO hobby (name) VALUES ('chess')")
    project.edit("models.py", HOBBY, ADDRESS + HOBBY)
    project.edit("models.py", CITY_ID, BEST_ID + CITY_ID)
    if several:
        project.edit("models.py", EMAIL, EMAIL + ADDRESS.replace("address", "street"))
    draft(project, "more")
    sql(default, "UPDATE hobby SET address = '42'")
    project.edit("models.py", ADDRESS + HOBBY, NUMBER + HOBBY)
    project.edit("models.py", BEST_ID + CITY_ID, CITY_ID)
    draft(project, "less")
    assert sql(default, "SELECT address FROM hobby") == [(42,)]
    assert tables(auth) == ({"alembic_version", "user"} if several else set())
    alembic(project, "downgrade -1", "downgrade -1", "upgrade head", "check")
    assert sql(default, "SELECT name FROM hobby") == [("chess",)]


def urls(project: Project) -> list[str]:
    """Return the URLs of a project's two databases, the default one first."""
    names = ("DATABASE_URL", "AUTH_DATABASE_URL")
    return [project.environment[f"{project.name.upper()}_{name}"] for name in names]
