"""The order of operations: foreign keys allow few, and drafts come out of a set."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from heapq import heappop, heappush
from typing import Any

import sqlalchemy as sa
from alembic.operations import MigrateOperation, ops

from .._alembic import copy_of, dropped_items, without_table
from ..operations.base import Key, LosslessOp, label
from ..operations.constraints import drop_index_of_foreign_key
from ..sql import columns_in
from ..state import (
    Create,
    Drop,
    created_by,
    drop_of,
    every_of,
    expressions_of,
    has_expressions,
    is_alike,
    name_for,
    name_of,
    speaks_of,
    sql,
)
from ..types.conversion import is_one_enum, keeps_casts
from ..types.portable import MYSQL
from .draft import (
    DialectBlock,
    Draft,
    DropFormula,
    RestoreTable,
    SetTableAside,
    change_of,
    divide,
    key_of,
    names_before,
    of_kind,
    operations_in,
    retypes,
    tables,
    unique_index,
)
from .guards import Expression, indexed

Whole = ops.CreateTableOp | ops.DropTableOp

Keyed = tuple[Whole, list[sa.ForeignKeyConstraint]]
"""A table that is created or dropped, and its foreign keys."""


def target(fk: sa.ForeignKeyConstraint) -> tuple[str, set[str]]:
    """Return the table that a foreign key refers to, and the columns."""
    names = [element.target_fullname.rpartition(".") for element in fk.elements]
    return names[0][0], {column for _, _, column in names}


def _keys_to_others(op: Whole) -> list[sa.ForeignKeyConstraint]:
    """Return the foreign keys of a table, but those to itself.

    One that is set aside, or comes back, loses and gets each of them beside that.
    """
    whole = op.columns if isinstance(op, ops.CreateTableOp) else dropped_items(op)
    keys = [item for item in whole if isinstance(item, sa.ForeignKeyConstraint)]
    own = label(op.schema, op.table_name)
    each = isinstance(op, SetTableAside | RestoreTable)
    others = (fk for fk in keys if each or target(fk)[0] != own)
    return sorted(others, key=lambda fk: list(fk.column_keys))


def by_reference(
    tables: Iterable[Whole],
) -> tuple[list[Keyed], list[sa.ForeignKeyConstraint]]:
    """Return tables in order, those that others refer to first.

    :return: also the foreign keys that close a cycle: no order has room for them.
    """
    waiting = {label(op.schema, op.table_name): op for op in tables}
    keys = {name: _keys_to_others(op) for name, op in waiting.items()}
    referring = defaultdict[str, list[str]](list)
    for name, own in keys.items():
        for fk in own:
            referring[target(fk)[0]].append(name)
    count = Counter(name for parent in waiting for name in referring[parent])
    ready = sorted(name for name in waiting if not count[name])
    found, cycles = list[Keyed](), list[sa.ForeignKeyConstraint]()
    while waiting:
        name = heappop(ready) if ready else _breaks(waiting, referring, count)
        cycles += [fk for fk in keys[name] if target(fk)[0] in waiting]
        found.append((waiting.pop(name), keys[name]))
        for other in referring[name]:
            count[other] -= 1
            if not count[other] and other in waiting:
                heappush(ready, other)
    return found, cycles


def _breaks(
    waiting: Collection[str],
    referring: defaultdict[str, list[str]],
    count: Counter[str],
) -> str:
    """Return the table of a cycle with the fewest foreign keys to those that wait.

    Tables that nothing refers to are in no cycle: theirs only wait for it to end.
    """
    inner = set(waiting)
    while leaves := {name for name in inner if inner.isdisjoint(referring[name])}:
        inner -= leaves
    return min(inner, key=lambda name: (count[name], name))


def changed_columns(changes: Iterable[ops.ModifyTableOps]) -> dict[str, set[str]]:
    """Return, by table, the columns added, dropped or changed, or in another key."""
    found = defaultdict[str, set[str]](set)
    for table in changes:
        for op in table.ops:
            found[label(table.schema, table.table_name)] |= set(_columns_changed(op))
    return found


def _columns_changed(op: MigrateOperation) -> Iterable[str]:
    if isinstance(op, ops.AddColumnOp | ops.DropColumnOp):
        return [op.to_column().name]
    if retypes(op):
        return [op.column_name]
    if isinstance(op, ops.AddConstraintOp | ops.DropConstraintOp):
        constraint = op.to_constraint()
        if isinstance(constraint, sa.UniqueConstraint):
            return [column.name for column in constraint.columns]
    index = unique_index(op)
    return [column.name for column in index.columns] if index is not None else []


class Postponed:
    """Foreign keys that are dropped before everything else, or created after it."""

    def __init__(
        self,
        changes: Iterable[ops.ModifyTableOps],
        cycles: Iterable[sa.ForeignKeyConstraint],
    ) -> None:
        """Take what changes in tables, and the foreign keys that close a cycle."""
        self._changed = changed_columns(changes)
        self._cycles = list(cycles)

    def has(self, fk: sa.ForeignKeyConstraint) -> bool:
        """Return whether a foreign key closes a cycle or refers to what changes."""
        table, columns = target(fk)
        changed = self._changed.get(table, set()) & columns
        return bool(fk in self._cycles or fk.use_alter or changed)

    def drop(self, table: Keyed) -> ops.ModifyTableOps:
        """Return what drops them from a table that is dropped."""
        op, keys = table
        # A table that is set aside must not stop who deletes what its rows refer to.
        each = isinstance(op, SetTableAside)
        drops = [drop_of(created_by(fk)) for fk in keys if each or self.has(fk)]
        return change_of(op, drops)

    def postpone(self, table: Keyed) -> ops.ModifyTableOps:
        """Take them out of a table that is created, and return what adds them."""
        op, keys = table
        each = isinstance(op, RestoreTable)
        late = [fk for fk in keys if each or self.has(fk)]
        if isinstance(op, ops.CreateTableOp):
            # A CREATE TABLE leaves out what is to be added by an ALTER.
            own = (it for it in op.columns if isinstance(it, sa.ForeignKeyConstraint))
            late += [fk for fk in own if fk.use_alter and fk not in keys]
            op.columns = [x for x in op.columns if not any(x is fk for fk in late)]
            # A key that refers counts nothing, and the table does not say so any more.
            names = {name for fk in late for name in fk.column_keys}
            op.columns = [_uncounted(it, names) for it in op.columns]
        adds = [created_by(fk) for fk in late]
        return change_of(op, adds)

    def take(
        self,
        change: ops.ModifyTableOps,
        of: type[ops.DropConstraintOp] | type[ops.CreateForeignKeyOp],
    ) -> ops.ModifyTableOps:
        """Take operations on them out of the change of a table."""
        own = label(change.schema, change.table_name)
        keys = [(op, op.to_constraint()) for op in change.ops if isinstance(op, of)]
        taken = [
            op
            for op, fk in keys
            if isinstance(fk, sa.ForeignKeyConstraint) and target(fk)[0] != own
            if self.has(fk)
        ]
        change.ops = [op for op in change.ops if op not in taken]
        return change_of(change, taken)


def _uncounted(item: Any, names: Collection[str]) -> Any:
    """Return a part of a table; a key that has one of the names does not count."""
    if (
        not isinstance(item, sa.Column)
        or not item.primary_key
        or item.name not in names
    ):
        return item
    found = copy_of(item)
    found.autoincrement = False
    return found


TABLES = (ops.CreateTableOp, ops.DropTableOp, ops.ModifyTableOps)

CREATES = (ops.CreateIndexOp, ops.CreateUniqueConstraintOp)

MOVES = (ops.AddColumnOp, ops.DropColumnOp)

CHANGES = (
    ops.AddColumnOp,
    ops.AlterColumnOp,
    ops.CreateIndexOp,
    ops.CreateUniqueConstraintOp,
    ops.DropIndexOp,
    ops.DropColumnOp,
    ops.CreateForeignKeyOp,
)
"""The order inside a table, after the constraints that are dropped.

