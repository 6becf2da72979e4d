"""How long a finding would make others wait, as far as the server can be asked.

The server says how many rows and bytes there are. How fast it reads is tried on some
rows; what an operation does beside reading is a multiple of that, as it was measured.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from .. import sql
from .rules import Finding, Growth, Harm
from .runner import Judged

SAMPLE, TRIES = 100_000, 3
"""Rows that are read to learn how fast the server is, and how often: others may use it.
"""

SPREAD = 1.5
"""By how much an estimate may be off, to either side."""

LEAST = 0.05
"""Seconds below which nobody waits for long."""


class _Cost(NamedTuple):
    """What an operation takes, in readings of the whole table."""

    table: float
    each: float = 0
    """For each index that is made again with the table."""


COSTS: dict[str, dict[str, _Cost]] = {
    "postgresql": {
        "scan": _Cost(0.12),
        "rewrite": _Cost(1.3, 0.3),
        "index-blocks-writes": _Cost(0.6),
        "unique-blocks": _Cost(1.2),
        "exclude-blocks": _Cost(1.2),
        "foreign-key-scans": _Cost(0.28),
        "column-scans": _Cost(0.6),
        "rows-locked": _Cost(6, 0.5),
    },
    "mysql": {
        "scan": _Cost(1.5),
        "rewrite": _Cost(4, 1),
        "rows-locked": _Cost(2.5),
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
    :param seconds: how long it takes to read all rows, about.
    """

    rows: int
    bytes: int
    indexes: int
    seconds: float


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
    what = "t::text" if dialect.name == "postgresql" else "*"
    read = f"SELECT count({what}) FROM (SELECT * FROM {quoted} LIMIT {SAMPLE}) t"  # noqa: S608
    tried = [_read(connection, read) for _ in range(TRIES)]
    count = tried[0][0]
    rows = max(rows, count)
    seconds = min(seconds for _, seconds in tried)
    return Size(rows, size, indexes, seconds * rows / max(count, 1))


def _read(connection: Connection, query: str) -> tuple[int, float]:
    """Return what a query counts, and how long that takes."""
    begin = time.monotonic()
    count = int(connection.scalar(sql.text(query)) or 0)
    return count, time.monotonic() - begin


def estimate(finding: Finding, size: Size, dialect: str) -> str:
    """Return how long others would wait, in words.

    :param finding: what makes them wait.
    :param size: of the table.
    :param dialect: the kind of the server.
    """
    costs = COSTS[dialect]
    kind = "scan" if finding.growth is Growth.SCAN else "rewrite"
    cost = costs.get(finding.rule, costs[kind])
    seconds = size.seconds * (cost.table + cost.each * size.indexes)
    about = f"on {_count(size.rows)} rows ({_bytes(size.bytes)}), writers wait"
    if seconds < LEAST:
        return f"less than {LEAST:g} s {about}"
    least, most = _seconds(seconds / SPREAD), _seconds(seconds * SPREAD)
    return f"about {least} to {most} s {about}"


def estimated(
    connection: Connection, judged: Iterable[Judged], dialect: str
) -> list[Judged]:
    """Return what was found, with how long others would wait.

    :param connection: the database that is asked; nothing in it is changed.
    :param judged: what was found.
    :param dialect: the kind of the server.
    """
    sizes: dict[str, Size | None] = {}

    def with_estimate(finding: Finding) -> Finding:
        stalls = finding.harm is Harm.STALLS and finding.growth is not Growth.INSTANT
        if not (stalls and finding.table):
            return finding
        if finding.table not in sizes:
            *schema, name = finding.table.split(".", 1)
            sizes[finding.table] = size_of(connection, next(iter(schema), None), name)
        size = sizes[finding.table]
        if size is None:
            return finding
        return replace(finding, estimate=estimate(finding, size, dialect))

    return [
        replace(it, findings=[with_estimate(finding) for finding in it.findings])
        for it in judged
    ]


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.1f}"  # noqa: PLR2004  digits


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
