"""A run that leaves others at work goes on where it stopped, and says why it did."""

import os
import signal
import time
from contextlib import suppress
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import pytest
from alembic_lossless.operations import backfill
from alembic_lossless.runtime.locks import Blockers
from alembic_lossless.runtime.online import online_form
from alembic_lossless.sql import script
from environment import LIBRARY, Environment
from pseudo_terminal import type_into
from scripts import ask, database_of, empty, open_query, server, versions, write
from servers import ON_MARIADB, ON_POSTGRESQL, ON_SERVERS, VARIABLES, engine_of
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import DBAPIError

TABLES = """
op.create_table("city", sa.Column("id", sa.Integer, primary_key=True))
op.create_table(
    "thing",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("nick", sa.String(40)),
    sa.Column("age", sa.Integer),
    sa.Column("city_id", sa.Integer),
)
"""
BLOCK = "with op.get_context().autocommit_block():\n"
UNIQUE = f"""{BLOCK}
    op.add_column("thing", sa.Column("size", sa.Integer))
    op.create_unique_constraint_concurrently("uq_nick", "thing", ["nick"])
"""
FOREIGN_KEY = f"""{BLOCK}
    op.create_foreign_key(
        "fk_city", "thing", "city", ["city_id"], ["id"], postgresql_not_valid=True
    )
    op.validate_constraint("fk_city", "thing")
"""
CHECK = f"""{BLOCK}
    op.create_check_constraint("ck_age", "thing", "age > 0", postgresql_not_valid=True)
    op.validate_constraint("ck_age", "thing")
"""
FILL = f"""{BLOCK}
    op.backfill("thing", "age", 7)
    op.set_not_null("thing", "age", existing_type=sa.Integer())
"""
ROWS = {
    "postgresql": "SELECT n, 'k' || n FROM generate_series(1, {}) AS n",
    "mariadb": "SELECT seq, concat('k', seq) FROM seq_1_to_{}",
    "mysql": "SELECT n, concat('k', n) FROM json_table(concat('[0', repeat(',0', {} -"
    " 1), ']'), '$[*]' COLUMNS (n FOR ORDINALITY)) AS numbered",
}
"""Rows of a number and a text; a server of MySQL may stand for one of MariaDB."""

INSERT = "INSERT INTO thing (id, age) SELECT max(id) + 1, 7 FROM thing"
WRITTEN = [
    ("postgresql", f"WITH x AS (SELECT 1) {INSERT}"),
    ("postgresql", f"WITH x AS ({INSERT} RETURNING id) SELECT * FROM x"),  # noqa: S608
    ("postgresql", f"/* SELECT /* 1 */ */ {INSERT}"),
    ("postgresql", f"EXPLAIN ANALYZE {INSERT}"),
    ("mariadb", f"/* SELECT */ {INSERT}"),
    ("mariadb", f"/*! {INSERT} */"),
    ("mariadb", f"ANALYZE {INSERT}"),
    ("mariadb", f"SET STATEMENT max_statement_time = 9 FOR {INSERT}"),
]
"""Statements that write a row of 7, though not each looks like it."""
ONLY_MARIADB = ("ANALYZE", "SET STATEMENT")
"""How those begin that MySQL does not have."""


def begun(project: Environment, url: str, body: str, rows: int = 10) -> Environment:
    """Give a project with a table and rows, and a revision that is not applied."""
    shop = empty(project.using(url))
    write(shop, "a", TABLES)
    shop.alembic("upgrade", "head")
    some = ROWS[database_of(url)].format(rows)
    ask(url, f"INSERT INTO thing (id, nick) {some}")
    write(shop, "b", body, down="a")
    return shop


