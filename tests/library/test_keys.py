"""Keys change their type together; another primary key is not drafted."""

from pathlib import Path

import pytest
from drafts import alembic, define_thing, draft, refusal, sql
from environment import Environment
from servers import empty_database
from sqlalchemy import create_engine, inspect
from sqlalchemy.pool import NullPool

OTHER = """
class Other(Model):
    __tablename__ = "other"

    id = sa.Column(sa.Integer, primary_key=True)
    code = sa.Column(sa.{type}, sa.ForeignKey("thing.code", ondelete="CASCADE"))
"""
ROWS = (
    "INSERT INTO thing (id, code, parent) VALUES (1, {}, NULL)",
    "INSERT INTO thing (id, code, parent) VALUES (2, NULL, {})",
    "INSERT INTO other (id, code) VALUES (1, {})",
)
PARENT = "parent = sa.{type}, sa.ForeignKey('thing.code')"
NAMED = "class Thing(Model):\n    __tablename__ = 'thing'\n\n    id ="
RENAMED = "class Thing(Model):\n    __tablename__ = 'matter'\n\n    key ="


def define_keys(project: Environment, type_: str) -> None:
    """Write a table with a key, to which itself and another refer."""
    columns = f"code = sa.{type_}, unique=True", PARENT.format(type=type_)
    define_thing(project, *columns, before=OTHER.format(type=type_))


def references(url: str) -> list[tuple[str | None, object]]:
    """Return the name and the ON DELETE of each foreign key."""
    inspector = inspect(create_engine(url, poolclass=NullPool))
    keys = [key for t in ("thing", "other") for key in inspector.get_foreign_keys(t)]
    return [(key["name"], key["options"].get("ondelete")) for key in keys]


@pytest.mark.parametrize(
    ("old", "new"),
    [("Integer", "BigInteger"), ("String(10)", "Integer")],
)
def test_a_key_and_what_refers_to_it_change_their_type(
    project: Environment, database_url: str, old: str, new: str
) -> None:
    """I change a key and its references at once, up, down and up again."""
    shop = project.using(database_url)
    define_keys(shop, old)
    draft(shop, "before")
    code = "'11'" if "String" in old else "11"
    for insert in ROWS:
        sql(database_url, insert.format(code))
    before = references(database_url)
    define_keys(shop, new)
    draft(shop, "after")
    for again in ("downgrade -1", "upgrade head"):
        assert references(database_url) == before
        joined = "SELECT thing.id FROM thing JOIN other ON thing.code = other.code"
        assert sql(database_url, joined) == [(1,)]
        alembic(shop, again)


@pytest.mark.parametrize("drafted_on", ["postgresql", "mariadb"])
def test_a_renamed_key_goes_on_counting(
    project: Environment, drafted_on: str, tmp_path: Path
) -> None:
    """I rename a table and its key, and make the key larger: new rows get numbers."""
    with empty_database(drafted_on, tmp_path) as url:
        here = project.using(url)
        define_thing(here, "name = sa.Text")
        draft(here, "before")
        path = here.package / "things.py"
        text = path.read_text().replace('"', "'").replace(NAMED, RENAMED)
        path.write_text(text.replace("Column(sa.Integer, p", "Column(sa.BigInteger, p"))
        draft(here, "after", "rename=thing:matter", "rename=thing.id:key")
    with empty_database("mariadb", tmp_path) as url:
        there = project.using(url)
        alembic(there, "upgrade head", "check")
        sql(url, "INSERT INTO matter (name) VALUES ('a')")
        alembic(there, "downgrade -1")
        sql(url, "INSERT INTO thing (name) VALUES ('b')")
        assert sql(url, "SELECT id, name FROM thing") == [(1, "a"), (2, "b")]


def test_another_primary_key_is_refused(
    project: Environment, database_url: str
) -> None:
    """I make another column the primary key: nothing is written, and I am told why."""
    shop = project.using(database_url)
    define_thing(shop, "code = sa.String(9), nullable=False")
    draft(shop, "before")
    path = shop.package / "things.py"
    text = path.read_text().replace("Integer, primary_key=True", "Integer")
    path.write_text(text.replace("nullable=False", "primary_key=True"))
    before = shop.revisions()
    said = refusal(shop, "revision", "--autogenerate", "-m", "after")
    assert "thing: primary key id becomes code, which no draft can do" in said
    assert shop.revisions() == before
    assert "thing: primary key id becomes code" in refusal(shop, "check")


SEQUENCE = "SELECT seqtypid::regtype::text FROM pg_sequence WHERE seqrelid = "
SEQUENCE += "pg_get_serial_sequence('thing', 'id')::regclass"


def define_key(shop: Environment, type_: str) -> None:
    """Write a table whose key has this type."""
    define_thing(shop, "name = sa.String(9)")
    path = shop.package / "things.py"
    text = path.read_text().replace("sa.Integer, primary", f"{type_}, primary")
    path.write_text(text)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_wider_key_counts_further(project: Environment, database_url: str) -> None:
    """I make my key a BigInteger before it is full, and its sequence counts on."""
    shop = project.using(database_url)
    define_key(shop, "sa.Integer")
    draft(shop, "thing")
    define_key(shop, "sa.BigInteger().with_variant(sa.Integer, 'sqlite')")
    assert 'op.resize_sequence("thing", "id", 64)' in draft(shop, "wide")
    assert sql(database_url, SEQUENCE) == [("bigint",)]
    alembic(shop, "downgrade -1")
    assert sql(database_url, SEQUENCE) == [("integer",)]
    here = project.using(f"sqlite:///{project.path / 'here.db'}")
    alembic(here, "upgrade head", "check", "downgrade base")


CONVENTION = ('"pk": "pk_%(table_name)s"', '"pk": "%(table_name)s_key"')


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_renamed_table_takes_the_name_of_its_key_along(
    project: Environment, database_url: str
) -> None:
    """My convention is another one, and the key of a renamed table follows it."""
    shop = project.using(database_url)
    path = shop.package / "db.py"
    path.write_text(path.read_text().replace(*CONVENTION))
    define_thing(shop, "name = sa.String(9)")
    draft(shop, "thing")
    define_thing(shop, "name = sa.String(9)")
    path = shop.package / "things.py"
    path.write_text(path.read_text().replace('"thing"', '"article"'))
    script = draft(shop, "article", "rename=thing:article")
    assert 'op.rename_primary_key("article", "article_key")' in script
    name = "SELECT conname FROM pg_constraint WHERE contype = 'p' AND conrelid = "
    assert sql(database_url, f"{name}'article'::regclass") == [("article_key",)]
    alembic(shop, "downgrade -1")
    assert sql(database_url, f"{name}'thing'::regclass") == [("thing_key",)]
