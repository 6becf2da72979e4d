"""What my revisions declare is known to their end, whatever they ask on their way."""

import re
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import op as alembic_op
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from alembic_lossless import ddl
from alembic_lossless._alembic import in_place_of_op
from alembic_lossless.replay import Replay
from alembic_lossless.state import objects_of, options_of_sequence, others_of
from alembic_lossless.types.portable import dialect_named, enums_in
from drafts import alembic, newest, refusal, sql
from environment import Environment
from scripts import write
from servers import ON_POSTGRESQL
from sqlalchemy.dialects import postgresql

DATA = {
    "select": "op.get_bind().execute(sa.select(t)).all()",
    "first": "op.get_bind().execute(sa.select(t).limit(1)).first()",
    "mappings": "op.get_bind().execute(sa.text('SELECT * FROM t')).mappings().all()",
    "loop": "for row in op.get_bind().execute(sa.select(t.c.id)): row.id",
    "count": """\
if op.get_bind().scalar(sa.select(sa.func.count()).select_from(t)) > 0:
    raise ValueError""",
    "count in text": """\
if op.get_bind().execute(sa.text("SELECT count(*) FROM t")).scalar() > 0:
    raise ValueError""",
    "highest": """\
last = sa.select(sa.func.coalesce(sa.func.max(t.c.id), 0))
op.get_bind().scalar(last) + 1""",
    "exists": """\
if op.get_bind().scalar(sa.select(sa.exists().where(t.c.id > 0))):
    raise ValueError""",
    "update": """\
done = op.get_bind().execute(sa.update(t).values(name="x"))
while done.rowcount:
    done = op.get_bind().execute(sa.text("UPDATE t SET name = 'x'"))""",
    "insert": "op.get_bind().execute(sa.insert(t), [{'name': 'a'}, {'name': 'b'}])",
    "returning": """\
made = sa.insert(t).values(name="x").returning(t.c.id)
if op.get_bind().dialect.insert_returning:
    op.get_bind().execute(made).scalar_one() + 1""",
    "bulk insert": "op.bulk_insert(t, [{'name': 'a'}])",
    "driver": "op.get_bind().exec_driver_sql('SELECT id FROM t').fetchall()",
    "session": """\
from sqlalchemy.orm import DeclarativeBase, Session
class Base(DeclarativeBase): pass
class T(Base):
    __tablename__ = "t"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(50))
with Session(op.get_bind()) as session:
    assert session.get(T, 1) is None
    session.query(T).filter_by(name="x").update({"name": "y"})
    one = T(name="x")
    session.add_all([one, T(name="y")])
    session.flush()
    one.name = str(one.id + 1)
    session.commit()""",
    "inspector": """\
inspector = sa.inspect(op.get_bind())
assert inspector.has_table("t") and "t" in inspector.get_table_names()
assert [it["name"] for it in inspector.get_columns("t")] == ["id", "name"]""",
    "reflection": """\
found = sa.Table("t", sa.MetaData(), autoload_with=op.get_bind())
assert [*found.c.keys()] == ["id", "name"] and found.c.id.primary_key""",
    "context": """\
from alembic import context
context.get_bind().execute(sa.select(t)).all()
op.get_context().get_current_revision()""",
    "savepoint": """\
with op.get_bind().begin_nested():
    op.get_bind().execute(sa.delete(t))""",
}
"""Revisions that move data, as people write them: what they ask of a table `t`."""

MAKE = """\
op.create_table(
    "t",
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("name", sa.String(50)),
)
t = sa.table("t", sa.column("id", sa.Integer), sa.column("name", sa.String))
{asked}
op.add_column("t", sa.Column("nick", sa.String(50), nullable=True))
"""

MODEL = """
import sqlalchemy as sa

from .db import Model


class T(Model):
    __tablename__ = "t"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(50))
"""

RENAMED = '    nickname = sa.Column("nickname", sa.String(50))\n'