@ON_SERVERS
def test_a_unique_index_that_failed_is_built_again(
    project: Environment, database_url: str
) -> None:
    """Two rows are the same: I hear which, correct one, and the run goes on."""
    shop = begun(project, database_url, UNIQUE)
    ask(database_url, "UPDATE thing SET nick = 'same' WHERE id < 3")
    done = shop.alembic("upgrade", "head", status=255)
    assert "(nick) are there more than once, for example nick='same'" in done.stdout
    assert "stopped after statement 1. Run it again" in done.stdout
    again = shop.alembic("upgrade", "head", status=255)
    assert "Going on after statement 1" in again.stderr
    ask(database_url, "UPDATE thing SET nick = 'other' WHERE id = 1")
    shop.alembic("upgrade", "head")
    assert versions(database_url) == ["b"]
    with pytest.raises(Exception, match=r"(?i)duplicate"):
        ask(database_url, "INSERT INTO thing (id, nick) VALUES (99, 'other')")


@ON_POSTGRESQL
def test_no_invalid_index_is_left(project: Environment, database_url: str) -> None:
    """CONCURRENTLY failed half-way, and what it left is gone after the next run."""
    index = f'{BLOCK}    op.create_index("ix", "thing", ["nick"], unique=True,'
    index += " postgresql_concurrently=True)"
    shop = begun(project, database_url, index)
    ask(database_url, "UPDATE thing SET nick = 'same' WHERE id < 3")
    shop.alembic("upgrade", "head", status=255)
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('ix')"
    assert ask(database_url, valid) == [(False,)]
    ask(database_url, "UPDATE thing SET nick = 'other' WHERE id = 1")
    shop.alembic("upgrade", "head")
    assert ask(database_url, valid) == [(True,)]


@ON_SERVERS
def test_rows_that_refer_to_nothing_are_counted(
    project: Environment, database_url: str
) -> None:
    """VALIDATE finds bad rows: how many, and one of them; the next run goes on."""
    shop = begun(project, database_url, FOREIGN_KEY)
    ask(database_url, "UPDATE thing SET city_id = 7 WHERE id < 4")
    done = shop.alembic("upgrade", "head", status=255)
    said = "3 rows of thing refer to no city (fk_city), for example city_id=7"
    assert said in done.stdout
    with pytest.raises(Exception, match="fk_city"):
        ask(database_url, "INSERT INTO thing (id, city_id) VALUES (99, 8)")
    ask(database_url, "INSERT INTO city (id) VALUES (7)")
    shop.alembic("upgrade", "head")
    assert versions(database_url) == ["b"]


@ON_POSTGRESQL
def test_rows_that_refer_into_another_schema_are_counted(
    project: Environment, database_url: str
) -> None:
    """What my key refers to is in another schema, where a table has the same name."""
    body = FOREIGN_KEY.replace(
        "postgresql_not", 'referent_schema="more", postgresql_not'
    )
    shop = begun(project, database_url, body)
    ask(database_url, "CREATE SCHEMA more")
    ask(database_url, "CREATE TABLE more.city (id INT PRIMARY KEY)")
    ask(database_url, "INSERT INTO city (id) VALUES (7)")
    ask(database_url, "UPDATE thing SET city_id = 7 WHERE id < 4")
    done = shop.alembic("upgrade", "head", status=255)
    assert "3 rows of thing refer to no city (fk_city), for example" in done.stdout


@ON_POSTGRESQL
def test_rows_that_violate_a_check_are_counted(
    project: Environment, database_url: str
) -> None:
    """VALIDATE finds a row: which, and what it should be; the next run goes on."""
    shop = begun(project, database_url, CHECK)
    ask(database_url, "UPDATE thing SET age = -1 WHERE id = 4")
    done = shop.alembic("upgrade", "head", status=255)
    assert "thing violate ck_thing_ck_age: (age > 0), for example id=4" in done.stdout
    ask(database_url, "UPDATE thing SET age = 1 WHERE id = 4")
    shop.alembic("upgrade", "head")
    assert versions(database_url) == ["b"]


