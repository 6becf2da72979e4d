"""Open questions stop a draft, and answers settle it: `-x`, or from Python."""

from pathlib import Path

import pytest
from alembic_lossless.prompts import Answers
from database_pairs import two_databases, using_both
from drafting import change
from drafts import alembic, refusal
from environment import Environment

NAME = "    name: Mapped[str] = mapped_column(String(100))\n"
NEW = (
    '    full_name: Mapped[str] = mapped_column(String(100), default="")\n'
    "    email: Mapped[str] = mapped_column(String(100))\n"
    "    born: Mapped[bytes | None]\n"
)
DRAFT = ("revision", "--autogenerate", "-m", "it's new")


@pytest.fixture
def shop(project: Environment) -> Environment:
    """Give a migrated project whose friends have other columns than before."""
    shop = project.using(f"sqlite:///{project.path}/main.db")
    shop.alembic("upgrade", "head")
    change(shop, (NAME, NEW))
    return shop


def _said(shop: Environment, *answers: str, status: int = 255) -> str:
    before = shop.revisions()
    options = [word for answer in answers for word in ("-x", answer)]
    done = shop.alembic(*options, *DRAFT, status=status)
    assert (shop.revisions() == before) is bool(status)
    return done.stdout + done.stderr


def test_all_open_questions_stop_the_draft(shop: Environment) -> None:
    """I draft in a pipeline: it stops, writes nothing, and says all I can type."""
    said = _said(shop)
    command = "revision --autogenerate -m 'it'\"'\"'s new'"
    for answer in (
        "rename=friend.name:full_name",
        "rename=friend.name:email",
        "drop=friend.name",
    ):
        assert f"  alembic -x {answer} {command}\n" in said
    assert "What was friend.name renamed to?" in said


