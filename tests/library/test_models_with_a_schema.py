"""Models that say in which schema a table is; MariaDB calls it a database."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from drafts import alembic, draft, refusal, sql
from environment import Environment
from scripts import write
from servers import ON_MARIADB, ON_POSTGRESQL, ON_SERVERS
from sqlalchemy import make_url

SHOP = '''"""A shop, in a schema of its own."""

import sqlalchemy as sa

from .db import Model
from .models import Friend


class Kind(Model):
    """What an item can be."""

    __tablename__ = "kind"
    __table_args__ = {{"schema": "{schema}", "comment": "kinds"}}

    id = sa.Column(sa.Integer, primary_key=True)


class Shelf(Model):
    """Where items stand, in the schema that nobody says."""

    __tablename__ = "{shelf}"

    id = sa.Column(sa.Integer, primary_key=True)
    {place} = sa.Column(sa.String(40), index=True)


class Item(Model):
    """Something to buy."""

    __tablename__ = "{item}"
    __table_args__ = {{"schema": "{schema}"}}

    id = sa.Column(sa.Integer, primary_key=True)
    {title} = sa.Column(sa.String(40), index=True, comment="in words")
    state = sa.Column(sa.Enum({states}, name="state", schema="{schema}"))
    kind_id = sa.Column(sa.ForeignKey("{schema}.kind.id"), unique=True)
'''
NAMES = {"item": "item", "title": "title", "states": "'new', 'old'"}
NAMES |= {"shelf": "shelf", "place": "place"}
OWNER = "    owner_id = sa.Column(sa.ForeignKey(Friend.id))\n"


@dataclass
class Shop:
    """A project on a server, with models in a schema that is not there yet."""

    project: Environment
    schema: str

    def define(self, more: str = "", **names: str) -> None:
        """Write the models, or write them anew with other names."""
        names = {"schema": self.schema, **NAMES, **names}
        (self.project.package / "shop.py").write_text(SHOP.format(**names) + more)


@pytest.fixture
def shop(project: Environment, database_url: str) -> Iterator[Shop]:
    """Give a shop, whose schema goes again with the test."""
    schema = f"{make_url(database_url).database}_shop"
    found = Shop(project.using(database_url), schema)
    found.define()
    yield found
    cascade = "" if database_url.startswith("mariadb") else " CASCADE"
    for name in (schema, f"{schema}_far"):
        sql(database_url, f"DROP SCHEMA IF EXISTS {name}{cascade}")


@ON_SERVERS
def test_tables_of_another_schema(shop: Shop, database_url: str) -> None:
    """I draft models with a schema, change, rename and drop them, down and up."""
    project, schema = shop.project, shop.schema
    if database_url.startswith("postgresql"):
        shop.define(more=OWNER)
    assert f'op.create_schema("{schema}")' in draft(project, "shop").replace("'", '"')
    again = project.alembic("revision", "--autogenerate", "-m", "again")
    assert "No changes" in again.stdout
    row = "(title, state) VALUES ('a', 'old')"
    sql(database_url, f"INSERT INTO {schema}.item {row}")
    sql(database_url, "INSERT INTO shelf (place) VALUES ('left')")
    new = {"item": "thing", "title": "name", "shelf": "rack", "place": "at"}
    shop.define(states="'new', 'used', 'old'", **new)
    renames = f"rename={schema}.item:thing", f"rename={schema}.thing.title:name"
    draft(project, "renames", *renames, "rename=shelf:rack", "rename=rack.place:at")
    alembic(project, "downgrade -1", "upgrade head", "check")
    kept = sql(database_url, f"SELECT name, state FROM {schema}.thing")  # noqa: S608
    assert kept == [("a", "old")]
    assert sql(database_url, "SELECT at FROM rack") == [("left",)]
    (project.package / "shop.py").unlink()
    script = draft(project, "gone")
    assert "create_schema" not in script
    alembic(project, "downgrade base", "upgrade head", "check")


@ON_SERVERS
def test_a_table_of_others_in_a_schema_of_mine(shop: Shop, database_url: str) -> None:
    """Another team's table in my schema is left alone, their own schema unseen."""
    draft(shop.project, "shop")
    sql(database_url, f"CREATE TABLE {shop.schema}.theirs (id INTEGER)")
    said = alembic(shop.project, "check")
    assert f"revision declare it: table {shop.schema}.theirs. To drop it" in said
    drop = f"drop={shop.schema}.theirs"
    assert "drop_table" in draft(shop.project, "theirs", drop)


