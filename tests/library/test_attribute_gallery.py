"""Each attribute of a table in a model: drafted, changed, and taken back."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
from alembic.script import Script
from alembic_lossless.rules import BY_HAND
from alembic_lossless.state import other_options
from attributes import ATTRIBUTES, SO_ANYWAY, Attribute, models_of
from drafts import alembic, define_thing, draft, refusal, sql
from environment import Environment
from proof.compared import DIALECTS, arguments, is_declared
from schema import snapshot
from scripts import ask, ran, scripted, versions, write
from servers import DATABASES, ON_POSTGRESQL, empty_database, engine_of, kind_of
from sqlalchemy import MetaData, create_engine
from sqlalchemy.pool import NullPool


def is_known(attribute: Attribute) -> bool:
    """Tell whether this SQLAlchemy has an argument; a dialect's can be newer."""
    name = name_of(attribute)
    of_dialects = tuple(f"{it.name}_" for it in DIALECTS)
    is_newer = name.partition(".")[2].startswith(of_dialects)
    return not is_newer or name in {*arguments()}


SINCE = {"postgresql_nulls_not_distinct": (15,)}
"""The version of a server that was the first to have an argument."""


def has_words(attribute: Attribute, server: Any) -> bool:
    """Tell whether a server is new enough for an attribute.

    :param server: its version, as SQLAlchemy reads it.
    """
    since = SINCE.get(name_of(attribute).partition(".")[2], ())
    return server is None or server >= since


def name_of(attribute: Attribute) -> str:
    """Return the argument that a row of the gallery is about."""
    return attribute.name.partition(":")[0].partition(" ")[0]


KNOWN = [it for it in ATTRIBUTES if is_known(it)]
"""The attributes that this SQLAlchemy has."""


def created(project: Environment, database: str, folder: Path) -> list[str]:
    """Return what `create_all` makes of the models in an empty database."""
    with empty_database(database, folder) as url, project.migrations() as migrations:
        migrations.project.import_models()
        metadata: MetaData = importlib.import_module("friend_book.db").Model.metadata
        metadata.create_all(create_engine(url, poolclass=NullPool))
        return snapshot(url)


def without(tables: list[int], lines: list[str]) -> list[str]:
    """Return what a database says of all but some tables."""
    names = "|".join(f"t_{number}" for number in tables) or "none"
    speaks = re.compile(rf"\b({names})(_|\b)")
    return [line for line in lines if not speaks.search(line)]


def test_each_attribute_settles(
    project: Environment, database_url: str, tmp_path: Path
) -> None:
    """I use and change whatever SQLAlchemy has, and get what create_all makes of it."""
    database = kind_of(database_url)
    shop = project.using(database_url)
    shop.alembic("upgrade", "head")
    with engine_of(database_url).connect() as connection:
        version = connection.dialect.server_version_info
    chosen = [it for it in KNOWN if database in it.databases and has_words(it, version)]
    snapshots, drafted = [snapshot(database_url)], list[Script]()
    for moment in ("before", "after"):
        (shop.package / "things.py").write_text(models_of(chosen, moment, database))
        with shop.migrations() as migrations:
            assert BY_HAND not in str(migrations.differences())
            drafted += filter(None, [migrations.revision(moment)])
            migrations.upgrade()
            assert str(migrations.differences() or "") == ""
            assert migrations.revision("nothing") is None
            snapshots.append(snapshot(database_url))
            migrations.downgrade("-1")
            assert snapshot(database_url) == snapshots[-2]
            migrations.upgrade()
            assert snapshot(database_url) == snapshots[-1]
        marked = moment == "after"
        others = [
            number
            for number, it in enumerate(chosen)
            if database in it.in_other_words or (marked and it.is_marked)
        ]
        made = created(shop, database, tmp_path)
        assert without(others, snapshots[-1]) == without(others, made)
    # The script of --sql does what the run did, in both directions.
    (head,), first = versions(database_url), shop.revisions()[0].name.split("_")[1]
    with empty_database(database, tmp_path) as url:
        ran(url, scripted(shop, "upgrade", "head"))
        assert snapshot(url) == snapshots[-1]
        assert versions(url) == [head]
        ran(url, scripted(shop, "downgrade", f"{head}:{first}"))
        assert snapshot(url) == snapshots[0]
    # Whatever check knows of, it tells when it was done by hand.
    before, after = drafted
    Path(after.path).unlink()
    (shop.package / "things.py").write_text(models_of(chosen, "before", database))
    with shop.migrations() as migrations:
        migrations.stamp(before.revision, purge=True)
        ask(database_url, "DELETE FROM alembic_version_history")
        lines = str(migrations.differences()).splitlines()
    assert len(lines) > 15
    assert {line for line in lines if not line.endswith(BY_HAND)} == {lines[0]}


