"""What a drafted revision calls on `op`, beside Alembic's own operations.

A revision runs for years: add an operation or an argument here, and change none.
"""

from . import aside, backfill, columns, constraints, guards, objects

__all__ = ["aside", "backfill", "columns", "constraints", "guards", "objects"]
