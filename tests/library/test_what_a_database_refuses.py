"""A database that refuses: I read the cause, what to do, and what state it is in."""

import re

import pytest
from environment import Environment
from kept import end
from scripts import ask, empty, open_query, tables, user_of, versions, write
from servers import ON_MARIADB, ON_POSTGRESQL, ON_SQLITE
from sqlalchemy import make_url

MADE = 'op.create_table("{0}", sa.Column("id", sa.Integer, primary_key=True))'
ADDED = 'op.add_column("a", sa.Column("n", sa.Integer))'
BIG = 'op.execute("CREATE TABLE big AS SELECT zeroblob(400000) AS x")'
NOTHING = "Nothing was changed."
UNDONE = "What it did was undone."


def shop_at_a(project: Environment, url: str, body: str) -> Environment:
    """Give a project whose database is at `a`, and a revision `b` that will fail."""
    shop = empty(project.using(url))
    write(shop, "a", MADE.format("a"))
    shop.alembic("upgrade", "head")
    write(shop, "b", body, down="a")
    return shop


def told(shop: Environment, url: str) -> str:
    """Upgrade in vain; return what is said, and see that nothing was done."""
    before = tables(url)
    said = shop.alembic("upgrade", "head", status=255).stdout
    assert (versions(url), tables(url)) == (["a"], before)
    assert "s3cret" not in said
    return said


@ON_SQLITE
@pytest.mark.parametrize("query", ["mode=ro", "immutable=1"])
def test_a_file_that_is_only_read(
    project: Environment, database_url: str, query: str
) -> None:
    """I may only read the file: told so, and how I got there."""
    shop = shop_at_a(project, database_url, ADDED)
    path = make_url(database_url).database
    shop = shop.using(f"sqlite:///file:{path}?{query}&uri=true")
    said = told(shop, database_url)
    assert "the file or its folder may not be written to" in said
    assert "mode=ro" in said
    assert UNDONE in said


@ON_SQLITE
def test_a_file_that_can_grow_no_more(project: Environment, database_url: str) -> None:
    """The disk is full: told how much room is needed, and nothing is half done."""
    limit = 'op.execute("PRAGMA max_page_count = 10")\n'
    said = told(shop_at_a(project, database_url, limit + BIG), database_url)
    assert "there is no room for what the file becomes" in said
    assert "Make room on the disk" in said
    assert UNDONE in said


@ON_SQLITE
def test_a_reader_at_the_commit(project: Environment, database_url: str) -> None:
    """Another process reads the file when I am done: that is no fault of my URL."""
    shop = shop_at_a(project, database_url, ADDED)
    shop.environment["FRIEND_BOOK_MIGRATION_LOCK_TIMEOUT"] = "0"
    with open_query(database_url, "SELECT * FROM a"):
        said = told(shop, database_url)
    assert "FRIEND_BOOK_DATABASE_URL" not in said
    assert "another process reads or writes the file" in said
    assert said.endswith(f"{NOTHING}\n")
    shop.alembic("upgrade", "head")


@ON_SQLITE
def test_my_connection_after_a_commit_that_failed(
    project: Environment, database_url: str
) -> None:
    """The commit fails: my own connection is in no transaction, and as it was."""
    shop = shop_at_a(project, database_url, ADDED)
    shop.environment["FRIEND_BOOK_MIGRATION_LOCK_TIMEOUT"] = "0"
    code = f"""
from sqlalchemy import create_engine
from alembic.util import CommandError
from friend_book.migrations import migrations
engine = create_engine({database_url!r})
with engine.connect() as connection:
    raw = connection.connection.dbapi_connection
    raw.execute("PRAGMA foreign_keys = ON")
    try:
        migrations.upgrade(connection=connection)
    except CommandError:
        print(raw.in_transaction, raw.execute("PRAGMA foreign_keys").fetchone())
"""
    with open_query(database_url, "SELECT * FROM a"):
        assert shop.run("python", "-c", code).stdout == "False (1,)\n"


