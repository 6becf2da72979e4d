"""MariaDB cannot undo a CREATE TABLE: what a revision that stopped leaves behind."""

import signal
import time

from environment import Environment
from scripts import ask, empty, tables, versions, write
from servers import ON_MARIADB, ON_POSTGRESQL, ON_SERVERS

MADE = 'op.create_table("{0}", sa.Column("id", sa.Integer, primary_key=True))'
HALF = MADE.format("half") + '\nop.execute("SELECT nope")'
SLOW = MADE.format("half") + '\nop.execute("SELECT SLEEP(60)")'
COMMENT = """SELECT table_comment FROM information_schema.tables
    WHERE table_schema = database() AND table_name = 'alembic_version'"""
STOPS = """
with op.get_context().autocommit_block():
    op.{0}_column("a", {1})
    op.execute("UPDATE a SET nope = 1")
"""
ADDS = STOPS.format("add", 'sa.Column("size", sa.Integer)')
DROPS = STOPS.format("drop", '"size"')
MENDED = "UPDATE a SET id = id"
CONCURRENT = """
with op.get_context().autocommit_block():
    op.create_index("ix_a", "a", ["id"], postgresql_concurrently=True)
op.execute("SELECT nope")
"""


def half_applied(project: Environment) -> Environment:
    """Give a project whose second revision stopped in the middle."""
    empty(project)
    write(project, "a", MADE.format("a"))
    write(project, "b", HALF, 'op.drop_table("half")', down="a")
    done = project.alembic("upgrade", "head", status=255)
    assert "The upgrade of revision b failed: Unknown column 'nope'" in done.stdout
    assert "In: SELECT nope" in done.stdout
    assert "alembic stamp a" in done.stdout
    return project


@ON_MARIADB
def test_a_later_upgrade_refuses(project: Environment, database_url: str) -> None:
    """My revision failed in the middle; the next upgrade says so and does nothing."""
    shop = half_applied(project.using(database_url))
    assert versions(database_url) == ["a"]
    write(shop, "b", MADE.format("other"), down="a")
    done = shop.alembic("upgrade", "head", status=255)
    assert "The upgrade of revision b stopped in the middle" in done.stdout
    assert tables(database_url) == {"alembic_version", "a", "half"}
    assert versions(database_url) == ["a"]


@ON_MARIADB
def test_status_shows_it(project: Environment, database_url: str) -> None:
    """I see the revision that stopped, until I say that it is mended."""
    shop = half_applied(project.using(database_url))
    shown = shop.run("flask", "db", "status").stdout
    assert "  stopped  b  b\n  applied  a  a\nb stopped in the middle" in shown
    ways = ("what it did, then: flask db stamp a", "by hand, then: flask db stamp b")
    assert all(way in shown for way in ways)
    assert "upgrade\n" not in shown.partition("in the middle of its upgrade\n")[2]
    shop.alembic("stamp", "a")
    shown = shop.run("flask", "db", "status").stdout
    assert "  pending  b  b\n  applied  a  a\n" in shown


@ON_MARIADB
def test_i_undo_by_hand_and_go_on(project: Environment, database_url: str) -> None:
    """I drop what the revision left, say so, and the corrected one runs."""
    shop = half_applied(project.using(database_url))
    ask(database_url, "DROP TABLE half")
    write(shop, "b", MADE.format("half"), 'op.drop_table("half")', down="a")
    shop.alembic("stamp", "a")
    shop.alembic("upgrade", "head")
    assert versions(database_url) == ["b"]
    assert ask(database_url, COMMENT) == [("",)]


@ON_MARIADB
def test_i_finish_by_hand_and_go_on(project: Environment, database_url: str) -> None:
    """I do the rest of the revision myself, say so, and can go down again."""
    shop = half_applied(project.using(database_url))
    shop.alembic("stamp", "b")
    shop.alembic("upgrade", "head")
    shop.alembic("downgrade", "-1")
    assert tables(database_url) == {"alembic_version", "a"}


@ON_MARIADB
def test_a_killed_upgrade_is_known_afterwards(
    project: Environment, database_url: str
) -> None:
    """The machine goes down in the middle of a revision, and the database says so."""
    shop = empty(project.using(database_url))
    write(shop, "b", SLOW)
    process = shop.start("alembic", "upgrade", "head")
    while "half" not in tables(database_url):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    asleep = """SELECT id FROM information_schema.processlist
        WHERE info = 'SELECT SLEEP(60)' AND db = database()"""
    for (number,) in ask(database_url, asleep):
        ask(database_url, f"KILL {number}")
    done = shop.alembic("upgrade", "head", status=255)
    assert "The upgrade of revision b stopped in the middle" in done.stdout


@ON_MARIADB
def test_a_revision_that_did_nothing_can_run_again(
    project: Environment, database_url: str
) -> None:
    """The first statement of my revision fails; I correct it and just upgrade."""
    shop = empty(project.using(database_url))
    write(shop, "a", 'op.execute("SELECT nope")')
    done = shop.alembic("upgrade", "head", status=255)
    assert "What it did was undone." in done.stdout
    write(shop, "a", MADE.format("a"))
    shop.alembic("upgrade", "head")
    assert versions(database_url) == ["a"]


