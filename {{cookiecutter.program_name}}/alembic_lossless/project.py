"""What a project says about itself, and all that the library knows of it.

Nothing here imports Alembic: an app describes itself when it starts, and pays for
Alembic only when it migrates.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType

from sqlalchemy import URL, Connection, Engine, MetaData, Table

Databases = Connection | Engine | Mapping[str, Connection | Engine]
"""One database, or several by name, as `config.attributes["connection"]` takes them."""


Metadatas = Mapping[str, MetaData | Sequence[MetaData]]
"""The name of each database, and what its models declare."""


@dataclass(frozen=True)
class Settings:
    """What an owner may set: texts by names such as `MIGRATION_WAIT`.

    :param values: returns the texts, those of the environment by default.
    :param prefix: what comes before a name where the owner sets it, for messages.
    """

    values: Callable[[], Mapping[str, str]] = lambda: os.environ
    prefix: str = ""

    def variable(self, name: str) -> str:
        """Return the name of a setting as its owner knows it.

        :param name: its name, without the prefix.
        """
        return f"{self.prefix}{name}"

    def seconds(self, name: str, default: float) -> float:
        """Return a setting that is a number of seconds.

        :param name: its name, without the prefix.
        :param default: what it is when nothing is set.
        :raises ValueError: for anything but a number that is not negative.
        """
        value = self.values().get(name, str(default))
        try:
            number = float(value)
        except ValueError:
            number = -1
        if not 0 <= number < float("inf"):
            raise ValueError(
                f"{self.variable(name)} is {value!r}. Write a number of seconds:"
                f" {default:g}"
            )
        return number

    def number(self, name: str, default: int) -> int:
        """Return a setting that is a natural number, or 0.

        :param name: its name, without the prefix.
        :param default: what it is when nothing is set.
        :raises ValueError: for anything else.
        """
        value = self.values().get(name, str(default))
        if not (value.isascii() and value.isdigit()):
            raise ValueError(
                f"{self.variable(name)} is {value!r}. Write a number: {default}"
            )
        return int(value)


@dataclass(frozen=True)
class Project:
    """A project with migrations.

    :param folder: the Alembic environment: where env.py and `versions` are.
    :param metadatas: what the models of each database declare, by its name; one name
        where there is one database. The first is meant where none is named.
    :param url: returns the URL of a database; it may raise ValueError with a sentence.
    :param source: returns what the owner calls that URL: "FRIEND_BOOK_DATABASE_URL". By
        default messages name the URL itself, without its password.
    :param import_models: imports the modules that declare tables, before `metadatas` is
        read for a draft. A draft names the tables of those that it returns which are in
        none of the metadatas.
    :param engines: returns the engines of the running app by name, None outside of one.
    :param ini: the alembic.ini, if there is one.
    :param live: whether people use the app while it migrates: then drafts take the form
        that leaves them at work, in two revisions where the old version of the app
        would not survive one. Drafts on SQLite do not, unless `-x live` says so.
    :param runs_on: the databases of production, such as ("mariadb",): a draft that is
        made on another one refuses a column that these have no word for.
    :param lint_after: the newest revision that `lint` does not look at by itself.
    :param settings: what else the owner may set.
    """

    folder: Path
    metadatas: Metadatas
    url: Callable[[str], URL]
    source: Callable[[str], str] | None = None
    import_models: Callable[[], Iterable[ModuleType] | None] = lambda: None
    engines: Callable[[], Mapping[str, Engine] | None] = lambda: None
    ini: Path | None = None
    live: bool = False
    runs_on: tuple[str, ...] = ()
    lint_after: str | None = None
    settings: Settings = field(default_factory=Settings)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the databases."""
        return tuple(self.metadatas)


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
