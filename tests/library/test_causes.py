"""The cause of an error is what its code says, whatever stands in my rows and names."""

import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from itertools import takewhile
from typing import Any

import pytest
from alembic_lossless import Settings
from alembic_lossless.runtime.causes import (
    CAUSES,
    UNSAID,
    Cause,
    Code,
    Explanation,
    codes_of,
    explain,
)
from environment import Environment
from scripts import ask, empty, file_of, user_of, write
from servers import ON_SQLITE, engine_of
from sqlalchemy import URL, Connection, create_engine, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

Act = Callable[[Connection, str], None]


def why(url: str, act: Act) -> tuple[DBAPIError, Explanation]:
    """Do what fails, and return the error and what it is said to mean."""
    try:
        with create_engine(url, poolclass=NullPool).connect() as connection:
            act(connection, url)
    except DBAPIError as error:
        where = getattr(error, "url", make_url(url))
        connected = error.statement is not None
        return error, explain(error.orig, where, Settings(), connected=connected)
    raise AssertionError("it did not fail")


def run(*statements: str) -> Act:
    """Return what runs statements, of which the last one fails."""

    def act(connection: Connection, _url: str) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    return act


def deadlock(connection: Connection, url: str) -> None:
    """Wait for another that waits for this one: the server ends one of them."""
    failed = []
    both = threading.Barrier(2)

    def take(mine: Connection, first: int, second: int) -> None:
        statement = "UPDATE d SET id = id WHERE id = {}"
        try:
            mine.exec_driver_sql(statement.format(first))
            both.wait()
            mine.exec_driver_sql(statement.format(second))
        except DBAPIError as error:
            failed.append(error)
        mine.rollback()

    make = ("CREATE TABLE d (id int primary key)", "INSERT INTO d VALUES (1), (2)")
    run(*make)(connection, url)
    connection.commit()
    with engine_of(url).connect() as other:
        thread = threading.Thread(target=take, args=(other, 2, 1))
        thread.start()
        take(connection, 1, 2)
        thread.join()
    raise failed[0]


def lock(connection: Connection, url: str) -> None:
    """Want a table that another has."""
    postgresql = url.startswith("postgresql")
    wait = "SET lock_timeout = 50" if postgresql else "SET lock_wait_timeout = 1"
    run("CREATE TABLE l (id int primary key)")(connection, url)
    connection.commit()
    with engine_of(url).connect() as other:
        other.exec_driver_sql("SELECT * FROM l")
        run(wait, "DROP TABLE l")(connection, url)


def lost(connection: Connection, _url: str) -> None:
    """Go on when the server has ended the connection."""
    raw: Any = connection.connection.dbapi_connection
    with suppress(
        raw.OperationalError if hasattr(raw, "OperationalError") else Exception
    ):
        raw.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    connection.exec_driver_sql("SELECT 1")


def read_only(_connection: Connection, url: str) -> None:
    """Write to a file that is open for reading."""
    path = f"sqlite:///file:{file_of(url)}?mode=ro&uri=true"
    ask(url, "CREATE TABLE t (id)")
    with engine_of(path).connect() as connection:
        connection.exec_driver_sql("DROP TABLE t")


def damaged(connection: Connection, url: str) -> None:
    """Read a file that something else wrote over."""
    rows = ["INSERT INTO t VALUES (zeroblob(999))"] * 9
    run("CREATE TABLE t (id)", *rows)(connection, url)
    connection.commit()
    path = file_of(url)
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 9999)
    with engine_of(url).connect() as other:
        other.exec_driver_sql("SELECT * FROM t")


def no_database(_connection: Connection, url: str) -> None:
    """Read a file of another kind."""
    file_of(url).write_text("Dear diary, " * 999)
    with engine_of(url).connect() as other:
        other.exec_driver_sql("SELECT * FROM sqlite_master")


