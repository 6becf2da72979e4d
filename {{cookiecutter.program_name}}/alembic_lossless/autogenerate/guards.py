"""Keys and conditions that the rows of a table may contradict.

Each database refuses them by itself. MariaDB, though, takes nothing back of what
a revision did before it came to that.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, cast

from alembic.operations import ops
from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnClause,
    ForeignKeyConstraint,
    Table,
    UniqueConstraint,
)

from ..operations.base import Key, LosslessOp
from ..operations.guards import (
    refuse_duplicates,
    refuse_missing,
    refuse_orphans,
    refuse_violations,
)
from ..sql import columns_in, renamed, significant, text, without_order
from ..state import Drop, same, sql
from .draft import (
    DialectBlock,
    Draft,
    RestoreColumn,
    RestoreTable,
    names_before,
    operations_in,
    unique_index,
)

Part = tuple[Key, str | None]
"""A table, or a column of it."""


class Expression(NamedTuple):
    """What a unique index has in place of a column."""

    sql: str
    columns: tuple[str, ...]
    """The columns that it speaks of."""


class Rule(NamedTuple):
    """What a key asks of rows: to differ or, with a parent, to refer to rows of it."""

    table: Key
    columns: tuple[str | Expression, ...]
    parent: Key | None = None
    keys: tuple[str, ...] = ()


def guard_keys(draft: Draft, container: ops.OpContainer) -> None:
    """Begin with a look at the rows that a new key is about."""
    whole = container.ops
    blocks = [op for op in whole if isinstance(op, DialectBlock)]
    for block in blocks:
        guard_keys(draft, block)
    container.ops = [op for op in whole if op not in blocks]
    every = list(operations_in(container))
    known = {_rule(draft, op) for op in every if isinstance(op, Drop)}
    fresh = set(_fresh(every))
    guards = [
        _guard(draft, container, rule)
        for rule in (_rule(draft, op) for op in every)
        if rule and rule not in known and fresh.isdisjoint(_parts(rule))
    ]
    guards += _check_guards(draft, container, fresh)
    if container is draft.upgrade:
        guards += _fill_guards(draft, fresh)
    container.ops = [*guards, *whole]


def _fill_guards(draft: Draft, fresh: set[Part]) -> Iterator[LosslessOp]:
    """Look whether there is what the rows are going to refer to."""
    for (key, name), value in draft.fills.items():
        for fk in draft.models[key][name].foreign_keys:
            parent = (fk.column.table.schema, fk.column.table.name)
            if parent[0] == key[0] and fresh.isdisjoint({(parent, None)}):
                table, column = names_before(draft.upgrade, key, name)
                target = names_before(draft.upgrade, parent, fk.column.name)
                without = None if (key, name) in fresh else column
                arguments = table, without, target, value
                yield refuse_missing(*arguments, schema=key[0])


def _check_guards(
    draft: Draft, container: ops.OpContainer, fresh: set[Part]
) -> Iterator[LosslessOp]:
    """Look whether rows are as a new CHECK will have them."""
    every = list(operations_in(container))
    gone = [op.to_constraint() for op in every if isinstance(op, ops.DropConstraintOp)]
    known = [check.sqltext for check in gone if isinstance(check, CheckConstraint)]
    for op in every:
        if isinstance(op, ops.CreateCheckConstraintOp):
            condition = op.to_constraint().sqltext
            if not any(same(condition, old) for old in known):
                yield from _check_guard(draft, container, op, fresh)


def _check_guard(
    draft: Draft,
    container: ops.OpContainer,
    op: ops.CreateCheckConstraintOp,
    fresh: set[Part],
) -> Iterator[LosslessOp]:
    """Give the look at the rows, unless what it is about is only coming."""
    key: Key = op.schema, op.table_name
    condition = sql(op.to_constraint().sqltext, draft.context.dialect)
    dialect = draft.context.dialect
    used = columns_in(condition, _columns(draft, key), dialect)
    parts = {(key, None), *((key, name) for name in used)}
    if used and fresh.isdisjoint(parts):
        was = {name: names_before(container, key, name) for name in used}
        table = next(iter(was.values()))[0]
        columns = {name: column for name, (_, column) in was.items()}
        text: Any = renamed(condition, columns, dialect)
        yield refuse_violations(table, text, [*columns.values()], schema=key[0])


def _columns(draft: Draft, key: Key) -> list[str]:
    """Return the columns that a table has before the revision, or after it."""
    return [*{**draft.models.get(key, {}), **draft.state.columns(*key)}]


def _rule(draft: Draft, op: ops.MigrateOperation) -> Rule | None:
    """Return the rule of a key, made or removed; None for all else."""
    index = unique_index(op)
    # With a condition it is not each row's values that differ.
    if index is not None and not index.dialect_kwargs:
        table = cast("Table", index.table)
        where = table.schema, table.name
        parts = (_indexed(draft, where, it) for it in index.expressions)
        return Rule(where, tuple(parts))
    if isinstance(op, ops.AddConstraintOp | ops.DropConstraintOp):
        key = op.to_constraint()
        if isinstance(key, UniqueConstraint):
            return Rule((key.table.schema, key.table.name), _names(key.columns))
        if isinstance(key, ForeignKeyConstraint):
            table, parent = key.table, key.referred_table
            keys = _names(element.column for element in key.elements)
            if table.schema == parent.schema:
                of = (parent.schema, parent.name)
                return Rule((table.schema, table.name), _names(key.columns), of, keys)
    return None


def _indexed(draft: Draft, key: Key, part: Any) -> str | Expression:
    """Return a column of an index, or its expression."""
    known = _columns(draft, key)
    if isinstance(part, ColumnClause) and (not part.is_literal or part.name in known):
        return part.name
    dialect = draft.context.dialect
    text = without_order(sql(part, dialect), dialect)
    used = columns_in(text, known, dialect)
    if len(used) == len(significant(text, dialect)) == 1:
        return used[0]
    return Expression(text, tuple(used))


def _names(columns: Iterable[Column[Any]]) -> tuple[str, ...]:
    return tuple(column.name for column in columns)


def _fresh(every: Iterable[ops.MigrateOperation]) -> Iterator[Part]:
    """Give what holds nothing before the revision, or something else."""
    for op in every:
        if isinstance(op, RestoreColumn | RestoreTable):
            continue  # the rows are there, and have their values
        if isinstance(op, ops.CreateTableOp):
            yield (op.schema, op.table_name), None
        elif isinstance(op, ops.AddColumnOp):
            yield (op.schema, op.table_name), op.column.name
        elif isinstance(op, ops.AlterColumnOp) and op.modify_type is not None:
            yield (op.schema, op.table_name), op.column_name


def _parts(rule: Rule) -> Iterator[Part]:
    yield rule.table, None
    for column in rule.columns:
        names = column.columns if isinstance(column, Expression) else (column,)
        yield from ((rule.table, name) for name in names)
    if rule.parent is not None:
        yield rule.parent, None
        yield from ((rule.parent, column) for column in rule.keys)


def _guard(draft: Draft, container: ops.OpContainer, rule: Rule) -> LosslessOp:
    """Return the look at the rows, by the names that there are before."""
    schema = rule.table[0]
    columns = [_before(draft, container, rule.table, it) for it in rule.columns]
    table = names_before(container, rule.table, "")[0]
    if rule.parent is None:
        return refuse_duplicates(table, columns, schema=schema)
    parent = names_before(container, rule.parent, "")[0]
    keys = [names_before(container, rule.parent, it)[1] for it in rule.keys]
    names = [str(it) for it in columns]
    return refuse_orphans(table, names, parent, keys, schema=schema)


def _before(
    draft: Draft, container: ops.OpContainer, key: Key, column: str | Expression
) -> Any:
    """Return a column, or an expression, with the names that there are before."""
    if isinstance(column, str):
        return names_before(container, key, column)[1]
    was = {name: names_before(container, key, name)[1] for name in column.columns}
    return text(renamed(column.sql, was, draft.context.dialect) or column.sql)
