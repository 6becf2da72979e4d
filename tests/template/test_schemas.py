"""A schema of PostgreSQL other than the default, for tables and version table."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from database_pairs import two_databases, using_both
from drafts import alembic, define_thing
from rendering import Project
from scripts import ask, write
from servers import empty_database
from sqlalchemy import make_url

NOTE = 'op.create_table("note", sa.Column("id", sa.Integer, primary_key=True))'
OURS = {"alembic_version", "alembic_version_history"}
WHERE = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname !~ 'pg_|infor'"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Give the URL of an empty database on PostgreSQL."""
    with empty_database("postgresql", tmp_path) as url:
        yield url


def placed(url: str) -> dict[str, set[str]]:
    """Return the names of the tables by schema."""
    found: dict[str, set[str]] = {}
    for schema, table in ask(url, WHERE):
        found.setdefault(schema, set()).add(table)
    return found


@pytest.mark.parametrize("name", ["sales", "user", "Sales", "a,b 'c\\", 'q"%:$ü'])
def test_every_table_is_in_the_schema(project: Project, server: str, name: str) -> None:
    """I add ?schema= to the URL: walk up, change, check, walk down."""
    url = make_url(server).update_query_dict({"schema": name})
    shop = project.using(url.render_as_string(hide_password=False))
    ask(server, "CREATE TABLE theirs (id integer)")
    alembic(shop, "upgrade head", "check")
    assert placed(server)["public"] == {"theirs"}
    assert placed(server)[name] > {"alembic_version", "friend", "city"}
    define_thing(shop, "name = sa.String(20)")
    alembic(shop, "revision --autogenerate -m thing", "upgrade head", "check")
    assert "schema" not in shop.revisions()[-1].read_text()
    assert "thing" in placed(server)[name]
    alembic(shop, "downgrade base")
    assert placed(server) == {"public": {"theirs"}, name: OURS}


def test_the_app_and_its_commands_find_it(project: Project, server: str) -> None:
    """I give the app the same URL, and it is ready after `flask db upgrade`."""
    shop = project.using(f"{server}?schema=sales")
    shop.run("flask", "db", "upgrade")
    client = f"from {shop.name} import create_app; client = create_app().test_client()"
    asked = "print(client.get('/readyz').status_code, client.get('/').status_code)"
    assert shop.run("python", "-c", f"{client}; {asked}").stdout == "200 200\n"
    assert "public" not in placed(server)


def test_two_apps_at_once_make_the_schema_once(project: Project, server: str) -> None:
    """Eight pods start at once on an empty database."""
    shop = project.using(f"{server}?schema=sales")
    many = [shop.start("alembic", "upgrade", "head") for _ in range(8)]
    said = [process.communicate()[1] for process in many]
    assert [process.returncode for process in many] == [0] * 8, said
    assert "".join(said).count("Running upgrade") == 1


def test_a_failure_leaves_the_schema_as_it_was(project: Project, server: str) -> None:
    """My revision fails: undone, in the schema too; nothing is called half applied."""
    shop = project.using(f"{server}?schema=sales")
    shop.alembic("upgrade", "head")
    before = placed(server)
    down = shop.revisions()[0].name.split("_")[1]
    write(shop, "b", f'{NOTE}\nop.execute("SELECT nope")', down=down)
    assert "was undone" in shop.alembic("upgrade", "head", status=255).stdout
    assert placed(server) == before
    write(shop, "b", NOTE, down=down)
    shop.alembic("upgrade", "head")
    assert "note" in placed(server)["sales"]


def test_two_databases_in_one(several: Project, tmp_path: Path) -> None:
    """I keep `default` and `auth` in two schemas of one database."""
    with two_databases("postgresql-sqlite", tmp_path) as (url, _):
        shop = using_both(several, (f"{url}?schema=main", f"{url}?schema=auth"))
        alembic(shop, "upgrade head", "check", "current")
        assert placed(url)["auth"] == {*OURS, "user"}
        assert placed(url)["main"] >= {"alembic_version", "friend"}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:///x.db?schema=sales", "'sqlite', which has no schemas"),
        ("mysql://me@localhost/x?schema=sales", "'mysql', which has no schemas"),
        ("postgres://me@localhost/x?schema=a&schema=b", "not one name"),
        ("postgresql://me@localhost/x?schema=a&schema=b", "not one name"),
    ],
)
def test_a_schema_that_cannot_be(project: Project, url: str, said: str) -> None:
    """I ask for a schema where there is none, and read why not."""
    done = project.using(url).alembic("current", status=255)
    assert f"{project.url_variable} asks for" in done.stdout
    assert said in done.stdout