USED = 'op.alter_column("a", "n", type_=sa.BigInteger())'
MOODS = ["CREATE TYPE mood AS ENUM ('a')", "ALTER TABLE a ADD mood mood"]
ANOTHER_MOOD = 'op.change_enum("mood", ["a"], ["a", "b"], {})'
NEEDED = {
    "a type": (["CREATE VIEW v AS SELECT n FROM a"], USED, '"DROP VIEW v"'),
    "a rename of the type": (
        ["CREATE MATERIALIZED VIEW v AS SELECT n FROM a"],
        USED,
        '"DROP MATERIALIZED VIEW v"',
    ),
    "a view of a view": (
        ["CREATE VIEW v AS SELECT n FROM a", "CREATE VIEW w AS SELECT n FROM v"],
        'op.drop_column("a", "n")',
        'op.execute("DROP VIEW w"); op.execute("DROP VIEW v")',
    ),
    "a foreign key": (
        ["CREATE TABLE c (id int CONSTRAINT fk REFERENCES a)"],
        'op.drop_table("a")',
        'op.drop_constraint("fk", "c")',
    ),
    "a policy": (
        ["CREATE POLICY mine ON a USING (n > 1)"],
        'op.drop_column("a", "n")',
        'op.execute("DROP POLICY mine ON a")',
    ),
    "a name in quotes": (
        ['CREATE SCHEMA "x y"', 'CREATE VIEW "x y"."my v" AS SELECT n FROM a'],
        USED,
        """op.execute('DROP VIEW "x y"."my v"')""",
    ),
    "a key in quotes": (
        ["CREATE SCHEMA s", 'CREATE TABLE s."C" (id int CONSTRAINT "Fk" REFERENCES a)'],
        'op.drop_table("a")',
        'op.drop_constraint("Fk", "C", schema="s")',
    ),
    "an Enum in a view": (
        [*MOODS, "CREATE VIEW v AS SELECT mood FROM a"],
        ANOTHER_MOOD,
        'op.execute("DROP VIEW v")',
    ),
    "a value of an Enum in a view": (
        [*MOODS, "CREATE VIEW v AS SELECT 'a'::mood AS mood"],
        ANOTHER_MOOD,
        'op.execute("DROP VIEW v")',
    ),
    "an Enum in a trigger": (
        [
            *MOODS,
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
            "CREATE TRIGGER t BEFORE UPDATE OF mood ON a EXECUTE FUNCTION f()",
        ],
        ANOTHER_MOOD,
        'op.execute("DROP TRIGGER t ON a")',
    ),
    "an Enum that a function takes": (
        [*MOODS, "CREATE FUNCTION f(int, mood) RETURNS int LANGUAGE sql AS 'SELECT 1'"],
        ANOTHER_MOOD,
        'op.execute("DROP FUNCTION f(integer,mood)")',
    ),
    "a type of an Enum": (
        [*MOODS, "CREATE TYPE pair AS (first mood)"],
        ANOTHER_MOOD,
        'op.execute("DROP TYPE pair")',
    ),
}


@ON_POSTGRESQL
@pytest.mark.parametrize("what", NEEDED)
def test_what_others_need(project: Environment, database_url: str, what: str) -> None:
    """A view or a key needs what my revision changes: I read what to drop first."""
    made, body, drop = NEEDED[what]
    shop = shop_at_a(project, database_url, body)
    for statement in ["ALTER TABLE a ADD n int", *made]:
        ask(database_url, statement)
    said = told(shop, database_url)
    assert "Let the revision drop it first and create it again after: " in said
    assert drop in said
    assert UNDONE in said


