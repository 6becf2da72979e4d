"""What a run may not break on SQLite: rows that refer to rows, views and triggers."""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from typing import Any, NamedTuple

from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.dialects import sqlite

from .. import sql
from ..runtime.sqlite import raw_connection

log = logging.getLogger("alembic.env")

DIALECT = sqlite.dialect()
"""How SQLite reads and writes."""

SHOWN = 5
"""How many rows a message names."""


class Catalog:
    """What SQLite knows of one of its files: the main one, or one that is attached."""

    def __init__(self, raw: Any, schema: str | None = None) -> None:
        """Take a file.

        :param raw: the driver's connection.
        :param schema: the name by which the file is attached; None for the main one.
        """
        self.raw = raw
        self.schema = schema or "main"

    @classmethod
    def every(cls, raw: Any) -> "list[Catalog]":
        """Return all the files of a connection, the main one first."""
        rows = raw.execute("PRAGMA database_list").fetchall()
        return [cls(raw, name) for _, name, _ in sorted(rows) if name != "temp"]

    def quoted(self, name: str) -> str:
        """Return a name as a statement has it, with that of the file."""
        return sql.quoted_table(name, self.schema, DIALECT)

    def dropping(self, kind: str, name: str) -> str:
        """Return the line of a revision that drops something."""
        schema = None if self.schema == "main" else self.schema
        return sql.executing(f"DROP {kind} {sql.quoted_table(name, schema, DIALECT)}")

    def label(self, name: str) -> str:
        """Return a name as a message has it."""
        return name if self.schema == "main" else f"{self.schema}.{name}"

    def rows(self, query: str, *given: Any) -> list[Any]:
        """Return what a query finds.

        :param query: with `{}` in place of the table of what there is.
        """
        master = self.quoted("sqlite_master")
        found: list[Any] = self.raw.execute(query.format(master), given).fetchall()
        return found

    def pragma(self, name: str, table: str) -> list[Any]:
        """Return what a pragma says of a table."""
        schema, table = (sql.quoted(it, DIALECT) for it in (self.schema, table))
        rows: list[Any] = self.raw.execute(
            f"PRAGMA {schema}.{name}({table})"
        ).fetchall()
        return rows

    def table(self, name: str) -> str:
        """Return the CREATE TABLE of a table."""
        where = "WHERE type = 'table' AND lower(name) = lower(?)"
        ((text,),) = self.rows(f"SELECT sql FROM {{}} {where}", name)  # noqa: S608
        return str(text)

    def kind(self, name: str) -> str:
        """Return what a name stands for: a table, a view, or a virtual table."""
        found = "SELECT type, sql FROM {} WHERE lower(name) = lower(?)"
        ((kind, text),) = self.rows(f"{found} AND type IN ('table', 'view')", name)
        with suppress(sqlite3.OperationalError):  # SQLite before 3.37 cannot tell
            ((kind,),) = self.rows(
                "SELECT type FROM pragma_table_list"
                " WHERE lower(name) = lower(?) AND schema = ?",
                *(name, self.schema),
            )
        virtual = sql.Script(text or "", DIALECT).only
        return "virtual" if virtual and virtual.begins("CREATE VIRTUAL") else str(kind)


class Orphan(NamedTuple):
    """A row as `PRAGMA foreign_key_check` reports it."""

    table: str
    rowid: int | None
    parent: str
    foreign_key: int


def remember_all(connection: Connection) -> Callable[[], None]:
    """Return a check that no row, view or trigger dangles when it is called.

    :param connection: one in the transaction of the run.
    """
    raw = raw_connection(connection)
    checks = remember_orphans(raw), remember_dependents(raw)

    def check() -> None:
        for each in checks:
            each()

    return check


