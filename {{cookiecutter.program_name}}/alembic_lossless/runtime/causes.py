"""What the databases' errors mean, and what to do: one table, found by their codes.

A code is PostgreSQL's SQLSTATE, the errno of MariaDB and MySQL, the name that SQLite
gives its code, or the errno of the operating system. A server's words are read only
where there is no code or where one code has several causes, and then its own message as
a whole, with the names that the URL holds filled in: never DETAIL, CONTEXT, the
statement or its parameters, in which users' data are.

Sources: "PostgreSQL Error Codes", "MariaDB Error Codes", "Result and Extended Result
Codes" of SQLite.
"""

import re
import socket
from collections.abc import Iterator
from errno import errorcode
from getpass import getuser
from pathlib import Path
from typing import Any, NamedTuple

from alembic.util import CommandError
from sqlalchemy import URL

from ..project import Settings
from ..urls import printable

Code = str | int

BROKEN = "08006"
"""PostgreSQL's connection_failure, which its drivers leave out when one breaks."""

UNSAID = "libpq"
"""A server of PostgreSQL that lets nobody in: libpq has its words and no SQLSTATE."""

LOCKED: tuple[Code, ...] = ("55P03", 1205)
DEADLOCK: tuple[Code, ...] = ("40P01", 1213)
BUSY = frozenset((*LOCKED, *DEADLOCK))
"""Somebody else has the lock, on PostgreSQL and on MariaDB."""

MAY_PASS = BUSY | {
    # The connection is gone, or the server ended the statement or itself.
    *("57P01", "57P02", "57P03", "57014", BROKEN),
    *(0, 1053, 1317, 1927, 1969, 2006, 2013, 2055, 3024, 4031),
    # It has no room, or may not write at the moment.
    *("40001", "53000", "53100", "53200", "53300", "58030", "25006"),
    *(1021, 1114, 1290, 1836),
}
"""Errors that another run of the same revision need not meet."""


class PermanentError(CommandError):
    """A refusal that another run of the same revision would meet again."""


NO_HOST = "EAI_NONAME"
"""What the system's resolver says of a name, among the errnos of connecting."""

NO_SERVER = (
    *("ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH"),
    *("ENETUNREACH", "ENOENT", "ETIMEDOUT"),
)

SECONDS_TO_PROBE = 2.0

NAMES = {
    "name": ".+",
    "catalog": r"pg_\w+",
    "advisory": r"pg_\w*advisory\w*",
    "client": "[^']*",
    "server": r"\w+",
    "read_only": r"--(super-)?read[-_]only",
}
"""What a name in a server's message may be, where the URL does not hold it."""


class Cause(NamedTuple):
    """An error of a database.

    The fix never says to run the command again: whether that can be done is known only
    when the database was asked what it kept.
    """

    codes: tuple[Code, ...]
    said: str
    """What it means; `{line}` is the server's own message."""
    fix: str = ""
    of_url: bool = False
    """Whether the owner mends it by another URL."""
    messages: tuple[str, ...] = ()
    """The server's whole message, where its code alone does not tell."""
    certain: tuple[Code, ...] = ()
    """The codes that tell it alone, where others need the message."""
    connecting: bool | None = None
    """Whether it is meant only while connecting, or only after; by default both."""
    name: str = ""
    """What other modules call it, if they do."""


GRANT_ALL = "Let an administrator type: GRANT ALL ON {database}.* TO {user}"
OWN = "Let an administrator type: ALTER TABLE {name} OWNER TO {user}"
NO_RIGHTS = (
    "Access denied for user '{plain_user}'@'{client}' to database '{plain_database}'"
)
READ_ONLY = (
    "The {server} server is running with the {read_only} option so it cannot execute"
    " this statement"
)

