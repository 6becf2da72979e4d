"""Write revisions by hand and look at databases with a raw driver."""

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from textwrap import indent
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic_lossless import ddl
from rendering import Project
from servers import engine_of
from sqlalchemy import Connection, Engine, make_url, text

AnyProject = TypeVar("AnyProject", bound=Project)

PASSWORD = "s3cret"  # noqa: S105  of users that a test makes

SCRIPT = '''"""{revision}"""
from alembic import op
import sqlalchemy as sa

revision = {revision!r}
down_revision = {down!r}
branch_labels = None
depends_on = None


def upgrade():
{upgrade}


def downgrade():
{downgrade}
'''


def write(
    project: Project,
    revision: str,
    upgrade: str,
    downgrade: str = "pass",
    *,
    down: str | None = None,
) -> Path:
    """Add a revision.

    :param revision: its identifier.
    :param upgrade: the body of the function, likewise `downgrade`.
    :param down: the revision it builds on.
    """
    path = project.package / "migrations" / "versions" / f"{revision}.py"
    bodies = {"upgrade": upgrade, "downgrade": downgrade}
    bodies = {name: indent(body.strip("\n"), "    ") for name, body in bodies.items()}
    path.write_text(SCRIPT.format(revision=revision, down=down, **bodies))
    return path


def empty(project: AnyProject) -> AnyProject:
    """Take the first revision away, so that the next one starts from nothing."""
    for path in project.revisions():
        path.unlink()
    return project


def file_of(url: str) -> Path:
    """Return the file of a SQLite URL."""
    return Path(make_url(url).database or "")


def ask(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Ask a database with its own driver, as nothing of the project would."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(file_of(url))) as raw, raw:
            return raw.execute(statement).fetchall()
    with server(url).connect() as connection:
        result = connection.execute(text(statement))
        return [tuple(row) for row in result] if result.returns_rows else []


def server(url: str) -> Engine:
    """Return an engine of our own for a server."""
    made = make_url(url)
    postgresql = made.get_backend_name() == "postgresql"
    driver = "postgresql+psycopg" if postgresql else "mysql+pymysql"
    return engine_of(made.set(drivername=driver), "AUTOCOMMIT")


def back_up(url: str, target: Path, *, plain: bool) -> None:
    """Back a database up with the program of its server."""
    place = make_url(url)
    if url.startswith("sqlite"):
        target.write_bytes(Path(place.database or "").read_bytes())
        return
    if url.startswith("postgresql"):
        form = "plain" if plain else "custom"
        where = place.set(drivername="postgresql").render_as_string(hide_password=False)
        command = ["pg_dump", "--format", form, "--file", str(target), where]
    else:
        command = ["mariadb-dump", f"--host={place.host}", f"--port={place.port}"]
        command += [f"--user={place.username}", f"--result-file={target}"]
        command += [str(place.database)]
    subprocess.run(command, check=True)


@contextmanager
def open_query(url: str, statement: str) -> Iterator[None]:
    """Keep a transaction open in which a statement was run, as a slow app does."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(file_of(url), isolation_level=None)) as raw:
            raw.execute("BEGIN")
            raw.execute(statement).fetchall()
            yield
        return
    engine = server(url).execution_options(isolation_level="READ COMMITTED")
    with engine.connect() as connection, connection.begin():
        connection.execute(text(statement)).fetchall()
        yield


@contextmanager
def user_of(url: str, *rights: str) -> Iterator[str]:
    """Make a user of a server and give the URL for it; `{user}` stands in rights."""
    name = f"user_{uuid4().hex[:12]}"
    made = make_url(url).set(username=name, password=PASSWORD)
    postgresql = made.get_backend_name() == "postgresql"
    create = "CREATE ROLE {} LOGIN PASSWORD 's3cret'"
    if not postgresql:
        create = "CREATE USER {} IDENTIFIED BY 's3cret'"
    for statement in [create.format(name), *rights]:
        ask(url, statement.format(user=name, database=made.database))
    try:
        yield made.render_as_string(hide_password=False)
    finally:
        if postgresql:
            ask(url, f"DROP OWNED BY {name}")
        ask(url, f"DROP {'ROLE' if postgresql else 'USER'} {name}")


def tables(url: str) -> set[str]:
    """Return the names of the tables, but not of the one that remembers what ran."""
    where = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
        "postgr": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
    }
    other = "SELECT table_name FROM information_schema.tables"
    other += " WHERE table_schema = database()"
    found = {name for (name,) in ask(url, where.get(url[:6], other))}
    return found - {"alembic_version_history"}


def versions(url: str) -> list[str]:
    """Return the revisions that a database says it is at."""
    if "alembic_version" not in tables(url):
        return []
    return [row[0] for row in ask(url, "SELECT version_num FROM alembic_version")]


def operations_on(connection: Connection) -> Operations:
    """Return the operations that a revision has while it runs."""
    migration = MigrationContext.configure(connection)
    ddl.implement(migration)
    return ddl.operations(migration)


def database_of(url: str) -> str:
    """Return the kind of a database."""
    return make_url(url).get_backend_name()


def run_script(url: str, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script with the program that the database's owner would take."""
    place = make_url(url)
    if database_of(url) == "sqlite":
        command = ["sqlite3", "-bail", str(place.database)]
    elif database_of(url) == "postgresql":
        where = place.set(drivername="postgresql").render_as_string(hide_password=False)
        command = ["psql", "--quiet", "--set", "ON_ERROR_STOP=1", where]
    else:
        command = ["mariadb", f"--host={place.host}", f"--port={place.port}"]
        command.append("--default-character-set=utf8mb4")  # MySQL keeps it in a CHECK
        command += [f"--user={place.username}", str(place.database)]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed, which runs scripts")
    return subprocess.run(
        command, input=script, capture_output=True, text=True, check=False
    )


def scripted(project: Project, *arguments: str) -> str:
    """Return the script of a run."""
    return project.run("alembic", *arguments, "--sql").stdout


def ran(url: str, script: str) -> None:
    """Run a script that must succeed."""
    done = run_script(url, script)
    assert done.returncode == 0, done.stderr
