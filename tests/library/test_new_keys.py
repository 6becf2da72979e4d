"""A unique constraint or a foreign key is added that the rows contradict."""

from typing import Any

import pytest
from drafts import alembic, define_thing, draft, newest, refusal, sql
from environment import Environment
from proof.case import Case, Court
from servers import DATABASES, ON_POSTGRESQL, TRANSACTIONAL

OTHER = """
class Other(Model):
    __tablename__ = "other"

    id = sa.Column(sa.Integer, primary_key=True)
    code = sa.Column(sa.Integer, unique=True)
"""
BEFORE = ("name = sa.String(20)", "place = sa.Integer", "other = sa.Integer")
KEYS = (
    "title = sa.String(20), unique=True",
    "place = sa.Integer, index=True, unique=True",
    "other = sa.Integer, sa.ForeignKey('other.code')",
    "added = sa.Integer",
)
INSERT = "INSERT INTO thing (id, name, place, other) VALUES "


def columns(url: str) -> int:
    """Return how many columns the table has."""
    return len(sql(url, "SELECT * FROM thing")[0])


def test_rows_that_contradict_a_new_key_stop_it(
    project: Environment, database_url: str
) -> None:
    """I am told how many values are in the way and see one, and nothing has changed."""
    shop = project.using(database_url)
    define_thing(shop, *BEFORE, before=OTHER)
    draft(shop, "before")
    sql(database_url, "INSERT INTO other (id, code) VALUES (1, 7)")
    sql(database_url, f"{INSERT}(1, 'a', 1, 7), (2, 'a', 2, 8), (3, NULL, 2, NULL)")
    sql(database_url, f"{INSERT}(4, NULL, NULL, 7)")
    define_thing(shop, *KEYS, before=OTHER)
    rename = "-x", "rename=thing.name:title"
    shop.alembic(*rename, "revision", "--autogenerate", "-m", "after")
    for said, correction in (
        ("place holds 1 value more than once, for example 2.", "place = 3"),
        ("name holds 1 value more than once, for example 'a'.", "name = 'b'"),
        ("other holds 1 value that no other.code has, for example 8.", "other = 7"),
    ):
        assert f"thing.{said}" in refusal(shop, "upgrade", "head")
        assert columns(database_url) == 4
        sql(database_url, f"UPDATE thing SET {correction} WHERE id = 2")  # noqa: S608
    alembic(shop, "upgrade head", "check", "downgrade -1", "upgrade head", "check")
    titles = sql(database_url, "SELECT title, place, other FROM thing ORDER BY id")
    assert titles == [("a", 1, 7), ("b", 3, 7), (None, 2, None), (None, None, 7)]


def test_a_downgrade_looks_too(project: Environment, database_url: str) -> None:
    """Since the key is gone rows contradict it; the downgrade stops before anything."""
    shop = project.using(database_url)
    define_thing(shop, *KEYS, before=OTHER)
    draft(shop, "keys")
    define_thing(shop, *(text.partition(",")[0] for text in KEYS[:3]), before=OTHER)
    draft(shop, "none")
    sql(database_url, "INSERT INTO thing (id, title, place) VALUES (1, 'a', 1)")
    sql(database_url, "INSERT INTO thing (id, title, place) VALUES (2, 'a', 2)")
    said = refusal(shop, "downgrade", "-1")
    assert "thing.title holds 1 value more than once, for example 'a'." in said
    assert columns(database_url) == 4
    sql(database_url, "DELETE FROM thing WHERE id = 2")
    alembic(shop, "downgrade -1")


def test_a_key_on_new_columns_needs_no_look(project: Environment) -> None:
    """Nobody looks at rows for a column that is new, or a key that is kept."""
    shop = project.using(f"sqlite:///{project.path / 'here.db'}")
    define_thing(shop, *KEYS[1:], before=OTHER)
    draft(shop, "before")
    define_thing(shop, *KEYS, "more = sa.Integer, unique=True", before=OTHER)
    path = shop.package / "things.py"
    path.write_text(path.read_text().replace("Integer, sa.F", "BigInteger, sa.F"))
    draft(shop, "after")
    assert "op.refuse_loss" not in newest(shop, "after").partition("downgrade()")[0]
    assert "refuse_orphans" not in newest(shop, "after")
    assert "refuse_duplicates" not in newest(shop, "after")


