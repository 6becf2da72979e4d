"""The recipes of the generated README, each followed as it is written."""

import json

import pytest
import readme
from rendering import TEMPLATE, Project, render
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


def checks(project: Project) -> None:
    """Run the linter, the types and the tests of a project."""
    project.run("ruff", "check", "--no-cache", ".")
    project.run("ruff", "format", "--no-cache", "--check", ".")
    project.run("mypy", "--cache-dir", "/dev/null")
    project.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider")
