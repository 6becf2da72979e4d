"""Questions about a draft, and the exception that carries those left open."""

import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from alembic.config import Config
from alembic.util import CommandError

from ..config import is_typed


@dataclass(frozen=True)
class Question:
    """Something about a draft that only its author knows."""

    kind: Literal["rename", "fill"]
    table: str
    column: str | None
    text: str
    candidates: tuple[str, ...]
    """The names that a rename can have; none for a fill."""
    check: Callable[[str], object] = field(compare=False, repr=False)
    """Raises ValueError for an answer that cannot be."""
    alias: str = ""
    """Another name for the subject: a column's, in a table that is renamed too."""

    @property
    def subject(self) -> str:
        """The table or the column, as answers name it."""
        return f"{self.table}.{self.column}" if self.column else self.table

    @property
    def answers(self) -> tuple[str, ...]:
        """The answers that settle it."""
        if self.kind == "fill":
            return (f"fill={self.subject}:VALUE",)
        renames = (f"rename={self.subject}:{new}" for new in self.candidates)
        return (*renames, f"drop={self.subject}")


class OpenQuestions(CommandError):  # noqa: N818  it is what it says, not an error
    """A draft has questions that nobody answered; nothing was written.

    `questions` has them all, and each has the answers that settle it.
    """

    def __init__(self, questions: Sequence[Question], config: Config) -> None:
        """Take the questions, and the configuration that has the command line."""
        self.questions = tuple(questions)
        lines = ["The draft has open questions, and nothing is written:"]
        for question in questions:
            lines += ["", question.text]
            lines += [command_with([answer], config) for answer in question.answers]
        super().__init__("\n".join(lines))


def command_with(answers: Sequence[str], config: Config) -> str:
    """Return the line that gives answers: the command as it was typed, and `-x`."""
    if not is_typed(config):
        listed = ", ".join(f'"{answer}"' for answer in answers)
        return f"  answers=[{listed}]"
    program, *arguments = sys.argv
    words = [Path(program).name]
    if words == ["__main__.py"]:
        words = ["python", "-m", Path(program).parent.name]
    drafts = (i for i, word in enumerate(arguments) if word in {"revision", "migrate"})
    at = next(drafts, 0)
    given = [word for answer in answers for word in ("-x", answer)]
    return "  " + shlex.join([*words, *arguments[:at], *given, *arguments[at:]])
