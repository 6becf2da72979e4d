"""`--sql`: the script does what the run would do, and stops where a guard would."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic_lossless.requirements import fits
from drafts import define_thing, refusal
from environment import Environment
from schema import snapshot
from scripts import ask, database_of, empty, ran, run_script, scripted, versions, write
from servers import ON_SERVERS, ON_SQLITE

PERCENT = """
op.create_table("note", sa.Column("text", sa.String(40)))
op.execute("INSERT INTO note VALUES ('100% \\\\:x %s')")
op.execute(sa.text("INSERT INTO note VALUES ('50% \\\\:x %(y)s')"))
note = sa.table("note", sa.column("text", sa.String))
op.bulk_insert(note, [{"text": "7% :x %s"}])
op.execute(note.insert().values(text="it's 9% :x %s"))
"""


def test_percent_signs_are_themselves(
    project: Environment, database_url: str, other_url: str
) -> None:
    """A script writes the text that the run writes."""
    shop = empty(project).using(database_url)
    # SQLAlchemy 2.0.49 takes %(y)s for a parameter itself, on SQLite.
    is_oldest = fits("2.0.49", f"SQLAlchemy>={sa.__version__}")
    write(shop, "a1", PERCENT.replace("%(y)s", "%y") if is_oldest else PERCENT)
    shop.alembic("upgrade", "head")
    ran(other_url, scripted(shop, "upgrade", "head"))
    query = "SELECT text FROM note ORDER BY text"
    assert ask(other_url, query) == ask(database_url, query)
    assert ("100% :x %s",) in ask(other_url, query)


GUARDS = {
    "loss": (
        "op.refuse_loss('thing', 'text', sa.Integer(), existing_type=sa.String(9))",
        "INSERT INTO thing (id, text, part) VALUES (3, '007', 1)",
        "thing.text holds values that Integer() cannot keep",
    ),
    "duplicates": (
        "op.refuse_duplicates('thing', ['text'])",
        "INSERT INTO thing (id, text, part) VALUES (3, '1', 1)",
        "thing.text holds values more than once",
    ),
    "orphans": (
        "op.refuse_orphans('thing', ['part'], 'thing', ['id'])",
        "INSERT INTO thing (id, text, part) VALUES (3, '3', 99)",
        "thing.part holds values that no thing.id has",
    ),
    "missing": (
        "op.refuse_missing('thing', None, ('thing', 'id'), 2)",
        "DELETE FROM thing WHERE id = 2",
        "No thing.id is 2",
    ),
    "violations": (
        "op.refuse_violations('thing', 'part < 50', ['part'])",
        "INSERT INTO thing (id, text, part) VALUES (3, '3', 99)",
        "thing.part holds values that violate part < 50",
    ),
}
"""A guard, the statement after which it stops, and its sentence."""

THING = """
op.create_table(
    "thing",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("text", sa.String(9)),
    sa.Column("part", sa.Integer),
)
op.execute("INSERT INTO thing VALUES (1, '1', 1), (2, '2', 2)")
"""


@pytest.mark.parametrize("guard", GUARDS)
def test_a_guard_stops_the_script(
    project: Environment, database_url: str, guard: str
) -> None:
    """A row that the run would refuse stops the script, with the sentence."""
    call, statement, sentence = GUARDS[guard]
    shop = empty(project).using(database_url)
    write(shop, "a1", THING)
    added = "op.add_column('thing', sa.Column('fresh', sa.Integer))"
    write(shop, "b1", f"{call}\n{added}", down="a1")
    shop.alembic("upgrade", "a1")
    script = scripted(shop, "upgrade", "a1:b1")
    ask(database_url, statement)
    done = run_script(database_url, script)
    assert done.returncode != 0
    assert sentence in done.stderr
    assert versions(database_url) == ["a1"]
    assert "fresh" not in "".join(snapshot(database_url))
    # Without the row it runs.
    ask(database_url, "DELETE FROM thing")
    ask(database_url, "INSERT INTO thing VALUES (2, '2', 2)")
    ran(database_url, script)
    assert versions(database_url) == ["b1"]


def test_a_script_may_leave_guards_out(project: Environment, database_url: str) -> None:
    """I looked at the rows myself, and ask for a script without guards."""
    shop = empty(project).using(database_url)
    write(shop, "a1", THING)
    write(shop, "b1", GUARDS["duplicates"][0], down="a1")
    script = shop.alembic("-x", "unguarded", "upgrade", "head", "--sql").stdout
    assert "guard" not in script
    assert "guard" in scripted(shop, "upgrade", "head")


@ON_SERVERS
def test_what_no_script_can_ask_is_said(
    project: Environment, database_url: str
) -> None:
    """A type of which the database cannot tell: I hear how to go on."""
    shop = empty(project).using(database_url)
    write(shop, "a1", THING)
    call = "op.refuse_loss('thing', 'text', sa.JSON(), existing_type=sa.String(9))"
    write(shop, "b1", call, down="a1")
    said = refusal(shop, "upgrade", "head", "--sql")
    assert "Run this revision without --sql, or leave the guards out" in said
    shop.alembic("-x", "unguarded", "upgrade", "head", "--sql")


@ON_SERVERS
def test_a_script_of_an_online_draft_runs(
    project: Environment, database_url: str, other_url: str
) -> None:
    """Renamed tables and keys, Enums, types and online forms: the script makes them."""
    shop = project.using(database_url)
    shop.alembic("upgrade", "head")
    kind = "x = sa.Enum({}, name='kind')"
    # No type can be changed while others write, on MariaDB.
    old = "sa.String(9)" if database_of(database_url) == "postgresql" else "sa.Integer"
    define_thing(shop, "name = sa.String(20)", f"age = {old}", kind.format("'a', 'b'"))
    shop.commands("revision --autogenerate -m before", "upgrade head")
    age = "age = sa.Integer, nullable=False, index=True"
    define_thing(shop, "title = sa.String(20)", age, kind.format("'a', 'b', 'c'"))
    path = shop.package / "things.py"
    path.write_text(path.read_text().replace('"thing"', '"matter"'))
    answers = ("rename=thing:matter", "rename=matter.name:title", "fill=matter.age:0")
    words = [word for it in (*answers, "live") for word in ("-x", it)]
    shop.alembic(*words, "revision", "--autogenerate", "-m", "after")
    shop.alembic("upgrade", "head")
    ran(other_url, scripted(shop, "upgrade", "head"))
    assert snapshot(other_url) == snapshot(database_url)


@ON_SQLITE
def test_a_script_that_rebuilds_keeps_rows(
    project: Environment, database_url: str
) -> None:
    """A table that others refer to is made anew by the script, and no row is lost."""
    shop = empty(project).using(database_url)
    key = 'sa.ForeignKey("thing.id", ondelete="CASCADE")'
    tables = THING.replace('"part", sa.Integer', f'"part", sa.Integer, {key}')
    write(shop, "a1", tables)
    alter = "with op.batch_alter_table('thing') as batch:\n"
    alter += "    batch.alter_column('text', new_column_name='words', nullable=False,"
    alter += " existing_type=sa.String(9))"
    write(shop, "b1", alter, down="a1")
    shop.alembic("upgrade", "a1")
    ran(database_url, scripted(shop, "upgrade", "a1:b1"))
    found = ask(database_url, "SELECT id, words, part FROM thing ORDER BY id")
    assert found == [(1, "1", 1), (2, "2", 2)]
    assert "CASCADE" in "".join(snapshot(database_url))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("op.bulk_insert(sa.table('t', sa.column('a')), [{'a': 1j}])", "a1.py, line"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_an_error_in_a_script_is_a_line(
    project: Environment, body: str, says: str
) -> None:
    """A revision that cannot be written as SQL is named with its line."""
    write(empty(project), "a1", body)
    said = refusal(project, "upgrade", "head", "--sql")
    assert says in said
    assert "Traceback" not in said


def test_a_script_for_each_of_several(several: Environment, tmp_path: Path) -> None:
    """I have two databases, and write the script of each."""
    several.alembic("upgrade", "head")
    for name in ("default", "auth"):
        chosen = ("-x", f"database={name}", "upgrade", "head", "--sql")
        script = several.alembic(*chosen).stdout
        assert script.count("-- Database:") == 1
        url = f"sqlite:///{tmp_path / name}-scripted.db"
        ran(url, script)
        made = f"sqlite:///{several.path / name}.db"
        assert snapshot(url) == snapshot(made)


APPLIED = """
thing = sa.table("thing", sa.column("text"))
if op.get_bind().execute(sa.select(thing)).all():
    op.bulk_insert(thing, [{"text": "nothing"}])
