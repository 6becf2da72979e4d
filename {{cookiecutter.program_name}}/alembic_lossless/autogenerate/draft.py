"""A draft of one database, the models that it compares, and what only a draft has.

A schema that a connection looks into by itself is the same as none, and what is said to
be for other databases (`ddl_if`) is not there. Where models say neither, they are
compared as they are.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, takewhile
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, ops
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import NoReferencedColumnError, NoReferencedTableError
from sqlalchemy.schema import sort_tables_and_constraints

from .._alembic import made_on, maker_of, sequences_of
from ..operations.aside import kept_name
from ..operations.base import Key, LosslessOp, called, label
from ..operations.constraints import rename_constraints
from ..operations.objects import rename_sequence
from ..prompts import Prompt
from ..replay import replayed
from ..sql import LONGEST, rendered
from ..state import (
    State,
    constraints_of,
    detach,
    name_of,
    names_schema,
    options_of,
    without_schema,
)
from ..types.portable import dialect_named
from ..types.reflection import inspector_of
from ..types.values import Value

if TYPE_CHECKING:
    from .unmanaged import Unmanaged


GIVEN = "alembic_lossless models"
"""What a copied metadata remembers the models by."""


def as_here(database: MigrationContext) -> sa.MetaData | list[sa.MetaData]:
    """Return what `target_metadata` is on the database that is compared."""
    found = [_as_on(metadata, database.dialect) for metadata in metadatas(database)]
    is_one = isinstance(database.opts["target_metadata"], sa.MetaData)
    return found[0] if is_one else found


def metadatas(database: MigrationContext) -> list[sa.MetaData]:
    """Return what `target_metadata` names, one or several, as a list."""
    given: sa.MetaData | Sequence[sa.MetaData] = database.opts["target_metadata"]
    return [given] if isinstance(given, sa.MetaData) else [*given]


def given_models(database: MigrationContext) -> list[sa.MetaData]:
    """Return the models as the app declares them."""
    return [metadata.info.get(GIVEN, metadata) for metadata in metadatas(database)]


def items_of(table: sa.Table) -> Iterator[Any]:
    """Give the indexes and constraints of a table, those of its columns too."""
    yield from table.indexes
    yield from constraints_of(table)


def _as_on(models: sa.MetaData, dialect: Dialect) -> sa.MetaData:
    default = dialect.default_schema_name
    absent = [
        {_identity(it) for it in items_of(table) if not made_on(it, dialect)}
        for table in models.tables.values()
    ]
    is_said = default is not None and any(_speakers(models, default))
    if not is_said and not any(absent):
        return models
    info = {**models.info, GIVEN: models}
    found = sa.MetaData(naming_convention=models.naming_convention, info=info)
    for sequence in sequences_of(models):
        given: dict[str, Any] = {**options_of(sequence), "metadata": found}
        sa.Sequence(**given)
    for table, without in zip(models.tables.values(), absent, strict=True):
        copied = without_schema(table, found, default)
        for item in [it for it in items_of(copied) if _identity(it) in without]:
            copied.indexes.discard(item)
            detach(copied, item)
    return found


def _identity(item: Any) -> Hashable:
    """Return what tells an index or a constraint from the others of its table."""
    columns = tuple(getattr(item, "columns", {}).keys())
    return type(item), str(item.name), columns, str(getattr(item, "sqltext", ""))


def _speakers(models: sa.MetaData, default: str) -> Iterator[bool]:
    yield models.schema == default
    yield from (it.schema == default for it in sequences_of(models))
    yield from (names_schema(it, default) for it in models.tables.values())


class Note(MigrateOperation):
    """A comment in the script, which does nothing."""

    def __init__(self, mark: str, text: str) -> None:
        """Take one of the `marks` and the text after it."""
        self.mark = mark
        self.text = text

    def reverse(self) -> "Note":
        """Return the same note: a step that writes one runs for each direction."""
        return self


class RenameTable(ops.RenameTableOp):
    """Rename a table; its rows, indexes and references stay."""

    def reverse(self) -> "RenameTable":
        """Return the way back."""
        return RenameTable(self.new_table_name, self.table_name, schema=self.schema)


class RenameColumn(ops.AlterColumnOp):
    """Rename a column and change nothing else about it.

    MariaDB hears the whole column again, and would forget what is left out.
    """

    def reverse(self) -> "RenameColumn":
        """Return the way back."""
        return RenameColumn(
            self.table_name,
            str(self.modify_name),
            schema=self.schema,
            modify_name=self.column_name,
            **same_as_before(self),
            **self.kw,
        )


class SetColumnAside(ops.DropColumnOp):
    """Keep a column under another name, in the place of a drop."""

    until: str

    def reverse(self) -> "RestoreColumn":
        """Return the way back."""
        return as_aside(super().reverse(), RestoreColumn, self.until)


class RestoreColumn(ops.AddColumnOp):
    """Give a column that was set aside its name back; its values are there."""

    until: str


class DropFormula(ops.DropColumnOp):
    """Drop a computed column that is added again in the same direction."""


class SetTableAside(ops.DropTableOp):
    """Keep a table under another name, in the place of a drop."""

    until: str

    def reverse(self) -> "RestoreTable":
        """Return the way back."""
        return as_aside(super().reverse(), RestoreTable, self.until)


class RestoreTable(ops.CreateTableOp):
    """Give a table that was set aside its name back; its rows are there."""

    until: str


Kind = TypeVar("Kind", bound=MigrateOperation)
Aside = TypeVar("Aside", SetColumnAside, RestoreColumn, SetTableAside, RestoreTable)


def as_aside(op: MigrateOperation, kind: type[Aside], until: str) -> Aside:
    """Return an operation as one that keeps, or brings back, what it is about.

    :param op: what drops or makes it.
    :param kind: what is done in the place of that.
    :param until: the day until which it is kept.
    """
    found: Any = copy(op)
    found.__class__, found.until = kind, until
    return found  # type: ignore[no-any-return]


def is_rename(op: MigrateOperation) -> bool:
    """Tell whether an operation only gives something another name."""
    is_call = called(op, rename_constraints, rename_sequence)
    return is_call or isinstance(op, RenameTable | RenameColumn)


def leading_renames(
    container: ops.OpContainer,
) -> tuple[list[MigrateOperation], list[MigrateOperation]]:
    """Return the renames that an upgrade begins with, and what follows them."""
    count = len(list(takewhile(is_rename, container.ops)))
    return container.ops[:count], container.ops[count:]


def same_as_before(op: ops.AlterColumnOp) -> dict[str, Any]:
    """Return the arguments of an operation that say what a column stays."""
    same = ("type", "nullable", "comment", "server_default")
    return {f"existing_{what}": getattr(op, f"existing_{what}") for what in same}


def existing(
    old: sa.Column[Any],
    new: sa.Column[Any],
    changed_from: sa.types.TypeEngine[Any] | None,
) -> dict[str, Any]:
    """Return what a column stays when it is renamed.

    The models' type is better than the one read from this database, since it is right
    on the others too; unless the type changes in the same revision.

    :param old: the column of the database.
    :param new: that of the models.
    :param changed_from: the old type, where the type changes.
    """
    default = old.server_default and (new.server_default or old.server_default)
    same: dict[str, Any] = {
        "existing_type": changed_from if changed_from is not None else new.type,
        "existing_nullable": old.nullable,
        "existing_comment": old.comment,
    }
    if isinstance(default, sa.DefaultClause):
        same["existing_server_default"] = default
    if new.table.autoincrement_column is new:
        same["existing_autoincrement"] = True
    return same


class FillNulls(MigrateOperation):
    """Give a value to the rows of a table that have none in a column."""

    def __init__(self, table: Key, column: str, value: Value) -> None:
        """Take the table, the column and the value."""
        self.table, self.column, self.value = table, column, value


class DialectBlock(ops.OpContainer):
    """Operations for some kinds of databases alone."""

    def __init__(self, names: Iterable[str], found: Iterable[MigrateOperation]) -> None:
        """Take the names of the databases, and what is done there."""
        super().__init__([*found])
        self.names = sorted(names)

    def reverse(self) -> "DialectBlock":
        """Return the way back."""
        return DialectBlock(self.names, [op.reverse() for op in reversed(self.ops)])


def key_of(op: Any) -> Key:
    """Return the schema and the name of the table that an operation is about."""
    return op.schema, op.table_name


def change_of(op: Any, operations: Iterable[MigrateOperation]) -> ops.ModifyTableOps:
    """Return a change of the table that an operation is about."""
    return ops.ModifyTableOps(op.table_name, [*operations], schema=op.schema)


def filled_in(container: ops.OpContainer) -> dict[tuple[Key, str], Value]:
    """Return the values that rows get in a direction where they have none."""
    fills = of_kind(FillNulls, operations_in(container))
    return {(it.table, it.column): it.value for it in fills}


def retypes(op: MigrateOperation) -> TypeGuard[ops.AlterColumnOp]:
    """Tell what gives a column another type."""
    return isinstance(op, ops.AlterColumnOp) and op.modify_type is not None


def of_kind(kind: type[Kind], found: Iterable[MigrateOperation]) -> Iterator[Kind]:
    """Give the operations of a kind."""
    return (op for op in found if isinstance(op, kind))


def operations_in(container: ops.OpContainer) -> Iterator[MigrateOperation]:
    """Give every operation, those within a batch included."""
    for operation in container.ops:
        if isinstance(operation, ops.OpContainer):
            yield from operations_in(operation)
        else:
            yield operation


def divide(
    container: ops.OpContainer,
    parts: Callable[[ops.ModifyTableOps], Iterable[MigrateOperation]],
) -> None:
    """Let the change of each table become its parts, where it stands.

    :param container: of one direction; it is changed.
    :param parts: returns what one change becomes.
    """
    every = (
        parts(op) if isinstance(op, ops.ModifyTableOps) else (op,)
        for op in container.ops
    )
    container.ops = [*chain.from_iterable(every)]


def unique_index(operation: MigrateOperation) -> sa.Index | None:
    """Return the index that an operation makes or drops, if it is a unique one.

    Most are not, and a first draft has thousands: it takes long to make an Index.
    """
    if isinstance(operation, ops.CreateIndexOp) and not operation.unique:
        return None
    if isinstance(operation, ops.CreateIndexOp | ops.DropIndexOp):
        index = operation.to_index()
        return index if index.unique else None
    return None


def named_as_made(op: Any, dialect: Dialect) -> str:
    """Return the name that a database gives an index or a constraint.

    It shortens long ones.
    """
    _, name = name_of(op) or ("", "")
    if name and len(name.encode()) <= LONGEST:
        return name  # most are short, and the way below takes long
    quoter: Any = dialect.identifier_preparer
    if isinstance(op, ops.CreateIndexOp):
        return rendered(quoter.format_index(op.to_index()), dialect)
    return rendered(quoter.format_constraint(op.to_constraint()), dialect)


def names_before(container: ops.OpContainer, key: Key, column: str) -> tuple[str, str]:
    """Return a table and a column of it as they are called before all operations.

    :param container: of the direction.
    :param key: the table by its name afterwards.
    :param column: the column, likewise.
    """
    table = key[1]
    # From the last one on: a name that was given may have been another's before.
    for operation in reversed([*operations_in(container)]):
        match operation:
            case ops.AlterColumnOp(table_name=name, modify_name=str(new)):
                if (name, new) == (key[1], column):
                    column = operation.column_name
            case ops.RenameTableOp(new_table_name=new, schema=at):
                if (at, new) == key:
                    table = operation.table_name
            case RestoreTable(schema=at, table_name=name):
                if (at, name) == key:
                    table = kept_name(name, operation.until)
            case RestoreColumn(schema=at, table_name=name):
                if ((at, name), operation.column.name) == (key, column):
                    column = kept_name(column, operation.until)
    return table, column


class ChangePrimaryKey(MigrateOperation):
    """A table has another primary key in the models; Alembic does not compare them."""

    def __init__(self, key: Key, old: list[str], new: list[str]) -> None:
        """Take the table, and the names of the columns, before and after."""
        self.key, self.old, self.new = key, old, new

    @property
    def table(self) -> str:
        """The name of the table, with its schema."""
        return label(*self.key)

    def making(self) -> ops.CreatePrimaryKeyOp:
        """Return what makes the new key."""
        schema, name = self.key
        return ops.CreatePrimaryKeyOp(None, name, self.new, schema=schema)

    def reverse(self) -> "ChangePrimaryKey":
        """Return the way back, which Alembic asks for before the draft is refused."""
        return ChangePrimaryKey(self.key, self.new, self.old)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """Return what the Python API of `check` has of it."""
        return "modify_primary_key", self.table, self.old, self.new

    def __str__(self) -> str:
        """Return the difference as a line of text."""
        new = ", ".join(self.new) or "none"
        return f"primary key {', '.join(self.old)} becomes {new}"


class Held(ops.OpContainer):
    """What autogenerate found for a database, in the place of all of it."""

    def reverse(self) -> "Held":
        """Return nothing new: a draft's way back is made by its review."""
        return self


