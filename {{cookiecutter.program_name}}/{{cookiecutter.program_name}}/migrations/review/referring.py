"""Foreign keys that refer to what is renamed."""

from collections.abc import Iterable, Iterator
from typing import Any

from alembic.operations.ops import (
    CreateForeignKeyOp,
    DropConstraintOp,
    ModifyTableOps,
    OpContainer,
)
from alembic.runtime.migration import MigrationContext
from sqlalchemy import ForeignKeyConstraint, MetaData, Table
from sqlalchemy.sql.elements import conv

from .declared import operations_in
from .renamed import Names, RenamedInspector


def tables(database: MigrationContext) -> list[Table]:
    """Return the tables of the models, those that others refer to first."""
    found: MetaData | Iterable[MetaData] = database.opts["target_metadata"]
    several = [found] if isinstance(found, MetaData) else found
    return [table for metadata in several for table in metadata.sorted_tables]


def take_away_and_give_back(
    container: OpContainer, keys: Iterable[ForeignKeyConstraint]
) -> None:
    """Drop foreign keys and make them again, but those that a draft changes anyway.

    :param container: what will be ordered: the drops first, and the rest last.
    """
    changed = {getattr(op, "constraint_name", None) for op in operations_in(container)}
    for fk in keys:
        if fk.name and fk.name not in changed:
            container.ops.append(_exchange(fk))


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
