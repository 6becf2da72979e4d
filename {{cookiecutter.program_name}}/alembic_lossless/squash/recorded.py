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
from ..operations.keys import rename_constraints, rename_sequence
from ..operations.objects import change_enum, create_enum, drop_enum
from ..replay import Replay
from ..sql import Effect, script, statement
from ..state import DDL, MENTIONED, State, Unreadable
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

RENAMES = {"rename_sequence": "the sequence", "rename_constraints": "a constraint"}
"""What renames something that PostgreSQL named -> what it is."""

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
        self, dialect: Dialect, options: Any, environment: EnvironmentContext | None
    ) -> None:
        """Begin before the first revision."""
        super().__init__(dialect, options, environment)
        self._dialect = dialect
        self._now: Recorded | None = None
        self._made: set[Key] = set()
        self._renamed: dict[Key, list[str]] = {}
        self.types: dict[Key, list[str]] = {}
        """The types of Enums that are there on PostgreSQL, with their values."""
        event.listen(self.get_bind().engine, "before_cursor_execute", self._sent)

    def record(self, revision: Script, name: str) -> Recorded:
        """Run the upgrade of a revision, and return what it does.

        :param name: the database, for revisions with a part for each, or "".
        """
        found = self._now = Recorded(revision)
        self._made = set()
        self._renamed = {}
        found.unreadable = self.read(revision, name)
        self._now = None
        for table, kept in self._renamed.items():
            if kept:
                where = table[1]
                found.note(f"{where} keeps {kept[0]} of its old name", Effect.ANYTHING)
        return found

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
        elif isinstance(op, ops.RenameTableOp):
            key = self.state.key(op.schema, op.new_table_name)
            self._made.add(key)
            self._renamed[key] = [*self._kept(op.schema, op.table_name, None)]
        elif isinstance(op, ops.AlterColumnOp) and op.modify_name:
            key = self.state.key(op.schema, op.table_name)
            kept = self._kept(op.schema, op.table_name, op.column_name)
            self._renamed.setdefault(key, []).extend(kept)
        elif called(op, rename_sequence, rename_constraints):
            for found in self._renamed.values():
                found[:] = [it for it in found if it != RENAMES[op.operation.name]]

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

    def _kept(self, schema: str | None, name: str, column: str | None) -> Iterator[str]:
        """Give what PostgreSQL named after a table or a column, and does not rename."""
        table = self.state.table(schema, name)
        if table is None:
            return
        counts = table.autoincrement_column
        if counts is not None and column in {None, counts.name}:
            yield RENAMES["rename_sequence"]
        constraints: set[Any] = table.constraints
        for it in constraints:
            own = column is None or column in it.columns
            if it.name is None and own and not isinstance(it, sa.CheckConstraint):
                # The name of a primary key says nothing of its columns.
                is_key = isinstance(it, sa.PrimaryKeyConstraint)
                if not is_key or (it.columns and column is None):
                    yield RENAMES["rename_constraints"]

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


def whole_tables(state: State) -> set[Key]:
    """Return the tables that are declared as a whole."""
    return {key for key, it in state.tables.items() if MENTIONED not in it.info}
