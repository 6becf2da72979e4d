"""The tables as the models say they should be, wherever in the package a model is."""

from collections import Counter
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from alembic.util import CommandError
from sqlalchemy import MetaData

from ..db import metadatas

PACKAGE = Path(__file__).resolve().parent.parent
NAME = __name__.removesuffix(".migrations.models")

NOT_IMPORTED = {"__main__", "asgi", "cli", "migrations", "static", "templates", "wsgi"}
"""Modules and folders without models, some of which do things when imported."""


def all_metadata() -> dict[str, list[MetaData]]:
    """Return what the models of each database declare, with every module imported.

    A model registers its table when its module is imported, so a new file needs no
    import by hand. No app is made: `create_app` is imported, never called.

    :return: one metadata for each database, or as many as `db.metadatas` lists.
    :raises CommandError: naming the module that cannot be imported, or the table that
        two metadatas of a database have.
    """
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if NOT_IMPORTED.isdisjoint(parts) and all(map(str.isidentifier, parts)):
            _import(".".join([NAME, *parts]).removesuffix(".__init__"))
    return {name: _listed(name, given) for name, given in metadatas.items()}


def _import(module: str) -> None:
    try:
        import_module(module)
    except Exception as error:
        raise CommandError(
            f"{module} cannot be imported, so its tables are unknown:"
            f" {type(error).__name__}: {error}"
        ) from error


def _listed(name: str, given: MetaData | Sequence[MetaData]) -> list[MetaData]:
    found = [given] if isinstance(given, MetaData) else list(given)
    tables = Counter(table for metadata in found for table in metadata.tables)
    for table, times in tables.items():
        if times > 1:
            raise CommandError(
                f"The table {table} is in {times} metadatas of the database {name}:"
                " leave it to one model."
            )
    return found
