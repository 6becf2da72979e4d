"""The questions of a draft, the answers that are given or typed, and where they go.

- `rename=TABLE.COLUMN:NEW`: the column was renamed, and keeps its values.
- `rename=TABLE:NEW`: the table was renamed, and keeps its rows; on PostgreSQL NEW may
  be in another schema, `rename=friend:more.friend`.
- `drop=TABLE.COLUMN`: the column is dropped, with its values.
- `drop=TABLE`: the table is dropped, with its rows.
- `drop=…:later`: it is set aside, and dropped when a day has come; `drop=…:now` is for
  a project that does that by default.
- `leave=TABLE.WHAT`: a difference stays as it is, in this draft and in all later ones.
- `fill=TABLE.COLUMN:VALUE`: what rows without a value get; `''` is empty text.
"""

import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from typing import Literal

from alembic.config import Config
from alembic.util import CommandError

from .config import is_typed


@dataclass(frozen=True)
class Question:
    """Something about a draft that only its author knows.

    :param kind: whether it asks for a new name or for a value.
    :param table: the table, with its schema if it has one.
    :param column: the column, or None where it is about the table.
    :param text: the question as a sentence.
    :param candidates: the names that a rename can have; none for a fill.
    :param check: raises ValueError for an answer that cannot be.
    :param alias: another name for the subject: a column's, in a table that is renamed
        too.
    """

    kind: Literal["rename", "fill"]
    table: str
    column: str | None
    text: str
    candidates: tuple[str, ...]
    check: Callable[[str], object] = field(compare=False, repr=False)
    alias: str = ""

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

    def __init__(
        self,
        questions: Sequence[Question],
        config: Config,
        later: Sequence[Question] = (),
    ) -> None:
        """Take the questions, and the configuration that has the command line.

        :param questions: those that nobody answered.
        :param config: of the command, which is repeated with the answers.
        :param later: what is asked of a new column, unless it is an old one renamed.
        """
        self.questions = tuple(questions)
        lines = ["The draft has open questions, and nothing is written:"]
        for question in questions:
            lines += ["", question.text]
            lines += [command_with([answer], config) for answer in question.answers]
        if len(self.questions) + len(later) > 1:
            answers = [question.answers[0] for question in questions]
            renamed = {
                f"{it.table}.{it.candidates[0]}" for it in questions if it.candidates
            }
            answers += [it.answers[0] for it in later if it.subject not in renamed]
            lines += ["", "All at once, each answer changed where it is another:"]
            lines += [command_with(answers, config)]
        super().__init__("\n".join(lines))


def command_with(answers: Sequence[str], config: Config) -> str:
    """Return the line that gives answers: the command as it was typed, and `-x`.

    :param answers: what `-x` is given, such as `drop=friend.nick`.
    :param config: of the command.
    """
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


KEYS = ("rename", "drop", "fill", "leave")
OTHERS = ("data", "database", "live")
"""What else `-x` can say here; env.py may read more."""

WHEN = ("later", "now")
"""When something is dropped, as an answer says it."""

VALUES = {"drop": ("", *WHEN), "leave": ("",)}
FORMS = {
    "drop": "drop=TABLE or TABLE.COLUMN, and nothing after it but :later or :now",
    "leave": "leave=TABLE.WHAT, and nothing after it",
}
"""What may stand behind the subject of an answer, and how such an answer is written."""


@dataclass(frozen=True)
class Answer:
    """One answer, for example `rename=friend.name:full_name`."""

    key: str
    subject: str
    value: str

    def __str__(self) -> str:
        """Return the answer as it was given."""
        value = f":{self.value}" if self.value else ""
        return f"{self.key}={self.subject}{value}"

    @property
    def is_sound(self) -> bool:
        """Whether what stands behind the subject may stand there."""
        return self.value in VALUES.get(self.key, (self.value,))

    def about(self, subject: str) -> "Answer | None":
        """Return it as an answer about a subject, whose name may have a colon.

        :param subject: what a question is about.
        """
        rest = str(self).partition("=")[2]
        if not f"{rest}:".startswith(f"{subject}:"):
            return None
        value = self.value if subject == self.subject else rest[len(subject) + 1 :]
        found = replace(self, subject=subject, value=value)
        return found if found.is_sound else None


