"""Two databases, one history: each revision has a part for each of them."""

from pathlib import Path

import pytest
from database_pairs import two_databases, using_both, write_parts
from drafts import alembic
from environment import Environment
from scripts import ask, open_query, tables, versions

EMAIL = "    email: Mapped[str] = mapped_column(String(254), unique=True)\n"
PHONE = "    phone: Mapped[str | None] = mapped_column(String(30))\n"
NOTE = 'op.create_table("note", sa.Column("id", sa.Integer, primary_key=True))'
ORPHAN = """
op.create_table("child", sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("city_id", sa.Integer, sa.ForeignKey("city.id")))
op.execute("INSERT INTO child VALUES (1, 77)")
"""
BROKEN = 'op.execute("SELECT nope")'


def in_pairs(*kinds: str) -> pytest.MarkDecorator:
    """Run a test on pairs of databases, the one of `default` first."""
    return pytest.mark.parametrize("kinds", kinds)


def first_revision(project: Environment) -> str:
    """Return the id of the revision that the template made."""
    return project.revisions()[0].name.split("_")[1]


@in_pairs("sqlite-sqlite", "sqlite-postgresql", "postgresql-mariadb", "mariadb-sqlite")
def test_a_change_in_the_second_database_arrives_there_only(
    several: Environment, tmp_path: Path, kinds: str
) -> None:
    """I add a column to a model of auth, and walk up and down on two databases."""
    with two_databases(kinds, tmp_path) as urls:
        shop = using_both(several, urls)
        alembic(shop, "upgrade head")
        shop.edit("models.py", EMAIL, EMAIL + PHONE)
        alembic(shop, "revision --autogenerate -m phone", "upgrade head", "check")
        parts = shop.revisions()[-1].read_text().split("\n\n\ndef ")
        assert ["phone" in part for part in parts[3:]] == [False, False, True, True]
        assert {"user", "friend"} & tables(urls[1]) == {"user"}
        assert {"user", "friend"} & tables(urls[0]) == {"friend"}
        alembic(shop, "downgrade base")
        assert tables(urls[0]) == tables(urls[1]) == {"alembic_version"}


@in_pairs("sqlite-sqlite", "sqlite-postgresql", "postgresql-sqlite")
def test_a_failure_in_the_second_undoes_the_first(
    several: Environment, tmp_path: Path, kinds: str
) -> None:
    """My revision fails in auth: told so, and default is what it was before."""
    with two_databases(kinds, tmp_path) as urls:
        shop = using_both(several, urls)
        shop.alembic("upgrade", "head")
        write_parts(shop, "b", NOTE, NOTE + "\n" + BROKEN)
        failed = shop.alembic("upgrade", "head", status=255).stdout
        assert "auth: The upgrade of revision b failed" in failed
        assert "default:" not in failed
        assert versions(urls[0]) == versions(urls[1]) == [first_revision(shop)]
        assert "note" not in tables(urls[0]) | tables(urls[1])


def test_all_are_checked_before_one_is_committed(
    several: Environment, tmp_path: Path
) -> None:
    """My revision leaves an orphan in default: auth, which ran after it, is undone."""
    with two_databases("sqlite-sqlite", tmp_path) as urls:
        shop = using_both(several, urls)
        shop.alembic("upgrade", "head")
        write_parts(shop, "b", ORPHAN, NOTE)
        failed = shop.alembic("upgrade", "head", status=255).stdout
        assert "default: " in failed
        assert "child: rowid 1 refer to city" in failed
        assert versions(urls[0]) == versions(urls[1]) == [first_revision(shop)]
        assert "note" not in tables(urls[1])


