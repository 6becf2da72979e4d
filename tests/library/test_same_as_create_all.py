"""Models become others, and the database is what `create_all` makes of them.

Each case is drafted, run, checked, undone and run again; the catalogs judge.
"""

from itertools import permutations, product
from pathlib import Path
from typing import Any

import pytest
from drafts import alembic, draft
from environment import Environment
from proof.case import Case, Court, court
from sqlalchemy import make_url

IMPORTS = """
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

from .db import Model

"""


def judged(judge: Court, before: str, after: str, **more: Any) -> tuple[str, str]:
    """Return what becomes of models that become others, and what is said of it.

    :param more: what is true of the change, as a `Case` has it.
    """
    models = IMPORTS + before, IMPORTS + after
    verdict = judge.judge(Case(judge.database, *models, **more))
    return verdict.kind, verdict.text


PASSED = "passed", ""


# The schema that a connection looks into

IN_SCHEMA = """
class Hobby(Model):
    __tablename__ = "hobby"
    __table_args__ = (
        sa.Index("ix_hobby_name", "name"),
        sa.CheckConstraint("name <> ''", name="said"),
        {"schema": "OWN", "comment": "what one does"},
    )

    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(20), unique=True)
    mood = sa.Column(sa.Enum("good", "bad", name="mood", schema="OWN"))


class Friend(Model):
    __tablename__ = "friend"
    __table_args__ = {"schema": "OWN"}

    id = sa.Column(sa.Integer, primary_key=True)
    hobby_id = sa.Column(sa.ForeignKey("OWN.hobby.id"))
    age = sa.Column(sa.Integer)
"""
IN_SCHEMA_LATER = (
    ('"ix_hobby_name", "name"', '"ix_hobby_name", "id", "name"'),
    ("name <> ''", "name <> 'none'"),
    ('"good", "bad"', '"good", "bad", "odd"'),
    ('"what one does"', '"what one likes"'),
    ('"friend"', '"person"'),
    ("age = sa.Column(sa.Integer)", "age = sa.Column(sa.BigInteger, index=True)"),
)
COUNTED = """
more = sa.Sequence("more", schema="OWN", start=5, metadata=Model.metadata)


class Ticket(Model):
    __tablename__ = "ticket"
    __table_args__ = {"schema": "OWN"}

    id = sa.Column(sa.Integer, sa.Sequence("tickets", schema="OWN"), primary_key=True)
"""
BY_REVISION = """
    op.create_table(
        "old",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("hobby_id", sa.Integer, sa.ForeignKey("OWN.hobby.id")),
        schema="OWN",
    )
    op.add_column("old", sa.Column("age", sa.Integer), schema="OWN")
    op.rename_table("old", "older", schema="OWN")
    op.drop_table("older", schema="OWN")
"""


def own_schema(judge: Court) -> str:
    """Return the schema into which a connection looks by itself."""
    known = {"sqlite": "main", "postgresql": "public"}
    return known.get(judge.database) or str(make_url(judge.url).database)


@pytest.mark.parametrize("place", ["tables", "metadata"])
def test_the_schema_of_the_connection_may_be_said(judge: Court, place: str) -> None:
    """I say the schema that is the database's own, and it is as if I said none."""
    before = IN_SCHEMA
    if place == "metadata":
        for said in (', schema="OWN"', '"schema": "OWN", ', '{"schema": "OWN"}'):
            before = before.replace(said, "{}" if said.startswith("{") else "")
        before = f'Model.metadata.schema = "OWN"\n{before.replace("OWN.", "")}'
    after = before
    for old, new in IN_SCHEMA_LATER:
        assert old in after
        after = after.replace(old, new)
    own = own_schema(judge)
    models = before.replace("OWN", own), after.replace("OWN", own)
    edit = BY_REVISION.replace("OWN", own)
    tables = {"friend": "person", "hobby": "hobby"}
    assert judged(judge, *models, tables=tables, edit=edit) == PASSED


