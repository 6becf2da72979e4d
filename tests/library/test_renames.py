"""A rename keeps the data: columns and tables, with all that hangs on them."""

import pytest
from drafting import change, round_trip
from drafts import alembic, define_thing, draft, refusal, sql
from environment import Environment
from proof.case import Case, Court, Verdict
from proof.write import HEADER
from servers import ON_MARIADB, TRANSACTIONAL

ROWS = (
    "INSERT INTO city (id, name) VALUES (1, 'Oslo'), (2, 'Rome')",
    "INSERT INTO friend (id, name, city_id) VALUES (1, 'Ann', 1), (2, 'Bob', NULL)",
    "INSERT INTO hobby (id, name) VALUES (1, 'chess')",
    "INSERT INTO friend_hobby (friend_id, hobby_id) VALUES (1, 1), (2, 1)",
)
ANOTHER = '''

class Another(Model):
    """Another table with an old name."""

    __tablename__ = "hobby"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100), unique=True)
'''
FRIENDS = "SELECT id, name, city_id FROM friend ORDER BY id"
NAME = "    name: Mapped[str] = mapped_column(String(100))\n"


def test_a_column_keeps_its_values(project: Environment, database_url: str) -> None:
    """I rename friend.name to full_name and nobody loses a name, up or down."""
    change(project, (NAME, NAME.replace("name", "full_name")))
    new = "SELECT id, full_name FROM friend ORDER BY id"
    trip = round_trip(
        project.using(database_url),
        insert=ROWS,
        answers=["rename=friend.name:full_name"],
        up=[new],
        down=[FRIENDS],
    )
    assert trip.up[new] == trip.again[new] == [(1, "Ann"), (2, "Bob")]
    assert trip.down[FRIENDS] == [(1, "Ann", 1), (2, "Bob", None)]
    assert "drop_column" not in trip.script


@TRANSACTIONAL
def test_a_column_in_an_expression(project: Environment, database_url: str) -> None:
    """I rename a column whose lower case is indexed, and the index stays as it is."""
    shop = project.using(database_url)
    index = "__table_args__ = (sa.Index('ix_low', sa.text('lower({})')),)"
    for name, answers in (("old", ()), ("new", ("rename=thing.old:new",))):
        define_thing(shop, f"{name} = sa.String(9)")
        path = shop.package / "things.py"
        path.write_text(f"{path.read_text()}    {index.format(name)}\n")
        text = draft(shop, name, *answers)
    assert "ix_low" not in text
    alembic(shop, "downgrade -1", "upgrade head", "check")


def test_a_column_keeps_its_default(project: Environment, database_url: str) -> None:
    """I rename columns that have defaults, and new rows still get them."""
    shop = project.using(database_url)
    defaults = "sa.String(9), server_default='none'", "sa.Boolean, server_default='1'"
    define_thing(shop, *(f"old{i} = {it}" for i, it in enumerate(defaults)))
    draft(shop, "before")
    define_thing(shop, *(f"new{i} = {it}" for i, it in enumerate(defaults)))
    draft(shop, "after", "rename=thing.old0:new0", "rename=thing.old1:new1")
    sql(database_url, "INSERT INTO thing (id) VALUES (1)")
    assert sql(database_url, "SELECT new0, new1 FROM thing") == [("none", 1)]
    alembic(shop, "downgrade -1")
    sql(database_url, "INSERT INTO thing (id) VALUES (2)")
    rows = sql(database_url, "SELECT old0, old1 FROM thing")
    assert rows == [("none", 1), ("none", 1)]


def test_columns_are_renamed_in_one_order(project: Environment) -> None:
    """I rename several columns, and no chance is in the draft."""
    define_thing(project, *(f"old{i} = sa.String(9)" for i in range(6)))
    draft(project, "before")
    define_thing(project, *(f"new{i} = sa.String(9)" for i in range(6)))
    text = draft(project, "after", *(f"rename=thing.old{i}:new{i}" for i in range(6)))
    upgrade = text.partition("def downgrade")[0]
    places = [upgrade.index(f'"old{i}"') for i in range(6)]
    assert places == sorted(places)