def busy(connection: Connection, url: str) -> None:
    """Write while somebody else does."""
    with closing(sqlite3.connect(file_of(url))) as other:
        other.execute("BEGIN IMMEDIATE")
        run("PRAGMA busy_timeout = 0", "CREATE TABLE t (id)")(connection, url)


def still_read(connection: Connection, url: str) -> None:
    """Drop a table of which a query still has rows to give."""
    run("CREATE TABLE t (id)", "INSERT INTO t VALUES (1), (2)")(connection, url)
    connection.commit()
    raw: Any = connection.connection.dbapi_connection
    rows = raw.execute("SELECT * FROM t")
    rows.fetchone()
    connection.exec_driver_sql("DROP TABLE t")


def at(**parts: Any) -> Act:
    """Return what connects to another place than the database of the test."""

    def act(_connection: Connection, url: str) -> None:
        _connect(make_url(url).set(**parts))

    return act


def _connect(where: URL, *statements: str, times: int = 1) -> None:
    try:
        with ExitStack() as stack:
            for _ in range(times):
                engine = create_engine(where, poolclass=NullPool)
                connection = stack.enter_context(engine.connect())
            run(*statements)(connection, "")
    except DBAPIError as error:
        vars(error)["url"] = where
        raise


def as_user(*statements: str, rights: tuple[str, ...] = (), **parts: Any) -> Act:
    """Return what a user of the server does who has these rights.

    :param parts: what in the user's URL is wrong.
    """

    def act(_connection: Connection, url: str) -> None:
        with user_of(url, *rights) as own:
            _connect(make_url(own).set(**parts), *statements)

    return act


def twice(_connection: Connection, url: str) -> None:
    """Connect twice as a user who may once."""
    with user_of(url, GRANTED, LIMIT) as own:
        _connect(make_url(own), times=2)


LIMIT = "ALTER USER {user} WITH MAX_USER_CONNECTIONS 1"
GRANTED = "GRANT SELECT ON {database}.* TO {user}"
CREATE = "CREATE TABLE t (id int primary key)"
VIEW = "CREATE VIEW v AS SELECT * FROM t"
OTHER_TYPE = "ALTER TABLE t ALTER id TYPE bigint"
IN_TIME = "the server gave a statement no more time"
NO_MORE = "the server takes no more connections"
ENDED = "the server ended the connection"
NO_CHANGES = "takes no changes"
NOT_THIS = "may not do this"
NO_PASSWORD = "or the password"  # noqa: S105  the words of a message
NOBODY = ("REVOKE CONNECT ON DATABASE {database} FROM PUBLIC",)
MEMORY = (
    "SET max_heap_table_size = 16384",
    "CREATE TABLE m (x VARCHAR(2000)) ENGINE=MEMORY",
    "INSERT INTO m SELECT repeat('x', 2000) FROM seq_1_to_100",
)

