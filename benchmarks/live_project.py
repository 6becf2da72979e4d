"""Projects on a server, plain Alembic's and those with this library, and their rows."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self
from uuid import uuid4

import sqlalchemy as sa
from live_changes import SHAPES, WRITES, Change
from sqlalchemy.pool import NullPool

LIBRARY = Path(__file__).resolve().parent.parent / "{{cookiecutter.program_name}}"
SERVERS = {
    "PostgreSQL": ("TEST_POSTGRESQL_URL", "postgresql+psycopg"),
    "MariaDB": ("TEST_MARIADB_URL", "mariadb+pymysql"),
}
MODELS = """\
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase

class Model(DeclarativeBase):
    metadata = sa.MetaData(naming_convention={{
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }})

class Owner(Model):
    __tablename__ = "owner"
    id = sa.Column(sa.Integer, primary_key=True)

class Event(Model):
    __tablename__ = "event"
{columns}
"""
CHECKS = '["alembic.autogenerate.*", "alembic.ext.checkconstraint_byname"]'
PLAIN = f"""\
import os
import sqlalchemy as sa
from alembic import context
from models import Model

engine = sa.create_engine(os.environ["URL"])
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Model.metadata,
        autogenerate_plugins={CHECKS},
    )
    with context.begin_transaction():
        context.run_migrations()
"""
OURS = f"""\
import os
from pathlib import Path
from typing import Self
from alembic import context
from alembic_lossless import Project, env
from alembic_lossless.plugin import AUTOGENERATE_PLUGINS
from models import Model
from sqlalchemy import make_url

project = Project(
    folder=Path(__file__).parent,
    metadatas={{"default": Model.metadata}},
    url=lambda _name: make_url(os.environ["URL"]),
    live=bool(os.environ.get("LIVE")),
)
with env.migrating(
    env.database(project),
    target_metadata=Model.metadata,
    render_as_batch=True,
    autogenerate_plugins=list(dict.fromkeys([*AUTOGENERATE_PLUGINS, *{CHECKS}])),
):
    context.run_migrations()