@ON_MARIADB
def test_a_default_that_no_revision_knows(
    project: Environment, database_url: str
) -> None:
    """I rename a column of a table that I made by hand, and its default stays."""
    columns = "id INTEGER PRIMARY KEY, old VARCHAR(9) DEFAULT 'none'"
    sql(database_url, f"CREATE TABLE thing ({columns})")
    shop = project.using(database_url)
    define_thing(shop, "new = sa.String(9), server_default='none'")
    draft(shop, "after", "rename=thing.old:new")
    sql(database_url, "INSERT INTO thing (id) VALUES (1)")
    assert sql(database_url, "SELECT new FROM thing") == [("none",)]


def test_a_column_with_an_index_and_a_foreign_key(
    project: Environment, database_url: str
) -> None:
    """I rename friend.city_id, which has an index and refers to a city."""
    change(project, ("city_id:", "town_id:"))
    new = "SELECT id, town_id FROM friend ORDER BY id"
    trip = round_trip(
        project.using(database_url),
        insert=ROWS,
        answers=["rename=friend.city_id:town_id"],
        up=[new],
        down=[FRIENDS],
    )
    assert trip.up[new] == trip.again[new] == [(1, 1), (2, None)]
    assert trip.down[FRIENDS] == [(1, "Ann", 1), (2, "Bob", None)]
    assert "fk_friend_town_id_city" in trip.script
    assert "ix_friend_town_id" in trip.script


def test_a_column_that_is_unique(project: Environment, database_url: str) -> None:
    """I rename city.name, which is unique, and it stays unique."""
    old = 'unique=True)\n\n    friends: Mapped[list["Friend"]]'
    old = f"name: Mapped[str] = mapped_column(String(100), {old}"
    change(project, (old, old.replace("name", "title", 1)))
    new = "SELECT id, title FROM city ORDER BY id"
    trip = round_trip(
        project.using(database_url),
        insert=ROWS,
        answers=["rename=city.name:title"],
        up=[new],
        down=["SELECT id, name FROM city ORDER BY id"],
    )
    assert trip.up[new] == trip.again[new] == [(1, "Oslo"), (2, "Rome")]
    assert "uq_city_title" in trip.script


def test_a_primary_key_that_others_refer_to(
    project: Environment, database_url: str
) -> None:
    """I rename city.id to city.code, to which friends refer, and it still counts."""
    change(
        project,
        ('__tablename__ = "city"\n\n    id:', '__tablename__ = "city"\n\n    code:'),
        ('"city.id"', '"city.code"'),
    )
    new = "SELECT friend.name, code FROM friend JOIN city ON city_id = code"
    trip = round_trip(
        project.using(database_url),
        insert=["INSERT INTO city (name) VALUES ('Oslo')", *ROWS[1:]],
        answers=["rename=city.id:code"],
        up=[new],
        down=[FRIENDS],
    )
    assert trip.up[new] == trip.again[new] == [("Ann", 1)]
    sql(database_url, "INSERT INTO city (name) VALUES ('Bern')")
    codes = sql(database_url, "SELECT code FROM city ORDER BY code")
    assert codes == [(1,), (2,)]


def test_a_column_with_another_type_and_null(
    project: Environment, database_url: str
) -> None:
    """I rename a column, make it longer and let it be empty, all at once."""
    new_column = "    label: Mapped[str | None] = mapped_column(String(200))\n"
    change(project, (NAME, new_column))
    new = "SELECT id, label FROM friend ORDER BY id"
    trip = round_trip(
        project.using(database_url),
        insert=ROWS,
        answers=["rename=friend.name:label"],
        up=[new],
        down=[FRIENDS],
    )
    assert trip.up[new] == trip.again[new] == [(1, "Ann"), (2, "Bob")]
    assert trip.down[FRIENDS] == [(1, "Ann", 1), (2, "Bob", None)]


