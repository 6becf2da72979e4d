"""The recipes of the generated README, each followed as it is written."""

import json

import pytest
import readme
from rendering import TEMPLATE, Project, render
from scripts import tables
from serving import answer, serving

CHOICES = json.loads((TEMPLATE / "cookiecutter.json").read_text())


@pytest.mark.parametrize("databases", CHOICES["databases"])
def test_add_a_page(databases: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """I add a page: it is served, looks like the others, and everything stays clean."""
    shop = render(tmp_path_factory.mktemp("page"), databases=databases)
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


@pytest.mark.parametrize("databases", CHOICES["databases"])
def test_start_with_your_own_tables(
    databases: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """I replace the friends: nothing is asked, and nothing of them is left."""
    shop = render(tmp_path_factory.mktemp("own"), databases=databases)
    shop.alembic("upgrade", "head")
    shop.run("flask", "seed")
    follow(shop, "Start with your own tables.")
    (first,) = shop.revisions()
    assert "product" in first.read_text()
    assert "friend" not in first.read_text()
    assert tables(sqlite_of(shop)) == {"alembic_version", "product"}
    if databases == "one":
        checks(shop)
    else:
        shop.run("python", "-m", "pytest", "-q", "tests/test_migrations.py")


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
    project.run("mypy", "--cache-dir", "/dev/null")
    project.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider")
