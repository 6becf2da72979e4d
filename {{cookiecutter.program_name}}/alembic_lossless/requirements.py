"""The versions that the library needs: a command says so before anything else fails.

Nothing here imports Alembic, which may be another one, or none.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version

ALEMBIC = "alembic>=1.18.3"
"""1.18.0 finds no table that a foreign key refers to and no model has."""

SQLALCHEMY = "SQLAlchemy>=2.0.49"

TRIED = {ALEMBIC: "1.20.1", SQLALCHEMY: "2.1.9"}
"""The newest version that the tests ran with. A newer one is taken all the same, unless
it lacks a name that the library needs."""

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


def lacks(requirement: str, name: str) -> str:
    """Return the sentence for an installed version without a name, and what to type.

    :param requirement: one of those above.
    :param name: the name as Python imports it.
    """
    package = requirement.partition(">=")[0]
    return (
        f"{package} {version_of(package)} has no {name}, by which alembic_lossless"
        f" works. {install(f'{requirement},<={TRIED[requirement]}')}"
    )


@contextmanager
def importing() -> Iterator[None]:
    """Import what Alembic or SQLAlchemy may have elsewhere, in another version.

    :raises CommandError: for a name that one of them lacks.
    """
    try:
        yield
    except ImportError as error:
        package = str(error.name).partition(".")[0]
        for requirement in (ALEMBIC, SQLALCHEMY):
            if package == requirement.partition(">=")[0].lower():
                from alembic.util import CommandError  # noqa: PLC0415

                missing = re.findall("import name '(.*?)'", str(error))
                name = ".".join([str(error.name), *missing])
                raise CommandError(lacks(requirement, name)) from error
        raise


def install(requirement: str) -> str:
    """Return what to type for it."""
    return f'Run: python -m pip install "{requirement}"'


@cache
def version_of(name: str) -> str | None:
    """Return the version of a distribution, None where it is not installed.

    It stays the same for as long as what was imported of it; a file is read for it.
    """
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def fits(installed: str, requirement: str) -> bool:
    """Tell whether a version is new enough for a requirement.

    What was not released yet is older than its release.

    Source: "Version specifiers" of the Python Packaging User Guide.
    """
    return _order(requirement.partition(">=")[2]) <= _order(installed)


def _order(text: str) -> tuple[tuple[int, ...], bool]:
    """Return what versions are ordered by: their numbers, and that it is released."""
    found = VERSION.match(text.lower())
    if found is None:
        return (), False
    numbers = [int(part) for part in found[1].split(".")]
    while numbers[-1:] == [0]:
        numbers.pop()
    return tuple(numbers), found[2] is None
