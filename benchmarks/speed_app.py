"""What the migrations cost the app: its tests, its start, and its generation."""

import os
import signal
import subprocess
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from contestants import BIN, TEMPLATE, leave_out_migrations, make_template, run
from speed_commands import seconds

TESTS = 500
MORE = """
from sqlalchemy.orm import Mapped, mapped_column
from app.db import Model
""" + "".join(
    f"class T{number}(Model):\n    __tablename__ = 't{number}'\n"
    "    id: Mapped[int] = mapped_column(primary_key=True)\n"
    "    name: Mapped[str] = mapped_column(unique=True)\n"
    for number in range(6)
)
"""As many tables as the app lacks to ten."""

SMALL = """
import pytest
from sqlalchemy import text
from app.db import Model, db
from app import models, more

{fixture}
@pytest.mark.parametrize("number", range({number}))
def test_small({name}, number):
    {body}
"""
QUERY = "with app.app_context(): assert db.session.scalar(text('SELECT 1')) == 1"
CREATE_ALL = """
from .databases import app_on

@pytest.fixture
def made(tmp_path):
    with app_on({"default": f"sqlite:///{tmp_path}/made.db"}) as app:
        with app.app_context():
            Model.metadata.create_all(db.engine)
        yield app
        with app.app_context():
            Model.metadata.drop_all(db.engine)
"""
NO_DATABASE = """
from .databases import app_on

@pytest.fixture
def made():
    with app_on({"default": "sqlite://"}) as app:
        yield app
"""
KINDS = {
    "with the generated fixtures": ("", "app", QUERY),
    "with create_all and drop_all": (
        CREATE_ALL,
        "made",
        QUERY.replace("with app.", "with made."),
    ),
    "with an app and no database": (NO_DATABASE, "made", "assert made"),
    "with no app": ("", "tmp_path", "assert tmp_path"),
}


def tests(rounds: int) -> dict[str, dict[str, float]]:
    """Time small tests, each with a database of its own, of ten tables.

    :return: what they have -> the seconds of the processor, and those that passed.
    """
    with TemporaryDirectory() as folder:
        project = Path(folder) / "app"
        make_template(project, database_layer="sqlalchemy")
        (project / "app" / "more.py").write_text(MORE)
        run(project, "alembic revision --autogenerate -m first")
        for number, (fixture, name, body) in enumerate(KINDS.values()):
            text = SMALL.format(fixture=fixture, name=name, body=body, number=TESTS)
            (project / "tests" / f"test_small{number}.py").write_text(text)
        taken: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
        for _ in range(rounds):
            for number, kind in enumerate(KINDS):
                file = f"tests/test_small{number}.py"
                command = f"python -m pytest -q -p no:cacheprovider {file}"
                start = time.monotonic()
                used = seconds(project, command)
                taken[kind].append((used, time.monotonic() - start))
        return {
            kind: {
                "processor": median(used for used, _ in several),
                "elapsed": median(passed for _, passed in several),
            }
            for kind, several in taken.items()
        }


def start(rounds: int) -> dict[str, dict[str, float]]:
    """Start a worker of the app, with migrations and without, and ask it once."""
    found: dict[str, dict[str, list[float]]] = {}
    with TemporaryDirectory() as folder:
        projects = {
            kind: Path(folder) / f"{number}" / "app"
            for number, kind in enumerate(("with migrations", "without"))
        }
        for project in projects.values():
            project.parent.mkdir()
            make_template(project, database_layer="sqlalchemy")
        leave_out_migrations(projects["without"])
        for _ in range(rounds + 1):
            for kind, project in projects.items():
                used, peak = _answer(project)
                mine = found.setdefault(kind, {"seconds": [], "MB": []})
                mine["seconds"].append(used)
                mine["MB"].append(peak)
    return {
        kind: {what: median(several[1:]) for what, several in mine.items()}
        for kind, mine in found.items()
    }


def _answer(project: Path) -> tuple[float, float]:
    """Return the processor time and the memory of a server that answered once."""
    variables = {**os.environ, "APP_SECRET_KEY": "none", "PYTHONPATH": str(project)}
    variables["APP_DATABASE_URL"] = f"sqlite:///{project}/app.db"
    command = [str(BIN / "flask"), "--app", "app", "run", "--port", "5999"]
    process = subprocess.Popen(
        command,
        cwd=project,
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while True:
        try:
            with urlopen("http://127.0.0.1:5999/healthz", timeout=5):
                break
        except OSError:
            time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


FIRST = """
import tempfile, os
os.environ["APP_DATABASE_URL"] = f"sqlite:///{tempfile.mkdtemp()}/app.db"
from alembic import command
from app.migrations import migrations
config = migrations.config()
command.revision(config, "first", autogenerate=True)
command.upgrade(config, "head")
command.check(config)
"""


def generate(rounds: int) -> dict[str, float]:
    """Time a whole generation with uv, and each thing that it cannot do without."""
    names = ("whole", "cookiecutter alone", "`uv sync`", "a first revision")
    taken: dict[str, list[float]] = {name: [] for name in names}
    command = f"cookiecutter --default-config --no-input {TEMPLATE} program_name=app -o"
    with TemporaryDirectory() as folder:
        for number in range(rounds + 1):
            alone, whole = (Path(folder) / f"{number}{kind}" for kind in "ab")
            with_hook = f"env -u FLASK_ALEMBIC_TEMPLATE_ENVIRONMENT {command} {whole}"
            bare = f"{command} {alone}"
            (Path(folder) / "first.py").write_text(FIRST)
            steps = {
                "whole": (with_hook, Path(folder)),
                "cookiecutter alone": (bare, Path(folder)),
                "`uv sync`": ("uv sync", alone / "app"),
                "a first revision": (".venv/bin/python ../../first.py", alone / "app"),
            }
            for name, (line, place) in steps.items():
                taken[name].append(seconds(place, line))
    return {name: median(several[1:]) for name, several in taken.items()}
