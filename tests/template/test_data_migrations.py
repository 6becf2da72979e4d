"""A migration that brings rows, drafted from the tables as they are now."""

import re
from pathlib import Path

import pytest
from drafts import alembic, define_thing, draft, newest, refusal, sql
from rendering import Project, generated, knowing_types

SEED = ("-x", "data=hobby", "-x", "data=city", "revision", "-m", "seed")
HOBBIES = "{'name': 'chess'}, {'name': \"it's 100% fun: yes\"}"


def fill(project: Project, table: str, rows: str) -> None:
    """Write rows where the draft says that they belong."""
    versions = project.package / "migrations" / "versions"
    (path,) = versions.glob("*_seed.py")
    marked = rf"(?m)(^{table}_rows: .*\n)    # REVIEW: write the rows here.*\n"
    text, count = re.subn(marked, rf"\1    {rows},\n", path.read_text())
    assert count == 1
    path.write_text(text)
    project.run("flask", "db", "lock")


def test_a_drafted_data_migration_runs_and_is_undone(
    project: Project, database_url: str
) -> None:
    """I name two tables and fill in rows; they come, and a downgrade takes them."""
    shop = project.using(database_url)
    shop.alembic("upgrade", "head")
    sql(database_url, "INSERT INTO hobby (name) VALUES ('mine')")
    shop.alembic(*SEED)
    drafted = newest(shop, "seed")
    assert "models" not in drafted
    alembic(shop, "upgrade head", "downgrade -1")
    fill(shop, "hobby", HOBBIES)
    fill(shop, "city", "{'name': 'Ghent'}")
    assert "# REVIEW" not in newest(shop, "seed")
    alembic(shop, "upgrade head", "check")
    names = "SELECT name FROM hobby ORDER BY id"
    assert sql(database_url, names) == [("mine",), ("chess",), ("it's 100% fun: yes",)]
    assert sql(database_url, "SELECT name FROM city") == [("Ghent",)]
    alembic(shop, "downgrade -1")
    assert sql(database_url, names) == [("mine",)]
    assert sql(database_url, "SELECT name FROM city") == []
    sql(database_url, "INSERT INTO hobby (name) VALUES ('a new one')")


THING = ("-x", "data=thing", "revision", "-m", "seed")
STREET = ("name = sa.String(60), nullable=False", "street = sa.String(60)")


def test_rows_need_not_give_the_same_columns(
    project: Project, database_url: str
) -> None:
    """One row has a street and one has none: each keeps its own, and is undone."""
    shop = project.using(database_url)
    define_thing(shop, *STREET)
    draft(shop, "things")
    shop.alembic(*THING)
    fill(shop, "thing", "{'name': 'Zed'}, {'name': 'Yan', 'street': 'Long Street 1'}")
    alembic(shop, "upgrade head")
    mine = "INSERT INTO thing (name, street) VALUES ('Yan', 'mine')"
    sql(database_url, mine)
    rows = "SELECT name, street FROM thing ORDER BY id"
    seeded = [("Zed", None), ("Yan", "Long Street 1")]
    assert sql(database_url, rows) == [*seeded, ("Yan", "mine")]
    alembic(shop, "downgrade -1")
    assert sql(database_url, rows) == [("Yan", "mine")]


def test_an_undo_that_may_take_my_rows_says_so(project: Project) -> None:
    """No key tells the rows apart: the script says that mine may go, too."""
    shop = project.using(f"sqlite:///{project.path / 'here.db'}")
    define_thing(shop, *STREET)
    draft(shop, "things")
    shop.alembic("-x", "data=hobby", *THING)
    upgrade, _, downgrade = newest(shop, "seed").partition("def downgrade")
    mark = "# DELETES: every row of thing with such values, also one that was added.\n"
    assert f"    {mark}    for row in thing_rows:\n" in downgrade
    assert "# DELETES" not in upgrade + downgrade.replace(mark, "")


def test_a_row_without_values_is_not_every_row(
    project: Project, database_url: str
) -> None:
    """I bring a row that gives nothing: its undo leaves my rows alone."""
    shop = project.using(database_url)
    define_thing(shop, "name = sa.String(60), server_default='x'")
    draft(shop, "things")
    shop.alembic(*THING)
    fill(shop, "thing", "{}, {'name': 'Zed'}")
    alembic(shop, "upgrade head")
    sql(database_url, "INSERT INTO thing (name) VALUES ('mine')")
    names = "SELECT name FROM thing ORDER BY id"
    assert sql(database_url, names) == [("x",), ("Zed",), ("mine",)]
    alembic(shop, "downgrade -1")
    assert sql(database_url, names) == [("x",), ("mine",)]


