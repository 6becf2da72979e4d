"""A command is killed before each of its writes: to a file, and to the database."""

import json
import os
import shutil
import signal
import sqlite3
import sys
import warnings
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from drafts import define_thing
from environment import Environment
from scripts import ask, write
from sqlalchemy import event
from sqlalchemy.pool import Pool

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="Windows kills no copy of itself"
)

WRITES = {"os.rename", "os.remove", "os.mkdir"}


def _is_write(what: str, given: tuple[object, ...]) -> bool:
    # What opens a file to read it has no flag to write.
    opens = what == "open" and bool(int(str(given[2] or 0)) & (os.O_WRONLY | os.O_RDWR))
    return (what in WRITES or opens) and "migrations" in str(given[0])


def _killed(shop: Environment, command: str, when: int) -> bool:
    """Run a command in a copy of this process, which is killed before a write."""
    left, file = iter(range(when)), str(shop.path / "x.db")

    def tick() -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(what: str, given: tuple[object, ...]) -> None:
        if _is_write(what, given):
            tick()

    def connected(raw: object, _record: object) -> None:
        if not isinstance(raw, sqlite3.Connection):  # what answers to a replay
            return
        ((_, _, name),) = raw.execute("PRAGMA database_list")
        if name == file:  # and no database that is thrown away
            # A statement before is undone, as test_killed_at_each_statement shows.
            raw.set_trace_callback(lambda it: tick() if it == "COMMIT" else None)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, from 3.12 on
        child = os.fork()
    if child == 0:
        try:
            sys.addaudithook(watch)
            event.listen(Pool, "connect", connected)
            shop.run("flask", "db", *command.split(), status=None)
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


def _rows(shop: Environment, *names: str, down: str = "1") -> None:
    for name in names:
        insert = f"INSERT INTO hobby (name) VALUES ('{name}')"  # noqa: S608
        undo = f"DELETE FROM hobby WHERE name = '{name}'"  # noqa: S608
        write(shop, name, f'op.execute("{insert}")', f'op.execute("{undo}")', down=down)
        down = name


def _branches(shop: Environment) -> None:
    _rows(shop, "mine")
    shop.alembic("upgrade", "mine")
    _rows(shop, "theirs")


COMMANDS: dict[str, Callable[[Environment], None]] = {
    "squash 1:b": lambda shop: _rows(shop, "a", "b"),
    "rebase mine": _branches,
    "merge -m both": _branches,
    "migrate -m thing": lambda shop: define_thing(shop, "age = sa.Integer"),
    "lock": lambda shop: _rows(shop, "a"),
    "backfill": lambda shop: _runs(shop, LATER),
    "purge --now --yes": lambda shop: _runs(shop, ASIDE),
}
"""What writes, and what makes it necessary."""

LATER = 'op.backfill("friend", "city_id", 1, later=True)'
ASIDE = """\
op.add_column("hobby", sa.Column("old", sa.Integer()))
op.set_column_aside("hobby", "old", until="2027-01-31", existing_type=sa.Integer())"""
ON_DATABASE = {"backfill", "purge --now --yes"}
"""The commands after which status has nothing to say, whether they are done or not."""


def _runs(shop: Environment, upgrade: str) -> None:
    write(shop, "a", upgrade, down="1")
    url = shop.environment["FRIEND_BOOK_DATABASE_URL"]
    ask(url, "INSERT INTO friend (id, name) VALUES (7, 'Ann'), (8, 'Bob')")
    shop.alembic("upgrade", "head")


COLUMNS = "SELECT c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c"

NEXT = {3: "upgrade", 4: "", 5: "", 7: "lock"}
"""What the exit status of `status --json` asks for; "" is the same command again."""


def _go_on(shop: Environment, command: str) -> None:
    """Type what is said until all is well."""
    for _ in range(6):
        done = shop.run("flask", "db", "status", "--json", status=None)
        said = done.stdout + done.stderr
        assert "Traceback" not in said
        if done.returncode == 0:
            return
        if "a squash was ended before it deleted" in said:
            names = said.partition("deleted ")[2].partition(".\n")[0].split(", ")
            for name in names:
                (shop.revisions()[0].parent / f"{name}.py").unlink()
            continue
        again = NEXT[done.returncode] or command
        shop.run("flask", "db", *again.split())
    raise AssertionError(said)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_next_command_goes_on(
    project: Environment, tmp_path: Path, command: str
) -> None:
    """Whenever it is killed, status says what to type, and that works."""
    shop = project.using(f"sqlite:///{project.path}/x.db")
    shop.run("flask", "db", "lock")
    shop.alembic("upgrade", "head")
    ask(
        shop.environment["FRIEND_BOOK_DATABASE_URL"], "INSERT INTO city VALUES (1, 'O')"
    )
    COMMANDS[command](shop)
    if command not in {"migrate -m thing", "lock"}:
        shop.run("flask", "db", "lock")
    kept = tmp_path / "kept"
    shutil.copytree(project.path, kept)
    for moment in count():
        was_killed = _killed(shop, command, moment)
        _go_on(shop, command)
        url = shop.environment["FRIEND_BOOK_DATABASE_URL"]
        assert ask(url, "SELECT name FROM city") == [("O",)]
        if command in ON_DATABASE or [*shop.package.rglob("*.new")]:
            shop.run("flask", "db", *command.split())
        status = json.loads(shop.run("flask", "db", "status", "--json").stdout)
        database = status["databases"]["default"]
        assert (database["kept"], database["backfills"]) == ([], [])
        assert not [it for it in ask(url, COLUMNS) if "kept" in it[0]]
        assert not [*shop.package.rglob(".*.*"), *shop.package.rglob("*.new")]
        if not was_killed:
            break
        shutil.rmtree(project.path)
        shutil.copytree(kept, project.path)
    assert moment > 0
