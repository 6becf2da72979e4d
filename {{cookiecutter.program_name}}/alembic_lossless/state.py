"""What a history declares: operations applied to a MetaData, one after the other.

A database forgets: SQLite keeps no time zone, no Enum and no symbolic default. `State`
keeps all of it in the revisions' own words, as Django's ProjectState does, so that a
draft compares two metadatas: what the revisions declare, and what the models do.
"""

import copy
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import singledispatchmethod
from inspect import signature
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from alembic.ddl.postgresql import CreateExcludeConstraintOp
from alembic.operations import MigrateOperation, ops
from alembic.operations.schemaobj import SchemaObjects
from sqlalchemy import schema as ddl
from sqlalchemy.dialects.postgresql import (
    ENUM,
    CreateDomainType,
    CreateEnumType,
    DropDomainType,
    DropEnumType,
    ExcludeConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.exc import CompileError, NoReferencedColumnError, NoReferencedTableError
from sqlalchemy.sql.elements import conv
from sqlalchemy.sql.visitors import replacement_traverse
from sqlalchemy.types import NullType

from ._alembic import (
    CREATE_TABLE_AS,
    CREATE_VIEW,
    DROP_VIEW,
    copy_of,
    copy_prefixes,
    is_made_by_type,
    prefixes_of,
)
from .ddl.sqlite import CLAUSE, CONFLICTS
from .operations import objects
from .operations.base import Key, LosslessOp, called, label
from .operations.columns import manual_change
from .operations.constraints import (
    drop_unnamed_constraint,
    primary_key_of,
    rename_constraints,
    set_constraint_comment,
)
from .sql import (
    Effect,
    Script,
    Statement,
    columns_in,
    compiled,
    escaped,
    normal,
    object_name,
    renamed,
    significant,
    text_in,
    undoubled,
)
from .types.conversion import is_native
from .types.portable import (
    DIALECTS,
    dialect_named,
    enums_in,
    rebuilt,
    stored,
    words,
)

GENERATORS = (sa.Computed, sa.Identity)


def options_of(item: Any) -> dict[str, Any]:
    """Return the arguments of a formula, an identity or a sequence that are given.

    They are those that its class takes, so that a new one is not overlooked.
    """
    names = [*signature(type(item).__init__).parameters][1:]
    given = {name: getattr(item, name, None) for name in names}
    own = dict(getattr(item, "dialect_kwargs", {}))
    # What became an argument of one dialect is still an attribute of the old name.
    moved = {name.partition("_")[2] for name in own}
    given = {name: it for name, it in given.items() if it is not None}
    return {name: it for name, it in given.items() if name not in moved} | own


OF_PLACE = frozenset(
    {"name", "schema", "metadata", "optional", "for_update", "quote_schema", "quote"}
)
"""The arguments of a sequence that say nothing of what a database makes."""


def options_of_sequence(sequence: sa.Sequence) -> dict[str, Any]:
    """Return the options that a sequence is made with."""
    found = options_of(sequence)
    return {name: it for name, it in found.items() if name not in OF_PLACE}


WRITTEN = {"literal_binds": True, "include_table": False}
"""How an expression stands in DDL: with its values, and columns without a table."""

NO_ACTION = "NO ACTION"
"""What a foreign key does to rows that refer to what is dropped, if it is not said."""


def sql(expression: sa.ClauseElement, dialect: Dialect) -> str:
    """Return an expression as text for a revision that runs on any database.

    SQLite and MariaDB read `true`, and PostgreSQL no 1 in its place.

    :param dialect: the database on which it is drafted.
    """
    # That of SQLite says 1 in any case.
    shown = DefaultDialect() if dialect.name == "sqlite" else copy.copy(dialect)
    words = dialect.identifier_preparer.reserved_words
    shown.identifier_preparer.reserved_words = words
    shown.supports_native_boolean = True
    try:
        text = str(expression.compile(dialect=shown, compile_kwargs=WRITTEN))
    except CompileError:  # it has a word that is SQLite's alone
        shown = dialect
        text = str(expression.compile(dialect=dialect, compile_kwargs=WRITTEN))
    return undoubled(text, shown)


def text_code(expression: sa.ClauseElement, dialect: Dialect) -> str:
    """Return an expression as the argument of `sa.text`, which has no parameters."""
    return repr(escaped(sql(expression, dialect)))


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
    if not isinstance(old, sa.ClauseElement) and not isinstance(new, sa.ClauseElement):
        return str(old) == str(new)
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


def _texts(value: Any) -> set[tuple[str, ...]]:
    """Return what databases make of an expression, without what means nothing."""
    if isinstance(value, sa.Column):
        return {(value.name,), (value.name.lower(),)}
    if isinstance(value, sa.TextClause):
        return {normal(text_in(value))}
    if not isinstance(value, sa.ClauseElement):
        return {normal(str(value)), (str(value),)}
    found = set()
    for dialect in map(dialect_named, DIALECTS):
        with suppress(Exception):  # one database need not know it
            found.add(normal(sql(value, dialect)))
            found.add(normal(compiled(value, dialect, **WRITTEN)))
    return found or {normal(str(value))}


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

TEXTS = frozenset({"condition", "where"})
"""Those of them whose words are SQL; in the others each is the name of a column."""


def constraints_of(table: sa.Table) -> Iterator[sa.Constraint]:
    """Give the constraints of a table, and those that stand in its columns."""
    yield from table.constraints
    for column in table.columns:
        yield from (it for it in column.constraints if it not in table.constraints)


def detach(table: sa.Table, constraint: sa.Constraint) -> None:
    """Take a constraint away from its table."""
    table.constraints.discard(constraint)
    for column in table.columns:
        column.constraints.discard(constraint)
    for key in getattr(constraint, "elements", ()):
        table.foreign_keys.discard(key)
        key.parent.foreign_keys.discard(key)


def objects_of(table: sa.Table) -> Objects:
    """Return the indexes and constraints of a table that have a name.

    A primary key is compared elsewhere, and the CHECK of a Boolean is its type's.
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
    by_type = [created_by(it) for it in table.constraints if is_made_by_type(it)]
    return [*by_type, *_without_type(table)]


def _without_type(table: sa.Table) -> Iterator[Create]:
    """Give the primary key, and the constraints without a name that no type makes."""
    for it in table.constraints:
        if isinstance(it, sa.PrimaryKeyConstraint):
            yield from [created_by(it)] if it.columns else ()
        elif not it.name and not is_made_by_type(it):
            yield created_by(it)
    yield from (op for op in _checks_in_columns(table) if name_of(op) is None)


def expressions_of(table: sa.Table) -> list[Create]:
    """Return what of a table has an expression: a CHECK, or an index of some rows.

    The CHECK of a Boolean or an Enum is its type's.
    """
    every = [*objects_of(table).values(), *_without_type(table)]
    return [op for op in every if _keeps_expression(op, table)]


def _keeps_expression(op: Create, table: sa.Table) -> bool:
    """Tell what a database keeps an expression of, beside the names of columns."""
    if isinstance(op, CreateExcludeConstraintOp):
        names = (str(getattr(it, "name", it)) for it, _ in op.elements)
        return op.where is not None or not all(it in table.columns for it in names)
    if isinstance(op, ops.CreateIndexOp):
        is_partial = any(it.rpartition("_")[2] == "where" for it in op.kw)
        return is_partial or has_expressions(op)
    return isinstance(op, ops.CreateCheckConstraintOp)


def unnamed_checks(table: sa.Table) -> list[Create]:
    """Return the CHECKs of a table that nobody named and no type makes."""
    found = (it for it in _without_type(table) if name_of(it) is None)
    return [it for it in found if isinstance(it, ops.CreateCheckConstraintOp)]


def every_of(table: sa.Table) -> list[Create]:
    """Return all indexes and constraints but the primary key and what types make."""
    unnamed = (op for op in _without_type(table) if name_of(op) is None)
    keys = (op for op in unnamed if not isinstance(op, ops.CreatePrimaryKeyOp))
    found = [*objects_of(table).values(), *keys]
    return sorted(found, key=_place_of)  # a table gives them in no order


def _place_of(op: Create) -> Any:
    columns = [] if isinstance(op, ops.CreateCheckConstraintOp) else columns_of(op, ())
    return name_of(op) or (), str(getattr(op, "condition", "")), columns


def _checks_in_columns(table: sa.Table) -> Iterator[Create]:
    for column in table.columns:
        for check in column.constraints:
            if isinstance(check, sa.CheckConstraint):
                yield ops.CreateCheckConstraintOp(
                    conv(str(check.name)) if check.name else None,
                    table.name,
                    _of_no_table(check.sqltext),
                    schema=table.schema,
                    **check.dialect_kwargs,
                )


def names_schema(table: sa.Table, schema: str) -> bool:
    """Tell whether a table, a foreign key or a type of it is said to be in a schema."""
    targets = (key.target_fullname for key in table.foreign_keys)
    return (
        table.schema == schema
        or any(it.startswith(f"{schema}.") for it in targets)
        or any(
            type_without_schema(it.type, schema) is not it.type for it in table.columns
        )
    )


def without_schema(
    table: sa.Table, metadata: sa.MetaData, schema: str | None
) -> sa.Table:
    """Copy a table to a metadata, and leave a schema unsaid wherever it is said.

    :param schema: the one that a connection looks into, so that it is the same as none.
    """

    def referred_schema(_table: Any, _to: Any, _key: Any, referred: str | None) -> Any:
        return sa.BLANK_SCHEMA if referred == schema else referred

    at: Any = None if table.schema == schema else table.schema
    found = table.to_metadata(metadata, at, referred_schema)
    copy_prefixes(table, found)
    for old, new in zip(table.columns, found.columns, strict=True):
        new.type = type_without_schema(
            old.type, schema
        )  # a copied Enum loses its variants
    return found


def type_without_schema(type_: Any, schema: str | None) -> Any:
    """Return a type that says no schema, where it said this one."""

    def become(one: Any) -> Any:
        if schema is None or getattr(one, "schema", None) != schema:
            return one
        found = copy.copy(one)
        found.schema = None
        return found

    return rebuilt(type_, become)


def created_by(constraint: sa.Index | sa.Constraint) -> Create:
    """Return the operation that makes an index or a constraint."""
    if isinstance(constraint, sa.Index):
        return ops.CreateIndexOp.from_index(constraint)
    create: Any
    if isinstance(constraint, sa.ForeignKeyConstraint):
        create = _foreign_key(constraint)
    else:
        create = ops.AddConstraintOp.from_constraint(constraint)
    if isinstance(create, ops.CreateCheckConstraintOp):
        condition: Any = create.condition
        create.condition = _of_no_table(condition)
    if isinstance(constraint, sa.UniqueConstraint):
        create.kw = {**of_its_column(constraint.columns), **create.kw}
    # What Alembic leaves out of its operations.
    if constraint.deferrable is False:
        create.kw["deferrable"] = False
    if constraint.comment:
        create.kw["comment"] = constraint.comment
    found: Create = create
    return found


def of_its_column(columns: Iterable[sa.Column[Any]]) -> dict[str, Any]:
    """Return what the column of a UNIQUE says for it, where it is the only one."""
    found = [*columns]
    said = found[0].dialect_kwargs.get(OF_UNIQUE) if len(found) == 1 else None
    return {} if said is None else {CLAUSE: said}


def _of_no_table(condition: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return a condition whose columns have no table.

    A CHECK that is made of it would otherwise become one of that table.
    """

    def replace(part: Any, **_: Any) -> Any:
        is_one = isinstance(part, sa.Column)
        return sa.column(part.name, part.type) if is_one else None

    found: sa.ColumnElement[Any]
    found = replacement_traverse(condition, {}, replace)  # type: ignore[call-overload]
    return found


def _foreign_key(key: sa.ForeignKeyConstraint) -> ops.CreateForeignKeyOp:
    """Return what makes a foreign key, whose target need not be declared."""
    places = [referred(it) for it in key.elements]
    given = {
        name: it
        for name in ("onupdate", "ondelete", "initially", "deferrable", "match")
        if (it := getattr(key, name))
    }
    if key.use_alter:
        given["use_alter"] = True
    table: Any = key.parent
    return ops.CreateForeignKeyOp(
        key.name if isinstance(key.name, str) else None,
        table.name,
        places[0][1],
        [it.parent.name for it in key.elements],
        [column for *_, column in places],
        source_schema=table.schema,
        referent_schema=places[0][0],
        **given,
        **key.dialect_kwargs,
    )


def referred(key: sa.ForeignKey) -> tuple[str | None, str, str]:
    """Return the schema, the table and the column that a foreign key refers to."""
    try:
        column = key.column
    except (NoReferencedTableError, NoReferencedColumnError):
        *schema, table, name = key.target_fullname.rsplit(".", 2)
        return next(iter(schema), None), table, name
    return column.table.schema, column.table.name, column.name


def table_of(op: Create) -> Key:
    """Return the table of an index or a constraint."""
    if isinstance(op, ops.CreateForeignKeyOp):
        return op.kw.get("source_schema"), op.source_table
    return op.schema, str(op.table_name)


def name_for(constraint: sa.Constraint) -> str:
    """Return the name of a key that nobody named, which is PostgreSQL's own."""
    if isinstance(constraint, sa.PrimaryKeyConstraint):
        return primary_key_of(constraint.table.name)
    columns = [column.name for column in getattr(constraint, "columns", ())]
    columns += constraint.dialect_kwargs.get("postgresql_include") or ()
    is_foreign = isinstance(constraint, sa.ForeignKeyConstraint)
    ending = "fkey" if is_foreign else "key"
    return object_name(constraint.table.name, *columns, ending=ending)


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
    if type(old) is not type(new):
        return ["kind"]
    return other_options(arguments(old), arguments(new))


SO_ANYWAY: Mapping[str, Any] = {
    "initially": "immediate",
    "match": "simple",
    "ondelete": "no action",
    "onupdate": "no action",
    "postgresql_using": "btree",
    "using": "gist",
    "sqlite_with_rowid": True,
    "sqlite_on_conflict": "abort",
    "sqlite_on_conflict_not_null": "abort",
    "sqlite_on_conflict_primary_key": "abort",
    "sqlite_on_conflict_unique": "abort",
    "data_type": "bigint",
    "increment": 1,
    "nominvalue": True,
    "nomaxvalue": True,
}
"""The options that a database has also where nothing is said of them.

Those that a server is set to are no such ones: `mysql_engine`, a tablespace, a cache of
numbers, the access method of a table.
"""

OF_MYSQL = ("mysql_", "mariadb_")

IN_QUOTES = frozenset(
    {"comment", "connection", "password", "data_directory", "index_directory"}
    | {"partition_by", "subpartition_by", "union"}
)
"""The options of MySQL's tables that are texts or names, and not words."""

DEFAULT_CLASSES = frozenset(
    {"array_ops", "bit_ops", "bool_ops", "box_ops", "bpchar_ops", "bytea_ops"}
    | {"date_ops", "enum_ops", "float4_ops", "float8_ops", "int2_ops", "int4_ops"}
    | {"int8_ops", "interval_ops", "jsonb_ops", "macaddr_ops", "macaddr8_ops"}
    | {"multirange_ops", "numeric_ops", "oid_ops", "point_ops", "poly_ops"}
    | {"range_ops", "text_ops", "time_ops", "timestamp_ops", "timestamptz_ops"}
    | {"timetz_ops", "tsquery_ops", "tsvector_ops", "uuid_ops", "varbit_ops"}
)
"""The operator classes that an index of PostgreSQL has anyway (`pg_opclass`)."""


def other_options(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the names of options by which two of a kind differ, as they are written.

    What a database does anyway is the same said and unsaid, and so is what has several
    spellings.
    """
    old, new = canonical(before), canonical(after)
    other = {it for it in old.keys() | new.keys() if not same(old.get(it), new.get(it))}
    names = {it for it in before.keys() | after.keys() if option_name(it) in other}
    return sorted(names or other)


def canonical(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options without those that say what is so anyway, each in one spelling."""
    found = {option_name(it): value for it, value in options.items()}
    found = {
        name: value.lower()
        if isinstance(value, str) and (name in SO_ANYWAY or _is_word(name))
        else value
        for name, value in found.items()
    }
    if found.get("sqlite_with_rowid") is False:
        found["sqlite_with_rowid"] = "no"  # here False says something
    if found.get("initially") == "deferred":
        found["deferrable"] = True
    if classes := found.get("postgresql_ops"):
        own = {of: it for of, it in classes.items() if it not in DEFAULT_CLASSES}
        found["postgresql_ops"] = own
    if (found.get("increment") or 1) > 0:  # a sequence begins with its smallest number
        first = found.get("minvalue")
        for name, number in (("start", 1 if first is None else first), ("minvalue", 1)):
            if found.get(name) == number:
                del found[name]
    return {
        name: value
        for name, value in found.items()
        if name not in SO_ANYWAY or str(value).lower() != str(SO_ANYWAY[name]).lower()
    }


def option_name(name: str) -> str:
    """Return the name of an option; MySQL has several for a charset and a collation."""
    dialect, _, option = name.partition("_")
    if not name.startswith(OF_MYSQL):
        return name
    option = option.lower().replace(" ", "_").removeprefix("default_")
    return f"{dialect}_{'charset' if option == 'character_set' else option}"


def _is_word(name: str) -> bool:
    return name.startswith(OF_MYSQL) and name.partition("_")[2] not in IN_QUOTES


def is_same_key(old: Any, new: Any) -> bool:
    """Tell whether two constraints may be one, whatever their names.

    Of a CHECK without a name nothing more is known.
    """
    if type(old) is not type(new):
        return False
    match new:
        case ops.CreateUniqueConstraintOp():
            return [*old.columns] == [*new.columns]
        case ops.CreateForeignKeyOp():
            before, after = (
                (it.referent_table, {*zip(it.local_cols, it.remote_cols, strict=True)})
                for it in (old, new)
            )
            return before == after
        case ops.CreatePrimaryKeyOp():
            return True
    return name_of(old) is None


def is_alike(old: Create, new: Create) -> bool:
    """Tell whether two constraints hold the same, whatever their names."""
    if isinstance(old, ops.CreateCheckConstraintOp | CreateExcludeConstraintOp):
        return not changed(old, new)
    return is_same_key(old, new)


ENDINGS: dict[type[Any], str] = {
    ops.CreateUniqueConstraintOp: "key",
    ops.CreateForeignKeyOp: "fkey",
    CreateExcludeConstraintOp: "excl",
}
"""What ends the names that PostgreSQL gives; of all else it is `check`."""


def columns_of(op: Create, names: Iterable[str]) -> list[str]:
    """Return the columns that stand in the name which PostgreSQL gives a constraint.

    Source: `AddRelationNewConstraints` of PostgreSQL, for a CHECK of one column.

    :param names: those of the columns of its table.
    """
    if isinstance(op, ops.CreateForeignKeyOp):
        return [*op.local_cols]
    if isinstance(op, ops.CreateCheckConstraintOp):
        found = columns_in(str(op.condition), names)
        return found if len(found) == 1 else []
    columns: Any = getattr(op, "columns", None) or dict(getattr(op, "elements", ()))
    included = op.kw.get("postgresql_include") or ()
    return [str(getattr(it, "name", it)) for it in (*columns, *included)]


def made_name(op: Create, table: str, columns: Iterable[str]) -> str:
    """Return the name that PostgreSQL gives a constraint that has none.

    :param table: what its table is called.
    :param columns: what `columns_of` gives.
    """
    return object_name(table, *columns, ending=ENDINGS.get(type(op), "check"))


def is_given_name(op: Create, columns: Iterable[str]) -> bool:
    """Tell whether an index or a constraint has a name that somebody gave it.

    Else it has none, or the one that a draft gives what models do not name.

    :param columns: the names of those of its table.
    """
    if isinstance(op, ops.CreateIndexOp) or (name := name_of(op)) is None:
        return isinstance(op, ops.CreateIndexOp)
    made = made_name(op, table_of(op)[1], columns_of(op, columns))
    return name[1].rstrip("0123456789") != made


def has_expressions(op: MigrateOperation) -> bool:
    """Tell an index of expressions, as `lower(name)` or `age DESC`."""
    columns: Any = ()
    if isinstance(op, ops.CreateIndexOp):
        columns = op.columns
    elif isinstance(op, ops.DropIndexOp):
        columns = op.to_index().expressions
    return not all(isinstance(it, sa.Column | str) for it in columns)


class DropWhole(ops.DropConstraintOp):
    """Drop a constraint of which all is known, so that all of it comes back."""

    made: Create

    def reverse(self) -> ops.AddConstraintOp:
        """Return what makes it again."""
        made: Any = created_by(self.to_constraint())
        return made  # type: ignore[no-any-return]

    def to_constraint(self) -> sa.Constraint:
        """Return the constraint, by the name and at the place that this says."""
        found: Any = self.made
        constraint: Any = found.to_constraint()
        constraint.name = self.constraint_name
        constraint.table.name, constraint.table.schema = self.table_name, self.schema
        return constraint  # type: ignore[no-any-return]


def drop_of(op: Create) -> Drop:
    """Return what drops what an operation makes; its reverse makes it again."""
    drop: Any = op.reverse()
    if isinstance(drop, ops.DropConstraintOp):
        found: Any = drop
        found.__class__, found.made = DropWhole, op
    return drop  # type: ignore[no-any-return]


def renamed_columns(
    op: Create, names: Mapping[str, str | None], table: sa.Table, dialect: Dialect
) -> Create | None:
    """Return an operation as it reads when columns of its table have other names.

    :param names: the new name of each column by the old one; None if it is dropped.
    :param table: the table with the new names.
    :param dialect: the database that reads the names in a text.
    :return: None when it speaks of a column that is dropped.
    """
    found, names_in = copy.copy(op), _Renames(table, names, dialect).argument
    try:
        for name, value in vars(op).items():
            setattr(found, name, names_in(name, value))
        found.kw = {name: names_in(name, value) for name, value in op.kw.items()}
    except KeyError:
        return None
    return found


def speaks_of(
    op: Create, columns: Iterable[str], table: sa.Table, dialect: Dialect
) -> bool:
    """Tell whether an operation speaks of one of some columns of its table."""
    gone: dict[str, str | None] = dict.fromkeys(columns)
    return bool(gone) and renamed_columns(op, gone, table, dialect) is None


@dataclass(frozen=True)
class _Renames:
    """The new names of the columns of a table; None for one that is dropped.

    Each method raises KeyError where it meets one that is dropped.
    """

    table: sa.Table
    names: Mapping[str, str | None] = field(default_factory=dict)
    dialect: Dialect | None = None

    def argument(self, name: str, value: Any) -> Any:
        """Return an argument of an operation with the new names."""
        kind = name.split("_", 1)[-1]
        if kind not in COLUMNS or name == "remote_cols":
            return value
        is_text = kind in TEXTS and isinstance(value, str)
        return self.text(value) if is_text else self.value(value)

    def value(self, value: Any) -> Any:
        """Return a column, an expression, or some of them with the new names."""
        if isinstance(value, str):
            return self.column(value)
        if isinstance(value, sa.Column):
            return self.column(value.name)
        if isinstance(value, list | tuple):
            return type(value)(map(self.value, value))
        if isinstance(value, Mapping):
            return {self.value(key): item for key, item in value.items()}
        if not isinstance(value, sa.ClauseElement):
            return value
        found: Any = replacement_traverse(value, {}, self._part)  # type: ignore[call-overload]
        return found

    def _part(self, part: Any, **_: Any) -> Any:
        if isinstance(part, sa.TextClause):
            return sa.text(self.text(part.text))
        if not isinstance(part, sa.ColumnClause):
            return None
        if part.is_literal:
            return sa.literal_column(self.text(part.name))
        name, columns = self.column(part.name), self.table.c
        return columns[name] if name in columns else sa.column(name, part.type)

    def column(self, name: str) -> str:
        """Return the new name of a column."""
        return self._kept(name, self.names.get(name, name))

    def text(self, text: str) -> str:
        """Return SQL text with the new names, in quotes where they need them."""
        new = renamed(text, self.names, self.dialect) if self.names else text
        return self._kept(text, new)

    def _kept(self, old: str, new: str | None) -> str:
        if new is None:
            raise KeyError(old)
        return new


def is_partitioned(table: sa.Table) -> bool:
    """Tell whether a table has partitions on PostgreSQL."""
    return bool(table.dialect_kwargs.get("postgresql_partition_by"))


def options_of_table(table: sa.Table) -> dict[str, Any]:
    """Return what a CREATE TABLE says behind its columns, or before its name."""
    return {"prefixes": prefixes_of(table), **table.dialect_kwargs}


def options_of_column(
    column: sa.Column[Any], dialect: Dialect | None = None
) -> dict[str, Any]:
    """Return what a column has beside its type, default and constraints.

    :param dialect: the database: on MySQL, which has no sequences, a key of one counts.
    """
    found = {"system": column.system}
    if "dialect_options" in vars(column):  # it takes long to ask for none
        found |= column.dialect_kwargs
        found.pop(OF_UNIQUE, None)  # the UNIQUE has it
    if column.primary_key:
        sequence = column.default
        named = isinstance(sequence, sa.Sequence) and not sequence.optional
        if dialect is not None and dialect.name == "mysql":
            named &= dialect.supports_sequences
        counts = column.table.autoincrement_column is column
        found["autoincrement"] = counts and not named
    return found


OF_UNIQUE = "sqlite_on_conflict_unique"
"""What a column says of its UNIQUE."""

MENTIONED = "mentioned"
"""What marks a column or a table that an operation names, and nothing declares."""

AUTOINCREMENT = {"True": True, "False": False}
"""What revisions of earlier versions say of a key that counts."""

Columns = Mapping[str, sa.Column[Any] | None]
"""The column that takes the place of each old one; None of one that is dropped."""


@dataclass(frozen=True)
class Unreadable:
    """A revision that could not be read to its end, and why."""

    revision: str
    path: str
    line: int
    error: str
    words: frozenset[str] = field(repr=False)
    """What its file says in strings, whole and word by word."""

    def __str__(self) -> str:
        """Return it as one line of text."""
        return (
            f"Revision {self.revision} cannot be read from line {self.line} of"
            f" {Path(self.path).name} on ({self.error})"
        )


class State:
    """The tables, views, sequences and schemas that a history declares.

    The tables of `metadata` are changed in place where SQLAlchemy allows it, and made
    anew where a column or a table is renamed or dropped.
    """

    def __init__(
        self,
        dialect: Dialect,
        models: Any = None,
    ) -> None:
        """Begin with nothing, as the first revision does.

        :param dialect: the database that the revisions are for.
        :param models: the metadata of the models, for its naming convention; of several
            there is none, as for Alembic.
        """
        convention = getattr(models, "naming_convention", None)
        self.metadata = sa.MetaData(naming_convention=convention)
        self.tables: dict[Key, sa.Table] = {}
        self.views: dict[Key, LosslessOp] = {}
        """The call that made each view, or replaced it last."""
        self.domains: dict[Key, LosslessOp] = {}
        """The call that made each DOMAIN, or changed it last."""
        self.sequences: dict[Key, sa.Sequence] = {}
        self._dialect = dialect
        self.has_enums = dialect.name == "postgresql"
        """Whether an Enum is a type of its own."""
        self.enums: dict[Key, tuple[str, ...]] = {}
        """The values of each Enum that is a type, if the database has such types."""
        self._old_names: dict[Key, Key] = {}
        self.schemas: set[str] = set()
        self.unreadable: list[Unreadable] = []
        self._said: list[frozenset[str]] = []
        """The names in each statement that is text, and makes or changes something."""
        self._default = dialect.default_schema_name
        self._dropped: defaultdict[type[Create], set[str]] = defaultdict(set)
        self._objects: dict[Key, Objects] = {}
        self._names: dict[type[Create], frozenset[str]] | None = None

    # What is asked

    def key(self, schema: str | None, name: str) -> Key:
        """Return the key of a table, whose default schema need not be said."""
        return (None if schema == self._default else schema), name

    def table(self, schema: str | None, name: str) -> sa.Table | None:
        """Return a table, if it is declared."""
        return self.tables.get(self.key(schema, name))

    def is_partitioned(self, schema: str | None, name: str) -> bool:
        """Tell whether a table is declared with partitions, which PostgreSQL has."""
        table = self.table(schema, name)
        return table is not None and is_partitioned(table)

    def created(self, schema: str | None, name: str) -> sa.Table | None:
        """Return a table, if all of it is declared, and not some columns only."""
        table = self.table(schema, name)
        return None if table is None or MENTIONED in table.info else table

    def columns(self, schema: str | None, name: str) -> dict[str, sa.Column[Any]]:
        """Return the columns that are declared of a table, by name."""
        table = self.table(schema, name)
        declared = table.c if table is not None else ()
        return {it.name: it for it in declared if MENTIONED not in it.info}

    def column(
        self, schema: str | None, table: str, name: str
    ) -> sa.Column[Any] | None:
        """Return a column of a table, if it is declared."""
        found = self.table(schema, table)
        column = found.c.get(name) if found is not None else None
        return None if column is None or MENTIONED in column.info else column

    def objects(self, schema: str | None, name: str) -> Objects:
        """Return the indexes and constraints of a table that have a name."""
        key = self.key(schema, name)
        if key not in self._objects:
            table = self.tables.get(key)
            self._objects[key] = {} if table is None else objects_of(table)
        return self._objects[key]

    def every(self, schema: str | None, name: str) -> list[Create]:
        """Return its indexes and constraints, but the key and what types make."""
        table = self.table(schema, name)
        return [] if table is None else every_of(table)

    def others(self, schema: str | None, name: str) -> list[Create]:
        """Return its other constraints: the key, a type's, those without a name."""
        table = self.table(schema, name)
        return [] if table is None else others_of(table)

    def drafted_name(self, drop: ops.DropConstraintOp) -> str | None:
        """Return the name that a draft gave a key in the place of the model, if it did.

        It is the one that PostgreSQL would give; where `create_all` made the table, the
        key has another one.

        :param drop: what drops the key, by the name that a database has.
        """
        made = created_by(drop.to_constraint())
        key = drop.schema, drop.table_name
        names = [*self.columns(*key)]
        for (_, name), it in self.objects(*key).items():
            words = drop.table_name, columns_of(it, names)
            is_one = type(it) in ENDINGS and is_same_key(it, made)
            if is_one and name == made_name(it, *words):
                return name
        return None

    def names(self, kind: type[Create]) -> frozenset[str]:
        """Return the names that something of a kind was given.

        Those of dropped constraints are among them: MariaDB calls the indexes by them
        that it made for foreign keys, and keeps.
        """
        if self._names is None:
            found = defaultdict[type[Create], set[str]](set)
            for made, names in self._dropped.items():
                found[made] |= names
            for key in self.tables:
                for (_, name), op in self.objects(*key).items():
                    found[type(op)].add(name)
            self._names = {made: frozenset(names) for made, names in found.items()}
        return self._names.get(kind, frozenset())

    def name_unnamed(
        self, schema: str | None, name: str, convention: Mapping[str, str]
    ) -> None:
        """Give the constraints of a table without a name the ones of a convention."""
        table = self.table(schema, name)
        if table is None:
            return
        metadata = sa.MetaData(naming_convention=dict(convention))
        named = table.to_metadata(metadata).constraints
        names = {(type(it), _place(it)): it.name for it in named}
        for constraint in table.constraints:
            kept = constraint.name or names.get((type(constraint), _place(constraint)))
            constraint.name = kept
        self._touch(table)

    def may_have_made(self, subject: str) -> Unreadable | None:
        """Return the unreadable revision that speaks of something, if one does.

        :param subject: a table, or a column of it, as an answer names it.
        """
        said = set(subject.split("."))
        return next((it for it in self.unreadable if said <= it.words), None)

    def says(self, subject: str) -> bool:
        """Tell whether SQL of a revision names a table, or a column of it.

        :param subject: as an answer names it.
        """
        said = set(subject.lower().split("."))
        return any(said <= names for names in self._said)

    # What is applied

    @singledispatchmethod
    def apply(self, _op: MigrateOperation) -> sa.Table | None:
        """Change the state as an operation changes a database.

        :return: the table that the operation makes, if it makes one.
        """
        return None

    @apply.register
    def _call(self, op: LosslessOp) -> None:
        for operations, effect in (
            ([manual_change], self._change_manually),
            ([drop_unnamed_constraint], self._drop_unnamed),
            ([rename_constraints], self._rename_constraints),
            ([set_constraint_comment], self._constraint_comment),
            ([objects.create_sequence, objects.alter_sequence], self._sequence),
            ([objects.drop_sequence], self._no_sequence),
            ([objects.create_schema], self._schema),
            ([objects.move_table], self._move_table),
            ([objects.create_domain, objects.alter_domain], self._domain),
            ([objects.drop_domain], self._no_domain),
            ([objects.create_view, objects.replace_view], self._view),
            ([objects.drop_view], self._no_view),
            ([objects.create_table_as], self._filled_table),
            ([objects.create_enum, objects.change_enum], self._enum),
            ([objects.drop_enum], self._no_enum),
        ):
            if called(op, *operations):
                effect(op)
                return
        if (alike := op.as_alembic()) is not None:
            self.apply(alike)

    @apply.register
    def _several(self, op: ops.OpContainer) -> None:
        for one in op.ops:
            self.apply(one)

    @apply.register
    def _execute(self, op: ops.ExecuteSQLOp) -> None:
        statement: Any = op.sqltext
        if (made := DDL.get(type(statement))) is not None:
            self.apply(made(statement.element))
            return
        if isinstance(statement, sa.TextClause):
            statement = text_in(statement)
        if not isinstance(statement, str):
            return
        script = Script(statement, self._dialect)
        if script.effect is Effect.ANYTHING:
            pieces = significant(statement, self._dialect)
            said = (it.value.lower() for it in pieces if it.is_name)
            self._said.append(frozenset(said))
        for one in script.statements if self.has_enums else ():
            if any(map(one.begins, ("CREATE TYPE", "ALTER TYPE", "DROP TYPE"))):
                self._execute_on_type(one)

    @apply.register
    def _create_table(self, op: ops.CreateTableOp) -> sa.Table:
        key = self.key(op.schema, op.table_name)
        if key in self.tables and op.if_not_exists:
            return self.tables[key]
        self._forget(key)
        if any(_belongs(item) for item in op.columns):
            self.tables[key] = op.to_table().to_metadata(self.metadata)
        else:
            self.tables[key] = sa.Table(
                op.table_name,
                self.metadata,
                *op.columns,
                schema=op.schema,
                comment=op.comment,
                prefixes=[*(op.prefixes or ())],
                **op.kw,
            )
        self._say_no_schema(key)
        self._know_enums(self.tables[key].columns, are_made=True)
        return self.tables[key]

    @apply.register
    def _drop_table(self, op: ops.DropTableOp) -> None:
        self._forget(self.key(op.schema, op.table_name))

    @apply.register
    def _rename_table(self, op: ops.RenameTableOp) -> None:
        old = self.table(op.schema, op.table_name)
        if old is not None:
            key = self.key(op.schema, op.new_table_name)
            self._forget(key)
            self._make_anew(old, key=key)

    @apply.register
    def _table_comment(self, op: ops.CreateTableCommentOp) -> None:
        self._known(op.schema, op.table_name).comment = op.comment

    @apply.register
    def _no_table_comment(self, op: ops.DropTableCommentOp) -> None:
        self._known(op.schema, op.table_name).comment = None

    @apply.register
    def _add_column(self, op: ops.AddColumnOp) -> None:
        table = self._known(op.schema, op.table_name)
        if op.if_not_exists and op.column.name in table.c:
            return
        column = copy_of(op.column) if _belongs(op.column) else op.column
        table.append_column(column, replace_existing=True)
        self._say_no_schema(self.key(op.schema, op.table_name))
        added = self._known(op.schema, op.table_name).columns[column.name]
        self._know_enums([added])

    @apply.register
    def _drop_column(self, op: ops.DropColumnOp) -> None:
        table = self.table(op.schema, op.table_name)
        if table is not None and op.column_name in table.c:
            self._make_anew(table, {op.column_name: None})

    @apply.register
    def _alter_column(self, op: ops.AlterColumnOp) -> None:
        old = self.column(op.schema, op.table_name, op.column_name)
        if old is None:
            return
        new = copy_of(old)
        new.name = new.key = op.modify_name or old.name
        if op.modify_type is not None:
            type_ = sa.Column(op.modify_type).type
            new.type = type_without_schema(type_, self._default)
            self._know_enums([new])
        if op.modify_nullable is not None:
            new.nullable = op.modify_nullable
        if op.modify_comment is not False:
            new.comment = op.modify_comment
        if op.modify_server_default is not False:
            new = _with_default(new, op.modify_server_default)
        if (counts := op.kw.get("autoincrement")) is not None:
            new.autoincrement = counts
        if CONFLICTS in op.kw:
            new.dialect_kwargs.update({CONFLICTS: op.kw[CONFLICTS]})
        self._replace(old, new)

    def _change_manually(self, op: LosslessOp) -> None:
        table = self._known(op.schema, op.table_name)
        options = dict(op.options)
        if op.column_name is None:
            self._make_anew(table, options=options)
            return
        old = self.column(op.schema, op.table_name, op.column_name)
        if old is not None:
            new = copy_of(old)
            counts: Any = options.pop("autoincrement", new.autoincrement)
            new.autoincrement = AUTOINCREMENT.get(str(counts), counts)
            new.system = options.pop("system", new.system)
            new.dialect_kwargs.update(options)
            self._make_anew(table, {old.name: new})

    @apply.register
    def _add_index(self, op: ops.CreateIndexOp) -> None:
        table = self._known(op.schema, str(op.table_name))
        there = {str(it.name) for it in table.indexes}
        if not (op.if_not_exists and op.index_name in there):
            self._add(table, op)

    @apply.register
    def _add_constraint(self, op: ops.AddConstraintOp) -> None:
        made: Any = op
        self._add(self._known(*table_of(made)), made)

    @apply.register
    def _drop_index(self, op: ops.DropIndexOp) -> None:
        named = op.table_name
        table = self.table(op.schema, named) if named else None
        for place in [table] if table is not None else self.tables.values():
            found = [it for it in place.indexes if str(it.name) == op.index_name]
            place.indexes.difference_update(found)
            self._touch(place)
            for it in [*place.constraints] if table is not None and not found else ():
                # MariaDB drops a unique constraint as the index that it is.
                if isinstance(it, sa.UniqueConstraint) and it.name == op.index_name:
                    self._take(place, it)

    @apply.register
    def _drop_constraint(self, op: ops.DropConstraintOp) -> None:
        table = self.table(op.schema, op.table_name)
        if table is None:
            return
        if op.constraint_type == "primary":
            self._take(table, table.primary_key)
        elif op.constraint_name is not None:
            name = self._name_in(table, op)
            for constraint in [*constraints_of(table)]:
                # Without a name it has one of PostgreSQL's.
                if name == str(constraint.name or name_for(constraint)):
                    self._take(table, constraint)
        elif isinstance(op, DropWhole):
            unnamed = (it for it in constraints_of(table) if not it.name)
            alike = (it for it in unnamed if not changed(created_by(it), op.made))
            if (one := next(alike, None)) is not None:
                self._take(table, one)

    def _drop_unnamed(self, op: LosslessOp) -> None:
        table = self.table(op.schema, op.table_name)
        if op.condition is not None:
            every = constraints_of(table) if table is not None else ()
            unnamed = [it for it in every if not it.name and hasattr(it, "sqltext")]
            # Of those that say the same the last one is dropped.
            for it in [it for it in unnamed if same(it.sqltext, op.condition)][-1:]:
                self._take(it.table, it)
            return
        kinds = {"unique": sa.UniqueConstraint, "foreignkey": sa.ForeignKeyConstraint}
        for it in [*table.constraints] if table is not None else ():
            is_one = isinstance(it, kinds[op.type_])
            is_one &= not it.name or str(it.name) == op.drafted_as
            if is_one and _names_of(it) == [*op.columns]:
                self._take(it.table, it)

    def _rename_constraints(self, op: LosslessOp) -> None:
        table = self.table(op.schema, op.table_name)
        for it in [*constraints_of(table)] if table is not None else ():
            old = self._name_there(it)
            # What nobody named may have been renamed to what it would be called now.
            is_as_made = not it.name and old in op.names.values()
            if (new := op.names.get(old)) is not None and not is_as_made:
                it.name = conv(new)
                self._touch(it.table)

    def _name_there(self, constraint: Any) -> str:
        """Return the name of a constraint; PostgreSQL gives one to what has none."""
        is_named = constraint.name or isinstance(constraint, sa.PrimaryKeyConstraint)
        if is_named or self._dialect.name != "postgresql":
            return str(constraint.name)
        table, op = constraint.table, created_by(constraint)
        return made_name(op, table.name, columns_of(op, table.columns.keys()))

    def _constraint_comment(self, op: LosslessOp) -> None:
        table = self.table(op.schema, op.table_name)
        for it in table.constraints if table is not None else ():
            if str(it.name) == op.constraint_name:
                it.comment = op.comment
                self._touch(it.table)

    def _sequence(self, op: LosslessOp) -> None:
        made = sa.Sequence(op.name, schema=op.schema, **objects.given_options(op))
        self.sequences[self.key(op.schema, op.name)] = made

    def _no_sequence(self, op: LosslessOp) -> None:
        self.sequences.pop(self.key(op.schema, op.name), None)

    def _schema(self, op: LosslessOp) -> None:
        self.schemas.add(op.name)

    def _move_table(self, op: LosslessOp) -> None:
        old, schema = self.table(op.schema, op.table_name), op.new_schema
        if old is not None:
            key = self.key(schema, op.table_name)
            self._forget(key)
            self._make_anew(old, key=key)

    def _domain(self, op: LosslessOp) -> None:
        self.domains[self.key(op.schema, op.name)] = op

    def _no_domain(self, op: LosslessOp) -> None:
        self.domains.pop(self.key(op.schema, op.name), None)

    def _view(self, op: LosslessOp) -> None:
        self.views[self.key(op.schema, op.name)] = op
        if called(op, objects.replace_view) and op.materialized:
            self._forget(self.key(op.schema, op.name))  # its indexes

    def _no_view(self, op: LosslessOp) -> None:
        self.views.pop(self.key(op.schema, op.name), None)
        self._forget(self.key(op.schema, op.name))

    def _filled_table(self, op: LosslessOp) -> None:
        self._known(op.schema, op.name)  # and of its columns nothing

    # Enums that are types: a column has the values of its type, whatever it says

    def _enum(self, op: LosslessOp) -> None:
        values = op.new if called(op, objects.change_enum) else op.values
        self._set_enum(self.key(op.schema, op.name), values)

    def _no_enum(self, op: LosslessOp) -> None:
        self._drop_enum(self.key(op.schema, op.name))

    def has_enum(self, schema: str | None, name: str) -> bool:
        """Tell whether the type of an Enum is declared."""
        return self.key(schema, name) in self.enums

    def _know_enums(
        self, columns: Iterable[sa.Column[Any]], *, are_made: bool = False
    ) -> None:
        """Let the Enums of columns have the values of their types.

        :param are_made: whether their table makes the types, too.
        """
        if not self.has_enums:
            return
        for column in columns:
            for enum in enums_in(column.type):
                key = self.key(enum.schema, str(enum.name))
                is_made = are_made and getattr(enum, "create_type", True)
                if is_made or key not in self.enums:
                    self._set_enum(key, enum.enums)
            column.type = rebuilt(column.type, self._as_type)

    def _as_type(self, type_: Any) -> Any:
        """Return an Enum with the values of its type."""
        if not is_native(type_):
            return type_
        values = self.enums.get(self.key(type_.schema, str(type_.name)))
        if values is None or values == (*type_.enums,):
            return type_
        return _enum_like(type_, values, type_.name, type_.schema)

    def _set_enum(self, key: Key, values: Iterable[str]) -> None:
        if self.has_enums:
            was, self.enums[key] = self.enums.get(key), (*values,)
            if was not in {None, self.enums[key]}:
                self._retype(self._as_type)

    def _rename_enum(self, old: Key, new: Key) -> None:
        if old not in self.enums:
            return
        values = self.enums.setdefault(new, self.enums[old])
        del self.enums[old]

        def become(type_: Any) -> Any:
            if not is_native(type_):
                return type_
            found = self.key(type_.schema, str(type_.name))
            return type_ if found != old else _enum_like(type_, values, new[1], new[0])

        self._retype(become)

    def _drop_enum(self, key: Key) -> None:
        """Forget a type; a column that has it now has the one of its old name."""
        former = self._old_names.pop(key, None)
        if former in self.enums:
            self._rename_enum(key, former)
        else:
            self.enums.pop(key, None)

    def _retype(self, become: Callable[[Any], Any]) -> None:
        for table in self.tables.values():
            for column in table.columns:
                found = rebuilt(column.type, become)
                if found is not column.type:
                    column.type = found
                    self._touch(table)

    def _execute_on_type(self, statement: Statement) -> None:
        """Follow a statement that makes, changes or drops a type.

        Where a type is made anew in the usual way, it gets another name, one of its old
        name is made, the columns move there, and the first one is dropped.
        """
        at = statement.name_behind("TYPE")
        if at is None:
            return
        key, values = self.key(*at), statement.strings
        if statement.verb == "CREATE" and statement.has("AS ENUM"):
            self._set_enum(key, values)
        elif statement.verb == "DROP":
            self._drop_enum(key)
        elif key not in self.enums:
            return
        elif statement.has("ADD VALUE"):
            after = statement.has("AFTER")
            self._set_enum(key, _with_value(self.enums[key], *values, after=after))
        elif statement.has("RENAME VALUE"):
            new = dict([values])
            self._set_enum(key, [new.get(it, it) for it in self.enums[key]])
        elif (renamed := statement.name_behind("RENAME TO")) is not None:
            new_key = (key[0], renamed.name)
            self._old_names[new_key] = key
            self._rename_enum(key, new_key)
        elif (moved := statement.name_behind("SET SCHEMA")) is not None:
            self._rename_enum(key, self.key(moved.name, key[1]))

    # How

    def _known(self, schema: str | None, name: str) -> sa.Table:
        """Return a table; of one that is not declared nothing else is known."""
        key = self.key(schema, name)
        if key not in self.tables:
            self.tables[key] = sa.Table(
                name, self.metadata, schema=key[0], info={MENTIONED: True}
            )
        self._touch(self.tables[key])
        return self.tables[key]

    def _say_no_schema(self, key: Key) -> None:
        """Let a table say nothing of the schema in which one without any is."""
        table = self.tables[key]
        if self._default is not None and names_schema(table, self._default):
            self.metadata.remove(table)
            self.tables[key] = without_schema(table, self.metadata, self._default)

    def _touch(self, table: sa.Table) -> None:
        self._objects.pop(self.key(table.schema, table.name), None)
        self._names = None

    def _forget(self, key: Key) -> None:
        """Forget a table, but not the names that it had."""
        if key in self.tables:
            for (_, name), op in self.objects(*key).items():
                self._dropped[type(op)].add(name)
            table = self.tables.pop(key)
            self._touch(table)
            self.metadata.remove(table)

    def _replace(self, old: sa.Column[Any], new: sa.Column[Any]) -> None:
        """Let a column be another one, in its place if nothing else hears of it."""
        types = (old.type, new.type)
        more = any(getattr(it, "create_constraint", False) for it in types)
        generated = (old.computed, old.identity, new.computed, new.identity)
        if more or old.primary_key or old.name != new.name or any(generated):
            self._make_anew(old.table, {old.name: new})
            return
        old.type, old.nullable, old.comment = new.type, new.nullable, new.comment
        old.server_default, old.autoincrement = new.server_default, new.autoincrement
        old.dialect_kwargs.update(new.dialect_kwargs)

    def _make_anew(
        self,
        old: sa.Table,
        columns: Columns | None = None,
        key: Key | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Make a table anew: with other columns, another key, or other options."""
        columns = columns or {}
        made = [*objects_of(old).values(), *_without_type(old)]
        by_type = {_place(it): it for it in old.constraints if is_made_by_type(it)}
        names = {it: None if to is None else to.name for it, to in columns.items()}
        given = {"prefixes": prefixes_of(old), **old.dialect_kwargs, **(options or {})}
        before = self.key(old.schema, old.name)
        schema, name = key or (old.schema, old.name)
        self.metadata.remove(old)
        table = sa.Table(
            name,
            self.metadata,
            *_columns_for(old, columns, names, self._dialect),
            schema=schema,
            comment=old.comment,
            info=old.info,
            **{option: it for option, it in given.items() if it is not None},
        )
        del self.tables[before]
        self._touch(old)
        self.tables[self.key(table.schema, table.name)] = table
        self._keep_checks(table, by_type, names)
        for op in made:
            self._add_renamed(table, op, names)
        self._refer_again(old, table, names)

    def _keep_checks(
        self, table: sa.Table, old: Mapping[Any, Any], names: Mapping[str, str | None]
    ) -> None:
        """Let the CHECK of a type keep its name, or stay away if it was dropped."""
        before = {
            frozenset(names.get(it) or it for it in place): check
            for place, check in old.items()
        }
        for check in [it for it in table.constraints if is_made_by_type(it)]:
            place = _place(check)
            if place in before:
                check.name = before[place].name
            elif not place & {*names.values()}:
                table.constraints.discard(check)

    def _add_renamed(
        self, table: sa.Table, op: Create, names: Mapping[str, str | None]
    ) -> None:
        found = renamed_columns(op, names, table, self._dialect)
        if found is not None:
            self._add(table, found)
        elif name := name_of(op):
            self._dropped[type(op)].add(name[1])

    def _refer_again(
        self, old: sa.Table, new: sa.Table, names: Mapping[str, str | None]
    ) -> None:
        """Let foreign keys follow a table, or its columns, to other names."""
        is_renamed = (old.schema, old.name) != (new.schema, new.name)
        is_renamed |= any(it != to for it, to in names.items())
        for table in self.tables.values() if is_renamed else ():
            for key in [*table.foreign_key_constraints]:
                if referred(key.elements[0])[:2] == (old.schema, old.name):
                    op: Any = created_by(key)
                    op.referent_table = new.name
                    op.kw["referent_schema"] = new.schema
                    op.remote_cols = [names.get(it) or it for it in op.remote_cols]
                    self._take(table, key, is_gone=False)
                    self._add(table, op)

    def _take(
        self, table: sa.Table, constraint: sa.Constraint, *, is_gone: bool = True
    ) -> None:
        """Take a constraint away from its table."""
        if is_gone and constraint.name and not is_made_by_type(constraint):
            made = created_by(constraint)
            self._dropped[type(made)].add(str(constraint.name))
        self._touch(table)
        detach(table, constraint)
        if isinstance(constraint, sa.PrimaryKeyConstraint):
            for column in table.c:
                column.primary_key = False
            table.append_constraint(sa.PrimaryKeyConstraint())

    def _add(self, table: sa.Table, op: Create) -> None:
        """Give a table an index or a constraint."""
        self._touch(table)
        item = _item(table, op)
        if isinstance(item, sa.PrimaryKeyConstraint):
            for column in table.primary_key.columns:
                column.primary_key = False
        table.append_constraint(item)
        self._say_no_schema(self.key(table.schema, table.name))

    def _name_in(self, table: sa.Table, op: ops.DropConstraintOp) -> str:
        """Return the name of a constraint as the naming convention makes it."""
        name = str(op.constraint_name)
        if isinstance(op.constraint_name, conv) or name in _names_in(table):
            return name
        context: Any = SimpleNamespace(opts={"target_metadata": self.metadata})
        constraint = SchemaObjects(context).generic_constraint(
            op.constraint_name, op.table_name, op.constraint_type, schema=op.schema
        )
        return str(constraint.name)


def _enum_like(
    old: Any, values: Iterable[str], name: str | None, schema: str | None
) -> Any:
    """Return an Enum that is another type than an old one, and otherwise the same."""
    kind: Any = ENUM if isinstance(old, ENUM) else sa.Enum
    made = kind(*values, name=name, schema=schema)
    for option in ("create_type", "create_constraint"):
        if hasattr(old, option):
            setattr(made, option, getattr(old, option))
    return made


def _with_value(
    values: Sequence[str], new: str, *beside: str, after: bool
) -> list[str]:
    """Return the values of a type and a new one, which is last or beside another."""
    found = [*values]
    if new not in found:
        place = found.index(beside[0]) + after if beside else len(found)
        found.insert(place, new)
    return found


def _names_in(table: sa.Table) -> set[str]:
    return {str(it.name) for it in constraints_of(table)}


def _belongs(item: Any) -> bool:
    """Tell whether a column, an index or a constraint is a part of some table."""
    return any(vars(item).get(place) is not None for place in ("table", "parent"))


def _names_of(constraint: Any) -> list[str]:
    return [it.name for it in constraint.columns]


def _place(constraint: Any) -> frozenset[str]:
    return frozenset(it.name for it in constraint.columns)


def _with_default(column: sa.Column[Any], default: Any) -> sa.Column[Any]:
    """Return a column with another default, formula or identity, or none."""
    return sa.Column(
        column.name,
        column.type,
        server_default=default,
        nullable=column.nullable,
        comment=column.comment,
        autoincrement=column.autoincrement,
        system=column.system,
        **column.dialect_kwargs,
    )


def _columns_for(
    table: sa.Table,
    columns: Columns,
    names: Mapping[str, str | None],
    dialect: Dialect,
) -> Iterator[sa.Column[Any]]:
    """Give the columns of a table that is made anew, without what stands beside."""
    for old in table.c:
        new = columns.get(old.name, old)
        if new is None:
            continue
        new = copy_of(old) if new is old else new
        new.unique = new.index = None
        new.primary_key = False
        new.foreign_keys, new.constraints = set(), set()
        if names and new.computed is not None:
            formula = renamed(str(new.computed.sqltext), names, dialect)
            if formula is not None:  # otherwise no database lets the column be dropped
                stored = new.computed.persisted
                new = _with_default(new, sa.Computed(formula, persisted=stored))
        yield new


def _item(table: sa.Table, op: Create) -> Any:
    """Return the index or the constraint that an operation makes, for this table."""
    if isinstance(op, ops.CreateIndexOp):
        parts = [_Renames(table).value(it) for it in op.columns]
        _mention(table, parts)
        return sa.Index(op.index_name, *parts, unique=op.unique, **op.kw)
    given = {"name": op.constraint_name, **op.kw}
    match op:
        case ops.CreateForeignKeyOp():
            at = [given.pop("referent_schema", None), op.referent_table]
            given.pop("source_schema", None)
            place = ".".join(str(it) for it in at if it)
            _mention(table, op.local_cols)
            targets = [f"{place}.{it}" for it in op.remote_cols]
            return sa.ForeignKeyConstraint(op.local_cols, targets, **given)
        case ops.CreatePrimaryKeyOp():
            _mention(table, op.columns)
            return sa.PrimaryKeyConstraint(*op.columns, **given)
        case ops.CreateUniqueConstraintOp():
            _mention(table, op.columns)
            return sa.UniqueConstraint(*op.columns, **given)
        case CreateExcludeConstraintOp():
            elements = _Renames(table).value(list(op.elements))
            return ExcludeConstraint(*elements, where=op.where, **given)
    condition = _Renames(table).argument("condition", op.condition)
    return sa.CheckConstraint(condition, **given)


def _mention(table: sa.Table, names: Iterable[Any]) -> None:
    """Let a table have columns that nothing declares, for what speaks of them."""
    for name in names:
        if isinstance(name, str) and name not in table.c:
            column = sa.Column(name, NullType(), info={MENTIONED: True})
            table.append_column(column)


def _created(table: sa.Table) -> LosslessOp:
    return objects.creation_of(table, map(dialect_named, DIALECTS))


DDL: dict[type[Any], Callable[[Any], MigrateOperation]] = {
    CreateDomainType: objects.creation_of_domain,
    DropDomainType: lambda it: objects.drop_domain(
        it.name, it.data_type, schema=it.schema
    ),
    CreateEnumType: lambda it: objects.create_enum(it.name, it.enums, schema=it.schema),
    DropEnumType: lambda it: objects.drop_enum(it.name, schema=it.schema),
    CREATE_VIEW: _created,
    CREATE_TABLE_AS: _created,
    DROP_VIEW: lambda it: objects.drop_view(it.name, schema=it.schema),
    ddl.CreateTable: ops.CreateTableOp.from_table,
    ddl.DropTable: lambda it: ops.DropTableOp(it.name, schema=it.schema),
    ddl.CreateIndex: ops.CreateIndexOp.from_index,
    ddl.DropIndex: ops.DropIndexOp.from_index,
    ddl.AddConstraint: created_by,
    ddl.DropConstraint: ops.DropConstraintOp.from_constraint,
    ddl.SetTableComment: lambda it: ops.CreateTableCommentOp(
        it.name, it.comment, schema=it.schema
    ),
    ddl.CreateSequence: lambda it: objects.create_sequence(
        it.name, schema=it.schema, **options_of_sequence(it)
    ),
    ddl.DropSequence: lambda it: objects.drop_sequence(it.name, schema=it.schema),
    ddl.CreateSchema: objects.create_schema,
}
"""The statements that SQLAlchemy has a class for, as operations that do the same."""


# What is compared of two histories

Subject = tuple[str, ...]
"""A table, a column of it, or an object of it: ("town", "index", "ix_town_name")."""


Schema = Mapping[Subject, Any]
"""What a history declares: of each subject a text, or what makes it."""


def described(state: State, dialect: Dialect) -> dict[Subject, Any]:
    """Return what a state declares, so that it can be compared with another one.

    :param dialect: the database whose words types have.
    """
    keys = {*state.tables, *state.views, *state.domains, *state.sequences}
    return {
        subject: said
        for key in keys
        for subject, said in described_at(state, key, dialect).items()
    }


def described_at(state: State, key: Key, dialect: Dialect) -> dict[Subject, Any]:
    """Return what a state declares by one name, as `described` does."""
    name, table = label(*key), state.tables.get(key)
    found: dict[Subject, Any] = {
        (name, kind): repr(sorted(vars(made[key]).items(), key=str))
        for kind, made in (
            ("view", state.views),
            ("domain", state.domains),
            ("sequence", state.sequences),
        )
        if key in made
    }
    if table is None:
        return found
    whole = "" if MENTIONED in table.info else "created"
    options = sorted(map(str, options_of_table(table).items()))
    found[name,] = f"{whole} {table.comment} {options}"
    for column in table.columns:
        found[name, column.name] = _described_column(column, dialect)
    for (kind, its), made in state.objects(*key).items():
        found[name, kind, its] = made
    for other in state.others(*key):
        kind = type(other).__name__.removeprefix("Create").removesuffix("Op")
        found[name, kind, _columns_of_unnamed(other)] = other
    return found


def _columns_of_unnamed(made: Any) -> str:
    """Return what tells a constraint without a name from the others."""
    of = getattr(made, "local_cols", None) or getattr(made, "columns", None)
    return ", ".join(map(str, of)) if of else str(getattr(made, "condition", ""))


def _described_column(column: sa.Column[Any], dialect: Dialect) -> str:
    options = sorted(map(str, options_of_column(column, dialect).items()))
    said = [words(stored(column.type)), str(column.comment), *options]
    said.append(str(MENTIONED in column.info))
    if (made := column.identity or column.computed) is not None:
        said += sorted(f"{name}={it}" for name, it in options_of(made).items())
    with suppress(Exception):  # a type of an app's own may raise anything
        said.append(str(ddl.CreateColumn(column).compile(dialect=dialect)))
    return " ".join([*said, str(column.nullable), str(column.primary_key)])


def differing(one: Schema, other: Schema) -> set[Subject]:
    """Return the subjects of which two histories do not declare the same."""
    return {
        subject
        for subject in one.keys() | other.keys()
        if not _is_same(one.get(subject), other.get(subject))
    }


def _is_same(one: Any, other: Any) -> bool:
    if one is None or other is None or isinstance(one, str) or isinstance(other, str):
        return bool(one == other)
    return not changed(one, other)
