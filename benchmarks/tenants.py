"""Migrate many schemas, with kills at random moments, and say what it took.

PYTHONPATH="{{cookiecutter.program_name}}" python benchmarks/tenants.py URL 1000
"""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, create_engine, make_url, text

ENV = """
import os
from pathlib import Path
from alembic import context
from alembic_lossless import Project, env
from sqlalchemy import Column, Integer, MetaData, String, Table, make_url

models = MetaData()
Table("city", models, Column("id", Integer, primary_key=True), Column("name", String))
Table("street", models, Column("id", Integer, primary_key=True), Column("note", String))
project = Project(
    folder=Path(__file__).parent,
    metadatas={"default": models},
    url=lambda name: make_url(os.environ["URL"]),
    schemas=[f"tenant_{number:04}" for number in range(int(os.environ["TENANTS"]))],
)
for database in env.tenants(project):
    with env.migrating(database, target_metadata=env.metadata(project)["default"]):
        context.run_migrations()
"""
REVISION = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = {!r}, {!r}


def upgrade():
    {}


def downgrade():
    pass
"""
FIRST = (
    'op.create_table("city", sa.Column("id", sa.Integer, primary_key=True),'
    ' sa.Column("name", sa.String))'
)
SECOND = (
    'op.create_table("street", sa.Column("id", sa.Integer, primary_key=True));'
    ' op.add_column("street", sa.Column("note", sa.String))'
)
KILLS = 20


def main(url: str, number: int) -> None:
    """Make a database with schemas, migrate it, and drop it."""
    server, name = make_url(url), "benchmark_tenants"
    driver = "postgresql+psycopg"
    admin = create_engine(server.set(drivername=driver), isolation_level="AUTOCOMMIT")
    own = server.set(drivername=driver, database=name)
    with admin.connect() as connection, TemporaryDirectory() as folder:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
        connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            engine = create_engine(own)
            with engine.begin() as tenants:
                for it in range(number):
                    tenants.execute(text(f"CREATE SCHEMA tenant_{it:04}"))
            measure(Path(folder), own.render_as_string(hide_password=False), number)
            with engine.connect() as tenants:
                insist(tenants, number)
            engine.dispose()
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def measure(folder: Path, url: str, number: int) -> None:
    """Run both revisions in each, the second with kills, and print the seconds."""
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions.parent / "env.py").write_text(ENV)
    (versions / "a.py").write_text(REVISION.format("a", None, FIRST))
    environment = {**os.environ, "URL": url, "TENANTS": str(number)}

    def started(*command: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "alembic_lossless", *command],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def timed(what: str, *command: str) -> float:
        begin, process = time.monotonic(), started(*command)
        said = process.communicate()[0]
        took = time.monotonic() - begin
        print(f"{what}: {took:.1f} s, status {process.returncode}")
        if process.returncode:
            sys.exit(said)
        return took

    (folder / "alembic.ini").write_text("[alembic]\nscript_location = migrations\n")
    whole = timed("the first revision in each", "upgrade")
    (versions / "b.py").write_text(REVISION.format("b", "a", SECOND))
    for _ in range(KILLS):
        process = started("upgrade")
        try:
            process.wait(random.uniform(0.5, max(1.0, whole / KILLS * 1.5)))  # noqa: S311
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
    timed("status", "status")
    timed(f"the rest after {KILLS} kills", "upgrade")
    timed("nothing to do", "upgrade")


def insist(connection: Connection, number: int) -> None:
    """Hold that each schema is at the head, and has what it then has."""
    columns = connection.execute(
        text(
            "SELECT table_schema, table_name, column_name FROM"
            " information_schema.columns WHERE table_schema LIKE 'tenant%'"
            " AND table_name IN ('city', 'street')"
        )
    )
    found = Counter(row.table_schema for row in columns)
    assert found == {f"tenant_{it:04}": 4 for it in range(number)}, found  # noqa: S101
    for it in range(number):
        at = connection.scalars(
            text(f"SELECT version_num FROM tenant_{it:04}.alembic_version")  # noqa: S608
        )
        assert at.all() == ["b"], it  # noqa: S101


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