def remember_orphans(raw: Any) -> Callable[[], None]:
    """Return a check that there are no more orphans than now when it is called.

    Old ones are not the fault of a run: they would block every revision for ever.

    :param raw: the driver's connection, in the transaction of the run.
    """
    before, mismatched = _orphans(raw)
    tables = {catalog.label(table) for catalog, table in _tables(raw)}

    def check() -> None:
        after, mismatches = _orphans(raw)
        for table, said in mismatches.items():
            if table not in mismatched:
                _tell_mismatch(table, said, is_new=table not in tables)
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


def _tell_mismatch(table: str, said: str, *, is_new: bool) -> None:
    """Say that a foreign key refers to columns that are no key."""
    if is_new:
        log.warning(
            "%s: %s. Writes fail where foreign keys are on: make what it refers to a"
            " primary key, or UNIQUE.",
            *(table, said),
        )
        return
    raise CommandError(
        f"Nothing was changed: nobody could write to {table} any more ({said}).\n"
        "Let the revision keep the key that it refers to, or drop the foreign key."
    )


def _told(before: dict[str, list[Orphan]], new: dict[str, list[Orphan]]) -> list[str]:
    lines = ["Nothing was changed: rows would refer to rows that are not there."]
    for table, found in new.items():
        known = {(orphan.rowid, orphan.parent) for orphan in before.get(table, [])}
        rows = [row for row in found if (row.rowid, row.parent) not in known] or found
        names = ", ".join(str(row.rowid) for row in rows[:SHOWN])
        more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
        which = f"rowid {names}{more}"
        if rows[0].rowid is None:  # as of a table WITHOUT ROWID
            which = f"{len(rows)} rows"
        lines.append(f"{table}: {which} refer to {rows[0].parent}")
    lines.append("Let the revision delete or change these rows as well.")
    return lines


def _orphans(
    raw: sqlite3.Connection,
) -> tuple[dict[str, list[Orphan]], dict[str, str]]:
    """Return the orphans of each table, and what is said where there is no key."""
    found: dict[str, list[Orphan]] = {}
    mismatches: dict[str, str] = {}
    for catalog, table in _tables(raw):
        try:
            rows = catalog.pragma("foreign_key_check", table)
        except sqlite3.OperationalError as error:
            # The key it refers to is not unique, so that no row can be looked up.
            mismatches[catalog.label(table)] = str(error)
            continue
        if rows:
            found[catalog.label(table)] = [Orphan(*row) for row in rows]
    return found, mismatches


def _tables(raw: sqlite3.Connection) -> list[tuple[Catalog, str]]:
    query = "SELECT name FROM {} WHERE type = 'table'"
    return [(it, name) for it in Catalog.every(raw) for (name,) in it.rows(query)]


def _count(orphans: dict[str, list[Orphan]]) -> int:
    return sum(len(found) for found in orphans.values())


class Attached:
    """The indexes, triggers and the last number of a table that is made anew."""

    def __init__(self, catalog: Catalog, table: str, reflected: set[str]) -> None:
        """Remember them.

        :param catalog: the file that the table is in.
        :param table: the name of the table.
        :param reflected: the indexes that Alembic knows and makes itself.
        """
        self._catalog = catalog
        self._table = table
        self._reflected = reflected
        self.indexes = self._texts("index")
        self._triggers = self._texts("trigger")
        self._last = self._last_number()

    def restore(self) -> None:
        """Make again what Alembic will not.

        :raises CommandError: when something refers to a column that is gone.
        """
        for name, text in self.indexes.items():
            if name not in self._reflected:
                self._make("INDEX", name, text)
        for name, text in self._triggers.items():
            self._make("TRIGGER", name, text)
        if self._last is not None:
            # AUTOINCREMENT promises that the number of a deleted row does not return.
            sequence = self._catalog.quoted("sqlite_sequence")
            update = f"UPDATE {sequence} SET seq = ? WHERE name = ?"  # noqa: S608
            self._catalog.rows(update, self._last, self._table)

    def make_index(self, name: str) -> None:
        """Make an index again as it was.

        :raises CommandError: when it refers to a column that is gone.
        """
        self._make("INDEX", name, self.indexes[name])

    def _make(self, kind: str, name: str, text: str) -> None:
        try:
            self._catalog.raw.execute(
                sql.in_schema(text, self._catalog.schema, DIALECT)
            )
        except sqlite3.Error as error:
            raise CommandError(
                f"{kind} {name} does not fit the altered {self._table}: {error}.\n"
                f"Drop it first, in the revision: {self._catalog.dropping(kind, name)}"
            ) from error

    def _texts(self, kind: str) -> dict[str, str]:
        found = "SELECT name, sql FROM {} WHERE type = ? AND sql IS NOT NULL"
        query = f"{found} AND lower(tbl_name) = lower(?)"
        return dict(self._catalog.rows(query, kind, self._table))

    def _last_number(self) -> int | None:
        if not self._catalog.rows("SELECT 1 FROM {} WHERE name = 'sqlite_sequence'"):
            return None
        sequence = self._catalog.quoted("sqlite_sequence")
        last = f"SELECT seq FROM {sequence} WHERE name = ?"  # noqa: S608
        rows = self._catalog.rows(last, self._table)
        return rows[0][0] if rows else None


