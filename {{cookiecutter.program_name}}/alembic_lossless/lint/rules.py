"""The rules of the lint: each is one named thing, registered where it is written."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from alembic.operations import MigrateOperation

from ..operations.base import LosslessOp
from .cost import Finding, Growth, Harm, State

Matched = dict[str, Any]
"""What the sentence of a rule names; "table" is always there."""

Match = Callable[[Any, State], Iterable[Matched]]
Safe = Callable[[MigrateOperation, State], str]


@dataclass(frozen=True)
class Rule:
    """What one kind of operation costs, on the databases where it does."""

    name: str
    dialects: tuple[str, ...]
    kinds: tuple[type[MigrateOperation], ...]
    harm: Harm
    lock: str
    growth: Growth
    sentence: str
    """With the names of what was matched in braces."""
    instead: str | None
    """Code to paste, with the same names; empty where there is none, None where it is
    the form that a draft takes."""
    match: Match

    def findings(self, operation: MigrateOperation, state: State) -> Iterator[Finding]:
        """Give what the rule has against an operation."""
        applies = state.server.dialect in self.dialects
        if applies and isinstance(operation, self.kinds):
            for found in self.match(operation, state):
                yield Finding(
                    self.name,
                    self.harm,
                    found["table"],
                    self.sentence.format(**found),
                    self.lock,
                    self.growth,
                    self.instead and self.instead.format(**found),
                )


SERVERS = {("postgresql",): "PostgreSQL", ("mariadb", "mysql"): "MariaDB, MySQL"}

RULES: list[Rule] = []
"""All rules, in the order in which they are looked at."""


def rule(  # noqa: PLR0913  they are the columns of the table of rules
    name: str,
    *kinds: type[MigrateOperation],
    dialects: tuple[str, ...],
    says: str,
    instead: str | None = None,
    lock: str = "",
    growth: Growth = Growth.INSTANT,
    harm: Harm = Harm.STALLS,
) -> Callable[[Match], Match]:
    """Register a rule: the function gives what it names in an operation, if anything.

    :param name: stable, since revisions allow findings by it.
    :param kinds: the operations that it is about.
    :param says: one sentence, with the names that the function gives in braces.
    :param instead: the safe form as code, with the same names; empty where there is
        none, None where it is the form that a draft takes.
    :param lock: the lock that the operation takes on the table, in the server's words.
    """

    def register(match: Match) -> Match:
        made = Rule(name, dialects, kinds, harm, lock, growth, says, instead, match)
        RULES.append(made)
        return match

    return register


def examine(operation: MigrateOperation, state: State) -> list[Finding]:
    """Return what an operation costs beyond an instant, by every rule.

    :param state: what is known of the tables before the operation.
    """
    if isinstance(operation, LosslessOp):
        operation = operation.stops_like()
    return [found for rule in RULES for found in rule.findings(operation, state)]


def table() -> str:
    """Return all rules as a table of Markdown."""
    rows = [
        f"| `{rule.name}` | {SERVERS.get(rule.dialects, 'each')} | {rule.harm.value}"
        f" | {rule.lock} | {rule.growth.value} | {rule.sentence} |"
        for rule in RULES
    ]
    head = "| rule | server | others | lock | grows as | says |"
    return "\n".join([head, "|---|---|---|---|---|---|", *rows])


def names() -> set[str]:
    """Return the names of all rules."""
    return {rule.name for rule in RULES}
