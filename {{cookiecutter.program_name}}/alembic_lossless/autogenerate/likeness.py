"""Which of the new tables and columns may be an old one under another name."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any

from alembic.operations.ops import (
    CreateForeignKeyOp,
    DropConstraintOp,
    ModifyTableOps,
    OpContainer,
)
from sqlalchemy import (
    Column,
    Date,
    DateTime,
    Float,
    ForeignKeyConstraint,
    Integer,
    Interval,
    LargeBinary,
    Numeric,
    Table,
    Time,
    types,
)

SIMILAR = 0.6

VALUE_KINDS: dict[str, tuple[type[Any], ...]] = {
    "text": (types.String, types.Uuid, types.JSON),
    "number": (Integer, Numeric, Float, types.Boolean),
    "time": (Date, DateTime, Time, Interval),
    "bytes": (LargeBinary, types.BINARY, types.VARBINARY),
}

Trait = tuple[str, str]
"""The name of a column, and the kind of its values."""


def value_kind(type_: types.TypeEngine[object]) -> str:
    """Return which values a type has: text, number, time, bytes, or "" for others."""
    inner = type_.impl if isinstance(type_, types.TypeDecorator) else type_
    return next((name for name, of in VALUE_KINDS.items() if isinstance(inner, of)), "")


def convertible(old: Column[object], new: Column[object]) -> bool:
    """Return whether the values of a column can become those of another at all."""
    kinds = {value_kind(old.type), value_kind(new.type)}
    return len(kinds) == 1 or (bool(kinds & {"", "text"}) and "bytes" not in kinds)


def may_be(old: Column[object], new: Column[object]) -> bool:
    """Return whether it is worth asking if a column was renamed.

    Columns of one kind are, and all whose names are similar. A foreign key is like a
    foreign key, a primary key like a primary key.
    """
    if not convertible(old, new):
        return False
    if _similar(old.name, new.name):
        return True
    return value_kind(old.type) == value_kind(new.type) and _role(old) == _role(new)


class TableLikeness:
    """What tells a renamed table from another one, in one comparison.

    Where none of the old tables is left, the whole app is another one. What several of
    them have in common, such as a name, then says nothing about any of them.
    """

    def __init__(
        self,
        gone: Sequence[Table],
        fresh: Sequence[Table],
        models: Iterable[Table],
        upgrade: OpContainer,
    ) -> None:
        """Compare the tables that are gone with the fresh ones.

        :param models: all tables of the models.
        :param upgrade: what would be done without any rename.
        """
        made = {table.key for table in fresh}
        self._replaced = made >= {table.key for table in models}
        found = Counter(trait for table in gone for trait in _traits(table))
        several = {trait for trait, times in found.items() if times > 1}
        self._common = several if self._replaced else set()
        self._moved = set(_moved_references(upgrade))

    def may_be(self, old: Table, new: Table) -> bool:
        """Return whether it is worth asking if a table was renamed.

        It is when a foreign key that led to the one leads to the other, and when most
        of the columns of both have the same name and kind: half of the old ones are
        enough for a similar name. Where other tables are left, all columns of the same
        kinds in the same order will do.
        """
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
    gone: Iterable[Table], fresh: Sequence[Table]
) -> Iterator[tuple[Table, Table]]:
    """Yield tables that are gone with the fresh ones most like them, each one once."""
    pairs = [(old, new) for old in gone for new in fresh if old.schema == new.schema]
    taken = set[Table]()
    for old, new in sorted(pairs, key=_likeness, reverse=True):
        if taken.isdisjoint({old, new}):
            taken |= {old, new}
            yield old, new


def _likeness(pair: tuple[Table, Table]) -> tuple[float, float]:
    old, new = pair
    olds, news = _traits(old), _traits(new)
    names = SequenceMatcher(None, old.name, new.name).ratio()
    return len(olds & news) / max(len(olds | news), 1), names


def _moved_references(upgrade: OpContainer) -> Iterator[tuple[str, str]]:
    """Yield from where to where foreign keys of columns that are left are moved."""
    for table in upgrade.ops:
        if not isinstance(table, ModifyTableOps):
            continue
        before, after = dict[tuple[str, ...], str](), dict[tuple[str, ...], str]()
        for op in table.ops:
            if isinstance(op, CreateForeignKeyOp | DropConstraintOp):
                key = op.to_constraint()
                if isinstance(key, ForeignKeyConstraint):
                    known = after if isinstance(op, CreateForeignKeyOp) else before
                    names = tuple(key.column_keys)
                    known[names] = key.elements[0].target_fullname.rpartition(".")[0]
        yield from ((before[names], after[names]) for names in before.keys() & after)


def _similar(old: str, new: str) -> bool:
    return SequenceMatcher(None, old, new).ratio() >= SIMILAR


def _traits(table: Table) -> set[Trait]:
    return {(column.name, value_kind(column.type)) for column in _telling(table)}


def _roles(table: Table) -> list[tuple[str, bool, bool]]:
    return [(value_kind(column.type), *_role(column)) for column in _telling(table)]


def _telling(table: Table) -> list[Column[object]]:
    """Return the columns that say something; a number that counts rows does not."""
    return [c for c in table.columns if c is not table.autoincrement_column]


def _role(column: Column[object]) -> tuple[bool, bool]:
    return bool(column.foreign_keys), column.primary_key
