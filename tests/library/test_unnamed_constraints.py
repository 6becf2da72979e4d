"""Constraints that nobody named: each server calls them something else, or nothing."""

import re
from pathlib import Path
from typing import Any

import pytest
from drafts import alembic, define_thing, draft, newest, refusal, sql
from environment import Environment
from schema import snapshot
from scripts import write
from servers import DATABASES, ON_SERVERS, empty_database, engine_of
from sqlalchemy.exc import DBAPIError

CLUB = '''

class Club(Model):
    """A club that friends lead."""

    __tablename__ = "club"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(9){unique})
    letter: Mapped[str] = mapped_column(String(1))
    leader_id: Mapped[int | None] = mapped_column({leader})
    {table_args}
'''
LOOSE = {"unique": "", "leader": "", "table_args": ""}
BOUND = {
    "unique": ", unique=True",
    "leader": 'ForeignKey("friend.id")',
    "table_args": '__table_args__ = (UniqueConstraint("letter", "code"),)',
}

ROWS = "(code, letter, leader_id) VALUES ('a', 'b', 7), ('a', 'b', 7)"
"""What the keys would refuse."""


def define(project: Environment, club: dict[str, str]) -> None:
    """Write the model of a club at the end of the models, or write it anew."""
    models = project.package / "models.py"
    text, _, _ = models.read_text().partition("\n\nclass Club")
    models.write_text(text + CLUB.format(**club))


def drafted(
    project: Environment, place: tuple[str, Path], *clubs: dict[str, str]
) -> list[str]:
    """Draft one club after the other on an empty database, and return the scripts."""
    with empty_database(*place) as url:
        here = project.using(url)
        scripts = list[str]()
        for number, club in enumerate(clubs):
            define(here, club)
            draft(here, f"step {number}")
            scripts.append(newest(here, f"step {number}"))
    return scripts


@pytest.mark.parametrize("drafted_on", DATABASES)
def test_they_go_and_come_wherever_they_were_drafted(
    nameless: Environment, drafted_on: str, tmp_path: Path
) -> None:
    """I drop nameless keys in a draft of one database, and others run it both ways."""
    nameless.edit("models.py", "String, Table", "String, Table, UniqueConstraint")
    scripts = drafted(nameless, (drafted_on, tmp_path), BOUND, LOOSE, BOUND)
    assert all("drop_constraint(" not in it for it in scripts)
    for kind in DATABASES:
        with empty_database(kind, tmp_path) as url:
            there = nameless.using(url)
            alembic(there, "upgrade head", "check", "downgrade -1")
            sql(url, f"INSERT INTO club {ROWS}")
            sql(url, "DELETE FROM club")
            alembic(there, "upgrade head")
            once = snapshot(url)
            alembic(there, "downgrade base", "upgrade head", "check")
            assert without_count(snapshot(url)) == without_count(once)


@pytest.mark.parametrize("drafted_on", DATABASES)
def test_they_go_where_create_all_made_them(
    nameless: Environment, drafted_on: str, tmp_path: Path
) -> None:
    """A draft named a key; where my tables were made without it another name goes."""
    nameless.edit("models.py", "String, Table", "String, Table, UniqueConstraint")
    script = drafted(nameless, (drafted_on, tmp_path), LOOSE, BOUND, LOOSE)[-1]
    before = re.findall('"(.*)"', script.partition("down_revision")[2])[0]
    upgrade, _, _ = script.partition("def downgrade")
    assert "drop_constraint(" not in upgrade
    assert "drafted_as='club_leader_id_fkey'" in " ".join(
        upgrade.replace('"', "'").split()
    )
    for kind in DATABASES:
        with (
            empty_database(kind, tmp_path) as url,
            empty_database(kind, tmp_path) as two,
        ):
            there = nameless.using(url)
            define(there, BOUND)
            with there.migrations() as migrations:
                migrations.project.import_models()
                metadata: Any = migrations.project.metadatas["default"]
                metadata.create_all(engine_of(url))
            alembic(there, f"stamp {before}")
            define(there, LOOSE)
            alembic(there, "upgrade head", "check")
            script = there.alembic("upgrade", "head", "--sql").stdout
            if kind != "sqlite":
                assert "club_leader_id_fkey" in script
            alembic(nameless.using(two), "upgrade head", "check")
            if drafted_on == kind:  # a draft for others leaves MariaDB's index there
                assert without_count(snapshot(url)) == without_count(snapshot(two))
            alembic(there, "downgrade -1", "upgrade head", "check")