@ON_SERVERS
@pytest.mark.parametrize("batch", [True, False])
def test_rows_of_another_schema_get_a_value(
    shop: Shop, database_url: str, *, batch: bool
) -> None:
    """I add a column that is never empty to a table there: its rows get what I say."""
    if not batch:
        given = "render_as_batch = True"
        shop.project.edit("migrations/env.py", given, given.replace("True", "False"))
    draft(shop.project, "shop")
    insert = "(id) VALUES (1)"
    sql(database_url, f"INSERT INTO {shop.schema}.item {insert}")
    shop.define("    grade = sa.Column(sa.Integer, nullable=False)\n")
    draft(shop.project, "grade", f"fill={shop.schema}.item.grade:7")
    rows = f"SELECT grade FROM {shop.schema}.item"  # noqa: S608
    assert sql(database_url, rows) == [(7,)]
    alembic(shop.project, "downgrade -1", "upgrade head", "check")


@ON_SERVERS
def test_what_no_draft_changes_names_the_schema(shop: Shop) -> None:
    """I change an option of a table there: what I have to write says where it is."""
    draft(shop.project, "shop")
    path = shop.project.package / "shop.py"
    said = '"comment": "kinds"'
    path.write_text(path.read_text().replace(said, f'{said}, "sqlite_strict": True'))
    text = draft(shop.project, "strict").replace("\n", " ")
    ways = re.findall(r'op\.manual_change\(\s*"kind",(.*?)\)', text)
    assert len(ways) == 2
    assert all(f'schema="{shop.schema}"' in it for it in ways), ways


@ON_SERVERS
def test_the_comment_of_a_table_there_is_another_or_none(shop: Shop) -> None:
    """I give a table another comment, and then none: both are drafted and undone."""
    draft(shop.project, "shop")
    path = shop.project.package / "shop.py"
    for name, old, new in (("more", '"kinds"', '"all"'), ("none", '"all"', "None")):
        said, says = f'"comment": {old}', f'"comment": {new}'
        path.write_text(path.read_text().replace(said, says))
        draft(shop.project, name)
        alembic(shop.project, "downgrade -1", "upgrade head", "check")


@ON_MARIADB
def test_mariadb_finds_no_table_of_the_other_database(shop: Shop) -> None:
    """A foreign key leaves its schema for a table whose schema nobody says."""
    shop.define(more=OWNER)
    alembic(shop.project, "upgrade head")
    said = refusal(shop.project, "revision", "--autogenerate", "-m", "shop")
    assert f"{shop.schema}.item refers to friend, and MariaDB looks for it in" in said


def test_sqlite_has_no_schema(project: Environment) -> None:
    """On SQLite I read what to do about a schema, in a draft and in an upgrade."""
    Shop(project, "shop").define()
    alembic(project, "upgrade head")
    said = refusal(project, "revision", "--autogenerate", "-m", "shop")
    assert "SQLite has no schema 'shop': attach a file under this name" in said
    write(project, "2", 'op.create_schema("shop")', down="1")
    assert "SQLite has no schema 'shop'" in refusal(project, "upgrade", "head")


NAMED = '__tablename__ = "shelf"'
MOVES = NAMED, f'{NAMED}\n    __table_args__ = {{{{"schema": "{{}}"}}}}'


