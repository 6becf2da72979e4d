"""Renames: what is dropped and what is added may be one thing, and keep its data."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import partial
from typing import Any, TypeGuard, TypeVar

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, ops
from alembic.util import CommandError

from .._alembic import compare_with, is_made_by_type
from ..operations.base import Key, LosslessOp, called, label
from ..operations.constraints import in_turn, primary_key_of, rename_constraints
from ..operations.objects import create_schema, move_table, rename_sequence, sequence_of
from ..prompts import Question
from ..replay import inspected_as, reflected
from ..rules import rule
from ..state import Create, State, columns_of, is_alike, made_name, name_of, others_of
from ..types.portable import stored
from ..types.reflection import inspector_of
from .draft import (
    Draft,
    RenameColumn,
    RenameTable,
    existing,
    key_of,
    of_kind,
    operations_in,
    put_back,
    tables,
)
from .unmanaged import unmanaged_in


@dataclass
class Names:
    """What gets another name, one after the other.

    Tables move to other schemas, are renamed there, and then columns in tables that
    have their new name.
    """

    moves: dict[Key, str | None] = field(default_factory=dict)
    tables: dict[Key, str] = field(default_factory=dict)
    columns: dict[tuple[Key, str], str] = field(default_factory=dict)
    database: State | None = None
    """The tables of the database, once they are read for a second comparison."""

    def table(self, schema: str | None, name: str) -> str:
        """Return the new name of a table."""
        return self.tables.get((schema, name), name)

    def old_table(self, schema: str | None, name: str) -> Key:
        """Return the schema and the name that a table has in the database.

        :param schema: where it will be.
        :param name: what the models call it.
        """
        found = {(key[0], new): key[1] for key, new in self.tables.items()}
        before = found.get((schema, name), name)
        moved = {(to, key[1]): key[0] for key, to in self.moves.items()}
        return moved.get((schema, before), schema), before

    def in_turn(self, found: Iterable[sa.Table]) -> list[sa.Table]:
        """Return tables with those first that lose the name which another one gets."""
        places = [(schema, new) for (schema, _), new in self.tables.items()]
        last = len(places)
        place = {key: number for number, key in enumerate(places)}
        return sorted(found, key=lambda it: place.get((it.schema, it.name), last))

    @property
    def moving(self) -> Iterator[LosslessOp]:
        """The operations that move tables to other schemas."""
        for (schema, name), new in self.moves.items():
            yield move_table(name, new, schema=schema)

    @property
    def operations(self) -> Iterator[MigrateOperation]:
        """The operations that move and rename, tables first."""
        yield from self.moving
        for (schema, old), new in self.tables.items():
            yield ops.RenameTableOp(old, new, schema=schema)
        for ((schema, table), old), new in self.columns.items():
            yield ops.AlterColumnOp(table, old, schema=schema, modify_name=new)


def compare_renamed(draft: Draft, names: Names) -> ops.UpgradeOps:
    """Return what the models differ by from the database with the new names.

    It is compared as it will be once the renames are done.
    """
    database = draft.context
    connection: Any = database.connection
    if names.database is None:
        names.database = reflected(connection, draft.unmanaged.schemas())
    for state in (draft.state, names.database):
        for op in names.operations:
            state.apply(op)
    comparison, found = AutogenContext(database), ops.UpgradeOps()
    inspector = sa.inspect(connection)
    inspector.dialect = inspected_as(connection.dialect, names.database)
    compare_with(comparison, inspector)
    draft.unmanaged.left.clear()  # it says the old names
    draft.unmanaged.doubtful.clear()
    comparison.comparators.dispatch("autogenerate", qualifier=database.dialect.name)(
        comparison, found
    )
    put_back(found)
    draft.context.opts["accepted"].leave_out(found)
    return found


def look_into_new(
    context: AutogenContext, _upgrade: ops.UpgradeOps, schemas: set[str | None]
) -> None:
    """Look into the schemas, too, that are not there before tables move to them."""
    unmanaged = unmanaged_in(context.migration_context)
    if unmanaged is not None:
        schemas |= unmanaged.schemas() & {*context.inspector.get_schema_names()}


SIMILAR = 0.6

VALUE_KINDS: dict[str, tuple[type[Any], ...]] = {
    "text": (sa.types.String, sa.types.Uuid, sa.types.JSON),
    "number": (sa.Integer, sa.Numeric, sa.Float, sa.types.Boolean),
    "time": (sa.Date, sa.DateTime, sa.Time, sa.Interval),
    "bytes": (sa.LargeBinary, sa.types.BINARY, sa.types.VARBINARY),
}

Trait = tuple[str, str]
"""The name of a column, and the kind of its values."""


def value_kind(type_: sa.types.TypeEngine[object]) -> str:
    """Return which values a type has: text, number, time, bytes, or "" for others."""
    inner = stored(type_)
    return next((name for name, of in VALUE_KINDS.items() if isinstance(inner, of)), "")


def convertible(old: sa.Column[object], new: sa.Column[object]) -> bool:
    """Return whether the values of a column can become those of another at all."""
    kinds = {value_kind(old.type), value_kind(new.type)}
    return len(kinds) == 1 or "" in kinds or ("text" in kinds and "bytes" not in kinds)


def may_be_renamed(old: sa.Column[object], new: sa.Column[object]) -> bool:
    """Return whether it is worth asking if a column was renamed.

    Columns of one kind are, and all whose names are similar. A foreign key is like a
    foreign key, a primary key like a primary key.
    """
    if not convertible(old, new):
        return False
    if _similar(old.name, new.name):
        return True
    return value_kind(old.type) == value_kind(new.type) and _role(old) == _role(new)


class TableSimilarity:
    """What tells a renamed table from another one, in one comparison.

    Where none of the old tables is left, the whole app is another one. What several of
    them have in common, such as a name, then says nothing about any of them.
    """

    def __init__(
        self,
        gone: Sequence[sa.Table],
        fresh: Sequence[sa.Table],
        models: Iterable[sa.Table],
        upgrade: ops.OpContainer,
    ) -> None:
        """Compare the tables that are gone with the fresh ones.

        :param gone: tables that only the database has.
        :param fresh: tables that only the models have.
        :param models: all tables of the models.
        :param upgrade: what would be done without any rename.
        """
        made = {table.key for table in fresh}
        self._replaced = made >= {table.key for table in models}
        found = Counter(trait for table in gone for trait in _traits(table))
        several = {trait for trait, times in found.items() if times > 1}
        self._common = several if self._replaced else set()
        self._moved = set(_moved_references(upgrade))

    def may_be(self, old: sa.Table, new: sa.Table) -> bool:
        """Return whether it is worth asking if a table was renamed.

        It is when a foreign key that led to the one leads to the other, and when most
        of the columns of both have the same name and kind: half of the old ones are
        enough for a similar name. Where other tables are left, all columns of the same
        kinds in the same order will do.
        """
        if old.schema != new.schema:
            return old.name == new.name
        olds, news = _traits(old), _traits(new)
        shared = olds & news
        if (old.fullname, new.fullname) in self._moved:
            return True
        if _similar(old.name, new.name) and 2 * len(shared) >= len(olds):
            return True
        if 2 * len(shared) > len(olds | news) and shared - self._common:
            return True
        return not self._replaced and _roles(old) == _roles(new)


def closest(
    gone: Iterable[sa.Table], fresh: Sequence[sa.Table]
) -> Iterator[tuple[sa.Table, sa.Table]]:
    """Yield tables that are gone with the fresh ones most like them, each one once."""
    pairs = [(old, new) for old in gone for new in fresh if old.schema == new.schema]
    taken = set[sa.Table]()
    for old, new in sorted(pairs, key=_similarity, reverse=True):
        if taken.isdisjoint({old, new}):
            taken |= {old, new}
            yield old, new


def _similarity(pair: tuple[sa.Table, sa.Table]) -> tuple[float, float]:
    old, new = pair
    olds, news = _traits(old), _traits(new)
    names = SequenceMatcher(None, old.name, new.name).ratio()
    return len(olds & news) / max(len(olds | news), 1), names


def _moved_references(upgrade: ops.OpContainer) -> Iterator[tuple[str, str]]:
    """Yield from where to where foreign keys of columns that are left are moved."""
    for table in of_kind(ops.ModifyTableOps, upgrade.ops):
        before, after = dict[tuple[str, ...], str](), dict[tuple[str, ...], str]()
        for op in table.ops:
            if isinstance(op, ops.CreateForeignKeyOp | ops.DropConstraintOp):
                key = op.to_constraint()
                if isinstance(key, sa.ForeignKeyConstraint):
                    known = after if isinstance(op, ops.CreateForeignKeyOp) else before
                    names = tuple(key.column_keys)
                    known[names] = key.elements[0].target_fullname.rpartition(".")[0]
        yield from ((before[names], after[names]) for names in before.keys() & after)


def _similar(old: str, new: str) -> bool:
    return SequenceMatcher(None, old, new).ratio() >= SIMILAR


def _traits(table: sa.Table) -> set[Trait]:
    return {(column.name, value_kind(column.type)) for column in _telling(table)}


def _roles(table: sa.Table) -> list[tuple[str, bool, bool]]:
    return [(value_kind(column.type), *_role(column)) for column in _telling(table)]


def _telling(table: sa.Table) -> list[sa.Column[object]]:
    """Return the columns that say something; a number that counts rows does not."""
    return [c for c in table.columns if c is not table.autoincrement_column]


def _role(column: sa.Column[object]) -> tuple[bool, bool]:
    return bool(column.foreign_keys), column.primary_key


Columns = dict[tuple[Key, str], sa.Column[object]]


@rule(
    "rename",
    "question",
    "A column or a table is gone and one like it is new: was it renamed?",
)
def ask_renames(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Ask which tables and columns were renamed, and rewrite the upgrade to rename.

    The renames come first, and then what the models differ by under the new names.
    """
    names = Names()
    renamed = _renamed_tables(draft, upgrade)
    names.moves = {old: to[0] for old, to in renamed.items() if old[0] != to[0]}
    names.tables = _in_turn(
        {(to[0], old[1]): to[1] for old, to in renamed.items() if old[1] != to[1]}
    )
    draft.moves = [*_moves(draft, names)]
    compared = None
    if renamed:
        compared = compare_renamed(draft, names)
        upgrade.ops = compared.ops
    gone, fresh = (
        _columns(upgrade, ops.DropColumnOp),
        _columns(upgrade, ops.AddColumnOp),
    )
    for table, name in gone:  # a database may not know what a type of an app's own is
        known = draft.state.column(*table, name)
        gone[table, name] = gone[table, name] if known is None else known
    for table in sorted({table for table, _ in gone}, key=str):
        _ask_columns(draft, names, table, (gone, fresh))
    if names.columns:
        names.columns = _in_turn(names.columns)
        compared = compare_renamed(draft, names)
    if compared is not None:
        upgrade.ops = [*_renames(draft, names, gone, fresh, compared), *compared.ops]
    draft.unmanaged.leave_doubtful(upgrade)


