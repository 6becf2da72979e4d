"""The rules of the lint, each a named thing, and what is known when they are asked.

Behind what a rule is stand those of every server: changes of rows and of types, and
what the running version would not survive. The last is said unless the revision
declares its phase as "after": then the old version is gone when it runs.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple

import sqlalchemy as sa
from alembic.operations import MigrateOperation, ops
from alembic.util import CommandError
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql import operators, visitors
from sqlalchemy.types import TypeEngine

from ..operations.backfill import backfill
from ..operations.base import LosslessOp, called
from ..operations.columns import begin_dual_write, end_dual_write
from ..operations.constraints import (
    create_unique_constraint_concurrently,
    index_partitions,
    validate_constraint,
)
from ..operations.guards import GUARDS, refuse_duplicates
from ..operations.objects import create_view, drop_view
from ..project import oldest
from ..rules import PAGES, anchored
from ..runtime.connect import Database, opened
from ..sql import Script, compiled, not_null_in, text_in
from ..state import State
from ..types.conversion import is_native
from ..types.portable import dialect_named, kind_of

Key = tuple[str | None, str]
"""A table: (schema, name)."""


class Growth(StrEnum):
    """How long an operation holds its lock, as the table grows."""

    INSTANT = "instant"
    SCAN = "scan"
    REWRITE = "rewrite"
    UNKNOWN = "unknown"


class Harm(StrEnum):
    """What an operation does to the version of the app that runs meanwhile."""

    STALLS = "stalls"
    """It waits until the operation is done."""
    BREAKS = "breaks"
    """Its statements fail from then on."""
    FAILS = "fails"
    """Nothing: it is the operation that fails."""
    GOES_ON = "goes on"
    """Nothing, but it takes as long as there are rows, which only an estimate says."""


BUILDS = create_unique_constraint_concurrently, index_partitions
"""Operations of the library that build an index."""

OLDEST = {"postgresql": (14,), "mariadb": (10, 6), "mysql": (8, 0)}
"""The oldest version of each server that still gets fixes."""


@dataclass(frozen=True)
class Server:
    """The kind of database that a revision is judged for."""

    dialect: str
    """SQLAlchemy's name of it: "postgresql", "mariadb", "mysql"."""
    version: tuple[int, ...]

    @classmethod
    def oldest(cls, dialect: str, *versions: tuple[int, ...]) -> "Server":
        """Return the one of a kind that can do the least.

        :param versions: those in use, as far as they are known.
        """
        known = [it for it in versions if it] or [OLDEST.get(dialect, ())]
        return cls(dialect, min(known))

    @classmethod
    def of(cls, database: Database, dialect: str) -> "Server":
        """Return the kind of server that a database is on, if it answers its version.

        Production may have an older one.

        :param dialect: the kind, which may be another one than the database's.
        """
        kind, version = dialect, tuple[int, ...]()
        if dialect == database.url.get_backend_name():
            with suppress(CommandError, SQLAlchemyError), opened(database) as found:
                kind, version = kind_of(found.dialect), version_of(found.dialect)
        return cls.oldest(kind, version, oldest(database.runs_on).get(kind, ()))

    def at_least(self, *version: int) -> bool:
        """Tell whether it is known to be this version or a later one."""
        return self.version >= version


def version_of(dialect: Dialect) -> tuple[int, ...]:
    """Return the version of a server; none where no server was asked."""
    found = getattr(dialect, "server_version_info", None) or ()
    return tuple(v for v in found if isinstance(v, int))


class Work(NamedTuple):
    """The rows of a table that an operation reads or writes.

    :param schema: the schema of the table, if it has one.
    :param table: its name.
    :param columns: those by which the rows are sorted.
    :param dual_write: whether each row that is written fires the trigger of a dual
        write, which is work of its own.
    """

    schema: str | None
    table: str
    columns: tuple[str, ...] = ()
    dual_write: bool = False


