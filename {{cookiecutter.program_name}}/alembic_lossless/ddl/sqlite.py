"""Alembic's table rebuild for SQLite, which loses nothing that nobody dropped."""

import copy
import re
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import sqlalchemy as sa
from alembic.ddl.sqlite import SQLiteImpl
from alembic.util import CommandError
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.elements import quoted_name
from sqlalchemy.types import TypeEngine

from ..runtime.sqlite import pragma, raw_connection
from ..types.portable import SQLType, ddl
from .sqlite_checks import Attached

STRING = r"""'[^']*'|"[^"]*"|`[^`]*`|\[[^\]]*\]"""


COMMENT = re.compile(rf"({STRING})|--[^\n]*|/\*.*?\*/", re.DOTALL)


TOKEN = re.compile(rf"\s+|{STRING}|\w+|.", re.DOTALL)
"""A doubled quote inside quotes makes two tokens, which does no harm here."""


_QUOTER = sqlite.dialect().identifier_preparer


CONSTRAINTS = ("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN")


class Item(NamedTuple):
    """A column, a constraint, or the options after the parentheses."""

    column: str | None
    constraint: str | None
    words: list[str]
    """In upper case; what stands in parentheses is one word."""
    checks: list[str]
    """The conditions of CHECKs without a name."""
    collation: str | None
    computed: str | None
    """The expression of a generated column."""

    @property
    def is_key(self) -> bool:
        """Whether it is a primary key, or a UNIQUE, that stands by itself."""
        return self.column is None and bool({"PRIMARY", "UNIQUE"} & {*self.words})

    def count(self, clause: str) -> int:
        """Count a clause, such as ON CONFLICT."""
        return f" {' '.join(self.words)} ".count(f" {clause} ")


def read(sql: str) -> list[Item]:
    """Read the text that `sqlite_master` has of a table.

    :param sql: it begins with CREATE TABLE.
    """
    parts = _parts(COMMENT.sub(r"\1", sql))
    body = next(part for part in parts if part.startswith("("))
    items: list[list[str]] = [[]]
    for part in _parts(body[1:-1]):
        if part == ",":
            items.append([])
        else:
            items[-1].append(part)
    options = [part.upper() for part in parts[parts.index(body) + 1 :]]
    return [*map(_item, items), Item(None, None, options, [], None, None)]


def renamed(condition: str, names: Mapping[str, str | None]) -> str | None:
    """Return a condition as it reads when columns have other names.

    :param condition: an expression of SQL.
    :param names: the new name of each column by the old one; None for one that goes.
    :return: None when the condition speaks of a column that goes.
    """
    known = {old.lower(): new for old, new in names.items()}
    words = []
    for word in TOKEN.findall(condition):
        bare = _name(word)
        new = known.get(bare.lower(), bare) if word[0] != "'" else bare
        if new is None:
            return None
        words.append(word if new == bare else _QUOTER.quote(new))
    return "".join(words)


def bare(expression: str | None) -> str:
    """Return an expression without spaces, and the parentheses around it."""
    words = "".join((expression or "").split())
    while words.startswith("(") and words.endswith(")"):
        words = words[1:-1]
    return words


def _parts(sql: str) -> list[str]:
    """Split into words, each pair of parentheses with all that is in it being one."""
    parts = [""]
    depth = 0
    for piece in TOKEN.findall(sql):
        depth += (piece == "(") - (piece == ")")
        parts[-1] += piece
        if depth == 0:
            parts.append("")
    return [part for part in parts if part.strip()]


def _item(parts: list[str]) -> Item:
    words = [part.upper() for part in parts]
    column = _name(parts[0]) if words[0] not in CONSTRAINTS else None
    constraint = _name(parts[1]) if words[0] == "CONSTRAINT" else None
    checks = [
        parts[place + 1][1:-1].strip()
        for place, word in enumerate(words)
        if word == "CHECK" and "CONSTRAINT" not in words[max(0, place - 2) : place]
    ]
    collation = computed = None
    if column and "COLLATE" in words:
        collation = _name(parts[words.index("COLLATE") + 1])
    if column and "AS" in words:
        computed = parts[words.index("AS") + 1][1:-1]
    said = words[1:] if column else words
    return Item(column, constraint, said, checks, collation, computed)