def _moves(draft: Draft, names: Names) -> Iterator[LosslessOp]:
    """Yield what moves tables to other schemas, which are made if they are new."""
    known = {schema for schema, _ in (*draft.state.tables, *draft.state.views)}
    for schema in dict.fromkeys(names.moves.values()):
        if schema is not None and schema not in known | draft.state.schemas:
            yield create_schema(schema)
    yield from names.moving


def move(draft: Draft) -> None:
    """Move tables before all else, and back when all else is undone."""
    draft.upgrade.ops[:0] = draft.moves
    back = (it for it in reversed(draft.moves) if called(it, move_table))
    draft.downgrade.ops += [it.reverse() for it in back]


def _renamed_tables(draft: Draft, upgrade: ops.OpContainer) -> dict[Key, Key]:
    """Return the new key of each table that is renamed, or moves."""
    gone = [op.to_table() for op in of_kind(ops.DropTableOp, upgrade.ops)]
    found = dict[Key, Key]()
    if not gone:
        return found
    moves = draft.context.dialect.name in MOVING
    fresh = [op.to_table() for op in of_kind(ops.CreateTableOp, upgrade.ops)]
    for known, table in _passed_on_tables(draft):
        gone.append(known)
        fresh.append(table)
    similarity = TableSimilarity(gone, fresh, tables(draft.context), upgrade)
    for old in sorted(gone, key=lambda table: table.fullname):
        taken = draft.prompt.answers.targets("", except_for=old.fullname)
        news = dict[str, sa.Table]()
        for new in fresh:
            name = _called_from(old, new)
            is_near = new.schema == old.schema
            is_free = (new.schema, new.name) not in found.values() and name not in taken
            if is_free and (is_near or (moves and name not in news)):
                news[name] = new
        likely = [it for it, new in news.items() if similarity.may_be(old, new)]
        question = _rename_question((old.fullname, ""), [*news], likely)
        if reply := _reply(draft, question):
            found[old.schema, old.name] = news[reply].schema, news[reply].name
    return found


