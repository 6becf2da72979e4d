"""Constraints on tables in use: first for new rows, then for those there are.

On PostgreSQL each step is short or stops nobody; elsewhere the same call is one step.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic.ddl.postgresql import PostgresqlImpl
from alembic.operations import Operations, ops
from alembic.operations.schemaobj import SchemaObjects
from sqlalchemy.exc import IntegrityError
from sqlalchemy.types import TypeEngine

from . import violations
from .base import LosslessOp
from .names import Names, derived


@Operations.register_operation("validate_constraint")
class ValidateConstraintOp(LosslessOp):
    """Check the rows there are against a constraint that was added NOT VALID."""

    function = "validate_constraint"

    @classmethod
    def validate_constraint(
        cls,
        operations: Operations,
        constraint_name: str,
        table_name: str,
        *,
        schema: str | None = None,
    ) -> None:
        """Check the rows there are, while others go on writing.

        :param constraint_name: a foreign key or CHECK with `postgresql_not_valid=True`,
            as the revision calls it.
        :raises CommandError: when rows violate it, with a count and an example.
        """
        operations.invoke(cls(constraint_name, table_name, schema=schema))


@Operations.implementation_for(ValidateConstraintOp)
def _validate(operations: Operations, op: ValidateConstraintOp) -> None:
    name, table = op.arguments
    names = Names(operations, table, op.schema)
    if names.dialect == "postgresql":
        name = _in_database(names, name)
        constraint = names.quoted(name)
        try:
            names.execute(f"ALTER TABLE {names.table} VALIDATE CONSTRAINT {constraint}")
        except IntegrityError as error:
            violations.explain(names, name, error)
    elif names.is_mysql and not operations.get_context().as_sql:
        violations.refuse_orphans(names, name)


def _in_database(names: Names, name: str) -> str:
    """Return the name of a constraint, or what the convention made of a CHECK's."""
    if names.offline:
        return name
    build = SchemaObjects(names.operations.get_context())
    check = build.generic_constraint(name, names.name, "check", schema=names.schema)
    checks = sa.inspect(names.bind()).get_check_constraints(names.name, names.schema)
    found = {it["name"] for it in checks}
    return str(check.name) if name not in found and check.name in found else name


@Operations.register_operation("set_not_null")
class SetNotNullOp(LosslessOp):
    """Forbid NULL in a column of a table in use."""

    function = "set_not_null"

    def as_alembic(self) -> ops.AlterColumnOp:
        """Return the change of the column."""
        return ops.AlterColumnOp(
            *self.arguments, schema=self.schema, modify_nullable=False, **self.options
        )

    @classmethod
    def set_not_null(  # noqa: PLR0913  MariaDB hears the whole column again
        cls,
        operations: Operations,
        table_name: str,
        column_name: str,
        *,
        existing_type: TypeEngine[Any],
        existing_server_default: Any = None,
        existing_comment: str | None = None,
        schema: str | None = None,
    ) -> None:
        """Forbid NULL, on PostgreSQL by a CHECK that is validated while others write.

        :raises CommandError: when there is a NULL, with a count and an example.
        """
        existing = {
            "existing_type": existing_type,
            "existing_server_default": existing_server_default,
            "existing_comment": existing_comment,
        }
        operations.invoke(cls(table_name, column_name, schema=schema, **existing))


@Operations.implementation_for(SetNotNullOp)
def _set_not_null(operations: Operations, op: SetNotNullOp) -> None:
    table, column = op.arguments
    names = Names(operations, table, op.schema)
    if names.dialect != "postgresql":
        with operations.batch_alter_table(table, schema=op.schema) as batch:
            batch.alter_column(
                column, nullable=False, existing_nullable=True, **op.options
            )
        return
    name = derived("ck", table, column, "not_null")
    proof = sa.CheckConstraint(
        f"{names.quoted(column)} IS NOT NULL", name=name, postgresql_not_valid=True
    )
    sa.Table(table, sa.MetaData(), sa.Column(column), proof, schema=op.schema)
    operations.impl.add_constraint(proof)
    _validate(operations, ValidateConstraintOp(name, table, schema=op.schema))
    operations.alter_column(table, column, nullable=False, schema=op.schema)
    operations.impl.drop_constraint(proof)


@Operations.register_operation("create_unique_constraint_concurrently")
class CreateUniqueConcurrentlyOp(LosslessOp):
    """Make columns unique in a table in use."""

    function = "create_unique_constraint_concurrently"

    def as_alembic(self) -> ops.CreateUniqueConstraintOp:
        """Return the constraint."""
        return ops.CreateUniqueConstraintOp(*self.arguments, schema=self.schema)

    @classmethod
    def create_unique_constraint_concurrently(
        cls,
        operations: Operations,
        constraint_name: str,
        table_name: str,
        columns: Sequence[str],
        *,
        schema: str | None = None,
    ) -> None:
        """Build a unique index while others write, then make it the constraint.

        :raises CommandError: when rows are the same, with a count and an example.
        """
        operations.invoke(cls(constraint_name, table_name, columns, schema=schema))


@Operations.implementation_for(CreateUniqueConcurrentlyOp)
def _create_unique(operations: Operations, op: CreateUniqueConcurrentlyOp) -> None:
    name, table, columns = op.arguments
    names = Names(operations, table, op.schema)
    try:
        if names.dialect != "postgresql":
            with operations.batch_alter_table(table, schema=op.schema) as batch:
                batch.create_unique_constraint(name, columns)
            return
        operations.create_index(
            name,
            table,
            columns,
            unique=True,
            schema=op.schema,
            postgresql_concurrently=names.is_alone or names.offline,
        )
    except IntegrityError as error:
        violations.explain_duplicates(names, columns, error)
    quoted = names.quoted(name)
    names.execute(
        f"ALTER TABLE {names.table} ADD CONSTRAINT {quoted} UNIQUE USING INDEX {quoted}"
    )


class PostgreSQL(PostgresqlImpl):
    """Make constraints with columns that are only included.

    Alembic knows those of an index, and takes this class for PostgreSQL by its dialect.
    """

    __dialect__ = "postgresql"

    def add_constraint(self, const: sa.Constraint, **kw: Any) -> None:
        """Make a constraint."""
        for name in const.dialect_kwargs.get("postgresql_include") or ():
            if name not in const.table.c:
                const.table.append_column(sa.Column(name))
        super().add_constraint(const, **kw)