def test_a_table_that_others_refer_to(project: Environment, database_url: str) -> None:
    """I rename friend to person; hobbies still know their friends."""
    change(
        project,
        ('__tablename__ = "friend"', '__tablename__ = "person"'),
        ('"friend.id"', '"person.id"'),
    )
    new = (
        "SELECT name, hobby_id FROM person JOIN friend_hobby ON id = friend_id"
        " ORDER BY id"
    )
    trip = round_trip(
        project.using(database_url),
        insert=ROWS,
        answers=["rename=friend:person"],
        up=[new],
        down=[FRIENDS],
    )
    assert trip.up[new] == trip.again[new] == [("Ann", 1), ("Bob", 1)]
    assert trip.down[FRIENDS] == [(1, "Ann", 1), (2, "Bob", None)]
    assert "create_table" not in trip.script


def test_an_association_table_and_its_columns(
    project: Environment, database_url: str
) -> None:
    """I rename friend to person wherever it stands: two tables and a column."""
    change(
        project,
        ('__tablename__ = "friend"', '__tablename__ = "person"'),
        ('"friend_hobby",\n', '"person_hobby",\n'),
        (
            'Column("friend_id", ForeignKey("friend.id"',
            'Column("person_id", ForeignKey("person.id"',
        ),
    )
    new = "SELECT person_id, hobby_id FROM person_hobby ORDER BY 1"
    old = new.replace("person", "friend")
    trip = round_trip(
        project.using(database_url),
        insert=ROWS,
        answers=[
            "rename=friend:person",
            "rename=friend_hobby:person_hobby",
            "rename=friend_hobby.friend_id:person_id",
        ],
        up=[new],
        down=[old, FRIENDS],
    )
    assert trip.up[new] == trip.again[new] == [(1, 1), (2, 1)] == trip.down[old]
    assert "drop_table" not in trip.script


def test_the_old_name_of_a_table_is_free_again(
    project: Environment, database_url: str
) -> None:
    """I rename hobby to interest, and later make another table called hobby."""
    shop = project.using(database_url)
    change(
        project,
        ('__tablename__ = "hobby"', '__tablename__ = "interest"'),
        ('"hobby.id"', '"interest.id"'),
    )
    round_trip(shop, insert=ROWS, answers=["rename=hobby:interest"])
    path = project.package / "models.py"
    path.write_text(path.read_text() + ANOTHER)
    hobbies = "SELECT title FROM hobby"
    trip = round_trip(shop, up=[hobbies, "SELECT name FROM interest"])
    assert list(trip.again.values()) == [[], [("chess",)]]


def test_a_table_whose_foreign_key_gets_an_index(
    project: Environment, database_url: str
) -> None:
    """I rename a table and give its foreign key an index, and take both back."""
    shop = project.using(database_url)
    define_thing(shop, "city = sa.Integer, sa.ForeignKey('city.id')")
    draft(shop, "before")
    sql(database_url, "INSERT INTO thing (id) VALUES (1)")
    define_thing(shop, "city = sa.Integer, sa.ForeignKey('city.id'), index=True")
    path = shop.package / "things.py"
    path.write_text(path.read_text().replace('"thing"', '"matter"'))
    draft(shop, "after", "rename=thing:matter")
    alembic(shop, "downgrade -1")
    assert sql(database_url, "SELECT id FROM thing") == [(1,)]
    alembic(shop, "upgrade head", "check")


def test_a_name_that_an_answer_gives_is_offered_to_nobody_else(
    project: Environment,
) -> None:
    """I say under the old name of a table what one column became; another is asked."""
    shop = project.using(f"sqlite:///{project.path / 'here.db'}")
    define_thing(shop, "first = sa.Integer", "second = sa.Integer")
    draft(shop, "thing")
    define_thing(shop, "third = sa.Integer", "fourth = sa.Integer")
    path = shop.package / "things.py"
    path.write_text(path.read_text().replace('"thing"', '"item"'))
    answers = "rename=thing:item", "rename=thing.second:third"
    given = [word for it in answers for word in ("-x", it)]
    said = refusal(shop, *given, "revision", "--autogenerate", "-m", "renamed")
    assert "first:fourth" in said
    assert "first:third" not in said
    draft(shop, "renamed", *answers, "rename=thing.first:fourth")


