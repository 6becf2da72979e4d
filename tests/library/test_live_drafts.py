"""A draft for a project in use leaves people at work, in two revisions if need be."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from threading import Event, Thread

import pytest
from environment import Environment
from scripts import ask, empty, server, versions, write
from servers import ON_POSTGRESQL, ON_SERVERS
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

MODELS = '''"""Things."""

import sqlalchemy as sa

from .db import Model


class City(Model):
    __tablename__ = "city"

    id = sa.Column(sa.Integer, primary_key=True)


class Thing(Model):
    __tablename__ = "thing"

    id = sa.Column(sa.Integer, primary_key=True)
{columns}
'''
OLD = {
    "name": "sa.String(100), nullable=False",
    "nick": "sa.String(40)",
    "age": "sa.Integer",
    "gone": "sa.String(10), nullable=False",
    "city_id": "sa.Integer",
    "mood": 'sa.Enum("sad", "glad", name="mood")',
}
NEW = {
    "full_name": "sa.String(100), nullable=False",
    "nick": "sa.String(40), unique=True",
    "age": "sa.Integer, nullable=False, index=True",
    "city_id": 'sa.Integer, sa.ForeignKey("city.id")',
    "mood": 'sa.Enum("sad", "glad", "mad", name="mood")',
    "email": "sa.String(50), nullable=False",
}
ANSWERS = (
    "rename=thing.name:full_name",
    "drop=thing.gone",
    "fill=thing.age:7",
    "fill=thing.email:none",
)
ROW = (
    "INSERT INTO thing (name, nick, gone, city_id, mood)"
    " VALUES ('n{0}', 'k{0}', 'g', 1, 'sad')"
)
OLD_INSERT = "INSERT INTO thing (name, gone, mood) VALUES ('old', 'x', 'sad')"
NEW_INSERT = (
    "INSERT INTO thing (full_name, email, age, mood) VALUES ('new', 'e', 3, 'mad')"
)


def define(project: Environment, columns: dict[str, str]) -> None:
    """Write the models."""
    body = (f"    {name} = sa.Column({given})" for name, given in columns.items())
    text = MODELS.format(columns="\n".join(body))
    (project.package / "models.py").write_text(text)


def begun(project: Environment, database_url: str, *, rows: int = 20) -> Environment:
    """Give a project whose first revision made the tables, with rows."""
    shop = project.using(database_url)
    for path in shop.revisions():
        path.unlink()
    define(shop, OLD)
    shop.alembic("revision", "--autogenerate", "-m", "first", "--rev-id=a")
    shop.alembic("upgrade", "head")
    ask(database_url, "INSERT INTO city (id) VALUES (1)")
    for number in range(rows):
        ask(database_url, ROW.format(number))
    return shop


def draft(shop: Environment, *answers: str) -> list[str]:
    """Draft a revision, and return the texts of its files in the order they run."""
    before = set(shop.revisions())
    options = [word for answer in answers for word in ("-x", answer)]
    shop.alembic(*options, "revision", "--autogenerate", "-m", "change")
    fresh = (set(shop.revisions()) - before) or set()
    return sorted((path.read_text() for path in fresh), key=_is_second)


def _is_second(script: str) -> bool:
    return "Revises: a\n" not in script


def test_both_versions_of_the_app_survive_every_step(
    project: Environment, database_url: str
) -> None:
    """I rename, drop, fill and constrain columns, and old and new code both write."""
    shop = begun(project, database_url)
    define(shop, NEW)
    before, after = draft(shop, "live", *ANSWERS)
    assert 'phase = "before"' in before
    assert 'phase = "after"' in after
    shop.alembic("upgrade", "+1")
    if not database_url.startswith("sqlite"):  # it sets no NEW before NOT NULL
        ask(database_url, OLD_INSERT)
        ask(database_url, NEW_INSERT)
    shop.alembic("upgrade", "head")
    shop.alembic("check")
    found = ask(database_url, "SELECT full_name, email, age FROM thing ORDER BY id")
    assert found[0] == ("n0", "none", 7)
    if len(found) > 20:
        assert found[20:] == [("old", "none", 7), ("new", "e", 3)]
    ask(database_url, "UPDATE thing SET mood = 'sad'")
    shop.alembic("downgrade", "a")
    assert ask(database_url, "SELECT name FROM thing WHERE id = 1") == [("n0",)]
    shop.alembic("upgrade", "head")
    shop.alembic("check")


@ON_POSTGRESQL
def test_python_gets_the_revision_that_runs_last(
    project: Environment, database_url: str
) -> None:
    """I draft from Python in a project in use, and get the newer of two revisions."""
    shop = begun(project, database_url)
    live = "    source=variable,\n    live=True,\n"
    shop.edit("migrations/__init__.py", "    source=variable,\n", live)
    define(shop, NEW)
    with shop.migrations() as migrations:
        made = migrations.revision("change", answers=ANSWERS)
        assert made is not None
        assert made.revision == migrations.heads()[0].revision
    assert 'phase = "after"' in Path(made.path).read_text()


@ON_SERVERS
def test_people_work_while_it_is_deployed(
    project: Environment, database_url: str
) -> None:
    """Old code writes until it is gone, new code from its deployment on: no error."""
    shop = begun(project, database_url, rows=200)
    define(shop, NEW)
    draft(shop, "live", *ANSWERS)
    with writing(database_url, OLD_INSERT) as old:
        shop.run("flask", "db", "upgrade", "--before")
        with writing(database_url, NEW_INSERT) as new:
            assert not old
    with writing(database_url, NEW_INSERT) as new:
        shop.alembic("upgrade", "head")
    assert not [*old, *new]
    shop.alembic("check")


@contextmanager
def writing(url: str, insert: str) -> Iterator[list[str]]:
    """Let a version of the app write all the time; give the errors that it has."""
    errors: list[str] = []
    done, begun = Event(), Event()

    def write() -> None:
        with server(url).connect() as connection:
            while not done.wait(0.002):
                try:
                    connection.execute(text(insert))
                except SQLAlchemyError as error:
                    errors.append(str(error))
                begun.set()

    writer = Thread(target=write)
    writer.start()
    begun.wait()
    try:
        yield errors
    finally:
        done.set()
        writer.join()


def test_before_the_deployment_an_upgrade_stops(
    project: Environment, database_url: str
) -> None:
    """I upgrade before I deploy: what must wait does, and I hear what that is."""
    shop = begun(project, database_url)
    define(shop, NEW)
    draft(shop, "live", *ANSWERS)
    said = shop.run("flask", "db", "upgrade", "--before").stdout
    assert "change after the deployment, and what follows it wait until" in said
    assert "Then: flask db upgrade" in said
    before, after = sorted(shop.revisions(), key=lambda path: path.stat().st_mtime)[-2:]
    assert before.name < after.name
    columns = "SELECT name, full_name FROM thing WHERE id = 1"
    assert ask(database_url, columns) == [("n0", "n0")]
    with shop.migrations() as migrations:
        (waiting,) = migrations.pending()
        assert waiting.module.phase == "after"
        migrations.upgrade(before=True)
        assert [it.revision for it in migrations.pending()] == [waiting.revision]
        assert set(migrations.stamped()) in migrations.ready_at()
        migrations.upgrade()
        assert set(migrations.stamped()) == migrations.ready_at()[0]
        assert not migrations.pending()


MADE = 'op.create_table("{0}", sa.Column("id", sa.Integer, primary_key=True))'


def test_what_follows_a_change_that_waits_waits_too(
    project: Environment, database_url: str
) -> None:
    """A revision after the one for later says no phase: it does not run before that."""
    shop = empty(project.using(database_url))
    write(shop, "a", MADE.format("a"))
    later = write(shop, "b", MADE.format("b"), down="a")
    later.write_text(later.read_text() + '\nphase = "after"\n')
    write(shop, "c", MADE.format("c"), down="b")
    said = shop.run("flask", "db", "upgrade", "--before").stdout
    assert "and what follows it wait until" in said
    assert versions(database_url) == ["a"]
    shop.run("flask", "db", "upgrade")
    assert versions(database_url) == ["c"]


@ON_POSTGRESQL
def test_the_lint_finds_nothing_in_it(project: Environment, database_url: str) -> None:
    """What is drafted for people at work stops none of them, and breaks nothing."""
    shop = begun(project, database_url)
    define(shop, NEW)
    draft(shop, "live", *ANSWERS)
    assert "Nothing found" in shop.run("flask", "db", "lint", "a").stdout


@ON_POSTGRESQL
def test_a_live_project_need_not_say_so(
    project: Environment, database_url: str
) -> None:
    """The project's setting makes drafts live, and one draft can be made otherwise."""
    shop = begun(project, database_url)
    _declare_live(shop)
    define(shop, OLD | {"age": "sa.Integer, index=True"})
    (script,) = draft(shop)
    assert "postgresql_concurrently=True" in script
    for path in shop.revisions():
        if "Revises: a\n" in path.read_text():
            path.unlink()
    (script,) = draft(shop, "live=no")
    assert "autocommit_block" not in script


