"""An app lives with what differed before: no draft has it, and each check names it."""

import pytest
from drafts import alembic, define_thing, draft, refusal
from environment import Environment

FILE = "migrations/accepted_differences.txt"
REVISION = ("revision", "--autogenerate", "-m")


@pytest.fixture
def shop(project: Environment, database_url: str) -> Environment:
    """Give a project whose database differs by a key, an index and a length."""
    shop = project.using(database_url)
    define_thing(shop, "code = sa.String(9), nullable=False", "name = sa.String(20)")
    draft(shop, "thing")
    path = shop.package / "things.py"
    text = path.read_text().replace("nullable=False", "primary_key=True")
    path.write_text(text.replace("String(20)", "String(40), index=True"))
    return shop


def test_a_difference_is_left_as_it_is(shop: Environment) -> None:
    """I say once what stays: later drafts and checks leave it, and name it."""
    said = refusal(shop, *REVISION, "key")
    assert "-x leave=thing.primary_key" in said
    said = refusal(
        shop, "-x", "leave=thing.primary_key", "-x", "leave=thing.nam", *REVISION, "a"
    )
    assert "leave=thing.nam answers no question. Possible:" in said
    assert "leave=thing.ix_thing_name" in said
    assert not (shop.package / FILE).exists()
    script = draft(shop, "index", "leave=thing.primary_key", "leave=thing.name")
    assert "create_index" in script
    assert "String(length=40)" not in script
    lines = (shop.package / FILE).read_text().splitlines()
    assert lines[1:] == ["thing.primary_key", "thing.name"]
    line = "left as it is (accepted_differences.txt): thing.name, thing.primary_key."
    assert line in alembic(shop, "check")
    define_thing(
        shop, "code = sa.String(9), nullable=False", "name = sa.String(20), index=True"
    )
    said = alembic(shop, "check")
    assert "thing.primary_key is no difference any more. Take the line out." in said


@pytest.mark.parametrize("answer", ["leave=", "leave=thing.name:later"])
def test_an_answer_that_cannot_be_read(project: Environment, answer: str) -> None:
    """I mistype what stays, and read how it is written."""
    alembic(project, "upgrade head")
    said = refusal(project, "-x", answer, *REVISION, "no")
    assert f"{answer}: write leave=TABLE.WHAT, and nothing after it." in said
