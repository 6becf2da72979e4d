"""Views of the models: drafted, followed, undone, and never lost around a change."""

import pytest
from drafts import alembic, draft, newest, refusal, sql
from environment import Environment
from sqlalchemy.engine import make_url

MODULE = '''"""Things, and views of them."""

import sqlalchemy as sa

from .db import Model


class Thing(Model):
    __tablename__ = "thing"

    id = sa.Column(sa.Integer, primary_key=True)
{columns}


thing = Thing.__table__
{views}
'''

NAME = "name = sa.Column(sa.String(20))"
AGE = "age = sa.Column(sa.Integer)"
ADULTS = (
    "adults = sa.CreateView(sa.select(thing.c.id, thing.c.name)"
    ".where(thing.c.age >= {age}), 'adults', metadata=Model.metadata)"
)
NAMES = (
    "names = sa.CreateView(sa.select(adults.table.c.name), 'names',"
    " metadata=Model.metadata)"
)
ROWS = "INSERT INTO thing (id, name, age) VALUES (1, 'Ada', 17), (2, 'Bo', 30)"

AGES = {3: [("Ada",), ("Bo",)], 18: [("Bo",)]}
"""An age -> the rows of who is as old."""

OF_VIEW = """
SELECT attname, attacl::text, col_description(oid, attnum)
FROM pg_class JOIN pg_attribute ON attrelid = oid AND attnum > 0
WHERE relname = 'adults'
UNION ALL SELECT NULL, relacl::text || relowner::regrole, obj_description(oid)
FROM pg_class WHERE relname = 'adults' ORDER BY 1
"""
"""The rights, comments and owner of a view and of its columns."""


def define(project: Environment, columns: list[str], views: list[str]) -> None:
    """Write the model of a table, and views of it."""
    module = MODULE.format(
        columns="\n".join(f"    {it}" for it in columns), views="\n".join(views)
    )
    (project.package / "things.py").write_text(module)


def on(*databases: str) -> pytest.MarkDecorator:
    """Let a test run on some databases alone."""
    return pytest.mark.parametrize("database_url", databases, indirect=True)


@pytest.fixture
def shop(project: Environment, database_url: str) -> Environment:
    """Give a project with a table that has rows."""
    shop = project.using(database_url)
    define(shop, [NAME, AGE], [])
    draft(shop, "things")
    sql(database_url, ROWS)
    return shop


@pytest.mark.parametrize(
    ("database_url", "live"),
    [("postgresql", ()), ("mariadb", ("live",))],
    indirect=["database_url"],
)
def test_a_schema_holds_nothing_but_views(
    shop: Environment, database_url: str, live: tuple[str, ...]
) -> None:
    """My views for reports are in a schema where no table is: a draft makes it once."""
    schema = f"{make_url(database_url).database}_reports"
    where = f"schema={schema!r}, metadata="
    views = [ADULTS.format(age=18).replace("metadata=", where)]
    define(shop, [NAME, AGE], views)
    alembic(shop, *[f"-x {it} revision --autogenerate -m view" for it in live])
    script = newest(shop, "view") if live else draft(shop, "view")
    alembic(shop, "upgrade head", "check")
    assert script.count("op.create_schema(") == 1
    assert sql(database_url, f"SELECT name FROM {schema}.adults") == [("Bo",)]  # noqa: S608
    define(shop, [NAME, AGE], [*views, NAMES.replace("metadata=", where)])
    assert "create_schema" not in draft(shop, "more")
    alembic(shop, "downgrade -2")
    sql(database_url, f"DROP SCHEMA {schema}")


def test_views_are_made_replaced_and_dropped(
    shop: Environment, database_url: str
) -> None:
    """I add a view and one on it, change the lower one, go back, and drop both."""
    names = "SELECT name FROM names ORDER BY name"
    define(shop, [NAME, AGE], [ADULTS.format(age=18), NAMES])
    drafted = draft(shop, "views")
    assert "op.create_table" not in drafted
    assert drafted.index('"adults"') < drafted.index('"names"')
    assert sql(database_url, names) == [("Bo",)]
    alembic(shop, "downgrade -1", "upgrade head")
    assert sql(database_url, names) == [("Bo",)]
    define(shop, [NAME, AGE], [ADULTS.format(age=16), NAMES])
    assert "adults: view changed" in refusal(shop, "check")
    draft(shop, "from 16 on")
    assert sql(database_url, names) == [("Ada",), ("Bo",)]
    alembic(shop, "downgrade -1")
    assert sql(database_url, names) == [("Bo",)]
    alembic(shop, "upgrade head", "check")
    define(shop, [NAME, AGE], [])
    draft(shop, "no views")
    alembic(shop, "downgrade -1")
    assert sql(database_url, names) == [("Ada",), ("Bo",)]
    alembic(shop, "upgrade head", "downgrade base")


