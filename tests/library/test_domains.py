"""A DOMAIN of PostgreSQL: made for its columns, changed, dropped with the last one."""

import pytest
from drafts import alembic, define_thing, draft, newest, refusal, sql
from environment import Environment

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

NAME = "name = sa.String(20)"
SIZE = "size = SIZE"
DEFINED = "SIZE = postgresql.DOMAIN('size', sa.Integer{options})"
DOMAINS = (
    "SELECT typname, typdefault, typnotnull, pg_get_constraintdef(its.oid)"
    " FROM pg_type LEFT JOIN pg_constraint AS its ON contypid = pg_type.oid AND"
    " contype = 'c' WHERE typtype = 'd' AND typnamespace = 'public'::regnamespace"
)
"""Each with its default and its CHECK."""


def define(shop: Environment, *columns: str, options: str = "") -> None:
    """Write a model, and a DOMAIN with these options."""
    define_thing(shop, *columns, before=DEFINED.format(options=options))


@pytest.fixture
def shop(project: Environment, database_url: str) -> Environment:
    """Give a project with a table that has rows."""
    shop = project.using(database_url)
    define(shop, NAME)
    draft(shop, "things")
    sql(database_url, "INSERT INTO thing (id) VALUES (1)")
    return shop


def test_a_domain_comes_with_its_column_and_goes_with_it(
    shop: Environment, database_url: str
) -> None:
    """I add a column of it, give it another CHECK, and drop the column again."""
    define(shop, NAME, SIZE, options=", check='VALUE > 0', default='7'")
    drafted = draft(shop, "sized")
    assert "create_type=False" in drafted
    assert sql(database_url, "SELECT size FROM thing") == [(7,)]
    made = [("size", "7", False, "CHECK ((VALUE > 0))")]
    assert sql(database_url, DOMAINS) == made
    alembic(shop, "downgrade -1")
    assert sql(database_url, DOMAINS) == []
    alembic(shop, "upgrade head")
    define(shop, NAME, SIZE, options=", check='VALUE > 8'")
    assert "size: DOMAIN changed" in refusal(shop, "check")
    alembic(shop, "revision --autogenerate -m larger")
    refused = refusal(shop, "upgrade", "head")
    assert "thing.size holds 1 value that the DOMAIN size no longer allows" in refused
    assert "VALUE > 8, for example 7" in refused
    assert sql(database_url, DOMAINS) == made
    sql(database_url, "UPDATE thing SET size = 9")
    alembic(shop, "upgrade head", "check")
    assert sql(database_url, DOMAINS) == [("size", None, False, "CHECK ((VALUE > 8))")]
    alembic(shop, "downgrade -1")
    assert sql(database_url, DOMAINS) == made
    alembic(shop, "upgrade head")
    define(shop, NAME)
    draft(shop, "unsized", "drop=thing.size")
    assert sql(database_url, DOMAINS) == []
    alembic(shop, "downgrade -1", "upgrade head", "downgrade base")
    assert sql(database_url, DOMAINS) == []


def test_a_null_that_a_domain_forbids(shop: Environment, database_url: str) -> None:
    """A DOMAIN becomes NOT NULL where a row has none; the run says which column."""
    define(shop, NAME, SIZE)
    draft(shop, "sized")
    define(shop, NAME, SIZE, options=", not_null=True")
    alembic(shop, "revision --autogenerate -m needed")
    refused = refusal(shop, "upgrade", "head")
    assert "thing.size holds 1 value that the DOMAIN size no longer allows" in refused
    sql(database_url, "UPDATE thing SET size = 9")
    alembic(shop, "upgrade head", "check", "downgrade -1", "upgrade head")
    define(shop, NAME)
    drafted = draft(shop, "unsized", "drop=thing.size")
    assert "thing.size: the DOMAIN size allows no NULL" in drafted


def test_a_new_column_of_a_domain_that_is_not_null(
    shop: Environment, database_url: str
) -> None:
    """I am asked for the value of the rows that there are, as for NOT NULL."""
    define(shop, NAME, SIZE, options=", check='VALUE > 0', not_null=True")
    asked = refusal(shop, "revision", "--autogenerate", "-m", "sized")
    assert "-x fill=thing.size:VALUE" in asked
    drafted = draft(shop, "sized", "fill=thing.size:7")
    assert "REVIEW" not in drafted
    alembic(shop, "downgrade -1", "upgrade head", "check")
    assert sql(database_url, "SELECT size FROM thing") == [(7,)]
    define(shop, NAME, SIZE, "width = SIZE", options=", not_null=True, default='3'")
    draft(shop, "wide")
    assert sql(database_url, "SELECT size, width FROM thing") == [(7, 3)]


def test_a_domain_of_another_type_is_refused(shop: Environment) -> None:
    """PostgreSQL changes no type of a DOMAIN: I am told to give it another name."""
    define(shop, NAME, SIZE)
    draft(shop, "sized")
    before = DEFINED.format(options="").replace("Integer", "BigInteger")
    define_thing(shop, NAME, SIZE, before=before)
    refused = refusal(shop, "revision", "--autogenerate", "-m", "big")
    assert "The DOMAIN size is made of Integer(), and of BigInteger()" in refused
    define_thing(shop, NAME, SIZE, before=before.replace("'size'", "'big'"))
    drafted = draft(shop, "big")
    assert drafted.index("create_domain") < drafted.index("drop_domain")
    alembic(shop, "downgrade -1", "upgrade head", "check")


def test_a_domain_in_a_schema_of_its_own(shop: Environment, database_url: str) -> None:
    """My DOMAIN stands in another schema: it is made, changed and dropped there."""
    sql(database_url, "CREATE SCHEMA types")
    there = DOMAINS.replace("public", "types")
    for name, check in (("sized", "VALUE > 0"), ("larger", "VALUE > 8")):
        options = f", schema='types', check='{check}', default='9'"
        define(shop, NAME, SIZE, options=options)
        draft(shop, name)
        alembic(shop, "downgrade -1", "upgrade head")
        made = [("size", "9", False, f"CHECK (({check}))")]
        assert sql(database_url, there) == made
        assert sql(database_url, DOMAINS) == []
    assert sql(database_url, "SELECT size FROM thing") == [(9,)]
    define(shop, NAME)
    draft(shop, "unsized", "drop=thing.size")
    assert sql(database_url, there) == []


def test_a_domain_that_is_there_already(shop: Environment, database_url: str) -> None:
    """Somebody made the DOMAIN before my revision: I hear that it is taken as it is."""
    sql(database_url, "CREATE DOMAIN size AS integer CHECK (VALUE > 0)")
    define(shop, NAME, SIZE, options=", check='VALUE > 0'")
    said = alembic(shop, "revision --autogenerate -m sized", "upgrade head", "check")
    assert "The DOMAIN size is there: it is taken as it is." in said
    assert "create_domain" not in newest(shop, "sized")
    assert sql(database_url, "SELECT size FROM thing") == [(None,)]