MOVING = ("postgresql",)
"""The databases on which a draft moves a table to another schema."""


def _called_from(old: sa.Table, new: sa.Table) -> str:
    """Return what an answer about a table calls another one."""
    return new.name if new.schema == old.schema else new.fullname


def _ask_columns(
    draft: Draft, names: Names, table: Key, columns: tuple[Columns, Columns]
) -> None:
    gone, fresh = (
        {name: column for (at, name), column in some.items() if at == table}
        for some in columns
    )
    now, was = label(*table), label(*names.old_table(*table))
    for name, known, column in _passed_on(draft, table, {now, was}):
        gone[name], fresh[name] = known, column
        columns[0][table, name], columns[1][table, name] = known, column
    for _, old in sorted(gone.items()):  # Alembic takes them out of a set
        taken = {new for (at, _), new in names.columns.items() if at == table}
        for one in {now, was}:
            taken |= draft.prompt.answers.targets(one, except_for=f"{one}.{old.name}")
        news = [new for new in fresh.values() if new.name not in taken]
        possible = [new.name for new in news if convertible(old, new)]
        likely = [new.name for new in news if may_be_renamed(old, new)]
        question = _rename_question(
            (now, old.name), possible, likely, f"{was}.{old.name}"
        )
        if new := _reply(draft, question):
            names.columns[table, old.name] = new


