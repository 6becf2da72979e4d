"""A CHECK of a model: on rows, and while people use the app."""

import pytest
from drafting import round_trip
from drafts import alembic, define_thing, draft, newest, refusal, sql
from environment import Environment
from servers import ON_POSTGRESQL

CHECK = """
    __table_args__ = (sa.CheckConstraint({condition!r}, name="sane"),)
"""
GUARD = 'op.refuse_violations("thing", "age > 0", ["age"])'
AGE = "age = sa.Integer"


def define(project: Environment, condition: str | None, *columns: str) -> None:
    """Write the model `Thing`, perhaps with a CHECK."""
    define_thing(project, *columns or (AGE,))
    path = project.package / "things.py"
    if condition:
        path.write_text(path.read_text() + CHECK.format(condition=condition))


@pytest.fixture
def shop(project: Environment, database_url: str) -> Environment:
    """Give a project with the table `thing` and three rows."""
    shop = project.using(database_url)
    define(shop, None)
    draft(shop, "thing")
    sql(database_url, "INSERT INTO thing (id, age) VALUES (1, -1), (2, 7), (3, NULL)")
    return shop


def test_rows_that_violate_a_new_check_stop_it(
    shop: Environment, database_url: str
) -> None:
    """I am told which rows are in the way of a CHECK, before anything is changed."""
    define(shop, "age > 0")
    alembic(shop, "revision --autogenerate -m check")
    said = refusal(shop, "upgrade", "head")
    assert "thing.age holds 1 value that violate age > 0, for example -1." in said
    sql(database_url, "UPDATE thing SET age = 1 WHERE id = 1")
    trip = round_trip_again(shop)
    assert GUARD in trip
    with pytest.raises(Exception, match=r"(?i)check|constraint"):
        sql(database_url, "INSERT INTO thing (id, age) VALUES (4, 0)")


def round_trip_again(shop: Environment) -> str:
    """Run the newest revision up, down and up, and return its text."""
    alembic(shop, "upgrade head", "check", "downgrade -1", "upgrade head", "check")
    return newest(shop, "check")


def test_a_value_in_a_check_counts_to_the_space(project: Environment) -> None:
    """I change a blank inside a value of a CHECK, and it is another CHECK."""
    define(project, "name <> 'a b'", "name = sa.String(9)")
    draft(project, "first")
    define(project, "name  <>  'a b'", "name = sa.String(9)")
    alembic(project, "check")
    define(project, "name <> 'ab'", "name = sa.String(9)")
    assert "CHECK ck_thing_sane" in refusal(project, "check")


def test_a_check_follows_a_renamed_column(shop: Environment) -> None:
    """I rename a column, and its CHECK is the same under the new name."""
    define(shop, "age > -2")
    draft(shop, "check")
    define(shop, "years > -2", "years = sa.Integer")
    trip = round_trip(shop, answers=["rename=thing.age:years"])
    assert "check_constraint" not in trip.script
    assert "refuse_violations" not in trip.script


def test_a_check_of_a_renamed_column_is_looked_at_by_its_old_name(
    shop: Environment,
) -> None:
    """I rename a column and give it a CHECK, and the rows are looked at before."""
    define(shop, "years > -2", "years = sa.Integer")
    trip = round_trip(shop, answers=["rename=thing.age:years"])
    assert GUARD.replace("> 0", "> -2") in trip.script


@ON_POSTGRESQL
def test_a_check_is_validated_while_others_write(shop: Environment) -> None:
    """I draft for a project in use, and nobody waits until the rows were read."""
    define(shop, "age > -2")
    text = draft(shop, "live check", "live")
    assert "postgresql_not_valid=True" in text
    assert 'op.validate_constraint("ck_thing_sane", "thing")' in text
