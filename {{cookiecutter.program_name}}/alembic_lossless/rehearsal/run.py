"""Rehearse the pending revisions of a project, and say what they cost and lose."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from alembic.util import CommandError

from ..runtime.connect import synchronous_url
from ..runtime.errors import between
from ..urls import printable
from .copies import Copy, Source, copied, size
from .measure import Cost, measured
from .values import Difference, compared

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from alembic.script import Script
    from sqlalchemy import Engine

    from ..migrations import Migrations

LOSSLESS, LOSSY = 0, 1
"""The exit statuses of a rehearsal."""


@dataclass
class Rehearsal:
    """What a rehearsal found on the copy of one database.

    :param database: where it is, without a password.
    :param costs: what each revision cost, in the order in which they ran.
    :param rows: how many rows were compared, likewise `tables`.
    :param changed: values that the upgrade changed and the downgrade brought back.
    :param lost: values and rows that the downgrade did not bring back.
    :param failure: why a revision failed, upwards or downwards.
    """

    database: str
    costs: list[Cost] = field(default_factory=list)
    rows: int = 0
    tables: int = 0
    changed: list[Difference] = field(default_factory=list)
    lost: list[Difference] = field(default_factory=list)
    failure: str = ""

    @property
    def is_lossless(self) -> bool:
        """Whether every revision ran, and every value came through."""
        return not (self.lost or self.failure)


def rehearse(
    migrations: Migrations,
    *,
    target: str = "head",
    dump: Path | None = None,
    share: float = 1.0,
) -> list[Rehearsal]:
    """Run the pending revisions up and down on copies, and compare every value.

    :param migrations: those of the project.
    :param target: the revision to stop at.
    :param dump: a backup to restore in the place of a copy; for one database.
    :param share: the share of the rows that is copied; 0 copies the structure alone.
    :return: what was found, for each database.
    :raises CommandError: where there is nothing to rehearse, or no copy can be made.
    """
    names = migrations.names()
    if dump is not None and len(names) > 1:
        raise CommandError("--from restores one database, and the project has several.")
    with ExitStack() as stack:
        copies = dict[str, Copy]()
        for name in names:
            database = migrations.database(name)
            url = synchronous_url(database)
            settings, own = migrations.project.settings, database.version_table
            source = Source(url, dump, share, settings, own)
            copies[name] = stack.enter_context(copied(source))
        found = {
            name: Rehearsal(printable(migrations.database(name).url)) for name in names
        }
        _rehearse(migrations, target, copies, found)
        return [*found.values()]


def _rehearse(
    migrations: Migrations,
    target: str,
    copies: Mapping[str, Copy],
    found: Mapping[str, Rehearsal],
) -> None:
    engines = {name: copy.engine for name, copy in copies.items()}
    given: Any = engines if len(engines) > 1 else next(iter(engines.values()))
    begin = {it: migrations.stamped(it, connection=given) for it in engines}
    pending = _up_to(migrations, target, given)
    if not pending:
        raise CommandError("No revision is pending: there is nothing to rehearse.")
    try:
        for script in pending:
            run = partial(migrations.upgrade, script.revision, connection=given)
            _measure(engines, script, found, run)
    except CommandError as error:
        for rehearsal in found.values():
            rehearsal.failure = str(error)
        return
    own = {name: migrations.database(name).version_table for name in copies}
    for name, copy in copies.items():
        with copy.engine.connect() as connection:
            result = compared(copy, connection, own[name], whole=False)
        found[name].changed = [*result.differences]
        found[name].rows, found[name].tables = result.rows, result.tables
    if failure := _undo(migrations, set(begin.values()), given):
        for rehearsal in found.values():
            rehearsal.failure = failure
        return
    for name, copy in copies.items():
        with copy.engine.connect() as connection:
            lost = compared(copy, connection, own[name], whole=True).differences
        known = {it.subject for it in lost}
        found[name].lost = [*lost]
        found[name].changed = [
            it for it in found[name].changed if it.subject not in known
        ]


def _up_to(migrations: Migrations, target: str, given: Any) -> Sequence[Script]:
    """Return the pending revisions that a target needs, in their order."""
    pending = migrations.pending(connection=given)
    if target in {"head", "heads"}:
        return pending
    wanted = {it.revision for it in between(migrations.script(), "base", target)}
    return [it for it in pending if it.revision in wanted]


def _measure(
    engines: Mapping[str, Engine],
    script: Script,
    found: Mapping[str, Rehearsal],
    run: Any,
) -> None:
    with ExitStack() as stack:
        for name, engine in engines.items():
            measuring = measured(engine, script.revision, script.doc)
            found[name].costs.append(stack.enter_context(measuring))
        run()


def _undo(
    migrations: Migrations, begin: set[tuple[str, ...]], given: Any
) -> str | None:
    """Undo what was rehearsed; return why that cannot be done."""
    heads, *others = begin
    if others or len(heads) > 1:
        return (
            "The downgrade was not rehearsed, for the databases begin at several"
            f" revisions: {', '.join(sorted(it for each in begin for it in each))}."
        )
    try:
        migrations.downgrade(heads[0] if heads else "base", connection=given)
    except CommandError as error:
        return f"The downgrade fails. {error}"
    return None


def text(found: Iterable[Rehearsal]) -> Iterator[str]:
    """Give lines for people: what each revision cost, and what was lost."""
    for rehearsal in found:
        yield f"Rehearsed on a copy of {rehearsal.database}:"
        for cost in rehearsal.costs:
            yield f"  {cost.revision}  {cost.message}: {', '.join(_figures(cost))}"
            for table, (lock, seconds) in sorted(cost.locks.items()):
                yield f"    {lock} on {table} for {_seconds(seconds)}"
            if cost.statement[1] >= SHOWN_SECONDS:
                words, seconds = cost.statement
                yield f"    longest statement, {_seconds(seconds)}: {words[:100]}"
        yield from (f"  {line}" for line in _verdict(rehearsal))


def markdown(found: Iterable[Rehearsal]) -> Iterator[str]:
    """Give a report for a pull request."""
    for rehearsal in found:
        yield f"### Rehearsed on a copy of {rehearsal.database}"
        yield ""
        yield "| revision | what it does | seconds | rows read | written | locks |"
        yield "|---|---|---|---|---|---|"
        for cost in rehearsal.costs:
            locks = ", ".join(
                f"{lock} on `{table}` {_seconds(seconds)}"
                for table, (lock, seconds) in sorted(cost.locks.items())
            )
            read, written = map(_count, (cost.rows_read, cost.rows_written))
            yield (
                f"| `{cost.revision}` | {cost.message} | {cost.seconds:.2f} | {read}"
                f" | {written} | {locks} |"
            )
        yield ""
        yield from (f"- {line}" for line in _verdict(rehearsal))


def as_json(found: Iterable[Rehearsal]) -> Iterator[str]:
    """Give one document for programs."""
    every = [{**asdict(it), "lossless": it.is_lossless} for it in found]
    yield json.dumps(every, ensure_ascii=False, indent=2, default=str)


FORMATS = {"text": text, "json": as_json, "markdown": markdown}
"""What `--format` takes."""

SHOWN_SECONDS = 0.1
"""A statement that took less is not worth a line."""


def _figures(cost: Cost) -> Iterator[str]:
    yield _seconds(cost.seconds)
    if cost.rows_read is not None:
        yield f"{_count(cost.rows_read)} rows read"
    if cost.rows_written is not None:
        yield f"{_count(cost.rows_written)} written"
    if cost.bytes_written:
        yield f"{size(cost.bytes_written)} more"


def _verdict(rehearsal: Rehearsal) -> Iterator[str]:
    for it in rehearsal.changed:
        yield f"{_said(it)} changed by the upgrade; the downgrade brings them back"
    for it in rehearsal.lost:
        yield f"{_said(it)} cannot come back"
    if rehearsal.failure:
        yield rehearsal.failure
    if rehearsal.is_lossless:
        of = f"{_count(rehearsal.rows)} rows of {rehearsal.tables} tables"
        yield f"lossless: {of} are as they were after upgrade and downgrade"


def _said(difference: Difference) -> str:
    what = "value" if difference.column else "row"
    many = what if difference.count == 1 else f"{what}s"
    said = f"{difference.subject}: {_count(difference.count)} {many}"
    if difference.example is None:
        return said
    was, now = difference.example
    return f"{said} (for example {was!r}, now {now!r})"


def _seconds(seconds: float) -> str:
    return f"{seconds:#.3g} s"


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"
