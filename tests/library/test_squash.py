"""Old revisions become one, and every database finds its way to the head."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from alembic_lossless.cli import run
from database_pairs import two_databases, using_both, write_parts
from drafts import alembic
from environment import Environment
from schema import snapshot
from scripts import ask, empty, ran, scripted, versions, write
from servers import ON_POSTGRESQL, empty_database

HISTORY = {
    "a": """\
op.create_table(
    "city",
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("name", sa.String(50), nullable=False, unique=True),
)
op.create_table("gone", sa.Column("id", sa.Integer(), primary_key=True))""",
    "b": """\
with op.batch_alter_table("city") as batch:
    batch.add_column(sa.Column("land", sa.String(9), server_default="no"))
op.drop_table("gone")""",
    "c": """\
mood = sa.Enum("sad", "glad", name="mood", create_type=False)
op.create_enum("mood", ["sad", "glad"])
op.create_table(
    "friend",
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("name", sa.String(50), index=True),
    sa.Column("mood", mood),
    sa.Column("city_id", sa.Integer(), sa.ForeignKey("city.id", name="fk_city")),
)""",
    "d": """\
for name in ("Oslo", NOTE):
    op.execute(city.insert().values(name=name))""",
    "e": "op.execute('UPDATE friend SET name = lower(name)')",
    "f": """\
with op.batch_alter_table("friend") as batch:
    batch.alter_column("name", new_column_name="whole", existing_type=sa.String(50))
    batch.add_column(sa.Column("age", sa.Integer))
with op.batch_alter_table("friend") as batch:
    batch.create_check_constraint("age", "age > 0")""",
    "g": """\
with op.batch_alter_table("city") as batch:
    batch.alter_column("land", type_=sa.String(20), existing_type=sa.String(9),
        existing_server_default="no")""",
    "h": 'op.create_table("last", sa.Column("id", sa.Integer(), primary_key=True))',
}
"""A history: its data revision `d` brings rows, `e` changes none of a new database."""

DOWN = {
    "a": 'op.drop_table("gone"); op.drop_table("city")',
    "b": """\
op.create_table("gone", sa.Column("id", sa.Integer(), primary_key=True))
with op.batch_alter_table("city") as batch:
    batch.drop_column("land")""",
    "c": 'op.drop_table("friend"); op.drop_enum("mood")',
    "d": "op.execute(city.delete())",
    "f": """\
with op.batch_alter_table("friend") as batch:
    batch.drop_constraint(op.f("ck_friend_age"), type_="check")
with op.batch_alter_table("friend") as batch:
    batch.drop_column("age")
    batch.alter_column("whole", new_column_name="name", existing_type=sa.String(50))""",
    "g": """\
with op.batch_alter_table("city") as batch:
    batch.alter_column("land", type_=sa.String(9), existing_type=sa.String(20),
        existing_server_default="no")""",
    "h": 'op.drop_table("last")',
}

TABLE = """
city = sa.table("city", sa.column("name", sa.String()))
NOTE = '''
  as it
is
'''
"""
"""What stands beside the functions of the data revision."""

ENV = """
from alembic import context
from alembic_lossless import env
from sqlalchemy import MetaData

with env.migrating({url!r}, target_metadata=MetaData()):
    context.run_migrations()