def _name(word: str) -> str:
    """Return a name without its quotes."""
    return word[1:-1] if word[0] in "\"'`[" else word


Type = sa.types.TypeEngine[Any]


class Columns:
    """The types, defaults, collations and expressions of columns, word for word."""

    def __init__(
        self, raw: Any, batch: Any, names: dict[str, str | None], items: list[Item]
    ) -> None:
        """Look at the columns of the old table.

        :param raw: the driver's connection.
        :param batch: Alembic's ApplyBatchImpl: the old table, the new, how they differ.
        :param names: the new name of each column by the old one; None if it goes.
        :param items: what stands in the CREATE TABLE of the old one.
        """
        self._raw = raw
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

    def lost(self, items: list[Item]) -> list[str]:
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
            if left_alone and default != after[new][1]:
                lost.append(f"DEFAULT {default} of {old}")
            if collation and self._is_collated(old) and not collations[new]:
                lost.append(f"COLLATE {collation} of {old}")
        return lost

    def _drops_collation(self, name: str) -> bool:
        """Tell whether a type was given anew that differs by its collation alone."""
        old, new = self._batch.table.c[name], self._batch.columns.get(name)
        if new is None or new.type is old.type:
            return False
        return ddl(new.type, "sqlite") == ddl(old.type, "sqlite")

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
                words += f' COLLATE "{collation}"'
            if not words or bare(words).upper() != bare(said).upper():
                # INT is no INTEGER: as a primary key that is the number of the row.
                new.type = SQLType(words)

    def _keep_expressions(self, new: sa.Column[Any], computed: str | None) -> None:
        if isinstance(new.server_default, sa.DefaultClause):
            default = new.server_default.arg
            if isinstance(default, sa.TextClause):
                new.server_default = sa.DefaultClause(literal(default.text))
        old = self._batch.table.c[new.key]
        if new.computed is not None and computed and _formula(old) == _formula(new):
            new.computed.sqltext = literal(renamed(computed, self._names) or computed)

    def _declared(self) -> dict[str, tuple[str, str | None]]:
        """Return the type and the default of each column, in the table's own words."""
        quoted = self._batch.table.name.replace('"', '""')
        rows = self._raw.execute(f'PRAGMA table_xinfo("{quoted}")').fetchall()
        return {name: (type_, bare(default)) for _, name, type_, _, default, *_ in rows}


def literal(sql: str) -> sa.TextClause:
    """Return a text without parameters: in SQLAlchemy's, a colon begins one."""
    return sa.text(re.sub(r"(?<!\\):", r"\:", sql))


def _default(column: sa.Column[Any]) -> str:
    """Return what a column says of its default."""
    return str(getattr(column.server_default, "arg", None))


def _formula(column: sa.Column[Any]) -> str:
    """Return what a column says it is computed from."""
    return str(getattr(column.computed, "sqltext", None))


CLAUSES = (
    *("AUTOINCREMENT", "WITHOUT ROWID", "STRICT", "AS", "PRIMARY KEY DESC"),
    *("ON CONFLICT", "DEFERRABLE", "NOT DEFERRABLE", "INITIALLY DEFERRED"),
)
"""What must be there as often as before; AS is a generated column."""


ORDERED = re.compile(r"\(.*\b(COLLATE|DESC)\b", re.DOTALL)
"""A key by another collation, or downwards, for which SQLAlchemy has no words."""


