"""A process has other things to do, and the library changes nothing for them."""

import ast
import os
import sys
from pathlib import Path

from environment import LIBRARY, Environment
from pseudo_terminal import type_into
from scripts import ask, empty, write
from servers import empty_database
from sqlalchemy import make_url

TESTS = str(Path(__file__).parent.parent)
STATE = f"""
import sys
sys.path.append({TESTS!r})
import flask, flask.cli, pymysql, psycopg, click
from alembic import command, config, context
from process_state import changes, state
before = state()
"""
IMPORTS = """
import pkgutil, importlib
import alembic_lossless
for found in pkgutil.walk_packages(alembic_lossless.__path__, "alembic_lossless."):
    importlib.import_module(found.name)
print(*changes(before, state()), sep="\\n")
"""
EVERYTHING = """
from alembic.util import CommandError
from friend_book.migrations import migrations
migrations.upgrade()
migrations.revision("nick", answers=["rename=friend.name:nick"])
migrations.upgrade()
migrations.downgrade()
migrations.upgrade()
migrations.check()
migrations.lint(dialect="postgresql")
with migrations.operations() as op:
    op.execute("CREATE TABLE mine (id INTEGER)")
try:
    migrations.downgrade("nope")
except CommandError:
    print(*changes(before, state()), sep="\\n")
"""
SERVES = """
import sqlite3, threading, warnings
import sqlalchemy as sa
found, ends, times, drafts = set(), threading.Event(), 0, False
mine = sa.create_engine("sqlite:///mine.db", poolclass=sa.NullPool)
with mine.begin() as connection:
    connection.exec_driver_sql("CREATE TABLE mine (note CLOB)")
stock = repr(sa.Table("mine", sa.MetaData(), autoload_with=mine).c.note.type)
entered = warnings.catch_warnings.__enter__
def enter(self):
    module = sys._getframe(1).f_globals["__name__"]
    if module.partition(".")[0] != "mako":  # Alembic writes a script with it
        found.add(f"catch_warnings in {module}")
    return entered(self)
def serve():
    global times
    while not ends.is_set():
        seen = changes(before, state())
        found.update(it for it in seen if not (drafts and it[:8] == "warnings"))
        read = sa.Table("mine", sa.MetaData(), autoload_with=mine).c.note.type
        found.update({repr(read)} - {stock})
        times += 1
warnings.catch_warnings.__enter__ = enter
before = state()
thread = threading.Thread(target=serve, daemon=True)
thread.start()
"""
SERVED = """
ends.set()
thread.join()
assert times > 9
print(*found, sep="\\n")
"""
UNKNOWN = {
    "sqlite": "CREATE INDEX ix_low ON note (lower(note))",
    "postgresql": "ALTER TABLE note ADD COLUMN path int4multirange",
    "mariadb": "ALTER TABLE note ADD COLUMN path POINT",
}
"""What SQLAlchemy warns of when it reflects it."""

REBUILT = """
op.execute("CREATE TABLE note (id INTEGER, note VARCHAR(9), CHECK (id > 0))")
op.execute({0!r})
op.refuse_loss("note", "note", sa.String(20))
with op.batch_alter_table("note") as batch:
    batch.alter_column(
        "note", type_=sa.String(20), existing_type=sa.String(9), existing_nullable=True
    )
op.execute("DROP TABLE note")
"""
NICK = ("name: Mapped[str] = mapped_column(String(100))\n    city_id",)
PLAIN_ENV = """
import sqlalchemy as sa
from alembic import context
from plain_models import metadata
engine = sa.create_engine(context.config.attributes["url"])
with engine.connect() as connection:
    context.configure(
        connection=connection, target_metadata=metadata, render_as_batch=True
    )
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
"""
PLAIN_MODELS = """
import sqlalchemy as sa
def models(*more, text, day):
    return sa.Table("note", sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True), sa.Column("day", day),
        sa.Column("text", text), sa.Column("size", sa.Integer),
        sa.CheckConstraint("size > 0"), *more)
first = models(text=sa.Text(), day=sa.Date()).metadata
after = models(text=sa.String(50), day=sa.Text())
sa.Index("ix_low", sa.func.lower(first.tables["note"].c.text)).ddl_if(
    callable_=lambda *_, dialect, **kw: dialect.name in {"sqlite", "postgresql"})
sa.Index("ix_size", after.c.size)
metadata = after.metadata
"""
PLAIN = """
import logging, warnings
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import render_python_code
from alembic.config import Config
from alembic.operations import ops
from alembic.util import messaging
import plain_models
shown = logging.StreamHandler(sys.stdout)
logging.getLogger("alembic").addHandler(shown)
logging.getLogger("alembic").setLevel(logging.INFO)
{ours}
print("begin")
plain = Config(attributes={{"url": {url!r}}}, stdout=sys.stdout)
plain.set_main_option("script_location", "plain")
plain.set_main_option("path_separator", "os")
engine = sa.create_engine({url!r})
with engine.begin() as connection:
    plain_models.first.create_all(connection)
    connection.execute(sa.text("INSERT INTO note VALUES (1, '2026-03-01', 'a', 1)"))
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    command.revision(plain, "draft", autogenerate=True, rev_id="draft")
    command.upgrade(plain, "head")
    reflected = sa.Table("note", sa.MetaData(), autoload_with=engine)
with engine.connect() as connection:
    print(connection.execute(sa.text("SELECT * FROM note")).all())
print([repr(column.type) for column in reflected.columns])
print([str(it.message) for it in warned])
column = ops.AlterColumnOp(
    "note", "day", modify_type=sa.Date(), postgresql_using="day::date"
)
index = ops.CreateIndexOp("ix_other", "note", [sa.func.lower(sa.column("text"))])
check = ops.CreateCheckConstraintOp("ck", "note", sa.column("size") > 1)
key = ops.CreatePrimaryKeyOp("pk", "note", ["size"])
for op in column, index, check, key:
    try:
        print(render_python_code(ops.UpgradeOps([op])))
    except NotImplementedError as error:
        print(error)
messaging.TERMWIDTH = messaging.TERMWIDTH and 40
messaging.msg("a long message of somebody else " * 5)
engine.dispose()
"""
OURS = "from friend_book.migrations import migrations as ours; ours.upgrade()"
OUR_CLI = "from alembic_lossless.cli import run; run(migrations, sys.argv[1:], 'x')"
WIDTH = "from alembic.util import messaging\nmessaging.TERMWIDTH = 80\n"


