"""Offline mode: write the SQL of a run (`--sql`), which does what the run would do.

A table of SQLite that is made anew has to be read first, and a script has no database.
So what the revisions declare is followed, and a rebuild makes the table from that.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any

from alembic import context
from alembic.operations import BatchOperations, MigrateOperation, Operations
from alembic.runtime.migration import MigrationContext, MigrationStep, RevisionStep
from alembic.util import CommandError
from sqlalchemy import MetaData

from . import ddl
from ._alembic import (
    commit_blocks_by,
    in_place_of_op,
    invoke_by,
    steps_taken_by,
    typed_revisions,
    with_plain_text,
)
from .ddl.sqlite import tell_conflicts
from .project import oldest
from .replaced import put_back
from .replay import declared_at
from .runtime.applied import Applied, remember
from .runtime.errors import located
from .state import State

NATIVE_UUID = (10, 7)
"""The version of MariaDB that has a type for it."""


class ScriptOperations(Operations):
    """Stand for `op` while a script of SQLite is written."""

    def __init__(self, migration: MigrationContext, state: State) -> None:
        """Follow what the revisions make.

        :param migration: what writes the script.
        :param state: what the revisions before the script declare.
        """
        super().__init__(migration)
        self._state = state

    def invoke(self, operation: MigrateOperation) -> Any:
        """Write an operation, and follow it."""
        result = super().invoke(operation)
        self._state.apply(operation)
        return result

    @contextmanager
    def batch_alter_table(
        self, table_name: str, schema: str | None = None, *given: Any, **options: Any
    ) -> Iterator[BatchOperations]:
        """Collect changes of a table, and make it anew from what is declared of it.

        :raises CommandError: for a table that no revision declares as a whole.
        """
        declared = self._state.created(schema, table_name)
        if declared is not None:
            options.setdefault("copy_from", declared.to_metadata(MetaData()))
        done = list[MigrateOperation]()
        with super().batch_alter_table(table_name, schema, *given, **options) as batch:
            invoke = batch.invoke

            def invoked(operation: MigrateOperation) -> Any:
                done.append(operation)
                return invoke(operation)

            invoke_by(batch, invoked)
            yield batch
            tell_conflicts(batch.impl)
        for operation in done:
            self._state.apply(operation)


@contextmanager
def writing() -> Iterator[None]:
    """Write the SQL of a run for what Alembic was configured with.

    :raises CommandError: with the file and the line of what cannot be written.
    """
    put_back(context.script, (), typed_revisions())
    migration = context.get_context()
    with_plain_text(migration.dialect)
    _as_the_oldest(migration.dialect)
    ddl.implement(migration)
    _tell_of_blocks(migration)
    remember(migration, Applied(None, migration.opts))
    if migration.dialect.name == "sqlite":
        with _one_transaction(migration), located():
            yield
        return
    with located(), context.begin_transaction():
        yield


def _as_the_oldest(dialect: Any) -> None:
    """Let a script be for the oldest server that the project says it runs on.

    Nobody asks a server for its version. MariaDB has UUID from 10.7 on, and SQLAlchemy
    makes a Uuid CHAR(32) before.
    """
    versions = oldest(context.config.attributes.get("runs_on", ()))
    version = versions.get("mariadb", ())
    if dialect.name == "mariadb" and version and version < NATIVE_UUID:
        dialect.supports_native_uuid = False


def _tell_of_blocks(migration: MigrationContext) -> None:
    """Let operations know that each statement of a script is committed by itself."""
    block = migration.autocommit_block

    @contextmanager
    def told() -> Iterator[None]:
        with block():
            migration.opts["commits"] = True
            yield
            migration.opts["commits"] = False

    commit_blocks_by(migration, told)


@contextmanager
def _one_transaction(migration: MigrationContext) -> Iterator[None]:
    """Let a script of SQLite be one transaction, in which tables can be made anew."""
    try:
        start = context.get_starting_revision_argument()
    except CommandError:
        start = None
    state = declared_at(migration, start)
    steps_taken_by(migration, partial(_steps, ScriptOperations(migration, state)))
    impl = migration.impl
    impl.transactional_ddl = True
    impl.static_output("PRAGMA foreign_keys = OFF;")
    with context.begin_transaction():
        yield


def _steps(
    operations: Operations,
    steps: Callable[..., Iterable[MigrationStep]],
    heads: Any,
    migration: MigrationContext,
) -> Iterator[MigrationStep]:
    for step in steps(heads, migration):
        if isinstance(step, RevisionStep):
            step.migration_fn = _with(operations, step.migration_fn)
        yield step


def _with(operations: Operations, function: Callable[..., None]) -> Callable[..., None]:
    @wraps(function)  # Alembic knows the direction by the name
    def run(**arguments: Any) -> None:
        with in_place_of_op(operations):
            function(**arguments)

    return run