@pytest.mark.parametrize("held", ["default", "auth"])
def test_a_commit_that_fails_in_one_of_them(
    several: Environment, tmp_path: Path, held: str
) -> None:
    """One file is read when all is done: told which, and where each one is then."""
    with two_databases("sqlite-sqlite", tmp_path) as urls:
        shop = using_both(several, urls)
        shop.alembic("upgrade", "head")
        write_parts(shop, "b", NOTE, NOTE)
        shop.environment["FRIEND_BOOK_MIGRATION_LOCK_TIMEOUT"] = "0"
        with open_query(urls[held == "auth"], "SELECT * FROM alembic_version"):
            failed = shop.alembic("upgrade", "head", status=255).stdout
        assert f"{held}: sqlite:///" in failed
        assert "another process reads or writes the file" in failed
        # The last is committed first.
        differ = versions(urls[0]) != versions(urls[1])
        assert differ == (held == "default")
        assert ("Now the databases differ: default at 1, auth at b" in failed) == differ
        shop.alembic("upgrade", "b")
        assert versions(urls[0]) == versions(urls[1]) == ["b"]


def test_what_is_missing_in_the_second_is_said(
    several: Environment, tmp_path: Path
) -> None:
    """A view of auth needs the column that my revision drops: told where, and what."""
    with two_databases("sqlite-postgresql", tmp_path) as urls:
        shop = using_both(several, urls)
        shop.alembic("upgrade", "head")
        ask(urls[1], 'CREATE VIEW mails AS SELECT email FROM "user"')
        write_parts(shop, "b", NOTE, 'op.drop_column("user", "email")')
        failed = shop.alembic("upgrade", "head", status=255).stdout
        assert failed.startswith("FAILED: auth: The upgrade of revision b failed")
        assert 'op.execute("DROP VIEW mails")' in failed
        assert versions(urls[0]) == versions(urls[1]) == [first_revision(shop)]


@pytest.mark.parametrize("table", ["alembic_version", "steps"])
def test_what_could_not_be_undone_is_said(
    several: Environment, tmp_path: Path, table: str
) -> None:
    """MariaDB keeps its part when auth fails: I read where each is, and go on."""
    with two_databases("mariadb-sqlite", tmp_path) as urls:
        shop = using_both(several, urls)
        named = f'"render_as_batch": True, "version_table": "{table}"'
        shop.edit("migrations/env.py", '"render_as_batch": True', named)
        shop.alembic("upgrade", "head")
        first = first_revision(shop)
        write_parts(shop, "b", NOTE, BROKEN)
        failed = shop.alembic("upgrade", "head", status=255).stdout
        assert f"Now the databases differ: default at b, auth at {first}." in failed
        write_parts(shop, "b", NOTE, NOTE)
        shop.alembic("upgrade", "b")
        found = [ask(url, f"SELECT version_num FROM {table}") for url in urls]  # noqa: S608  ours
        assert found == [[("b",)], [("b",)]]
        assert "note" in tables(urls[1])


@pytest.mark.parametrize("away", ["postgresql://me@127.0.0.1:1/x", "sqlite:///no/x.db"])
def test_the_second_is_away(several: Environment, tmp_path: Path, away: str) -> None:
    """I get the name of auth wrong: told so in a line or two, and nothing has moved."""
    with two_databases("sqlite-sqlite", tmp_path) as urls:
        shop = using_both(several, (urls[0], away))
        for program in (["alembic"], ["flask", "db"]):
            done = shop.run(*program, "upgrade", "head", status=255)
            said = done.stdout + done.stderr
            assert "FAILED: auth: " in said
            assert "Traceback" not in said
            assert "differ" not in said
        assert "friend" not in tables(urls[0])


def test_one_moved_and_the_other_was_away(several: Environment, tmp_path: Path) -> None:
    """MariaDB keeps its part when auth cannot be reached: I read that it moved."""
    with two_databases("mariadb-sqlite", tmp_path) as urls:
        shop = using_both(several, urls)
        shop.alembic("upgrade", "head")
        write_parts(shop, "b", NOTE, NOTE)
        away = using_both(shop, (urls[0], "postgresql://me@127.0.0.1:1/x"))
        failed = away.alembic("upgrade", "head", status=255).stdout
        assert "Now the databases differ: default at b, auth not reached." in failed
        shop.alembic("upgrade", "b")
        assert versions(urls[0]) == versions(urls[1]) == ["b"]


