"""What a text of SQL says is asked of the servers, and read here in the same way."""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import sqlalchemy as sa
from alembic_lossless import sql
from alembic_lossless.sql import Effect, Kind, Script
from alembic_lossless.types.portable import DIALECTS, dialect_named
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from servers import DATABASES, empty_database, engine_of
from sqlalchemy.sql.elements import quoted_name

SAMPLE = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
SIGNS = st.sampled_from([*"'\"`[]\\$%:;#-/*!?@ \n\tabEexNn0_.(),ü🌍", "--", "/*", "*/"])
TEXTS = st.lists(SIGNS, max_size=12).map("".join)
NAMES = TEXTS.filter(lambda it: it.strip() == it != "")


@pytest.fixture(scope="module", params=DATABASES)
def connection(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[sa.Connection]:
    """Give a connection to an empty database, with a table, that commits by itself."""
    with empty_database(request.param, tmp_path_factory.mktemp("sql")) as url:
        with engine_of(url, "AUTOCOMMIT").connect() as connection:
            yield connection
        engine_of(url, "AUTOCOMMIT").dispose()


def run(connection: sa.Connection, statement: str) -> Any:
    """Run a text as it is, without anything that SQLAlchemy or a driver does to it."""
    raw: Any = connection.connection.dbapi_connection
    with_parameters = connection.dialect.name == "postgresql"
    cursor = raw.cursor()
    cursor.execute(statement, *([None] if with_parameters else []))
    return cursor


@SAMPLE
@given(text=TEXTS)
@pytest.mark.parametrize("name", ["", *DIALECTS])
def test_nothing_of_a_text_is_left_out(name: str, text: str) -> None:
    """A text can be put together again from its pieces, even if it is no SQL."""
    dialect = dialect_named(name) if name else None
    assert "".join(it.text for it in sql.tokens(text, dialect)) == text


@SAMPLE
@given(value=TEXTS)
def test_a_value_is_read_as_the_server_reads_it(
    connection: sa.Connection, value: str
) -> None:
    """A value that is written is what the server gives, and what is read."""
    written = sql.literal(value, connection.dialect)
    (token,) = sql.tokens(written, connection.dialect)
    assert (token.kind, token.value) == (Kind.STRING, value)
    assert run(connection, f"SELECT {written}").fetchone() == (value,)
    assert connection.scalar(sql.text(f"SELECT {written}")) == value


@SAMPLE
@given(name=NAMES)
def test_a_name_is_read_as_the_server_reads_it(
    connection: sa.Connection, name: str
) -> None:
    """A name that is quoted names a column on the server, and is one name here."""
    assume(
        connection.dialect.name != "mariadb" or "🌍" not in name
    )  # its names have none
    written = sql.quoted(name, connection.dialect)
    (token,) = sql.tokens(written, connection.dialect)
    assert token.is_name
    assert token.value == name
    query = f"SELECT {written} FROM (SELECT 1 AS {written}) AS t"  # noqa: S608
    assert run(connection, query).description[0][0] == name
    assert connection.execute(sql.text(query)).keys() == {name}


STRINGS = {
    "sqlite": ["'it''s'", "'\\'", "'-- no'", "'/* no'"],
    "postgresql": [
        *("'it''s'", "'\\'", r"E'a\'b''c\\'", r"E'\x41\101\u00fc\U0001F30D\n\q'"),
        *("$$it's$$", "$a$ $$ $b$ $a$", r"U&'d\0061t\+000061 \\'", "N'x'", "$ü$'$ü$"),
    ],
    "mariadb": [
        *("'it''s'", r"'it\'s'", r"'\\'", '"it\'s"', '"a""b"', r'"\""', "N'x'"),
        *(r"'\0\b\n\r\t\Z\q\%\_'", "_utf8mb4'x'", "'-- no'", "'# no'"),
    ],
}


def test_each_way_to_write_a_string_is_read(connection: sa.Connection) -> None:
    """Escapes, prefixes and dollar quotes say here what they say to the server."""
    for written in STRINGS[connection.dialect.name]:
        (expected,) = run(connection, f"SELECT {written}").fetchone()
        assert sql.string_in(written, connection.dialect) == expected, written


COMMENTS = {
    "sqlite": [
        "1 -- x\n + 1",
        "1 --x\n + 1",
        "1 /* ' */ + 1",
        "1 /* /* */ + 1",
        "1--'",
    ],
    "postgresql": ["1 -- x\n + 1", "1 --x\n + 1", "1 /* /* ' */ ' */ + 1", "1--'"],
    "mariadb": [
        *("1 -- x\n + 1", "1 --1", "1 # '\n + 1", "1 /* ' */ + 1", "1 /*! + 1 */"),
        *("1 /*M! + 1 */", "1 /*!50101 + 1 */", "1 /* /* */ + 1", "1 --\n"),
    ],
}


def test_comments_say_nothing(connection: sa.Connection) -> None:
    """What is taken for a comment can be left out, and what is none is read."""
    for text in COMMENTS[connection.dialect.name]:
        pieces = sql.significant(text, connection.dialect)
        without = " ".join(it.text for it in pieces)
        expected = run(connection, f"SELECT {text}").fetchone()
        assert run(connection, f"SELECT {without}").fetchone() == expected, text
        assert not any(it.value.strip("'") in {"", "x"} for it in pieces), text


EXECUTED = {
    "postgresql": {
        "SELECT 1": Effect.NOTHING,
        "(SELECT 1)": Effect.NOTHING,
        "/* INSERT */ TABLE t": Effect.NOTHING,
        "VALUES (1)": Effect.NOTHING,
        "SHOW search_path": Effect.NOTHING,
        "SET search_path = public": Effect.NOTHING,
        "EXPLAIN INSERT INTO t VALUES (9)": Effect.NOTHING,
        "EXPLAIN (ANALYZE false) INSERT INTO t VALUES (9)": Effect.NOTHING,
        "EXPLAIN ANALYZE SELECT 1": Effect.NOTHING,
        "WITH x AS (SELECT 1) SELECT * FROM x": Effect.NOTHING,
        "WITH x (update) AS (SELECT 1) SELECT replace('a', 'b', 'c') FROM x": (
            Effect.NOTHING
        ),
        "COPY (SELECT 1) TO '/dev/null'": Effect.NOTHING,
        "PREPARE p AS INSERT INTO t VALUES (9)": Effect.NOTHING,
        "SELECT 1; SELECT ';'": Effect.NOTHING,
        "INSERT INTO t VALUES (9)": Effect.ROWS,
        "UPDATE t SET id = id": Effect.ROWS,
        "DELETE FROM t": Effect.ROWS,
        "TRUNCATE t": Effect.ROWS,
        "COPY (INSERT INTO t VALUES (9) RETURNING id) TO '/dev/null'": Effect.ROWS,
        "WITH x AS (SELECT 9) INSERT INTO t SELECT * FROM x": Effect.ROWS,
        "WITH x AS (DELETE FROM t RETURNING id) SELECT * FROM x": Effect.ROWS,
        "WITH x AS NOT MATERIALIZED (DELETE FROM t RETURNING id) TABLE x": Effect.ROWS,
        "EXPLAIN ANALYZE INSERT INTO t VALUES (9)": Effect.ROWS,
        "EXPLAIN (COSTS off, ANALYZE) DELETE FROM t": Effect.ROWS,
        "SELECT 1; DELETE FROM t": Effect.ROWS,
        "SELECT 1 AS a INTO made FROM t": Effect.ANYTHING,
        "CREATE TABLE made (id int)": Effect.ANYTHING,
        "COMMENT ON TABLE t IS 'INSERT'": Effect.ANYTHING,
    },
    "mariadb": {
        "SELECT 1": Effect.NOTHING,
        "SHOW TABLES": Effect.NOTHING,
        "DESC t": Effect.NOTHING,
        "SET @x = 1": Effect.NOTHING,
        "DO 1": Effect.NOTHING,
        "EXPLAIN INSERT INTO t VALUES (9)": Effect.NOTHING,
        "WITH x AS (SELECT 1) SELECT * FROM x": Effect.NOTHING,
        "SELECT 'a; DROP TABLE t'": Effect.NOTHING,
        "SELECT 1 INTO @x": Effect.NOTHING,
        "SAVEPOINT a": Effect.NOTHING,
        "INSERT INTO t VALUES (9)": Effect.ROWS,
        "REPLACE t VALUES (9)": Effect.ROWS,
        "UPDATE t SET id = id + 1": Effect.ROWS,
        "/*! DELETE FROM */ t": Effect.ROWS,
        "ANALYZE DELETE FROM t": Effect.ROWS,
        "ANALYZE FORMAT=JSON DELETE FROM t": Effect.ROWS,
        "SET STATEMENT max_statement_time = 9 FOR DELETE FROM t": Effect.ROWS,
        "TRUNCATE t": Effect.ANYTHING,
        "CREATE TABLE made (id int)": Effect.ANYTHING,
        "DROP TABLE IF EXISTS made": Effect.ANYTHING,
        "SET STATEMENT max_statement_time = 9 FOR ALTER TABLE t COMMENT 'x'": (
            Effect.ANYTHING
        ),
        "/*!50101 ALTER TABLE t COMMENT 'x' */": Effect.ANYTHING,
        "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW IF NEW.id > 7"
        " THEN SET NEW.id = 8; ELSE SET NEW.id = NEW.id; END IF": Effect.ANYTHING,
    },
    "sqlite": {
        "SELECT 1": Effect.NOTHING,
        "PRAGMA table_info(t)": Effect.NOTHING,
        "EXPLAIN DELETE FROM t": Effect.NOTHING,
        "EXPLAIN QUERY PLAN DELETE FROM t": Effect.NOTHING,
        "WITH x AS (SELECT 1) SELECT * FROM x": Effect.NOTHING,
        "INSERT INTO t VALUES (9)": Effect.ROWS,
        "REPLACE INTO t VALUES (9)": Effect.ROWS,
        "WITH x AS (SELECT 9) INSERT INTO t SELECT * FROM x": Effect.ROWS,
        "CREATE TABLE made (id int)": Effect.ANYTHING,
        "PRAGMA user_version = 3": Effect.ANYTHING,
        "ANALYZE": Effect.ANYTHING,
        "REINDEX": Effect.ANYTHING,
    },
}
READ_ONLY = {
    "postgresql": ("BEGIN READ ONLY", "ROLLBACK"),
    "mariadb": ("START TRANSACTION READ ONLY", "ROLLBACK"),
    "sqlite": ("PRAGMA query_only = 1", "PRAGMA query_only = 0"),
}
UNEXPLAINED = {
    ("sqlite", "ANALYZE"),  # it passes where it finds nothing to do
    ("sqlite", "REINDEX"),
    ("mariadb", "EXPLAIN INSERT INTO t VALUES (9)"),  # refused, and changes nothing
}
"""Where a refusal does not tell what is changed."""

REFUSED = ("25006", 1792, "attempt to write a readonly database")
"""What the databases say where only reading is allowed."""


def refusal_of(connection: sa.Connection, statement: str) -> Any:
    """Run a statement, and return what says which error it is, if it is refused."""
    try:
        run(connection, statement)
    except Exception as error:  # noqa: BLE001  each driver has its own
        return getattr(error, "sqlstate", None) or error.args[0]
    return None


@pytest.fixture
def table(connection: sa.Connection) -> sa.Connection:
    """Give a connection to a database that has one table, with one row."""
    for name in ("made", "t"):
        run(connection, f"DROP TABLE IF EXISTS {name}")
    run(connection, "CREATE TABLE t (id integer PRIMARY KEY)")
    run(connection, "INSERT INTO t VALUES (1)")
    return connection


def test_what_a_statement_changes_is_known(table: sa.Connection) -> None:
    """The server refuses, where only reading is allowed, what is said to write."""
    kind = table.dialect.name
    begin, end = READ_ONLY[kind]
    for text, expected in EXECUTED[kind].items():
        assert Script(text, table.dialect).effect is expected, text
        if (kind, text) in UNEXPLAINED:
            continue
        run(table, begin)
        code = refusal_of(table, text)
        run(table, end)
        assert code in {None, *REFUSED}, text
        commits = expected is Effect.ANYTHING and kind == "mariadb"
        assert commits or (code is not None) is (expected > Effect.NOTHING), text


COMMITTED = [
    *(it for it in EXECUTED["mariadb"] if "made" not in it and "TRIGGER" not in it),
    *("CREATE TEMPORARY TABLE tmp (id int)", "DROP TEMPORARY TABLE tmp"),
    *("CREATE TABLE made (id int)", "ALTER TABLE made COMMENT 'x'", "DROP TABLE made"),
    *("CREATE VIEW v AS SELECT 1", "DROP VIEW v", "LOCK TABLES t WRITE", "BEGIN"),
    *("ANALYZE TABLE t", "ANALYZE LOCAL TABLE t", "FLUSH STATUS", "SET autocommit = 1"),
    *("COMMIT", "ROLLBACK", "ROLLBACK TO b", "RELEASE SAVEPOINT b"),
    *("GRANT SELECT ON *.* TO CURRENT_USER", "CREATE INDEX i ON t (id)"),
    "OPTIMIZE TABLE t",
]


@pytest.mark.parametrize("connection", ["mariadb"], indirect=True)
def test_what_commits_itself_is_known(table: sa.Connection) -> None:
    """MariaDB keeps a row through a rollback behind what is said to commit it."""
    for number, text in enumerate(COMMITTED, 100):
        run(table, "CREATE TABLE IF NOT EXISTS kept (id int)")
        run(table, "SET autocommit = 0")
        run(table, "START TRANSACTION")
        run(table, f"INSERT INTO kept VALUES ({number})")  # noqa: S608
        run(table, "SAVEPOINT b")
        with suppress(Exception):
            run(table, text)
        run(table, "ROLLBACK")
        run(table, "UNLOCK TABLES")
        kept = run(table, f"SELECT 1 FROM kept WHERE id = {number}")  # noqa: S608
        run(table, "SET autocommit = 1")
        assert Script(text, table.dialect).commits_itself is bool(kept.fetchone()), text
    run(table, "DROP TABLE kept")


ALONE = {
    "postgresql": {
        "VACUUM t": True,
        "CREATE INDEX CONCURRENTLY i ON t (id)": True,
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (id)": True,
        "DROP INDEX CONCURRENTLY IF EXISTS i": True,
        "REINDEX TABLE CONCURRENTLY t": True,
        "REINDEX (VERBOSE) TABLE CONCURRENTLY t": True,
        "REINDEX SCHEMA public": True,
        "CREATE DATABASE nobody": True,
        "DROP DATABASE IF EXISTS nobody": True,
        "ALTER SYSTEM SET work_mem = '4MB'": True,
        "CLUSTER": True,
        "CREATE INDEX j ON t (id)": False,
        "REINDEX TABLE t": False,
        "ANALYZE t": False,
        "REFRESH MATERIALIZED VIEW CONCURRENTLY m": False,
        "INSERT INTO t SELECT 9 WHERE 'CONCURRENTLY' = 'VACUUM'": False,
        'CREATE TABLE "CONCURRENTLY" (id int)': False,
    },
    "sqlite": {
        "VACUUM": True,
        "DETACH other": False,
        "REINDEX": False,
        "ATTACH ':memory:' AS more": False,
        "CREATE INDEX j ON t (id)": False,
    },
}


@pytest.mark.parametrize("connection", ["sqlite", "postgresql"], indirect=True)
def test_what_a_transaction_refuses_is_known(table: sa.Connection) -> None:
    """A statement that runs alone is refused behind a BEGIN, and no other is."""
    if table.dialect.name == "postgresql":
        run(table, "CREATE MATERIALIZED VIEW m AS SELECT id FROM t")
        run(table, "CREATE UNIQUE INDEX u ON m (id)")
    else:
        run(table, "ATTACH ':memory:' AS other")
    for text, expected in ALONE[table.dialect.name].items():
        run(table, "BEGIN")
        code = refusal_of(table, text)
        run(table, "ROLLBACK")
        assert code in {None, "25001", "cannot VACUUM from within a transaction"}, text
        assert (code is not None) is expected, text
        assert Script(text, table.dialect).runs_alone is expected, text
    if table.dialect.name == "postgresql":
        run(table, "DROP MATERIALIZED VIEW m")
        added = Script("ALTER TYPE mood ADD VALUE 'calm'", table.dialect)
        assert added.runs_alone  # its value could not be used


TABLES = {
    "UPDATE t SET x = 1": (None, "t"),
    'UPDATE ONLY s."T t" SET x = 1': ("s", "T t"),
    "DELETE FROM s.t WHERE x IN (SELECT 1 FROM u)": ("s", "t"),
    "INSERT INTO t (a) SELECT a FROM u": (None, "t"),
    "INSERT OR REPLACE INTO t VALUES (1)": (None, "t"),
    "TRUNCATE TABLE t": (None, "t"),
    "ALTER TABLE IF EXISTS ONLY t ADD COLUMN x int": (None, "t"),
    "CREATE TABLE IF NOT EXISTS s.t (id int)": ("s", "t"),
    "CREATE TEMPORARY TABLE t AS SELECT 1": (None, "t"),
    "CREATE UNIQUE INDEX CONCURRENTLY i ON s.t (lower(x))": ("s", "t"),
    "CREATE INDEX IF NOT EXISTS i ON ONLY t USING gin (x)": (None, "t"),
    "CREATE TRIGGER a AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()": (None, "t"),
    "DROP TABLE IF EXISTS t": (None, "t"),
    "DROP INDEX i": None,
    "LOCK TABLE t IN SHARE MODE": (None, "t"),
    "SELECT 1 FROM t": None,
    "DROP SEQUENCE t": None,
}


@pytest.mark.parametrize("text", TABLES)
def test_the_table_of_a_statement_is_found(text: str) -> None:
    """The table that a statement is about is named as the database has it."""
    statement = Script(text, dialect_named("postgresql")).only
    assert statement is not None
    assert statement.table == TABLES[text]


def test_names_of_mariadb_are_read_as_its_own() -> None:
    """A table in backticks, and an index that an ALTER TABLE drops, are found."""
    dialect = dialect_named("mariadb")
    dropped = Script("DROP INDEX `i ``x` ON `s`.`t t`", dialect).only
    assert dropped is not None
    assert dropped.table == ("s", "t t")
    assert dropped.name_behind("DROP INDEX") == (None, "i `x")
    altered = Script("ALTER ONLINE TABLE t ADD x int, LOCK=NONE", dialect).only
    assert altered is not None
    assert altered.table == (None, "t")
    assert altered.has("LOCK = NONE")


SPLIT = {
    "postgresql": {
        "SELECT ';'; -- ;\n SELECT 2;": 2,
        "DO $$ BEGIN PERFORM 1; END $$": 1,
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT"
        " CASE WHEN true THEN 2 END; END; SELECT 3": 2,
        "": 0,
        " ; ;": 0,
    },
    "mariadb": {
        "SELECT 1; SELECT 2": 2,
        "BEGIN NOT ATOMIC SELECT 1; SELECT 2; END": 1,
        "CREATE TABLE `trigger` (id int); SELECT 1": 2,
        "CREATE TABLE event (id int); SELECT 1": 2,
        "CREATE OR REPLACE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END": 1,
    },
    "sqlite": {
        "CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 1; SELECT 2; END": 1,
        "SELECT [;]; SELECT 2": 2,
    },
}


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name in SPLIT for text in SPLIT[name]]
)
def test_statements_are_told_apart(name: str, text: str) -> None:
    """A semicolon in quotes, in a comment or in a routine ends no statement."""
    assert len(Script(text, dialect_named(name)).statements) == SPLIT[name][text]