def _applied(project: Environment, url: str, upgrade: str, model: str) -> Environment:
    """Apply a revision behind the first one; the models say another thing."""
    project = project.using(url)
    write(project, "asks", upgrade, down="1")
    (project.package / "t.py").write_text(model)
    alembic(project, "upgrade head")
    return project


def test_a_comparison_leaves_the_models_as_they_are() -> None:
    """What makes a CHECK of my model does not make one of the model itself."""
    age = sa.Column("age", sa.Integer, sa.CheckConstraint("age > 0"))
    flag: Any = sa.Column("flag", sa.Boolean(name="flag", create_constraint=True))
    table = sa.Table("t", sa.MetaData(), age, flag)
    table.append_constraint(sa.CheckConstraint(table.c.age < 200, name="alive"))
    before = len(table.constraints)
    for op in (*objects_of(table).values(), *others_of(table)):
        if isinstance(op, ops.CreateCheckConstraintOp):
            assert op.to_constraint() not in table.constraints
    assert len(table.constraints) == before


@pytest.mark.parametrize("asked", DATA)
def test_a_revision_that_asks_is_read_to_its_end(
    project: Environment, database_url: str, asked: str
) -> None:
    """A column that a revision adds after it moved data was renamed, and I am asked."""
    upgrade = MAKE.format(asked=DATA[asked])
    project = _applied(project, database_url, upgrade, MODEL + RENAMED)
    assert "cannot be read" not in alembic(project, "heads")
    said = refusal(project, "revision", "--autogenerate", "-m", "rename")
    assert "-x rename=t.nick:nickname" in said
    assert "cannot be read" not in said


def test_what_depends_on_the_database_is_known(
    project: Environment, database_url: str
) -> None:
    """A column that a revision adds on one kind of database is mine there."""
    kind = sa.make_url(database_url).get_backend_name()
    asked = f"if op.get_context().dialect.name != {kind!r}: return"
    upgrade = MAKE.format(asked=asked)
    project = _applied(project, database_url, upgrade, MODEL + RENAMED)
    said = refusal(project, "revision", "--autogenerate", "-m", "rename")
    assert "-x rename=t.nick:nickname" in said


STOPS = "op.get_bind().execute(sa.select(t)).one()"
"""What succeeds on a table with a row, and on no other."""


def _stopped(project: Environment, url: str, model: str) -> Environment:
    """Apply a revision that an empty database cannot run; somebody adds a column."""
    upgrade = MAKE.format(asked=f"op.bulk_insert(t, [{{'name': 'a'}}])\n{STOPS}")
    project = _applied(project, url, upgrade, model)
    sql(url, "ALTER TABLE t ADD COLUMN theirs VARCHAR(50)")
    return project


UNREADABLE = (
    "Revision asks cannot be read from line 19 of asks.py on (NoResultFound: No row was"
    " found when one was required): what it makes from there on is not known."
)


def test_a_revision_that_cannot_be_read_is_named(
    project: Environment, database_url: str
) -> None:
    """I read where it stopped and why; what it speaks of is a difference, and mine."""
    project = _stopped(project, database_url, MODEL)
    said = refusal(project, "check")
    assert UNREADABLE in said
    assert "t.nick: column removed" in said
    assert "column t.theirs" in said
    assert "t.theirs: column removed" not in said
    alembic(project, "revision --autogenerate -m gone", "upgrade head")
    up = newest(project, "gone").partition("def downgrade")[0]
    assert "drop_column('nick')" in up.replace('"', "'")
    assert "theirs" not in up
    said = alembic(project, "check")
    assert UNREADABLE in said
    assert "a revision that can be read declare it: column t.theirs." in said


def test_a_table_of_others_beside_a_revision_that_cannot_be_read(
    project: Environment, database_url: str
) -> None:
    """Nobody knows whether it made the table of others: no draft drops that."""
    project = _stopped(project, database_url, MODEL)
    sql(database_url, "CREATE TABLE jobs (id INTEGER)")
    assert "table jobs" in refusal(project, "check")
    alembic(project, "revision --autogenerate -m gone", "upgrade head")
    assert "jobs" not in newest(project, "gone")
    assert sql(database_url, "SELECT * FROM jobs") == []


