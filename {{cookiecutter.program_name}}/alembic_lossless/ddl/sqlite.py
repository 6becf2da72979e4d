"""Alembic's table rebuild for SQLite, which loses nothing that nobody dropped.

And what a run may not break there, which is looked at before it is committed: rows that
refer to rows, views and triggers.
"""

import copy
import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any, NamedTuple

import sqlalchemy as sa
from alembic.ddl.sqlite import SQLiteImpl
from alembic.operations import BatchOperations, Operations
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.elements import conv, quoted_name
from sqlalchemy.types import TypeEngine

from .. import sql
from .._alembic import leave_checks_to_names, rebuilds
from ..runtime.sqlite import pragma, raw_connection
from ..sql import Item
from ..types.conversion import CASTS, copied
from ..types.portable import SQLType, ddl
from ..types.reflection import CompleteReflection, inspector_of

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
        were, are = (sum(map(len, it.values())) for it in (before, after))
        if not new and are > were:
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


Type = sa.types.TypeEngine[Any]

CONFLICTS = "sqlite_on_conflict_not_null"
"""What a column does with a row in which it is NULL; a revision may say it anew."""


class Columns:
    """The types, defaults, collations and expressions of columns, word for word."""

    def __init__(
        self,
        catalog: Catalog,
        batch: Any,
        names: dict[str, str | None],
        items: Sequence[Item],
    ) -> None:
        """Look at the columns of the old table.

        :param catalog: the file that the table is in.
        :param batch: Alembic's ApplyBatchImpl: the old table, the new, how they differ.
        :param names: the new name of each column by the old one; None if dropped.
        :param items: what stands in the CREATE TABLE of the old one.
        """
        self._catalog = catalog
        self._batch = batch
        self._names = names
        self._items = {item.column: item for item in items if item.column}
        self._before = self._declared()
        self._collations = {
            name: None if self._drops_collation(name) else item.collation
            for name, item in self._items.items()
        }

    def complete(self) -> None:
        """Let the columns of the new table say what SQLAlchemy did not see."""
        for name, (words, _) in self._before.items():
            new = self._batch.new_table.c.get(name)
            if new is not None:
                item = self._items[name]
                self._keep_type(new, words, self._collations[name])
                self._keep_expressions(new, item.computed)

    def still_conflicts(self, name: str) -> bool:
        """Tell whether a column is NOT NULL, and the revision leaves what it says."""
        new = self._batch.new_table.c.get(name)
        return new is not None and not new.nullable and CONFLICTS not in new.info

    def lost(self, items: Sequence[Item]) -> list[str]:
        """Return what the columns said before and do not say now.

        :param items: what stands in the CREATE TABLE of the new table.
        """
        after, lost = self._declared(), []
        collations = {item.column: item.collation for item in items}
        for old, (_, default) in self._before.items():
            new, collation = self._names[old], self._collations[old]
            if new is None:
                continue
            left_alone = _default(self._batch.columns[old]) == _default(
                self._batch.table.c[old]
            )
            if left_alone and not _same(default, after[new][1]):
                lost.append(f"DEFAULT {default} of {old}")
            if collation and self._is_collated(old) and not collations[new]:
                lost.append(f"COLLATE {collation} of {old}")
        return lost

    def _drops_collation(self, name: str) -> bool:
        """Tell whether a type was given anew that differs by its collation.

        A revision may speak of it, or of nothing else.
        """
        old, new = self._batch.table.c[name], self._batch.columns.get(name)
        if new is None or new.type is old.type:
            return False
        is_said = old.info.get("is_collated", False)
        return is_said or ddl(new.type, "sqlite") == ddl(old.type, "sqlite")

    def _is_collated(self, name: str) -> bool:
        new = self._batch.new_table.c[name]
        return isinstance(new.type, sa.String | SQLType) or self._keeps_type(new)

    def _keeps_type(self, new: sa.Column[Any]) -> bool:
        return repr(self._batch.table.c[new.key].type) == repr(new.type)

    def _keep_type(
        self, new: sa.Column[Any], words: str, collation: str | None
    ) -> None:
        """Leave a type in its words, and its collation with what is text."""
        if isinstance(new.type, sa.String):
            new.type = text = copy.copy(new.type)
            text.collation = text.collation or collation
        elif self._keeps_type(new):
            said = ddl(new.type, "sqlite") or ""
            if collation:
                words += f" COLLATE {sql.quoted(collation, DIALECT)}"
            if not words or not _same(words, said):
                # INT is no INTEGER: as a primary key that is the number of the row.
                new.type = SQLType(words)

    def _keep_expressions(self, new: sa.Column[Any], computed: str | None) -> None:
        old = self._batch.table.c[new.key]
        if _default(old) == _default(new) and isinstance(
            new.server_default, sa.DefaultClause
        ):
            # SQLAlchemy takes a colon in what it found for the begin of a parameter.
            said = self._before[old.name][1]
            new.server_default = sa.DefaultClause(sql.text(said or ""))
        if new.computed is not None and computed and _formula(old) == _formula(new):
            formula = sql.renamed(computed, self._names, DIALECT)
            new.computed.sqltext = sql.text(formula or computed)

    def _declared(self) -> dict[str, tuple[str, str | None]]:
        """Return the type and the default of each column, in the table's own words."""
        rows = self._catalog.pragma("table_xinfo", self._batch.table.name)
        return {name: (type_, default) for _, name, type_, _, default, *_ in rows}


