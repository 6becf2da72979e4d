"""Foreign keys that refer to what is renamed."""

from collections.abc import Iterable, Iterator
from typing import Any

from alembic.operations.ops import (
    CreateForeignKeyOp,
    DropConstraintOp,
    ModifyTableOps,
)
from alembic.runtime.migration import MigrationContext
from sqlalchemy import ForeignKeyConstraint, MetaData, Table
from sqlalchemy.sql.elements import conv

from .renamed import Names, RenamedInspector


def tables(database: MigrationContext) -> list[Table]:
    """Return the tables of the models, those that others refer to first."""
    found: MetaData | Iterable[MetaData] = database.opts["target_metadata"]
    several = [found] if isinstance(found, MetaData) else found
    return [table for metadata in several for table in metadata.sorted_tables]


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
                yield _rename(fk, name)


def _signature(found: dict[str, Any]) -> tuple[object, object]:
    referred = (found["referred_schema"], found["referred_table"])
    return tuple(found["constrained_columns"]), referred


def _rename(fk: ForeignKeyConstraint, old: str) -> ModifyTableOps:
    drop = DropConstraintOp.from_constraint(fk)
    drop.constraint_name = conv(old)
    create = CreateForeignKeyOp.from_constraint(fk)
    return ModifyTableOps(fk.table.name, [drop, create], schema=fk.table.schema)