@dataclass(frozen=True)
class Finding:
    """One thing that a revision does, and that somebody should know before."""

    rule: str
    harm: Harm
    table: str
    sentence: str
    lock: str
    """The lock on the table while it lasts, in the server's words."""
    growth: Growth
    instead: str | None = None
    """The safe form as code to paste; empty where the server has none, None where it is
    the one that a draft takes."""
    line: int = 0
    """Where the operation stands in the revision file; 0 if that is not known."""
    works: tuple[Work, ...] = ()
    """What takes the time."""
    estimate: str = ""
    """How long it would take, where the server was asked."""


class DualWrites:
    """The tables whose rows fire a trigger of `begin_dual_write`, by the revisions."""

    def __init__(self) -> None:
        """Begin before the first revision."""
        self._pairs = set[tuple[Key, str, str]]()

    def __contains__(self, key: Key) -> bool:
        """Tell whether each row of a table that is written fires one."""
        return any(it == key for it, *_ in self._pairs)

    def before(self, operation: MigrateOperation) -> None:
        """Take note of a trigger under which the operation itself writes rows."""
        if called(operation, begin_dual_write):
            self._pairs.add(self._pair(operation))

    def after(self, operation: MigrateOperation) -> None:
        """Take note of a trigger that is gone."""
        if called(operation, end_dual_write):
            self._pairs.discard(self._pair(operation))

    @staticmethod
    def _pair(operation: Any) -> tuple[Key, str, str]:
        key = operation.schema, operation.table_name
        return key, operation.column_name, operation.new_name


@dataclass
class Situation:
    """What is known of the tables before an operation."""

    server: Server
    history: State = field(default_factory=lambda: State(DefaultDialect()))
    """What the revisions have declared before."""
    phase: str | None = None
    """"before" or "after" the deployment, where the revision says it."""
    autocommit: bool = False
    """Whether each operation is committed by itself."""
    new: set[tuple[Key, str | None]] = field(default_factory=set)
    """Tables, with None, and columns that came with this revision."""
    prepared: set[tuple[Key, str]] = field(default_factory=set)
    """Indexes of partitioned tables that each partition has already."""
    not_null_checks: set[tuple[Key, str]] = field(default_factory=set)
    """Columns of which a CHECK, which is not to be checked again, says no NULL."""
    dual_writes: DualWrites = field(default_factory=DualWrites)
    """The triggers that fire at each row that is written."""

    def is_new(self, key: Key, *columns: str) -> bool:
        """Tell whether a table, or a column that is meant, has no rows' values yet."""
        found = [(key, None), *((key, column) for column in columns)]
        return any(part in self.new for part in found)

    def column(self, key: Key, name: str) -> sa.Column[Any] | None:
        """Return a column as the revisions declared it, if they did."""
        return self.history.column(*key, name)

    def is_not_null(self, key: Key, name: str) -> bool:
        """Tell whether a column has no NULL: it is so already, or a CHECK says it."""
        known = self.column(key, name)
        declared = known is not None and known.nullable is False
        return declared or (key, name) in self.not_null_checks

    def after(self, operation: MigrateOperation) -> None:
        """Take note of what an operation brought."""
        match operation:
            case ops.CreateTableOp():
                self.new.add(((operation.schema, operation.table_name), None))
            case LosslessOp() if called(operation, index_partitions):
                table = operation.schema, operation.table_name
                self.prepared.add((table, operation.index_name))
            case LosslessOp() if called(operation, create_view):
                self.new.add(((operation.schema, operation.name), None))
            case ops.RenameTableOp(schema=schema, table_name=old, new_table_name=new):
                if self.is_new((schema, old)):
                    self.new.add(((schema, new), None))
            case ops.AddColumnOp(schema=schema, table_name=table):
                self.new.add(((schema, table), operation.column.name))
            case ops.CreateCheckConstraintOp(schema=schema, table_name=table):
                dialect = dialect_named(self.server.dialect)
                found = not_null_in(_condition(operation, dialect), dialect)
                if found is not None:
                    self.not_null_checks.add(((schema, table), found))


