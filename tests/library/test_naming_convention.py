"""The convention of the metadata names what a revision leaves without a name."""

from pathlib import Path

import pytest
from drafts import alembic, define_thing, draft
from environment import Environment
from schema import snapshot
from scripts import write
from servers import DATABASES, empty_database
from sqlalchemy import MetaData, create_engine, inspect
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