def test_no_rename_goes_unasked(project: Environment, database_url: str) -> None:
    """A column of an unreadable revision was renamed: no value is left behind."""
    project = _stopped(project, database_url, MODEL + RENAMED)
    said = refusal(project, "revision", "--autogenerate", "-m", "rename")
    assert UNREADABLE in said
    for column in ("nick", "theirs"):
        assert f"-x rename=t.{column}:nickname" in said
    sql(database_url, "UPDATE t SET nick = 'Ada'")
    answers = "-x rename=t.nick:nickname -x drop=t.theirs"
    alembic(project, f"{answers} revision --autogenerate -m rename", "upgrade head")
    assert sql(database_url, "SELECT nickname FROM t") == [("Ada",)]


def test_a_column_that_sql_adds_is_asked_about(
    project: Environment, database_url: str
) -> None:
    """I wrote ALTER TABLE in a revision, and renamed the column in the model."""
    upgrade = MAKE.format(asked="").partition("op.add_column")[0]
    upgrade += 'op.execute("ALTER TABLE t ADD COLUMN Nick VARCHAR(50)")'
    project = _applied(project, database_url, upgrade, MODEL + RENAMED)
    said = refusal(project, "revision", "--autogenerate", "-m", "rename")
    assert re.search("-x rename=t.[Nn]ick:nickname", said)
    (project.package / "t.py").write_text(MODEL)
    said = alembic(project, "check")
    assert re.search("a revision that can be read declare it: column t.[Nn]ick", said)


EDITS = {
    "type": ('sa.Column("name", sa.String(100))', "length=100", "length=50"),
    "default": (
        'sa.Column("name", sa.String(50), server_default="new")',
        '"new"',
        '"old"',
    ),
    "no default": (
        'sa.Column("name", sa.String(50))',
        "String(length=50)",
        'String(length=50), server_default="old"',
    ),
    "number": (
        'sa.Column("name", sa.Integer, server_default="7")',
        '"7"',
        'sa.text("8")',
    ),
    "check": (
        'sa.Column("name", sa.Integer), sa.CheckConstraint("name > 7", name="ck")',
        "> 7",
        "> 8",
    ),
    "computed": (
        """sa.Column("a", sa.Integer),
        sa.Column("name", sa.Integer, sa.Computed("a + 7", persisted=True))""",
        "+ 7",
        "+ 8",
    ),
}
"""What a model says, and what is in its revision: a part of that, and another one."""

TABLE = """
import sqlalchemy as sa

from .db import Model


class T(Model):
    __table__ = sa.Table(
        "t", Model.metadata, sa.Column("id", sa.Integer, primary_key=True),
        {columns},
    )
"""


@pytest.mark.parametrize("edit", EDITS)
def test_a_revision_was_edited_after_it_was_applied(
    project: Environment, database_url: str, edit: str
) -> None:
    """It is the revision that differs, which I am told; no draft is made in vain.

    So it is where a database does not remember what ran on it, as before it did.
    """
    project = project.using(database_url)
    columns, here, there = EDITS[edit]
    (project.package / "t.py").write_text(TABLE.format(columns=columns))
    alembic(project, "upgrade head", "revision --autogenerate -m t", "upgrade head")
    assert "the revisions say" not in alembic(project, "check")
    path = next(it for it in project.revisions() if it.name.endswith("_t.py"))
    text = path.read_text()
    model, edited = here.replace('"', "'"), there.replace('"', "'")
    text = text.replace('"', "'")
    up, mark, down = text.partition("def downgrade")
    assert model in up
    path.write_text(up.replace(model, edited) + mark + down)
    assert " was edited since it ran here on " in refusal(project, "check")
    sql(database_url, "DELETE FROM alembic_version_history")
    said = alembic(project, "check")
    assert "the revisions say" in said
    assert "A revision was edited after it was applied" in said
    before = project.revisions()
    alembic(project, "revision --autogenerate -m vain")
    assert project.revisions() == before


