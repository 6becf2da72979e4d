"""A unique column is added to a table with rows, which would have one value."""

from collections.abc import Sequence
from itertools import cycle

import pytest
from drafts import one_of_several
from proof.case import Case, court
from servers import DATABASES

MODULE = '''"""The models of an app."""

import sqlalchemy as sa

from .db import Model
'''
ADDED = """

class Friend(Model):
    __tablename__ = "friend"

    id = sa.Column(sa.Integer(), primary_key=True)
    age = sa.Column(sa.Integer())
    {columns}
    __table_args__ = ({keys})
"""
CODE = "code = sa.Column(sa.Integer(), nullable=False{})"
GIVEN = CODE.format(", server_default='7'")
TEXT = 'code = sa.Column(sa.String(9), nullable=False, server_default="it\'s")'
MOMENT = "code = sa.Column(sa.DateTime(), nullable=False, server_default=sa.func.now())"
TWICE = (
    "twice = sa.Column(sa.Integer(), sa.Computed('{} * 2', persisted=True),"
    " unique=True)"
)
KEYS = {
    "a column": (CODE.format(", unique=True"), ""),
    "an index": (CODE.format(""), "sa.Index('ix', 'code', unique=True),"),
    "a key of two": (CODE.format(""), "sa.UniqueConstraint('age', 'code'),"),
    "a server default": (GIVEN, "sa.UniqueConstraint('code'),"),
    "a text": (TEXT, "sa.UniqueConstraint('code'),"),
    "a number": (GIVEN.replace("'7'", "sa.literal(7)"), "sa.UniqueConstraint('code'),"),
    "the time": (MOMENT, "sa.UniqueConstraint('code'),"),
    "a formula of it": (f"{GIVEN}\n    {TWICE.format('code')}", ""),
    "a formula of another": (TWICE.format("age"), ""),
}
ONLY = {
    "an expression": (CODE.format(""), "sa.Index('ix', sa.text('(code + 1)'), {0}),"),
    "some rows": (
        CODE.format(""),
        "sa.Index('ix', 'age', {0}, {1}_where=sa.text('code > 5')),",
    ),
}
"""What MariaDB has not."""


Rows = Sequence[tuple[str, ...]]
"""Rows of a table: the age, and the code where there is one."""


def becomes(
    database: str,
    *friends: tuple[str, str, Rows],
    fill: str = "7",
    retyped: bool = False,
) -> tuple[str, str]:
    """Return what becomes of friends, and what is said of them.

    :param friends: the model of a table before and after, and its rows.
    :param fill: the value of rows that have no code.
    :param retyped: whether the code gets another type.
    """
    before, after, rows, columns = MODULE, MODULE, [], dict[str, str]()
    for at, (old, new, some) in enumerate(friends):
        before += one_of_several(old, at)
        after += one_of_several(new, at)
        names = ("id", "age", "code")
        found = (
            zip(names, (str(nr), *it), strict=False) for nr, it in enumerate(some, 1)
        )
        rows.append((f"friend{at}", tuple(tuple(row) for row in found)))
        columns |= {f"friend{at}\n{it}": it for it in names[: 1 + len(some[0])]}
    codes = tuple(it for it in columns if it.endswith("code"))
    case = Case(
        database,
        before,
        after,
        rows=tuple(rows),
        tables={it: it for it, _ in rows},
        columns=columns,
        retyped=codes if retyped else (),
        filled=codes if "nullable=False" in after else (),
        fills={f"{it}.code": fill for it, _ in rows},
    )
    with court(database) as judge:
        verdict = judge.judge(case)
    return verdict.kind, verdict.text


def added(database: str, kind: str, ages: Sequence[int]) -> tuple[str, str, Rows]:
    """Return a table of friends of these ages that gets a unique column."""
    columns, keys = {**KEYS, **ONLY}[kind]
    given = keys.format("unique=True", database)
    before = ADDED.format(columns="", keys="")
    after = ADDED.format(columns=columns, keys=given)
    return before, after, [(str(age),) for age in ages]


