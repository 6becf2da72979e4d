"""Import every module that may declare a table."""

from importlib import import_module
from pathlib import Path

WITHOUT_TABLES = frozenset(
    {"__main__", "asgi", "cli", "migrations", "static", "templates", "wsgi"}
)
"""Modules and folders without models, some of which do things when imported."""


def import_modules(package: str, without: frozenset[str] = WITHOUT_TABLES) -> None:
    """Import all modules of a package: a model registers its table when that happens.

    A new file then needs no import by hand. No function of the package is called.

    :param package: its name; it is a folder of modules.
    :param without: the names of modules and folders that are left out.
    :raises ImportError: naming the module that cannot be imported.
    """
    root = Path(str(import_module(package).__file__)).parent
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if without.isdisjoint(parts) and all(map(str.isidentifier, parts)):
            _import(".".join([package, *parts]).removesuffix(".__init__"))


def _import(module: str) -> None:
    try:
        import_module(module)
    except Exception as error:
        raise ImportError(
            f"{module} cannot be imported, so its tables are unknown:"
            f" {type(error).__name__}: {error}"
        ) from error