def test_what_is_so_anyway_may_be_said_or_not(
    project: Environment, database_url: str, tmp_path: Path
) -> None:
    """My models say what the database does anyway, and my revisions do not, or so."""
    database = kind_of(database_url)
    shop = project.using(database_url)
    shop.alembic("upgrade", "head")
    chosen = [it for it in SO_ANYWAY if database in it.databases]
    chosen += [it._replace(before=it.after, after=it.before) for it in chosen]
    others = [at for at, it in enumerate(chosen) if database in it.in_other_words]
    made = list[list[str]]()
    for moment in ("before", "after"):
        (shop.package / "things.py").write_text(models_of(chosen, moment, database))
        with shop.migrations() as migrations:
            if not made:
                migrations.revision(moment)
                migrations.upgrade()
            assert str(migrations.differences() or "") == ""
        made.append(without(others, created(shop, database, tmp_path)))
    assert made[0] == made[1]


def test_no_other_option_is_so_anyway() -> None:
    """A new SQLAlchemy has an option that is on, and off only where it is said."""
    for dialect in DIALECTS:
        for construct, options in dialect.construct_arguments or ():
            given = {
                f"{dialect.name}_{name}": it
                for name, it in options.items()
                if is_declared(it)
            }
            assert other_options({}, given) == [], construct


@pytest.mark.parametrize(
    ("drafted_on", "database_url"),
    [("sqlite", "postgresql"), ("postgresql", "mariadb"), ("mariadb", "sqlite")],
    indirect=["database_url"],
)
def test_a_draft_of_attributes_runs_elsewhere(
    project: Environment, drafted_on: str, database_url: str, tmp_path: Path
) -> None:
    """I draft on one database, and the revisions do the same on another one."""
    chosen = [it for it in KNOWN if len(it.databases) == len(DATABASES)]
    chosen = [it for it in chosen if "COLLATION" not in it.before + it.after]
    there = project.using(database_url)
    with empty_database(drafted_on, tmp_path) as url:
        here = project.using(url)
        here.alembic("upgrade", "head")
        for moment in ("before", "after"):
            models = models_of(chosen, moment, drafted_on)
            (here.package / "things.py").write_text(models)
            here.commands(f"revision --autogenerate -m {moment}", "upgrade head")
    there.commands("upgrade head", "check", "downgrade -2", "upgrade head", "check")
    others = [number for number, it in enumerate(chosen) if it.is_marked]
    kind = kind_of(database_url)
    others += [number for number, it in enumerate(chosen) if it.in_other_words]
    made = created(there, kind, tmp_path)
    assert without(others, snapshot(database_url)) == without(others, made)


def test_a_column_that_becomes_computed_stops_the_draft(project: Environment) -> None:
    """I make a formula of a column with values, and am told to do it by hand."""
    define_thing(project, "age = sa.Integer", "twice = sa.Integer")
    draft(project, "thing")
    formula = "sa.Integer, sa.Computed('age * 2')"
    define_thing(project, "age = sa.Integer", f"twice = {formula}")
    said = refusal(project, "revision", "--autogenerate", "-m", "formula")
    assert "thing.twice becomes computed." in said


def test_a_column_that_is_computed_no_more_is_typed_as_it_is_said(
    project: Environment, database_url: str
) -> None:
    """I type what the refusal says, and each row keeps what was computed for it."""
    shop = project.using(database_url)
    formula = "sa.Integer, sa.Computed('age * 2', persisted=True)"
    define_thing(shop, "age = sa.Integer", f"twice = {formula}")
    draft(shop, "thing")
    ask(database_url, "INSERT INTO thing (id, age) VALUES (1, 21)")
    (head,) = versions(database_url)
    define_thing(shop, "age = sa.Integer", "twice = sa.Integer")
    said = refusal(shop, "revision", "--autogenerate", "-m", "plain")
    assert "thing.twice is computed no more." in said
    _, _, typed = said.partition("write in that revision:\n")
    write(shop, "plain", typed.partition("\nINFO")[0], down=head)
    shop.commands("upgrade head", "check")
    ask(database_url, "UPDATE thing SET age = 1")
    assert ask(database_url, "SELECT twice FROM thing") == [(42,)]


