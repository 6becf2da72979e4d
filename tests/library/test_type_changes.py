"""A column changes its type: its values survive, or the change is refused."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import cycle, permutations, product
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from alembic_lossless.types.values import is_lossless
from drafts import alembic, define_thing, draft, newest, refusal, sql
from environment import Environment
from proof.case import Case, Verdict, court
from scripts import write
from servers import ON_MARIADB, ON_POSTGRESQL, empty_database, engine_of
from sqlalchemy.types import TypeEngine

KEY = UUID("0d1b5c1e-3f60-4f6e-9a50-6a1c2f0f7a11")
SMALL = (
    "number = sa.SmallInteger",
    "label = sa.String(20), server_default='none'",
    "price = sa.Numeric(6, 2)",
    "flag = sa.Boolean",
    "day = sa.Date",
)
LARGE = (
    "number = sa.BigInteger",
    "label = sa.String(200), server_default='none'",
    "price = sa.Numeric(10, 4)",
    "flag = sa.Integer",
    "day = sa.DateTime",
)
TEXT = ("number = sa.String(20)", "price = sa.String(20)", "day = sa.String(40)")
TYPED = ("number = sa.Integer", "price = sa.Numeric(8, 2)", "day = sa.Date")


@pytest.mark.parametrize(
    ("new", "kept", "lost"),
    [
        (sa.Integer(), ["0", "-42", 7.0, Decimal("3.00")], ["", "hello", "007", 2**31]),
        (sa.SmallInteger(), [32767, -32768], [32768, 1.5, "1e3"]),
        (sa.BigInteger(), [2**31, "9000000000"], [2**63, " 1"]),
        (sa.String(4), ["four", 1234, True], ["fives", 12345, -1234]),
        (sa.Boolean(), [0, 1, True, "1"], [2, "yes", "", -1]),
        (sa.Numeric(5, 2), ["999.99", 1, 0.5], ["1000", "1.234", "x"]),
        (sa.Numeric(), ["1.23456789", 10**30], ["one"]),
        (sa.Float(), ["0.1", 3, 1e300], ["0.1234567890123456789", "x", "nan"]),
        (sa.Float(), ["1e3"], ["Infinity", "1_000", "\uff11\uff12", " 1", "1e999"]),
        (sa.Date(), ["2026-03-01", datetime(2026, 3, 1)], [datetime(2026, 3, 1, 9)]),  # noqa: DTZ001
        (sa.DateTime(), [date(2026, 3, 1), "2026-03-01 09:00:00"], ["soon", 3]),
        (sa.JSON(), ['{"a": 1}', "[]"], ["{", "", "NaN"]),
        (sa.DateTime(), ["2026-03-01"], ["20260301", "2026-W09-7", "2026-03-01Z"]),
        (sa.Enum("happy", "sad"), ["sad"], ["cross", ""]),
        (sa.Time(), ["09:00", "23:59:59.5"], ["24:00", "0900", "9:00", 9, "09:00Z"]),
        (sa.Uuid(), [KEY, KEY.hex, str(KEY).upper()], ["", "12", f"{{{KEY}}}", 12]),
        (sa.String(8), [time(9), timedelta(hours=9)], [time(9, microsecond=1)]),
        (sa.String(7), [], [timedelta(hours=9), KEY]),
    ],
    ids=lambda value: repr(value) if isinstance(value, TypeEngine) else "",
)
def test_which_values_survive(
    new: TypeEngine[Any], kept: list[Any], lost: list[Any]
) -> None:
    """Every value that would mean something else afterwards is told from the others."""
    assert [value for value in kept if not is_lossless(value, new)] == []
    assert [value for value in lost if is_lossless(value, new)] == []
    assert is_lossless(None, new)


def test_a_wider_type_is_written_plainly(
    project: Environment, database_url: str
) -> None:
    """I widen five columns, up, down and up again: every value is still there."""
    shop = project.using(database_url)
    define_thing(shop, *SMALL)
    draft(shop, "small")
    insert = "INSERT INTO thing (id, number, label, price, flag, day) VALUES "
    true = "true" if "postgresql" in database_url else "1"
    sql(database_url, f"{insert}(1, -7, 'x', 1234.25, {true}, '2026-03-01')")
    define_thing(shop, *LARGE)
    assert "refuse_loss" not in draft(shop, "large").partition("def downgrade")[0]
    wide = "SELECT number, label, CAST(price AS CHAR(7)), flag FROM thing"
    for _ in range(2):
        assert sql(database_url, wide) == [(-7, "x", "1234.25", 1)]
        day = sql(database_url, "SELECT day FROM thing")[0][0]
        assert str(day).startswith("2026-03-01 00:00:00")
        alembic(shop, "downgrade -1")
        assert sql(database_url, wide) == [(-7, "x", "1234.25", 1)]
        day = sql(database_url, "SELECT day FROM thing")[0][0]
        assert str(day) == "2026-03-01"
        alembic(shop, "upgrade head")


def test_text_becomes_numbers_and_dates_and_back(
    project: Environment, database_url: str
) -> None:
    """My numbers and dates were text; they become what they mean, and text again."""
    shop = project.using(database_url)
    define_thing(shop, *TEXT)
    draft(shop, "text")
    row = "INSERT INTO thing (id, number, price, day) VALUES "
    sql(database_url, f"{row}(1, '42', '9.50', '2026-03-01'), (2, NULL, NULL, NULL)")
    define_thing(shop, *TYPED)
    draft(shop, "typed")
    shop.alembic("upgrade", "head")
    assert sql(
        database_url, "SELECT number + 1, price * 2 FROM thing WHERE id = 1"
    ) == [(43, 19)]
    shop.alembic("downgrade", "-1")
    columns = "SELECT number, day FROM thing ORDER BY id"
    assert sql(database_url, columns) == [("42", "2026-03-01"), (None, None)]


SPELLED = {
    "code": "sa.String(36)",
    "shift": "sa.String(30)",
    "note": "sa.Text",
    "level": "sa.Integer",
    "mark": "sa.Integer",
}
MEANT = {
    "code": "sa.Uuid",
    "shift": "sa.Time",
    "note": "sa.JSON",
    "level": "sa.JSON",
    "mark": "sa.Uuid",
}


def has_uuids(url: str) -> bool:
    """Tell whether SQLAlchemy makes a type for UUIDs of a database, and no text."""
    return sa.Uuid().compile(dialect=engine_of(url).dialect) == "UUID"


def test_text_becomes_times_and_keys_and_json_and_back(
    project: Environment, database_url: str
) -> None:
    """What text spelled is of its own type now, and a column without values is, too."""
    shop = project.using(database_url)
    key = str(KEY) if has_uuids(database_url) else KEY.hex
    row = f"'{key}', '09:30:00', '[1]', 3"
    for moment, types in (("spelled", SPELLED), ("meant", MEANT)):
        define_thing(shop, *(f"{name} = {type_}" for name, type_ in types.items()))
        draft(shop, moment)
        if types is SPELLED:
            into = "INSERT INTO thing (id, code, shift, note, level) VALUES"
            sql(database_url, f"{into} (1, {row})")
    read = "SELECT code, shift, note, level, mark FROM thing"
    meant = sql(database_url, read)
    texts = [str(value).rjust(8, "0") for value in meant[0]]
    assert texts[:2] == [key, "09:30:00"]
    assert [str(it) for it in meant[0][2:]] == ["[1]", "3", "None"]
    alembic(shop, "downgrade -1")
    assert sql(database_url, read) == [(key, "09:30:00", "[1]", 3, None)]
    alembic(shop, "upgrade head", "check", "downgrade -1")
    sql(database_url, "UPDATE thing SET mark = 7")
    said = refusal(shop, "upgrade", "head")
    assert "thing.mark holds 1 value that Uuid() cannot keep, for example 7." in said


def test_a_key_that_would_not_be_found_again(
    project: Environment, database_url: str
) -> None:
    """Where a key is text, one with hyphens would be none that my app asks for."""
    shop = project.using(database_url)
    define_thing(shop, "code = sa.String(36)")
    draft(shop, "text")
    insert = "INSERT INTO thing (id, code) VALUES"
    sql(database_url, f"{insert} (1, '{KEY}')")
    define_thing(shop, "code = sa.Uuid")
    draft(shop, "keys")
    alembic(shop, "check")
    found = str(KEY) if has_uuids(database_url) else KEY.hex
    assert [str(it) for (it,) in sql(database_url, "SELECT code FROM thing")] == [found]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_uuid_column_of_sqlite_keeps_its_text(
    project: Environment, database_url: str
) -> None:
    """SQLite takes UUID for no name of a text, and its CAST would make it a number."""
    shop = project.using(database_url)
    define_thing(shop, "code = sa.Text")
    draft(shop, "text")
    insert = "INSERT INTO thing (id, code) VALUES"
    sql(database_url, f"{insert} (1, '{KEY.hex.upper()}')")
    define_thing(shop, "code = sa.UUID")
    draft(shop, "keys")
    assert sql(database_url, "SELECT code FROM thing") == [(KEY.hex,)]


def test_rows_that_a_change_would_destroy_stop_it(
    project: Environment, database_url: str
) -> None:
    """I am told how many rows stand in the way and see one, and nothing has changed."""
    shop = project.using(database_url)
    define_thing(shop, *TEXT, "name = sa.String(100)")
    draft(shop, "text")
    row = "INSERT INTO thing (id, number, price, day, name) VALUES "
    sql(database_url, f"{row}(1, '42', '1', '2026-03-01', 'Ann')")
    sql(database_url, f"{row}(2, 'hello', '1.999', 'soon', 'Bartholomew')")
    sql(database_url, f"{row}(3, 'hello', '1', '2026-03-01', 'Cleo')")
    define_thing(shop, *TYPED, "name = sa.String(10)")
    shop.alembic("revision", "--autogenerate", "-m", "typed")
    before = sql(database_url, "SELECT * FROM thing ORDER BY id")
    for column, example, correction in (
        ("number", "'hello'", "41"),
        ("price", "'1.999'", "2.00"),
        ("day", "'soon'", "2026-03-02"),
        ("name", "'Bartholomew'", "Bart"),
    ):
        said = refusal(shop, "upgrade", "head")
        some = "2 values" if column == "number" else "1 value"
        assert f"thing.{column} holds {some} that" in said
        assert f"for example {example}." in said
        assert sql(database_url, "SELECT * FROM thing ORDER BY id")[0] == before[0]
        correct = f"UPDATE thing SET {column} = '{correction}' WHERE id > 1"  # noqa: S608
        sql(database_url, correct)
    shop.alembic("upgrade", "head")
    assert sql(database_url, "SELECT number, name FROM thing WHERE id = 2") == [
        (41, "Bart")
    ]


def test_sql_without_a_database_has_the_guard(project: Environment) -> None:
    """`upgrade --sql` writes the script, which looks at the rows first."""
    define_thing(project, "number = sa.String(20)")
    draft_here = project.using(f"sqlite:///{project.path / 'here.db'}")
    draft(draft_here, "text")
    define_thing(project, "number = sa.Integer")
    assert 'op.refuse_loss("thing", "number", sa.Integer(), existing_type=' in draft(
        draft_here, "typed"
    )
    server = project.using("postgresql://nobody@127.0.0.1/nothing")
    script = server.alembic("upgrade", "head", "--sql").stdout
    assert "thing.number holds values that Integer() cannot keep" in script
    assert "TYPE INTEGER USING number::INTEGER" in script


def test_a_change_nobody_can_judge_waits_for_review(project: Environment) -> None:
    """I turn bytes into text: the draft asks me what becomes of the rows."""
    shop = project.using(f"sqlite:///{project.path / 'here.db'}")
    define_thing(shop, "content = sa.LargeBinary")
    draft(shop, "bytes")
    define_thing(shop, "content = sa.Text")
    assert "# REVIEW: what becomes of the rows when thing.content" in draft(
        shop, "text"
    )


def test_no_number_is_taken_for_a_span(project: Environment, database_url: str) -> None:
    """My span becomes a number, and a number a span: neither gets a value by guess."""
    shop = project.using(database_url)
    span, number = "sa.Interval(native=False)", "sa.Integer"
    define_thing(shop, f"took = {span}", f"rest = {number}")
    draft(shop, "took")
    sql(database_url, "INSERT INTO thing VALUES (1, '1970-01-02 00:00:00', 7)")
    before = sql(database_url, "SELECT took, rest FROM thing")
    define_thing(shop, f"took = {number}", f"rest = {span}")
    alembic(shop, "revision --autogenerate -m other")
    assert "# REVIEW: what becomes of the rows when thing.took" in newest(shop, "other")
    assert "thing.took holds 1 value that" in refusal(shop, "upgrade", "head")
    assert sql(database_url, "SELECT took, rest FROM thing") == before
    sql(database_url, "UPDATE thing SET took = NULL")
    assert "thing.rest holds 1 value that" in refusal(shop, "upgrade", "head")
    sql(database_url, "UPDATE thing SET rest = NULL")
    if "postgresql" not in database_url:  # which has no such cast
        alembic(shop, "upgrade head", "check", "downgrade -1")


@ON_MARIADB
def test_a_type_that_mariadb_lacks_is_refused(
    project: Environment, database_url: str
) -> None:
    """I forget a length: I am told where on MariaDB, also if it comes from SQLite."""
    shop = project.using(database_url)
    shop.alembic("upgrade", "head")
    define_thing(shop, "name = sa.String")
    said = refusal(shop, "revision", "--autogenerate", "-m", "name")
    assert "thing.name: String(): VARCHAR requires a length on mariadb." in said
    here = project.using(f"sqlite:///{project.path / 'here.db'}")
    draft(here, "name")
    said = refusal(shop, "upgrade", "head")
    assert "failed: (in table 'thing', column 'name'): VARCHAR requires a le" in said
    assert "Traceback" not in said


def test_a_renamed_column_changes_its_type(
    project: Environment, database_url: str
) -> None:
    """I rename a column and change its type at once; a bad row is named as it was."""
    shop = project.using(database_url)
    define_thing(shop, "size = sa.String(20), server_default=''")
    draft(shop, "size")
    sql(database_url, "INSERT INTO thing (id, size) VALUES (1, '42'), (2, 'big')")
    define_thing(shop, "amount = sa.Integer, server_default='0'")
    rename = "-x", "rename=thing.size:amount"
    shop.alembic(*rename, "revision", "--autogenerate", "-m", "amount")
    said = refusal(shop, "upgrade", "head")
    assert "thing.size holds 1 value that Integer() cannot keep, for example" in said
    sql(database_url, "UPDATE thing SET size = '43' WHERE id = 2")
    alembic(shop, "upgrade head", "check")
    sql(database_url, "INSERT INTO thing (id) VALUES (3)")
    rows = sql(database_url, "SELECT amount FROM thing ORDER BY id")
    assert rows == [(42,), (43,), (0,)]
    alembic(shop, "downgrade -1")
    rows = sql(database_url, "SELECT size FROM thing ORDER BY id")
    assert rows == [("42",), ("43",), ("0",)]


@pytest.mark.parametrize(
    ("url", "old", "new"),
    [
        ("mariadb", "Numeric(12, 3)", "Float"),
        ("mariadb", "Double", "Float"),
        ("postgresql", "Double", "REAL"),
    ],
)
def test_a_float_of_four_bytes_keeps_six_digits(
    project: Environment, tmp_path: Path, url: str, old: str, new: str
) -> None:
    """A Float is shorter here than elsewhere: I am told which number it cannot keep."""
    with empty_database(url, tmp_path) as database_url:
        shop = project.using(database_url)
        define_thing(shop, f"size = sa.{old}")
        draft(shop, "long")
        sql(
            database_url,
            "INSERT INTO thing (id, size) VALUES (1, 0.25), (2, 1234567.125)",
        )
        define_thing(shop, f"size = sa.{new}")
        shop.alembic("revision", "--autogenerate", "-m", "short")
        said = refusal(shop, "upgrade", "head")
        assert "thing.size holds 1 value that" in said
        assert "1234567.125" in said
        sql(database_url, "UPDATE thing SET size = 123.5 WHERE id = 2")
        alembic(shop, "upgrade head", "check")
        sizes = sql(database_url, "SELECT size FROM thing ORDER BY id")
        assert sizes == [(0.25,), (123.5,)]
        alembic(shop, "downgrade -1")


def test_a_float_of_eight_bytes_keeps_them_all(project: Environment) -> None:
    """SQLite has one kind of Float, which keeps what MariaDB's would not."""
    shop = project.using(f"sqlite:///{project.path / 'here.db'}")
    define_thing(shop, "size = sa.Numeric(12, 3)")
    draft(shop, "numeric")
    define_thing(shop, "size = sa.Float")
    sql(
        shop.environment[shop.url_variable], "INSERT INTO thing VALUES (1, 1234567.125)"
    )
    draft(shop, "float")