SHIFTED = """

class Thing(Model):
    __tablename__ = "thing"
    __table_args__ = (
        sa.CheckConstraint("{first} <> 7"{name}),
        sa.Index("ix_thing_{first}_{second}", "{first}", "{second}"),
    )

    id = sa.Column(sa.Integer, primary_key=True)
    {first} = sa.Column(sa.Integer, unique=True, comment="first")
    {second} = sa.Column(sa.Integer, unique=True)
    {third} = sa.Column(sa.Integer, nullable=False, server_default="9")
"""


@pytest.mark.parametrize("convention", [True, False])
def test_a_column_gets_the_name_that_another_had(
    judge: Court, *, convention: bool
) -> None:
    """I pass names on, a is called d, b then a and c then b: each keeps its values."""
    model = SHIFTED.replace("{name}", ", name='odd'" if convention else "")
    before = HEADER + model.format(first="a", second="b", third="c")
    after = HEADER + model.format(first="d", second="a", third="b")
    row = (("id", "1"), ("a", "1"), ("b", "2"), ("c", "3"))
    case = Case(
        judge.database,
        before,
        after,
        rows=(("thing", (row,)),),
        tables={"thing": "thing"},
        columns={"thing\na": "d", "thing\nb": "a", "thing\nc": "b", "thing\nid": "id"},
        convention=convention,
    )
    assert judge.judge(case) == Verdict("passed")


PASSED_ON = """

class One(Model):
    __tablename__ = "{first}"

    id = sa.Column(sa.Integer, primary_key=True)
    x = sa.Column(sa.Integer, index=True)
    code = sa.Column(sa.Integer, unique=True)


class Two(Model):
    __tablename__ = "{second}"

    id = sa.Column(sa.Integer, primary_key=True)
    x = sa.Column(sa.Integer, index=True)
    code = sa.Column(sa.Integer, unique=True)
    one_id = sa.Column(sa.Integer, sa.ForeignKey("{first}.id"))
    more = sa.Column(sa.String(9))
"""


@pytest.mark.parametrize("convention", [True, False])
def test_a_table_gets_the_name_that_another_had(
    judge: Court, *, convention: bool
) -> None:
    """I call one table as another one was called: both keep their rows, and keys."""
    one = (("id", "1"), ("x", "1"), ("code", "2"))
    two = (("id", "3"), ("x", "1"), ("code", "4"), ("one_id", "1"), ("more", "'m'"))
    case = Case(
        judge.database,
        HEADER + PASSED_ON.format(first="a", second="b"),
        HEADER + PASSED_ON.format(first="c", second="a"),
        rows=(("a", (one,)), ("b", (two,))),
        tables={"a": "c", "b": "a"},
        columns={
            f"{table}\n{name}": name
            for table, row in (("a", one), ("b", two))
            for name, _ in row
        },
        convention=convention,
    )
    assert judge.judge(case) == Verdict("passed")


def test_two_columns_get_the_names_of_each_other(project: Environment) -> None:
    """I swap two names beside a third change: I read how, and nothing is written."""
    shop = project.using(f"sqlite:///{project.path / 'here.db'}")
    define_thing(shop, "a = sa.Integer", "b = sa.Integer", "c = sa.Integer")
    draft(shop, "before")
    define_thing(shop, "a = sa.Integer", "b = sa.Integer", "d = sa.Integer")
    answers = [f"rename=thing.{it}" for it in ("a:b", "b:a", "c:d")]
    options = [word for it in answers for word in ("-x", it)]
    said = refusal(shop, *options, "revision", "--autogenerate", "-m", "after")
    assert "Some get the names of each other, which one draft cannot do" in said