"""

CITIES = "SELECT name FROM city ORDER BY name"


def history(project: Environment, url: str) -> Environment:
    """Write the history into a project, whose models are another matter."""
    project = empty(project.using(url))
    down = None
    for name, upgrade in HISTORY.items():
        path = write(project, name, upgrade, DOWN.get(name, "pass"), down=down)
        if name == "d":
            path.write_text(
                path.read_text().replace("\n\n\ndef up", f"{TABLE}\n\ndef up")
            )
        down = name
    return project


def squash(project: Environment, *arguments: str, status: int = 0) -> str:
    """Squash, and return what is said."""
    done = project.run("flask", "db", "squash", *arguments, status=status)
    return done.stdout + done.stderr


def files(project: Environment) -> dict[str, str]:
    """Return all files of the migrations, by their path."""
    folder = project.package / "migrations"
    return {
        str(it.relative_to(folder)): it.read_text()
        for it in folder.rglob("*")
        if it.is_file()
    }


def made(url: str) -> list[str]:
    """Return what a database has, without how far its keys have counted."""
    return [re.sub(r" AUTO_INCREMENT=\d+", "", line) for line in snapshot(url)]


def refused(project: Environment, *arguments: str) -> str:
    """Squash in vain, and return the one thing that is said; no file is touched."""
    before = files(project)
    said = squash(project, *arguments, status=255)
    assert files(project) == before
    assert said.startswith("FAILED: ")
    assert len(said.splitlines()) <= 2
    assert "Nothing is written." in said
    return said


def test_a_history_becomes_one_revision(
    project: Environment, database_url: str, tmp_path: Path
) -> None:
    """Old, new and half-way databases come to the same tables and rows."""
    project = history(project, database_url)
    kind = "sqlite" if database_url.startswith("sqlite") else None
    kind = kind or ("postgresql" if "postgresql" in database_url else "mariadb")
    with (
        empty_database(kind, tmp_path) as old,
        empty_database(kind, tmp_path) as past,
    ):
        alembic(project.using(old), "upgrade head")
        alembic(project.using(past), "upgrade g")
        alembic(project, "upgrade c")
        said = squash(project, "base:g", "-m", "all so far")
        assert "7 revisions are one, g:" in said
        assert "carried along as it is: d, INSERT INTO city" in said
        assert "carried along as it is: g, city may have rows by then" in said
        assert "left out: e," in said
        assert [it.name for it in project.revisions()] == ["g_all_so_far.py", "h.py"]
        text = project.revisions()[0].read_text()
        assert text.count("op.create_table") == 2
        assert "gone" not in text
        assert text.count("def upgrade()") == 3  # its own, and those it carries along

        # One in the middle goes on along the old way.
        status = project.run("flask", "db", "status").stdout
        assert "applied  c" in status
        assert "pending  d" in status
        ask(database_url, "INSERT INTO friend (id, name) VALUES (7, 'ANN')")
        alembic(project, "upgrade head")
        assert ask(database_url, "SELECT * FROM friend") == [(7, "ann", *3 * [None])]
        # One at the end of the range, or past it, has nothing to do for it.
        alembic(project.using(past), "upgrade head", "current")
        assert versions(past) == ["h"]
        with empty_database(kind, tmp_path) as new:
            fresh = project.using(new)
            alembic(fresh, "upgrade head")
            for url in (past, database_url, new):
                assert made(url) == made(old)
                assert ask(url, CITIES) == ask(old, CITIES)
                assert len(ask(url, CITIES)) == 2
            alembic(fresh, "downgrade base")
            assert made(new) == []
        alembic(project, "downgrade base")


def test_back_into_the_range(project: Environment, database_url: str) -> None:
    """I go back by a number, or to an old revision: no table of mine goes along."""
    project = history(project, database_url)
    alembic(project, "upgrade g")
    squash(project, "base:g")
    insert = "INSERT INTO friend (id, whole) VALUES (7, 'ann')"
    ask(database_url, insert)
    alembic(project, "downgrade -1")
    assert versions(database_url) == ["f"]
    ran(database_url, scripted(project, "upgrade", "f:h"))
    assert versions(database_url) == ["h"]
    ran(database_url, scripted(project, "downgrade", "h:e"))
    assert versions(database_url) == ["e"]
    assert ask(database_url, "SELECT id, name FROM friend") == [(7, "ann")]
    alembic(project, "upgrade head", "downgrade c")
    assert ask(database_url, "SELECT id, name FROM friend") == [(7, "ann")]
    alembic(project, "downgrade base", "upgrade c", "stamp d")
    assert versions(database_url) == ["d"]
    for command in (("show", "c"), ("diagram", "c"), ("history", "-r", "c:")):
        said = project.run("flask", "db", *command, status=255).stdout
        assert said.startswith("FAILED: c was squashed into g; upgrade, downgrade and")
        assert len(said.splitlines()) == 1


def test_old_files_are_kept_until_they_are_deleted(project: Environment) -> None:
    """I deleted them too early: a database in the middle is told what it needs."""
    project = history(project, f"sqlite:///{project.path}/x.db")
    alembic(project, "upgrade c")
    squash(project, "base:g")
    old = project.package / "migrations" / "replaced"
    assert sorted(it.stem for it in old.iterdir()) == [*"abcdefg"]
    again = refused(project, "base:h")
    assert "the old files of g are in replaced. Delete the folder first" in again
    for it in old.iterdir():
        it.unlink()
    for command in ("upgrade", "current", "status", "check"):
        done = project.run("flask", "db", command, status=255)
        assert "The database is at c, which was squashed into g" in done.stdout
        assert "Upgrade it to g with the version of the app" in done.stdout
    url = f"sqlite:///{project.path}/x.db"
    ask(url, "UPDATE alembic_version SET version_num = 'h'")
    ask(url, "CREATE TABLE last (id INTEGER)")
    alembic(project, "downgrade -1")  # which needs no old file
    for end in ("downgrade", "e"), ("downgrade", "g:e", "--sql"):
        done = project.run("flask", "db", *end, status=255)
        assert "FAILED: e was squashed into g, and not all old files" in done.stdout
    ask(url, "UPDATE alembic_version SET version_num = 'c'")
    squash(project)
    text = "".join(it.read_text() for it in project.revisions())
    assert "replaces = (" in text
    for name in "abcdefg":
        assert f'"{name}"' in text
    done = project.run("flask", "db", "upgrade", status=255)
    assert "The database is at c, which was squashed into h" in done.stdout


@pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
def test_a_range_in_the_middle(project: Environment, database_url: str) -> None:
    """Rows that were there before the range are as the old revisions leave them."""
    project = history(project, database_url)
    squash(project, "c:g")
    (_, _, _, one, _) = project.revisions()
    assert 'down_revision: str | Sequence[str] | None = "c"' in one.read_text()
    alembic(project, "upgrade c")
    ask(database_url, "INSERT INTO friend (id, name) VALUES (7, 'ANN')")
    alembic(project, "upgrade head")
    assert ask(database_url, "SELECT whole FROM friend") == [("ann",)]
    assert len(ask(database_url, CITIES)) == 2
    alembic(project, "downgrade c", "upgrade head")


BRANCHES: dict[str, tuple[str, dict[str, tuple[Any, str, str]]]] = {
    "dependency": ("c:g", {"x": ("c", "depends_on = None", "depends_on = 'e'")}),
    "branch in the range": ("base:g", {"x": ("d", "", "")}),
    "merge from before": ("b:m", {"x": ("a", "", ""), "m": (("g", "x"), "", "")}),
    "one": ("g:h", {}),
    "nothing after": ("h", {}),
    "apart": ("c:x", {"x": ("a", "", "")}),
    "unknown": ("nix:h", {}),
    "two heads": ("base", {"x": ("c", "", "")}),
}
"""A range, and revisions beside the history: what they build on, and an edit."""

REFUSALS = {
    "dependency": "x builds on e, in its middle. Squash up to e, or from there on",
    "branch in the range": "x builds on d, in its middle",
    "merge from before": "x also builds on a, which is before it",
    "one": "it has one revision",
    "nothing after": "it has no revision",
    "apart": "x does not build on c",
    "unknown": "nix",
    "two heads": "h and x are 2 heads. Name the end: base:h",
}


RENAMES = {
    "a": """\
