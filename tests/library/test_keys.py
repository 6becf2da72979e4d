"""Keys change their type together; another primary key is not drafted."""

import importlib
from pathlib import Path

import pytest
from drafts import alembic, define_thing, draft, refusal, sql
from environment import Environment
from schema import snapshot
from scripts import ask, empty, versions, write
from servers import ON_MARIADB, ON_POSTGRESQL, ON_SERVERS, empty_database
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


def test_a_key_of_more_columns_is_typed_as_it_is_said(
    project: Environment, database_url: str
) -> None:
    """My key gets a column that is there: I type what the refusal says, and it is."""
    shop = project.using(database_url)
    define_thing(shop, "part = sa.Integer, primary_key=True", "role = sa.Integer")
    path = shop.package / "things.py"
    text = path.read_text().replace("y=True", "y=True, autoincrement=False")
    path.write_text(text)
    draft(shop, "before")
    sql(database_url, "INSERT INTO thing (id, part, role) VALUES (1, 1, 1)")
    (head,) = versions(database_url)
    role = "role = sa.Column(sa.Integer"
    path.write_text(text.replace(role, f"{role}, primary_key=True"))
    said = refusal(shop, "revision", "--autogenerate", "-m", "after")
    _, _, typed = said.partition("has these lines:\n")
    write(shop, "after", typed.partition("Was it so")[0], down=head)
    alembic(shop, "upgrade head", "check")
    sql(database_url, "INSERT INTO thing (id, part, role) VALUES (1, 1, 2)")


SEQUENCE = "SELECT seqtypid::regtype::text FROM pg_sequence WHERE seqrelid = "
SEQUENCE += "pg_get_serial_sequence('thing', 'id')::regclass"


def define_key(shop: Environment, type_: str) -> None:
    """Write a table whose key has this type."""
    define_thing(shop, "name = sa.String(9)")
    path = shop.package / "things.py"
    text = path.read_text().replace("sa.Integer, primary", f"{type_}, primary")
    path.write_text(text)


@ON_POSTGRESQL
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


@ON_POSTGRESQL
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
    words = 'op.rename_constraints("article", {"thing_key": "article_key"})'
    assert words in script
    name = "SELECT conname FROM pg_constraint WHERE contype = 'p' AND conrelid = "
    assert sql(database_url, f"{name}'article'::regclass") == [("article_key",)]
    alembic(shop, "downgrade -1")
    assert sql(database_url, f"{name}'thing'::regclass") == [("thing_key",)]


@ON_MARIADB
def test_the_name_of_a_key_is_taken_along_where_mariadb_keeps_none(
    project: Environment, database_url: str
) -> None:
    """I draft on MariaDB for PostgreSQL, too, where my key has the name I gave it."""
    given = '    url=url,\n    runs_on=("mariadb", "postgresql"),\n'
    project.edit("migrations/__init__.py", "    url=url,\n", given)
    shop = project.using(database_url)
    path = shop.package / "db.py"
    path.write_text(path.read_text().replace(*CONVENTION))
    define_thing(shop, "name = sa.String(9)")
    draft(shop, "thing")
    path = shop.package / "things.py"
    path.write_text(path.read_text().replace('"thing"', '"article"'))
    script = draft(shop, "article", "rename=thing:article")
    assert 'op.rename_constraints("article", {"thing_key": "article_key"})' in script


NOT_NULL = "SELECT conname FROM pg_constraint WHERE contype = 'n' AND conrelid = "


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_not_null_is_called_after_its_column(
    project: Environment, database_url: str
) -> None:
    """PostgreSQL 18 names NOT NULL: I rename, and it is called as if made so."""
    shop = project.using(database_url)
    define_thing(shop, "code = sa.String(9), nullable=False")
    draft(shop, "thing")
    define_thing(shop, "mark = sa.String(9), nullable=False")
    path = shop.package / "things.py"
    path.write_text(path.read_text().replace('"thing"', '"article"'))
    draft(shop, "article", "rename=thing:article", "rename=article.code:mark")
    (version,) = sql(database_url, "SHOW server_version_num")[0]
    has_names = int(version) >= 180000
    for table, column in (("article", "mark"), ("thing", "code")):
        names = {(f"{table}_{it}_not_null",) for it in ("id", column)}
        found = {*sql(database_url, f"{NOT_NULL}'{table}'::regclass")}
        assert found == (names if has_names else set())
        alembic(shop, "downgrade -1")


COUNTED = """

class Counted(Model):
    __tablename__ = "{table}"

    {key} = sa.Column(sa.BigInteger, sa.Identity(), primary_key=True)
    {number} = sa.Column(sa.Integer, sa.Identity(start=5), nullable=False)


class Named(Model):
    __tablename__ = "{table}_named"

    {key} = sa.Column(sa.Integer, sa.Sequence("counted_named_id_seq"), primary_key=True)


class Long(Model):
    __tablename__ = "{table}_{long}"

    {key}_{long} = sa.Column(sa.Integer, primary_key=True)
"""
BEFORE = {"table": "counted", "key": "id", "number": "no", "long": "x" * 40}
AFTER = {"table": "ticket", "key": "key", "number": "number", "long": "x" * 40}


def define_counted(shop: Environment, names: dict[str, str]) -> None:
    """Write tables with keys that count up in each way there is."""
    define_thing(shop, "name = sa.Text")
    path = shop.package / "things.py"
    text = path.read_text().replace("id =", f"{names['key']} =")
    text = text.replace('"thing"', f'"{names["table"]}_thing"')
    path.write_text(text + COUNTED.format(**names))


