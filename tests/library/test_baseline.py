"""A database that has its tables and no history: its first revision, proved."""

from pathlib import Path

from database_pairs import two_databases, using_both
from drafts import define_thing
from environment import Environment
from scripts import ask, empty, tables, versions
from servers import ON_MARIADB, ON_POSTGRESQL, engine_of
from sqlalchemy import MetaData

THING = (
    "age = sa.Integer, server_default='7'",
    "twice = sa.Integer, sa.Computed('age * 2', persisted=True)",
    "name = sa.String(20)",
)
INDEXES = """
sa.Index("ix_high", Thing.age, sqlite_where=sa.text("age > 1"),
    postgresql_where=sa.text("age > 1"))
Thing.__table__.append_constraint(sa.CheckConstraint("age > 0", name="ck_age"))
"""
EXPRESSION = 'sa.Index("ix_lower", sa.func.lower(Thing.name))'
OTHERS = {
    "server_default='7'": ("server_default='8'", "thing.age: default: "),
    "age * 2": ("age * 3", "thing.twice: computed as: "),
    "age > 1": ("age > 5", "thing.ix_high: "),
    "age > 0": ("age > 9", "thing.ck_thing_ck_age: CHECK: "),
    "func.lower": ("func.upper", "thing.ix_lower: "),
    "sa.String(20)": ("sa.String(30)", "thing.name: type VARCHAR"),
    "sa.String(20))": ("sa.String(20), comment='x')", "thing.name: comment: "),
}
"""What a database has in the place of what the models say, and how that is told."""


def model(project: Environment) -> Path:
    """Add a model with what a database stores in words of its own."""
    define_thing(project, *THING)
    path = project.package / "things.py"
    # MariaDB has no index of an expression.
    last = "" if "mariadb" in project.environment[project.url_variable] else EXPRESSION
    path.write_text(f"{path.read_text()}\n{INDEXES}{last}")
    return path


def make_tables(project: Environment, url: str, name: str = "default") -> None:
    """Let SQLAlchemy make the tables of the models, as before there were revisions."""
    with project.migrations() as migrations:
        migrations.project.import_models()
        metadata = migrations.project.metadatas[name]
        assert isinstance(metadata, MetaData)
        with engine_of(url).begin() as connection:
            metadata.create_all(connection)


def left(project: Environment) -> list[str]:
    """Return the names of what is in the folder of revisions."""
    folder = project.package / "migrations" / "versions"
    return sorted(it.name for it in folder.glob("*"))


def test_my_database_gets_a_history(project: Environment, database_url: str) -> None:
    """I made my tables by `create_all`: they are as they were, and have a history."""
    shop = empty(project).using(database_url)
    model(shop)
    make_tables(shop, database_url)
    ask(database_url, "INSERT INTO city (id, name) VALUES (1, 'Bonn')")
    said = shop.run("flask", "db", "baseline").stdout
    assert "is as the models are, and at " in said
    (path,) = shop.revisions()
    assert [versions(database_url)[0] in path.read_text()] == [True]
    said = shop.run("flask", "db", "status").stdout
    assert "Models: match the database" in said
    assert ask(database_url, "SELECT name FROM city") == [("Bonn",)]
    again = shop.run("flask", "db", "baseline", status=255).stdout
    assert "There is a history already" in again
    path.unlink()
    again = shop.run("flask", "db", "baseline", status=255).stdout
    assert "already, which no file here has." in again
    assert len(shop.revisions()) == 0