op.create_table("person", sa.Column("id", sa.Integer(), primary_key=True))
op.create_table(
    "mail",
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("sender", sa.Integer(), sa.ForeignKey("person.id")),
    sa.Column("subject", sa.String(50), unique=True),
)""",
    "b": 'op.rename_table("mail", "letter")',
    "c": """\
with op.batch_alter_table("letter") as batch:
    batch.alter_column("sender", new_column_name="writer", existing_type=sa.Integer())
""",
}
TAKEN = 'op.create_table("mail", sa.Column("id", sa.Integer(), primary_key=True))'
"""What takes names that PostgreSQL would give, which are kept by another table."""


@pytest.mark.parametrize("taken", [False, True], ids=["free", "taken"])
@ON_POSTGRESQL
def test_renames_are_folded(
    nameless: Environment, database_url: str, *, taken: bool
) -> None:
    """I renamed tables: what PostgreSQL calls by the old names is called so still."""
    project = nameless.using(database_url)
    down = None
    for name, upgrade in {**RENAMES, **({"d": TAKEN} if taken else {})}.items():
        write(project, name, upgrade, down=down)
        down = name
    alembic(project, "upgrade head")
    before = made(database_url)
    said = squash(project)
    assert "tables and rows on postgresql, sqlite." in said
    assert ("carried" in said) == taken
    for table in ("letter", "person", "mail", "alembic_version"):
        ask(database_url, f"DROP TABLE IF EXISTS {table}")
    alembic(project, "upgrade head")
    assert made(database_url) == before


NO_NAME = """\
op.create_foreign_key(None, "mail", "person", ["id"], ["id"])
op.create_unique_constraint(None, "mail", ["subject", "sender"])
op.execute("CREATE VIEW v AS SELECT 1")"""
DROPS = """\
op.execute("DROP VIEW v")
op.drop_constraint(None, "mail", type_="unique")
op.drop_constraint(None, 'mail', type_='foreignkey')"""
"""What Alembic drafts where nobody names a constraint; it drops nothing."""


@ON_POSTGRESQL
def test_a_constraint_that_nobody_named(
    nameless: Environment, database_url: str
) -> None:
    """My revision drops what it gave no name: squashed, the downgrade finds it."""
    project = nameless.using(database_url)
    write(project, "a", RENAMES["a"], "op.drop_table('mail'); op.drop_table('person')")
    write(project, "b", NO_NAME, DROPS, down="a")
    alembic(project, "upgrade head")
    project.alembic("downgrade", "-1", status=255)
    said = squash(project)
    assert "carried along as it is: b" in said
    assert "downgrade fails" not in said
    assert project.revisions()[0].read_text().count("op.drop_unnamed_constraint(") == 2


def test_an_env_py_that_names_its_database(
    project: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I adopted the library: the proof is on databases of its own, not mine."""
    url = f"sqlite:///{tmp_path}/mine.db"
    project = history(project, url)
    (project.package / "migrations" / "env.py").write_text(ENV.format(url=url))
    alembic(project, "upgrade head")
    ask(url, "INSERT INTO friend (id, whole) VALUES (7, 'ann')")
    before = (tmp_path / "mine.db").read_bytes()
    monkeypatch.chdir(project.path)
    run(None, ["squash"], "alembic-lossless")
    assert len(project.revisions()) == 1
    assert (tmp_path / "mine.db").read_bytes() == before


