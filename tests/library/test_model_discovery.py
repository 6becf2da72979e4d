"""Models are found wherever in the package they are."""

from pathlib import Path

import pytest
from drafts import MODULE, alembic, refusal
from environment import Environment

THING = MODULE.format(before="", columns="    name = sa.Column(sa.Text)")


@pytest.fixture
def shop(project: Environment) -> Environment:
    """Give a project with a migrated database."""
    shop = project.using(f"sqlite:///{project.path / 'here.db'}")
    shop.alembic("upgrade", "head")
    return shop


def write(path: Path, text: str) -> None:
    """Write a file in a folder that may be new."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize("is_package", [True, False])
def test_a_model_in_a_folder_is_found(shop: Environment, *, is_package: bool) -> None:
    """I add blog/models.py, with or without blog/__init__.py, and import it nowhere."""
    write(shop.package / "blog" / "models.py", THING.replace("from .db", "from ..db"))
    if is_package:
        write(shop.package / "blog" / "__init__.py", "")
    shop.alembic("revision", "--autogenerate", "-m", "blog")
    assert 'create_table(\n        "thing"' in shop.revisions()[-1].read_text()


def test_models_become_a_package(shop: Environment) -> None:
    """I replace models.py by models/people.py and nothing is dropped."""
    text = (shop.package / "models.py").read_text().replace("from .db", "from ..db")
    (shop.package / "models.py").unlink()
    write(shop.package / "models" / "people.py", text)
    names = "City, Friend, Hobby, friend_hobby"
    imports = f"from .people import {names}\n\n__all__ = {names.split(', ')}\n"
    write(shop.package / "models" / "__init__.py", imports)
    alembic(shop, "check")
    write(shop.package / "models" / "extra.py", THING.replace("from .db", "from ..db"))
    assert "thing" in shop.alembic("check", status=None).stdout


def test_modules_that_do_things_are_left_alone(shop: Environment) -> None:
    """What runs when it is imported does not run with my migrations."""
    for name in ("wsgi", "asgi", "__main__"):
        write(shop.package / f"{name}.py", f"raise SystemExit('{name} was imported')\n")
    write(shop.package / "templates" / "not a module.py", "raise SystemExit(1)\n")
    alembic(shop, "check")


def test_a_module_that_cannot_be_imported_is_named(shop: Environment) -> None:
    """A model is not forgotten because its module fails: I am told which, and why."""
    write(shop.package / "blog.py", "import markdown_that_is_missing\n")
    said = refusal(shop, "revision", "--autogenerate", "-m", "blog")
    assert f"{shop.name}.blog cannot be imported, so its tables are unknown:" in said
    assert "ModuleNotFoundError: No module named 'markdown_that_is_missing'" in said
    assert "Traceback" not in said


FORGOTTEN = THING.replace("from .db import Model", "from .other import Model")
OTHER_BASE = """
from sqlalchemy.orm import DeclarativeBase


class Model(DeclarativeBase):
    pass
"""
PLAIN = """
import sqlalchemy as sa

parts = sa.MetaData()
sa.Table("thing", parts, sa.Column("id", sa.Integer, primary_key=True))
"""


@pytest.mark.parametrize("name", ["other.Model", "things.parts"])
def test_a_forgotten_base_is_named(shop: Environment, name: str) -> None:
    """I make a second base and forget to list it: a draft and `check` say so, once."""
    write(shop.package / "other.py", OTHER_BASE if "Model" in name else "")
    write(shop.package / "things.py", FORGOTTEN if "Model" in name else PLAIN)
    for command in (["check"], ["revision", "--autogenerate", "-m", "none"]):
        said = shop.alembic(*command).stderr
        line = f"friend_book.{name} declares thing in a metadata that no database has"
        assert said.count("no database has") == said.count(line) == 1


def test_a_listed_base_is_not_named(shop: Environment) -> None:
    """I list it, and nobody says that I forgot it."""
    write(shop.package / "other.py", OTHER_BASE)
    write(shop.package / "things.py", FORGOTTEN)
    text = (shop.package / "db.py").read_text()
    listed = text.replace("Model.metadata}", "[Model.metadata, Other.metadata]}")
    first, rest = listed.split("from sqlalchemy import", 1)
    imports = "from .other import Model as Other\n\nfrom sqlalchemy import"
    write(shop.package / "db.py", f"{first}{imports}{rest}")
    done = shop.alembic("check", status=None)
    assert "thing: table added" in done.stdout
    assert "no database has" not in done.stderr
