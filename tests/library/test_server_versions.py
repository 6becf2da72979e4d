"""A draft asks for nothing that the server at hand, or no server, can make."""

import pytest
from alembic_lossless.autogenerate import refusals
from drafts import define_thing, draft, refusal
from environment import Environment

REVISION = ("revision", "--autogenerate", "-m", "more")
UNIQUE = """
    __table_args__ = (
        sa.UniqueConstraint("code", name="uq", postgresql_nulls_not_distinct=True),
    )
"""


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_words_that_an_old_server_lacks(
    project: Environment, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """My server is too old for what I declare: I read it before a file is written."""
    shop = project.using(database_url)
    define_thing(shop, "code = sa.Integer")
    draft(shop, "thing")
    path = shop.package / "things.py"
    path.write_text(path.read_text() + UNIQUE)
    newer = [it._replace(since={"postgresql": (99, 1)}) for it in refusals.FEATURES]
    with monkeypatch.context() as patch:
        patch.setattr(refusals, "FEATURES", newer)
        said = refusal(shop, *REVISION)
    assert "thing.uq: NULLS NOT DISTINCT needs postgresql 99.1, and this server" in said
    assert "NOT DISTINCT" not in draft(shop, "more").replace("_", " ").lower()


FLOORS = {
    "postgresql>=14": (UNIQUE, "thing.uq: NULLS NOT DISTINCT needs postgresql 15"),
    "postgresql>=13.2": (
        "    more = sa.Column(INT4MULTIRANGE().with_variant(sa.Text(), 'sqlite'))",
        "thing.more: a multirange needs postgresql 14",
    ),
    "mariadb>=10.6": (
        "    more = sa.Column(sa.UUID())",
        "thing.more: the type UUID needs mariadb 10.7",
    ),
    "sqlite>=3.36": (
        "    __table_args__ = {'sqlite_strict': True}",
        "thing: STRICT needs sqlite 3.37",
    ),
}
"""What a server of the project is too old for, by what `runs_on` says of it."""


@pytest.mark.parametrize("server", FLOORS)
def test_words_that_the_oldest_server_of_production_lacks(
    project: Environment, server: str
) -> None:
    """I draft on SQLite, and production is old: I read it before a file is written."""
    more, said = FLOORS[server]
    define_thing(project, "code = sa.Integer")
    path = project.package / "things.py"
    multirange = "from sqlalchemy.dialects.postgresql import INT4MULTIRANGE\n"
    path.write_text(f"{multirange}{path.read_text()}\n{more}\n")
    given = f'    url=url,\n    runs_on=("{server}",),\n'
    project.edit("migrations/__init__.py", "    url=url,\n", given)
    project.alembic("upgrade", "head")
    assert f"{said}, and the project runs on {server}." in refusal(project, *REVISION)
    project.edit("migrations/__init__.py", server, f"{server.partition('>')[0]}>=99")
    draft(project, "more")


def test_an_index_of_nothing(project: Environment) -> None:
    """I forget the columns of an index, and am told, since no database makes it."""
    define_thing(project, "code = sa.Integer")
    path = project.package / "things.py"
    path.write_text(path.read_text() + '    __table_args__ = (sa.Index("ix_thing"),)\n')
    project.alembic("upgrade", "head")
    said = refusal(project, *REVISION)
    assert "thing.ix_thing: the index has no column. Name one." in said


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_foreign_key_stays_when_its_index_is_dropped(
    project: Environment, database_url: str
) -> None:
    """On PostgreSQL I take `unique=True` away, and the foreign key is left alone."""
    shop = project.using(database_url)
    define_thing(shop, "city = sa.Integer, sa.ForeignKey('city.id'), unique=True")
    draft(shop, "unique")
    define_thing(shop, "city = sa.Integer, sa.ForeignKey('city.id')")
    assert "foreign" not in draft(shop, "many")
