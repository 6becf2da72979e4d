"""Write docs/proof.md: what was tried, and refused, and what is known to be wrong."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from rendering import TEMPLATE

from .case import Case, Verdict
from .known import KNOWN, MENDED
from .left_out import ARGUMENTS, CHANGES, TYPES

PAGE = TEMPLATE / "docs" / "proof.md"


@dataclass
class Result:
    """What became of the seeds of a database."""

    seeds: range
    verdicts: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0

    def count(self, case: Case, kinds: list[str], verdict: Verdict) -> None:
        """Count a verdict."""
        self.verdicts[verdict.kind] += 1
        self.changes.update(kinds)
        if verdict.kind == "refused":
            self.refusals[sentence(case, verdict.text)] += 1
        if verdict.is_fault:
            self.causes[verdict.cause] += 1


def sentence(case: Case, text: str) -> str:
    """Return the sentence of a refusal, without what is of one case alone."""
    said = re.sub(r"^The upgrade of revision \w+ would fail: ", "", text)
    said = said.partition("\n")[0].partition(". ")[0].rstrip(".")
    said = of_no_run(said)
    places = [*case.columns, *(f"{key}\n{it}" for key, it in case.columns.items())]
    names = {name for key in places for name in key.split("\n")}
    names |= {*case.tables, *case.tables.values()}
    names |= {name for key in case.fills for name in key.split(".", 1)}
    for name in sorted(names, key=len, reverse=True):
        said = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "…", said)
    said = re.sub(r", for example .*", "", said)
    said = re.sub(r"\b[A-Z]\w*\(.*\)", "a type", said)
    return re.sub(r"\d+ values?", "values", re.sub(r"…\.…", "…", said))


def of_no_run(said: str) -> str:
    """Return a sentence without the databases of a run, and the tables it lists."""
    said = re.sub(r"^[\w+]+://\S+: |(?<=every table) \(.*\)$", "", said)
    return re.sub(r"\btest_[0-9a-f]{12}(_more)?\b", "…", said)


def lists() -> dict[str, str]:
    """Return the parts of the page that no run makes."""
    known = [
        f"| {name} | {', '.join(databases)} | {fault} |"
        for name, (databases, fault) in KNOWN.items()
    ]
    return {
        "known": "\n".join(known),
        "mended": "\n".join(f"- {it}" for it in MENDED),
        "left_out": "\n".join(f"- `{it}`: {why}" for it, why in LEFT_OUT.items()),
    }


def page(results: Mapping[str, Result]) -> str:
    """Return the whole page.

    :param results: by database.
    """
    judged = [
        f"| {database} | {result.seeds.start} to {result.seeds.stop - 1} |"
        f" {result.verdicts['passed']} | {result.verdicts['refused']} |"
        f" {result.verdicts['marked']} | {result.verdicts['impossible']} |"
        f" {sum(result.causes.values())} |"
        for database, result in results.items()
    ]
    changes, refusals = Counter[str](), Counter[str]()
    for result in results.values():
        changes += result.changes
        refusals += result.refusals
    return TEXT.format(
        judged="\n".join(judged),
        changes="\n".join(f"| {it} | {n} |" for it, n in changes.most_common()),
        refusals="\n".join(f"| {it} | {n} |" for it, n in refusals.most_common()),
        **lists(),
    )


LEFT_OUT = {**TYPES, **ARGUMENTS, **CHANGES}

TEXT = """\
# What generated models prove

`tests/proof` makes random models out of all that SQLAlchemy can declare, changes them
as an author does, and migrates rows. The catalogs of the database judge: the first
draft is what `create_all` makes, and so is the draft of the change; `check` is clean;
each value that should be there is read through the new models; the downgrade brings the
old state back, and the upgrade runs once more. This page is written by

```sh
PYTHONPATH="tests:{{{{cookiecutter.program_name}}}}" python -m proof --seeds 100 --page
```

## What was tried

| database | seeds | passed | refused | marked for its author | no models | wrong |
|---|---|---|---|---|---|---|
{judged}

| change | times |
|---|---|
{changes}

## What was refused

A refusal is right where plain SQL would lose something, or the database cannot do it.

| sentence | times |
|---|---|
{refusals}

## What was found wrong, and is kept out of these seeds

`--known` makes these too, and tells which are mended since: those leave the list then.

| what | on | fault |
|---|---|---|
{known}

## What it found, and is mended

{mended}

## What is not generated

{left_out}
"""
