"""A mistake in a file of mine is a line with its place, and never the database's."""

import pytest
from drafts import alembic, define_thing, refusal
from environment import Environment
from scripts import write
from servers import ON_POSTGRESQL

MARIADB = '    url=url,\n    runs_on=("mariadb",),'
COMMANDS = ("heads", "history", "current", "upgrade head", "check")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("import no_such_thing", "ModuleNotFoundError"),
        ("colour = blue", "NameError"),
        ("def (", "SyntaxError"),
    ],
)
def test_a_revision_that_cannot_be_read(
    project: Environment, command: str, line: str, said: str
) -> None:
    """I mistype in a revision: each command says which file, and which line."""
    path = write(project, "2", "pass", down="1")
    path.write_text(f"{path.read_text()}\n{line}\n")
    number = path.read_text().count("\n")
    done = project.run("flask", "db", *command.split(), status=None)
    text = done.stdout + done.stderr
    assert done.returncode == 255
    assert f"2.py:{number}: {said}" in text or f"2.py, line {number}: {said}" in text
    assert "Traceback" not in text
    assert len([it for it in text.splitlines() if "INFO" not in it]) <= 3


def test_an_environment_that_cannot_be_read(project: Environment) -> None:
    """I mistype in env.py, and read the line that I mistyped."""
    path = project.package / "migrations" / "env.py"
    path.write_text(f"{path.read_text()}\ncolour = blue\n")
    number = path.read_text().count("\n")
    done = project.run("flask", "db", "current", status=255)
    assert f"env.py, line {number}: NameError: name 'blue'" in done.stderr + done.stdout


def test_a_type_that_production_cannot_take(project: Environment) -> None:
    """My production is MariaDB: a draft on SQLite refuses a String without length."""
    alembic(project, "upgrade head")
    project.edit("migrations/__init__.py", "    url=url,", MARIADB)
    define_thing(project, "name = sa.String", "note = sa.Text", "code = sa.String(9)")
    said = refusal(project, "revision", "--autogenerate", "-m", "thing")
    assert "thing.name: String(): VARCHAR requires a length on mariadb." in said
    assert "thing.note" not in said


@ON_POSTGRESQL
def test_a_type_of_another_database(project: Environment, database_url: str) -> None:
    """A type that only MariaDB has is refused with its column on PostgreSQL."""
    project = project.using(database_url)
    alembic(project, "upgrade head")
    before = "from sqlalchemy.dialects import mysql"
    define_thing(project, "age = mysql.TINYINT", before=before)
    said = refusal(project, "revision", "--autogenerate", "-m", "thing")
    assert "thing.age: TINYINT()" in said
    assert "DATABASE_URL" not in said


@ON_POSTGRESQL
def test_an_enum_without_a_name(project: Environment, database_url: str) -> None:
    """PostgreSQL makes a type of an Enum, and I read which name to give it."""
    shop = project.using(database_url)
    alembic(shop, "upgrade head")
    define_thing(shop, "mood = sa.Enum('good', 'bad')")
    said = refusal(shop, "revision", "--autogenerate", "-m", "thing")
    assert "thing.mood: Enum('good', 'bad'): PostgreSQL Enum type requires a n" in said
    assert "Give the Enum a name in the model, such as 'thing_mood'." in said


@pytest.mark.parametrize("target", ["nobody.id", "friend.nobody"])
def test_a_key_to_nothing(project: Environment, target: str) -> None:
    """A foreign key names a table that no module declares: I read which one."""
    define_thing(project, f"a = sa.Integer, sa.ForeignKey({target!r})")
    alembic(project, "upgrade head")
    said = refusal(project, "revision", "--autogenerate", "-m", "a")
    assert "thing" in said
    assert target.partition(".")[0] in said
    assert "Import the module that has it, or correct the name." in said
    assert "Traceback" not in said


def test_a_name_with_the_quotes_of_mariadb(
    project: Environment, database_url: str
) -> None:
    """My column has a backtick in its name, which MariaDB doubles: it is clean."""
    here = project.using(database_url)
    alembic(here, "upgrade head")
    define_thing(here, "a`b = sa.Integer, index=True, comment='a `b` \\'c'")
    path = here.package / "things.py"
    path.write_text(
        path.read_text().replace("a`b = sa.Column(", 'a = sa.Column("a`b", ')
    )
    alembic(here, "revision --autogenerate -m a", "upgrade head", "check")