@ON_POSTGRESQL
@pytest.mark.parametrize("name", ["shelf", "rack"])
@pytest.mark.parametrize("end", ["", "_far"])
def test_a_table_moves_to_another_schema(shop: Shop, name: str, end: str) -> None:
    """I am asked whether my table moved: it keeps its rows, there and back again."""
    project, (before, after) = shop.project, MOVES
    schema = f"{shop.schema}{end}"
    refers = "    shelf_id = sa.Column(sa.ForeignKey({}Shelf.id))\n"
    shop.define(more=refers.format(""))
    project.commands("upgrade head", "revision --autogenerate -m shop", "upgrade head")
    url = project.environment[project.url_variable]
    sql(url, "INSERT INTO shelf (id, place) VALUES (1, 'left')")
    sql(url, f"INSERT INTO {shop.schema}.item (shelf_id) VALUES (1)")  # noqa: S608
    project.edit("shop.py", before, after.format(schema).replace("shelf", name))
    if name == "shelf":
        said = refusal(project, "revision", "--autogenerate", "-m", "move")
        assert f"Was table shelf renamed to {schema}.shelf?" in said
        assert f"-x rename=shelf:{schema}.shelf " in said
    script = draft(project, "move", f"rename=shelf:{schema}.{name}")
    assert ("op.create_schema" in script) is bool(end)
    found = f"SELECT id, place FROM {schema}.{name}"  # noqa: S608
    assert sql(url, found) == [(1, "left")]
    alembic(project, "downgrade -1")
    assert sql(url, "SELECT id, place FROM shelf") == [(1, "left")]
    alembic(project, "upgrade head", "check")
    project.edit("shop.py", after.format(schema).replace("shelf", name), before)
    draft(project, "back", f"rename={schema}.{name}:shelf")
    assert sql(url, "SELECT id, place FROM shelf") == [(1, "left")]
    alembic(project, "downgrade -2", "upgrade head", "check")


@ON_POSTGRESQL
def test_a_table_in_use_does_not_move(shop: Shop) -> None:
    """My running app looks for the table where it is: I read when to move it."""
    project, (before, after) = shop.project, MOVES
    project.commands("upgrade head", "revision --autogenerate -m shop", "upgrade head")
    project.edit("shop.py", before, after.format(shop.schema))
    move = "-x", f"rename=shelf:{shop.schema}.shelf", "-x", "live=yes"
    said = refusal(project, *move, "revision", "--autogenerate", "-m", "move")
    assert "shelf would move to another schema, where the running version" in said


@ON_MARIADB
def test_a_table_moves_to_another_database(shop: Shop) -> None:
    """I read the line that moves my table, and a revision with it keeps the rows."""
    project, (before, after) = shop.project, MOVES
    project.commands("upgrade head", "revision --autogenerate -m shop", "upgrade head")
    url = project.environment[project.url_variable]
    sql(url, "INSERT INTO shelf (id, place) VALUES (1, 'left')")
    project.edit("shop.py", before, after.format(shop.schema))
    said = refusal(project, "revision", "--autogenerate", "-m", "move")
    assert f"shelf would be dropped with its rows, {shop.schema}.shelf is new." in said
    move = f"op.move_table('shelf', {shop.schema!r})"
    assert move in said
    last = project.revisions()[-1].name.partition("_")[0]
    back = f"op.move_table('shelf', None, schema={shop.schema!r})"
    write(project, "move", move, down=last, downgrade=back)
    alembic(project, "upgrade head", "check", "downgrade -1", "upgrade head", "check")
    rows = sql(url, f"SELECT place FROM {shop.schema}.shelf")  # noqa: S608
    assert rows == [("left",)]


@ON_POSTGRESQL
def test_a_table_of_another_schema_is_another(shop: Shop) -> None:
    """I drop a table and make one of its name elsewhere, when I say that I mean it."""
    project, shelf = shop.project, '__tablename__ = "shelf"'
    project.commands("upgrade head", "revision --autogenerate -m shop", "upgrade head")
    moved = f'{shelf}\n    __table_args__ = {{"schema": "{shop.schema}"}}'
    project.edit("shop.py", shelf, moved)
    draft(project, "another", "drop=shelf")
