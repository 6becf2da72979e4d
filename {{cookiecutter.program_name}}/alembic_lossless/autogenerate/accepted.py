"""Differences that an app lives with: in no draft, and named at each check.

Beside env.py a file has one on each line, as an answer names it: `TABLE.WHAT`. `-x
leave=TABLE.WHAT` with a draft writes the line.
"""

import logging
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

from alembic import context
from alembic.operations import ops
from alembic.util import CommandError

from ..operations.base import LosslessOp, label
from ..prompts import Prompt
from ..state import name_for
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
