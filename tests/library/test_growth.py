"""How the work grows, counted in calls and in statements: no clock is asked."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import sqlalchemy as sa
from environment import Environment
from scripts import empty, write

IMPORTS = """
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column
from .db import Model
"""
TABLE = """

class T{0}(Model):
    __tablename__ = "t{0}"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True, index=True)
    parent: Mapped[int | None] = mapped_column(ForeignKey("t{1}.id"), index=True)
"""
MADE = 'op.create_table("{0}", sa.Column("id", sa.Integer, primary_key=True))'


@contextmanager
def counting_calls(package: str = "alembic_lossless") -> Iterator[Callable[[], int]]:
    """Count the calls of the functions of packages.

    :param package: how their names begin.
    """
    calls = 0

    def count(frame: FrameType, what: str, _: Any) -> None:
        nonlocal calls
        calls += what == "call" and f"/{package}" in frame.f_code.co_filename

    sys.setprofile(count)
    try:
        yield lambda: calls
    finally:
        sys.setprofile(None)


@contextmanager
def statements(engine: sa.Engine) -> Iterator[list[str]]:
    """Remember every statement that an engine is given."""
    said: list[str] = []

    def remember(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    sa.event.listen(engine, "before_cursor_execute", remember)
    yield said
    sa.event.remove(engine, "before_cursor_execute", remember)


def calls_of_a_first_draft(shop: Environment, tables: int) -> int:
    """Draft so many tables, each of which refers to another, and count the calls."""
    classes = "".join(TABLE.format(n, max(n - 1, 0)) for n in range(tables))
    (shop.package / "models.py").write_text(IMPORTS + classes)
    with shop.migrations() as migrations, counting_calls() as calls:
        script = migrations.revision("first")
    assert script
    return calls()


def test_a_first_draft_grows_with_its_tables(project: Environment) -> None:
    """I bring hundreds of tables, and each costs as much as in a small draft."""
    found = [calls_of_a_first_draft(empty(project), n) for n in (20, 40, 80)]
    first, second = found[1] - found[0], found[2] - found[1]
    assert second < 2.2 * first  # 2 when it is linear, 4 when it is the square


def calls_of_an_upgrade(shop: Environment, revisions: int) -> int:
    """Run so many revisions, and count the calls."""
    for number in range(revisions):
        write(shop, f"r{number}", "pass", down=f"r{number - 1}" if number else None)
    with shop.migrations() as migrations:
        migrations.downgrade("base")
        with counting_calls("alembic") as calls:  # Alembic walks its revisions
            migrations.upgrade()
    return calls()


def test_an_upgrade_grows_with_its_revisions(project: Environment) -> None:
    """I run hundreds of revisions, and each costs as much as one of a few."""
    found = [calls_of_an_upgrade(empty(project), n) for n in (100, 200, 400)]
    first, second = found[1] - found[0], found[2] - found[1]
    assert second < 2.2 * first  # 2 when it is linear, 4 when it is the square


def test_an_upgrade_with_nothing_to_do_says_the_same(
    project: Environment, database_url: str
) -> None:
    """My container starts: the statements are the same few, however old the app is."""
    shop = empty(project)
    engine = sa.create_engine(database_url, poolclass=sa.NullPool)
    said = []
    for last in (1, 30):
        for n in range(last):
            write(shop, f"r{n}", MADE.format(f"t{n}"), down=f"r{n - 1}" if n else None)
        with shop.migrations() as migrations:
            migrations.upgrade(connection=engine)
            with statements(engine) as these:
                migrations.upgrade(connection=engine)
        said.append([*these])
    assert len(said[0]) == len(said[1])
    assert not any(it.startswith(("CREATE", "SELECT pg_try", "BEGIN")) for it in these)


def test_a_check_reads_each_table_of_a_file_once(
    project: Environment, tmp_path: Path
) -> None:
    """I have hundreds of tables, and SQLite is asked for the text of each just once."""
    shop, tables = empty(project), 70
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'shop.db'}")
    classes = "".join(TABLE.format(n, max(n - 1, 0)) for n in range(tables))
    (shop.package / "models.py").write_text(IMPORTS + classes)
    with shop.migrations() as migrations:
        migrations.revision("first", connection=engine)
        migrations.upgrade(connection=engine)
        with statements(engine) as said:
            migrations.check(connection=engine)
    read = [it for it in said if "SELECT sql FROM sqlite_master" in it]
    assert tables <= len(read) <= tables + 5  # the version table too, and the library's


WITHOUT = "autogenerate.review backfills lint offline prompts replay squash state"


def test_a_run_imports_no_comparison(project: Environment) -> None:
    """My container starts, and reads no code that only a draft needs."""
    shop = empty(project)
    code = (
        "import sys; from alembic.config import main; main(['upgrade', 'head']);"
        f" print({{*{WITHOUT.split()}}} & {{it.removeprefix('alembic_lossless.') for it"
        " in sys.modules})"
    )
    assert shop.run("python", "-c", code).stdout.splitlines()[-1] == "set()"
