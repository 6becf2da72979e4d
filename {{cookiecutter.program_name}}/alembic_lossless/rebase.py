"""Put my revisions behind theirs: where they stand changes, and not what they do.

Before a file is written both orders are replayed, and have to make the same schema; and
each database at hand has to be able to undo mine without losing a value.
"""

import ast
import re
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import command
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError, to_tuple
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError

from . import lockfile
from .config import lossless_program, merge_command, part_of
from .replaced import follows, old_revisions, replaced_by
from .replay import Replay
from .runtime.causes import explain
from .runtime.connect import opened
from .runtime.errors import applied
from .state import Schema, Subject, described, differing
from .types.reflection import inspector_of

if TYPE_CHECKING:
    from .migrations import Migrations

MAIN = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
"""The branches of git whose revisions others have, but for the one checked out."""


@dataclass
class Rebased:
    """What a rebase did."""

    onto: str
    """The revision that mine follow now."""
    moved: list[str]
    """My revisions, in order."""
    files: list[Path]
    """What was written."""
    again: list[str] = field(default_factory=list)
    """The databases on which mine were undone and run again."""


@dataclass(frozen=True)
class Branches:
    """Two branches of a history, and what they have in common."""

    base: list[Script]
    mine: list[Script]
    theirs: list[Script]

    @property
    def names(self) -> frozenset[str]:
        """The identifiers of mine."""
        return frozenset(it.revision for it in self.mine)

    @property
    def moved(self) -> frozenset[str]:
        """The identifiers of mine, and of what was squashed into one of them."""
        old = (name for it in self.mine for name in replaced_by(it))
        return frozenset((*self.names, *old))

    @property
    def onto(self) -> str:
        """The revision that mine are put behind."""
        return str(self.theirs[-1].revision)


def rebase(
    migrations: "Migrations",
    *,
    mine: str | None = None,
    published: Collection[str] = (),
    drop: Collection[str] = (),
    program: str = "alembic",
) -> Rebased:
    """Put my revisions behind theirs, in the files and on the databases at hand.

    `Migrations.rebase` tells what it is given, and returns.

    :param program: the command that was typed.
    """
    if len(migrations.heads()) <= 1:
        raise CommandError(
            "There is one head, or none: nothing is to be put behind another.\nWhere a"
            f" rebase was ended in the middle: {lossless_program(program)} upgrade"
        )
    at = dict[str, tuple[str, ...]]()
    for name in migrations.each():
        with _answering(migrations, name):
            at[name] = migrations.stamped(name)
    folder = migrations.script(chain(*at.values()))
    branches = _chosen(folder, mine, published, program)
    texts = dict(_rewritten(migrations.script(), branches))
    _refuse_uncommitted(texts)
    again = [
        name
        for name, stamped in at.items()
        if _has_run(migrations, name, stamped, branches, set(drop), program)
    ]
    for name in again:
        for target in _below(branches):
            _run(migrations, name, command.downgrade, target)
    for path, content in texts.items():
        lockfile.replace(path, content)
    written = [*texts]
    if lockfile.path_of(folder).exists():
        written.append(lockfile.write(migrations.script()))
    result = Rebased(branches.onto, [it.revision for it in branches.mine], written)
    for name in again:
        try:
            _run(migrations, name, command.upgrade, branches.mine[-1].revision)
        except CommandError as error:
            said = f"The files are written. Then: {lossless_program(program)} upgrade"
            raise CommandError(f"{error}\n{said}") from error
        result.again.append(name)
    return result


# Whose revisions are whose