@ON_POSTGRESQL
def test_a_new_formula_says_who_waits(project: Environment, database_url: str) -> None:
    """I change a formula, and the draft says that the table cannot be used then."""
    shop = project.using(database_url)
    for times in (2, 3):
        formula = f"sa.Computed('age * {times}', persisted=True)"
        define_thing(shop, "age = sa.Integer", f"much = sa.Integer, {formula}")
        text = draft(shop, f"times {times}")
    assert "# LOCKS: Nobody can use thing" in text


def test_what_is_not_compared_is_named(project: Environment) -> None:
    """I use what drafts know nothing of, and am told so at each draft and check."""
    define_thing(project, "age = sa.Integer")
    base = project.package / "db.py"  # whose convention lets no CHECK be unnamed
    base.write_text(re.sub(r'    "ck": .*\n', "", base.read_text()))
    path = project.package / "things.py"
    key = "sa.PrimaryKeyConstraint('id', sqlite_on_conflict='IGNORE')"
    check = "sa.CheckConstraint('age > 0')"
    path.write_text(f"{path.read_text()}\n    __table_args__ = ({key}, {check})\n")
    said = project.commands("upgrade head", "revision --autogenerate -m thing")
    assert "thing: PrimaryKeyConstraint.sqlite_on_conflict is not compared" in said
    said = project.commands("upgrade head", "check")
    assert "thing: PrimaryKeyConstraint.sqlite_on_conflict is not compared" in said
    path.write_text(path.read_text().replace("age > 0", "age > 1"))
    said = refusal(project, "check")
    assert "thing: CHECK without a name removed" in said
    assert "thing: CHECK without a name added" in said


def test_what_no_draft_can_change_is_marked(project: Environment) -> None:
    """I change an option of a table, and the draft says what I have to write."""
    path = project.package / "things.py"
    define_thing(project, "age = sa.Integer")
    draft(project, "thing")
    options = '    __table_args__ = {"mysql_engine": "Aria", "sqlite_strict": True}'
    path.write_text(f"{path.read_text()}\n{options}\n")
    assert "thing: mysql_engine, sqlite_strict changed" in refusal(project, "check")
    text = draft(project, "options")
    assert "# REVIEW: thing: mysql_engine=None, sqlite_strict=None becomes" in text
    assert 'op.manual_change("thing", mysql_engine="Aria"' in text


def test_the_comment_of_a_table_is_another_or_none(
    project: Environment, database_url: str
) -> None:
    """I give a table another comment, and then none: SQLite, too, is told of both."""
    shop = project.using(database_url)
    path = shop.package / "things.py"
    for name, said in (("one", "'all'"), ("other", "'some'"), ("none", "None")):
        define_thing(shop, "age = sa.Integer")
        options = f'    __table_args__ = {{"comment": {said}}}'
        path.write_text(f"{path.read_text()}\n{options}\n")
        draft(shop, name)
        alembic(shop, "downgrade -1", "upgrade head", "check")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_comment_of_a_constraint_is_another_or_none(
    project: Environment, database_url: str
) -> None:
    """I say something else of a CHECK, and then nothing: PostgreSQL has what I say."""
    shop = project.using(database_url)
    path = shop.package / "things.py"
    asked = (
        "SELECT obj_description(oid) FROM pg_constraint WHERE conname = 'ck_thing_a'"
    )
    for name, comment in (("one", "all"), ("other", "some"), ("none", None)):
        define_thing(shop, "age = sa.Integer")
        check = f"sa.CheckConstraint('age > 0', name='a', comment={comment!r})"
        path.write_text(f"{path.read_text()}\n    __table_args__ = ({check},)\n")
        draft(shop, name)
        alembic(shop, "downgrade -1", "upgrade head", "check")
        assert sql(database_url, asked) == [(comment,)]