def test_what_a_view_uses_changes_below_it(
    shop: Environment, database_url: str
) -> None:
    """I retype, rename and drop columns that views show; rows and views are there."""
    define(shop, [NAME, AGE], [ADULTS.format(age=18), NAMES])
    draft(shop, "views")
    define(shop, [NAME.replace("20", "40"), AGE], [ADULTS.format(age=18), NAMES])
    wider = draft(shop, "wider")
    assert wider.index("op.drop_view") < wider.index("sa.String(length=40)")
    alembic(shop, "downgrade -1", "upgrade head", "check")
    assert sql(database_url, "SELECT name FROM names") == [("Bo",)]
    full = [it.replace("thing.c.name", "thing.c.full") for it in [ADULTS, NAMES]]
    full = [it.replace("table.c.name", "table.c.full") for it in full]
    columns = [NAME.replace("20", "40").replace("name", "full"), AGE]
    define(shop, columns, [full[0].format(age=18), full[1]])
    draft(shop, "full names", "rename=thing.name:full")
    assert sql(database_url, "SELECT * FROM names") == [("Bo",)]
    alembic(shop, "downgrade -1")
    assert sql(database_url, "SELECT name FROM names") == [("Bo",)]
    alembic(shop, "upgrade head", "check")
    ages = "ages = sa.CreateView(sa.select(thing.c.age), 'ages'," + NAMES[-25:]
    define(shop, [AGE], [ages])
    draft(shop, "ages alone", "drop=thing.full")
    alembic(shop, "downgrade -1")
    assert sql(database_url, "SELECT count(*) FROM names") == [(1,)]
    alembic(shop, "upgrade head", "check")
    assert sql(database_url, "SELECT age FROM ages ORDER BY age") == [(17,), (30,)]


@on("sqlite")
def test_a_rebuild_below_a_view(shop: Environment, database_url: str) -> None:
    """I change a column that no view shows; the table is made anew below them."""
    define(shop, [NAME, AGE], [ADULTS.format(age=18), NAMES])
    draft(shop, "views")
    check = "sa.CheckConstraint('length(more) > 1', name='m')"
    more = f"more = sa.Column(sa.String(9), {check})"
    define(shop, [NAME, AGE, more], [ADULTS.format(age=18), NAMES])
    assert "op.drop_view" not in draft(shop, "more")
    define(shop, [NAME, AGE, more.replace("9", "8")], [ADULTS.format(age=18), NAMES])
    assert "op.drop_view" not in draft(shop, "less")
    assert sql(database_url, "SELECT name FROM names") == [("Bo",)]
    alembic(shop, "downgrade -2", "upgrade head", "check")


def test_a_view_that_is_there_already(shop: Environment, database_url: str) -> None:
    """A view that nobody declared is mine from the draft on, and comes back."""
    sql(database_url, "CREATE VIEW adults AS SELECT id, name FROM thing WHERE age > 40")
    sql(database_url, "CREATE VIEW legacy AS SELECT name FROM thing")
    define(shop, [NAME, AGE], [ADULTS.format(age=18)])
    said = alembic(shop, "upgrade head", "revision --autogenerate -m adopted")
    assert "view legacy" in said
    assert "legacy" not in newest(shop, "adopted")
    alembic(shop, "upgrade head", "check")
    assert sql(database_url, "SELECT count(*) FROM adults") == [(1,)]
    alembic(shop, "downgrade -1")
    assert sql(database_url, "SELECT count(*) FROM adults") == [(0,)]
    alembic(shop, "upgrade head", "check")
    draft(shop, "no legacy", "drop=legacy")
    alembic(shop, "downgrade -1")
    assert sql(database_url, "SELECT count(*) FROM legacy") == [(2,)]


@on("mariadb")
def test_a_view_that_was_dropped_by_hand(shop: Environment, database_url: str) -> None:
    """The draft makes it again, and runs where it is still there."""
    define(shop, [NAME, AGE], [ADULTS.format(age=18)])
    draft(shop, "views")
    sql(database_url, "DROP VIEW adults")
    assert "adults: view added" in refusal(shop, "check")
    draft(shop, "again")
    alembic(shop, "downgrade -1", "upgrade head", "check", "downgrade base")
    alembic(shop, "upgrade head", "check")


