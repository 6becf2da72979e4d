"""The revisions and the URLs that benchmarks/safety.py hurts with."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import indent
from threading import Thread
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import create_engine, inspect, make_url, text
from sqlalchemy.pool import NullPool

SERVERS = {
    "postgresql": ("TEST_POSTGRESQL_URL", "postgresql+psycopg"),
    "mariadb": ("TEST_MARIADB_URL", "mysql+pymysql"),
}
ENFORCED = """
from sqlalchemy import Engine, event
@event.listens_for(Engine, "connect")
def enforce_foreign_keys(raw, _record):
    if "sqlite" in type(raw).__module__:
        raw.execute("PRAGMA foreign_keys=ON")
"""


class Hazard(NamedTuple):
    """What a revision does, as Alembic's tools have it and as Django has it."""

    alembic: str
    django: str


PARENTS = Hazard(
    """
op.create_table("parent", sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(50)))
for name, rule in {"child": "CASCADE", "note": "SET NULL"}.items():
    op.create_table(name, sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("parent_id", sa.Integer, sa.ForeignKey("parent.id", ondelete=rule),
            index=True))
numbers = '''WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
    WHERE i < ROWS)'''
op.execute(f"INSERT INTO parent (id, name) {numbers} SELECT i, 'x' FROM n")
op.execute(f"INSERT INTO child (id, parent_id) {numbers} SELECT i, i FROM n")
op.execute(f"INSERT INTO note (id, parent_id) {numbers} SELECT i, i FROM n")
""",
    """
numbers = '''WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
    WHERE i < ROWS)'''
refers = "(id integer PRIMARY KEY, parent_id integer REFERENCES parent ON DELETE "
insert = "INSERT INTO {} (id, {}) " + numbers + " SELECT i, {} FROM n"
operations = [
    migrations.CreateModel("parent", [("id", models.IntegerField(primary_key=True)),
        ("name", models.CharField(max_length=50, null=True))], {"db_table": "parent"}),
    migrations.RunSQL(f"CREATE TABLE child {refers} CASCADE)"),
    migrations.RunSQL(f"CREATE TABLE note {refers} SET NULL)"),
    migrations.RunSQL(insert.format("parent", "name", "'x'")),
    migrations.RunSQL(insert.format("child", "parent_id", "i")),
    migrations.RunSQL(insert.format("note", "parent_id", "i")),
]
""",
)
"""Make a table of ROWS rows, and two that refer to it."""


def parents(rows: int) -> Hazard:
    """Make a table, and two that refer to it, with so many rows."""
    return Hazard(*(text.replace("ROWS", str(rows)) for text in PARENTS))


def table(name: str, more: str = "", django: str = "") -> Hazard:
    """Make a table, and do something more."""
    made = f'op.create_table("{name}", sa.Column("id", sa.Integer))'
    fields = '[("id", models.IntegerField(primary_key=True))]'
    model = f'migrations.CreateModel("{name}", {fields}, {{"db_table": "{name}"}})'
    return Hazard(f"{made}\n{more}", f"operations = [{model}, {django}]")


REBUILT = Hazard(
    """
with op.batch_alter_table("parent") as batch:
    batch.alter_column("name", type_=sa.String(80), existing_type=sa.String(50))
""",
    'operations = [migrations.AlterField("parent", "name",'
    " models.CharField(max_length=80, null=True))]",
)
ORPHANED = Hazard(
    'op.execute("PRAGMA foreign_keys=OFF")\nop.execute("DELETE FROM parent")',
    'operations = [migrations.RunSQL("PRAGMA foreign_keys=OFF"),'
    ' migrations.RunSQL("DELETE FROM parent")]',
)
BROKEN = table("c", 'op.execute("SELECT nope")', 'migrations.RunSQL("SELECT nope")')
INDEX = "CREATE INDEX CONCURRENTLY ix_c ON c (id)"
CONCURRENT = Hazard(
    """
with op.get_context().autocommit_block():
    op.create_index("ix_c", "c", ["id"], postgresql_concurrently=True)
""",
    f'atomic = False\noperations = [migrations.RunSQL("{INDEX}")]',
)
STEPS = 12
STEPWISE = Hazard(
    """
for n in range(12):
    op.create_table(f"t{n}", sa.Column("id", sa.Integer, primary_key=True))
    op.execute(f"INSERT INTO t{n} VALUES (1)")
    op.add_column(f"t{n}", sa.Column("more", sa.Integer))
""",
    """
operations = [step for n in range(12) for step in (
    migrations.RunSQL(f"CREATE TABLE t{n} (id integer PRIMARY KEY)"),
    migrations.RunSQL(f"INSERT INTO t{n} VALUES (1)"),
    migrations.RunSQL(f"ALTER TABLE t{n} ADD COLUMN more integer"),
)]
""",
)
"""What a revision does in many statements, of which MariaDB commits most."""
URLS = (
    "",
    "nonsense",
    "oracl://user:s3cret@host/name",
    "postgresql+pg8000://user:s3cret@host/name",
    "postgresql+psycopg://user:s3cret@127.0.0.1:54x/name",
    "postgresql+psycopg://user:s3@cret@127.0.0.1/name",
    "postgresql+psycopg://user:s3cret@nowhere.invalid/name",
    "postgresql+psycopg://user:s3cret@127.0.0.1:1/name",
    "mysql+pymysql://user:s3cret@127.0.0.1:1/name",
    "sqlite:////nowhere/app.db",
    f"sqlite:///{Path(__file__).resolve()}",
)