def made_at_once(shop: Environment, folder: Path) -> list[str]:
    """Return what `create_all` makes of the models in an empty PostgreSQL."""
    with empty_database("postgresql", folder) as url, shop.migrations() as migrations:
        migrations.project.import_models()
        metadata = importlib.import_module("friend_book.db").Model.metadata
        metadata.create_all(create_engine(url, poolclass=NullPool))
        return snapshot(url)


@pytest.mark.parametrize("drafted_on", ["sqlite", "postgresql", "mariadb"])
def test_a_renamed_sequence_is_what_create_all_makes(
    project: Environment, drafted_on: str, tmp_path: Path
) -> None:
    """I rename tables and keys, and their sequences are called as in a new database."""
    tables = ["", "_thing", "_named", f"_{BEFORE['long']}"]
    renames = [f"rename=counted{it}:ticket{it}" for it in tables]
    renames += [f"rename=counted{it}.id:key" for it in tables[:-1]]
    renames += ["rename=counted.no:number"]
    renames += [f"rename=counted{tables[-1]}.id{tables[-1]}:key{tables[-1]}"]
    with empty_database(drafted_on, tmp_path) as url:
        here = project.using(url)
        define_counted(here, BEFORE)
        draft(here, "before")
        before = made_at_once(here, tmp_path)
        define_counted(here, AFTER)
        draft(here, "after", *renames)
        alembic(here, "downgrade -1", "upgrade head", "check")
    with empty_database("postgresql", tmp_path) as url:
        there = project.using(url)
        alembic(there, "upgrade head", "check")
        sql(url, "INSERT INTO ticket_thing (name) VALUES ('a')")
        assert snapshot(url) == made_at_once(there, tmp_path)
        alembic(there, "downgrade -1")
        assert snapshot(url) == before
        sql(url, "INSERT INTO counted_thing (name) VALUES ('b')")
        assert sql(url, "SELECT id FROM counted_thing") == [(1,), (2,)]


@ON_POSTGRESQL
def test_a_sequence_of_my_own_keeps_its_name(
    project: Environment, database_url: str
) -> None:
    """I called the sequence of a key myself, and a rename leaves it so."""
    shop = project.using(database_url)
    define_thing(shop, "name = sa.Text")
    draft(shop, "thing")
    sql(database_url, "ALTER SEQUENCE thing_id_seq RENAME TO mine")
    path = shop.package / "things.py"
    path.write_text(path.read_text().replace('"thing"', '"ticket"'))
    draft(shop, "ticket", "rename=thing:ticket")
    named = "SELECT pg_get_serial_sequence('ticket', 'id')"
    assert sql(database_url, named) == [("public.mine",)]


@ON_POSTGRESQL
def test_a_generated_column_is_renamed_after_the_deployment(
    project: Environment, database_url: str
) -> None:
    """My project is live: what counts or computes cannot have two names meanwhile."""
    shop = project.using(database_url)
    number = "sa.Integer, sa.Identity(), nullable=False"
    twice = "sa.Integer, sa.Computed('age * 2', persisted=True)"
    define_thing(shop, f"no = {number}", f"twice = {twice}", "age = sa.Integer")
    draft(shop, "thing")
    sql(database_url, "INSERT INTO thing (age) VALUES (3)")
    define_thing(shop, f"number = {number}", f"double = {twice}", "age = sa.Integer")
    answers = "-x live -x rename=thing.no:number -x rename=thing.twice:double"
    alembic(
        shop, f"{answers} revision --autogenerate -m names", "upgrade head", "check"
    )
    sql(database_url, "INSERT INTO thing (age) VALUES (4)")
    assert sql(database_url, "SELECT number, double FROM thing") == [(1, 6), (2, 8)]
    named = "SELECT pg_get_serial_sequence('thing', 'number')"
    assert sql(database_url, named) == [("public.thing_number_seq",)]
    alembic(shop, "downgrade -1", "upgrade head", "check")


@ON_SERVERS
def test_a_sequence_gets_a_lowest_value(
    project: Environment, database_url: str
) -> None:
    """My sequence has not come so far, so it begins there; one that has goes on."""
    shop = empty(project.using(database_url))
    alter = 'op.alter_sequence("{0}", existing={{}}, minvalue=50)'
    made = 'op.create_sequence("s")\nop.create_sequence("t", start=70)'
    write(shop, "a", "\n".join([made, *map(alter.format, "st")]))
    shop.alembic("upgrade", "head")
    is_postgresql = database_url.startswith("postgresql")
    next_of = "SELECT nextval('{}')" if is_postgresql else "SELECT nextval({})"
    found = [ask(database_url, next_of.format(it)) for it in "st"]
    assert found == [[(50,)], [(70,)]]


@ON_POSTGRESQL
def test_a_unique_constraint_says_what_the_key_says(
    project: Environment, database_url: str
) -> None:
    """I call my key unique, too: PostgreSQL makes nothing of it, and I hear no more."""
    shop = project.using(database_url)
    define_thing(shop, "code = sa.Integer")
    path = shop.package / "things.py"
    unique = "\n    __table_args__ = (sa.UniqueConstraint('id', name='uq_id'),)\n"
    draft(shop, "thing")
    path.write_text(path.read_text() + unique)
    with shop.migrations() as migrations:
        assert not migrations.differences()
        assert migrations.revision("nothing") is None
