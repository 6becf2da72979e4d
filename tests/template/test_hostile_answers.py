"""Texts meant to break a project are refused with a sentence, or shown unharmed."""

import ast
import html
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cookiecutter.environment import StrictEnvironment
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import FileSystemLoader
from markdown_it import MarkdownIt
from markupsafe import escape
from rendering import QUESTIONS, TEMPLATE, Project, load_hook, render

GENERATED = "{{cookiecutter.program_name}}/"
SHOWN = ("README.md", "pyproject.toml", f"{GENERATED}__init__.py")
"""The generated files that hold an answer other than the name."""

CHOSEN = {
    key: value[0] if isinstance(value, list) else value
    for key, value in QUESTIONS.items()
} | {"program_name": "shop", "_template": "template"}
TEXTS = ("project_name", "description", "author_name")

PIECES = [
    *("\N{RIGHT SINGLE QUOTATION MARK}", "\N{EN DASH}", "\N{MULTIPLICATION SIGN}"),
    *("\N{NO-BREAK SPACE}", " ", "  ", "a", "Shop", "true", "null", "5", "password"),
    *("|", "\\|", "`", "*", "_", "~", "#", "##", ">", "- ", "+ ", "1. ", "2) ", "---"),
    *("***", "===", "```", "~~~", "<script>", "</title>", "<!--", "<b>", "&", "&amp;"),
    *(";", "[x](y)", "![x](y)", "[x]: ", "<y@z>", ":smile:", "https://a.org", "$x$"),
    *("{{ 7 * 7 }}", "{%", "%}", "{#", "#}", "${x}", "%s", "%(here)s", "{0}", "\\n"),
    *("'", '"', "\\", "\\\\", '\\"', "\\'", "'''", '"""', "# noqa", "# type: ignore"),
    *("0.0.0.0", "::", "/tmp/x", "SELECT", "TODO"),  # noqa: S104, S108  what linters seek
    *(
        "\N{PARTY POPPER}",
        "\u2764\ufe0f",
        "e\u0301",
        "\u05d0",
        "\u0627",
        "\u5e97",
        "\u200d",
    ),
    *(
        "\u202e",
        "\u200f",
        "\u200b",
        "\u2028",
        "\ufeff",
        "\0",
        "\x1b",
        "\x85",
        "\n",
        "\r\n",
    ),
    *("\ud800", "\ufffe"),
]
"""Texts that mean something to what reads the project."""

# UTF-8 has all but the surrogates; to ask its codec for each takes seconds.
signs = st.characters(exclude_categories=["Cs"])
words = st.sampled_from(PIECES) | st.text(signs, max_size=4)
wide = st.text("\u5e97\ud55c\N{FOX FACE} a", min_size=20, max_size=80)
texts = st.lists(words, max_size=10).map("".join) | wide
hostile = st.fixed_dictionaries(dict.fromkeys(TEXTS, texts))
"""Answers as they are typed at the questions: cookiecutter renders none of these."""