NUMBERS = count()
"""What makes a text differ from all others."""


class Use(NamedTuple):
    """A statement in which SQLite looks into a view, or into a trigger."""

    kind: str
    name: str
    verb: str
    statement: str
    dropped: str
    """The statement that drops the view or the trigger."""
    dropping: str
    """The line of a revision that does it."""


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
                f" {broken[use]}.\nLet the revision drop it, {use.dropping}, and create"
                " it as it should be then."
            )

    return check


def _broken(raw: Any) -> dict[Use, str]:
    """Return the uses that SQLite refuses, with its reason."""
    # A view comes before the triggers that read it.
    query = (
        "SELECT type, name, tbl_name FROM {} WHERE type IN ('view', 'trigger')"
        " ORDER BY type DESC, rowid"
    )
    uses = [
        use
        for catalog in Catalog.every(raw)
        for row in catalog.rows(query)
        for use in _uses(catalog, *row)
    ]
    errors = {use.statement: _error(raw, use.statement) for use in uses}
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


def _uses(catalog: Catalog, kind: str, name: str, table: str) -> Iterator[Use]:
    quoted, dropped = catalog.quoted(table), f"DROP {kind} {catalog.quoted(name)}"
    ways, label = (dropped, catalog.dropping(kind, name)), catalog.label(name)
    if kind == "view":
        yield Use(kind, label, "SELECT", f"SELECT * FROM {quoted}", *ways)  # noqa: S608
        return
    yield Use(kind, label, "INSERT", f"INSERT INTO {quoted} DEFAULT VALUES", *ways)
    yield Use(kind, label, "DELETE", f"DELETE FROM {quoted}", *ways)  # noqa: S608
    with suppress(sqlite3.Error):  # the columns of a view that is broken itself
        info = catalog.pragma("table_info", table)
        names = [sql.quoted(row[1], DIALECT) for row in info]
        same = ", ".join(f"{name} = {name}" for name in names)
        yield Use(kind, label, "UPDATE", f"UPDATE {quoted} SET {same}", *ways)  # noqa: S608


def _culprit(raw: Any, broken: list[Use]) -> Use:
    """Find out which one is to blame: without it, most of the others work.

    A statement runs all the triggers of its table, and those of the tables that they
    write to; SQLite does not say in which one it failed.
    """
    if broken[0].kind == "view":
        return broken[0]

    def still_broken(use: Use) -> int:
        raw.execute("SAVEPOINT without_trigger")
        raw.execute(use.dropped)
        left = sum(_error(raw, other.statement) is not None for other in broken)
        raw.execute("ROLLBACK TO without_trigger")
        raw.execute("RELEASE without_trigger")
        return left

    return min(broken, key=still_broken)
