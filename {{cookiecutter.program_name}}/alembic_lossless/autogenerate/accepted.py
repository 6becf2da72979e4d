"""Differences that no draft is about: an app lives with them, or somebody made them.

Beside env.py a file has one that is accepted on each line, as an answer names it:
`TABLE.WHAT`. `-x leave=TABLE.WHAT` with a draft writes the line, and each check names
it. What the database alone has, beside models and revisions that agree, was changed by
hand.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from alembic import context
from alembic.operations import MigrateOperation, ops
from alembic.util import CommandError
from sqlalchemy.engine import Dialect

from ..operations.base import Key, LosslessOp, label
from ..prompts import Prompt
from ..state import State, Subject, described_at, differing, name_for, table_of
from .draft import ChangePrimaryKey

log = logging.getLogger("alembic.review")

FILE = "accepted_differences.txt"

HEAD = """\
# Differences between the models and the database that stay as they are: TABLE.WHAT
"""


def accepted_in(folder: Path) -> list[str]:
    """Return the accepted differences of an environment.

    :param folder: where its env.py is.
    """
    path = folder / FILE
    text = path.read_text() if path.exists() else ""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


class Accepted:
    """The accepted differences of one command, over all its databases."""

    def __init__(self, prompt: Callable[[], Prompt]) -> None:
        """Read nothing yet.

        :param prompt: returns where answers are: `-x leave=…` accepts one more.
        """
        self._prompt = prompt
        self._found = set[str]()

    def leave_out(self, upgrade: ops.OpContainer) -> None:
        """Take the accepted differences out of what a comparison found."""
        kept = list[ops.MigrateOperation]()
        for op in upgrade.ops:
            if isinstance(op, ops.ModifyTableOps):
                table = label(op.schema, op.table_name)
                if self._is_accepted(table, is_there=False):
                    continue
                op.ops = [it for it in op.ops if not self._has(f"{table}.{_what(it)}")]
                kept += [] if op.is_empty() else [op]
            elif not self._has(*_subjects(op)):
                kept.append(op)
        upgrade.ops = kept

    def say(self) -> None:
        """Name in one line what is accepted, and each line of the file that is old."""
        if self._found:
            names = ", ".join(sorted(self._found))
            log.info("Different and left as it is (%s): %s.", FILE, names)
        for line in self._lines:
            if line not in self._found:
                text = "%s: %s is no difference any more. Take the line out."
                log.warning(text, FILE, line)

    def write(self) -> None:
        """Keep what was accepted now.

        :raises CommandError: where the file cannot be written.
        """
        said = [it.subject for it in self._prompt().answers.all if it.key == "leave"]
        said += sorted(self._found)
        fresh = [it for it in dict.fromkeys(said) if it not in self._lines]
        if not fresh:
            return
        before = self._path.read_text() if self._path.exists() else HEAD
        try:
            self._path.write_text(before + "".join(f"{it}\n" for it in fresh))
        except OSError as error:
            raise CommandError(f"{self._path} cannot be written: {error}") from error

    @cached_property
    def _path(self) -> Path:
        return Path(context.script.dir) / FILE

    @cached_property
    def _lines(self) -> list[str]:
        return accepted_in(self._path.parent)

    def _has(self, *subjects: str) -> bool:
        return any(self._is_accepted(it, is_there=True) for it in subjects)

    def _is_accepted(self, subject: str, *, is_there: bool) -> bool:
        """Tell whether a difference is accepted, and remember that it is there."""
        prompt = self._prompt()
        if is_there:
            prompt.may_leave(subject)
        if (
            subject in self._lines
            or prompt.answers.take("leave", subject)
            or (is_there and context.config.attributes.get("accepts"))
        ):
            self._found.add(subject)
            return True
        return False


def _subjects(op: ops.MigrateOperation) -> Iterator[str]:
    """Give what an answer calls a difference that is no change of a table."""
    if isinstance(op, ops.CreateTableOp | ops.DropTableOp):
        yield label(op.schema, op.table_name)
    elif isinstance(op, ChangePrimaryKey):
        yield f"{op.table}.primary_key"
    elif isinstance(op, LosslessOp) and hasattr(op, "name"):
        yield label(getattr(op, "schema", None), op.name)


def _what(op: ops.MigrateOperation) -> str:
    """Return what an answer calls a difference in a table."""
    match op:
        case ChangePrimaryKey():
            return "primary_key"
        case ops.AddColumnOp() | ops.DropColumnOp():
            return str(op.to_column().name)
        case ops.CreateIndexOp() | ops.DropIndexOp():
            return str(op.index_name)
        case ops.AddConstraintOp() | ops.DropConstraintOp():
            constraint = op.to_constraint()
            return str(constraint.name or name_for(constraint))
        case ops.CreateTableCommentOp() | ops.DropTableCommentOp():
            return "comment"
    return str(getattr(op, "column_name", None) or "options")


def changed_by_hand(
    upgrade: ops.UpgradeOps, state: State, dialect: Dialect
) -> list[MigrateOperation]:
    """Return the operations that would make what the revisions declare already.

    They are applied to what is declared. What is declared after all of them as it was
    before is what the models say, too: only the database says something else.

    :param upgrade: what a database lacks.
    :param state: what its revisions declare; it is of no use afterwards.
    """
    state.enums = None  # an operation says here what a type is to be
    before, now = dict[Key, Any](), dict[Key, Any]()
    touched = list[tuple[MigrateOperation, Key, set[Subject]]]()
    for op, applied in _parts(upgrade.ops):
        key = state.key(*_place(applied))
        was = now.get(key, described_at(state, key, dialect))
        before.setdefault(key, was)
        state.apply(applied)
        now[key] = described_at(state, key, dialect)
        touched.append((op, key, differing(was, now[key])))
    new = {it for key in now for it in differing(before[key], now[key])}
    # Of what no revision is known to make, none can be said to make it so.
    return [op for op, key, subjects in touched if before[key] and not subjects & new]


def _parts(
    found: Sequence[MigrateOperation],
) -> list[tuple[MigrateOperation, MigrateOperation]]:
    """Return each operation, and what can be applied of it."""
    every = list[tuple[MigrateOperation, MigrateOperation]]()
    for op in found:
        for part in op.ops if isinstance(op, ops.ModifyTableOps) else (op,):
            applied = part
            if isinstance(op, ops.ModifyTableOps) and isinstance(
                part, ChangePrimaryKey
            ):
                applied = ops.CreatePrimaryKeyOp(
                    None, op.table_name, part.new, schema=op.schema
                )
            every.append((part, applied))
    return every


def _place(op: Any) -> Key:
    """Return the schema and the name of what an operation is about."""
    if isinstance(op, ops.CreateForeignKeyOp):
        return table_of(op)
    name = getattr(op, "table_name", None) or getattr(op, "name", "")
    return getattr(op, "schema", None), str(name)
