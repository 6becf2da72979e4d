"""What a project says about itself, and all that the library knows of it.

Nothing here imports Alembic: an app describes itself when it starts, and pays for
Alembic only when it migrates.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import partial, wraps
from importlib import import_module
from inspect import isfunction, signature
from pathlib import Path
from reprlib import repr as short
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from sqlalchemy import URL, Connection, Engine, MetaData, Table

if TYPE_CHECKING:
    from types import ModuleType

    from sqlalchemy.ext.asyncio import AsyncEngine

    Databases = Connection | Engine | AsyncEngine | Mapping[str, Connection | Engine]
else:
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

    def is_wanted(self, name: str) -> bool:
        """Return a setting that is `yes`, unless it says `no`.

        :param name: its name, without the prefix.
        :raises ValueError: for any other word.
        """
        value = self.values().get(name, "yes")
        if value not in {"yes", "no"}:
            raise ValueError(f"{self.variable(name)} is {value!r}. Write yes or no.")
        return value == "yes"

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


KNOWN = ("sqlite", "postgresql", "mysql", "mariadb")
"""The databases that revisions can be made for."""

Versions = Mapping[str, tuple[int, ...]]
"""The oldest version of each database; empty where none is known."""


def oldest(runs_on: Iterable[str]) -> Versions:
    """Return what production runs on, in its order.

    :param runs_on: such as "mariadb" or "postgresql>=14".
    :raises CommandError: for a text that is neither.
    """
    found = dict[str, tuple[int, ...]]()
    for text in runs_on:
        if (read := _oldest_of(text)) is None:
            raise _refusal(f"runs_on has {text!r}. Give {SHOULD_BE['runs_on'][1]}.")
        name, version = read
        found[name] = min(found.get(name, version), version)
    return found


def _oldest_of(text: object) -> tuple[str, tuple[int, ...]] | None:
    """Return a database and the version in a text, None for another text."""
    name, bound, version = str(text).partition(">=")
    numbers = version.split(".") if bound else []
    known = name in KNOWN and all(it.isascii() and it.isdigit() for it in numbers)
    return (name, tuple(map(int, numbers))) if known else None


def production_server(backend: str, runs_on: Iterable[str]) -> str:
    """Return the kind of database that drafts and the lint have in mind.

    That is the one at hand; on a developer's SQLite it is production's, where that is
    another.

    :param backend: SQLAlchemy's name of the database at hand.
    :param runs_on: the databases of production.
    """
    names = oldest(runs_on)
    if backend != "sqlite" or "sqlite" in names:
        return backend
    return next(iter(names), backend)


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
    :param live: whether people use the app while it migrates: then drafts take the
        online form, in two revisions where the old version of the app would not survive
        one. Where production runs on SQLite, drafts do not, unless `-x live` says so.
    :param runs_on: the databases of production, such as ("mariadb",). On a developer's
        SQLite, drafts and the lint say what that server locks; a draft that is made on
        another database refuses a column that these have no word for. With the oldest
        version in use, such as "postgresql>=14", it refuses what that has no words for.
    :param keep_dropped: the days for which a draft keeps aside what it drops, unless an
        answer says `drop=…:now`; 0 drops it with the revision.
    :param lint_after: the newest revision that `lint` does not look at by itself.
    :param settings: what else the owner may set.
    :param schemas: the schemas of the database that each have the tables of the models,
        as those of tenants, or a function that returns their names from a connection;
        env.py then goes through `alembic_lossless.env.tenants`. On MariaDB and MySQL
        they are databases of the server. SQLite has none: its file is the only one.
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
    keep_dropped: int = 0
    lint_after: str | None = None
    settings: Settings = field(default_factory=Settings)
    schemas: Sequence[str] | Callable[[Connection], Sequence[str]] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the databases."""
        return tuple(self.metadatas)


def _are_names(value: object) -> bool:
    """Tell a list of names from anything else, such as a single name."""
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return False
    return all(isinstance(name, str) for name in value)