def test_a_sequence_of_the_schema_of_the_connection(judge: Court) -> None:
    """I say the database's own schema of a sequence, and it is made, and changed."""
    before = COUNTED.replace("OWN", own_schema(judge))
    assert judged(judge, before, before.replace("start=5", "start=6")) == PASSED


# UNIQUE twice

TWICE = """
class Hobby(Model):
    __tablename__ = "hobby"
    __table_args__ = ({0})

    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String({1}))
"""
OF_KEY = 'sa.UniqueConstraint("id", name="uq_id"), '
OF_NAME = "".join(f'sa.UniqueConstraint("name", name="uq_{it}"), ' for it in (1, 2))


def test_a_unique_constraint_that_is_there_already(judge: Court) -> None:
    """I declare UNIQUE of what is unique, of which PostgreSQL makes nothing."""
    once, twice = TWICE.format("", 20), TWICE.format(OF_KEY + OF_NAME, 20)
    for before, after in ((twice, twice.replace("20", "30")), (once, twice)):
        assert judged(judge, before, after) == PASSED


BESIDE = """
class Hobby(Model):
    __tablename__ = "hobby"
    __table_args__ = (sa.UniqueConstraint("name"), {0})

    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(20))
"""


@pytest.mark.parametrize("convention", [True, False])
@pytest.mark.parametrize(
    "key",
    ['sa.UniqueConstraint("name", name="uq")', 'sa.Index("uq", "name", unique=True)'],
)
def test_a_unique_key_beside_one_without_a_name(
    judge: Court,
    key: str,
    convention: bool,  # noqa: FBT001
) -> None:
    """I name a second unique key of a column, and take it away again."""
    if judge.database == "postgresql":  # it makes one of two constraints that are alike
        key = key.replace(
            'sa.UniqueConstraint("name"', 'sa.UniqueConstraint("name", "id"'
        )
    one, two = BESIDE.format(""), BESIDE.format(key)
    for before, after in ((one, two), (two, one)):
        assert judged(judge, before, after, convention=convention) == PASSED


OTHER_NAMES = """
class Hobby(Model):
    __tablename__ = "hobby"
    __table_args__ = ({0})

    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(20))
    above = sa.Column(sa.Integer)
"""
KINDS = {
    "foreign key": 'sa.ForeignKeyConstraint(["above"], ["hobby.id"]{}),',
    "unique": 'sa.UniqueConstraint("name"{}),',
    "check": 'sa.CheckConstraint("above > 3"{}),',
}


@pytest.mark.parametrize("convention", [True, False])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("first", ["", ", name='one'"])
def test_a_constraint_gets_another_name(
    judge: Court,
    kind: str,
    first: str,
    convention: bool,  # noqa: FBT001
) -> None:
    """I name a constraint, or call it otherwise, and leave all else as it is."""
    if kind == "check" and convention and not first:
        first = ", name='any'"  # the convention names no CHECK that has none
    before, after = (
        OTHER_NAMES.format(KINDS[kind].format(it)) for it in (first, ", name='two'")
    )
    assert judged(judge, before, after, convention=convention) == PASSED


SPAN = """
class Hobby(Model):
    __tablename__ = "hobby"

    id = sa.Column(sa.Integer, primary_key=True)
    lasts = sa.Column({0})
    __table_args__ = ({1})
"""
SPANS = "sa.Interval(second_precision=3)", "sa.Interval(native=False)"
EXCLUDED = "".join(
    f"postgresql.ExcludeConstraint((lasts, '='), name='ex_{it}', using='btree'), "
    for it in (1, 2)
)


def test_an_interval_and_its_arguments(judge: Court) -> None:
    """I change how an Interval is kept, and its values; EXCLUDE is needed once."""
    rows = (("hobby", ((("id", "1"), ("lasts", "timedelta(days=3)")),)),)
    excludes = EXCLUDED if judge.database == "postgresql" else ""
    for before, after in (SPANS, SPANS[::-1]):
        verdict = judged(
            judge,
            SPAN.format(before, excludes),
            SPAN.format(after, excludes),
            rows=rows,
            tables={"hobby": "hobby"},
            columns={"hobby\nlasts": "lasts"},
        )
        # A person has to look at what becomes of the rows.
        assert verdict[0] == ("marked" if excludes else "passed"), verdict