EVERY = [(database, kind) for database in DATABASES for kind in KEYS]
EVERY += [(database, kind) for database in ("sqlite", "postgresql") for kind in ONLY]


@pytest.mark.parametrize(("database", "kind"), EVERY)
def test_a_value_that_several_rows_would_have_stops_the_run_before_anything(
    database: str, kind: str
) -> None:
    """I am told before the first statement: MariaDB takes nothing back."""
    verdict, said = becomes(database, added(database, kind, (3, 3)))
    assert verdict == "refused"
    assert said.startswith(("friend0.", "friend0 ("))
    assert "would hold 1 value more than once" in said
    assert said.endswith("this revision has changed nothing.")


@pytest.mark.parametrize("database", DATABASES)
def test_it_is_added_where_the_values_are_unique(database: str) -> None:
    """One row may have the value, and several where another column tells them apart."""
    kinds = [kind for where, kind in EVERY if where == database]
    apart = {"a key of two", "a formula of another", "some rows"}
    friends = [added(database, it, (3, 4) if it in apart else (3,)) for it in kinds]
    assert becomes(database, *friends) == ("passed", "")


NULLS = """

class Friend(Model):
    __tablename__ = "friend"

    id = sa.Column(sa.Integer(), primary_key=True)
    age = sa.Column(sa.Integer())
    code = sa.Column(sa.{type}, nullable={nullable}{unique})
    __table_args__ = ({keys})
"""
FILLED = {
    "a column": (", unique=True", ""),
    "an index": ("", "sa.Index('ix', 'code', unique=True),"),
    "a key of two": ("", "sa.UniqueConstraint('code', 'age'),"),
}
PARTIAL = (
    "sa.Index('ix', '{0}', unique=True, sqlite_where=sa.text('{1}'),"
    " postgresql_where=sa.text('{1}')),"
)
COUNTS_AGES = "some of what is filled"
ONLY_FILLED = {
    "an expression": ("", "sa.Index('ix', sa.text('lower(code)'), unique=True),"),
    "some rows": ("", PARTIAL.format("code", "age > 1")),
    COUNTS_AGES: ("", PARTIAL.format("age", "code IS NOT NULL")),
}
"""What MariaDB has not."""
CODES = {
    "several have none": (("3", "None"), ("3", "None")),
    "one has none, and another the value": (("3", "None"), ("3", "'it\\'s'")),
    "one has none": (("3", "None"), ("3", "'other'")),
}


EVERY_FILLED = [(database, kind) for database in DATABASES for kind in FILLED]
EVERY_FILLED += [
    (database, kind) for database in ("sqlite", "postgresql") for kind in ONLY_FILLED
]


def filled(kind: str, rows: str, was: str) -> tuple[str, str, Rows]:
    """Return a table of friends that are to have a unique code."""
    unique, keys = {**FILLED, **ONLY_FILLED}[kind]
    bound = {"type": "String(9)", "nullable": False, "unique": unique, "keys": keys}
    loose = {**bound, "nullable": True}
    if was == "it was not":
        loose |= {"unique": "", "keys": ""}
    return NULLS.format(**loose), NULLS.format(**bound), CODES[rows]


SEVERAL, AND_ANOTHER, FITS = CODES
STOPS = [(SEVERAL, "it was not"), (AND_ANOTHER, "it was")]


@pytest.mark.parametrize(("database", "kind"), EVERY_FILLED)
@pytest.mark.parametrize(("rows", "was"), STOPS)
def test_what_fills_a_unique_column_would_be_there_twice(
    database: str, kind: str, rows: str, was: str
) -> None:
    """I am told before the first statement."""
    verdict, said = becomes(database, filled(kind, rows, was), fill="it's")
    assert verdict == "refused"
    assert "would hold 1 value more than once" in said
    assert said.endswith("this revision has changed nothing.")