WRITES_MEANWHILE = """

op.refuse_loss("thing", "name", sa.String(3))
patience = {"options": "-c lock_timeout=100"}
url = op.get_bind().engine.url
engine = sa.create_engine(url, connect_args=patience, poolclass=sa.pool.NullPool)
with engine.connect() as app, app.begin():
    app.execute(sa.text("INSERT INTO thing (id, name) VALUES (2, 'hello')"))
op.alter_column("thing", "name", type_=sa.Integer, postgresql_using="length(name)")
"""


@ON_POSTGRESQL
def test_nobody_writes_between_the_look_and_the_change(
    project: Environment, database_url: str
) -> None:
    """The app writes while I migrate: what it writes is not lost, it has to wait."""
    shop = project.using(database_url)
    define_thing(shop, "name = sa.String(20)")
    draft(shop, "thing")
    head = shop.alembic("heads").stdout.split()[0]
    write(shop, "meanwhile", WRITES_MEANWHILE, down=head)
    shop.environment["FRIEND_BOOK_MIGRATION_LOCK_RETRIES"] = "0"
    said = refusal(shop, "upgrade", "head")
    assert "it waited too long for a table that another query holds" in said
    assert sql(database_url, "SELECT * FROM thing") == []


def test_the_name_of_a_choice_becomes_a_number(
    project: Environment, database_url: str
) -> None:
    """The Enum '2', '1' becomes numbers: 1 is no place in a list, on no database."""
    shop = project.using(database_url)
    define_thing(shop, "size = sa.Enum('2', '1', name='size'), server_default='2'")
    draft(shop, "names")
    sql(database_url, "INSERT INTO thing (id, size) VALUES (1, '1'), (2, '2')")
    define_thing(shop, "size = sa.Integer, server_default='2'")
    draft(shop, "numbers")
    numbers = "SELECT id, size FROM thing ORDER BY id"
    assert sql(database_url, numbers) == [(1, 1), (2, 2)]