def test_what_differs_is_listed(project: Environment, database_url: str) -> None:
    """My tables are not quite what the models say: I read all of it."""
    shop = empty(project).using(database_url)
    before = left(shop)
    path = model(shop)
    text = path.read_text()
    backend = engine_of(database_url).dialect.name
    expected = []
    other = text
    for here, (there, told) in OTHERS.items():
        if backend == "sqlite" and "comment" in told:
            continue
        if backend == "mariadb" and ".ix_" in told:
            continue
        if "comment" in told:
            other = other.replace("sa.String(30))", "sa.String(30), comment='x')")
        else:
            assert here in other
            other = other.replace(here, there)
        expected.append(told)
    path.write_text(other)
    make_tables(shop, database_url)
    path.write_text(text)
    # No revision made it so: nobody changed it by hand since.
    assert "by hand" not in shop.run("flask", "db", "check", status=255).stdout
    said = shop.run("flask", "db", "baseline", status=255).stdout
    assert "by hand" not in said
    assert "The database is not as the models are, and nothing is written:" in said
    assert [it for it in expected if f"  {it}" not in said] == []
    assert left(shop) == before
    assert "alembic_version" not in tables(database_url)
    stay = {it.partition(":")[0] for it in expected}
    file = shop.package / "migrations" / "accepted_differences.txt"
    file.write_text("\n".join(stay))
    assert "is as the models are, and at " in shop.run("flask", "db", "baseline").stdout


def test_several_databases_are_one_revision(
    several: Environment, tmp_path: Path
) -> None:
    """Both of my databases have their tables: both are stamped, or none."""
    with two_databases("sqlite-postgresql", tmp_path) as urls:
        shop = using_both(empty(several), urls)
        for name, url in zip(("default", "auth"), urls, strict=True):
            make_tables(shop, url, name)
        ask(urls[1], "ALTER TABLE \"user\" ALTER email SET DEFAULT 'x'")
        said = shop.run("flask", "db", "baseline", status=255).stdout
        assert "auth: user.email: default: 'x'::character varying in the" in said
        assert "alembic_version" not in tables(urls[0])
        ask(urls[1], 'ALTER TABLE "user" ALTER email DROP DEFAULT')
        shop.run("flask", "db", "baseline")
        assert versions(urls[0]) == versions(urls[1]) != []
        assert "Models: match" in shop.run("flask", "db", "status").stdout


@ON_POSTGRESQL
def test_tables_in_schemas(project: Environment, database_url: str) -> None:
    """Some of my tables are in a schema: they are proved and stamped, too."""
    shop = empty(project).using(database_url)
    path = model(shop)
    text = path.read_text()
    named = '__tablename__ = "thing"\n    __table_args__ = {"schema": "stock"}'
    path.write_text(text.replace('__tablename__ = "thing"', named))
    env = shop.package / "migrations" / "env.py"
    env.write_text(
        env.read_text().replace(
            "target_metadata=target", "include_schemas=True, target_metadata=target"
        )
    )
    ask(database_url, "CREATE SCHEMA stock")
    make_tables(shop, database_url)
    ask(database_url, "ALTER TABLE stock.thing ALTER age SET DEFAULT 9")
    said = shop.run("flask", "db", "baseline", status=255).stdout
    assert "stock.thing.age: default: 9 in the database, 7 by the models" in said
    ask(database_url, "ALTER TABLE stock.thing ALTER age SET DEFAULT 7")
    shop.run("flask", "db", "baseline")
    assert "Models: match" in shop.run("flask", "db", "status").stdout


@ON_POSTGRESQL
def test_a_version_table_in_a_schema(project: Environment, database_url: str) -> None:
    """My version table has a schema of its own: my database gets its history there."""
    shop = empty(project).using(database_url)
    define_thing(shop, "age = sa.Integer")
    env = shop.package / "migrations" / "env.py"
    given = 'version_table_schema="ours", target_metadata=target'
    env.write_text(env.read_text().replace("target_metadata=target", given))
    ask(database_url, "CREATE SCHEMA ours")
    make_tables(shop, database_url)
    shop.run("flask", "db", "baseline")
    (path,) = shop.revisions()
    ((at,),) = ask(database_url, "SELECT version_num FROM ours.alembic_version")
    assert at in path.read_text()


@ON_MARIADB
def test_another_database_of_the_server_is_refused(
    project: Environment, database_url: str
) -> None:
    """A schema of MariaDB is a database that others have, and it is not touched."""
    shop = empty(project).using(database_url)
    path = shop.package / "things.py"
    define_thing(shop, "age = sa.Integer")
    named = '    __table_args__ = {"schema": "of_others"}\n    id ='
    path.write_text(path.read_text().replace("    id =", named))
    said = shop.run("flask", "db", "baseline", status=255).stdout
    assert "of_others.thing is in another database on this server" in said
    assert shop.revisions() == []
