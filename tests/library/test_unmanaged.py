"""What neither my models nor my revisions know is left alone, and said."""

import importlib
import re
from collections.abc import Sequence

import pytest
from drafting import change, round_trip
from drafts import alembic, define_thing, draft, newest, refusal, sql
from environment import Environment
from schema import snapshot
from scripts import empty, write
from servers import ON_POSTGRESQL, ON_SERVERS
from sqlalchemy import create_engine, inspect
from sqlalchemy.pool import NullPool

JOBS = "CREATE TABLE apscheduler_jobs (id VARCHAR(50) NOT NULL PRIMARY KEY, at INTEGER)"
INDEX = "CREATE INDEX ix_jobs_at ON apscheduler_jobs (at)"
COLUMN = "ALTER TABLE friend ADD COLUMN old_note VARCHAR(50)"
BY_HAND = "CREATE INDEX ix_by_hand ON friend (name, id)"


def _with_others(project: Environment, *made: str) -> str:
    """Migrate, and let somebody else make things there; return the URL."""
    alembic(project, "upgrade head")
    url = project.environment[project.url_variable]
    for statement in made:
        sql(url, statement)
    return url


def _shape(url: str) -> dict[str, list[str]]:
    """Return the names of the columns and indexes of each table."""
    there = inspect(create_engine(url, poolclass=NullPool))
    return {
        table: sorted(
            str(it["name"])
            for it in (*there.get_columns(table), *there.get_indexes(table))
        )
        for table in there.get_table_names()
    }


def test_what_others_made_is_left_alone(
    project: Environment, database_url: str
) -> None:
    """A job queue, a column and an index of somebody else's are no difference."""
    project = project.using(database_url)
    _with_others(project, JOBS, INDEX, COLUMN, BY_HAND)
    said = alembic(project, "check")
    line = (
        "Left alone, for neither the models nor a revision declare it: table"
        " apscheduler_jobs, index friend.ix_by_hand, column friend.old_note."
        " To drop it: -x drop=apscheduler_jobs"
    )
    assert line in said
    change(
        project,
        ("name: Mapped[str]", "nick: Mapped[int | None]\n    name: Mapped[str]"),
    )
    revision = "revision --autogenerate -m nick"
    assert line in alembic(project, revision)
    assert "drop" not in newest(project, "nick").partition("def downgrade")[0]


@pytest.mark.parametrize(
    ("made", "answer", "call"),
    [
        ([JOBS, INDEX], "apscheduler_jobs", "drop_table"),
        ([COLUMN], "friend.old_note", "drop_column"),
        ([BY_HAND], "friend.ix_by_hand", "drop_index"),
        ([BY_HAND.replace("INDEX", "UNIQUE INDEX", 1)], "friend.ix_by_hand", "drop_"),
    ],
)
def test_it_is_dropped_when_i_say_so(
    project: Environment,
    database_url: str,
    made: Sequence[str],
    answer: str,
    call: str,
) -> None:
    """`-x drop=` makes a thing mine, and the downgrade makes it again."""
    project = project.using(database_url)
    url = _with_others(project, *made)
    before = _shape(url)
    trip = round_trip(project, answers=[f"drop={answer}"])
    assert call in trip.script
    assert _shape(url) != before
    alembic(project, "downgrade -1")
    assert _shape(url) == before


SEQUENCE = "CREATE SEQUENCE seq_theirs START 5"


def test_what_is_dropped_need_not_be_there(
    project: Environment, database_url: str, other_url: str
) -> None:
    """A colleague's database, and that of each test, never had what I drop.

    The draft does more to the table: on SQLite it is made anew.
    """
    project = project.using(database_url)
    has_sequences = "sqlite" not in database_url
    made = [JOBS, INDEX, BY_HAND, *([SEQUENCE] if has_sequences else [])]
    url = _with_others(project, *made)
    column = "mapped_column(String({}))\n    city_id"
    change(project, (column.format(100), column.format(120)))
    answers = ["apscheduler_jobs", "friend.ix_by_hand"]
    answers += ["seq_theirs"] if has_sequences else []
    up, _, down = draft(
        project, "gone", *(f"drop={answer}" for answer in answers)
    ).partition("def downgrade")
    assert "REVIEW" not in up + down
    assert up.count("if_exists=True") == len(answers)
    assert down.count("if_not_exists=True") == len(made)

    elsewhere = project.using(other_url)
    alembic(elsewhere, "upgrade head", "check")
    assert _shape(other_url) == _shape(url)
    alembic(elsewhere, "downgrade -1", "upgrade head", "check", "downgrade -1")
    alembic(project, "downgrade -1")
    assert _shape(other_url) == _shape(url)
    # What others made again is in no downgrade's way.
    alembic(project, "upgrade head")
    for statement in made:
        sql(url, statement)
    alembic(project, "downgrade base")


