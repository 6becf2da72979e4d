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
    folder = Path(str(import_module(package).__file__)).parent
    return tuple(_import(name) for name in _modules(folder, package, without))


def _modules(folder: Path, package: str, without: frozenset[str]) -> Iterator[str]:
    """Yield the names of the modules in a folder, and never look into those left out.

    The folder of migrations may hold thousands of files.
    """
    for path in sorted(folder.iterdir()):
        name = path.name.removesuffix(".py")
        if name in without or not name.isidentifier():
            continue
        if name != path.name:
            yield package if name == "__init__" else f"{package}.{name}"
        elif path.is_dir() and not path.is_symlink():
            yield from _modules(path, f"{package}.{name}", without)


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
