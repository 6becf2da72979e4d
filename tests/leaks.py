"""A plugin of pytest: a connection to SQLite that nobody closes is an error.

Python 3.13 warns of one, and a project's tests make errors of warnings. Older ones are
silent, so that this tells them what to do.
"""

import sqlite3
import warnings
from functools import partial
from typing import Any


class Watched(sqlite3.Connection):
    """A connection that warns when it goes without having been closed."""

    is_open = False

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Open it, which may fail."""
        super().__init__(*arguments, **options)
        self.is_open = True

    def close(self) -> None:
        """Close it."""
        self.is_open = False
        super().close()

    def __del__(self) -> None:
        """Warn as Python 3.13 does."""
        if self.is_open:
            warnings.warn(f"unclosed database in {self!r}", ResourceWarning, 2)


connect: Any = partial(sqlite3.connect, factory=Watched)
sqlite3.dbapi2.connect = connect
