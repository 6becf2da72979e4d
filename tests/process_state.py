"""What a process shares between all that run in it, to be compared."""

import logging
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op
from alembic.autogenerate import comparators, renderers
from alembic.ddl.impl import _impls
from alembic.operations import Operations
from alembic.operations.base import AbstractOperations, BatchOperations
from alembic.runtime.plugins import _all_plugins
from alembic.util import messaging

State = dict[str, dict[Any, Any]]

LIBRARY = "alembic_lossless"
LOGGERS = (
    *("", "alembic", "alembic.autogenerate", "alembic.runtime.migration"),
    *("alembic.util.messaging", "alembic.runtime.plugins", "sqlalchemy"),
)
TARGETS = (sa.Table, sa.Column, sa.MetaData, sa.Engine, sa.Connection, sa.Pool)
"""The classes whose listeners hear of every object in the process."""


def state() -> State:
    """Return what code that knows nothing of the library works with."""
    return {
        "implementations": dict(_impls),
        "renderers": dict(renderers._registry),  # noqa: SLF001
        "comparators": {key: [*it] for key, it in dict(comparators._registry).items()},  # noqa: SLF001
        "operations": dict(AbstractOperations._to_impl._registry),  # noqa: SLF001
        "op": _public(op),
        "Operations": _public(AbstractOperations) | _public(Operations),
        "BatchOperations": _public(BatchOperations),
        "plugins": dict(_all_plugins),
        "warnings": {"filters": [*warnings.filters], "show": warnings.showwarning},
        "line width": {"": messaging.TERMWIDTH},
        "logging": {name: _logger(name) for name in LOGGERS},
        "listeners": {(it, name): n for it in TARGETS for name, n in _listeners(it)},
    }


def changes(before: State, after: State) -> list[str]:
    """Name what became another, and what was added that is not the library's own."""
    own = _own()
    return [
        f"{kind} {key}: {before[kind].get(key)} became {found.get(key)}"
        for kind, found in after.items()
        for key in before[kind].keys() | found.keys()
        if before[kind].get(key) != found.get(key)
        and not (key not in before[kind] and _is_own(key, own))
    ]


def _is_own(key: Any, own: set[str]) -> bool:
    """Tell a key that only the library has: a class, an operation, its plugin."""
    if isinstance(key, tuple):
        return str(getattr(key[0], "__module__", "")).startswith(LIBRARY)
    return key in own


def _own() -> set[str]:
    """Return the names that the library's modules define, and its own."""
    found = {LIBRARY}
    for path, module in [*sys.modules.items()]:
        if path.partition(".")[0] == LIBRARY:
            # Another thread may import it at this moment, and it grows.
            names = vars(module).copy()
            classes = [it for it in names.values() if isinstance(it, type)]
            found |= {*names}.union(*map(vars, classes))
    return found


def _public(holder: Any) -> dict[str, Any]:
    return {name: it for name, it in vars(holder).copy().items() if name[:1] != "_"}


def _logger(name: str) -> tuple[Any, ...]:
    """Return what becomes of a record that this thread logs."""
    found = logging.getLogger(name)
    record = found.makeRecord(name, logging.INFO, "", 0, "", (), None)
    settings = found.level, found.disabled, found.propagate, [*found.handlers]
    return *settings, bool(found.filter(record))


def _listeners(target: Any) -> Iterator[tuple[str, int]]:
    for name in target.dispatch._event_names:  # noqa: SLF001
        listeners = getattr(target.dispatch, name)._clslevel  # noqa: SLF001
        yield name, len(listeners.get(target, ()))