def test_somebody_elses_view_uses_a_column(
    shop: Environment, database_url: str
) -> None:
    """The draft names it and what to write; the run stops before anything."""
    sql(database_url, "CREATE VIEW legacy AS SELECT name FROM thing")
    define(shop, [AGE], [])
    said = alembic(
        shop, "upgrade head", "-x drop=thing.name revision --autogenerate -m gone"
    )
    assert "the view legacy" in said
    drafted = newest(shop, "gone")
    assert "uses thing.name" in drafted
    assert 'op.execute("DROP VIEW legacy")' in drafted
    shop.environment["FRIEND_BOOK_MIGRATION_REHEARSE"] = "yes"
    refused = refusal(shop, "upgrade", "head")
    assert "legacy" in refused
    assert sql(database_url, "SELECT count(*) FROM legacy") == [(2,)]


@on("sqlite", "postgresql")
def test_a_trigger_of_a_view_is_not_lost(shop: Environment, database_url: str) -> None:
    """A view with a trigger that I made is not dropped with it."""
    define(shop, [NAME, AGE], [ADULTS.format(age=18)])
    draft(shop, "views")
    words = "BEGIN DELETE FROM thing WHERE id = OLD.id; END"
    if "postgresql" in database_url:
        sql(
            database_url,
            "CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN DELETE FROM thing WHERE id = OLD.id; RETURN OLD; END'",
        )
        words = "FOR EACH ROW EXECUTE FUNCTION away()"
    sql(database_url, f"CREATE TRIGGER away INSTEAD OF DELETE ON adults {words}")
    define(shop, [NAME.replace("20", "40"), AGE], [ADULTS.format(age=18)])
    alembic(shop, "upgrade head", "revision --autogenerate -m wider")
    refused = refusal(shop, "upgrade", "head")
    assert "would be dropped with its trigger away" in refused
    sql(database_url, "DELETE FROM adults")
    assert sql(database_url, "SELECT id FROM thing") == [(1,)]


@on("sqlite", "postgresql")
def test_a_materialized_view_and_its_index(
    shop: Environment, database_url: str
) -> None:
    """PostgreSQL has it, with its index; the others say that they have none."""
    held = (
        "held = sa.CreateView(sa.select(thing.c.id, thing.c.name), 'held',"
        " materialized=True, metadata=Model.metadata)"
    )
    index = "sa.Index('ix_held_name', held.table.c.name)"
    define(shop, [NAME, AGE], [held, index])
    if "postgresql" not in database_url:
        refused = refusal(shop, "revision", "--autogenerate", "-m", "held")
        assert "has no materialized views" in refused
        assert "Nothing is written" in refused
        return
    draft(shop, "held")
    indexes = "SELECT indexname FROM pg_indexes WHERE tablename = 'held'"
    assert sql(database_url, indexes) == [("ix_held_name",)]
    define(shop, [NAME.replace("20", "40"), AGE], [held, index])
    draft(shop, "wider")
    assert sql(database_url, indexes) == [("ix_held_name",)]
    define(shop, [NAME.replace("20", "40"), AGE], [held])
    draft(shop, "no index")
    assert sql(database_url, indexes) == []
    alembic(shop, "downgrade -1")
    assert sql(database_url, indexes) == [("ix_held_name",)]
    alembic(shop, "downgrade -1", "downgrade -1", "upgrade head", "check")
    assert sql(database_url, "SELECT count(*) FROM held") == [(2,)]


@on("postgresql")
def test_the_query_of_a_materialized_view_changes(
    shop: Environment, database_url: str
) -> None:
    """I change it below another view, or hold no rows any more: both are there."""
    held = ADULTS.replace("metadata=", "materialized=True, metadata=")
    rows = "SELECT name FROM names ORDER BY name"
    for age, names in AGES.items():
        define(shop, [NAME, AGE], [held.format(age=age), NAMES])
        draft(shop, f"from {age}")
        assert sql(database_url, rows) == names
    alembic(shop, "downgrade -1")
    assert sql(database_url, rows) == AGES[3]
    alembic(shop, "upgrade head", "check")
    define(shop, [NAME, AGE], [ADULTS.format(age=3), NAMES])
    draft(shop, "not held any more")
    assert sql(database_url, rows) == AGES[3]
    alembic(shop, "downgrade -1", "upgrade head", "check")


@on("sqlite", "postgresql")
def test_a_table_that_a_query_fills(shop: Environment, database_url: str) -> None:
    """It is made with its rows once; they are data from then on, and are dropped."""
    kept = (
        "kept = sa.CreateTableAs(sa.select(thing.c.id, thing.c.name), 'kept',"
        " metadata=Model.metadata)"
    )
    define(shop, [NAME, AGE], [kept])
    assert "op.create_table_as" in draft(shop, "kept")
    assert sql(database_url, "SELECT count(*) FROM kept") == [(2,)]
    sql(database_url, "DELETE FROM kept WHERE id = 1")
    define(shop, [NAME, AGE], [kept.replace(", thing.c.name", "")])
    alembic(shop, "check")
    define(shop, [NAME, AGE], [])
    draft(shop, "not kept", "drop=kept")
    alembic(shop, "downgrade -1", "downgrade -1", "upgrade head")


