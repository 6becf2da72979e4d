"""Alembic's commands as functions, for the app, its tests and its command line.

They return data, print nothing and leave logging alone. In an app context they use the
app's engines, elsewhere the databases of the environment, or always `connection=`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .commands import check, downgrade, revision, stamp, upgrade
    from .configuration import Databases, config
    from .state import (
        current,
        heads,
        history,
        operations,
        pending,
        script,
        stamped,
        stopped,
    )
else:

    def __getattr__(name: str) -> Any:
        """Import Alembic when it is first used: it takes longer than the app to import.

        Source: PEP 562, "Module __getattr__".
        """
        if name in __all__:
            for module in ("commands", "state"):
                functions = import_module(f".{module}", __name__)
                if hasattr(functions, name):
                    return getattr(functions, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Databases",
    "check",
    "config",
    "current",
    "downgrade",
    "heads",
    "history",
    "operations",
    "pending",
    "revision",
    "script",
    "stamp",
    "stamped",
    "stopped",
    "upgrade",
]