def _same(one: str | None, other: str | None) -> bool:
    return sql.same(one or "", other or "", DIALECT)


def _default(column: sa.Column[Any]) -> str:
    """Return what a column says of its default."""
    return str(getattr(column.server_default, "arg", None))


def _condition(check: sa.CheckConstraint) -> str:
    return sql.compiled(check.sqltext, DIALECT)


def _formula(column: sa.Column[Any]) -> str:
    """Return what a column says it is computed from."""
    return str(getattr(column.computed, "sqltext", None))


CLAUSES = ("AUTOINCREMENT", "WITHOUT ROWID", "STRICT", "AS", "PRIMARY KEY DESC")
"""What must be there as often as before; AS is a generated column."""

ON_CONFLICT = tuple(
    f"ON CONFLICT {what}" for what in ("ROLLBACK", "ABORT", "FAIL", "IGNORE", "REPLACE")
)

CLAUSE = "sqlite_on_conflict"
"""The option that says it of a constraint; of NOT NULL the one of a column does."""

OF_CONSTRAINTS = (
    *ON_CONFLICT,
    *("DEFERRABLE", "NOT DEFERRABLE", "INITIALLY DEFERRED", "INITIALLY IMMEDIATE"),
)
"""What the constraints that stay must say as often as before."""


class Unreflected:
    """Know a table before it is made anew, complete the new one, and compare."""

    def __init__(self, catalog: Catalog, batch: Any, replaced: Sequence[str]) -> None:
        """Look at the table.

        :param catalog: the file that the table is in.
        :param batch: Alembic's ApplyBatchImpl: the old table, the new, how they differ.
        :param replaced: the unnamed CHECKs of types that are others from now on.
        """
        self._catalog = catalog
        self._no_longer = replaced
        self._batch = batch
        # A column that is dropped has no name any more.
        self._names: dict[str, str | None] = {
            name: batch.columns[name].name if name in batch.columns else None
            for name in (column.name for column in batch.table.columns)
        }
        self._items = self._read()
        self._columns = Columns(catalog, batch, self._names, self._items)
        self._actions = self._foreign_key_actions()
        self._of_constraints = dict[str, int]()

    def complete(self) -> None:
        """Tell the new table what SQLAlchemy did not see in the old one."""
        new, options = self._batch.new_table, " ".join(self._items[-1].words)
        self._complete_checks()
        told = new.dialect_options["sqlite"]
        told["strict"] |= "STRICT" in options
        told["with_rowid"] &= "WITHOUT ROWID" not in options
        told["autoincrement"] |= _count(self._items, "AUTOINCREMENT") > 0
        for column in new.primary_key if told["autoincrement"] else ():
            # The key then stands in the column, and so does what it says.
            said = new.primary_key.dialect_options["sqlite"]["on_conflict"]
            column.dialect_options["sqlite"]["on_conflict_primary_key"] = said
        self._columns.complete()
        for key in self._untouched_keys():
            update, delete = self._actions[key]
            for made in new.foreign_key_constraints:
                if tuple(made.column_keys) == key:
                    made.onupdate, made.ondelete = update, delete
        for column in self._batch.table.columns:
            if column.computed is not None:
                # It computes itself: nothing is to be copied.
                self._batch.column_transfers.get(column.name, {}).pop("expr", None)
        self._of_constraints = self._count_of_constraints()

    def _count_of_constraints(self) -> dict[str, int]:
        """Return how often the constraints that stay say each clause.

        What nobody read stays.
        """
        gone = Counter[str]()
        for constraint in self._batch.table.constraints:
            if not self._stays(constraint):
                gone.update(_clauses(constraint))
        for item in self._items:
            # Behind a CHECK it has no effect.
            said = [item.on_conflict("CHECK")]
            if item.column and not self._columns.still_conflicts(item.column):
                said.append(item.on_conflict("NOT NULL"))
            gone.update(f"ON CONFLICT {it}" for it in said if it)
        return {it: _count(self._items, it) - gone[it] for it in OF_CONSTRAINTS}

    def _stays(self, constraint: sa.Constraint) -> bool:
        """Tell whether the new table has a constraint of the old one."""
        batch = self._batch
        left = (*batch.named_constraints.values(), *batch.unnamed_constraints)
        if not any(it is constraint for it in left):
            return False
        if constraint.name:
            return constraint.name in {it.name for it in batch.new_table.constraints}
        columns: Any = getattr(constraint, "columns", ())
        return all(it.name in batch.column_transfers for it in columns)

    def _complete_checks(self) -> None:
        new = self._batch.new_table
        conditions: dict[Any, str] = {
            name: condition for name, condition, _ in self._checks()
        }
        for check in [c for c in new.constraints if isinstance(c, sa.CheckConstraint)]:
            own = check.name in conditions and check.name in self._left_alone()
            said = conditions[check.name] if own else _condition(check)
            condition = sql.renamed(said, self._names, DIALECT)
            if condition is None:
                # It is dropped with its column, as on PostgreSQL.
                new.constraints.remove(check)
            elif own:
                check.sqltext = sql.text(condition)
        for condition, clause in self._conditions():
            options: Any = {CLAUSE: clause} if clause else {}
            check = sa.CheckConstraint(sql.text(condition), **options)
            new.append_constraint(check)

    def _checks(self) -> list[tuple[str | None, str, str | None]]:
        """Return the names of the CHECKs, their conditions and their ON CONFLICT."""
        return [
            (name, condition, item.on_conflict("CHECK"))
            for item in self._items
            for name, condition in item.checks
        ]

    def lost(self) -> list[str]:
        """Return what the table had before and has not now."""
        after = self._read()
        named = {item.constraint for item in after}
        stay = [
            item
            for item in self._items
            if (item.column is None or self._names.get(item.column))
            and (item.constraint is None or item.constraint in named)
            and item.constraint not in self._replaced()
        ]
        expected = {it: _count(stay, it) for it in CLAUSES} | self._of_constraints
        lost = [it for it, number in expected.items() if number > _count(after, it)]
        checks = {sql.normal(it, DIALECT) for item in after for _, it in item.checks}
        conditions = [
            it for it, _ in self._conditions() if sql.normal(it, DIALECT) not in checks
        ]
        lost += [f"CHECK ({condition})" for condition in conditions]
        lost += [key for item in stay for key in self._ordered_keys(item)]
        lost += self._columns.lost(after)
        actions = self._foreign_key_actions()
        for key in self._untouched_keys():
            now = tuple(str(self._names[column]) for column in key)
            if actions.get(now) != self._actions[key]:
                lost.append(f"ON DELETE or ON UPDATE of {', '.join(key)}")
        return lost

    def _replaced(self) -> set[str]:
        """Return the names of constraints that the revision drops and makes."""
        now = self._batch.named_constraints
        old = [c for c in self._batch.table.constraints if c.name]
        return {str(c.name) for c in old if now.get(c.name) is not c}

    def _conditions(self) -> list[tuple[str, str | None]]:
        """Return the unnamed CHECKs, unless the revision gives CHECKs itself."""
        if any(isinstance(it, sa.CheckConstraint) for it in self._batch.table_args):
            return []
        found, left = [], [sql.normal(it, DIALECT) for it in self._no_longer]
        for name, condition, said in self._checks():
            if (plain := sql.normal(condition, DIALECT)) in left and name is None:
                left.remove(plain)  # of two that say the same, one may stay
                continue
            renamed = sql.renamed(condition, self._names, DIALECT)
            if renamed and name is None:
                found.append((renamed, said))
        return found

    def _left_alone(self) -> set[Any]:
        """Return the names of the constraints that are the old table's."""
        kept = self._batch.named_constraints
        old = {known.name: known for known in self._batch.table.constraints}
        return {name for name in kept if kept[name] is old.get(name)}

    def _ordered_keys(self, item: Item) -> list[str]:
        """Return what a key of columns that stay says of their order."""
        groups = item.groups if item.is_key else []
        keys = [it for it in groups if sql.has_order(it, DIALECT)]
        return [
            f"the order of the key ({it})"
            for it in keys
            if sql.renamed(it, self._names, DIALECT)
        ]

    def _untouched_keys(self) -> list[tuple[str, ...]]:
        """Return the columns of the foreign keys that the revision leaves alone."""
        batch = self._batch
        left = [*batch.named_constraints.values(), *batch.unnamed_constraints]
        keys = [
            tuple(key.column_keys)
            for key in batch.table.foreign_key_constraints
            if any(key is constraint for constraint in left)
        ]
        return [
            key
            for key in keys
            if key in self._actions and all(self._names.get(column) for column in key)
        ]

    def _read(self) -> Sequence[Item]:
        return sql.items(self._catalog.table(self._batch.table.name), DIALECT)

    def _foreign_key_actions(self) -> dict[tuple[str, ...], tuple[str | None, ...]]:
        """Return ON UPDATE and ON DELETE of each foreign key, by its columns."""
        columns: dict[int, list[str]] = {}
        actions: dict[int, tuple[str | None, ...]] = {}
        for row in self._catalog.pragma("foreign_key_list", self._batch.table.name):
            number, _, _, column, _, *rest = row
            columns.setdefault(number, []).append(column)
            actions[number] = tuple(
                None if action == "NO ACTION" else action for action in rest[:2]
            )
        return {tuple(columns[number]): actions[number] for number in columns}


