"""How a draft is laid out: as a person would, where a formatter is installed."""

import subprocess
import sys
from functools import wraps
from importlib.util import find_spec
from typing import Any

from alembic.script import Script, ScriptDirectory


def lay_out_when_written(script: ScriptDirectory) -> None:
    """Let ruff format the revision file, unless the project has write hooks of its own.

    It finds the project's settings by the place of the file. Without ruff the draft
    stays as Alembic writes it. A write hook of Alembic's would do the same, but prints
    two lines, which functions of Python must not.
    """
    if script.hooks or not find_spec("ruff"):
        return
    generate = script.generate_revision

    @wraps(generate)
    def generate_laid_out(*arguments: Any, **options: Any) -> Script | None:
        made = generate(*arguments, **options)
        if made is not None:
            formatter = [sys.executable, "-m", "ruff", "format", "--quiet"]
            subprocess.run([*formatter, "--no-cache", made.path], check=False)
        return made

    script.generate_revision = generate_laid_out  # type: ignore[method-assign]
