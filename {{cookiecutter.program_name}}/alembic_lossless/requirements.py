"""The versions that the library needs: it says so before anything else fails."""

from importlib.metadata import PackageNotFoundError, version

ALEMBIC = "alembic>=1.20.1,<1.21"
"""Bounded above: `_alembic` uses a few names that are private."""

SQLALCHEMY = "SQLAlchemy>=2.1.7"


def insist() -> None:
    """Refuse an Alembic or a SQLAlchemy that the library was not made for.

    :raises ImportError: naming what is installed and what is needed.
    """
    for requirement in (ALEMBIC, SQLALCHEMY):
        name, _, bounds = requirement.partition(">=")
        low, _, high = bounds.partition(",<")
        try:
            installed = version(name)
        except PackageNotFoundError:
            installed = "0"
        if not _numbers(low) <= _numbers(installed) < _numbers(high or "99"):
            raise ImportError(
                f"alembic_lossless needs {requirement}, and {installed} is installed."
                f' Run: python -m pip install "{requirement}"'
            )


def _numbers(text: str) -> tuple[int, ...]:
    """Return a version as numbers, what follows them left out."""
    parts = text.split(".")[:3]
    return tuple(int("".join(filter(str.isdigit, part)) or 0) for part in parts)
