"""How the cost grows: with the revisions, with the tables, and with the rows."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from contestants import BIN, make_alembic_in_app, make_template, run
from speed_commands import seconds

REVISIONS = (10, 100, 1000, 3000)
TABLES = (10, 100, 500, 2000)
ROWS = (1, 10**4, 10**5, 10**6)

Curves = dict[str, dict[str, float]]
"""The tool -> how many there were -> seconds."""

OURS, PLAIN = "this template", "plain Alembic"
IMPORTS = "from app.db import Model\n"
IMPORTS += "from sqlalchemy import ForeignKey, String\n"
IMPORTS += "from sqlalchemy.orm import Mapped, mapped_column\n"
KEY = "    id: Mapped[int] = mapped_column(primary_key=True)\n"
COLUMNS = """\
    name: Mapped[str] = mapped_column(String(100), unique=True)
    note: Mapped[str | None] = mapped_column(String(200), index=True)
    size: Mapped[int]
"""
PARENT = '    parent: Mapped[int | None] = mapped_column(ForeignKey("t{0}.id"))\n'
DRAFT = "alembic revision --autogenerate -m draft"
SCRIPT = """\
import sqlalchemy as sa
from alembic import op
revision, down_revision = "r{number}", {before!r}
def upgrade():
    {upgrade}
def downgrade():
    pass
"""
CREATE = """op.create_table("t{0}",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_t{0}")))"""
ADD = """with op.batch_alter_table("t{0}") as batch:
        batch.add_column(sa.Column("c{1}", sa.Integer(), nullable=True))"""
A_TABLE = 10
"""How many revisions are about one table: the first makes it, the rest add a column."""


def revisions(rounds: int) -> Curves:
    """Time a draft of one new table with so many revisions behind it."""
    return _curves(REVISIONS, rounds, _with_history)


def tables(rounds: int) -> Curves:
    """Time a first draft of so many tables."""
    return _curves(TABLES, rounds, with_tables)


def _curves(
    counts: tuple[int, ...],
    rounds: int,
    prepare: Callable[[Path, int], None],
) -> Curves:
    found: Curves = {OURS: {}, PLAIN: {}}
    for count in counts:
        with TemporaryDirectory() as folder:
            projects = {tool: Path(folder) / tool.split()[0] for tool in found}
            make_template(projects[OURS], database_layer="sqlalchemy")
            make_alembic_in_app(projects[PLAIN])
            for project in projects.values():
                prepare(project, count)
                run(project, "python -m compileall -q .")
            taken: dict[str, list[float]] = {tool: [] for tool in projects}
            for _ in range(rounds):
                for tool, project in projects.items():
                    taken[tool].append(seconds(project, DRAFT))
                    for draft in versions(project).glob("*_draft.py"):
                        draft.unlink()
        for tool, several in taken.items():
            found[tool][str(count)] = median(several)
    return found


def versions(project: Path) -> Path:
    """Return the folder of a project's revisions."""
    own = project / "app" / "migrations" / "versions"
    return own if own.is_dir() else project / "migrations" / "versions"


def _models(project: Path, classes: Iterator[str]) -> None:
    """Write models of these classes in the place of an app's own."""
    (project / "app" / "models.py").write_text(IMPORTS + "".join(classes))
    for module in ("fields", "friends", "store", "seed", "cli"):
        (project / "app" / f"{module}.py").unlink()


def _class(number: int, columns: str) -> str:
    head = f'class T{number}(Model):\n    __tablename__ = "t{number}"\n'
    return head + KEY + columns


def with_tables(project: Path, count: int) -> None:
    """Give a project models of so many tables, and no others."""
    classes = (
        _class(n, COLUMNS + (PARENT.format(n // 2) if n else "")) for n in range(count)
    )
    _models(project, classes)


def _with_history(project: Path, count: int) -> None:
    for number in range(count):
        table, step = divmod(number, A_TABLE)
        text = SCRIPT.format(
            number=number,
            before=f"r{number - 1}" if number else None,
            upgrade=(ADD if step else CREATE).format(table, step),
        )
        (versions(project) / f"r{number}.py").write_text(text)
    classes = (
        _class(
            table,
            "".join(
                f"    c{step}: Mapped[int | None]\n"
                for step in range(1, min(A_TABLE, count - table * A_TABLE))
            ),
        )
        for table in range(-(-count // A_TABLE) + 1)
    )
    _models(project, classes)
    run(project, "alembic upgrade head")


TABLE = "CREATE TABLE {} (id INTEGER PRIMARY KEY, value VARCHAR(100){})"
FILL = """
import sqlite3, sys
made = sqlite3.connect(sys.argv[1])
made.execute(sys.argv[2])
made.execute("INSERT INTO thing WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL"
    " SELECT n + 1 FROM t WHERE n < " + sys.argv[3] + ")"
    " SELECT n, printf('%.50c', 'x') FROM t")
made.commit()
"""
BARE = """
import sqlite3, sys
raw = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in ("BEGIN IMMEDIATE", sys.argv[2],
        "INSERT INTO new (id, value) SELECT id, value FROM thing",
        "DROP TABLE thing", "ALTER TABLE new RENAME TO thing",
        "PRAGMA foreign_key_check", "COMMIT"):
    raw.execute(statement).fetchall()
"""
REBUILD = """
with op.batch_alter_table("thing") as batch:
        batch.alter_column("value", existing_type=sa.String(100), nullable=False)"""


def rows(rounds: int) -> dict[str, Curves]:
    """Time a rebuild of a table of so many rows, and take the most memory."""
    found: dict[str, Curves] = {
        "seconds": {OURS: {}, "bare SQL": {}},
        "MB": {OURS: {}, "bare SQL": {}},
    }
    with TemporaryDirectory() as folder:
        project = Path(folder) / "ours"
        make_template(project, database_layer="sqlalchemy")
        script = SCRIPT.format(number=0, before=None, upgrade=REBUILD.strip())
        (versions(project) / "r0.py").write_text(script)
        for count in ROWS:
            new = TABLE.format("new", " NOT NULL")
            file = project / "app.db"
            commands = {
                OURS: [str(BIN / "alembic"), "upgrade", "head"],
                "bare SQL": [sys.executable, "-c", BARE, str(file), new],
            }
            _fill(project / "full.db", count)
            for tool, command in commands.items():
                taken = [_rebuild(project, command) for _ in range(rounds)]
                found["seconds"][tool][str(count)] = median(it for it, _ in taken)
                found["MB"][tool][str(count)] = max(it for _, it in taken)
    return found


def _fill(file: Path, count: int) -> None:
    file.unlink(missing_ok=True)
    table = TABLE.format("thing", "")
    arguments = [sys.executable, "-c", FILL, str(file), table, str(count)]
    subprocess.run(arguments, check=True)


def _rebuild(project: Path, command: list[str]) -> tuple[float, float]:
    """Run a command on a copy of the full file; return seconds and megabytes."""
    shutil.copy(project / "full.db", project / "app.db")
    variables = {
        **os.environ,
        "APP_DATABASE_URL": f"sqlite:///{project}/app.db",
        "PYTHONPATH": str(project),
    }
    with (project / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=project, env=variables, stdout=log, stderr=log
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit((project / "log").read_text())
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
