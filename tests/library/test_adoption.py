"""An app that exists takes the library: docs/adopt.md, on what each tool made."""

import re
import sys
from pathlib import Path

import pytest
import readme
from environment import LIBRARY
from rendering import TEMPLATE, Project
from scripts import ask, tables
from servers import empty_database
from sqlalchemy import make_url

PAGE = TEMPLATE / "docs" / "adopt.md"
MODELS = '''"""Tables."""

{imports}


class City({base}):
    __tablename__ = "city"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(50), unique=True)


class Friend({base}):
    __tablename__ = "friend"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(50))
    city_id = sa.Column(sa.ForeignKey("city.id", ondelete="CASCADE"))
'''
PLAIN = MODELS.format(
    imports="import sqlalchemy as sa\nfrom sqlalchemy.orm import DeclarativeBase\n\n\n"
    "class Base(DeclarativeBase):\n    pass",
    base="Base",
)
FLASK = MODELS.format(
    imports="""import os

import sqlalchemy as sa
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["URL"]
app.config["SQLALCHEMY_BINDS"] = {binds}
db = SQLAlchemy(app)
Migrate(app, db)""",
    base="db.Model",
)
USER = """

class User(db.Model):
    __tablename__ = "user"
    __bind_key__ = "auth"
    id = sa.Column(sa.Integer, primary_key=True)
    email = sa.Column(sa.String(50))
"""
RENAMED = (
    "    name = sa.Column(sa.String(50))\n",
    "    full_name = sa.Column(sa.String(80))\n",
)


def section(title: str) -> list[readme.Block]:
    """Return the fenced blocks of a section of the page."""
    found = re.search(
        rf"^## {title}$(.*?)^## ", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    assert found, title
    return [readme.Block(*block) for block in readme.FENCE.findall(found[1])]


def adopt(app: Project, title: str) -> list[str]:
    """Adopt as a section says, compare what it shows, and return its other commands."""
    blocks = section(title)
    first, *commands = (it.text.strip() for it in blocks if it.language == "sh")
    said = app.lossless(first.removeprefix("alembic-lossless "))
    for block in blocks:
        if block.language == "diff":
            assert block.text in said, said
    return commands


def edit(app: Project, title: str) -> None:
    """Make the edits of a section by hand."""
    for block in section(title):
        if block.language == "diff":
            readme.apply_edit(block.text, app.path)


def an_app(folder: Path, url: str) -> Project:
    """Return the folder of an app that finds the library as an installed one."""
    path = folder / "app_folder"
    path.mkdir()
    paths = {"PYTHONPATH": f"{path}:{LIBRARY}", "URL": url}
    return Project(path, {**paths, "FLASK_APP": "app.py", "HOME": str(folder)})


def rename(app: Project, file: str) -> None:
    """Call a column of friends otherwise, and let it hold more."""
    path = app.path / file
    text = path.read_text()
    assert text.count(RENAMED[0]) == 1
    path.write_text(text.replace(*RENAMED))


def test_alembic_init(tmp_path: Path, database_url: str) -> None:
    """I ran `alembic init` long ago: my rows survive a rename, and a table rebuild."""
    app = an_app(tmp_path, database_url)
    (app.path / "models.py").write_text(PLAIN)
    app.alembic("init", "migrations")
    ini, env = app.path / "alembic.ini", app.path / "migrations" / "env.py"
    url = app.environment["URL"].replace("%", "%%")
    was = "sqlalchemy.url = driver://user:pass@localhost/dbname"
    ini.write_text(ini.read_text().replace(was, f"sqlalchemy.url = {url}"))
    models = "from models import Base\ntarget_metadata = Base.metadata\n"
    env.write_text(env.read_text().replace("target_metadata = None\n", models))
    app.commands("revision --autogenerate -m first", "upgrade head")
    fill(database_url)

    (command,) = adopt(app, "With the env.py of `alembic init`")
    rename(app, "models.py")
    stopped = app.alembic("revision", "--autogenerate", "-m", "x", status=255)
    assert "alembic -x rename=friend.name:full_name revision" in stopped.stdout
    app.run("bash", "-ec", command)
    app.commands("upgrade head", "check")
    assert ask(database_url, "SELECT full_name, city_id FROM friend") == [("Ada", 1)]
    app.commands("downgrade -1", "upgrade head", "check")
    assert ask(database_url, "SELECT full_name, city_id FROM friend") == [("Ada", 1)]


def flask_db(app: Project, *commands: str) -> None:
    """Run commands of `flask db` in one process."""
    code = "import sys; from flask.cli import cli\nfor line in sys.argv[1:]:\n"
    code += "    cli.main(['db', *line.split()], standalone_mode=False)"
    app.run("python", "-c", code, *commands)


def fill(url: str) -> None:
    """Put a friend into a city."""
    ask(url, "INSERT INTO city (id, name) VALUES (1, 'Bonn')")
    ask(url, "INSERT INTO friend (id, name, city_id) VALUES (1, 'Ada', 1)")


def test_flask_migrate(tmp_path: Path, database_url: str) -> None:
    """My app has used Flask-Migrate for years, and goes on with its commands."""
    app = an_app(tmp_path, database_url)
    (app.path / "app.py").write_text(FLASK.replace("{binds}", "{}"))
    flask_db(app, "init", "migrate -m first", "upgrade")
    fill(database_url)

    (command,) = adopt(app, "With Flask-Migrate")
    rename(app, "app.py")
    stopped = app.run("flask", "db", "migrate", "-m", "x", status=1)
    assert "flask db -x rename=friend.name:full_name migrate -m x" in stopped.stderr
    app.run("bash", "-ec", command)
    flask_db(app, "upgrade", "check")
    assert ask(database_url, "SELECT full_name, city_id FROM friend") == [("Ada", 1)]
    unchanged = app.run("flask", "db", "migrate", "-m", "nothing")
    assert "No changes in schema detected." in unchanged.stderr
    assert len(list((app.path / "migrations" / "versions").glob("*.py"))) == 2


def test_flask_migrate_with_several_databases(
    tmp_path: Path, database_url: str
) -> None:
    """A revision fails in my second database, and the first is as it was."""
    app = an_app(tmp_path, database_url)
    kind = make_url(database_url).get_backend_name().replace("mysql", "mariadb")
    with empty_database(kind, tmp_path) as auth:
        text = FLASK.replace("{binds}", '{"auth": os.environ["AUTH"]}') + USER
        (app.path / "app.py").write_text(text)
        app.environment["AUTH"] = auth
        flask_db(app, "init --multidb", "migrate -m first", "upgrade")
        fill(database_url)

        adopt(app, "With several databases")
        rename(app, "app.py")
        answer = ("-x", "rename=friend.name:full_name")
        app.run("flask", "db", *answer, "migrate", "-m", "second")
        (drafted,) = (app.path / "migrations" / "versions").glob("*_second.py")
        whole = drafted.read_text()
        drafted.write_text(fail_in_auth(whole))
        failed = app.run("flask", "db", "upgrade", status=1).stderr
        assert "auth: The upgrade of revision" in failed
        if kind != "mariadb":
            rows = ask(database_url, "SELECT name, city_id FROM friend")
            assert rows == [("Ada", 1)]
            drafted.write_text(whole)
            flask_db(app, "upgrade", "check")
            rows = ask(database_url, "SELECT full_name, city_id FROM friend")
            assert rows == [("Ada", 1)]
        assert {"user", "alembic_version"} == tables(auth)


def fail_in_auth(script: str) -> str:
    """Return a revision whose part for the second database cannot run."""
    begin = "def upgrade_auth():\n"
    assert script.count(begin) == 1
    return script.replace(begin, f'{begin}    op.execute("SELECT nope")\n')


def test_an_app_without_flask_migrates_itself(tmp_path: Path) -> None:
    """My service describes itself once, and migrates when it starts."""
    app = an_app(tmp_path, "sqlite://")
    package = app.path / "app"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "models.py").write_text(PLAIN)
    app.alembic("init", "migrations")
    title = "Its functions, from Python"
    (python,) = (block.text for block in section(title) if block.language == "python")
    (package / "database.py").write_text(python)
    edit(app, title)
    code = "import sys; from app.database import migrations; "
    draft = f'{code}assert migrations.revision("first")'
    app.run("python", "-c", draft)
    start = f"{code}migrations.upgrade(); assert migrations.check() == []"
    app.run(sys.executable, "-c", f'{start}; assert "flask" not in sys.modules')
    url = f"sqlite:///{app.path}/app.db"
    assert tables(url) == {"city", "friend", "alembic_version"}
    assert "(head)" in app.alembic("current").stdout
    assert "Models: match the database" in app.lossless("status", "adopt")