@on("postgresql", "mariadb")
def test_the_words_of_each_database(shop: Environment, database_url: str) -> None:
    """One draft runs on all databases of the project, with the query of each."""
    quoted = (
        "odd = sa.CreateView(sa.select(thing.c.id.label('Or''der'), sa.literal('100%')"
        ".label('much'), sa.literal(':x').label('user')), 'odd',"
        " metadata=Model.metadata)"
    )
    define(shop, [NAME, AGE], [quoted.replace("''", "")])
    draft(shop, "odd")
    (row, *_) = sql(database_url, "SELECT * FROM odd ORDER BY 1")
    assert row == (1, "100%", ":x")
    alembic(shop, "downgrade -1", "upgrade head", "check")


@on("postgresql")
@pytest.mark.parametrize("materialized", [False, True])
def test_who_may_read_a_view_may_read_it_afterwards(
    shop: Environment, database_url: str, *, materialized: bool
) -> None:
    """A view is made anew around a change: its rights, comments and owner are there."""
    holds = ADULTS.replace("metadata=", f"materialized={materialized}, metadata=")
    define(shop, [NAME, AGE], [holds.format(age=18)])
    draft(shop, "views")
    kind = "MATERIALIZED VIEW" if materialized else "VIEW"
    for said in (
        "GRANT SELECT ON adults TO PUBLIC",
        "GRANT SELECT (id), UPDATE (name) ON adults TO pg_monitor WITH GRANT OPTION",
        f"COMMENT ON {kind} adults IS 'it''s 100%'",
        "COMMENT ON COLUMN adults.id IS 'a number'",
        "ALTER TABLE adults OWNER TO pg_read_all_data",
    ):
        sql(database_url, said)
    before = sql(database_url, OF_VIEW)
    define(shop, [NAME.replace("20", "40"), AGE], [holds.format(age=16)])
    draft(shop, "wider")
    assert sql(database_url, OF_VIEW) == before
    fewer = holds.replace("thing.c.id, ", "").format(age=16)
    define(shop, [NAME.replace("20", "40"), AGE], [fewer])
    draft(shop, "fewer columns")
    assert sql(database_url, OF_VIEW) == [it for it in before if it[0] != "id"]
    alembic(shop, "downgrade base", "upgrade head")
    assert {it[1:] for it in sql(database_url, OF_VIEW)} == {(None, None)}


@on("postgresql")
def test_a_script_of_sql_has_views(shop: Environment) -> None:
    """With --sql the script has the statements of views."""
    define(shop, [NAME, AGE], [ADULTS.format(age=18), NAMES])
    draft(shop, "views")
    define(shop, [NAME.replace("20", "40"), AGE], [ADULTS.format(age=16), NAMES])
    draft(shop, "wider")
    script = shop.alembic("upgrade", "head", "--sql").stdout
    assert script.count("CREATE VIEW adults AS SELECT") == 2
    assert script.count("DROP VIEW names") == 1


@on("postgresql", "mariadb")
def test_views_of_an_app_in_use(shop: Environment, database_url: str) -> None:
    """A view is replaced before the deployment, and one that is gone drops after it."""
    old = "old = sa.CreateView(sa.select(thing.c.id), 'old', metadata=Model.metadata)"
    define(shop, [NAME, AGE], [ADULTS.format(age=18), NAMES, old])
    draft(shop, "views")
    full = [it.replace("c.name", "c.full") for it in (ADULTS.format(age=18), NAMES)]
    define(shop, [NAME.replace("name", "full"), AGE], full)
    draft(shop, "live", "live", "rename=thing.name:full")
    assert sql(database_url, "SELECT * FROM names") == [("Bo",)]
    before, after = newest(shop, "live"), newest(shop, "live after the deployment")
    assert before.index("begin_dual_write") < before.index("op.replace_view")
    assert after.index('op.drop_view("old")') < after.index("op.end_dual_write")
    alembic(shop, "downgrade -1")
    assert sql(database_url, "SELECT * FROM names, old WHERE old.id = 2") != []
    alembic(shop, "downgrade -1")
    assert sql(database_url, "SELECT name FROM names") == [("Bo",)]
    alembic(shop, "upgrade head", "check")
