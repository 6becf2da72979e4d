"""What the log of a draft says of each object is plain English."""

import re

import pytest
from drafts import alembic, define_thing
from environment import Environment

OBJECTS = """
    __table_args__ = (
        sa.CheckConstraint("age > {0}", name="old"),
    )
"""


def define(project: Environment, number: int | None) -> None:
    """Write the model `Thing`, perhaps with objects that hold a number."""
    define_thing(project, "age = sa.Integer")
    path = project.package / "things.py"
    if number is not None:
        path.write_text(path.read_text() + OBJECTS.format(number))


def test_each_object_is_named_as_a_person_would(
    project: Environment, database_url: str
) -> None:
    """I add, change and take away a CHECK, and read it in the log."""
    shop = project.using(database_url)
    define(shop, None)
    alembic(shop, "upgrade head", "revision --autogenerate -m zero", "upgrade head")
    for number, word in ((1, "added"), (2, "changed"), (None, "removed")):
        define(shop, number)
        said = alembic(shop, f"revision --autogenerate -m {word}", "upgrade head")
        detected = [it for it in said.splitlines() if "Detected" in it and word in it]
        assert any(
            "check constraint 'ck_thing_old' on 'thing'" in it for it in detected
        ), said
        ours = [it for it in detected if "[alembic.review]" in it]
        assert not [it for it in ours if re.search(r"\(\'|\[\'", it)], ours


@pytest.mark.parametrize(
    ("command", "times"),
    [("upgrade head", 1), ("current", 0), ("check", 0), ("revision --autogenerate", 0)],
)
def test_alembic_names_a_database_once_and_where_it_changes_it(
    project: Environment, command: str, times: int
) -> None:
    """A command reads the history and compares: only one that migrates tells me so."""
    if not times:
        alembic(project, "upgrade head")
    define(project, 1 if "revision" in command else None)
    if command == "check":
        (project.package / "things.py").unlink()
    said = project.alembic(*command.split()).stderr
    assert said.count("Context impl") == times, said


def test_an_answer_where_nothing_is_asked(project: Environment) -> None:
    """I answer a draft that has no question, and am told that there is none."""
    alembic(project, "upgrade head")
    command = ("-x", "fill=friend.age:1", "revision", "--autogenerate", "-m", "x")
    done = project.alembic(*command, status=255)
    assert "fill=friend.age:1 answers no question. This draft asks none." in done.stdout