FASTAPI = """
class FastAPI:
    def __init__(self, lifespan):
        self.lifespan = lifespan
"""
"""As much of it as the page uses: it enters the lifespan in its event loop."""


def test_an_app_of_fastapi_migrates_itself(tmp_path: Path) -> None:
    """My app migrates before it serves, in its event loop, by a URL that is awaited."""
    app = an_app(tmp_path, "sqlite://")
    package = app.path / "app"
    package.mkdir()
    (app.path / "fastapi.py").write_text(FASTAPI)
    (package / "__init__.py").write_text("")
    (package / "models.py").write_text(PLAIN)
    app.alembic("init", "migrations")
    title = "Its functions, from Python"
    (described,) = (it.text for it in section(title) if it.language == "python")
    (served,) = (it.text for it in section("With FastAPI") if it.language == "python")
    described = described.replace("sqlite://", "sqlite+aiosqlite://")
    (package / "database.py").write_text(described)
    (package / "main.py").write_text(served)
    edit(app, title)
    code = """if True:
        import asyncio
        from app.main import app, migrations

        async def serve():
            async with app.lifespan(app):
                assert migrations.pending() == ()

        assert migrations.revision("first")
        asyncio.run(serve())
    """
    app.run("python", "-c", code)
    url = f"sqlite:///{app.path}/app.db"
    assert tables(url) == {"city", "friend", "alembic_version"}


@pytest.mark.parametrize("requirement", ["alembic", "SQLAlchemy"])
def test_an_old_version_is_one_sentence(requirement: str, tmp_path: Path) -> None:
    """I have an old Alembic: I am told at once which one is needed, and how."""
    app = an_app(tmp_path, "sqlite://")
    code = (
        "import importlib.metadata as metadata; real = metadata.version;"
        f"metadata.version = lambda name: '1.4.9' if name == {requirement!r}"
        " else real(name); from alembic_lossless import Migrations;"
        "Migrations('migrations').heads()"
    )
    said = app.run("python", "-c", code, status=1).stderr.splitlines()[-1]
    needed = f"CommandError: alembic_lossless needs {requirement}>="
    assert needed in said
    assert "and 1.4.9 is installed. Run: python -m pip install " in said