def alone(project: Environment, code: str) -> str:
    """Run a program in a process of its own, in which nothing has been imported."""
    done = project.run(sys.executable, "-c", STATE + code)
    return done.stdout + done.stderr


def test_importing_changes_nothing(project: Environment) -> None:
    """I import the library, each module of it, and Alembic is as it was."""
    assert alone(project, IMPORTS).strip() == ""


def test_running_changes_nothing(project: Environment, database_url: str) -> None:
    """I draft, run, check and undo revisions, and Alembic is as it was."""
    shop = project.using(database_url)
    shop.edit("models.py", *NICK, NICK[0].replace("name", "nick"))
    assert alone(shop, WIDTH + STATE + EVERYTHING).strip() == ""


def test_a_plain_environment_beside_ours(
    project: Environment, database_url: str, tmp_path: Path
) -> None:
    """My process has another environment, with Alembic alone: it does as without us."""
    shop = project.using(database_url)
    (shop.path / "plain" / "versions").mkdir(parents=True)
    (shop.path / "plain" / "env.py").write_text(PLAIN_ENV)
    template = shop.package / "migrations" / "script.py.mako"
    (shop.path / "plain" / "script.py.mako").write_text(template.read_text())
    (shop.path / "plain_models.py").write_text(PLAIN_MODELS)
    kind = make_url(database_url).get_backend_name()
    with empty_database(kind, tmp_path) as url:
        without, ours = plain(shop, url, ""), plain(shop, url, OURS)
    assert without == ours


def plain(shop: Environment, url: str, first: str) -> tuple[str, str]:
    """Draft and run with Alembic alone; return what it shows, and the draft.

    :param first: what the process does before.
    """
    shown = alone(shop, WIDTH + PLAIN.format(ours=first, url=url))
    (draft,) = (shop.path / "plain" / "versions").glob("*.py")
    written = draft.read_text().partition("def upgrade")[2]
    draft.unlink()
    for table in "note", "alembic_version":
        ask(url, f"DROP TABLE {table}")
    return shown.partition("begin")[2], written


def test_threads_see_nothing(project: Environment, database_url: str) -> None:
    """My app serves while it drafts and migrates: no thread meets a filter of ours."""
    shop = project.using(database_url)
    shop.edit("models.py", *NICK, NICK[0].replace("name", "nick"))
    kind = make_url(database_url).get_backend_name()
    write(shop, "b", REBUILT.format(UNKNOWN[kind]), down="1")
    done = ["migrations.upgrade()", "migrations.downgrade('base')"]
    code = "\n".join([SERVES, "from friend_book.migrations import migrations", *done])
    drafts = EVERYTHING.partition("try:")[0]
    code = f"{code}\ndrafts = True\n{drafts}\n{SERVED}"
    assert alone(shop, code).strip() == ""


def test_no_module_changes_what_all_share() -> None:
    """I look for what a whole process would feel, and no module has it."""
    names = {
        (path.name, found)
        for path in (LIBRARY / "alembic_lossless").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (found := _shared(node))
    }
    assert names == set()


def _shared(node: ast.AST) -> str | None:
    """Return what a node changes for all that run in the process."""
    if isinstance(node, ast.keyword) and node.arg == "replace":
        return "a renderer of Alembic's"
    name = getattr(node, "attr", getattr(node, "id", None))
    if name in {"catch_warnings", "filterwarnings", "simplefilter"}:
        return str(name)
    is_set = isinstance(getattr(node, "ctx", None), ast.Store)
    return str(name) if is_set and name in {"__dialect__", "TERMWIDTH"} else None


def test_a_message_keeps_its_lines_on_a_terminal(project: Environment) -> None:
    """I read an error on a terminal: each line is one, and a command can be copied."""
    write(empty(project), "a", f'op.execute("SELECT nope -- {"long " * 30}")')
    ours = f"import sys; from friend_book.migrations import migrations\n{OUR_CLI}"
    failed = "FAILED: The upgrade of revision a failed: no such column: nope"
    paths = f"{project.path}{os.pathsep}{LIBRARY}"
    project.environment["PYTHONPATH"] = paths
    for command in (["alembic"], ["python", "-c", ours]):
        status, screen = type_into(project, [*command, "upgrade", "head"])
        assert status == 255, screen
        assert screen.splitlines().count(failed) == 1
        assert f"In: SELECT nope -- {'long ' * 30}".strip() in screen.splitlines()
