"""Indexes and constraints: what revisions declare, models want, and a database has.

What is to be done with one follows from those of the three that have it. Revisions and
models are compared word by word; a database gives a condition back in words of its own,
and is only asked whether it has what was declared.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from itertools import chain
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.ddl.postgresql import CreateExcludeConstraintOp
from alembic.operations import MigrateOperation, ops
from alembic.util import PriorityDispatchResult

from ..ddl.postgresql import is_index_there
from ..operations.base import Key, LosslessOp, label
from ..operations.constraints import (
    in_turn,
    rename_constraints,
    set_constraint_comment,
)
from ..replay import replayed
from ..state import (
    Create,
    DropWhole,
    Name,
    arguments,
    changed,
    columns_of,
    created_by,
    drop_of,
    every_of,
    has_expressions,
    is_given_name,
    is_same_key,
    made_name,
    name_of,
    objects_of,
    same,
    table_of,
)
from ..types.portable import MYSQL
from .compare_columns import say_edited
from .compare_tables import NAMED
from .draft import Draft, key_of, leading_renames, named_as_made, of_kind
from .unmanaged import excludes

log = logging.getLogger("alembic.review")

KINDS = {
    ops.CreateIndexOp: "index",
    ops.CreateUniqueConstraintOp: "unique_constraint",
    ops.CreateForeignKeyOp: "foreign_key_constraint",
    ops.CreateCheckConstraintOp: "check_constraint",
    CreateExcludeConstraintOp: "exclude_constraint",
}
"""What `include_object` and `include_name` hear of them."""

ACTIONS = {"ondelete", "onupdate"}
"""What a foreign key says that is done to rows that refer to what changes."""

OF_FOREIGN_KEYS = ACTIONS | {"deferrable", "initially"}
"""The options of a foreign key that a database tells."""

INDEXES = "SELECT name FROM sqlite_master WHERE type = 'index'"


def in_our_way(*_compared: Any) -> PriorityDispatchResult:
    """Leave Alembic's own comparison out, which knows two of the three only."""
    return PriorityDispatchResult.STOP


def compare_constraints(
    context: AutogenContext,
    change: ops.ModifyTableOps,
    old: sa.Table | None,
    model: sa.Table | None,
) -> None:
    """Notice an index or a constraint that is new, gone, or another one."""
    state, key = replayed(context.migration_context), key_of(change)
    declared = state.every(*key)
    wanted = _wanted(old, model)
    stays = old is not None and model is not None
    if model is not None and stays and state.created(*key) is None:
        wanted = [*_without_checks(model, wanted)]
    there = _There(context, key, old, model)
    pairs = [*_pairs(declared, wanted, there)]
    steps = list[MigrateOperation]()
    for pair in sorted(pairs, key=there.turn):
        found = there.take(*pair)
        # The rest is created and dropped with its table.
        if stays or isinstance(pair[1] or pair[0], ops.CreateIndexOp):
            steps += there.steps(*pair, found)
    steps += there.drops_of_others()
    if model is not None and context.migration_context.dialect.name == "postgresql":
        steps = [*_each_once(steps, there.kept, model)]
    change.ops += steps


def _wanted(old: sa.Table | None, model: sa.Table | None) -> list[Create]:
    """Return what a model wants beside its table, or all where the table is there."""
    if model is None:
        return []
    if old is not None:
        return every_of(model)
    return [*map(created_by, model.indexes)]


def _without_checks(model: sa.Table, wanted: Iterable[Create]) -> Iterator[Create]:
    """Leave out the CHECKs that nothing tells apart, and say so.

    No revision that can be read has made their table, and they have no name.
    """
    for op in wanted:
        if isinstance(op, ops.CreateCheckConstraintOp) and name_of(op) is None:
            log.warning(
                "%s: a CHECK without a name is not compared (%s). Give it one.",
                label(model.schema, model.name),
                op.condition,
            )
        else:
            yield op


Pair = tuple[Create | None, Create | None]
"""What revisions declare, and what models want in its place."""


