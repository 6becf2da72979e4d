"""The recipes of the generated README, each followed as it is written."""

from pathlib import Path

import pytest
import readme
from combinations import CHOICES
from drafts import define_thing
from rendering import Project, generated, knowing_types
from scripts import ask, tables, versions
from servers import ON_POSTGRESQL
from serving import answer, serving
from sqlalchemy.exc import DBAPIError


@pytest.mark.long
@pytest.mark.parametrize("databases", CHOICES["databases"])
def test_add_a_page(databases: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """I add a page: it is served, looks like the others, and everything stays clean."""
    shop = generated(tmp_path_factory.mktemp("page"), databases=databases)
    shop.alembic("upgrade", "head")
    blocks = readme.recipe(shop.path, "Add a page.")
    for block in blocks:
        readme.apply_edit(block.text, shop.path)
    assert len(blocks) == 4
    with serving(shop) as url:
        status, page = answer(f"{url}/about")
    assert status == 200
    assert "<title>About: Friend Book</title>" in page
    assert "style.css" in page
    checks(shop)


@pytest.mark.long
@pytest.mark.parametrize("databases", CHOICES["databases"])
def test_start_with_your_own_tables(
    databases: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """I replace the friends: nothing is asked, and nothing of them is left."""
    shop = generated(tmp_path_factory.mktemp("own"), databases=databases)
    shop.alembic("upgrade", "head")
    shop.run("flask", "seed")
    follow(shop, "Start with your own tables.")
    (first,) = shop.revisions()
    assert "product" in first.read_text()
    assert "friend" not in first.read_text()
    assert "marshmallow" not in (shop.path / "pyproject.toml").read_text()
    assert tables(sqlite_of(shop)) == {"alembic_version", "product"}
    if databases == "one":
        checks(shop)
    else:
        shop.run("python", "-m", "pytest", "-q", "tests/test_migrations.py")


@pytest.mark.parametrize("layer", CHOICES["database_layer"])
def test_several_metadatas(
    layer: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """I add a second declarative base, and its table is drafted with the others."""
    shop = generated(tmp_path_factory.mktemp("bases"), database_layer=layer)
    shop.alembic("upgrade", "head")
    follow(shop, "Several metadatas.")
    shop.commands("revision --autogenerate -m parts", "upgrade head", "check")
    assert tables(sqlite_of(shop)) >= {"friend", "part"}
    if layer == CHOICES["database_layer"][0]:
        knowing_types(shop).run("mypy")
        shop.run("python", "-m", "pytest", "-q", "tests/test_migrations.py")


STOCK = '''

class Stock(Model):
    """What the warehouse has, and migrates."""

    __tablename__ = "stock"

    id: Mapped[int] = mapped_column(primary_key=True)
'''


@pytest.mark.parametrize("databases", CHOICES["databases"])
def test_leave_a_table_alone(
    databases: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A model of mine reads a table of somebody else's: no revision is about it."""
    shop = generated(tmp_path_factory.mktemp("others"), databases=databases)
    models = shop.package / "models.py"
    models.write_text(models.read_text() + STOCK)
    shop.alembic("upgrade", "head")
    for table in ("stock", "jobs"):
        ask(sqlite_of(shop), f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, more INT)")
    assert "stock.id" in shop.alembic("check", status=255).stdout
    follow(shop, "Leave a table alone.")
    said = shop.alembic("check").stderr
    assert "stock" not in said
    assert "table jobs. To drop it: -x drop=jobs" in said
    shop.run("python", "-m", "pytest", "-q", "tests/test_migrations.py")
    shop.run("ruff", "format", "--no-cache", "--check", ".")
    shop.run("ruff", "check", "--no-cache", ".")


CREATE_ALL = """
from friend_book import create_app
from friend_book.db import engines
from friend_book.engines import metadatas
app = create_app()
with app.app_context():
    metadatas["default"].create_all(engines()["default"])
"""


def test_tables_and_no_history(project: Project, database_url: str) -> None:
    """So far `create_all()` made my tables; the history begins, and no row is lost."""
    shop = project.using(database_url)
    shop.run("python", "-c", CREATE_ALL)
    ask(database_url, "INSERT INTO city (id, name) VALUES (1, 'Oslo')")
    said = shop.run("flask", "db", "upgrade", status=255).stdout
    assert "If they match the models: flask db stamp head" in said
    follow(shop, "A database that has tables and no history.")
    shop.edit(
        "models.py",
        "name: Mapped[str] = mapped_column(String(100))\n    city",
        """\
name: Mapped[str] = mapped_column(String(100))
    nick: Mapped[str | None] = mapped_column(String(9))
    city""",
    )
    shop.commands("revision --autogenerate -m nicks", "upgrade head", "check")
    assert ask(database_url, "SELECT name FROM city") == [("Oslo",)]


def test_rows_in_a_test(project: Project) -> None:
    """I test what becomes of rows between two revisions."""
    follow(project, "Test a revision with rows.")
    project.run("python", "-m", "pytest", "-q", "tests/test_cities.py")
    knowing_types(project).run("mypy")


def test_squash(project: Project, database_url: str) -> None:
    """I make one revision of two, and old and new databases are up to date."""
    shop = project.using(database_url)
    define_thing(shop, "name = sa.String(9)")
    shop.commands("upgrade head", "revision --autogenerate -m things", "upgrade head")
    ask(database_url, "INSERT INTO thing (id, name) VALUES (1, 'old')")
    before = versions(database_url)
    follow(shop, "Squash.")
    (only,) = shop.revisions()
    assert before[0] in only.name
    shop.commands("upgrade head", "check")
    assert ask(database_url, "SELECT name FROM thing") == [("old",)]
    shop.commands("downgrade base", "upgrade head", "check")


@ON_POSTGRESQL
def test_deploy_in_two_phases(database_url: str, tmp_path: Path) -> None:
    """I drop a column while the old version runs, and run it when that is gone."""
    shop = generated(tmp_path, database="postgresql").using(database_url)
    shop.alembic("upgrade", "head")
    edit, before, after = readme.recipe(shop.path, "Deploy in two phases.")
    readme.apply_edit(edit.text, shop.path)
    name = "    name: Mapped[str] = mapped_column(String(100))\n"
    shop.edit("models.py", f"{name}    city_id", "    city_id")
    shop.run("flask", "db", "migrate", "-m", "friends have no name")
    said = typed(shop, before)
    assert "wait until the new version of the app is deployed everywhere" in said
    ask(database_url, "INSERT INTO friend (name) VALUES ('old'), (NULL)")
    typed(shop, after)
    shop.alembic("check")
    with pytest.raises(DBAPIError):
        ask(database_url, "SELECT name FROM friend")


def typed(shop: Project, block: readme.Block) -> str:
    """Type the program's own command, which no wheel installed here, and say it all."""
    program = shop.name.replace("_", "-")
    command = block.text.replace(program, f"python -m {shop.name}", 1)
    return shop.run("sh", "-ec", command).stdout


def follow(shop: Project, title: str) -> None:
    """Type the commands of a recipe and make its edits, in their order."""
    for block in readme.recipe(shop.path, title):
        if block.language == "diff":
            readme.apply_edit(block.text, shop.path)
        elif block.language == "sh":
            shop.run("sh", "-ec", block.text)


def sqlite_of(shop: Project) -> str:
    """Return the URL of the database that a project uses where no variable is set."""
    return f"sqlite:///{shop.path.parent / shop.name / 'main.db'}"


def checks(project: Project) -> None:
    """Run the linter, the types and the tests of a project."""
    project.run("ruff", "check", "--no-cache", ".")
    project.run("ruff", "format", "--no-cache", "--check", ".")
    knowing_types(project).run("mypy")
    project.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider")