def hold(context: AutogenContext, upgrade: ops.UpgradeOps) -> None:
    """Keep what was found from being reversed, if it is to be reviewed.

    A hook that was given to the command itself comes before env.py's, and sees it all.
    """
    revision: Any = context.opts.get("revision_context")
    reviewed = revision is not None and "unmanaged" in context.opts
    if reviewed and revision.process_revision_directives is None:
        upgrade.ops = [Held(upgrade.ops)]


def release(script: ops.MigrationScript, *, reverse: bool) -> None:
    """Put the operations of the newest database back into a script, if they are held.

    :param script: the draft; it is changed.
    :param reverse: whether somebody wants to see a downgrade before the review.
    """
    upgrade, downgrade = script.upgrade_ops_list[-1], script.downgrade_ops_list[-1]
    if put_back(upgrade):
        downgrade.ops = []
        if reverse:
            upgrade.reverse_into(downgrade)


def put_back(upgrade: ops.UpgradeOps) -> bool:
    """Put held operations back among others; return whether there were any.

    :param upgrade: the operations of one database; they are changed.
    """
    held = [*of_kind(Held, upgrade.ops)]
    found = [op for it in held for op in it.ops]
    upgrade.ops = [*found, *(op for op in upgrade.ops if op not in held)]
    return bool(held)


