"""The rules of the lint, each a named thing, and what is known when they are asked."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

import sqlalchemy as sa
from alembic.operations import MigrateOperation, ops
from sqlalchemy.engine import Dialect

from ..operations.base import LosslessOp, called
from ..operations.columns import begin_dual_write, end_dual_write
from ..operations.constraints import (
    create_unique_constraint_concurrently,
    index_partitions,
)
from ..operations.guards import refuse_duplicates
from ..operations.views import create_view
from ..rules import PAGES, anchored
from ..sql import compiled, not_null_in, text_in
from ..state import State
from ..types.portable import dialect_named

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
    history: State = field(default_factory=State)
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