def _passed_on(
    draft: Draft, table: Key, subjects: Iterable[str]
) -> Iterator[tuple[str, sa.Column[Any], sa.Column[Any]]]:
    """Give columns whose name another one gets, as answers say: name, old and new.

    They are neither gone nor fresh, and are not asked about.
    """
    answers = draft.prompt.answers
    for name, column in draft.models.get(table, {}).items():
        known = draft.state.column(*table, name)
        for one in subjects if known is not None else ():
            own = f"{one}.{name}"
            is_given = name in answers.targets(one, except_for=own)
            if is_given and answers.says("rename", own) and known is not None:
                yield name, known, column


def _passed_on_tables(draft: Draft) -> Iterator[tuple[sa.Table, sa.Table]]:
    """Give tables whose name another one gets, as answers say, old and new."""
    answers = draft.prompt.answers
    for table in tables(draft.context):
        known, own = draft.state.table(table.schema, table.name), table.fullname
        is_given = table.name in answers.targets("", except_for=own)
        if known is not None and is_given and answers.says("rename", own):
            yield known, table


Place = TypeVar("Place", bound=tuple[Any, str])


def _in_turn(names: dict[Place, str]) -> dict[Place, str]:
    """Return renames in an order in which each name is free.

    :raises CommandError: where tables, or columns, get the names of each other.
    """
    every = {(at, old): (at, new) for (at, old), new in names.items()}
    try:
        found = in_turn(every)
    except ValueError as error:
        raise CommandError(
            "Some get the names of each other, which one draft cannot do: let one of"
            " them have a third name first, in a revision of its own."
        ) from error
    places: Any = found
    return {place: new for place, (_, new) in places.items()}