def _clauses(constraint: Any) -> Iterator[str]:
    """Give what a constraint says beside its columns, as a CREATE TABLE has it."""
    if said := constraint.dialect_kwargs.get(CLAUSE):
        yield f"ON CONFLICT {said}"
    if constraint.deferrable is not None:
        yield "DEFERRABLE"
    if constraint.deferrable is False:
        yield "NOT DEFERRABLE"
    if constraint.initially:
        yield f"INITIALLY {constraint.initially}"


def _count(items: Sequence[Item], clause: str) -> int:
    return sum(item.count(clause) for item in items)


Key = type[sa.UniqueConstraint] | type[sa.ForeignKeyConstraint]

UNNAMED: dict[str, Key] = {
    "unique": sa.UniqueConstraint,
    "foreignkey": sa.ForeignKeyConstraint,
}
"""The constraints that a batch can drop without a name."""

ANEW = "Let the revision drop it, {}, and create it anew."

REFUSED = {
    "view": ("a view", ANEW),
    "virtual": ("a virtual table", ANEW),
    "shadow": (
        "a part of a virtual table",
        "Alter that one: drop it and create it anew.",
    ),
}
"""What it is, and what to do instead."""


class Rebuild(CompleteReflection, SQLiteImpl):
    """Alter a table as Alembic does: make a new one, copy the rows, drop the old one.

    With the old one go its triggers and the indexes that SQLAlchemy cannot reflect,
    and the new one has only what it can. So look before, and put it back.
    """

    _attached: Attached | None = None
    _no_longer: Sequence[str] = ()
    _left_out: tuple[list[str], Key] | None = None
    _left_checks: Sequence[str] = ()
    _new_names: Mapping[str, str] = {}
    _conflicts: Mapping[str, str | None] = {}
    _details: Unreflected
    _batch: Any
    _catalog: Catalog

    def requires_recreate_in_batch(self, batch_op: Any) -> bool:
        """Make a table anew also for a new column whose rows have to be counted."""
        added = (it[1] for verb, it, _ in batch_op.batch if verb == "add_column")
        return any(map(_counts, added)) or super().requires_recreate_in_batch(batch_op)

    def prep_table_for_batch(self, batch_impl: Any, table: sa.Table) -> None:
        """Look at a table; Alembic calls this before it makes the new one."""
        super().prep_table_for_batch(batch_impl, table)
        leave_checks_to_names(batch_impl)
        for name, said in self._conflicts.items():
            column = batch_impl.new_table.c[name]
            column.dialect_kwargs[CONFLICTS] = column.info[CONFLICTS] = said
        self._conflicts = {}
        for column in batch_impl.new_table.c:
            if column.key not in table.c and _counts(column):
                numbered = {"expr": _numbers(column.identity)}
                batch_impl.column_transfers[column.key].update(numbered)
        if self.connection is None or self.as_sql:
            return
        self._catalog = Catalog(raw_connection(self.connection), table.schema)
        _refuse_other_kinds(self._catalog, table.name)
        reflected = {str(index.name) for index in table.indexes}
        self._attached = Attached(self._catalog, table.name, reflected)
        self._batch = batch_impl
        self._drop_unnamed()
        gone, self._left_checks = [*self._no_longer, *self._left_checks], ()
        self._details = Unreflected(self._catalog, batch_impl, gone)
        self._details.complete()
        self._rename(batch_impl.new_table.constraints)
        # Else a constraint that says so would replace or leave out rows that break it.
        copying = batch_impl.new_table.insert().prefix_with("OR ABORT")
        vars(batch_impl.new_table)["insert"] = lambda: copying

    def say_conflicts(self, said: Mapping[str, str | None]) -> None:
        """Let columns say what NULL does in the batch that is open.

        :param said: ON CONFLICT of NOT NULL, by the name of a column.
        """
        self._conflicts = said

    def rename_constraints(self, names: Mapping[str, str]) -> None:
        """Give constraints other names in the batch that is open.

        :param names: the new names by the old ones.
        """
        self._new_names = names

    def _rename(self, constraints: Iterable[sa.Constraint]) -> None:
        names, self._new_names = self._new_names, {}
        for constraint in constraints:
            if (new := names.get(str(constraint.name))) is not None:
                constraint.name = conv(new)

    def replace_checks(self, constraints: Iterable[sa.Constraint]) -> None:
        """Find the CHECKs of types in the batch that is open, whatever they are called.

        :param constraints: what the batch drops.
        """
        self._no_longer = [*filter(None, map(self.name_as_there, constraints))]

    def leave_out(
        self, columns: Sequence[str], kind: str, condition: str | None = None
    ) -> None:
        """Drop a constraint without a name in the batch that is open.

        :param columns: its columns.
        :param kind: `unique`, `foreignkey` or `check`.
        :param condition: what a CHECK says.
        """
        if condition is not None:
            self._left_checks = [condition]
            return
        self._left_out = list(columns), UNNAMED[kind]

    def _drop_unnamed(self) -> None:
        if self._left_out is None:
            return
        (columns, kind), self._left_out = self._left_out, None
        batch = self._batch
        for constraints in (batch.unnamed_constraints, batch.new_table.constraints):
            for it in [it for it in constraints if isinstance(it, kind)]:
                if not it.name and [column.name for column in it.columns] == columns:
                    constraints.remove(it)

    def rename_table(
        self,
        old_table_name: str,
        new_table_name: str | quoted_name,
        schema: str | quoted_name | None = None,
    ) -> None:
        """Give the new table its name, and what hung on the old one.

        SQLite takes names that differ in their case for the same one.
        """
        if self._attached is None or old_table_name != self._batch.temp_table_name:
            if old_table_name.lower() == new_table_name.lower():
                between = f"{new_table_name}__in_another_case"
                super().rename_table(old_table_name, between, schema)
                old_table_name = between
            super().rename_table(old_table_name, new_table_name, schema)
            return
        # Else SQLite looks for the old table in every view and trigger, and fails.
        with pragma(self._catalog.raw, "legacy_alter_table", 1):
            super().rename_table(old_table_name, new_table_name, schema)
        self._attached.restore()
        lost = self._details.lost()
        if lost:
            raise CommandError(
                f"Altering {new_table_name} would have lost {', '.join(lost)}.\n"
                "Write this change with op.execute instead: CREATE TABLE, INSERT"
                " ... SELECT, DROP TABLE, ALTER TABLE ... RENAME."
            )

    def create_index(self, index: sa.Index, **kw: Any) -> None:
        """Make an index of a rebuilt table as it was, with DESC and COLLATE."""
        name, old = str(index.name), self._attached
        if old is None or name not in old.indexes or not self._is_left_alone(index):
            super().create_index(index, **kw)
        elif all(column.key == column.name for column in index.columns):
            old.make_index(name)
        elif sql.has_order(old.indexes[name], DIALECT):
            raise CommandError(
                f"Renaming a column would change the index {name}. Let the revision"
                f" drop it, {self._catalog.dropping('INDEX', name)}, and create it as"
                " it should be then."
            )
        else:
            super().create_index(index, **kw)

    def _is_left_alone(self, index: sa.Index) -> bool:
        """Say whether Alembic only copies an index to the new table."""
        batch = self._batch
        return index.table is batch.new_table and index.name not in batch.new_indexes