CAUSES = (
    # Letting somebody in.
    Cause(
        (UNSAID,),
        "a pooler is between, which refuses {name}: ?schema= and ?options= need it",
        "Name the server itself for migrations; a pooler that ignores it would let"
        " them go to another schema.",
        of_url=True,
        messages=(
            "unsupported startup parameter: {name}",
            "unsupported startup parameter in options: {name}",
        ),
    ),
    Cause(
        ("42P05", "26000"),
        "a pooler in transaction mode is between, which lends each transaction another"
        " session, with the statements that others prepared",
        "Name the server itself, or a pool in session mode.",
        of_url=True,
    ),
    Cause(
        (UNSAID, 1045, 1698),
        "the server refuses the user {plain_user!r} or the password",
        "Correct them; write an @ in a password as %40, a % as %25.",
        of_url=True,
        messages=(
            'password authentication failed for user "{plain_user}"',
            'peer authentication failed for user "{plain_user}"',
            'ident authentication failed for user "{plain_user}"',
            'role "{plain_user}" does not exist',
            "fe_sendauth: no password supplied",
        ),
        certain=(1045, 1698),
        connecting=True,
    ),
    Cause(
        (UNSAID, 1049),
        "the server has no database {plain_database!r}",
        "Create it (CREATE DATABASE {database}), or correct the name.",
        of_url=True,
        messages=('database "{plain_database}" does not exist',),
        certain=(1049,),
        connecting=True,
    ),
    Cause(
        (UNSAID, 1040, 1203, 1226),
        "the server takes no more connections: {line}",
        "Let others end, or raise the limit that the message names.",
        messages=(
            "sorry, too many clients already",
            "remaining connection slots are reserved for {name}",
            'too many connections for role "{plain_user}"',
            'too many connections for database "{plain_database}"',
        ),
        certain=(1040, 1203, 1226),
    ),
    Cause(
        (UNSAID,),
        "the server is not ready: {line}",
        "Let it finish; --wait waits for it.",
        messages=(
            "the database system is starting up",
            "the database system is shutting down",
            "the database system is in recovery mode",
            "the database system is not yet accepting connections",
        ),
        connecting=True,
    ),
    Cause(
        (1129, 1130),
        "the server refuses this machine: {line}",
        "Let an administrator make a user for it: CREATE USER {user}@'HOST'",
        of_url=True,
    ),
    Cause(
        (NO_HOST, 2005),
        "there is no host {host!r}",
        "Correct the host; write an @ in a password as %40.",
        of_url=True,
        connecting=True,
    ),
    Cause(
        (*NO_SERVER, 2002, 2003),
        "no server answers at {place}",
        "Start the server, or correct host and port.",
        of_url=True,
        connecting=True,
    ),
    # What a user may not do.
    Cause(
        (UNSAID,),
        "the user {plain_user!r} may not connect to the database {plain_database!r}",
        "Let an administrator type: GRANT CONNECT ON DATABASE {database} TO {user}",
        messages=('permission denied for database "{plain_database}"',),
        connecting=True,
    ),
    Cause(
        ("42501",),
        "{line}, where {plain_user} may make no schema",
        "Let an administrator type: GRANT CREATE ON DATABASE {database} TO {user}",
        messages=("permission denied for database {plain_database}",),
    ),
    Cause(
        ("42501",),
        "{line}, which tells what is in the database",
        "Let an administrator type: GRANT SELECT ON {catalog} TO PUBLIC",
        messages=("permission denied for table {catalog}",),
    ),
    Cause(
        ("42501",),
        "{line}, which is not {plain_user}'s",
        OWN,
        messages=(
            "must be owner of table {name}",
            "must be owner of view {name}",
            "must be owner of materialized view {name}",
            "must be owner of sequence {name}",
            "permission denied for table {name}",
            "permission denied for view {name}",
            "permission denied for materialized view {name}",
            "permission denied for sequence {name}",
        ),
    ),
    Cause(
        ("42501",),
        "{line}, where {plain_user} may make no table",
        "Let an administrator type: GRANT USAGE, CREATE ON SCHEMA {name} TO {user}",
        messages=("permission denied for schema {name}",),
    ),
    Cause(
        ("42501",),
        "{line}, by which only one migration runs at a time",
        "Let an administrator type: GRANT EXECUTE ON FUNCTION {advisory}(bigint) TO"
        " {user}",
        messages=("permission denied for function {advisory}",),
    ),
    Cause(
        ("42501",),
        "the user {plain_user!r} may not do this: {line}",
        "Let an administrator do this part, or give the right to {user}.",
    ),
    Cause(
        ("3F000",),
        "there is no schema in which {plain_user} may make a table",
        "Let an administrator type: GRANT USAGE, CREATE ON SCHEMA public TO {user}",
        messages=("no schema has been selected to create in",),
    ),
    Cause(
        (1044,),
        "the user {plain_user!r} has no rights on the database {plain_database!r}",
        "Let an administrator type: GRANT ALL ON {database}.* TO {user}@{client}",
        messages=(NO_RIGHTS,),
    ),
    Cause(
        (1044,),
        "the user {plain_user!r} has no rights on the database {plain_database!r}",
        GRANT_ALL,
    ),
    Cause((1142, 1143), "{line}", GRANT_ALL),
    Cause(
        (1227, 1370, 1419),
        "the user {plain_user!r} may not do this: {line}",
        "Let an administrator do this part, or give the right to {user}.",
        connecting=False,
    ),
    # What a server is in no state to do.
    Cause(
        ("25006",),
        "the database takes no changes: {line}",
        "Name the primary server, not a standby; or find what turned"
        " default_transaction_read_only on.",
        of_url=True,
    ),
    Cause(
        (1290, 1792, 1836),
        "the server takes no changes: {line}",
        "Name the primary server, not a replica; or type: SET GLOBAL read_only = OFF",
        of_url=True,
        messages=(READ_ONLY,),
        certain=(1792, 1836),
    ),
    Cause(
        ("53100", 1021, 1030, 1114),
        "the server has no room: {line}",
        "Make room on the server's disk; or raise the limit that the message names.",
        messages=(
            'Got error 28 "No space left on device" from storage engine {name}',
            "Got error 28 from storage engine",
        ),
        certain=("53100", 1021, 1114),
    ),
    Cause(
        ("57P01", "57P02", BROKEN, 0, 1053, 1927, 2006, 2013, 2055, 4031),
        "the server ended the connection: {line}",
        "The server's log says why: a restart, an administrator, or a proxy between.",
    ),
    Cause(
        LOCKED,
        "it waited too long for a table that another query holds",
        "Let the query end, or set {lock_timeout} to more seconds.",
    ),
    Cause(
        DEADLOCK,
        "it and another query waited for each other: {line}",
        "Let the other end first; the server's log names it.",
    ),
    Cause(
        ("57014",),
        "the server gave a statement no more time",
        'Let the revision begin with: op.execute("SET LOCAL statement_timeout = 0")',
        messages=("canceling statement due to statement timeout",),
    ),
    Cause(
        (1969, 3024),
        "the server gave a statement no more time",
        'Let the revision begin with: op.execute("SET max_statement_time = 0")',
    ),
    Cause(
        ("57014", 1317),
        "somebody ended the statement: {line}",
        "An administrator did, or a tool of one.",
    ),
    # SQLite's file.
    Cause(
        ("SQLITE_CANTOPEN",),
        "{problem}",
        "Name a file in a folder that exists and that you may write to.",
        of_url=True,
    ),
    Cause(
        ("SQLITE_READONLY", "SQLITE_PERM"),
        "the file or its folder may not be written to",
        "Give yourself the right to write there, which mode=ro and immutable=1 in the"
        " URL take; or name another file.",
        of_url=True,
    ),
    Cause(
        ("SQLITE_IOERR",),
        "the file cannot be read or written: {line} ({code})",
        "Look at the disk, and at your rights on the file and its folder.",
        of_url=True,
    ),
    Cause(
        ("SQLITE_NOTADB",),
        "the file is not a SQLite database",
        "Name another file, or remove this one if nobody needs it.",
        of_url=True,
    ),
    Cause(
        ("SQLITE_CORRUPT",),
        "the file is damaged: {line}",
        "Restore a backup; `sqlite3 FILE .recover` shows what can still be read.",
        of_url=True,
    ),
    Cause(
        ("SQLITE_FULL",),
        "there is no room for what the file becomes",
        "Make room on the disk, for twice the largest table; or let PRAGMA"
        " max_page_count be larger.",
    ),
    Cause(
        ("SQLITE_BUSY",),
        "another process reads or writes the file",
        "Let it finish, or set {lock_timeout} to more seconds.",
    ),
    Cause(
        ("SQLITE_LOCKED",),
        "a query of this connection still reads the table",
        "Let the revision read its rows to the end, by .all(), before it changes it.",
    ),
    Cause(
        ("SQLITE_ERROR",),  # the code of all that SQLite has no other for
        "{line}",
        "Let the revision drop it and create it anew, by op.execute.",
        messages=(
            "virtual tables may not be altered",
            "Cannot add a column to a view",
        ),
    ),
    Cause(
        ("0A000",),
        "{line}",
        "Let the revision call op.index_partitions, and op.create_index without"
        " postgresql_concurrently after it.",
        messages=('cannot create index on partitioned table "{name}" concurrently',),
    ),
    Cause(
        ("0A000",),
        "{line}",
        "Leave postgresql_concurrently out: the drop is an instant.",
        messages=('cannot drop partitioned index "{name}" concurrently',),
    ),
    # What other modules add something to.
    Cause(
        ("42P07", 1050, "SQLITE_ERROR"),
        "{line}",
        messages=("table {name} already exists",),
        certain=("42P07", 1050),
        name="exists",
    ),
    Cause(("2BP01", "0A000"), "{line}", name="needed"),
)
"""The first that fits is meant."""


