"""MariaDB needs an index for each foreign key, which is exchanged or dropped."""

from collections.abc import Iterator

import pytest
from drafts import alembic, define_thing, draft, sql
from environment import Environment
from proof.case import Case, Court, court

PLAIN = "city = sa.Integer, sa.ForeignKey('city.id')"
INDEX = f"{PLAIN}, index=True"
UNIQUE = f"{PLAIN}, unique=True"
UNIQUE_INDEX = f"{PLAIN}, index=True, unique=True"
CASCADING = PLAIN.replace("'city.id'", "'city.id', ondelete='CASCADE'")


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


@pytest.mark.parametrize("server", ["postgresql", "mariadb"])
def test_the_index_of_a_key_is_mariadbs(project: Environment, server: str) -> None:
    """I drop a foreign key: the draft speaks of its index where MariaDB makes one."""
    given = f'    url=url,\n    runs_on=("{server}",),\n'
    project.edit("migrations/__init__.py", "    url=url,\n", given)
    define_thing(project, PLAIN)
    draft(project, "before")
    define_thing(project, "city = sa.Integer")
    is_said = "drop_index_of_foreign_key" in draft(project, "after")
    assert is_said is (server == "mariadb")


@pytest.mark.parametrize("after", ["sa.String(9)", None], ids=["column", "key"])
def test_an_index_that_goes_or_stays_anyway_is_not_spoken_of(
    project: Environment, after: str | None
) -> None:
    """I drop the column, too, or change the key alone: MariaDB sees to the index."""
    given = '    url=url,\n    runs_on=("mariadb",),\n'
    project.edit("migrations/__init__.py", "    url=url,\n", given)
    define_thing(project, PLAIN)
    draft(project, "before")
    define_thing(project, f"name = {after}" if after else CASCADING)
    script = draft(project, "after", *(["drop=thing.city"] if after else []))
    assert "drop_index_of_foreign_key" not in script.partition("def downgrade")[0]


KEYED = '''"""The models of an app."""

import sqlalchemy as sa

from .db import Model


class Friend(Model):
    __tablename__ = "friend"

    id = sa.Column(sa.Integer(), primary_key=True)
    best = sa.Column(sa.Integer(){key})
'''


def test_the_index_of_a_key_goes_also_the_second_time(judge: Court) -> None:
    """A key without a name goes, comes back by a downgrade, and goes again."""
    case = Case(
        judge.database,
        KEYED.format(key=", sa.ForeignKey('friend.id')"),
        KEYED.format(key=""),
        rows=(("friend", ((("id", "1"), ("best", "1")),)),),
        tables={"friend": "friend"},
        columns={"friend\nid": "id", "friend\nbest": "best"},
        convention=False,
    )
    verdict = judge.judge(case)
    assert (verdict.kind, verdict.text) == ("passed", "")


ORDERED = """
import sqlalchemy as sa

from .db import Model


class Post(Model):
    __tablename__ = "post"
    id = sa.Column(sa.Integer, primary_key=True)
    at = sa.Column(sa.{type})
    __table_args__ = (sa.Index("ix_post", {parts}),)
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("'at', 'id'", "sa.desc('at'), 'id'"),
        ("sa.text('at DESC')", "'at'"),
        ("sa.desc('at'), 'id'", "sa.desc('at'), 'id'"),
    ],
    ids=["descends", "ascends", "stays"],
)
def test_the_order_of_an_index_is_compared(
    judge: Court, before: str, after: str
) -> None:
    """I turn the order of an index around, and the database has it like that."""
    first = ORDERED.format(type="Integer", parts=before)
    last = ORDERED.format(type="BigInteger", parts=after)
    verdict = judge.judge(Case(judge.database, first, last))
    assert (verdict.kind, verdict.text) == ("passed", "")


PASSED_ON = """
import sqlalchemy as sa

from .db import Model


class Post(Model):
    __tablename__ = "post"
    id = sa.Column(sa.Integer, primary_key=True)
    at = sa.Column(sa.Integer)
    answers = sa.Column(sa.Integer, sa.ForeignKey("post.id"))
    __table_args__ = ({indexes})
"""


@pytest.mark.parametrize("part", ["'answers'", "sa.desc('answers')"])
@pytest.mark.parametrize("options", ["", ", unique=True"])
def test_another_index_gets_the_name_of_one_that_a_key_needs(
    judge: Court, part: str, options: str
) -> None:
    """I give an index's name to another, and the foreign key has a new one."""
    before = f"sa.Index('ix', {part}),"
    after = f"sa.Index('ix', 'at'), sa.Index('other', 'answers', 'id'{options}),"
    first, last = (PASSED_ON.format(indexes=it) for it in (before, after))
    verdict = judge.judge(Case(judge.database, first, last))
    assert (verdict.kind, verdict.text) == ("passed", "")


MODELS = """
import sqlalchemy as sa

from .db import Model


class City(Model):
    __tablename__ = "city"
    id = sa.Column(sa.Integer, primary_key=True)


class Friend(Model):
    __tablename__ = "{table}"
    id = sa.Column(sa.Integer, primary_key=True)
    {column} = sa.Column(sa.Integer{more})
"""
KEY = ", sa.ForeignKey('city.id')"
CASCADE = ", sa.ForeignKey('city.id', ondelete='CASCADE')"


def models(more: str, table: str = "friend", column: str = "city_id") -> str:
    """Return models in which a friend has a city."""
    return MODELS.format(more=more, table=table, column=column)


@pytest.fixture(scope="module")
def mariadb() -> Iterator[Court]:
    """Give a court that compares with what MariaDB makes of the models."""
    with court("mariadb") as found:
        yield found


@pytest.mark.parametrize(
    "after",
    [
        models(""),
        models(", index=True"),
        models(f"{KEY}, index=True"),
        models(CASCADE),
        models(KEY, table="person"),
        models(KEY, column="town_id"),
    ],
    ids=["none", "index", "both", "cascade", "table-renamed", "column-renamed"],
)
def test_no_index_stays_behind_a_foreign_key(mariadb: Court, after: str) -> None:
    """The index that MariaDB made for my key goes and comes with the key."""
    before = models(KEY)
    columns = {"friend\nid": "id", "friend\ncity_id": "city_id"}
    if "town_id" in after:
        columns["friend\ncity_id"] = "town_id"
    tables = {"friend": "person" if "person" in after else "friend"}
    rows = (("friend", ((("id", "1"), ("city_id", "None")),)),)
    there = Case("mariadb", before, after, rows=rows, tables=tables, columns=columns)
    for case in (there, Case("mariadb", after, before)):
        verdict = mariadb.judge(case)
        assert verdict.kind == "passed", verdict