@pytest.mark.parametrize("case", BRANCHES)
def test_a_range_that_is_none(project: Environment, case: str) -> None:
    """I squash what has another branch in it: I am told which one."""
    project = history(project, f"sqlite:///{project.path}/x.db")
    given, more = BRANCHES[case]
    for name, (down, old, new) in more.items():
        path = write(project, name, "pass")
        text = path.read_text().replace(
            "down_revision = None", f"down_revision = {down!r}"
        )
        path.write_text(text.replace(old, new) if old else text)
    assert REFUSALS[case] in refused(project, given)


def test_branches_merge_in_the_range(project: Environment, tmp_path: Path) -> None:
    """Branches that meet again are one revision; labels and dependencies stay."""
    database_url = f"sqlite:///{tmp_path}/x.db"
    project = empty(project.using(database_url))
    table = 'op.create_table("{}", sa.Column("id", sa.Integer(), primary_key=True))'
    downs: dict[str, Any] = {"o": None, "a": None, "b": "a", "c": "a", "d": ("b", "c")}
    for name, down in downs.items():
        path = write(
            project, name, table.format(f"t_{name}"), f'op.drop_table("t_{name}")'
        )
        text = path.read_text().replace(
            "down_revision = None", f"down_revision = {down!r}"
        )
        if name == "b":
            text = text.replace("branch_labels = None", "branch_labels = ('left',)")
        if name == "c":
            text = text.replace("depends_on = None", "depends_on = 'o'")
        path.write_text(text)
    squash(project, "base:d")
    both = "".join(it.read_text() for it in project.revisions())
    assert 'branch_labels: str | Sequence[str] | None = ("left",)' in both
    assert 'depends_on: str | Sequence[str] | None = "o"' in both
    alembic(project, "upgrade left@head")
    assert {"t_o", "t_a", "t_b", "t_c", "t_d"} < {*tables_of(database_url)}


