"""What the revisions declare: in their words, not a database's.

A database forgets: SQLite keeps no time zone, no Enum and no symbolic default. So the
revisions run once more, as `--sql` runs them, on no database, and are remembered.
"""

import copy
import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import signature
from io import StringIO
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from alembic.ddl.postgresql import CreateExcludeConstraintOp
from alembic.operations import BatchOperations, MigrateOperation, Operations, ops
from alembic.operations.schemaobj import SchemaObjects
from alembic.runtime.migration import MigrationContext
from alembic.script import Script
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.exc import CompileError
from sqlalchemy.sql.elements import conv

from ._alembic import in_place_of_op, is_made_by_type, prefixes_of
from .config import database_in
from .operations.base import LONGEST, Key, LosslessOp, called, derived
from .operations.columns import manual_change
from .operations.keys import primary_key_of
from .operations.objects import (
    alter_sequence,
    create_sequence,
    drop_sequence,
    given_options,
)
from .runtime.run import unlogged
from .sql import renamed
from .types.portable import DIALECTS, dialect_named

GENERATORS = (sa.Computed, sa.Identity)


def options_of(item: Any) -> dict[str, Any]:
    """Return the arguments of a formula, an identity or a sequence that are given.

    They are those that its class takes, so that a new one is not overlooked.
    """
    names = [*signature(type(item).__init__).parameters][1:]
    given = {name: getattr(item, name, None) for name in names}
    given = {name: it for name, it in given.items() if it is not None}
    return given | dict(getattr(item, "dialect_kwargs", {}))


WRITTEN = {"literal_binds": True, "include_table": False}
"""How an expression stands in DDL: with its values, and columns without a table."""


PARAMETER = re.compile(r"(?<![:\w\\]):(?=\w)")
"""A colon that text would take for the beginning of a parameter."""


LITERAL = re.compile(r"""('(?:[^']|'')*')|["`]|\s+""")
"""A value in quotes, which is kept, or what means nothing."""


NO_ACTION = "NO ACTION"
"""What a foreign key does to rows that refer to what goes, if nothing is said."""


def sql(expression: sa.ClauseElement, dialect: Dialect) -> str:
    """Return an expression as text for a revision that runs on any database.

    SQLite and MariaDB read `true`, and PostgreSQL no 1 in its place.

    :param dialect: the database on which it is drafted.
    """
    # That of SQLite says 1 in any case.
    shown = DefaultDialect() if dialect.name == "sqlite" else copy.copy(dialect)
    shown.supports_native_boolean = True
    try:
        text = str(expression.compile(dialect=shown, compile_kwargs=WRITTEN))
    except CompileError:  # it has a word that is SQLite's alone
        text = str(expression.compile(dialect=dialect, compile_kwargs=WRITTEN))
    if dialect.paramstyle in {"format", "pyformat"}:
        text = text.replace("%%", "%")
    return text


def text_code(expression: sa.ClauseElement, dialect: Dialect) -> str:
    """Return an expression as the argument of `sa.text`, which has no parameters."""
    return repr(PARAMETER.sub(r"\:", sql(expression, dialect)))


