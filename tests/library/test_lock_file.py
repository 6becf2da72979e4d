"""The lock file of a history says what each revision follows and declares."""

from pathlib import Path
from subprocess import run

import pytest
from alembic_lossless.digest import Statement, declared, differences, digest
from environment import Environment
from scripts import ask, write

CITY = """\
op.create_table(
    "city",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("name", sa.String(length=100), nullable=False),
    sa.PrimaryKeyConstraint("id", name="pk_city"),
)
with op.batch_alter_table("city", schema=None) as batch_op:
    batch_op.add_column(sa.Column("motto", sa.Text()))
if op.get_bind().dialect.name == "postgresql":
    op.execute("UPDATE city SET motto = 'none'")
"""


def _lock(project: Environment) -> Path:
    return project.package / "migrations" / "versions" / "history.lock"


def _lines(project: Environment) -> list[list[str]]:
    lines = _lock(project).read_text().splitlines()
    return [line.split() for line in lines if not line.startswith("#")]


@pytest.fixture
def locked(project: Environment, tmp_path: Path) -> Environment:
    """Give a project with a lock file, and a database at its only revision."""
    shop = project.using(f"sqlite:///{tmp_path}/main.db")
    shop.run("flask", "db", "lock")
    shop.alembic("upgrade", "head")
    return shop


def test_every_draft_adds_its_line(locked: Environment) -> None:
    """I draft, begin a revision by hand and merge: each is locked, in order."""
    locked.alembic("revision", "-m", "by hand", "--rev-id=2")
    locked.alembic("revision", "-m", "mine", "--rev-id=3", "--head=1", "--splice")
    locked.alembic("merge", "-m", "both", "--rev-id=4", "2", "3")
    assert [line[:2] for line in _lines(locked)] == [
        ["1", "-"],
        ["2", "1"],
        ["3", "1"],
        ["4", "2,3"],
    ]
    with locked.migrations() as migrations:
        assert migrations.lock_problems() == []


def test_env_py_does_not_run_for_a_revision(locked: Environment) -> None:
    """My alembic.ini is Alembic's own: `flask db` locks, or says it."""
    locked.edit("../alembic.ini", "revision_environment = true", "")
    locked.run("flask", "db", "revision", "-m", "by hand", "--rev-id=2")
    locked.run(
        "flask", "db", "revision", "-m", "x", "--rev-id=3", "--head=1", "--splice"
    )
    locked.run("flask", "db", "merge", "-m", "both", "--rev-id=4")
    assert [line[0] for line in _lines(locked)] == ["1", "2", "3", "4"]
    for name in "56":
        locked.alembic(
            "revision", "-m", "x", f"--rev-id={name}", "--head=4", "--splice"
        )
    locked.alembic("merge", "-m", "both", "--rev-id=7", "5", "6")
    locked.alembic("upgrade", "head")
    status = locked.run("flask", "db", "status").stdout
    assert "Lock: 7 has no line\n" in status
    assert status.endswith("Next, if the revisions are right: flask db lock\n")


def test_the_first_draft_begins_the_file(project: Environment, tmp_path: Path) -> None:
    """My project has the file from its first revision; one that adopts has none."""
    shop = project.using(f"sqlite:///{tmp_path}/main.db")
    shop.alembic("upgrade", "head")
    shop.alembic("revision", "-m", "later")
    assert not _lock(shop).exists()
    said = "Lock: there is no history.lock; flask db lock begins one"
    assert shop.run("flask", "db", "status").stdout.count(said) == 1
    shop.alembic("check", status=None)
    for path in shop.revisions():
        path.unlink()
    shop.using(f"sqlite:///{tmp_path}/new.db").alembic(
        "revision", "--autogenerate", "-m", "first", "--rev-id=a"
    )
    assert [line[:2] for line in _lines(shop)] == [["a", "-"]]


def test_an_edited_revision_is_found(locked: Environment) -> None:
    """I edit a revision: check and status name it, and say what to type."""
    (first,) = locked.revisions()
    text = first.read_text()
    layout = text.replace("\n\n\n", "\n\n\n\n# why\n").replace("\n", "\r\n")
    first.write_bytes(layout.encode())
    locked.alembic("check")
    first.write_text(text.replace("def upgrade() -> None:", "def upgrade():", 1))
    locked.alembic("check")
    assert "sa.String(" in text
    first.write_text(text.replace("sa.String(", "sa.CHAR(", 1))
    url = locked.environment[locked.url_variable]
    ask(url, "DELETE FROM alembic_version_history")  # which has its own word for it
    said = "history.lock is not as the revisions are: 1 was edited."
    refused = locked.alembic("check", status=255).stdout
    assert refused == f"FAILED: {said}\nIf the revisions are right: flask db lock\n"
    status = locked.run("flask", "db", "status").stdout
    assert "Lock: 1 was edited\n" in status
    assert status.endswith("Next, if the revisions are right: flask db lock\n")
    locked.run("flask", "db", "status", "--json", status=7)
    locked.run("flask", "db", "lock")
    with locked.migrations() as migrations:
        assert migrations.lock_problems() == []


def test_what_is_missing_or_moved_is_found(locked: Environment) -> None:
    """A revision without its line, a line without a file, another parent."""
    write(locked, "2", "pass", down="1")
    locked.run("flask", "db", "lock")
    write(locked, "2", "pass")
    write(locked, "3", "pass", down="2")
    (first, *_) = locked.revisions()
    first.unlink()
    with locked.migrations() as migrations:
        assert migrations.lock_problems() == [
            "2 follows nothing, not 1",
            "3 has no line",
            "1 has no file",
        ]


