"""What the drivers' errors mean to someone who wants to migrate."""

import re
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import URL

from ..project import Settings
from .dependents import hint
from .known_causes import CONNECTING, RIGHTS, SQLITE, STATE


class Explanation(NamedTuple):
    """What went wrong, in words that hold no password, and what to do if known."""

    said: str
    advice: list[str]
    of_url: bool = False
    """Whether another URL would mend it."""

    def about(self, subject: object) -> str:
        """Return it as a message about a database, or what its owner calls it."""
        return "\n".join([f"{subject}: {self.said}.", *self.advice])


def explain(
    error: BaseException | None,
    url: URL,
    settings: Settings,
    *,
    connected: bool = False,
) -> Explanation:
    """Return what a driver's error means.

    :param error: what the driver raised.
    :param url: the database.
    :param settings: what its owner may set.
    :param connected: whether the server had let the user in already: then a role that
        does not exist is a revision's.
    """
    # MariaDB begins with the same words, whether a password or a right is missing.
    server = (*RIGHTS, *(() if connected else CONNECTING), *STATE)
    causes = SQLITE if url.get_backend_name() == "sqlite" else server
    line = _first_line(error, url)
    for known in causes:
        if found := re.search(known.text, str(error), re.IGNORECASE):
            words = {**_words(url, settings), "line": line, **found.groupdict()}
            fix = known.fix.format(**words)
            return Explanation(known.said.format(**words), [fix], known.of_url)
    return Explanation(line, hint(str(error)))


def _words(url: URL, settings: Settings) -> dict[str, object]:
    default = {"postgresql": 5432}.get(url.get_backend_name(), 3306)
    return {
        "user": url.username,
        "database": url.database,
        "host": url.host or "localhost",
        "port": url.port or default,
        "problem": _unopened(Path(url.database or "")),
        "lock_timeout": settings.variable("MIGRATION_LOCK_TIMEOUT"),
    }


def _unopened(file: Path) -> str:
    """Find out what SQLite means by "unable to open database file"."""
    if file.is_dir():
        return f"{file} is a folder"
    if not file.parent.is_dir():
        return f"there is no folder {file.parent}"
    verb = "open" if file.exists() else "create"
    return f"you may not {verb} {file}"


def _first_line(error: BaseException | None, url: URL) -> str:
    """Return what the driver says, less what points into the statement."""
    # PyMySQL's errors are a number and a text.
    text = str([error, *getattr(error, "args", [])][-1])
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    detail = [line for line in lines[1:] if line.startswith("DETAIL")]
    said = "; ".join([*lines[:1], *detail])
    return said.replace(str(url.password), "***") if url.password else said
