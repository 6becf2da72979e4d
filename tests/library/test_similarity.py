"""Which tables are asked about as renamed."""

import os

import pytest
from alembic.util import CommandError
from alembic_lossless import OpenQuestions
from drafting import change
from drafts import newest
from environment import LIBRARY, Environment
from pseudo_terminal import type_into
from scripts import empty

IMPORTS = '''"""The tables."""

from sqlalchemy import Column, Date, ForeignKey, Integer, String, Table

from .db import Model
'''
TABLE = """
Table("{}", Model.metadata, {})
"""
ID = "Column('id', Integer, primary_key=True), "
NAME = "Column('name', String(100))"
CITY_ID = "Column('city_id', ForeignKey('cities.id'))"


def questions(shop: Environment) -> dict[str, tuple[str, ...]]:
    """Draft a revision that is refused, and return what each old name may be now."""
    with shop.migrations() as migrations:
        migrations.upgrade()
        with pytest.raises(CommandError) as refused:
            migrations.revision("other tables")
    found = refused.value
    if isinstance(found, OpenQuestions):
        return {question.subject: question.candidates for question in found.questions}
    assert "all its tables were replaced" in str(found)
    assert "A table that was renamed keeps its rows when you say so:" in str(found)
    return {}


def replace_models(shop: Environment, **tables: str) -> None:
    """Write models that have these tables, and no other."""
    texts = (TABLE.format(name, columns) for name, columns in tables.items())
    (shop.package / "models.py").write_text(IMPORTS + "".join(texts))


@pytest.mark.parametrize(
    "tables",
    [
        {"author": ID + NAME, "book": f"{ID}{NAME}, Column('born', Date)"},
        {"product": f"{ID}{NAME}, Column('price', Integer)", "tag": ID + NAME},
        {
            "product": ID + NAME,
            "shelf": ID + NAME,
            "product_shelf": "Column('product_id', ForeignKey('product.id'),"
            " primary_key=True), Column('shelf_id', ForeignKey('shelf.id'),"
            " primary_key=True)",
        },
        {"note": f"{ID}Column('text', String(500))"},
    ],
    ids="-".join,
)
def test_my_own_tables_are_no_renamed_examples(
    project: Environment, tables: dict[str, str]
) -> None:
    """I replace the example's tables by mine, which have an id and a name, too."""
    replace_models(project, **tables)
    assert questions(project) == {}


def test_all_tables_are_renamed(project: Environment) -> None:
    """I write every table in the plural, and each is asked about."""
    replace_models(
        project,
        cities=ID + NAME,
        friends=f"{ID}{NAME}, {CITY_ID}",
        hobbies=ID + NAME,
    )
    assert questions(project) == {
        "city": ("cities",),
        "friend": ("friends",),
        "hobby": ("hobbies",),
    }


def test_most_columns_are_the_same(project: Environment) -> None:
    """I call a table something else, and it has what no other table had."""
    replace_models(project, cities=ID + NAME, person=f"{ID}{NAME}, {CITY_ID}")
    assert questions(project)["friend"] == ("person",)


def test_a_reference_that_moved(project: Environment) -> None:
    """I rename a table and add columns; what is left refers to the new name."""
    back = '    friends: Mapped[list["Friend"]] = relationship(back_populates="city")'
    more = "    {}: Mapped[str | None] = mapped_column(String(9))\n"
    added = "".join(more.format(name) for name in ("country", "mayor", "river"))
    change(
        project,
        ('__tablename__ = "city"', '__tablename__ = "town"'),
        ('"city.id"', '"town.id"'),
        (back, f"{added}\n{back}"),
    )
    assert questions(project) == {"city": ("town",)}


def test_a_new_name_is_given_once(project: Environment) -> None:
    """I say at a terminal what a table became: no other is asked about that name."""
    shop = empty(project.using(f"sqlite:///{project.path}/main.db"))
    replace_models(shop, boy=ID + NAME, girl=ID + NAME, pet=ID + NAME)
    shop.commands("revision --autogenerate -m first", "upgrade head")
    replace_models(shop, child=ID + NAME, pet=ID + NAME)
    shop.environment["PYTHONPATH"] = f"{shop.path}{os.pathsep}{LIBRARY}"
    draft = ("alembic", "revision", "--autogenerate", "-m", "change")
    asked = ("Was table boy renamed to child? [y/N] ", "y\n")
    status, screen = type_into(shop, draft, asked)
    assert (status, screen.count("?")) == (0, 1), screen
    script = newest(shop, "change")
    assert 'op.rename_table("boy", "child")' in script
    assert 'op.drop_table("girl")' in script
