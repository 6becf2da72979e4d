"""Which values the rows get where a column becomes NOT NULL."""

from functools import partial
from typing import Any

from alembic.operations import ops
from sqlalchemy import Column, String

from .draft import Draft, Note, label
from .filling import column_of, fill, like, needs_value
from .marks import INVENTS
from .questions import Question
from .renamed import Key
from .values import Value, declared, is_unique, neutral, typed


def ask_fills(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Ask for the value of each column that becomes NOT NULL, unless the model says it.

    It is asked even if this database has no rows: another one may have some.
    """
    whole = [op for op in upgrade.ops if isinstance(op, ops.CreateTableOp)]
    made = {(op.schema, op.table_name) for op in whole}
    for change in upgrade.ops:
        if not isinstance(change, ops.ModifyTableOps):
            continue
        key = (change.schema, change.table_name)
        for op in filter(needs_value, change.ops if key not in made else ()):
            column = draft.models[key][column_of(op).name]
            if value := _value(draft, label(*key), column):
                draft.fills[key, column.name] = value


def _value(draft: Draft, table: str, column: Column[Any]) -> Value | None:
    subject = f"{table}.{column.name}"
    if not draft.desk.answers.says("fill", subject):
        if value := declared(column):
            return value
        if subject in draft.unsettled:
            return None
    text = f"Value of {subject} ({_hint(column)}) for the rows there are:"
    question = Question("fill", table, column.name, text, (), partial(typed, column))
    words = draft.desk.ask(question)
    return typed(column, words) if words else None


def _hint(column: Column[Any]) -> str:
    """Return what a value has to be."""
    hints = [str(column.type)]
    if isinstance(column.type, String):
        hints.append("'' for empty text")
    hints += [
        f"a {fk.column.name} of {fk.column.table.name}" for fk in column.foreign_keys
    ]
    if is_unique(column):
        hints.append("unique: it fits one row")
    return ", ".join(hints)


def fill_neutrally(draft: Draft, container: ops.OpContainer) -> None:
    """Fill with values that mean nothing where a downgrade brings NOT NULL back.

    It has nobody to ask. Where no value can be right, the column may stay NULL.
    """
    if container is draft.upgrade:
        return
    fills, notes = dict[tuple[Key, str], Value](), list[ops.MigrateOperation]()
    for change in container.ops:
        if not isinstance(change, ops.ModifyTableOps):
            continue
        key = (change.schema, change.table_name)
        for op in filter(needs_value, change.ops):
            column = column_of(op)
            value = neutral(column)
            if value:
                fills[key, column.name] = value
            else:
                _allow_null(op)
            what = (
                f"{value} where there is no value"
                if value
                else "NULL, and was NOT NULL"
            )
            notes.append(Note(INVENTS, f"{label(*key)}.{column.name} is {what}."))
    fill(draft, container, fills)
    container.ops[:0] = notes


def _allow_null(op: ops.AddColumnOp | ops.AlterColumnOp) -> None:
    if isinstance(op, ops.AddColumnOp):
        op.column = like(op.column, nullable=True)
    else:
        op.modify_nullable = None
