"""What a drafted revision calls on `op`, beside Alembic's own operations.

A revision runs for years: add an operation or an argument here, and change none.
"""

from . import (
    batches,
    by_columns,
    by_hand,
    constraints,
    enums,
    generated,
    guards,
    keep_in_step,
    keys,
    retype,
    schemas,
    sequences,
    sql_type,
)

__all__ = [
    "batches",
    "by_columns",
    "by_hand",
    "constraints",
    "enums",
    "generated",
    "guards",
    "keep_in_step",
    "keys",
    "retype",
    "schemas",
    "sequences",
    "sql_type",
]
