"""Two people each add a revision: mine is put behind theirs, if the order is one."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from drafts import sql
from environment import Environment
from schema import snapshot
from scripts import empty, tables, versions, write
from servers import ON_SERVERS

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TABLE = """\
op.create_table(
    "{0}", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("name", sa.Text())
)"""


def _table(project: Environment, name: str, down: str | None = "1") -> Path:
    made = TABLE.format(name)
    return write(project, name, made, f'op.drop_table("{name}")', down=down)


def git(project: Environment, *arguments: str, status: int = 0) -> str:
    """Run git in the project, as somebody, and return what it prints."""
    who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
    done = subprocess.run(
        ["git", *who, *arguments],  # noqa: S607  whichever is there
        cwd=project.path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done
    return done.stdout


def refused(project: Environment, *arguments: str) -> str:
    """Rebase in vain, and return what is said; nothing is written."""
    before = {it: it.read_bytes() for it in _files(project)}
    said = project.run("flask", "db", "rebase", *arguments, status=255).stdout
    assert {it: it.read_bytes() for it in _files(project)} == before
    assert len(said.splitlines()) <= len(["what", "to", "type"]), said
    return said


def _files(project: Environment) -> list[Path]:
    return [*project.revisions(), *project.revisions()[0].parent.glob("history.lock")]


@pytest.fixture
def two(project: Environment, database_url: str) -> Environment:
    """Give a project with two heads, `mine` and `theirs`, of which mine has run."""
    shop = project.using(database_url)
    shop.run("flask", "db", "lock")
    _table(shop, "mine")
    shop.alembic("upgrade", "head")
    _table(shop, "theirs")
    return shop


def test_mine_follows_theirs(two: Environment, database_url: str) -> None:
    """I rebase: the file, the lock file and my database have the new order."""
    said = two.run("flask", "db", "rebase", "mine").stdout
    assert said.startswith("Behind theirs now: mine\nUndone and run again: default\n")
    text = (two.revisions()[0].parent / "mine.py").read_text()
    assert "down_revision = 'theirs'" in text
    assert versions(database_url) == ["mine"]
    assert tables(database_url) >= {"mine", "theirs"}
    with two.migrations() as migrations:
        assert migrations.lock_problems() == []
        assert [it.revision for it in migrations.history()] == ["mine", "theirs", "1"]
    assert "one head" in refused(two)


@ON_SQLITE
def test_an_order_that_counts_is_refused(two: Environment) -> None:
    """We both change one column, or one needs what the other drops: it is named."""
    alter = 'op.alter_column("town", "name", type_=sa.String({0}))'
    index, drop = 'op.create_index("ix", "town", ["name"])', 'op.drop_{0}("town"{1})'
    added = 'op.add_column("town", sa.Column("a", sa.Date()))'
    for mine, theirs, both in (
        (alter.format(5), alter.format(9), "town.name"),
        (index, drop.format("column", ', "name"'), "town"),
        (added, drop.format("table", ""), "town"),
        (
            'op.create_index("ix", "town", ["name"])',
            'op.drop_column("town", "name")',
            "town",
        ),
        (
            'op.add_column("town", sa.Column("a", sa.Date()))',
            'op.drop_table("town")',
            "town",
        ),
        (TABLE.format("b"), TABLE.format("b"), "b, b (PrimaryKey id), b.id, b.name"),
    ):
        write(two, "0", TABLE.format("town"), down="1")
        write(two, "mine", mine, down="0")
        write(two, "theirs", theirs, down="0")
        said = refused(two, "mine")
        assert f"FAILED: Yours and theirs both touch {both}" in said
        assert "draft it behind theirs: flask db migrate" in said


def test_no_value_is_lost(two: Environment, database_url: str) -> None:
    """My table has rows on my database: undoing it is refused until I say it."""
    sql(database_url, "INSERT INTO mine (id, name) VALUES (1, 'a')")
    said = refused(two, "mine")
    assert "undoing them loses the values of mine. Nothing is written." in said
    (command,) = [it for it in said.splitlines() if "rebase" in it]
    typed = command.rpartition("flask db ")[2].split()
    assert typed == ["rebase", "-x", "drop=mine"]
    assert versions(database_url) == ["mine"]
    two.run("flask", "db", *typed, "mine")
    assert sql(database_url, "SELECT * FROM mine") == []


@ON_SQLITE
def test_a_column_with_values_counts_too(
    project: Environment, database_url: str
) -> None:
    """I added a column to a table that was there: its values count, its rows do not."""
    shop = project.using(database_url)
    _table(shop, "town")
    shop.alembic("upgrade", "head")
    column = 'op.add_column("town", sa.Column("motto", sa.Text()))'
    write(shop, "mine", column, 'op.drop_column("town", "motto")', down="town")
    shop.alembic("upgrade", "head")
    _table(shop, "theirs", "town")
    sql(database_url, "INSERT INTO town (id, motto) VALUES (1, 'a')")
    assert "the values of town.motto." in refused(shop, "mine")
    sql(database_url, "UPDATE town SET motto = NULL")
    shop.run("flask", "db", "rebase", "mine")
    assert sql(database_url, "SELECT id, motto FROM town") == [(1, None)]


@pytest.fixture
def here(project: Environment, tmp_path: Path) -> Environment:
    """Give a project with two heads on SQLite, of which none has run."""
    shop = project.using(f"sqlite:///{tmp_path}/main.db")
    shop.run("flask", "db", "lock")
    git(shop, "init", "-q", "-b", "main")
    git(shop, "add", ".")
    git(shop, "commit", "-qm", "start")
    return shop


def _branches(project: Environment) -> None:
    """Let theirs be on main, and mine on a branch, as after a conflict."""
    for branch, name in (("main", "theirs"), ("feature", "mine")):
        git(
            project,
            "checkout",
            "-q",
            "-B",
            branch,
            "main" if name == "theirs" else "main~1",
        )
        _table(project, name)
        project.run("flask", "db", "lock")
        git(project, "add", ".")
        git(project, "commit", "-qm", name)
    git(project, "merge", "main", status=1)


def test_git_knows_which_is_mine(here: Environment) -> None:
    """After git's conflict I type one word: mine moves, and not what main has."""
    _branches(here)
    said = here.run("flask", "db", "migrate", "-m", "x", status=255).stdout
    assert "Put yours behind theirs: flask db rebase\n" in said
    here.run("flask", "db", "rebase")
    with here.migrations() as migrations:
        assert [it.revision for it in migrations.history()] == ["mine", "theirs", "1"]
    git(here, "add", ".")
    git(here, "commit", "-qm", "both")


