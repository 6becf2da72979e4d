"""A database remembers what ran on it, and finds a revision that was edited since."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from drafts import define_thing, draft, sql
from environment import Environment
from scripts import ask, run_script, write

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TOWN = """\
op.create_table(
    "town",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("name", sa.String(length={length})),
    sa.PrimaryKeyConstraint("id", name="pk_town"),
)"""
MODEL = """
import sqlalchemy as sa

from .db import Model


class Town(Model):
    __tablename__ = "town"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(100))
"""
HARD = """
op.execute("INSERT INTO town (name) VALUES ('100% of it; -- :what \\\\ ')")
"""
HISTORY = "SELECT revision, ran_by, seconds FROM alembic_version_history"


def _town(project: Environment, length: int) -> Path:
    return write(
        project, "c", TOWN.format(length=length), 'op.drop_table("town")', down="1"
    )


@pytest.fixture
def edited(project: Environment, database_url: str) -> Environment:
    """Give a project with a revision that was edited after it ran on a database."""
    shop = project.using(database_url)
    (shop.package / "town.py").write_text(MODEL)
    _town(shop, 100)
    shop.alembic("upgrade", "head")
    shop.alembic("check")
    _town(shop, 50)
    return shop


def _today() -> str:
    today = datetime.now(UTC)
    return f"{today.day} {today:%B %Y}"


def test_a_database_remembers_what_ran(project: Environment, database_url: str) -> None:
    """I see who ran which revision and how long it took; what I undo is forgotten."""
    shop = project.using(database_url)
    _town(shop, 100)
    shop.alembic("upgrade", "head")
    rows = ask(database_url, f"{HISTORY} ORDER BY revision")
    assert [row[0] for row in rows] == ["1", "c"]
    assert all("@" in who and seconds >= 0 for _, who, seconds in rows)
    shop.alembic("downgrade", "-1")
    assert [row[0] for row in ask(database_url, HISTORY)] == ["1"]
    shop.alembic("upgrade", "head")
    assert len(ask(database_url, HISTORY)) == len(rows)


def test_an_edited_revision_is_no_difference_of_models(edited: Environment) -> None:
    """check, a draft and status say what was edited, and what to type."""
    said = f"c was edited since it ran here on {_today()}: town.name String(100), now"
    before = edited.revisions()
    for command in (
        ("check",),
        ("revision", "--autogenerate", "-m", "x"),
    ):
        refused = edited.alembic(*command, status=255).stdout.splitlines()
        assert refused[0] == f"FAILED: {said} String(50)"
        assert refused[1].startswith("Put it back as it was (git restore /")
        assert refused[2].endswith("as the file says now: alembic stamp c")
    assert edited.revisions() == before
    status = edited.run("flask", "db", "status").stdout
    assert f"\n{said} String(50)\nPut it back" in status
    assert status.endswith(
        "Models: not compared while a revision is edited that ran here\n"
    )
    edited.run("flask", "db", "status", "--json", status=8)


@ON_SQLITE
def test_an_upgrade_names_it_and_goes_on(edited: Environment) -> None:
    """I deploy: with revisions to run or without, what was edited is named."""
    said = "c was edited since it ran here on "
    assert edited.alembic("upgrade", "head").stderr.count(said) == 1
    write(edited, "d", 'op.execute("SELECT 1")', down="c")
    assert edited.alembic("upgrade", "head").stderr.count(said) == 1
    assert said in edited.alembic("upgrade", "head").stderr


@ON_SQLITE
def test_i_put_it_back(edited: Environment) -> None:
    """I restore the file: all is well."""
    _town(edited, 100)
    edited.alembic("check")
    assert "edited" not in edited.alembic("upgrade", "head").stderr


@ON_SQLITE
def test_i_did_the_same_by_hand(edited: Environment, database_url: str) -> None:
    """I changed the database as the file says now, and say so with `stamp`."""
    edited.alembic("stamp", "c")
    assert "edited" not in edited.alembic("upgrade", "head").stderr
    edited.alembic("check", status=None)
    assert [row[0] for row in ask(database_url, f"{HISTORY} ORDER BY revision")] == [
        "1",
        "c",
    ]


@ON_SQLITE
def test_comments_and_the_way_back_are_no_edit(edited: Environment) -> None:
    """I comment a revision that ran, and mend its downgrade: nothing is said."""
    path = _town(edited, 100)
    text = path.read_text().replace("def upgrade", "# why\n\n\ndef upgrade")
    path.write_text(text.replace('op.drop_table("town")', "pass"))
    edited.alembic("check")


@ON_SQLITE
def test_the_memory_is_no_table_of_mine(
    project: Environment, database_url: str
) -> None:
    """I draft, check and look for what is unmanaged: it is not among that."""
    shop = project.using(database_url)
    shop.alembic("upgrade", "head")
    assert ask(database_url, HISTORY)
    done = shop.alembic("check")
    drafted = shop.alembic("revision", "--autogenerate", "-m", "none")
    assert "history" not in done.stdout + done.stderr + drafted.stdout + drafted.stderr


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_it_stands_beside_the_version_table(
    project: Environment, database_url: str
) -> None:
    """My version table has another name and a schema of its own: so has the memory."""
    ask(database_url, "CREATE SCHEMA ours")
    given = 'version_table="v", version_table_schema="ours"'
    path = project.package / "migrations" / "env.py"
    text = path.read_text()
    path.write_text(text.replace("target_metadata=t", f"{given}, target_metadata=t"))
    shop = project.using(database_url)
    shop.alembic("upgrade", "head")
    assert ask(database_url, "SELECT revision FROM ours.v_history") == [("1",)]
    shop.alembic("check")
    write(shop, "2", "op.execute('SELECT 1')", down="1")
    with shop.migrations() as migrations:
        assert migrations.pending()[0].revision == "2"
        assert migrations.rehearse()[0].is_lossless
        assert migrations.squash("base:2").proved == ("postgresql",)
    for it in (shop.package / "migrations" / "replaced").glob("*.py"):
        it.rename(path.parent / "versions" / it.name)
    (path.parent / "versions" / "2_2_squashed.py").unlink()
    first = shop.revisions()[0]
    first.write_text(first.read_text().replace("sa.String(", "sa.CHAR("))
    assert "1 was edited since" in shop.alembic("check", status=255).stdout
    status = shop.run("flask", "db", "status").stdout
    assert "applied  1" in status
    assert "1 was edited since" in status
    assert "history" not in shop.alembic("upgrade", "head", "--sql").stdout.replace(
        "ours.v_history", ""
    )


def test_a_script_remembers_too(project: Environment, database_url: str) -> None:
    """An administrator runs my --sql script: what was edited since is found."""
    shop = project.using(database_url)
    hard = TOWN.format(length=100) + HARD
    write(shop, "c", hard, 'op.drop_table("town")', down="1")
    script = shop.alembic("upgrade", "head", "--sql").stdout
    assert script.count("INSERT INTO alembic_version_history") == 2
    run_script(database_url, script)
    with shop.migrations() as migrations:
        assert migrations.edited() == []
    (shop.package / "town.py").write_text(MODEL)
    shop.alembic("check")
    _town(shop, 50)
    with shop.migrations() as migrations:
        (found,) = migrations.edited()
    assert "town.name String(100), now String(50)" in found.differences
    undo = shop.alembic("downgrade", "c:1", "--sql").stdout
    run_script(database_url, undo)
    assert [row[0] for row in ask(database_url, HISTORY)] == ["1"]


def test_each_database_remembers_its_part(several: Environment) -> None:
    """I edit the part of one database: the other one says nothing."""
    several.alembic("upgrade", "head")
    (first,) = several.revisions()
    text = first.read_text()
    up, mark, down = text.partition("def upgrade_auth")
    assert "sa.String(" in down
    first.write_text(up + mark + down.replace("sa.String(", "sa.CHAR(", 1))
    with several.migrations() as migrations:
        assert migrations.edited("default") == []
        (found,) = migrations.edited("auth")
    assert found.revision == "1"
    assert " -x database=auth stamp 1" in several.alembic("check", status=255).stdout


CHANGED_BY_HAND = {
    "a column": ("ALTER TABLE town DROP COLUMN name", "town.name: column added"),
    "a table": ("DROP TABLE town", "town: table added"),
}


@ON_SQLITE
@pytest.mark.parametrize("change", CHANGED_BY_HAND)
def test_what_was_changed_by_hand_is_a_third_thing(
    project: Environment, database_url: str, change: str
) -> None:
    """Somebody alters the database: it is neither my models nor my revisions."""
    shop = project.using(database_url)
    (shop.package / "town.py").write_text(MODEL)
    _town(shop, 100)
    shop.alembic("upgrade", "head")
    statement, difference = CHANGED_BY_HAND[change]
    sql(database_url, statement)
    said = f"{difference} (the revisions made it so: this database was changed by hand)"
    assert said in shop.alembic("check", status=255).stdout
    status = shop.run("flask", "db", "status").stdout
    assert f"  {said}\nNext: undo what was changed by hand\n" in status


def test_what_the_models_change_was_not_changed_by_hand(project: Environment) -> None:
    """An index gets another column, a type a variant: nobody touched the database."""

    def define(type_: str, indexed: str) -> None:
        define_thing(project, f"a = {type_}", "b = sa.Integer()")
        path = project.package / "things.py"
        index = f"    __table_args__ = (sa.Index('ix_thing', '{indexed}'),)\n"
        path.write_text(f"{path.read_text()}\n{index}")

    define("sa.Text()", "a")
    draft(project, "thing")
    define("sa.Text().with_variant(sa.BigInteger(), 'mysql')", "b")
    said = project.alembic("check", status=255).stdout
    assert "thing.a: type" in said
    assert "thing: index ix_thing added" in said
    assert "by hand" not in said


@ON_SQLITE
def test_a_squash_forgets_nothing(project: Environment, database_url: str) -> None:
    """I squashed what had run: what is edited before or after it is still named."""
    shop = project.using(database_url)
    for n, name in enumerate("2345", 1):
        table = f"op.create_table('t{name}', sa.Column('id', sa.String(10)))"
        write(shop, name, table, f"op.drop_table('t{name}')", down=str(n))
    shop.alembic("upgrade", "4")
    shop.run("flask", "db", "squash", "1:4")
    shop.alembic("upgrade", "head")
    with shop.migrations() as migrations:
        assert migrations.edited() == []
    for path in shop.revisions()[1:]:
        path.write_text(path.read_text().replace("=10", "=20").replace("(10", "(20"))
    with shop.migrations() as migrations:
        assert [it.revision for it in migrations.edited()] == ["5"]
        migrations.downgrade("1")
        migrations.upgrade()
        assert migrations.edited() == []
    for path in shop.revisions()[1:]:
        path.write_text(path.read_text().replace("=20", "=30").replace("(20", "(30"))
    with shop.migrations() as migrations:
        assert [it.revision for it in migrations.edited()] == ["4", "5"]
