"""Each type of SQLAlchemy in a model: drafted, made, checked, and taken back."""

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest
from drafts import sql
from environment import Environment
from gallery import ABSTRACT, exported, expressions, known_by, made
from schema import snapshot
from scripts import ran, scripted
from servers import DATABASES, empty_database, kind_of
from sqlalchemy import MetaData, create_engine
from sqlalchemy.pool import NullPool

HEADER = '''"""Every type."""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from .db import Model


'''
TABLE = """class {class_name}(Model):
    __tablename__ = "{table}"

    id = sa.Column(sa.Integer, primary_key=True)
"""
OWN = """class Own_{name}(sa.TypeDecorator):
    impl = {type}
    cache_ok = True


"""
EXTENSION = """
DO $$ BEGIN CREATE EXTENSION IF NOT EXISTS {};
EXCEPTION WHEN feature_not_supported THEN NULL; END $$
"""
"""Makes an extension where the server has it; a server of a wheel has none."""

PREPARED = {
    "postgresql": (
        EXTENSION.format("citext"),
        EXTENSION.format("hstore"),
    ),
}
"""What a database needs before it has some types at all."""


def plain(_name: str, expression: str, _database: str) -> tuple[str, str]:
    """Return a type as it is: what stands before the model, and the column's type."""
    return "", expression


def own(name: str, expression: str, _database: str) -> tuple[str, str]:
    """Return a type of the app's own that stores it."""
    return OWN.format(name=name, type=expression), f"Own_{name}"


def variant(_name: str, expression: str, database: str) -> tuple[str, str]:
    """Return text that is this type on one database."""
    return "", f"sa.Text().with_variant({expression}, {database!r})"


def varied(_name: str, expression: str, database: str) -> tuple[str, str]:
    """Return a type that is text on another database."""
    other = "mysql" if database != "mariadb" else "postgresql"
    return "", f"{expression.rstrip()}.with_variant(sa.Text(), {other!r})"


def array(_name: str, expression: str, _database: str) -> tuple[str, str]:
    """Return an array of a type."""
    return "", f"sa.ARRAY({expression})"


FORMS: dict[str, Callable[[str, str, str], tuple[str, str]]] = {
    "plain": plain,
    "own": own,
    "variant": variant,
    "varied": varied,
    "array": array,
}


def test_every_type_is_in_the_gallery() -> None:
    """SQLAlchemy exports a new type, and somebody has to say how columns have it."""
    every = set(exported())
    assert ABSTRACT.keys() <= every
    known = [expressions(database) for database in DATABASES]
    assert every - ABSTRACT.keys() <= {name for some in known for name in some}
    assert all(made(text) for some in known for text in some.values())


def models_of(types: dict[str, str], database: str) -> str:
    """Return a module with a table for each form that types can have."""
    before, tables = "", ""
    for form, write in FORMS.items():
        if form == "array" and database != "postgresql":
            continue
        columns = ""
        for number, (name, expression) in enumerate(types.items()):
            if form == "array" and (".ARRAY" in name or "DOMAIN" in name):
                continue
            column = f"{form}_{number}"
            text = expression.replace("{name}", f"type_{column}")
            first, type_ = write(column, text, database)
            before += first
            columns += f"    {column} = sa.Column({type_})  # {name}\n"
        tables += TABLE.format(class_name=form.title(), table=form) + columns + "\n\n"
    return HEADER + before + tables


@pytest.fixture
def prepared(project: Environment, database_url: str) -> Environment:
    """Give a project at its head, with a database that has all types it can have."""
    shop = project.using(database_url)
    for statement in PREPARED.get(database_url.partition("+")[0], ()):
        sql(database_url, statement)
    shop.alembic("upgrade", "head")
    return shop


def created(project: Environment, url: str) -> list[str]:
    """Return what `create_all` makes in an empty database."""
    with project.migrations() as migrations:
        migrations.project.import_models()
        metadata: MetaData = importlib.import_module("friend_book.db").Model.metadata
        metadata.create_all(create_engine(url, poolclass=NullPool))
    return snapshot(url)


def test_each_type_settles(
    prepared: Environment, database_url: str, tmp_path: Path
) -> None:
    """I use each type my database has, and get what create_all makes of it."""
    database = kind_of(database_url)
    types = {
        name: text.replace("{name}", f"probe_{number}")
        for number, (name, text) in enumerate(expressions(database).items())
    }
    known = known_by(database_url, types)
    written = {name: expressions(database)[name] for name in known}
    path = prepared.package / "things.py"
    path.write_text(models_of(written, database))
    with prepared.migrations() as migrations:
        before = snapshot(database_url)
        assert migrations.revision("every type")
        migrations.upgrade()
        assert str(migrations.differences() or "") == ""
        assert migrations.revision("nothing") is None
        after = snapshot(database_url)
        migrations.downgrade("-1")
        assert snapshot(database_url) == before
        migrations.upgrade()
        assert snapshot(database_url) == after
    with empty_database(database, tmp_path) as url:
        for statement in PREPARED.get(database, ()):
            sql(url, statement)
        assert after == created(prepared, url)
    with empty_database(database, tmp_path) as url:
        for statement in PREPARED.get(database, ()):
            sql(url, statement)
        ran(url, scripted(prepared, "upgrade", "head"))
        assert snapshot(url) == after
