"""`flask db`: Alembic's own commands on the app's database."""

import re
import sys
from pathlib import Path

import pytest
from rendering import Project, generated
from scripts import write
from servers import table_names


def flask(project: Project, *arguments: str, status: int = 0) -> str:
    """Run `flask db` and return what it prints."""
    return project.run("flask", "db", *arguments, status=status).stdout


def app_with(project: Project, **settings: str) -> Project:
    """Let the `flask` command make the app with settings of a test."""
    app = f"{project.name}:create_app({settings})"
    return Project(project.path, {**project.environment, "FLASK_APP": app})


def test_commands_without_an_argument(project: Project, database_url: str) -> None:
    """I type upgrade, stamp, show and downgrade alone, as with Flask-Migrate."""
    mine = project.using(database_url)
    flask(mine, "upgrade")
    assert "(head)" in flask(mine, "current")
    assert "first tables" in flask(mine, "show")
    flask(mine, "downgrade")
    assert flask(mine, "current") == ""
    flask(mine, "stamp")
    assert "(head)" in flask(mine, "current")


@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [
        ("sqlite", 255, "lint --dialect postgresql"),
        ("postgresql", 1, "index-blocks-writes"),
        ("mariadb", 0, "Nothing found"),
    ],
)
def test_the_lint_judges_for_production(
    tmp_path: Path, kind: str, status: int, said: str
) -> None:
    """I develop on SQLite, and a revision is judged for the database that I chose."""
    project = generated(tmp_path, hooks=False, database=kind)
    write(project, "a", 'op.create_table("it", sa.Column("id", sa.Integer))')
    write(project, "b", 'op.create_index("ix", "it", ["id"])', down="a")
    assert said in flask(project, "lint", status=status)


def test_two_heads_are_merged(project: Project) -> None:
    """I have two heads, am told so, and `flask db merge` alone joins them."""
    for name in ("one", "two"):
        flask(project, "revision", "--splice", "--head", "base", "--rev-id", name)
    assert "flask db merge" in flask(project, "upgrade", status=255)
    flask(project, "merge", "-m", "together")
    assert flask(project, "heads").count("(head)") == 1
    flask(project, "upgrade")


def test_migrate_drafts(project: Project) -> None:
    """I edit a model, type `flask db migrate -m`, upgrade, and the models match."""
    flask(project, "upgrade")
    project.edit(
        "models.py",
        "name: Mapped[str] = mapped_column(String(100))",
        "name: Mapped[str] = mapped_column(String(100))\n"
        "    nick: Mapped[str | None] = mapped_column(String(50))",
    )
    assert "  friend.nick: column added\nNext: flask db migrate" in flask(
        project, "status"
    )
    flask(project, "migrate", "-m", "friends have nicks")
    drafted = project.revisions()[-1]
    assert re.match(r"20\d{6}_\d{6}_[0-9a-f]{12}_friends_have_nicks", drafted.name)
    assert "nick" in drafted.read_text()
    flask(project, "upgrade")
    assert "Models: match the database" in flask(project, "status")


def test_status(project: Project, database_url: str) -> None:
    """I see the database without its password, and what is applied and pending."""
    # The test server of PostgreSQL takes any password.
    mine = project.using(database_url.replace("postgres@", "postgres:secret@"))
    flask(mine, "upgrade")
    flask(mine, "revision", "-m", "later", "--rev-id", "later")
    status = flask(mine, "status")
    assert "secret" not in status
    assert re.search(r"^Database: \w+", status)
    assert re.findall(r"^  (\w+)  .*  (.+)$", status, re.MULTILINE) == [
        ("pending", "later"),
        ("applied", "first tables"),
    ]
    assert "flask db upgrade" in status.splitlines()[-1]


@pytest.mark.parametrize("where", ["nowhere", "dotenv", "environment"])
def test_alembic_and_flask_share_a_database(project: Project, where: str) -> None:
    """I upgrade with one and look with the other, however the URL is given."""
    url = f"sqlite:///{project.path}/shared.db"
    if where == "dotenv":
        (project.path / ".env").write_text(f"{project.url_variable}={url}\n")
    if where == "environment":
        project = project.using(url)
    flask(project, "upgrade")
    assert "(head)" in project.alembic("current").stdout
    assert (project.path / "shared.db").exists() == (where != "nowhere")


@pytest.mark.parametrize("setting", ["DATABASE_URL", "SQLALCHEMY_DATABASE_URI"])
def test_the_apps_configuration_wins(project: Project, setting: str) -> None:
    """I configure the app with another database, and `flask db` migrates that one."""
    url = f"sqlite:///{project.path}/configured.db"
    environment = project.using(f"sqlite:///{project.path}/environment.db")
    flask(app_with(environment, **{setting: url}), "upgrade")
    assert len(table_names(url)) == 6
    assert not (project.path / "environment.db").exists()


