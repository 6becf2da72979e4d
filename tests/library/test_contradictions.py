"""A column that must not be NULL, with a foreign key that makes it NULL."""

import pytest
from drafts import define_thing, draft, refusal
from environment import Environment

CITY = "city = sa.Integer, sa.ForeignKey('city.id'{})"
SET_NULL = ", ondelete='SET NULL'"


@pytest.mark.parametrize(
    "before",
    [None, (), (CITY.format(SET_NULL),), (f"{CITY.format('')}, nullable=False",)],
    ids=["new-table", "new-column", "not-null", "ondelete"],
)
def test_a_contradiction_is_refused(
    project: Environment, database_url: str, before: tuple[str, ...] | None
) -> None:
    """I want NOT NULL and SET NULL: I am told so where the model is, not by MariaDB."""
    shop = project.using(database_url)
    shop.alembic("upgrade", "head")
    if before is not None:
        define_thing(shop, *before)
        draft(shop, "before")
    revisions = shop.revisions()
    define_thing(shop, f"{CITY.format(SET_NULL.lower())}, nullable=False")
    fill = ("-x", "fill=thing.city:1")
    said = refusal(shop, *fill, "revision", "--autogenerate", "-m", "after")
    assert "thing.city is NOT NULL, and its ondelete would make it NULL.\n" in said
    assert "Allow NULL in the model, or choose another ondelete." in said
    assert shop.revisions() == revisions


def test_two_checks_of_one_name_are_refused(project: Environment) -> None:
    """I give two columns one Enum that is text: I am told to name it twice."""
    mood = "sa.Enum('a', name='mood', native_enum=False, create_constraint=True)"
    project.alembic("upgrade", "head")
    define_thing(project, f"one = {mood}", f"two = {mood}")
    said = refusal(project, "revision", "--autogenerate", "-m", "after")
    assert "thing: the CHECKs of one and two are both called mood.\n" in said
    define_thing(project, f"one = {mood}", f"two = {mood.replace('mood', 'other')}")
    draft(project, "moods")