@dataclass
class Draft:
    """What autogenerate found for one database, and where its questions go."""

    context: MigrationContext
    upgrade: ops.UpgradeOps
    downgrade: ops.DowngradeOps
    prompt: Prompt
    renamed_values: dict[str, dict[str, str]] = field(default_factory=dict)
    """The name of an Enum -> an old value -> what it is called now."""
    fills: dict[tuple[Key, str], Value] = field(default_factory=dict)
    """What the rows get in columns that become NOT NULL."""
    moves: list[LosslessOp] = field(default_factory=list)
    """What moves tables to other schemas, which is done before all else."""
    unsettled: set[str] = field(default_factory=set)
    """New columns that an open question is about."""

    @cached_property
    def models(self) -> dict[Key, dict[str, sa.Column[Any]]]:
        """The columns of the models: (schema, table) -> column's name -> column."""
        return {
            (table.schema, table.name): {c.name: c for c in table.columns}
            for table in tables(self.context)
        }

    @property
    def unmanaged(self) -> "Unmanaged":
        """What the comparison left unmanaged."""
        found: Unmanaged = self.context.opts["unmanaged"]
        return found

    @property
    def dialects(self) -> list[Dialect]:
        """The databases that the draft has to be right on: this one first."""
        here, names = self.context.dialect, self.context.opts["runs_on"]
        return [here, *(dialect_named(name) for name in names if name != here.name)]

    @property
    def state(self) -> State:
        """What the revisions of the database declare."""
        return replayed(self.context)

    def table_before(self, container: ops.OpContainer, key: Key) -> sa.Table | None:
        """Return a table as it is declared before a direction, if it is there then.

        :param container: the upgrade or the downgrade.
        :param key: the table by the name that it has then.
        """
        if container is self.upgrade:
            return self.state.table(*key)
        return next((it.table for it in self.models.get(key, {}).values()), None)

    def table_after(self, container: ops.OpContainer, key: Key) -> sa.Table | None:
        """Return a table as it is declared after a direction, if it is there then.

        :param container: the upgrade or the downgrade.
        :param key: the table by the name that it has then.
        """
        is_up = container is self.upgrade
        return self.table_before(self.downgrade if is_up else self.upgrade, key)