@ON_POSTGRESQL
def test_several_columns_are_one_key(project: Environment, database_url: str) -> None:
    """Two columns together become unique; `--sql` reminds me of what to look at."""
    shop = project.using(database_url)
    define_thing(shop, "name = sa.String(20)", "place = sa.Integer")
    draft(shop, "before")
    row = "INSERT INTO thing (name, place) VALUES "
    sql(database_url, f"{row}('a', 1), ('a', 1), ('a', 2), ('b', NULL), ('b', NULL)")
    define_thing(
        shop,
        "name = sa.String(20)",
        "place = sa.Integer",
        "__table_args__ = sa.UniqueConstraint('name', 'place'),",
    )
    path = shop.package / "things.py"
    path.write_text(path.read_text().replace("sa.Column(sa.Unique", "(sa.Unique"))
    shop.alembic("revision", "--autogenerate", "-m", "after")
    said = refusal(shop, "upgrade", "head")
    assert "thing (name, place) holds 1 value more than once, for example ('a'" in said
    script = shop.alembic("upgrade", "head", "--sql").stdout
    assert "thing (name, place) holds values more than once" in script


@TRANSACTIONAL
@pytest.mark.parametrize("column", ["title", "lower", 'c"d:e%f'])
def test_an_expression_becomes_unique(
    project: Environment, database_url: str, column: str
) -> None:
    """An index of an expression looks at its values, whichever way I go."""
    shop = project.using(database_url)
    define_thing(shop, "name = sa.String(20)")
    draft(shop, "before")
    sql(database_url, "INSERT INTO thing (id, name) VALUES (1, 'a'), (2, 'A')")
    made = f"title = {column!r}, sa.String(20)"
    unique = "sa.Index('ix_lower', sa.func.lower(title), unique=True),"
    define_thing(shop, made, f"__table_args__ = {unique}")
    path = shop.package / "things.py"
    path.write_text(path.read_text().replace("sa.Column(sa.Index", "(sa.Index"))
    rename = "-x", f"rename=thing.name:{column}"
    shop.alembic(*rename, "revision", "--autogenerate", "-m", "after")
    said = refusal(shop, "upgrade", "head")
    assert "thing.lower(name) holds 1 value more than once, for example 'a'." in said
    sql(database_url, "UPDATE thing SET name = 'b' WHERE id = 2")
    alembic(shop, "upgrade head", "check")
    define_thing(shop, made)
    draft(shop, "without")
    quoted = '"{}"'.format(column.replace('"', '""'))
    statement = f"INSERT INTO thing (id, {quoted}) VALUES (3, 'B')"  # noqa: S608
    sql(database_url, statement)
    said = refusal(shop, "downgrade", "-1")
    assert "holds 1 value more than once, for example 'b'." in said
    sql(database_url, "DELETE FROM thing WHERE id = 3")
    alembic(shop, "downgrade -2", "upgrade head", "check")


@pytest.mark.parametrize("named", ["state", "sta%te:d"])
def test_an_index_of_some_rows_becomes_unique(
    project: Environment, database_url: str, named: str
) -> None:
    """My unique index is of some rows: they alone are looked at where it is partial."""
    shop = project.using(database_url)
    define_thing(shop, "name = sa.String(20)", "place = sa.Integer")
    draft(shop, "before")
    values = "(1, 'a', 1), (2, 'a', 1), (3, 'a', 2), (4, 'b', 2), (5, 'b', 3)"
    sql(database_url, f"INSERT INTO thing (id, name, place) VALUES {values}")  # noqa: S608
    columns = "name = sa.String(20)", f"place = {named!r}, sa.Integer"
    condition = "where=place > 1"
    unique = (
        f"__table_args__ = sa.Index('ix_some', name, unique=True,"
        f" postgresql_{condition}, sqlite_{condition}),"
    )
    define_thing(shop, *columns, unique)
    path = shop.package / "things.py"
    path.write_text(path.read_text().replace("sa.Column(sa.Index", "(sa.Index"))
    rename = "-x", f"rename=thing.place:{named}"
    shop.alembic(*rename, "revision", "--autogenerate", "-m", "after")
    is_partial = not database_url.startswith(("mysql", "mariadb"))
    said = refusal(shop, "upgrade", "head")
    if is_partial:
        said = said.replace('"', "")
        wanted = "holds 1 value more than once where place > 1, for example 'b'."
        assert f"thing.name {wanted}" in said
        sql(database_url, "UPDATE thing SET name = 'c' WHERE id = 5")
    else:
        assert "thing.name holds 2 values more than once, for example 'a'." in said
        sql(database_url, "UPDATE thing SET name = id")
    alembic(shop, "upgrade head", "check", "downgrade -1", "upgrade head")
    define_thing(shop, *columns)
    draft(shop, "without")
    assert "where=" in newest(shop, "without").partition("downgrade()")[2]
    sql(database_url, "INSERT INTO thing (id, name) VALUES (6, 'd'), (7, 'd')")
    quoted = "`{}`" if not is_partial else '"{}"'
    statement = f"UPDATE thing SET {quoted.format(named)} = 1 WHERE id > 5"  # noqa: S608
    sql(database_url, statement.replace(":", "\\:"))
    if is_partial:
        alembic(shop, "downgrade -1", "upgrade head")
        sql(database_url, statement.replace(" 1 ", " 2 ").replace(":", "\\:"))
    assert "'d'." in refusal(shop, "downgrade", "-1")