@pytest.mark.parametrize("runs_on", ["", "sqlite", "mysql"])
def test_a_variant_counts_where_it_is_meant_to_be(
    project: Environment, runs_on: str
) -> None:
    """A type without a variant is another one on that database, and only there."""
    if runs_on:
        more = f'    url=url,\n    runs_on=("{runs_on}",),'
        project.edit("migrations/__init__.py", "    url=url,", more)
    kind = "sa.Text().with_variant(mysql.LONGTEXT(), 'mysql')"
    columns = f'sa.Column("name", {kind})'
    model = "from sqlalchemy.dialects import mysql\n" + TABLE
    (project.package / "t.py").write_text(model.format(columns=columns))
    alembic(project, "upgrade head", "revision --autogenerate -m t", "upgrade head")
    columns = 'sa.Column("name", sa.Text())'
    (project.package / "t.py").write_text(TABLE.format(columns=columns))
    if runs_on == "sqlite":
        alembic(project, "check")
        return
    said = refusal(project, "check")
    assert "Text().with_variant(LONGTEXT(), 'mysql') becomes Text()" in said
    alembic(project, "revision --autogenerate -m plain", "upgrade head", "check")
    text = newest(project, "plain").replace('"', "'")
    assert "existing_type=sa.Text().with_variant(mysql.LONGTEXT(), 'mysql')" in text


KEYS = {
    "boolean": 'sa.Column("id", sa.Integer), sa.Column("b", sa.Boolean)',
    "uuid": 'sa.Column("id", sa.Uuid), sa.Column("b", sa.Integer)',
    "text": 'sa.Column("id", sa.String(9)), sa.Column("b", sa.Integer)',
    "numbers": 'sa.Column("id", sa.Integer), sa.Column("b", sa.Integer)',
    "one": 'sa.Column("id", sa.Uuid)',
}


@pytest.mark.parametrize("columns", KEYS.values(), ids=KEYS)
def test_a_key_that_is_made_anew_is_the_same(
    project: Environment, database_url: str, columns: str
) -> None:
    """A key counts up or not, however that is spelled: nothing is left to draft."""
    project = project.using(database_url)
    upgrade = f"""\
columns = [{columns}]
for column in columns:
    column.nullable = False
op.create_table("t", *columns)
with op.batch_alter_table("t") as batch:
    batch.create_primary_key("pk_t", [it.name for it in columns])
"""
    write(project, "keys", upgrade, down="1")
    model = TABLE.replace('sa.Column("id", sa.Integer, primary_key=True),', "")
    keys = "*[sa.Column(it.name, it.type, primary_key=True) for it in [{}]]"
    (project.package / "t.py").write_text(model.format(columns=keys.format(columns)))
    alembic(project, "upgrade head")
    assert "autoincrement" not in alembic(project, "check")


STEPS = """\
op.create_table(
    "city", sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(50), nullable=False),
    sa.UniqueConstraint("name", name="uq_city"))
op.create_table(
    "friend", sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(50), index=True), sa.Column("age", sa.Integer),
    sa.Column("length", sa.Integer), sa.Column("city_id", sa.Integer),
    sa.ForeignKeyConstraint(["city_id"], ["city.id"], name="fk_city"),
    sa.CheckConstraint("length(name) > 2 AND age > 0", name="ck_age"))
with op.batch_alter_table("friend") as batch:
    batch.add_column(sa.Column("nick", sa.String(20)))
    batch.create_unique_constraint("uq_nick", ["nick"])
    batch.alter_column("age", type_=sa.BigInteger(), existing_type=sa.Integer())
op.create_index("ix_both", "friend", ["name", "age"], unique=True)
with op.batch_alter_table("friend") as batch:
    batch.alter_column("name", new_column_name="full", existing_type=sa.String(50))
with op.batch_alter_table("city") as batch:
    batch.alter_column("name", new_column_name="title",
        existing_type=sa.String(50), existing_nullable=False)
op.rename_table("city", "town")
with op.batch_alter_table("friend") as batch:
    batch.drop_column("length")
with op.batch_alter_table("friend") as batch:
    batch.drop_constraint("ck_age", type_="check")
    batch.create_check_constraint("ck_old", sa.column("age") > 18)
with op.batch_alter_table("friend") as batch:
    batch.alter_column("age", nullable=False, existing_type=sa.BigInteger())
op.drop_index("ix_both", "friend")
sa.Table(
    "note", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("text", sa.String(9), index=True)).create(op.get_bind())
with op.batch_alter_table("friend") as batch:
    batch.drop_constraint("fk_city", type_="foreignkey")
op.create_table("pair", sa.Column("a", sa.Integer, nullable=False),
    sa.Column("b", sa.Integer, nullable=False))
with op.batch_alter_table("pair") as batch:
    batch.create_primary_key("pk_pair", ["a", "b"])
    batch.create_foreign_key("fk_pair", "town", ["a"], ["id"], ondelete="CASCADE")
op.rename_table("friend", "pal")
op.drop_table("note")
"""
"""A history, step by step; each begins at the margin."""