IDENTITIES = """
class Ticket(Model):
    __tablename__ = "ticket"

    id = sa.Column({0}, sa.Identity(start=5), primary_key=True)
    number = sa.Column(sa.Integer, {1}, comment={2!r})
"""


def test_a_column_with_an_identity_changes(judge: Court) -> None:
    """I change a key that an identity counts, and swap an identity for a default."""
    one = IDENTITIES.format("sa.Integer", "sa.Identity(start=3)", "old")
    default = "server_default='3', nullable=False"
    two = IDENTITIES.format("sa.BigInteger", default, "new")
    assert judged(judge, one, two) == PASSED
    assert judged(judge, two, one) == PASSED


WORDS = """
class Word(Model):
    __tablename__ = "word"

    id = sa.Column(sa.Integer, primary_key=True)
    text = sa.Column(sa.Text({0}, {1}))
    values = sa.Column("values", sa.Integer)
    more = sa.Column(sa.Integer, sa.Computed(values + {0}, persisted=True))
"""


def test_a_collation_and_a_formula_of_a_reserved_word(judge: Court) -> None:
    """I change a text with a collation, and a formula of a column called values."""
    if judge.database == "postgresql":
        collation = 'collation="C"'
    elif judge.database == "sqlite":
        collation = 'collation="NOCASE"'
    else:
        collation = 'collation="utf8mb4_bin"'
    length = "" if judge.database == "postgresql" else "300"
    first = WORDS.format(300, collation).replace("Text(300", f"Text({length or None}")
    last = first.replace("300", "70000")
    assert judged(judge, first, last) == PASSED


TEXTS = """
class Hobby(Model):
    __tablename__ = "hobby"

    id = sa.Column(sa.Integer, primary_key=True)
    {0}
"""
KINDS_OF_TEXT = (
    *("CHAR(40, {})", "VARCHAR(40, {})", "TEXT({})", "TINYTEXT({})"),
    *("MEDIUMTEXT({})", "LONGTEXT({})"),
)
SAID_OF_TEXT = (
    *("binary=True", "charset='latin1'", "charset='latin1', binary=True"),
    *("charset='latin1', collation='latin1_bin'", "collation='utf8mb4_bin'"),
    *("ascii=True", "ascii=True, binary=True", "unicode=True"),
    "unicode=True, binary=True",
)
OF_A_NATION = [
    f"{kind}(40{more})"
    for kind in ("NCHAR", "NVARCHAR")
    for more in ("", ", binary=True")
]
OF_A_NATION += [f"{kind}(40, national=True)" for kind in ("CHAR", "VARCHAR")]


def test_all_that_is_said_of_a_text_together() -> None:
    """I say whatever MariaDB reads of a text, and it says it in other words."""
    types = [kind.format(said) for kind in KINDS_OF_TEXT for said in SAID_OF_TEXT]
    lines = [
        f"c{number} = sa.Column(mysql.{it})"
        for number, it in enumerate([*types, *OF_A_NATION])
    ]
    first, last = (TEXTS.format("\n    ".join(it)) for it in (lines[:-1], lines))
    with court("mariadb") as judge:
        assert judged(judge, first, last) == PASSED


@pytest.mark.parametrize("said", ["collation='utf8mb4_bin'", "binary=True"])
def test_a_text_says_what_its_table_has_anyway(said: str) -> None:
    """MariaDB does not say again of a column what is said of the table."""
    kinds = ("CHAR(9", "VARCHAR(9", "TEXT(9", "TEXT(999", "TEXT(99999")
    columns = [
        f"c{number} = sa.Column(mysql.{it}, {said}))" for number, it in enumerate(kinds)
    ]
    collated = "__table_args__ = {'mysql_collate': 'utf8mb4_bin'}"
    first, last = (
        TEXTS.format("\n    ".join([collated, *it])) for it in (columns[:-1], columns)
    )
    with court("mariadb") as judge:
        assert judged(judge, first, last) == PASSED


