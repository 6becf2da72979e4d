"""What the library asks, refuses, marks and guards, and what a revision says of itself.

A rule has a name and a sentence. It is declared where its code is, by `rule`; the table
in the documentation is made from here. A mark is a comment in a revision, to find with
grep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from alembic.script import Script


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


BY_HAND = " (the revisions made it so: this database was changed by hand)"
"""What is said of a difference that no draft is for."""

PAGES = "https://github.com/org/flask-alembic-template/blob/main/docs"
"""Where the pages are that say more of a rule."""


def anchored(name: str) -> str:
    """Return the name of a rule as a page has it, with the anchor that links lead to.

    :param name: of a rule here, or of the lint.
    """
    return f'<a id="{name}"></a>`{name}`'


def table() -> str:
    """Return all rules as a table of Markdown, ordered by kind and name."""
    order = ("question", "refusal", "mark", "guard")
    rows = sorted(RULES.values(), key=lambda it: (order.index(it.kind), it.name))
    lines = [f"| {anchored(it.name)} | {it.kind} | {it.text} |" for it in rows]
    return "\n".join(["| rule | is a | says |", "|---|---|---|", *lines])


DELETES = "# DELETES:"
"""What is taken away for good."""

INVENTS = "# INVENTS:"
"""A value that nobody entered, put where the lost one was."""

KEEPS = "# KEEPS:"
"""What is set aside, and until when."""

LOCKS = "# LOCKS:"
"""Who has to wait for what, for longer than an instant."""

MEANS = "# MEANS:"
"""What a value is taken for, once its column has another type."""

REVIEW = "# REVIEW:"
"""What an author must still look at; a test can refuse a script that has it."""

BEFORE, AFTER = "before", "after"
"""Whether it comes before the new version of the app is deployed, or after."""


def phase_of(revision: Script) -> str | None:
    """Return the phase that a revision declares: BEFORE, AFTER, or None.

    :raises ValueError: for any other word.
    """
    phase: str | None = getattr(revision.module, "phase", None)
    if phase not in {BEFORE, AFTER, None}:
        raise ValueError(
            f"{revision.path}: phase is {phase!r}. Write {BEFORE!r} or {AFTER!r}."
        )
    return phase
