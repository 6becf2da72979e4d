"""A column of an Enum: added, its values changed, dropped; no row is lost."""

from pathlib import Path
from typing import Any

import pytest
from database_pairs import two_databases, using_both
from drafts import alembic, define_thing, draft, refusal, sql
from environment import Environment
from scripts import versions, write
from servers import ON_POSTGRESQL, empty_database, engine_of

MOOD = "mood = sa.Enum({values}, name='mood'), nullable=False, server_default={default}"
NAME = "name = sa.String(20)"
ROWS = "SELECT id, CAST(mood AS CHAR(5)) FROM thing ORDER BY id"
INSERT = "INSERT INTO thing (id, mood) VALUES (1, 'happy'), (2, 'sad')"
CROSS = "sa.Enum('happy', 'cross', 'sad', name='mood')"
TYPES = "SELECT typname FROM pg_type WHERE typtype = 'e'"


def mood(*values: str, default: str = "happy") -> str:
    """Return a column that holds a mood."""
    return MOOD.format(values=", ".join(map(repr, values)), default=repr(default))


def moods(url: str) -> list[str]:
    """Return the mood of each row."""
    return [row[1].strip() for row in sql(url, ROWS)]


@pytest.fixture
def shop(project: Environment, database_url: str) -> Environment:
    """Give a project with an empty table."""
    shop = project.using(database_url)
    define_thing(shop, NAME)
    draft(shop, "things")
    return shop


def test_an_enum_arrives_on_a_table_and_leaves(
    shop: Environment, database_url: str
) -> None:
    """I add an Enum to a table with rows, go back, forward and drop it again."""
    sql(database_url, "INSERT INTO thing (id) VALUES (1)")
    define_thing(shop, NAME, mood("happy", "sad"))
    draft(shop, "mood")
    alembic(shop, "downgrade -1", "upgrade head")
    assert moods(database_url) == ["happy"]
    define_thing(shop, NAME)
    draft(shop, "no mood")
    alembic(shop, "downgrade -1")
    assert moods(database_url) == ["happy"]
    alembic(shop, "upgrade head")
    if "postgresql" in database_url:
        assert sql(database_url, TYPES) == []


def test_a_value_is_added_and_removed(shop: Environment, database_url: str) -> None:
    """I add a value, use it, and cannot remove it until no row has it."""
    define_thing(shop, NAME, mood("happy", "sad"))
    draft(shop, "mood")
    sql(database_url, INSERT)
    define_thing(shop, NAME, mood("happy", "sad", "cross"))
    draft(shop, "cross")
    sql(database_url, "INSERT INTO thing (id, mood) VALUES (3, 'cross')")
    assert moods(database_url) == ["happy", "sad", "cross"]
    refused = refusal(shop, "downgrade", "-1")
    assert "thing.mood holds 1 value that" in refused
    assert "for example 'cross'" in refused
    assert moods(database_url) == ["happy", "sad", "cross"]
    sql(database_url, "UPDATE thing SET mood = 'sad' WHERE id = 3")
    alembic(shop, "downgrade -1", "upgrade head")
    assert moods(database_url) == ["happy", "sad", "sad"]
    define_thing(shop, NAME, mood("happy", "sad"))
    draft(shop, "no cross")
    assert moods(database_url) == ["happy", "sad", "sad"]


def test_a_value_is_renamed(shop: Environment, database_url: str) -> None:
    """I am asked whether sad is blue now; it is, and the rows say so."""
    define_thing(shop, NAME, mood("happy", "sad", default="sad"))
    draft(shop, "mood")
    sql(database_url, INSERT)
    define_thing(shop, NAME, mood("happy", "blue", default="blue"))
    asked = refusal(shop, "revision", "--autogenerate", "-m", "blue")
    assert "Was the value 'sad' of thing.mood renamed to 'blue'?" in asked
    draft(shop, "blue", "rename=thing.mood.sad:blue")
    assert moods(database_url) == ["happy", "blue"]
    sql(database_url, "INSERT INTO thing (id) VALUES (3)")
    alembic(shop, "downgrade -1")
    assert moods(database_url) == ["happy", "sad", "sad"]
    sql(database_url, "INSERT INTO thing (id) VALUES (4)")
    alembic(shop, "upgrade head")
    assert moods(database_url) == ["happy", "blue", "blue", "blue"]