class _There:
    """Know what a table has in the database, and what is to be done about it.

    What the database has is found by its name, or by what it holds, and only once.
    """

    def __init__(
        self,
        context: AutogenContext,
        key: Key,
        table: sa.Table | None,
        model: sa.Table | None,
    ) -> None:
        """Look at the table.

        :param table: as the database has it, if it does.
        :param model: as the models have it, if they do.
        """
        self._context, self._key, self._table = context, key, table
        self._dialect = context.migration_context.dialect
        named = table if table is not None else model
        self.columns = [it.name for it in named.columns] if named is not None else []
        self._stays = model is not None
        state = replayed(context.migration_context)
        self._is_unknown = state.created(*key) is None
        self._left: dict[Any, Create] = dict(self._items())
        self.kept: list[Create] = []
        """What the table has that the model wants."""

    def _items(self) -> Iterator[tuple[Any, Create]]:
        """Give what a comparison is to see, and the operation that makes each."""
        if self._table is None:
            return
        place: Any = {"table_name": self._key[1], "schema_name": self._key[0]}
        found: Iterable[Any] = (*self._table.indexes, *self._table.constraints)
        for item in sorted(found, key=lambda it: str(it.name)):
            if isinstance(item, sa.PrimaryKeyConstraint):
                continue
            made = created_by(item)
            kind: Any = KINDS[type(made)]
            if self._context.run_name_filters(item.name, kind, place):
                yield item, made

    @cached_property
    def _unseen(self) -> set[str]:
        """The names of what SQLAlchemy does not reflect."""
        connection = self._context.connection
        if self._table is None or connection is None:
            return set()
        if self._dialect.name == "sqlite":
            return {*connection.scalars(sa.text(INDEXES))}
        is_told = self._dialect.name == "postgresql"
        found = excludes(self._context.inspector, connection) if is_told else ()
        return {str(it["name"]) for it in found}

    def _is_unseen(self, op: Create) -> bool:
        if isinstance(op, CreateExcludeConstraintOp):
            return True
        return self._dialect.name == "sqlite" and has_expressions(op)

    def name(self, op: Create) -> Name | None:
        """Return the kind and the name that the database gives what has a name."""
        found = name_of(op)
        return found if found is None else (found[0], self._called(op))

    def _called(self, op: Create) -> str:
        """Return what the database calls what has a name; it shortens long ones."""
        return named_as_made(op, self._dialect)

    def turn(self, pair: Pair) -> Any:
        """Return what orders pairs: models give their constraints in no order.

        What has a name is found by it before another takes it for its own.
        """
        op: Any = pair[1] or pair[0]
        columns = columns_of(op, self.columns)
        return self._by_name(op) is None, name_of(op) or (), columns

    def _by_name(self, op: Create) -> Any:
        if name_of(op) is None:
            return None
        name = self._called(op)
        called = (it for it in self._left if it.name == name)
        found = next((it for it in called if self._is_of_kind(it, op)), None)
        is_there = found is None and self._is_unseen(op) and name in self._unseen
        return name if is_there else found

    def _is_of_kind(self, item: Any, op: Create) -> bool:
        """Tell whether a thing may be one that an operation makes.

        MariaDB calls what is unique an index.
        """
        if self._dialect.name in MYSQL and isinstance(op, ops.CreateUniqueConstraintOp):
            return isinstance(item, sa.Index) and bool(item.unique)
        return type(self._left[item]) is type(op)

    def take(self, declared: Create | None, wanted: Create | None) -> Any:
        """Return what a table has of what is declared or wanted, which then is taken.

        A name that somebody gave is the only one; but a foreign key that no revision
        made is found by what it holds.
        """
        op: Any = wanted or declared
        found = self._by_name(op)
        if found is None and declared is not None and declared is not wanted:
            found = self._by_name(declared)
        may_differ = self._is_unknown and isinstance(op, ops.CreateForeignKeyOp)
        if found is None and (may_differ or not is_given_name(op, self.columns)):
            found = next((it for it in self._left if self._holds(it, op)), None)
        self._left.pop(found, None)
        return found

    def _holds(self, item: Any, op: Create) -> bool:
        """Tell whether a thing is what an operation makes, whatever its name."""
        if not self._is_of_kind(item, op):
            return False
        if isinstance(op, ops.CreateUniqueConstraintOp):
            return {*item.columns.keys()} == {*op.columns}
        is_foreign = isinstance(op, ops.CreateForeignKeyOp)
        return is_foreign and is_same_key(self._left[item], op)

    def steps(
        self, declared: Create | None, wanted: Create | None, found: Any
    ) -> Iterator[MigrateOperation]:
        """Give what makes of what is there what is wanted.

        :param found: what is there, as `take` returns it.
        """
        op: Any = wanted or declared
        # Of what has no name the database says nothing that tells it apart.
        is_nameless = name_of(op) is None and not isinstance(op, NAMED)
        is_known = declared is not None and is_nameless
        is_there = found is not None or is_known
        self.kept += [wanted] if wanted is not None and is_there else []
        differences = changed(declared, wanted) if declared and wanted else []
        if declared is None or wanted is None or not differences:
            yield from self._plain_steps(declared, wanted, found, is_there=is_there)
        elif edited := self._edited(declared, wanted):
            what = " and ".join(edited)
            _, name = name_of(wanted) or ("", "")
            say_edited((*self._key, name), f"another {what}", "the same")
        elif self._is_included(wanted, found):
            if differences == ["comment"] and is_there:
                log.info("Detected another comment of %s", _said(wanted))
                yield _comment_of(declared, wanted)
                return
            log.info("Detected changed %s: %s", _said(wanted), ", ".join(differences))
            if is_there:
                yield drop_of(declared)
            yield wanted

    def _plain_steps(
        self,
        declared: Create | None,
        wanted: Create | None,
        found: Any,
        *,
        is_there: bool,
    ) -> Iterator[MigrateOperation]:
        """Give what makes or drops what is new, gone, or as it was declared."""
        if wanted is None:
            if is_there and declared and self._is_included(declared, found, gone=True):
                log.info("Detected removed %s", _said(declared))
                yield drop_of(declared)
        elif not is_there:
            if self._is_included(wanted, None):
                log.info("Detected added %s", _said(wanted))
                yield wanted
        elif self._is_other(found, wanted) and self._is_included(wanted, found):
            log.info("Detected changed %s", _said(wanted))
            yield drop_of(created_by(found))
            yield wanted

    def drops_of_others(self) -> Iterator[MigrateOperation]:
        """Give what drops the indexes and keys that nobody declared or wants."""
        for item, op in self._left.items():
            goes_by_itself = isinstance(op, ops.CreateIndexOp) or self._stays
            is_check = isinstance(op, ops.CreateCheckConstraintOp)
            if is_check or not goes_by_itself or self._is_implied(item):
                continue
            if self._is_included(op, item, gone=True):
                log.info("Detected removed %s", _said(op))
                yield drop_of(op)

    def _is_implied(self, item: Any) -> bool:
        """Tell the index that MariaDB made for a foreign key.

        It has the name of the key, or of its first column.
        """
        if self._dialect.name not in MYSQL or not isinstance(item, sa.Index):
            return False
        columns: Any = item.columns
        names = {it.name for it in columns}
        names |= {str(key.name) for it in columns for key in it.foreign_keys}
        return not item.unique and str(item.name) in names

    def _edited(self, declared: Create, wanted: Create) -> list[str]:
        """Return the arguments that a database has as the models, not as the revisions.

        There are none unless all arguments are such that differ between these. Of an
        index the servers do not say all.
        """
        if self._table is None or isinstance(wanted, ops.CreateIndexOp):
            return []
        differences = changed(declared, wanted)
        found = objects_of(self._table).get(name_of(wanted) or ("", ""))
        if found is None:
            return []
        there, was, new = (arguments(op) for op in (found, declared, wanted))
        is_edited = all(
            same(there.get(name), new.get(name))
            and not same(there.get(name), was.get(name))
            # What it does not say, it may have forgotten.
            and not same(there.get(name), None)
            for name in differences
        )
        return differences if is_edited else []

    def _is_other(self, item: Any, wanted: Create) -> bool:
        """Tell whether what has a name holds something else than is wanted."""
        if isinstance(item, sa.Index) and isinstance(wanted, ops.CreateIndexOp):
            return self._is_other_index(item, wanted)
        if isinstance(wanted, ops.CreateUniqueConstraintOp):
            return {*item.columns.keys()} != {*wanted.columns}
        if isinstance(wanted, ops.CreateForeignKeyOp):
            there = created_by(item)
            others = {*changed(there, wanted)} & OF_FOREIGN_KEYS
            if self._dialect.name in MYSQL:
                # It has none that waits. RESTRICT is unsaid, for it is so anyway.
                others &= ACTIONS
                others = {it for it in others if not _restricts(there, wanted, it)}
            return bool(others) or not is_same_key(there, wanted)
        return False

    def _is_other_index(self, item: sa.Index, wanted: ops.CreateIndexOp) -> bool:
        """Tell an index that is another one, and not only in other words."""
        if self._is_unseen(wanted):
            return False  # of its parts nothing is told
        implementation = self._context.migration_context.impl
        found = implementation.compare_indexes(wanted.to_index(), item)
        connection = self._context.connection
        if not found.is_different:
            return False
        is_said = connection is not None and self._dialect.name == "postgresql"
        return not (
            is_said and has_expressions(wanted) and is_index_there(connection, wanted)  # type: ignore[arg-type]
        )

    def _is_included(self, op: Create, found: Any, *, gone: bool = False) -> bool:
        """Ask `include_object`.

        :param found: what the database has of it, if it is one that it tells of.
        :param gone: whether it is to go.
        """
        is_told = isinstance(found, sa.Index | sa.Constraint)
        item: Any = found if is_told and gone else _item(op)
        there = found if is_told and not gone else None
        kind: Any = KINDS[type(op)]
        return self._context.run_object_filters(item, item.name, kind, gone, there)


