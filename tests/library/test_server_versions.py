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
    newer = [it._replace(since=(99, 1)) for it in refusals.FEATURES]
    with monkeypatch.context() as patch:
        patch.setattr(refusals, "FEATURES", newer)
        said = refusal(shop, *REVISION)
    assert "thing.uq: NULLS NOT DISTINCT needs postgresql 99.1, and this server" in said
    assert "NOT DISTINCT" not in draft(shop, "more").replace("_", " ").lower()


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