def test_a_value_is_renamed_with_its_column(
    shop: Environment, database_url: str
) -> None:
    """I rename a column and a value, add one, and say NOT NULL, all at once."""
    default = "server_default='sad'"
    define_thing(shop, f"mood = sa.Enum('happy', 'sad', name='mood'), {default}")
    draft(shop, "mood", "drop=thing.name")
    sql(database_url, f"{INSERT}, (3, NULL)")
    feeling = mood("happy", "blue", "cross", default="blue").replace("mood", "tone", 1)
    define_thing(shop, feeling)
    rename = "rename=thing.mood:tone", "rename=thing.tone.sad:blue"
    draft(shop, "tone", *rename, "fill=thing.tone:cross")
    sql(database_url, "INSERT INTO thing (id) VALUES (4)")
    tones = sql(database_url, "SELECT tone FROM thing ORDER BY id")
    assert tones == [("happy",), ("blue",), ("cross",), ("blue",)]
    sql(database_url, "UPDATE thing SET tone = 'happy' WHERE id = 3")
    alembic(shop, "downgrade -1")
    assert moods(database_url) == ["happy", "sad", "happy", "sad"]


def test_a_new_column_has_a_new_value(shop: Environment, database_url: str) -> None:
    """I add a value and another column that uses it; going back takes both away."""
    define_thing(shop, mood("happy", "sad"))
    draft(shop, "mood", "drop=thing.name")
    sql(database_url, INSERT)
    tone = mood("happy", "sad", "cross", default="cross").replace("mood", "tone", 1)
    define_thing(shop, mood("happy", "sad", "cross"), tone)
    draft(shop, "tone")
    tones = "SELECT tone FROM thing ORDER BY id"
    assert sql(database_url, tones) == [("cross",), ("cross",)]
    alembic(shop, "downgrade -1")
    assert moods(database_url) == ["happy", "sad"]
    alembic(shop, "upgrade head", "check")


def test_an_enum_becomes_text(
    shop: Environment, database_url: str, tmp_path: Path
) -> None:
    """I no longer want a type for my Enum, and no database keeps one."""
    define_thing(shop, "mood = sa.Enum('happy', 'sad', name='mood')")
    draft(shop, "mood", "drop=thing.name")
    sql(database_url, INSERT)
    text = "mood = sa.Enum('happy', 'sad', name='mood', native_enum=False, length=5)"
    define_thing(shop, text)
    assert "op.alter_column" in draft(shop, "text").replace("batch_op", "op")
    with empty_database("postgresql", tmp_path) as url:
        there = shop.using(url)
        alembic(there, "upgrade head", "check", "downgrade -1", "upgrade head")
        assert sql(url, TYPES) == []


def test_the_type_of_an_enum_has_another_name(
    shop: Environment, database_url: str
) -> None:
    """I rename my class, and with it the type: the rows keep their values.

    A value that the other type does not have is refused.
    """
    define_thing(shop, NAME, mood("happy", "sad", "cross"))
    draft(shop, "mood")
    sql(database_url, INSERT)
    feeling = mood("happy", "sad").replace("'mood'", "'feeling'")
    define_thing(shop, NAME, feeling)
    draft(shop, "feeling")
    alembic(shop, "check")
    assert moods(database_url) == ["happy", "sad"]
    if "postgresql" in database_url:
        assert sql(database_url, TYPES) == [("feeling",)]
    alembic(shop, "downgrade -1")
    sql(database_url, "INSERT INTO thing (id, mood) VALUES (3, 'cross')")
    assert "for example 'cross'" in refusal(shop, "upgrade", "head")
    assert moods(database_url) == ["happy", "sad", "cross"]


def test_text_becomes_an_enum(shop: Environment, database_url: str) -> None:
    """Text that holds only the values becomes an Enum, and other text is refused."""
    sql(database_url, "INSERT INTO thing (id, name) VALUES (1, 'happy'), (2, 'grey')")
    define_thing(shop, "name = sa.Enum('happy', 'sad', name='mood')")
    shop.alembic("revision", "--autogenerate", "-m", "mood")
    assert "example 'grey'" in refusal(shop, "upgrade", "head")
    sql(database_url, "UPDATE thing SET name = 'sad' WHERE id = 2")
    alembic(shop, "upgrade head", "check", "downgrade -1", "upgrade head")
    names = sql(database_url, "SELECT name FROM thing ORDER BY id")
    assert names == [("happy",), ("sad",)]


