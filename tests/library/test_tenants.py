"""One database, a schema for each tenant, and the same tables in each."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from alembic.util import CommandError
from drafts import define_thing
from environment import Environment
from scripts import ask, write
from servers import ON_POSTGRESQL, ON_SERVERS, ON_SQLITE
from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import NullPool

ONE_RUN = """    with env.migrating(
        database,
        target_metadata=target_metadata,
        render_as_batch=render_as_batch,
    ):
        context.run_migrations()
"""
A_RUN_EACH = """    for database in env.tenants(project):
        with env.migrating(
            database,
            target_metadata=target_metadata,
            render_as_batch=render_as_batch,
        ):
            context.run_migrations()
"""
LAST = "    settings=Settings(values, PREFIX),\n"
ROWS = """    schemas=lambda connection: connection.scalars(
        text("SELECT name FROM {table} ORDER BY name")
    ).all(),
"""
NOTE = 'op.create_table("note", sa.Column("id", sa.Integer, primary_key=True))'
DATABASE = "database = env.database(project)\ntarget_metadata = "
GONE = 'op.drop_table("note")'
VALUE = "op.execute(\"INSERT INTO city (id, name) VALUES (1, 'Oslo')\")"


@dataclass
class Tenants(Environment):
    """A project whose tenants are rows of a table, each with a schema."""

    url: str = ""
    names: tuple[str, ...] = ()

    def at(self, name: str) -> list[str]:
        """Return the revision of a tenant, and whether it has the table of the next."""
        where = f"WHERE table_schema = '{name}'"
        tables = f"SELECT table_name FROM information_schema.tables {where}"  # noqa: S608  ours
        found = ask(self.url, tables)
        if ("alembic_version",) not in found:
            return []
        place = f"{self.quoted(name)}.alembic_version"
        at = ask(self.url, f"SELECT version_num FROM {place}")  # noqa: S608  ours
        return [at[0][0] if at else "base", *(["note"] * (("note",) in found))]

    def quoted(self, name: str) -> str:
        """Return a name as a statement has it."""
        return f'"{name}"' if self.url.startswith("postgresql") else f"`{name}`"

    def begin(self, name: str) -> None:
        """Let a tenant sign up."""
        ask(self.url, f"CREATE SCHEMA {self.quoted(name)}")
        ask(self.url, f"INSERT INTO tenant VALUES ('{name}')")  # noqa: S608  ours


@pytest.fixture
def shop(project: Environment, database_url: str) -> Iterator[Tenants]:
    """Give a project with three tenants, whose schemas are empty."""
    url = make_url(database_url)
    place = f"{'public' if url.get_backend_name() == 'postgresql' else url.database}"
    module = "migrations/__init__.py"
    project.edit(module, LAST, LAST + ROWS.format(table=f"{place}.tenant"))
    project.edit(module, "URL, make_url", "URL, make_url, text")
    env = "migrations/env.py"
    project.edit(env, "database = env.database(project)\n", "")
    project.edit(
        env, "        url=database.url", "        url=env.database(project).url"
    )
    project.edit(env, ONE_RUN, A_RUN_EACH)
    names = tuple(f"{url.database}_{it}" for it in ("Acme", "beta", "zeta"))
    using = project.using(database_url)
    shop = Tenants(using.path, using.environment, database_url, names)
    if url.get_backend_name() != "sqlite":
        ask(database_url, "CREATE TABLE tenant (name varchar(60) PRIMARY KEY)")
        for name in names:
            shop.begin(name)
    yield shop
    if url.get_backend_name() not in {"postgresql", "sqlite"}:
        for name in names:
            ask(database_url, f"DROP DATABASE {shop.quoted(name)}")


@ON_SERVERS
def test_a_tenant_fails_and_the_others_are_done(shop: Tenants) -> None:
    """The rows of one stop my revision: told which; the next run has that one alone."""
    _, acme, _ = shop.names
    shop.alembic("upgrade", "head")
    assert [shop.at(it) for it in shop.names] == [["1"], ["1"], ["1"]]
    ask(shop.url, f"INSERT INTO {shop.quoted(acme)}.city VALUES (1, 'Oslo')")  # noqa: S608  ours
    write(shop, "b", VALUE, down="1")
    write(shop, "c", NOTE, GONE, down="b")
    failed = shop.alembic("upgrade", "head", status=255).stdout
    assert f"FAILED: {acme}: The upgrade of revision b failed" in failed
    assert "\n1 of 3 schemas failed, and the others are done: the next run" in failed
    assert [shop.at(it) for it in shop.names] == [["c", "note"], ["1"], ["c", "note"]]
    table = shop.run("flask", "db", "status").stdout.splitlines()
    assert table[1].split() == ["schemas", "at", "state"]
    assert table[2].split() == ["1", "1", "2", "pending", acme]
    assert table[3].split()[:3] == ["2", "c", "head"]
    found = json.loads(shop.run("flask", "db", "status", "--json", status=3).stdout)
    assert found["databases"][acme]["pending"] == ["b", "c"]
    ask(shop.url, f"DELETE FROM {shop.quoted(acme)}.city")  # noqa: S608  ours
    again = shop.alembic("upgrade", "head").stderr
    assert again.count("Running upgrade") == len(["b", "c"])
    assert shop.at(acme) == ["c", "note"]


SLEEPS = """
import time
from pathlib import Path
with Path("ran").open("a") as file:
    file.write("x")
