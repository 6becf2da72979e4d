"""What each revision of a range does: its operations, and what nobody can fold."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from alembic.operations import MigrateOperation, ops
from alembic.runtime.environment import EnvironmentContext
from alembic.script import Script
from sqlalchemy import event
from sqlalchemy.dialects.postgresql.named_types import CreateEnumType, DropEnumType
from sqlalchemy.engine import Dialect

from ..operations.base import Key, LosslessOp, called
from ..operations.keys import rename_constraints, rename_sequence, sequence_of
from ..operations.objects import change_enum, create_enum, drop_enum
from ..replay import Replay
from ..sql import Effect, script, statement
from ..state import DDL, MENTIONED, State, Unreadable, name_for
from ..types.portable import enums_in

FOLDED: tuple[type[MigrateOperation], ...] = (
    *(ops.CreateTableOp, ops.DropTableOp, ops.RenameTableOp),
    *(ops.CreateTableCommentOp, ops.DropTableCommentOp),
    *(ops.AddColumnOp, ops.DropColumnOp, ops.AlterColumnOp),
    *(ops.CreateIndexOp, ops.DropIndexOp, ops.AddConstraintOp, ops.DropConstraintOp),
    LosslessOp,
)
"""The operations whose whole effect on a table without rows is what is declared."""

ELEMENTS = (*DDL, CreateEnumType, DropEnumType)
"""The statements of SQLAlchemy's whose effect is declared."""

SEQUENCE = "seq"
"""What stands for the sequence of a column, where others are kinds of constraints."""

Kept = dict[tuple[Any, tuple[str, ...]], str]
"""The names that PostgreSQL keeps after a rename, by kind and columns."""

TABLES = ("table_name", "source_table", "referent_table")
"""The arguments of operations that name a table which has to be there."""


@dataclass
class Recorded:
    """What one revision does to one database."""

    revision: Script
    touched: set[Key] = field(default_factory=set)
    """The tables that it changes or refers to, and that it does not make itself."""
    operations: list[str] = field(default_factory=list)
    """The kind of each operation, to compare what it does on several databases."""
    others: list[str] = field(default_factory=list)
    """What is no declaration: a statement, or the name of an operation."""
    effect: Effect = Effect.NOTHING
    """What these change."""
    unreadable: Unreadable | None = None
    """Why it could not be read to its end, if it could not."""

    def note(self, what: str, effect: Effect) -> None:
        """Note what nobody can fold."""
        self.others.append(what)
        self.effect = max(self.effect, effect)