def test_a_whole_life_leaves_nothing_behind(
    project: Environment, database_url: str
) -> None:
    """Two tables share an Enum; both go, or all is undone, and so does its type."""
    shop = project.using(database_url)
    before = "mood = sa.Enum('happy', 'sad', name='mood')\n"
    other = (
        "class Other(Model):\n    __tablename__ = 'other'\n"
        "    id = sa.Column(sa.Integer, primary_key=True)\n"
        "    mood = sa.Column(mood)\n"
    )
    define_thing(shop, "mood = mood", before=before + other)
    draft(shop, "two tables")
    sql(database_url, "INSERT INTO thing (id, mood) VALUES (1, 'sad')")
    sql(database_url, "INSERT INTO other (id, mood) VALUES (1, 'happy')")
    before = before.replace("'sad'", "'sad', 'cross'")
    define_thing(shop, "mood = mood", before=before + other)
    draft(shop, "cross")
    assert sql(database_url, "SELECT mood FROM other") == [("happy",)]
    (shop.package / "things.py").unlink()
    alembic(shop, "revision --autogenerate -m gone", "upgrade head", "check")
    alembic(shop, "downgrade -2", "upgrade head", "downgrade -3")
    if "postgresql" in database_url:
        assert sql(database_url, TYPES) == []


def test_an_enum_that_is_text_needs_no_migration(
    project: Environment, database_url: str
) -> None:
    """With native_enum=False and a length, a new value is a change of code alone."""
    shop = project.using(database_url)
    text = "mood = sa.Enum({}, native_enum=False, length=20)"
    define_thing(shop, text.format("'happy'"))
    draft(shop, "mood")
    define_thing(shop, text.format("'happy', 'disappointed'"))
    alembic(shop, "check")
    sql(database_url, "INSERT INTO thing (id, mood) VALUES (1, 'disappointed')")


def test_each_database_has_its_own_enums(several: Environment, tmp_path: Path) -> None:
    """The second database's Enum changes its values, and is dropped, as the first's."""
    with two_databases("sqlite-postgresql", tmp_path) as urls:
        shop = using_both(several, urls)
        for row, values in enumerate(("'happy', 'sad'", "'happy', 'sad', 'cross'")):
            column = f"mood = sa.Enum({values}, name='mood'), server_default='happy'"
            define_thing(shop, column)
            path = shop.package / "things.py"
            path.write_text(path.read_text().replace("Model", "AuthModel"))
            draft(shop, f"moods {row}")
            sql(urls[1], f"INSERT INTO thing (id) VALUES ({row})")  # noqa: S608
        assert moods(urls[1]) == ["happy", "happy"]
        alembic(shop, "downgrade -1", "upgrade head", "downgrade -2")
        assert sql(urls[1], TYPES) == []


STATE = """State = sa.Enum({}, name="state")

"""
USES = (
    "state = State, server_default='open'",
    "states = postgresql.ARRAY(State), server_default='{open}'",
)
INDEXED = """    __table_args__ = (
        sa.Index("ix_open", "id", postgresql_where=sa.text("state = 'open'")),
        sa.CheckConstraint("state <> 'shut' OR id > 0", name="positive"),
    )
"""


def define_state(shop: Environment, *values: str) -> None:
    """Let a column, an array, an index and a CHECK speak of one Enum."""
    define_thing(shop, *USES, before=STATE.format(", ".join(map(repr, values))))
    path = shop.package / "things.py"
    path.write_text(path.read_text() + INDEXED)


@ON_POSTGRESQL
def test_an_enum_in_arrays_and_conditions_gains_a_value(
    project: Environment, database_url: str
) -> None:
    """My Enum is in an array, a partial index and a CHECK: a value is added to all."""
    shop = project.using(database_url)
    define_state(shop, "open", "shut")
    draft(shop, "state")
    sql(database_url, "INSERT INTO thing (id) VALUES (1)")
    define_state(shop, "open", "shut", "lost")
    draft(shop, "lost")
    sql(database_url, "INSERT INTO thing (id, states) VALUES (2, '{lost,open}')")
    rows = "SELECT id, state::text, states::text FROM thing ORDER BY id"
    assert sql(database_url, rows) == [
        (1, "open", "{open}"),
        (2, "open", "{lost,open}"),
    ]
    index = sql(
        database_url, "SELECT indexdef FROM pg_indexes WHERE indexname='ix_open'"
    )
    assert "state = 'open'::state" in index[0][0]
    assert "thing.states holds 1 value" in refusal(shop, "downgrade", "-1")
    sql(database_url, "DELETE FROM thing WHERE id = 2")
    alembic(shop, "downgrade -1", "upgrade head", "check")