def test_the_way_back_when_databases_differ(
    several: Environment, tmp_path: Path
) -> None:
    """One database is ahead: I name a revision, and both are there."""
    with two_databases("sqlite-sqlite", tmp_path) as urls:
        shop = using_both(several, urls)
        write_parts(shop, "b", NOTE, NOTE)
        first = first_revision(shop)
        alembic(shop, f"upgrade {first}", "-x database=auth upgrade head")
        assert (versions(urls[0]), versions(urls[1])) == ([first], ["b"])
        looked = shop.alembic("-x", "data=x", "revision", "-m", "y", status=255).stdout
        assert "Now the databases differ" not in looked
        shop.alembic("downgrade", first)
        assert versions(urls[0]) == versions(urls[1]) == [first]


@in_pairs("sqlite-mariadb", "postgresql-mariadb")
def test_a_half_applied_part_is_named_and_repaired_alone(
    several: Environment, tmp_path: Path, kinds: str
) -> None:
    """MariaDB stops half-way in auth: what I am told to type mends auth alone."""
    with two_databases(kinds, tmp_path) as urls:
        shop = using_both(several, urls)
        shop.alembic("upgrade", "head")
        write_parts(shop, "b", NOTE, NOTE + "\n" + BROKEN)
        failed = shop.alembic("upgrade", "head", status=255).stdout
        assert "note" in tables(urls[1])
        assert "note" not in tables(urls[0])
        again = shop.alembic("upgrade", "head", status=255).stdout
        assert "auth: The upgrade of revision b stopped in the middle" in again
        stamp = "-x database=auth stamp b"
        assert f"type: alembic {stamp}" in failed
        alembic(shop, stamp, "upgrade head")
        assert versions(urls[0]) == versions(urls[1]) == ["b"]


def test_current_and_check_say_which_database(
    several: Environment, tmp_path: Path
) -> None:
    """I ask where the databases are, and each answer has its name."""
    with two_databases("sqlite-sqlite", tmp_path) as urls:
        shop = using_both(several, urls)
        shop.alembic("-x", "database=default", "upgrade", "head")
        first = first_revision(shop)
        assert shop.alembic("current").stdout == f"default:\n{first} (head)\nauth:\n"
        behind = shop.alembic("check", status=255).stdout
        assert "auth: Target database is not up to date. " in behind
        unknown = shop.alembic("-x", "database=nope", "current", status=255).stdout
        assert "schema 'nope' here: there are default, auth." in unknown


def test_stamp_covers_all(several: Environment, tmp_path: Path) -> None:
    """I stamp, and both databases have it."""
    with two_databases("sqlite-sqlite", tmp_path) as urls:
        shop = using_both(several, urls)
        shop.alembic("stamp", "head")
        assert versions(urls[0]) == versions(urls[1]) == [first_revision(shop)]


def test_the_sql_of_each_database(several: Environment, tmp_path: Path) -> None:
    """I write the SQL of a run: each part in its database's words, or one alone."""
    with two_databases("sqlite-postgresql", tmp_path) as urls:
        shop = using_both(several, urls)
        _, default, auth = shop.alembic("upgrade", "head", "--sql").stdout.split(
            "-- Database: "
        )
        assert "CREATE TABLE friend" in default
        assert 'CREATE TABLE "user"' in auth
        assert "SERIAL" in auth
        assert "SERIAL" not in default
        alone = shop.alembic("-x", "database=auth", "upgrade", "head", "--sql").stdout
        assert "friend" not in alone
        ask(urls[1], alone.partition("\n")[2].strip())
        assert versions(urls[1]) == [first_revision(shop)]


