"""What the environment says: its variables first, then `.env`, then a default."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alembic_lossless import urls
from click import ClickException
from dotenv import dotenv_values, find_dotenv
from platformdirs import user_data_path
from sqlalchemy import URL

PROGRAM = "{{ cookiecutter.program_name }}"
PREFIX = f"{PROGRAM.upper()}_"
PROJECT = Path(__file__).resolve().parent.parent

RUNS_ON = ("{{ cookiecutter.database }}",)
"""What production runs on: its server does not start on another database by mistake.

"{{ cookiecutter.database }}>=N" names the oldest version, too: no draft asks that for newer words.
"""


class SettingError(ClickException, ValueError):
    """A setting cannot be used; the text names the variable, the cause and the fix.

    The `flask` command prints it as its one line of error instead of a traceback.
    """


def variables() -> dict[str, str]:
    """Return every `{{ cookiecutter.program_name | upper }}_…` setting, without its prefix.

    Later files win over earlier ones and the environment over both: the project's
    `.env`, the `.env` that the `flask` command finds from the current folder upwards.
    """
    found = dotenv_values(PROJECT / ".env")
    found |= dotenv_values(find_dotenv(usecwd=True))
    found |= os.environ
    return {
        name.removeprefix(PREFIX): value
        for name, value in found.items()
        # An empty setting is none, but an empty URL is a mistake.
        if name.startswith(PREFIX)
        and value is not None
        and (value or name.endswith("DATABASE_URL"))
    }


def url_variable(name: str = "default") -> str:
    """Return the variable that holds the URL of a database."""
    middle = "" if name == "default" else f"{name.upper()}_"
    return f"{PREFIX}{middle}DATABASE_URL"


def database_url(
    name: str = "default",
    values: Mapping[str, Any] | None = None,
    *,
    make_folder: bool = False,
) -> URL:
    """Return the URL of a database: the one that app, `flask db` and `alembic` use.

    Without a value it is a SQLite file in the user's data folder.

    :param name: the database, a key of `engines.metadatas`.
    :param values: settings such as an app's configuration; the environment's if None.
    :param make_folder: make the data folder if it is not there.
    :raises SettingError: for a value that is no URL, or whose driver is missing, or
        when the folder cannot be made.
    """
    variable = url_variable(name)
    found = variables() if values is None else values
    value = found.get(variable.removeprefix(PREFIX))
    if value is None:
        url = default_url(name)
        if make_folder:
            make_data_folder(url)
        return url
    return usable_url(value, variable)


def default_url(name: str) -> URL:
    """Return the SQLite file that a database is where no URL is set."""
    file = "main.db" if name == "default" else f"{name}.db"
    return URL.create("sqlite", database=str(user_data_path(PROGRAM) / file))


def unset_server(name: str, url: URL) -> str:
    """Return the variable to set where production has a server and this is a file.

    :param name: the database, a key of `engines.metadatas`.
    :param url: where it is now.
    :return: the variable; nothing where the URL is one that somebody has set.
    """
    a_server = not any(it.startswith("sqlite") for it in RUNS_ON)
    return url_variable(name) if a_server and url == default_url(name) else ""


def make_data_folder(url: URL) -> None:
    """Make the data folder if that is where a database is, and it is not there yet.

    :param url: of any database.
    :raises SettingError: when it cannot be made.
    """
    folder = user_data_path(PROGRAM)
    if url.get_backend_name() != "sqlite" or Path(url.database or "").parent != folder:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(
            f"The data folder {folder} cannot be made ({error.strerror}). Set"
            f" {url_variable()} to a database URL, or XDG_DATA_HOME to a folder that"
            " you may write to."
        ) from None


def usable_url(value: str | URL, variable: str = "DATABASE_URL") -> URL:
    """Return a URL with an installed driver and, for SQLite, an absolute path.

    :param value: what the variable holds.
    :param variable: its name, for the messages.
    :raises SettingError: for a value that is no URL, or whose driver is missing.
    """
    try:
        url = urls.usable_url(value, variable, PROJECT)
    except ValueError as error:
        raise SettingError(str(error)) from None
    return _absolute(url) if url.get_backend_name() == "sqlite" else url


def _absolute(url: URL) -> URL:
    """Let a relative SQLite path start at the project, wherever a command is typed."""
    path = url.database
    if not path or path == ":memory:" or path.startswith("file:"):
        return url
    source_tree = (PROJECT / "alembic.ini").exists()
    return url.set(database=str((PROJECT if source_tree else Path.cwd()) / path))