class Unreflected:
    """Know a table before it is made anew, complete the new one, and compare."""

    def __init__(self, raw: Any, batch: Any) -> None:
        """Look at the table.

        :param raw: the driver's connection.
        :param batch: Alembic's ApplyBatchImpl: the old table, the new, how they differ.
        """
        self._raw = raw
        self._batch = batch
        # A column that goes has no name any more.
        self._names: dict[str, str | None] = {
            name: batch.columns[name].name if name in batch.columns else None
            for name in (column.name for column in batch.table.columns)
        }
        self._items = self._read()
        self._columns = Columns(raw, batch, self._names, self._items)
        self._actions = self._foreign_key_actions()

    def complete(self) -> None:
        """Tell the new table what SQLAlchemy did not see in the old one."""
        new, options = self._batch.new_table, " ".join(self._items[-1].words)
        self._complete_checks()
        told = new.dialect_options["sqlite"]
        told["strict"] |= "STRICT" in options
        told["with_rowid"] &= "WITHOUT ROWID" not in options
        told["autoincrement"] |= any(map(_counts_up, self._items))
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

    def _complete_checks(self) -> None:
        new = self._batch.new_table
        for check in [c for c in new.constraints if isinstance(c, sa.CheckConstraint)]:
            condition = renamed(str(check.sqltext), self._names)
            if condition is None:
                # It goes with its column, as on PostgreSQL.
                new.constraints.remove(check)
            elif check.name in self._left_alone():
                check.sqltext = literal(condition)
        for condition in self._conditions():
            new.append_constraint(sa.CheckConstraint(literal(condition)))

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
        lost = [
            clause for clause in CLAUSES if _count(stay, clause) > _count(after, clause)
        ]
        checks = {bare(check) for item in after for check in item.checks}
        conditions = [it for it in self._conditions() if bare(it) not in checks]
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

    def _conditions(self) -> list[str]:
        """Return the unnamed CHECKs, unless the revision gives CHECKs itself."""
        if any(isinstance(it, sa.CheckConstraint) for it in self._batch.table_args):
            return []
        checks = [check for item in self._items for check in item.checks]
        conditions = [renamed(check, self._names) for check in checks]
        return [condition for condition in conditions if condition]

    def _left_alone(self) -> set[Any]:
        """Return the names of the constraints that are the old table's."""
        kept = self._batch.named_constraints
        old = {known.name: known for known in self._batch.table.constraints}
        return {name for name in kept if kept[name] is old.get(name)}

    def _ordered_keys(self, item: Item) -> list[str]:
        """Return what a key of columns that stay says of their order."""
        keys = [word for word in item.words if item.is_key and ORDERED.match(word)]
        return [f"the order of the key {it}" for it in keys if renamed(it, self._names)]

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

    def _read(self) -> list[Item]:
        text = "SELECT sql FROM sqlite_master WHERE type = 'table' AND lower(name) = ?"
        (sql,) = self._raw.execute(text, (self._batch.table.name.lower(),)).fetchone()
        return read(sql)

    def _foreign_key_actions(self) -> dict[tuple[str, ...], tuple[str | None, ...]]:
        """Return ON UPDATE and ON DELETE of each foreign key, by its columns."""
        columns: dict[int, list[str]] = {}
        actions: dict[int, tuple[str | None, ...]] = {}
        quoted = self._batch.table.name.replace('"', '""')
        for row in self._raw.execute(f'PRAGMA foreign_key_list("{quoted}")').fetchall():
            number, _, _, column, _, *rest = row
            columns.setdefault(number, []).append(column)
            actions[number] = tuple(
                None if action == "NO ACTION" else action for action in rest[:2]
            )
        return {tuple(columns[number]): actions[number] for number in columns}


def _counts_up(item: Item) -> bool:
    return item.count("AUTOINCREMENT") > 0


def _count(items: list[Item], clause: str) -> int:
    return sum(item.count(clause) for item in items)


Key = type[sa.UniqueConstraint] | type[sa.ForeignKeyConstraint]


UNNAMED: dict[str, Key] = {
    "unique": sa.UniqueConstraint,
    "foreignkey": sa.ForeignKeyConstraint,
}
"""The constraints that a batch can drop without a name."""


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