class Recorder(Replay):
    """Take the place of `op`, and record what one revision after the other does."""

    def __init__(
        self,
        dialect: Dialect,
        options: Any,
        environment: EnvironmentContext | None,
        *,
        folds_renames: bool,
    ) -> None:
        """Begin before the first revision.

        :param folds_renames: whether what keeps its old name is no reason to carry a
            revision along.
        """
        super().__init__(dialect, options, environment)
        self._dialect = dialect
        self._folds_renames = folds_renames and dialect.name not in {"mysql", "mariadb"}
        self._now: Recorded | None = None
        self._made: set[Key] = set()
        self._renamed: set[Key] = set()
        self._kept: dict[Key, Kept] = {}
        self.types: dict[Key, list[str]] = {}
        """The types of Enums that are there on PostgreSQL, with their values."""
        event.listen(self.get_bind().engine, "before_cursor_execute", self._sent)

    def record(self, revision: Script, name: str) -> Recorded:
        """Run the upgrade of a revision, and return what it does.

        :param name: the database, for revisions with a part for each, or "".
        """
        found = self._now = Recorded(revision)
        self._made = set()
        self._renamed = set()
        found.unreadable = self.read(revision, name)
        self._now = None
        for key in sorted(self._renamed & self.state.tables.keys(), key=str):
            for kind, *_ in () if self._folds_renames else self.kept_names(key):
                what = "the sequence" if kind == SEQUENCE else "a constraint"
                found.note(f"{key[1]} keeps {what} of its old name", Effect.ANYTHING)
        return found

    def kept_names(self, key: Key) -> Iterator[tuple[Any, tuple[str, ...], str, str]]:
        """Give what PostgreSQL calls by an old name of a table, or of a column.

        :param key: the table.
        :return: the kind, the columns, the name that it would have, and the one it has.
        """
        now = dict(_names_of(self.state.tables[key]))
        for place, name in self._kept.get(key, {}).items():
            if place in now and now[place] != name:
                yield *place, now[place], name

    def invoke(self, operation: MigrateOperation) -> Any:
        """Record an operation, and apply it to the state."""
        if self._now is not None:
            self._record(self._now, operation)
        return super().invoke(operation)

    def _record(self, now: Recorded, op: MigrateOperation) -> None:
        element = getattr(op, "sqltext", None)
        self._follow_types(op, element)
        if isinstance(element, ELEMENTS):
            return
        now.operations.append(" ".join([type(op).__name__, *map(str, _named(op))]))
        if isinstance(op, ops.ExecuteSQLOp):
            self._statement(now, op.sqltext)
            return
        if isinstance(op, ops.BulkInsertOp):
            now.note("op.bulk_insert", Effect.ROWS)
        elif not isinstance(op, FOLDED):
            now.note(type(op).__name__, Effect.ANYTHING)
        now.touched |= {*self._tables_of(op)} - self._made
        if isinstance(op, ops.CreateTableOp):
            self._made.add(self.state.key(op.schema, op.table_name))
        self._follow_names(op)

    def _follow_names(self, op: Any) -> None:
        """Follow what PostgreSQL names by a table or a column, and does not rename."""
        key = self.state.key(getattr(op, "schema", None), getattr(op, "table_name", ""))
        kept = self._kept.get(key, {})
        if isinstance(op, ops.RenameTableOp):
            new = self.state.key(op.schema, op.new_table_name)
            self._made.add(new)
            self._renamed.add(new)
            self._kept[new] = self._with_names(key, None)
            self._kept.pop(key, None)
        elif isinstance(op, ops.AlterColumnOp) and op.modify_name:
            self._renamed.add(key)
            self._kept[key] = {
                (kind, tuple(_other(it, op) for it in columns)): name
                for (kind, columns), name in self._with_names(
                    key, op.column_name
                ).items()
            }
        elif isinstance(op, ops.DropTableOp):
            self._kept.pop(key, None)
        elif called(op, rename_sequence):
            kept.pop((SEQUENCE, (op.column_name,)), None)
        elif called(op, rename_constraints):
            self._kept[key] = {it: op.names.get(kept[it], kept[it]) for it in kept}
        elif isinstance(op, ops.DropConstraintOp):
            places = [it for it, name in kept.items() if name == op.constraint_name]
            table = self.state.table(op.schema, op.table_name)
            now = {} if table is None else dict(_names_of(table))
            for place in places:
                kept.pop(place)
                op.constraint_name = now.get(place)

    def _with_names(self, key: Key, column: str | None) -> Kept:
        """Return the names that are kept when a table or a column gets another one.

        :param column: the column; None for the table.
        """
        table = self.state.tables.get(key)
        found = {} if table is None else dict(_names_of(table))
        # The name of a primary key says nothing of its columns.
        after = {
            place: name
            for place, name in found.items()
            if column is None
            or (column in place[1] and place[0] is not sa.PrimaryKeyConstraint)
        }
        return after | self._kept.get(key, {})

    def _follow_types(self, op: Any, element: Any) -> None:
        """Follow the types of PostgreSQL, which outlive what has them."""
        if isinstance(op, ops.CreateTableOp):
            items = [it for it in op.columns if isinstance(it, sa.Column)]
            found = [enum for it in items for enum in enums_in(it.type)]
            made = [it for it in found if getattr(it, "create_type", True)]
        else:
            made = [element.element] if isinstance(element, CreateEnumType) else []
        for it in made:
            if it.name:
                self.types[it.schema, str(it.name)] = [*it.enums]
        if called(op, create_enum):
            self.types[op.schema, op.name] = [*op.values]
        elif called(op, change_enum):
            self.types[op.schema, op.name] = [*op.new]
        elif called(op, drop_enum):
            self.types.pop((op.schema, op.name), None)
        elif isinstance(element, DropEnumType):
            gone: Any = element.element
            self.types.pop((gone.schema, str(gone.name)), None)

    def _tables_of(self, op: Any) -> Iterator[Key]:
        if isinstance(op, ops.CreateTableOp):
            return
        if isinstance(op, ops.DropIndexOp) and op.table_name is None:
            yield from self._table_with(op.index_name)
            return
        named = {it: getattr(op, it, None) for it in TABLES}
        schema = getattr(op, "schema", None)
        given = getattr(op, "kw", {})
        for argument, name in named.items():
            if isinstance(name, str):
                at = {
                    "source_table": given.get("source_schema"),
                    "referent_table": given.get("referent_schema"),
                }.get(argument, schema)
                yield self.state.key(at, name)

    def _table_with(self, index: str | None) -> Iterator[Key]:
        tables = self.state.tables
        found = [it for it in tables if index in {i.name for i in tables[it].indexes}]
        yield from found or [(None, "")]  # nobody knows which

    def _statement(self, now: Recorded, given: Any) -> None:
        text = given
        if isinstance(given, sa.ClauseElement):
            text = statement(given, self._dialect)
        self._text(now, str(text))

    def _text(self, now: Recorded, text: str) -> None:
        effect = script(text, self._dialect).effect
        if effect is not Effect.NOTHING:
            now.note(" ".join(text.split()), effect)

    def _sent(
        self,
        _connection: Any,
        _cursor: Any,
        text: str,
        _given: Any,
        context: Any,
        *_: Any,
    ) -> None:
        element = getattr(context.compiled, "statement", None)
        if self._now is not None and not isinstance(element, ELEMENTS):
            self._text(self._now, text)


def _named(op: Any) -> Iterable[object]:
    return (getattr(op, it, "") for it in ("table_name", "column_name", "index_name"))


def _other(column: str, op: ops.AlterColumnOp) -> str:
    return str(op.modify_name) if column == op.column_name else column


def _names_of(table: sa.Table) -> Iterator[tuple[tuple[Any, tuple[str, ...]], str]]:
    """Give the names that PostgreSQL gives by itself, by kind and columns."""
    counts = table.autoincrement_column
    if counts is not None:
        yield (SEQUENCE, (counts.name,)), sequence_of(table.name, counts.name)
    constraints: set[Any] = table.constraints
    for it in constraints:
        columns = tuple(getattr(it, "columns", {}).keys())
        if it.name is None and columns and not isinstance(it, sa.CheckConstraint):
            yield (type(it), columns), name_for(it)


def whole_tables(state: State) -> set[Key]:
    """Return the tables that are declared as a whole."""
    return {key for key, it in state.tables.items() if MENTIONED not in it.info}
