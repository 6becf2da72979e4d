"""Compile what tests import once for all processes of a run: most of it is a copy.

No byte code is written beside sources, and a project has a library of its own.
"""

import marshal
import os
from hashlib import sha256
from importlib import import_module
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any


def compiled_folder() -> Path:
    """Return the folder of this run, which its processes share."""
    return Path(os.environ["TEST_SHARED_FOLDER"], "compiled")


def share(folder: Path) -> None:
    """Let this process and its forks take code from a folder, or put it there.

    :param folder: of the run; a file in it is called by what the source says.
    """
    folder.mkdir(exist_ok=True)
    _imp: Any = import_module("_imp")
    compile_: Any = SourceFileLoader.source_to_code

    def source_to_code(self: Any, data: Any, path: Any, **options: Any) -> Any:
        file = folder / sha256(data).hexdigest()
        try:
            code = marshal.loads(file.read_bytes())  # noqa: S302  its own
        except FileNotFoundError:
            code = compile_(self, data, path, **options)
            whole = file.with_suffix(f".{os.getpid()}")
            whole.write_bytes(marshal.dumps(code))
            whole.replace(file)
        else:
            _imp._fix_co_filename(code, os.fspath(path))  # noqa: SLF001  as importlib
        return code

    setattr(SourceFileLoader, "source_to_code", source_to_code)  # noqa: B010
