"""Rows without a value get one: typed, from the model or neutral, of each type."""

import datetime as dt
import pickle
import uuid
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic_lossless.types.fills import typed
from alembic_lossless.types.portable import dialect_named
from drafts import MODULE, alembic, define_thing, draft, refusal, sql
from environment import Environment
from gallery import ABSTRACT, exported, expressions, known_by, made
from servers import DATABASES
from sqlalchemy.dialects import postgresql

IMPORTS = """import datetime as dt
import uuid
from decimal import Decimal

from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.dialects.postgresql import MultiRange, Range

"""

SIGNS = r"""O'Brien "x":y %s% \n"""
BYTES = b"\x00\xff'\"\\%:abcdefghijklm"

UUID = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"

RANGES = {
    "INT4": ("[1,5)", "Range(1, 5)"),
    "INT8": ("[1,5)", "Range(1, 5)"),
    "NUM": ("[1.5,)", "Range(Decimal('1.5'), None)"),
    "DATE": (
        "[2026-03-01,2026-03-05)",
        "Range(dt.date(2026, 3, 1), dt.date(2026, 3, 5))",
    ),
    "TS": ("[2026-03-01 10:30,)", "Range(dt.datetime(2026, 3, 1, 10, 30), None)"),
    "TSTZ": (
        "[2026-03-01 10:30+00,)",
        "Range(dt.datetime(2026, 3, 1, 10, 30, tzinfo=dt.UTC), None)",
    ),
}

VALUES: dict[str, tuple[str, str]] = {
    "ARRAY of two dimensions": (
        '[["a", "b"], ["c,", "d\\""]]',
        "[['a', 'b'], ['c,', 'd\"']]",
    ),
    "ARRAY of Enum": ("{one,two}", "['one', 'two']"),
    "Uuid as text": (str(uuid.UUID(int=7)), repr(str(uuid.UUID(int=7)))),
    "SET": ("one,two", "{'one', 'two'}"),
    "Enum": ("one", "'one'"),
    "ENUM": ("one", "'one'"),
    "Boolean": ("true", "True"),
    "Integer": ("7", "7"),
    "YEAR": ("2026", "2026"),
    "Float": ("-0.5", "-0.5"),
    "Numeric bare": ("12", "Decimal(12)"),
    "Numeric": ("12345678.125", "Decimal('12345678.125')"),
    "DateTime": ("2026-03-01 10:30", "dt.datetime(2026, 3, 1, 10, 30)"),
    "Date": ("2026-03-01", "dt.date(2026, 3, 1)"),
    "Time": ("10:30", "dt.time(10, 30)"),
    "timedelta": ("1 day 02:03:04", "dt.timedelta(days=1, seconds=7384)"),
    "Uuid": (UUID, f"uuid.UUID({UUID!r})"),
    "JSON": ('{"a": [1, ":b%"]}', "{'a': [1, ':b%']}"),
    "bytes": (f"0x{BYTES.hex()}", repr(BYTES)),
    "ARRAY": ("{1,-2}", "[1, -2]"),
    "HSTORE": (r'{"a": "b\"c"}', "{'a': 'b\"c'}"),
    "mysql.BIT": ("10101", "21"),
    "BIT": ("10101", "'10101'"),
    "INET": ("10.0.0.7", "'10.0.0.7'"),
    "CIDR": ("10.0.0.0/8", "'10.0.0.0/8'"),
    "INET4": ("10.0.0.7", "'10.0.0.7'"),
    "INET6": ("2001:db8::7", "'2001:db8::7'"),
    "MACADDR": ("08:00:2b:01:02:03", "'08:00:2b:01:02:03'"),
    "MACADDR8": ("08:00:2b:01:02:03:04:05", "'08:00:2b:01:02:03:04:05'"),
    "MONEY": ("12.50", "Decimal('12.50')"),
    "OID": ("7", "7"),
    "REGCLASS": ("pg_class", "'pg_class'"),
    "REGCONFIG": ("english", "'english'"),
    "TSVECTOR": ("'a' 'b'", "\"'a' 'b'\""),
    "TSQUERY": ("'a' & 'b'", "\"'a' & 'b'\""),
    "JSONPATH": ('$."a"', "'$.\"a\"'"),
    "DOMAIN": ("7", "7"),
    "PickleType": ("", "{'a': 1}"),
    "String": (SIGNS, repr(SIGNS)),
}
"""A type's class, or that of its values -> what is typed, and the same in Python."""

