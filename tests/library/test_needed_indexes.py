"""MariaDB needs an index for each foreign key, which is exchanged or dropped."""

import pytest
from drafts import alembic, define_thing, draft, sql
from environment import Environment

PLAIN = "city = sa.Integer, sa.ForeignKey('city.id')"
INDEX = f"{PLAIN}, index=True"
UNIQUE = f"{PLAIN}, unique=True"
UNIQUE_INDEX = f"{PLAIN}, index=True, unique=True"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (INDEX, PLAIN),
        (INDEX, UNIQUE),
        (INDEX, UNIQUE_INDEX),
        (UNIQUE, PLAIN),
        (UNIQUE, UNIQUE_INDEX),
    ],
    ids=["index-none", "index-unique", "same-name", "unique-none", "unique-index"],
)
def test_another_index_for_a_foreign_key(
    project: Environment, database_url: str, before: str, after: str
) -> None:
    """I exchange the index of a foreign key, or drop it, up and down."""
    shop = project.using(database_url)
    define_thing(shop, before)
    draft(shop, "before")
    sql(database_url, "INSERT INTO thing (id) VALUES (1)")
    define_thing(shop, after)
    draft(shop, "after")
    alembic(shop, "downgrade -1", "upgrade head", "check")
    assert sql(database_url, "SELECT id FROM thing") == [(1,)]


@pytest.mark.parametrize("column", [INDEX, UNIQUE, UNIQUE_INDEX])
def test_a_table_goes_with_what_serves_its_foreign_key(
    project: Environment, database_url: str, column: str
) -> None:
    """I drop a table whose foreign key has an index, and take that back."""
    shop = project.using(database_url)
    define_thing(shop, column)
    draft(shop, "thing")
    (shop.package / "things.py").unlink()
    draft(shop, "gone")
    alembic(shop, "downgrade -1", "upgrade head", "check")
