"""The order of tables that refer to each other, and where it has to be broken."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from heapq import heappop, heappush

from alembic.operations import ops
from sqlalchemy import ForeignKeyConstraint

from ..internals import dropped_items
from .operations import label

Whole = ops.CreateTableOp | ops.DropTableOp

Keyed = tuple[Whole, list[ForeignKeyConstraint]]
"""A table that arrives or goes, and its foreign keys."""


def target(fk: ForeignKeyConstraint) -> tuple[str, set[str]]:
    """Return the table that a foreign key refers to, and the columns."""
    names = [element.target_fullname.rpartition(".") for element in fk.elements]
    return names[0][0], {column for _, _, column in names}


def _keys_to_others(op: Whole) -> list[ForeignKeyConstraint]:
    """Return the foreign keys of a table, but those to itself."""
    whole = op.columns if isinstance(op, ops.CreateTableOp) else dropped_items(op)
    keys = [item for item in whole if isinstance(item, ForeignKeyConstraint)]
    own = label(op.schema, op.table_name)
    others = (fk for fk in keys if target(fk)[0] != own)
    return sorted(others, key=lambda fk: list(fk.column_keys))


def by_reference(
    tables: Iterable[Whole],
) -> tuple[list[Keyed], list[ForeignKeyConstraint]]:
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
    found, cycles = list[Keyed](), list[ForeignKeyConstraint]()
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