SIZE = re.compile(r"INT(EGER)?\(\d+\)|INTEGER")
"""What MariaDB says of the width in which a number is shown."""


def _type(column: Any, found: sa.Inspector) -> str:
    text: str = column["type"].compile(found.dialect)
    return text


def _described(found: sa.Inspector) -> dict[str, object]:
    """Return what an inspector says of all tables, without what it made up."""
    tables = sorted(set(found.get_table_names()) - {"alembic_version"})
    described: dict[str, object] = {}
    for name in tables:
        keys = found.get_foreign_keys(name)
        uniques = found.get_unique_constraints(name)
        own = {it["name"] for it in uniques} | {"fk_city", "fk_pair"}  # of MariaDB
        described[name] = {
            "columns": {
                it["name"]: (SIZE.sub("INT", _type(it, found)), it["nullable"])
                for it in found.get_columns(name)
            },
            "key": found.get_pk_constraint(name)["constrained_columns"],
            "keys": [
                (
                    it["constrained_columns"],
                    it["referred_table"],
                    it["referred_columns"],
                )
                for it in keys
            ],
            "uniques": sorted(it["column_names"] for it in uniques),
            "indexes": sorted(
                (it["name"], it["column_names"], bool(it["unique"]))
                for it in found.get_indexes(name)
                if it["name"] not in own
            ),
            "checks": sorted(
                str(it["name"]) for it in found.get_check_constraints(name)
            ),
        }
    return described


def test_the_inspector_of_a_revision_sees_what_a_database_would(
    database_url: str,
) -> None:
    """After each step, what is declared is what a database of each kind has."""
    steps = re.split(r"\n(?=\S)", STEPS)
    steps = [it for it in steps if not it.startswith(")")]
    with sa.create_engine(database_url, poolclass=sa.NullPool).begin() as connection:
        context = MigrationContext.configure(connection)
        ddl.implement(context)
        real = ddl.operations(context)
        replay = Replay(connection.dialect)
        for step in steps:
            for operations in (real, replay):
                with in_place_of_op(operations):
                    exec(step, {"op": alembic_op, "sa": sa})  # noqa: S102  ours
            declared = sa.inspect(replay.get_bind())
            assert _described(declared) == _described(sa.inspect(connection)), step


