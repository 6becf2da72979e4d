"""Which indexes and constraints revisions have made, by table, as they read now."""

import copy
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic.operations import MigrateOperation, ops
from alembic.operations.schemaobj import SchemaObjects
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.elements import conv

from ..operations.by_hand import ChangedByHandOp
from ..operations.names import LONGEST
from ..operations.sequences import AlterSequenceOp, CreateSequenceOp, DropSequenceOp
from .named_objects import (
    Create,
    Objects,
    created_by,
    name_of,
    objects_of,
    options_of_column,
    options_of_table,
    others_of,
    renamed_columns,
)
from .operations import Key


class ObjectHistory:
    """Follow the operations of revisions, one after the other."""

    def __init__(self, context: MigrationContext) -> None:
        """Begin with no table.

        :param context: it knows the naming convention.
        """
        self._context = context
        self.tables: defaultdict[Key, Objects] = defaultdict(dict)
        self.others: defaultdict[Key, list[Create]] = defaultdict(list)
        """Primary keys, constraints that a type makes, and those without a name."""
        self.names: defaultdict[type[Create], set[str]] = defaultdict(set)
        """The names that were given, by what gave them. Those of constraints stay when
        these go: MariaDB calls the indexes by them that it made for foreign keys."""
        self.sequences: dict[Key, dict[str, Any]] = {}
        """The options of the sequences."""
        self.options: dict[tuple[Key, str | None], dict[str, Any]] = {}
        """The options of tables, whose column is None, and of columns."""

    def take(self, op: MigrateOperation) -> None:
        """Remember what an operation does to indexes and constraints."""
        match op:
            case ops.DropTableOp():
                self.tables.pop((op.schema, op.table_name), None)
                self.others.pop((op.schema, op.table_name), None)
            case ops.RenameTableOp():
                key = (op.schema, op.table_name)
                self.rename_table(key, op.new_table_name)
            case ops.AddColumnOp():
                self._add_column(op)
            case ops.DropColumnOp():
                key = (op.schema, op.table_name)
                self.rename_columns(key, {op.column_name: None})
            case ops.AlterColumnOp(modify_name=str(new)):
                key = (op.schema, op.table_name)
                self.rename_columns(key, {op.column_name: new})
            case _:
                self._take_object(op)

    def _take_object(self, op: MigrateOperation) -> None:
        match op:
            case ops.CreateTableCommentOp() | ops.DropTableCommentOp():
                comment = getattr(op, "comment", None)
                self._change_options((op.schema, op.table_name), None, comment=comment)
            case ChangedByHandOp():
                table, *column = op.arguments
                key = (op.schema, table)
                self._change_options(key, *column or [None], **op.options)
            case CreateSequenceOp() | AlterSequenceOp():
                key = (op.schema, op.arguments[0])
                self.sequences[key] = op.given
            case DropSequenceOp():
                self.sequences.pop((op.schema, op.arguments[0]), None)
            case ops.CreateIndexOp():
                self._add(copy.copy(op))
            case ops.AddConstraintOp():
                made = op.to_constraint(self._context)
                self._add(created_by(made))
            case ops.DropIndexOp():
                key = (op.schema, op.table_name or "")
                self._drop("index", str(op.index_name), key)
            case ops.DropConstraintOp():
                key = (op.schema, op.table_name)
                self._drop("constraint", str(op.constraint_name), key)

    def take_table(self, table: sa.Table) -> None:
        """Remember a table that a revision makes."""
        key = (table.schema, table.name)
        self.tables[key].clear()
        self._add(*objects_of(table).values())
        self.others[key] = others_of(table)
        comment = {"comment": table.comment}
        self.options[key, None] = options_of_table(table) | comment
        for column in table.columns:
            self.options[key, column.name] = options_of_column(column)

    def whole_names(self, dialect: Dialect) -> dict[str, str]:
        """Return the long names that revisions gave, by what a database made of them.

        PostgreSQL keeps 63 bytes of a name and MariaDB 64 characters, SQLite keeps all.
        """
        shorten = dialect.identifier_preparer.truncate_and_render_index_name
        return {
            shorten(conv(name)).strip('"`'): name
            for name in set().union(*self.names.values())
            if len(name.encode()) > LONGEST
        }

    def rename_table(self, key: Key, new: str) -> None:
        """Give a table another name."""
        if key not in self.tables:
            return
        for place in [place for place in self.options if place[0] == key]:
            self.options[(key[0], new), place[1]] = self.options.pop(place)
        self.tables[key[0], new] = self.tables.pop(key)
        self.others[key[0], new] = self.others.pop(key, [])
        for op in self.of((key[0], new)):
            own = "source_table" if hasattr(op, "source_table") else "table_name"
            setattr(op, own, new)
        for op in self._references(key):
            op.referent_table = new

    def rename_columns(self, key: Key, names: Mapping[str, str | None]) -> None:
        """Give columns of a table other names; None stands for one that goes."""
        found = {
            name: renamed_columns(op, names) for name, op in self.tables[key].items()
        }
        self.tables[key] = {name: op for name, op in found.items() if op is not None}
        others = [renamed_columns(op, names) for op in self.others[key]]
        self.others[key] = [op for op in others if op is not None]
        for old, new in names.items():
            options = self.options.pop((key, old), None)
            if new is not None and options is not None:
                self.options[key, new] = options
        for op in self._references(key):
            op.remote_cols = [names.get(name) or name for name in op.remote_cols]

    def of(self, key: Key) -> list[Create]:
        """Return all indexes and constraints of a table."""
        return [*self.tables.get(key, {}).values(), *self.others.get(key, ())]

    def _references(self, key: Key) -> list[ops.CreateForeignKeyOp]:
        return [
            op
            for table in list(self.tables)
            for op in self.of(table)
            if isinstance(op, ops.CreateForeignKeyOp)
            and (op.kw.get("referent_schema"), op.referent_table) == key
        ]

    def _add_column(self, op: ops.AddColumnOp) -> None:
        """Remember what a column brings along, as `unique=True` or a foreign key."""
        column, key = op.column, (op.schema, op.table_name)
        self.options[key, column.name] = options_of_column(column)
        brings = column.unique or column.index or column.primary_key
        brings = brings or getattr(column.type, "create_constraint", False)
        if not (brings or column.foreign_keys | column.constraints):
            return
        if column.table is not None:  # Alembic, too, has none but by a private name
            column = sa.Table("copy", sa.MetaData(), column.copy()).c[column.key]
        build = SchemaObjects(self._context)
        table = build.table(op.table_name, column, schema=op.schema)
        self._add(*objects_of(table).values())
        self.others[key] += others_of(table)

    def _change_options(self, key: Key, column: str | None, **options: Any) -> None:
        self.options[key, column] = self.options.get((key, column), {}) | options

    def _add(self, *created: Create) -> None:
        for op in created:
            if name := name_of(op):
                self.tables[table_of(op)][name] = op
                self.names[type(op)].add(name[1])
            else:
                self.others[table_of(op)].append(op)

    def _drop(self, kind: str, name: str, key: Key) -> None:
        """Forget an object; an index may be dropped without naming its table."""
        tables = [self.tables[key]] if key[1] else list(self.tables.values())
        for objects in tables:
            objects.pop((kind, name), None)
        if kind == "index":
            self.names[ops.CreateIndexOp].discard(name)
            return
        kept = (op for op in self.others[key] if name_of(op) != (kind, name))
        self.others[key] = list(kept)


def table_of(op: Create) -> Key:
    """Return the table of an index or a constraint."""
    if isinstance(op, ops.CreateForeignKeyOp):
        return op.kw.get("source_schema"), op.source_table
    return op.schema, op.table_name