def test_a_command_that_was_printed_works(shop: Environment) -> None:
    """I copy the lines from the message into my shell."""
    said = _said(shop, "rename=friend.name:full_name")
    (line,) = [line for line in said.splitlines() if line.startswith("  alembic ")]
    line = line.replace("VALUE", "''")
    before = shop.revisions()
    shop.run("sh", "-c", line)
    (script,) = set(shop.revisions()) - set(before)
    assert 'new_column_name="full_name"' in script.read_text()


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (["rename=friend.nam:full_name"], "rename=friend.nam:full_name answers no qu"),
        (["rename=friend.name:ful_name"], "full_name, email, not ful_name."),
        (["rename=friend.name:born"], "full_name, email, not born."),
        (["rename=friend:person"], "rename=friend:person answers no question."),
        (["drop=friend.id"], "drop=friend.id answers no question."),
        (["fill=friend.full:x"], "fill=friend.full:x answers no question."),
        (
            ["renam=friend.name:email"],
            "-x renam=friend.name:email: did you mean rename",
        ),
        (["rename=friend.name"], "write rename=TABLE or TABLE.COLUMN:NEW"),
        (["drop=friend.name:email"], "write drop=TABLE or TABLE.COLUMN, and nothing"),
        (["fill=friend.email"], "write fill=TABLE.COLUMN:VALUE"),
        (["rename=friend.name:email", "drop=friend.name"], "only one can be"),
        (["rename=friend.name:email", "rename=friend.name:full_name"], "only one can"),
        (["rename=friend.a:email", "rename=friend.b:email"], "only one can be"),
        (["rename=city:place", "rename=hobby:place"], "only one can be"),
        (["fill=:x"], "write fill=TABLE.COLUMN:VALUE"),
        (["drop=friend.name", "fill=friend.email:NULL"], "email needs a value"),
        (["drop=friend.name", f"fill=friend.email:{'x' * 101}"], "is no value for"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_a_wrong_answer_is_refused(
    shop: Environment, answers: list[str], expected: str
) -> None:
    """I mistype an answer: nothing is written and I see what was possible."""
    assert expected in _said(shop, *answers)


def test_somebody_elses_options_are_left_alone(shop: Environment) -> None:
    """I use -x for something of my own."""
    answers = ["rename=friend.name:full_name", "fill=friend.email:''", "tenant=7"]
    _said(shop, *answers, status=0)


def test_python_gets_the_questions(shop: Environment) -> None:
    """I draft from Python: the exception has the questions, and answers settle them."""
    code = (
        "from friend_book.migrations import migrations\n"
        "from alembic_lossless import OpenQuestions\n"
        "answers = []\n"
        "while True:\n"
        "    try:\n"
        "        script = migrations.revision('new', answers=answers)\n"
        "        break\n"
        "    except OpenQuestions as open_:\n"
        "        for question in open_.questions:\n"
        "            print(question.kind, question.table, question.column,\n"
        "                  *question.candidates)\n"
        "            answers.append(question.answers[0].replace('VALUE', 'none'))\n"
        "print(*answers)\n"
    )
    assert shop.run("python", "-c", code).stdout.splitlines() == [
        "rename friend name full_name email",
        "fill friend email",
        "rename=friend.name:full_name fill=friend.email:none",
    ]


def test_python_refuses_an_answer_of_another_kind(shop: Environment) -> None:
    """I mistype a key from Python, where every answer is an answer."""
    code = (
        "from friend_book.migrations import migrations\n"
        "migrations.revision('new', answers=['tenant=7'])\n"
    )
    said = shop.run("python", "-c", code, status=1).stderr
    assert "tenant=7: an answer starts with rename=, drop=, fill=, leave=." in said


def test_flask_db_says_its_own_command(shop: Environment) -> None:
    """I draft with flask db, and the lines to type are flask db's."""
    done = shop.run("flask", "db", "migrate", "-m", "new", status=None)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "  flask db -x drop=friend.name migrate -m new" in said
    options = ("-x", "drop=friend.name", "-x", "fill=friend.email:''")
    shop.run("flask", "db", *options, "migrate", "-m", "new")


def test_check_never_asks(shop: Environment) -> None:
    """I check in a pipeline: each difference has its line, and nobody is asked."""
    done = shop.alembic("check", status=255)
    said = done.stdout + done.stderr
    assert "4 differences between the models and the database" in said
    assert "  friend.full_name: column added\n" in said
    assert "  friend.name: column removed" in said
    assert "renamed" not in said


def test_the_questions_of_both_databases_come_at_once(
    several: Environment, tmp_path: Path
) -> None:
    """I rename a column in each of two databases, and one message asks about both."""
    with two_databases("sqlite-sqlite", tmp_path) as urls:
        shop = using_both(several, urls)
        shop.alembic("upgrade", "head")
        change(shop, (NAME, NAME.replace("name", "full_name")), ("email:", "mail:"))
        assert "  auth: user.mail: column added" in refusal(shop, "check")
        said = _said(shop)
        assert "Was friend.name renamed to friend.full_name?" in said
        assert "Was user.email renamed to user.mail?" in said
        _said(shop, "rename=friend.name:full_name", "rename=user.email:mail", status=0)
        alembic(shop, "upgrade head", "check", "downgrade -1", "upgrade head")


@pytest.mark.parametrize("name", ["a:b", ":x", "a::b", "a.b", "a`b"])
def test_a_name_with_a_colon_is_answered(name: str) -> None:
    """I type what was printed, whatever my column is called."""
    subject = f"thing.{name}"
    arguments = [f"rename={subject}:other", f"fill=thing.c{name}:10:30"]
    answers = Answers([*arguments, f"drop={name}.n", f"drop={subject}2:later"])
    for key, about, value in (
        ("rename", subject, "other"),
        ("fill", f"thing.c{name}", "10:30"),
        ("drop", f"{name}.n", ""),
        ("drop", f"{subject}2", "later"),
    ):
        assert answers.says(key, about)
        taken = answers.take(key, about)
        assert taken is not None
        assert taken.value == value
    assert answers.take("drop", subject) is None
    assert answers.unused() == []
