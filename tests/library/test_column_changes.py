"""A column becomes another one: what `check` calls clean is what create_all makes."""

from dataclasses import replace

import pytest
import sqlalchemy as sa
from proof.case import Case, Court, court

MODELS = '''"""A table."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

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


ONLY_ITS_DDL = {
    "mariadb": (
        ("sa.Integer", "mysql.INTEGER(unsigned=True)", "5"),
        (
            "mysql.INTEGER(unsigned=True)",
            "mysql.INTEGER(unsigned=True, zerofill=True)",
            "5",
        ),
        ("sa.DateTime", "mysql.DATETIME(fsp=6)", "datetime(2026, 1, 2, 3, 4)"),
        ("sa.Float", "mysql.FLOAT(unsigned=True)", "1.5"),
        ("sa.String(9)", "mysql.VARCHAR(9, ascii=True)", "'a'"),
    ),
    "sqlite": (
        ("sa.NUMERIC", "sa.DECIMAL", "5"),
        ("sa.String(9)", "sa.NVARCHAR(9)", "'a'"),
    ),
}
"""Types that a database reports alike, and makes two columns of."""


@pytest.mark.parametrize(
    ("database", "types"),
    [(database, types) for database, every in ONLY_ITS_DDL.items() for types in every],
)
def test_an_argument_of_a_type_changes(
    database: str, types: tuple[str, str, str]
) -> None:
    """I change an argument that my database says little of, and it is drafted."""
    with court(database) as judge:
        verdict = judge.judge(case(judge, *types))
    assert (verdict.kind, verdict.text) == ("passed", "")


@pytest.mark.parametrize(
    "types",
    [
        ("sa.BINARY(4)", "sa.VARBINARY(9)"),
        ("sa.LargeBinary", "sa.VARBINARY(9)"),
        ("sa.VARBINARY(9)", "sa.BLOB"),
    ],
)
def test_bytes_stay_bytes_on_sqlite(types: tuple[str, str]) -> None:
    """I change the type of bytes: SQLite would make the number 0 of each value."""
    with court("sqlite") as judge:
        found = case(judge, *types, value="b'a\\x00\\xff!'")
        verdict = judge.judge(replace(found, retyped=()))
    assert verdict.kind in {"passed", "marked"}, verdict
    assert verdict.text == ""


def test_another_formula_keeps_the_rest(judge: Court) -> None:
    """I change a formula, and the column is still NOT NULL and has its comment."""
    more = "comment='twice', nullable=False"
    if judge.database == "mariadb":  # where no formula is NOT NULL
        more = "comment='twice'"
    types = [
        f"sa.Integer, sa.Computed('7 * {times}', persisted=True), {more}"
        for times in (2, 3)
    ]
    before, after = types
    found = Case(
        judge.database,
        MODELS.format(type=before),
        MODELS.format(type=after),
        rows=(("t", ((("id", "1"),),)),),
        tables={"t": "t"},
        columns={"t\nid": "id"},
    )
    verdict = judge.judge(found)
    assert (verdict.kind, verdict.text) == ("passed", "")


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ("sa.BigInteger, {formula}", "state"),
        ("sa.Integer, {formula}, comment='twice'", "state"),
        ("sa.Integer, {formula}, nullable=False", "state"),
        ("'sum', sa.Integer, {formula}", "sum"),
        ("'sum', sa.BigInteger, {formula}, comment='twice'", "sum"),
    ],
    ids=["type", "comment", "not-null", "name", "all"],
)
def test_all_but_the_formula_changes(judge: Court, change: str, name: str) -> None:
    """I change a computed column, and it is computed as before: up, down and up."""
    if "nullable" in change and judge.database == "mariadb":
        change = change.replace("nullable=False", "comment='it''s 100%'")
    formula = "sa.Computed('7 * 2', persisted=True)"
    found = Case(
        judge.database,
        MODELS.format(type=f"sa.Integer, {formula}"),
        MODELS.format(type=change.format(formula=formula)),
        rows=(("t", ((("id", "1"),),)),),
        tables={"t": "t"},
        columns={"t\nid": "id", "t\nstate": name},
    )
    verdict = judge.judge(found)
    assert (verdict.kind, verdict.text) == ("passed", "")


def test_an_argument_of_one_dialect_is_written_once(judge: Court) -> None:
    """I give an Identity what Oracle alone reads, and the revision runs."""
    oracle = "oracle_" if hasattr(sa.Identity, "dialect_kwargs") else ""
    identity = f"sa.Integer, sa.Identity({oracle}on_null=True, {oracle}order=True)"
    verdict = judge.judge(case(judge, identity, identity, value="5"))
    assert (verdict.kind, verdict.text) == ("passed", "")


@pytest.mark.parametrize("names", ["abc", "cba"])
@pytest.mark.parametrize("gained", [True, False], ids=["added", "dropped"])
def test_a_formula_and_the_columns_it_speaks_of(
    judge: Court, names: str, *, gained: bool
) -> None:
    """I add, or drop, columns and a formula of them, declared in any order."""
    one, two, three = tuple(names)
    table = MODELS.format(type="sa.String(9)")
    chained = two if judge.database == "sqlite" else one  # as the servers need it
    formulas = "".join(
        f"    {name} = sa.Column(sa.Integer, sa.Computed({of + ' + 1'!r},"
        " persisted=True))\n"
        for name, of in ((three, chained), (two, one))
    )
    more = f"{table}{formulas}    {one} = sa.Column(sa.Integer)\n"
    before, after = (table, more) if gained else (more, table)
    found = Case(
        judge.database,
        before,
        after,
        rows=(("t", ((("id", "1"), ("state", "'a'")),)),),
        tables={"t": "t"},
        columns={"t\nid": "id", "t\nstate": "state"},
    )
    verdict = judge.judge(found)
    assert (verdict.kind, verdict.text) == ("passed", "")


def test_a_name_gets_another_case(judge: Court) -> None:
    """I write the name of a table with a capital, and its rows are there."""
    table = MODELS.format(type="sa.String(9)")
    found = Case(
        judge.database,
        table,
        table.replace('"t"', '"T"'),
        rows=(("t", ((("id", "1"), ("state", "'a'")),)),),
        tables={"t": "T"},
        columns={"t\nid": "id", "t\nstate": "state"},
    )
    verdict = judge.judge(found)
    assert (verdict.kind, verdict.text) == ("passed", "")


@pytest.mark.parametrize("gained", [True, False], ids=["added", "dropped"])
def test_a_unique_column_with_a_default(judge: Court, *, gained: bool) -> None:
    """I add, or drop, a unique column with a default; rows have NULL, not one value."""
    table = MODELS.format(type="sa.String(9)")
    more = (
        f"{table}    tag = sa.Column(sa.String(9), server_default='a', unique=True)\n"
    )
    before, after = (table, more) if gained else (more, table)
    row = ("id", "{}"), ("state", "'a'"), *(() if gained else (("tag", "'t{}'"),))
    rows = tuple(tuple((key, it.format(n)) for key, it in row) for n in (1, 2))
    found = Case(
        judge.database,
        before,
        after,
        rows=(("t", rows),),
        tables={"t": "t"},
        columns={"t\nid": "id", "t\nstate": "state"},
    )
    verdict = judge.judge(found)
    assert (verdict.kind, verdict.text) == ("passed", "")