@pytest.fixture(scope="module")
def rendered() -> Callable[[dict[str, str], Path], Path]:
    """Give a function that writes what holds answers, as cookiecutter writes it."""
    environment = StrictEnvironment(
        context={"cookiecutter": CHOSEN},
        keep_trailing_newline=True,
        **QUESTIONS["_jinja2_env_vars"],
    )
    environment.loader = FileSystemLoader([TEMPLATE, TEMPLATE / "templates"])
    sources = {file: environment.get_template(f"{GENERATED}{file}") for file in SHOWN}

    def write(answers: dict[str, str], folder: Path) -> Path:
        for file, source in sources.items():
            path = folder / file.replace(GENERATED, "shop/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source.render(cookiecutter=CHOSEN | answers), "utf-8")
        return folder

    return write


@pytest.mark.long
def test_a_thousand_hostile_answers(
    rendered: Callable[[dict[str, str], Path], Path], tmp_path: Path
) -> None:
    """Whatever I type, I read why not, or the project is clean and shows my text."""
    made: list[Path] = []

    @settings(
        max_examples=1000,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(hostile)
    def each(answers: dict[str, str]) -> None:
        hook = load_hook("pre_gen_project", **CHOSEN | answers)
        assert {key: hook.ANSWERS[key] for key in TEXTS} == answers
        problems = list(hook.problems(hook.ANSWERS))
        if problems:
            assert list(hook.problems(hook.ANSWERS | suggested(problems))) == []
            return
        made.append(rendered(answers, tmp_path / str(len(made))))
        assert shown(made[-1]) == expected(answers)

    each()
    assert len(made) > 200
    for command in ("check", "format --check"):
        ruff(tmp_path, *command.split())


def suggested(problems: list[str]) -> dict[str, str]:
    """Return the answers that messages say to type, as a shell reads them."""
    better = {}
    for problem in problems:
        assert len(problem.splitlines()) == 1
        (typed,) = shlex.split(problem.partition("; try ")[2])
        key, _, value = typed.partition("=")
        better[key] = value
    return better


def expected(answers: dict[str, str]) -> dict[str, Any]:
    """Return what a reader of the project should find."""
    title, about, author = (answers[key].strip() for key in TEXTS)
    return {
        "title": title,
        "toml": (about, [{"name": author}] if author else []),
        "markdown": [one_space(text) for text in (title, about, title)],
    }


def shown(folder: Path) -> dict[str, Any]:
    """Return what a reader finds: in Python, in TOML, and in the README as a page."""
    about = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    markdown = MarkdownIt().enable("table").enable("strikethrough")
    text = (folder / "README.md").read_text("utf-8").partition("## Addresses")[0]
    page = markdown.render(text)
    heading, below = page.partition("<h2>Commands</h2>")[0].split("</h1>")
    row = page.partition("<td>the title of the pages</td>")[2].partition("</tr>")[0]
    return {
        "title": title_of(folder / "shop"),
        "toml": (about["description"], about.get("authors", [])),
        "markdown": [one_space(plain(part)) for part in (heading, below, row)],
    }


def plain(markup: str) -> str:
    """Return what a browser shows of a piece of a page that has no marks of its own."""
    return html.unescape(re.sub(r"</?(h1|p|td)>", "", markup))


def one_space(text: str) -> str:
    """Return a text with each run of spaces and line breaks as a browser shows it."""
    return re.sub("[ \n]+", " ", text).strip(" \n")


def title_of(package: Path) -> str:
    """Return the title as Python reads it."""
    tree = ast.parse((package / "__init__.py").read_text("utf-8"))
    values = next(node for node in tree.body if isinstance(node, ast.Assign)).value
    assert isinstance(values, ast.Dict)
    return str(ast.literal_eval(values.values[0]))


def ruff(folder: Path, *command: str) -> None:
    """Insist that Ruff has nothing to say of what is in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "--no-cache", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


@pytest.mark.long
@pytest.mark.parametrize(
    "text",
    [
        "Ann\u2019s \u2013 shop \u00d7 2\u00a0| `x` <script>alert(1)</script>",
        '  \\"{{ 7 * 7 }}\\" {% if %} {# \N{FOX FACE} #} \'"""\' &amp; $x$  ',
    ],
    ids=["marks", "braces"],
)
def test_a_whole_project_of_a_hostile_title(text: str, tmp_path: Path) -> None:
    """My title looks like something else: linter, tests and page are content."""
    raw = dict.fromkeys(TEXTS, "{% raw %}" + text + "{% endraw %}")
    shop = render(tmp_path, hooks=True, program_name="shop", **raw)
    assert shown(shop.path) == expected(dict.fromkeys(TEXTS, text))
    ruff(shop.path, "check")
    ruff(shop.path, "format", "--check")
    shop.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    shop.alembic("upgrade", "head")
    assert page(shop).count(f">{escape(text.strip())}<") == 2


def page(project: Project) -> str:
    """Return the page of the app."""
    code = (
        "from shop import create_app; print(create_app().test_client().get('/').text)"
    )
    return project.run("python", "-c", code).stdout