SHOULD_BE: dict[str, tuple[Callable[[Any], bool], str]] = {
    "folder": (
        lambda value: isinstance(value, Path),
        "a Path, of the folder that holds env.py",
    ),
    "metadatas": (
        lambda value: (
            isinstance(value, Mapping)
            and bool(value)
            and all(isinstance(name, str) for name in value)
        ),
        'the MetaData of each database by its name, such as {"default": Base.metadata}',
    ),
    "url": (callable, "a function that returns the URL of the database with a name"),
    "source": (
        lambda value: value is None or callable(value),
        "a function that returns what the owner calls the URL of a database",
    ),
    "import_models": (callable, "a function that imports the modules of the models"),
    "engines": (callable, "a function that returns the engines by name, or None"),
    "ini": (lambda value: value is None or isinstance(value, Path), "a Path, or None"),
    "live": (lambda value: isinstance(value, bool), "True or False"),
    "runs_on": (
        lambda value: isinstance(value, list | tuple) and all(map(_oldest_of, value)),
        f"a tuple of these: {', '.join(KNOWN)}; or, with a version, 'postgresql>=14'",
    ),
    "keep_dropped": (
        lambda value: type(value) is int and value >= 0,
        "a number of days, or 0",
    ),
    "lint_after": (
        lambda value: value is None or isinstance(value, str),
        "the identifier of a revision, or None",
    ),
    "settings": (
        lambda value: (
            isinstance(value, Settings)
            and callable(value.values)
            and isinstance(value.prefix, str)
        ),
        "Settings(values, prefix): a function that returns texts by name, and a text",
    ),
    "schemas": (
        lambda value: value is None or callable(value) or _are_names(value),
        "their names, or a function that returns these from a Connection",
    ),
}
"""What each value of a project has to be: a test, and words for it."""

RETURNS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "url": (
        lambda found: isinstance(found, URL),
        "a URL: sqlalchemy.make_url makes one of a text",
    ),
    "source": (lambda found: isinstance(found, str), "a text"),
    "import_models": (
        lambda found: found is None or isinstance(found, Iterable),
        "the modules, or None",
    ),
    "engines": (
        lambda found: found is None or _by_name(_is_database, found),
        "the Engine of each database by its name, or None",
    ),
    "schemas": (_are_names, "a list of names"),
}
"""What each function of a project has to return."""


def without_asyncio(given: Any) -> Any:
    """Return the Engine that an AsyncEngine is made of, and anything else as it is."""
    return given.sync_engine if _is_a("AsyncEngine", given) else given


def _is_a(name: str, value: object) -> bool:
    """Tell whether a value has a class of this name, which need not be imported."""
    return any(it.__name__ == name for it in type(value).__mro__)


def _is_database(value: object) -> bool:
    return isinstance(without_asyncio(value), Connection | Engine)


def _is_given(value: object) -> bool:
    return isinstance(value, str | URL) or _is_a("Database", value)


def _as_list(value: object) -> object:
    return [*value] if isinstance(value, AbstractSet) else value


def _by_name(fits: Callable[[object], bool], value: object) -> bool:
    """Tell a mapping from names to values that fit."""
    if not isinstance(value, Mapping) or not value:
        return False
    return _are_names([*value]) and all(map(fits, value.values()))


def _are_metadata(value: object) -> bool:
    each = value if isinstance(value, Sequence) else [value]
    return all(isinstance(it, MetaData) for it in each)


NAMES = (
    lambda it: isinstance(it, Iterator) or _are_names(_as_list(it)),
    "a list of texts",
)
DATABASE = "an Engine or a Connection"

KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "Any": (lambda _: True, ""),
    "str": (lambda it: isinstance(it, str), "a text"),
    "bool": (lambda it: isinstance(it, bool), "True or False"),
    "float": (lambda it: type(it) in {int, float}, "a number"),
    "Never": (lambda _: False, "nothing: the library does"),
    "Revision": (
        lambda it: isinstance(it, str) and bool(it),
        'the identifier of a revision, or such as "head" or "-1"',
    ),
    "Dialect": (lambda it: it in KNOWN, f"one of these: {', '.join(KNOWN)}"),
    "Seconds": (
        lambda it: type(it) in {int, float} and it >= 0,
        "a number of seconds that is not negative",
    ),
    "Share": (
        lambda it: type(it) in {int, float} and 0 <= it <= 1,
        "a number from 0 to 1",
    ),
    "Callable": (callable, "a function"),
    "Callable | Collection[Callable]": (
        lambda it: all(map(callable, it if isinstance(it, Collection) else [it])),
        "a function, or a list of them",
    ),
    "bool | Callable": (
        lambda it: isinstance(it, bool) or callable(it),
        "True, False or a function",
    ),
    "Collection[str]": NAMES,
    "Iterable[str]": NAMES,
    "Sequence[str]": NAMES,
    "frozenset[str]": NAMES,
    "URL": (
        lambda it: isinstance(it, URL),
        "a URL: sqlalchemy.make_url makes one of a text",
    ),
    "URL | str": (lambda it: isinstance(it, URL | str), "a URL"),
    "Databases": (
        lambda it: _is_database(it) or _by_name(_is_database, it),
        f"{DATABASE}, or a mapping from names to these",
    ),
    "Given": (
        lambda it: _is_given(it) or _is_database(it),
        f"a URL, {DATABASE}",
    ),
    "Mapping[str, Given]": (
        partial(_by_name, lambda it: _is_given(it) or _is_database(it)),
        f"a mapping from names to URLs, {DATABASE}",
    ),
    "Mapping[str, Engine]": (
        partial(_by_name, _is_database),
        "a mapping from names to Engines",
    ),
    "MetaData | Sequence[MetaData]": (
        _are_metadata,
        "a MetaData, such as Base.metadata, or a list of them",
    ),
}
"""What fits an annotation, and words for it; any other is the name of a class."""

BY_NAME = {
    **dict.fromkeys(("end", "revision", "start", "target"), "Revision"),
    "dialect": "Dialect | None",
    "end_blockers_after": "Seconds | None",
    "rows": "Any",
    "share": "Share",
}
"""What arguments take, where that is less than their annotation says."""

CONFIGURE = {
    "target_metadata": "MetaData | Sequence[MetaData] | None",
    "version_table": "str",
    "version_table_schema": "str | None",
    "include_schemas": "bool | None",
    "render_as_batch": "bool | None",
    "transaction_per_migration": "bool | None",
    "compare_type": "bool | Callable | None",
    "compare_server_default": "bool | Callable | None",
    "include_object": "Callable | None",
    "include_name": "Callable | None",
    "render_item": "Callable | None",
    "process_revision_directives": "Callable | None",
    "on_version_apply": "Callable | Collection[Callable] | None",
    "autogenerate_plugins": "Sequence[str] | None",
    "connection": "Never",
    "url": "Never",
    "transactional_ddl": "Never",
}
"""What `context.configure` takes."""

P = ParamSpec("P")
T = TypeVar("T")


def accepting(function: Callable[P, T]) -> Callable[P, T]:
    """Let a public function refuse in a sentence what its annotations do not have.

    :raises CommandError: with the argument, what was given, and what to give.
    """
    name, annotations = function.__qualname__, function.__annotations__
    kinds = {
        **(CONFIGURE if "options" in annotations else {}),
        **annotations,
        **BY_NAME,
    }

    @wraps(function)
    def called(*arguments: P.args, **options: P.kwargs) -> T:
        try:
            given = signature(function).bind(*arguments, **options).arguments
        except TypeError as error:
            raise _refusal(f"{name}: {error}.") from None
        for argument, value in {**given, **options}.items():
            insist_on_kind(name, argument, value, kinds.get(argument, "Any"))
        return function(*arguments, **options)

    return called


def accepting_all(owner: type[T]) -> type[T]:
    """Let the public methods of a class refuse what their annotations do not have."""
    for name, function in [*vars(owner).items()]:
        if isfunction(function) and not name.startswith("_"):
            setattr(owner, name, accepting(function))
    return owner