class Explanation(NamedTuple):
    """What went wrong, in words that hold no password, and what to do if known."""

    said: str
    advice: list[str]
    of_url: bool = False
    """Whether another URL would mend it."""
    name: str = ""
    """What the cause is called, if other modules add something to it."""
    code: Code | None = None
    """What it was found by."""

    def about(self, subject: object) -> str:
        """Return it as a message about a database, or what its owner calls it."""
        called = printable(subject) if isinstance(subject, URL) else subject
        return "\n".join([f"{called}: {self.said}.", *self.advice])


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
    codes = [*_codes(error, url, connected=connected)]
    line = _line(error, url)
    names = _names(url)
    for cause in CAUSES:
        code = next((code for code in codes if code in cause.codes), None)
        if code is None or cause.connecting is connected:
            continue
        messages = () if code in cause.certain else cause.messages
        found = _found(messages, _message(error), names)
        if found is None:
            continue
        words = {
            **_words(url, settings),
            **{name: _quoted(url, value) for name, value in found.items()},
            "line": line,
            "code": codes[0],
        }
        fix = [cause.fix.format(**words)] if cause.fix else []
        said = cause.said.format(**words)
        return Explanation(said, fix, cause.of_url, cause.name, code)
    return Explanation(line, [])


def codes_of(error: BaseException | None) -> set[Code]:
    """Return the codes that a driver's error has: SQLSTATE, errno or SQLite's names."""
    # PyMySQL and mysqlclient; the SQLSTATE that MariaDB has too is one for many causes.
    number = next(iter(getattr(error, "args", ())), None)
    if isinstance(number, int):
        return {number}
    # SQLite has SQLITE_BUSY, and SQLITE_BUSY_SNAPSHOT for a kind of it.
    if name := getattr(error, "sqlite_errorname", None):
        return {name, "_".join(name.split("_")[:2])}
    # psycopg, psycopg2
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    return {state} if state else set()


