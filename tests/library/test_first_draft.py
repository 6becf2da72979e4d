"""`migrations.first_revision()`: a draft that was tried where nothing can be lost."""

from pathlib import Path

import pytest
from alembic.util import CommandError
from environment import Environment, make


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
