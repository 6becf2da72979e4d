"""`alembic-lossless adopt`: an env.py that exists is read, changed, and then works."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import alembic
import flask_migrate
import pytest
from alembic_lossless.adoption import adopted
from environment import LIBRARY
from rendering import LOSSLESS, Project
from scripts import ask

PLAIN = """
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    pass


class Other(DeclarativeBase):
    pass


class Friend(Base):
    __tablename__ = "friend"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(50))


class User(Other):
    __tablename__ = "user"
    id = sa.Column(sa.Integer, primary_key=True)
"""
FLASK = """
import sqlalchemy as sa
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = {url!r}
app.config["SQLALCHEMY_BINDS"] = {{"auth": {other!r}}}
db = SQLAlchemy(app)
Migrate(app, db)


class Friend(db.Model):
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(50))


class User(db.Model):
    __bind_key__ = "auth"
    id = sa.Column(sa.Integer, primary_key=True)
"""
AIOFLASK = """
from flask import Flask
from flask_migrate import Migrate
from sqlalchemy.ext.asyncio import create_async_engine


class Database:
    metadatas = {{None: Base.metadata, "auth": Other.metadata}}

    def bind_names(self):
        return ["auth"]

    def get_engine(self, bind=None):
        return create_async_engine({url!r}.replace("here", bind or "here"))


app = Flask(__name__)
Migrate(app, Database())
"""
ALEMBIC = Path(alembic.__file__).parent / "templates"
FLASK_MIGRATE = Path(flask_migrate.__file__).parent / "templates"


def an_app(folder: Path, models: str) -> Project:
    """Return the folder of an app that finds the library as an installed one."""
    path = folder / "shop"
    path.mkdir()
    (path / "shop.py").write_text(models)
    paths = {"PYTHONPATH": f"{path}:{LIBRARY}", "FLASK_APP": "shop.py"}
    return Project(path, {**paths, "HOME": str(folder)})


def of_alembic(folder: Path, template: str) -> Project:
    """Make a project as `alembic init -t` does, and name models and databases."""
    app = an_app(folder, PLAIN)
    app.lossless(f"init -t {template} migrations")
    driver = "sqlite+aiosqlite" if "async" in template else "sqlite"
    ini, env = app.path / "alembic.ini", app.path / "migrations" / "env.py"
    text = ini.read_text().replace("driver://user:pass@localhost/dbname2", "OTHER")
    text = text.replace("driver://user:pass@localhost/dbname", f"{driver}:///here.db")
    ini.write_text(text.replace("OTHER", "sqlite:///other.db"))
    one = "from shop import Base\ntarget_metadata = Base.metadata\n"
    two = "from shop import Base, Other\ntarget_metadata = {'engine1': Base.metadata,"
    two += " 'engine2': Other.metadata}\n"
    text = env.read_text().replace("target_metadata = None\n", one)
    env.write_text(text.replace("target_metadata = {}\n", two))
    return app


def of_flask_migrate(folder: Path, template: str) -> Project:
    """Make a project as `flask db init` does."""
    url, other = (f"sqlite:///{folder}/shop/{it}.db" for it in ("here", "other"))
    if "aioflask" in template:
        awaited = url.replace("sqlite", "sqlite+aiosqlite")
        app = an_app(folder, PLAIN + AIOFLASK.format(url=awaited))
    else:
        app = an_app(folder, FLASK.format(url=url, other=other))
    app.run("flask", "db", "init", "-t", template)
    return app


RUNS = [
    *(pytest.param(of_alembic, it.name, id=it.name) for it in ALEMBIC.iterdir()),
    *(
        pytest.param(of_flask_migrate, it.name, id=it.name)
        for it in FLASK_MIGRATE.iterdir()
        # Its own last line has no loop there.
        if "aioflask" not in it.name or sys.version_info < (3, 14)
    ),
]
"""What makes a project of each template that the tools ship."""


@pytest.mark.parametrize(("make", "template"), RUNS)
def test_a_template_works_when_it_is_adopted(
    make: Callable[[Path, str], Project], template: str, tmp_path: Path
) -> None:
    """I adopt the library: what I had goes on, and a change that loses is refused."""
    app = make(tmp_path, template)
    url = f"sqlite:///{app.path}/here.db"
    env = app.path / "migrations" / "env.py"
    said = app.lossless(
        *("adopt --write", "adopt --check", "draft -m first", "upgrade", "check"),
        *("status", "heads", "downgrade base", "upgrade", "lint --dialect postgresql"),
    )
    assert "Models: 1 difference between" in said or "Models: 2 differences" in said
    assert said.count("nothing is to be changed") == 1
    assert "Models: match the database" in said
    assert adopted(env.read_text()).text == env.read_text()
    ask(url, "INSERT INTO friend (id, name) VALUES (1, 'Ada Lovelace')")
    models = app.path / "shop.py"
    models.write_text(models.read_text().replace("String(50)", "String(3)"))
    lossy = "upgrade --sql base:head", "draft -m second", "upgrade --before"
    said = app.lossless(*lossy, status=255)
    scripts = [it.read_text() for it in app.path.glob("*.sql")]
    assert "CREATE TABLE friend" in "".join([said, *scripts])
    assert "friend.name holds 1 value" in said
    assert ask(url, "SELECT name FROM friend") == [("Ada Lovelace",)]


CONFIGURE = """
import logging
from alembic import context
from sqlalchemy import create_engine, text

