"""Indexes and constraints, each as the operation that makes it.

An operation holds plain data, so that what revisions once made can be compared with
what the models declare, argument by argument, and follow when a column is renamed.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic.ddl.postgresql import CreateExcludeConstraintOp
from alembic.operations import MigrateOperation, ops
from sqlalchemy.sql.elements import conv

from ..internals import is_made_by_type, prefixes_of
from ..operations.keys import primary_key_of
from ..operations.names import derived
from ..sqlite.table_sql import renamed
from .expressions import same

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
