"""Views, triggers and routines of MariaDB that a revision leaves alone, or breaks."""

from pathlib import Path

import pytest
from database_pairs import two_databases, using_both, write_parts
from environment import Environment
from scripts import ask, empty, versions, write
from servers import ON_MARIADB

pytestmark = ON_MARIADB

TABLES = """
op.create_table("friend", sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("old", sa.Integer))
op.create_table("log", sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("old", sa.Integer))
"""
RENAMED = """
op.alter_column("friend", "old", new_column_name="new", existing_type=sa.Integer)
"""
BROKEN = {
    "VIEW names": "CREATE VIEW names AS SELECT f.old FROM friend f",
    "VIEW `it's`": "CREATE VIEW `it's` AS SELECT old FROM friend WHERE id <> ':x%'",
    "VIEW all_of_it": "CREATE VIEW all_of_it AS SELECT * FROM friend",
    "TRIGGER tr": "CREATE TRIGGER tr BEFORE INSERT ON friend FOR EACH ROW"
    " SET NEW.`old` = 1",
}
WORKING = [
    "CREATE VIEW logged AS SELECT old FROM log",
    "CREATE VIEW ids AS SELECT id AS old FROM friend",
    "CREATE TRIGGER other AFTER INSERT ON log FOR EACH ROW SET @x = NEW.old",
    "CREATE TRIGGER said AFTER DELETE ON friend FOR EACH ROW SET @x = 'OLD.old'",
    "CREATE FUNCTION one() RETURNS INT RETURN 1",
]


def shop_with(project: Environment, url: str, *statements: str) -> Environment:
    """Give a project whose database has more than its first revision made."""
    shop = empty(project.using(url))
    write(shop, "a", TABLES)
    shop.alembic("upgrade", "head")
    for statement in statements:
        ask(url, statement.replace(":", r"\:"))
    write(shop, "b", RENAMED, down="a")
    return shop


@pytest.mark.parametrize("what", BROKEN)
def test_what_a_rename_breaks_is_told(
    project: Environment, database_url: str, what: str
) -> None:
    """I rename a column that a view or a trigger names: the run fails and says so."""
    shop = shop_with(project, database_url, *WORKING, BROKEN[what])
    done = shop.alembic("upgrade", "head", status=255)
    name = what.replace("`", "")
    assert f"The run is done and cannot be undone, and {name} does not" in done.stdout
    assert "CREATE OR REPLACE" in done.stdout
    assert "old" in done.stdout.partition("any more: ")[2]
    assert versions(database_url) == ["b"]
    shop.alembic("upgrade", "head")


def test_what_still_works_stops_nothing(
    project: Environment, database_url: str
) -> None:
    """Views and triggers that do not name the column are no reason to fail."""
    shop = shop_with(project, database_url, *WORKING)
    done = shop.alembic("upgrade", "head")
    assert "speaks of" not in done.stderr


def test_what_was_broken_before_is_no_reason(
    project: Environment, database_url: str
) -> None:
    """A view of mine was broken long ago: I migrate all the same."""
    shop = shop_with(project, database_url, "CREATE VIEW v AS SELECT id FROM log")
    ask(database_url, "DROP TABLE log")
    shop.alembic("upgrade", "head")


def test_what_the_revision_creates_anew(
    project: Environment, database_url: str
) -> None:
    """My revision creates the view as it should be then, and nothing is told."""
    shop = shop_with(project, database_url, BROKEN["VIEW names"])
    again = "CREATE OR REPLACE VIEW names AS SELECT new FROM friend"
    write(shop, "b", f"{RENAMED}\nop.execute({again!r})", down="a")
    shop.alembic("upgrade", "head")


@pytest.mark.parametrize(
    "routine",
    [
        "CREATE PROCEDURE p() SELECT old FROM friend",
        "CREATE FUNCTION p() RETURNS INT RETURN (SELECT max(`old`) FROM friend)",
        "CREATE TRIGGER p AFTER DELETE ON log FOR EACH ROW UPDATE friend SET old = 1",
        "CREATE EVENT p ON SCHEDULE EVERY 1 DAY DO DELETE FROM friend WHERE old = 1",
    ],
)
def test_what_may_be_broken_is_warned_of(
    project: Environment, database_url: str, routine: str
) -> None:
    """A routine speaks of the column: no server can tell, and I am told to look."""
    shop = shop_with(project, database_url, routine)
    done = shop.alembic("upgrade", "head")
    assert "p speaks of friend and old: look whether it means" in done.stderr


def test_in_the_second_of_two_databases(
    several: Environment, database_url: str, tmp_path: Path
) -> None:
    """My revision breaks a view of auth: told which database, and where each is."""
    del database_url
    with two_databases("sqlite-mariadb", tmp_path) as urls:
        shop = using_both(several, urls)
        shop.alembic("upgrade", "head")
        (first,) = versions(urls[0])
        ask(urls[1], "CREATE VIEW mails AS SELECT email FROM user")
        write_parts(shop, "b", auth='op.drop_column("user", "email")')
        said = shop.alembic("upgrade", "head", status=255).stdout
        assert "auth: The run is done and cannot be undone, and VIEW mails" in said
        assert f"Now the databases differ: default at {first}, auth at b." in said
