"""The answers that projects are generated with: each choice beside each other one."""

from collections.abc import Mapping
from itertools import combinations as pairs
from itertools import product

from rendering import QUESTIONS

ASKED = {key: answer for key, answer in QUESTIONS.items() if key[0] != "_"}
CHOICES: dict[str, list[str]] = {
    key: answers for key, answers in ASKED.items() if isinstance(answers, list)
}

Answers = dict[str, str]


def every(choices: Mapping[str, list[str]]) -> list[Answers]:
    """Return every combination of answers."""
    return [
        dict(zip(choices, answers, strict=True))
        for answers in product(*choices.values())
    ]


def pairs_in(answers: Answers) -> set[tuple[tuple[str, str], ...]]:
    """Return each two answers of a combination."""
    return set(pairs(answers.items(), 2))


def pairwise(choices: Mapping[str, list[str]]) -> list[Answers]:
    """Return combinations in which each answer meets each answer of another question.

    No file depends on more than two answers, so that these have all there is.
    """
    left = {pair for answers in every(choices) for pair in pairs_in(answers)}
    found = []
    while left:
        found.append(max(every(choices), key=lambda it: len(left & pairs_in(it))))
        left -= pairs_in(found[-1])
    return found


COMBINATIONS = pairwise(CHOICES)


def name_of(answers: Answers) -> str:
    """Return a combination as pytest names it."""
    return "-".join(answers.values())
