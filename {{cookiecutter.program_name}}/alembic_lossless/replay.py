"""Run the revisions of a project once more, on an empty database that is not there.

`op` applies what they do to a `State`, under the dialect at hand. What they ask is
answered as an empty database would: a SELECT has no rows, DML touches none, and the
inspector sees what the revisions have declared so far. So most revisions that move data
are read to their end; of one that is not, the place and the cause are kept.
"""

import gc
import logging
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from inspect import signature
from itertools import count, pairwise
from types import SimpleNamespace
from typing import Any, NamedTuple, Self, TypeGuard

import sqlalchemy as sa
from alembic.operations import BatchOperations, MigrateOperation, Operations, ops
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import Script
from sqlalchemy import event
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy.pool import StaticPool
from sqlalchemy.sql import operators

from ._alembic import (
    commit_blocks_by,
    in_place_of_context,
    in_place_of_op,
    result_of,
)
from .config import database_in
from .operations.base import Key
from .runtime.run import unlogged
from .sql import compiled, significant, string_in, words_in
from .state import State, Unreadable, constraints_of, name_for, referred
from .types.portable import MYSQL
from .types.reflection import in_own_words, inspector_of

log = logging.getLogger("alembic.review")

AGGREGATES = frozenset(
    {"COUNT", "SUM", "TOTAL", "MIN", "MAX", "AVG", "BOOL_AND", "BOOL_OR", "EVERY"}
    | {"STRING_AGG", "GROUP_CONCAT", "ARRAY_AGG", "JSON_AGG", "JSONB_AGG"}
    | {"JSON_GROUP_ARRAY", "JSON_ARRAYAGG", "JSON_OBJECT_AGG", "JSONB_OBJECT_AGG"}
)
"""The functions that make one row of no rows."""

READS = frozenset(
    {"SELECT", "WITH", "VALUES", "TABLE", "SHOW", "PRAGMA", "EXPLAIN", "DESCRIBE"}
)
"""The first words of statements that have rows."""

BEFORE_VALUE = frozenset({"SELECT", "DISTINCT", "NOT"})
"""What stands before the value of an item of a SELECT."""

SORTED = {
    operators.asc_op: "asc",
    operators.desc_op: "desc",
    operators.nulls_first_op: "nulls_first",
    operators.nulls_last_op: "nulls_last",
}
"""What SQLAlchemy says of the order of an index, and an inspector of it."""


# The revisions


class Replay(Operations):
    """Take the place of `op` while revisions run, and apply all to a state."""

    def __init__(
        self,
        dialect: Dialect,
        options: Mapping[str, Any] | None = None,
        environment: EnvironmentContext | None = None,
    ) -> None:
        """Start with an empty database, as the first revision does.

        :param dialect: the database that revisions are told they run on.
        :param options: what `context.configure` was given.
        :param environment: the one that the command runs in, if there is one.
        """
        # A replay is a run, also where the command writes the SQL of one.
        run = {"as_sql": False, "literal_binds": False}
        given = {"target_metadata": None, **(options or {}), **run}
        self.state = State(dialect, given["target_metadata"])
        engine = _empty_database(dialect, self.state, self._executed)
        self._connection = engine.connect()
        with unlogged():
            context = MigrationContext.configure(
                self._connection, environment_context=environment, opts=given
            )
        # It commits nothing, and there is nothing to be undone.
        commit_blocks_by(context, nullcontext)
        super().__init__(context)
        self._environment = environment

    @contextmanager
    def batch_alter_table(
        self,
        table_name: str,
        schema: str | None = None,
        *_given: Any,
        naming_convention: Mapping[str, str] | None = None,
        **_options: Any,
    ) -> Iterator[BatchOperations]:
        """Take what is done to one table without reading it first."""
        if naming_convention:
            self.state.name_unnamed(schema, table_name, naming_convention)
        yield _Batch(self, table_name, schema)

    def invoke(self, operation: MigrateOperation) -> Any:
        """Apply an operation; one that makes a table returns it."""
        return self.state.apply(operation)

    def _executed(self, statement: Any) -> None:
        """Take a statement that a revision runs on its connection."""
        if isinstance(statement, sa.TextClause | sa.schema.ExecutableDDLElement):
            self.invoke(ops.ExecuteSQLOp(statement))

    @contextmanager
    def in_place_of_op(self) -> Iterator[None]:
        """Let `op`, and `context` of a command, be this one for a while, once."""
        with ExitStack() as stack:
            stack.callback(self._connection.close)
            stack.enter_context(in_place_of_op(self))
            if self._environment is not None:
                replaced = in_place_of_context(
                    self._environment, self.migration_context
                )
                stack.enter_context(replaced)
            yield

    def read(self, revision: Script, name: str) -> Unreadable | None:
        """Run the upgrade of a revision, and return what stopped it, if anything did.

        :param name: the database, for revisions with a part for each, or "".
        """
        try:
            _upgrade(revision, name)
        except (Exception, SystemExit) as error:  # noqa: BLE001  whatever a revision raises
            unreadable = _unreadable(revision, error)
            self.state.unreadable.append(unreadable)
            return unreadable
        finally:
            if self._connection.in_transaction():
                self._connection.rollback()
        return None


