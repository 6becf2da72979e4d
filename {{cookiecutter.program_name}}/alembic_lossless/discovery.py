"""Import every module that may declare a table."""

from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

from sqlalchemy import MetaData, Table

WITHOUT_TABLES = frozenset(
    {"__main__", "asgi", "cli", "migrations", "static", "templates", "wsgi"}
)
"""Modules and folders without models, some of which do things when imported."""


def import_modules(
    package: str, without: frozenset[str] = WITHOUT_TABLES
) -> tuple[ModuleType, ...]:
    """Import all modules of a package: a model registers its table when that happens.

    A new file then needs no import by hand. No function of the package is called.

    :param package: its name; it is a folder of modules.
    :param without: the names of modules and folders that are left out.
    :return: the modules.
    :raises ImportError: naming the module that cannot be imported.
    """
    root = Path(str(import_module(package).__file__)).parent
    found = []
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if without.isdisjoint(parts) and all(map(str.isidentifier, parts)):
            name = ".".join([package, *parts]).removesuffix(".__init__")
            found.append(_import(name))
    return tuple(found)


def forgotten(
    modules: Iterable[ModuleType], known: Iterable[MetaData]
) -> Iterator[tuple[str, MetaData]]:
    """Yield the metadatas with tables that no database has, and where each one is.

    Flask-SQLAlchemy's metadata of another bind is none: its database is named.

    :param modules: where to look.
    :param known: the metadatas of the databases.
    """
    seen = {id(metadata) for metadata in known}
    for module in modules:
        for name, value in [*vars(module).items()]:
            metadata = _metadata_of(value, module)
            if metadata is None or id(metadata) in seen or "bind_key" in metadata.info:
                continue
            seen.add(id(metadata))
            if metadata.tables:
                yield f"{module.__name__}.{name}", metadata


def _metadata_of(value: object, module: ModuleType) -> MetaData | None:
    """Return the metadata that a value of a module is or has."""
    if isinstance(value, type) and value.__module__ != module.__name__:
        return None  # found where it is defined
    if not isinstance(value, type | Table | MetaData):
        return None
    found = getattr(value, "metadata", value)
    return found if isinstance(found, MetaData) else None


def _import(module: str) -> ModuleType:
    try:
        return import_module(module)
    except Exception as error:
        raise ImportError(
            f"{module} cannot be imported, so its tables are unknown:"
            f" {type(error).__name__}: {error}"
        ) from error
