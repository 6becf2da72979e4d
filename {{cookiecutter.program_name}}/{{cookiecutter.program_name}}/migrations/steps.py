"""What revisions call. A revision runs for years: add to this file, change nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from alembic.util import CommandError
from sqlalchemy.types import TypeEngine

from . import postgresql_enums
from .conversions import survives


def refuse_loss(
    table: str, column: str, new: TypeEngine[Any], *, schema: str | None = None
) -> None:
    """Stop the upgrade when a column holds values that a new type would destroy.

    It reads every row, changes none and comes first in a revision. `--sql` has no rows
    to read and leaves a comment.

    :param new: the type that the column is about to have.
    :raises CommandError: with a count and an example.
    """
    context = op.get_context()
    if context.as_sql:
        question = f"-- First: does {new!r} hold every value of {table}.{column}?"
        context.impl.static_output(question)
        return
    source = sa.table(table, sa.column(column), schema=schema)
    stream = {"stream_results": True}
    rows = op.get_bind().execute(sa.select(source), execution_options=stream)
    dialect = context.dialect.name
    lost = (value for (value,) in rows if not survives(value, new, dialect=dialect))
    if (example := next(lost, None)) is not None:
        count = 1 + sum(1 for _ in lost)
        raise CommandError(
            f"{table}.{column} holds {count} {'value' if count == 1 else 'values'} that"
            f" {new!r} cannot keep, for example {example!r}. Correct the rows and try"
            " again: this revision has changed nothing."
        )


def create_enum(name: str, values: Sequence[str]) -> None:
    """Make the type of an Enum, which on PostgreSQL its columns need first."""
    if _on_postgresql():
        _execute(postgresql_enums.create(name, values))


def drop_enum(name: str) -> None:
    """Drop the type of an Enum, which on PostgreSQL outlives its columns."""
    if _on_postgresql():
        _execute(postgresql_enums.drop(name))


def change_enum(
    name: str, old: Sequence[str], new: Sequence[str], renamed: Mapping[str, str]
) -> None:
    """Change the values that the type of an Enum has on PostgreSQL.

    Elsewhere an Enum belongs to its column, and altering that is enough.

    :param renamed: a value of `old` -> its name in `new`.
    """
    if _on_postgresql():
        for statement in postgresql_enums.change(name, old, new, renamed):
            _execute(statement)


def rename_value(
    table: str, column: str, value: str, name: str, *, schema: str | None = None
) -> None:
    """Give the rows with a value of an Enum its new name.

    On PostgreSQL there are none: they took the name when their type did.
    """
    if not _on_postgresql():
        target = sa.table(table, sa.column(column), schema=schema)
        rows = target.update().where(target.c[column] == op.inline_literal(value))
        op.execute(rows.values({column: op.inline_literal(name)}))


def _on_postgresql() -> bool:
    return op.get_context().dialect.name == "postgresql"


def _execute(statement: str) -> None:
    # A colon in a value is no parameter.
    op.execute(sa.text(statement.replace(":", r"\:")))