class _Batch(BatchOperations):
    def __init__(self, replay: Replay, table: str, schema: str | None) -> None:
        batch: Any = SimpleNamespace(table_name=table, schema=schema)
        super().__init__(replay.migration_context, impl=batch)
        self._replay = replay

    def invoke(self, operation: MigrateOperation) -> Any:
        return self._replay.invoke(operation)


def replayed(context: MigrationContext) -> State:
    """Return what the revisions of a database declare, found out once."""
    token = context.opts["upgrade_token"]
    # One run has one dictionary of options, for all its databases.
    found: dict[str, State] = context.opts.setdefault("declared", {})
    if token not in found:
        found[token] = declared_at(context)
        for unreadable in found[token].unreadable:
            log.warning("%s: what it makes from there on is not known.", unreadable)
    return found[token]


def declared_at(
    context: MigrationContext,
    revision: str | tuple[str, ...] | None = "heads",
    dialect: Dialect | None = None,
) -> State:
    """Return what the revisions of a database declare up to one of them.

    :param context: the database.
    :param revision: the last that counts; None for the state before the first.
    :param dialect: what they are told that they run on; by default the database's own.
    """
    environment = context.environment_context
    script = environment.script if environment and revision else None
    revisions = [*script.iterate_revisions(revision, "base")] if script else []
    replay = Replay(dialect or context.dialect, context.opts, environment)
    return _read(replay, revisions[::-1], database_in(context.opts["upgrade_token"]))


def state_of(revisions: Iterable[Script], dialect: Dialect, name: str = "") -> State:
    """Return what revisions declare, where no environment runs.

    :param revisions: all that count, the oldest first.
    :param dialect: the database that they are told they run on.
    :param name: the database, for revisions with a part for each, or "".
    """
    return _read(Replay(dialect), revisions, name)


def _read(replay: Replay, revisions: Iterable[Script], name: str) -> State:
    with replay.in_place_of_op(), _without_collector():
        for revision in revisions:
            replay.read(revision, name)
    return replay.state


