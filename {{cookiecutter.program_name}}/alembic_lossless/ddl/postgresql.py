"""How the operations of Alembic are carried out on PostgreSQL."""

from typing import Any

import sqlalchemy as sa
from alembic.ddl.postgresql import PostgresqlImpl


class PostgreSQL(PostgresqlImpl):
    """Make constraints with columns that are only included.

    Alembic knows those of an index, and takes this class for PostgreSQL by its dialect.
    """

    __dialect__ = "postgresql"

    def add_constraint(self, const: sa.Constraint, **kw: Any) -> None:
        """Make a constraint."""
        for name in const.dialect_kwargs.get("postgresql_include") or ():
            if name not in const.table.c:
                const.table.append_column(sa.Column(name))
        super().add_constraint(const, **kw)
