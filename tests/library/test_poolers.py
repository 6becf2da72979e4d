"""PostgreSQL through PgBouncer: what keeps my session works, the rest is refused."""

import pytest
from environment import Environment
from pooling import pooled
from scripts import ask, empty, tables, versions, write
from servers import ON_POSTGRESQL

pytestmark = ON_POSTGRESQL

MADE = 'op.create_table("{0}", sa.Column("id", sa.Integer, primary_key=True))'
CONCURRENT = """
with op.get_context().autocommit_block():
    op.create_index("ix_a", "a", ["id"], postgresql_concurrently=True)
"""
LOCKS = """SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database
    WHERE datname = current_database() AND locktype = 'advisory'"""
IN_TURN = "min_pool_size = 4\nserver_round_robin = 1"


@pytest.fixture
def shop(project: Environment) -> Environment:
    """Give a project with two revisions, of which one needs a session."""
    shop = empty(project)
    write(shop, "a", MADE.format("a"))
    write(shop, "b", CONCURRENT, down="a")
    return shop


@pytest.mark.parametrize("more", ["", IN_TURN, "default_pool_size = 1"])
def test_transaction_mode_is_refused(
    shop: Environment, database_url: str, more: str
) -> None:
    """Each transaction gets another session: refused, and nothing stays behind."""
    with pooled(database_url, "transaction", more) as url:
        said = shop.using(url).alembic("upgrade", "head", status=255).stdout
        assert said.startswith("FAILED: FRIEND_BOOK_DATABASE_URL: a pooler")
        assert "Name the server itself, or a pool in session mode." in said
        assert tables(database_url) == set()
        assert ask(url, "SHOW lock_timeout") == [("0",)]
        assert ask(url, LOCKS) == [(0,)]


@pytest.mark.parametrize("more", ["", "default_pool_size = 1"])
def test_session_mode_works(shop: Environment, database_url: str, more: str) -> None:
    """My pooler keeps my session: all is as without it, with one session as well."""
    with pooled(database_url, "session", more) as url:
        shop.using(url).alembic("upgrade", "head")
    assert versions(database_url) == ["b"]


@pytest.mark.parametrize("more", ["", IN_TURN, "default_pool_size = 1"])
def test_a_driver_that_prepares_statements(
    shop: Environment, database_url: str, more: str
) -> None:
    """My app has asyncpg: the pool that lends sessions is refused, the other works."""
    with pooled(database_url, "transaction", more) as url:
        awaited = shop.using(url.replace("+psycopg:", "+asyncpg:"))
        for _ in range(3):
            said = awaited.alembic("upgrade", "head", status=255).stdout
            assert said.startswith("FAILED: FRIEND_BOOK_DATABASE_URL: a pooler")
            assert "Name the server itself, or a pool in session mode." in said
        assert tables(database_url) == set()
    with pooled(database_url, "session", more) as url:
        awaited = shop.using(url.replace("+psycopg:", "+asyncpg:"))
        awaited.alembic("upgrade", "head")
    assert versions(database_url) == ["b"]


def test_nothing_to_do_works_through_any(shop: Environment, database_url: str) -> None:
    """My pods are at head: they start through the pooler that the app uses."""
    shop.using(database_url).alembic("upgrade", "head")
    with pooled(database_url, "transaction") as url:
        shop.using(url).alembic("upgrade", "head")
        shop.using(url).alembic("check", status=None)


def test_a_schema_through_a_pooler(shop: Environment, database_url: str) -> None:
    """My URL names a schema, which PgBouncer refuses: told so, with the way around."""
    with pooled(database_url, "session") as url:
        elsewhere = shop.using(f"{url}?options=-csearch_path%3Dshop")
        said = elsewhere.alembic("upgrade", "head", status=255).stdout
    assert "a pooler is between, which refuses options" in said
    assert "Name the server itself for migrations" in said