@pytest.mark.parametrize(
    ("database_url", "part"),
    [
        *((it, "title.desc()") for it in ("sqlite", "postgresql")),
        *((it, "sa.func.lower(title).desc()") for it in ("sqlite", "postgresql")),
        *(("postgresql", f"title.{it}") for it in ("nulls_first()", "asc()")),
        ("postgresql", "sa.func.lower(title).desc().nulls_last()"),
        ("postgresql", "title, postgresql_include=['id']"),
        ("mariadb", "title, mariadb_using='btree'"),
    ],
    indirect=["database_url"],
)
def test_the_order_of_an_index_is_no_value(
    project: Environment, database_url: str, part: str
) -> None:
    """My unique index has an order or an option; the rows are looked at either way."""
    shop = project.using(database_url)
    define_thing(shop, "title = sa.String(20)")
    draft(shop, "before")
    sql(database_url, "INSERT INTO thing (id, title) VALUES (1, 'a'), (2, 'a')")
    unique = f"__table_args__ = sa.Index('ix_title', {part}, unique=True),"
    define_thing(shop, "title = sa.String(20)", unique)
    path = shop.package / "things.py"
    path.write_text(path.read_text().replace("sa.Column(sa.Index", "(sa.Index"))
    shop.alembic("revision", "--autogenerate", "-m", "after")
    said = refusal(shop, "upgrade", "head")
    assert "holds 1 value more than once, for example 'a'." in said
    sql(database_url, "UPDATE thing SET title = 'b' WHERE id = 2")
    alembic(shop, "upgrade head", "check")
    define_thing(shop, "title = sa.String(20)")
    draft(shop, "without")
    sql(database_url, "INSERT INTO thing (id, title) VALUES (3, 'b')")
    said = refusal(shop, "downgrade", "-1")
    assert "holds 1 value more than once, for example 'b'." in said
    sql(database_url, "DELETE FROM thing WHERE id = 3")
    alembic(shop, "downgrade -2", "upgrade head", "check")


@pytest.mark.parametrize("edit", ["added", "filled"])
def test_the_rows_are_to_refer_to_what_is_not_there(
    project: Environment, database_url: str, edit: str
) -> None:
    """I fill a column with a key that is not in this database: nothing changes."""
    shop = project.using(database_url)
    needs = "other = sa.Integer, sa.ForeignKey('other.code'), nullable=False"
    may = needs.replace(", nullable=False", "")
    define_thing(shop, *([] if edit == "added" else [may]), before=OTHER)
    draft(shop, "before")
    define_thing(shop, needs, "more = sa.Integer", before=OTHER)
    draft(shop, "after", "fill=thing.other:7")
    alembic(shop, "downgrade -1")
    sql(database_url, "INSERT INTO thing (id) VALUES (1)")
    before = columns(database_url)
    said = refusal(shop, "upgrade", "head")
    assert "No other.code is 7, to which the rows of thing are about to refer." in said
    assert columns(database_url) == before
    sql(database_url, "INSERT INTO other (id, code) VALUES (1, 7)")
    alembic(shop, "upgrade head", "check")
    assert sql(database_url, "SELECT other FROM thing") == [(7,)]