def tables_of(url: str) -> list[str]:
    """Return the words of a snapshot."""
    return (
        " ".join(snapshot(url))
        .replace("|", " ")
        .replace('"', "")
        .replace("`", "")
        .split()
    )


def test_what_is_not_the_same_is_refused(project: Environment) -> None:
    """A revision does what nobody can read: the proof finds it, and names it."""
    project = history(project, f"sqlite:///{project.path}/x.db")
    hidden = "CREATE TABLE hidden (id INTEGER)"
    raw = f'op.get_bind().connection.driver_connection.execute("{hidden}")'
    write(project, "i", raw, down="h")
    said = refused(project)
    assert "not the same on sqlite: at i it makes table hidden: not id INTEGER" in said
    at = "SELECT coalesce(max(version_num), 'none') FROM alembic_version"
    write(project, "i", f'op.execute("INSERT INTO city (name) {at}")', down="h")
    assert "at i it makes city: other values in name" in refused(project)
    squash(project, "base:h")


def test_the_lock_file_is_written_anew(project: Environment) -> None:
    """My history is locked: it is so after a squash, and an edited one is refused."""
    project = history(project, f"sqlite:///{project.path}/x.db")
    project.run("flask", "db", "lock")
    path = project.package / "migrations" / "versions" / "b.py"
    text = path.read_text()
    path.write_text(text.replace("land", "country"))
    before = files(project)
    assert "b was edited" in squash(project, status=255)
    assert files(project) == before
    path.write_text(text)
    squash(project, "base:g")
    lock = (path.parent / "history.lock").read_text().splitlines()
    assert [it.split()[:2] for it in lock if it[0] != "#"] == [["g", "-"], ["h", "g"]]
    alembic(project, "upgrade head")
    assert "Lock" not in project.run("flask", "db", "status").stdout


def test_a_squash_that_was_killed(project: Environment) -> None:
    """It was killed while it deleted the old files: I am told which are left."""
    project = history(project, f"sqlite:///{project.path}/x.db")
    squash(project, "base:g")
    folder = project.package / "migrations"
    left = (folder / "replaced" / "b.py").rename(folder / "versions" / "b.py")
    for program in (["alembic", "check"], ["flask", "db", "heads"]):
        said = project.run(*program, status=255).stdout
        assert f"{left} is a revision that g stands for" in said
        assert "Delete their files" in said


def test_what_cannot_be_read_is_named(project: Environment) -> None:
    """A revision needs a row that no new database has: I am told its line."""
    project = history(project, f"sqlite:///{project.path}/x.db")
    read = 'op.get_bind().execute(sa.text("SELECT name FROM city")).all()[0]'
    write(project, "i", read, down="h")
    said = refused(project)
    assert "Revision i cannot be read from line 12 of i.py on (IndexError" in said
    assert "Squash what is before it, or behind it" in said
    squash(project, "base:h")


