"""Drops are written, said aloud, never everything at once, and in a working order."""

import re

from drafting import change, round_trip
from drafts import alembic, define_thing, draft, refusal, sql
from environment import Environment
from servers import ON_POSTGRESQL

ROWS = (
    "INSERT INTO city (id, name) VALUES (1, 'Oslo')",
    "INSERT INTO friend (id, name, city_id) VALUES (1, 'Ann', 1)",
    "INSERT INTO hobby (id, name) VALUES (1, 'chess')",
    "INSERT INTO friend_hobby (friend_id, hobby_id) VALUES (1, 1)",
)
EMPTY = '"""No tables yet."""\n'
ONLY_FRIEND = '''"""Friends alone."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from .db import Model


class Friend(Model):
    """A person."""

    __tablename__ = "friend"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
'''
CYCLE = (
    ONLY_FRIEND.replace(
        "import String",
        "import ForeignKey, String",
    )
    + '''    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))


class Team(Model):
    """Friends with a captain."""

    __tablename__ = "team"

    id: Mapped[int] = mapped_column(primary_key=True)
    captain_id: Mapped[int | None] = mapped_column(ForeignKey("friend.id"))
    league_id: Mapped[int | None] = mapped_column(ForeignKey("league.id"))


class League(Model):
    """Teams with a winner."""

    __tablename__ = "league"

    id: Mapped[int] = mapped_column(primary_key=True)
    winner_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
'''
)


def _models(project: Environment, text: str) -> None:
    """Replace the models; the app goes on importing the names it knows."""
    names = (
        "\nCity = Hobby = Friend\n"
        if "Friend" in text
        else "City = Hobby = Friend = object"
    )
    (project.package / "models.py").write_text(text + names)


def test_tables_go_and_come_back_in_order(
    project: Environment, database_url: str
) -> None:
    """I drop three related tables at once, and take it back."""
    _models(project, ONLY_FRIEND)
    trip = round_trip(
        project.using(database_url),
        insert=ROWS,
        up=["SELECT id, name FROM friend"],
        down=["SELECT city_id FROM friend", "SELECT * FROM friend_hobby"],
    )
    assert list(trip.again.values()) == [[(1, "Ann")]]
    assert list(trip.down.values()) == [[(None,)], []]
    for what in ("table city", "table hobby", "column friend.city_id"):
        assert f"# DELETES: {what} with " in trip.script


def test_the_index_of_a_foreign_key_goes(
    project: Environment, database_url: str
) -> None:
    """I no longer index friend.city_id; MariaDB wants an index there, and makes one."""
    change(project, (", index=True", ""))
    cities = "SELECT city_id FROM friend"
    trip = round_trip(project.using(database_url), insert=ROWS, up=[cities])
    assert trip.again[cities] == [(1,)]


def test_the_check_of_a_column_goes_along(
    project: Environment, database_url: str
) -> None:
    """I add a column that has a CHECK of its own, and drop it; both ways work."""
    shop = project.using(database_url)
    define_thing(shop, "name = sa.Text")
    draft(shop, "before")
    flag = "flag = sa.Boolean(create_constraint=True, name='flag')"
    define_thing(shop, "name = sa.Text", flag)
    draft(shop, "flag")
    sql(database_url, "INSERT INTO thing (id, flag) VALUES (1, true)")
    alembic(shop, "downgrade -1", "upgrade head")
    define_thing(shop, "name = sa.Text")
    draft(shop, "after")
    assert sql(database_url, "SELECT id FROM thing") == [(1,)]


@ON_POSTGRESQL
def test_the_default_of_others_comes_back(
    project: Environment, database_url: str
) -> None:
    """I drop columns that somebody added by SQL, and undo it: they have defaults."""
    shop = project.using(database_url)
    define_thing(shop, "name = sa.Text")
    draft(shop, "thing")
    added = {
        "made": "TIMESTAMP DEFAULT now()",
        "later": "TIMESTAMP DEFAULT (now() + '1 day'::interval)",
        "size": "INTEGER DEFAULT (1 + 1)",
        "word": "VARCHAR(9) DEFAULT 'it''s'",
        "flag": "BOOLEAN DEFAULT true",
    }
    for name, what in added.items():
        sql(database_url, f"ALTER TABLE thing ADD {name} {what}")
    defaults = """SELECT column_name, column_default FROM information_schema.columns
        WHERE table_name = 'thing' ORDER BY column_name"""
    before = sql(database_url, defaults)
    script = draft(shop, "dropped", *[f"drop=thing.{it}" for it in added])
    assert script.count("server_default=sa.func.now()") == 1
    alembic(shop, "downgrade -1")
    assert sql(database_url, defaults) == before


def test_what_another_database_has_comes_back(project: Environment) -> None:
    """On SQLite I drop what says more to PostgreSQL: the undo makes it as it was."""
    shop = _sqlite(project)
    index = "\n    ix = sa.Index('ix', age, postgresql_where=age > 1, mysql_length=3)"
    key = "\n    uq = sa.UniqueConstraint(age, name='uq', postgresql_include=['id'])"
    define_thing(shop, f"age = sa.Integer){index}{key[:-1]}")
    draft(shop, "thing")
    define_thing(shop, "age = sa.Integer")
    _, _, undo = draft(shop, "gone").partition("def downgrade")
    assert 'postgresql_where=sa.text("age > 1")' in undo
    assert "mysql_length=3" in undo
    assert 'postgresql_include=["id"]' in undo