REAL: dict[str, list[tuple[Code, str, Act]]] = {
    "postgresql": [
        (UNSAID, "the server has no database 'no\"name'", at(database='no"name')),
        (UNSAID, NO_PASSWORD, at(username="nobody")),
        (UNSAID, NO_MORE, as_user(rights=("ALTER ROLE {user} CONNECTION LIMIT 0",))),
        (UNSAID, "may not connect to the database", as_user(rights=NOBODY)),
        ("ECONNREFUSED", "no server answers at 127.0.0.1:1", at(port=1)),
        ("ENOENT", "no server answers at /no", at(host="/no")),
        ("EAI_NONAME", "there is no host 'no.invalid'", at(host="no.invalid")),
        ("42501", NOT_THIS, as_user("SELECT pg_read_file('/etc/passwd')")),
        ("42501", "may make no schema", as_user("CREATE SCHEMA s")),
        ("42501", "which is not", as_user("ALTER TABLE t ADD n int", rights=(CREATE,))),
        ("42501", "which is not", as_user("SELECT * FROM t", rights=(CREATE,))),
        ("42501", "which tells", as_user("SELECT * FROM pg_authid")),
        ("3F000", "there is no schema", run("SET search_path = no", CREATE)),
        ("25006", NO_CHANGES, run("SET TRANSACTION READ ONLY", CREATE)),
        ("08006", ENDED, lost),
        ("57P01", ENDED, run("SELECT pg_terminate_backend(pg_backend_pid())")),
        ("55P03", "it waited too long", lock),
        ("40P01", "it and another query waited", deadlock),
        ("57014", IN_TIME, run("SET statement_timeout = 9", "SELECT pg_sleep(9)")),
        ("57014", "somebody ended", run("SELECT pg_cancel_backend(pg_backend_pid())")),
        ("42P07", "already exists", run(CREATE, CREATE)),
        ("2BP01", "other objects depend on it", run(CREATE, VIEW, "DROP TABLE t")),
        ("0A000", "cannot alter type", run(CREATE, VIEW, OTHER_TYPE)),
    ],
    "mariadb": [
        (1049, "the server has no database 'no`name'", at(database="no`name")),
        (1698, NO_PASSWORD, at(username="nobody")),
        (1045, NO_PASSWORD, as_user(password="wrong")),  # noqa: S106
        (1044, "has no rights on the database", as_user()),
        (2003, "no server answers at 127.0.0.1:1", at(port=1)),
        ("EAI_NONAME", "there is no host 'no.invalid'", at(host="no.invalid")),
        (1226, NO_MORE, twice),
        (1142, "command denied", as_user(CREATE, rights=(GRANTED,))),
        (1227, NOT_THIS, as_user("SET GLOBAL read_only = 1", rights=(GRANTED,))),
        (1792, NO_CHANGES, run(CREATE, "START TRANSACTION READ ONLY", "DELETE FROM t")),
        (1114, "the server has no room", run(*MEMORY)),
        (1205, "it waited too long", lock),
        (1213, "it and another query waited", deadlock),
        (1317, "somebody ended", run("KILL QUERY CONNECTION_ID()")),
        (1969, IN_TIME, run("SET max_statement_time = 0.1", "SELECT sleep(9)")),
        (1927, ENDED, run("KILL CONNECTION_ID()")),
        (1050, "already exists", run(CREATE, CREATE)),
    ],
    "sqlite": [
        ("SQLITE_CANTOPEN", "there is no folder /no", at(database="/no/such")),
        ("SQLITE_READONLY", "may not be written to", read_only),
        ("SQLITE_NOTADB", "is not a SQLite database", no_database),
        ("SQLITE_CORRUPT", "the file is damaged", damaged),
        (
            "SQLITE_FULL",
            "there is no room",
            run(CREATE, "PRAGMA max_page_count = 1", "CREATE TABLE u (id)"),
        ),
        ("SQLITE_BUSY", "another process", busy),
        ("SQLITE_LOCKED", "a query of this connection", still_read),
        ("SQLITE_ERROR", "table t already exists", run(CREATE, CREATE)),
        (
            "SQLITE_ERROR",
            "Cannot add a column to a view",
            run("CREATE VIEW v AS SELECT 1", "ALTER TABLE v ADD n int"),
        ),
    ],
}
"""A code, a part of what it means, and what really brings it about."""


SIGNALLED: dict[str, dict[Code, str]] = {
    "postgresql": dict.fromkeys(["53100", "57P02"], "words"),
    "mariadb": {
        **dict.fromkeys([1021, 1040, 1053, 1129, 1130, 1143, 1203], "words"),
        **dict.fromkeys([1370, 1419, 1836, 3024, 4031], "words"),
        1030: 'Got error 28 "No space left on device" from storage engine InnoDB',
        1290: "The MariaDB server is running with the --read-only option so it cannot"
        " execute this statement",
    },
}
"""Codes that a server is told to give: it would have to be broken, or another one."""

OF_OTHERS: set[Code] = {
    *("ECONNRESET", "EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT"),  # of the network
    *(2002, 2005, 2055),  # of mysqlclient
    *(0, 2006, 2013),  # PyMySQL's, of a connection that broke
    *("SQLITE_IOERR", "SQLITE_PERM"),  # of a disk
    *("26000", "42P05"),  # of a pooler: test_poolers.py
}