def test_a_draft_on_sqlite_is_live_only_when_asked(project: Environment) -> None:
    """I develop a live project on SQLite, where a draft is as it always was."""
    shop = begun(project, f"sqlite:///{project.path}/test.db")
    _declare_live(shop)
    define(shop, OLD | {"age": "sa.Integer, index=True"})
    (script,) = draft(shop)
    assert "autocommit_block" not in script
    assert "phase" not in script


def _declare_live(shop: Environment) -> None:
    path = shop.package / "migrations" / "__init__.py"
    path.write_text(
        path.read_text().replace("    url=url,", "    url=url,\n    live=True,")
    )


@ON_SERVERS
def test_a_draft_says_what_it_costs(project: Environment, database_url: str) -> None:
    """I read in the script who will have to wait, and for what."""
    shop = begun(project, database_url)
    define(shop, OLD | {"nick": "sa.String(20)", "age": "sa.Integer, index=True"})
    (script,) = draft(shop)
    costs = re.findall("# LOCKS: (.*)", script)
    found = [cost.partition(":")[0].partition(";")[0] for cost in costs]
    if database_url.startswith("postgresql"):
        assert sorted(found) == [
            "No row of thing can be written while the index ix_thing_age is built.",
            "Nobody can use thing while nick becomes String(length=20)",
        ]
    else:
        (copied,) = found
        assert copied.startswith("No row of thing can be written while it is copied")


