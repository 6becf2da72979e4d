"""A unique column is added to a table with rows, which would have one value."""

import pytest
from proof.case import Case, Court, court
from servers import DATABASES

MODELS = '''"""The models of an app."""

import sqlalchemy as sa

from .db import Model


class Friend(Model):
    __tablename__ = "friend"

    id = sa.Column(sa.Integer(), primary_key=True)
    age = sa.Column(sa.Integer())
    {columns}
    __table_args__ = ({keys})
'''
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


def becomes(judge: Court, kind: str, ages: tuple[int, ...]) -> str:
    """Return what becomes of friends of these ages when the column is added."""
    columns, keys = {**KEYS, **ONLY}[kind]
    given = keys.format("unique=True", judge.database)
    friends = tuple(
        (("id", str(at)), ("age", str(age))) for at, age in enumerate(ages, 1)
    )
    case = Case(
        judge.database,
        MODELS.format(columns="", keys=""),
        MODELS.format(columns=columns, keys=given),
        rows=(("friend", friends),),
        tables={"friend": "friend"},
        columns={"friend\nid": "id", "friend\nage": "age"},
        fills={"friend.code": "7"},
    )
    found = judge.judge(case)
    return found.kind if found.kind == "passed" else f"{found.kind}: {found.text}"


EVERY = [(database, kind) for database in DATABASES for kind in KEYS]
EVERY += [(database, kind) for database in ("sqlite", "postgresql") for kind in ONLY]


@pytest.mark.parametrize(("database", "kind"), EVERY)
def test_a_value_that_several_rows_would_have_stops_the_run_before_anything(
    database: str, kind: str
) -> None:
    """I am told before the first statement: MariaDB takes nothing back."""
    with court(database) as judge:
        said = becomes(judge, kind, (3, 3))
    assert said.startswith(("refused: friend.", "refused: friend ("))
    assert "would hold 1 value more than once" in said
    assert said.endswith("this revision has changed nothing.")


@pytest.mark.parametrize(("database", "kind"), EVERY)
def test_it_is_added_where_the_values_are_unique(database: str, kind: str) -> None:
    """One row may have the value, and several where another column tells them apart."""
    is_told_apart = kind in {"a key of two", "a formula of another", "some rows"}
    with court(database) as judge:
        assert becomes(judge, kind, (3, 4) if is_told_apart else (3,)) == "passed"


NULLS = '''"""The models of an app."""

import sqlalchemy as sa

from .db import Model


class Friend(Model):
    __tablename__ = "friend"

    id = sa.Column(sa.Integer(), primary_key=True)
    age = sa.Column(sa.Integer())
    code = sa.Column(sa.{type}, nullable={nullable}{unique})
    __table_args__ = ({keys})
'''
FILLED = {
    "a column": (", unique=True", ""),
    "an index": ("", "sa.Index('ix', 'code', unique=True),"),
    "a key of two": ("", "sa.UniqueConstraint('code', 'age'),"),
}
PARTIAL = (
    "sa.Index('ix', '{0}', unique=True, sqlite_where=sa.text('{1}'),"
    " postgresql_where=sa.text('{1}')),"
)
ONLY_FILLED = {
    "an expression": ("", "sa.Index('ix', sa.text('lower(code)'), unique=True),"),
    "some rows": ("", PARTIAL.format("code", "age > 1")),
    "some of what is filled": ("", PARTIAL.format("age", "code IS NOT NULL")),
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


@pytest.mark.parametrize(("database", "kind"), EVERY_FILLED)
@pytest.mark.parametrize("rows", CODES)
@pytest.mark.parametrize("was", ["it was not", "it was"])
def test_a_column_is_filled_that_is_unique(
    database: str, kind: str, rows: str, was: str
) -> None:
    """What fills it would be there twice, or it fits: before the first statement."""
    unique, keys = {**FILLED, **ONLY_FILLED}[kind]
    bound = {"type": "String(9)", "nullable": False, "unique": unique, "keys": keys}
    loose = {**bound, "nullable": True}
    if was == "it was not":
        loose |= {"unique": "", "keys": ""}
    friends = tuple(
        (("id", str(at)), ("age", age), ("code", code))
        for at, (age, code) in enumerate(CODES[rows], 1)
    )
    with court(database) as judge:
        case = Case(
            database,
            NULLS.format(**loose),
            NULLS.format(**bound),
            rows=(("friend", friends),),
            tables={"friend": "friend"},
            columns={f"friend\n{it}": it for it in ("id", "age", "code")},
            filled=("friend\ncode",),
            fills={"friend.code": "it's"},
        )
        found = judge.judge(case)
    if rows == "one has none" and kind != "some of what is filled":
        assert (found.kind, found.text) == ("passed", "")
    else:
        assert found.kind == "refused"
        assert "would hold 1 value more than once" in found.text
        assert found.text.endswith("this revision has changed nothing.")


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


@pytest.mark.parametrize("kind", FILLED)
@pytest.mark.parametrize("change", TYPES)
@pytest.mark.parametrize("database", DATABASES)
def test_a_unique_column_is_filled_with_its_new_type(
    database: str, kind: str, change: str
) -> None:
    """A value of the new type fits one row, and not two."""
    old, new = TYPES[change]
    unique, keys = FILLED[kind]
    bound = {"type": new, "nullable": False, "unique": unique, "keys": keys}
    loose = {**bound, "type": old, "nullable": True}
    there = "8" if old == "Integer" else "'8'"
    found = []
    with court(database) as judge:
        for codes in ((there, "None"), (there, "None", "None")):
            friends = tuple(
                (("id", str(at)), ("age", "3"), ("code", code))
                for at, code in enumerate(codes, 1)
            )
            case = Case(
                database,
                NULLS.format(**loose),
                NULLS.format(**bound),
                rows=(("friend", friends),),
                tables={"friend": "friend"},
                columns={f"friend\n{it}": it for it in ("id", "age", "code")},
                retyped=("friend\ncode",),
                filled=("friend\ncode",),
                fills={"friend.code": "7"},
            )
            found.append(judge.judge(case))
    fits, twice = found
    assert (fits.kind, fits.text) == ("passed", "")
    assert twice.kind == "refused"
    assert twice.text.endswith("this revision has changed nothing.")


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
    friends = tuple(
        (("id", str(at)), ("age", "3"), ("code", code))
        for at, code in enumerate(codes, 1)
    )
    case = Case(
        "postgresql",
        before,
        after,
        rows=(("friend", friends),),
        tables={"friend": "friend"},
        columns={f"friend\n{it}": it for it in ("id", "age", "code")},
    )
    with court("postgresql") as judge:
        found = judge.judge(case)
    if codes[1] == "None":
        assert found.kind == "refused"
        assert "holds 1 value more than once" in found.text
    else:
        assert (found.kind, found.text) == ("passed", "")
