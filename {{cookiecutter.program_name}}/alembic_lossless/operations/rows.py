"""Look at rows, and stop a revision for them before it changes anything."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.util import CommandError

from ..runtime.journal import journal_of


def asks_only(operations: Operations, question: str) -> bool:
    """With `--sql`, leave the question to whoever runs the script."""
    context = operations.get_context()
    if context.as_sql:
        context.impl.static_output(f"-- First: {question}")
    return context.as_sql


def rows_of(operations: Operations, query: sa.Select[Any]) -> Iterable[Sequence[Any]]:
    """Return the rows that a query finds."""
    # PostgreSQL streams inside a transaction only.
    journal = journal_of(operations.get_context())
    streamed = {"stream_results": journal is None or not journal.commits()}
    return operations.get_bind().execute(query, execution_options=streamed)


def refuse(rows: Iterable[Sequence[Any]], holds: str, why: str) -> None:
    """Stop at rows that should not be, and say how many there are."""
    remaining = iter(rows)
    row = next(remaining, None)
    if row is None:
        return
    count = 1 + sum(1 for _ in remaining)
    values = "1 value" if count == 1 else f"{count} values"
    example = row[0] if len(row) == 1 else tuple(row)
    raise CommandError(
        f"{holds} {values} {why}, for example {example!r}. Correct the rows and try"
        " again: this revision has changed nothing."
    )


def label(name: str, columns: Sequence[str]) -> str:
    """Return columns of a table as a message has them."""
    names = ", ".join(columns)
    return f"{name} ({names})" if len(columns) > 1 else f"{name}.{names}"


def not_null(source: sa.TableClause) -> Iterable[sa.ColumnElement[bool]]:
    """Return what holds where no column of a table is NULL."""
    return (column.is_not(None) for column in source.columns)