def same(old: Any, new: Any) -> bool:
    """Tell whether two arguments of a column, an index or a constraint say the same."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        names = {str(name) for name in old} | {str(name) for name in new}
        return all(same(old.get(name), new.get(name)) for name in names)
    if _is_list(old) or _is_list(new):
        before, after = _as_list(old), _as_list(new)
        pairs = zip(before, after, strict=False)
        return len(before) == len(after) and all(same(*pair) for pair in pairs)
    if _is_nothing(old) or _is_nothing(new):
        return _is_nothing(old) and _is_nothing(new)
    return not _texts(old).isdisjoint(_texts(new))


def _is_nothing(value: Any) -> bool:
    if isinstance(value, str):
        return value in {"", NO_ACTION}
    return value is None or value is False


def _is_list(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(
        value, str | bytes | sa.ClauseElement
    )


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if _is_list(value) else [value]


def _texts(value: Any) -> set[str]:
    """Return what databases make of an expression, without what means nothing."""
    if isinstance(value, sa.Column):
        return {value.name}
    if isinstance(value, sa.TextClause):
        return {_bare(value.text)}
    if not isinstance(value, sa.ClauseElement):
        return {_bare(str(value))}
    found = set()
    for dialect in map(dialect_named, DIALECTS):
        try:
            found.add(_bare(sql(value, dialect)))
            found.add(
                _bare(str(value.compile(dialect=dialect, compile_kwargs=WRITTEN)))
            )
        except Exception:  # noqa: BLE001, S112  one database need not know it
            continue
    return found or {_bare(str(value))}


def _bare(text: str) -> str:
    """Return text without quotes of names, doubled signs and space between words."""
    plain = LITERAL.sub(lambda it: it[1] or "", text)
    plain = plain.replace("%%", "%").replace(r"\:", ":")
    while plain.startswith("(") and _closes_last(plain):
        plain = plain[1:-1]
    return plain


def _closes_last(text: str) -> bool:
    """Tell whether the first parenthesis is closed by the last character."""
    depth = 0
    for place, sign in enumerate(text, 1):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return place == len(text)
    return False


Create = (
    ops.CreateIndexOp
    | ops.CreateUniqueConstraintOp
    | ops.CreateForeignKeyOp
    | ops.CreateCheckConstraintOp
    | CreateExcludeConstraintOp
    | ops.CreatePrimaryKeyOp
)


Drop = ops.DropIndexOp | ops.DropConstraintOp


Name = tuple[str, str]
"""A kind, `index` or `constraint`, and a name: both may have the same one."""


Objects = dict[Name, Create]


WHERE_AND_HOW = frozenset(
    {"kw", "index_name", "constraint_name", "table_name", "source_table", "schema"}
    | {"source_schema", "referent_schema", "if_not_exists", "use_alter", "info"}
    | {"postgresql_concurrently", "postgresql_not_valid"}
)
"""What an operation says of a place or of itself, and not of what it makes."""


COLUMNS = frozenset(
    {"columns", "cols", "condition", "elements", "where"} | {"include", "ops", "length"}
)
"""The arguments that speak of columns, behind the name of a database."""


def objects_of(table: sa.Table) -> Objects:
    """Return the indexes and constraints of a table that have a name.

    A primary key is compared elsewhere, and the CHECK of a Boolean goes with its type.
    """
    found: list[Create]
    found = [ops.CreateIndexOp.from_index(index) for index in table.indexes]
    found += [
        created_by(constraint)
        for constraint in table.constraints
        if not isinstance(constraint, sa.PrimaryKeyConstraint)
        and not is_made_by_type(constraint)
    ]
    found += _checks_in_columns(table)
    return {name: op for op in found if (name := name_of(op)) is not None}


def others_of(table: sa.Table) -> list[Create]:
    """Return its other constraints: the primary key, a type's, those without a name."""
    found = [
        created_by(it)
        for it in table.constraints
        if not it.name or is_made_by_type(it) or isinstance(it, sa.PrimaryKeyConstraint)
        if not isinstance(it, sa.PrimaryKeyConstraint) or it.columns
    ]
    found += [op for op in _checks_in_columns(table) if name_of(op) is None]
    return found


def _checks_in_columns(table: sa.Table) -> Iterator[Create]:
    for column in table.columns:
        for check in column.constraints:
            if isinstance(check, sa.CheckConstraint):
                yield ops.CreateCheckConstraintOp(
                    conv(str(check.name)) if check.name else None,
                    table.name,
                    check.sqltext,
                    schema=table.schema,
                    **check.dialect_kwargs,
                )


def created_by(constraint: sa.Constraint) -> Create:
    """Return the operation that makes a constraint."""
    create: Any = ops.AddConstraintOp.from_constraint(constraint)
    found: Create = create
    return found


def name_for(constraint: sa.Constraint) -> str:
    """Return the name of a key that nobody named, which is PostgreSQL's own."""
    if isinstance(constraint, sa.PrimaryKeyConstraint):
        return primary_key_of(constraint.table.name)
    columns = [column.name for column in getattr(constraint, "columns", ())]
    is_foreign = isinstance(constraint, sa.ForeignKeyConstraint)
    ending = "fkey" if is_foreign else "key"
    return derived(constraint.table.name, *columns, ending)


def name_of(op: MigrateOperation) -> Name | None:
    """Return the name of what an operation makes or drops, if it has one."""
    for kind, argument in (("index", "index_name"), ("constraint", "constraint_name")):
        if name := getattr(op, argument, None):
            return kind, str(name)
    return None


def arguments(op: Create) -> dict[str, Any]:
    """Return what an operation says of what it makes, by argument."""
    every = {**vars(op), **op.kw}
    own = {key: it for key, it in every.items() if not key.startswith("_")}
    return {key: it for key, it in own.items() if key not in WHERE_AND_HOW}


