"""What is dropped later is there until its day, and a downgrade brings it back."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from alembic_lossless.operations.aside import kept, kept_name
from drafting import change
from drafts import alembic, define_thing, draft, newest, refusal, sql
from environment import Environment
from scripts import ran, scripted, versions
from servers import engine_of, table_names
from sqlalchemy import inspect
from sqlalchemy.exc import IntegrityError, OperationalError

PHONE = '    phone: Mapped[str] = mapped_column(String(40), server_default="none")\n'
NICK = "    nick: Mapped[str | None] = mapped_column(String(40), unique=True)\n"
NAME = "    name: Mapped[str] = mapped_column(String(100))\n    city_id"
WITH_BOTH = NAME.replace("    city_id", f"{PHONE}{NICK}    city_id")
LATER = ("drop=friend.phone:later", "drop=friend.nick:later")
FRIENDS = "SELECT id, phone, nick FROM friend ORDER BY id"
TODAY = datetime.now(tz=UTC).date()
KEEP = ("migrations/__init__.py", "    folder=", "    keep_dropped=9,\n    folder=")
"""What lets a project keep what it drops."""
DAY = str(TODAY + timedelta(days=30))


@pytest.fixture
def shop(project: Environment, database_url: str) -> Environment:
    """Give a project with two friends, of whom one has a nickname."""
    shop = project.using(database_url)
    change(shop, (NAME, WITH_BOTH))
    draft(shop, "both")
    sql(
        database_url,
        "INSERT INTO friend (id, name, phone, nick) VALUES"
        " (1, 'Ann', '0171', 'A'), (2, 'Bob', 'none', NULL)",
    )
    change(shop, (WITH_BOTH, NAME))
    return shop


def columns(url: str, table: str) -> dict[str, Any]:
    """Return the columns of a table by name."""
    return {it["name"]: it for it in inspect(engine_of(url)).get_columns(table)}


def status(shop: Environment) -> Any:
    """Return what `status --json` says of the database."""
    said = shop.run("flask", "db", "status", "--json").stdout
    return json.loads(said)["databases"]["default"]


def test_all_values_come_back(shop: Environment, database_url: str) -> None:
    """I drop columns later, rows come, and after the downgrade I have every value."""
    script = draft(shop, "later", *LATER)
    assert script.count("# KEEPS: column friend.") == 2
    assert "# DELETES:" not in script
    sql(database_url, "INSERT INTO friend (id, name) VALUES (3, 'Cid'), (4, 'Dora')")
    said = alembic(shop, "downgrade -1")
    values = [(1, "0171", "A"), (2, "none", None), (3, "", None), (4, "", None)]
    assert sql(database_url, FRIENDS) == values
    for name in ("phone", "nick"):
        assert f"2 rows came after friend.{name} was set aside" in said
    assert "id 3; id 4" in said
    found = columns(database_url, "friend")
    assert set(found) == {"id", "name", "phone", "nick", "city_id"}
    assert not found["phone"]["nullable"]
    assert "none" in found["phone"]["default"]
    with pytest.raises(IntegrityError):
        sql(database_url, "INSERT INTO friend (name, nick) VALUES ('Eve', 'A')")
    alembic(shop, "upgrade head", "check")


def test_what_is_kept_is_ours_until_it_is_purged(
    shop: Environment, database_url: str
) -> None:
    """I see until when it is kept; nothing offers it for deletion; then I purge it."""
    draft(shop, "later", LATER[0], "drop=friend.nick:now")
    phone = {"name": "friend.phone", "until": DAY, "is_due": False}
    assert status(shop)["kept"] == [phone]
    assert (
        f"kept     friend.phone until {DAY}\n"
        in shop.run("flask", "db", "status").stdout
    )
    said = shop.run("flask", "db", "purge", "--yes").stdout
    assert said == f"Nothing is due. Kept: friend.phone until {DAY}.\n"
    define_thing(shop, "name = sa.String(20)")
    script = draft(shop, "thing")
    assert "kept_" not in script
    refused = shop.run("flask", "db", "purge", "--now", status=255).stdout
    assert "To drop these for good: flask db purge --now --yes" in refused
    assert kept_name("phone", DAY) in columns(database_url, "friend")
    said = shop.run("flask", "db", "purge", "--now", "--yes").stdout
    assert "Dropped friend.phone.\n" in said
    assert set(columns(database_url, "friend")) == {"id", "name", "city_id"}
    assert status(shop)["kept"] == []
    alembic(shop, "check", "downgrade -1")
    said = refusal(shop, "downgrade", "-1")
    assert f"friend.phone was kept until {DAY} and has been purged" in said
    assert "nick" not in columns(database_url, "friend")


@pytest.mark.parametrize("database_url", ["sqlite", "mariadb"], indirect=True)
def test_a_squash_while_something_is_kept(shop: Environment, database_url: str) -> None:
    """I squash what sets columns aside: all values come back, or are purged."""
    draft(shop, "later", *LATER)
    sql(database_url, "INSERT INTO friend (id, name) VALUES (3, 'Cid')")
    shop.run("flask", "db", "squash")
    assert [it["name"] for it in status(shop)["kept"]] == [
        "friend.nick",
        "friend.phone",
    ]
    alembic(shop, "check", "downgrade -1")
    values = [(1, "0171", "A"), (2, "none", None), (3, "", None)]
    assert sql(database_url, FRIENDS) == values
    alembic(shop, "upgrade head")
    # MariaDB commits each statement, and the run was killed behind the second one.
    for name in ("nick", "phone"):
        sql(database_url, f"ALTER TABLE friend DROP COLUMN {kept_name(name, DAY)}")
    said = shop.run("flask", "db", "purge", "--now").stdout
    assert said == "Nothing is due. Kept: none.\n"
    assert set(columns(database_url, "friend")) == {"id", "name", "city_id"}
    alembic(shop, "check")


def test_tables_come_back(project: Environment, database_url: str) -> None:
    """I drop tables later; a new one has the name, and all rows come back."""
    shop = project.using(database_url)
    models = (shop.package / "models.py").read_text()
    mood = "mood = sa.Enum('sad', 'glad', name='mood'), nullable=False, index=True"
    define_thing(shop, "name = sa.String(20), unique=True", mood)
    draft(shop, "thing")
    for statement in (
        "INSERT INTO friend (id, name) VALUES (1, 'Ann'), (2, 'Bob')",
        "INSERT INTO hobby (id, name) VALUES (1, 'chess')",
        "INSERT INTO friend_hobby (friend_id, hobby_id) VALUES (1, 1), (2, 1)",
        "INSERT INTO thing (id, name, mood) VALUES (1, 'spoon', 'glad')",
    ):
        sql(database_url, statement)
    begin, end = models.index("friend_hobby ="), models.index("class City")
    text = models[:begin] + models[end:]
    text = text.partition("    hobbies:")[0]
    (shop.package / "models.py").write_text(text + "\n\nHobby = Friend\n")
    (shop.package / "things.py").unlink()
    names = ("hobby", "friend_hobby", "thing")
    script = draft(shop, "later", *(f"drop={name}:later" for name in names))
    assert script.count("# KEEPS: table ") == 3
    # Nothing that is kept stops who deletes what it referred to.
    sql(database_url, "DELETE FROM friend WHERE id = 2")
    define_thing(shop, "name = sa.String(9), unique=True", mood)
    draft(shop, "another thing")
    assert {it["name"] for it in status(shop)["kept"]} == set(names)
    said = refusal(shop, "downgrade", "-2")
    assert "that no friend.id has, for example 2" in said
    likes = kept_name("friend_hobby", DAY)
    sql(database_url, f"DELETE FROM {likes} WHERE friend_id = 2")  # noqa: S608
    # MariaDB has taken the last one back by then, and looks at the rows before more.
    there = "thing" in table_names(database_url)
    alembic(shop, f"downgrade {'-2' if there else '-1'}")
    assert sql(database_url, "SELECT * FROM friend_hobby") == [(1, 1)]
    assert sql(database_url, "SELECT name, mood FROM thing") == [("spoon", "glad")]
    more = "INSERT INTO thing (id, name, mood) VALUES (2, 'spoon', 'sad')"
    with pytest.raises(IntegrityError):
        sql(database_url, more)
    alembic(shop, "upgrade head", "check")
    assert "hobby" not in table_names(database_url)


def test_constraints_come_back(project: Environment, database_url: str) -> None:
    """Columns with a CHECK, a foreign key and a default come back with all of it."""
    shop = project.using(database_url)
    define_thing(
        shop,
        "flag = sa.Boolean(create_constraint=True, name='flag'), nullable=False",
        "age = sa.Integer, sa.CheckConstraint('age > 3', name='age'), nullable=False",
        "city_id = sa.ForeignKey('city.id'), nullable=False, index=True",
        "price = sa.Numeric(10, 2), nullable=False, server_default='1.50'",
    )
    draft(shop, "thing")
    sql(database_url, "INSERT INTO city (id, name) VALUES (7, 'Oslo')")
    row = "INSERT INTO thing (id, flag, age, city_id, price) VALUES (1, true, 9, 7, 2)"
    sql(database_url, row)
    names = ("flag", "age", "city_id", "price")
    define_thing(shop, "name = sa.Text")
    draft(shop, "later", *(f"drop=thing.{name}:later" for name in names))
    sql(database_url, "INSERT INTO thing (id, name) VALUES (2, 'x')")
    sql(database_url, "DELETE FROM city WHERE id = 7")
    said = refusal(shop, "downgrade", "-1")
    assert "that no city.id has, for example 7" in said
    sql(database_url, "INSERT INTO city (id, name) VALUES (7, 'Oslo')")
    alembic(shop, "downgrade -1")
    found = sql(database_url, f"SELECT {', '.join(names)} FROM thing ORDER BY id")  # noqa: S608
    assert found == [(1, 9, 7, 2), (0, None, None, 0)]
    with pytest.raises((IntegrityError, OperationalError)):
        sql(database_url, row.replace("(1, true, 9", "(3, true, 1"))
    alembic(shop, "upgrade head", "check")


def test_a_script_does_the_same(shop: Environment, database_url: str) -> None:
    """An administrator runs the script, and the one that takes it back."""
    options = "".join(f"-x {it} " for it in LATER)
    alembic(shop, f"{options}revision --autogenerate -m later --rev-id later")
    at = versions(database_url)[0]
    ran(database_url, scripted(shop, "upgrade", f"{at}:head"))
    alembic(shop, "check")
    sql(database_url, "INSERT INTO friend (id, name) VALUES (3, 'Cid')")
    ran(database_url, scripted(shop, "downgrade", f"later:{at}"))
    values = [(1, "0171", "A"), (2, "none", None), (3, "", None)]
    assert sql(database_url, FRIENDS) == values


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_it_waits_for_the_deployment(shop: Environment, database_url: str) -> None:
    """The running version needs the column: it is set aside after the deployment."""
    options = "".join(f"-x {it} " for it in ("live", *LATER))
    alembic(shop, f"{options}revision --autogenerate -m later", "upgrade head", "check")
    before = newest(shop, "later")
    after = newest(shop, "later_after_the_deployment")
    assert "set_column_aside" not in before
    assert after.count("op.set_column_aside") == 2
    assert [it in before for it in ('phase = "before"', 'phase = "after"')] == [1, 0]
    sql(database_url, "INSERT INTO friend (id, name) VALUES (3, 'Cid')")
    alembic(shop, "downgrade -2")
    assert sql(database_url, FRIENDS)[0] == (1, "0171", "A")
    alembic(shop, "upgrade head", "downgrade -1")
    path = next(shop.package.glob("migrations/versions/*_after_the_deployment.py"))
    path.write_text(path.read_text().replace('phase = "after"', "#"))
    found = shop.run("flask", "db", "lint", "--json", status=1).stdout
    assert found.count('"column-dropped"') == 2


def test_any_name(project: Environment, database_url: str) -> None:
    """Names with quotes, percent signs and many letters are kept and come back."""
    shop = project.using(database_url)
    names = ['c"d', "100%", "a b:c", "n" * 60]
    given = [f"c{n} = {name!r}, sa.String(9)" for n, name in enumerate(names)]
    define_thing(shop, "name = sa.String(9)", *given)
    draft(shop, "hostile")
    with engine_of(database_url).begin() as connection:
        quote = connection.dialect.identifier_preparer.quote
        named = ", ".join(map(quote, names)).replace("%%", "%")
        insert = f"INSERT INTO thing (id, {named}) VALUES (1, 'a', 'b', 'c', 'd')"  # noqa: S608
        connection.exec_driver_sql(insert, execution_options={"no_parameters": True})
    define_thing(shop, "name = sa.String(9)")
    shop.edit(*KEEP)
    draft(shop, "later")
    assert len(status(shop)["kept"]) == len(names)
    alembic(shop, "downgrade -1")
    (row,) = sql(database_url, "SELECT * FROM thing")
    assert set(row) == {1, None, "a", "b", "c", "d"}
    alembic(shop, "upgrade head", "check")
    shop.run("flask", "db", "purge", "--now", "--yes")
    assert set(columns(database_url, "thing")) == {"id", "name"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_cannot_be_kept(shop: Environment, database_url: str) -> None:
    """I am told why, in a line, and nothing is written."""
    words = ("revision", "--autogenerate", "-m", "x")
    said = refusal(shop, "-x", "drop=friend.phone:soon", *words)
    assert "write drop=TABLE or TABLE.COLUMN, and nothing after it but :later" in said
    sql(database_url, "CREATE TABLE jobs (id INTEGER)")
    said = refusal(shop, "-x", "drop=jobs:later", *words)
    assert "drop=jobs:later: no revision made it" in said
    assert "drop=jobs:now" in said
    shop.edit(*KEEP[:2], KEEP[2].replace("9", "-1"))
    said = refusal(shop, *words)
    assert "keep_dropped is -1. Give a number of days, or 0." in said


def test_a_day_that_has_come() -> None:
    """A name says what it was and until when, and other names are left alone."""
    found = kept(kept_name("phone", "2026-01-31"))
    assert found is not None
    assert tuple(found) == ("phone", date(2026, 1, 31), False)
    for name in ("kept_until_tomorrow", "kept_until_20269999_x", "kept", "", None):
        assert kept(name) is None


def test_a_name_of_my_own_is_not_taken_for_a_kept_one(project: Environment) -> None:
    """My models have names like those of what is kept: they are mine all the same."""
    shop = project.using(f"sqlite:///{project.path / 'here.db'}")
    name = kept_name("note", DAY)
    for type_ in ("sa.Integer", "sa.BigInteger"):
        define_thing(shop, f"{name} = {type_}")
        path = shop.package / "things.py"
        path.write_text(path.read_text().replace('"thing"', repr(kept_name("it", DAY))))
        assert f'"{name}"' in draft(shop, type_[3:].lower())
