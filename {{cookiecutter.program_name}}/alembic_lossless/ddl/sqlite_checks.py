"""What a run may not break on SQLite: rows that refer to rows, views and triggers."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
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


def remember_orphans(raw: Any) -> Callable[[], None]:
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


class Attached:
    """The indexes, triggers and the last number of a table that is made anew."""

    def __init__(self, raw: Any, table: str, reflected: set[str]) -> None:
        """Remember them.

        :param raw: the driver's connection.
        :param table: the name of the table.
        :param reflected: the indexes that Alembic knows and makes itself.
        """
        self._raw = raw
        self._table = table
        self._reflected = reflected
        self.indexes = self._texts("index")
        self._triggers = self._texts("trigger")
        self._last = self._last_number()

    def restore(self) -> None:
        """Make again what Alembic will not.

        :raises CommandError: when something refers to a column that is gone.
        """
        for name, sql in self.indexes.items():
            if name not in self._reflected:
                self._make("INDEX", name, sql)
        for name, sql in self._triggers.items():
            self._make("TRIGGER", name, sql)
        if self._last is not None:
            # AUTOINCREMENT promises that the number of a deleted row does not return.
            row = (self._last, self._table)
            self._raw.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = ?", row)

    def make_index(self, name: str) -> None:
        """Make an index again as it was.

        :raises CommandError: when it refers to a column that is gone.
        """
        self._make("INDEX", name, self.indexes[name])

    def _make(self, kind: str, name: str, sql: str) -> None:
        try:
            self._raw.execute(sql)
        except sqlite3.Error as error:
            raise CommandError(
                f"{kind} {name} does not fit the altered {self._table}: {error}.\n"
                f'Drop it first, in the revision: op.execute("DROP {kind} {name}")'
            ) from error

    def _texts(self, kind: str) -> dict[str, str]:
        rows = self._raw.execute(
            "SELECT name, sql FROM sqlite_master"
            " WHERE type = ? AND lower(tbl_name) = lower(?) AND sql IS NOT NULL",
            (kind, self._table),
        )
        return dict(rows.fetchall())

    def _last_number(self) -> int | None:
        found = "SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'"
        if not self._raw.execute(found).fetchone():
            return None
        last = "SELECT seq FROM sqlite_sequence WHERE name = ?"
        row = self._raw.execute(last, (self._table,)).fetchone()
        return row[0] if row else None


NUMBERS = count()
"""What makes a text differ from all others."""


class Use(NamedTuple):
    """A statement in which SQLite looks into a view, or into a trigger."""

    kind: str
    name: str
    verb: str
    statement: str


def remember_dependents(raw: Any) -> Callable[[], None]:
    """Return a check that what works now still works when it is called.

    SQLite looks into a view or a trigger when it is used: the error would come in the
    app. EXPLAIN makes it look without doing anything.

    :param raw: the driver's connection, in the transaction of the run.
    """
    before = {use[:3] for use in _broken(raw)}

    def check() -> None:
        broken = {use: it for use, it in _broken(raw).items() if use[:3] not in before}
        if broken:
            use = _culprit(raw, list(broken))
            raise CommandError(
                f"Nothing was changed: {use.kind} {use.name} would not work any more:"
                f" {broken[use]}.\nLet the revision drop it,"
                f' op.execute("DROP {use.kind} {use.name}"), and create it as it should'
                " be then."
            )

    return check


def _broken(raw: Any) -> dict[Use, str]:
    """Return the uses that SQLite refuses, with its reason."""
    # A view comes before the triggers that read it.
    found = raw.execute(
        "SELECT type, name, tbl_name FROM sqlite_master"
        " WHERE type IN ('view', 'trigger') ORDER BY type DESC, rowid"
    ).fetchall()
    uses = [use for row in found for use in _uses(raw, *row)]
    errors = {statement: _error(raw, statement) for *_, statement in uses}
    return {use: error for use in uses if (error := errors[use.statement])}


def _error(raw: Any, statement: str) -> str | None:
    """Say why a statement does not compile.

    The driver keeps compiled statements by their text, and of one that is only to be
    explained SQLite does not see that the tables have changed since: it would not fail,
    and its rows would be read from freed memory. So each text is a new one.
    """
    try:
        raw.execute(f"EXPLAIN {statement} -- {next(NUMBERS)}").close()
    except sqlite3.Error as error:
        return str(error)
    return None


def _uses(raw: Any, kind: str, name: str, table: str) -> Iterator[Use]:
    quoted = _quoted(table)
    if kind == "view":
        yield Use(kind, name, "SELECT", f"SELECT * FROM {quoted}")  # noqa: S608
        return
    yield Use(kind, name, "INSERT", f"INSERT INTO {quoted} DEFAULT VALUES")
    yield Use(kind, name, "DELETE", f"DELETE FROM {quoted}")  # noqa: S608
    with suppress(sqlite3.Error):  # the columns of a view that is broken itself
        info = raw.execute(f"PRAGMA table_info({quoted})").fetchall()
        same = ", ".join(f"{_quoted(row[1])} = {_quoted(row[1])}" for row in info)
        yield Use(kind, name, "UPDATE", f"UPDATE {quoted} SET {same}")  # noqa: S608


def _culprit(raw: Any, broken: list[Use]) -> Use:
    """Find out which one is to blame: without it, most of the others work.

    A statement runs all the triggers of its table, and those of the tables that they
    write to; SQLite does not say in which one it failed.
    """
    if broken[0].kind == "view":
        return broken[0]

    def still_broken(use: Use) -> int:
        raw.execute("SAVEPOINT without_trigger")
        raw.execute(f"DROP TRIGGER {_quoted(use.name)}")
        left = sum(_error(raw, other.statement) is not None for other in broken)
        raw.execute("ROLLBACK TO without_trigger")
        raw.execute("RELEASE without_trigger")
        return left

    return min(broken, key=still_broken)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
