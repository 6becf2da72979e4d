"""`migrations.first_revision()`: a draft that was tried where nothing can be lost."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.util import CommandError
from drafts import define_thing
from environment import Environment, make
from proof.catalogs import snapshot
from scripts import database_of, empty, tables
from servers import engine_of


@pytest.fixture(params=["one", "several"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Environment:
    """Give a project with tables and no revision, and its databases' URL."""
    return make(tmp_path, several=request.param == "several")


def test_it_is_tried_on_databases_of_its_own(shop: Environment, tmp_path: Path) -> None:
    """I have no revision yet: one is drafted and tried, and my database is not made."""
    with shop.migrations() as migrations:
        made = migrations.first_revision("first tables", rev_id="a1")
        assert made is not None
        assert [script.revision for script in migrations.history()] == ["a1"]
        assert not list(tmp_path.rglob("*.db"))
    shop.commands("upgrade head", "check")


@pytest.mark.parametrize("where", ["draft", "upgrade"])
def test_what_does_not_work_is_not_kept(shop: Environment, where: str) -> None:
    """My models or my script's template are wrong: no revision is left of the try."""
    template = shop.package / "migrations" / "script.py.mako"
    bad = "${nothing}" if where == "draft" else "raise OSError('bad script')"
    template.write_text(f"{template.read_text()}\n{bad}\n")
    with shop.migrations() as migrations, pytest.raises((CommandError, OSError)):
        migrations.first_revision("first tables")
    assert shop.revisions() == []


KEY_OPTIONS = {
    "sqlite": ("sqlite_on_conflict='IGNORE'",),
    "postgresql": (
        "deferrable=True",
        "deferrable=True, initially='DEFERRED'",
        "postgresql_include=['size']",
    ),
    "mariadb": ("mysql_using='btree', mariadb_using='btree'",),
}


@pytest.mark.parametrize("named", ["", "name='pk_own', "])
def test_a_key_has_its_options(
    project: Environment, database_url: str, named: str
) -> None:
    """What I say of a primary key is made, as `create_all` makes it."""
    kind = database_of(database_url)
    for number, options in enumerate(KEY_OPTIONS[kind]):
        key = f"sa.PrimaryKeyConstraint('id', {named}{options})"
        define_thing(project, "size = sa.Integer", before="")
        path = project.package / "things.py"
        path.write_text(f"{path.read_text()}\n    __table_args__ = ({key},)\n")
        shop = empty(project).using(database_url)
        with shop.migrations() as migrations:
            migrations.project.import_models()
            (metadata,) = migrations.project.metadatas.values()
            assert isinstance(metadata, sa.MetaData)
            engine = engine_of(database_url)
            metadata.create_all(engine)
            made = snapshot(engine, "none")
            metadata.drop_all(engine)
        shop.alembic("revision", "--autogenerate", "-m", "things")
        shop.commands("upgrade head", "check")
        assert snapshot(engine, "none") == made, number
        shop.alembic("downgrade", "base")
        assert "thing" not in tables(database_url)


OWN = {
    "PrimaryKeyConstraint": "'id'",
    "UniqueConstraint": "'size'",
    "ForeignKeyConstraint": "['size'], ['thing.id']",
    "CheckConstraint": "'size > 0'",
}


@pytest.mark.parametrize("name", OWN)
def test_a_constraint_of_a_class_of_my_own(project: Environment, name: str) -> None:
    """My constraints have classes of mine: a revision has SQLAlchemy's."""
    define_thing(project, "size = sa.Integer", before=f"class Own(sa.{name}): pass\n")
    path = project.package / "things.py"
    own = f"Own({OWN[name]}, name='own', comment='said')"
    path.write_text(f"{path.read_text()}\n    __table_args__ = ({own},)\n")
    shop = empty(project)
    with shop.migrations() as migrations:
        migrations.first_revision("first tables")
    (script,) = shop.revisions()
    assert f"sa.{name}(" in script.read_text()
    assert "Own(" not in script.read_text()
    shop.commands("upgrade head", "check")