engine = create_engine("sqlite:///here.db")


def online():
{body}


online()
"""
HANDMADE = {
    "an engine made by hand, closed in the end": (
        """
        # one connection
        connection = engine.connect()
        # with my tables
        context.configure(connection=connection, target_metadata=None)
        try:
            with context.begin_transaction():
                # all of them
                context.run_migrations()
        finally:
            connection.close()
        """,
        """
        # one connection
        # with my tables
        with env.migrating(engine, target_metadata=None, render_as_batch=True):
            # all of them
            context.run_migrations()
        """,
    ),
    "a connection that is given, or else an engine": (
        """
        given = context.config.attributes.get("connection")
        if given is None:
            with engine.begin() as connection:
                context.configure(
                    connection=connection,
                    render_as_batch=True,  # for SQLite
                )
                with context.begin_transaction():
                    context.run_migrations(tag="x")
        else:
            context.configure(target_metadata=None, connection=given, **options)
            with context.begin_transaction():
                context.run_migrations()
        """,
        """
        given = context.config.attributes.get("connection")
        if given is None:
            with env.migrating(
                engine,
                render_as_batch=True,  # for SQLite
            ):
                context.run_migrations(tag="x")
        else:
            with env.migrating(target_metadata=None, database=given, **options):
                context.run_migrations()
        """,
    ),
    "a connection that does something else, and commits it": (
        """
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            connection.commit()
            context.configure(connection)
            with context.begin_transaction():
                context.run_migrations()
            logging.info("done: é")
        """,
        """
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            connection.commit()
            with env.migrating(connection, render_as_batch=True):
                context.run_migrations()
            logging.info("done: é")
        """,
    ),
}


@pytest.mark.parametrize("name", HANDMADE)
def test_an_env_py_that_was_made_by_hand(name: str) -> None:
    """Mine is like no template's, and all that is not the run stays as it is."""
    before, after = (
        CONFIGURE.format(body=_indented(it).strip("\n")) for it in HANDMADE[name]
    )
    found = adopted(before)
    assert found.problems == []
    imported = "from alembic import context\n", "from alembic import context\n"
    assert found.text == after.replace(
        imported[0], f"{imported[1]}from alembic_lossless import env\n"
    )
    assert adopted(found.text).changes == []


def _indented(body: str) -> str:
    lines = dedent(body).splitlines()
    return "\n".join(f"    {it}" if it else "" for it in lines)


REFUSED = {
    """
    with engine.connect() as connection:
        connection.execute(text("SET search_path TO x"))
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
    """: r"11: `connection.execute\(.*` begins a transaction",
    """
    context.configure(**options)
    with context.begin_transaction():
        context.run_migrations()
    """: r"10: context.configure is given no connection by name",
    """
    context.configure(connection=engine.connect())
    with context.begin_transaction():
        context.run_migrations()
    """: r"10: The connection is engine.connect\(\)",
    """
    connection = engine.connect()
    context.configure(connection=connection)
    setup(connection)
    with context.begin_transaction():
        context.run_migrations()
    """: r"12: Between .* stands `setup\(connection\)`",
    """
    with engine.connect() as connection:
        context.configure(connection=connection, transactional_ddl=False)
        with context.begin_transaction():
            context.run_migrations()
    """: r"11: transactional_ddl is what the library decides itself",
    """
    connection = engine.connect()
    context.configure(connection=connection)
    try:
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.close()
        logging.info("closed")
    """: r"12: Between .* stands `try:`",
    """
    with engine.connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
            logging.info('''all
                is done''')
    """: r"12: Its lines cannot be moved as they are",
    """
    for rec in engines:
        context.configure(connection=rec["connection"])
        context.run_migrations()
    """: r"11: The connection is rec\[.connection.\], and no loop in a `try`",
    """
    start_elsewhere()
    """: r"1: It calls context.configure nowhere",
    """
    if (
    """: r"1[0-9]: It is no Python",
}


