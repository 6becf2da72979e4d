"""What the drivers' errors mean to someone who wants to migrate."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import URL

from ..project import Settings


class Cause(NamedTuple):
    """An error of a driver.

    The fix never says to run the command again: whether that can be done is known only
    when the database was asked what it kept.
    """

    text: str
    """What the driver says; its groups may stand in the other two."""
    said: str
    """What that means; `{line}` is the driver's own first line."""
    fix: str
    of_url: bool = False
    """Whether the owner mends it by another URL."""


CONNECTING = (
    Cause(
        r"unsupported startup parameter: (?P<name>\w+)",
        "a pooler is between, which refuses {name!r}: ?schema= and ?options= need it",
        "Name the server itself for migrations; a pooler that ignores it would let"
        " them go to another schema.",
        of_url=True,
    ),
    Cause(
        r"password authentication failed|access denied|no password supplied"
        r"|role .* does not exist|1698|1045",
        "the server refuses the user {user!r} or the password",
        "Correct them; write an @ in a password as %40, a % as %25.",
        of_url=True,
    ),
    Cause(
        r"database .* does not exist|unknown database",
        "the server has no database {database!r}",
        "Create it (CREATE DATABASE {database}), or correct the name.",
        of_url=True,
    ),
    Cause(
        r"resolve|getaddrinfo|not known|no address|translate host|errno -\d",
        "there is no host {host!r}",
        "Correct the host; write an @ in a password as %40.",
        of_url=True,
    ),
    Cause(
        r"refused|timeout expired|timed out|can't connect|unreachable|no such file",
        "no server answers at {host}:{port}",
        "Start the server, or correct host and port.",
        of_url=True,
    ),
)
"""Why a server lets nobody in."""


RIGHTS = (
    Cause(
        r"access denied for user '(?P<who>.*)'@'(?P<from>.*)' to database '(?P<db>.*)'",
        "the user '{who}' has no rights on the database {db!r}",
        "Let an administrator type: GRANT ALL ON `{db}`.* TO '{who}'@'{from}'",
    ),
    Cause(
        r"access denied; you need (?P<right>.*)",
        "the user {user!r} may not do this: {line}",
        "Let an administrator do this part, or give the right to {user}.",
    ),
    Cause(
        r"permission denied for database",
        "the user {user!r} may not connect to the database {database!r}",
        "Let an administrator type: GRANT CONNECT ON DATABASE {database} TO {user}",
    ),
    Cause(
        r"must be owner of (table|view|sequence|materialized view) (?P<name>\S+)",
        "{line}, which {user} is not",
        "Let an administrator type: ALTER TABLE {name} OWNER TO {user}",
    ),
    Cause(
        r"permission denied for schema (?P<name>\S+)",
        "{line}, where {user} may make no table",
        "Let an administrator type: GRANT USAGE, CREATE ON SCHEMA {name} TO {user}",
    ),
    Cause(
        r"no schema has been selected to create in",
        "there is no schema in which {user} may make a table",
        "Let an administrator type: GRANT USAGE, CREATE ON SCHEMA public TO {user}",
    ),
    Cause(
        r"permission denied for table (?P<name>pg_\w+)",
        "{line}, which tells what is in the database",
        "Let an administrator type: GRANT SELECT ON {name} TO PUBLIC",
    ),
    Cause(
        r"permission denied for (table|view|sequence) (?P<name>\S+)",
        "{line}, which is not {user}'s",
        "Let an administrator type: ALTER TABLE {name} OWNER TO {user}",
    ),
    Cause(
        r"permission denied for function (?P<name>pg_\w*advisory\w*)",
        "{line}, by which only one migration runs at a time",
        "Let an administrator type: GRANT EXECUTE ON FUNCTION {name}(bigint) TO {user}",
    ),
    Cause(
        r"(?P<right>[\w ,]+) command denied to user",
        "{line}",
        "Let an administrator type: GRANT ALL ON `{database}`.* TO {user}",
    ),
)
"""What a user may not do, on PostgreSQL and on MariaDB."""