def _pairs(
    declared: Iterable[Create], wanted: Iterable[Create], there: _There
) -> Iterator[Pair]:
    """Give what is declared with what is wanted in its place; None stands for none.

    It has the same name, or says the same where the models give none: then any will do,
    and one that a draft or a server gave comes first.

    A long name is the same as what the database shortens it to, which a draft of plain
    Alembic's writes.
    """
    left, columns = [*declared], there.columns
    named = {name: op for op in left if (name := there.name(op)) is not None}
    rest = list[Create]()
    for op in wanted:
        name = there.name(op)
        before = named.pop(name, None) if name is not None else None
        if before is None:
            rest.append(op)
        else:
            left.remove(before)
            yield before, op
    left.sort(key=lambda it: is_given_name(it, columns))
    for op in rest:
        alike = (it for it in left if name_of(op) is None and not changed(it, op))
        before = next(alike, None)
        if before is not None:
            left.remove(before)
        yield before, op
    yield from ((op, None) for op in left)


def _item(op: Create) -> Any:
    """Return the index or the constraint that an operation makes."""
    return op.to_index() if isinstance(op, ops.CreateIndexOp) else op.to_constraint()


def _restricts(there: Create, wanted: Create, option: str) -> bool:
    """Tell whether two foreign keys refuse at a change of what they refer to."""
    said = (str(op.kw.get(option) or "RESTRICT").upper() for op in (there, wanted))
    return {*said} <= {"RESTRICT", "NO ACTION"}