@ON_MARIADB
def test_the_revisions_before_it_stay(project: Environment, database_url: str) -> None:
    """The second of my revisions fails; the first is done, and I am told."""
    shop = empty(project.using(database_url))
    write(shop, "a", MADE.format("a"))
    write(shop, "b", 'op.execute("SELECT nope")', down="a")
    done = shop.alembic("upgrade", "head", status=255)
    assert "The revisions before it are done: the database is at a." in done.stdout
    assert done.stderr.count("Context impl") == 1
    assert versions(database_url) == ["a"]


@ON_POSTGRESQL
def test_an_autocommit_block_is_not_run_twice(
    project: Environment, database_url: str
) -> None:
    """My revision fails after a part that was committed, and goes on behind that."""
    shop = empty(project.using(database_url))
    write(shop, "a", MADE.format("a"))
    write(shop, "b", CONCURRENT, down="a")
    done = shop.alembic("upgrade", "head", status=255)
    assert "The upgrade of revision b stopped after statement 1" in done.stdout
    write(shop, "b", CONCURRENT.replace("SELECT nope", "SELECT 1"), down="a")
    shop.alembic("upgrade", "head")
    comment = "SELECT obj_description('alembic_version'::regclass)"
    assert ask(database_url, comment) == [(None,)]


@ON_SERVERS
def test_what_was_refused_is_not_taken_for_done(
    project: Environment, database_url: str
) -> None:
    """My block makes what is there already: it is refused each time, and not passed."""
    shop = empty(project.using(database_url))
    write(shop, "a", MADE.format("a"))
    shop.alembic("upgrade", "head")
    ask(database_url, "CREATE INDEX taken ON a (id)")
    how = "CONCURRENTLY" if "postgresql" in database_url else ""
    steps = (
        'op.add_column("a", sa.Column("size", sa.Integer))',
        (f'op.execute("CREATE INDEX {how} taken ON a (size)")'),
    )
    block = "with op.get_context().autocommit_block():"
    write(shop, "b", "\n    ".join([block, *steps]), down="a")
    for _ in range(2):
        done = shop.alembic("upgrade", "head", status=255)
        assert "taken" in done.stdout
        assert versions(database_url) == ["a"]


@ON_SERVERS
def test_a_command_without_a_step_forgets_nothing(
    project: Environment, database_url: str
) -> None:
    """My old version starts while a revision of the new one is stopped: it serves on.

    The new version goes on where it stopped, and the other one has forgotten nothing.
    """
    shop = empty(project.using(database_url))
    write(shop, "a", MADE.format("a"))
    shop.alembic("upgrade", "head")
    new = write(shop, "b", ADDS, down="a")
    shop.alembic("upgrade", "head", status=255)
    new.unlink()
    said = shop.alembic("upgrade", "head").stderr
    assert "revision b, which has no file here, stopped after statement 1" in said
    write(shop, "b", ADDS.replace("UPDATE a SET nope = 1", MENDED), down="a")
    done = shop.alembic("upgrade", "a", status=255)
    assert "The upgrade of revision b stopped after statement 1" in done.stdout
    assert "Going on after statement 1" in shop.alembic("upgrade", "head").stderr
    assert versions(database_url) == ["b"]
    assert "stopped" not in shop.alembic("upgrade", "head").stderr


@ON_MARIADB
def test_a_downgrade_that_stopped_in_the_middle(
    project: Environment, database_url: str
) -> None:
    """My downgrade failed after a DROP: it is not called undone, nor passed over."""
    shop = empty(project.using(database_url))
    write(shop, "a", MADE.format("a"))
    dropped = 'op.drop_table("b")\nop.execute("SELECT nope")'
    write(shop, "b", MADE.format("b"), dropped, down="a")
    shop.alembic("upgrade", "head")
    for command in ("downgrade", "a"), ("upgrade", "head"):
        done = shop.alembic(*command, status=255)
        assert "The downgrade of revision b stopped in the middle" in done.stdout
        assert "Undo by hand what it did and type: alembic stamp b" in done.stdout
        assert "do the rest by hand and type: alembic stamp a" in done.stdout
        assert "Nothing was changed" not in done.stdout
    assert tables(database_url) == {"alembic_version", "a"}


@ON_SERVERS
def test_a_downgrade_that_stopped_is_not_forgotten(
    project: Environment, database_url: str
) -> None:
    """My downgrade stopped in a block: an upgrade says so, a downgrade goes on."""
    shop = empty(project.using(database_url))
    write(shop, "a", MADE.format("a"))
    added = 'op.add_column("a", sa.Column("size", sa.Integer))'
    write(shop, "b", added, DROPS, down="a")
    shop.alembic("upgrade", "head")
    shop.alembic("downgrade", "a", status=255)
    done = shop.alembic("upgrade", "head", status=255)
    assert "The downgrade of revision b stopped after statement 1" in done.stdout
    write(shop, "b", added, DROPS.replace("UPDATE a SET nope = 1", MENDED), down="a")
    shop.alembic("downgrade", "a")
    assert versions(database_url) == ["a"]
