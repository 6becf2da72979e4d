"""The convention of the metadata names what a revision leaves without a name."""

from pathlib import Path

import pytest
from drafts import alembic, define_thing, draft, newest, sql
from environment import Environment
from schema import snapshot
from scripts import write
from servers import DATABASES, empty_database, engine_of
from sqlalchemy import MetaData, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

CHECKS = (
    "mood = sa.Enum('a', 'b', name='mood', native_enum=False, create_constraint=True)",
    "flag = sa.Boolean(name='flag', create_constraint=True)",
)


@pytest.mark.parametrize("kind", DATABASES)
def test_the_check_of_a_type_has_the_name_of_create_all(
    project: Environment, kind: str, tmp_path: Path
) -> None:
    """A Boolean and an Enum bring a CHECK: it is called what create_all calls it."""
    with empty_database(kind, tmp_path) as one, empty_database(kind, tmp_path) as two:
        shop = project.using(one)
        define_thing(shop, *CHECKS)
        draft(shop, "checks")
        with shop.migrations() as migrations:
            migrations.project.import_models()
            metadata = migrations.project.metadatas["default"]
            assert isinstance(metadata, MetaData)
            metadata.create_all(create_engine(two, poolclass=NullPool))
        assert "ck_thing_mood" in "".join(snapshot(one))
        assert snapshot(one) == snapshot(two)


def test_the_check_of_a_type_is_renamed_with_its_table(
    project: Environment, database_url: str
) -> None:
    """I rename a table with a Boolean and an Enum, whose values change afterwards."""
    shop = project.using(database_url)
    path = shop.package / "things.py"
    for name, values in (("thing", "'a', 'b'"), ("article", "'a', 'b', 'c'")):
        define_thing(shop, *(it.replace("'a', 'b'", values) for it in CHECKS))
        path.write_text(path.read_text().replace('"thing"', f'"{name}"'))
        draft(shop, name, *(["rename=thing:article"] if name == "article" else []))
    # A truth needs no CHECK on PostgreSQL.
    said = ["mood"] if "postgresql" in database_url else ["flag", "mood"]
    insert = "INSERT INTO {} (flag, mood) VALUES (false, 'a')"
    for step, name in (("downgrade -1", "thing"), ("upgrade head", "article")):
        alembic(shop, step)
        found = inspect(create_engine(database_url, poolclass=NullPool))
        checks = sorted(str(it["name"]) for it in found.get_check_constraints(name))
        assert checks == [f"ck_{name}_{it}" for it in said]
        sql(database_url, insert.format(name))
    alembic(shop, "check")


def test_a_constraint_without_a_name_gets_one(
    project: Environment, database_url: str
) -> None:
    """A revision of mine gives no name, as Alembic's documentation has it."""
    shop = project.using(database_url)
    batch = 'with op.batch_alter_table("city") as batch:\n'
    add = '    batch.create_unique_constraint(None, ["id", "name"])'
    write(shop, "2", batch + add, down="1")
    alembic(shop, "upgrade head")
    found = inspect(
        create_engine(database_url, poolclass=NullPool)
    ).get_unique_constraints("city")
    assert "uq_city_id_name" in [it["name"] for it in found]


@pytest.mark.parametrize("said", ["name='mood', ", ""])
def test_the_check_of_a_type_is_older_than_the_convention(
    project: Environment, database_url: str, said: str
) -> None:
    """My first tables had no convention: a value comes and goes, under one CHECK."""
    shop = project.using(database_url)
    mood = f"mood = sa.Enum({{}}, {said}native_enum=False, create_constraint=True)"
    path = shop.package / "db.py"
    whole = path.read_text()
    path.write_text(whole.replace("naming_convention=NAMING_CONVENTION", ""))
    define_thing(shop, mood.format("'a', 'b'"))
    draft(shop, "moods")
    sql(database_url, "INSERT INTO thing (id, mood) VALUES (1, 'a')")
    if said:
        path.write_text(whole)
        assert "is called mood, and ck_thing_mood" in alembic(shop, "check")
    define_thing(shop, mood.format("'a', 'c'"))
    draft(shop, "others")
    sql(database_url, "INSERT INTO thing (id, mood) VALUES (2, 'c')")
    with pytest.raises(DBAPIError):
        sql(database_url, "INSERT INTO thing (id, mood) VALUES (3, 'b')")
    sql(database_url, "DELETE FROM thing WHERE mood = 'c'")
    alembic(shop, "downgrade -1")
    sql(database_url, "INSERT INTO thing (id, mood) VALUES (3, 'b')")
    found = inspect(create_engine(database_url, poolclass=NullPool))
    assert len(found.get_check_constraints("thing")) == 1


def test_a_check_of_my_own_is_not_one_of_the_type(
    project: Environment, database_url: str
) -> None:
    """Somebody's CHECK speaks of the same values, and allows others: it stays."""
    shop = project.using(database_url)
    define_thing(shop, "mood = sa.String(9)")
    draft(shop, "moods")
    others = "mood <> 'a' AND mood <> 'b'"
    if database_url.startswith("sqlite"):
        with engine_of(database_url).begin() as connection:
            connection.execute(text("DROP TABLE thing"))
            columns = "id INTEGER NOT NULL, mood VARCHAR(9), PRIMARY KEY (id)"
            check = f"CONSTRAINT others CHECK ({others})"
            connection.execute(text(f"CREATE TABLE thing ({columns}, {check})"))
    else:
        sql(database_url, f"ALTER TABLE thing ADD CONSTRAINT others CHECK ({others})")
    define_thing(shop, CHECKS[0])
    assert "CHECK thing.others" in alembic(shop, "revision --autogenerate -m enum")


KEYS = (
    "code = sa.String(9), unique=True",
    'above = sa.ForeignKey("thing.id"), sa.CheckConstraint("above > 3", name="high")',
)


def test_a_convention_comes_later(project: Environment, database_url: str) -> None:
    """My tables get a convention: names change, and PostgreSQL makes nothing anew."""
    shop = project.using(database_url)
    path = shop.package / "db.py"
    whole = path.read_text()
    path.write_text(whole.replace("naming_convention=NAMING_CONVENTION", ""))
    define_thing(shop, *KEYS)
    draft(shop, "first")
    rows = "INSERT INTO thing (id, code, above) VALUES (4, 'a', 4)"
    sql(database_url, rows)
    path.write_text(whole)
    draft(shop, "named")
    script = newest(shop, "named")
    if "postgresql" in database_url:
        assert "drop_" not in script
        assert "create_" not in script
        assert 'op.rename_constraints(\n        "thing",' in script
    names = {"uq_thing_code", "fk_thing_above_thing", "ck_thing_high"}
    assert names <= names_in(database_url)
    alembic(shop, "check", "downgrade -1", "upgrade head", "check")
    assert names <= names_in(database_url)
    assert sql(database_url, "SELECT id, code, above FROM thing") == [(4, "a", 4)]


def names_in(url: str) -> set[str]:
    """Return the names of the constraints of a table."""
    found = inspect(create_engine(url, poolclass=NullPool))
    every = (
        *found.get_unique_constraints("thing"),
        *found.get_foreign_keys("thing"),
        *found.get_check_constraints("thing"),
    )
    return {str(it["name"]) for it in every}
