"""Foreign keys that go while something changes under them, and come back."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from alembic.operations import ops
from alembic.operations.ops import (
    CreateForeignKeyOp,
    DropConstraintOp,
    ModifyTableOps,
    OpContainer,
)
from alembic.runtime.migration import MigrationContext
from sqlalchemy import ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.sql.elements import conv

from .draft import Draft, tables
from .inspector import Names, RenamedInspector
from .operations import Key, operations_in
from .ordering import CREATES, name_of


def take_away_and_give_back(
    container: OpContainer, keys: Iterable[ForeignKeyConstraint]
) -> None:
    """Drop foreign keys and make them again, but those that a draft changes anyway.

    :param container: what will be ordered: the drops first, and the rest last.
    """
    changed = {
        _place(fk)
        for op in operations_in(container)
        if isinstance(op, ops.AddConstraintOp | ops.DropConstraintOp)
        if isinstance(fk := op.to_constraint(), ForeignKeyConstraint)
    }
    for fk in keys:
        if _place(fk) not in changed:
            container.ops.append(_exchange(fk))


def _place(fk: ForeignKeyConstraint) -> tuple[str, tuple[str, ...]]:
    """Return what tells a foreign key from others, also where none has a name."""
    return str(fk.table), tuple(fk.column_keys)


def named_by_convention(
    database: MigrationContext, inspector: RenamedInspector, names: Names
) -> Iterator[ModifyTableOps]:
    """Yield what gives foreign keys their new names, which Alembic does not compare.

    A later revision, and MariaDB, which keeps an index for each of them, go by name.
    """
    renamed = {(schema, new) for (schema, _), new in names.tables.items()}
    renamed |= {table for table, _ in names.columns}
    for table in tables(database):
        key = (table.schema, table.name)
        read = inspector.get_multi_foreign_keys(table.schema, [table.name])
        old = {_signature(found): found["name"] for found in read.get(key, ())}
        for fk in table.foreign_key_constraints:
            referred = (fk.referred_table.schema, fk.referred_table.name)
            name = old.get((tuple(fk.column_keys), referred))
            if name and fk.name and name != fk.name and {key, referred} & renamed:
                yield _exchange(fk, name)


def _signature(found: dict[str, Any]) -> tuple[object, object]:
    referred = (found["referred_schema"], found["referred_table"])
    return tuple(found["constrained_columns"]), referred


def _exchange(fk: ForeignKeyConstraint, old: str | None = None) -> ModifyTableOps:
    """Return what drops a foreign key and makes it again.

    :param old: the name that it has, if that is another one.
    """
    drop = DropConstraintOp.from_constraint(fk)
    if old:
        drop.constraint_name = conv(old)
    create = CreateForeignKeyOp.from_constraint(fk)
    return ModifyTableOps(fk.table.name, [drop, create], schema=fk.table.schema)


DROPS = (ops.DropIndexOp, ops.DropConstraintOp)


def free_indexes(draft: Draft, container: ops.OpContainer) -> None:
    """Take a foreign key away while its index goes, and give it back.

    MariaDB then makes an index of its own for it; the other databases need none.
    """
    models = {(table.schema, table.name): table for table in tables(draft.context)}
    freed = list[ForeignKeyConstraint]()
    for change in container.ops:
        if not (isinstance(change, ops.ModifyTableOps) and _drops(change)):
            continue
        table = models.get((change.schema, change.table_name))
        for fk in table.foreign_key_constraints if table is not None else ():
            if _lose_index(change.ops, list(fk.column_keys)):
                freed.append(fk)
    take_away_and_give_back(container, freed)


def _drops(change: ops.ModifyTableOps) -> bool:
    return any(isinstance(op, DROPS) for op in change.ops)


def _lose_index(
    changes: Sequence[ops.MigrateOperation], columns: Sequence[str]
) -> bool:
    """Return whether columns are without an index for a while, or for good.

    A constraint goes before another comes, and so does an index if that has its name.
    """
    concerned = [op for op in changes if _index_columns(op)[: len(columns)] == columns]
    gone = [op for op in concerned if isinstance(op, DROPS)]
    made = {name_of(op) for op in concerned if isinstance(op, CREATES)}
    first = (isinstance(op, ops.DropConstraintOp) or name_of(op) in made for op in gone)
    return any(first) or bool(gone and not made)


def _index_columns(op: ops.MigrateOperation) -> list[str]:
    """Return the columns of an index or a unique constraint, in order."""
    if isinstance(op, ops.CreateIndexOp | ops.DropIndexOp):
        return [column.name for column in op.to_index().columns]
    if isinstance(op, ops.DropConstraintOp | ops.CreateUniqueConstraintOp):
        constraint = op.to_constraint()
        if isinstance(constraint, UniqueConstraint):
            return [column.name for column in constraint.columns]
    return []


WHOLE = (ops.CreateTableOp, ops.DropTableOp)
"""A table that arrives brings its foreign keys, and one that goes takes them along."""


def free_retyped(draft: Draft, container: ops.OpContainer) -> None:
    """Take a foreign key away while a type changes under it, and give it back.

    MariaDB lets no such column change, and PostgreSQL no text become a number.
    """
    retyped = {
        ((op.schema, op.table_name), op.column_name)
        for op in operations_in(container)
        if isinstance(op, ops.AlterColumnOp) and op.modify_type is not None
    }
    whole = [op for op in container.ops if isinstance(op, WHOLE)]
    apart = {(op.schema, op.table_name) for op in whole}
    freed = (
        fk
        for table in tables(draft.context)
        if (table.schema, table.name) not in apart
        for fk in table.foreign_key_constraints
        if retyped & set(_key_columns(fk))
    )
    take_away_and_give_back(container, freed)


def _key_columns(fk: ForeignKeyConstraint) -> Iterator[tuple[Key, str]]:
    for element in fk.elements:
        for column in (element.parent, element.column):
            yield (column.table.schema, column.table.name), column.name