def _chosen(
    folder: ScriptDirectory, mine: str | None, published: Collection[str], program: str
) -> Branches:
    heads = folder.get_heads()
    if len(heads) > 2:  # noqa: PLR2004  two branches
        raise CommandError(
            f"There are {len(heads)} heads: {', '.join(heads)}. A rebase knows two."
            f" Join what others have: {merge_command(program, heads)}"
        )
    ordered = [*lockfile.ordered(folder)]
    above = {head: _ids(folder, head) for head in heads}
    known = set[str]()
    for revision in published:
        known |= _ids(folder, folder.get_revision(revision).revision)
    where, in_git = _on_main(folder, ordered)
    known |= in_git
    own = {head: above[head] - above[_other(heads, head)] for head in heads}
    head = _mine(folder, heads, own, known, mine, program)
    if taken := [it.revision for it in ordered if it.revision in own[head] & known]:
        place = where if set(taken) & in_git else "published"
        raise CommandError(
            f"{', '.join(taken)}: {place}, so that others may have run it already."
            f" Join the branches: {merge_command(program, heads)}"
        )
    theirs = own[_other(heads, head)]
    found = Branches(
        [it for it in ordered if it.revision not in own[head] | theirs],
        [it for it in ordered if it.revision in own[head]],
        [it for it in ordered if it.revision in theirs],
    )
    _refuse_crossed(found)
    return found


def _mine(  # noqa: PLR0913, PLR0917  all that is known of two branches
    folder: ScriptDirectory,
    heads: Sequence[str],
    own: Mapping[str, set[str]],
    known: set[str],
    given: str | None,
    program: str,
) -> str:
    """Return the head that is mine.

    :raises CommandError: where nobody said which, and git does not.
    """
    if given is not None:
        revision = folder.get_revision(given).revision
        found = [head for head in heads if revision in own[head]]
        if not found:
            raise CommandError(
                f"{revision} is a part of both branches. Name the head that is yours:"
                f" {' or '.join(heads)}."
            )
        return found[0]
    found = [head for head in heads if not own[head] & known]
    if len(found) == 1:
        return found[0]
    if not found:
        raise CommandError(
            f"Others have both, {' and '.join(heads)}. Join them:"
            f" {merge_command(program, heads)}"
        )
    lines = [f"  {lossless_program(program)} rebase {head}" for head in heads]
    raise CommandError(
        "\n".join(["git does not say which branch is yours. Name its head:", *lines])
    )


def _ids(folder: ScriptDirectory, head: str) -> set[str]:
    return {it.revision for it in folder.iterate_revisions(head, "base")}


def _other(heads: Sequence[str], head: str) -> str:
    return next(it for it in heads if it != head)


def _refuse_crossed(branches: Branches) -> None:
    """Refuse when theirs wait for mine, by `depends_on`."""
    for script in branches.theirs:
        if crossed := branches.names & {*to_tuple(script.dependencies, default=())}:
            raise CommandError(
                f"{script.revision}, which is theirs, depends on {', '.join(crossed)}:"
                " no order but that one works."
            )


def _below(branches: Branches) -> Iterator[str]:
    """Yield what to downgrade to, so that mine are undone and theirs are not."""
    last = branches.mine[-1].revision
    for script in branches.mine[::-1]:
        outside = set(follows(script)) - branches.names
        if not follows(script) or outside:
            yield f"{last}@{next(iter(outside), 'base')}"


# git


def git(folder: Path, *arguments: str) -> str | None:
    """Return what git says, or None where it cannot say anything.

    :param folder: where it is asked.
    :param arguments: what it is asked.
    """
    with suppress(OSError):
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],  # noqa: S607  whichever is there
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return done.stdout
    return None


def _on_main(
    folder: ScriptDirectory, scripts: Iterable[Script]
) -> tuple[str, set[str]]:
    """Return where git's main is, and which revisions are on it."""
    files = {Path(it.path): it.revision for it in scripts}
    here = git(Path(folder.dir), "symbolic-ref", "--short", "-q", "HEAD")
    found, where = set[str](), list[str]()
    for ref in MAIN:
        if ref == (here or "").strip():
            continue
        for place in {path.parent for path in files}:
            listed = git(place, "ls-tree", "--name-only", ref, ".")
            names = {*(listed or "").splitlines()}
            there = {name for path, name in files.items() if path.name in names}
            if listed is not None:
                where.append(f"on {ref}")
            found |= there
    return next(iter(where), ""), found