@pytest.mark.parametrize(
    ("column", "identified"),
    [
        ("nullable=False, unique=True", True),
        ("nullable=False, unique=True, index=True", True),
        ("unique=True", False),
        ("nullable=False, unique=True, server_default='x'", False),
        ("nullable=False, index=True", False),
    ],
)
def test_a_row_is_found_by_what_it_has_to_give(
    project: Project, column: str, *, identified: bool
) -> None:
    """A unique index is a key, and a column that rows may leave out is none."""
    shop = project.using(f"sqlite:///{project.path / 'here.db'}")
    define_thing(shop, f"name = sa.String(60), {column}")
    draft(shop, "things")
    shop.alembic(*THING)
    condition = 'thing.c["name"] == row["name"]'
    assert (condition in newest(shop, "seed")) is identified
    assert ("# DELETES" in newest(shop, "seed")) is not identified


@pytest.mark.parametrize("databases", ["one", "several"])
def test_my_tests_take_the_rows(tmp_path: Path, databases: str) -> None:
    """I bring rows to the tables of the app, and its own tests still pass."""
    shop = generated(tmp_path, databases=databases)
    shop.alembic("upgrade", "head")
    shop.alembic("-x", "data=friend", *SEED)
    fill(shop, "friend", "{'name': 'Ann', 'city_id': None}")
    fill(shop, "hobby", HOBBIES)
    fill(shop, "city", "{'name': 'Ghent'}")
    shop.run("python", "-m", "pytest", "-q")


def test_a_data_migration_is_clean_python(project: Project) -> None:
    """What is drafted satisfies mypy, and runs as SQL without a database."""
    shop = project.using(f"sqlite:///{project.path / 'here.db'}")
    shop.alembic("-x", "data=friend_hobby", "-x", "data=friend", *SEED)
    fill(shop, "hobby", HOBBIES)
    fill(shop, "friend", "{'name': 'Ann'}, {'name': 'Bob', 'city_id': None}")
    knowing_types(shop).run("mypy")
    for down in ("upgrade head --sql", "downgrade head:-1 --sql"):
        script = shop.alembic(*down.split()).stdout
        assert "'it''s 100% fun: yes'" in script
        assert "Bob" in script


def test_a_mark_that_is_left_fails_my_tests(project: Project) -> None:
    """I forget to fill in the rows, and my tests name the lines that wait for me."""
    shop = project.using(f"sqlite:///{project.path / 'here.db'}")
    shop.alembic("-x", "data=city", "revision", "-m", "seed")
    tests = ("python", "-m", "pytest", "-q", "tests/test_migrations.py")
    done = shop.run(*tests, status=1)
    assert re.search(r"_seed\.py asks for a review: line \d+\. Look, then", done.stdout)
    fill(shop, "city", "{'name': 'Ghent'}")
    shop.run(*tests)


def test_a_table_that_is_not_there_is_refused(project: Project) -> None:
    """I mistype a table or the key: I am told what there is, and nothing is written."""
    shop = project.using(f"sqlite:///{project.path / 'here.db'}")
    before = shop.revisions()
    said = refusal(shop, "-x", "data=hobbies", "revision", "-m", "seed")
    assert (
        "data=hobbies: no such table. There are: city, friend, friend_hobby, " in said
    )
    said = refusal(shop, "-x", "dat=hobby", "revision", "-m", "seed")
    assert "dat=hobby: did you mean data=?" in said
    said = refusal(shop, "-x", "drop=hobby", "revision", "-m", "seed")
    assert "drop=hobby answers a draft: add --autogenerate." in said
    assert shop.revisions() == before


def test_a_plain_revision_is_still_empty(project: Project) -> None:
    """Without -x data, `revision -m` gives me an empty script to write myself."""
    shop = project.using(f"sqlite:///{project.path / 'here.db'}")
    shop.alembic("revision", "-m", "by hand")
    assert newest(shop, "by hand").count("    pass\n") == 2
