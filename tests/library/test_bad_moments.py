"""Each command at a bad moment: one or two lines say why, and nothing is written."""

from collections.abc import Callable
from pathlib import Path

import pytest
from environment import Environment
from scripts import ask, write

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


def _dirty(shop: Environment) -> None:
    _branched(shop)
    for words in ("init -q", "add -A", "commit -qm all"):
        who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
        shop.run("git", *who, *words.split())
    for path in (*shop.revisions(), shop.package / "models.py"):
        path.write_text(f"{path.read_text()}\n# more\n")


def _edited(shop: Environment) -> None:
    _locked(shop)
    shop.alembic("upgrade", "head")
    (first,) = shop.revisions()
    first.write_text(first.read_text().replace("length=100", "length=90"))


def _unknown(shop: Environment) -> None:
    _branched(shop)
    shop.alembic("upgrade", "1")
    url = shop.environment[shop.url_variable]
    ask(url, "UPDATE alembic_version SET version_num = 'unheard'")


def _orphan(shop: Environment) -> None:
    _locked(shop)
    write(shop, "2", "pass", down="lost")


def _damaged(shop: Environment) -> None:
    write(shop, "2", "pass", down="1")
    _locked(shop)
    with shop.revisions()[0].with_name("history.lock").open("ab") as file:
        file.write(b"\xff\xfe\n")


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
    "git has changes": (_dirty, "", FROM_FILES | LOOKING | {"merge"}),
    "an applied revision was edited": (
        *(_edited, ""),
        {*COMMANDS}
        - {"migrate -m more", "rebase", "squash", "check", "rehearse", "baseline"}
        - {"merge"},
    ),
    "the database is at an unknown revision": (
        *(_unknown, ""),
        FROM_FILES - {"history --graph"} | {"merge", "purge --now --yes"},
    ),
    "nobody committed what a revision builds on": (
        *(_orphan, ""),
        {"purge --now --yes"},
    ),
    "history.lock is damaged": (
        *(_damaged, ""),
        {*COMMANDS}
        - {"migrate -m more", "revision -m more", "rebase", "squash"}
        - {"merge", "baseline", "check", "rehearse"},
    ),
}
"""What is wrong, the URL, and the commands that do their work all the same."""


def _files(shop: Environment) -> dict[Path, bytes]:
    found = (*(shop.package / "migrations").rglob("*"), shop.path / "x.db")
    return {it: it.read_bytes() for it in found if it.is_file() and it.stat().st_size}


@pytest.mark.parametrize("moment", MOMENTS)
def test_each_command_at_a_bad_moment(project: Environment, moment: str) -> None:
    """I type any command: it works, or says why not and touches no file."""
    prepare, url, working = MOMENTS[moment]
    shop = project.using(f"sqlite:///{project.path}/x.db")
    prepare(shop)
    shop = shop.using(url or shop.environment[shop.url_variable])
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
    assert sorted(worked) == sorted(working)