class Rebuild(SQLiteImpl):
    """Alter a table as Alembic does: make a new one, copy the rows, drop the old one.

    With the old one go its triggers and the indexes that SQLAlchemy cannot reflect,
    and the new one has only what it can. So look before, and put it back.
    """

    _attached: Attached | None = None
    _left_out: tuple[list[str], Key] | None = None
    _details: Unreflected
    _batch: Any
    _raw: sqlite3.Connection

    def prep_table_for_batch(self, batch_impl: Any, table: sa.Table) -> None:
        """Look at a table; Alembic calls this before it makes the new one."""
        super().prep_table_for_batch(batch_impl, table)
        if self.connection is None or self.as_sql:
            return
        self._raw = raw = raw_connection(self.connection)
        _refuse_other_kinds(raw, table.name)
        reflected = {str(index.name) for index in table.indexes}
        self._attached = Attached(raw, table.name, reflected)
        self._batch = batch_impl
        self._drop_unnamed()
        self._details = Unreflected(raw, batch_impl)
        self._details.complete()

    def leave_out(self, columns: Sequence[str], kind: str) -> None:
        """Drop a constraint without a name in the batch that is open.

        :param columns: its columns.
        :param kind: `unique` or `foreignkey`.
        """
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
        """Give the new table its name, and what hung on the old one."""
        if self._attached is None or old_table_name != self._batch.temp_table_name:
            super().rename_table(old_table_name, new_table_name, schema)
            return
        # Else SQLite looks for the old table in every view and trigger, and fails.
        with pragma(self._raw, "legacy_alter_table", 1):
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
        elif re.search(r"\b(COLLATE|DESC)\b", old.indexes[name], re.IGNORECASE):
            raise CommandError(
                f"Renaming a column would change the index {name}. Let the revision"
                f' drop it, op.execute("DROP INDEX {name}"), and create it as it should'
                " be then."
            )
        else:
            super().create_index(index, **kw)

    def _is_left_alone(self, index: sa.Index) -> bool:
        """Say whether Alembic only copies an index to the new table."""
        batch = self._batch
        return index.table is batch.new_table and index.name not in batch.new_indexes


class SQLite(Rebuild):
    """Copy dates as the text they are.

    SQLite has no dates: to it `CAST('2026-03-01' AS DATE)` is the number 2026, which is
    what would be left of every row. Alembic takes this class for SQLite by its dialect.

    Source: section 3.1 of SQLite's "Datatypes", on the affinity of a declared type.
    """

    __dialect__ = "sqlite"

    def correct_for_autogen_constraints(
        self,
        conn_unique_constraints: set[sa.UniqueConstraint],
        conn_indexes: set[sa.Index],
        metadata_unique_constraints: set[sa.UniqueConstraint],
        metadata_indexes: set[sa.Index],
    ) -> None:
        """Take indexes of expressions out, which SQLAlchemy does not reflect here.

        Of `age DESC` it sees the column alone. Revisions say what they are.
        """
        del conn_unique_constraints, metadata_unique_constraints
        found = {
            index
            for index in metadata_indexes
            if not all(isinstance(it, sa.Column) for it in index.expressions)
        }
        names = {index.name for index in found}
        metadata_indexes -= found
        conn_indexes -= {index for index in conn_indexes if index.name in names}

    def cast_for_batch_migrate(
        self,
        existing: sa.Column[Any],
        existing_transfer: dict[str, Any],
        new_type: TypeEngine[Any],
    ) -> None:
        """Choose the expression that fills a rebuilt column."""
        source = existing_transfer["expr"]
        if isinstance(new_type, sa.Date):
            existing_transfer["expr"] = sa.func.date(source)
        elif isinstance(new_type, sa.DateTime) and isinstance(existing.type, sa.Date):
            existing_transfer["expr"] = sa.type_coerce(source, sa.String).concat(
                " 00:00:00.000000"
            )
        elif not isinstance(new_type, sa.DateTime | sa.Time):
            super().cast_for_batch_migrate(existing, existing_transfer, new_type)


def _refuse_other_kinds(raw: sqlite3.Connection, name: str) -> None:
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
