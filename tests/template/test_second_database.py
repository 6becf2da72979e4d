"""A project gets another database later, and keeps its history."""

from pathlib import Path

import pytest
import readme
from combinations import CHOICES
from database_pairs import two_databases, using_both
from drafts import alembic
from rendering import Project, generated, knowing_types
from scripts import ask, tables, versions

THREE = ("main", "auth", "notes")
MODEL = '''"""{name}."""

from sqlalchemy.orm import Mapped, mapped_column

from .db import {base}


class {name}({base}):
    """A row in a database that came later."""

    __tablename__ = "{table}"

    id: Mapped[int] = mapped_column(primary_key=True)
'''


def define(project: Project, base: str, table: str) -> None:
    """Add a module with a model of the new database."""
    text = MODEL.format(base=base, name=table.title(), table=table)
    (project.package / f"{table}.py").write_text(text)


def history(project: Project) -> dict[str, bytes]:
    """Return the revision files and their contents."""
    return {path.name: path.read_bytes() for path in project.revisions()}


@pytest.mark.parametrize("kinds", ["sqlite-postgresql", "mariadb-sqlite"])
def test_a_second_database_comes_later(
    project: Project, tmp_path: Path, kinds: str
) -> None:
    """I follow the recipe in my README: no row and no revision of mine is touched."""
    with two_databases(kinds, tmp_path) as urls:
        shop = using_both(project, urls)
        city = "    city: Mapped[City"
        more = "    address: Mapped[str | None] = mapped_column(String(50))\n"
        shop.edit("models.py", city, more + city)
        alembic(shop, "upgrade head", "revision --autogenerate -m x", "upgrade head")
        ask(urls[0], "INSERT INTO friend (id, name, address) VALUES (1, 'Ada', 'here')")
        before = history(shop)

        several, revision = readme.recipe(shop.path, "A second database.")
        shop.run("bash", "-ec", several.text)
        define(shop, "AuthModel", "account")
        shop.run("bash", "-ec", revision.text)

        assert before.items() < history(shop).items()
        assert ask(urls[0], "SELECT name, address FROM friend") == [("Ada", "here")]
        assert tables(urls[1]) == {"account", "alembic_version"}
        assert versions(urls[0]) == versions(urls[1])
        said = alembic(shop, "check", "downgrade base", "upgrade head", "check")
        assert said.count("Running downgrade") == 2 * len(history(shop))
        assert tables(urls[1]) == {"account", "alembic_version"}
        shop.run("python", "-m", "pytest", "-q", "tests/test_migrations.py")


@pytest.mark.long
@pytest.mark.parametrize("layer", CHOICES["database_layer"])
def test_a_third_database_comes_later(layer: str, tmp_path: Path) -> None:
    """I follow the recipe in my README, and have three databases with one history."""
    shop = generated(tmp_path, databases="several", database_layer=layer)
    alembic(shop, "upgrade head")
    before = history(shop)

    *edits, upgrade = readme.recipe(shop.path, "A third database.")
    for edit in edits:
        readme.apply_edit(edit.text, shop.path)
    shop.run("bash", "-ec", upgrade.text)
    define(shop, "NotesModel", "note")
    alembic(shop, "revision --autogenerate -m notes", "upgrade head", "check")

    assert before.items() < history(shop).items()
    files = {name: f"sqlite:///{tmp_path / shop.name / name}.db" for name in THREE}
    found = {
        name: tables(url) & {"friend", "user", "note"} for name, url in files.items()
    }
    assert found == {"main": {"friend"}, "auth": {"user"}, "notes": {"note"}}
    assert len({str(versions(url)) for url in files.values()}) == 1
    alembic(shop, "downgrade base", "upgrade head", "check")
    _names_two_that_are_one(shop, files["auth"])
    knowing_types(shop).run("mypy")
    shop.run("python", "-m", "pytest", "-q")


def _names_two_that_are_one(shop: Project, url: str) -> None:
    variables = [f"FRIEND_BOOK_{name}_DATABASE_URL" for name in ("AUTH", "NOTES")]
    mixed_up = Project(shop.path, {**shop.environment, **dict.fromkeys(variables, url)})
    said = mixed_up.alembic("current", status=255).stdout
    assert "FAILED: auth and notes are one database" in said