MariaDB needs an index for each foreign key: create the new one, then drop the old.
"""

ALTERS = 4 + CHANGES.index(ops.AlterColumnOp)
"""Where a column is altered in that order, behind what is dropped before all else."""


def order(_draft: Draft, container: ops.OpContainer) -> None:
    """Put operations in the order in which every database can do them.

    Drop the foreign keys in the way, create tables, change tables, create the foreign
    keys to what changed, drop tables. What is not about tables stays before or after.
    """
    at = [i for i, op in enumerate(container.ops) if isinstance(op, TABLES)]
    if not at:
        return
    before, after = container.ops[: at[0]], container.ops[at[0] :]
    rest = [op for op in after if not isinstance(op, TABLES)]
    container.ops = [*before, *_ordered(after), *rest]


def steady(_draft: Draft, upgrade: ops.OpContainer) -> None:
    """Take chance out of the draft before the downgrade is made from it."""
    for change in of_kind(ops.ModifyTableOps, upgrade.ops):
        _sort(change)


def reverse(upgrade: ops.UpgradeOps, downgrade: ops.DowngradeOps) -> None:
    """Make the way back of an upgrade.

    The indexes of a new table need none: they are dropped with it. Neither needs the
    table a copy, which would take longer than all the rest of a first draft.
    """
    made = {key_of(op) for op in of_kind(ops.CreateTableOp, upgrade.ops)}
    back = [op for op in upgrade.ops if not _goes_with(made, op)]
    downgrade.ops = [
        without_table(op) if isinstance(op, ops.CreateTableOp) else op.reverse()
        for op in reversed(back)
    ]


def _goes_with(made: Collection[Key], op: MigrateOperation) -> bool:
    """Tell what is dropped with the tables that an upgrade makes."""
    if isinstance(op, DialectBlock):
        changes = [*of_kind(ops.ModifyTableOps, op.ops)]
        return all(key_of(it) in made for it in changes)
    return (
        isinstance(op, ops.ModifyTableOps)
        and key_of(op) in made
        and all(isinstance(it, ops.CreateIndexOp) for it in op.ops)
    )


def drop_no_indexes_of_dropped_tables(
    _draft: Draft, container: ops.OpContainer
) -> None:
    """Let the table drop its indexes: MariaDB needs them for foreign keys until then.

    A unique constraint is one of them there.
    """
    gone = {
        key_of(op)
        for op in of_kind(ops.DropTableOp, container.ops)
        if not isinstance(op, SetTableAside)
    }
    for change in of_kind(ops.ModifyTableOps, container.ops):
        if key_of(change) in gone:
            change.ops = [op for op in change.ops if not _drops_index(op)]
    container.ops = [op for op in container.ops if not _is_empty(op)]


def _drops_index(op: MigrateOperation) -> bool:
    if isinstance(op, ops.DropConstraintOp):
        return op.constraint_type == "unique"
    return isinstance(op, ops.DropIndexOp)


def _ordered(after: list[MigrateOperation]) -> Iterator[MigrateOperation]:
    creates, cycles = by_reference(of_kind(ops.CreateTableOp, after))
    drops, circles = by_reference(of_kind(ops.DropTableOp, after))
    changes = _merged(of_kind(ops.ModifyTableOps, after))
    apart = Postponed(changes.values(), [*cycles, *circles])
    late = [apart.postpone(table) for table in creates]
    late += [apart.take(op, ops.CreateForeignKeyOp) for op in changes.values()]
    early = [apart.drop(table) for table in reversed(drops)]
    early += [apart.take(op, ops.DropConstraintOp) for op in changes.values()]
    created = [part for op, _ in creates for part in (op, *_own(changes, op))]
    dropped = [part for op, _ in reversed(drops) for part in (*_own(changes, op), op)]
    changed = _by_names(changes.values())
    for op in (*early, *created, *changed, *late, *dropped):
        if not _is_empty(op):
            yield op


def _by_names(changes: Iterable[ops.ModifyTableOps]) -> Iterator[ops.ModifyTableOps]:
    """Give changes in order: a table loses a name before another one gets it.

    An index of PostgreSQL and SQLite has its name in the whole schema.
    """
    waiting = list(changes)
    while waiting:
        free = (
            it for it in waiting if _names(it, CREATES).isdisjoint(_gone(waiting, it))
        )
        change = next(free, waiting[0])
        waiting.remove(change)
        yield change


def _gone(
    changes: Iterable[ops.ModifyTableOps], but: ops.ModifyTableOps
) -> Iterator[str]:
    """Give the names that changes of other tables take away."""
    others = (it for it in changes if it is not but)
    return (name for it in others for name in _names(it, Drop))


def _names(change: ops.ModifyTableOps, kinds: Any) -> set[str]:
    return {own_name(op) for op in change.ops if isinstance(op, kinds)}


def _is_empty(op: MigrateOperation) -> bool:
    return isinstance(op, ops.ModifyTableOps) and op.is_empty()


def _own(
    changes: dict[str, ops.ModifyTableOps], op: Whole
) -> Iterator[ops.ModifyTableOps]:
    """Take the change of a table that is created or dropped: its indexes."""
    if change := changes.pop(label(op.schema, op.table_name), None):
        yield change


def _merged(changes: Iterable[ops.ModifyTableOps]) -> dict[str, ops.ModifyTableOps]:
    """Return one change for each table, its operations in order."""
    found: dict[str, ops.ModifyTableOps] = {}
    for op in changes:
        empty = change_of(op, [])
        found.setdefault(label(op.schema, op.table_name), empty).ops += op.ops
    for change in found.values():
        _sort(change)
    return found


def _sort(change: ops.ModifyTableOps) -> None:
    made = {own_name(op) for op in change.ops if isinstance(op, CREATES)}
    depths = _Formulas(change.ops)
    change.ops.sort(key=partial(_rank, made, depths))


class _Formulas:
    """The columns that a change adds, drops or retypes, and what formulas speak of."""

    def __init__(self, changes: Iterable[MigrateOperation]) -> None:
        changes = [*changes]
        moved = (op.to_column() for op in changes if isinstance(op, MOVES))
        formulas = {it.name: it.computed for it in moved}
        retyped = {it.column_name for it in changes if retypes(it)}
        names = {*formulas, *retyped}
        self._sources = {
            name: columns_in(str(computed.sqltext), names) if computed else []
            for name, computed in formulas.items()
        }
        self._retyped = retyped

    def depth(self, name: str) -> int:
        """Return how many formulas deep a column is: 0 when it has none of its own."""
        return self._below(name, frozenset())

    def is_of_retyped(self, name: str) -> bool:
        """Tell a column whose formula speaks of one that gets another type."""
        return not self._retyped.isdisjoint(self._sources.get(name, ()))

    def _below(self, name: str, above: frozenset[str]) -> int:
        seen = above | {name}
        sources = (it for it in self._sources.get(name, ()) if it not in seen)
        return max((1 + self._below(it, seen) for it in sources), default=0)


def _rank(
    made: set[str], formulas: _Formulas, op: MigrateOperation
) -> tuple[int, int, str]:
    """Return what operations on a table are sorted by.

    A column is added after those that its formula speaks of, and dropped before them:
    PostgreSQL gives none another type that a formula speaks of.
    """
    if isinstance(op, ops.DropConstraintOp):
        columns: Iterable[str] = getattr(op.to_constraint(), "columns", {}).keys()
        name = str(op.constraint_name or ",".join(columns))
        return int(op.constraint_type != "foreignkey"), 0, name
    if isinstance(op, ops.DropIndexOp) and op.index_name in made:
        return 2, 0, op.index_name
    ranks = (rank for rank, kind in enumerate(CHANGES, 4) if isinstance(op, kind))
    rank, depth = next(ranks, 4 + len(CHANGES)), 0
    if isinstance(op, MOVES):
        depth = 1 + formulas.depth(op.to_column().name)
        if formulas.is_of_retyped(op.to_column().name):
            rank = 3 if isinstance(op, ops.DropColumnOp) else ALTERS
    if isinstance(op, ops.DropColumnOp):
        depth = -depth
    return rank, depth, own_name(op)


def own_name(op: MigrateOperation) -> str:
    """Return what operations of a kind are sorted by, if models give no order."""
    if isinstance(op, ops.AlterColumnOp):
        return ""
    names = ("index_name", "constraint_name", "column_name")
    return next((str(getattr(op, name)) for name in names if hasattr(op, name)), "")


def take_away_and_give_back(
    container: ops.OpContainer, keys: Iterable[sa.ForeignKeyConstraint]
) -> None:
    """Drop foreign keys and make them again, but those that a draft changes anyway.

    :param container: what will be ordered: the drops first, and the rest last.
    :param keys: as they are made again.
    """
    changed = {
        _place(fk)
        for op in operations_in(container)
        if isinstance(op, ops.AddConstraintOp | ops.DropConstraintOp)
        if isinstance(fk := op.to_constraint(), sa.ForeignKeyConstraint)
    }
    for fk in keys:
        if _place(fk) not in changed:
            key = fk.table.schema, fk.table.name
            container.ops.append(_exchange(key, created_by(fk)))


def _place(fk: sa.ForeignKeyConstraint) -> tuple[str, tuple[str, ...]]:
    """Return what tells a foreign key from others, also where none has a name."""
    return str(fk.table), tuple(fk.column_keys)


def _exchange(key: Key, made: Create) -> ops.ModifyTableOps:
    """Return what drops an index or a constraint of a table, and makes it again."""
    return ops.ModifyTableOps(key[1], [drop_of(made), made], schema=key[0])


def free_indexes(draft: Draft, container: ops.OpContainer) -> None:
    """Drop a foreign key while its index is dropped, and create it again.

    MariaDB then makes an index of its own for it; the other databases need none, and
    where it is known to be none of those of the project, the keys stay.
    """
    on_mysql = any(it.name in MYSQL for it in draft.dialects)
    is_known = bool(draft.dialects[1:]) or draft.context.dialect.name == "postgresql"
    changes = [it for it in of_kind(ops.ModifyTableOps, container.ops) if _drops(it)]
    if not changes or (is_known and not on_mysql):
        return
    models = {(table.schema, table.name): table for table in tables(draft.context)}
    freed = list[sa.ForeignKeyConstraint]()
    for change in changes:
        table = models.get(key_of(change))
        for fk in table.foreign_key_constraints if table is not None else ():
            if _lose_index(draft, change, list(fk.column_keys)):
                freed.append(fk)
    take_away_and_give_back(container, freed)


def drop_indexes_of_keys(draft: Draft, container: ops.OpContainer) -> None:
    """Let the index be dropped that MariaDB made for a foreign key, and would keep."""
    if not any(it.name in MYSQL for it in draft.dialects):
        return
    divide(container, partial(_with_indexes, draft, container))


def _with_indexes(
    draft: Draft, container: ops.OpContainer, change: ops.ModifyTableOps
) -> Iterator[MigrateOperation]:
    """Give a change in parts: an index is dropped before another key can need it."""
    part = list[MigrateOperation]()
    for op in change.ops:
        part.append(op)
        if indexes := [*_made_indexes(draft, container, op)]:
            yield change_of(change, part)
            yield from indexes
            part = []
    if part:
        yield change_of(change, part)


def _made_indexes(
    draft: Draft, container: ops.OpContainer, op: MigrateOperation
) -> Iterator[LosslessOp]:
    """Give the drop of the index that MariaDB made for a foreign key, if it did.

    It has the name of the key or, where nobody gave that one, of the first column; a
    draft gives it one where it makes the key anew, as in a downgrade.
    """
    if not isinstance(op, ops.DropConstraintOp):
        return
    fk = op.to_constraint()
    if not isinstance(fk, sa.ForeignKeyConstraint):
        return
    key, columns = key_of(op), list(fk.column_keys)
    gone, made = set[str](), set[tuple[str, ...]]()
    for other in operations_in(container):
        if isinstance(other, ops.DropColumnOp) and other.table_name == key[1]:
            gone.add(other.column_name)
        elif isinstance(other, ops.CreateForeignKeyOp) and other.source_table == key[1]:
            made.add((str(other.constraint_name), *other.local_cols))
    name = str(op.constraint_name or columns[0])
    is_needed = (name, *columns) in made or _is_indexed(draft, container, key, columns)
    if is_needed or gone.issuperset(columns):
        return
    names = [name]
    if not op.constraint_name:
        names.insert(0, draft.state.drafted_name(op) or name_for(fk))
    for it in names:
        yield drop_index_of_foreign_key(op.table_name, it, schema=op.schema)


def _is_indexed(
    draft: Draft, container: ops.OpContainer, key: Key, columns: Sequence[str]
) -> bool:
    """Tell whether columns have an index of their own before all operations."""
    before = key[0], names_before(container, key, "")[0]
    table = draft.table_before(container, before)
    if table is None:
        return False
    was = [names_before(container, key, it)[1] for it in columns]
    return any(
        [it.name for it in keyed.columns][: len(was)] == was
        for keyed in (*table.indexes, *table.constraints)
        if isinstance(keyed, sa.Index | sa.UniqueConstraint | sa.PrimaryKeyConstraint)
    )


def _drops(change: ops.ModifyTableOps) -> bool:
    return any(isinstance(op, Drop) for op in change.ops)


def _lose_index(
    draft: Draft, change: ops.ModifyTableOps, columns: Sequence[Any]
) -> bool:
    """Return whether columns are without an index for a while, or for good.

    A constraint is dropped before another is created; so is an index of the same name,
    or before one of expressions.
    """
    concerned = [
        op for op in change.ops if _index_columns(draft, op)[: len(columns)] == columns
    ]
    gone = [op for op in concerned if isinstance(op, Drop)]
    made = [
        op for op in concerned if isinstance(op, CREATES) and not has_expressions(op)
    ]
    names = {own_name(op) for op in change.ops if isinstance(op, CREATES)}
    first = (
        isinstance(op, ops.DropConstraintOp) or own_name(op) in names for op in gone
    )
    return any(first) or bool(gone and not made)


def _index_columns(draft: Draft, op: MigrateOperation) -> list[str | Expression]:
    """Return the columns of an index or a unique constraint, in order."""
    if isinstance(op, ops.CreateIndexOp | ops.DropIndexOp):
        key = op.schema, str(op.table_name)
        return [indexed(draft, key, part) for part in op.to_index().expressions]
    if isinstance(op, ops.DropConstraintOp | ops.CreateUniqueConstraintOp):
        constraint = op.to_constraint()
        if isinstance(constraint, sa.UniqueConstraint):
            return [column.name for column in constraint.columns]
    return []


def free_retyped(draft: Draft, container: ops.OpContainer) -> None:
    """Drop a foreign key while a type changes under it, and create it again.

    MariaDB lets no such column change, and PostgreSQL no text become a number.
    """
    retyped = {
        (key_of(op), op.column_name) for op in filter(retypes, operations_in(container))
    }
    if not retyped:
        return
    apart = {key_of(op) for op in container.ops if isinstance(op, Whole)}
    freed = (
        fk
        for table in tables(draft.context)
        if (table.schema, table.name) not in apart
        for fk in table.foreign_key_constraints
        if retyped & set(_key_columns(fk))
    )
    take_away_and_give_back(container, freed)


def free_expressions(draft: Draft, container: ops.OpContainer) -> None:
    """Make anew what speaks of a column, around another type of that.

    PostgreSQL refuses it under a formula; around CHECKs and indexes it keeps their
    casts to the old type, or finds no operator for both types.
    """
    if all(it.name != "postgresql" for it in draft.dialects):
        return
    dialect, retyped = draft.context.dialect, dict[Key, list[ops.AlterColumnOp]]()
    for op in filter(retypes, operations_in(container)):
        retyped.setdefault(key_of(op), []).append(op)
    for key, alters in retyped.items():
        anew = dict(_formulas_anew(draft, container, key, alters))
        container.ops += anew.values()
        if (table := draft.table_after(container, key)) is None:
            continue
        casts = {it.column_name for it in alters if not _keeps_casts(it)}
        freed = [it for it in every_of(table) if speaks_of(it, anew, table, dialect)]
        freed += [
            it for it in expressions_of(table) if speaks_of(it, casts, table, dialect)
        ]
        changes = of_kind(ops.ModifyTableOps, container.ops)
        changed = [op for it in changes if key_of(it) == key for op in it.ops]
        for made in freed:
            if not any(_is_about(op, made) for op in changed):
                container.ops.append(_exchange(key, made))
                changed.append(made)


def _keeps_casts(op: ops.AlterColumnOp) -> bool:
    old, new = op.existing_type, op.modify_type
    return old is None or new is None or keeps_casts(old, new)


def _formulas_anew(
    draft: Draft,
    container: ops.OpContainer,
    key: Key,
    alters: Iterable[ops.AlterColumnOp],
) -> Iterator[tuple[str, ops.ModifyTableOps]]:
    """Give the columns that are computed from retyped ones, and their drop and return.

    Those of an Enum that gets other values are its operation's.

    :param key: the table; what the direction alters of these is done with it.
    :param alters: what gives columns of the table other types.
    """
    dialect = draft.context.dialect
    before = draft.table_before(container, key)
    after = draft.table_after(container, key)
    if before is None or after is None:
        return
    changes = [
        it for it in of_kind(ops.ModifyTableOps, container.ops) if key_of(it) == key
    ]
    retyped = {it.column_name for it in alters if not _is_one_enum(it)}
    every = (op for it in changes for op in it.ops)
    moved = {op.to_column().name for op in every if isinstance(op, MOVES)}
    for column in before.columns:
        stays = column.name in after.columns and column.name not in moved
        if column.computed is None or not stays:
            continue
        if columns_in(sql(column.computed.sqltext, dialect), retyped, dialect):
            for change in changes:
                change.ops = [it for it in change.ops if not _alters(it, column.name)]
            at, made = (*key, copy_of(column)), copy_of(after.columns[column.name])
            drop = DropFormula.from_column_and_tablename(*at)
            add = ops.AddColumnOp(key[1], made, schema=key[0])
            parts: list[MigrateOperation] = [drop, add]
            yield column.name, ops.ModifyTableOps(key[1], parts, schema=key[0])


def _is_one_enum(op: ops.AlterColumnOp) -> bool:
    old, new = op.existing_type, op.modify_type
    return old is not None and new is not None and is_one_enum(old, new)


def _alters(op: MigrateOperation, name: str) -> bool:
    return isinstance(op, ops.AlterColumnOp) and op.column_name == name


def _is_about(op: MigrateOperation, made: Create) -> bool:
    """Tell what makes or drops the same index or constraint."""
    if not isinstance(op, Create | Drop):
        return False
    if name_of(made) is not None:
        return name_of(op) == name_of(made)
    create: Any = op.reverse() if isinstance(op, Drop) else op
    return name_of(op) is None and is_alike(create, made)


def _key_columns(fk: sa.ForeignKeyConstraint) -> Iterator[tuple[Key, str]]:
    for element in fk.elements:
        for column in (element.parent, element.column):
            yield (column.table.schema, column.table.name), column.name