@pytest.mark.parametrize(
    ("made", "answer"),
    [
        (COLUMN, "drop=friend.old_note"),
        (JOBS, "rename=apscheduler_jobs:job"),
        (COLUMN, "rename=friend.old_note:note"),
    ],
)
def test_what_must_be_there_is_marked(
    project: Environment, database_url: str, made: str, answer: str
) -> None:
    """A test of mine refuses the draft until I looked, and a new database says why."""
    project = project.using(database_url)
    _with_others(project, made)
    subject, _, new = answer.partition("=")[2].partition(":")
    if new:
        column = "name: Mapped[str]"
        job = """class Job(Model):
    __tablename__ = "job"
    id: Mapped[str] = mapped_column(String(50), primary_key=True)
    at: Mapped[int | None]


"""
        note = "note: Mapped[str | None] = mapped_column(String(50))\n    "
        edits = {
            "job": ("class City(Model)", f"{job}class City(Model)"),
            "note": (column, note + column),
        }
        change(project, edits[new])
    up, _, down = draft(project, "gone", answer).partition("def downgrade")
    assert re.search(rf"# REVIEW: no revision made \w+ {re.escape(subject)}:", up)
    assert "REVIEW" not in down
    alembic(project, "downgrade -1", "upgrade head", "check")


NOTE = """\
note = Table(
    "note",
    Model.metadata,
    Column("friend_id", ForeignKey("friend.id")),
    Column("text", String(50), nullable=False),
)
"""
"""A table without a key."""

ADD = "ALTER TABLE friend ADD CONSTRAINT"
EVERYWHERE = {
    "CHECK friend.ck_theirs": f"{ADD} ck_theirs CHECK (name <> '')",
    "foreign key friend.theirs": f"{ADD} theirs FOREIGN KEY (id) REFERENCES hobby (id)",
    "primary key note.note_pkey": "ALTER TABLE note"
    " ADD CONSTRAINT note_pkey PRIMARY KEY (text)",
    "sequence seq_theirs": "CREATE SEQUENCE seq_theirs START 5 CYCLE",
}
UNIQUE = f"{ADD} uq_theirs UNIQUE (name, id)"
TWIN = "CREATE UNIQUE INDEX ux_theirs ON hobby (name)"
"""Over the columns of a constraint of mine."""
NAME = "ALTER TABLE friend MODIFY name VARCHAR(100) NOT NULL"
OF_OTHERS = {
    "postgresql": {
        **EVERYWHERE,
        "unique constraint friend.uq_theirs": UNIQUE,
        "index hobby.ux_theirs": TWIN,
        "EXCLUDE friend.ex_theirs": f"{ADD} ex_theirs"
        " EXCLUDE (lower(name) WITH =, id WITH =) WHERE (id > 3)",
        "comment friend.comment": "COMMENT ON TABLE friend IS 'theirs'",
        "comment hobby.name.comment": "COMMENT ON COLUMN hobby.name IS 'theirs'",
        "default friend.name.server_default": "ALTER TABLE friend"
        " ALTER name SET DEFAULT 'theirs'",
    },
    "mariadb": {
        **EVERYWHERE,
        "index friend.uq_theirs": UNIQUE,
        "index hobby.ux_theirs": TWIN,
        "comment friend.comment": "ALTER TABLE friend COMMENT 'theirs'",
        "comment friend.name.comment": f"{NAME} COMMENT 'theirs'",
        "default friend.name.server_default": f"{NAME} COMMENT 'theirs'"
        " DEFAULT 'theirs'",
    },
}
"""A database -> what is left alone there -> how somebody made it."""