def _refuse_uncommitted(files: Iterable[Path]) -> None:
    """Refuse to write a file whose changes git could not give back."""
    for path in files:
        state = git(path.parent, "status", "--porcelain", "--", path.name) or ""
        if state[1:2] not in {"", " ", "?"}:
            raise CommandError(
                f"{path} has changes that are not committed. Commit or stash them."
            )


# The files


def _rewritten(
    folder: ScriptDirectory, branches: Branches
) -> Iterator[tuple[Path, bytes]]:
    """Yield the files of mine that follow other revisions then, with what they say.

    :raises CommandError: where one does not say what it follows in a way to be changed.
    """
    for script in (*folder.walk_revisions(), *old_revisions(folder)):
        kept = tuple(it for it in follows(script) if it in branches.moved)
        parents = kept or (branches.onto,)
        if script.revision in branches.moved and parents != follows(script):
            yield Path(script.path), _following(script, parents)


def _following(script: Script, parents: tuple[str, ...]) -> bytes:
    """Return the file of a revision that follows other ones."""
    path = Path(script.path)
    source = path.read_bytes()
    for node in ast.parse(source).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        target = node.target if isinstance(node, ast.AnnAssign) else target
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and target.id == "down_revision" and value:
            code = repr(parents if len(parents) > 1 else parents[0])
            moved = with_code(source, value, code.encode())
            return _with_docstring(moved, parents)
    raise CommandError(f"{path} has no line that begins with down_revision =.")


def with_code(source: bytes, node: ast.expr, text: bytes) -> bytes:
    """Return a source with another text in the place of a part.

    :param node: the part, as the source was parsed.
    :param text: the other one; it gets the quotes that the part has.
    """
    lines = source.splitlines(keepends=True)
    begin = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    last = (node.end_lineno or node.lineno) - 1
    end = sum(map(len, lines[:last])) + (node.end_col_offset or 0)
    if b'"' in source[begin:end]:
        text = text.replace(b"'", b'"')
    return source[:begin] + text + source[end:]


def _with_docstring(source: bytes, parents: tuple[str, ...]) -> bytes:
    """Let the line of Alembic's template say it too."""
    names = ", ".join(parents).encode()
    return re.sub(rb"(?m)^(Revises:)[ \t]*[^\r\n]*", rb"\1 " + names, source, count=1)


# The schema


def _named(subjects: Iterable[Subject]) -> str:
    return ", ".join(
        ".".join(it) if len(it) < 3 else f"{it[0]} ({it[1]} {it[2]})"  # noqa: PLR2004
        for it in sorted(subjects)
    )


class _Orders:
    """Both orders of two branches, replayed for one database."""

    def __init__(
        self, branches: Branches, dialect: Dialect, name: str, metadata: Any
    ) -> None:
        self.base: Schema = {}
        self.mine: Schema = {}
        self.theirs: Schema = {}
        self._dialect, self._name, self._metadata = dialect, name, metadata
        base, mine, theirs = branches.base, branches.mine, branches.theirs
        self.base, self.mine, self.mine_first = self._replayed(base, mine, theirs)
        _, self.theirs, self.theirs_first = self._replayed(base, theirs, mine)

    def _replayed(self, *parts: Sequence[Script]) -> list[dict[Subject, Any]]:
        replay = Replay(self._dialect, {"target_metadata": self._metadata})
        found = []
        with replay.in_place_of_op():
            for number, part in enumerate(parts):
                for script in part:
                    stopped = replay.read(script, self._name)
                    if stopped and number:
                        raise CommandError(
                            f"{stopped}. Whether both orders make the same schema is"
                            " not known: join the branches with a merge."
                        )
                found.append(described(replay.state, self._dialect))
        return found

    def refuse_conflict(self, program: str) -> None:
        """Refuse branches whose order counts.

        :raises CommandError: with what both touch.
        """
        mine = differing(self.base, self.mine)
        theirs = differing(self.base, self.theirs)
        both = mine & theirs or differing(self.mine_first, self.theirs_first)
        if both:
            raise CommandError(
                f"Yours and theirs both touch {_named(both)}: in another order they"
                " make another schema. Undo yours, delete the file and draft it behind"
                f' theirs: {lossless_program(program)} migrate -m "…"'
            )

    def lost(self) -> Iterator[Subject]:
        """Yield the tables and columns that are gone when mine are undone."""
        new = [it for it in self.mine if it not in self.base and len(it) < 3]  # noqa: PLR2004
        tables = {it for it in new if len(it) == 1}
        yield from sorted(tables)
        yield from sorted(it for it in new if it[:1] not in tables)