ONCE = (ops.CreateUniqueConstraintOp, CreateExcludeConstraintOp)
"""What makes an index of its own, of which PostgreSQL needs no second one."""


def _each_once(
    changes: Iterable[MigrateOperation], there: Iterable[Create], model: sa.Table
) -> Iterator[MigrateOperation]:
    """Leave out a UNIQUE or EXCLUDE that says what the key or another one there says.

    Source: `transformIndexConstraints` of PostgreSQL. Of those in one CREATE TABLE that
    are alike it makes the first alone, and the key before all.

    :param there: what the table has that the model wants.
    """
    changes = [*changes]
    # One that changes is dropped and made again: it is not there in between.
    seen = [op for op in there if op not in changes]
    key = model.primary_key
    if not any((key.dialect_kwargs, key.deferrable)):
        columns = [it.name for it in key]
        seen.append(ops.CreateUniqueConstraintOp(None, "", columns))
    for op in changes:
        if isinstance(op, ONCE):
            if any(not changed(it, op) for it in seen):
                continue
            seen.append(op)
        yield op


def _comment_of(before: Create, after: Create) -> LosslessOp:
    """Return what gives a constraint the comment of another one."""
    schema, table = table_of(after)
    _, name = name_of(after) or ("", "")
    was, comment = (op.kw.get("comment") for op in (before, after))
    return set_constraint_comment(
        name, table, comment, existing_comment=was, schema=schema
    )