def test_what_others_have_stays(here: Environment) -> None:
    """I name what main has, or what I say is published: it is not moved."""
    _branches(here)
    said = refused(here, "theirs")
    assert said.startswith("FAILED: theirs: on main, so that others may have run it")
    assert said.rstrip().endswith('merge -m "join two branches" mine theirs')
    said = refused(here, "mine", "--published", "mine")
    assert "mine: published, so that others may have run it" in said
    assert "Others have both, mine and theirs." in refused(here, "--published=mine")
    assert "is a part of both branches" in refused(here, "1")


@ON_SQLITE
def test_nobody_knows_which_is_mine(two: Environment) -> None:
    """There is no git: I am told to say which is mine."""
    said = refused(two)
    assert said.endswith("  flask db rebase mine\n  flask db rebase theirs\n")


def test_what_is_not_committed_is_not_written_over(here: Environment) -> None:
    """My file has changes that git could not give back."""
    _branches(here)
    path = here.revisions()[0].parent / "mine.py"
    path.write_text(path.read_text() + "\n# more\n")
    assert f"{path} has changes that are not committed." in refused(here)


def test_a_database_that_is_away(here: Environment) -> None:
    """My server is not there: one line, and nothing is written."""
    _branches(here)
    away = here.using("postgresql://nobody@127.0.0.1:1/none")
    assert "Nothing is written." in refused(away)


@ON_SQLITE
def test_two_heads_are_told_in_one_way(two: Environment, database_url: str) -> None:
    """status, migrate, upgrade and downgrade name the same next command."""
    undone = two.run("flask", "db", "downgrade").stderr
    assert "behind theirs: flask db rebase\nOr, where others have run both, " in undone
    two.alembic("upgrade", "heads")
    assert sorted(versions(database_url)) == ["mine", "theirs"]
    for command in (("migrate", "-m", "x"), ("upgrade",), ("downgrade",)):
        said = two.run("flask", "db", *command, status=255).stdout
        assert (
            "behind theirs: flask db rebase\nOr, where others have run both, " in said
        )
    status = two.run("flask", "db", "status").stdout
    assert "Next: flask db rebase\n" in status
    two.run("flask", "db", "rebase", "mine")
    assert versions(database_url) == ["mine"]