@ON_POSTGRESQL
def test_a_server_that_is_only_read(project: Environment, database_url: str) -> None:
    """I migrate a standby: told so, and that it is the URL that is wrong."""
    shop = shop_at_a(project, database_url, ADDED)
    name = make_url(database_url).database
    ask(database_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    end(str(name))  # only a new session knows
    said = shop.alembic("upgrade", "head", status=255).stdout
    assert said.startswith("FAILED: FRIEND_BOOK_DATABASE_URL: ")
    assert "Name the primary server, not a standby" in said
    assert said.endswith(f"{NOTHING}\n")


SIMULATED = """
op.execute("DO $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on"
    " device' USING ERRCODE = '53100'; END $$")
"""
STATES = {
    "the server has no room": SIMULATED,
    "the server gave a statement no more time": "op.execute("
    '"SET LOCAL statement_timeout = 10; SELECT pg_sleep(1)")',
    "the server ended the connection": "op.execute("
    '"SELECT pg_terminate_backend(pg_backend_pid())")',
    'role "nobody" does not exist\nIn: GRANT': 'op.execute("GRANT ALL ON a TO nobody")',
}


@ON_POSTGRESQL
@pytest.mark.parametrize("said", STATES)
def test_a_server_that_cannot(
    project: Environment, database_url: str, said: str
) -> None:
    """The server cannot do what my revision says, and what it did is undone."""
    shop = shop_at_a(project, database_url, f"{ADDED}\n{STATES[said]}")
    shown = told(shop, database_url)
    assert said in shown
    assert UNDONE in shown


OWNER = "ALTER TABLE {} OWNER TO {{user}}"
LOCK = "pg_try_advisory_lock(bigint)"
RIGHTS = {
    "ALTER TABLE alembic_version OWNER TO user_": ["GRANT ALL ON a TO {user}"],
    "ALTER TABLE alembic_version_history OWNER TO user_": [
        OWNER.format("alembic_version")
    ],
    "ALTER TABLE a OWNER TO user_": [
        OWNER.format("alembic_version"),
        OWNER.format("alembic_version_history"),
    ],
    "GRANT USAGE, CREATE ON SCHEMA public TO user_": [
        "REVOKE ALL ON SCHEMA public FROM PUBLIC"
    ],
    "GRANT SELECT ON pg_class TO PUBLIC": ["REVOKE SELECT ON pg_class FROM PUBLIC"],
    "GRANT CONNECT ON DATABASE test_": [
        "REVOKE CONNECT ON DATABASE {database} FROM PUBLIC"
    ],
    f"GRANT EXECUTE ON FUNCTION {LOCK} TO user_": [
        f"REVOKE EXECUTE ON FUNCTION {LOCK} FROM PUBLIC",
        OWNER.format("alembic_version"),
    ],
}
"""What an administrator is to type, and how the right came to be missing."""


@ON_POSTGRESQL
@pytest.mark.parametrize("fix", RIGHTS)
def test_a_right_that_is_missing(
    project: Environment, database_url: str, fix: str
) -> None:
    """My user may not do it: I read what an administrator types, and type it."""
    shop = shop_at_a(project, database_url, ADDED)
    with user_of(database_url, *RIGHTS[fix]) as url:
        said = told(shop.using(url), database_url)
        (typed,) = re.findall("Let an administrator type: (.*)", said)
        assert typed.startswith(fix)
        ask(database_url, typed)
        done = shop.using(url).alembic("upgrade", "head", status=None)
        assert fix not in done.stdout
    assert "or the password" not in said


@ON_MARIADB
@pytest.mark.parametrize("rights", ["", "SELECT, INSERT, UPDATE, DELETE"])
def test_a_user_of_mariadb_without_rights(
    project: Environment, database_url: str, rights: str
) -> None:
    """My user may only read and write rows, or nothing: no password is blamed."""
    shop = shop_at_a(project, database_url, ADDED)
    grants = [f"GRANT {rights} ON {{database}}.* TO {{user}}"] if rights else []
    with user_of(database_url, *grants) as url:
        said = told(shop.using(url), database_url)
    assert "Let an administrator type: GRANT ALL ON `test_" in said
    assert "or the password" not in said
    assert not rights or NOTHING in said


LITTLE = """
op.execute("SET max_heap_table_size = 16384")
op.execute("CREATE TABLE m (x VARCHAR(2000)) ENGINE=MEMORY")
op.execute("INSERT INTO m SELECT repeat('x', 2000) FROM seq_1_to_100")
"""


@ON_MARIADB
def test_advice_does_not_contradict_itself(
    project: Environment, database_url: str
) -> None:
    """A half-applied revision had no room or no lock: I am not told to run it again."""
    shop = shop_at_a(project, database_url, LITTLE)
    said = shop.alembic("upgrade", "head", status=255).stdout
    assert "the server has no room: The table 'm' is full" in said
    shop.alembic("stamp", "a")
    shop.environment["FRIEND_BOOK_MIGRATION_LOCK_TIMEOUT"] = "1"
    write(shop, "b", f'{MADE.format("b")}\nop.drop_table("a")', down="a")
    with open_query(database_url, "SELECT * FROM a"):
        said += shop.alembic("upgrade", "head", status=255).stdout
    assert "Let the query end, or set FRIEND_BOOK_MIGRATION_LOCK_TIMEOUT" in said
    assert said.count("The upgrade of revision b stopped in the middle") == 2
    assert "again" not in said


@ON_MARIADB
def test_a_server_that_would_cut_what_is_too_long(
    project: Environment, database_url: str
) -> None:
    """My server's sql_mode lets it cut values: a migration is refused that would."""
    lax = make_url(database_url).update_query_dict({"init_command": "SET sql_mode=''"})
    shop = shop_at_a(
        project,
        lax.render_as_string(hide_password=False),
        'op.alter_column("text", "it", existing_type=sa.Text(), type_=sa.String(3))',
    )
    ask(database_url, "CREATE TABLE text (it TEXT)")
    ask(database_url, "INSERT INTO text VALUES ('four')")
    assert "Data too long for column 'it'" in told(shop, database_url)
    assert ask(database_url, "SELECT it FROM text") == [("four",)]