ENUMS = """
op.execute("CREATE SCHEMA other")
op.create_table("t", sa.Column("mood", sa.Enum("a", "b", name="mood")))
op.add_column("t", sa.Column("moods", sa.ARRAY(sa.Enum("a", "b", name="mood"))))
op.execute("ALTER TYPE mood ADD VALUE 'c'")
op.execute("alter type public.mood add value if not exists 'it''s' before 'b'")
op.execute("ALTER TYPE mood ADD VALUE IF NOT EXISTS 'a'")
op.get_bind().execute(sa.text("ALTER TYPE mood ADD VALUE 'x' AFTER 'a'"))
op.execute("ALTER TYPE mood RENAME VALUE 'b' TO 'Ü'; ALTER TYPE mood ADD VALUE 'y'")
op.alter_column("t", "mood", type_=sa.Enum("a", "b", "z", name="mood"))
sa.Enum("a", name="mood").create(op.get_bind(), checkfirst=True)
op.add_column("t", sa.Column("more", sa.Enum("a", name="mood", create_type=False)))
op.execute("ALTER TYPE mood RENAME TO mood_old")
op.execute("CREATE TYPE mood AS ENUM ('a', 'new')")
for it in ("mood", "more"):
    op.execute(f"ALTER TABLE t ALTER {it} TYPE mood USING {it}::text::mood")
op.execute("ALTER TABLE t ALTER moods TYPE mood[] USING moods::text::mood[]")
op.execute("DROP TYPE mood_old")
op.execute("ALTER TYPE mood SET SCHEMA other")
op.execute("ALTER TYPE other.mood ADD VALUE 'last'")
op.drop_table("t")
sa.Enum(name="mood", schema="other").drop(op.get_bind())
sa.Enum("one", name="mood").create(op.get_bind())
op.create_table("t", sa.Column("mood", postgresql.ENUM(name="mood", create_type=False)))
op.execute('CREATE TYPE "My Mood" AS ENUM ()')
op.execute('ALTER TYPE "My Mood" ADD VALUE $$p$$')
op.add_column("t", sa.Column("own", sa.Enum(name="My Mood")))
"""
"""What hand-written revisions do to the type of an Enum; each line is one step."""

LABELS = """
SELECT attname, elem.typname, nspname, array(
    SELECT enumlabel::text FROM pg_enum WHERE enumtypid = elem.oid
    ORDER BY enumsortorder
)
FROM pg_attribute JOIN pg_type AS own ON own.oid = atttypid
JOIN pg_type AS elem ON elem.oid = CASE own.typelem WHEN 0 THEN own.oid ELSE
    own.typelem END
JOIN pg_namespace AS place ON place.oid = elem.typnamespace
WHERE attrelid = to_regclass('t') AND attnum > 0 AND NOT attisdropped
"""


@ON_POSTGRESQL
def test_an_enum_has_the_values_of_its_type(database_url: str) -> None:
    """I change an Enum by SQL, or its column alone: it has the values of its type."""
    between = False  # a table whose columns move from one type to the other
    with sa.create_engine(database_url, poolclass=sa.NullPool).begin() as connection:
        context = MigrationContext.configure(connection)
        ddl.implement(context)
        replay = Replay(connection.dialect)
        for step in re.split(r"\n(?=\S)", ENUMS.strip()):
            for operations in (ddl.operations(context), replay):
                with in_place_of_op(operations):
                    names = {"op": alembic_op, "sa": sa, "postgresql": postgresql}
                    exec(step, names)  # noqa: S102  ours
            table = replay.state.table(None, "t")
            declared = {
                (column.name, enum.name, enum.schema or "public", (*enum.enums,))
                for column in (table.columns if table is not None else ())
                for enum in enums_in(column.type)
            }
            found = connection.execute(sa.text(LABELS))
            between |= "CREATE TYPE mood" in step
            between &= "DROP TYPE" not in step
            if not between:
                assert declared == {(*it[:3], (*it[3],)) for it in found}, step


@pytest.mark.parametrize("how", ["executed", "called"])
def test_a_sequence_keeps_its_options(how: str) -> None:
    """A sequence is what my revision says of it, also where it executes the DDL."""
    given: Any = {"start": 5, "increment": 2, "maxvalue": 99, "cycle": True}
    replay = Replay(dialect_named("postgresql"))
    with in_place_of_op(replay):
        if how == "executed":
            alembic_op.execute(sa.schema.CreateSequence(sa.Sequence("s", **given)))
        else:
            alembic_op.create_sequence("s", **given)
    (made,) = replay.state.sequences.values()
    assert options_of_sequence(made) == given