TEXT_ELSEWHERE = (
    "mood = sa.Enum({values}, native_enum=False, length=9).with_variant("
    "postgresql.ENUM({values}, name='mood'), 'postgresql')"
)


def test_an_enum_that_is_a_type_on_one_database(
    shop: Environment, database_url: str
) -> None:
    """My Enum is a type on PostgreSQL and text elsewhere: a value is added to both."""
    for name, values in (
        ("two", "'happy', 'sad'"),
        ("more", "'happy', 'sad', 'cross'"),
    ):
        define_thing(shop, NAME, TEXT_ELSEWHERE.format(values=values))
        draft(shop, name)
        alembic(shop, "downgrade -1", "upgrade head", "check")
    sql(database_url, "INSERT INTO thing (id, mood) VALUES (1, 'cross')")
    assert moods(database_url) == ["cross"]


@pytest.mark.parametrize(
    ("by_hand", "is_there"),
    [
        ("op.execute(\"ALTER TYPE mood ADD VALUE 'cross' BEFORE 'sad'\")", True),
        # It says nothing to the type, so that its value is still to come.
        (f"op.alter_column('thing', 'mood', type_={CROSS})", False),
    ],
    ids=["SQL", "alter_column"],
)
@ON_POSTGRESQL
def test_a_value_of_my_own_sql_stays(
    shop: Environment, database_url: str, by_hand: str, *, is_there: bool
) -> None:
    """I add a value by hand, and the next one by a draft, which goes back to mine."""
    define_thing(shop, NAME, mood("happy", "sad"))
    draft(shop, "mood")
    (head,) = versions(database_url)
    write(shop, "by_hand", by_hand, down=head)
    define_thing(shop, NAME, mood("happy", "cross", "sad"))
    alembic(shop, "upgrade head", *(["check"] if is_there else []))
    if not is_there:
        assert "['happy', 'sad'], ['happy', 'cross', 'sad']" in draft(
            shop, "cross"
        ).replace('"', "'")
    define_thing(shop, NAME, mood("happy", "cross", "sad", "blue"))
    draft(shop, "blue")
    alembic(shop, "downgrade -1")
    values = "SELECT enumlabel FROM pg_enum ORDER BY enumsortorder"
    assert sql(database_url, values) == [("happy",), ("cross",), ("sad",)]


@pytest.mark.parametrize("database_url", ["sqlite", "mariadb"], indirect=True)
def test_an_enum_needs_no_name_where_it_is_no_type(
    shop: Environment, database_url: str
) -> None:
    """I gave my Enums no name, which is legal here: they stay apart and gain values."""
    define_thing(shop, NAME, "one = sa.Enum('a', 'b')", "two = sa.Enum('c', 'd')")
    assert "create_enum" not in draft(shop, "two enums")
    define_thing(shop, NAME, "one = sa.Enum('a', 'b', 'z')", "two = sa.Enum('c', 'd')")
    draft(shop, "another")
    sql(database_url, "INSERT INTO thing (id, one, two) VALUES (1, 'z', 'c')")


def test_the_type_of_a_table_that_no_revision_made(
    shop: Environment, database_url: str
) -> None:
    """`create_all` made a table with an Enum: a draft of another leaves it alone."""
    define_thing(shop, NAME, before=OF_OTHERS)
    with shop.migrations() as migrations:
        migrations.project.import_models()
        metadata: Any = migrations.project.metadatas["default"]
        metadata.create_all(engine_of(database_url))
    define_thing(shop, NAME, "age = sa.Integer", before=OF_OTHERS)
    script = draft(shop, "age")
    assert "_enum(" not in script
    alembic(shop, "downgrade -1", "upgrade head", "check")
    if "postgresql" in database_url:
        assert sql(database_url, TYPES) == [("weather",)]


OF_OTHERS = """
class Day(Model):
    __tablename__ = "day"

    id = sa.Column(sa.Integer, primary_key=True)
    weather = sa.Column(sa.Enum("fine", "bad", name="weather"))
"""
