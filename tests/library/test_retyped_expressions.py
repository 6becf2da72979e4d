"""CHECKs, indexes of some rows and of expressions follow the type of their column."""

import pytest
from drafts import alembic, draft, one_of_several, refusal, sql
from environment import Environment
from proof.case import Case, Court, Verdict
from servers import ON_POSTGRESQL

MODULE = '''"""The models of an app."""

import sqlalchemy as sa

from .db import Model
'''
MODEL = """

class Friend(Model):
    __tablename__ = "friend"

    id = sa.Column(sa.Integer(), primary_key=True)
    mood = sa.Column({type_}, nullable={nullable})
    __table_args__ = ({object_},)
"""
FORMULA = 'sa.Column("is_known", sa.Boolean(), sa.Computed("mood {0}", persisted=True))'
OBJECTS = {
    "CHECK": 'sa.CheckConstraint("mood {0}", name="known")',
    "CHECK without a name": 'sa.CheckConstraint("mood {0}")',
    "index of some rows": 'sa.Index("ix", "id", postgresql_where=sa.text("mood {0}"))',
    "index of an expression": 'sa.Index("ix", sa.text("(mood {0})"))',
    "formula": FORMULA,
    "formula with an index": f'{FORMULA}, sa.Index("ix", "is_known", "id")',
    "formula with UNIQUE": f'{FORMULA}, sa.UniqueConstraint("is_known", name="once")',
    "formula with a CHECK": f'{FORMULA}, sa.CheckConstraint("is_known", name="so")',
}
DAY = "__import__('datetime').datetime(2021, 1, 1)"
CHANGES = {
    "an Enum, and another one": (
        'sa.Enum("calm", "glad", "1", name="mood")',
        'sa.Enum("calm", "glad", name="temper")',
        "<> 'glad'",
        "'calm'",
    ),
    "an Enum's values": (
        'sa.Enum("calm", "glad", "1", name="mood")',
        'sa.Enum("calm", "glad", name="mood")',
        "<> 'glad'",
        "'calm'",
    ),
    "an Enum, and text": (
        'sa.Enum("calm", "glad", name="mood")',
        "sa.String(9)",
        "<> 'glad'",
        "'calm'",
    ),
    "text of a fixed length, and text": (
        "sa.CHAR(4)",
        "sa.String(9)",
        "<> 'glad'",
        "'calm'",
    ),
    "text of a nation, and text": (
        "sa.NCHAR(4)",
        "sa.String(9)",
        "<> 'glad'",
        "'calm'",
    ),
    "texts": ("sa.String(9)", "sa.Text()", "<> 'glad'", "'calm'"),
    "text, and a number": ("sa.String(9)", "sa.Integer()", "<> '2'", "'1'"),
    "integers": ("sa.Integer()", "sa.BigInteger()", "> 0", "1"),
    "an integer, and a decimal": ("sa.BigInteger()", "sa.Numeric(12)", "> 0", "1"),
    "an integer, and a float": ("sa.Integer()", "sa.Float()", "> 0.5", "1"),
    "a float, and a decimal": ("sa.Float()", "sa.Numeric(9, 2)", "> 0", "1"),
    "moments without and with a zone": (
        "sa.DateTime()",
        "sa.DateTime(timezone=True)",
        "> '2020-01-01'",
        DAY,
    ),
    "a day, and a moment": (
        "sa.Date()",
        "sa.DateTime()",
        "> '2020-01-01'",
        f"{DAY}.date()",
    ),
}


