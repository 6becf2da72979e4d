"""Fold the revisions of a range: each is a part of tables made whole, or carried.

What a revision does is recorded as its operations first. A table that the range makes
holds no row before a revision is carried along that speaks of it. Until then whatever
revisions do to it is done as it is made. What touches any other table is carried along
as it is written, so that no row can be lost by it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, ops
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import Script
from alembic.util import CommandError
from sqlalchemy import event
from sqlalchemy.dialects.postgresql.named_types import CreateEnumType, DropEnumType
from sqlalchemy.engine import Dialect

from .._alembic import body_code
from ..autogenerate.compare_tables import (
    checks_of_columns,
    expressions_apart,
    find_unnamed,
    make_schemas,
)
from ..autogenerate.draft import Draft
from ..autogenerate.order import order, reverse
from ..autogenerate.render import render_item, written
from ..autogenerate.types import shape_enums
from ..config import database_in
from ..operations.base import Key, LosslessOp, called
from ..operations.constraints import rename_constraints
from ..operations.objects import (
    change_enum,
    create_enum,
    create_sequence,
    drop_enum,
    rename_sequence,
    sequence_of,
)
from ..prompts import Answers, Prompt
from ..replay import Replay
from ..sql import Effect, script, statement, words_in
from ..state import DDL, MENTIONED, State, Unreadable, name_for, options_of, referred
from ..types.portable import DIALECTS, dialect_named, enums_in

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


STEPS = (
    *(checks_of_columns, order, shape_enums, find_unnamed, expressions_apart),
    make_schemas,
)
"""The steps of a draft that are about tables which are made."""

ONLY_AT_WORK = {"postgresql_concurrently", "postgresql_not_valid"}
"""How a constraint or an index is added while others work, which nobody does here."""


@dataclass
class Part:
    """What the squashed revision does at one place, in both directions."""

    up: str
    down: str


@dataclass
class Folded:
    """The range on one database."""

    parts: list[Part] = field(default_factory=list)
    folded: list[Script] = field(default_factory=list)
    without_rows: list[Script] = field(default_factory=list)
    """Revisions that change rows, of which a new database has none."""
    why: dict[str, str] = field(default_factory=dict)
    """Why each revision is carried along, by its identifier."""
    imports: set[str] = field(default_factory=set)
    keeps_names: bool = False
    """Whether a table is made by its last name, and PostgreSQL knows an older one."""


def folded(  # noqa: PLR0913  a range, and what is known of it
    database: MigrationContext,
    environment: EnvironmentContext,
    chosen: Collection[str],
    moved: Callable[[str, str], bool],
    call: Callable[[Script, str, str], str],
    *,
    folds_renames: bool,
) -> Folded:
    """Fold the revisions of a range, as they are for one database.

    :param database: the database that Alembic was configured for.
    :param chosen: the identifiers of the revisions in the range.
    :param moved: tells whether a revision changed rows of a new database, by its
        identifier and the database's name.
    :param call: returns the code that runs a carried revision: given it, a direction
        and the database's name.
    :param folds_renames: whether a table is made by its last name, with what PostgreSQL
        calls by an old one; otherwise what renames it is carried along.
    :raises CommandError: for a revision that cannot be read.
    """
    name = database_in(database.opts["upgrade_token"])
    script = environment.script
    revisions = [*script.walk_revisions()][::-1]
    last = max(n for n, it in enumerate(revisions) if it.revision in chosen)
    recorder = partial(Recorder, environment=environment, folds_renames=folds_renames)
    recorded = _recorded(database, recorder, revisions[: last + 1], chosen)
    fold = _Fold(database, environment, name, call, recorder)
    with fold.replay.in_place_of_op():
        for revision in revisions[: last + 1]:
            if revision.revision in chosen:
                fold.take(recorded[revision.revision], moved)
            else:
                fold.replay.read(revision, name)
        fold.make(fold.pending)
        fold.make_types()
    return fold.found


def _recorded(
    database: MigrationContext,
    made: Callable[..., Recorder],
    revisions: Sequence[Script],
    chosen: Collection[str],
) -> dict[str, Recorded]:
    """Return what revisions do; what differs between kinds of databases is no fold."""
    here = database.dialect
    kinds = [here, *(dialect_named(it) for it in DIALECTS if it != here.name)]
    name = database_in(database.opts["upgrade_token"])
    every = list[dict[str, Recorded]]()
    for dialect in kinds:
        recorder = made(dialect, database.opts)
        found = dict[str, Recorded]()
        with recorder.in_place_of_op():
            for revision in revisions:
                if revision.revision in chosen:
                    found[revision.revision] = recorder.record(revision, name)
                else:
                    recorder.read(revision, name)
        every.append(found)
    first, *others = every
    for identifier, found_here in first.items():
        # A history that cannot be read there does not run there.
        there = [
            it[identifier]
            for it in others
            if not any(one.unreadable for one in it.values())
        ]
        if any(it.operations != found_here.operations for it in there):
            found_here.note("it does something else on each database", Effect.ANYTHING)
    return first


class _Fold:
    """The fold of a range, at one of its revisions."""

    def __init__(
        self,
        database: MigrationContext,
        environment: EnvironmentContext,
        name: str,
        call: Callable[[Script, str, str], str],
        made: Callable[..., Recorder],
    ) -> None:
        self.found = Folded()
        self.pending = set[Key]()
        """The tables of the range that are not made yet."""
        self.replay = made(database.dialect, database.opts)
        self._name, self._call = name, call
        self._sequences = set[Key]()
        self._types = set[Key]()
        self._made = dict[Key, sa.Table]()
        self._config = environment.config
        self._options = {
            "sqlalchemy_module_prefix": "sa.",
            "alembic_module_prefix": "op.",
            "user_module_prefix": None,
            "render_item": render_item,
            "render_as_batch": database.opts.get("render_as_batch", False),
        }

    @property
    def state(self) -> State:
        """What is declared so far."""
        return self.replay.state

    def take(self, recorded: Recorded, moved: Callable[[str, str], bool]) -> None:
        """Take the next revision of the range."""
        revision = recorded.revision
        rows_only = recorded.effect is Effect.ROWS
        does_nothing = rows_only and not moved(revision.revision, self._name)
        if recorded.unreadable:
            raise CommandError(
                f"{recorded.unreadable}: what it makes from there on is not known."
                " Squash what is before it, or behind it. Nothing is written."
            )
        others = recorded.touched - self.pending
        if others or (recorded.others and not does_nothing):
            self._carry(recorded, others)
            return
        kind = self.found.without_rows if does_nothing else self.found.folded
        kind.append(revision)
        before = whole_tables(self.state) - self.pending
        sequences = {*self.state.sequences} - self._sequences
        types = {*self.replay.types} - self._types
        self.replay.record(revision, self._name)
        self.pending = whole_tables(self.state) - before
        self._sequences |= {*self.state.sequences} - sequences
        self._types |= {*self.replay.types} - types

    def _carry(self, recorded: Recorded, others: Iterable[Key]) -> None:
        """Carry a revision along, after the tables that it speaks of."""
        revision = recorded.revision
        tables = sorted(name for _, name in others if name)
        self.found.why[revision.revision] = (
            recorded.others[0]
            if recorded.others
            else f"{', '.join(tables) or 'a table'} may have rows by then"
        )
        words = {*words_in(revision.path)}
        spoken = {key for key in self.pending if self._speaks(words, key)}
        self.make(spoken | (recorded.touched & self.pending))
        up, down = (
            self._call(revision, direction, self._name)
            for direction in ("upgrade", "downgrade")
        )
        self.found.parts.append(Part(up, down))
        self.replay.record(revision, self._name)
        self.pending &= whole_tables(self.state)

    def _speaks(self, words: Collection[str], key: Key) -> bool:
        table = self.state.tables[key]
        enums = (it.name for column in table.c for it in enums_in(column.type))
        return key[1] in words or any(it in words for it in enums)

    def make(self, tables: Collection[Key]) -> None:
        """Make tables as they are declared now, and those that they refer to."""
        wanted, queue = set[Key](), [*tables]
        while queue:
            key = queue.pop()
            if key in self.pending and key not in wanted:
                wanted.add(key)
                keys = self.state.tables[key].foreign_keys
                queue += [self.state.key(*referred(it)[:2]) for it in keys]
        if not wanted:
            return
        self.pending -= wanted
        made = {key: self.state.tables[key] for key in sorted(wanted, key=str)}
        upgrade = ops.UpgradeOps([*self._counted(), *_operations(made.values())])
        downgrade = ops.DowngradeOps([])
        draft = self._draft(upgrade, downgrade, made)
        reverse(upgrade, downgrade)
        for step in STEPS:
            step(draft, upgrade)
            step(draft, downgrade)
        upgrade.ops += [it for key in made for it in self._names_kept(key)]
        for container in (upgrade, downgrade):
            written(container)
        self._add(upgrade, downgrade, draft.context)

    def _names_kept(self, key: Key) -> Iterator[MigrateOperation]:
        """Give what PostgreSQL keeps calling by an old name of a table or a column."""
        schema, table = key
        names = dict[str, str]()
        for kind, columns, new, old in self.replay.kept_names(key):
            self.found.keeps_names = True
            if kind == SEQUENCE:
                yield rename_sequence(table, columns[0], new, old, schema=schema)
            else:
                names[new] = old
        if names:
            yield rename_constraints(table, names, schema=schema)

    def _add(
        self,
        upgrade: ops.UpgradeOps,
        downgrade: ops.DowngradeOps,
        database: MigrationContext,
    ) -> None:
        """Add operations as a draft has them."""
        rendering = AutogenContext(database, opts=self._options, autogenerate=False)
        up, down = (body_code(it, rendering) for it in (upgrade, downgrade))
        self.found.imports |= rendering.imports
        self.found.parts.append(Part(up, down))

    def make_types(self) -> None:
        """Make the types that no table has any more, and PostgreSQL keeps."""
        used = {
            (enum.schema, str(enum.name))
            for table in self.state.tables.values()
            for column in table.c
            for enum in enums_in(column.type)
        }
        left = sorted((self._types & {*self.replay.types}) - used, key=str)
        made = ops.UpgradeOps(
            [create_enum(key[1], self.replay.types[key], schema=key[0]) for key in left]
        )
        gone = ops.DowngradeOps([drop_enum(key[1], schema=key[0]) for key in left])
        if left:
            self._add(made, gone, self.replay.migration_context)

    def _counted(self) -> Iterator[MigrateOperation]:
        """Give what makes the sequences that no revision carried along makes."""
        for key in sorted(self._sequences, key=str):
            if (found := self.state.sequences.get(key)) is not None:
                given = options_of(found)
                given.pop("name", None)
                yield create_sequence(key[1], **given)
        self._sequences.clear()

    def _draft(
        self,
        upgrade: ops.UpgradeOps,
        downgrade: ops.DowngradeOps,
        made: Mapping[Key, sa.Table],
    ) -> Draft:
        """Return a draft whose models have these tables beside those made before."""
        database = self.replay.migration_context
        before = State(database.dialect)
        before.tables = dict(self._made)
        self._made |= made
        database.opts["declared"] = {database.opts["upgrade_token"]: before}
        prompt = Prompt(self._config, Answers([], []))
        draft = Draft(database, upgrade, downgrade, prompt)
        models = {key: dict(it.columns.items()) for key, it in self._made.items()}
        vars(draft)["models"] = models
        return draft


def _operations(tables: Iterable[sa.Table]) -> Iterator[MigrateOperation]:
    """Give what makes tables, with their indexes and comments."""
    for table in tables:
        items: Any = (*table.constraints, *table.indexes)
        for item in items:
            for option in {*item.dialect_kwargs} & ONLY_AT_WORK:
                item.dialect_kwargs[option] = False
        yield ops.CreateTableOp.from_table(table)
        indexes = [ops.CreateIndexOp.from_index(it) for it in table.indexes]
        for index in sorted(indexes, key=lambda it: str(it.index_name)):
            yield ops.ModifyTableOps(table.name, [index], schema=table.schema)