def test_sql_in_the_dialect_of_the_app(project: Project) -> None:
    """I ask for the SQL of an app on PostgreSQL, and no server is needed."""
    url = "postgresql+psycopg://nobody:secret@127.0.0.1:1/shop"
    sql = flask(app_with(project, SQLALCHEMY_DATABASE_URI=url), "upgrade", "--sql")
    assert "SERIAL" in sql
    assert "secret" not in sql


def test_a_configuration_file_of_mine(project: Project) -> None:
    """I give `-c` and `-n`, and Alembic reads that section of that file."""
    ini = project.path / "other.ini"
    ini.write_text(
        (project.path / "alembic.ini").read_text()
        + (
            "[mine]\nscript_location = %(here)s/friend_book/migrations\n"
            "file_template = mine_%%(slug)s\npath_separator = os\n"
        )
    )
    flask(project, "-c", "other.ini", "-n", "mine", "revision", "-m", "added")
    assert project.revisions()[-1].name == "mine_added.py"
    assert "FAILED" in flask(project, "-n", "mine", "heads", status=255)


def test_x_before_and_after_the_command(project: Project) -> None:
    """I give `-x` before the command, as to Alembic, or after, as to Flask-Migrate."""
    env = project.package / "migrations" / "env.py"
    env.write_text(env.read_text() + "\nprint(context.get_x_argument())\n")
    seen = flask(project, "-x", "a=1", "upgrade", "-x", "b=2")
    assert "['a=1', 'b=2']" in seen


def test_errors_are_one_line(project: Project) -> None:
    """I mistype a revision: one line and a status, and the traceback when I ask."""
    done = project.run("flask", "db", "upgrade", "nope", status=255)
    assert done.stdout == "FAILED: Can't locate revision identified by 'nope'\n"
    assert "Traceback" not in done.stderr
    asked = project.run("flask", "db", "--raiseerr", "upgrade", "nope", status=1)
    assert "Traceback" in asked.stderr
    assert "migrate -m" in flask(project, "init", status=255)


@pytest.mark.parametrize(
    "command", ["flask db current", "flask run", "python -m friend_book db upgrade"]
)
def test_a_bad_url_is_one_line(project: Project, command: str) -> None:
    """I mistype the URL, and every command names the variable and no password."""
    mine = project.using("postgresql//ann:secret@host/shop")
    done = mine.run(*command.split(), status=1)
    assert project.url_variable in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stdout + done.stderr


def test_other_commands_do_not_import_alembic(project: Project) -> None:
    """I run `flask routes`, and it starts as fast as without migrations."""
    code = (
        "import sys; from friend_book.__main__ import main;"
        "main(['routes'], standalone_mode=False); print('alembic' in sys.modules)"
    )
    done = project.run(sys.executable, "-c", code)
    assert done.stdout.splitlines()[-1] == "False"


def test_revisions_run_without_the_app(project: Project) -> None:
    """My container upgrades before it starts: that imports no Flask and no models."""
    code = (
        "import sys; from alembic.config import main\n"
        "for line in ('upgrade head', 'upgrade head', 'current', 'history', 'heads'):\n"
        "    main(line.split())\n"
        "app = ('flask', 'sqlalchemy.orm', 'friend_book.db', 'friend_book.models')\n"
        "print({*app, 'alembic_lossless.autogenerate.review'} & {*sys.modules})"
    )
    done = project.run(sys.executable, "-c", code)
    assert done.stdout.splitlines()[-1] == "set()"


def test_help_fits_a_terminal(project: Project) -> None:
    """I ask for help in 80 columns: each command says what it does, in whole words."""
    code = (
        "from alembic_lossless.cli import CommandLine\n"
        "line = CommandLine('flask db')\n"
        "for parser in [line.parser, *line.subparsers.choices.values()]:\n"
        "    assert parser.description, parser.prog\n"
        "    print(parser.format_help())"
    )
    wide = Project(project.path, {**project.environment, "COLUMNS": "80"})
    lines = wide.run("python", "-c", code).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "usage: flask db upgrade" in "\n".join(lines)


def test_a_server_that_is_away(project: Project) -> None:
    """I look at a database whose server is down: a line or two, and no password."""
    mine = project.using("postgresql://ann:secret@127.0.0.1:1/shop")
    for command in ("db status", "db current", "db upgrade", "seed"):
        done = mine.run("flask", *command.split(), status=None)
        said = done.stdout + done.stderr
        assert done.returncode != 0
        assert "no server answers at 127.0.0.1:1" in said, said
        assert "secret" not in said
        assert "Traceback" not in said
