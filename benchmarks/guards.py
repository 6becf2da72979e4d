"""Measure what a guard costs on a table of many rows: asked of the server, or read.

python benchmarks/guards.py [ROWS]

All look at a column of text that is about to be shorter. "Asked" is `op.refuse_loss`,
"bare SQL" the query that a person would type, and "read" what a guard in Python costs
that looks at each row. On PostgreSQL a writer inserts every few milliseconds meanwhile,
and its longest wait is shown.
"""

import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [
    str(ROOT / "tests"),
    str(ROOT / "{{cookiecutter.program_name}}"),
]
__all__ = ["empty_database", "guards"]

import sqlalchemy as sa  # noqa: E402  after the path
from alembic.migration import MigrationContext  # noqa: E402
from alembic.operations import Operations  # noqa: E402
from alembic.util import CommandError  # noqa: E402
from alembic_lossless import operations as _  # noqa: E402, F401  registers the guards
from alembic_lossless.types.values import is_lossless  # noqa: E402
from servers import DATABASES, empty_database  # noqa: E402
from sqlalchemy.pool import NullPool  # noqa: E402

NEW = sa.String(60)
FILL = {
    "postgresql": "INSERT INTO thing SELECT n, repeat('x', 50)"
    " FROM generate_series(1, {rows}) AS n",
    "mariadb": "INSERT INTO thing SELECT seq, repeat('x', 50) FROM seq_1_to_{rows}",
    "sqlite": "INSERT INTO thing WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL"
    " SELECT n + 1 FROM t WHERE n < {rows}) SELECT n, printf('%.50c', 'x') FROM t",
}


def read(connection: sa.Connection) -> None:
    """Look at each row in Python, and let nobody write or read meanwhile."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE thing")
    query = sa.text("SELECT value FROM thing")
    streamed = connection.execute(query, execution_options={"stream_results": True})
    if not all(is_lossless(value, NEW) for (value,) in streamed):
        sys.exit("a value is lost")


def asked(connection: sa.Connection) -> None:
    """Run the guard of a drafted revision."""
    operations: Any = Operations(MigrationContext.configure(connection))
    operations.refuse_loss("thing", "value", NEW)


def bare(connection: sa.Connection) -> None:
    """Ask the server what a person would."""
    length = "length" if connection.dialect.name == "sqlite" else "char_length"
    query = f"SELECT value FROM thing WHERE {length}(value) > {NEW.length}"  # noqa: S608
    if connection.exec_driver_sql(query).first():
        sys.exit("a value is lost")


WAYS = {"asked": asked, "bare SQL": bare, "read": read}
ROWS = 10**6


@contextmanager
def filled(kind: str, rows: int) -> Iterator[sa.Engine]:
    """Give a database with a table of so many rows."""
    with (
        tempfile.TemporaryDirectory() as folder,
        empty_database(kind, Path(folder)) as url,
    ):
        engine = sa.create_engine(url, poolclass=NullPool)
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE TABLE thing (id BIGINT PRIMARY KEY, value VARCHAR(100))"
            )
            connection.exec_driver_sql(FILL[kind].format(rows=rows))
        yield engine


def guards(rounds: int) -> dict[str, dict[str, float]]:
    """Return what a million rows add to the seconds of each way on each database.

    :param rounds: how often each is measured; the ways take turns.
    :return: also the most memory, in MB, with one row and with all of them.
    """
    found: dict[str, dict[str, float]] = {}
    for kind in DATABASES:
        with filled(kind, 1) as engine:
            least, low = _medians(engine, rounds), _peak(engine)
        with filled(kind, ROWS) as engine:
            most, high = _medians(engine, rounds), _peak(engine)
        found[kind] = {way: most[way] - least[way] for way in WAYS}
        found[kind] |= {"MB with one row": low, "MB": high}
    return found


def _medians(engine: sa.Engine, rounds: int) -> dict[str, float]:
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    for way, guard in [*WAYS.items()] * rounds:
        taken[way].append(_seconds(engine, guard)[0])
    return {way: median(several) for way, several in taken.items()}


def _peak(engine: sa.Engine) -> float:
    """Return the most memory that a process needs for a guard that every row fails."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_fail, (engine.url.render_as_string(hide_password=False),))


def _fail(url: str) -> float:
    engine = sa.create_engine(url, poolclass=NullPool)
    with engine.begin() as connection, suppress(CommandError):
        operations: Any = Operations(MigrationContext.configure(connection))
        operations.refuse_loss("thing", "value", sa.Date())
    return getrusage(RUSAGE_SELF).ru_maxrss / 1024


def _seconds(
    engine: sa.Engine, guard: Callable[[sa.Connection], None]
) -> tuple[float, float]:
    """Run a guard; return how long it took, and its processor's part of it."""
    with engine.begin() as connection:
        start, processor = time.monotonic(), time.process_time()
        guard(connection)
        return time.monotonic() - start, time.process_time() - processor


@contextmanager
def writing(engine: sa.Engine) -> Iterator[list[float]]:
    """Insert rows all the time, and give how long each one took."""
    waits: list[float] = []
    done = threading.Event()

    def write() -> None:
        insert = "INSERT INTO thing (id, value) VALUES (%s, 'x')"
        with engine.connect() as raw:
            app = raw.execution_options(isolation_level="AUTOCOMMIT")
            while not done.wait(0.005):
                start = time.monotonic()
                app.exec_driver_sql(insert, (10**8 + time.monotonic_ns() % 10**9,))
                waits.append(time.monotonic() - start)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield waits
    finally:
        done.set()
        writer.join()


def measure(engine: sa.Engine, guard: Callable[[sa.Connection], None]) -> str:
    """Run a guard, and return its seconds, its processor's, and a writer's."""
    whole, cost = _seconds(engine, guard)
    line = f"{whole:.2f} s, {cost:.2f} s of the client's processor"
    if engine.dialect.name == "postgresql":
        with writing(engine) as waits:
            time.sleep(0.2)
            with engine.begin() as connection:
                guard(connection)
        line += f", a writer waited {max(waits):.2f} s"
    return line


def main() -> None:
    """Print a line for each database and each way."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    for kind in DATABASES:
        with filled(kind, rows) as engine:
            for way, guard in WAYS.items():
                print(f"{kind}, {rows} rows, {way}: {measure(engine, guard)}")


if __name__ == "__main__":
    main()