NOT_TYPED = {"sa.PickleType": "only Python reads what it stores"}
"""The types of which nobody can type a value, and why."""

LEFT_OUT = {"postgresql.INTERVAL of months": "no timedelta has months"}
"""The types of which no value is tried, and why."""


def pair_of(name: str, type_: sa.types.TypeEngine[Any]) -> tuple[str, str]:
    """Return a value of a type as it is typed, and as code of Python."""
    own = name.partition(".")[2]
    if "RANGE" in own:
        words, code = RANGES[own.replace("MULTI", "").removesuffix("RANGE")]
        many = "MULTI" in own
        return (f"{{{words}}}", f"MultiRange([{code}])") if many else (words, code)
    names = [name, own, *(class_.__name__ for class_ in type(type_).__mro__)]
    if VALUES.keys().isdisjoint(names):
        names.append(type_.python_type.__name__)
    words, code = next(VALUES[it] for it in names if it in VALUES)
    if getattr(type_, "timezone", False):
        words, code = f"{words}+00:00", code.replace(")", ", tzinfo=dt.UTC)")
    return words, code


class Gallery:
    """A model with a column of each type that a database has."""

    def __init__(self, project: Environment, url: str, half: int) -> None:
        """Take every second type that the database can make."""
        self.project, self.url = project, url
        self.database = url.partition("+")[0].partition(":")[0]
        if self.database == "postgresql":
            for name in ("citext", "hstore"):
                sql(url, f"CREATE EXTENSION IF NOT EXISTS {name}")
            sql(url, "CREATE DOMAIN domain AS integer")
        found = {
            name: text.replace("'{name}', sa.Integer", "'domain', sa.Integer")
            for name, text in expressions(self.database).items()
        }
        found = {name: text.replace("{name}", "probe") for name, text in found.items()}
        known = known_by(url, found)
        self.types = {
            name: text.replace("'probe'", f"'type_{number}'")
            for number, (name, text) in enumerate(known.items())
            if number % 2 == half
        }

    def define(self, columns: dict[str, str]) -> None:
        """Write the model."""
        lines = "\n".join(f"    {name} = {text}" for name, text in columns.items())
        module = MODULE.format(before="", columns=lines)
        path = self.project.package / "things.py"
        path.write_text(module.replace("import enum\n", IMPORTS))

    def values(self) -> dict[str, Any]:
        """Return what the model reads of the only row."""
        code = (
            "import pickle\n"
            "from friend_book import migrations, things\n"
            "from sqlalchemy import NullPool, create_engine\n"
            "from sqlalchemy.orm import Session\n"
            "engine = create_engine(migrations.url('default'), poolclass=NullPool)\n"
            "with Session(engine) as session:\n"
            "    thing = session.get(things.Thing, 1)\n"
            "    columns = things.Thing.__table__.c\n"
            "    found = {it.key: getattr(thing, it.key) for it in columns}\n"
            "print(pickle.dumps(found).hex())"
        )
        said = bytes.fromhex(self.project.program(code).strip())
        found: dict[str, Any] = pickle.loads(said)  # noqa: S301  it is ours
        return found

    def reads(self, wanted: dict[str, tuple[str, str]]) -> None:
        """Insist on the values that the model reads of the row."""
        found = self.values()
        other = {
            name: (code, found[column])
            for column, (name, code) in wanted.items()
            if not same(code, found[column])
        }
        assert other == {}

    def again(self) -> None:
        """Take the revision back, and upgrade to it again."""
        with self.project.migrations() as migrations:
            migrations.downgrade("-1")
            migrations.upgrade()

    def draft(self, *answers: str) -> str:
        """Draft a revision, upgrade to it, and return its text."""
        with self.project.migrations() as migrations:
            migrations.upgrade()
            made_ = migrations.revision("change", answers=list(answers))
            assert made_ is not None
            migrations.upgrade()
            assert str(migrations.differences() or "") == ""
        return Path(made_.path).read_text()