def unique_in(table: sa.Table | None) -> Iterator[tuple[str, ...]]:
    """Give the columns of a table whose values are there together once.

    :param table: as it is declared, if it is there.
    """
    whole = (*table.indexes, *table.constraints) if table is not None else ()
    for it in whole:
        if isinstance(it, sa.Index):
            is_whole = it.unique and not is_of_parts(it)
            if is_whole and len(it.columns) == len(it.expressions):
                yield tuple(column.name for column in it.columns)
        elif isinstance(it, sa.UniqueConstraint | sa.PrimaryKeyConstraint):
            yield tuple(column.name for column in it.columns)


def is_of_parts(index: sa.Index) -> bool:
    """Tell an index of some rows, or of how values begin: no whole value is unique."""
    return is_of_beginnings(index) or _says(index, "where")


def is_of_beginnings(index: sa.Index) -> bool:
    """Tell an index of how values begin."""
    return _says(index, "length")


def _says(index: sa.Index, option: str) -> bool:
    """Tell whether an index has an option, by whichever database's name."""
    return any(it.rpartition("_")[2] == option for it in index.dialect_kwargs)


Step = Callable[[Draft, ops.OpContainer], None]
"""A step changes the operations of a container, the draft's upgrade or downgrade."""


def tables(database: MigrationContext) -> list[sa.Table]:
    """Return the tables of the models, those that others refer to first.

    Views are none, nor are those that a query fills: they are compared as a whole.
    """
    return [table for metadata in metadatas(database) for table in _sorted(metadata)]


def _sorted(metadata: sa.MetaData) -> Iterator[sa.Table]:
    """Yield tables as `sorted_tables` has them, which warns of cycles.

    A draft orders those itself.
    """
    by_key = sorted(metadata.tables.values(), key=lambda table: table.key)
    try:
        found = [*sort_tables_and_constraints(by_key)]  # type: ignore[no-untyped-call]
    except (NoReferencedTableError, NoReferencedColumnError) as error:
        raise CommandError(
            f"{error}. Import the module that has it, or correct the name. A name with"
            " a dot is found by the Column alone: ForeignKey(Parent.id)."
        ) from error
    for table, _ in found:
        if table is not None and maker_of(table) is None:
            yield table


def prepare(context: AutogenContext, _found: ops.UpgradeOps) -> None:
    """Let a comparison read database and models in the library's way."""
    known, database = vars(context), context.migration_context
    known["metadata"] = database.opts["target_metadata"] = as_here(database)
    known["sorted_tables"] = tables(database)
    if "inspector" not in known:
        known["inspector"] = inspector(database)


def inspector(database: MigrationContext) -> sa.Inspector:
    """Return an inspector of the database that is compared."""
    if database.connection is None:
        raise AssertionError
    return inspector_of(database.connection)