if len(Path("ran").read_text()) == 2:
    time.sleep(60)
"""


@ON_SERVERS
def test_a_run_that_was_killed_is_gone_on_with(shop: Tenants) -> None:
    """My run is killed in the second of three: after one more, all are at the head."""
    shop.environment["FRIEND_BOOK_MIGRATION_REHEARSE"] = "no"
    shop.alembic("upgrade", "head")
    write(shop, "b", NOTE + SLEEPS, GONE, down="1")
    process, ran = shop.start("alembic", "upgrade", "head"), shop.path / "ran"
    while not (ran.exists() and ran.stat().st_size > 1):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.kill()
    process.communicate()
    second, third = shop.names[1:]
    assert [shop.at(shop.names[0]), shop.at(third)] == [["b", "note"], ["1"]]
    if not shop.url.startswith("postgresql"):  # which had kept the table alone
        table = shop.run("flask", "db", "status").stdout
        assert f"stopped in b  {second}\n" in table
        refused = shop.alembic("upgrade", "head", status=255).stdout
        stamp = f"alembic -x database={second} stamp b"
        assert stamp in refused
        shop.alembic(*stamp.split()[1:])
    shop.alembic("upgrade", "head")
    assert [shop.at(it) for it in shop.names] == [["b", "note"]] * 3


@ON_SERVERS
def test_one_of_them_alone(shop: Tenants) -> None:
    """A customer signs up: I migrate that schema, and no other."""
    zeta, acme, beta = shop.names
    shop.run("flask", "db", "upgrade", "--only", acme)
    assert [shop.at(it) for it in shop.names] == [[], ["1"], []]
    shop.alembic("-x", f"database={beta}", "upgrade", "head")
    with shop.migrations() as migrations:
        assert migrations.schemas() == shop.names
        assert migrations.current(zeta) == ()
        migrations.upgrade(only=[zeta])
        assert [it.revision for it in migrations.current(zeta)] == ["1"]
        with migrations.operations(zeta) as op:
            op.execute("INSERT INTO city (id, name) VALUES (1, 'Oslo')")
        assert migrations.pending() == ()
    found = ask(shop.url, f"SELECT name FROM {shop.quoted(zeta)}.city")  # noqa: S608  ours
    assert found == [("Oslo",)]
    status = shop.run("flask", "db", "status", "--only", acme).stdout
    assert "applied  1  first tables" in status
    assert "Models: match the database" in status
    said = shop.run("flask", "db", "downgrade", status=255).stdout
    assert "-1 is another revision for each of 3 schemas" in said
    shop.run("flask", "db", "downgrade", "-1", "--only", acme)
    assert [shop.at(it) for it in shop.names] == [["1"], ["base"], ["1"]]
    for wrong in ("nobody", shop.names[0].lower()):
        said = shop.run("flask", "db", "upgrade", "--only", wrong, status=255).stdout
        assert f"There is no database and no schema {wrong!r} here: there are" in said
        assert len(said.splitlines()) == 1


@ON_SERVERS
def test_a_draft_is_made_from_one(shop: Tenants) -> None:
    """I add a table: drafted once, with no schema in it, and each has it then."""
    shop.alembic("upgrade", "head")
    define_thing(shop, "name = sa.String(20)")
    shop.alembic("revision", "--autogenerate", "-m", "thing")
    assert "schema" not in shop.revisions()[-1].read_text()
    shop.alembic("upgrade", "head")
    shop.alembic("check")
    beta = shop.names[2]
    ask(shop.url, f"ALTER TABLE {shop.quoted(beta)}.thing DROP COLUMN name")
    said = shop.alembic("check", status=255).stdout.splitlines()
    assert said[0] == "FAILED: Differences between the models and 1 of 3 schemas:"
    assert said[1].startswith(f"  {beta}: thing.name: column added")
    with shop.migrations() as migrations:
        assert len(migrations.check()) == 1
        assert migrations.check(only=shop.names[:2]) == []


@ON_POSTGRESQL
def test_tables_that_each_has_already(shop: Tenants) -> None:
    """Each schema has its tables and no history: one baseline is compared with each."""
    shop.alembic("upgrade", "head")
    for path in (shop.package / "migrations" / "versions").iterdir():
        path.unlink()
    zeta, acme, beta = map(shop.quoted, shop.names)
    for name in (zeta, acme, beta):
        ask(shop.url, f"DROP TABLE {name}.alembic_version")
        ask(shop.url, f"DROP TABLE {name}.alembic_version_history")
    ask(shop.url, f"ALTER TABLE {acme}.city ADD COLUMN mayor varchar(20)")
    ask(shop.url, f"ALTER TABLE {beta}.friend DROP COLUMN name")
    said = shop.run("flask", "db", "baseline", status=255).stdout
    assert f"  {shop.names[2]}: friend.name: column added" in said
    assert not shop.revisions()
    ask(shop.url, f"ALTER TABLE {beta}.friend ADD COLUMN name varchar(100) NOT NULL")
    shop.run("flask", "db", "baseline")
    with shop.migrations() as migrations:
        (head,) = migrations.heads()
        assert {it.heads for it in migrations.places().values()} == {(head.revision,)}


WRONG = {
    '["nobody"]': "has no schema nobody. Make it: CREATE SCHEMA nobody\nOr take",
    '["public", "public"]': "The project's schemas have 'public' twice.",
    "[]": "the project's schemas are none.",
    '"public"': "The project's schemas is 'public'. Give their names, or a function",
    "lambda _: None": "schemas(connection) returns NoneType, not a list of names.",
    "lambda it: it.scalars(text('SELECT x')).all()": "schemas(connection) raised Prog",
}


@ON_POSTGRESQL
@pytest.mark.parametrize("given", WRONG)
def test_schemas_that_cannot_be_used(shop: Tenants, given: str) -> None:
    """I name schemas wrongly: told in a line or two, and nothing was changed."""
    table = ROWS.format(table="public.tenant")
    shop.edit("migrations/__init__.py", table, f"    schemas={given},\n")
    for program in (["alembic"], ["flask", "db"]):
        said = shop.run(*program, "upgrade", "head", status=255)
        assert WRONG[given] in said.stdout
        assert len((said.stdout + said.stderr).splitlines()) <= len(["two", "lines"])
    assert [shop.at(it) for it in shop.names] == [[], [], []]


@ON_POSTGRESQL
def test_an_environment_that_knows_of_none(shop: Tenants) -> None:
    """I forget the loop in env.py: told, and no table is made beside the schemas."""
    shop.edit("migrations/env.py", A_RUN_EACH, ONE_RUN)
    shop.edit("migrations/env.py", "target_metadata = ", DATABASE)
    said = shop.alembic("upgrade", "head", status=255).stdout
    assert "for database in env.tenants(project)" in said
    with shop.migrations() as migrations:
        engine = create_engine(shop.url, poolclass=NullPool)
        with (
            engine.connect() as connection,
            pytest.raises(CommandError, match="Engine"),
        ):
            migrations.schemas(connection)
        with pytest.raises(CommandError, match="A rehearsal copies a database"):
            migrations.rehearse()
        with pytest.raises(CommandError, match=f"such as '{shop.names[0]}'"):
            migrations.open_backfills()


@ON_SQLITE
def test_a_file_is_one(shop: Tenants) -> None:
    """I develop on SQLite, which has no schemas: its file is the one that there is."""
    shop.alembic("upgrade", "head")
    shop.alembic("check")
    assert "Models: match the database" in shop.run("flask", "db", "status").stdout
    said = shop.run("flask", "db", "upgrade", "--only", "acme", status=255).stdout
    assert "no database and no schema 'acme' here: there are default" in said
    with shop.migrations() as migrations:
        assert migrations.schemas() == ()
