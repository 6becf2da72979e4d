"""Refuse a revision that the rows contradict, before it changes anything.

`--sql` has no rows to look at, and gets a comment with the question.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.util import CommandError
from sqlalchemy.types import TypeEngine

from ..rules import rule
from ..values import survives
from .base import LosslessOp, leaves_others_at_work, table
from .rows import asks_only, label, not_null, refuse, rows_of
from .value_sql import surely_survives


@rule("loss", "guard", "Rows hold what a new type cannot keep.")
@Operations.register_operation("refuse_loss")
class RefuseLossOp(LosslessOp):
    """Stop when a column holds values that a new type would destroy."""

    function = "refuse_loss"

    @classmethod
    def refuse_loss(
        cls,
        operations: Operations,
        table_name: str,
        column_name: str,
        type_: TypeEngine[Any],
        *,
        schema: str | None = None,
    ) -> None:
        """Stop the revision when a column holds values that a new type would destroy.

        The server looks for values that may be lost, and only these are read. On
        PostgreSQL nobody else can write to the table from here on, though everybody can
        read it: a row that came now would not have been looked at.

        :param table_name: the table, by the name it has now.
        :param column_name: the column, by the name it has now.
        :param type_: the type that the column is about to have.
        :param schema: the schema of the table.
        :raises CommandError: with a count and an example.
        """
        operations.invoke(cls(table_name, column_name, type_, schema=schema))


@Operations.implementation_for(RefuseLossOp)
def _refuse_loss(operations: Operations, op: RefuseLossOp) -> None:
    name, column, new = op.arguments
    if asks_only(operations, f"does {new!r} hold every value of {name}.{column}?"):
        return
    source = table(op, name, column)
    dialect = operations.get_context().dialect
    if dialect.name == "postgresql" and not leaves_others_at_work(operations):
        quoted = dialect.identifier_preparer.format_table(source)
        operations.execute(f"LOCK TABLE {quoted} IN SHARE ROW EXCLUSIVE MODE")
    rows = rows_of(operations, _doubtful(operations, source, new))
    lost = (row for row in rows if not survives(row[0], new, dialect=dialect.name))
    refuse(lost, f"{name}.{column} holds", f"that {new!r} cannot keep")


def _doubtful(
    operations: Operations, source: sa.TableClause, new: TypeEngine[Any]
) -> sa.Select[Any]:
    """Return a query for the values that, as far as the server knows, may be lost."""
    (column,) = source.columns
    dialect = operations.get_context().dialect.name
    old = None if dialect == "sqlite" else _type_of(operations, source)
    sure = surely_survives(column, old, new, dialect)
    is_json = dialect == "postgresql" and isinstance(old, sa.JSON)
    # The driver would read what it means, and a new type gets the text of it.
    value = sa.cast(column, sa.Text) if is_json else column
    query = sa.select(value).where(column.is_not(None))
    if sure is None:
        return query
    # SQLite stops at the first AND or OR that decides only where nothing asks for NULL.
    return query.where(sa.case((sure, sa.false()), else_=sa.true()))


def _type_of(operations: Operations, source: sa.TableClause) -> TypeEngine[Any] | None:
    """Return the type that the only column of a table has now."""
    (column,) = source.columns
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sa.exc.SAWarning)  # of the other columns' types
        found = sa.inspect(operations.get_bind()).get_columns(
            source.name, source.schema
        )
    return next((it["type"] for it in found if it["name"] == column.name), None)


@rule("duplicates", "guard", "Rows share what is about to be unique.")
@Operations.register_operation("refuse_duplicates")
class RefuseDuplicatesOp(LosslessOp):
    """Stop when rows share what is about to be unique."""

    function = "refuse_duplicates"

    @classmethod
    def refuse_duplicates(
        cls,
        operations: Operations,
        table_name: str,
        columns: Sequence[str],
        *,
        schema: str | None = None,
    ) -> None:
        """Stop the revision when rows share what is about to be unique.

        The database compares: to MariaDB, 'a' and 'A' can be the same.

        :param table_name: the table, by the name it has now.
        :param columns: those that are unique together.
        :param schema: the schema of the table.
        :raises CommandError: with a count and an example.
        """
        operations.invoke(cls(table_name, columns, schema=schema))


@Operations.implementation_for(RefuseDuplicatesOp)
def _refuse_duplicates(operations: Operations, op: RefuseDuplicatesOp) -> None:
    name, columns = op.arguments
    subject = label(name, columns)
    if asks_only(operations, f"is {subject} different in each row?"):
        return
    source = table(op, name, *columns)
    same = sa.select(source).where(*not_null(source)).group_by(*source.columns)
    shared = rows_of(operations, same.having(sa.func.count() > 1))
    refuse(shared, f"{subject} holds", "more than once")


@rule("orphans", "guard", "Rows hold what is about to refer to no row.")
@Operations.register_operation("refuse_orphans")
class RefuseOrphansOp(LosslessOp):
    """Stop when rows hold what is about to refer to no row."""

    function = "refuse_orphans"

    @classmethod
    def refuse_orphans(  # noqa: PLR0913  what a revision has to say
        cls,
        operations: Operations,
        table_name: str,
        columns: Sequence[str],
        parent: str,
        keys: Sequence[str],
        *,
        schema: str | None = None,
    ) -> None:
        """Stop the revision when rows hold what is about to refer to no row.

        :param table_name: the table, by the name it has now.
        :param columns: those that get a foreign key.
        :param parent: the table that it refers to.
        :param keys: the columns that it refers to, in the order of `columns`.
        :param schema: the schema of both tables.
        :raises CommandError: with a count and an example.
        """
        operations.invoke(cls(table_name, columns, parent, keys, schema=schema))


@Operations.implementation_for(RefuseOrphansOp)
def _refuse_orphans(operations: Operations, op: RefuseOrphansOp) -> None:
    name, columns, parent, keys = op.arguments
    subject, target = label(name, columns), label(parent, keys)
    if asks_only(operations, f"is each {subject} a {target}?"):
        return
    source = table(op, name, *columns)
    found = table(op, parent, *keys).alias("parent")
    pairs = zip(source.columns, found.columns, strict=True)
    refers = sa.exists().where(*(child == key for child, key in pairs))
    orphans = sa.select(source).where(*not_null(source), ~refers)
    rows = rows_of(operations, orphans)
    refuse(rows, f"{subject} holds", f"that no {target} has")


@rule("missing", "guard", "Rows are about to refer to a row that is not there.")
@Operations.register_operation("refuse_missing")
class RefuseMissingOp(LosslessOp):
    """Stop when rows are about to refer to a row that is not there."""

    function = "refuse_missing"

    @classmethod
    def refuse_missing(  # noqa: PLR0913  what a revision has to say
        cls,
        operations: Operations,
        table_name: str,
        column_name: str | None,
        target: tuple[str, str],
        value: str | int,
        *,
        schema: str | None = None,
    ) -> None:
        """Stop the revision when rows are about to refer to a row that is not there.

        :param table_name: the table whose rows get the value.
        :param column_name: where they get it, if it is there; it is NULL in these rows.
        :param target: the table and the column that they will refer to.
        :param value: what they get.
        :param schema: the schema of both tables.
        :raises CommandError: naming what is missing.
        """
        operations.invoke(cls(table_name, column_name, target, value, schema=schema))


@Operations.implementation_for(RefuseMissingOp)
def _refuse_missing(operations: Operations, op: RefuseMissingOp) -> None:
    name, column, (parent, key), value = op.arguments
    question = f"is one {parent}.{key} {value!r}, for the rows of {name}?"
    if asks_only(operations, question):
        return
    rows = sa.select(sa.literal(1)).select_from(table(op, name))
    if column is not None:
        rows = rows.where(sa.column(column).is_(None))
    found = table(op, parent, key)
    bind = operations.get_bind()
    there = sa.select(found).where(found.c[key] == operations.inline_literal(value))
    if bind.scalar(rows.limit(1)) and bind.execute(there).first() is None:
        raise CommandError(
            f"No {parent}.{key} is {value!r}, to which the rows of {name} are about to"
            " refer. Add it and try again: this revision has changed nothing."
        )