@pytest.mark.parametrize("was", ["it was not", "it was"])
@pytest.mark.parametrize("database", DATABASES)
def test_what_fills_a_unique_column_fits(database: str, was: str) -> None:
    """One row has no code, and gets one that no other has."""
    kinds = [kind for where, kind in EVERY_FILLED if where == database]
    friends = (filled(it, FITS, was) for it in kinds if it != COUNTS_AGES)
    assert becomes(database, *friends, fill="it's") == ("passed", "")


KNOWN = "'7', '8', '9'"
TYPES = {
    "numbers": ("Integer", "BigInteger"),
    "a number becomes text": ("Integer", "String(9)"),
    "text becomes a number": ("String(9)", "Integer"),
    "text becomes an Enum": ("String(9)", f"Enum({KNOWN}, name='code')"),
    "an Enum becomes text": (f"Enum({KNOWN}, name='code')", "String(9)"),
    "an Enum becomes another": (
        f"Enum({KNOWN}, '6', name='code')",
        f"Enum({KNOWN}, name='number')",
    ),
}


def retyped(kind: str, change: str, rows: int) -> tuple[str, str, Rows]:
    """Return a table whose unique column is filled, and gets another type.

    :param rows: how many have no code.
    """
    old, new = TYPES[change]
    unique, keys = FILLED[kind]
    bound = {"type": new, "nullable": False, "unique": unique, "keys": keys}
    loose = {**bound, "type": old, "nullable": True}
    there = "8" if old == "Integer" else "'8'"
    codes = [there, *["None"] * rows]
    return NULLS.format(**loose), NULLS.format(**bound), [("3", it) for it in codes]


@pytest.mark.parametrize("database", DATABASES)
def test_a_unique_column_is_filled_with_its_new_type(database: str) -> None:
    """A value of the new type fits one row."""
    friends = (retyped(kind, it, 1) for kind in FILLED for it in TYPES)
    assert becomes(database, *friends, retyped=True) == ("passed", "")


@pytest.mark.parametrize(("change", "kind"), [*zip(TYPES, cycle(FILLED), strict=False)])
@pytest.mark.parametrize("database", DATABASES)
def test_a_value_of_the_new_type_does_not_fit_two_rows(
    database: str, change: str, kind: str
) -> None:
    """I am told before the first statement."""
    verdict, said = becomes(database, retyped(kind, change, 2), retyped=True)
    assert verdict == "refused"
    assert said.endswith("this revision has changed nothing.")


LIKE = "postgresql_nulls_not_distinct=True"
ONE_NULL = {
    "a key": ("", f"sa.UniqueConstraint('code', {LIKE}),"),
    "a key of two": ("", f"sa.UniqueConstraint('code', 'age', {LIKE}),"),
    "an index": ("", f"sa.Index('ix', 'code', unique=True, {LIKE}),"),
    "a key that had many": (
        "sa.UniqueConstraint('code'),",
        f"sa.UniqueConstraint('code', {LIKE}),",
    ),
}


@pytest.mark.parametrize("kind", ONE_NULL)
@pytest.mark.parametrize("codes", [("None", "None"), ("None", "'a'")])
def test_a_key_that_takes_nulls_for_one_value(
    kind: str, codes: tuple[str, ...]
) -> None:
    """PostgreSQL is to let one row be without a value: I am told of a second one."""
    given = {"type": "String(9)", "nullable": True, "unique": ""}
    before, after = (NULLS.format(**given, keys=keys) for keys in ONE_NULL[kind])
    friends = before, after, [("3", code) for code in codes]
    verdict, said = becomes("postgresql", friends)
    if codes[1] == "None":
        assert verdict == "refused"
        assert "holds 1 value more than once" in said
    else:
        assert (verdict, said) == ("passed", "")