def changed(old: Create, new: Create) -> list[str]:
    """Return the arguments by which two indexes or constraints differ."""
    before, after = arguments(old), arguments(new)
    names = sorted(before.keys() | after.keys())
    if type(old) is not type(new):
        return ["kind"]
    return [name for name in names if not same(before.get(name), after.get(name))]


def is_same_key(old: Any, new: Any) -> bool:
    """Tell whether two constraints may be one, whatever their names.

    Of a CHECK without a name nothing more is known.
    """
    if type(old) is not type(new):
        return False
    match new:
        case ops.CreateUniqueConstraintOp():
            return set(old.columns) == set(new.columns)
        case ops.CreateForeignKeyOp():
            before, after = (
                (it.referent_table, {*zip(it.local_cols, it.remote_cols, strict=True)})
                for it in (old, new)
            )
            return before == after
        case ops.CreatePrimaryKeyOp():
            return True
    return name_of(old) is None


def has_expressions(op: MigrateOperation) -> bool:
    """Tell an index of expressions, as `lower(name)` or `age DESC`."""
    columns: Any = ()
    if isinstance(op, ops.CreateIndexOp):
        columns = op.columns
    elif isinstance(op, ops.DropIndexOp):
        columns = op.to_index().expressions
    return not all(isinstance(it, sa.Column | str) for it in columns)


def drop_of(op: Create) -> Drop:
    """Return what drops what an operation makes; its reverse makes it again."""
    drop: Drop = op.reverse()
    return drop


def renamed_columns(op: Create, names: Mapping[str, str | None]) -> Create | None:
    """Return an operation as it reads when columns of its table have other names.

    :param names: the new name of each column by the old one; None for one that goes.
    :return: None when it speaks of a column that goes.
    """
    found = copy.copy(op)
    try:
        for name, value in vars(op).items():
            if _speaks_of_columns(name):
                setattr(found, name, _renamed(value, names))
        found.kw = {
            name: _renamed(value, names) if _speaks_of_columns(name) else value
            for name, value in op.kw.items()
        }
    except KeyError:
        return None
    return found


def _speaks_of_columns(argument: str) -> bool:
    return argument.split("_", 1)[-1] in COLUMNS and argument != "remote_cols"


def _renamed(value: Any, names: Mapping[str, str | None]) -> Any:
    """Rename columns in an argument.

    :raises KeyError: where one of them goes.
    """
    if isinstance(value, list | tuple):
        return type(value)(_renamed(item, names) for item in value)
    if isinstance(value, Mapping):
        return {_renamed(key, names): item for key, item in value.items()}
    if isinstance(value, sa.ClauseElement) and not isinstance(value, sa.Column):
        return sa.text(_renamed(str(value), names))
    text = value.name if isinstance(value, sa.Column) else value
    if not isinstance(text, str):
        return value
    new = names[text] if text in names else renamed(text, names)
    if new is None:
        raise KeyError(text)
    return new


def options_of_table(table: sa.Table) -> dict[str, Any]:
    """Return what a CREATE TABLE says behind its columns, or before its name."""
    return {"prefixes": prefixes_of(table), **table.dialect_kwargs}


def options_of_column(column: sa.Column[Any]) -> dict[str, Any]:
    """Return what a column has beside its type, default and constraints."""
    found = {"system": column.system, **column.dialect_kwargs}
    if column.primary_key:
        counts = column.autoincrement
        sequence = column.default
        if isinstance(sequence, sa.Sequence) and not sequence.optional:
            counts = False
        found["autoincrement"] = str(counts)
    return found


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
            case LosslessOp():
                self._take_call(op)
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

    def _take_call(self, op: LosslessOp) -> None:
        if called(op, manual_change):
            key = (op.schema, op.table_name)
            self._change_options(key, op.column_name, **op.options)
        elif called(op, create_sequence, alter_sequence):
            self.sequences[op.schema, op.name] = given_options(op)
        elif called(op, drop_sequence):
            self.sequences.pop((op.schema, op.name), None)

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


log = logging.getLogger(__name__)


Tables = dict[tuple[str | None, str], dict[str, sa.Column[Any]]]
"""(schema, table) -> column -> the column as the revisions declare it."""


