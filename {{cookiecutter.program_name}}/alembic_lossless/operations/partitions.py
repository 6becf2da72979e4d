"""Indexes of partitioned tables of PostgreSQL, which has no CONCURRENTLY for them."""

from collections.abc import Sequence
from typing import Any

from alembic.operations import Operations

from .. import sql
from .base import Names, derived, operation

PARTITIONS = """
SELECT nspname, relname FROM pg_partition_tree({table}::regclass)
JOIN pg_class ON pg_class.oid = relid AND relkind = 'r'
JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE isleaf ORDER BY 1, 2
"""
"""The partitions that hold rows, those of partitions too."""


@operation()
def index_partitions(  # noqa: PLR0913  what an index is made of
    operations: Operations,
    /,
    index_name: str,
    table_name: str,
    columns: Sequence[str],
    *,
    unique: bool = False,
    schema: str | None = None,
    **options: Any,
) -> None:
    """Build an index of each partition while others write, before `op.create_index`.

    That then takes them over in an instant. With `--sql`, which sees no partition,
    nothing is written.

    :param index_name: the index that `op.create_index` makes.
    :param table_name: the partitioned table.
    :param columns: the columns of the index.
    :param unique: whether it is a unique one.
    :param schema: the schema of the table.
    :param options: what `op.create_index` is given for PostgreSQL.
    :rows: are read, and none is changed.
    :databases: on PostgreSQL each is built CONCURRENTLY in an `autocommit_block()`;
        elsewhere nothing happens.
    """
    names = Names(operations, table_name, schema)
    if names.dialect != "postgresql" or names.offline:
        return
    asked = PARTITIONS.format(table=names.literal(names.table))
    for place, partition in names.bind().execute(sql.text(asked)).all():
        operations.create_index(
            derived(partition, index_name),
            partition,
            [*columns],
            unique=unique,
            schema=place,
            if_not_exists=True,
            postgresql_concurrently=names.is_alone,
            **options,
        )