@contextmanager
def _without_collector() -> Iterator[None]:
    """Look for no garbage for a while: of many revisions almost all that is made stays.

    It would be half of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _upgrade(revision: Script, name: str) -> None:
    upgrade = revision.module.upgrade
    if signature(upgrade).parameters:
        upgrade(name)
    elif not name:
        upgrade()


def _unreadable(revision: Script, error: BaseException) -> Unreadable:
    frames = traceback.extract_tb(error.__traceback__)
    lines = [it.lineno for it in frames if it.filename == revision.path]
    said = str(error).strip().partition("\n")[0]
    return Unreadable(
        revision.revision,
        revision.path,
        next(reversed(lines), None) or 0,
        f"{type(error).__name__}: {said}" if said else type(error).__name__,
        frozenset(words_in(revision.path)),
    )


def reflected(connection: sa.Connection, schemas: Iterable[str | None]) -> State:
    """Return the tables of a database, with which one can do what revisions do."""
    state = State(connection.dialect)
    inspector = inspector_of(connection)
    event.listen(state.metadata, "column_reflect", in_own_words)
    for schema in schemas:
        for name in inspector.get_table_names(schema):
            table = sa.Table(name, state.metadata, schema=schema)
            inspector.reflect_table(table, include_columns=None, resolve_fks=False)
    for table in state.metadata.tables.values():
        state.tables[state.key(table.schema, table.name)] = table
    return state


# The database


def _empty_database(
    dialect: Dialect, state: State, executed: Callable[[Any], None]
) -> sa.Engine:
    """Return an engine of a database that has the tables of a state, and no rows."""
    answering = inspected_as(dialect, state)
    # A row that was just inserted is not there for an UPDATE, which is no error.
    vars(answering).update(
        supports_sane_rowcount=False,
        supports_sane_multi_rowcount=False,
        insertmanyvalues_page_size=1,
    )
    url = sa.URL.create(f"{dialect.name}+{dialect.driver}")
    connection: Any = _Connection
    pool = StaticPool(connection, dialect=answering)
    engine = sa.Engine(pool, answering, url)

    @event.listens_for(engine, "before_execute")
    def tell(_connection: Any, statement: Any, *_others: Any) -> None:
        executed(statement)

    @event.listens_for(engine, "before_cursor_execute")
    def answer(
        _connection: Any, cursor: Any, text: str, given: Any, context: Any, *_: Any
    ) -> None:
        cursor.prepared = _answer_to(context, text, given)

    return engine


class _Answer(NamedTuple):
    """The rows of a statement, and their columns, if it has any."""

    columns: Sequence[str] | None
    rows: Sequence[Sequence[Any]] = ()


NUMERIC = 1700
"""What each column is said to be: SQLAlchemy takes no number of a type that PostgreSQL
does not have."""


class _Cursor:
    """A cursor of the DB-API that reads no database."""

    arraysize = 1
    rowcount = 0
    prepared: _Answer | None = None

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.description: list[tuple[Any, ...]] | None = None
        self.lastrowid = 0
        self._rows: list[Sequence[Any]] = []

    def execute(self, statement: Any, *_parameters: Any, **_options: Any) -> Self:
        answer, self.prepared = self.prepared or answer_to(str(statement)), None
        columns = answer.columns
        if columns is None:
            self.description = None
        else:
            self.description = [(it, NUMERIC, *(None,) * 5) for it in columns]
        self._rows = list(answer.rows)
        self.lastrowid = next(self.connection.numbers)
        return self

    def executemany(self, *_given: Any, **_options: Any) -> Self:
        self.prepared = self.description = None
        return self

    def fetchone(self) -> Sequence[Any] | None:
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[Sequence[Any]]:
        taken = self._rows[: size or 1]
        del self._rows[: size or 1]
        return taken

    def fetchall(self) -> list[Sequence[Any]]:
        taken, self._rows = self._rows, []
        return taken

    def __iter__(self) -> Iterator[Sequence[Any]]:
        return iter(self.fetchall())

    def close(self) -> None:
        self._rows = []

    def __getattr__(self, name: str) -> Any:
        return _nothing_of(name)


class _Connection:
    """A connection of the DB-API to nothing."""

    notices = ()

    def __init__(self) -> None:
        self.numbers = count(1)

    def cursor(self, *_given: Any, **_options: Any) -> _Cursor:
        return _Cursor(self)

    def __getattr__(self, name: str) -> Any:
        return _nothing_of(name)


def _nothing_of(name: str) -> Any:
    """Return what does nothing, for all that a driver has beside the DB-API."""
    if name.startswith("__"):
        raise AttributeError(name)
    return lambda *_given, **_options: None


# What it answers


def _answer_to(context: Any, text: str, parameters: Any) -> _Answer:
    """Return the answer to a statement that SQLAlchemy has compiled, or to a text."""
    columns = result_of(context)
    if not columns:
        return answer_to(text)
    names = [name for name, _ in columns]
    statement = context.compiled.statement
    if context.isinsert:
        from_rows = getattr(statement, "select", None) is not None
        row = _inserted(context, columns, parameters)
        return _Answer(names, [] if from_rows else [row])
    answer = answer_to(text)
    if answer.rows:
        with suppress(Exception):  # not every value can be written
            answer = answer_to(compiled(statement, context.dialect))
    return _Answer(names, [it[: len(names)] for it in answer.rows])


def _inserted(
    context: Any, columns: Sequence[tuple[str, Any]], parameters: Any
) -> list[Any]:
    """Return the row that an INSERT gives back: what it said, and new numbers."""
    given = parameters
    if not isinstance(given, Mapping):
        given = dict(zip(context.compiled.positiontup or (), given, strict=False))
    given = {name.removesuffix("__0"): value for name, value in given.items()}
    numbers = context.cursor.connection.numbers
    return [
        given[name]
        if name in given
        else next(numbers)
        if isinstance(type_, sa.Integer)
        else None
        for name, type_ in columns
    ]


def answer_to(text: str) -> _Answer:
    """Return the answer of a database without rows to a statement as text."""
    words = [*_words(text)]
    heads = [word.upper() if depth == 0 else "" for word, depth in words]
    first = "RETURNING" if "RETURNING" in heads else "SELECT"
    if not words or (first == "SELECT" and words[0][0].upper() not in READS):
        return _Answer(None)
    if first not in heads:
        return _Answer(["value"])
    begin = heads.index(first) + 1
    end = heads.index("FROM", begin) if "FROM" in heads[begin:] else len(words)
    items = [*_items(words[begin:end])]
    names = [_name_of_item(it) for it in items]
    if first == "RETURNING":
        return _Answer(names)
    aggregates = any(
        word.upper() in AGGREGATES and after == "("
        for item in items
        for word, after in pairwise(item)
    )
    alone = end == len(words) or (aggregates and "GROUP" not in heads[end:])
    return _Answer(names, [[_value_in(it) for it in items]] if alone else [])


def _words(text: str) -> Iterator[tuple[str, int]]:
    """Give the words of a statement, each with the parentheses that it stands in."""
    depth = 0
    for token in significant(text):
        depth -= token.text == ")"
        if token.text != ";":
            yield token.text, depth
        depth += token.text == "("


def _items(words: Iterable[tuple[str, int]]) -> Iterator[list[str]]:
    item: list[str] = []
    for word, depth in words:
        if word == "," and depth == 0:
            yield item
            item = []
        else:
            item.append(word)
    yield item


def _name_of_item(item: Sequence[str]) -> str:
    return significant(item[-1])[0].value if item else "value"


def _value_in(item: Sequence[str]) -> Any:
    """Return what an item of a SELECT is over no rows."""
    named = "AS" in map(str.upper, item[-2:-1])
    words = [it for it in item[: -2 if named else None] if it not in {"(", ")"}]
    first = next((it.upper() for it in words if it.upper() not in BEFORE_VALUE), "")
    if first in {"COUNT", "EXISTS"}:
        return 0
    value = words[-1] if first == "COALESCE" or len(words) == 1 else ""
    with suppress(ValueError):
        return int(value)
    return string_in(value)


# What its inspector says


def inspected_as(dialect: Dialect, state: State) -> Dialect:
    """Return a dialect whose inspectors see the tables of a state.

    :param dialect: the one that it is otherwise.
    """
    kind = type(dialect)
    given = {"supports_statement_cache": True, "state": state}
    answering: Dialect = object.__new__(type(kind.__name__, (_Inspected, kind), given))
    vars(answering).update(vars(dialect))
    return answering


class _Inspected:
    """The methods of a dialect that read tables, answered from a state."""

    name: str
    default_schema_name: str | None
    state: State

    get_multi_columns = DefaultDialect.get_multi_columns
    get_multi_pk_constraint = DefaultDialect.get_multi_pk_constraint
    get_multi_foreign_keys = DefaultDialect.get_multi_foreign_keys
    get_multi_indexes = DefaultDialect.get_multi_indexes
    get_multi_unique_constraints = DefaultDialect.get_multi_unique_constraints
    get_multi_check_constraints = DefaultDialect.get_multi_check_constraints
    get_multi_table_comment = DefaultDialect.get_multi_table_comment
    get_multi_table_options = DefaultDialect.get_multi_table_options

    def _table(self, name: str, schema: str | None) -> sa.Table:
        table = self.state.table(schema, name)
        if table is None:
            raise NoSuchTableError(name)
        return table

    def _names_in(self, schema: str | None, found: Iterable[Key]) -> list[str]:
        at, _name = self.state.key(schema, "")
        return [name for place, name in found if place == at]

    def get_table_names(self, _bind: Any, schema: Any = None, **_: Any) -> list[str]:
        return self._names_in(schema, self.state.tables)

    def get_schema_names(self, _bind: Any, **_: Any) -> list[str]:
        found = {schema for schema, _ in self.state.tables} | self.state.schemas
        return sorted({it or str(self.default_schema_name) for it in found})

    def get_sequence_names(self, _bind: Any, schema: Any = None, **_: Any) -> list[str]:
        return self._names_in(schema, self.state.sequences)

    def get_view_names(self, _bind: Any, schema: Any = None, **_: Any) -> list[str]:
        return self._view_names(schema, materialized=False)

    def get_materialized_view_names(
        self, _bind: Any, schema: Any = None, **_: Any
    ) -> list[str]:
        return self._view_names(schema, materialized=True)

    def _view_names(self, schema: str | None, *, materialized: bool) -> list[str]:
        views = self.state.views.items()
        found = [key for key, it in views if bool(it.materialized) is materialized]
        return self._names_in(schema, found)

    def _no_names(self, *_given: Any, **_options: Any) -> list[str]:
        return []

    get_temp_table_names = get_temp_view_names = _no_names

    def has_table(self, _bind: Any, name: str, schema: Any = None, **_: Any) -> bool:
        return self.state.table(schema, name) is not None

    def has_schema(self, bind: Any, schema_name: str, **_: Any) -> bool:
        return schema_name in self.get_schema_names(bind)

    def has_sequence(self, _bind: Any, name: str, schema: Any = None, **_: Any) -> bool:
        return self.state.key(schema, name) in self.state.sequences

    def has_type(self, _bind: Any, name: str, schema: Any = None, **_: Any) -> bool:
        return self.state.has_enum(schema, name)

    def has_index(
        self, _bind: Any, table: str, name: str, schema: Any = None, **_: Any
    ) -> bool:
        found = self.state.table(schema, table)
        return found is not None and name in {it.name for it in found.indexes}

    def get_columns(
        self, _bind: Any, name: str, schema: Any = None, **_: Any
    ) -> list[Any]:
        self._table(name, schema)
        columns = self.state.columns(schema, name).values()
        return [_column(it, self) for it in columns]

    def get_pk_constraint(
        self, _bind: Any, name: str, schema: Any = None, **_: Any
    ) -> Any:
        key = self._table(name, schema).primary_key
        given = {"dialect_options": dict(key.dialect_kwargs)}
        columns = [column.name for column in key.columns]
        return {"name": self._name(key), "constrained_columns": columns, **given}

    def get_foreign_keys(
        self, _bind: Any, name: str, schema: Any = None, **_: Any
    ) -> list[Any]:
        keys = self._table(name, schema).foreign_key_constraints
        found = [_foreign_key(it, self._name(it)) for it in keys]
        return sorted(
            found, key=lambda it: (str(it["name"]), it["constrained_columns"])
        )

    def get_indexes(
        self, _bind: Any, name: str, schema: Any = None, **_: Any
    ) -> list[Any]:
        table = self._table(name, schema)
        found = [_index(it) for it in table.indexes]
        if self.name in MYSQL or self.name == "postgresql":
            of_constraint = self.name == "postgresql"
            for it in self._uniques(table):
                more = {"duplicates_constraint": it["name"]} if of_constraint else {}
                found.append({**it, "unique": True, **more})
        return sorted(found, key=lambda it: str(it["name"]))

    def get_unique_constraints(
        self, _bind: Any, name: str, schema: Any = None, **_: Any
    ) -> list[Any]:
        table = self._table(name, schema)
        found = self._uniques(table)
        if self.name in MYSQL:  # it has but indexes
            unique = [_index(it) for it in table.indexes if it.unique]
            found = [
                {key: it[key] for key in ("name", "column_names")}
                | {"duplicates_index": it["name"]}
                for it in [*found, *unique]
            ]
        return sorted(found, key=lambda it: str(it["name"]))

    def get_check_constraints(
        self, _bind: Any, name: str, schema: Any = None, **_: Any
    ) -> list[Any]:
        checks = [
            {"name": it.name and str(it.name), "sqltext": _text(it.sqltext, self)}
            for it in constraints_of(self._table(name, schema))
            if isinstance(it, sa.CheckConstraint)
        ]
        return sorted(checks, key=lambda it: str(it["name"]))

    def get_table_comment(
        self, _bind: Any, name: str, schema: Any = None, **_: Any
    ) -> Any:
        return {"text": self._table(name, schema).comment}

    def get_table_options(
        self, _bind: Any, name: str, schema: Any = None, **_: Any
    ) -> Any:
        return dict(self._table(name, schema).dialect_kwargs)

    def _uniques(self, table: sa.Table) -> list[dict[str, Any]]:
        return [
            {
                "name": self._name(it),
                "column_names": [column.name for column in it.columns],
                "dialect_options": dict(it.dialect_kwargs),
            }
            for it in table.constraints
            if _is_unique(it)
        ]

    def _name(self, constraint: sa.Constraint) -> str | None:
        """Return the name of a key, which a server makes up where there is none."""
        columns = getattr(constraint, "columns", ())
        if not constraint.name and self.name == "postgresql" and columns:
            return name_for(constraint)
        if not constraint.name and self.name in MYSQL and _is_unique(constraint):
            return str(next(iter(columns)).name)
        return str(constraint.name) if constraint.name else None


def _is_unique(constraint: sa.Constraint) -> TypeGuard[sa.UniqueConstraint]:
    return isinstance(constraint, sa.UniqueConstraint)


def _column(column: sa.Column[Any], dialect: Any) -> dict[str, Any]:
    found = {
        "name": column.name,
        "type": column.type,
        "nullable": column.nullable,
        "default": _default(column, dialect),
        "autoincrement": column.autoincrement,
        "comment": column.comment,
        "primary_key": int(column.primary_key),
        "dialect_options": dict(column.dialect_kwargs),
    }
    if column.computed is not None:
        formula = _text(column.computed.sqltext, dialect)
        found["computed"] = {"sqltext": formula, "persisted": column.computed.persisted}
    if column.identity is not None:
        names = ("always", "start", "increment", "minvalue", "maxvalue")
        given = {it: getattr(column.identity, it) for it in (*names, "cache", "cycle")}
        found["identity"] = {it: how for it, how in given.items() if how is not None}
    return found


def _default(column: sa.Column[Any], dialect: Any) -> str | None:
    default = column.server_default
    if not isinstance(default, sa.DefaultClause):
        return None
    if isinstance(default.arg, sa.TextClause):
        return default.arg.text
    compiler = dialect.ddl_compiler(dialect, None)
    text: str | None = compiler.get_column_default_string(column)
    return text


def _text(expression: Any, dialect: Any) -> str:
    if isinstance(expression, sa.TextClause):
        return expression.text
    written = {"literal_binds": True, "include_table": False}
    return str(expression.compile(dialect=dialect, compile_kwargs=written))


def _foreign_key(key: sa.ForeignKeyConstraint, name: str | None) -> dict[str, Any]:
    places = [referred(it) for it in key.elements]
    options = ("onupdate", "ondelete", "deferrable", "initially", "match")
    given = {it: value for it in options if (value := getattr(key, it)) is not None}
    return {
        "name": name,
        "constrained_columns": [it.parent.name for it in key.elements],
        "referred_schema": places[0][0],
        "referred_table": places[0][1],
        "referred_columns": [column for *_, column in places],
        "options": given,
    }


def _index(index: sa.Index) -> dict[str, Any]:
    parts = [_sorted(it) for it in index.expressions]
    names = [it.name if isinstance(it, sa.Column) else None for it, _ in parts]
    found: dict[str, Any] = {
        "name": index.name,
        "column_names": names,
        "unique": bool(index.unique),
        "dialect_options": dict(index.dialect_kwargs),
    }
    if None in names:
        found["expressions"] = [_bare(it) for it, _ in parts]
    sorting = {name: how for name, (_, how) in zip(names, parts, strict=True) if how}
    if sorting:
        found["column_sorting"] = sorting
    return found


def _bare(expression: Any) -> str:
    if isinstance(expression, sa.Column):
        return expression.name
    if isinstance(expression, sa.TextClause):
        return expression.text
    return str(expression.compile(compile_kwargs={"include_table": False}))


def _sorted(expression: Any) -> tuple[Any, tuple[str, ...]]:
    """Return a part of an index without its order, and the order in words."""
    how: tuple[str, ...] = ()
    part = expression
    while isinstance(part, sa.UnaryExpression) and part.modifier in SORTED:
        how = (SORTED[part.modifier], *how)
        part = part.element
    return (part, how) if isinstance(part, sa.Column) else (expression, ())