def verdict_of(
    judge: Court, kind: str, *changes: str, was_null: bool = False
) -> Verdict:
    """Return what becomes of tables in which the type below an object changes.

    :param changes: each of them in a table of its own.
    :param was_null: whether the columns might have been NULL, and are filled.
    """
    before, after, rows = MODULE, MODULE, []
    for number, change in enumerate(changes):
        old, new, condition, value = CHANGES[change]
        nullable = {"before": was_null, "after": False}
        models = [
            MODEL.format(
                type_=type_,
                object_=OBJECTS[kind].format(condition),
                nullable=nullable[when],
            )
            for type_, when in ((old, "before"), (new, "after"))
        ]
        own = [one_of_several(model, number) for model in models]
        before, after = before + own[0], after + own[1]
        rows.append((f"friend{number}", ((("id", "1"), ("mood", value)),)))
    tables = [table for table, _ in rows]
    case = Case(
        database="postgresql",
        before=before,
        after=after,
        rows=tuple(rows),
        tables={it: it for it in tables},
        columns={f"{it}\n{name}": name for it in tables for name in ("id", "mood")},
        retyped=tuple(f"{it}\nmood" for it in tables),
        fills={f"{it}.mood": "'1'" for it in tables},
        convention=kind != "CHECK without a name",
    )
    return judge.judge(case)


@pytest.mark.parametrize("judge", ["postgresql"], indirect=True)
@pytest.mark.parametrize("kind", OBJECTS)
def test_an_expression_is_as_if_it_had_been_made_with_the_new_type(
    judge: Court, kind: str
) -> None:
    """And with the old one after a downgrade: PostgreSQL would keep the old casts."""
    verdict = verdict_of(judge, kind, *CHANGES)
    assert (verdict.kind, verdict.text) == ("passed", "")


@pytest.mark.parametrize("judge", ["postgresql"], indirect=True)
@pytest.mark.parametrize("kind", OBJECTS)
def test_it_is_so_where_the_column_is_filled_between(judge: Court, kind: str) -> None:
    """What is in the way of the type goes before it, and not with NOT NULL after it."""
    verdict = verdict_of(judge, kind, "text, and a number", was_null=True)
    assert (verdict.kind, verdict.text) == ("passed", "")


@ON_POSTGRESQL
def test_a_formula_is_not_taken_from_those_who_read_it(
    project: Environment, database_url: str
) -> None:
    """A live draft would be without the column until all rows have the new type."""
    shop = project.using(database_url)
    old, new, condition, _ = CHANGES["integers"]
    models = MODULE + MODEL.replace("Friend", "Mood").replace('"friend"', '"moods"')
    given = {"object_": FORMULA.format(condition), "nullable": False}
    moods = shop.package / "moods.py"
    moods.write_text(models.format(type_=old, **given))
    draft(shop, "moods")
    moods.write_text(models.format(type_=new, **given))
    before = shop.revisions()
    said = refusal(shop, "-x", "live", "revision", "--autogenerate", "-m", "more")
    assert "moods.is_known is computed from a column that gets another type" in said
    assert "-x live=no" in said
    assert shop.revisions() == before
    draft(shop, "more", "live=no")
    alembic(shop, "check")


@ON_POSTGRESQL
def test_an_index_of_moments_is_compared_in_the_words_of_the_server(
    project: Environment, database_url: str
) -> None:
    """It is clean as I wrote it, and another one that was made by hand is named."""
    shop = project.using(database_url)
    index = 'sa.Index("ix", sa.text("(mood > \'2020-01-01\')"), "id")'
    models = MODULE
    models += MODEL.format(type_="sa.DateTime()", object_=index, nullable=False)
    models = models.replace("Friend", "Mood").replace("friend", "moods")
    (shop.package / "moods.py").write_text(models)
    draft(shop, "moods")
    alembic(shop, "check")
    reading = "options=-cdefault_transaction_read_only%3Don"
    said = refusal(shop.using(f"{database_url}?{reading}"), "check")
    assert "moods: index ix removed" in said, (
        "who may not ask is told what Alembic sees"
    )
    shop.using(database_url)
    sql(database_url, "DROP INDEX ix")
    sql(database_url, "CREATE INDEX ix ON moods ((mood > '2021-01-01'), id)")
    said = refusal(shop, "check")
    assert "moods: index ix removed" in said
    assert "changed by hand" in said