class Answers:
    """The answers that were given, and which of them a question took."""

    def __init__(self, arguments: Sequence[str], given: Sequence[str] = ()) -> None:
        """Read answers.

        :param arguments: every `-x`; keys that are no answers are somebody else's.
        :param given: answers from Python, where any other key is a mistake.
        :raises CommandError: for an answer that cannot be read or denies another.
        """
        ours = [text for text in arguments if _is_answer(text)]
        self.all = [_answer(text) for text in (*ours, *given)]
        self._taken: set[Answer] = set()
        _refuse_contradictions(self.all)

    def take(self, key: str, *subjects: str) -> Answer | None:
        """Return the answer to a question, which counts as used from now on.

        :param key: `rename`, `drop`, `fill` or another word before the `=`.
        :param subjects: what it is about, by each name that it may have.
        """
        for place, subject in product(range(len(self.all)), subjects):
            found = self.all[place].about(subject)
            if found is not None and found.key == key:
                self.all[place] = found
                self._taken.add(found)
                return found
        return None

    def says(self, key: str, *subjects: str) -> bool:
        """Return whether there is an answer, without using it.

        :param key: the word before the `=`.
        :param subjects: what it is about, by each name that it may have.
        """
        return any(
            answer.key == key and answer.about(subject) is not None
            for answer, subject in product(self.all, subjects)
        )

    def targets(self, table: str, except_for: str) -> set[str]:
        """Return the names that other things are renamed to, in a table or as one.

        :param table: the table, or "" for tables themselves.
        :param except_for: the subject that does not count.
        """
        return {
            answer.value
            for answer in self.all
            if answer.key == "rename" and answer.subject != except_for
            if answer.subject.rpartition(".")[0] == table
        }

    def unused(self) -> list[Answer]:
        """Return the answers that no question took."""
        return [answer for answer in self.all if answer not in self._taken]


def _is_answer(text: str) -> bool:
    key = text.partition("=")[0]
    if key in KEYS or key in OTHERS:
        return key in KEYS
    for like in get_close_matches(key, KEYS + OTHERS, n=1, cutoff=0.7):
        raise CommandError(f"-x {text}: did you mean {like}=?")
    return False


def _answer(text: str) -> Answer:
    key, _, rest = text.partition("=")
    subject, colon, value = rest.partition(":")
    form = "TABLE.COLUMN" if key == "fill" else "TABLE or TABLE.COLUMN"
    if key not in KEYS:
        raise CommandError(f"{text}: an answer starts with {'=, '.join(KEYS)}=.")
    if key in FORMS and not rest:
        raise CommandError(f"{text}: write {FORMS[key]}.")
    if key == "fill" and colon:
        # A shell makes nothing of the quotes in fill=friend.email:''
        value = value or "''"
    begin, _, end = rest.rpartition(":")  # a name may have a colon, too
    if key in {"rename", "fill"} and not (begin and (end or value)):
        what = "NEW" if key == "rename" else "VALUE"
        raise CommandError(f"{text}: write {key}={form}:{what}.")
    return Answer(key, subject, value)


def _refuse_contradictions(answers: Sequence[Answer]) -> None:
    """Refuse two answers to one question, and two renames to one name."""
    settled: dict[tuple[str, ...], Answer] = {}
    for answer in dict.fromkeys(answers):
        kind = "fill" if answer.key == "fill" else "gone"
        # Whose name has a colon, only the question tells.
        whole = (
            str(answer) if ":" in answer.value and kind == "gone" else answer.subject
        )
        topics: list[tuple[str, ...]] = [(kind, whole)]
        if answer.key == "rename":
            topics.append(("new", answer.subject.rpartition(".")[0], answer.value))
        for topic in topics:
            if topic in settled:
                raise CommandError(f"{settled[topic]} and {answer}: only one can be.")
            settled[topic] = answer


class Prompt:
    """The questions and answers of one command, over all its databases."""

    def __init__(self, config: Config, answers: Answers) -> None:
        """Take the configuration, whose terminal is asked, and the answers given.

        :param config: of the command.
        :param answers: what was typed, or given by a program.
        """
        self.config = config
        self.answers = answers
        self.open: list[Question] = []
        self.later: list[Question] = []
        self.possible: list[str] = []
        self._gone: set[str] = set()

    def ask(self, question: Question) -> str | None:
        """Return the new name or the value, "" for neither, None while it is open.

        :param question: what nobody but an author knows.
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
        """Return whether an answer says that a table or a column is dropped.

        :param subject: as an answer names it: `friend`, `friend.nick`.
        """
        self.possible.append(f"drop={subject}")
        return bool(self.answers.take("drop", subject)) or subject in self._gone

    def when_dropped(self, subject: str) -> str:
        """Return when something is dropped, if an answer says that: one of `WHEN`.

        :param subject: as an answer names it.
        """
        answer = self.answers.take("drop", subject)
        return answer.value if answer else ""

    def may_leave(self, subject: str) -> None:
        """Remember what an answer may leave as it is, if there is such an answer.

        :param subject: as an answer names it: `friend.nick.type`.
        """
        if any(answer.key == "leave" for answer in self.answers.all):
            self.possible.append(f"leave={subject}")

    def close(self) -> None:
        """Refuse answers to no question, then stop at the questions left open.

        :raises CommandError: for an answer that no question took.
        :raises OpenQuestions: when questions are open.
        """
        for answer in self.answers.unused():
            if not answer.is_sound:
                raise CommandError(f"{answer}: write {FORMS[answer.key]}.")
            possible = ", ".join(dict.fromkeys(self.possible))
            asked = f"Possible: {possible}" if possible else "This draft asks none"
            raise CommandError(f"{answer} answers no question. {asked}.")
        if self.open:
            raise OpenQuestions(self.open, self.config, self.later)

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