@ON_SERVERS
def test_a_fill_that_was_killed_goes_on(
    project: Environment, database_url: str
) -> None:
    """My pod is killed in the middle of a fill; the next one does the rest."""
    shop = begun(project, database_url, FILL, rows=300_000)
    process = shop.start("alembic", "upgrade", "head")
    filled = "SELECT count(*) FROM thing WHERE age = 7"
    while process.poll() is None and ask(database_url, filled) == [(0,)]:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert versions(database_url) == ["a"]
    shop.alembic("upgrade", "head")
    assert ask(database_url, filled) == [(300_000,)]
    with pytest.raises(Exception, match=r"(?i)null|default"):
        ask(database_url, "INSERT INTO thing (id, age) VALUES (400000, NULL)")


@ON_POSTGRESQL
def test_a_file_that_changed_before_that_place_is_refused(
    project: Environment, database_url: str
) -> None:
    """I edit what already ran, and the run does not guess what that means."""
    shop = begun(project, database_url, UNIQUE)
    ask(database_url, "UPDATE thing SET nick = 'same' WHERE id < 3")
    shop.alembic("upgrade", "head", status=255)
    write(shop, "b", UNIQUE.replace('"size"', '"weight"'), down="a")
    done = shop.alembic("upgrade", "head", status=255)
    assert "with which its file does not begin any more" in done.stdout
    write(shop, "b", "pass", down="a")
    done = shop.alembic("upgrade", "head", status=255)
    assert "An earlier run did 1 statements of this revision" in done.stdout


LOCKS = {
    "postgresql": "SHOW lock_timeout",
    "mariadb": "SELECT concat(@@lock_wait_timeout, ' ', @@innodb_lock_wait_timeout)",
}
LOCKS["mysql"] = LOCKS["mariadb"]


@ON_SERVERS
def test_a_step_waits_as_long_as_before(
    project: Environment, database_url: str
) -> None:
    """An index, a batch and a block wait by their own rules, and only they do."""
    asked = LOCKS[database_of(database_url)]
    body = f"""
def limit():
    return op.get_bind().exec_driver_sql({asked!r}).scalar()
before = limit()
{BLOCK}
    inside = limit()
    op.create_index("ix", "thing", ["nick"], postgresql_concurrently=True)
    assert limit() == inside
    op.backfill("thing", "age", 7)
    assert limit() == inside
assert limit() == before
"""
    begun(project, database_url, body).alembic("upgrade", "head")


@ON_SERVERS
def test_each_statement_that_ran_is_compared(
    project: Environment, database_url: str
) -> None:
    """I edit the first of two statements that ran, not the last: it is refused too."""
    added = '    op.add_column("thing", sa.Column("{}", sa.Integer))\n'
    stopped = f"{BLOCK}{added}{added.format('two')}    op.execute('SELECT nope')"
    shop = begun(project, database_url, stopped.format("one"))
    shop.alembic("upgrade", "head", status=255)
    write(shop, "b", stopped.format("another"), down="a")
    done = shop.alembic("upgrade", "head", status=255)
    assert "An earlier run did 2 statements of this revision" in done.stdout


@pytest.mark.parametrize(
    ("database_url", "statement"), WRITTEN, indirect=["database_url"]
)
def test_what_was_written_is_not_written_again(
    project: Environment, database_url: str, statement: str
) -> None:
    """A statement that writes is done once, however it begins, when I run it again."""
    if database_of(database_url) == "mysql" and statement.startswith(ONLY_MARIADB):
        return
    stopping = "op.execute('INSERT INTO nothing VALUES (1)')"
    body = f"{BLOCK}    op.execute({statement!r})\n    {stopping}\n"
    shop = begun(project, database_url, body)
    for _ in range(2):
        shop.alembic("upgrade", "head", status=255)
    assert ask(database_url, "SELECT count(*) FROM thing WHERE age = 7") == [(1,)]


