"""The lock file of a history, `versions/history.lock`: one line a revision, in order.

Two branches that each add a revision then change the same lines, and git says so; and a
revision that says something else than when it was locked is found, on any database.
"""

import heapq
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError, to_tuple

from ._alembic import write_revisions_by
from .config import lossless_program
from .digest import declared, digest
from .replaced import folder_of

NAME = "history.lock"

HEADER = """\
# One line a revision: its identifier, what it follows, a digest of what it declares.
# Every draft adds its line; the command `lock` writes the file anew.
"""

MARKS = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")
"""How a line begins that git left between two versions of a file."""


NO_LINE = "has no line"


class Problem(NamedTuple):
    """In what the lock file is not as a revision is."""

    revision: str
    what: str

    def __str__(self) -> str:
        """Return it as messages have it."""
        return f"{self.revision} {self.what}"


class Line(NamedTuple):
    """What the lock file says of a revision."""

    parents: tuple[str, ...]
    digest: str


def path_of(folder: ScriptDirectory) -> Path:
    """Return where the lock file of a folder of revisions is."""
    versions = Path(folder.dir, "versions")
    return (versions if versions.is_dir() else versions.parent) / NAME


def line_of(script: Script) -> Line:
    """Return the line of a revision as its file is now."""
    source = Path(script.path)
    # Without its source a revision cannot be edited either.
    known = source.suffix == ".py"
    parents = [it for given in _above(script) for it in to_tuple(given, default=())]
    try:
        found = digest(declared(source.read_bytes())) if known else "-"
    except SyntaxError as error:
        raise CommandError(f"{source}, line {error.lineno}: {error.msg}") from error
    return Line(tuple(parents), found)


def _above(script: Script) -> tuple[Any, Any]:
    """Return what a revision follows, and what it waits for beside that."""
    return script.down_revision, script.dependencies


def ordered(folder: ScriptDirectory) -> Iterator[Script]:
    """Yield the revisions, each behind what it follows, in one order everywhere."""
    left = {it.revision: it for it in folder.walk_revisions()}
    waiting = {
        name: {
            parent.revision
            for given in _above(it)
            for parent in folder.get_revisions(given or ())
        }
        for name, it in left.items()
    }
    after: dict[str, list[str]] = {}
    for name, parents in waiting.items():
        for parent in parents:
            after.setdefault(parent, []).append(name)
    ready = [name for name, parents in waiting.items() if not parents]
    heapq.heapify(ready)
    while ready:
        name = heapq.heappop(ready)
        yield left[name]
        for follower in after.get(name, ()):
            waiting[follower].discard(name)
            if not waiting[follower]:
                heapq.heappush(ready, follower)