def _with_notes(project: Environment) -> Environment:
    """Give a project that has a table without a key, too."""
    change(project, ("class City(Model)", f"{NOTE}\n\nclass City(Model)"))
    empty(project)
    alembic(project, "revision --autogenerate -m first")
    return project


@pytest.mark.parametrize("database_url", OF_OTHERS, indirect=True)
def test_what_others_gave_my_tables(project: Environment, database_url: str) -> None:
    """Whatever it is, it is named, left alone, and dropped when I say so."""
    others = OF_OTHERS["postgresql" if "postgresql" in database_url else "mariadb"]
    project = _with_notes(project).using(database_url)
    url = _with_others(project, *others.values())
    before = snapshot(url)
    names = sorted(others, key=lambda it: it.rpartition(" ")[2])
    line = f"declare it: {', '.join(names)}. To drop it: -x drop={names[0].split()[-1]}"
    assert line in alembic(project, "check")
    nick = "nick: Mapped[int | None]\n    name: Mapped[str]"
    column = "mapped_column(String({}))\n    city_id"  # MariaDB hears the whole of it
    longer = (column.format(100), column.format(120))
    change(project, ("name: Mapped[str]", nick), longer)
    assert line in alembic(project, "revision --autogenerate -m nick", "upgrade head")
    assert line in alembic(project, "check", "downgrade -1")
    assert snapshot(url) == before

    script = draft(project, "drop", *(f"drop={name.split()[-1]}" for name in names))
    reviewed = re.findall(r"# REVIEW: no revision made (.*?):", script)
    parts: tuple[str, ...] = ("comment", "server_default", "seq_theirs", "ux_theirs")
    if "postgresql" not in url:  # where what is unique is an index, with an IF EXISTS
        parts = *parts, "uq_theirs"
    assert {*reviewed} == {name for name in names if not name.endswith(parts)}
    assert "Left alone" not in alembic(project, "check")
    assert "theirs" not in str(snapshot(url))
    alembic(project, "downgrade -2")
    assert snapshot(url) == before
    alembic(project, "upgrade head", "check")


def test_a_database_without_history(project: Environment) -> None:
    """Tables of a database that no revision made are not dropped by my first draft."""
    project = empty(project)
    url = f"sqlite:///{project.path}/default.db"
    sql(url, JOBS)
    sql(url, "CREATE TABLE city (id INTEGER NOT NULL PRIMARY KEY, old VARCHAR)")
    said = alembic(project, "-x fill=city.name:'' revision --autogenerate -m first")
    assert "table apscheduler_jobs, column city.old." in said
    assert "drop_" not in newest(project, "first").partition("def downgrade")[0]


@pytest.mark.parametrize("named", [True, False])
def test_tables_that_create_all_made(
    project: Environment, database_url: str, *, named: bool
) -> None:
    """Without a revision nobody knows whose a thing is that my models have no more."""
    project = empty(project).using(database_url)
    if not named:
        project.edit("db.py", "naming_convention=NAMING_CONVENTION", "")
    check = '    __table_args__ = (CheckConstraint("name <> \'\'", name="named"),)\n'
    default = "mapped_column(String(100), server_default='x')"
    column = "mapped_column(String(100))"
    change(project, (column, default), ("    city: Mapped", f"{check}    city: Mapped"))
    change(project, ("import Column", "import CheckConstraint, Column"))
    with project.migrations() as migrations:
        migrations.project.import_models()
        metadata = importlib.import_module("friend_book.db").Model.metadata
        metadata.create_all(create_engine(database_url, poolclass=NullPool))
        before = snapshot(database_url)
        assert not migrations.check()
        assert migrations.revision("nothing") is None
    assert "Left alone" not in alembic(project, "check")
    unique = "String(100), unique=True"
    change(project, (unique, "String(100)"), (check, ""), (default, column))
    said = alembic(project, "check")
    left = said.partition("declare it: ")[2].partition(". To drop it")[0].split(", ")
    assert len(left) == len(["city.name", "hobby.name", "the CHECK", "the default"])
    answers = [f"-x drop={it.split()[-1]}" for it in left]
    alembic(project, f"{' '.join(answers)} revision --autogenerate -m gone")
    assert "Left alone" not in alembic(project, "upgrade head", "check")
    alembic(project, "downgrade base")
    # SQLite gave keys no name, and a batch makes none without.
    unnamed = "sqlite" in database_url and not named
    assert (snapshot(database_url) == before) is not unnamed


