"""CHECKs without a name, several that say the same among them, and for one database."""

import pytest
from proof.case import Case, Court

MODELS = '''"""The models of an app."""

import sqlalchemy as sa

from .db import Model


class Friend(Model):
    __tablename__ = "friend"

    id = sa.Column(sa.Integer(), primary_key=True)
    {column}
    __table_args__ = ({checks})
'''
AGE = "age = sa.Column(sa.Integer())"
CHECK = 'sa.CheckConstraint("age >= 0"),'
SPACED = 'sa.CheckConstraint("age  >= 0"),'
OTHER = 'sa.CheckConstraint("age >= 1"),'
COMMENTED = (
    'sa.CheckConstraint("age >= 0", name="positive", comment="{}").ddl_if("{}"),'
)


def verdict(judge: Court, before: tuple[str, str], after: tuple[str, str]) -> str:
    """Return what becomes of a friend's CHECKs: "passed", or what is wrong."""
    first, last = (
        MODELS.format(column=column, checks=checks)
        for column, checks in (before, after)
    )
    has = [("id", "1"), *([("age", "2")] if before[0] else [])]
    case = Case(
        judge.database,
        first,
        last,
        rows=(("friend", (tuple(has),)),),
        tables={"friend": "friend"},
        columns={"friend\nid": "id"},
        convention=False,
    )
    found = judge.judge(case)
    return found.text or found.kind


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (CHECK + SPACED, CHECK),
        (CHECK, CHECK + SPACED),
        (CHECK + SPACED + CHECK, CHECK + OTHER),
        (CHECK + CHECK, ""),
    ],
    ids=["one-less", "one-more", "one-becomes-another", "none"],
)
def test_of_several_that_say_the_same_as_many_stay_as_the_models_have(
    judge: Court, before: str, after: str
) -> None:
    """I take one of two CHECKs away that say the same, and the other one stays."""
    assert verdict(judge, (AGE, before), (AGE, after)) == "passed"


@pytest.mark.parametrize(
    ("before", "after"), [((AGE, CHECK), ("", "")), (("", ""), (AGE, CHECK))]
)
def test_a_check_is_called_as_create_all_would_with_a_column_that_comes_or_goes(
    judge: Court, before: tuple[str, str], after: tuple[str, str]
) -> None:
    """I drop a column with its CHECK, or add both: the name has the column's in it."""
    assert verdict(judge, before, after) == "passed"


def test_the_comment_of_a_check_for_one_database_changes(judge: Court) -> None:
    """I change the comment of a CHECK that is for one kind of database."""
    before, after = (COMMENTED.format(it, judge.database) for it in ("old", "new"))
    assert verdict(judge, (AGE, before), (AGE, after)) == "passed"