def test_new_tables_need_no_form_of_their_own(
    project: Environment, database_url: str
) -> None:
    """A revision that only makes tables is one transaction, live or not."""
    shop = begun(project, database_url)
    path = shop.package / "models.py"
    pet = '\n\nclass Pet(Model):\n    __tablename__ = "pet"\n\n'
    pet += "    id = sa.Column(sa.Integer, primary_key=True)\n"
    pet += "    name = sa.Column(sa.String(20), index=True)\n"
    path.write_text(path.read_text() + pet)
    (script,) = draft(shop, "live")
    assert "autocommit_block" not in script
    assert "phase" not in script


PLAIN = {name: it for name, it in OLD.items() if name != "nick"}
PHASES = {
    "one change that takes long": ({**OLD, "age": "sa.Integer, index=True"}, "before"),
    "an instant, and a drop": ({**PLAIN, "new": "sa.Integer"}, "before after"),
    "an instant": ({**OLD, "new": "sa.Integer"}, "before"),
    "a drop": (PLAIN, "after"),
}
"""A change of the models, and the phases that its revisions say."""


@ON_POSTGRESQL
@pytest.mark.parametrize("what", PHASES)
def test_a_revision_says_when_it_runs(
    project: Environment, database_url: str, what: str
) -> None:
    """What takes long, and what something waits for, runs before the deployment."""
    shop = begun(project, database_url, rows=1)
    columns, phases = PHASES[what]
    define(shop, columns)
    answers = ["drop=thing.nick"] if "nick" not in columns else []
    scripts = draft(shop, "live=yes", *answers)
    said = [re.findall(r'^phase = "(\w+)"', it, re.MULTILINE) for it in scripts]
    assert [*chain(*said)] == phases.split()
    assert len(scripts) == len(phases.split())


