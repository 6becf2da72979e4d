"""Compile a statement once for all engines of a server, as one engine of an app does.

Each command makes an engine, for which SQLAlchemy would compile the same questions to
the catalog again: a tenth of the time of a command.
"""

from copy import copy
from typing import Any

import pytest
from sqlalchemy import Dialect
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.util import LRUCache

KEPT = 300
"""The statements that are kept: those of the catalogs are fewer."""


def share(patch: pytest.MonkeyPatch) -> None:
    """Let the engines of this process take what one of them has compiled."""
    compile_: Any = ClauseElement._compile_w_cache  # noqa: SLF001
    compiled: Any = LRUCache(KEPT)
    alike: dict[frozenset[Any], Dialect] = {}

    def compile_once(
        self: Any, dialect: Dialect, *, compiled_cache: Any, **options: Any
    ) -> Any:
        if compiled_cache is None:
            return compile_(self, dialect, compiled_cache=None, **options)
        known = frozenset(_known(dialect))
        # A copy, for a test may change its own.
        if known not in alike:
            alike[known] = copy(dialect)
        return compile_(self, alike[known], compiled_cache=compiled, **options)

    patch.setattr(ClauseElement, "_compile_w_cache", compile_once)


def _known(dialect: Dialect) -> list[Any]:
    """Return what a dialect was told, and what it knows of its server."""
    preparer = dialect.identifier_preparer
    kinds = type(dialect), type(preparer), preparer.initial_quote
    return [
        kinds,
        *(
            (name, value)
            for name, value in vars(dialect).copy().items()
            if callable(value) or isinstance(value, str | int | tuple | None)
        ),
    ]
