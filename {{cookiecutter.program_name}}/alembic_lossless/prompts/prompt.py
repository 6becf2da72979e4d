"""Where a draft's questions go: to the answers given, to the terminal, or nowhere."""

import sys

from alembic.config import Config
from alembic.util import CommandError

from ..config import is_typed
from .answers import Answer, Answers
from .questions import OpenQuestions, Question


class Prompt:
    """The questions and answers of one command, over all its databases."""

    def __init__(self, config: Config, answers: Answers) -> None:
        """Take the configuration, whose terminal is asked, and the answers given."""
        self.config = config
        self.answers = answers
        self.open: list[Question] = []
        self.possible: list[str] = []
        self._gone: set[str] = set()

    def ask(self, question: Question) -> str | None:
        """Return the new name or the value, "" for neither, None while it is open.

        :raises CommandError: for an answer that is not possible.
        """
        self.possible += question.answers
        key, subjects = question.kind, (question.subject, question.alias)
        if answer := self.answers.take(key, *subjects):
            return self._checked(question, answer)
        if key == "rename" and self.answers.take("drop", *subjects):
            return ""
        if _is_terminal(self.config):
            reply = _asked(question)
            self._gone |= set() if reply else {question.subject}
            return reply
        self.open.append(question)
        return None

    def confirms_drop(self, subject: str) -> bool:
        """Return whether an answer says that a table or a column goes."""
        self.possible.append(f"drop={subject}")
        return bool(self.answers.take("drop", subject)) or subject in self._gone

    def close(self) -> None:
        """Refuse answers to no question, then stop at the questions left open.

        :raises CommandError: for an answer that no question took.
        :raises OpenQuestions: when questions are open.
        """
        for answer in self.answers.unused():
            possible = ", ".join(dict.fromkeys(self.possible)) or "no answer"
            raise CommandError(f"{answer} answers no question. Possible: {possible}.")
        if self.open:
            raise OpenQuestions(self.open, self.config)

    def _checked(self, question: Question, answer: Answer) -> str:
        try:
            question.check(answer.value)
        except ValueError as error:
            raise CommandError(f"{answer}: {error}") from error
        return answer.value


def _is_terminal(config: Config) -> bool:
    """Return whether a person typed the command, and can be asked."""
    return is_typed(config) and sys.stdin.isatty() and sys.stderr.isatty()


def _asked(question: Question) -> str:
    """Ask on the terminal until the answer can be used."""
    while True:
        try:
            return _answered(question, _read(question))
        except ValueError as error:
            sys.stderr.write(f"{error}\n")


def _read(question: Question) -> str:
    try:
        sys.stderr.write(question.text + _hint(question))
        sys.stderr.flush()
        line = sys.stdin.readline()
    except KeyboardInterrupt:
        line = ""
    if not line:
        sys.stderr.write("\n")
        raise CommandError("Stopped at a question; nothing is written.")
    return line.strip()


def _answered(question: Question, typed: str) -> str:
    if question.kind == "fill":
        question.check(typed)
        return typed
    if len(question.candidates) == 1:
        return question.candidates[0] if _says_yes(typed) else ""
    if typed.isdecimal() and int(typed) <= len(question.candidates):
        return ("", *question.candidates)[int(typed)]
    raise ValueError(f"{typed!r} is none of the numbers.")


def _says_yes(typed: str) -> bool:
    """Return whether it is yes; a typing mistake must not delete."""
    if typed.lower() not in {"y", "yes", "n", "no", ""}:
        raise ValueError(f"{typed!r} is neither y nor n.")
    return typed.lower() in {"y", "yes"}


def _hint(question: Question) -> str:
    if question.kind == "fill":
        return " "
    if len(question.candidates) == 1:
        return " [y/N] "
    choices = enumerate(("none of them: delete it", *question.candidates))
    lines = (f"\n  {number}) {name}" for number, name in choices)
    return "".join(lines) + "\nNumber: "
