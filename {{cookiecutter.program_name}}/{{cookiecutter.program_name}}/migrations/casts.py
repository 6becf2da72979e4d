"""How SQLite's table rebuild copies a column whose type changes."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from .safety.rebuild import Rebuild


class SQLite(Rebuild):
    """Copy dates as the text they are.

    SQLite has no dates: to it `CAST('2026-03-01' AS DATE)` is the number 2026, which is
    what would be left of every row. Alembic takes this class for SQLite by its dialect.

    Source: section 3.1 of SQLite's "Datatypes", on the affinity of a declared type.
    """

    __dialect__ = "sqlite"

    def cast_for_batch_migrate(
        self,
        existing: sa.Column[Any],
        existing_transfer: dict[str, Any],
        new_type: TypeEngine[Any],
    ) -> None:
        """Choose the expression that fills a rebuilt column."""
        source = existing_transfer["expr"]
        if isinstance(new_type, sa.Date):
            existing_transfer["expr"] = sa.func.date(source)
        elif isinstance(new_type, sa.DateTime) and isinstance(existing.type, sa.Date):
            existing_transfer["expr"] = source.concat(" 00:00:00.000000")
        elif not isinstance(new_type, sa.DateTime | sa.Time):
            super().cast_for_batch_migrate(existing, existing_transfer, new_type)