def cases() -> Iterator[Any]:
    """Yield the cases with the database of each."""
    for kind, some in REAL.items():
        for number, (code, said, act) in enumerate(some):
            yield pytest.param(kind, code, said, act, id=f"{kind} {number} {code}")


@pytest.mark.parametrize(
    ("database_url", "code", "said", "act"), [*cases()], indirect=["database_url"]
)
def test_a_code_is_the_servers_own(
    database_url: str, code: Code, said: str, act: Act
) -> None:
    """A server really says this code, and I read what it means."""
    error, known = why(database_url, act)
    assert known.code == code, (error.orig, codes_of(error.orig))
    assert said in known.said


@pytest.mark.parametrize("database_url", SIGNALLED, indirect=True)
def test_a_code_that_a_server_is_told_to_give(database_url: str) -> None:
    """A server has no room, or is another one: I read what its code means."""
    postgresql = database_url.startswith("postgresql")
    for code, words in SIGNALLED["postgresql" if postgresql else "mariadb"].items():
        statement = f"SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {code}, MESSAGE_TEXT ="
        if postgresql:
            statement = f"DO $$ BEGIN RAISE '{words}' USING ERRCODE = '{code}'; END $$"
        else:
            statement += f" '{words}'"
        _, known = why(database_url, run(statement))
        assert known.code == code
        assert known.advice


def test_each_code_has_a_case() -> None:
    """The table knows no code that nobody saw."""
    seen = {code for some in REAL.values() for code, _, _ in some}
    seen |= {code for some in SIGNALLED.values() for code in some} | OF_OTHERS
    assert seen == {code for cause in CAUSES for code in cause.codes}


WORDS = """
unable to open database file|attempt to write a readonly database|disk I/O error
file is not a database|database disk image is malformed|malformed JSON
database or disk is full|database is locked|database table is locked
password authentication failed|Access denied; you need (at least one of) the SUPER
database "x" does not exist|Unknown database 'x'|Connection refused|timeout expired
terminating connection due to administrator command|MySQL server has gone away
Lost connection to MySQL server during query|Lock wait timeout exceeded; 1205
Deadlock found when trying to get lock; try restarting transaction|deadlock detected
cannot execute CREATE TABLE in a read-only transaction|No space left on device
INSERT command denied to user 'x'@'y' for table 't'|Query execution was interrupted
cannot drop table a because other objects depend on it|view v depends on table a
table t already exists|relation "t" already exists|Table 't' already exists
"""
"""What servers say of the causes whose messages the table need not know."""


def words_of(cause: Cause) -> Iterator[str]:
    """Yield what a server might say of a cause."""
    for text in (*cause.messages, cause.said):
        yield re.sub(r"\{(\w+)\S*?\}", r"\1", text)
    yield from (f"error {code}" for code in cause.codes)


def words() -> list[str]:
    """Return what the servers say of all causes."""
    own = [it for cause in CAUSES for it in words_of(cause)]
    return [*dict.fromkeys([*re.split(r"[|\n]", WORDS.strip()), *own])]