@pytest.mark.parametrize("body", REFUSED)
def test_what_is_not_understood_is_named(body: str) -> None:
    """I wrote something of my own: I read which line of it is not known."""
    text = CONFIGURE.format(body=_indented(body).strip("\n"))
    found = adopted(text)
    assert found.text == text
    assert re.match(REFUSED[body], f"{found.problems[0][0]}: {found.problems[0][1]}")


def test_nothing_is_written_then(tmp_path: Path) -> None:
    """A line of mine is not understood: I read where to look, and keep my env.py."""
    app = of_alembic(tmp_path, "generic")
    env = app.path / "migrations" / "env.py"
    env.write_text(CONFIGURE.format(body="    start_elsewhere()"))
    before = env.read_text()
    said = app.lossless("adopt --write", status=1)
    assert "env.py:1: It calls context.configure nowhere" in said
    assert "See 'What adopt does not change' in docs/adopt.md." in said
    assert env.read_text() == before
    assert "does not use alembic_lossless yet" in app.lossless("status", status=255)


def test_what_stays_is_said(tmp_path: Path) -> None:
    """I have hooks, schemas and pragmas: I read of each that it stays, and how."""
    app = of_alembic(tmp_path, "generic")
    env = app.path / "migrations" / "env.py"
    options = "include_schemas=True, version_table='steps', include_object=mine"
    text = env.read_text().replace(
        "connection=connection, ", f"connection=connection, {options}, "
    )
    env.write_text(f"import alembic_utils\nPRAGMA = 'PRAGMA foreign_keys=ON'\n{text}")
    said = app.lossless("adopt --check", status=1)
    for stays in ("include_schemas=True: all", "version_table='steps': the revision"):
        assert f"stays: {stays}" in said
    assert "stays: include_object=mine: it is asked before the library." in said
    assert "env.py:1: stays: alembic_utils: " in said
    assert "env.py:2: stays: 'PRAGMA foreign_keys=ON': as it is" in said


def test_line_ends_and_encoding_stay(tmp_path: Path) -> None:
    """I edit on Windows, in Latin-1: only the lines of the change are others."""
    app = of_alembic(tmp_path, "generic")
    env = app.path / "migrations" / "env.py"
    text = f"# -*- coding: latin-1 -*-\n# é\n{env.read_text()}"
    env.write_bytes(text.replace("\n", "\r\n").encode("latin-1"))
    app.lossless("adopt --write")
    written = env.read_bytes()
    assert written.count(b"\n") == written.count(b"\r\n") > 50
    assert "# é" in written.decode("latin-1")


def test_no_environment_is_a_sentence(tmp_path: Path) -> None:
    """I am in the wrong folder, or mistype: I read what to do, and nothing is made."""
    app = an_app(tmp_path, PLAIN)
    for command in ("status", "adopt --write", "draft -m x"):
        said = app.lossless(command, status=255)
        assert "No Alembic environment is named in" in said
        assert "Traceback" not in said
    assert "Did you mean: alembic-lossless adopt" in app.lossless("adpot", status=2)
    said = app.lossless("-c other.ini status", status=255)
    assert "There is no file other.ini." in said
    assert [it.name for it in app.path.iterdir()] == ["shop.py"]


def test_a_database_that_is_away_is_a_sentence(tmp_path: Path) -> None:
    """My server is away: adopting works, and what needs it says so."""
    app = of_alembic(tmp_path, "generic")
    ini = app.path / "alembic.ini"
    away = "postgresql+psycopg://me@127.0.0.1:1/shop"
    ini.write_text(ini.read_text().replace("sqlite:///here.db", away))
    said = app.lossless("adopt --write", "heads", "history")
    assert "Written: " in said
    assert "127.0.0.1:1" in said
    for command in ("status", "upgrade", "adopt --compare"):
        said = app.lossless(command, status=255)
        assert "127.0.0.1:1" in said
        assert "Traceback" not in said