def read(folder: ScriptDirectory, program: str) -> dict[str, Line] | None:
    """Return the lines of the lock file, or None where there is none.

    :param program: the command that was typed, for what is said.
    :raises CommandError: for marks of a conflict, and a line that is none.
    """
    path = path_of(folder)
    try:
        lines = path.read_text("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
    found: dict[str, Line] = {}
    for number, line in enumerate(lines, 1):
        if line.startswith(MARKS):
            raise CommandError(_conflict(folder, path, number, program))
        if not line.strip() or line.startswith("#"):
            continue
        match line.split():
            case [name, parents, known]:
                given = () if parents == "-" else tuple(parents.split(","))
                found[name] = Line(given, known)
            case _:
                again = f"{lossless_program(program)} lock"
                raise CommandError(
                    f"{path}, line {number}: {line!r} is no revision, what it follows"
                    f" and a digest. Write the file anew: {again}"
                )
    return found


def _conflict(folder: ScriptDirectory, path: Path, number: int, program: str) -> str:
    """Say what git's marks mean: two people added revisions."""
    known = lossless_program(program)
    if len(folder.get_heads()) > 1:
        then = f"Put yours behind theirs: {known} rebase"
    else:
        then = f"Write the file anew: {known} lock"
    return f"{path}, line {number}: git found revisions of two people. {then}"


def problems(folder: ScriptDirectory, program: str) -> list[Problem]:
    """Return in what the lock file is not as the revisions are; [] where there is none.

    :param program: the command that was typed.
    :raises CommandError: as `read` does.
    """
    known = read(folder, program)
    return [] if known is None else [*_problems(folder, known)]


def state(folder: ScriptDirectory) -> list[str] | None:
    """Return what is wrong with the lock file, or None where there is none."""
    if not path_of(folder).exists():
        return None
    try:
        return [*map(str, problems(folder, "alembic"))]
    except CommandError as error:
        return [str(error)]


def _problems(folder: ScriptDirectory, known: Mapping[str, Line]) -> Iterator[Problem]:
    now = {it.revision: it for it in ordered(folder)}
    for name, script in now.items():
        if Path(script.path).parent == folder_of(folder):
            continue  # while a revision builds on what was squashed
        if name not in known:
            yield Problem(name, NO_LINE)
            continue
        parents, found = line_of(script)
        if parents != known[name].parents:
            before = " and ".join(known[name].parents) or "nothing"
            after = " and ".join(parents) or "nothing"
            yield Problem(name, f"follows {after}, not {before}")
        if found != known[name].digest:
            yield Problem(name, "was edited")
    yield from (Problem(name, "has no file") for name in known if name not in now)


def insist(folder: ScriptDirectory, program: str) -> None:
    """Refuse a lock file that is not as the revisions are.

    :param program: the command that was typed.
    :raises CommandError: with each difference.
    """
    if found := problems(folder, program):
        raise CommandError(
            f"{NAME} is not as the revisions are: {'; '.join(map(str, found))}."
            f"\nIf the revisions are right: {lossless_program(program)} lock"
        )


def write(folder: ScriptDirectory) -> Path:
    """Write the lock file anew, from the revisions as they are.

    :return: where it is.
    :raises CommandError: where it cannot be written.
    """
    complete(folder, "", anew=True)
    return path_of(folder)


def complete(folder: ScriptDirectory, program: str, *, anew: bool) -> None:
    """Add the lines that are missing. Those that are there stay as they are.

    :param program: the command that was typed.
    :param anew: whether the whole file is written, as when two branches are joined.
    """
    known = {} if anew else read(folder, program) or {}
    for script in ordered(folder):
        if script.revision not in known:
            known[script.revision] = line_of(script)
    _write(folder, known)


def _write(folder: ScriptDirectory, lines: Mapping[str, Line]) -> None:
    path, before = path_of(folder), None
    with suppress(OSError):
        before = path.read_bytes()
    text = HEADER + "".join(
        f"{name} {','.join(line.parents) or '-'} {line.digest}\n"
        for name, line in lines.items()
    )
    if before != text.encode():
        replace(path, text.encode())


def replace(path: Path, content: bytes) -> None:
    """Write a file that is there as a whole at any moment, or not changed.

    :param path: where it is.
    :param content: what it holds then.
    :raises CommandError: where it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            temporary.write_bytes(content)
            temporary.replace(path)
            for left in path.parent.glob(f".{path.name}.*"):  # by one that was killed
                left.unlink(missing_ok=True)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error


def keep(folder: ScriptDirectory, program: str, *, anew: bool = False) -> None:
    """Let what writes a revision write the lock file too.

    A project that has revisions and no lock file is left without one.

    :param program: the command that was typed.
    :param anew: whether the whole file is written, as when two branches are joined.
    :raises CommandError: as `read` does, before a revision is written.
    """
    if not anew:
        read(folder, program)
    generate = folder.generate_revision

    @wraps(generate)
    def generate_and_lock(*arguments: Any, **options: Any) -> Script | None:
        begins = not folder.get_heads()
        made = generate(*arguments, **options)
        if made is not None and (begins or path_of(folder).exists()):
            complete(folder, program, anew=anew or begins)
        return made

    write_revisions_by(folder, generate_and_lock)