def same(code: str, found: Any) -> bool:
    """Tell whether a model reads what was given, as the driver has it."""
    given = eval(code, {**MODULES, **vars(postgresql), "uuid": uuid})  # noqa: S307
    if isinstance(given, dt.datetime | dt.time) and found.tzinfo is None:
        given = given.replace(tzinfo=None)  # no other database has zones
    if isinstance(given, Decimal) and isinstance(found, str):  # money
        return f"${given}" == found
    return given == found or str(given) == str(found)


MODULES = {"dt": dt, "Decimal": Decimal}


@pytest.fixture(params=[0, 1], ids=["even", "odd"])
def gallery(
    project: Environment, database_url: str, request: pytest.FixtureRequest
) -> Gallery:
    """Give a table with a row, and half of the types: MariaDB's rows have an end."""
    found = Gallery(project.using(database_url), database_url, request.param)
    found.define({})
    found.draft()
    sql(database_url, "INSERT INTO thing (id) VALUES (1)")
    return found


def test_no_type_is_left_out() -> None:
    """SQLAlchemy exports a new type, and somebody has to say how a row gets one."""
    every = [pair for name in DATABASES for pair in expressions(name).items()]
    tried = {name for name, text in every if pair_of(name, made(text))}
    assert {*exported()} == {name for name in tried if " " not in name} | {*ABSTRACT}
    assert tried >= NOT_TYPED.keys() | LEFT_OUT.keys()


def test_each_type_has_a_form_to_type(gallery: Gallery) -> None:
    """I add a column of each type, and type what the row gets: the model reads it."""
    columns, answers, wanted = {}, [], {}
    for number, (name, text) in enumerate(gallery.types.items()):
        if name not in NOT_TYPED | LEFT_OUT:
            words, code = pair_of(name, made(text))
            columns[f"c_{number}"] = f"sa.Column({text}, nullable=False)  # {name}"
            answers.append(f"fill=thing.c_{number}:{words}")
            wanted[f"c_{number}"] = (name, code)
    gallery.define(columns)
    gallery.draft(*answers)
    gallery.reads(wanted)
    gallery.again()
    gallery.reads(wanted)


def test_each_type_takes_its_default(gallery: Gallery) -> None:
    """My models have a default in Python for each type: the row gets what I would."""
    columns, wanted = {}, {}
    for number, (name, text) in enumerate(gallery.types.items()):
        if name not in LEFT_OUT:
            _, code = pair_of(name, made(text))
            default = f"nullable=False, default={code}"
            columns[f"c_{number}"] = f"sa.Column({text}, {default})  # {name}"
            wanted[f"c_{number}"] = (name, code)
    gallery.define(columns)
    gallery.draft()
    gallery.reads(wanted)
    gallery.again()
    gallery.reads(wanted)
    gallery.define({})
    script = gallery.draft()
    for column, (name, _) in wanted.items():
        assert f"# INVENTS: thing.{column} is " in script, name
    with gallery.project.migrations() as migrations:
        migrations.downgrade("-1")
        migrations.upgrade()


OWN = """
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class Mood(str, enum.Enum):
    GLAD = "glad '%s'"


class Size(enum.Enum):
    SMALL = 1


class Cents(sa.TypeDecorator):
    impl = sa.Integer
    cache_ok = True

    def process_bind_param(self, value, dialect):
        return int(value * 100)

    def process_result_value(self, value, dialect):
        return value / 100


class Random(sa.TypeDecorator):
    impl = sa.String(40)
    cache_ok = True

    def bind_expression(self, bindvalue):
        return sa.func.lower(bindvalue)


class utcnow(FunctionElement):
    type = sa.DateTime()
    inherit_cache = True


@compiles(utcnow)
def _any(element, compiler, **kw):
    return "CURRENT_TIMESTAMP"


@compiles(utcnow, "postgresql")
def _postgresql(element, compiler, **kw):
    return "timezone('utc', now())"


class theirs(FunctionElement):
    inherit_cache = True


@compiles(theirs, "postgresql")
def _theirs(element, compiler, **kw):
    return "now()"
"""
"""What models have of their own."""

STORED = {
    "name": ("sa.String(20), default=Mood.GLAD", "glad '%s'"),
    "mood": ("sa.Enum(Mood, name='mood'), default=Mood.GLAD", "GLAD"),
    "size": ("sa.Enum(Size, name='size'), default=Size.SMALL", "SMALL"),
    "price": ("Cents, default=5", 500),
}
"""A column with a default in Python, and what an app stores of it."""

