"""What hangs on a table of SQLite: indexes, triggers and views."""

import sqlite3
from collections.abc import Callable
from typing import Any

from alembic.util import CommandError


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


def remember(raw: Any) -> Callable[[], None]:
    """Return a check that what works now still works when it is called.

    SQLite looks into a view or a trigger when it is used: the error would come in the
    app. EXPLAIN makes it look without doing anything.

    :param raw: the driver's connection, in the transaction of the run.
    """
    before = _broken(raw)

    def check() -> None:
        for name, error in _broken(raw).items():
            if name not in before:
                raise CommandError(
                    f"Nothing was changed: {name} would not work any more: {error}.\n"
                    f'Let the revision drop it, op.execute("DROP {name}"), and create'
                    " it as it should be then."
                )

    return check


def _broken(raw: Any) -> dict[str, str]:
    rows = raw.execute("SELECT type, name, tbl_name FROM sqlite_master").fetchall()
    broken = {}
    for kind, name, table in rows:
        for statement in _uses(raw, kind, name, table):
            try:
                raw.execute(f"EXPLAIN {statement}").fetchall()
            except sqlite3.Error as error:
                broken[f"{kind} {name}"] = str(error)
    return broken


def _uses(raw: Any, kind: str, name: str, table: str) -> list[str]:
    """Return statements in which SQLite looks into a view or a trigger."""
    if kind == "view":
        return [f"SELECT * FROM {_quoted(name)}"]  # noqa: S608
    if kind == "trigger":
        quoted = _quoted(table)
        info = raw.execute(f"PRAGMA table_info({quoted})").fetchall()
        same = ", ".join(f"{_quoted(row[1])} = {_quoted(row[1])}" for row in info)
        return [
            f"INSERT INTO {quoted} DEFAULT VALUES",
            f"UPDATE {quoted} SET {same}",  # noqa: S608
            f"DELETE FROM {quoted}",  # noqa: S608
        ]
    return []


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
