"""The CHECK of an Enum or a Boolean changes with its type, and rows are looked at."""

from collections.abc import Iterator

import pytest
from proof.case import Case, Court, court
from servers import DATABASES

MODELS = '''"""A table."""

import enum

import sqlalchemy as sa

from .db import Model


class T(Model):
    __tablename__ = "t"

    id = sa.Column(sa.Integer, primary_key=True)
    state = sa.Column({type})
'''
TEXT = "native_enum=False, length=9, name='mood'"
CHECKED = f"{TEXT}, create_constraint=True"
CHANGES = {
    "a value more": (f"sa.Enum('a', {CHECKED})", f"sa.Enum('a', 'b', {CHECKED})"),
    "a value less": (f"sa.Enum('a', 'b', {CHECKED})", f"sa.Enum('a', {CHECKED})"),
    "another order": (
        f"sa.Enum('a', 'b', {CHECKED})",
        f"sa.Enum('b', 'a', {CHECKED})",
    ),
    "a CHECK gained": (f"sa.Enum('a', {TEXT})", f"sa.Enum('a', {CHECKED})"),
    "a CHECK lost": (f"sa.Enum('a', {CHECKED})", f"sa.Enum('a', {TEXT})"),
    "text before": ("sa.String(9)", f"sa.Enum('a', {CHECKED})"),
    "text afterwards": (f"sa.Enum('a', {CHECKED})", "sa.String(9)"),
    "longer": (
        f"sa.Enum('a', {CHECKED})",
        f"sa.Enum('a', 'b', {CHECKED.replace('9', '12')})",
    ),
}


@pytest.fixture(scope="module", params=DATABASES)
def judge(request: pytest.FixtureRequest) -> Iterator[Court]:
    """Give a court for each kind of database."""
    with court(request.param) as found:
        yield found


def case(judge: Court, before: str, after: str, value: str = "'a'") -> Case:
    """Return the case of a column with rows that gets another type."""
    return Case(
        judge.database,
        MODELS.format(type=before),
        MODELS.format(type=after),
        rows=(("t", ((("id", "1"), ("state", value)),)),),
        tables={"t": "t"},
        columns={"t\nid": "id", "t\nstate": "state"},
        retyped=("t\nstate",),
    )


@pytest.mark.parametrize("change", CHANGES)
def test_the_check_of_an_enum_changes(judge: Court, change: str) -> None:
    """I change the values of an Enum, and the database takes the new ones alone."""
    verdict = judge.judge(case(judge, *CHANGES[change]))
    assert (verdict.kind, verdict.text) == ("passed", "")


@pytest.mark.parametrize("options", [TEXT, CHECKED])
def test_rows_with_a_value_that_goes_stop_the_upgrade(
    judge: Court, options: str
) -> None:
    """I take a value away that a row has, and am told before anything is changed."""
    types = f"sa.Enum('a', 'b', {options})", f"sa.Enum('a', {options})"
    verdict = judge.judge(case(judge, *types, value="'b'"))
    assert verdict.kind == "refused"
    assert "t.state holds 1 value" in verdict.text


def test_a_boolean_gains_its_check(judge: Court) -> None:
    """I let a Boolean have its CHECK, and lose it: the database has it, and has not."""
    with_check = "sa.Boolean(name='flag', create_constraint=True)"
    for types in (("sa.Boolean", with_check), (with_check, "sa.Boolean")):
        verdict = judge.judge(case(judge, *types, value="True"))
        assert (verdict.kind, verdict.text) == ("passed", "")