def _codes(error: BaseException | None, url: URL, *, connected: bool) -> Iterator[Code]:
    """Yield the codes of an error, the narrowest first, and those in place of none."""
    known = codes_of(error)
    yield from sorted(known, key=lambda code: -len(str(code)))
    reasons = [getattr(error, "original_exception", None)]  # PyMySQL keeps it
    if url.get_backend_name() == "postgresql" and not known:
        if connected:
            yield BROKEN
            return
        yield UNSAID
        reasons.append(_probe(error, url))
    yield from (_code_of_system(it) for it in reasons if it is not None)


def _code_of_system(error: Exception) -> str:
    """Return what connecting failed with, or NO_HOST for a name that is none."""
    if isinstance(error, socket.gaierror | UnicodeError):
        return NO_HOST
    if isinstance(error, TimeoutError):
        return "ETIMEDOUT"
    return errorcode.get(getattr(error, "errno", None) or 0, "")


def _probe(error: BaseException | None, url: URL) -> Exception | None:
    """Ask the system why no server answers: libpq has words for it, and no errno."""
    if type(error).__name__ == "ConnectionTimeout":  # psycopg
        return TimeoutError()
    tried: Any = getattr(error, "pgconn", None)
    host = tried.host.decode() if tried and tried.host else url.host or ""
    port = int(tried.port) if tried and tried.port else _port(url)
    try:
        if host.startswith("/"):
            with socket.socket(socket.AF_UNIX) as unix:
                unix.connect(f"{host}/.s.PGSQL.{port}")
        elif host:
            socket.create_connection((host, port), SECONDS_TO_PROBE).close()
    except (OSError, UnicodeError) as found:
        return found
    return None


