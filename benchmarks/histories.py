"""Lock, rebase and squash the history of a public app, on PostgreSQL with rows.

Usage: python benchmarks/histories.py FOLDER [--rows 1000] [--squash RANGE …]

FOLDER is the `versions` of a clone. What revisions import of the app is a stub, unless
it is on PYTHONPATH. A branch of one revision, beside the last of the app's, is put
behind it; then each range is squashed from the files as they are.

It needs `pip install --group benchmarks sqlalchemy-utils` and TEST_POSTGRESQL_URL.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import alembic
import sqlalchemy as sa

LIBRARY = Path(__file__).resolve().parent.parent / "{{cookiecutter.program_name}}"
ENV = """\
import os

from alembic import context
from alembic_lossless import env
from sqlalchemy import MetaData

with env.migrating(os.environ["URL"], target_metadata=MetaData()):
    context.run_migrations()
"""
STUBS = """\
import importlib.abc
import importlib.machinery
import sys
import types
import uuid
from datetime import datetime

KNOWN = {"gen_uuid": uuid.uuid4, "get_utc_now_datetime": datetime.now}


def known(name):
    if name.isupper():
        return [("user", "User")]
    if name not in KNOWN:
        raise AttributeError(name)  # a module, then
    return KNOWN[name]


class Stubs(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {"app", "psycopg2", "zou"}:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        made = types.ModuleType(spec.name)
        made.__getattr__ = known
        return made

    def exec_module(self, module):
        module.__path__ = []


sys.meta_path.append(Stubs())
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session


def taking_text(plain):
    def execute(self, statement, *given, **options):
        made = text(statement) if isinstance(statement, str) else statement
        return plain(self, made, *given, **options)

    return execute


for kind in (Connection, Session):
    kind.execute = taking_text(kind.execute)
"""
"""What stands for the app's modules, and lets SQL be text as SQLAlchemy 1 did."""
REVISION = '''\
"""{name}"""
import sqlalchemy as sa
from alembic import op

revision = "{name}"
down_revision = {down!r}


def upgrade():
    op.create_table("{name}", sa.Column("id", sa.Integer, primary_key=True))


def downgrade():
    op.drop_table("{name}")
'''
VALUES = {
    "boolean": "g < 500",
    "uuid": "md5(g::text)::uuid",
    "json": "'{}'",
    "jsonb": "'{}'",
    "bytea": "'x'",
    "tsvector": "to_tsvector(g::text)",
    "date": "current_date - g::int",
    "interval": "interval '1 day'",
    "ARRAY": "'{}'",
}
"""What a row of a type holds, beside numbers, times, texts and Enums."""


def main() -> None:
    """Print what each command took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=1000, help="of each table")
    parser.add_argument("--squash", action="append", metavar="RANGE", default=[])
    options = parser.parse_args()
    with TemporaryDirectory() as folder, database() as url:
        app = App(Path(folder), url)
        shutil.copytree(options.folder, app.versions)
        app.run("lock")
        lines = (app.versions / "history.lock").read_text().splitlines()
        head, before, _ = lines[-1].split()
        app.run("upgrade", head)
        print(f"{fill(url, options.rows):,} rows, {options.rows:,} in each table")
        shutil.copytree(app.versions, app.versions.with_name("kept"))
        (app.versions / "mine.py").write_text(REVISION.format(name="mine", down=before))
        app.run("upgrade", "mine")
        app.run("rebase", "mine")
        for chosen in options.squash:
            shutil.rmtree(app.versions)
            shutil.copytree(app.versions.with_name("kept"), app.versions)
            said = app.run("squash", chosen, shows=False)
            print("\n".join(it for it in said.splitlines() if "Written" not in it))
            shutil.rmtree(app.versions.with_name("replaced"), ignore_errors=True)


class App:
    """An environment with the revisions of an app."""

    def __init__(self, folder: Path, url: str) -> None:
        """Begin without revisions."""
        self.folder, self.versions = folder, folder / "migrations" / "versions"
        self.versions.parent.mkdir()
        template = Path(alembic.__file__).parent / "templates" / "generic"
        shutil.copy(template / "script.py.mako", self.versions.parent)
        (folder / "sitecustomize.py").write_text(STUBS)
        (self.versions.parent / "env.py").write_text(ENV)
        ini = "[alembic]\nscript_location = migrations\nrevision_environment = true\n"
        (folder / "alembic.ini").write_text(ini)
        path = os.environ.get("PYTHONPATH", "")
        path = os.pathsep.join((str(LIBRARY), str(folder), path))
        self.variables = {**os.environ, "URL": url, "PYTHONPATH": path}

    def run(self, *words: str, shows: bool = True) -> str:
        """Run a command, and print how long it took."""
        began, spent = time.perf_counter(), own_seconds()
        done = subprocess.run(
            [sys.executable, "-m", "alembic_lossless", *words],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
        )
        took, spent = time.perf_counter() - began, own_seconds() - spent
        said = f"{took:6.1f} s, {spent:5.1f} s of its own, exit {done.returncode}"
        print(f"{' '.join(words):<24} {said}", flush=True)
        if done.returncode:
            print(done.stdout[-2000:] + done.stderr[-1500:])
        elif shows:
            print(done.stdout.strip()[-300:])
        return done.stdout


def own_seconds() -> float:
    """Return for how long the commands so far had a core, but for the server's time."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def database() -> Iterator[str]:
    """Give the URL of a new database."""
    server = sa.make_url(os.environ["TEST_POSTGRESQL_URL"])
    server = server.set(drivername="postgresql+psycopg")
    name = f"histories_{uuid4().hex[:8]}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        try:
            yield server.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


def fill(url: str, rows: int) -> int:
    """Give each table rows, whatever its keys refer to; return how many there are."""
    engine, count = sa.create_engine(url), 0
    with engine.begin() as connection:
        inspector = sa.inspect(connection)
        connection.exec_driver_sql("SET session_replication_role = replica")
        for table in inspector.get_table_names():
            if table.startswith("alembic_version"):
                continue
            columns = [
                it for it in inspector.get_columns(table) if "computed" not in it
            ]
            names = ", ".join(f'"{it["name"]}"' for it in columns)
            values = ", ".join(value(it["type"], it["name"]) for it in columns)
            made = f'INSERT INTO "{table}" ({names}) SELECT {values}'
            done = connection.exec_driver_sql(
                f"{made} FROM generate_series(1, {rows}) g ON CONFLICT DO NOTHING"
            )
            count += done.rowcount
    return count


def value(kind: Any, column: str) -> str:
    """Return a value of a type for row `g`."""
    name = type(kind).__visit_name__
    if getattr(kind, "enums", None):
        return f"'{kind.enums[0]}'"
    if isinstance(kind, sa.DateTime):
        return "now() - g * interval '1 minute'"
    if isinstance(kind, sa.String):
        return f"left('t' || g, {kind.length or 99})"
    number = "g" if column.endswith("id") else "1 + mod(g, 3)"
    return VALUES.get(name, VALUES.get(name.lower(), number))


if __name__ == "__main__":
    main()