def _counts(column: sa.Column[Any]) -> bool:
    """Tell a column that a row needs a number of, which SQLite does not give."""
    return column.identity is not None and not column.nullable


def _numbers(identity: sa.Identity) -> sa.ColumnElement[int]:
    """Return what counts the rows that are there, as other databases do."""
    step = identity.increment or 1
    first = identity.minvalue if step > 0 else identity.maxvalue
    start = identity.start if identity.start is not None else first
    begin = start if start is not None else (1 if step > 0 else -1)
    number = sa.func.row_number().over()
    return sa.literal_column(str(begin)) + (number - 1) * sa.literal_column(str(step))


class SQLite(Rebuild):
    """Copy dates as the text they are.

    SQLite has no dates: to it `CAST('2026-03-01' AS DATE)` is the number 2026, which is
    what would be left of every row.

    Source: section 3.1 of SQLite's "Datatypes", on the affinity of a declared type.
    """

    def cast_for_batch_migrate(
        self,
        existing: sa.Column[Any],
        existing_transfer: dict[str, Any],
        new_type: TypeEngine[Any],
    ) -> None:
        """Choose the expression that fills a rebuilt column."""
        source = existing_transfer["expr"]
        if isinstance(new_type, sa.DateTime) and isinstance(existing.type, sa.Date):
            existing_transfer["expr"] = sa.type_coerce(source, sa.String).concat(
                " 00:00:00.000000"
            )
        elif isinstance(new_type, CASTS):
            super().cast_for_batch_migrate(existing, existing_transfer, new_type)
        else:
            existing_transfer["expr"] = copied(source, new_type)