def test_revisions_that_do_not_run(project: Environment, database_url: str) -> None:
    """The old way fails on my kind of database: there is nothing to compare with."""
    project = history(project, database_url)
    write(project, "i", 'op.drop_table("never")', down="h")
    said = refused(project)
    assert "its own revisions do not run: The upgrade of revision i failed" in said


def test_the_server_is_away(project: Environment) -> None:
    """The server does not answer: one line says so."""
    project = history(project, "postgresql://nobody@127.0.0.1:1/none")
    before = files(project)
    said = squash(project, status=255)
    assert "127.0.0.1" in said
    assert len(said.splitlines()) <= 2
    assert files(project) == before


def test_uncommitted_revisions(project: Environment) -> None:
    """I squash what git does not have: I am asked to commit it first."""
    project = history(project, f"sqlite:///{project.path}/x.db")
    git = ["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run([*git, *words], cwd=project.path, check=True)
    path = project.package / "migrations" / "versions" / "b.py"
    path.write_text(path.read_text() + "# changed\n")
    assert "b.py is not committed. Commit the revisions of the range" in refused(
        project
    )
    subprocess.run([*git, "commit", "-qam", "more"], cwd=project.path, check=True)
    squash(project)


def test_a_revision_that_cannot_be_carried(project: Environment) -> None:
    """A data revision says `global`: inside a function that is another thing."""
    project = history(project, f"sqlite:///{project.path}/x.db")
    path = project.package / "migrations" / "versions" / "d.py"
    path.write_text(
        path.read_text().replace("    for name", "    global NOTE\n    for name")
    )
    assert "d.py cannot be carried along: it says `global NOTE`" in refused(project)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_rows_that_hold_the_time(project: Environment, database_url: str) -> None:
    """Rows of a data revision have the time that they are made at: it may differ."""
    project = history(project, database_url)
    insert = "INSERT INTO log (id, made) VALUES (1, :made)"
    write(
        project,
        "i",
        f"""\
import time
op.create_table("log", sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("made", sa.String(40)))
op.execute(sa.text("{insert}").bindparams(made=str(time.time_ns())))""",
        'op.drop_table("log")',
        down="h",
    )
    squash(project)
    alembic(project, "upgrade head")
    assert len(ask(database_url, "SELECT made FROM log")) == 1


@pytest.mark.parametrize("kinds", ["sqlite-postgresql"])
def test_several_databases(several: Environment, tmp_path: Path, kinds: str) -> None:
    """Each database has a part, of tables and of rows."""
    make = 'op.create_table("{}", sa.Column("id", sa.Integer(), primary_key=True))'
    row = 'op.execute("INSERT INTO {} (id) VALUES (7)")'
    parts = {
        "a": (make.format("x"), make.format("y")),
        "b": (row.format("x"), "pass"),
        "c": ("pass", row.format("y")),
    }
    down = "1"
    for name, (default, auth) in parts.items():
        write_parts(several, name, default, auth)
        path = several.package / "migrations" / "versions" / f"{name}.py"
        text = path.read_text()
        path.write_text(text.replace("_revision = '1'", f"_revision = {down!r}"))
        down = name
    queries = ("SELECT id FROM x", "SELECT id FROM y")
    with two_databases(kinds, tmp_path) as urls:
        project = using_both(several, urls)
        alembic(project, "upgrade a")
        squash(project)
        (one,) = project.revisions()
        text = one.read_text()
        assert 'carried_b("upgrade_default")' in text
        assert 'carried_b("upgrade_auth")' not in text
        alembic(project, "upgrade head")
        for query, url in zip(queries, urls, strict=True):
            assert ask(url, query) == [(7,)]
            assert versions(url) == ["c"]
    with two_databases(kinds, tmp_path) as urls:
        alembic(using_both(project, urls), "upgrade head")
        for query, url in zip(queries, urls, strict=True):
            assert ask(url, query) == [(7,)]