@ON_POSTGRESQL
def test_another_command_does_not_go_on(
    project: Environment, database_url: str
) -> None:
    """A revision stopped, and a downgrade of the one before it is refused."""
    shop = begun(project, database_url, UNIQUE)
    ask(database_url, "UPDATE thing SET nick = 'same' WHERE id < 3")
    shop.alembic("upgrade", "head", status=255)
    done = shop.alembic("downgrade", "base", status=255)
    assert "The upgrade of revision b stopped after statement 1" in done.stdout


@ON_MARIADB
def test_mariadb_says_what_it_cannot_do_online(
    project: Environment, database_url: str
) -> None:
    """Another type needs a copy of the table: nothing happens, and I hear why."""
    retype = f'{BLOCK}    op.alter_column("thing", "age", type_=sa.BigInteger(),'
    retype += " existing_type=sa.Integer())"
    shop = begun(project, database_url, retype)
    done = shop.alembic("upgrade", "head", status=255)
    said = " cannot do this while others write to the table: LOCK=NONE is not"
    name = "MySQL" if database_of(database_url) == "mysql" else "MariaDB"
    assert f"{name}{said}" in done.stdout
    assert "run it in a quiet hour" in done.stdout
    write(shop, "b", retype.removeprefix(BLOCK).strip(), down="a")
    shop.alembic("upgrade", "head")
    assert versions(database_url) == ["b"]


@ON_POSTGRESQL
def test_a_column_that_something_uses_is_not_copied(
    project: Environment, database_url: str
) -> None:
    """The copy would lose my index: I hear so, and nothing has changed."""
    retype = f'{BLOCK}    op.alter_type_concurrently("thing", "age", sa.BigInteger(),'
    retype += " existing_type=sa.Integer())"
    shop = begun(project, database_url, retype)
    ask(database_url, "CREATE INDEX ix_age ON thing (age)")
    done = shop.alembic("upgrade", "head", status=255)
    assert "these use it: index ix_age" in done.stdout
    ask(database_url, "DROP INDEX ix_age")
    shop.alembic("upgrade", "head")
    kind = "SELECT data_type FROM information_schema.columns WHERE column_name = 'age'"
    assert ask(database_url, kind) == [("bigint",)]


WAITS = {
    "postgresql": "SELECT count(*) FROM pg_locks WHERE NOT granted",
    "mariadb": "SELECT count(*) FROM information_schema.processlist"
    " WHERE state = 'Waiting for table metadata lock' AND db = database()",
}
WAITS["mysql"] = WAITS["mariadb"]
AT_MOST = {
    "postgresql": "SET statement_timeout = '0.5s'",
    "mariadb": "SET max_statement_time = 0.5",
    "mysql": "SET lock_wait_timeout = 2",  # it knows no shorter wait than a second
}


@ON_SERVERS
def test_others_are_not_held_up_behind_a_waiting_change(
    project: Environment, database_url: str
) -> None:
    """A slow query keeps my change waiting, and everybody else goes on meanwhile."""
    add = f'{BLOCK}    op.add_column("thing", sa.Column("size", sa.Integer))'
    shop = begun(project, database_url, add)
    kind = database_of(database_url)
    with open_query(database_url, "SELECT * FROM thing"):
        process = shop.start("alembic", "upgrade", "head")
        while ask(database_url, WAITS[kind]) == [(0,)]:
            assert process.poll() is None
        with server(database_url).connect() as connection:
            connection.execute(text(AT_MOST[kind]))
            for _ in range(20):
                connection.execute(text("UPDATE thing SET age = 1"))
                time.sleep(0.05)
        assert process.poll() is None
    process.communicate()
    assert process.returncode == 0
    assert versions(database_url) == ["b"]