ARRAYS = {
    "fewer digits": ("sa.Numeric(10, 2)", "sa.Numeric(10, 0)", "{2.00,NULL}", "{1.25}"),
    "shorter text": ("sa.String(9)", "sa.String(3)", "{abc,NULL}", "{abc,abcd}"),
    "smaller numbers": (
        "sa.BigInteger",
        "sa.Integer",
        "{{1},{2}}",
        "{{1},{3000000000}}",
    ),
    "a shorter float": ("sa.Double", "sa.REAL", "{0.5}", "{0.123456789}"),
}


@ON_POSTGRESQL
@pytest.mark.parametrize("items", ARRAYS)
def test_the_items_of_an_array_are_kept_or_refused(
    project: Environment, database_url: str, items: str
) -> None:
    """The items of my arrays get a smaller type: none is rounded or cut."""
    old, new, kept, lost = ARRAYS[items]
    shop = project.using(database_url)
    define_thing(shop, f"it = sa.ARRAY({old})")
    draft(shop, "old")
    insert = "INSERT INTO thing (id, it) VALUES "
    sql(database_url, f"{insert}(1, '{kept}'), (2, NULL), (3, '{{}}'), (4, '{lost}')")
    define_thing(shop, f"it = sa.ARRAY({new})")
    alembic(shop, "revision --autogenerate -m new")
    said = refusal(shop, "upgrade", "head")
    assert "thing.it holds 1 value that ARRAY(" in said
    before = sql(database_url, "SELECT id, it FROM thing WHERE id < 4 ORDER BY id")
    sql(database_url, "DELETE FROM thing WHERE id = 4")
    alembic(shop, "upgrade head", "check")
    found = sql(database_url, "SELECT id, it FROM thing ORDER BY id")
    assert found == before
    alembic(shop, "downgrade -1", "upgrade head")