def _message(error: BaseException | None) -> str:
    """Return what a server says by itself: no details, and not the statement."""
    diag = getattr(error, "diag", None)
    if primary := getattr(diag, "message_primary", None):
        return str(primary)
    # PyMySQL's errors are a number and a text.
    text = str([error, *getattr(error, "args", [])][-1])
    # libpq says first to which server it spoke.
    return text.partition("FATAL:  ")[2].partition("\n")[0] or text


def _found(
    messages: tuple[str, ...], message: str, names: dict[str, str]
) -> dict[str, str] | None:
    """Return the names in the one of some messages that this one is as a whole."""
    if not messages:
        return {}
    for each in messages:
        parts = re.split(r"\{(\w+)\}", each)
        pattern = "".join(
            (re.escape(names[part]) if part in names else f"(?P<{part}>{NAMES[part]})")
            if number % 2
            else re.escape(part)
            for number, part in enumerate(parts)
        )
        if found := re.fullmatch(pattern, message, re.DOTALL):
            return found.groupdict()
    return None


def _names(url: URL) -> dict[str, str]:
    """Return the names that a server repeats from the URL, as libpq fills them in."""
    user = url.username or _login()
    return {"plain_user": user, "plain_database": url.database or user}


def _login() -> str:
    try:
        return getuser()
    except (ImportError, KeyError, OSError):
        return ""


def _words(url: URL, settings: Settings) -> dict[str, object]:
    names = _names(url)
    return {
        **names,
        "user": _quoted(url, names["plain_user"]),
        "database": _quoted(url, names["plain_database"]),
        "host": url.host,
        "place": _place(url),
        "problem": _unopened(Path(url.database or "")),
        "lock_timeout": settings.variable("MIGRATION_LOCK_TIMEOUT"),
    }


def _place(url: URL) -> str:
    """Return where a server is looked for: a host and a port, or a socket."""
    given = url.host or url.query.get("host") or url.query.get("unix_socket")
    host = given if isinstance(given, str) else "localhost"
    return host if host.startswith("/") else f"{host}:{_port(url)}"


def _port(url: URL) -> int:
    return url.port or {"postgresql": 5432}.get(url.get_backend_name(), 3306)


def _quoted(url: URL, name: str) -> str:
    """Return a name as a statement that somebody types has it."""
    # A driver's parameters would double each percent sign.
    dialect: Any = url.get_dialect()
    preparer = dialect(paramstyle="named").identifier_preparer
    mysql = url.get_backend_name() in {"mysql", "mariadb"}
    return str(preparer.quote_identifier(name) if mysql else preparer.quote(name))


def _unopened(file: Path) -> str:
    """Find out what SQLite means by "unable to open database file"."""
    if file.is_dir():
        return f"{file} is a folder"
    if not file.parent.is_dir():
        return f"there is no folder {file.parent}"
    verb = "open" if file.exists() else "create"
    return f"you may not {verb} {file}"


def _line(error: BaseException | None, url: URL) -> str:
    """Return the lines of a server's message that a person is shown, as one."""
    diag = getattr(error, "diag", None)
    primary = getattr(diag, "message_primary", None)
    text = str(primary or [error, *getattr(error, "args", [])][-1])
    lines = [line.strip() for line in text.splitlines() if line.strip()][:1]
    if detail := getattr(diag, "message_detail", None):
        lines.append(f"DETAIL:  {'; '.join(detail.splitlines())}")
    said = "; ".join(lines)
    return said.replace(str(url.password), "***") if url.password else said