STATE = (
    Cause(
        r"in a read-only transaction|during recovery",
        "the database takes no changes: {line}",
        "Name the primary server, not a standby; or find what turned"
        " default_transaction_read_only on.",
        of_url=True,
    ),
    Cause(
        r"read[_-]only option|read only transaction",
        "the server takes no changes: {line}",
        "Name the primary server, not a replica; or type: SET GLOBAL read_only = OFF",
        of_url=True,
    ),
    Cause(
        r"no space left on device|could not extend file|disk full|table .* is full",
        "the server has no room: {line}",
        "Make room on the server's disk; or raise the limit that the message names.",
    ),
    Cause(
        r"terminating connection|closed the connection|connection was killed"
        r"|lost connection|gone away|connection is lost|connection to server was lost",
        "the server ended the connection: {line}",
        "The server's log says why: a restart, an administrator, or a proxy between.",
    ),
    Cause(
        r"lock timeout|lock wait timeout|1205",
        "it waited too long for a table that another query holds",
        "Let the query end, or set {lock_timeout} to more seconds.",
    ),
    Cause(
        r"statement timeout",
        "the server gave a statement no more time",
        'Let the revision begin with: op.execute("SET LOCAL statement_timeout = 0")',
    ),
    Cause(
        r"max_statement_time",
        "the server gave a statement no more time",
        'Let the revision begin with: op.execute("SET max_statement_time = 0")',
    ),
)
"""What a server is in no state to do."""


SQLITE = (
    Cause(
        r"unable to open",
        "{problem}",
        "Name a file in a folder that exists and that you may write to.",
        of_url=True,
    ),
    Cause(
        r"readonly database|readonly directory|disk i/o",
        "the file or its folder may not be written to",
        "Give yourself the right to write there, which mode=ro and immutable=1 in the"
        " URL take; or name another file.",
        of_url=True,
    ),
    Cause(
        r"not a database|malformed",
        "the file is not a SQLite database",
        "Name another file, or remove this one if nobody needs it.",
        of_url=True,
    ),
    Cause(
        r"database or disk is full",
        "there is no room for what the file becomes",
        "Make room on the disk, for twice the largest table; or let PRAGMA"
        " max_page_count be larger.",
    ),
    Cause(
        r"is locked",
        "another process reads or writes the file",
        "Let it finish, or set {lock_timeout} to more seconds.",
    ),
    Cause(
        r"virtual tables may not be altered|cannot add a column to a view",
        "{line}",
        "Let the revision drop it and create it anew, by op.execute.",
    ),
)


NAME = r'(?:"(?:[^"]|"")*"|\([^)]*\)|[^\s"(])+'
"""A name as PostgreSQL writes it: in quotes where need be, and with arguments."""


DEPENDS = re.compile(
    r"^(?:DETAIL: +)?(?:rule \S+ on |column \S+ of composite )?"
    r"(?P<kind>materialized view|view|trigger|policy|constraint|function|type)"
    rf" (?P<name>{NAME})(?: on table (?P<table>{NAME}))? depends on",
    re.MULTILINE,
)
"""How PostgreSQL names one thing that depends on what is to go or to change."""


GENERATED = re.compile(
    rf"is used by generated column (?P<name>{NAME})\."
    rf".*ALTER TABLE (?:ONLY )?(?P<table>{NAME}) ALTER",
    re.DOTALL,
)
"""How it names a column that is computed; its table is in the statement."""


PART = re.compile(r'"((?:[^"]|"")*)"|([^."]+)')
"""One of the names that a name with a schema has."""


def hint(error: str) -> list[str]:
    """Say what a revision has to drop first, and to create again, if that is it.

    :param error: what PostgreSQL says, with its DETAIL.
    """
    # What depends on a view stands behind it, and has to go before it.
    drops = [*_drops(error)][::-1]
    if not drops:
        return []
    return [
        f"Let the revision drop it first and create it again after: {'; '.join(drops)}"
    ]


def _drops(error: str) -> Iterator[str]:
    for found in DEPENDS.finditer(error):
        kind, name, table = found["kind"], found["name"], found["table"]
        if kind == "constraint":
            yield _call("drop_constraint", name, table)
        else:
            on = f" ON {table}" if kind in {"trigger", "policy"} else ""
            yield f"op.execute({_text(f'DROP {kind.upper()} {name}{on}')})"
    for found in GENERATED.finditer(error):
        yield _call("drop_column", found["table"], found["name"])


def _call(function: str, *names: str) -> str:
    """Return a call that drops a part of a table, whose schema is an argument."""
    every = [[a.replace('""', '"') or b for a, b in PART.findall(it)] for it in names]
    schemas = [f", schema={_text(parts[0])}" for parts in every if parts[1:]]
    words = ", ".join(_text(parts[-1]) for parts in every)
    return f"op.{function}({words}{''.join(schemas)})"


def _text(value: str) -> str:
    """Return a text as Python has it, in the quotes that it needs no escapes for."""
    return repr(value) if '"' in value else f'"{value}"'


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