def test_options_are_read_as_alembic_reads_them(tmp_path: Path) -> None:
    """I name a file, a section and an argument of env.py, from another folder."""
    app = of_alembic(tmp_path, "generic")
    app.lossless("adopt --write", "draft -m first")
    ini, env = app.path / "alembic.ini", app.path / "migrations" / "env.py"
    text = ini.read_text().replace("sqlite:///here.db", f"sqlite:///{tmp_path}/no.db")
    section = text.partition("[alembic]")[2].partition("\n[")[0]
    url = f"sqlite:///{tmp_path}/%(which)s.db\nwhich = none"
    section = re.sub("sqlalchemy.url = .*", f"sqlalchemy.url = {url}", section)
    ini.write_text(f"{text}\n[tenant]{section}\n")
    env.write_text(
        env.read_text().replace(
            "    connectable = ",
            "    which = context.get_x_argument(as_dictionary=True)['tenant']\n"
            "    config.set_section_option('tenant', 'which', which)\n"
            "    connectable = ",
        )
    )
    (tmp_path / "elsewhere").mkdir()
    code = f"import os; os.chdir({str(tmp_path / 'elsewhere')!r})\n{LOSSLESS}"
    words = f"-c {ini} -n tenant -x tenant=a"
    done = app.run("python", "-c", code, f"{words} upgrade", f"{words} status")
    assert "a.db" in done.stdout
    assert "Models: match the database" in done.stdout
    assert ask(f"sqlite:///{tmp_path}/a.db", "SELECT * FROM friend") == []
    assert not (tmp_path / "no.db").exists()


def test_tables_that_are_there_get_a_history(tmp_path: Path) -> None:
    """My env.py takes no connection that is given: no function works on my rows."""
    app = of_alembic(tmp_path, "async")
    code = "import sqlalchemy as sa, shop; shop.Base.metadata.create_all("
    app.run("python", "-c", f"{code}sa.create_engine('sqlite:///here.db'))")
    said = app.lossless("adopt --write", "baseline -m begin", "status")
    assert "is as the models are, and at " in said
    url = f"sqlite:///{app.path}/here.db"
    ask(url, "INSERT INTO friend (id, name) VALUES (1, 'Ada')")
    models = app.path / "shop.py"
    models.write_text(models.read_text().replace("String(50)", "String(60)"))
    said = app.lossless("draft -m wide", "rehearse", "status")
    assert "lossless: 1 rows of" in said
    assert "pending  " in said


def test_what_differed_before_may_stay(tmp_path: Path) -> None:
    """My database differs from my models since years: I accept that in one step."""
    app = of_alembic(tmp_path, "generic")
    app.lossless("adopt --write", "draft -m first", "upgrade")
    models = app.path / "shop.py"
    models.write_text(models.read_text().replace("String(50)", "String(60)"))
    said = app.lossless("adopt --compare", "adopt --accept", "check", "draft -m none")
    assert "all were there and may stay: alembic-lossless adopt --accept" in said
    assert "friend.name: type" in said.partition("Accepted, a line of ")[2]
    assert "No revision is written." in said
    path = app.path / "migrations" / "accepted_differences.txt"
    assert path.read_text().splitlines()[1:] == ["friend.name"]


def test_the_lint_finds_the_app(tmp_path: Path) -> None:
    """My env.py asks `current_app`, and the lint is all that I run."""
    app = of_flask_migrate(tmp_path, "flask")
    app.lossless("adopt --write", "draft -m first")
    assert "Nothing found" in app.lossless("lint --dialect postgresql")


def test_env_py_chooses_the_folder_of_revisions(tmp_path: Path) -> None:
    """I have a history for each kind of database, and env.py says which one it is."""
    app = of_alembic(tmp_path, "generic")
    app.lossless("adopt --write", "draft -m first")
    folder = app.path / "migrations"
    (folder / "versions").rename(folder / "sqlite")
    env = folder / "env.py"
    line = f"context.script.version_locations = [{str(folder / 'sqlite')!r}]\n"
    env.write_text(env.read_text().replace("\ndef run", f"\n{line}\n\ndef run", 1))
    assert "Models: match the database" in app.lossless("upgrade", "status")


def test_no_flask_is_imported(tmp_path: Path) -> None:
    """My service has no Flask: the command needs none, and no other entry point."""
    app = of_alembic(tmp_path, "generic")
    app.lossless("adopt --write", "draft -m first")
    app.run("python", "-m", "alembic_lossless", "upgrade")
    code = f"import sys; sys.modules['flask'] = sys.modules['click'] = None\n{LOSSLESS}"
    words = ("status", "check", "lint --dialect mysql")
    done = app.run(sys.executable, "-c", code, *words)
    assert "Models: match the database" in done.stdout
