"""The answers to a draft's questions, as `-x` or the Python API gives them.

- `rename=TABLE.COLUMN:NEW`: the column was renamed, and keeps its values.
- `rename=TABLE:NEW`: the table was renamed, and keeps its rows.
- `drop=TABLE.COLUMN`: the column is gone, with its values.
- `drop=TABLE`: the table is gone, with its rows.
- `fill=TABLE.COLUMN:VALUE`: what rows without a value get; `''` is empty text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from alembic.util import CommandError

KEYS = ("rename", "drop", "fill")


@dataclass(frozen=True)
class Answer:
    """One answer, for example `rename=friend.name:full_name`."""

    key: str
    subject: str
    value: str

    def __str__(self) -> str:
        """Return the answer as it was given."""
        value = "" if self.key == "drop" else f":{self.value}"
        return f"{self.key}={self.subject}{value}"


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
        """Return the answer to a question, which counts as used from now on."""
        for answer in self.all:
            if answer.key == key and answer.subject in subjects:
                self._taken.add(answer)
                return answer
        return None

    def says(self, key: str, *subjects: str) -> bool:
        """Return whether there is an answer, without using it."""
        return any(a.key == key and a.subject in subjects for a in self.all)

    def targets(self, table: str, except_for: str) -> set[str]:
        """Return the names that other things are renamed to, in a table or as one."""
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
    if key in KEYS:
        return True
    for like in get_close_matches(key, KEYS, n=1, cutoff=0.7):
        raise CommandError(f"-x {text}: did you mean {like}=?")
    return False


def _answer(text: str) -> Answer:
    key, _, rest = text.partition("=")
    subject, colon, value = rest.partition(":")
    form = "TABLE.COLUMN" if key == "fill" else "TABLE or TABLE.COLUMN"
    if key not in KEYS:
        raise CommandError(f"{text}: an answer starts with {'=, '.join(KEYS)}=.")
    if key == "drop" and (colon or not subject):
        raise CommandError(f"{text}: write drop={form}, and nothing after it.")
    if key == "fill" and colon:
        # A shell makes nothing of the quotes in fill=friend.email:''
        value = value or "''"
    if key != "drop" and not (subject and value):
        what = "NEW" if key == "rename" else "VALUE"
        raise CommandError(f"{text}: write {key}={form}:{what}.")
    return Answer(key, subject, value)


def _refuse_contradictions(answers: Sequence[Answer]) -> None:
    """Refuse two answers to one question, and two renames to one name."""
    settled: dict[tuple[str, ...], Answer] = {}
    for answer in dict.fromkeys(answers):
        kind = "fill" if answer.key == "fill" else "gone"
        topics: list[tuple[str, ...]] = [(kind, answer.subject)]
        if answer.key == "rename":
            topics.append(("new", answer.subject.rpartition(".")[0], answer.value))
        for topic in topics:
            if topic in settled:
                raise CommandError(f"{settled[topic]} and {answer}: only one can be.")
            settled[topic] = answer
