"""Measure what a guard costs on a table of many rows: asked of the server, or read.

python benchmarks/guards.py [ROWS]

Both look at a column of text that is about to be shorter. "Read" is what a guard in
Python costs that looks at each row, "asked" is `op.refuse_loss`. On PostgreSQL a writer
inserts every few milliseconds meanwhile, and its longest wait is shown.
"""

import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [
    str(ROOT / "tests"),
    str(ROOT / "{{cookiecutter.program_name}}"),
]

import sqlalchemy as sa  # noqa: E402  after the path
from alembic.migration import MigrationContext  # noqa: E402
from alembic.operations import Operations  # noqa: E402
from alembic_lossless import operations as _  # noqa: E402, F401  registers the guards
from alembic_lossless.types import survives  # noqa: E402
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
    if not all(survives(value, NEW) for (value,) in streamed):
        sys.exit("a value is lost")


def asked(connection: sa.Connection) -> None:
    """Run the guard of a drafted revision."""
    operations: Any = Operations(MigrationContext.configure(connection))
    operations.refuse_loss("thing", "value", NEW)


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
    with engine.begin() as connection:
        start, processor = time.monotonic(), time.process_time()
        guard(connection)
        whole = time.monotonic() - start
        cost = time.process_time() - processor
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
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 10**6
    with tempfile.TemporaryDirectory() as folder:
        for kind in DATABASES:
            with empty_database(kind, Path(folder)) as url:
                engine = sa.create_engine(url, poolclass=NullPool)
                with engine.begin() as connection:
                    connection.exec_driver_sql(
                        "CREATE TABLE thing (id BIGINT PRIMARY KEY, value VARCHAR(100))"
                    )
                    connection.exec_driver_sql(FILL[kind].format(rows=rows))
                for guard in (read, asked):
                    print(
                        f"{kind}, {rows} rows,"
                        f" {guard.__name__}: {measure(engine, guard)}"
                    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"Most memory that the client had: {peak} MB")


if __name__ == "__main__":
    main()
