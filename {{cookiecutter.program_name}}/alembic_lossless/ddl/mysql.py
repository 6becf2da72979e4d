"""MariaDB and MySQL: CHECKs of types, and views, triggers and routines that break.

These servers look into them when they are used, so that the error would come in the
app. What a revision will do is not known before it runs, and it may create a view anew
behind the change that breaks it. So look when all is done: it cannot be undone then,
but it can be told.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa
from alembic.ddl.impl import DefaultImpl
from alembic.ddl.mysql import MySQLImpl
from alembic.util import CommandError
from sqlalchemy import Connection, TextClause, text
from sqlalchemy.exc import DBAPIError

from .. import sql
from ..runtime.causes import codes_of
from ..types.conversion import kind
from ..types.portable import SQLType, kind_of
from ..types.reflection import CompleteReflection

log = logging.getLogger(__name__)

STORED = text("""
    SELECT 'VIEW', table_name, NULL, view_definition
        FROM information_schema.views WHERE table_schema = DATABASE()
    UNION ALL SELECT 'TRIGGER', trigger_name, event_object_table, action_statement
        FROM information_schema.triggers WHERE trigger_schema = DATABASE()
    UNION ALL SELECT routine_type, routine_name, NULL, routine_definition
        FROM information_schema.routines WHERE routine_schema = DATABASE()
    UNION ALL SELECT 'EVENT', event_name, NULL, event_definition
        FROM information_schema.events WHERE event_schema = DATABASE()
""")

COLUMNS = text("""
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = DATABASE()
""")

COLUMN = text("""
    SELECT column_type AS column_type, data_type AS data_type,
        is_nullable AS is_nullable, column_default AS column_default, extra AS extra,
        column_comment AS column_comment, collation_name AS collation_name,
        character_set_name AS character_set_name,
        generation_expression AS generation_expression
    FROM information_schema.columns WHERE table_name = :table
    AND table_schema = COALESCE(:schema, DATABASE()) AND column_name = :column