ASKED = {
    "an expression": "sa.String(40), default=sa.func.lower('A')",
    "a function": "sa.String(40), default=lambda: 'a'",
    "no text": "sa.String(40), default=Size.SMALL",
    "too long": "sa.String(3), default='abcd'",
    "a database's own": "Random, default='A'",
}
"""Columns whose default no draft can take for the rows there are."""


def begun(project: Environment, url: str) -> Environment:
    """Give a project with the table `thing`, and a row."""
    shop = project.using(url)
    define_thing(shop)
    draft(shop, "thing")
    sql(url, "INSERT INTO thing (id) VALUES (1)")
    return shop


def test_a_default_is_taken_as_it_is_stored(
    project: Environment, database_url: str
) -> None:
    """My defaults are members of Enums, or pass a type of mine: rows get what I do."""
    shop = begun(project, database_url)
    columns = [f"{name} = {text}, nullable=False" for name, (text, _) in STORED.items()]
    define_thing(shop, *columns, before=OWN)
    draft(shop, "defaults")
    found = sql(database_url, "SELECT name, mood, size, price FROM thing")
    assert found == [tuple(stored for _, stored in STORED.values())]


@pytest.mark.parametrize("what", ASKED)
def test_what_nobody_knows_is_asked(project: Environment, what: str) -> None:
    """My default is another one for each row, or no value of its type: I am asked."""
    alembic(project, "upgrade head")
    define_thing(project)
    draft(project, "thing")
    define_thing(project, f"it = {ASKED[what]}, nullable=False", before=OWN)
    said = refusal(project, "revision", "--autogenerate", "-m", "more")
    assert "fill=thing.it:VALUE" in said


def test_a_default_of_the_server_is_written_for_each_database(
    project: Environment, database_url: str
) -> None:
    """My server defaults are a member of an Enum, and what I compile myself."""
    shop = begun(project, database_url)
    columns = (
        "name = sa.String(20), server_default=Mood.GLAD",
        "made = sa.DateTime, server_default=utcnow()",
        "size = sa.Integer, server_default=sa.literal(7)",
    )
    define_thing(shop, *columns, before=OWN)
    script = draft(shop, "defaults")
    assert "utcnow" not in script
    assert "timezone('utc', now())" in script
    if not database_url.startswith("sqlite"):
        sql(database_url, "INSERT INTO thing (id) VALUES (2)")
        found = sql(database_url, "SELECT name, size FROM thing WHERE id = 2")
        assert found == [("glad '%s'", 7)]
    define_thing(shop, before=OWN)
    draft(shop, "none")
    alembic(shop, "downgrade -1", "downgrade -1", "upgrade head", "check")


def test_a_default_that_production_cannot_have_is_refused(project: Environment) -> None:
    """A server default of mine is PostgreSQL's alone, and production is MariaDB."""
    define_thing(project)
    draft(project, "thing")
    project.edit("migrations/__init__.py", "    url=url,\n", RUNS_ON)
    define_thing(project, "it = sa.DateTime, server_default=theirs()", before=OWN)
    said = refusal(project, "revision", "--autogenerate", "-m", "more")
    assert "thing.it: mariadb has no words for the server default theirs()." in said
    assert len(project.revisions()) == 2


RUNS_ON = '    url=url,\n    runs_on=("postgresql", "mariadb"),\n'


@pytest.mark.parametrize(
    ("column", "words", "said"),
    [
        ("sa.Interval", "tomorrow", "tomorrow is no value for Interval(): write 1 day"),
        ("sa.DateTime", "", "is no value for DateTime(): write 2026-03-01 10:30."),
        ("sa.Integer", "", "is no value for Integer(): write a whole number."),
        ("sa.LargeBinary", "00ff", r"write \x00ff or 0x00ff."),
        ("sa.Integer", "3000000000", "3000000000 is no value for Integer() on"),
        ("sa.String(3)", "abcd", "'abcd' is no value for String(length=3) on"),
        ("sa.DateTime", "2026-03-01 10:30:00.5", "DateTime() on mariadb."),
        ("sa.Text", "a\0b", "is no value for Text()"),
    ],
)
def test_a_value_is_checked_where_it_will_be(
    project: Environment, column: str, words: str, said: str
) -> None:
    """I type what the column cannot hold where it runs: I read what to write."""
    define_thing(project)
    draft(project, "thing")
    project.edit("migrations/__init__.py", "    url=url,\n", RUNS_ON)
    define_thing(project, f"it = {column}, nullable=False")
    fill = f"fill=thing.it:{words}"
    revision = ("revision", "--autogenerate", "-m", "more")
    assert said in refusal(project, "-x", fill, *revision)
    assert len(project.revisions()) == 2


