"""Whatever two answers in `cookiecutter.json` are chosen, the project works."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from combinations import CHOICES, COMBINATIONS, Answers, every, name_of, pairs_in
from database_pairs import two_databases, using_both
from drafts import alembic, draft, sql
from jinja2 import Environment
from rendering import TEMPLATE, Project, generated, knowing_types
from scripts import tables

INCLUDE = re.compile(r"{% include cookiecutter\._templates ~ (.+?) %}")
GENERATED = TEMPLATE / "{{cookiecutter.program_name}}"

HOBBY = "    friends: Mapped[list[Friend]]"
ADDRESS = "    address: Mapped[str | None] = mapped_column(String(100))\n"
NUMBER = "    address: Mapped[int | None]\n"
CITY_ID = "    city_id: Mapped[int | None] = mapped_column("
BEST_ID = '    best_id: Mapped[int | None] = mapped_column(ForeignKey("friend.id"))\n'
EMAIL = "    email: Mapped[str] = mapped_column(String(254), unique=True)\n"


def files_of(choices: Mapping[str, list[str]]) -> set[Path]:
    """Return the files in `templates/` that the combinations of answers ask for."""
    sources = [path.read_text() for path in GENERATED.rglob("*") if path.is_file()]
    names = [name for source in sources for name in INCLUDE.findall(source)]
    compiled = [Environment(autoescape=True).compile_expression(name) for name in names]
    return {
        TEMPLATE / "templates" / str(file(cookiecutter=answers))
        for file in compiled
        for answers in every(choices)
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
    tried = {pair for answers in COMBINATIONS for pair in pairs_in(answers)}
    assert len(COMBINATIONS) < len(every(CHOICES))
    for answers in every(CHOICES):
        assert tried.issuperset(pairs_in(answers))


@pytest.fixture(params=COMBINATIONS, ids=name_of)
def answers(request: pytest.FixtureRequest) -> Answers:
    """Give a combination of answers."""
    chosen: Answers = request.param
    return chosen


@pytest.fixture
def chosen(answers: Answers, tmp_path: Path) -> Iterator[Project]:
    """Give the project of a combination, on databases such as production has."""
    kinds = f"{answers['database']}-{answers['database']}"
    with two_databases(kinds, tmp_path) as urls:
        yield using_both(generated(tmp_path, hooks=True, **answers), urls)


@pytest.mark.long
def test_each_project_works(chosen: Project, answers: Answers) -> None:
    """I answer as I like: types and tests are content, and I walk through changes."""
    knowing_types(chosen).run("mypy")
    beside = [str(TEMPLATE / "tests"), chosen.environment.get("PYTHONPATH", "")]
    plugins = {**chosen.environment, "PYTHONPATH": os.pathsep.join(beside)}
    tests = ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    Project(chosen.path, plugins).run(*tests, "-p", "leaks")
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
