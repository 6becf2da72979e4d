"""The models as a database has them, which is what a draft compares.

A schema that a connection looks into by itself is the same as none, and what is said to
be for other databases (`ddl_if`) is not there. Where models say neither, they are
compared as they are.
"""

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Dialect

from .._alembic import made_on, sequences_of
from ..state import names_schema, options_of, without_schema

GIVEN = "alembic_lossless models"
"""What a copied metadata remembers the models by."""


def as_here(database: MigrationContext) -> sa.MetaData | list[sa.MetaData]:
    """Return what `target_metadata` is on the database that is compared.

    :param database: the one that Alembic is configured for, and connected to.
    """
    found = [_as_on(metadata, database.dialect) for metadata in metadatas(database)]
    is_one = isinstance(database.opts["target_metadata"], sa.MetaData)
    return found[0] if is_one else found


def metadatas(database: MigrationContext) -> list[sa.MetaData]:
    """Return what `target_metadata` names, one or several, as a list.

    :param database: the one that Alembic is configured for.
    """
    given: sa.MetaData | Sequence[sa.MetaData] = database.opts["target_metadata"]
    return [given] if isinstance(given, sa.MetaData) else [*given]


def given_models(database: MigrationContext) -> list[sa.MetaData]:
    """Return the models as the app declares them.

    :param database: the one that Alembic is configured for.
    """
    return [metadata.info.get(GIVEN, metadata) for metadata in metadatas(database)]


def items_of(table: sa.Table) -> Iterator[Any]:
    """Give the indexes and constraints of a table, those of its columns too."""
    yield from table.indexes
    yield from table.constraints
    for column in table.columns:
        yield from (it for it in column.constraints if it not in table.constraints)


def _as_on(models: sa.MetaData, dialect: Dialect) -> sa.MetaData:
    default = dialect.default_schema_name
    absent = [
        {_identity(it) for it in items_of(table) if not made_on(it, dialect)}
        for table in models.tables.values()
    ]
    is_said = default is not None and any(_speakers(models, default))
    if not is_said and not any(absent):
        return models
    info = {**models.info, GIVEN: models}
    found = sa.MetaData(naming_convention=models.naming_convention, info=info)
    for sequence in sequences_of(models):
        given: dict[str, Any] = {**options_of(sequence), "metadata": found}
        sa.Sequence(**given)
    for table, without in zip(models.tables.values(), absent, strict=True):
        copied = without_schema(table, found, default)
        for item in [it for it in items_of(copied) if _identity(it) in without]:
            _take(copied, item)
    return found


def _identity(item: Any) -> Hashable:
    """Return what tells an index or a constraint from the others of its table."""
    columns = tuple(getattr(item, "columns", {}).keys())
    return type(item), str(item.name), columns, str(getattr(item, "sqltext", ""))


def _take(table: sa.Table, item: Any) -> None:
    """Take an index or a constraint away from its table."""
    table.indexes.discard(item)
    table.constraints.discard(item)
    for column in table.columns:
        column.constraints.discard(item)
    for key in getattr(item, "elements", ()):
        table.foreign_keys.discard(key)
        key.parent.foreign_keys.discard(key)


def _speakers(models: sa.MetaData, default: str) -> Iterator[bool]:
    yield models.schema == default
    yield from (it.schema == default for it in sequences_of(models))
    yield from (names_schema(it, default) for it in models.tables.values())
