"""A revision is written for changes, or when nobody asked for any."""

from pathlib import Path

from environment import Environment


def _migrated(project: Environment, url: str) -> Environment:
    shop = project.using(url)
    shop.alembic("upgrade", "head")
    return shop


def test_no_change_writes_no_file(project: Environment, database_url: str) -> None:
    """I draft a revision and nothing changed: no file, one line, all is well."""
    shop = _migrated(project, database_url)
    before = shop.revisions()
    done = shop.alembic("revision", "--autogenerate", "-m", "nothing")
    assert shop.revisions() == before
    assert done.stdout.startswith("No changes: ")
    assert len(done.stdout.splitlines()) == 1


def test_no_change_from_python(project: Environment, database_url: str) -> None:
    """I draft from Python and nothing changed: there is no file and no script."""
    shop = _migrated(project, database_url)
    before = shop.revisions()
    code = (
        "from alembic import command; from friend_book.migrations import migrations;"
        "assert not command.revision(migrations.config(), autogenerate=True)"
    )
    shop.run("python", "-c", code)
    assert shop.revisions() == before


def test_a_revision_by_hand_may_be_empty(project: Environment, tmp_path: Path) -> None:
    """I start a revision that I write myself."""
    shop = _migrated(project, f"sqlite:///{tmp_path}/main.db")
    shop.alembic("revision", "-m", "by hand")
    assert [path for path in shop.revisions() if "by_hand" in path.name]


def test_check_agrees_when_nothing_changed(
    project: Environment, database_url: str
) -> None:
    """I check a database that is as the models say, and nothing breaks."""
    _migrated(project, database_url).alembic("check")