# Names after a rename

NAMED = """
class Hobby(Model):
    __tablename__ = "hobby"
    __table_args__ = (
        sa.UniqueConstraint("name", "place"),
        sa.CheckConstraint("name <> ''", name="said"),
    )

    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(20), unique=True)
    place = sa.Column(sa.Integer, index=True)
    fine = sa.Column(sa.Boolean(name="fine", create_constraint=True))
    mood = sa.Column(
        sa.Enum("a", "b", name="mood", native_enum=False, create_constraint=True)
    )
    above = sa.Column(sa.ForeignKey("hobby.id"))
"""


@pytest.mark.parametrize("convention", [True, False])
def test_names_follow_a_rename(judge: Court, convention: bool) -> None:  # noqa: FBT001
    """I rename a table and columns, and constraints are called as in a new table."""
    after = NAMED.replace('"hobby', '"pastime').replace('"name"', '"title"')
    after = after.replace("name = sa", "title = sa").replace("name <>", "title <>")
    verdict = judged(
        judge,
        NAMED,
        after,
        rows=(("hobby", ((("id", "1"), ("name", "'a'"), ("mood", "'b'")),)),),
        tables={"hobby": "pastime"},
        columns={"hobby\nname": "title", "hobby\nmood": "mood"},
        convention=convention,
    )
    assert verdict == PASSED


WITH_TEXTS = """
class Hobby(Model):
    __tablename__ = "hobby"
    __table_args__ = (
        sa.CheckConstraint(QUOTED, name="alone"),
        sa.CheckConstraint("size > 0 OR " + QUOTED, name="beside"),
        sa.CheckConstraint(sa.or_(sa.text(QUOTED), sa.column("size") > 0), name="text"),
        sa.Index("ix_some", "id", sqlite_where=sa.text(QUOTED)),
        sa.Index("ix_others", "id", postgresql_where=sa.text(QUOTED)),
    )

    id = sa.Column(sa.Integer, primary_key=True)
    is_done = sa.Column({name!r}, sa.Boolean())
    size = sa.Column(sa.Integer)
    other = sa.Column({other!r}, sa.Integer)
    not_done = sa.Column(sa.Boolean(), sa.Computed({formula!r}, persisted=True))
"""
ROW_OF_TEXTS = (("id", "1"), ("done", "True"), ("done then", "1"))


@pytest.mark.parametrize(
    "to", ["done", "values", "order", "a b", "Gr\u00f6\u00dfe", "9lives"]
)
@pytest.mark.parametrize("table", ["hobby", "pastime"])
def test_a_text_has_the_new_name_as_a_database_reads_it(
    judge: Court, table: str, to: str
) -> None:
    """I rename a column that stands in texts, alone and beside others."""
    quote = "`" if judge.database == "mariadb" else '"'

    def models(name: str) -> str:
        said = f"{quote}{name}{quote}"
        found = WITH_TEXTS.replace("QUOTED", repr(said))
        return found.format(name=name, other="done then", formula=f"NOT {said}")

    before, after = models("done"), models(to).replace('"hobby"', f'"{table}"')
    verdict = judged(
        judge,
        before,
        after,
        rows=(("hobby", (ROW_OF_TEXTS,)),),
        tables={"hobby": table},
        columns={"hobby\ndone": to, "hobby\ndone then": "done then"},
    )
    assert verdict == PASSED


# The values of an Enum

MOODS = """
Mood = sa.Enum({0}, name="mood", schema="SCHEMA")


class Friend(Model):
    __tablename__ = "friend"
    __table_args__ = {{"schema": "SCHEMA"}}

    id = sa.Column(sa.Integer, primary_key=True)
    now = sa.Column(Mood, server_default="good", index=True)
    soon = sa.Column(Mood)
"""
IN_A_MOOD = (("id", "1"), ("now", "'bad'"), ("soon", "'good'"))


