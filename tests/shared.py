"""What a run of the tests makes once, for all of its processes."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock

VARIABLE = "TEST_SHARED_FOLDER"
"""The variable by which the processes of a run know its folder."""


def shared_folder() -> TemporaryDirectory[str]:
    """Return a folder for as long as a run lasts; the processes it starts know it."""
    folder = TemporaryDirectory(ignore_cleanup_errors=True)
    os.environ[VARIABLE] = folder.name
    return folder


def once(name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder that the first process which needs it makes.

    Nobody may change what is in it: copy it.

    :param name: what the folder is called.
    :param make: fills the folder, which is there and empty.
    """
    made = Path(os.environ[VARIABLE], name)
    whole = made.with_suffix(".whole")
    with FileLock(made.with_suffix(".lock")):
        if not whole.exists():
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir()
            make(made)
            whole.touch()
    return made