def test_a_branch_of_several_keeps_its_order(here: Environment) -> None:
    """Mine are two: the first moves, and its file says it in both places."""
    folder = here.revisions()[0].parent
    here.alembic("revision", "-m", "x", "--rev-id=a")
    write(here, "b", "pass", down="a")
    write(here, "theirs", "pass", down="1")
    (first,) = folder.glob("*_x.py")
    first.write_bytes(first.read_bytes().replace(b"\n", b"\r\n"))
    here.run("flask", "db", "rebase", "b")
    text = first.read_bytes()
    assert b"Revises: theirs\r\n" in text
    assert b'= "theirs"\r\n' in text
    assert text.count(b"\r\n") == text.count(b"\n")
    with here.migrations() as migrations:
        found = [it.revision for it in migrations.history()]
    assert found == ["b", "a", "theirs", "1"]


@pytest.fixture
def four(project: Environment, database_url: str) -> Environment:
    """Give a project with a locked history of four, which are to be squashed."""
    shop = empty(project.using(database_url))
    for name, down in (("z", None), ("a", "z"), ("b", "a"), ("c", "b")):
        _table(shop, name, down)
    shop.run("flask", "db", "lock")
    return shop


def _builds_on(project: Environment) -> dict[str, str]:
    """Return what each file says that its revision builds on."""
    found = dict[str, str]()
    for path in (project.package / "migrations").rglob("*.py"):
        words = re.search(r"(?m)^down_revision.*= (.+)$", path.read_text())
        name = f"{path.parent.name}/{path.stem}"
        found |= {name: words[1].strip("\"'")} if words else {}
    return found


@ON_SQLITE
def test_mine_builds_on_what_they_squashed(
    four: Environment, database_url: str
) -> None:
    """They squashed what my revision builds on: it moves behind, and I lose nothing."""
    mine = _table(four, "mine", "b")
    four.alembic("upgrade", "mine")
    text = mine.read_text()
    mine.unlink()
    four.run("flask", "db", "squash")
    mine.write_text(text)
    said = "Two branches each added a revision: "
    for command in ("upgrade", "check", "downgrade", "migrate"):
        done = four.run("flask", "db", command, "-x", "a=b", status=None)
        assert said in done.stdout + done.stderr, command
        four.alembic("upgrade", "mine")
    status = four.run("flask", "db", "status").stdout
    assert "Lock: mine has no line\nModels: not compared while" in status
    assert "Next: flask db rebase\n" in status
    four.run("flask", "db", "rebase", "mine")
    assert _builds_on(four)["versions/mine"] == "c"
    assert versions(database_url) == ["mine"]
    assert tables(database_url) == {*"zabc", "mine", "alembic_version"}
    with four.migrations() as migrations:
        assert migrations.lock_problems() == []
        assert [it.revision for it in migrations.history()] == ["mine", "c"]


@ON_SQLITE
def test_old_files_are_gone_that_mine_builds_on(four: Environment) -> None:
    """Nobody kept what they squashed: two lines say what my file can say instead."""
    four.run("flask", "db", "squash", "z:c")
    mine = _table(four, "mine", "b")
    again = four.run("flask", "db", "squash", "z:c", status=255).stdout
    assert "mine has no line" in again
    four.run("flask", "db", "lock")
    again = four.run("flask", "db", "squash", "z:c", status=255).stdout
    assert "was squashed before, and another branch builds on what was" in again
    for path in (four.package / "migrations" / "replaced").iterdir():
        path.unlink()
    for command in ("upgrade", "heads", "rebase", "squash"):
        said = four.run("flask", "db", command, status=255).stdout
        assert "mine builds on b, which was squashed into c, and not all" in said
        assert said.endswith(f"down_revision = 'c' in {mine}\n")


@ON_SQLITE
@pytest.mark.parametrize("at", ["a", "c"])
def test_mine_are_squashed(four: Environment, database_url: str, at: str) -> None:
    """I squashed my branch, and my database is in its middle or behind it."""
    four.alembic("upgrade", at)
    four.run("flask", "db", "squash", "z:c")
    _table(four, "theirs", "z")
    said = four.run("flask", "db", "rebase", "c").stdout
    assert "Undone and run again: default" in said
    assert _builds_on(four) == {
        "versions/z": "None",
        "versions/theirs": "z",
        "versions/c_c_squashed": "theirs",
        "replaced/a": "theirs",
        "replaced/b": "a",
        "replaced/c": "b",
    }
    assert versions(database_url) == ["c"]
    assert tables(database_url) == {*"zabc", "theirs", "alembic_version"}
    four.alembic("downgrade", "a")
    four.alembic("downgrade", "theirs")
    assert tables(database_url) == {"z", "theirs", "alembic_version"}