@ON_SERVERS
def test_what_nobody_named_is_known_by_its_columns(
    nameless: Environment, database_url: str
) -> None:
    """My revisions name no constraint: mine are dropped, and those of others stay."""
    project = nameless.using(database_url)
    alembic(project, "revision --autogenerate -m first")
    plain = "CREATE INDEX ix_theirs ON hobby (name)"
    _with_others(project, UNIQUE, plain, EVERYWHERE["foreign key friend.theirs"])
    said = alembic(project, "check")
    assert "index hobby.ix_theirs" in said
    assert "foreign key friend.theirs" in said
    assert "friend.uq_theirs" in said
    change(project, ("String(100), unique=True", "String(100)"))
    text = draft(project, "no key").partition("def downgrade")[0]
    assert "theirs" not in text
    assert (
        text.count('op.drop_unnamed_constraint("hobby", ["name"], type_="unique")') == 1
    )


@ON_POSTGRESQL
def test_an_extension_is_not_even_mentioned(
    project: Environment, database_url: str
) -> None:
    """A table that an extension brought, as PostGIS does, stays whatever I answer."""
    project = project.using(database_url)
    owned = "ALTER EXTENSION citext ADD TABLE apscheduler_jobs"
    _with_others(project, JOBS, "CREATE EXTENSION citext", owned)
    assert "Left alone" not in alembic(project, "check")
    answer = "drop=apscheduler_jobs"
    said = refusal(project, "-x", answer, "revision", "--autogenerate", "-m", "x")
    assert f"{answer} answers no question" in said


def test_what_i_include_is_asked_first(project: Environment) -> None:
    """My own include_name and include_object still say what is compared."""
    env = project.package / "migrations" / "env.py"
    mine = (
        "        include_name=lambda name, kind, parents: name != 'apscheduler_jobs',\n"
        "        include_object=lambda it, name, *_: name != 'hobby',\n"
    )
    online = "        render_as_batch=render_as_batch,\n    ):"
    assert online in env.read_text()
    env.write_text(env.read_text().replace(online, mine + online))
    project = project.using(f"sqlite:///{project.path}/default.db")
    _with_others(project, JOBS, COLUMN)
    hobby = '__tablename__ = "hobby"\n'
    change(project, (hobby, f"{hobby}    note: Mapped[str]\n"))
    said = alembic(project, "check")
    assert "apscheduler_jobs" not in said
    assert "column friend.old_note" in said


def test_an_index_that_a_column_brought_is_mine(project: Environment) -> None:
    """My revision said `index=True`; a model without it drops the index."""
    column = "op.add_column('hobby', sa.Column('note', sa.String(9), index=True))"
    write(project, "2", column, down="1")
    hobby = '__tablename__ = "hobby"\n'
    note = "    note: Mapped[str | None] = mapped_column(String(9))\n"
    change(project, (hobby, hobby + note))
    assert "op.drop_index" in draft(project, "note").replace("batch_op", "op")


@ON_POSTGRESQL
def test_a_check_that_a_type_would_make_is_known_by_what_it_allows(
    project: Environment, database_url: str
) -> None:
    """I wrote the CHECK of a type by hand, and the type makes it from now on."""
    shop = project.using(database_url)
    define_thing(shop, "mood = sa.String(5)")
    draft(shop, "text")
    check = "ADD CONSTRAINT by_hand CHECK (mood IN ('a', 'b'))"
    sql(database_url, f"ALTER TABLE thing {check}")
    given = "native_enum=False, length=5, create_constraint=True, name='mood'"
    define_thing(shop, f"mood = sa.Enum('a', 'b', {given})")
    said = alembic(shop, "revision --autogenerate -m type")
    assert "thing: the CHECK of a type is called by_hand, and" in said