DROPS = "drop_constraint"
"""What a batch calls when it is done."""


class SQLiteOperations(Operations):
    """Stand for `op`: read a table that is to be rebuilt as the library reads it.

    Alembic's own way warns of what `Rebuild` keeps, CHECKs without a name and indexes
    of expressions.
    """

    @contextmanager
    def batch_alter_table(
        self, *table: Any, **options: Any
    ) -> Iterator[BatchOperations]:
        """Collect changes of a table, and make them together."""
        with super().batch_alter_table(*table, **options) as batch:
            yield batch
            rebuild, offline = batch.impl, self.migration_context.as_sql
            tell_conflicts(rebuild)
            if not offline and rebuild.copy_from is None and rebuilds(rebuild):
                rebuild.copy_from = _reflected(rebuild, self.get_bind())
                calls = [it for name, it, _ in rebuild.batch if name == DROPS]
                impl: Any = rebuild.impl
                impl.replace_checks(it for (it,) in calls)
                for verb, (_, *names), given in rebuild.batch:
                    known = getattr(given.get("existing_type"), "collation", None)
                    if verb == "alter_column" and known and given.get("type_"):
                        rebuild.copy_from.c[names[0]].info["is_collated"] = True


def tell_conflicts(batch: Any) -> None:
    """Tell a rebuild what columns say of NULL, which Alembic does not hear.

    :param batch: what collected the changes of a table.
    """
    altered = (it for verb, *it in batch.batch if verb == "alter_column")
    said = {at[1]: it[CONFLICTS] for at, it in altered if CONFLICTS in it}
    if isinstance(batch.impl, Rebuild):
        batch.impl.say_conflicts(said)


def _reflected(batch: Any, connection: sa.Connection) -> sa.Table:
    """Return a table as a batch would reflect it."""
    table = sa.Table(
        batch.table_name,
        sa.MetaData(),
        *batch.reflect_args,
        schema=batch.schema,
        **batch.reflect_kwargs,
    )
    inspector = inspector_of(connection)
    inspector.reflect_table(table, include_columns=None, resolve_fks=False)
    for check in [it for it in table.constraints if isinstance(it, sa.CheckConstraint)]:
        if not check.name:
            table.constraints.remove(check)
    if not batch.naming_convention:
        return table
    for constraint in table.constraints:
        if isinstance(constraint.name, str):
            constraint.name = conv(constraint.name)
    convention = sa.MetaData(naming_convention=batch.naming_convention)
    return table.to_metadata(convention)


def _refuse_other_kinds(catalog: Catalog, name: str) -> None:
    """Refuse to make anew what is no table: the copy would be one."""
    kind = catalog.kind(name)
    if kind in REFUSED:
        what, instead = REFUSED[kind]
        word = "VIEW" if kind == "view" else "TABLE"
        instead = instead.format(catalog.dropping(word, name))
        raise CommandError(f"{name} is {what}, which cannot be altered.\n{instead}")