class Recorder(Operations):
    """Take the place of `op` while revisions run, and only keep track of columns."""

    def __init__(self, dialect: str = "sqlite", metadata: Any = None) -> None:
        """Start with no table, as the first revision does.

        :param dialect: the kind of database that revisions are told they run on.
        :param metadata: the models', for their naming convention.
        """
        super().__init__(_nowhere(dialect, metadata))
        self.tables: Tables = {}
        self.objects = ObjectHistory(self.migration_context)

    @contextmanager
    def batch_alter_table(
        self, table_name: str, schema: str | None = None, *_given: Any, **_options: Any
    ) -> Iterator[BatchOperations]:
        """Take what is done to one table without reading it first."""
        yield _Batch(self, table_name, schema)

    def invoke(self, operation: MigrateOperation) -> Any:
        """Remember what an operation does to columns."""
        if isinstance(operation, LosslessOp):
            operation = operation.as_alembic() or operation
        self.objects.take(operation)
        match operation:
            case ops.CreateTableOp():
                table = operation.to_table(self.migration_context)
                self.objects.take_table(table)
                self.tables[operation.schema, operation.table_name] = dict(table.c)
                return table
            case ops.DropTableOp():
                self.tables.pop((operation.schema, operation.table_name), None)
            case ops.RenameTableOp(schema=schema):
                columns = self.tables.pop((schema, operation.table_name), {})
                self.tables[schema, operation.new_table_name] = columns
            case ops.AddColumnOp() | ops.DropColumnOp() | ops.AlterColumnOp():
                key = operation.schema, operation.table_name
                _change_columns(self.tables.setdefault(key, {}), operation)
        return None


def _nowhere(dialect: str, metadata: Any) -> MigrationContext:
    """Return a context without a database, and without the log lines of a real one."""
    with unlogged():
        opts = {"as_sql": True, "output_buffer": StringIO()}
        opts |= {"target_metadata": metadata}
        return MigrationContext.configure(dialect_name=dialect, opts=opts)


class _Batch(BatchOperations):
    def __init__(self, recorder: Recorder, table: str, schema: str | None) -> None:
        batch: Any = SimpleNamespace(table_name=table, schema=schema)
        super().__init__(recorder.migration_context, impl=batch)
        self.recorder = recorder

    def invoke(self, operation: MigrateOperation) -> Any:
        return self.recorder.invoke(operation)


def _change_columns(
    columns: dict[str, sa.Column[Any]],
    operation: ops.AddColumnOp | ops.DropColumnOp | ops.AlterColumnOp,
) -> None:
    if isinstance(operation, ops.AddColumnOp):
        columns[operation.column.name] = operation.column
        return
    column = columns.pop(operation.column_name, None)
    if column is not None and isinstance(operation, ops.AlterColumnOp):
        name = operation.modify_name or column.name
        columns[name] = _altered(column, name, operation)


def _altered(
    column: sa.Column[Any], name: str, operation: ops.AlterColumnOp
) -> sa.Column[Any]:
    default: Any = operation.modify_server_default
    nullable, comment = operation.modify_nullable, operation.modify_comment
    return sa.Column(
        name,
        operation.modify_type or column.type,
        server_default=column.server_default if default is False else default,
        nullable=column.nullable if nullable is None else nullable,
        comment=column.comment if comment is False else comment,
    )


def declared_in(context: MigrationContext) -> Tables:
    """Return the tables of a database as its revisions declare them."""
    return replayed(context).tables


def replayed(context: MigrationContext) -> Recorder:
    """Return what the revisions of a database declare, found out once."""
    name = database_in(context.opts["upgrade_token"])
    # One run has one dictionary of options, for all its databases.
    found: dict[str, Recorder] = context.opts.setdefault("declared", {})
    if name not in found:
        environment = context.environment_context
        revisions = list(environment.script.walk_revisions()) if environment else []
        recorder = Recorder(metadata=context.opts.get("target_metadata"))
        found[name] = _replay(recorder, revisions[::-1], name)
    return found[name]


def _replay(recorder: Recorder, revisions: Sequence[Script], name: str) -> Recorder:
    """Let every revision say what it does to columns and constraints.

    A revision that asks the database something cannot answer here: what it had not yet
    said stays unknown, and a draft takes the database's word for that.

    :param revisions: from the first to the last.
    :param name: the database, for revisions with a part for each, or "".
    """
    with in_place_of_op(recorder):
        for revision in revisions:
            try:
                run_upgrade(revision, name)
            except Exception:
                log.debug("%s cannot be replayed", revision.revision, exc_info=True)
    return recorder


def run_upgrade(revision: Script, name: str) -> None:
    """Run the upgrade of a revision, or its part for a database.

    :param name: the database, for revisions with a part for each, or "".
    """
    upgrade = revision.module.upgrade
    if signature(upgrade).parameters:
        upgrade(name)
    elif not name:
        upgrade()
