"""An app that awaits its database: its engine and its URL migrate it, as they are."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.util import CommandError
from alembic_lossless import Migrations
from alembic_lossless.runtime.connect import Database, synchronous_url
from environment import Environment
from scripts import ask, tables, versions, write
from sqlalchemy import event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

AWAITED = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+psycopg_async",
    "mysql": "mysql+asyncmy",
    "mariadb": "mariadb+asyncmy",
}
"""Drivers that have to be awaited, by the kind of database."""


NARROWED = """
op.refuse_loss("friend", "name", sa.String({0}))
with op.batch_alter_table("friend") as batch_op:
    batch_op.alter_column("name", existing_type=sa.String(100), type_=sa.String({0}))
"""


def awaited(url: str) -> sa.URL:
    """Return the URL of a database with a driver that has to be awaited."""
    made = make_url(url)
    return made.set(drivername=AWAITED[made.get_backend_name()])


def engine_of(url: str) -> AsyncEngine:
    """Return an asynchronous engine, as an app has it."""
    engine = create_async_engine(awaited(url))
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine.sync_engine, "connect")
        def enforce_foreign_keys(connection: Any, _record: object) -> None:
            connection.cursor().execute("PRAGMA foreign_keys=ON")

    return engine


def test_my_engine_migrates_while_the_app_runs(
    project: Environment, database_url: str
) -> None:
    """My app starts: in its event loop it migrates, and its engine goes on."""
    app = project.using(database_url)

    async def start(migrations: Migrations, engine: AsyncEngine) -> Any:
        migrations.upgrade(connection=engine)
        async with engine.connect() as connection:
            found = await connection.scalar(sa.text("SELECT count(*) FROM friend"))
        await engine.dispose()
        return found

    engine = engine_of(database_url)
    with app.migrations() as migrations:
        assert asyncio.run(start(migrations, engine)) == 0
        assert versions(database_url) == ["1"]
        assert migrations.check(connection=engine) == []
        migrations.downgrade("base", connection=engine)
    assert tables(database_url) == {"alembic_version"}


OUTSIDE = """
with op.get_context().autocommit_block():
    op.execute("UPDATE city SET name = name")
"""


def test_my_url_migrates_and_a_rebuild_keeps_its_rows(
    project: Environment, database_url: str
) -> None:
    """My URL names a driver that is awaited: I draft, run and lose no row."""
    app = project.using(database_url)
    with app.migrations() as of_app:
        described = replace(of_app.project, url=lambda _name: awaited(database_url))
        migrations = Migrations(described)
        migrations.upgrade()
        ask(database_url, "INSERT INTO city (id, name) VALUES (1, 'Bonn')")
        ask(
            database_url,
            "INSERT INTO friend (id, name, city_id) VALUES (1, 'Ada Lovelace', 1)",
        )
        block = OUTSIDE if not database_url.startswith("sqlite") else ""
        write(app, "2", NARROWED.format(80) + block, down="1")
        migrations.upgrade()
        write(app, "3", NARROWED.format(3), down="2")
        with pytest.raises(CommandError, match=r"friend\.name holds 1 value"):
            migrations.upgrade()
    assert versions(database_url) == ["2"]
    assert ask(database_url, "SELECT name, city_id FROM friend") == [
        ("Ada Lovelace", 1)
    ]


def test_my_url_squashes(project: Environment, database_url: str) -> None:
    """My URL names a driver that is awaited: a squash is proved where it leads."""
    app = project.using(database_url)
    write(app, "2", "op.execute('SELECT 1')", down="1")
    with app.migrations() as of_app:
        described = replace(of_app.project, url=lambda _name: awaited(database_url))
        found = Migrations(described).squash("base:2")
    assert found.replaced == ("1", "2")
    assert len(app.revisions()) == 1


def test_a_server_that_is_away_is_a_sentence(project: Environment) -> None:
    """The server of my asynchronous engine is away: I read where, and no traceback."""
    with project.migrations() as migrations:
        gone = create_async_engine("postgresql+psycopg_async://me@127.0.0.1:1/shop")
        with pytest.raises(CommandError, match=r"127\.0\.0\.1:1"):
            migrations.upgrade(connection=gone)


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg2://u@h/d", "mysql+mysqldb://u@h/d", "sqlite:///a.db"]
)
def test_a_driver_that_is_not_awaited_stays(url: str) -> None:
    """I chose a driver: what the library does beside the app does not choose again."""
    assert synchronous_url(Database(make_url(url))) == make_url(url)