def test_git_finds_two_people(locked: Environment) -> None:
    """My colleague and I each add a revision: git's conflict is at the last lines."""

    def git(*arguments: str, status: int = 0) -> str:
        who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
        done = run(
            ["git", *who, *arguments],  # noqa: S607  whichever is there
            cwd=locked.path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done
        return done.stdout

    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-qm", "start")
    for name in ("theirs", "mine"):
        git("checkout", "-q", "-b", name, "main")
        locked.alembic("revision", "-m", name, f"--rev-id={name}")
        git("add", ".")
        git("commit", "-qm", name)
    assert "CONFLICT (content): Merge conflict" in git("merge", "theirs", status=1)
    assert git("diff", "--name-only", "--diff-filter=U").endswith("history.lock\n")
    conflict = _lock(locked).read_text()
    refused = locked.alembic("revision", "-m", "more", "--head=mine", status=255)
    assert "git found revisions of two people." in refused.stdout
    assert "Put yours behind theirs: flask db rebase\n" in refused.stdout
    assert _lock(locked).read_text() == conflict
    assert len(locked.revisions()) == len(["first", "theirs", "mine"])
    locked.alembic("merge", "-m", "both", "mine", "theirs")
    with locked.migrations() as migrations:
        assert migrations.lock_problems() == []


def test_a_line_that_is_none_is_named(locked: Environment) -> None:
    """I damage the file: one line says where, and what to type."""
    with _lock(locked).open("a") as file:
        file.write("what\n")
    for command in (("check",), ("revision", "-m", "x")):
        refused = locked.alembic(*command, status=255).stdout
        assert "history.lock, line 4: 'what' is no revision, what it" in refused
        assert refused.endswith("Write the file anew: flask db lock\n")
    assert len(locked.revisions()) == 1


def test_two_databases_have_one_file(several: Environment) -> None:
    """My project has two databases: an edited part of either one is found."""
    several.run("flask", "db", "lock")
    (first,) = several.revisions()
    first.write_text(first.read_text().replace("sa.String(", "sa.CHAR("))
    with several.migrations() as migrations:
        assert migrations.lock_problems() == ["1 was edited"]


def test_a_digest_is_one_on_every_database(
    project: Environment, database_url: str
) -> None:
    """My SQLite, CI's PostgreSQL and their MariaDB agree on what a revision declares.

    The digest is written here, so that every version of Python agrees on it too.
    """
    shop = project.using(database_url)
    for path in shop.revisions():
        path.unlink()
    write(shop, "a", CITY)
    shop.alembic("upgrade", "head")
    shop.run("flask", "db", "lock")
    assert _lines(shop) == [["a", "-", DIGEST]]


DIGEST = "9b9092c939f27758"


def _read(code: str) -> tuple[Statement, ...]:
    head = "import sqlalchemy as sa\nfrom alembic import op\n"
    body = "\n".join(f"    {line}" for line in code.splitlines())
    return declared(f"{head}def upgrade():\n{body}\n".encode())


def _of(code: str) -> str:
    return digest(_read(code))


SAME = {
    "a comment": ('op.add_column("city",', 'op.add_column(  # why\n    "city",'),
    "quotes": ('"motto"', "'motto'"),
    "a keyword without need": ("length=100", "100"),
    "the order of keywords": (
        "sa.Column('x', sa.Date(), nullable=False, index=True)",
        "sa.Column('x', sa.Date(), index=True, nullable=False)",
    ),
}


def test_layout_is_no_change() -> None:
    """I lay a revision out anew, comment it and import by other names."""
    column = 'op.add_column("city", sa.Column("motto", sa.String(length=100)))'
    for name, (old, new) in SAME.items():
        code = column if old in column else f'op.add_column("city", {old})'
        assert _of(code) == _of(code.replace(old, new)), name
    other = (
        b"from alembic import op as o\nfrom sqlalchemy import Column, String\n"
        b'"""Why."""\n\n'
        b"def upgrade() -> None:\n"
        b'    """Add it."""\n'
        b'    o.add_column("city", Column("motto", String(100)))\n'
        b"def downgrade():\n    o.drop_column('city', 'motto')\n"
    )
    assert digest(declared(other)) == _of(column)


UPDATE = "UPDATE city SET motto ="


CHANGES = {
    "String(length=100)": ("String(50)", "city.name String(100), now String(50)"),
    '"motto"': ('"moto"', "city.motto, now city.moto"),
    "'none'": ("'no'", f"execute(\"{UPDATE} 'none'\"), now execute(\"{UPDATE} 'no'\")"),
    ", nullable=False),\n    sa.Primary": (
        "),\n    sa.Primary",
        "city.name nullable=False, now without it",
    ),
    '    batch_op.add_column(sa.Column("motto", sa.Text()))': (
        '    batch_op.drop_column("motto")',
        "city.motto Text(), add_column, now drop_column()",
    ),
}


def test_a_change_is_said_in_words() -> None:
    """I read what a revision said and what it says now."""
    before = _read(CITY)
    for old, (new, said) in CHANGES.items():
        assert old in CITY
        after = _read(CITY.replace(old, new))
        assert digest(after) != digest(before)
        assert [*differences(before, after)] == [said]