@pytest.mark.parametrize(
    ("values", "new"),
    [("'odd', 'bad', 'good'", {}), ("'awful', 'odd', 'good'", {"bad": "awful"})],
    ids=["order", "rename"],
)
def test_values_of_an_enum_change(
    judge: Court, values: str, new: dict[str, str]
) -> None:
    """I sort the values of an Enum of two columns, or rename one, and am asked once."""
    place = "" if judge.database == "sqlite" else "SCHEMA."
    models = [MOODS.format(it) for it in ("'good', 'bad', 'odd'", values)]
    if not place:
        drop = ', schema="SCHEMA"', '    __table_args__ = {"schema": "SCHEMA"}\n'
        models = [it.replace(drop[0], "").replace(drop[1], "") for it in models]
    table = f"{place}friend"
    columns = {f"{table}\n{name}": name for name in ("id", "now", "soon")}
    labels = {it: tuple(new.items()) for it in columns if new and "id" not in it}
    verdict = judged(
        judge,
        *models,
        rows=((table, (IN_A_MOOD,)),),
        tables={table: table},
        columns=columns,
        labels=labels,
        answers=[f"rename=friend.soon.{it}:{name}" for it, name in new.items()],
    )
    assert verdict == PASSED


TWO_TABLES = """
class Hobby(Model):
    __tablename__ = "hobby"

    id = sa.Column(sa.Integer, primary_key=True)
    code = sa.Column(sa.Integer, nullable=False, unique=True{0})
    mood = sa.Column(
        sa.Enum("a", "b", name="mood", native_enum=False, create_constraint={1})
    )
"""
DROPPED = """

class Sport(Model):
    __tablename__ = "sport"

    id = sa.Column(sa.Integer, primary_key=True)
    open = sa.Column(sa.Boolean(name="open", create_constraint=True))
"""


CHECKED = """
class Hobby(Model):
    __tablename__ = "hobby"

    id = sa.Column(sa.Integer, primary_key=True)
    kind = sa.Column(sa.Enum("x", "y", name="kind"{0}))
"""


@pytest.mark.parametrize("convention", [True, False])
@pytest.mark.parametrize("places", [(0, 1), (1, 0)])
def test_an_enum_gets_or_loses_its_check(
    judge: Court,
    places: tuple[int, int],
    convention: bool,  # noqa: FBT001
) -> None:
    """SQLite has no Enum, and a CHECK where the model asks for one."""
    said = "", ", create_constraint=True"
    before, after = (CHECKED.format(said[it]) for it in places)
    assert judged(judge, before, after, convention=convention) == PASSED


@pytest.mark.parametrize("convention", [True, False])
def test_a_check_of_a_type_is_there_once(judge: Court, convention: bool) -> None:  # noqa: FBT001
    """I rename a table whose Enum loses its CHECK, and drop one that comes back."""
    after = TWO_TABLES.format(", index=True", "False").replace('"hobby"', '"pastime"')
    verdict = judged(
        judge,
        TWO_TABLES.format("", "True") + DROPPED,
        after,
        tables={"hobby": "pastime"},
        answers=["drop=sport"],
        convention=convention,
    )
    assert verdict == PASSED


# What is for some databases alone

FOR_SOME = """
class Hobby(Model):
    __tablename__ = "hobby"

    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(20))
    size = sa.Column(sa.Integer)
    __table_args__ = (
        sa.CheckConstraint("size > {0}", name="big").ddl_if("postgresql"),
        sa.Index("ix_hobby_name", "name").ddl_if(("sqlite", "mariadb")),
        sa.UniqueConstraint("name", "size").ddl_if(
            callable_=lambda *_, dialect, **__: dialect.name != "mariadb"
        ),
    )
"""
NOTHING = FOR_SOME.partition("    __table_args__")[0]
ONE: dict[str, Any] = {"tables": {"hobby": "hobby"}, "columns": {"hobby\nsize": "size"}}
OF_HOBBY = (("hobby", ((("id", "1"), ("name", "'a'"), ("size", "7")),)),)


