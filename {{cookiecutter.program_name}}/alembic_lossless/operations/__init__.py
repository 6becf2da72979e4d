"""What a drafted revision calls on `op`, beside Alembic's own operations.

A revision runs for years: add an operation or an argument here, and change none.
"""

from . import batches, columns, constraints, enums, guards

__all__ = ["batches", "columns", "constraints", "enums", "guards"]