COLUMNS = (
    *("length", "lower", "date", "day", "integer", "count", "x", "interval", "zone"),
    *("time", "text", "nocase", "y z", "c$", "ü", "Mixed", "%", 'q"', "year", "binary"),
)
"""Columns that are called like what is none, and some that must be quoted."""

EXPRESSIONS = {
    "length(text) > 2": ["text"],
    "abs(length) > lower": ["length", "lower"],
    "length (text) > 2 AND NOT lower > 3": ["text", "lower"],
    "x IN (1, length, 3)": ["x", "length"],
    "x BETWEEN day AND count": ["x", "day", "count"],
    "CASE WHEN x > 1 THEN day ELSE count END > 0": ["x", "day", "count"],
    "CAST(x AS integer) > 1": ["x"],
    "CAST(x AS integer) > integer": ["x", "integer"],
    "x IS NOT NULL OR day IS NULL": ["x", "day"],
    "t.x > t.day": ["x", "day"],
    "coalesce(text, 'day', 'length') = 'lower' -- count": ["text"],
    "x /* day */ > 1": ["x"],
    "('x') = text": ["text"],
    "x % day = 1": ["x", "day"],
}
OWN_EXPRESSIONS = {
    "sqlite": {
        "text COLLATE nocase = nocase": ["text", "nocase"],
        "date(text) = date": ["text", "date"],
        '[y z] > "c$" + `ü`': ["y z", "c$", "ü"],
        "text NOT GLOB 'x' AND x NOT NULL": ["text", "x"],
        '"q""" || \'"x"\' > mixed': ['q"', "Mixed"],
        "x IS day": ["x", "day"],
        "x ISNULL OR interval NOTNULL": ["x", "interval"],
    },
    "postgresql": {
        "extract(day FROM date) > year": ["date", "year"],
        "date > DATE '2026-01-31'": ["date"],
        "x::integer > interval": ["x", "interval"],
        "x::double precision > 1 AND x::numeric(9, 2) > day": ["x", "day"],
        "date::timestamp with time zone > '2026-01-31'": ["date"],
        "date + INTERVAL '1' day > date": ["date"],
        "text COLLATE \"C\" > 'x'": ["text"],
        '"y z" > "c$" + ü': ["y z", "c$", "ü"],
        '"Mixed" > "q"""': ["Mixed", 'q"'],
        "x IS NOT DISTINCT FROM day": ["x", "day"],
        "(x > 1) IS NOT UNKNOWN": ["x"],
        "(date AT TIME ZONE 'UTC') > '2026-01-31'": ["date"],
        "trim(both 'x' from text) = 'x'": ["text"],
        "substring(text from 1 for day) = 'x'": ["text", "day"],
        "x = ANY (ARRAY[1, day, count])": ["x", "day", "count"],
        "E'x\\'day' = text": ["text"],
        "$a$x$a$ = text": ["text"],
    },
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def columns(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[sa.Connection]:
    """Give a connection to a database with a table that has all the columns."""
    kinds = {"date": sa.DateTime, "text": sa.Text}
    table = sa.Table(
        "t",
        sa.MetaData(),
        *(sa.Column(name, kinds.get(name, sa.Integer)) for name in COLUMNS),
    )
    with (
        empty_database(request.param, tmp_path_factory.mktemp("columns")) as url,
        engine_of(url, "AUTOCOMMIT").connect() as connection,
    ):
        table.create(connection)
        yield connection


CHECKED = sa.text(
    "SELECT attname FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid"
    " AND attnum = ANY (conkey) WHERE conname = 'checked'"
)


def used(connection: sa.Connection, expression: str) -> set[str]:
    """Ask a database which columns of the table an expression uses."""
    raw: Any = connection.connection.dbapi_connection
    if connection.dialect.name == "postgresql":
        added = f"ALTER TABLE t ADD CONSTRAINT checked CHECK ({expression}\n) NOT VALID"
        connection.execute(sql.text(added))
        names = set(connection.scalars(CHECKED))
        connection.execute(sa.text("ALTER TABLE t DROP CONSTRAINT checked"))
        return names
    read = set[str]()

    def note(action: int, _table: str | None, column: str | None, *_: Any) -> int:
        if action == sqlite3.SQLITE_READ and column:
            read.add(column)
        return sqlite3.SQLITE_OK

    raw.set_authorizer(note)
    try:
        query = f"EXPLAIN SELECT 1 FROM t WHERE {expression}"  # noqa: S608
        raw.execute(query).close()
    finally:
        raw.set_authorizer(None)
    return read


def test_the_columns_of_an_expression_are_those_that_the_database_finds(
    columns: sa.Connection,
) -> None:
    """A column called like a function, a type or a unit is told from it."""
    dialect = columns.dialect
    every = {**EXPRESSIONS, **OWN_EXPRESSIONS[dialect.name]}
    for expression, expected in every.items():
        assert used(columns, expression) == set(expected), expression
        found = sql.columns_in(expression, COLUMNS, dialect)
        assert set(found) == set(expected), expression


def test_columns_are_renamed_and_nothing_else(columns: sa.Connection) -> None:
    """An expression with other names of its columns uses these, wherever they stand."""
    dialect = columns.dialect
    others = dict(zip(COLUMNS, [*COLUMNS[1:], COLUMNS[0]], strict=True))
    back = {new: old for old, new in others.items()}
    every = {**EXPRESSIONS, **OWN_EXPRESSIONS[dialect.name]}
    for expression, expected in every.items():
        changed = sql.renamed(expression, others, dialect)
        assert changed is not None
        assert set(sql.columns_in(changed, COLUMNS, dialect)) == {
            others[name] for name in expected
        }, expression
        again = sql.renamed(changed, back, dialect)
        assert sql.same(again or "", expression, dialect), (expression, changed, again)
        for name in COLUMNS:
            dropped = sql.renamed(expression, {name: None}, dialect)
            assert (dropped is None) is (name in expected), (expression, name)


SAME = [
    ("a > 1", "A>1"),
    ("((a > 1))", "a > 1"),
    ("(a > 1) AND (b < 2)", "a > 1 and b < 2"),
    ("((a > 1) AND (b < 2)) OR (c = 3)", "a > 1 AND b < 2 OR c = 3"),
    ("NOT (a = 1)", "NOT a = 1"),
    ("(a + b) + (c * d)", "a + b + c * d"),
    ("lower(\"a\") = 'X'", "lower((a)) = 'X'"),
    ("a BETWEEN (1) AND (2) AND (b > 1)", "a BETWEEN 1 AND 2 AND b > 1"),
    ("a IN (1, 2)", "(a) IN (1,2)"),
    ("a -- x\n > 1", "a > 1 /* y */"),
    ("a != 1", "a <> 1"),
    ("(a)::text = 'x'", "a::text = 'x'"),
    ("CASE WHEN (a > 1) THEN (b) END", "case when a > 1 then b end"),
]
DIFFERENT = [
    ("a = 'x'", "a = 'X'"),
    ("a = 'x y'", "a = 'xy'"),
    ("(a > 1 OR b > 1) AND c", "a > 1 OR b > 1 AND c"),
    ("((a > 1 OR b > 1)) AND c", "a > 1 OR b > 1 AND c"),
    ("NOT (a AND b)", "NOT a AND b"),
    ("a - (b - c)", "a - b - c"),
    ("a * (b + c)", "a * b + c"),
    ("-(a + b)", "-a + b"),
    ("a || (b + c)", "a || b + c"),
    ("lower(a)", "lower a"),
    ("'100%%'", "'100%'"),
    ("a IN (1)", "a IN 1"),
    ('"A" > 1', "a > 1"),
    ("(a COLLATE x)::text", "a COLLATE x::text"),
    ("a = (b IS NULL)", "a = b IS NULL"),
    ("(a = b) < c", "a = b < c"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spelling_makes_no_difference(one: str, other: str) -> None:
    """Space, comments, quotes, case and parentheses without effect do not count."""
    assert sql.same(one, other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_says_something_else_is_not_the_same(one: str, other: str) -> None:
    """Values count as they are, and so do parentheses that decide something."""
    assert not sql.same(one, other)


VALUES = st.sampled_from(["a", "b", "1", "2", "-1", "NULL"])


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    signs = [
        "+",
        "-",
        "*",
        "/",
        "=",
        "<>",
        "<",
        "AND",
        "OR",
        "IS",
        "||",
        "&",
        "BETWEEN 0 AND",
    ]
    sides = st.one_of(inner, inner.map("({})".format))
    two = st.tuples(sides, st.sampled_from(signs), sides).map(" ".join)
    calls = sides.map("abs({})".format)
    cases = st.tuples(sides, sides).map("CASE WHEN {0[0]} THEN {0[1]} END".format)
    return st.one_of(two, sides.map("NOT {}".format), calls, cases)


EXPRESSION = st.recursive(VALUES, _combined, max_leaves=6)


@settings(SAMPLE, max_examples=600)
@given(expression=EXPRESSION)
@pytest.mark.parametrize("name", ["sqlite", "postgresql", "mysql"])
def test_parentheses_that_are_left_out_change_no_value(
    name: str, expression: str
) -> None:
    """An expression has the same value without the parentheses that do not count."""
    bare = " ".join(sql.normal(expression, dialect_named(name)))
    assert sql.same(bare, expression, dialect_named(name))
    with sqlite3.connect(":memory:") as database:
        query = "SELECT {} FROM (SELECT 3 AS a, 5 AS b UNION SELECT 0, NULL) ORDER BY a"
        values = [
            database.execute(query.format(it)).fetchall() for it in (expression, bare)
        ]
    database.close()
    assert values[0] == values[1], bare


CREATED = """CREATE TABLE 'the t' ( -- a table, with (things
  "a ""b" INT NOT NULL DEFAULT (1 + 2) CONSTRAINT c CHECK ("a ""b" > 1),
  [on conflict] TEXT COLLATE "nocase" /* CHECK (x) */ UNIQUE ON CONFLICT IGNORE,
  strict AS (length('),(') + 1) STORED CHECK (strict > 0) CHECK(strict<9),
  PRIMARY KEY (strict COLLATE nocase DESC, "a ""b"),
  CONSTRAINT f FOREIGN KEY ([a "b]) REFERENCES o (x) DEFERRABLE INITIALLY DEFERRED
) WITHOUT ROWID, STRICT"""


def test_the_parts_of_a_table_are_read() -> None:
    """What a CREATE TABLE says of columns, keys, checks and itself is found."""
    items = sql.items(CREATED, dialect_named("sqlite"))
    named = {it.column: it for it in items if it.column}
    assert list(named) == ['a "b', "on conflict", "strict"]
    assert named['a "b'].checks == [("c", '"a ""b" > 1')]
    assert named["on conflict"].collation == "nocase"
    assert named["on conflict"].count("ON CONFLICT") == 1
    assert named["strict"].checks == [(None, "strict > 0"), (None, "strict<9")]
    assert named["strict"].computed == "length('),(') + 1"
    key, foreign, options = items[3:]
    assert key.is_key
    assert key.groups == ['strict COLLATE nocase DESC, "a ""b"']
    assert sql.has_order(key.groups[0])
    assert (foreign.constraint, foreign.count("INITIALLY DEFERRED")) == ("f", 1)
    assert options.words == ["WITHOUT", "ROWID", ",", "STRICT"]


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("part", ["nr", "desc", "lower(nulls)", '"last"', "a || first"])
@pytest.mark.parametrize(
    "order", ["", " ASC", " desc", " NULLS FIRST", "\nDESC /* x */ nulls last"]
)
def test_the_order_of_a_part(name: str, part: str, order: str) -> None:
    """What is behind a column or an expression of an index is no part of it."""
    assert sql.without_order(part + order, dialect_named(name)) == part


@pytest.mark.parametrize("name", DIALECTS)
def test_a_driver_doubles_no_percent_sign_for_us(name: str) -> None:
    """Names and values are written as the server reads them, whatever the driver."""
    dialect = dialect_named(name)
    class_: Any = type(dialect)
    doubled = class_(paramstyle="format")
    for one in (dialect, doubled):
        assert "%%" not in sql.quoted("a%b", one)
        assert "%%" not in sql.literal("100%", one)
        assert "%%%%" in sql.quoted("a%%%%b", one)
        expression: Any = sa.column("a%") % sa.literal(5)
        assert "%%" not in sql.compiled(expression, one)


def test_a_text_is_given_back_as_it_was() -> None:
    """A colon, a backslash and a percent sign are only that, there and back."""
    for written in (
        "a::int",
        r"E'\:x'",
        "':a' || '\\:b\\\\:c'",
        "x[1:n]",
        "100%",
        "%%s",
    ):
        clause = sql.text(written)
        assert str(clause.compile(dialect=dialect_named("sqlite"))) == written
        assert sql.text_in(clause) == written
    assert sql.text_in(sa.text("a::int")) == "a::int"


def test_small_questions_are_answered() -> None:
    """One string, one column that is not NULL, and the functions of a default."""
    postgresql = dialect_named("postgresql")
    assert sql.string_in("'it''s'::character varying(9)", postgresql) == "it's"
    assert sql.string_in("('{}'::text)::jsonb", postgresql) == "{}"
    assert sql.string_in("'a' || 'b'", postgresql) is None
    assert sql.string_in("now()") is None
    assert sql.not_null_in('(("a b" IS NOT NULL))') == "a b"
    assert sql.not_null_in("A is not null", postgresql) == "a"
    assert sql.not_null_in("lower(a) IS NOT NULL") is None
    assert sql.functions_in("Coalesce(x, now ( ) ) IN (1) AND 'f()'") == [
        "coalesce",
        "now",
    ]


@pytest.mark.parametrize("name", DIALECTS)
def test_a_name_that_knows_its_quotes_is_a_value_too(name: str) -> None:
    """A column's name, as SQLAlchemy keeps it, is written like any other text."""
    dialect = dialect_named(name)
    kept = sa.Column(quoted_name("it's", quote=True)).name
    assert sql.literal(kept, dialect) == sql.literal("it's", dialect)