def _reply(draft: Draft, question: Question) -> str | None:
    """Ask, if there is something to ask or somebody says it unasked."""
    said = draft.prompt.answers.says("rename", question.subject, question.alias)
    if not question.candidates and not said:
        return None
    reply = draft.prompt.ask(question)
    if reply is None:
        draft.unsettled |= {f"{question.table}.{new}" for new in question.candidates}
    return reply


def _rename_question(
    subject: tuple[str, str],
    possible: Sequence[str],
    likely: Sequence[str],
    alias: str = "",
) -> Question:
    table, column = subject
    what = f"{table}.{column}" if column else f"table {table}"
    text = f"What was {what} renamed to?"
    if len(likely) == 1:
        new = f"{table}.{likely[0]}" if column else likely[0]
        text = f"Was {what} renamed to {new}?"
    check = partial(_check_name, possible)
    return Question("rename", table, column or None, text, tuple(likely), check, alias)


def _check_name(possible: Sequence[str], name: str) -> None:
    if name not in possible:
        names = ", ".join(possible) or "nothing new"
        raise ValueError(f"it can have become {names}, not {name}.")


def _columns(
    container: ops.OpContainer, of: type[ops.AddColumnOp] | type[ops.DropColumnOp]
) -> dict[tuple[Key, str], sa.Column[object]]:
    """Return the columns that operations of a kind add or drop."""
    return {
        (key_of(table), op.to_column().name): op.to_column()
        for table in of_kind(ops.ModifyTableOps, container.ops)
        for op in table.ops
        if isinstance(op, of)
    }


def _renamed_constraints(draft: Draft, names: Names) -> Iterator[LosslessOp]:
    """Yield what gives constraints the names that a new table's would have.

    They are those that are compared by what they hold: the primary key, the CHECKs of
    types, and what models give no name.
    """
    concerned = {(schema, new) for (schema, _), new in names.tables.items()}
    concerned |= {table for table, _ in names.columns}
    for table in names.in_turn(tables(draft.context)):
        key = table.schema, table.name
        if key not in concerned:
            continue
        old = names.old_table(*key)
        columns = {new: name for (at, name), new in names.columns.items() if at == key}
        pairs = [*_renamed_key(draft, table, old).items()]
        pairs += sorted(_renamed_checks(draft, table))
        pairs += sorted(_renamed(draft, table, old[1], columns))
        if renamed := {before: after for before, after in pairs if before != after}:
            with suppress(ValueError):  # which column names allow, numbers may not
                renamed = in_turn(renamed)
            yield rename_constraints(table.name, renamed, schema=table.schema)


def _renamed_key(draft: Draft, table: sa.Table, old: Key) -> dict[str, str]:
    """Return the name of a primary key by those it may have.

    Without a name in the models it is PostgreSQL's. MariaDB keeps none.

    :param old: the key of the table in the database.
    """
    connection: Any = draft.context.connection
    schema, name = old
    found = inspector_of(connection).get_pk_constraint(name, schema)
    known = draft.state.others(table.schema, table.name)
    declared = (it.constraint_name for it in known if _is_key(it))
    before = [it for it in (*declared, found["name"]) if it] or [primary_key_of(name)]
    after = str(table.primary_key.name or primary_key_of(table.name))
    return {str(it): after for it in before if found["constrained_columns"]}


def _is_key(op: Create) -> TypeGuard[ops.CreatePrimaryKeyOp]:
    return isinstance(op, ops.CreatePrimaryKeyOp)