def test_eight_at_once(several: Environment, tmp_path: Path) -> None:
    """Eight pods start at once: each revision runs once in each database."""
    with two_databases("sqlite-postgresql", tmp_path) as urls:
        shop = using_both(several, urls)
        write_parts(shop, "b", NOTE, NOTE)
        done = shop.at_once("alembic", "upgrade", "head")
        said = "".join(each.stderr for each in done)
        assert [each.returncode for each in done] == [0] * 8, said
        assert said.count("Running upgrade") == 4
        assert versions(urls[0]) == versions(urls[1]) == ["b"]


def test_one_database_cannot_be_two(several: Environment, tmp_path: Path) -> None:
    """I give both the same URL, and am told at once."""
    with two_databases("sqlite-sqlite", tmp_path) as (url, _):
        failed = using_both(several, (url, url)).alembic("upgrade", "head", status=255)
        assert "default and auth are one database" in failed.stdout
        assert tables(url) == set()


def test_one_connection_is_not_enough(several: Environment) -> None:
    """I hand over an engine for two databases, and read what is asked for."""
    code = f"""
from sqlalchemy import create_engine
from {several.name}.migrations import migrations
migrations.upgrade(connection=create_engine("sqlite://"))
"""
    failed = several.run("python", "-c", code, status=1).stderr
    assert "Give a connection for each database: default, auth." in failed


def test_the_python_api_knows_each(several: Environment) -> None:
    """I migrate and ask from Python, and the last database is there too."""
    code = f"""
from sqlalchemy import create_engine, text
from sqlalchemy.pool import StaticPool
from {several.name}.migrations import migrations
made = [create_engine("sqlite://", poolclass=StaticPool) for _ in range(2)]
both = dict(zip(["default", "auth"], made))
assert len(migrations.pending(connection=both)) == 1
migrations.upgrade(connection=both)
assert migrations.pending(connection=both) == ()
(head,), (at,) = migrations.heads(), migrations.current("auth", connection=both)
assert head.revision == at.revision
assert migrations.check(connection=both) == []
with both["auth"].begin() as connection:
    connection.execute(text('DROP TABLE "user"'))
(difference,) = migrations.check(connection=both)
assert difference[0] == "add_table" and difference[1].name == "user", difference
with both["auth"].connect() as auth:
    migrations.stamp("base", connection={{**both, "auth": auth}})
assert migrations.current("auth", connection=both) == ()
print("done")
"""
    assert several.run("python", "-c", code).stdout == "done\n"


def test_the_history_is_told_once(several: Environment) -> None:
    """I have two databases and one history; where each of them is, I can ask."""
    several.alembic("upgrade", "head")
    (line,) = several.alembic("history").stdout.splitlines()
    assert line.startswith("<base> -> ")
    assert several.alembic("-x", "database=auth", "history").stdout == f"{line}\n"
    shown = several.alembic("history", "-i").stdout.splitlines()
    assert [it for it in shown if it.endswith(":")] == ["default:", "auth:"]
    assert sum("(current)" in it for it in shown) == 2


INDEX_ON_USER = 'op.create_index("ix", "user", ["email"])'


def test_the_lint_looks_at_every_part(several: Environment, tmp_path: Path) -> None:
    """My revision blocks the writers of auth: I am told, whichever I did not name."""
    with two_databases("sqlite-postgresql", tmp_path) as urls:
        shop = using_both(several, urls)
        write_parts(shop, "b", NOTE, INDEX_ON_USER)
        for more in ([], ["--dialect", "postgresql"], ["--database", "auth"]):
            done = shop.run("flask", "db", "lint", *more, status=1)
            assert "b  b (auth)" in done.stdout, more
            assert "index-blocks-writes" in done.stdout
            assert done.stdout.endswith("1 thing found in 2 revisions.\n")
        default = ["--database", "default", "--dialect", "postgresql"]
        nothing = shop.run("flask", "db", "lint", *default, status=0).stdout
        assert nothing == "Nothing found in 2 revisions.\n"
        said = shop.run("flask", "db", "lint", "--format=json", status=1).stdout
        assert '"database": "auth"' in said
