"""What stands where a table is expected, and is none: a view, a virtual table."""

import sqlite3
from contextlib import suppress

from alembic.util import CommandError

KIND = """SELECT CASE WHEN sql LIKE 'CREATE VIRTUAL%' THEN 'virtual' ELSE type END
    FROM sqlite_master WHERE lower(name) = lower(?) AND type IN ('table', 'view')"""
SHADOW = "SELECT type FROM pragma_table_list WHERE lower(name) = lower(?)"

ANEW = 'Let the revision drop it, op.execute("DROP {} {}"), and create it anew.'
REFUSED = {
    "view": ("a view", ANEW),
    "virtual": ("a virtual table", ANEW),
    "shadow": (
        "a part of a virtual table",
        "Alter that one: drop it and create it anew.",
    ),
}
"""What it is, and what to do instead."""


def refuse(raw: sqlite3.Connection, name: str) -> None:
    """Refuse to make anew what is no table: the copy would be one.

    :param raw: the driver's connection.
    :raises CommandError: with what it is, and what to do instead.
    """
    (kind,) = raw.execute(KIND, (name,)).fetchone()
    with suppress(sqlite3.OperationalError):  # SQLite before 3.37 cannot tell
        (kind,) = raw.execute(SHADOW, (name,)).fetchone()
    if kind in REFUSED:
        what, instead = REFUSED[kind]
        word = "VIEW" if kind == "view" else "TABLE"
        raise CommandError(
            f"{name} is {what}, which cannot be altered.\n{instead.format(word, name)}"
        )
