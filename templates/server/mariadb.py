"""The server that tests use beside SQLite: the one that TEST_DATABASE_URL names."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLE = "TEST_DATABASE_URL"
KINDS = ["sqlite", "server"] if os.environ.get(VARIABLE) else ["sqlite"]


@contextmanager
def running_server() -> Iterator[str]:
    """Give the URL of a server on which the user may make databases."""
    yield os.environ[VARIABLE]
