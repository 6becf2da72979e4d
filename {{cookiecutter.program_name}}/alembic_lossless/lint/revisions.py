"""Judge the revisions of a project, by what they do one after the other."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from alembic.script import Script
from alembic.util import CommandError

from ..autogenerate.replay import run_upgrade
from ..internals import in_place_of_op
from ..marks import AFTER, phase_of
from . import sql
from .cost import Finding, Harm, Server, State
from .recording import Judge
from .rules import RULES, names

log = logging.getLogger(__name__)

ALLOW = "lint_allow"
"""What a revision calls its dictionary: the name of a rule -> why it may be so."""


@dataclass
class Judged:
    """A revision, and what is found in it."""

    revision: str
    message: str
    path: str
    findings: list[Finding] = field(default_factory=list)
    allowed: list[tuple[Finding, str]] = field(default_factory=list)
    """Findings that the revision allows, and its reasons."""
    notes: list[str] = field(default_factory=list)
    """What could not be looked at, and what is allowed for nothing."""
    database: str = ""
    """Whose part it is, where there are several databases."""


def judge(
    revisions: Sequence[Script], wanted: Iterable[str], server: Server, name: str = ""
) -> list[Judged]:
    """Judge revisions for a server.

    :param revisions: all of a project, from the first to the last: each is judged by
        what those before it made.
    :param wanted: the ids of those to judge.
    :param server: what they will run on.
    :param name: the database, where revisions have a part for each of several.
    :raises CommandError: for an allowance that cannot be read.
    """
    recorder, chosen = Judge(server.dialect), set(wanted)
    judged = []
    with in_place_of_op(recorder):
        for revision in revisions:
            if revision.revision in chosen:
                judged.append(_judge(recorder, revision, server, name))
            else:
                with suppress(Exception):
                    run_upgrade(revision, name)
    return judged


def _judge(recorder: Judge, revision: Script, server: Server, name: str) -> Judged:
    found = Judged(revision.revision, revision.doc, revision.path, database=name)
    allowed = _allowed(revision)
    state = State(server, phase=phase_of(revision))
    with recorder.judging(state, revision.path):
        try:
            run_upgrade(revision, name)
        except Exception as error:
            log.debug("%s cannot be replayed", revision.revision, exc_info=True)
            found.notes.append(
                f"It asks the database something ({type(error).__name__}), and was not"
                " looked at from there on."
            )
    every = [*recorder.findings, *_in_text(recorder, state, found)]
    for finding in sorted(every, key=lambda one: one.line):
        if finding.rule in allowed:
            found.allowed.append((finding, allowed[finding.rule]))
        else:
            found.findings.append(finding)
    unused = allowed.keys() - {finding.rule for finding in every}
    for rule in unused if not name else ():  # it may be for another's part
        found.notes.append(f"{ALLOW} has {rule!r}, which is not found in it.")
    return found


def _in_text(recorder: Judge, state: State, found: Judged) -> Iterator[Finding]:
    """Give what is found in the SQL of a revision, or say that nobody looked."""
    if state.server.dialect != "postgresql" or not recorder.statements:
        return
    squawk = sql.program()
    if squawk is None:
        found.notes.append(sql.MISSING)
        return
    new = {key for key, column in state.new if column is None}
    for finding in sql.judge(squawk, recorder.statements, new):
        if not (state.phase == AFTER and finding.harm is Harm.BREAKS):
            yield finding


def _allowed(revision: Script) -> Mapping[str, str]:
    """Return the rules that a revision may break, and why.

    :raises CommandError: when it is no dictionary of reasons by names of rules.
    """
    given: object = getattr(revision.module, ALLOW, {})
    if not isinstance(given, Mapping):
        raise CommandError(
            f'{revision.path}: {ALLOW} is {given!r}. Write {{"rule": "reason"}}.'
        )
    for rule, reason in given.items():
        if rule not in names():
            known = ", ".join(dict.fromkeys(one.name for one in RULES))
            raise CommandError(
                f"{revision.path}: {ALLOW} has {rule!r}, which is no rule.\n"
                f"Rules: {known}"
            )
        if not (isinstance(reason, str) and reason.strip()):
            raise CommandError(f"{revision.path}: {ALLOW}[{rule!r}] needs a reason.")
    return given