@ON_SERVERS
def test_a_look_at_the_rows_comes_before_what_is_committed(
    project: Environment, database_url: str
) -> None:
    """I make a column unique: rows that have one value stop it before it begins."""
    shop = begun(project, database_url, rows=2)
    ask(database_url, "UPDATE thing SET nick = 'same'")
    define(shop, {**OLD, "nick": "sa.String(40), unique=True"})
    (script,) = draft(shop, "live=yes")
    up = script.partition("def downgrade")[0]
    assert -1 < up.find("refuse_duplicates(") < up.find("autocommit_block()")
    said = shop.alembic("upgrade", "head", status=255).stdout
    assert "thing.nick" in said
    assert versions(database_url) == ["a"]


USED = {
    "free": ("", "", "op.alter_type_concurrently("),
    "indexed": (", index=True", "", "alter_column("),
    "unique": (", unique=True", "", "alter_column("),
    "refers": (', sa.ForeignKey("city.id")', "", "alter_column("),
    "referred": (", unique=True", ', sa.ForeignKey("thing.age")', "alter_column("),
    "indexed before": (", index=True", "", "alter_column("),
    "indexed now": (', index=True, key="years"', "", "alter_column("),
}
"""What uses a column -> what makes it so, in another column too, and its change."""


@ON_POSTGRESQL
@pytest.mark.parametrize("use", USED)
def test_the_type_of_a_column_that_something_uses(
    project: Environment, database_url: str, use: str
) -> None:
    """A copy of a column has no index and no key: one that has any is not copied."""
    its, others, call = USED[use]
    was = "" if use == "indexed now" else its
    columns = {"age": f"sa.Integer{was}", "other": f"sa.Integer{others}"}
    shop = empty(project.using(database_url))
    define(shop, columns)
    shop.alembic("revision", "--autogenerate", "-m", "first", "--rev-id=a")
    shop.alembic("upgrade", "head")
    stays = "" if use == "indexed before" else its
    define(shop, {**columns, "age": f"sa.BigInteger{stays}"})
    script, *_after = draft(shop, "live=yes")
    assert call in script.partition("def downgrade")[0]
    shop.alembic("upgrade", "head")
    shop.alembic("check")


@ON_POSTGRESQL
def test_a_unique_key_keeps_all_that_it_says(
    project: Environment, database_url: str
) -> None:
    """My UNIQUE says more than its columns, and a live draft makes all of it."""
    shop = empty(project.using(database_url))
    define(shop, {"age": "sa.Integer"})
    shop.alembic("revision", "--autogenerate", "-m", "first", "--rev-id=a")
    shop.alembic("upgrade", "head")
    said = "postgresql_include=['id'], deferrable=True, initially='DEFERRED'"
    unique = f"sa.UniqueConstraint('age', {said}, comment='said')"
    define(shop, {"age": f"sa.Integer)\n    __table_args__ = ({unique},"})
    draft(shop, "live=yes")
    shop.alembic("upgrade", "head")
    shop.alembic("check")
    asked = "SELECT pg_get_constraintdef(oid), obj_description(oid) FROM pg_constraint"
    (found,) = ask(database_url, f"{asked} WHERE conname = 'uq_thing_age'")
    assert tuple(found) == (
        "UNIQUE (age) INCLUDE (id) DEFERRABLE INITIALLY DEFERRED",
        "said",
    )


@ON_POSTGRESQL
def test_it_can_be_written_as_sql(project: Environment, database_url: str) -> None:
    """My database administrator runs a script: each form is in it, without Python."""
    shop = begun(project, database_url)
    define(shop, NEW)
    draft(shop, "live", *ANSWERS)
    sql = shop.alembic("upgrade", "a:head", "--sql").stdout
    for part in (
        "CREATE INDEX CONCURRENTLY ix_thing_age ON thing (age);",
        "REFERENCES city (id) NOT VALID;",
        "ALTER TABLE thing VALIDATE CONSTRAINT fk_thing_city_id_city;",
        "ALTER TABLE thing ADD CONSTRAINT uq_thing_nick UNIQUE USING INDEX",
        "UPDATE thing SET age=7 WHERE age IS NULL;",
        "CREATE TRIGGER step_thing_name_full_name BEFORE INSERT OR UPDATE ON thing",
    ):
        assert part in sql