def _condition(operation: ops.CreateCheckConstraintOp, dialect: Dialect) -> str:
    condition = operation.condition
    if isinstance(condition, str):
        return condition
    return compiled(condition, dialect)


def sql_of(operation: ops.ExecuteSQLOp) -> str:
    """Return the statement of an operation that has one as text, or nothing."""
    statement = operation.sqltext
    if isinstance(statement, sa.TextClause):
        return text_in(statement)
    return statement if isinstance(statement, str) else ""


def label(key: Key) -> str:
    """Return a table's name as messages have it."""
    schema, table = key
    return f"{schema}.{table}" if schema else table


Names = Mapping[str, Any]
"""What a rule names in braces; "says", "instead", "growth" and "works" replace what it
says itself."""

When = Callable[[Any, Situation], object]
"""Tells whether a rule is about an operation: yes, or what it names beside; a list
has what it names each time."""

UNNAMED = {
    ops.CreateForeignKeyOp: "the foreign key",
    ops.CreateCheckConstraintOp: "the CHECK",
}


def key_of(operation: Any) -> Key | None:
    """Return the table that an operation is about, if it says one."""
    if isinstance(operation, ops.CreateForeignKeyOp):
        return operation.kw.get("source_schema"), operation.source_table
    name = getattr(operation, "table_name", None)
    return None if name is None else (getattr(operation, "schema", None), str(name))


def _named(operation: Any, key: Key | None) -> dict[str, Any]:
    """Return what the sentence of a rule can name of an operation."""
    found: dict[str, Any] = {}
    if key is not None:
        work = Work(*key, _sorted_by(operation))
        found = {"table": label(key), "bare": key[1], "works": [work]}
    if isinstance(operation, ops.AddColumnOp):
        found["column"] = operation.column.name
    for argument, name in (
        ("column_name", "column"),
        ("modify_name", "new"),
        ("new_table_name", "new"),
        ("modify_type", "type"),
        ("index_name", "name"),
    ):
        if (value := getattr(operation, argument, None)) is not None:
            found[name] = value if isinstance(value, str) else repr(value)
    if hasattr(operation, "constraint_name"):
        unnamed = UNNAMED.get(type(operation), "the key")
        found["name"] = operation.constraint_name or unnamed
    return found


def _sorted_by(operation: Any) -> tuple[str, ...]:
    """Return the columns by which an operation sorts rows, as an index does."""
    kinds = ops.CreateIndexOp, ops.CreateUniqueConstraintOp
    if not (
        isinstance(operation, kinds) or called(operation, *BUILDS, refuse_duplicates)
    ):
        return ()
    columns = (getattr(it, "name", it) for it in operation.columns)
    return tuple(it for it in columns if isinstance(it, str))


@dataclass(frozen=True)
class Rule:
    """What one kind of operation costs, on the databases where it does."""

    name: str
    dialects: tuple[str, ...]
    kinds: tuple[type[MigrateOperation], ...]
    harm: Harm
    lock: str
    growth: Growth
    sentence: str
    """With the names of what was matched in braces."""
    instead: str | None
    """Code to paste, with the same names; empty where there is none, None where it is
    the form that a draft takes."""
    when: When

    def findings(
        self, operation: MigrateOperation, situation: Situation
    ) -> Iterator[Finding]:
        """Give what the rule has against an operation.

        Nobody waits for a table that came just now, and after the deployment there is
        no running version to be broken.
        """
        if situation.server.dialect not in self.dialects:
            return
        if not isinstance(operation, self.kinds):
            return
        key = key_of(operation)
        new = key is not None and situation.is_new(key) and self.harm is not Harm.FAILS
        if new or (self.harm is Harm.BREAKS and situation.phase == "after"):
            return
        answer = self.when(operation, situation)
        for more in answer if isinstance(answer, list) else [answer]:
            if more:
                names = _named(operation, key)
                names |= more if isinstance(more, Mapping) else {}
                yield self._finding(names, situation)

    def _finding(self, names: Names, situation: Situation) -> Finding:
        instead = names.get("instead", self.instead)
        works = (
            Work(it.schema, it.table, it.columns, it[:2] in situation.dual_writes)
            for it in names.get("works", ())
        )
        return Finding(
            self.name,
            self.harm,
            names["table"],
            names.get("says", self.sentence).format(**names),
            self.lock,
            names.get("growth", self.growth),
            instead and instead.format(**names),
            works=tuple(works),
        )


