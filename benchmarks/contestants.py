"""The same small app for each tool: three tables and an association, on SQLite."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

TABLES = """\
from sqlalchemy import Column, ForeignKey, String, Table
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
class Model(DeclarativeBase):
    pass
Table("friend_hobby", Model.metadata,
    Column("friend_id", ForeignKey("friend.id"), primary_key=True),
    Column("hobby_id", ForeignKey("hobby.id"), primary_key=True))
class City(Model):
    __tablename__ = "city"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
class Friend(Model):
    __tablename__ = "friend"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    city_id: Mapped[int | None] = mapped_column(ForeignKey("city.id"), index=True)
class Hobby(Model):
    __tablename__ = "hobby"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
"""
DJANGO_TABLES = """\
from django.db import models
class City(models.Model):
    name = models.CharField(max_length=100, unique=True)
class Hobby(models.Model):
    name = models.CharField(max_length=100, unique=True)
class Friend(models.Model):
    name = models.CharField(max_length=100)
    city = models.ForeignKey(City, models.SET_NULL, null=True)
    hobbies = models.ManyToManyField(Hobby)
"""
DJANGO_SETTINGS = """\
SECRET_KEY = "none"
INSTALLED_APPS = ["friends"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "app.db"}}
import os
from urllib.parse import unquote, urlsplit
parts = urlsplit(os.environ.get("APP_DATABASE_URL", ""))
if parts.scheme == "sqlite":
    DATABASES["default"]["NAME"] = parts.path[1:]
elif parts.scheme:
    kind = "postgresql" if "postgres" in parts.scheme else "mysql"
    DATABASES["default"] = {"ENGINE": f"django.db.backends.{kind}",
        "NAME": parts.path[1:], "HOST": parts.hostname, "PORT": parts.port or "",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or "")}
    if kind == "mysql":
        import pymysql
        pymysql.version_info = (2, 2, 8, "final", 0)
        pymysql.install_as_MySQLdb()
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""
FLASK_APP = """\
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from models import Model
{imports}
db = SQLAlchemy(model_class=Model)
def create_app():
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///app.db"
    db.init_app(app)
    with app.app_context():
        {extension}
    return app
"""


@dataclass(frozen=True)
class Contestant:
    """A tool: how to make an app with it, and what is typed to draft and to apply.

    Where there is no revision, upgrade or check, the tool is not compared in it.
    """

    name: str
    make: Callable[[Path], None]
    revision: str = ""
    upgrade: str = ""
    check: str = ""
    versions: str = "migrations/versions"