REFERENCES = "FOREIGN KEY (x) REFERENCES p (x)"
PARENT = "CREATE TABLE p (x varchar(200) primary key)"
UNIQUE = "CREATE TABLE u (x varchar(200) primary key)"
INSERT = "INSERT INTO u VALUES ({text})"
NAMES: tuple[tuple[str, ...], ...] = (
    ('SELECT * FROM "{name}"',),
    ('SELECT t."{name}" FROM (SELECT 1 AS x) AS t',),
    ('CREATE TABLE u (x int, CONSTRAINT "{name}" CHECK (x > 9))', INSERT[:-9] + "(1)"),
    (
        PARENT,
        f'CREATE TABLE c (x varchar(200), CONSTRAINT "{{name}}" {REFERENCES})',
        "INSERT INTO c VALUES ('a')",
    ),
)
ROWS: tuple[tuple[str, ...], ...] = (
    (UNIQUE, INSERT, INSERT),
    ("CREATE TABLE u (x varchar(200) CHECK (length(x) > 900))", INSERT),
    (
        "CREATE TABLE u (x varchar(200), y int NOT NULL)",
        "INSERT INTO u VALUES ({text}, 0)",
        "INSERT INTO u VALUES ({text}, NULL)",
    ),
)
KEY = (
    PARENT,
    f"CREATE TABLE c (x varchar(200), {REFERENCES})",
    "INSERT INTO c VALUES ({text})",
)
RAISE = "CREATE TRIGGER g BEFORE INSERT ON u BEGIN SELECT RAISE(ABORT, {text}); END"
DATA: dict[str, tuple[tuple[str, ...], ...]] = {
    "postgresql": (
        *NAMES,
        *ROWS,
        KEY,
        ("SELECT CAST({text} AS integer)",),
        ("SELECT CAST({text} AS json)",),
        ("CREATE TABLE t (x int DEFAULT {text})",),
        ("DO $$ BEGIN RAISE '%%', {text} USING DETAIL = {text}; END $$",),
    ),
    "mariadb": (
        *(tuple(it.replace('"', "`") for it in each) for each in NAMES),
        *ROWS,
        KEY,
        ("CREATE TABLE u (x int)", INSERT),
        ("CREATE TABLE t (x int DEFAULT {text})",),
        ("SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = {text}",),
    ),
    "sqlite": (
        *NAMES[:3],
        *ROWS,
        ('CREATE TABLE u ("{name}" text primary key)', INSERT, INSERT),
        ("SELECT json_extract({text}, '$.x')",),
        ("CREATE TABLE u (x INTEGER PRIMARY KEY)", INSERT.replace("})", "} || 'x')")),
        (UNIQUE, RAISE, INSERT),
    ),
}
"""Statements that fail because of what is in a row, a name or a default."""


@pytest.mark.parametrize(
    ("database_url", "statements"),
    [(kind, it) for kind, some in DATA.items() for it in some],
    indirect=["database_url"],
)
def test_no_word_of_mine_is_a_cause(
    database_url: str, statements: tuple[str, ...]
) -> None:
    """The words of each cause are in rows, names and defaults of mine: no matter."""
    once = [*takewhile(lambda it: "{" not in it, statements)]
    repeated = statements[len(once) :]
    made = [it[13] for it in repeated if it.startswith("CREATE TABLE ")]
    with engine_of(database_url).connect() as connection:
        run(*once)(connection, database_url)
        connection.commit()
        for each in words():
            said = meaning_of(connection, repeated, each)
            for table in made:
                connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table}")
            connection.commit()
            assert (said.code, said.of_url, said.advice) == (None, False, []), each


def meaning_of(
    connection: Connection, statements: tuple[str, ...], words: str
) -> Explanation:
    """Run statements with words in them, and return what their error means."""
    text = "'{}'".format(words.replace("'", "''")[:120])
    name = words.replace('"', "").replace("`", "")[:60].strip()
    try:
        for statement in statements:
            connection.exec_driver_sql(statement.format(text=text, name=name))
    except DBAPIError as error:
        connection.rollback()
        url = connection.engine.url
        return explain(error.orig, url, Settings(), connected=True)
    raise AssertionError(f"{statements} did not fail with {words}")


@ON_SQLITE
def test_a_row_that_is_no_json(project: Environment, database_url: str) -> None:
    """A revision meets bad JSON in a row: nobody tells me to remove the file."""
    shop = empty(project.using(database_url))
    write(shop, "a", "op.execute(\"SELECT json_extract('{', '$.x')\")")
    said = shop.alembic("upgrade", "head", status=255).stdout
    assert "The upgrade of revision a failed: malformed JSON" in said
    assert "remove" not in said