# The databases


@contextmanager
def _answering(migrations: "Migrations", name: str) -> Iterator[None]:
    """Say in a sentence that a database is away."""
    try:
        yield
    except DBAPIError as error:
        database = migrations.database(name)
        known = explain(error.orig, database.url, migrations.project.settings)
        said = f"{known.about(str(database))} Nothing is written."
        raise CommandError(said) from error


def _has_run(  # noqa: PLR0913, PLR0917  a database, and what is to happen
    migrations: "Migrations",
    name: str,
    stamped: Sequence[str],
    branches: Branches,
    drop: set[str],
    program: str,
) -> bool:
    """Tell whether mine have run on a database, and could be undone there.

    :param stamped: the revisions that it is at.
    :raises CommandError: where they cannot, where the order counts, and for a database
        that is away.
    """
    part = part_of(migrations.project, name)
    own = migrations.metadata_of(name)
    database = migrations.database(name)
    with _answering(migrations, name), opened(database) as connection:
        metadata = own[0] if len(own) == 1 else None
        orders = _Orders(branches, connection.dialect, part, metadata)
        orders.refuse_conflict(program)
        done = applied(migrations.script(stamped), database.url, stamped)
        if not done & branches.moved:
            return False
        if stopped := migrations.stopped(name):
            raise CommandError(f"{stopped} is half applied: {program} status")
        _refuse_loss(connection, orders, drop, program)
        return True


def _refuse_loss(
    connection: sa.Connection, orders: _Orders, drop: set[str], program: str
) -> None:
    """Refuse to undo mine while what they made holds values.

    :raises CommandError: with the tables and columns, and what says that they may go.
    """
    held = [
        subject
        for subject in orders.lost()
        if ".".join(subject) not in drop and _has_values(connection, subject)
    ]
    if held:
        answers = " ".join(f"-x drop={'.'.join(it)}" for it in held)
        raise CommandError(
            f"Your revisions have run here, and undoing them loses the values of"
            f" {_named(held)}. Nothing is written.\nIf none matters:"
            f" {lossless_program(program)} rebase {answers}"
        )


def _has_values(connection: sa.Connection, subject: Subject) -> bool:
    *schema, table = subject[0].rsplit(".", 1)
    columns: list[Any] = [sa.column(it) for it in subject[1:]]
    found = sa.table(table, *columns, schema=next(iter(schema), None))
    if not _is_there(connection, found):
        return False  # of one of mine that has not run
    rows = sa.select(sa.literal(1)).select_from(found).limit(1)
    for column in found.columns:
        rows = rows.where(column.is_not(None))
    return connection.scalar(rows) is not None


def _is_there(connection: sa.Connection, table: sa.TableClause) -> bool:
    inspector = inspector_of(connection)
    if not inspector.has_table(table.name, table.schema):
        return False
    there = inspector.get_columns(table.name, table.schema)
    return {it.name for it in table.columns} <= {it["name"] for it in there}


def _run(migrations: "Migrations", name: str, act: Any, target: str) -> None:
    """Run revisions on one of the databases."""
    only = (name,) if len(migrations.each()) > 1 else ()
    with migrations.configured(only=only) as alembic:
        act(alembic, target)
