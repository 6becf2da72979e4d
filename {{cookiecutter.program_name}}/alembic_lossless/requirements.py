"""The versions that the library needs: a command says so before anything else fails.

Nothing here imports Alembic, which may be another one, or none.
"""

import re
from importlib.metadata import PackageNotFoundError, version

ALEMBIC = "alembic>=1.20.1,<1.21"
"""Bounded above: `_alembic` uses a few names that are private."""

SQLALCHEMY = "SQLAlchemy>=2.1.7"

VERSION = re.compile(r"v?(\d+(?:\.\d+)*)[-_.]?(a|b|c|rc|alpha|beta|pre|preview|dev)?")
"""The numbers of a version, and what stands behind them before it is released."""


def insist() -> None:
    """Refuse an Alembic or a SQLAlchemy that the library was not made for.

    :raises CommandError: naming what is installed and what is needed.
    """
    for requirement in (ALEMBIC, SQLALCHEMY):
        installed = version_of(requirement.partition(">=")[0])
        if installed is None or not fits(installed, requirement):
            from alembic.util import CommandError  # noqa: PLC0415  or its ImportError

            raise CommandError(
                f"alembic_lossless needs {requirement}, and {installed} is installed."
                f" {install(requirement)}"
            )


def install(requirement: str) -> str:
    """Return what to type for it."""
    return f'Run: python -m pip install "{requirement}"'


def version_of(name: str) -> str | None:
    """Return the version of a distribution, None where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def fits(installed: str, requirement: str) -> bool:
    """Tell whether a version is in the bounds of a requirement.

    What was not released yet is older than its release, and beyond an upper bound.

    Source: "Version specifiers" of the Python Packaging User Guide.
    """
    low, _, high = requirement.partition(">=")[2].partition(",<")
    below = not high or _order(installed)[0] < _order(high)[0]
    return below and _order(low) <= _order(installed)


def _order(text: str) -> tuple[tuple[int, ...], bool]:
    """Return what versions are ordered by: their numbers, and that it is released."""
    found = VERSION.match(text.lower())
    if found is None:
        return (), False
    numbers = [int(part) for part in found[1].split(".")]
    while numbers[-1:] == [0]:
        numbers.pop()
    return tuple(numbers), found[2] is None
