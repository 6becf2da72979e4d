"""How the operations of Alembic are carried out on PostgreSQL."""

from collections.abc import Mapping
from contextlib import suppress
from copy import copy
from typing import Any

import sqlalchemy as sa
from alembic.ddl.postgresql import PostgresqlImpl
from alembic.operations.ops import CreateIndexOp
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex, SetConstraintComment

from .. import sql
from ..types.conversion import is_one_enum
from ..types.reflection import CompleteReflection

NAMES_NOT_NULL = (18,)
"""From this version on NOT NULL is a constraint with a name."""

NOT_NULL = """
SELECT attname, conname FROM pg_constraint
JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
WHERE contype = 'n' AND conislocal AND conrelid = to_regclass({table})
"""


class PostgreSQL(CompleteReflection, PostgresqlImpl):
    """Make constraints with columns that are only included, as Alembic does indexes.

    NOT NULL is called after the table and the column that are renamed, as it is where
    they have their names from the start. SQLAlchemy gives it no name.
    """

    def alter_column(self, table_name: str, column_name: str, **changes: Any) -> None:
        """Alter a column; what a revision says to MariaDB alone means nothing here."""
        for option in ("autoincrement", "existing_autoincrement"):
            changes.pop(option, None)
        types: Any = changes.get("existing_type"), changes.get("type_")
        if is_one_enum(*types) and not changes.get("postgresql_using"):
            changes.pop("type_")  # its values have changed, and it has them by now
        super().alter_column(table_name, column_name, **changes)
        if name := changes.get("name"):
            at = table_name, changes.get("schema")
            self._rename_not_null(table_name, at, {name: column_name})

    def rename_table(
        self, old_table_name: str, new_table_name: Any, schema: Any = None
    ) -> None:
        """Rename a table."""
        super().rename_table(old_table_name, new_table_name, schema)
        self._rename_not_null(old_table_name, (new_table_name, schema), {})

    def _rename_not_null(
        self, before: str, at: tuple[str, str | None], columns: Mapping[str, str]
    ) -> None:
        """Call each NOT NULL anew that is called after an old name.

        :param before: the name that the table had.
        :param at: the table, and its schema.
        :param columns: the old name of a column by the new one; where none is renamed,
            each has the name that it had.
        """
        version = getattr(self.dialect, "server_version_info", None) or ()
        if self.as_sql or version < NAMES_NOT_NULL or self.connection is None:
            return
        table = sql.quoted_table(*at, self.dialect)
        query = NOT_NULL.format(table=sql.literal(table, self.dialect))
        for column, name in self.connection.execute(sql.text(query)).all():
            if columns and column not in columns:
                continue
            old, new = (
                sql.object_name(*it, ending="not_null")
                for it in ((before, columns.get(column, column)), (at[0], column))
            )
            if name == old != new:
                pair = " TO ".join(sql.quoted(it, self.dialect) for it in (old, new))
                self.execute(sql.text(f"ALTER TABLE {table} RENAME CONSTRAINT {pair}"))

    def drop_constraint(self, const: sa.Constraint, **kw: Any) -> None:
        """Drop a constraint."""
        self.name_as_there(const)
        super().drop_constraint(const, **kw)

    def add_constraint(self, const: sa.Constraint, **kw: Any) -> None:
        """Make a constraint."""
        for name in const.dialect_kwargs.get("postgresql_include") or ():
            if name not in const.table.c:
                const.table.append_column(sa.Column(name))
        super().add_constraint(const, **kw)
        self._comment(const)

    def create_table(self, table: sa.Table, **kw: Any) -> None:
        """Make a table, with the comments of its constraints."""
        super().create_table(table, **kw)
        for constraint in table.constraints:
            self._comment(constraint)

    def _comment(self, constraint: sa.Constraint) -> None:
        if constraint.comment is not None:
            self.execute(SetConstraintComment(constraint))


INDEX = sa.text("""
SELECT indisunique, substring(pg_get_indexdef(indexrelid) FROM ' USING .*')
FROM pg_index WHERE indexrelid = to_regclass(:name)
""")


COPY = "alembic_lossless_copy"


def is_index_there(connection: sa.Connection, index: CreateIndexOp) -> bool:
    """Tell whether a table has an index as an operation would make it.

    The server writes an expression in its own way, a moment with its column's type. It
    is asked how it would write this one: by the index of an empty copy, which is gone
    with the savepoint that it is made in.

    :param connection: of the database that has the table.
    :param index: what would make the index.
    """
    dialect, own = connection.dialect, f"of_{COPY}"
    table = sql.quoted_table(index.table_name, index.schema, dialect)
    there = sql.quoted_table(str(index.index_name), index.schema, dialect)
    made = copy(index)
    made.table_name, made.schema, made.index_name = COPY, None, own
    made.kw = {key: it for key, it in index.kw.items() if "concurrently" not in key}
    # Who may make no table at all cannot ask.
    with suppress(DBAPIError), connection.begin_nested() as savepoint:
        words = f"CREATE TEMPORARY TABLE {COPY} (LIKE {table})"
        connection.execute(sql.text(words))
        connection.execute(CreateIndex(made.to_index()))
        is_there, wanted = (
            connection.execute(INDEX, {"name": it}).one_or_none() for it in (there, own)
        )
        savepoint.rollback()
        return is_there == wanted
    return False
