"""How the operations of Alembic are carried out on PostgreSQL."""

from typing import Any

import sqlalchemy as sa
from alembic.ddl.postgresql import PostgresqlImpl

from ..types.reflection import CompleteReflection


class PostgreSQL(CompleteReflection, PostgresqlImpl):
    """Make constraints with columns that are only included, as Alembic does indexes."""

    def alter_column(self, *where: Any, **changes: Any) -> None:
        """Alter a column; what a revision says to MariaDB alone means nothing here."""
        for name in ("autoincrement", "existing_autoincrement"):
            changes.pop(name, None)
        super().alter_column(*where, **changes)

    def add_constraint(self, const: sa.Constraint, **kw: Any) -> None:
        """Make a constraint."""
        for name in const.dialect_kwargs.get("postgresql_include") or ():
            if name not in const.table.c:
                const.table.append_column(sa.Column(name))
        super().add_constraint(const, **kw)
