"""The revisions and the URLs that benchmarks/safety.py hurts with."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import indent
from typing import Any
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
PARENTS = """
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
"""
REBUILT = """
with op.batch_alter_table("parent") as batch:
    batch.alter_column("name", type_=sa.String(80), existing_type=sa.String(50))
"""
ORPHANED = """
op.execute("PRAGMA foreign_keys=OFF")
op.execute("DELETE FROM parent")
"""
TABLE = 'op.create_table("{}", sa.Column("id", sa.Integer))'
BROKEN = f'{TABLE.format("c")}\nop.execute("SELECT nope")'
CONCURRENT = """
with op.get_context().autocommit_block():
    op.create_index("ix_c", "c", ["id"], postgresql_concurrently=True)
"""
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
    """Return the text of a revision."""
    return (
        "from alembic import op\nimport sqlalchemy as sa\n"
        f"revision, down_revision = {revision!r}, {down!r}\n"
        f"branch_labels = depends_on = None\n"
        f"def upgrade():\n{indent(body.strip(), '    ')}\n"
        "def downgrade():\n    pass\n"
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
    return at, [table for table in tables if table != "alembic_version"]


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