def test_two_databases_have_two_phases_together(several: Environment) -> None:
    """A change of each database waits for the deployment, in one revision for both."""
    shop = several
    shop.alembic("upgrade", "heads")
    path = shop.package / "models.py"
    path.write_text(path.read_text().replace("String(100)", "String(90)"))
    before = set(shop.revisions())
    shop.alembic("-x", "live", "revision", "--autogenerate", "-m", "change")
    (made,) = set(shop.revisions()) - before
    script = made.read_text()
    assert 'phase = "after"' in script
    assert script.count("op.alter_type_concurrently(") >= 1
    said = shop.run("flask", "db", "upgrade", "--before").stdout
    assert "wait until the new version" in said
    shop.alembic("upgrade", "heads")
    shop.alembic("check")


RENAMED = {
    "text": ("sa.String(9), server_default='x'", ("'x'", "'a'", "'A'")),
    "exact": ("sa.Numeric(6, 2), server_default='1.5'", ("1.50", "2.25", "3.00")),
    "none": ("sa.String(9)", ("NULL", "'a'", "'A'")),
}
"""A nullable column, its default, and two other values."""


@pytest.mark.parametrize("kind", RENAMED)
def test_null_stays_null_while_a_column_has_two_names(
    project: Environment, database_url: str, kind: str
) -> None:
    """Old and new code write NULL, values and no value to a column that is renamed."""
    column, (default, one, other) = RENAMED[kind]
    shop = project.using(database_url)
    for path in shop.revisions():
        path.unlink()
    define(shop, {"old": column})
    shop.alembic("revision", "--autogenerate", "-m", "first", "--rev-id=a")
    shop.alembic("upgrade", "head")

    def insert(id_: int, name: str, value: str) -> None:
        row = f"VALUES ({id_}, {value})"
        ask(database_url, f"INSERT INTO thing (id, {name}) {row}")

    def update(id_: int, name: str, value: str, before: str = one) -> None:
        insert(id_, name, before)
        change = f"SET {name} = {value} WHERE id = {id_}"
        ask(database_url, f"UPDATE thing {change}")

    def shown(name: str) -> list[str]:
        rows = ask(database_url, f"SELECT {name} FROM thing ORDER BY id")  # noqa: S608
        return ["NULL" if it is None else str(it) for (it,) in rows]

    ask(database_url, "INSERT INTO thing (id) VALUES (1)")
    insert(2, "old", "NULL")
    insert(3, "old", one)
    define(shop, {"new": column})
    draft(shop, "live=yes", "rename=thing.old:new")
    shop.alembic("upgrade", "+1")
    ask(database_url, "INSERT INTO thing (id) VALUES (4)")
    insert(5, "old", "NULL")
    insert(6, "old", one)
    insert(7, "new", "NULL")
    insert(8, "new", one)
    update(9, "old", other)
    update(10, "new", other)
    update(11, "old", "NULL")
    update(12, "new", "NULL")
    update(13, "old", other, before="NULL")
    update(14, "new", other, before="NULL")
    texts = (default, "NULL", one, default, "NULL", one, "NULL", one)
    changed = (other, other, "NULL", "NULL", other, other)
    wanted = [text.strip("'") for text in texts + changed]
    if database_url.startswith("sqlite"):
        wanted = [text.removesuffix("0").removesuffix(".0") for text in wanted]
    assert shown("old") == shown("new") == wanted
    shop.alembic(
        "upgrade",
        "head",
    )
    shop.alembic("check")
    assert shown("new") == wanted
    shop.alembic("downgrade", "-1")
    assert shown("old") == shown("new") == wanted
    shop.alembic("downgrade", "a")
    assert shown("old") == wanted
    shop.alembic("upgrade", "head")
    assert shown("new") == wanted


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("sa.String(9), nullable=False", "sa.String(9)"),
        ("sa.String(9)", "sa.String(9), nullable=False, unique=True"),
        ("sa.String(9), unique=True", "sa.String(9), index=True"),
    ],
)
def test_a_column_of_which_more_changes_has_one_name(
    project: Environment, old: str, new: str
) -> None:
    """I rename a column and change more of it: all of that is after the deployment."""
    shop = project.using(f"sqlite:///{project.path / 'here.db'}")
    empty(shop)
    define(shop, {"old": old})
    shop.alembic("revision", "--autogenerate", "-m", "first", "--rev-id=a")
    shop.alembic("upgrade", "head")
    define(shop, {"new": new})
    fills = ["fill=thing.new:x"] * new.count("nullable=False")
    script = draft(shop, "live", "rename=thing.old:new", *fills)[-1]
    assert "begin_dual_write" not in script
    assert 'phase = "after"' in script
    shop.commands("upgrade head", "check", "downgrade a", "upgrade head", "check")