"""
INI = "[alembic]\nscript_location = %(here)s/migrations\nprepend_sys_path = %(here)s\n"


@dataclass
class Project:
    """A folder with models and migrations, on a database of its own."""

    folder: Path
    url: str
    live: bool

    def models(self, columns: str) -> None:
        """Write the model of the table."""
        (self.folder / "models.py").write_text(MODELS.format(columns=columns))

    def draft(self, change: Change) -> list[Path]:
        """Let the models change, and draft the revisions of it.

        :return: in the order in which they run.
        """
        self.models(change.models())
        before = set(self._versions())
        plain = not (self.folder / "ours").exists()
        answers = () if plain else change.answers
        options = [word for answer in answers for word in ("-x", answer)]
        self.alembic(*options, "revision", "--autogenerate", "-m", "change")
        fresh = set(self._versions()) - before
        # The second of two follows the first, and says so.
        names = [path.read_text() for path in fresh]
        return sorted(fresh, key=lambda path: _follows(path.read_text(), names))

    def start(
        self, *arguments: str, module: str = "alembic", nice: int = 15
    ) -> subprocess.Popen[str]:
        """Start a command, Alembic's or the library's.

        :param nice: by how much it stands behind others for the processor.
        """
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=self.folder,
            env={
                **os.environ,
                "URL": self.url,
                "LIVE": "1" if self.live else "",
                "PYTHONPATH": str(LIBRARY),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            # What is measured are locks, not who gets the processor.
            preexec_fn=partial(os.nice, nice),  # noqa: PLW1509  it is one call
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def alembic(self, *arguments: str) -> str:
        """Run an Alembic command that must work."""
        process = self.start(*arguments)
        said, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(said)
        return said

    def _versions(self) -> list[Path]:
        return list((self.folder / "migrations" / "versions").glob("*.py"))


def _follows(script: str, others: list[str]) -> bool:
    """Tell whether a script comes after one of the others."""
    found = re.search(r"^down_revision.*= [\"'](\w+)", script, re.MULTILINE)
    before = found[1] if found else ""
    return any(
        re.search(rf"^revision.*[\"']{before}[\"']", s, re.MULTILINE) for s in others
    )


def make(folder: Path, url: str, *, ours: bool, live: bool, shape: str = "") -> Project:
    """Make a project whose models are the old ones."""
    migrations = folder / "migrations"
    (migrations / "versions").mkdir(parents=True)
    (folder / "alembic.ini").write_text(INI)
    (migrations / "env.py").write_text(OURS if ours else PLAIN)
    if ours:
        (folder / "ours").touch()
    template = (
        Path(str(sa.__file__)).parent.parent / "alembic" / "templates" / "generic"
    )
    shutil.copy(template / "script.py.mako", migrations)
    project = Project(folder, url, live)
    project.models(SHAPES[shape].lines())
    return project


class Server:
    """A server with a table of many rows, of which each run gets a copy."""

    def __init__(self, kind: str, rows: int, folder: Path, shape: str = "") -> None:
        """Make the table, by the first revision of a project."""
        variable, driver = SERVERS[kind]
        self.kind, self.rows = kind, rows
        self._url = sa.make_url(os.environ[variable]).set(drivername=driver)
        self._engine = sa.create_engine(
            self._url, isolation_level="AUTOCOMMIT", poolclass=NullPool
        )
        self._base = f"live_{uuid4().hex[:8]}"
        self._execute(f"CREATE DATABASE {self._base}")
        self.url = self._of(self._base)
        place = folder / self._base
        project = make(place, self.url, ours=False, live=False, shape=shape)
        project.alembic("revision", "--autogenerate", "-m", "first", "--rev-id", "1")
        (self.first,) = (project.folder / "migrations" / "versions").glob("*.py")
        project.alembic("upgrade", "head")
        kept = SHAPES[shape]
        self._fill(WRITES | kept.writes, kept.statements.get(kind, ()))

    @contextmanager
    def copied(self) -> Iterator[str]:
        """Give the URL of a copy of the database."""
        name = f"live_{uuid4().hex[:8]}"
        if self.kind == "PostgreSQL":
            self._execute(f"CREATE DATABASE {name} TEMPLATE {self._base}")
        else:
            self._execute(f"CREATE DATABASE {name}")
            for table in ("alembic_version", "owner", "event"):
                self._execute(f"CREATE TABLE {name}.{table} LIKE {self._base}.{table}")
                given = self._columns(table)
                source = f"SELECT {given} FROM {self._base}.{table}"  # noqa: S608
                self._execute(f"INSERT INTO {name}.{table} ({given}) {source}")
        try:
            yield self._of(name)
        finally:
            self._drop(name)

    def __enter__(self) -> Self:
        """Give the table."""
        return self

    def __exit__(self, *_: object) -> None:
        """Drop it."""
        self._drop(self._base)

    def _fill(self, writes: Mapping[str, str], before: Sequence[str]) -> None:
        half = "CASE WHEN n % 2 = 0 THEN 'x' END"
        values = {**writes, "code": "concat('c', n)", "note": half}
        if "id" in writes:
            values["id"] = "n"
        numbers = f"generate_series(1, {self.rows}) AS n"
        if self.kind == "MariaDB":
            numbers = f"(SELECT seq AS n FROM seq_1_to_{self.rows}) AS n"  # noqa: S608
        engine = sa.create_engine(self.url, poolclass=NullPool)
        with engine.begin() as connection:
            for statement in before:
                text = statement.replace(":rows", str(self.rows))
                connection.exec_driver_sql(text)
            connection.execute(sa.text("INSERT INTO owner (id) VALUES (1)"))
            columns, given = ", ".join(values), ", ".join(values.values())
            rows = f"SELECT {given} FROM {numbers}"  # noqa: S608  its own
            connection.execute(sa.text(f"INSERT INTO event ({columns}) {rows}"))
        if self.kind == "PostgreSQL":
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as it:
                it.exec_driver_sql("VACUUM ANALYZE")
        engine.dispose()

    def _columns(self, table: str) -> str:
        """Return the columns of a table of MariaDB that it does not generate."""
        with self._engine.connect() as connection:
            names = connection.scalars(
                sa.text(
                    "SELECT column_name FROM information_schema.columns WHERE"
                    " table_schema = :schema AND table_name = :name"
                    " AND extra NOT LIKE '%GENERATED%'"
                ),
                {"schema": self._base, "name": table},
            )
            return ", ".join(names)

    def _of(self, name: str) -> str:
        return self._url.set(database=name).render_as_string(hide_password=False)

    def _drop(self, name: str) -> None:
        force = " WITH (FORCE)" if self.kind == "PostgreSQL" else ""
        self._execute(f"DROP DATABASE {name}{force}")

    def _execute(self, statement: str) -> None:
        with self._engine.connect() as connection:
            connection.exec_driver_sql(statement)