def test_the_rows_are_to_refer_to_a_uuid(
    project: Environment, database_url: str
) -> None:
    """I fill a column with a UUID, which each database writes in its own way."""
    shop = project.using(database_url)
    other = OTHER.replace("code = sa.Column(sa.Integer", "code = sa.Column(sa.Uuid")
    define_thing(shop, before=other)
    draft(shop, "before")
    sql(database_url, "INSERT INTO thing (id) VALUES (1)")
    value = "00000000000000000000000000000007"
    needs = "other = sa.Uuid, sa.ForeignKey('other.code'), nullable=False"
    define_thing(shop, needs, before=other)
    fill = "-x", f"fill=thing.other:{value}"
    shop.alembic(*fill, "revision", "--autogenerate", "-m", "after")
    assert "No other.code is" in refusal(shop, "upgrade", "head")
    sql(database_url, f"INSERT INTO other (id, code) VALUES (1, '{value}')")  # noqa: S608
    alembic(shop, "upgrade head", "check")


@pytest.mark.parametrize("edit", ["added", "filled", "default"])
def test_the_rows_are_to_refer_to_a_new_table(
    project: Environment, database_url: str, edit: str
) -> None:
    """I fill a column with a key of a table that the revision makes: it has no row."""
    shop = project.using(database_url)
    refers = "other = sa.Integer, sa.ForeignKey('other.code')"
    needs = f"{refers}, nullable=False"
    if edit == "default":
        needs = f"{refers}, server_default='7'"
    define_thing(shop, *(["other = sa.Integer"] if edit == "filled" else []))
    draft(shop, "before")
    sql(database_url, "INSERT INTO thing (id) VALUES (1)")
    define_thing(shop, needs, "more = sa.Integer", before=OTHER)
    fill = ("-x", "fill=thing.other:7") if edit != "default" else ()
    shop.alembic(*fill, "revision", "--autogenerate", "-m", "after")
    said = refusal(shop, "upgrade", "head")
    assert "No other.code is " in said
    assert "Insert it in the revision, which makes other, and try again" in said
    assert columns(database_url) == (2 if edit == "filled" else 1)
    (path,) = (shop.package / "migrations" / "versions").glob("*_after.py")
    lines = path.read_text().splitlines(keepends=True)
    kept = [it for it in lines if "refuse_missing" not in it]
    place = next(n for n, it in enumerate(kept) if 'batch_alter_table("thing"' in it)
    kept.insert(place, "    op.execute('INSERT INTO other VALUES (1, 7)')\n")
    path.write_text("".join(kept))
    alembic(shop, "upgrade head", "check")
    assert sql(database_url, "SELECT other FROM thing") == [(7,)]


PLAIN = "sa.String(40)"
NUMBERS = (PLAIN, "sa.Numeric(5, 1)", ("1", "1.0"))
LETTERS = ("a", "A")


def collated(name: str) -> str:
    """Return a text with a collation."""
    return f"sa.String(40, collation={name!r})"


RETYPED = [
    *((it, *NUMBERS) for it in DATABASES),
    ("postgresql", PLAIN, "sa.Uuid", ("ab" * 16, "AB" * 16)),
    ("sqlite", PLAIN, collated("NOCASE"), LETTERS),
    ("mariadb", collated("utf8mb4_bin"), PLAIN, LETTERS),
    ("mariadb", collated("utf8mb4_bin"), collated("latin1_swedish_ci"), LETTERS),
    ("postgresql", PLAIN, "sa.CHAR(40)", ("a", "a ")),
]
"""Types between which two values become one, or the same to the database."""