op.bulk_insert(thing, [{"text": "applied"}])
with op.get_context().autocommit_block():
    log = sa.Table("log", sa.MetaData(), sa.Column("a", sa.Text))
    op.execute(sa.schema.CreateTable(log))
"""


@ON_SQLITE
def test_a_script_is_of_its_own_revisions(
    project: Environment, database_url: str
) -> None:
    """A script from a revision on has nothing of those before, which it follows."""
    shop = empty(project).using(database_url)
    write(shop, "a1", THING)
    write(shop, "b1", APPLIED, down="a1")
    alter = "with op.batch_alter_table('log') as batch:\n    batch.drop_column('a')"
    add = "op.add_column('log', sa.Column('b', sa.Text))"
    write(shop, "c1", f"{add}\n{alter}", down="b1")
    shop.alembic("upgrade", "b1")
    script = scripted(shop, "upgrade", "b1:c1")
    assert script.count("COMMIT") == script.count("BEGIN") == 1
    assert "applied" not in script
    ran(database_url, script)
    assert ask(database_url, "SELECT * FROM pragma_table_info('log')")[0][1] == "b"


@pytest.mark.parametrize(
    ("runs_on", "kind"),
    [("mariadb>=10.6", "CHAR(32)"), ("mariadb>=10.7", "UUID"), ("mariadb", "UUID")],
)
def test_a_script_for_an_older_server(
    project: Environment, runs_on: str, kind: str
) -> None:
    """My oldest MariaDB has no UUID: the script has what a run makes there."""
    project.edit(
        "migrations/__init__.py",
        "    url=url,",
        f"    url=url, runs_on=({runs_on!r},),",
    )
    shop = empty(project).using("mariadb+pymysql://x/shop")
    write(shop, "a", 'op.create_table("thing", sa.Column("id", sa.Uuid))')
    assert f"    id {kind}" in shop.alembic("upgrade", "head", "--sql").stdout