def _renamed_checks(draft: Draft, table: sa.Table) -> Iterator[tuple[str, str]]:
    """Give the old name of each type's CHECK, and the one that a new table's has.

    The change of the type that may follow goes by that.
    """
    declared = draft.state.table(table.schema, table.name)
    if declared is None:
        return
    convention = declared.metadata.naming_convention
    columns = (sa.Column(it.name, it.type) for it in declared.columns)
    made = sa.Table(table.name, sa.MetaData(naming_convention=convention), *columns)
    after, before = (
        {
            tuple(it.columns.keys()): it.name
            for it in one.constraints
            if isinstance(it, sa.CheckConstraint) and is_made_by_type(it)
        }
        for one in (made, declared)
    )
    for place, had in before.items():
        name = after.get(place)
        if isinstance(had, str) and isinstance(name, str):
            yield str(had), str(name)


def _renamed(
    draft: Draft, table: sa.Table, old: str, columns: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Give the old and the new name of what has no name in the models."""
    known = draft.state.objects(table.schema, table.name).values()
    declared = [*known, *draft.state.others(table.schema, table.name)]
    names = [*draft.state.columns(table.schema, table.name)]
    given = {name[1] for name in map(name_of, declared) if name}
    unnamed = [it for it in others_of(table) if not name_of(it)]
    taken = Counter[str]()
    for op in declared:
        now = columns_of(op, names)
        was = [columns.get(it, it) for it in now]
        before, after = made_name(op, old, was), made_name(op, table.name, now)
        if had := name_of(op):
            # A draft gave it the name that PostgreSQL would give.
            is_like = had[1] == before and any(is_alike(op, it) for it in unnamed)
            yield from [(before, after)] if is_like else ()
        elif not _is_key(op):
            taken[before] += 1
            number = str(taken[before] - 1 or "")
            yield f"{before}{number}", f"{after}{number}"
            if isinstance(op, ops.CreateUniqueConstraintOp) and was[0] not in given:
                taken[was[0]] += 1  # the name that MariaDB gives
                number = f"_{taken[was[0]]}" if taken[was[0]] > 1 else ""
                yield f"{was[0]}{number}", f"{now[0]}{number}"


def _renamed_sequences(draft: Draft, names: Names) -> Iterator[LosslessOp]:
    """Yield what calls sequences as PostgreSQL would call those of a new table.

    One that a model names keeps its name.
    """
    was = {(key, new): old for (key, old), new in names.columns.items()}
    for table in names.in_turn(tables(draft.context)):
        _, old_table = names.old_table(table.schema, table.name)
        for column in filter(_counts, table.columns):
            old = was.get(((table.schema, table.name), column.name), column.name)
            before = sequence_of(old_table, old)
            after = sequence_of(table.name, column.name)
            if before != after:
                yield rename_sequence(
                    table.name, column.name, before, after, schema=table.schema
                )


def _counts(column: sa.Column[object]) -> bool:
    """Tell a column for which PostgreSQL makes a sequence by itself."""
    counts = isinstance(column.server_default, sa.Identity)
    if column is column.table.autoincrement_column:
        sequence = column.default
        counts |= not isinstance(sequence, sa.Sequence) or sequence.optional
    return counts


def _renames(
    draft: Draft, names: Names, gone: Columns, fresh: Columns, found: ops.OpContainer
) -> Iterator[MigrateOperation]:
    """Yield the operations that rename, tables first."""
    for (schema, old), new in names.tables.items():
        yield RenameTable(old, new, schema=schema)
    changed = {
        (key_of(op), op.column_name): op.existing_type
        for op in of_kind(ops.AlterColumnOp, operations_in(found))
        if op.modify_type is not None
    }
    for (table, old), new in names.columns.items():
        same = existing(gone[table, old], fresh[table, new], changed.get((table, new)))
        schema, name = table
        yield RenameColumn(name, old, schema=schema, modify_name=new, **same)
    yield from _renamed_constraints(draft, names)
    yield from _renamed_sequences(draft, names)