SERVERS = {("postgresql",): "PostgreSQL", ("mariadb", "mysql"): "MariaDB, MySQL"}

RULES: list[Rule] = []
"""All rules, in the order in which they are looked at."""


def _always(_operation: Any, _situation: Situation) -> bool:
    return True


def rule(  # noqa: PLR0913  they are the columns of the table of rules
    name: str,
    *kinds: type[MigrateOperation],
    dialects: tuple[str, ...],
    says: str,
    when: When = _always,
    instead: str | None = None,
    lock: str = "",
    growth: Growth = Growth.INSTANT,
    harm: Harm = Harm.STALLS,
) -> None:
    """Register a rule.

    :param name: stable, since revisions allow findings by it.
    :param kinds: the operations that it is about.
    :param says: one sentence, with names in braces.
    :param when: tells of which of these operations, and names more.
    :param instead: the safe form as code, with the same names; empty where there is
        none, None where it is the form that a draft takes.
    :param lock: the lock that the operation takes on the table, in the server's words.
    """
    made = Rule(name, dialects, kinds, harm, lock, growth, says, instead, when)
    RULES.append(made)


def examine(operation: MigrateOperation, situation: Situation) -> list[Finding]:
    """Return what an operation costs beyond an instant, by every rule.

    :param situation: what is known of the tables before the operation.
    """
    if isinstance(operation, LosslessOp):
        operation = operation.stops_like()
    return [found for rule in RULES for found in rule.findings(operation, situation)]


def table() -> str:
    """Return all rules as a table of Markdown."""
    rows = [
        f"| {anchored(rule.name)} | {SERVERS.get(rule.dialects, 'each')}"
        f" | {rule.harm.value} | {rule.lock} | {rule.growth.value} | {rule.sentence} |"
        for rule in RULES
    ]
    head = "| rule | server | others | lock | grows as | says |"
    return "\n".join([head, "|---|---|---|---|---|---|", *rows])


def page_of(name: str) -> str:
    """Return the address of what the documentation says of a rule.

    :param name: of a rule of the lint.
    """
    return f"{PAGES}/live.md#{name}"


def names() -> set[str]:
    """Return the names of all rules."""
    return {rule.name for rule in RULES}


# Changes of rows


EVERYWHERE = ("postgresql", "mariadb", "mysql")


def _changes_all(
    op: ops.ExecuteSQLOp | LosslessOp, situation: Situation
) -> Names | bool | None:
    """Tell what changes as many rows as the table has, and commits them at once."""
    if isinstance(op, LosslessOp):
        return _fills(op, situation) and not situation.autocommit
    key = _changed_by(op, situation.server.dialect)
    if key is None or situation.is_new(key):
        return None
    return {"table": label(key), "bare": key[1], "works": [Work(*key)]}


def _fills(op: LosslessOp, _situation: Situation) -> bool:
    """Tell what gives values to rows now."""
    is_left = called(op, backfill) and op.later
    return called(op, backfill, begin_dual_write) and not is_left


def _changed_by(operation: ops.ExecuteSQLOp, dialect: str) -> Key | None:
    """Return the table that a statement changes most rows of, or None."""
    statement = operation.sqltext
    if isinstance(statement, sa.Update | sa.Delete):
        table = statement.table
        chosen = statement.whereclause is not None and _chooses(statement.whereclause)
        if chosen or not isinstance(table, sa.TableClause):
            return None
        return table.schema, table.name
    said = Script(sql_of(operation), dialect_named(dialect)).only
    if said is None or said.verb not in {"UPDATE", "DELETE"} or said.has("WHERE"):
        return None
    return said.table


