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
from ..sql import renamed
from ..state import same, sql
from .draft import Draft, names_before, operations_in, unique_index
from .order import DROPS

Part = tuple[Key, str | None]
"""A table, or a column of it."""


class Rule(NamedTuple):
    """What a key asks of rows: to differ or, with a parent, to refer to rows of it."""

    table: Key
    columns: tuple[str, ...]
    parent: Key | None = None
    keys: tuple[str, ...] = ()


def guard_keys(draft: Draft, container: ops.OpContainer) -> None:
    """Begin with a look at the rows that a new key is about."""
    every = list(operations_in(container))
    known = {_rule(op) for op in every if isinstance(op, DROPS)}
    fresh = set(_fresh(every))
    guards = [
        _guard(container, rule)
        for rule in map(_rule, every)
        if rule and rule not in known and fresh.isdisjoint(_parts(rule))
    ]
    guards += _check_guards(draft, container, fresh)
    if container is draft.upgrade:
        guards += _fill_guards(draft, fresh)
    container.ops[:0] = guards


def _fill_guards(draft: Draft, fresh: set[Part]) -> Iterator[LosslessOp]:
    """Look whether there is what the rows are going to refer to."""
    for (key, name), value in draft.fills.items():
        for fk in draft.models[key][name].foreign_keys:
            parent = (fk.column.table.schema, fk.column.table.name)
            if parent[0] == key[0] and fresh.isdisjoint({(parent, None)}):
                table, column = names_before(draft.upgrade, key, name)
                target = names_before(draft.upgrade, parent, fk.column.name)
                without = None if (key, name) in fresh else column
                arguments = table, without, target, value.plain()
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
    names = {**draft.models.get(key, {}), **draft.declared.get(key, {})}
    used = [name for name in names if renamed(condition, {name: None}) is None]
    parts = {(key, None), *((key, name) for name in used)}
    if used and fresh.isdisjoint(parts):
        was = {name: names_before(container, key, name) for name in used}
        table = next(iter(was.values()))[0]
        columns = {name: column for name, (_, column) in was.items()}
        text: Any = renamed(condition, columns)
        yield refuse_violations(table, text, [*columns.values()], schema=key[0])


def _rule(op: ops.MigrateOperation) -> Rule | None:
    """Return the rule of a key, made or removed; None for all else."""
    index = unique_index(op)
    if index is not None:
        names = _names(index.columns)
        # With a condition or an expression it is not each row's values that differ.
        if not index.dialect_kwargs and len(names) == len(index.expressions):
            table = cast("Table", index.table)
            return Rule((table.schema, table.name), names)
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


def _names(columns: Iterable[Column[Any]]) -> tuple[str, ...]:
    return tuple(column.name for column in columns)


def _fresh(every: Iterable[ops.MigrateOperation]) -> Iterator[Part]:
    """Give what holds nothing before the revision, or something else."""
    for op in every:
        if isinstance(op, ops.CreateTableOp):
            yield (op.schema, op.table_name), None
        elif isinstance(op, ops.AddColumnOp):
            yield (op.schema, op.table_name), op.column.name
        elif isinstance(op, ops.AlterColumnOp) and op.modify_type is not None:
            yield (op.schema, op.table_name), op.column_name


def _parts(rule: Rule) -> Iterator[Part]:
    for table, columns in ((rule.table, rule.columns), (rule.parent, rule.keys)):
        if table is not None:
            yield table, None
            yield from ((table, column) for column in columns)


def _guard(container: ops.OpContainer, rule: Rule) -> LosslessOp:
    """Return the look at the rows, by the names that there are before."""
    table, columns = _names_before(container, rule.table, rule.columns)
    schema = rule.table[0]
    if rule.parent is None:
        return refuse_duplicates(table, columns, schema=schema)
    parent, keys = _names_before(container, rule.parent, rule.keys)
    return refuse_orphans(table, columns, parent, keys, schema=schema)


def _names_before(
    container: ops.OpContainer, key: Key, columns: Iterable[str]
) -> tuple[str, list[str]]:
    was = [names_before(container, key, column) for column in columns]
    return was[0][0], [column for _, column in was]