@ON_SERVERS
def test_a_plain_statement_after_it_is_still_undone_or_said(
    project: Environment, database_url: str
) -> None:
    """My revision fails after its block: PostgreSQL goes on, MariaDB cannot."""
    body = f'{BLOCK}    op.add_column("thing", sa.Column("size", sa.Integer))\n'
    body += 'op.add_column("thing", sa.Column("width", sa.Integer))\n'
    body += 'op.execute("SELECT nope")'
    shop = begun(project, database_url, body)
    shop.alembic("upgrade", "head", status=255)
    write(shop, "b", body.replace("SELECT nope", "SELECT 1"), down="a")
    if database_url.startswith("postgresql"):
        shop.alembic("upgrade", "head")
        assert versions(database_url) == ["b"]
    else:
        done = shop.alembic("upgrade", "head", status=255)
        assert "The upgrade of revision b stopped in the middle" in done.stdout


BUILDING = """SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
    AND query LIKE 'CREATE INDEX CONCURRENTLY%'"""


@ON_POSTGRESQL
def test_a_terminal_shows_what_takes_long(
    project: Environment, database_url: str
) -> None:
    """I watch an index that has to wait: what, since when, and for what."""
    index = f'{BLOCK}    op.create_index("ix", "thing", ["nick"],'
    shop = begun(project, database_url, f"{index} postgresql_concurrently=True)")
    held, enough = Event(), Event()

    def write() -> None:
        with open_query(database_url, "UPDATE thing SET age = 1 RETURNING id"):
            held.set()
            while not ask(database_url, BUILDING) and not enough.wait(0.1):
                pass
            enough.wait(3)

    writer = Thread(target=write)
    writer.start()
    held.wait()
    shop.environment["PYTHONPATH"] = f"{shop.path}{os.pathsep}{LIBRARY}"
    status, screen = type_into(shop, ["alembic", "upgrade", "head"])
    enough.set()
    writer.join()
    assert status == 0, screen
    assert "CREATE INDEX CONCURRENTLY ix ON thing (nick) … 2 s" in screen
    assert "waiting for writers before build" in screen
    assert "CREATE INDEX CONCURRENTLY ix ON thing (nick) took " in screen


@ON_POSTGRESQL
def test_nothing_is_shown_where_nobody_looks(
    project: Environment, database_url: str
) -> None:
    """The log of my deployment has no line that is written over and over."""
    shop = begun(project, database_url, FILL)
    done = shop.run("alembic", "upgrade", "head")
    assert "\r" not in done.stderr + done.stdout


BACKFILLED = f"""{BLOCK}
    op.backfill("pair", "age", 7)
"""
WRITES = {
    "whole": "UPDATE pair SET name = name WHERE tenant = 1 AND id = {}",
    "text": "UPDATE pair SET name = name WHERE name = 'k{}'",
    "none": "UPDATE pair SET name = name WHERE id = {}",
    "index": "UPDATE pair SET name = name WHERE id = {}",
}
LIMITS = {
    "postgresql": ["SET lock_timeout = '1s'"],
    "mariadb": ["SET innodb_lock_wait_timeout = 1"],
    "mysql": ["SET innodb_lock_wait_timeout = 2"],
}
KEYS = {
    "whole": "PRIMARY KEY (tenant, id)",
    "text": "PRIMARY KEY (name)",
    "none": "CHECK (id > 0)",
    "index": "INDEX (age), INDEX `a%` (id)",
}


def paired(project: Environment, url: str, key: str) -> Environment:
    """Give a project with a table of 5000 rows, and a backfill of it to run."""
    shop = empty(project.using(url))
    table = (
        "CREATE TABLE pair (tenant INTEGER, id INTEGER NOT NULL, name VARCHAR(20),"
        " age INTEGER"
    )
    write(shop, "a", f'op.execute("{table}, {KEYS[key]})")')
    shop.alembic("upgrade", "head")
    some = ROWS[database_of(url)].format(5000)
    some = some.replace("SELECT", "SELECT 1,")
    ask(url, f"INSERT INTO pair (tenant, id, name) {some}")
    write(shop, "b", BACKFILLED, down="a")
    return shop


