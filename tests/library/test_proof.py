"""Random models become others, on three databases; the catalogs judge each step."""

from random import Random
from typing import Any

import pytest
from proof.__main__ import apps_of
from proof.case import Case, Court, Verdict
from proof.compared import PAGE as COMPARED
from proof.compared import Found, arguments, arguments_in, page, written
from proof.left_out import ARGUMENTS, PLACED, SILENT, TYPES
from proof.page import PAGE, lists, of_no_run
from proof.types import classes, every_argument, expression_of
from proof.write import HEADER, case_of
from servers import DATABASES

SEEDS = {"sqlite": 45, "postgresql": 15, "mariadb": 10}
"""How many seeds each database gets every day: together half a minute of one core."""


@pytest.mark.long
def test_random_changes_lose_nothing(judge: Court) -> None:
    """I change models as I like, and the database is what create_all makes of them."""
    faults = {}
    for seed in range(1, SEEDS[judge.database] + 1):
        before, after, kinds = apps_of(seed, judge.database)
        verdict = judge.judge(case_of(before, after))
        if verdict.is_fault:
            faults[seed] = (kinds, verdict)
    assert not faults, f"python -m proof --database {judge.database} --from {[*faults]}"


@pytest.fixture(scope="module")
def found() -> Found:
    """Give each argument that stands in the models of some hundred seeds."""
    return written()


def test_each_argument_is_made_or_left_out(found: Found) -> None:
    """SQLAlchemy takes a new argument, and the generator has to make it."""
    missing = [
        name
        for name in arguments()
        if name not in found.keys() | ARGUMENTS.keys()
        if name.partition(".")[2] not in PLACED
    ]
    assert missing == []


def test_each_type_is_made_with_each_argument(found: Found) -> None:
    """A type takes a new argument, and the generator has to make it."""
    rng, made_alone = Random(1), set[str]()  # noqa: S311  a seed
    for database in DATABASES:
        for name in classes(database):
            for _ in range(60):
                made = arguments_in(expression_of(rng, name, database))
                made_alone |= {f"{name.partition('.')[0]}.{it}" for it in made}
    missing = [
        name
        for name in every_argument()
        if name not in made_alone and name.partition(".")[2] not in found
        if name != "sqlite.JSONB.none_as_null"  # of SQLite 3.45 and later
        if not {name.rpartition(".")[2], name.partition(".")[2]} & TYPES.keys()
    ]
    assert missing == []


def test_what_is_left_out_is_not_made(found: Found) -> None:
    """I read what the generator leaves out, and the list is true."""
    assert not found.keys() & ARGUMENTS.keys()
    assert {it for it in SILENT if "." in it} <= found.keys()


def test_the_page_of_what_is_compared(found: Found) -> None:
    """I look an argument up in the docs, and read what the generator does with it."""
    assert COMPARED.read_text() == page(found)


def test_the_page_has_the_lists() -> None:
    """I read in the docs what is known to be wrong, and what is not tried."""
    text = PAGE.read_text()
    assert [name for name, part in lists().items() if part not in text] == []
    assert of_no_run(text) == text, "it tells of a server, or of a database of one run"
    assert "://" not in text


def case(
    database: str,
    before: str,
    after: str,
    rows: dict[str, list[dict[str, str]]] | None = None,
    **more: Any,
) -> Case:
    """Return a case that is made by hand: what models have by the same name stays."""
    columns = {
        f"{table}\n{name}": name
        for table, found in (rows or {}).items()
        for row in found
        for name in row
        if f" {name} = " in after
    }
    given = {
        "rows": tuple(
            (it, tuple(tuple(r.items()) for r in found))
            for it, found in (rows or {}).items()
        ),
        "tables": {it: it for it in rows or {}},
        "columns": columns,
    } | more
    return Case(database, HEADER + before, HEADER + after, **given)


THING = """

class Thing(Model):
    __tablename__ = "thing"
    __table_args__ = {args}

    id = sa.Column(sa.Integer, primary_key=True)
    {columns}
"""