def insist_on_kind(function: str, argument: str, value: Any, kind: str) -> None:
    """Refuse a value that an argument does not take.

    :raises CommandError: with the argument, what was given, and what to give.
    """
    alone = kind.removesuffix(" | None")
    fits, words = KINDS.get(alone, (partial(_is_a, alone), f"a {alone}"))
    if fits(value) or (value is None and alone != kind):
        return
    given = f"of the type {type(value).__name__}"
    if isinstance(value, type):
        given = f"the class {value.__name__}"
    elif value is None or (
        isinstance(value, bool | float | int | str) and "@" not in str(value)
    ):
        given = short(value)
    words += ", or None" * (alone != kind)
    raise _refusal(f"{function}: {argument} is {given}. Give {words}.")


def insist_on_values(owner: object, called: str, names: Iterable[str]) -> None:
    """Refuse a description that has a value which cannot be used.

    :param owner: a Project, or what has some of its values.
    :param called: what messages call it.
    :raises CommandError: with the value, and what to give in its place.
    """
    for name in names:
        fits, what = SHOULD_BE[name]
        value = getattr(owner, name)
        if not fits(value):
            raise _refusal(f"The {called}'s {name} is {short(value)}. Give {what}.")


def checked(project: Project) -> Project:
    """Return a project of which each value is used as it is meant, or refused.

    Its functions say which one of them raised what, and do not return anything else
    than they should.

    :raises CommandError: with the value, and what to give in its place.
    """
    insist_on_kind("Migrations", "project", project, "Project")
    insist_on_values(project, "project", SHOULD_BE)
    functions: dict[str, Any] = {
        name: _guarded(name, getattr(project, name), *RETURNS[name])
        for name in RETURNS
        if callable(getattr(project, name))
    }
    if project.schemas is not None and len(project.names) > 1:
        raise _refusal(
            "The project has schemas, and several databases:"
            f" {', '.join(project.names)}. Describe the one with the schemas by itself."
        )
    values = _guarded(
        "settings.values",
        project.settings.values,
        lambda found: isinstance(found, Mapping),
        "texts by name, as os.environ has them",
    )
    settings = replace(project.settings, values=values)
    return replace(project, settings=settings, **functions)


def _guarded(
    name: str, function: Callable[..., Any], fits: Callable[[Any], bool], what: str
) -> Callable[..., Any]:
    """Return a function of a project that raises nothing but a sentence."""

    @wraps(function)
    def guarded(*arguments: Any) -> Any:
        given = (repr(it) if isinstance(it, str) else "connection" for it in arguments)
        call = f"The project's {name}({', '.join(given)})"
        try:
            found = function(*arguments)
        except Exception as error:
            raise _refusal(_told(name, call, error)) from error
        if not fits(found):
            # It may hold a password.
            raise _refusal(f"{call} returns {type(found).__name__}, not {what}.")
        return found

    return guarded


def _told(name: str, call: str, error: Exception) -> str:
    """Return a sentence that a function of a project raised, or one about it."""
    from alembic.util import CommandError  # noqa: PLC0415

    own = ValueError if name == "url" else ImportError
    told = str(error) if isinstance(error, own | CommandError) else ""
    return told or f"{call} raised {said(error)}."


def _refusal(text: str) -> Exception:
    """Return the error of a command; an app that only starts needs no Alembic."""
    from alembic.util import CommandError  # noqa: PLC0415

    return CommandError(text)


def said(error: BaseException) -> str:
    """Return an exception in one line: some explain themselves at length."""
    lines = str(error).partition("(Background on this error")[0].strip().splitlines()
    return ": ".join([type(error).__name__, *lines[:1]]).rstrip(".")


WITHOUT_TABLES = frozenset(
    {"__main__", "asgi", "cli", "migrations", "static", "templates", "wsgi"}
)
"""Modules and folders without models, some of which do things when imported."""


@accepting
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
            f"{module} cannot be imported, so its tables are unknown: {said(error)}"
        ) from error
