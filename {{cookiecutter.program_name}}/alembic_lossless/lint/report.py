"""What the lint found, for people, for programs, and beside the lines on GitHub."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from .rules import Finding, Growth, Harm, page_of
from .runner import Judged

WRITES_NOTHING = (
    "SQLite has one writer, and nobody waits for a revision longer than for another"
    " write. Say what production runs on: {prog} lint --dialect postgresql"
)

WORDS = {
    Harm.STALLS: "stops others",
    Harm.BREAKS: "breaks the running version",
    Harm.FAILS: "fails",
    Harm.GOES_ON: "takes its time",
}

WHILE = {
    Growth.INSTANT: "",
    Growth.SCAN: ", while every row is read",
    Growth.REWRITE: ", while every row is written again",
    Growth.UNKNOWN: ", perhaps while every row is written again",
}


def text(judged: Sequence[Judged]) -> Iterator[str]:
    """Give lines for people: by revision, what is found and what to do instead."""
    for revision in judged:
        every = [*revision.findings, *_timed(revision)]
        if not (every or revision.notes or revision.allowed):
            continue
        part = f" ({revision.database})" if revision.database else ""
        yield f"{revision.revision}  {revision.message}{part}"
        for finding in every:
            yield from _lines(revision, finding)
        for finding, reason in revision.allowed:
            yield f"  allowed {finding.rule}: {reason}"
        yield from (f"  note: {note}" for note in revision.notes)
    yield _summary(judged)


def _timed(revision: Judged) -> list[Finding]:
    """Return what stops nobody, where it was asked how long it takes."""
    return [it for it in revision.goes_on if it.estimate]


def _lines(revision: Judged, finding: Finding) -> Iterator[str]:
    place = f"{_relative(revision.path)}:{finding.line}"
    yield f"  {place}: {finding.rule} ({WORDS[finding.harm]})"
    cost = f" Lock: {finding.lock}{WHILE[finding.growth]}." if finding.lock else ""
    yield f"    {finding.sentence}{cost}"
    if finding.estimate:
        yield f"    Estimate: {finding.estimate}."
    if finding.instead:
        yield "    Instead:"
        yield from (f"      {line}" for line in finding.instead.splitlines())
    yield f"    More: {page_of(finding.rule)}"


def _summary(judged: Sequence[Judged]) -> str:
    count = sum(len(revision.findings) for revision in judged)
    some = {0: "Nothing", 1: "1 thing"}.get(count, f"{count} things")
    number = len({revision.revision for revision in judged})
    of = "1 revision" if number == 1 else f"{number} revisions"
    return f"{some} found in {of}."


def as_json(judged: Sequence[Judged]) -> Iterator[str]:
    """Give one line of JSON: a list of findings, those that are allowed too.

    With an estimate, what stops nobody and takes its time is among them.
    """
    found = [
        {"revision": revision.revision, "path": revision.path}
        | ({"database": revision.database} if revision.database else {})
        | {name: it for name, it in asdict(finding).items() if name != "works"}
        | {"page": page_of(finding.rule)}
        | {"allowed": reason}
        for revision in judged
        for finding, reason in (
            *((finding, None) for finding in revision.findings),
            *((finding, None) for finding in _timed(revision)),
            *revision.allowed,
        )
    ]
    yield json.dumps(found, ensure_ascii=False)


def github(judged: Sequence[Judged]) -> Iterator[str]:
    """Give a workflow command for each finding, which GitHub shows beside its line.

    Source: GitHub, "Workflow commands for GitHub Actions".
    """
    for revision in judged:
        for finding in revision.findings:
            where = f"file={_relative(revision.path)},line={max(1, finding.line)}"
            message = finding.sentence
            if finding.estimate:
                message += f" Estimate: {finding.estimate}."
            if finding.instead:
                message += f"\nInstead:\n{finding.instead}"
            message += f"\nMore: {page_of(finding.rule)}"
            yield f"::warning {where},title={finding.rule}::{_escaped(message)}"


def _escaped(message: str) -> str:
    for plain, code in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A")):
        message = message.replace(plain, code)
    return message


def _relative(path: str) -> str:
    """Return a path as it is from here, as editors and GitHub want it."""
    found = Path(path)
    here = Path.cwd()
    return str(found.relative_to(here) if found.is_relative_to(here) else found)


FORMATS: dict[str, Callable[[Sequence[Judged]], Iterator[str]]] = {
    "text": text,
    "json": as_json,
    "github": github,
}
"""What `--format` takes."""