def _chooses(condition: sa.ColumnElement[bool]) -> bool:
    """Tell whether a condition asks for more than that there is no value yet."""
    return any(
        getattr(part, "operator", operators.is_) is not operators.is_
        for part in visitors.iterate(condition)
        if isinstance(part, sa.BinaryExpression)
    )


rule(
    "rows-locked",
    ops.ExecuteSQLOp,
    LosslessOp,
    dialects=EVERYWHERE,
    growth=Growth.SCAN,
    says="Every row of {table} that this changes is locked until the revision commits.",
    instead="with op.get_context().autocommit_block():\n"
    "    op.backfill({bare!r}, 'COLUMN', VALUE)",
    when=_changes_all,
)


goes_on = partial(rule, dialects=EVERYWHERE, harm=Harm.GOES_ON, instead="")
"""Declares what stops nobody, and takes as long as there are rows."""

goes_on(
    "guard-reads",
    LosslessOp,
    growth=Growth.SCAN,
    says="The rows of {table} are looked at.",
    when=lambda op, _: called(op, *GUARDS, validate_constraint),
)
goes_on(
    "rows-online",
    LosslessOp,
    growth=Growth.REWRITE,
    says="Rows of {table} get values, a few at a time.",
    when=lambda op, known: known.autocommit and _fills(op, known),
)


# What the running version would not survive.

_breaks = partial(
    rule,
    dialects=EVERYWHERE,
    harm=Harm.BREAKS,
    instead='phase = "after"  # of the deployment: below the imports, in a revision of'
    " its own",
)


def _is_old(op: Any, situation: Situation) -> bool:
    """Tell whether the column of an operation was there before the revision."""
    key = key_of(op)
    return key is not None and not situation.is_new(key, op.column_name)


def _drops_view(op: LosslessOp, situation: Situation) -> Names | None:
    if not called(op, drop_view) or situation.is_new((op.schema, op.name)):
        return None
    return {"table": label((op.schema, op.name))}


def _is_required(op: ops.AddColumnOp, _situation: Situation) -> bool:
    """Tell a new column that each INSERT has to give."""
    column = op.column
    return not (column.nullable or column.server_default or column.primary_key)


def _may_be_null(op: ops.AlterColumnOp, situation: Situation) -> bool:
    """Tell a column that becomes NOT NULL, and may be given NULL."""
    if op.modify_nullable is not False or op.existing_nullable is False:
        return False
    known = situation.column((op.schema, op.table_name), op.column_name)
    if known is None:
        return True
    # A column that came just now is not named by the running version's INSERTs.
    gives_itself = known.server_default is not None and not _is_old(op, situation)
    return known.nullable is not False and not gives_itself


_breaks(
    "table-dropped",
    ops.DropTableOp,
    says="The running version still uses {table}.",
)
_breaks(
    "view-dropped",
    LosslessOp,
    says="The running version still reads the view {table}, which is not there until it"
    " is made again.",
    when=_drops_view,
)
_breaks(
    "column-dropped",
    ops.DropColumnOp,
    says="The running version still reads and writes {table}.{column}.",
    when=_is_old,
)
_breaks(
    "column-renamed",
    ops.AlterColumnOp,
    instead="with op.get_context().autocommit_block():\n"
    "    op.add_column({bare!r}, sa.Column({new!r}, ...))\n"
    "    op.begin_dual_write({bare!r}, {column!r}, {new!r})\n"
    "# And after the deployment: op.end_dual_write, op.drop_column",
    says="The running version still calls {table}.{column} that.",
    when=lambda op, known: op.modify_name is not None and _is_old(op, known),
)
_breaks(
    "table-renamed",
    ops.RenameTableOp,
    instead="with op.get_context().autocommit_block():\n"
    "    op.begin_table_rename({bare!r}, {new!r})\n"
    "# And after the deployment: op.end_table_rename",
    says="The running version still calls {table} that.",
)
_breaks(
    "column-required",
    ops.AddColumnOp,
    instead="op.add_column({bare!r}, sa.Column({column!r}, ..., server_default=...))",
    says="The running version inserts rows without {table}.{column}, which is NOT NULL"
    " and has no default.",
    when=_is_required,
)
_breaks(
    "not-null-refuses",
    ops.AlterColumnOp,
    says="The running version may still write NULL to {table}.{column}.",
    when=_may_be_null,
)
_breaks(
    "default-dropped",
    ops.AlterColumnOp,
    says="The running version inserts rows without {table}.{column}, which then is NOT"
    " NULL and has no default.",
    when=lambda op, _: (
        op.modify_server_default is None and op.existing_nullable is False
    ),
)


