"""Views and triggers of SQLite that speak of a table or a column that is gone."""

import sqlite3
from collections.abc import Callable
from typing import Any

from alembic.util import CommandError


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
