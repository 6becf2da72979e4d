"""Each command at a bad moment: one or two lines say why, and nothing is written."""

from collections.abc import Callable
from pathlib import Path

import pytest
from environment import Environment
from scripts import write

COMMANDS = (
    *(
        "migrate -m more",
        "revision -m more",
        "rebase",
        "squash",
        "upgrade",
        "downgrade",
        "stamp",
        "check",
        "status",
        "current",
        "backfill",
    ),
    *(
        "purge --now --yes",
        "rehearse",
        "baseline",
        "history",
        "history --graph",
        "heads",
    ),
    *("lint --dialect postgresql", "diagram 1", "show 1", "upgrade --sql"),
    *("merge", "lock"),  # which mend what is wrong
)


def _locked(shop: Environment) -> None:
    shop.run("flask", "db", "lock")


def _branched(shop: Environment) -> None:
    _locked(shop)
    for name in ("mine", "theirs"):
        write(shop, name, "pass", down="1")


def _conflict(shop: Environment) -> None:
    _branched(shop)
    _mark(shop)


def _one_head(shop: Environment) -> None:
    _locked(shop)
    write(shop, "2", "pass", down="1")
    _mark(shop)


def _mark(shop: Environment) -> None:
    path = shop.revisions()[0].with_name("history.lock")
    marks = "<<<<<<< HEAD\nmine 1 a\n=======\ntheirs 1 b\n>>>>>>> theirs\n"
    path.write_text(path.read_text() + marks)


AWAY = "postgresql://me:s3cret@127.0.0.1:1/shop"

FROM_FILES = {"history", "history --graph", "heads", "diagram 1", "show 1", "lock"}
FROM_FILES |= {"lint --dialect postgresql"}
LOOKING = {"status", "current", "rehearse", "backfill", "purge --now --yes"}

MOMENTS: dict[str, tuple[Callable[[Environment], None], str, set[str]]] = {
    "the database is away": (_locked, AWAY, FROM_FILES | {"upgrade --sql"}),
    "two heads": (_branched, "", FROM_FILES | LOOKING | {"merge"}),
    "git's marks are in history.lock": (
        *(_conflict, ""),
        FROM_FILES | LOOKING | {"merge"},
    ),
    "git's marks, and one head": (
        *(_one_head, ""),
        {*COMMANDS}
        - {"migrate -m more", "revision -m more", "rebase", "squash"}
        - {"merge", "baseline", "check", "rehearse"},
    ),
}
"""What is wrong, the URL, and the commands that do their work all the same."""


def _files(shop: Environment) -> dict[Path, bytes]:
    folder = shop.package / "migrations"
    return {it: it.read_bytes() for it in folder.rglob("*") if it.is_file()}


@pytest.mark.parametrize("moment", MOMENTS)
def test_each_command_at_a_bad_moment(project: Environment, moment: str) -> None:
    """I type any command: it works, or says why not and touches no file."""
    prepare, url, working = MOMENTS[moment]
    prepare(project)
    shop = project.using(url or f"sqlite:///{project.path}/x.db")
    worked = set()
    for command in COMMANDS:
        before = _files(shop)
        done = shop.run("flask", "db", *command.split(), status=None)
        said = done.stdout + done.stderr
        assert "Traceback" not in said, command
        assert "s3cret" not in said, command
        if done.returncode == 0:
            worked.add(command)
            continue
        assert _files(shop) == before, command
        lines = done.stdout.partition("FAILED: ")[2].splitlines()
        assert 1 <= len(lines) <= 3, (command, said)
    assert worked == working