@pytest.mark.parametrize(
    "models",
    [
        (NOTHING, FOR_SOME.format(3)),
        (FOR_SOME.format(3), FOR_SOME.format(4)),
        (FOR_SOME.format(3), NOTHING),
    ],
    ids=["added", "changed", "removed"],
)
def test_what_is_for_other_databases_is_not_here(
    judge: Court, models: tuple[str, str]
) -> None:
    """I say `ddl_if`, and each database gets what is for it, and nothing else."""
    assert judged(judge, *models, rows=OF_HOBBY, **ONE) == PASSED


EVERYWHERE = """    __table_args__ = (
        sa.CheckConstraint("size > 3", name="big"),
        sa.Index("ix_hobby_name", "name"),
        sa.UniqueConstraint("name", "size", name="both"),
    )
"""
ONE_IN_ALL = f"{NOTHING}{EVERYWHERE}"


@pytest.mark.parametrize("column", ["size", "weight"])
@pytest.mark.parametrize(
    "models",
    [
        (FOR_SOME.format(3), FOR_SOME.format(4)),
        (FOR_SOME.format(3), NOTHING),
        (NOTHING, FOR_SOME.format(3)),
        (ONE_IN_ALL, FOR_SOME.format(3)),
        (FOR_SOME.format(3), ONE_IN_ALL),
    ],
    ids=["changed", "removed", "added", "less", "more"],
)
def test_what_is_for_some_databases_follows_its_table(
    judge: Court, models: tuple[str, str], column: str
) -> None:
    """I rename a table, or its column too, and change what some databases have."""
    before, after = models
    after = after.replace('"hobby"', '"sport"').replace("size", column)
    verdict = judged(
        judge,
        before,
        after,
        rows=OF_HOBBY,
        tables={"hobby": "sport"},
        columns={"hobby\nsize": column},
    )
    assert verdict == PASSED


def test_a_script_for_some_databases_runs_on_all(
    project: Environment, database_url: str, tmp_path: Path
) -> None:
    """I draft with `ddl_if` on SQLite, and each database of production is clean."""
    runs_on = '    url=url,\n    runs_on=("sqlite", "postgresql", "mariadb"),\n'
    project.edit("migrations/__init__.py", "    url=url,\n", runs_on)
    there = project.using(database_url)
    here = project.using(f"sqlite:///{tmp_path / 'here.db'}")
    for number, said in enumerate((FOR_SOME.format(3), FOR_SOME.format(4), NOTHING)):
        models = said.replace("hobby", "sport").replace("Hobby", "Sport")
        (project.package / "sports.py").write_text(IMPORTS + models)
        draft(here, f"sports {number}")
        alembic(there, "upgrade head", "check")
    alembic(there, "downgrade base", "upgrade head", "check")


def test_what_is_for_another_database_is_drafted_when_it_changes(
    project: Environment, tmp_path: Path
) -> None:
    """I draft on SQLite: PostgreSQL's CHECK is made anew, and only if I change it."""
    runs_on = '    url=url,\n    runs_on=("sqlite", "postgresql"),\n'
    project.edit("migrations/__init__.py", "    url=url,\n", runs_on)
    here = project.using(f"sqlite:///{tmp_path / 'here.db'}")
    less = FOR_SOME.replace("hobby", "sport").replace("Hobby", "Sport")
    column = "    place = sa.Column(sa.Integer)\n    __table_args__"
    more = less.replace("    __table_args__", column)
    drafts = list[str]()
    for number, said in enumerate((less.format(3), more.format(3), more.format(4))):
        (here.package / "sports.py").write_text(IMPORTS + said)
        drafts.append(draft(here, f"sports {number}"))
    found = [[it in text for it in ("size > 3", "size > 4")] for text in drafts]
    assert found == [[True, False], [False, False], [True, True]]


# A foreign key whose name changes, and something else of it

