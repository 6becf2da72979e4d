"""What the library asks, refuses, marks and guards: each with a name and a sentence.

A rule is declared where its code is, by `rule`; the table in the documentation is made
from here.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple, TypeVar

Subject = TypeVar("Subject")
Kind = Literal["question", "refusal", "mark", "guard"]


class Rule(NamedTuple):
    """A rule; its name never changes, so that it can be searched for."""

    name: str
    kind: Kind
    text: str


RULES: dict[str, Rule] = {}
"""Every rule that was declared by a module which is imported."""


def rule(name: str, kind: Kind, text: str) -> Callable[[Subject], Subject]:
    """Declare that a function or a class keeps a rule.

    :param name: its name.
    :param kind: what it does to a draft or to a run.
    :param text: one sentence that says when, and what then.
    """
    known = RULES.setdefault(name, Rule(name, kind, text))
    if known != Rule(name, kind, text):
        raise ValueError(f"Two rules are called {name!r}.")
    return lambda subject: subject


def table() -> str:
    """Return all rules as a table of Markdown, ordered by kind and name."""
    order = ("question", "refusal", "mark", "guard")
    rows = sorted(RULES.values(), key=lambda it: (order.index(it.kind), it.name))
    lines = [f"| `{it.name}` | {it.kind} | {it.text} |" for it in rows]
    return "\n".join(["| rule | is a | says |", "|---|---|---|", *lines])
