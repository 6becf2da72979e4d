"""What is generated: exactly these files, rendered to the last brace, and clean."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from combinations import ASKED, CHOICES, COMBINATIONS, Answers, name_of
from rendering import QUESTIONS, TEMPLATE, Project, generated, knowing_types

NAMES = {"short": "b", "long": "b" * 32}
GENERATED = TEMPLATE / "{{cookiecutter.program_name}}"
TREE = (TEMPLATE / "tests" / "template" / "tree.txt").read_text().split()
FLASK_TEMPLATE = re.compile(r"^--- \S+\.html\n.*?^```", re.MULTILINE | re.DOTALL)
"""A recipe's template, which Flask renders."""


each_combination = pytest.mark.parametrize(
    "answers", COMBINATIONS, ids=map(name_of, COMBINATIONS)
)
each_name = pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)


def files(project: Project) -> list[Path]:
    """Return the files of a project that no tool made."""
    every = (path for path in project.path.rglob("*") if path.is_file())
    return sorted(path for path in every if "_cache" not in str(path))


def contents(folder: Path) -> dict[Path, bytes]:
    """Return what each file of a folder holds."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder): path.read_bytes() for path in paths}


@each_combination
def test_the_files_are_exactly_these(answers: Answers, tmp_path: Path) -> None:
    """Whatever I answer, I get the tree that tests/template/tree.txt lists."""
    project = generated(tmp_path, hooks=False, program_name="a_name", **answers)
    found = {path.relative_to(project.path).as_posix() for path in files(project)}
    own = {path for path in found if not path.startswith("alembic_lossless/")}
    assert own == {path.replace("PROGRAM", "a_name") for path in TREE}


@each_combination
def test_the_library_is_the_same_everywhere(answers: Answers, tmp_path: Path) -> None:
    """The library beside my app is this one, to the byte; as a dependency, none is."""
    project = generated(tmp_path, hooks=False, **answers)
    made = contents(project.path / "alembic_lossless")
    vendored = answers["library"] == "vendored"
    assert made == (contents(GENERATED / "alembic_lossless") if vendored else {})
    required = '"alembic-lossless' in (project.path / "pyproject.toml").read_text()
    assert required != vendored
    assert not [path for path in made if path.suffix == ".pyc"]


@each_combination
def test_nothing_is_left_to_render(answers: Answers, tmp_path: Path) -> None:
    """I find no trace of the template in what I own."""
    for path in files(generated(tmp_path, hooks=False, **answers)):
        text = FLASK_TEMPLATE.sub("", path.read_text())
        assert "cookiecutter." not in text, path
        if path.suffix != ".html":  # Flask renders these
            assert not re.search(r"{%|{#|(?<![${f]){{\s", text), path


@each_combination
def test_white_space_is_clean(answers: Answers, tmp_path: Path) -> None:
    """My first commit changes no white space."""
    for path in files(generated(tmp_path, hooks=False, **answers)):
        text = path.read_text()
        assert not text or text.endswith("\n"), path
        assert not text.startswith("\n"), path
        assert not text.endswith("\n\n"), path
        assert not re.search(r"[ \t]\n", text), path
        assert "\n\n\n\n" not in text, path


@each_combination
def test_the_example_has_every_setting(answers: Answers, tmp_path: Path) -> None:
    """I copy .env.example and find each setting of the README's table in it."""
    project = generated(tmp_path, hooks=False, **answers)
    table = (project.path / "README.md").read_text()
    example = (project.path / ".env.example").read_text()
    settings = re.findall(r"(?m)^\| `(FRIEND_BOOK_\w+)` \|", table)
    assert settings == re.findall(r"(?m)^#(\w+)=\S+$", example)
    assert settings


@each_name
@each_combination
def test_the_linter_is_content(answers: Answers, name: str, tmp_path: Path) -> None:
    """Ruff finds nothing to say and nothing to reformat, whatever my app is called."""
    project = generated(tmp_path, hooks=False, program_name=name, **answers)
    project.run("ruff", "check", "--no-cache", ".")
    project.run("ruff", "format", "--no-cache", "--check", ".")


@each_name
def test_types_are_strict(name: str, tmp_path: Path) -> None:
    """Mypy is content with the project and its first revision."""
    knowing_types(generated(tmp_path, program_name=name)).run("mypy")


def test_every_question_speaks_to_me() -> None:
    """Each question and each choice has a label, which the terminal shows whole."""
    labels = QUESTIONS["__prompts__"]
    assert set(labels) == set(ASKED)
    for key, choices in CHOICES.items():
        assert set(labels[key]) == {"__prompt__", *choices}
    # The terminal takes what stands in square brackets for a colour.
    assert not set("[]") & set(json.dumps(labels))


def test_every_path_can_be_checked_out_anywhere() -> None:
    """No tracked path holds a character that Windows refuses."""
    listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=TEMPLATE, text=True)  # noqa: S607
    assert [path for path in listed.split("\0") if set('<>:"\\|?*') & set(path)] == []


@each_combination
def test_the_app_stays_small(answers: Answers, tmp_path: Path) -> None:
    """I own every line of the app, and read all of it in one sitting."""
    project = generated(tmp_path, hooks=False, **answers)
    modules = list(project.package.rglob("*.py"))
    assert len(modules) < 30
    assert sum(len(path.read_text().splitlines()) for path in modules) < 1300