@pytest.mark.parametrize(
    ("key", "database_url"),
    [
        *((key, kind) for key in ("whole", "text") for kind in VARIABLES),
        ("none", "postgresql"),
        ("index", "mariadb"),  # without it there is no way behind a row that is held
    ],
    indirect=["database_url"],
)
def test_a_backfill_holds_no_row_while_it_waits(
    project: Environment, database_url: str, key: str
) -> None:
    """Somebody holds a row: the others get their value, and can be written to."""
    kind = database_of(database_url)
    shop = paired(project, database_url, key)
    filled = "SELECT count(*) FROM pair WHERE age = 7"
    engine = server(database_url).execution_options(isolation_level="READ COMMITTED")
    with engine.connect() as holder, holder.begin():
        holder.execute(text(WRITES[key].format(700)))
        process = shop.start("alembic", "upgrade", "head")
        while process.poll() is None and ask(database_url, filled) < [(2500,)]:
            time.sleep(0.02)
        with server(database_url).connect() as writer:
            for limit in LIMITS[kind]:
                writer.execute(text(limit))
            for _ in range(5):
                time.sleep(0.1)
                writer.execute(text(WRITES[key].format(699)))
        assert process.poll() is None, process.communicate()
    _, err = process.communicate()
    assert process.returncode == 0, err
    assert ask(database_url, filled) == [(5000,)]


HOLDS = "UPDATE thing SET nick = nick WHERE id = 3 RETURNING id"
HELD = {"postgresql": HOLDS, "mariadb": "SELECT id FROM thing WHERE id = 3 FOR UPDATE"}
HELD["mysql"] = HELD["mariadb"]
ADDS = f"""{BLOCK}
    op.add_column("thing", sa.Column("size", sa.Integer))
    op.backfill("thing", "size", 7)
"""


