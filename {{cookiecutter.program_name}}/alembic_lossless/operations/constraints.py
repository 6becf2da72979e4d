"""Constraints on tables in use: first for new rows, then for those there are.

On PostgreSQL each step is short or stops nobody; elsewhere the same call is one step.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations, ops
from alembic.operations.schemaobj import SchemaObjects
from alembic.util import CommandError
from sqlalchemy.exc import IntegrityError
from sqlalchemy.types import TypeEngine

from ..ddl.sqlite import Rebuild
from .base import LosslessOp, Names, derived
from .guards import explain_duplicates, explain_violation, refuse_orphans


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
            explain_violation(names, name, error)
    elif names.is_mysql and not operations.get_context().as_sql:
        refuse_orphans(names, name)


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
        explain_duplicates(names, columns, error)
    quoted = names.quoted(name)
    names.execute(
        f"ALTER TABLE {names.table} ADD CONSTRAINT {quoted} UNIQUE USING INDEX {quoted}"
    )


WORDS = {"unique": "unique constraint", "foreignkey": "foreign key"}
"""The types of such constraints, as Alembic calls them, and in words."""


@Operations.register_operation("drop_constraint_by_columns")
class DropConstraintByColumnsOp(LosslessOp):
    """Drop a constraint that has another name on each server, or none."""

    function = "drop_constraint_by_columns"

    def as_alembic(self) -> ops.DropConstraintOp:
        """Return the operation that would need the name."""
        table, _ = self.arguments
        kind = self.options["type_"]
        return ops.DropConstraintOp(None, table, type_=kind, schema=self.schema)

    @classmethod
    def drop_constraint_by_columns(
        cls,
        operations: Operations,
        table_name: str,
        columns: Sequence[str],
        *,
        type_: str,
        schema: str | None = None,
    ) -> None:
        """Drop the constraint of these columns, whatever name the database gave it.

        :param table_name: the table that has it.
        :param columns: its columns; of a foreign key those in this table.
        :param type_: `unique` or `foreignkey`.
        :param schema: the schema of the table.
        :raises CommandError: when there is none, and with `--sql`, where no database
            can be asked for the name.
        """
        operations.invoke(cls(table_name, columns, type_=type_, schema=schema))


@Operations.implementation_for(DropConstraintByColumnsOp)
def _drop_unnamed(operations: Operations, op: DropConstraintByColumnsOp) -> None:
    table, columns = op.arguments
    kind = op.options["type_"]
    names = Names(operations, table, op.schema)
    what = f"the {WORDS[kind]} of {table} ({', '.join(columns)})"
    if names.offline:
        raise CommandError(
            f"Nobody gave {what} a name, so that only the database knows it."
            " Run this revision without --sql."
        )
    found = [it for it in _reflected(names, kind) if _columns_of(it) == list(columns)]
    if not found:
        raise CommandError(f"There is no such constraint: {what}.")
    name = found[0]["name"]
    with operations.batch_alter_table(
        table, schema=op.schema, recreate="auto" if name else "always"
    ) as batch:
        if name:
            batch.drop_constraint(name, type_=kind)
        elif isinstance(operations.impl, Rebuild):
            operations.impl.leave_out(columns, kind)


def _reflected(names: Names, kind: str) -> list[Any]:
    inspector = sa.inspect(names.bind())
    if kind == "unique":
        return [*inspector.get_unique_constraints(names.name, names.schema)]
    return [*inspector.get_foreign_keys(names.name, names.schema)]


def _columns_of(found: dict[str, Any]) -> list[str]:
    names: list[str] = found.get("constrained_columns") or found["column_names"]
    return names