TREE = """
class Node(Model):
    __tablename__ = "{0}"

    id = sa.Column(sa.{3}, primary_key=True, autoincrement=False)
    {1} = sa.Column(sa.{3}, sa.ForeignKey("{0}.id"{2}){4})
"""
RENAMED = {"the table": ("branch", "up"), "the column": ("node", "above")}
CHANGED = {
    "nothing": ("", "Integer", ""),
    "an option": (", ondelete='CASCADE'", "Integer", ""),
    "the type": ("", "BigInteger", ""),
    "all": (", onupdate='CASCADE'", "BigInteger", ", nullable=False"),
}


@pytest.mark.parametrize("change", CHANGED)
@pytest.mark.parametrize("renamed", RENAMED)
def test_a_renamed_key_changes(judge: Court, renamed: str, change: str) -> None:
    """I rename a part of a foreign key, and change the key: it is made anew once."""
    (table, column), (options, type_, null) = RENAMED[renamed], CHANGED[change]
    before = TREE.format("node", "up", "", "Integer", "")
    after = TREE.format(table, column, options, type_, null)
    given = judged(
        judge,
        before,
        after,
        rows=(("node", ((("id", "1"), ("up", "1")), (("id", "2"), ("up", "None")))),),
        tables={"node": table},
        columns={"node\nid": "id", "node\nup": column},
        filled=("node\nup",) if null else (),
        fills={f"{table}.{column}": "1"},
    )
    assert given == PASSED


# A default in other words

NUMBERS = ("SmallInteger", "Integer", "BigInteger", "Numeric(9, 2)", "Float", "Double")
SPELLED = ('"7"', 'sa.text("7")', "sa.text(\"'7'\")", "sa.literal(7)")

DEFAULTS = """
class Count(Model):
    __tablename__ = "count"

    id = sa.Column(sa.Integer, primary_key=True)
    {}
"""


def test_a_default_in_other_words(judge: Court) -> None:
    """I spell numbers otherwise, which catalogs tell apart for some types."""
    changes = list(product(NUMBERS, permutations(SPELLED, 2)))
    before, after = (
        [
            f"c{number} = sa.Column(sa.{type_}, server_default={pair[place]})"
            for number, (type_, pair) in enumerate(changes)
        ]
        for place in (0, 1)
    )
    models = (DEFAULTS.format("\n    ".join(it)) for it in (before, after))
    assert judged(judge, *models) == PASSED


CONFLICTS = """
class Hobby(Model):
    __tablename__ = "hobby"

    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(
        sa.String(20), nullable=False, sqlite_on_conflict_not_null="FAIL"
    )
    code = sa.Column(sa.Integer, unique=True, sqlite_on_conflict_unique="IGNORE")
"""
LOOSE = (("nullable=False", "nullable=True"), ("unique=True, ", ""))


@pytest.mark.parametrize("judge", ["sqlite"], indirect=True)
@pytest.mark.parametrize("table", ["hobby", "pastime"])
@pytest.mark.parametrize("columns", [("name", "code"), ("title", "number")])
def test_what_a_conflict_does_comes_back(
    judge: Court, table: str, columns: tuple[str, str]
) -> None:
    """A column may be NULL or there twice, alone and with another name, and back."""
    loose = CONFLICTS
    for old, new in LOOSE:
        loose = loose.replace(old, new)
    others = (("hobby", table), *zip(("name", "code"), columns, strict=True))
    renamed = []
    for models in (loose, CONFLICTS):
        found = models
        for old, new in others:
            found = found.replace(f'"{old}"', f'"{new}"').replace(
                f" {old} =", f" {new} ="
            )
        renamed.append(found)
    row = (("id", "1"), ("name", "'a'"), ("code", "1"))
    for before, after in ((CONFLICTS, renamed[0]), (loose, renamed[1])):
        verdict = judged(
            judge,
            before,
            after,
            rows=(("hobby", (row,)),),
            tables={"hobby": table},
            columns={f"hobby\n{old}": new for old, new in others[1:]},
        )
        assert verdict == PASSED
