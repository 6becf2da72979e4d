"""The questions, and what else is said, on a real terminal."""

import sys

import pytest
from drafting import change
from rendering import Project

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals on Windows", allow_module_level=True)

from pseudo_terminal import type_into

NAME = "    name: Mapped[str] = mapped_column(String(100))\n"
DRAFT = ("alembic", "revision", "--autogenerate", "-m", "change")
WAS_IT = "Was friend.name renamed to friend.full_name? [y/N] "
CTRL_C, CTRL_D = "\x03", "\x04"


@pytest.fixture
def shop(project: Project) -> Project:
    """Give a migrated project."""
    shop = project.using(f"sqlite:///{project.path}/main.db")
    shop.alembic("upgrade", "head")
    return shop


def _rename(shop: Project, *new: str) -> None:
    change(shop, (NAME, "".join(NAME.replace("name", name) for name in new)))


def _script(shop: Project) -> str:
    (script,) = (path for path in shop.revisions() if "_change" in path.name)
    return script.read_text()


def test_yes_renames(shop: Project) -> None:
    """I am asked whether I renamed a column, and say yes."""
    _rename(shop, "full_name")
    status, _ = type_into(shop, DRAFT, (WAS_IT, "y\n"))
    assert status == 0
    assert 'new_column_name="full_name"' in _script(shop)


def test_enter_drops(shop: Project) -> None:
    """I press Enter, which is no, and am asked what the old rows get."""
    _rename(shop, "full_name")
    value = "Value of friend.full_name (VARCHAR(100), '' for empty text)"
    status, screen = type_into(
        shop, DRAFT, (WAS_IT, "\n"), (value, "\n"), (value, "nobody\n")
    )
    assert status == 0
    assert "full_name needs a value; empty text is ''." in screen
    assert "# DELETES: column friend.name" in _script(shop)
    assert 'server_default="nobody"' in _script(shop)


def test_a_typing_mistake_drops_nothing(shop: Project) -> None:
    """I mistype yes, am asked again, and the column is not deleted."""
    _rename(shop, "full_name")
    status, screen = type_into(shop, DRAFT, (WAS_IT, "yse\n"), (WAS_IT, "yes\n"))
    assert status == 0
    assert "'yse' is neither y nor n." in screen
    assert 'new_column_name="full_name"' in _script(shop)


def test_one_of_several(shop: Project) -> None:
    """I choose one of two new columns by its number, after a wrong one."""
    _rename(shop, "alias", "full_name")
    status, screen = type_into(
        shop,
        DRAFT,
        ("Number: ", "7\n"),
        ("Number: ", "2\n"),
        ("Value of friend.alias", "''\n"),
    )
    assert status == 0
    assert "'7' is none of the numbers." in screen
    assert "  0) none of them: delete it\n  1) alias\n  2) full_name\n" in screen
    assert 'new_column_name="full_name"' in _script(shop)


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D], ids=["Ctrl-C", "Ctrl-D"])
def test_i_leave_at_a_question(shop: Project, key: str) -> None:
    """I leave at a question: nothing is written, and there is no traceback."""
    _rename(shop, "full_name")
    before = shop.revisions()
    status, screen = type_into(shop, DRAFT, (WAS_IT, key))
    assert status != 0
    assert "Stopped at a question; nothing is written." in screen
    assert "Traceback" not in screen
    assert shop.revisions() == before


def test_an_answer_given_is_not_asked_again(shop: Project) -> None:
    """I answer on the command line, and no question comes."""
    _rename(shop, "full_name")
    command = ("alembic", "-x", "rename=friend.name:full_name", *DRAFT[1:])
    status, screen = type_into(shop, command)
    assert status == 0
    assert "?" not in screen


def test_flask_db_asks_too(shop: Project) -> None:
    """I draft with flask db, and it asks the same."""
    _rename(shop, "full_name")
    command = ("flask", "db", "migrate", "-m", "change")
    status, _ = type_into(shop, command, (WAS_IT, "y\n"))
    assert status == 0
    assert 'new_column_name="full_name"' in _script(shop)


@pytest.mark.parametrize("program", ["alembic", "flask db"])
def test_lines_stay_lines(shop: Project, program: str) -> None:
    """I check in a terminal, where Alembic fills paragraphs: one difference a line."""
    change(shop, (NAME, NAME + NAME.replace("name", "alias")))
    status, screen = type_into(shop, (*program.split(), "check"))
    assert status == 255
    assert "the database:\n  friend.alias: column added\n" in screen
