"""Types of models that the database of a draft has no words for."""

from collections.abc import Iterator
from typing import Any

from alembic.operations import ops
from alembic.util import CommandError
from sqlalchemy import Column
from sqlalchemy.exc import CompileError

from .declared import operations_in
from .draft import Draft, label


def refuse_unspeakable(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Refuse columns that cannot be made: a String without a length on MariaDB.

    :raises CommandError: with each column and what is wrong with its type.
    """
    problems = []
    for table, column in _new_columns(upgrade):
        try:
            column.type.compile(dialect=draft.context.dialect)
        except CompileError as error:
            said = str(error.args[0]).partition(" on dialect ")[0]
            problems.append(f"{table}.{column.name}: {column.type!r}: {said}.")
    if problems:
        advice = "Write another type in the model, such as String(200) or Text."
        raise CommandError("\n".join([*problems, f"Nothing is written. {advice}"]))


def _new_columns(upgrade: ops.OpContainer) -> Iterator[tuple[str, Column[Any]]]:
    for op in operations_in(upgrade):
        if isinstance(op, ops.CreateTableOp):
            for item in op.columns:
                if isinstance(item, Column):
                    yield label(op.schema, op.table_name), item
        elif isinstance(op, ops.AddColumnOp):
            yield label(op.schema, op.table_name), op.column
        elif isinstance(op, ops.AlterColumnOp) and op.modify_type is not None:
            column = Column[Any](op.column_name, op.modify_type)
            yield label(op.schema, op.table_name), column