RIGHTS = """SELECT has_table_privilege('pg_monitor', 'thing', 'INSERT'),
has_column_privilege('pg_monitor', 'thing', 'name', 'UPDATE')"""


def test_a_renamed_table_has_two_names_for_a_while(
    project: Environment, database_url: str
) -> None:
    """I rename a table and a column of it, and old and new code write, all the time."""
    shop = begun(project, database_url)
    define(shop, NEW)
    shop.edit("models.py", '"thing"', '"item"')
    answers = (answer.replace("thing", "item") for answer in ANSWERS)
    before, after = draft(shop, "live", "rename=thing:item", *answers)
    assert 'op.begin_table_rename("thing", "item")' in before
    assert 'op.end_table_rename("thing", "item")' in after
    if is_postgresql := database_url.startswith("postgresql"):
        ask(database_url, "GRANT INSERT, UPDATE (name) ON thing TO pg_monitor")
    shop.alembic("upgrade", "+1")
    assert not is_postgresql or ask(database_url, RIGHTS) == [(True, True)]
    if not database_url.startswith("sqlite"):
        ask(database_url, OLD_INSERT)
        ask(database_url, "UPDATE thing SET nick = 'k' WHERE name = 'old'")
        ask(database_url, NEW_INSERT.replace("thing", "item"))
        assert ask(database_url, "SELECT count(*) FROM thing") == [(22,)]
    shop.alembic("upgrade", "head")
    shop.alembic("check")
    found = ask(database_url, "SELECT full_name, nick FROM item ORDER BY id")
    assert found[0] == ("n0", "k0")
    assert len(found) == 20 or found[20:] == [("old", "k"), ("new", None)]
    ask(database_url, "UPDATE item SET mood = 'sad'")
    shop.alembic("downgrade", "-1")
    if not database_url.startswith("sqlite"):
        ask(database_url, OLD_INSERT)
    shop.alembic("downgrade", "a")
    assert ask(database_url, "SELECT name FROM thing WHERE id = 1") == [("n0",)]
    shop.alembic("upgrade", "head")
    shop.alembic("check")


def test_a_table_that_can_have_no_second_name_is_not_renamed(
    project: Environment, database_url: str
) -> None:
    """I rename a table and widen a column: I hear why both cannot be before."""
    shop = begun(project, database_url, rows=1)
    define(shop, OLD | {"nick": "sa.String(50)"})
    shop.edit("models.py", '"thing"', '"item"')
    words = ("-x", "rename=thing:item", "revision", "--autogenerate", "-m", "x")
    said = shop.alembic("-x", "live", *words, status=255).stdout
    assert "no column of a view can get another type (nick). Let the models" in said
    assert len(shop.revisions()) == 1
    shop.alembic("-x", "live=no", *words)
    if database_url.startswith("postgresql"):
        (path,) = [it for it in shop.revisions() if "first" not in it.name]
        online = "op.begin_table_rename('thing', 'item')"
        path.write_text(f"{path.read_text()}\n\ndef upgrade():\n    {online}\n")
        ask(database_url, "ALTER TABLE thing ENABLE ROW LEVEL SECURITY")
        said = shop.alembic("upgrade", "head", status=255).stdout
        assert "thing has row security" in said


@ON_SERVERS
def test_a_stored_column_is_said_to_write_all_rows_again(
    project: Environment, database_url: str
) -> None:
    """I add a column that is computed and stored: the draft says whom that stops."""
    shop = begun(project, database_url, rows=1)
    twice = {"twice": 'sa.Integer, sa.Computed("age * 2", persisted=True)'}
    define(shop, OLD | twice)
    (script,) = draft(shop, "live")
    assert "(it is computed" in script.partition("# LOCKS: ")[2].partition("\n")[0]
