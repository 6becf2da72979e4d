"""What the drivers' errors mean to someone who wants to migrate."""

import re
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import URL

from ..project import Settings


class Explanation(NamedTuple):
    """What went wrong, in words that hold no password, and what to do if known."""

    said: str
    advice: list[str]

    def about(self, subject: object) -> str:
        """Return it as a message about a database, or what its owner calls it."""
        return "\n".join([f"{subject}: {self.said}.", *self.advice])


class Cause(NamedTuple):
    """What a driver's text means, and what to do about it."""

    text: str
    said: str
    fix: str


SERVER = (
    Cause(
        r"password authentication failed|access denied|no password supplied"
        r"|role .* does not exist|1698|1045",
        "the server refuses the user {user!r} or the password",
        "Correct them; write an @ in a password as %40, a % as %25.",
    ),
    Cause(
        r"database .* does not exist|unknown database",
        "the server has no database {database!r}",
        "Create it (CREATE DATABASE {database}), or correct the name.",
    ),
    Cause(
        r"resolve|getaddrinfo|not known|no address|translate host|errno -\d",
        "there is no host {host!r}",
        "Correct the host; write an @ in a password as %40.",
    ),
    Cause(
        r"refused|timeout expired|timed out|can't connect|unreachable|no such file",
        "no server answers at {host}:{port}",
        "Start the server, or correct host and port.",
    ),
    Cause(
        r"lock timeout|lock wait timeout|1205",
        "it waited too long for a table that another query holds",
        "Run it again when the query has ended, or set {lock_timeout} to more seconds.",
    ),
)

SQLITE = (
    Cause(
        r"unable to open",
        "{problem}",
        "Name a file in a folder that exists and that you may write to.",
    ),
    Cause(
        r"readonly database|readonly directory|disk i/o",
        "the file or its folder may not be written to",
        "Give yourself the right to write there, or name another file.",
    ),
    Cause(
        r"not a database|malformed",
        "the file is not a SQLite database",
        "Name another file, or remove this one if nobody needs it.",
    ),
    Cause(
        r"is locked",
        "another process has the file locked",
        "Let it finish, or set {lock_timeout} to more seconds.",
    ),
)


def explain(error: BaseException | None, url: URL, settings: Settings) -> Explanation:
    """Return what a driver's error means.

    :param error: what the driver raised.
    :param url: the database.
    :param settings: what its owner may set.
    """
    causes = SQLITE if url.get_backend_name() == "sqlite" else SERVER
    said = str(error).lower()
    for known in causes:
        if re.search(known.text, said):
            words = _words(url, settings)
            return Explanation(known.said.format(**words), [known.fix.format(**words)])
    return Explanation(_first_line(error, url), [])


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