@ON_SERVERS
def test_a_fill_that_goes_fast_takes_more_at_once(
    project: Environment, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I fill 20,000 rows that nobody holds: it does not ask for each few of them."""
    shop = begun(project, database_url, FILL, rows=20_000)
    said = list[str]()

    def hear(_conn: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement.startswith("UPDATE thing"):
            said.append(statement)

    # No time passes while a batch runs, however busy the machine is.
    monkeypatch.setattr(backfill, "time", SimpleNamespace(monotonic=lambda: 0.0))
    event.listen(Engine, "before_cursor_execute", hear)
    try:
        with shop.migrations() as migrations:
            migrations.upgrade()
    finally:
        event.remove(Engine, "before_cursor_execute", hear)
    assert 1 < len(said) < 10
    assert ask(database_url, "SELECT DISTINCT age FROM thing") == [(7,)]


@ON_SERVERS
def test_who_blocks_is_named_and_ended_on_request(
    project: Environment, database_url: str
) -> None:
    """Somebody holds a row for ever: I read who, and end that session."""
    shop = begun(project, database_url, ADDS)
    said = shop.run("flask", "db", "upgrade", "-x", "end_blockers_after=x", status=255)
    assert "end_blockers_after is 'x'. Write a number of seconds: 30" in said.stdout
    with (
        suppress(DBAPIError),
        open_query(database_url, HELD[database_of(database_url)]),
    ):
        if database_of(database_url) != "postgresql":
            time.sleep(2)  # what is older than a second may be in the way
        shop.environment["FRIEND_BOOK_MIGRATION_WAIT"] = "2"
        said = shop.alembic("upgrade", "head", status=255)
        assert "Waiting for process" in said.stderr
        assert "open transaction" in said.stderr or HOLDS in said.stderr
        shop.environment["FRIEND_BOOK_MIGRATION_WAIT"] = "60"
        said = shop.run("flask", "db", "upgrade", "--end-blockers-after", "1")
        assert "Ending process" in said.stderr
    assert ask(database_url, "SELECT DISTINCT size FROM thing") == [(7,)]
    assert versions(database_url) == ["b"]


@ON_SERVERS
def test_who_is_in_nobodys_way_is_not_named(
    project: Environment, database_url: str
) -> None:
    """Somebody has long been reading another table: my statement takes an instant."""
    shop = begun(project, database_url, ADDS)
    with open_query(database_url, "SELECT * FROM city"):
        time.sleep(2)  # what is older than a second may be in the way
        said = shop.alembic("upgrade", "head").stderr
    assert "Waiting for" not in said
    assert versions(database_url) == ["b"]


@ON_POSTGRESQL
def test_who_looks_for_blockers_has_no_transaction_open(database_url: str) -> None:
    """A long wait is watched, and the watch keeps no VACUUM from its rows."""
    sessions = (
        "SELECT state FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND query LIKE '%pg_blocking_pids%'"
    )
    with engine_of(database_url).connect() as waiting:
        blockers = Blockers(waiting, None)
        found, until = list[str](), time.monotonic() + 20
        with blockers.watched():
            while not {*found} & {"idle", "idle in transaction"}:
                found = [state for (state,) in ask(database_url, sessions)]
                assert time.monotonic() < until
        blockers.close()
    assert found == ["idle"]


@ON_MARIADB
@pytest.mark.parametrize(
    ("statement", "runs"),
    [
        ("ALTER TABLE thing ADD x INT;", "ALTER TABLE thing ADD x INT, LOCK=NONE"),
        ("CREATE INDEX ix ON thing (x)", "CREATE INDEX ix ON thing (x) LOCK=NONE"),
        ("DROP INDEX ix ON thing", "ALTER TABLE thing DROP INDEX ix, LOCK=NONE"),
        ("DROP INDEX `i x` ON t", "ALTER TABLE t DROP INDEX `i x`, LOCK=NONE"),
        ("ALTER TABLE thing ADD x INT, LOCK=SHARED", None),
        ("ALTER TABLE thing RENAME TO other", None),
        ("UPDATE thing SET x = 1", None),
        ("DROP TABLE thing", None),
    ],
)
def test_mariadb_is_told_to_leave_writers_alone(
    database_url: str, statement: str, runs: str | None
) -> None:
    """What alters a table says LOCK=NONE, where neither it nor its author says it."""
    dialect = engine_of(database_url).dialect
    said = script(statement, dialect).only
    assert said is not None
    assert online_form(said, statement, dialect) == runs


@ON_SERVERS
def test_what_cannot_work_is_not_to_be_run_again(
    project: Environment, database_url: str
) -> None:
    """The second statement is wrong: I am told to correct it, and go on there."""
    wrong = ADDS + '    op.execute("ALTER TABLE thing DROP COLUMN nowhere")\n'
    shop = begun(project, database_url, wrong)
    said = shop.alembic("upgrade", "head", status=255).stdout
    assert "Run it again" not in said
    assert "correct the file behind that place, and the next run goes on there" in said
    path = next(shop.package.glob("migrations/versions/b.py"))
    path.write_text(path.read_text().replace("COLUMN nowhere", "COLUMN size"))
    said = shop.alembic("upgrade", "head").stderr
    assert "Going on after statement" in said


@ON_POSTGRESQL
def test_the_planner_knows_what_was_made(
    project: Environment, database_url: str
) -> None:
    """A filled column and an indexed expression have their statistics at once."""
    index = '    op.create_index("ix_lower", "thing", [sa.text("lower(nick)")],'
    body = f"{ADDS}{index} postgresql_concurrently=True)"
    shop = begun(project, database_url, body)
    shop.alembic("upgrade", "head")
    known = "SELECT tablename FROM pg_stats WHERE attname IN ('size', 'lower')"
    assert {name for (name,) in ask(database_url, known)} == {"thing", "ix_lower"}