def run(folder: Path, command: str, url: str = "") -> None:
    """Run a command in an app, with the tools of this environment.

    :param command: words, of which those in quotes are one.
    :param url: the database; a SQLite file by default.
    :raises SystemExit: with what it printed, when it fails.
    """
    done = subprocess.run(
        shlex.split(command),
        cwd=folder,
        env={
            **os.environ,
            "APP_DATABASE_URL": url or f"sqlite:///{folder}/app.db",
            "DJANGO_SETTINGS_MODULE": "settings",
            "FLASK_ALEMBIC_TEMPLATE_ENVIRONMENT": "none",
            "FLASK_APP": "app",
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(folder),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{command} in {folder}\n{done.stdout}{done.stderr}")


def make_template(folder: Path, **answers: str) -> None:
    """Generate a project.

    :param answers: answers that differ from the defaults.
    """
    options = f"--default-config --no-input --output-dir {folder.parent}"
    given = " ".join(f"{key}={value}" for key, value in answers.items())
    run(TEMPLATE, f"cookiecutter {options} {TEMPLATE} program_name=app {given}")
    (folder.parent / "app").rename(folder)


def make_alembic(folder: Path) -> None:
    """Follow Alembic's tutorial, with models in a file that needs no Flask."""
    folder.mkdir()
    (folder / "models.py").write_text(TABLES)
    _init_alembic(folder, "models")


def make_alembic_in_app(folder: Path) -> None:
    """Follow Alembic's tutorial in an app that the template generates."""
    make_template(folder, database_layer="sqlalchemy")
    leave_out_migrations(folder)
    _init_alembic(folder, "app.models")


def make_flask_migrate_in_app(folder: Path) -> None:
    """Follow Flask-Migrate's documentation in an app that the template generates."""
    make_template(folder)
    leave_out_migrations(folder)
    cli = folder / "app" / "cli.py"
    replace(cli, "import seed\n", "import models, seed\nfrom .db import db\n")
    replace(cli, "import click\n", "import click\nfrom flask_migrate import Migrate\n")
    replace(cli, "    app.cli", "    Migrate(app, db)\n    app.cli")
    run(folder, "flask db init")


MIGRATIONS = (
    "from .migrations import migrations\n",
    "from alembic_lossless.flask import db_command\n",
    "    app.cli.add_command(db_command(migrations))\n",
    "    if app.debug:\n        pending.init_app(app)\n",
    " pending,",
)
"""The words of a generated app that give it its migrations."""


def leave_out_migrations(folder: Path) -> None:
    """Take the migrations out of a generated app; what calls them is not run here."""
    shutil.rmtree(folder / "app" / "migrations")
    (folder / "alembic.ini").unlink()
    (folder / "app" / "pending.py").unlink()
    for module in ("__init__", "cli", "health"):
        path = folder / "app" / f"{module}.py"
        text = path.read_text()
        for words in MIGRATIONS:
            text = text.replace(words, "")
        path.write_text(text)


def _init_alembic(folder: Path, models: str) -> None:
    run(folder, "alembic init migrations")
    metadata = f"from {models} import Model\ntarget_metadata = Model.metadata"
    replace(folder / "migrations" / "env.py", "target_metadata = None", metadata)
    url = "driver://user:pass@localhost/dbname"
    replace(folder / "alembic.ini", url, "sqlite:///app.db")


def make_flask(folder: Path, imports: str = "", extension: str = "pass") -> None:
    """Write a Flask-SQLAlchemy app, with an extension or none."""
    folder.mkdir()
    (folder / "models.py").write_text(TABLES)
    app = FLASK_APP.format(imports=imports, extension=extension)
    (folder / "app.py").write_text(app)


def make_flask_migrate(folder: Path) -> None:
    """Follow Flask-Migrate's documentation."""
    make_flask(folder, "from flask_migrate import Migrate", "Migrate(app, db)")
    run(folder, "flask db init")


def make_flask_alembic(folder: Path) -> None:
    """Follow Flask-Alembic's documentation."""
    make_flask(folder, "from flask_alembic import Alembic", "Alembic(app)")
    run(folder, "flask db mkdir")


def make_django(folder: Path) -> None:
    """Make a Django project that has nothing but the tables."""
    migrations = folder / "friends" / "migrations"
    migrations.mkdir(parents=True)
    (migrations / "__init__.py").touch()
    (folder / "friends" / "__init__.py").touch()
    (folder / "friends" / "models.py").write_text(DJANGO_TABLES)
    (folder / "settings.py").write_text(DJANGO_SETTINGS)


def replace(path: Path, old: str, new: str) -> None:
    """Replace a text that a file must hold."""
    text = path.read_text()
    if old not in text:
        sys.exit(f"{path} does not hold {old!r}")
    path.write_text(text.replace(old, new))


def alembic(name: str, make: Callable[[Path], None], **more: str) -> Contestant:
    """Return a contestant that types Alembic's own commands."""
    draft = "alembic revision --autogenerate -m first"
    return Contestant(
        name, make, draft, "alembic upgrade head", "alembic check", **more
    )


CONTESTANTS = [
    alembic("this template", make_template, versions="app/migrations/versions"),
    alembic("`alembic init`", make_alembic),
    Contestant(
        "Flask-Migrate",
        make_flask_migrate,
        "flask db migrate -m first",
        "flask db upgrade",
        "flask db check",
    ),
    Contestant(
        "Flask-Alembic",
        make_flask_alembic,
        "flask db revision first",
        "flask db upgrade",
        "flask db check",
        versions="migrations",
    ),
    Contestant(
        "Django",
        make_django,
        "django-admin makemigrations",
        "django-admin migrate",
        "django-admin makemigrations --check",
        versions="friends/migrations",
    ),
    Contestant("Flask-SQLAlchemy alone", make_flask),
]