# What it costs to give a column another type.

Type = TypeEngine[Any]

ONE_BYTE = 255
"""The longest text, in bytes, whose length MariaDB stores in one byte."""

BYTES = 4
"""What a character takes in utf8mb4, at most."""


def growth(old: Type | None, new: Type, server: Server, using: str = "") -> Growth:
    """Return how long a change of type takes as the table grows.

    PostgreSQL looks at no row where each value of the old type is one of the new, to
    the byte; everything else it writes again. What is not known is taken for the worse.

    Source: PostgreSQL, "ALTER TABLE", notes; MariaDB, "InnoDB Online DDL Operations".

    :param old: the type that the column has, if that is known.
    :param using: the expression that converts the values, if one is given.
    """
    if old is None:
        return Growth.UNKNOWN
    if server.dialect == "postgresql":
        dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
        instant = not using and _is_same_to_the_byte(old, new, dialect)
    else:
        instant = _is_instant_on_mariadb(old, new)
    return Growth.INSTANT if instant else Growth.REWRITE


def _is_same_to_the_byte(old: Type, new: Type, dialect: Dialect) -> bool:
    before, after = _stored(old, dialect), _stored(new, dialect)
    if before == after:
        return True
    was, will = old.dialect_impl(dialect), new.dialect_impl(dialect)
    varying = ("VARCHAR", "TEXT")
    if before.startswith(varying) and after.startswith(varying):
        lengths = getattr(was, "length", None), getattr(will, "length", None)
        return lengths[1] is None or (lengths[0] or lengths[1] + 1) <= lengths[1]
    if isinstance(was, sa.Numeric) and before.startswith("NUMERIC"):
        return after.startswith("NUMERIC") and _is_wider(was, will)
    return False


def _is_wider(old: Any, new: Any) -> bool:
    if new.precision is None:
        return True
    if old.precision is None:
        return False
    return (old.scale or 0) == (new.scale or 0) and bool(old.precision <= new.precision)


def _is_instant_on_mariadb(old: Type, new: Type) -> bool:
    dialect = mysql.dialect()
    if _stored(old, dialect) == _stored(new, dialect):
        return True
    if is_native(old) and is_native(new):
        return list(new.enums[: len(old.enums)]) == list(old.enums)
    if {_word(old, dialect), _word(new, dialect)} == {"VARCHAR"}:
        before, after = (int(getattr(one, "length", 0) or 0) for one in (old, new))
        crosses = BYTES * before <= ONE_BYTE < BYTES * after
        return before <= after and not crosses
    return False


def _stored(type_: Type, dialect: Dialect) -> str:
    return str(type_.compile(dialect=dialect))


def _word(type_: Type, dialect: Dialect) -> str:
    return _stored(type_, dialect).partition("(")[0]


def changes_type(
    op: ops.AlterColumnOp, situation: Situation, unknown: str
) -> Names | None:
    """Return what a rule names of a change of type that is no matter of an instant.

    :param op: what alters a column.
    :param situation: what is known before.
    :param unknown: what is said where nobody knows the type before.
    """
    if op.modify_type is None:
        return None
    known = situation.column((op.schema, op.table_name), op.column_name)
    old = op.existing_type or (None if known is None else known.type)
    using = op.kw.get("postgresql_using", "")
    how = growth(old, op.modify_type, situation.server, using)
    if how is Growth.INSTANT:
        return None
    return (
        {"growth": how, "says": unknown} if how is Growth.UNKNOWN else {"growth": how}
    )
