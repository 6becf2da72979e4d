"""Two branches each add a revision: git finds it, and one command joins them."""

import re

import pytest
from drafts import alembic, define_thing, refusal, sql
from rendering import SOMEBODY, Project

LOCK = "migrations/versions/history.lock"


def git(project: Project, *arguments: str, status: int = 0) -> str:
    """Run git in the project, as somebody, and return what it prints."""
    return project.run("git", *SOMEBODY, *arguments, status=status).stdout


def commit_revision(project: Project, name: str, model: str) -> None:
    """Add a revision on a branch of its own, made from where we are."""
    git(project, "checkout", "-q", "-b", name, "main")
    path = project.package / f"{name}.py"
    path.write_text(model.replace("Thing", name.title()).replace("thing", name))
    alembic(project, f"revision --autogenerate -m {name} --rev-id {name}")
    git(project, "add", ".")
    git(project, "commit", "-qm", name)


@pytest.fixture
def merged(project: Project) -> Project:
    """Give a project in which two branches, each with a revision, were merged."""
    shop = project.using(f"sqlite:///{project.path / 'here.db'}")
    git(shop, "init", "-q", "-b", "main")
    git(shop, "add", ".")
    git(shop, "commit", "-qm", "start")
    shop.alembic("upgrade", "head")
    define_thing(shop, "name = sa.Text")
    model = (shop.package / "things.py").read_text()
    (shop.package / "things.py").unlink()
    commit_revision(shop, "apple", model)
    commit_revision(shop, "pear", model)
    conflict = git(shop, "merge", "-m", "both", "apple", status=1)
    assert re.findall("CONFLICT .* in (.*)", conflict) == [f"{shop.name}/{LOCK}"]
    return shop


def test_the_projects_tests_find_two_heads(merged: Project) -> None:
    """My tests fail, name both heads, and the command they give me joins them."""
    tests = "pytest", "-q", "tests/test_migrations.py"
    failed = merged.run(*tests, "-k", "one_head", status=1).stdout
    assert "apple and pear" in failed or "pear and apple" in failed
    assert "flask db rebase" in failed
    merged.alembic("merge", "-m", "join two branches", "apple", "pear")
    merged.run(*tests, "-k", "one_head")
    alembic(merged, "upgrade head", "check")
    merged.run(*tests)


def test_an_upgrade_says_how_to_join_them(merged: Project) -> None:
    """`upgrade head` changes nothing, and says what to type in two lines."""
    said = refusal(merged, "upgrade", "head")
    assert "Two branches each added a revision: " in said
    assert "apple" in said
    assert "pear" in said
    assert "Traceback" not in said
    command = said.partition("join them: alembic ")[2].splitlines()[0]
    alembic(merged, command, "upgrade head", "check")
    url = merged.environment[merged.url_variable]
    assert sql(url, "SELECT * FROM apple UNION SELECT * FROM pear") == []
