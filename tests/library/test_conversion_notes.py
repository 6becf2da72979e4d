"""A value can be kept by a change of its type, and still be meant otherwise."""

from typing import Any

import pytest
import sqlalchemy as sa
from alembic_lossless.types.conversion import becomes
from drafts import alembic, define_thing, draft
from environment import Environment
from sqlalchemy.types import TypeEngine

NEITHER: list[tuple[TypeEngine[Any], TypeEngine[Any]]] = [
    (sa.String(9), sa.String(20)),
    (sa.Integer(), sa.Numeric(14, 2)),
    (sa.Enum("a", name="e"), sa.String(9)),
    (sa.Date(), sa.Date()),
]


def test_a_draft_says_what_a_value_is_taken_for(project: Environment) -> None:
    """My house numbers become text: each direction says what they are then."""
    define_thing(project, "house = sa.Integer", "name = sa.String(9)")
    draft(project, "before")
    define_thing(project, "house = sa.String(20)", "name = sa.String(12)")
    up, _, down = draft(project, "after").partition("def downgrade")
    digits = (
        "# MEANS: in thing.house a number becomes its digits: '10' sorts before '9'."
    )
    assert digits in up
    assert "# MEANS: in thing.house a text becomes the number that it spells." in down
    assert "thing.name" not in up + down
    alembic(project, "downgrade -1", "upgrade head", "check")


def test_a_zone_is_a_meaning() -> None:
    """A moment without a zone is somebody's local time, perhaps."""
    words = becomes(sa.DateTime(), sa.DateTime(timezone=True))
    assert words == "a moment is taken to be in UTC where it has no zone"
    assert becomes(sa.DateTime(), sa.DateTime()) is None


@pytest.mark.parametrize("pair", NEITHER, ids=repr)
def test_what_stays_itself_has_no_mark(
    pair: tuple[TypeEngine[Any], TypeEngine[Any]],
) -> None:
    """A longer text and a number with more digits are what they were."""
    assert becomes(*pair) is None