READ = {
    "postgresql": "BIT BOOLEAN BYTEA CIDR DATE FLOAT HSTORE INET INTEGER INTERVAL"
    " INT4MULTIRANGE INT4RANGE JSONB MACADDR MACADDR8 MONEY NUMERIC OID REGCLASS"
    " REGCONFIG TIME TIMESTAMP UUID",
    "mysql": "BIT BOOLEAN DATE DATETIME FLOAT INTEGER JSON NUMERIC TIME TIMESTAMP YEAR",
    "mariadb": "INET4 INET6",
    "sqlite": "BOOLEAN DATE DATETIME FLOAT INTEGER JSON NUMERIC TIME TIMESTAMP",
}
"""The types of a database whose values are not any text."""


@pytest.mark.parametrize(
    ("database", "name"),
    [(database, name) for database, names in READ.items() for name in names.split()],
)
def test_what_no_value_looks_like_is_refused_when_it_is_typed(
    database: str, name: str
) -> None:
    """I type something else: no revision is written with it, and I read an example."""
    place = "mysql" if database == "mariadb" else database
    type_ = getattr(import_module(f"sqlalchemy.dialects.{place}"), name)()
    column = sa.Column("it", type_)
    with pytest.raises(ValueError, match=r"some words is no value for .*: write .+\."):
        typed(column, "some words", [dialect_named(database)])


def test_a_network_has_no_address_of_a_host() -> None:
    """I type an address with its network: INET holds that, and CIDR does not."""
    dialects = [dialect_named("postgresql")]
    for type_ in (postgresql.INET(), postgresql.CIDR()):
        typed(sa.Column("it", type_), "192.168.0.0/24", dialects)
    typed(sa.Column("it", postgresql.INET()), "192.168.0.1/24", dialects)
    with pytest.raises(ValueError, match=r"write 192\.168\.0\.0/24"):
        typed(sa.Column("it", postgresql.CIDR()), "192.168.0.1/24", dialects)


def test_no_answer_is_offered_where_none_works(project: Environment) -> None:
    """I add a pickle that must not be empty: I read at once what works instead."""
    define_thing(project)
    draft(project, "thing")
    define_thing(project, "it = sa.PickleType, nullable=False")
    said = refusal(project, "revision", "--autogenerate", "-m", "more")
    assert "thing.it is NOT NULL, and no value of PickleType() can be typed" in said
    assert "fill=" not in said
    define_thing(project, "it = sa.PickleType, nullable=False, default=(1, 2)")
    draft(project, "more")


def test_what_is_no_python_is_not_written(project: Environment) -> None:
    """A hook of mine writes an object by its name: no broken file is left behind."""
    hook = "render_as_batch=render_as_batch,\n    ):"
    wrong = f"render_item=lambda *it: it[0] == 'type' and '<{{}}>', {hook}"
    project.edit("migrations/env.py", hook, wrong)
    alembic(project, "upgrade head")
    define_thing(project)
    before = project.revisions()
    said = refusal(project, "revision", "--autogenerate", "-m", "more")
    assert "The draft has a line that is no Python: sa.Column('id', <{}>" in said
    assert project.revisions() == before


@pytest.mark.parametrize("live", ["yes", "no"])
def test_every_digit_stays(project: Environment, database_url: str, live: str) -> None:
    """I fill a price of seventeen digits, while others work or not: none is lost."""
    shop = project.using(database_url)
    define_thing(shop, "it = sa.Numeric(20, 2)")
    draft(shop, "thing")
    sql(database_url, "INSERT INTO thing (id) VALUES (1)")
    define_thing(shop, "it = sa.Numeric(20, 2), nullable=False")
    price = "12345678901234567.89"
    script = draft(shop, "price", f"live={live}", f"fill=thing.it:{price}")
    assert f'sa.text("{price}")' in script
    if not database_url.startswith("sqlite"):  # its numbers have 8 bytes
        assert sql(database_url, "SELECT it FROM thing") == [(Decimal(price),)]