def thing(columns: str = "", args: str = "()", name: str = "hing") -> str:
    """Return a model with these columns and arguments of its table."""
    return THING.replace("hing", name).format(columns=columns, args=args)


STANDARD = ("sqlite", "postgresql")

MOOD = "mood = sa.Enum({}, name='mood')\n"

SAID = "sa.CheckConstraint('age > 1'"

CHECKED = "sa.CheckConstraint('age < 99')"

KEYS = """(
        sa.ForeignKeyConstraint(['age'], ['thought.id'], {}),
        sa.UniqueConstraint('age', {}),
        sa.CheckConstraint('age > 0', name='old', {}),
    )"""
LATE = "deferrable=True, initially='DEFERRED'"
TWO = "a, b = sa.Column(sa.Integer), sa.Column(sa.Integer)"
NUMBERED = """

class Thing(Model):
    __tablename__ = "thing"

    NR = sa.Column(sa.Integer, primary_key=True)
    a = sa.Column(sa.Integer)
    c = sa.Column(sa.Integer, sa.Computed("NR * 2", persisted=True))
"""
SUM = "    total = sa.Column(sa.Integer, sa.Computed('WHAT', persisted=True))"
NEVER = "deferrable=False, initially='IMMEDIATE'"

FOUND: dict[str, Any] = {
    "an Enum is passed on": (
        ("postgresql",),
        MOOD.format("'red', 'blue'") + thing("mood = sa.Column(mood)"),
        MOOD.format("'green', 'blue'")
        + thing("mood = sa.Column(sa.String(9))")
        + thing("mood = sa.Column(mood, server_default='green')", name="hought"),
        {"thing": [{"id": "1", "mood": "'red'"}]},
        "passed",
    ),
    "an optional sequence": (
        ("postgresql", "mariadb"),
        thing("age = sa.Column(sa.Integer)"),
        thing("age = sa.Column(sa.Integer, sa.Sequence('ages', optional=True))"),
        {"thing": [{"id": "1", "age": "7"}]},
        "passed",
    ),
    "an identity that is no more may be NULL": (
        STANDARD,
        thing("age = sa.Column(sa.Integer, sa.Identity())"),
        thing("age = sa.Column(sa.Integer, server_default='4')"),
        {"thing": [{"id": "1", "age": "3"}]},
        "passed",
    ),
    "a dropped table comes back as it was": (
        STANDARD,
        thing(name="hought")
        + thing(
            "age = sa.Column(sa.Integer)",
            "(sa.ForeignKeyConstraint(['age'], ['thought.id'], deferrable=True),"
            " {'sqlite_autoincrement': True, 'prefixes': PREFIXES})",
        ),
        thing(name="hought"),
        {"thought": [{"id": "1"}]},
        "passed",
    ),
    "CHECKs without a name are told apart by what they say": (
        DATABASES,
        thing(
            "age = sa.Column(sa.Integer)",
            "(sa.CheckConstraint('age > 0'), sa.CheckConstraint('age < 99'))",
        ),
        thing(
            "age = sa.Column(sa.Integer)",
            "(sa.CheckConstraint('age > 1'), sa.CheckConstraint('age < 99'))",
        ),
        {"thing": [{"id": "1", "age": "7"}]},
        "passed",
    ),
    "what SQLite does with a conflict comes back": (
        ("sqlite",),
        thing(name="hought")
        + thing(
            "age = sa.Column(sa.Integer, nullable=False,"
            " sqlite_on_conflict_not_null='FAIL')\n    "
            "own = sa.Column(sa.Integer, unique=True,"
            " sqlite_on_conflict_unique='IGNORE')",
            "(sa.UniqueConstraint('age', sqlite_on_conflict='REPLACE'),"
            " sa.ForeignKeyConstraint(['age'], ['thought.id'], deferrable=True,"
            " initially='DEFERRED'))",
        ),
        thing(name="hought")
        + thing(
            "age = sa.Column(sa.Integer, sqlite_on_conflict_not_null='FAIL')\n    "
            "own = sa.Column(sa.Integer)",
        ),
        {"thought": [{"id": "1"}], "thing": [{"id": "1", "age": "1"}]},
        "passed",
    ),
    "an identity counts the rows": (
        DATABASES,
        thing(),
        thing("age = sa.Column(sa.Integer, sa.Identity(start=5))"),
        {"thing": [{"id": "1"}, {"id": "2"}]},
        "passed",
    ),
    "a CHECK with a name beside one without a name": (
        ("sqlite",),
        thing("age = sa.Column(sa.Integer)", f"({SAID}, name='a'), {CHECKED})"),
        thing("age = sa.Column(sa.Integer)", f"({CHECKED},)"),
        {"thing": [{"id": "1", "age": "7"}]},
        "passed",
    ),
    "a CHECK in Python says what one without a name says in SQL": (
        ("sqlite",),
        thing("age = sa.Column(sa.Integer)", "(sa.CheckConstraint('age <> 4'),)"),
        thing(
            "age = sa.Column(sa.Integer)\n    size = sa.Column(sa.Integer)",
            "(sa.CheckConstraint(sa.column('age') != 4),)",
        ),
        {"thing": [{"id": "1", "age": "1"}]},
        "passed",
    ),
    "a key without a name comes back as it was": (
        STANDARD,
        thing(name="hought")
        + thing(
            "age = sa.Column(sa.Integer)",
            "(sa.ForeignKeyConstraint(['age'], ['thought.id'], match='FULL'),)",
        ),
        thing(name="hought") + thing("age = sa.Column(sa.Integer)"),
        {"thought": [{"id": "1"}], "thing": [{"id": "1", "age": "1"}]},
        "passed",
    ),
    "an EXCLUDE comes back with its column": (
        ("postgresql",),
        thing(
            "age = sa.Column(sa.Integer, nullable=False)",
            "(postgresql.ExcludeConstraint(('age', '='), name='x', using='btree'),)",
        ),
        thing(),
        {"thing": [{"id": "1", "age": "1"}, {"id": "2", "age": "2"}]},
        "passed",
    ),
    "a DOMAIN that allows no NULL comes back": (
        ("postgresql",),
        "word = postgresql.DOMAIN('word', sa.String(9), not_null=True)\n"
        + thing("name = sa.Column(word, nullable=False)"),
        thing(),
        {"thing": [{"id": "1", "name": "'Ann'"}]},
        "passed",
    ),
    "a CHECK without a name says what another says": (
        DATABASES,
        thing("age = sa.Column(sa.Integer)", f"({SAID}, name='a_named'),)"),
        thing("age = sa.Column(sa.Integer)", f"({SAID}, name='a_named'), {SAID}))"),
        {"thing": [{"id": "1", "age": "7"}]},
        "passed",
    ),
    "the comments of constraints change": (
        DATABASES,
        thing(name="hought")
        + thing(
            "age = sa.Column(sa.Integer)",
            KEYS.format('comment="it\'s"', "comment='100%'", ""),
        ),
        thing(name="hought")
        + thing(
            "age = sa.Column(sa.Integer)",
            KEYS.format("comment='a:b'", "", "comment='more'"),
        ),
        {"thought": [{"id": "1"}], "thing": [{"id": "1", "age": "1"}]},
        "passed",
    ),
    "constraints with comments are added": (
        DATABASES,
        thing(name="hought") + thing("age = sa.Column(sa.Integer)"),
        thing(name="hought")
        + thing(
            "age = sa.Column(sa.Integer)",
            KEYS.format("comment='a'", "comment='b'", "comment='c'"),
        ),
        {"thought": [{"id": "1"}], "thing": [{"id": "1", "age": "1"}]},
        "passed",
    ),
    "keys that are never deferred are added": (
        ("postgresql",),
        thing(name="hought") + thing("age = sa.Column(sa.Integer)"),
        thing(name="hought")
        + thing("age = sa.Column(sa.Integer)", KEYS.format(NEVER, NEVER, "")),
        {"thought": [{"id": "1"}], "thing": [{"id": "1", "age": "1"}]},
        "passed",
    ),
    "a table that is made anew has a key that is never deferred": (
        STANDARD,
        thing(name="hought")
        + thing("age = sa.Column(sa.Integer)", KEYS.format(NEVER, "", "")),
        thing(name="hought")
        + thing("age = sa.Column(sa.BigInteger)", KEYS.format(NEVER, "", "")),
        {"thought": [{"id": "1"}], "thing": [{"id": "1", "age": "1"}]},
        "passed",
    ),
    "of two UNIQUEs without a name one is dropped": (
        DATABASES,
        thing(TWO, "(sa.UniqueConstraint('a', 'b'), sa.UniqueConstraint('b', 'a'))"),
        thing(TWO, "(sa.UniqueConstraint('b', 'a'),)"),
        {"thing": [{"id": "1", "a": "2", "b": "3"}]},
        "passed",
    ),
    "a UNIQUE without a name comes beside one that has one": (
        DATABASES,
        thing(TWO, "(sa.UniqueConstraint('a', 'b', name='x'),)"),
        thing(
            TWO,
            "(sa.UniqueConstraint('a', 'b', name='x'), sa.UniqueConstraint('b', 'a'))",
        ),
        {"thing": [{"id": "1", "a": "2", "b": "3"}]},
        "passed",
    ),
    "a key is renamed below a formula": (
        STANDARD,
        NUMBERED.replace("NR", "id"),
        NUMBERED.replace("NR", "nr"),
        {"thing": [{"id": "1", "a": "2"}]},
        "passed",
        {"columns": {"thing\nid": "nr", "thing\na": "a"}},
    ),
    "an index is made of a column whose formula is another one": (
        ("postgresql",),
        thing("age = sa.Column(sa.Integer)\n" + SUM).replace("WHAT", "age + 1"),
        thing(
            "age = sa.Column(sa.Integer)\n" + SUM,
            "(sa.Index('some', 'age', postgresql_include=['total']),)",
        ).replace("WHAT", "age * 2"),
        {"thing": [{"id": "1", "age": "7"}]},
        "passed",
    ),
    "a formula is another one, and its column is dropped": (
        STANDARD,
        thing(
            "age = sa.Column(sa.Integer)\n    more = sa.Column(sa.Integer)\n" + SUM
        ).replace("WHAT", "more + 1"),
        thing("age = sa.Column(sa.Integer)\n" + SUM).replace("WHAT", "age * 2"),
        {"thing": [{"id": "1", "age": "7", "more": "4"}]},
        "passed",
    ),
    "a key that is deferred is dropped, and another one comes": (
        STANDARD,
        thing(name="hought")
        + thing("age = sa.Column(sa.Integer)", KEYS.format(LATE, "", "")),
        thing(name="hought") + thing("age = sa.Column(sa.BigInteger)"),
        {"thought": [{"id": "1"}], "thing": [{"id": "1", "age": "1"}]},
        "passed",
    ),
    "WITHOUT ROWID": (
        ("sqlite",),
        thing(args="{'sqlite_with_rowid': False}"),
        thing(),
        {"thing": [{"id": "1"}]},
        "marked",
    ),
}
"""What seeds have found, as small as it is: the models, their rows, the verdict."""


@pytest.mark.long
def test_what_seeds_have_found_stays_mended(judge: Court) -> None:
    """I change models in ways that once went wrong, and the catalogs agree."""
    faults = dict[str, Verdict]()
    for name, (databases, before, after, rows, kind, *more) in FOUND.items():
        if judge.database in databases:
            words = "['UNLOGGED']" if judge.database == "postgresql" else "[]"
            models = before.replace("PREFIXES", words), after
            plain = "without a name" not in name
            given = dict(*more) | {"convention": plain}
            made = case(judge.database, *models, rows, **given)
            verdict = judge.judge(made)
            faults |= {name: verdict} if verdict.kind != kind else {}
    assert not faults