OF_DOMAINS = '''"""The models of an app."""

from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DOMAIN

from .db import Model


class Thing(Model):
    __tablename__ = "thing"

    id = sa.Column(sa.Integer(), primary_key=True)
'''
DOMAIN = "DOMAIN('{name}', {base})"
FORMS = [(DOMAIN, DOMAIN), (DOMAIN, "{base}"), ("{base}", DOMAIN)]
BASES = {
    "sa.Integer()": "7",
    "sa.Numeric(5, 1)": "Decimal('7.0')",
    "sa.String(9)": "'7'",
    "sa.Text()": "'7'",
}
LOSING = [
    ("sa.Text()", "sa.Integer()", "'it'"),
    ("sa.Numeric(5, 1)", "sa.Integer()", "Decimal('7.5')"),
    ("sa.Text()", "sa.Numeric(5, 1)", "'7.25'"),
    ("sa.Text()", "sa.String(9)", "'0123456789'"),
    ("sa.Numeric(5, 1)", "sa.Numeric(3, 0)", "Decimal('7.5')"),
    ("sa.BigInteger()", "sa.Integer()", "3_000_000_000"),
    ("sa.Text()", "sa.Date()", "'soon'"),
    ("sa.Text()", "sa.Uuid()", "'x'"),
]


def with_domains(*changes: tuple[str, str, str, str, str]) -> Verdict:
    """Return what becomes of columns that get another type, or of their rows.

    :param changes: the type before and after, a value, and which of both is a DOMAIN.
    """
    models, row = [OF_DOMAINS, OF_DOMAINS], [("id", "1")]
    for number, (old, new, value, *forms) in enumerate(changes):
        for place, (base, form) in enumerate(zip((old, new), forms, strict=True)):
            type_ = form.format(base=base, name=f"d{number}_{place}")
            models[place] += f"    c{number} = sa.Column({type_})\n"
        row.append((f"c{number}", value))
    names = [name for name, _ in row]
    case = Case(
        "postgresql",
        before=models[0],
        after=models[1],
        rows=(("thing", (tuple(row),)),),
        tables={"thing": "thing"},
        columns={f"thing\n{it}": it for it in names},
        retyped=tuple(f"thing\n{it}" for it in names[1:]),
    )
    with court("postgresql") as judge:
        return judge.judge(case)


def test_a_domain_becomes_another_and_comes_back() -> None:
    """My columns get a DOMAIN, or another one, or none any more, and keep values."""
    pairs = product(permutations(BASES, 2), FORMS)
    found = with_domains(*((*pair, BASES[pair[0]], *it) for pair, it in pairs))
    assert (found.kind, found.text) == ("passed", "")


@pytest.mark.parametrize("change", [*zip(LOSING, cycle(FORMS), strict=False)])
def test_what_a_domain_cannot_keep_is_refused(change: Any) -> None:
    """My column gets a DOMAIN that is made of a type that would lose its value."""
    found = with_domains((*change[0], *change[1]))
    assert found.kind == "refused"
    assert "thing.c0 holds 1 value that " in found.text
