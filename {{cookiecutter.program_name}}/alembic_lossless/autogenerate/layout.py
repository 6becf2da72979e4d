"""How a draft is laid out: as a person would, where a formatter is installed."""

import shutil
import subprocess
import sys
from functools import wraps
from importlib.util import find_spec
from sysconfig import get_path
from typing import Any

from alembic.script import Script, ScriptDirectory


def lay_out_when_written(script: ScriptDirectory) -> None:
    """Let ruff format the revision file, unless the project has write hooks of its own.

    It finds the project's settings by the place of the file. Without ruff the draft
    stays as Alembic writes it. A write hook of Alembic's would do the same, but prints
    two lines, which functions of Python must not.
    """
    ruff = shutil.which("ruff", path=get_path("scripts"))
    if script.hooks or not (ruff or find_spec("ruff")):
        return
    # An interpreter that only starts it takes longer than the layout.
    command = [ruff] if ruff else [sys.executable, "-m", "ruff"]
    generate = script.generate_revision

    @wraps(generate)
    def generate_laid_out(*arguments: Any, **options: Any) -> Script | None:
        made = generate(*arguments, **options)
        if made is not None:
            layout = [*command, "format", "--quiet", "--no-cache", made.path]
            subprocess.run(layout, check=False)
        return made

    script.generate_revision = generate_laid_out  # type: ignore[method-assign]
