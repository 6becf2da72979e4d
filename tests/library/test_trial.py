"""MariaDB undoes no DDL: what would stop in the middle is found on an empty copy."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from alembic_lossless.runtime import trial
from alembic_lossless.runtime.trial import PREFIX
from environment import Environment
from scripts import ask, database_of, empty, user_of, versions, write
from sqlalchemy import Connection

REHEARSE = "FRIEND_BOOK_MIGRATION_REHEARSE"

SEQUENCE = 'op.execute("CREATE SEQUENCE numbers")\n'
TABLES = """
op.create_table("city", sa.Column("id", sa.Integer, primary_key=True))
op.create_table(
    "friend",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(40), index=True),
    sa.Column("city_id", sa.Integer, sa.ForeignKey("city.id", name="fk_city")),
)
op.execute("CREATE SEQUENCE numbers")
op.execute("CREATE VIEW named AS SELECT id, name FROM friend")
op.execute("CREATE VIEW again AS SELECT id FROM named")
op.execute("CREATE TRIGGER upper BEFORE INSERT ON friend FOR EACH ROW"
           " SET NEW.name = upper(NEW.name)")
op.execute("INSERT INTO city VALUES (1)")
op.execute("INSERT INTO friend VALUES (1, 'ann', 1)")
"""

ADD = 'op.add_column("friend", sa.Column("age", sa.Integer))\n'

pytestmark = pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)


@pytest.fixture
def shop(project: Environment, database_url: str) -> Environment:
    """Give a project that rehearses, with a friend, a view and a trigger."""
    shop = empty(project).using(database_url)
    shop.environment[REHEARSE] = "yes"
    tables = TABLES
    if database_of(database_url) == "mysql":  # which has no sequences
        tables = TABLES.replace(SEQUENCE, "")
    write(shop, "a1", tables)
    shop.alembic("upgrade", "head")
    return shop


@pytest.fixture(autouse=True)
def _nothing_left(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """Insist that no copy is left behind by a test."""
    made, create_database = list[str](), trial.create

    def create(connection: Connection, statement: str) -> None:
        made.append(statement.split()[2])
        create_database(connection, statement)

    monkeypatch.setattr(trial, "create", create)
    yield made
    assert not databases(database_url) & {*made}


def databases(url: str) -> set[str]:
    """Return the names of the databases of the server."""
    return {name for (name,) in ask(url, "SHOW DATABASES")}


def columns(url: str) -> set[str]:
    """Return the columns of the friends."""
    return {row[0] for row in ask(url, "SHOW COLUMNS FROM friend")}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("op.execute('ALTER TABLE friend DROP COLUMN nowhere')", "In: ALTER TABLE"),
        ("op.drop_colum('friend', 'name')", "b1.py, line 13"),
        ("op.create_table('city', sa.Column('id', sa.Integer))", "already exists"),
        ("op.drop_column('friend', 'name')", "named"),
    ],
)
def test_nothing_is_half_applied(
    shop: Environment, database_url: str, fault: str, said: str
) -> None:
    """The second statement of a revision fails: the first was not run either."""
    write(shop, "b1", ADD + fault, down="a1")
    done = shop.alembic("upgrade", "head", status=255)
    assert "The upgrade of revision b1 would fail" in done.stdout
    assert said in done.stdout
    assert f"{REHEARSE}=no" in done.stdout
    assert "age" not in columns(database_url)
    assert versions(database_url) == ["a1"]
    write(shop, "b1", ADD, "op.drop_column('friend', 'nowhere')", down="a1")
    shop.alembic("upgrade", "head")
    said = shop.alembic("downgrade", "a1", status=255).stdout
    assert "The downgrade of revision b1 would fail" in said
    assert versions(database_url) == ["b1"]


def test_what_needs_rows_is_left_to_the_run(
    shop: Environment, database_url: str
) -> None:
    """A revision reads a row that only the real tables have: it runs, once."""
    reads = 'name = op.get_bind().scalars(sa.text("SELECT name FROM friend")).one()\n'
    more = "op.execute(f\"INSERT INTO friend VALUES (2, '{name}', 1, 9)\")"
    write(shop, "b1", ADD + reads + more, down="a1")
    shop.alembic("upgrade", "head")
    assert ask(database_url, "SELECT name FROM friend") == [("ANN",), ("ANN",)]


def test_a_name_that_is_made_up(shop: Environment, database_url: str) -> None:
    """A revision puts the name of a table together, and finds the table."""
    write(shop, "b1", ADD.replace('"friend"', '"".join(["fri", "end"])'), down="a1")
    shop.alembic("upgrade", "head")
    assert "age" in columns(database_url)


def test_no_other_database_is_touched(shop: Environment, database_url: str) -> None:
    """A revision writes to another database of the server: that happens once."""
    other = f"other_{uuid4().hex[:8]}"
    ask(database_url, f"CREATE DATABASE {other}")
    try:
        ask(database_url, f"CREATE TABLE {other}.seen (id INTEGER)")
        insert = f'op.execute("INSERT INTO {other}.seen VALUES (1)")'  # noqa: S608
        write(shop, "b1", f"{ADD}{insert}", down="a1")
        shop.alembic("upgrade", "head")
        assert ask(database_url, f"SELECT * FROM {other}.seen") == [(1,)]  # noqa: S608
    finally:
        ask(database_url, f"DROP DATABASE {other}")


def test_without_the_rights_it_is_said_once(
    shop: Environment, database_url: str
) -> None:
    """My user may make no database: I read what to type, and the run goes on."""
    write(shop, "b1", ADD, down="a1")
    write(shop, "c1", "op.drop_column('friend', 'age')", down="b1")
    with user_of(database_url, "GRANT ALL ON {database}.* TO {user}") as url:
        done = shop.using(url).alembic("upgrade", "head")
    assert done.stderr.count("This run was not rehearsed to its end") == 1
    assert r"ON `rehearsal\_%`.* TO user_" in done.stderr
    assert versions(database_url) == ["c1"]


def test_it_is_turned_off(shop: Environment, database_url: str) -> None:
    """I know better: the variable says no, and another word is refused."""
    write(shop, "b1", ADD + "op.drop_column('friend', 'nowhere')", down="a1")
    shop.environment[REHEARSE] = "maybe"
    said = shop.alembic("upgrade", "head", status=255).stdout
    assert f"{REHEARSE} is 'maybe'. Write yes or no." in said
    assert "age" not in columns(database_url)
    shop.environment[REHEARSE] = "no"
    shop.alembic("upgrade", "head", status=255)
    assert "age" in columns(database_url)


def test_nothing_to_do_costs_nothing(
    shop: Environment, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pod that starts again makes no copy; what a kill left, the next run drops."""
    left = f"{PREFIX}{uuid4().hex[:12]}"
    ask(database_url, f"CREATE DATABASE {left}")
    with monkeypatch.context() as patch:
        patch.setattr(trial, "rehearse", None)
        shop.alembic("upgrade", "head")
        shop.alembic("stamp", "head")
    write(shop, "b1", ADD, down="a1")
    shop.alembic("upgrade", "head")
    assert left not in databases(database_url)