""")
"""A column alone: of its table PyMySQL may be unable to read a default."""

INVALID_VIEW = 1356
"""The error of a view that speaks of what is not there."""


DESCENDING = (10, 8)
"""The first MariaDB that keeps columns of an index in descending order."""


CHANGES: dict[str, bool | None] = {
    "name": None,
    "type_": None,
    "nullable": None,
    "autoincrement": None,
    "server_default": False,
    "comment": False,
}
"""What of a column changes -> what stands there when it does not."""


class MySQL(CompleteReflection, MySQLImpl):
    """Drop the CHECK of an Enum or a Boolean when its column gets another type.

    Alembic makes it there and drops it nowhere: the servers of old had none. They have
    no identity either, and SQLAlchemy makes none, but Alembic would alter one. What
    changes a column says the whole of it, and what is left out is lost: what a revision
    does not say is as the server has it.
    """

    def alter_column(self, table_name: str, column_name: str, **options: Any) -> None:
        """Alter a column: rename it and no more, or say the whole of it again."""
        kept: dict[str, Any] = {
            name: False if isinstance(it, sa.Identity) else it
            for name, it in options.items()
        }
        changed = {
            what
            for what, absent in CHANGES.items()
            if kept.get(what, absent) is not absent
        }
        if not changed:
            return  # it is for another database
        schema = kept.get("schema")
        if changed == {"name"}:
            at = sql.quoted_table(table_name, schema, self.dialect)
            names = (sql.quoted(it, self.dialect) for it in (column_name, kept["name"]))
            self.execute(
                sql.text(f"ALTER TABLE {at} RENAME COLUMN {' TO '.join(names)}")
            )
            return
        # Of a moment Alembic says all, since its default may be a function.
        is_moment = isinstance(kept.get("existing_type"), sa.DateTime)
        if changed != {"server_default"} or is_moment:
            if kept.get("existing_server_default") is False:
                kept["existing_server_default"] = None
            there = dict(self._there(table_name, column_name, kept))
            kept |= {name: it for name, it in there.items() if kept.get(name) is None}
        formula = kept.get("existing_server_default")
        if isinstance(formula, sa.Computed) and "server_default" not in changed:
            words = table_name, column_name, _altered(column_name, formula, kept)
            self.execute(change_column(*words, schema, self.dialect))
        else:
            super().alter_column(table_name, column_name, **kept)

    def _there(
        self, table: str, column: str, change: Mapping[str, Any]
    ) -> Iterator[tuple[str, Any]]:
        """Give what the server has of a column, as the options of its change.

        A default is no value of another kind of type; a formula is one of any.
        """
        if self.as_sql or self.connection is None:
            return
        asked = {"schema": change.get("schema"), "table": table, "column": column}
        found = self.connection.execute(COLUMN, asked).one_or_none()
        if found is None:
            return  # the server says it
        yield "existing_nullable", found.is_nullable == "YES"
        yield "existing_comment", found.column_comment or None
        extra = found.extra.upper()
        yield "existing_autoincrement", "AUTO_INCREMENT" in extra or None
        words = [found.column_type]
        if found.collation_name:
            words += [f"CHARACTER SET {found.character_set_name}"]
            words += [f"COLLATE {found.collation_name}"]
        yield "existing_type", SQLType(" ".join(words))
        if formula := self._expression(found.generation_expression):
            is_stored = "STORED" in extra or "PERSISTENT" in extra
            computed = sa.Computed(sql.text(formula), persisted=is_stored)
            yield "existing_server_default", computed
        elif "BINARY" in found.data_type.upper() or "BLOB" in found.data_type.upper():
            return  # what the server tells of its default has lost bytes
        elif default := self._default(found):
            types: Any = getattr(self.dialect, "ischema_names", {})
            known = types.get(found.data_type.lower(), sa.types.NullType)
            has, new = change.get("existing_type") or known(), change.get("type_")
            if new is None or kind(new) is kind(has):
                yield "existing_server_default", sql.text(default)

    def _expression(self, said: str | None) -> str:
        """Return an expression as it is written."""
        is_mariadb = kind_of(self.dialect) == "mariadb"
        return (said or "") if is_mariadb else sql.of_mysql(said or "")

    def _default(self, found: Any) -> str | None:
        """Return the default of a column as it is written: MySQL tells of a value."""
        default, extra = found.column_default, found.extra
        if default is None or default == "NULL":
            return None
        if kind_of(self.dialect) != "mariadb":
            is_value = "DEFAULT_GENERATED" not in extra
            is_value &= not default.upper().startswith("CURRENT_TIMESTAMP")
            if is_value:
                default = sql.compiled(sa.literal(default), self.dialect)
            elif not default.upper().startswith("CURRENT_TIMESTAMP"):
                default = f"({self._expression(default)})"
        _, on_update, moment = extra.partition("on update ")
        return f"{default} {on_update}{moment}".strip()

    def compare_indexes(
        self, metadata_index: sa.Index, reflected_index: sa.Index
    ) -> Any:
        """Compare the order of each column, too, where the server keeps it."""
        found = [self._said(it) for it in (metadata_index, reflected_index)]
        return super().compare_indexes(*found)

    def _said(self, index: sa.Index) -> sa.Index:
        """Return an index of columns that have the names of its parts, order included.

        Source: MariaDB's CREATE INDEX, which ignores DESC before 10.8.
        """
        version: Any = getattr(self.dialect, "server_version_info", None) or (99,)
        is_kept = kind_of(self.dialect) != "mariadb" or version >= DESCENDING
        names = []
        parts: Any = index.expressions
        for part in parts:
            plain: Any = {"include_table": False, "literal_binds": True}
            said = sql.significant(
                sql.compiled(part, self.dialect, **plain), self.dialect
            )
            if len(said) - (said[-1].word in {"ASC", "DESC"}) != 1:
                return index  # of a function
            is_down = is_kept and said[-1].word == "DESC"
            names.append(said[0].value + (" DESC" if is_down else ""))
        columns: list[sa.Column[Any]] = [sa.Column(it) for it in names]
        sa.Table("t", sa.MetaData(), *columns)
        return sa.Index(index.name, *columns, unique=index.unique)

    def drop_constraint(self, const: sa.Constraint, **kw: Any) -> None:
        """Drop a constraint."""
        self.name_as_there(const)
        DefaultImpl.drop_constraint(self, const, **kw)


def _altered(name: str, formula: sa.Computed, kept: dict[str, Any]) -> sa.Column[Any]:
    """Return a column with a formula as it is when it is altered."""
    nullable, comment = kept.get("nullable"), kept.get("comment", False)
    return sa.Column(
        kept.get("name") or name,
        kept.get("type_") or kept["existing_type"],
        sa.Computed(formula.sqltext, persisted=formula.persisted),
        nullable=kept.get("existing_nullable", True) if nullable is None else nullable,
        comment=kept.get("existing_comment") if comment is False else comment,
    )


def change_column(
    table: str,
    name: str,
    column: sa.Column[Any],
    schema: str | None,
    dialect: sa.Dialect,
) -> TextClause:
    """Return the statement that makes of a column another one, where it stands.

    :param table: the name of the table.
    :param name: what the column is called now.
    :param column: what it becomes; it belongs to no table.
    :param schema: the schema of the table.
    :param dialect: that of the connection.
    """
    sa.Table(table, sa.MetaData(), column, schema=schema)
    compiler: Any = dialect.ddl_compiler(dialect, None)  # type: ignore[arg-type]
    said = sql.undoubled(compiler.get_column_specification(column), dialect)
    at = sql.quoted_table(table, schema, dialect)
    return sql.text(f"ALTER TABLE {at} CHANGE {sql.quoted(name, dialect)} {said}")


class Stored(NamedTuple):
    """Something with a text that the server keeps."""

    kind: str
    name: str
    table: str | None
    """The table of a trigger."""
    sql: str


class Dependents:
    """What a database has of them, and whether a run has broken some."""

    def __init__(self, connection: Connection, *, rehearsed: bool = False) -> None:
        """Look before the run; a transaction of the caller's stays open.

        :param rehearsed: whether it is the run on a copy, before the real one.
        """
        self._connection, self._rehearsed = connection, rehearsed
        self._joins = connection.in_transaction()
        self._before = self._stored()
        self._broken_before = {each[:2] for each in self._broken(self._before)}
        self._columns_before = self._columns() if self._before else set()

    def check(self) -> None:
        """Look after the run.

        :raises CommandError: with what worked before and does not now, and why.
        """
        after = self._stored()
        for each, reason in self._broken(after).items():
            if each[:2] not in self._broken_before:
                raise CommandError(self._told(each, reason))
        if self._before and after and not self._rehearsed:
            self._warn(after, self._columns_before - self._columns())

    def _stored(self) -> list[Stored]:
        return [Stored(*row) for row in self._ask(STORED) if row[3]]

    def _columns(self) -> set[tuple[str, str]]:
        return {(table, column) for table, column in self._ask(COLUMNS)}

    def _broken(self, stored: list[Stored]) -> dict[Stored, str]:
        """Return what cannot work, with the reason."""
        triggers = any(each.kind == "TRIGGER" for each in stored)
        columns = self._columns() if triggers else set()
        found = {}
        for each in stored:
            view = each.kind == "VIEW"
            reason = self._error(each.name) if view else self._missing(each, columns)
            if reason:
                found[each] = reason
        return found

    def _error(self, view: str) -> str | None:
        """Say why the server refuses a view; preparing a query runs nothing of it."""
        dialect = self._connection.dialect
        query = f"SELECT * FROM {sql.quoted(view, dialect)}"  # noqa: S608
        prepared = f"PREPARE alembic_lossless FROM {sql.literal(query, dialect)}"
        try:
            self._ask(sql.text(prepared))
        except DBAPIError as error:
            if INVALID_VIEW not in codes_of(error.orig):
                return None
            # The first of them is the cause.
            return str(self._ask(text("SHOW WARNINGS"))[0][2])
        self._ask(text("DEALLOCATE PREPARE alembic_lossless"))
        return None

    def _missing(self, trigger: Stored, columns: set[tuple[str, str]]) -> str | None:
        """Say which column of its own table a trigger uses that is not there."""
        if trigger.table is None:
            return None
        own = {column.lower() for table, column in columns if table == trigger.table}
        pieces = sql.significant(trigger.sql, self._connection.dialect)
        for row, dot, column in zip(pieces, pieces[1:], pieces[2:], strict=False):
            names = row.word in {"NEW", "OLD"} and dot.text == "." and column.is_name
            if names and column.value.lower() not in own:
                return f"{trigger.table} has no column {column.value}"
        return None

    def _ask(self, statement: TextClause) -> list[Any]:
        result = self._connection.execute(statement)
        found = list(result.fetchall()) if result.returns_rows else []
        if not self._joins:
            # Alembic must find no transaction.
            self._connection.commit()
        return found

    def _warn(self, stored: list[Stored], gone: set[tuple[str, str]]) -> None:
        """Name the texts that speak of a table and a column of it that is gone.

        Whether they mean that one is for a person to see: no server tells before they
        run.
        """
        for each in stored:
            if each.kind == "VIEW":
                continue
            pieces = sql.tokens(each.sql, self._connection.dialect)
            names = {it.value.lower() for it in pieces if it.is_name}
            for table, column in sorted(gone):
                if {table.lower(), column.lower()} <= names:
                    log.warning(
                        "%s %s speaks of %s and %s: look whether it means the column"
                        " that is gone.",
                        *(each.kind, each.name, table, column),
                    )

    def _told(self, each: Stored, reason: str) -> str:
        name = sql.quoted(each.name, self._connection.dialect)
        again = f"CREATE OR REPLACE VIEW {name} AS {each.sql}"
        if each.kind == "TRIGGER":
            again = f"CREATE OR REPLACE TRIGGER {name} ... {each.sql}"
        done = "" if self._rehearsed else "The run is done and cannot be undone, and "
        return (
            f"{done}{each.kind} {each.name} does not work any more: {reason}.\n"
            f"Correct it and run it, here and in a revision: {again}"
        )