def test_an_answer_to_no_drop_names_the_one_there_is(project: Environment) -> None:
    """I mistype the column that I drop, and read what I may have meant."""
    shop = _sqlite(project)
    define_thing(shop, "name = sa.Text", "nick = sa.Integer")
    draft(shop, "thing")
    define_thing(shop, "name = sa.Text")
    words = "-x", "drop=thing.nik", "revision", "--autogenerate", "-m", "gone"
    assert "answers no question. Possible: drop=thing.nick" in refusal(shop, *words)


def test_a_drop_is_logged(project: Environment) -> None:
    """I drop a column and the command warns me of what the script deletes."""
    shop = _sqlite(project)
    _models(project, ONLY_FRIEND)
    done = shop.alembic("revision", "--autogenerate", "-m", "friends alone")
    assert "WARNING" in done.stderr
    assert "The draft deletes column friend.city_id with its values." in done.stderr


@ON_POSTGRESQL
def test_the_order_is_no_matter_of_luck(
    project: Environment, database_url: str
) -> None:
    """I draft the same drops on six machines, and all write the same script."""
    shop = project.using(database_url)
    shop.alembic("upgrade", "head")
    _models(project, ONLY_FRIEND)
    scripts = set()
    for seed in range(6):
        shop.environment["PYTHONHASHSEED"] = str(seed)
        known = set(shop.revisions())
        shop.alembic("revision", "--autogenerate", "--rev-id", "x", "-m", "drop")
        (path,) = set(shop.revisions()) - known
        scripts.add(path.read_text().partition("def upgrade")[2])
        if seed < 5:
            path.unlink()
    assert len(scripts) == 1
    shop.alembic("upgrade", "head")
    shop.alembic("downgrade", "-1")


def test_tables_that_refer_to_each_other(
    project: Environment, database_url: str
) -> None:
    """I make tables in a circle, drop them again, and take each back."""
    shop = project.using(database_url)
    _models(project, CYCLE)
    drops = ("city", "hobby", "friend_hobby", "friend.city_id")
    round_trip(shop, insert=ROWS, answers=[f"drop={what}" for what in drops])
    _models(project, ONLY_FRIEND)
    round_trip(shop, insert=["INSERT INTO league (id) VALUES (1)"])


def test_a_draft_that_drops_everything_is_refused(
    project: Environment, database_url: str
) -> None:
    """I forgot to import the models: nothing is written, and I am told why."""
    shop = project.using(database_url)
    shop.alembic("upgrade", "head")
    _models(project, EMPTY)
    before = shop.revisions()
    done = shop.alembic("revision", "--autogenerate", "-m", "oops", status=255)
    said = done.stdout + done.stderr
    assert "would drop every table (city, friend, friend_hobby, hobby)" in said
    assert "models were not imported" in said
    assert "-x drop=city -x drop=friend -x drop=friend_hobby -x drop=hobby rev" in said
    assert "rename=" not in said
    assert shop.revisions() == before


def test_tables_that_may_be_renamed_are_not_only_dropped(
    project: Environment, database_url: str
) -> None:
    """I rename each table and its columns: what keeps the rows is said first."""
    shop = project.using(database_url)
    _models(project, ONLY_FRIEND)
    round_trip(shop)
    sql(database_url, "INSERT INTO friend (id, name) VALUES (1, 'Ann')")
    renamed = ONLY_FRIEND.replace('"friend"', '"person"').replace("name:", "title:")
    other = "class Box(Model):\n    __tablename__ = 'box'\n    weight: Mapped[int]"
    key = "    id: Mapped[int] = mapped_column(primary_key=True)\n"
    _models(project, f"{renamed}\n\n{other}\n{key}")
    arguments = ("revision", "--autogenerate", "-m", "person")
    done = shop.alembic(*arguments, status=255)
    said = done.stdout + done.stderr
    assert said.count("-x rename=friend:person revision") == 1
    assert "rename=friend:box" not in said
    assert said.index("rename=friend:person") < said.index("-x drop=friend ")
    answers = ("-x", "rename=friend:person", "-x", "rename=friend.name:title")
    shop.alembic(*answers, *arguments)
    alembic(shop, "upgrade head", "check")
    assert sql(database_url, "SELECT title FROM person") == [("Ann",)]


def test_all_tables_go_when_each_is_named(
    project: Environment, database_url: str
) -> None:
    """I really drop the last table, and say so."""
    shop = project.using(database_url)
    _models(project, ONLY_FRIEND)
    round_trip(shop, insert=ROWS)
    _models(project, EMPTY)
    trip = round_trip(shop, answers=["drop=friend"])
    assert 'op.drop_table("friend")' in trip.script


def _sqlite(project: Environment) -> Environment:
    shop = project.using(f"sqlite:///{project.path}/main.db")
    shop.alembic("upgrade", "head")
    return shop


def test_the_indexes_of_a_new_table_go_with_it(
    project: Environment, database_url: str
) -> None:
    """I undo a new table with an index: the table is dropped, and nothing before it."""
    shop = project.using(database_url)
    define_thing(shop, "name = sa.String(20), index=True")
    down = draft(shop, "thing").partition("def downgrade")[2]
    assert re.findall(r"op\.\w+|batch_op\.\w+", down) == ["op.drop_table"]
    alembic(shop, "downgrade -1", "upgrade head", "check")
    (shop.package / "things.py").unlink()
    up, _, down = draft(shop, "gone").partition("def downgrade")
    assert re.findall(r"op\.drop\w+", up) == ["op.drop_table"]
    assert "create_index" in down
