"""Rows of SQLite that refer to rows that are not there."""

import sqlite3
from collections.abc import Callable
from typing import Any, NamedTuple

from alembic.util import CommandError

SHOWN = 5
"""How many rows a message names."""


class Orphan(NamedTuple):
    """A row as `PRAGMA foreign_key_check` reports it."""

    table: str
    rowid: int | None
    parent: str
    foreign_key: int


def remember(raw: Any) -> Callable[[], None]:
    """Return a check that there are no more orphans than now when it is called.

    Old ones are not the fault of a run: they would block every revision for ever.

    :param raw: the driver's connection, in the transaction of the run.
    """
    before, tables = _orphans(raw), _tables(raw)

    def check() -> None:
        after = _orphans(raw)
        new = {
            table: found
            for table, found in after.items()
            if len(found) > len(before.get(table, [])) and table in tables
        }
        if not new and _count(after) > _count(before):
            new = after  # in a table that this run made or renamed
        if new:
            raise CommandError("\n".join(_told(before, new)))

    return check


def _told(before: dict[str, list[Orphan]], new: dict[str, list[Orphan]]) -> list[str]:
    lines = ["Nothing was changed: rows would refer to rows that are not there."]
    for table, found in new.items():
        known = {(orphan.rowid, orphan.parent) for orphan in before.get(table, [])}
        rows = [row for row in found if (row.rowid, row.parent) not in known] or found
        names = ", ".join(str(row.rowid) for row in rows[:SHOWN])
        more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
        lines.append(f"{table}: rowid {names}{more} refer to {rows[0].parent}")
    lines.append("Let the revision delete or change these rows as well.")
    return lines


def _orphans(raw: sqlite3.Connection) -> dict[str, list[Orphan]]:
    found: dict[str, list[Orphan]] = {}
    for table in _tables(raw):
        quoted = table.replace('"', '""')
        try:
            rows = raw.execute(f'PRAGMA foreign_key_check("{quoted}")').fetchall()
        except sqlite3.OperationalError as error:
            # The key it refers to is not unique, so that no row can be looked up.
            rows = [(table, None, str(error), 0)]
        if rows:
            found[table] = [Orphan(*row) for row in rows]
    return found


def _tables(raw: sqlite3.Connection) -> list[str]:
    rows = raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return [name for (name,) in rows]


def _count(orphans: dict[str, list[Orphan]]) -> int:
    return sum(len(found) for found in orphans.values())
