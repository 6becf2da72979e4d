"""What revisions call. A revision runs for years: add to this file, change nothing."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from alembic import op

from . import postgresql_enums
from .refusals import (
    refuse_duplicates,
    refuse_loss,
    refuse_missing,
    refuse_orphans,
)

__all__ = [
    "change_enum",
    "create_enum",
    "drop_enum",
    "refuse_duplicates",
    "refuse_loss",
    "refuse_missing",
    "refuse_orphans",
    "rename_value",
]


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
