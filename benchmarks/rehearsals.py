"""Rehearse two revisions of a table with many rows on three databases, and drop aside.

Usage: python benchmarks/rehearsals.py [--help]

The first revision hides an UPDATE that loses values behind a change of the structure,
the second one loses nothing. Then a column is dropped for later, both versions write,
and the downgrade is asked for its values. What the commands say is printed.

It needs `pip install --group dev`, TEST_POSTGRESQL_URL and TEST_MARIADB_URL.
"""

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import sqlalchemy as sa
from live_project import SERVERS, Project, make
from sqlalchemy.pool import NullPool

KINDS = ("SQLite", *SERVERS)
COLUMNS = {
    "id": "sa.BigInteger, primary_key=True",
    "name": "sa.String(40), nullable=False",
    "phone": "sa.String(20)",
}
HIDDEN = """
    op.add_column("event", sa.Column("city", sa.String(40)))
    op.execute("UPDATE event SET name = lower(name) WHERE id % 10000 = 0")
"""
BACK = """
    with op.batch_alter_table("event") as batch:
        batch.drop_column("city")
"""
LOSSLESS = """
    op.add_column("event", sa.Column("city", sa.String(40)))
    op.execute("UPDATE event SET city = phone WHERE phone IS NOT NULL")
    op.create_index("ix_event_name", "event", ["name"])
"""
BACK_LOSSLESS = """
    op.drop_index("ix_event_name", "event")
    with op.batch_alter_table("event") as batch:
        batch.drop_column("city")
"""
REVISION = '''"""{doc}"""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "{name}", "1"
def upgrade() -> None:{up}
def downgrade() -> None:{down}
'''
NUMBERS = {
    "SQLite": "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c"
    " LIMIT {rows}) SELECT n, 'Name ' || n, CASE WHEN n % 3 THEN '0' || n END FROM c",
    "PostgreSQL": "SELECT n, 'Name ' || n, CASE WHEN n % 3 > 0 THEN '0' || n END"
    " FROM generate_series(1, {rows}) AS n",
    "MariaDB": "SELECT seq, concat('Name ', seq), if(seq % 3, concat('0', seq), NULL)"
    " FROM seq_1_to_{rows}",
}
SHOWN = "SELECT id, phone FROM event WHERE id IN (1, 2, 3) OR id > {rows} ORDER BY id"


def main() -> None:
    """Print what the commands say, and how long they take."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--server", action="append", choices=KINDS)
    options = parser.parse_args()
    for kind in options.server or KINDS:
        print(f"\n### {kind}, {options.rows:,} rows\n")
        with TemporaryDirectory() as folder, _database(kind, Path(folder)) as url:
            _show(kind, url, Path(folder) / "project", options.rows)


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    if kind == "SQLite":
        yield f"sqlite:///{folder}/event.db"
        return
    variable, driver = SERVERS[kind]
    url = sa.make_url(os.environ[variable]).set(drivername=driver)
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    name = f"live_{uuid4().hex[:8]}"
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        try:
            yield url.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.exec_driver_sql(f"DROP DATABASE {name}")


def _show(kind: str, url: str, folder: Path, rows: int) -> None:
    project = make(folder, url, ours=True, live=False)
    project.models(_body(COLUMNS))
    words = ("revision", "--autogenerate", "-m", "first", "--rev-id", "1")
    project.alembic(*words)
    project.alembic("upgrade", "head")
    engine = sa.create_engine(url, poolclass=NullPool)
    query = NUMBERS[kind].format(rows=rows)
    with engine.begin() as connection:
        connection.execute(sa.text(f"INSERT INTO event (id, name, phone) {query}"))
    versions = folder / "migrations" / "versions"
    for doc, up, down in (
        ("cities", HIDDEN, BACK),
        ("cities, by the phone", LOSSLESS, BACK_LOSSLESS),
    ):
        path = versions / "2_cities.py"
        path.write_text(REVISION.format(doc=doc, name="2", up=up, down=down))
        _run(project, "rehearse")
        path.unlink()
    project.models(_body({it: of for it, of in COLUMNS.items() if it != "phone"}))
    answer = ("-x", "drop=event.phone:later")
    project.alembic(*answer, "revision", "--autogenerate", "-m", "no phone")
    _run(project, "upgrade")
    with engine.begin() as connection:
        new = f"INSERT INTO event (id, name) VALUES ({rows + 1}, 'new')"  # noqa: S608
        connection.exec_driver_sql(new)
        connection.exec_driver_sql("UPDATE event SET name = 'other' WHERE id = 2")
    _run(project, "status")
    _run(project, "downgrade")
    with engine.connect() as connection:
        found = connection.exec_driver_sql(SHOWN.format(rows=rows)).all()
    print("the phones:", ", ".join(f"{id_}: {phone!r}" for id_, phone in found))
    engine.dispose()


def _body(columns: dict[str, str]) -> str:
    return "\n".join(f"    {name} = sa.Column({it})" for name, it in columns.items())


def _run(project: Project, *words: str) -> None:
    begin = time.monotonic()
    process = project.start(*words, module="alembic_lossless", nice=0)
    said, _ = process.communicate()
    print(f"$ alembic-lossless {' '.join(words)}\n{said.strip()}")
    took = time.monotonic() - begin
    print(f"(exit status {process.returncode}, {took:.1f} s)\n", flush=True)


if __name__ == "__main__":
    main()