def script(revision: str, body: str, down: str | None) -> str:
    """Return the text of a revision of Alembic."""
    return (
        "from alembic import op\nimport sqlalchemy as sa\n"
        f"revision, down_revision = {revision!r}, {down!r}\n"
        f"branch_labels = depends_on = None\n"
        f"def upgrade():\n{indent(body.strip(), '    ')}\n"
        "def downgrade():\n    pass\n"
    )


def migration(body: str, down: str | None) -> str:
    """Return the text of a migration of Django."""
    before = f'[("friends", {down!r})]' if down else "[]"
    return (
        "from django.db import migrations, models\n"
        f"class Migration(migrations.Migration):\n    dependencies = {before}\n"
        f"{indent(body.strip(), '    ')}\n"
    )


def ask(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Ask a database with a connection of our own."""
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        result = connection.execute(text(statement))
        return [tuple(row) for row in result] if result.returns_rows else []


def count(url: str, table: str, column: str = "id") -> int:
    """Count the rows of a table that have a value."""
    (row,) = ask(url, f"SELECT count({column}) FROM {table}")  # noqa: S608
    return int(row[0])


def state(url: str) -> tuple[list[str], list[str]]:
    """Return the revisions that a database is at, and its other tables."""
    tables = inspect(create_engine(url, poolclass=NullPool)).get_table_names()
    at = []
    if "alembic_version" in tables:
        at = [row[0] for row in ask(url, "SELECT version_num FROM alembic_version")]
    if "django_migrations" in tables:
        names = "SELECT name FROM django_migrations ORDER BY id DESC LIMIT 1"
        at = [row[0] for row in ask(url, names)]
    own = ("alembic_version", "alembic_version_history", "django_migrations")
    return at, [table for table in tables if table not in own]


def is_whole(url: str) -> bool:
    """Tell whether all of `STEPWISE` is there, once."""
    at, tables = state(url)
    return at == ["a"] and all(
        f"t{n}" in tables and ask(url, f"SELECT * FROM t{n}") == [(1, None)]  # noqa: S608
        for n in range(STEPS)
    )


class Cut:
    """A line to a server that is cut when so many messages went along it."""

    def __init__(self, url: str, after: int) -> None:
        """Listen on a port of its own; `url` leads there."""
        server = make_url(url)
        self._target = str(server.host), int(server.port or 0)
        self._left, self._lines = after, list[socket.socket]()
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = server.set(host="127.0.0.1", port=port).render_as_string(
            hide_password=False
        )
        Thread(target=self._listen, daemon=True).start()

    @property
    def is_cut(self) -> bool:
        """Whether so many messages went along it."""
        return self._left < 0

    def close(self) -> None:
        """Listen no more, and hang up."""
        for line in (self._listener, *self._lines):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self._lines += [client, server]
                Thread(target=self._up, args=(client, server), daemon=True).start()
                Thread(target=self._copy, args=(server, client), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                self._left -= 1
                if self.is_cut:
                    self.close()
                    return
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    def _copy(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                client.sendall(data)


@contextmanager
def database(kind: str) -> Iterator[str]:
    """Make an empty database, and drop it."""
    if kind == "sqlite":
        with TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/app.db"
        return
    variable, driver = SERVERS[kind]
    server = make_url(os.environ[variable]).set(drivername=driver)
    whole = server.render_as_string(hide_password=False)
    name = f"bench_{uuid4().hex[:12]}"
    ask(whole, f"CREATE DATABASE {name}")
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        force = " WITH (FORCE)" if kind == "postgresql" else ""
        ask(whole, f"DROP DATABASE {name}{force}")
