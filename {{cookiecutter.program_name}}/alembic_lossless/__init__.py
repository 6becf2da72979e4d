"""Alembic migrations that lose no row silently: drafted, guarded, and run alone.

A project describes itself once, as a `Project`, and gets its commands as functions of a
`Migrations` object. Its env.py runs inside `alembic_lossless.env.migrating`.
"""

from typing import TYPE_CHECKING, Any

from .migrations import Migrations
from .project import Databases, Project, Settings, import_modules
from .rules import REVIEW

__all__ = [
    "REVIEW",
    "Databases",
    "Migrations",
    "OpenQuestions",
    "Project",
    "Question",
    "Settings",
    "__version__",
    "import_modules",
]

__version__ = "1.0.0"

if TYPE_CHECKING:
    from .prompts import OpenQuestions, Question
else:

    def __getattr__(name: str) -> Any:
        """Import what needs Alembic when it is first used.

        Source: PEP 562, "Module __getattr__".
        """
        if name not in {"OpenQuestions", "Question"}:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from . import prompts  # noqa: PLC0415

        return getattr(prompts, name)
