"""A table with partitions: they belong to it, and an index of it stops nobody."""

import pytest
from drafts import alembic, draft, newest, refusal, sql
from environment import Environment

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

MODULE = '''"""Visits, by year."""

import sqlalchemy as sa

from .db import Model


class Visit(Model):
    __tablename__ = "visit"
    __table_args__ = {{"postgresql_partition_by": "RANGE (year)"}}

    id = sa.Column(sa.Integer, primary_key=True, autoincrement=False)
    year = sa.Column(sa.Integer, primary_key=True, autoincrement=False)
    name = sa.Column(sa.String(20){index})


{more}
'''
PARTITION = (
    "CREATE TABLE visit_{year} PARTITION OF visit"
    " FOR VALUES FROM ({year}) TO ({year} + 1) {more}"
)
ATTACHED = (
    "SELECT indisvalid, (SELECT count(*) FROM pg_inherits WHERE inhparent = indexrelid)"
    " FROM pg_index WHERE indexrelid = 'ix_visit_name'::regclass"
)


@pytest.fixture
def shop(project: Environment, database_url: str) -> Environment:
    """Give a project with a table whose partitions its owner made."""
    shop = project.using(database_url)
    define(shop)
    draft(shop, "visits")
    sql(database_url, PARTITION.format(year=2025, more=""))
    sql(database_url, PARTITION.format(year=2026, more="PARTITION BY LIST (id)"))
    sql(database_url, "CREATE TABLE visit_rest PARTITION OF visit_2026 DEFAULT")
    sql(database_url, "INSERT INTO visit (id, year) VALUES (1, 2025), (2, 2026)")
    return shop


def define(shop: Environment, index: str = "", more: str = "") -> None:
    """Write the model, perhaps with an index."""
    (shop.package / "things.py").write_text(MODULE.format(index=index, more=more))


def test_partitions_belong_to_their_table(shop: Environment) -> None:
    """No draft offers to drop one, and none is named as somebody else's."""
    said = alembic(shop, "check", "revision --autogenerate -m nothing")
    assert "visit_" not in said


def test_an_index_of_a_table_in_use(shop: Environment, database_url: str) -> None:
    """A live draft builds it on each partition, then on the table, and goes back."""
    define(shop, ", index=True")
    drafted = draft(shop, "indexed", "live")
    assert "postgresql_concurrently" not in drafted
    assert drafted.index("op.index_partitions") < drafted.index("op.create_index")
    assert "# LOCKS" not in drafted
    assert sql(database_url, ATTACHED) == [(True, 2)]
    alembic(shop, "downgrade -1", "upgrade head", "check")
    sql(database_url, PARTITION.format(year=2027, more=""))
    assert sql(database_url, ATTACHED) == [(True, 3)]
    define(shop, ", index=True", "sa.Index('ix_lower', sa.func.lower(Visit.name))")
    assert "# LOCKS" in draft(shop, "lower", "live")


def test_concurrently_on_partitions(shop: Environment) -> None:
    """I write CONCURRENTLY by hand: the lint and the run say what there is instead."""
    define(shop, ", index=True")
    alembic(shop, "revision --autogenerate -m indexed")
    (path,) = shop.package.rglob("*_indexed.py")
    text = newest(shop, "indexed")
    head, _, _ = text.partition("def upgrade")
    path.write_text(
        f"{head}def upgrade() -> None:\n"
        "    with op.get_context().autocommit_block():\n"
        '        op.create_index("ix_visit_name", "visit", ["name"],'
        " postgresql_concurrently=True)\n\n\ndef downgrade() -> None:\n    pass\n"
    )
    done = shop.run("flask", "db", "lint", "--dialect=postgresql", status=1)
    assert "PostgreSQL has no CONCURRENTLY for ix_visit_name" in done.stdout
    assert 'op.index_partitions("ix_visit_name", "visit"' in done.stdout.replace(
        "'", '"'
    )
    refused = refusal(shop, "upgrade", "head")
    assert "Let the revision call op.index_partitions" in refused
    assert "Run it again: it goes on from there" not in refused
