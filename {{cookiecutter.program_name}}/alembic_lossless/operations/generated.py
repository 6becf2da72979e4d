"""Change what generates the values of a column: a formula, or an identity."""

from typing import Any

import sqlalchemy as sa
from alembic.operations import MigrateOperation, Operations, ops
from alembic.util import CommandError
from sqlalchemy.types import TypeEngine

from .base import LosslessOp
from .keys import sequence_of
from .names import Names
from .sequences import option_words

Generator = sa.Computed | sa.Identity | None

OPTIONS = ("start", "increment", "minvalue", "maxvalue", "cache", "cycle")

SET_EXPRESSION = (17,)
"""The first PostgreSQL that changes a formula in place."""


@Operations.register_operation("alter_generated")
class AlterGeneratedOp(LosslessOp):
    """Change the formula or the identity of a column."""

    function = "alter_generated"

    def as_alembic(self) -> ops.AlterColumnOp:
        """Return the change of the column."""
        table, column, type_, new = self.arguments
        return ops.AlterColumnOp(
            table,
            column,
            schema=self.schema,
            existing_type=type_,
            existing_server_default=self.options["existing"],
            modify_server_default=new,
        )

    def stops_like(self) -> MigrateOperation:
        """Return what computes the values of all rows, where a formula changes."""
        table, column, type_, new = self.arguments
        if not isinstance(new, sa.Computed):
            return self
        formula = sa.Computed(new.sqltext, persisted=new.persisted)
        made = sa.Column(column, type_, formula)
        return ops.AddColumnOp(table, made, schema=self.schema)

    @classmethod
    def alter_generated(  # noqa: PLR0913  what a revision has to say
        cls,
        operations: Operations,
        table_name: str,
        column_name: str,
        type_: TypeEngine[Any],
        new: Generator,
        *,
        existing: Generator,
        counts: bool = False,
        schema: str | None = None,
    ) -> None:
        """Let a column have another formula, or an identity, another one, or none.

        A formula computes the values of all rows again. An identity, which PostgreSQL
        alone has, goes on behind the highest value; without one a key counts by itself.

        :param type_: the type of the column.
        :param new: a formula or an identity; None where an identity goes.
        :param existing: what there is now.
        :param counts: whether the column counts by itself without an identity.
        :raises CommandError: when a column must be made anew and something uses it.
        """
        arguments = table_name, column_name, type_, new
        operations.invoke(
            cls(*arguments, schema=schema, existing=existing, counts=counts)
        )


@Operations.implementation_for(AlterGeneratedOp)
def _alter_generated(operations: Operations, op: AlterGeneratedOp) -> None:
    table, column, type_, new = op.arguments
    names = Names(operations, table, op.schema)
    if isinstance(new, sa.Computed):
        _compute(names, sa.Column(column, type_, new), op.options["existing"])
    elif names.dialect == "postgresql":
        _identify(names, op)


def _compute(names: Names, column: sa.Column[Any], old: sa.Computed) -> None:
    dialect = names.operations.get_context().dialect
    computed: Any = column.computed
    stays = bool(computed.persisted) is bool(old.persisted)
    in_place = names.is_mysql and stays
    version: tuple[int, ...] = getattr(dialect, "server_version_info", None) or ()
    if names.dialect == "postgresql" and version >= SET_EXPRESSION:
        formula = computed.sqltext.compile(
            dialect=dialect, compile_kwargs={"literal_binds": True}
        )
        names.execute(
            f"ALTER TABLE {names.table} ALTER COLUMN {names.quoted(column.name)}"
            f" SET EXPRESSION AS ({formula})"
        )
    elif in_place:
        sa.Table(names.name, sa.MetaData(), column, schema=names.schema)
        compiler: Any = dialect.ddl_compiler(dialect, None)  # type: ignore[arg-type]
        names.execute(
            f"ALTER TABLE {names.table} MODIFY"
            f" {compiler.get_column_specification(column)}"
        )
    else:
        if names.dialect != "sqlite":
            _refuse_users(names, column.name)
        operations = names.operations
        with operations.batch_alter_table(names.name, schema=names.schema) as batch:
            batch.drop_column(column.name)
            batch.add_column(column)


def _refuse_users(names: Names, column: str) -> None:
    """Refuse to make a column anew that an index or a constraint would go with.

    :raises CommandError: with the names of what uses it.
    """
    if names.offline:
        return
    inspector = sa.inspect(names.bind())
    at = names.name, names.schema
    found: list[Any] = [
        *inspector.get_indexes(*at),
        *inspector.get_unique_constraints(*at),
        *inspector.get_foreign_keys(*at),
    ]
    columns = ("column_names", "constrained_columns", "include_columns")
    users = {
        str(it["name"])
        for it in found
        if any(column in (it.get(where) or ()) for where in columns)
    }
    if users:
        raise CommandError(
            f"{names.name}.{column} is made anew, and {', '.join(sorted(users))} would"
            " go with it. Let the revision drop that before, and create it after."
        )


def _identify(names: Names, op: AlterGeneratedOp) -> None:
    """Give a column of PostgreSQL an identity, change it, or let the key count."""
    table, column, type_, new = op.arguments
    old, counts = op.options["existing"], op.options.get("counts")
    alter = f"ALTER TABLE {names.table} ALTER COLUMN {names.quoted(column)}"
    if old is not None and new is not None:
        given = {name: getattr(new, name) for name in OPTIONS}
        kind = "ALWAYS" if new.always else "BY DEFAULT"
        words = [f"GENERATED {kind}", *option_words(given, names.dialect)]
        names.execute(f"{alter} SET {' SET '.join(words)}")
        return
    own = sequence_of(table, column)
    sequence = Names(names.operations, own, names.schema).table
    if old is None and counts:
        names.execute(f"{alter} DROP DEFAULT")
        names.execute(f"DROP SEQUENCE IF EXISTS {sequence}")
    names.operations.alter_column(
        table,
        column,
        schema=op.schema,
        server_default=new,
        existing_server_default=old,
    )
    if new is None and counts:
        kind = type_.compile(dialect=names.operations.get_context().dialect)
        owner = f"OWNED BY {names.table}.{names.quoted(column)}"
        names.execute(f"CREATE SEQUENCE {sequence} AS {kind} {owner}")
        names.execute(f"{alter} SET DEFAULT nextval('{sequence}')")
    if new is not None or counts:
        _go_on(names, column)


def _go_on(names: Names, column: str) -> None:
    """Let what counts a column go on behind the highest value that it has."""
    counter = f"pg_get_serial_sequence('{names.table}', '{column}')"
    quoted = names.quoted(column)
    names.execute(
        f"SELECT setval({counter}, max({quoted})) FROM {names.table}"  # noqa: S608  names
        f" HAVING max({quoted}) IS NOT NULL"
    )
