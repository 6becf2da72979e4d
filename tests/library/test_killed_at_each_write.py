"""A command that writes files is killed before each of its writes."""

import os
import shutil
import signal
import sys
import warnings
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from drafts import define_thing
from environment import Environment
from scripts import ask, write

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="Windows kills no copy of itself"
)

WRITES = {"os.rename", "os.remove", "os.mkdir"}


def _is_write(event: str, given: tuple[object, ...]) -> bool:
    # What opens a file to read it has no flag to write.
    opens = event == "open" and bool(
        int(str(given[2] or 0)) & (os.O_WRONLY | os.O_RDWR)
    )
    return (event in WRITES or opens) and "migrations" in str(given[0])


def _killed(shop: Environment, command: str, when: int) -> bool:
    """Run a command in a copy of this process, which is killed before a write."""
    left = iter(range(when))

    def watch(event: str, given: tuple[object, ...]) -> None:
        if _is_write(event, given) and next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, from 3.12 on
        child = os.fork()
    if child == 0:
        try:
            sys.addaudithook(watch)
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
}
"""What writes files, and what makes it necessary."""

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
    if not command.startswith("migrate"):
        shop.run("flask", "db", "lock")
    kept = tmp_path / "kept"
    shutil.copytree(project.path, kept)
    for moment in count():
        was_killed = _killed(shop, command, moment)
        _go_on(shop, command)
        url = shop.environment["FRIEND_BOOK_DATABASE_URL"]
        assert ask(url, "SELECT name FROM city") == [("O",)]
        if [*shop.package.rglob("*.new")]:  # nothing was done
            shop.run("flask", "db", *command.split())
        assert not [*shop.package.rglob(".*.*"), *shop.package.rglob("*.new")]
        if not was_killed:
            break
        shutil.rmtree(project.path)
        shutil.copytree(kept, project.path)
    assert moment > 1
