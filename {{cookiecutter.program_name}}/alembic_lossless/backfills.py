"""Backfills that revisions declare and a run leaves: which are open, and doing them.

What is open is read from the rows: a backfill that was killed is gone on with, and two
at once do no harm.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any, TypeVar

import sqlalchemy as sa
from alembic import context
from alembic.operations import MigrateOperation, Operations, ops
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy.sql.visitors import iterate

from .config import database_in, program_of
from .operations.backfill import backfill, fill, lacking
from .operations.base import LosslessOp, Names, called, label
from .replay import Replay
from .runtime.errors import applied
from .runtime.locks import Blockers, strict
from .runtime.online import limited, retried
from .state import table_of
from .types.reflection import inspector_of
from .types.values import in_statement

T = TypeVar("T")


@dataclass(frozen=True)
class Backfill:
    """Values that rows are still to get.

    :param revision: the revision that declares it.
    :param call: the call of `op.backfill`.
    """

    revision: str
    call: LosslessOp

    def __str__(self) -> str:
        """Return the column that gets the values."""
        return (
            f"{label(self.call.schema, self.call.table_name)}.{self.call.column_name}"
        )

    @property
    def columns(self) -> set[str]:
        """The column that gets the values, and those that they are made of."""
        value, found = self.call.value, {str(self.call.column_name)}
        if isinstance(value, sa.ClauseElement):
            parts = iterate(value)
            found |= {it.name for it in parts if isinstance(it, sa.ColumnClause)}
        return found

    def is_open(self, connection: sa.Connection) -> bool:
        """Tell whether rows lack their value; what is not there lacks none.

        :param connection: the database.
        """
        call, inspector = self.call, inspector_of(connection)
        if not inspector.has_table(call.table_name, call.schema):
            return False
        there = {
            it["name"] for it in inspector.get_columns(call.table_name, call.schema)
        }
        if not self.columns <= there:
            return False
        table = sa.table(call.table_name, schema=call.schema)
        rows: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(table)
        rows = rows.where(lacking(call.column_name, call.value)).limit(1)
        return connection.execute(rows).first() is not None


class _Reader(Replay):
    """Take the place of `op` while one revision runs, and keep what it asks for."""

    def __init__(self, dialect: sa.Dialect) -> None:
        super().__init__(dialect)
        self.found = list[MigrateOperation]()

    def invoke(self, operation: MigrateOperation) -> Any:
        """Keep an operation, and apply it."""
        self.found.append(operation)
        return super().invoke(operation)


def _operations_of(
    revision: Script, dialect: sa.Dialect, name: str
) -> list[MigrateOperation]:
    reader = _Reader(dialect)
    with reader.in_place_of_op():
        reader.read(revision, name)
    return reader.found


def _speaks_of_one(revision: Script) -> bool:
    """Tell a revision that may declare a backfill: few do, and only they are read."""
    # What else a module imports, such as `current_app`, may raise when it is asked.
    found = [it for it in vars(revision.module).values() if type(it) is FunctionType]
    codes = [it.__code__ for it in found]
    while codes:
        code = codes.pop()
        if "backfill" in code.co_names:
            return True
        codes += [it for it in code.co_consts if isinstance(it, CodeType)]
    return False


def declared(
    revisions: Sequence[Script], dialect: sa.Dialect, name: str
) -> Iterator[Backfill]:
    """Give the backfills that revisions leave, in their order.

    :param revisions: the revisions, the oldest first.
    :param dialect: the database.
    :param name: the database, for revisions with a part for each, or "".
    """
    for revision in filter(_speaks_of_one, revisions):
        for op in _operations_of(revision, dialect, name):
            if called(op, backfill) and op.later:
                yield Backfill(revision.revision, op)


def open_at(
    folder: ScriptDirectory,
    heads: tuple[str, ...],
    connection: sa.Connection,
    name: str,
) -> list[Backfill]:
    """Return what the revisions of a database left, and rows still lack.

    :param folder: the revisions.
    :param heads: where the database is.
    :param name: the database, for revisions with a part for each, or "".
    """
    done = applied(folder, connection.engine.url, heads)
    revisions = [it for it in folder.walk_revisions() if it.revision in done][::-1]
    found = declared(revisions, connection.dialect, name)
    return [it for it in found if it.is_open(connection)]


def waits_for(revision: Script, migration: MigrationContext) -> str | None:
    """Say which backfill a revision must wait for, if it changes what that is about.

    :param revision: the next one of a run.
    :param migration: the run's.
    """
    script, connection = context.script, migration.connection
    if connection is None:
        return None
    if "backfills" not in migration.opts:
        # One run has one history.
        every = [*script.walk_revisions()][::-1]
        migration.opts["backfills"] = [*filter(_speaks_of_one, every)]
    if not migration.opts["backfills"]:
        return None
    below = {it.revision for it in script.iterate_revisions(revision.revision, "base")}
    left = [
        it
        for it in migration.opts["backfills"]
        if it.revision in below and it is not revision
    ]
    if not left:
        return None
    name = database_in(migration.opts["upgrade_token"])
    changes = _operations_of(revision, migration.dialect, name)
    for it in declared(left, migration.dialect, name):
        if any(_changes(op, it) for op in changes) and it.is_open(connection):
            program = program_of(context.config)
            return (
                f"{revision.revision}, {revision.doc}, and what follows it wait until"
                f" each row has its value in {it}, which {it.revision} left.\n"
                f"Next: {program} backfill, then: {program} upgrade"
            )
    return None


def _changes(op: MigrateOperation, left: Backfill) -> bool:
    """Tell whether an operation changes a column that a backfill is about."""
    given: Any = op
    table = getattr(given, "table_name", None), getattr(given, "schema", None)
    if isinstance(op, ops.CreateForeignKeyOp):
        table = table_of(op)[::-1]
    if table != (left.call.table_name, left.call.schema):
        return False
    if isinstance(op, ops.DropTableOp | ops.RenameTableOp):
        return True
    if isinstance(op, ops.AddColumnOp) or (
        isinstance(op, ops.CreateIndexOp) and not op.unique
    ):
        return False
    if isinstance(op, ops.CreateCheckConstraintOp):
        return True
    values = [
        getattr(given, it, None) for it in ("column_name", "columns", "local_cols")
    ]
    if isinstance(op, LosslessOp):
        values += [*op.args, *op.kwargs.values()]
    names = {it for it in values if isinstance(it, str)}
    for value in values:
        if isinstance(value, list | tuple):
            names |= {
                it if isinstance(it, str) else getattr(it, "name", "") for it in value
            }
    return bool(names & left.columns)


class _Alone:
    """What stands for the journal of a revision, where no revision runs."""

    live = True

    def __init__(self, wait: float, blockers: Blockers) -> None:
        self._wait, self._blockers = wait, blockers

    def commits(self) -> bool:
        """Say that each statement is committed by itself."""
        return True

    def run(self, _what: str, act: Callable[[], T], *, alone: bool = False) -> T:  # noqa: ARG002  as a journal has it
        """Take a step."""
        return act()

    def patiently(self, act: Callable[[], T]) -> T:
        """Repeat what did not get its lock, with growing pauses."""
        return retried(act, self._wait, self._blockers)


def give(left: Backfill, engine: sa.Engine, wait: float) -> int:
    """Give the rows their values, in batches that are each committed.

    :param left: the backfill.
    :param engine: the database. SQLite, which has one writer, does it at once.
    :param wait: seconds after which a row that others hold is an error.
    :return: how many rows got one.
    """
    call = left.call
    where = lacking(call.column_name, call.value)
    kind = engine.dialect.name
    if kind == "postgresql":
        engine = engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection, closing(Blockers(connection, None)) as others:
        journal = None if kind == "sqlite" else _Alone(wait, others)
        given: dict[str, Any] = {"journal": journal}
        migration = MigrationContext.configure(connection, opts=given)
        names = Names(Operations(migration), call.table_name, call.schema)
        if kind == "sqlite":
            update = sa.update(names.clause(call.column_name)).where(where)
            value = {call.column_name: in_statement(call.value)}
            with connection.begin():
                return connection.execute(update.values(value)).rowcount
        with ExitStack() as stack:
            if kind != "postgresql":
                stack.enter_context(strict(connection))
                stack.enter_context(limited(connection))
            return fill(names, call.column_name, call.value, where)
