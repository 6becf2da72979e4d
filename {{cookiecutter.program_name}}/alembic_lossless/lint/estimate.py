"""How long what was found would take, as far as the server can be asked.

The server says how many rows and bytes there are. How fast it reads and sorts is tried
on some rows; what an operation takes is a multiple of that, as it was measured, times
what earlier revisions took here, against what would have been said of them: in full for
work of the same kind, and by its square root for any other.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from math import sqrt
from statistics import median
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from .. import sql
from ..runtime.applied import Ran
from .rules import Finding, Growth, Harm, Work, label
from .runner import Judged

SAMPLE, TRIES = 100_000, 5
"""Rows that are read to learn how fast the server is, and how often: others use it."""

SPREAD = 1.5
"""By how much an estimate may be off, to either side."""

LEAST = 0.05
"""Seconds below which nobody waits for long."""

MOST = 5
"""By how much earlier revisions may change what is said, either way."""


_Kind = tuple[str, bool]
"""A kind of work: its rule, and whether a trigger fires at each row."""


class _Cost(NamedTuple):
    """What an operation takes, in readings of the whole table."""

    table: float
    each: float = 0
    """For each index that is made, or written to, with the table."""
    sort: float = 0
    """In sortings of the whole table by the columns of an index."""
    trigger: float = 0
    """Where each row that is written fires the trigger of a dual write."""


COSTS: dict[str, dict[str, _Cost]] = {
    "postgresql": {
        "scan": _Cost(0.3),
        "rewrite": _Cost(1.9, 0.6),
        "index-blocks-writes": _Cost(0.2, sort=0.85),
        "index-concurrently": _Cost(0.5, sort=0.8),
        "unique-blocks": _Cost(0.3, sort=1.2),
        "exclude-blocks": _Cost(1.2),
        "check-scans": _Cost(0.15),
        "guard-reads": _Cost(0.2, sort=1.5),
        "not-null-proved": _Cost(0.3),
        "rows-locked": _Cost(0.4, 2.3, trigger=13),
        "rows-online": _Cost(0.6, 2.4, trigger=13),
        "type-concurrently": _Cost(1.5, 5),
    },
    "mysql": {
        "scan": _Cost(0.3),
        "rewrite": _Cost(3, 0.75),
        "index-online": _Cost(1.3),
        "not-null-online": _Cost(1.4, 0.75),
        "foreign-key-copies": _Cost(5, 1),
        "guard-reads": _Cost(0.7),
        "rows-locked": _Cost(4.5, trigger=7),
        "rows-online": _Cost(5, trigger=7),
    },
}
COSTS["mariadb"] = COSTS["mysql"]
"""What rules cost, as measured on a million rows; "scan" and "rewrite" for others."""

SIZES = {
    "postgresql": "SELECT greatest(reltuples, 0), pg_total_relation_size(oid),"
    " (SELECT count(*) FROM pg_index WHERE indrelid = pg_class.oid)"
    " FROM pg_class WHERE oid = to_regclass(:table)",
    "mysql": "SELECT table_rows, data_length + index_length,"
    " (SELECT count(DISTINCT index_name) FROM information_schema.statistics s"
    " WHERE s.table_schema = t.table_schema AND s.table_name = t.table_name)"
    " FROM information_schema.tables t"
    " WHERE table_schema = coalesce(:schema, database()) AND table_name = :name",
}
SIZES["mariadb"] = SIZES["mysql"]


@dataclass(frozen=True)
class Size:
    """What a server says of a table.

    :param rows: how many there are, about.
    :param bytes: its size, with its indexes.
    :param indexes: how many there are.
    :param reading: how long it takes to read a row, about.
    :param sorting: returns how long it takes to sort a row by columns.
    """

    rows: int
    bytes: int
    indexes: int
    reading: float
    sorting: Callable[[tuple[str, ...]], float]


def size_of(connection: Connection, schema: str | None, name: str) -> Size | None:
    """Return the size of a table, or None where there is no such table.

    :param connection: the database.
    :param schema: the schema of the table, if it has one.
    :param name: its name.
    """
    dialect = connection.dialect
    quoted = sql.quoted_table(name, schema, dialect)
    query = sa.text(SIZES[dialect.name])
    given = {"table": quoted, "schema": schema, "name": name}
    names = query.compile().params.keys()
    found = connection.execute(query, {it: given[it] for it in names}).first()
    if found is None:
        return None
    rows, size, indexes = (int(it or 0) for it in found)
    # PostgreSQL would read no column for a mere count, and MariaDB reads all of them.
    is_postgresql = dialect.name == "postgresql"
    what = "t::text" if is_postgresql else "*"
    some = f"SELECT * FROM {quoted} LIMIT {SAMPLE}"  # noqa: S608
    count, reading = _tried(connection, f"SELECT count({what}) FROM ({some}) t")  # noqa: S608
    there = {*connection.execute(sql.text(f"SELECT * FROM {quoted} LIMIT 0")).keys()}  # noqa: S608

    @cache
    def sorting(columns: tuple[str, ...]) -> float:
        # What a pending revision adds, or renames, has no values yet to be sorted by.
        known = [it for it in columns if it in there]
        if not (known and is_postgresql):
            return 0
        by = ", ".join(sql.quoted(it, dialect) for it in known)
        ordered = f"SELECT {by} FROM ({some}) t ORDER BY {by} OFFSET 0"  # noqa: S608
        return _tried(connection, f"SELECT count(*) FROM ({ordered}) t")[1]  # noqa: S608

    return Size(max(rows, count), size, indexes, reading, sorting)


def _tried(connection: Connection, query: str) -> tuple[int, float]:
    """Return what a query counts, and how long it usually takes for one of these."""
    count, times = 0, list[float]()
    for _ in range(TRIES):
        begin = time.monotonic()
        count = int(connection.scalar(sql.text(query)) or 0)
        times.append(time.monotonic() - begin)
    return count, median(times) / max(count, 1)


class Estimates:
    """What a database says of its tables, and what revisions took on it."""

    def __init__(
        self, size: Callable[[str | None, str], Size | None], dialect: str
    ) -> None:
        """Ask nothing yet.

        :param size: returns the size of a table, by its schema and its name.
        :param dialect: the kind of the server.
        """
        self._costs = COSTS[dialect]
        self._size = cache(size)
        self._took = defaultdict[_Kind, list[float]](list)
        self._all = list[float]()

    def learn(self, found: Judged, ran: Ran) -> None:
        """Take note of what a revision took.

        :param found: what it did.
        :param ran: what is remembered of it.
        """
        works = [*_works(found)]
        said = sum(self._seconds(it, ran.rows) for it in works)
        if said > LEAST:
            self._all.append(ran.seconds / said)
            for kind in {*map(_kind, works)}:
                self._took[kind].append(ran.seconds / said)

    def told(self, found: Judged) -> Judged:
        """Return what was found in a revision, with how long it would take."""
        return replace(
            found,
            findings=[self._told(it) for it in found.findings],
            goes_on=[self._told(it) for it in found.goes_on],
        )

    def _told(self, finding: Finding) -> Finding:
        sizes = [*self._sizes(finding)]
        if not sizes or not takes_long(finding):
            return finding
        seconds = self._factor(finding) * self._seconds(finding, {})
        rows, size = sum(it.rows for it in sizes), sum(it.bytes for it in sizes)
        who = "writers wait" if finding.harm is Harm.STALLS else "nobody waits"
        about = f"on {_count(rows)} rows ({_bytes(size)}), {who}"
        if seconds < LEAST:
            return replace(finding, estimate=f"less than {LEAST:g} s {about}")
        least, most = _digits(seconds / SPREAD), _digits(seconds * SPREAD)
        return replace(finding, estimate=f"about {least} to {most} s {about}")

    def _factor(self, finding: Finding) -> float:
        """Return by how much what revisions took here corrects what is said.

        The server is the same for each kind of work, and the work is not: what others
        took counts for half of it.
        """
        if own := self._took[_kind(finding)]:
            took = median(own)
        else:
            took = sqrt(median(self._all or [1]))
        return min(MOST, max(1 / MOST, took))

    def _sizes(self, finding: Finding) -> Iterator[Size]:
        found = (self._size(it.schema, it.table) for it in finding.works)
        yield from (it for it in found if it)

    def _seconds(self, finding: Finding, rows: Mapping[str, int]) -> float:
        return sum(self._of(finding, it, rows) for it in finding.works)

    def _of(self, finding: Finding, work: Work, rows: Mapping[str, int]) -> float:
        """Return how long an operation takes on one table.

        :param rows: how many there were, where it ran before.
        """
        size = self._size(work.schema, work.table)
        if size is None:
            return 0
        kind = "scan" if finding.growth is Growth.SCAN else "rewrite"
        cost = self._costs.get(finding.rule, self._costs[kind])
        table = cost.table + cost.each * size.indexes + cost.trigger * work.dual_write
        each = size.reading * table
        if cost.sort and work.columns:
            each += cost.sort * size.sorting(work.columns)
        return each * rows.get(label((work.schema, work.table)), size.rows)


def _kind(finding: Finding) -> _Kind:
    return finding.rule, any(it.dual_write for it in finding.works)


def takes_long(finding: Finding) -> bool:
    """Tell whether something takes the longer the more rows there are.

    :param finding: what was found.
    """
    harms = Harm.STALLS, Harm.GOES_ON
    return finding.harm in harms and finding.growth is not Growth.INSTANT


def _works(found: Judged) -> Iterator[Finding]:
    allowed = (finding for finding, _ in found.allowed)
    every = (*found.findings, *allowed, *found.goes_on)
    yield from (it for it in every if takes_long(it))


def estimated(
    connection: Connection,
    judged: Iterable[Judged],
    dialect: str,
    ran: Mapping[str, Ran],
) -> list[Judged]:
    """Return what was found, with how long it would take.

    :param connection: the database that is asked; nothing in it is changed.
    :param judged: what was found.
    :param dialect: the kind of the server.
    :param ran: what the database remembers of revisions among these.
    """
    every, estimates = [*judged], Estimates(partial(size_of, connection), dialect)
    for it in every:
        if it.revision in ran:
            estimates.learn(it, ran[it.revision])
    return [estimates.told(it) for it in every]


def _digits(seconds: float) -> str:
    digits = ".0f" if seconds >= 10 else ".1f" if seconds >= 0.1 else ".1g"  # noqa: PLR2004  digits
    return f"{seconds:{digits}}"


def _count(number: int) -> str:
    for size, word in ((10**9, "billion"), (10**6, "million")):
        if number >= size:
            return f"{number / size:.3g} {word}"
    return f"{number:,}"


def _bytes(number: int) -> str:
    for size, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number} bytes"