@pytest.mark.parametrize(
    ("database_url", "old", "new", "values"), RETYPED, indirect=["database_url"]
)
@pytest.mark.parametrize("key", ["unique", "index", "primary", "fresh"])
def test_a_new_type_makes_unique_values_alike(  # noqa: PLR0913, PLR0917  what differs
    project: Environment,
    database_url: str,
    key: str,
    old: str,
    new: str,
    values: tuple[str, str],
) -> None:
    """A type or a collation changes: what is unique is compared by that beforehand."""
    shop = project.using(database_url)
    more = {"unique": ", unique=True", "index": ", index=True, unique=True"}
    words = more.get(key, ", primary_key=True" if key == "primary" else "")

    def define(type_: str, *, words: str = words) -> None:
        define_thing(shop, f"name = {type_}{words}")
        path = shop.package / "things.py"
        if key == "primary":
            id_ = "id = sa.Column(sa.Integer, primary_key=True)"
            path.write_text(path.read_text().replace(id_, "id = sa.Column(sa.Integer)"))

    define(old)
    draft(shop, "before")
    rows = ", ".join(f"({n}, {it!r})" for n, it in enumerate(values, 1))
    sql(database_url, f"INSERT INTO thing (id, name) VALUES {rows}")  # noqa: S608
    before = sql(database_url, "SELECT id, name FROM thing ORDER BY id")
    define(new, words=", unique=True" if key == "fresh" else words)
    shop.alembic("revision", "--autogenerate", "-m", "after")
    said = refusal(shop, "upgrade", "head")
    assert "thing.name holds 1 value more than once in the new type, for ex" in said
    assert "this revision has changed nothing" in said
    assert sql(database_url, "SELECT id, name FROM thing ORDER BY id") == before
    if new != "sa.Uuid":  # of which no SQL says whether it keeps a text
        script = shop.alembic("upgrade", "head", "--sql").stdout
        assert "more than once in the new type" in script
    sql(database_url, "DELETE FROM thing WHERE id = 2")
    alembic(shop, "upgrade head", "check", "downgrade -1", "upgrade head", "check")


CODED = """
from datetime import date, datetime, time
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa

from .db import Model


class Thing(Model):
    __tablename__ = "thing"

    id = sa.Column(sa.Integer, primary_key=True)
    code = sa.Column({}, unique=True)
"""
SPELLED = {
    "sa.UUID()": "UUID('{}ab7b810-9dad-41d1-80b4-00c04fd430c8')",
    "sa.Uuid()": "UUID('{}ab7b810-9dad-41d1-80b4-00c04fd430c8')",
    "sa.Uuid(native_uuid=False)": "UUID('{}ab7b810-9dad-41d1-80b4-00c04fd430c8')",
    "sa.Date()": "date(2026, 3, {})",
    "sa.DateTime()": "datetime(2026, 3, {}, 10, 30)",
    "sa.Time()": "time(10, 3{})",
    "sa.Integer()": "{}",
    "sa.Numeric(5, 1)": "Decimal('{}.5')",
    "sa.Boolean()": "{} == 1",
}
"""Types whose values a text can spell, and two of each."""


@pytest.mark.parametrize("type_", SPELLED)
def test_unique_values_become_texts_and_come_back(judge: Court, type_: str) -> None:
    """A downgrade looks at texts by what they spell, and those that differ differ."""
    rows = tuple((("id", at), ("code", SPELLED[type_].format(at))) for at in "12")
    case = Case(
        judge.database,
        CODED.format(type_),
        CODED.format("sa.String(60)"),
        rows=(("thing", rows),),
        tables={"thing": "thing"},
        columns={"thing\nid": "id", "thing\ncode": "code"},
        retyped=("thing\ncode",),
    )
    verdict = judge.judge(case)
    assert (verdict.kind, verdict.text) == ("passed", "")


BOOK = """
import sqlalchemy as sa

from .db import Model


class Book(Model):
    __tablename__ = "book"

    id = sa.Column(sa.Integer, primary_key=True)
    author_id = sa.Column(sa.Integer{})
"""
AUTHOR = """

class Author(Model):
    __tablename__ = "author"

    id = sa.Column(sa.Integer, primary_key=True)
"""
REFERS = BOOK.format(', sa.ForeignKey("author.id")') + AUTHOR
HELD = "book.author_id holds 1 value that violate author_id IS NULL, for example 1."


@pytest.mark.parametrize("author", ["1", "None"])
def test_the_parent_has_no_rows_yet(judge: Court, author: str) -> None:
    """I make or bring back a table that rows should refer to: they are looked at."""
    rows: Any = (("book", ((("id", "1"), ("author_id", author)),)),)
    kept = {"book\nid": "id", "book\nauthor_id": "author_id"}
    models = BOOK.format(""), REFERS
    given: dict[str, Any] = {"tables": {"book": "book"}, "columns": kept}
    verdict = judge.judge(Case(judge.database, *models, rows=rows, **given))
    assert (verdict.kind, HELD in verdict.text) == (
        ("refused", True) if author == "1" else ("marked", False)
    )
    if author == "1":
        rows = (("author", ((("id", "1"),),)), *rows)
    verdict = judge.judge(Case(judge.database, *models[::-1], rows=rows, **given))
    assert (verdict.kind, HELD in verdict.text) == (
        ("downgrade fails", True) if author == "1" else ("passed", False)
    )