def _said(op: Create) -> str:
    """Return what a person calls an index or a constraint, and its table."""
    found: Any = op
    _, name = name_of(op) or ("", "")
    where = getattr(found, "table_name", None) or found.source_table
    return (
        f"{KINDS.get(type(op), 'constraint').replace('_', ' ')} '{name}' on '{where}'"
    )


RENAMED = (*NAMED, ops.CreateCheckConstraintOp)
"""What makes a constraint that can get another name where it is."""


def rename_in_place(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Rename a constraint that only gets another name: no row is looked at again."""
    renames = list[LosslessOp]()
    for change in of_kind(ops.ModifyTableOps, upgrade.ops):
        found = {
            old: (drop, made)
            for drop, made in _only_renamed(change)
            if (old := _old_name(draft, drop.made)) is not None
        }
        with suppress(ValueError):  # where they swap their names, they are made anew
            names = {old: str(made.constraint_name) for old, (_, made) in found.items()}
            names = in_turn(names)
            gone = [*chain.from_iterable(found.values())]
            change.ops = [op for op in change.ops if op not in gone]
            if names:
                table, schema = change.table_name, change.schema
                renames.append(rename_constraints(table, names, schema=schema))
    leading, rest = leading_renames(upgrade)
    upgrade.ops = [*leading, *_as_names_get_free(renames), *rest]


def _as_names_get_free(renames: list[LosslessOp]) -> Iterator[LosslessOp]:
    """Order renames of several tables: PostgreSQL has an index's name once for all."""
    waiting = [*renames]
    while waiting:
        taken = [{*op.names} for op in waiting]
        free = (
            op
            for place, op in enumerate(waiting)
            if {*op.names.values()}.isdisjoint(
                chain.from_iterable(taken[:place] + taken[place + 1 :])
            )
        )
        op = next(free, waiting[0])
        waiting.remove(op)
        yield op


def _only_renamed(change: ops.ModifyTableOps) -> Iterator[tuple[DropWhole, Any]]:
    """Give what drops a constraint with what makes the same one by another name."""
    taken = list[MigrateOperation]()
    for drop in of_kind(DropWhole, change.ops):
        alike = (
            made
            for made in change.ops
            if isinstance(made, RENAMED) and made not in taken and name_of(made)
            if not changed(drop.made, made)
        )
        if (made := next(alike, None)) is not None:
            taken.append(made)
            yield drop, made


def _old_name(draft: Draft, declared: Create) -> str | None:
    """Return the name that a constraint has on each database of a draft, if it can go.

    What nobody named has one of the server's: PostgreSQL's follows a rule. MariaDB has
    no way to rename a foreign key.
    """
    names, (schema, table) = {it.name for it in draft.dialects}, table_of(declared)
    if not isinstance(declared, RENAMED):
        return None
    if names & {*MYSQL} and isinstance(declared, ops.CreateForeignKeyOp):
        return None
    columns = draft.state.columns(schema, table)
    if is_given_name(declared, columns):
        return str(declared.constraint_name)
    if names != {"postgresql"}:
        return None
    made = made_name(declared, table, columns_of(declared, columns))
    return str(declared.constraint_name or made)
