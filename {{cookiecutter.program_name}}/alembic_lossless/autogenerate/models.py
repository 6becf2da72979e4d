"""The models as the database at hand has them, which is what a draft compares.

A schema that a connection looks into by itself is the same as none, and what is said to
be for other databases (`ddl_if`) is not there. Where models say neither, they are
compared as they are.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext

from .._alembic import sequences_of
from ..state import names_schema, options_of, without_schema


def as_here(database: MigrationContext) -> sa.MetaData | list[sa.MetaData]:
    """Return what `target_metadata` is on the database that is compared.

    :param database: the one that Alembic is configured for, and connected to.
    """
    given: sa.MetaData | Sequence[sa.MetaData] = database.opts["target_metadata"]
    if isinstance(given, sa.MetaData):
        return _as_here(given, database.dialect.default_schema_name)
    default = database.dialect.default_schema_name
    return [_as_here(metadata, default) for metadata in given]


def _as_here(models: sa.MetaData, default: str | None) -> sa.MetaData:
    if default is None or not any(_speakers(models, default)):
        return models
    found = sa.MetaData(naming_convention=models.naming_convention, info=models.info)
    for sequence in sequences_of(models):
        given: dict[str, Any] = {**options_of(sequence), "metadata": found}
        sa.Sequence(**given)
    for table in models.tables.values():
        without_schema(table, found, default)
    return found


def _speakers(models: sa.MetaData, default: str) -> Iterator[bool]:
    yield models.schema == default
    yield from (it.schema == default for it in sequences_of(models))
    yield from (names_schema(it, default) for it in models.tables.values())