ADD = (
    'op.add_column("{0}", sa.Column("{1}", sa.Integer()))',
    'op.drop_column("{0}", "{1}")',
)
MAKE = TABLE, 'op.drop_table("{0}")'
INSERT = (
    """op.execute("INSERT INTO {0} (id, name) VALUES (7, 'x')")""",
    'op.execute("DELETE FROM {0} WHERE id = 7")',
)
YEAR: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("ann", {"ann": (MAKE, "dog"), "bob": (INSERT, "z")}, ""),
    ("bob", {"ann": (ADD, "dog", "age"), "bob": (MAKE, "cat")}, "base:"),
    ("ann", {"ann": (INSERT, "dog"), "bob": (ADD, "cat", "age")}, "bob1:"),
)
"""Who merges first, what both drafted, and what the first one squashes before that."""


@ON_SERVERS
def test_a_year_of_two_developers(
    project: Environment, database_url: str, other_url: str, tmp_path: Path
) -> None:
    """We draft, merge, rebase and squash in turn: our databases stay the same."""
    _table(empty(project), "z", None)
    people = dict[str, Environment]()
    for name, url in (("ann", database_url), ("bob", other_url)):
        shutil.copytree(project.path, tmp_path / name / project.name)
        shop = Environment(tmp_path / name / project.name, project.environment)
        people[name] = shop.using(url)
        people[name].run("flask", "db", "lock")
        people[name].run("flask", "db", "upgrade")
    for week, (first, drafts, squashed) in enumerate(YEAR):
        for name, shop in people.items():
            (head, *_) = shop.run("flask", "db", "heads").stdout.split()
            draft, *names = drafts[name]
            write(
                shop, f"{name}{week}", *(it.format(*names) for it in draft), down=head
            )
            shop.run("flask", "db", "lock")
            shop.run("flask", "db", "upgrade")
        ((second, behind),) = ((it, people[it]) for it in people if it != first)
        if squashed:
            people[first].run("flask", "db", "squash", squashed)
        mine = behind.package / "migrations" / "versions" / f"{second}{week}.py"
        text = mine.read_text()
        _pull(behind, people[first])
        mine.write_text(text)
        behind.run("flask", "db", "rebase", mine.stem)
        behind.run("flask", "db", "upgrade")
        _pull(people[first], behind)
        people[first].run("flask", "db", "upgrade")
    assert snapshot(database_url) == snapshot(other_url)
    assert versions(database_url) == versions(other_url)
    for rows in ("SELECT id, name FROM z", "SELECT id, name FROM dog"):
        assert sql(database_url, rows) == sql(other_url, rows) == [(7, "x")]
    people["ann"].run("flask", "db", "downgrade", "base")
    assert tables(database_url) == {"alembic_version"}


def _pull(project: Environment, other: Environment) -> None:
    """Take the revisions that somebody else merged."""
    shutil.rmtree(project.package / "migrations")
    shutil.copytree(other.package / "migrations", project.package / "migrations")


def test_each_of_two_databases(several: Environment) -> None:
    """My revision ran on both databases, and is undone and run again on both."""
    part = "def {0}_auth():\n    pass\n\n\ndef {0}_default():\n    {1}\n"
    folder = several.revisions()[0].parent
    for name in ("mine", "theirs"):
        code = [
            f"import sqlalchemy as sa\nfrom alembic import op\n\nrevision = '{name}'"
        ]
        code.append("down_revision = '1'\n\n")
        for way, done in (
            ("upgrade", f"op.create_table('{name}', sa.Column('id', sa.Integer()))"),
            ("downgrade", f"op.drop_table('{name}')"),
        ):
            code.append(
                f"def {way}(database):\n    globals()[f'{way}_{{database}}']()\n"
            )
            code.append(part.format(way, done))
        (folder / f"{name}.py").write_text("\n".join(code))
        if name == "mine":
            several.alembic("upgrade", "head")
    said = several.run("flask", "db", "rebase", "mine").stdout
    assert "Undone and run again: default\nUndone and run again: auth\n" in said
    with several.migrations() as migrations:
        assert migrations.stamped("default") == migrations.stamped("auth") == ("mine",)
        assert migrations.pending() == ()
