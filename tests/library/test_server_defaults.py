"""The default that the database gives a column is changed in the models."""

import pytest
from drafts import alembic, define_thing, draft, newest, refusal, sql
from environment import Environment

BEFORE = (
    "name = sa.String(20), server_default='nobody'",
    "size = sa.Integer, server_default='3'",
    "flag = sa.Boolean, server_default=sa.false()",
    "made = sa.DateTime",
    "hour = sa.Time",
    "mood = sa.Enum('glad', 'sad', name='mood'), server_default='sad'",
)
AFTER = (
    "name = sa.String(40), server_default='somebody it is not known who'",
    "size = sa.Integer",
    "flag = sa.Boolean, server_default=sa.true()",
    "made = sa.DateTime, server_default=sa.func.now()",
    "hour = sa.Time, server_default='12:00'",
    "mood = sa.Enum('glad', 'sad', name='mood'), server_default='glad'",
)
COLUMNS = """SELECT name, size, flag, made IS NOT NULL, mood,
    hour IS NOT NULL FROM thing ORDER BY id"""


def test_other_defaults_are_drafted(project: Environment, database_url: str) -> None:
    """I change, add and remove defaults: new rows get them, up, down and up again."""
    shop = project.using(database_url)
    define_thing(shop, *BEFORE)
    draft(shop, "before")
    sql(database_url, "INSERT INTO thing (id) VALUES (1)")
    define_thing(shop, *AFTER)
    assert "thing.flag: server default changed" in refusal(shop, "check")
    draft(shop, "after")
    old = ("nobody", 3, 0, 0, "sad", 0)
    new = ("somebody it is not known who", None, 1, 1, "glad", 1)
    sql(database_url, "INSERT INTO thing (id) VALUES (2)")
    assert sql(database_url, COLUMNS) == [old, new]
    sql(database_url, "DELETE FROM thing WHERE id = 2")
    alembic(shop, "downgrade -1")
    sql(database_url, "INSERT INTO thing (id) VALUES (2)")
    assert sql(database_url, COLUMNS) == [old, old]
    alembic(shop, "upgrade head", "check")
    sql(database_url, "INSERT INTO thing (id) VALUES (3)")
    assert sql(database_url, COLUMNS) == [old, old, new]


def test_another_default_comes_with_other_changes(
    project: Environment, database_url: str
) -> None:
    """I change a default with a name, a type or NOT NULL, and get both, both ways."""
    shop = project.using(database_url)
    define_thing(
        shop,
        "name = sa.String(20), server_default='a'",
        "size = sa.String(20), server_default='7'",
        "kind = sa.String(20), server_default='b'",
    )
    draft(shop, "before")
    sql(database_url, "INSERT INTO thing (id, kind) VALUES (1, NULL)")
    define_thing(
        shop,
        "title = sa.String(20), server_default='A'",
        "size = sa.Integer, server_default='8'",
        "kind = sa.String(40), server_default='B', nullable=False",
    )
    script = draft(shop, "after", "rename=thing.name:title", "fill=thing.kind:none")
    for default in ("A", "8", "B"):
        assert script.count(f' server_default="{default}"') == 1
    after = "SELECT title, size, kind FROM thing ORDER BY id"
    before = "SELECT name, size, kind FROM thing ORDER BY id"
    sql(database_url, "INSERT INTO thing (id) VALUES (2)")
    assert sql(database_url, after) == [("a", 7, "none"), ("A", 8, "B")]
    alembic(shop, "downgrade -1")
    sql(database_url, "INSERT INTO thing (id) VALUES (3)")
    assert sql(database_url, before)[1:] == [("A", "8", "B"), ("a", "7", "b")]
    alembic(shop, "upgrade head", "check")


def test_a_default_that_stays_is_no_difference(
    project: Environment, database_url: str
) -> None:
    """My defaults are expressions that no database gives back as I wrote them."""
    shop = project.using(database_url)
    define_thing(
        shop,
        "name = sa.String(20), server_default=sa.text(\"'it''s'\")",
        "size = sa.Integer, server_default=sa.text('(1 + 1)')",
        "rate = sa.Numeric(6, 2), server_default='1.50'",
        "made = sa.DateTime, server_default=sa.text('CURRENT_TIMESTAMP')",
        "note = sa.Text, server_default=''",
        "flag = sa.Boolean, server_default='1'",
        "open = sa.Boolean, server_default=sa.text('true')",
        "hour = sa.Time, server_default='12:00'",
        "key = sa.Uuid, server_default='00000000000000000000000000000000'",
        "many = sa.JSON, server_default='[]'",
    )
    draft(shop, "thing")
    assert "alter_column" not in newest(shop, "thing")
    assert "No changes" in shop.alembic("revision", "--autogenerate", "-m", "x").stdout


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("sa.Integer, server_default=''", "the server default '' is no value of"),
        ("sa.Integer, server_default='NULL'", "the server default 'NULL' is no value"),
        ("sa.Numeric, server_default='1,5'", "the server default '1,5' is no value"),
        (
            "sa.Enum('red', name='m', native_enum=False), server_default='blue'",
            "the server default 'blue' is no value",
        ),
    ],
)
def test_a_default_that_is_no_value_is_refused(
    project: Environment, column: str, said: str
) -> None:
    """A tutorial gave my number the default '': I read it before any server does."""
    alembic(project, "upgrade head")
    define_thing(project, f"age = {column}")
    revision = "revision", "--autogenerate", "-m", "thing"
    assert f"thing.age: {said}" in refusal(project, *revision)


@pytest.mark.parametrize("default", ["'one'", "sa.text(\"'one'\")"])
def test_a_default_that_i_add_is_no_value(project: Environment, default: str) -> None:
    """I add such a default later: it is said not to be compared."""
    define_thing(project, "age = sa.Integer")
    draft(project, "thing")
    define_thing(project, f"age = sa.Integer, server_default={default}")
    said = alembic(project, "check")
    assert "The server default 'one' of 'thing.age' is no value of its type" in said


def test_a_default_that_no_longer_fits_is_left_behind(
    project: Environment, database_url: str
) -> None:
    """My text becomes a truth that is NOT NULL; its default is no truth, and goes."""
    shop = project.using(database_url)
    define_thing(shop, "flag = sa.String(3), server_default='no'")
    draft(shop, "text")
    sql(database_url, "INSERT INTO thing (id, flag) VALUES (1, '1'), (2, NULL)")
    define_thing(shop, "flag = sa.Boolean, server_default='no', nullable=False")
    draft(shop, "truth", "fill=thing.flag:false")
    assert sql(database_url, "SELECT flag FROM thing ORDER BY id") == [(1,), (0,)]
    with pytest.raises(Exception, match="flag"):
        sql(database_url, "INSERT INTO thing (id) VALUES (3)")
    alembic(shop, "downgrade -1")
    sql(database_url, "INSERT INTO thing (id) VALUES (3)")
    found = sql(database_url, "SELECT flag FROM thing ORDER BY id")
    assert found == [("1",), ("0",), ("no",)]