def without_count(lines: list[str]) -> list[str]:
    """Return what a database has, without the number that MariaDB gives next."""
    return [re.sub(r" AUTO_INCREMENT=\d+", "", line) for line in lines]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--sql", "Nobody gave the unique constraint of friend (name) a name"),
        ("", "There is no such constraint: the unique constraint of friend (name)."),
    ],
)
def test_it_cannot_be_found(project: Environment, option: str, said: str) -> None:
    """No database can be asked, or it has no such key, and I read which key it is."""
    drop = 'op.drop_unnamed_constraint("friend", ["name"], type_="unique")'
    write(project, "2", drop, down="1")
    assert said in refusal(project, "upgrade", "head", *option.split())


ALIKE = {
    "check": ("CHECK (id > 0)", [], ", condition='id > 0'"),
    "unique": ("UNIQUE (id)", ["id"], ""),
    "foreignkey": ("FOREIGN KEY (id) REFERENCES friend (id)", ["id"], ""),
}
"""Constraints that may be there twice: their SQL, their columns, and what they say."""


@ON_SERVERS
@pytest.mark.parametrize("type_", ALIKE)
def test_of_two_alike_the_last_is_dropped(
    project: Environment, database_url: str, type_: str
) -> None:
    """I add one that is there already, and go back: the first keeps its name."""
    said, columns, more = ALIKE[type_]
    shop = project.using(database_url)
    shop.alembic("upgrade", "head")
    sql(database_url, f"CREATE TABLE pair (id INTEGER NOT NULL, {said})")
    before = snapshot(database_url)
    sql(database_url, f"ALTER TABLE pair ADD {said}")
    assert snapshot(database_url) != before
    dropped = f"op.drop_unnamed_constraint('pair', {columns}, type_={type_!r}{more})"
    write(shop, "b", dropped, down="1")
    shop.alembic("upgrade", "head")
    assert snapshot(database_url) == before


CHECKS = "\n    __table_args__ = ({},)\n"


def test_a_check_without_a_name_gets_a_free_one(
    nameless: Environment, database_url: str
) -> None:
    """I add CHECKs that I give no name, where one has PostgreSQL's name already."""
    shop = nameless.using(database_url)
    conditions = list[str]()
    for name, more in (("one", ["age > 0"]), ("three", ["age < 9", "age <> 5"])):
        conditions += more
        checks = ", ".join(f"sa.CheckConstraint({it!r})" for it in conditions)
        define_thing(shop, "age = sa.Integer")
        path = shop.package / "things.py"
        path.write_text(path.read_text() + CHECKS.format(checks))
        draft(shop, name)
        alembic(shop, "downgrade -1", "upgrade head", "check")
    script = newest(shop, "three")
    assert re.findall(r'"(thing_age_check\d*)"', script.partition("def down")[0]) == [
        "thing_age_check1",
        "thing_age_check2",
    ]
    sql(database_url, "INSERT INTO thing (age) VALUES (7)")
    for age in (-1, 10, 5):
        with pytest.raises(DBAPIError):
            sql(database_url, f"INSERT INTO thing (age) VALUES ({age})")  # noqa: S608


GONE = {
    "unique": ", unique=True",
    "foreign key": ', sa.ForeignKey("thing.id")',
    "check": ', sa.CheckConstraint("number > 3")',
}


@pytest.mark.parametrize("kind", GONE)
def test_it_goes_from_the_models_and_not_by_hand(
    nameless: Environment, database_url: str, kind: str
) -> None:
    """I take a constraint without a name away: check says so, and blames nobody."""
    here = nameless.using(database_url)
    define_thing(here, f"number = sa.Integer{GONE[kind]}")
    draft(here, "bound")
    define_thing(here, "number = sa.Integer")
    said = refusal(here, "check")
    assert "1 difference" in said
    assert "without a name removed" in said
    assert "by hand" not in said
