"""What a table of SQLite has, and has still when Alembic has made it anew."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.util import CommandError
from alembic_lossless.ddl.sqlite import remember_dependents, remember_orphans
from alembic_lossless.runtime.sqlite import raw_connection
from alembic_lossless.sql import items
from environment import Environment
from scripts import ask, empty, file_of, operations_on, versions, write
from servers import ON_SQLITE

pytestmark = ON_SQLITE

TABLES = """
CREATE TABLE city (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE log (text TEXT);
CREATE TABLE shop (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name VARCHAR(20) COLLATE NOCASE NOT NULL, -- a comment, with a CHECK (1)
    price INTEGER CHECK (price >= 0 AND name <> 'a:b(%'),
    low INTEGER, high INTEGER,
    total INTEGER GENERATED ALWAYS AS (price * 2) STORED,
    city_id INTEGER REFERENCES city (id) ON DELETE CASCADE,
    CHECK (low <= high)
);
CREATE INDEX ix_lower ON shop (lower(name));
CREATE INDEX ix_desc ON shop (price DESC, name COLLATE BINARY);
CREATE UNIQUE INDEX ix_partial ON shop (name) WHERE price > 5;
CREATE TRIGGER tr AFTER INSERT ON shop BEGIN INSERT INTO log VALUES (NEW.name); END;
CREATE TRIGGER other AFTER INSERT ON city BEGIN DELETE FROM shop WHERE id = 99; END;
CREATE VIEW cheap AS SELECT name FROM shop WHERE price < 5;
INSERT INTO shop (name, price) VALUES ('x', 1), ('y', 2);
DELETE FROM shop WHERE name = 'y';
"""
WIDER = """
with op.batch_alter_table("shop") as batch:
    batch.alter_column("name", type_=sa.String(40), existing_type=sa.String(20))
"""
RENAMED = """
with op.batch_alter_table("shop") as batch:
    batch.alter_column("low", new_column_name="least", existing_type=sa.Integer())
"""
WITHOUT_NAME = """
with op.batch_alter_table("shop") as batch:
    batch.drop_column("name")
"""
STRICT = """
CREATE TABLE strict (id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL)
    STRICT, WITHOUT ROWID
"""
CONFLICT = "CREATE TABLE shelf (id INTEGER PRIMARY KEY, n INT NULL ON CONFLICT REPLACE)"
ON_CONFLICT = ("ROLLBACK", "ABORT", "FAIL", "IGNORE", "REPLACE")
CONFLICTING = {
    "NOT NULL": "id INTEGER, v INT NOT NULL {}, name TEXT",
    "NOT NULL and UNIQUE": "id INTEGER, v INT NOT NULL {} UNIQUE {}, name TEXT",
    "a column's UNIQUE": "id INTEGER, v INT UNIQUE {}, name TEXT",
    "UNIQUE": "id INTEGER, v INT, name TEXT, UNIQUE (v, id) {}",
    "a named UNIQUE": "id INTEGER, v INT, name TEXT, CONSTRAINT u UNIQUE (v) {}",
    "a column's key": "v INTEGER PRIMARY KEY {}, name TEXT",
    "a key that counts": "v INTEGER PRIMARY KEY {} AUTOINCREMENT, name TEXT",
    "a key": "id INT NOT NULL, v INT NOT NULL, name TEXT, PRIMARY KEY (id, v) {}",
    "a named key": "v INT, name TEXT, CONSTRAINT p PRIMARY KEY (v) {}",
    "a CHECK": "id INTEGER, v INT, name TEXT, CHECK (v > 0) {}",
    "a named CHECK": "id INTEGER, v INT, name TEXT, CONSTRAINT c CHECK (v > 0) {}",
}
"""The columns of a table with each constraint that may say ON CONFLICT."""

DEFERRED = (
    *("DEFERRABLE", "NOT DEFERRABLE", "DEFERRABLE INITIALLY DEFERRED"),
    *("DEFERRABLE INITIALLY IMMEDIATE", "NOT DEFERRABLE INITIALLY DEFERRED"),
)
DEFERRING = {
    "a column's": "id INTEGER, v INT REFERENCES odd (id) {}, name TEXT",
    "a table's": "id INTEGER, v INT, name TEXT, FOREIGN KEY (v) REFERENCES odd (id) {}",
    "a named one": "id INTEGER, v INT, name TEXT,"
    " CONSTRAINT f FOREIGN KEY (v) REFERENCES odd (id) ON DELETE CASCADE {}",
}
"""The columns of a table with each kind of foreign key."""

KEPT = {
    **{
        what: (it, [f"ON CONFLICT {how}" for how in ON_CONFLICT])
        for what, it in CONFLICTING.items()
    },
    **{what: (it, DEFERRED) for what, it in DEFERRING.items()},
}
"""The columns of a table, and what a constraint of them may say."""
ALTERED = """
with op.batch_alter_table("{table}") as batch:
    batch.alter_column("{column}", server_default="1")
"""
WORDS = {
    "INT as a key": ("id INT PRIMARY KEY, name TEXT", "id INT"),
    "no type": ("id INTEGER PRIMARY KEY, v, name TEXT", "v ,"),
    "ANY": ("id INTEGER PRIMARY KEY, v ANY, name TEXT", "v ANY"),
    "a default": ("id INTEGER, v TEXT DEFAULT 'it''s :x', name TEXT", "'it''s :x'"),
    "a backslash": (r"id INTEGER, v TEXT DEFAULT '\:x', name TEXT", r"DEFAULT '\:x'"),
    "a dollar": ("id INTEGER, us$ INT CHECK (us$ > 0), name TEXT", "(us$ > 0)"),
    "a quote": (
        'id INTEGER, "c""d" INT, v AS ("c""d" + 1), name TEXT, CHECK ("c""d" > 0)',
        'CHECK ("c""d" > 0)',
    ),
    "brackets": (
        "id INTEGER, [c d] INT, name TEXT, CHECK ([c d] > ')')",
        "[c d] > ')'",
    ),
    "a function": (
        "id INTEGER, length INT, name TEXT, CONSTRAINT c CHECK (length(name) > 2)",
        "length(name) > 2",
    ),
    "a named CHECK": ("id INTEGER, name TEXT, CONSTRAINT c CHECK (id <> ':x')", ":x"),
    "a short form": ("id INTEGER, v AS (id || ':x'), name TEXT", "(id || ':x')"),
    "a collation": ("id INTEGER, v INT COLLATE NOCASE, name TEXT", 'COLLATE "NOCASE"'),
}
"""What a table says, and a part of it that a rebuilt one says again."""

UNKEPT = {
    "PRIMARY KEY DESC": "CREATE TABLE odd (id INTEGER PRIMARY KEY DESC, name TEXT)",
    "the order of the key (name COLLATE NOCASE)": "CREATE TABLE odd (id INTEGER,"
    " name TEXT, UNIQUE (name COLLATE NOCASE))",
    "the order of the key (id DESC)": "CREATE TABLE odd (id TEXT, name TEXT,"
    " PRIMARY KEY (id DESC))",
    "odd is a virtual table": "CREATE VIRTUAL TABLE odd USING fts5(id, name)",
    "odd is a view": "CREATE VIEW odd AS SELECT 1 AS id, 'x' AS name",
}
"""What is said of a table that nobody can rebuild."""

FUNCTIONS = """CREATE TABLE odd (
    id INTEGER PRIMARY KEY, name TEXT, length INTEGER, lower TEXT COLLATE NOCASE,
    CHECK (length(name) > 2),
    CONSTRAINT lower CHECK (lower(name) <> 'length' -- lower and length
    ),
    CHECK (/* lower */ id > 'length'),
    CONSTRAINT gone CHECK (id > length),
    CHECK (lower = 'x')
)"""
"""A table with columns that are called like functions, and CHECKs that use both."""

CHANGED_KEY = """
names = {"fk": "fk_%(table_name)s_%(column_0_name)s"}
with op.batch_alter_table("shop", naming_convention=names) as batch:
    batch.drop_constraint("fk_shop_city_id", type_="foreignkey")
    batch.create_foreign_key("fk_shop_city_id", "city", ["city_id"], ["id"],
        ondelete="SET NULL")
"""
OBJECTS = """SELECT type, name, sql FROM sqlite_master
    WHERE type <> 'table' AND sql IS NOT NULL ORDER BY name"""
SHOP = "SELECT sql FROM sqlite_master WHERE name = 'shop'"


@pytest.fixture
def shop(project: Environment, database_url: str) -> Environment:
    """Give a project whose database has a table with everything that gets lost."""
    shop = empty(project.using(database_url))
    with closing(sqlite3.connect(file_of(database_url))) as raw:
        raw.executescript(TABLES)
    write(shop, "a", "pass")
    return shop


def test_nothing_is_lost(shop: Environment, database_url: str) -> None:
    """I make a column wider, and all else of the table is as it was."""
    before = ask(database_url, OBJECTS)
    write(shop, "b", WIDER, down="a")
    done = shop.alembic("upgrade", "head")
    assert "Warning" not in done.stderr
    assert ask(database_url, OBJECTS) == before
    ((sql,),) = ask(database_url, SHOP)
    for part in ["VARCHAR(40)", "AUTOINCREMENT", "NOCASE", "price >= 0", "low <= high"]:
        assert part in sql
    assert "CHECK (1)" not in sql
    assert "ON DELETE CASCADE" in sql
    assert ask(database_url, "SELECT name, price, total FROM shop") == [("x", 1, 2)]
    ask(database_url, "INSERT INTO shop (name, price) VALUES ('z', 3)")
    assert ask(database_url, "SELECT id FROM shop WHERE name = 'Z'") == [(3,)]
    assert ask(database_url, "SELECT text FROM log")[-1] == ("z",)
    assert ask(database_url, "SELECT name FROM cheap ORDER BY 1") == [("x",), ("z",)]


def test_a_check_follows_a_renamed_column(shop: Environment, database_url: str) -> None:
    """I rename a column that an unnamed CHECK compares, and the CHECK stays."""
    write(shop, "b", RENAMED, down="a")
    shop.alembic("upgrade", "head")
    assert "CHECK (least <= high)" in ask(database_url, SHOP)[0][0]


def test_an_index_that_would_change_is_named(
    shop: Environment, database_url: str
) -> None:
    """I rename a column that an index has in descending order, and am told of it."""
    ask(database_url, "CREATE INDEX ix_low ON shop (low DESC)")
    write(shop, "b", RENAMED, down="a")
    done = shop.alembic("upgrade", "head", status=255)
    assert "Renaming a column would change the index ix_low." in done.stdout
    assert versions(database_url) == []


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (["ix_lower"], 'op.execute("DROP INDEX ix_lower")'),
        (["ix_lower", "ix_desc", "ix_partial"], 'op.execute("DROP view cheap")'),
    ],
)
def test_what_does_not_fit_is_named(
    shop: Environment, database_url: str, left: list[str], told: str
) -> None:
    """I drop a column that others need, and I am told which and what to type."""
    drops = [f'op.execute("DROP INDEX {index}")' for index in left if len(left) > 1]
    write(shop, "b", "\n".join([*drops, WITHOUT_NAME]), down="a")
    done = shop.alembic("upgrade", "head", status=255)
    assert told in done.stdout
    assert versions(database_url) == []
    assert ask(database_url, "SELECT name, price FROM shop") == [("x", 1)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("drop_column('note')", "no such column: note"),
        ("alter_column('note', nullable=False)", "no such column: note"),
        ("drop_constraint('uq_note', type_='unique')", "No such constraint: 'uq_note'"),
    ],
)
def test_a_table_changed_by_hand(
    shop: Environment, database_url: str, change: str, said: str
) -> None:
    """I dropped a column by hand: the revision that needs it is named, in two lines."""
    change = f"with op.batch_alter_table('shop') as it:\n    it.{change}"
    write(shop, "b", change, down="a")
    done = shop.alembic("upgrade", "head", status=255)
    failure = f"The upgrade of revision b failed: {said}\nWhat it did was undone.\n"
    assert done.stdout == f"FAILED: {failure}"
    assert "Traceback" not in done.stderr
    assert versions(database_url) != ["b"]


def test_a_table_that_is_not_there(shop: Environment, database_url: str) -> None:
    """I dropped a whole table by hand, and read its name instead of a traceback."""
    change = "with op.batch_alter_table('shops') as it:\n    it.drop_column('note')"
    write(shop, "b", change, down="a")
    done = shop.alembic("upgrade", "head", status=255)
    assert "The upgrade of revision b failed: no such table: shops" in done.stdout
    assert "Traceback" not in done.stderr
    assert versions(database_url) != ["b"]


def test_what_the_revision_drops_is_gone(shop: Environment, database_url: str) -> None:
    """I drop a column, and before it all that needs it, and nothing stops me."""
    needing = ["INDEX ix_lower", "INDEX ix_desc", "INDEX ix_partial"]
    needing += ["VIEW cheap", "TRIGGER tr"]
    drops = "\n".join(f'op.execute("DROP {name}")' for name in needing)
    write(shop, "b", f"{drops}\n{WITHOUT_NAME}", down="a")
    shop.alembic("upgrade", "head")
    assert [row[1] for row in ask(database_url, OBJECTS)] == ["other"]
    assert "price >= 0" not in ask(database_url, SHOP)[0][0]


def test_options_are_kept(shop: Environment, database_url: str) -> None:
    """I alter a table that is STRICT and WITHOUT ROWID, and it stays both."""
    ask(database_url, STRICT)
    write(shop, "b", ALTERED.format(table="strict", column="name"), down="a")
    shop.alembic("upgrade", "head")
    ((sql,),) = ask(database_url, "SELECT sql FROM sqlite_master WHERE name = 'strict'")
    assert "STRICT" in sql
    assert "WITHOUT ROWID" in sql


@pytest.mark.parametrize("what", KEPT)
def test_clauses_of_constraints_are_kept(
    shop: Environment, database_url: str, what: str
) -> None:
    """I alter tables twice, and their constraints say what they said before."""
    columns, clauses = KEPT[what]
    told, changes = list[str](), list[str]()
    for number, clause in enumerate(clauses):
        table = f"odd{number}"
        said = columns.replace("{}", clause).replace(" odd ", f" {table} ")
        told.append(f"CREATE TABLE {table} ({said})")
        ask(database_url, told[-1])
        altered = ALTERED.format(table=table, column="name")
        renamed = altered.replace("server_default", "new_column_name")
        changes += [altered, renamed.replace('"1"', '"other"')]
    write(shop, "b", "".join(changes), down="a")
    shop.alembic("upgrade", "head")
    query = "SELECT sql FROM sqlite_master WHERE name GLOB 'odd?' ORDER BY name"
    for before, clause, (sql,) in zip(
        told, clauses, ask(database_url, query), strict=True
    ):
        old, new = items(before), items(sql)
        assert sum(it.count(clause) for it in new) == columns.count("{}")
        assert "AUTOINCREMENT" not in before or "AUTOINCREMENT" in sql
        for constraint in ("NOT NULL", "UNIQUE", "PRIMARY KEY", "CHECK"):
            both = ({it.on_conflict(constraint) for it in its} for its in (old, new))
            assert next(both) == next(both)


GONE = {
    "a UNIQUE": (
        "v INT, name TEXT, CONSTRAINT c UNIQUE (v) ON CONFLICT FAIL",
        'batch.drop_constraint("c", type_="unique")',
    ),
    "a key": (
        "v INT, name TEXT, CONSTRAINT c FOREIGN KEY (v) REFERENCES odd (v) DEFERRABLE",
        'batch.drop_constraint("c", type_="foreignkey")',
    ),
    "a column of a UNIQUE": (
        "v INT, name TEXT, UNIQUE (v, name) ON CONFLICT FAIL",
        'batch.drop_column("v")',
    ),
    "a column of a key": (
        "v INT REFERENCES odd (v) DEFERRABLE INITIALLY DEFERRED, name TEXT",
        'batch.drop_column("v")',
    ),
    "a column": (
        "v INT NOT NULL ON CONFLICT FAIL, name TEXT",
        'batch.drop_column("v")',
    ),
    "NOT NULL": (
        "v INT NOT NULL ON CONFLICT FAIL, name TEXT",
        'batch.alter_column("v", nullable=True)',
    ),
    "what it says": (
        "v INT NOT NULL ON CONFLICT FAIL, name TEXT",
        'batch.alter_column("v", sqlite_on_conflict_not_null=None)',
    ),
}


@pytest.mark.parametrize("what", GONE)
def test_a_clause_goes_with_its_constraint(
    shop: Environment, database_url: str, what: str
) -> None:
    """I drop a constraint that says what no other does, and nobody stops me."""
    columns, change = GONE[what]
    ask(database_url, f"CREATE TABLE odd ({columns})")
    write(
        shop, "b", f'with op.batch_alter_table("odd") as batch:\n    {change}', down="a"
    )
    shop.alembic("upgrade", "head")
    ((sql,),) = ask(database_url, "SELECT sql FROM sqlite_master WHERE name = 'odd'")
    assert not any(it.count("CONFLICT") or it.count("DEFERRABLE") for it in items(sql))


def test_a_clause_loses_no_row(shop: Environment, database_url: str) -> None:
    """I make a UNIQUE that replaces rows, where rows break it, and none is lost."""
    ask(database_url, "CREATE TABLE odd (id INTEGER PRIMARY KEY, name TEXT)")
    ask(database_url, "INSERT INTO odd (name) VALUES ('x'), ('x')")
    made = '"u", ["name"], sqlite_on_conflict="REPLACE"'
    change = (
        'with op.batch_alter_table("odd") as batch:'
        f"\n    batch.create_unique_constraint({made})"
    )
    write(shop, "b", change, down="a")
    done = shop.alembic("upgrade", "head", status=255)
    assert "UNIQUE constraint failed" in done.stdout
    assert len(ask(database_url, "SELECT * FROM odd")) == 2


def test_what_cannot_be_kept_is_named(shop: Environment, database_url: str) -> None:
    """I alter a table with a clause that nobody can keep, and nothing is altered."""
    ask(database_url, CONFLICT)
    write(shop, "b", ALTERED.format(table="shelf", column="id"), down="a")
    done = shop.alembic("upgrade", "head", status=255)
    assert "Altering shelf would have lost ON CONFLICT" in done.stdout
    assert versions(database_url) == []


@pytest.mark.parametrize("what", WORDS)
def test_words_are_kept(shop: Environment, database_url: str, what: str) -> None:
    """I alter one column, and the others say of themselves what they said before."""
    columns, part = WORDS[what]
    ask(database_url, f"CREATE TABLE odd ({columns})")
    write(shop, "b", ALTERED.format(table="odd", column="name"), down="a")
    shop.alembic("upgrade", "head")
    ((sql,),) = ask(database_url, "SELECT sql FROM sqlite_master WHERE name = 'odd'")
    assert "DEFAULT '1'" in sql
    assert part in " ".join(sql.split())


def test_any_keeps_what_it_holds(shop: Environment, database_url: str) -> None:
    """I alter a STRICT table with a column of ANY, and its values are as they were."""
    ask(database_url, "CREATE TABLE odd (id INTEGER, v ANY, name TEXT) STRICT")
    ask(database_url, "INSERT INTO odd (v) VALUES ('007'), (7), (1.5), (x'00'), (NULL)")
    write(shop, "b", ALTERED.format(table="odd", column="name"), down="a")
    shop.alembic("upgrade", "head")
    rows = ask(database_url, "SELECT v FROM odd ORDER BY rowid")
    assert [value for (value,) in rows] == ["007", 7, 1.5, b"\0", None]


def test_an_expression_follows_a_renamed_column(
    shop: Environment, database_url: str
) -> None:
    """I rename a column, and what is computed from it and checked of it goes along."""
    ask(
        database_url,
        "CREATE TABLE odd (low INTEGER, v AS (low * 2), CONSTRAINT c CHECK (low > 0))",
    )
    write(shop, "b", RENAMED.replace('"shop"', '"odd"'), down="a")
    shop.alembic("upgrade", "head")
    ask(database_url, "INSERT INTO odd (least) VALUES (4)")
    assert ask(database_url, "SELECT v FROM odd") == [(8,)]


def test_a_column_that_is_called_like_a_function(
    shop: Environment, database_url: str
) -> None:
    """I drop columns called like functions, and lose their CHECKs and no other."""
    ask(database_url, FUNCTIONS)
    dropped = "\n    ".join(f'it.drop_column("{name}")' for name in ("length", "lower"))
    change = f'with op.batch_alter_table("odd") as it:\n    {dropped}'
    write(shop, "b", change, down="a")
    shop.alembic("upgrade", "head")
    ((sql,),) = ask(database_url, "SELECT sql FROM sqlite_master WHERE name = 'odd'")
    kept = ["length(name) > 2", "lower(name) <> 'length'", "id > 'length'"]
    assert [part in sql for part in kept] == [True] * 3
    assert "CONSTRAINT lower CHECK" in sql
    assert sql.count("CHECK") == 3


ATTACHED = """
CREATE TABLE other.city (id INTEGER PRIMARY KEY);
CREATE TABLE main.shop (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE other.shop (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT COLLATE NOCASE, us$ INTEGER,
    city_id INTEGER REFERENCES city (id) ON DELETE CASCADE, CHECK (us$ > 0)
);
CREATE TABLE other.log (text TEXT);
CREATE UNIQUE INDEX other."ix ""a" ON shop (lower(name));
CREATE TRIGGER other.tr AFTER INSERT ON shop BEGIN INSERT INTO log VALUES (1); END;
CREATE VIEW other.cheap AS SELECT name FROM shop;
INSERT INTO other.city VALUES (7);
INSERT INTO other.shop VALUES (4, 'x', 1, 7);
"""


@pytest.fixture
def attached(database_url: str, tmp_path: Path) -> Iterator[sa.Connection]:
    """Give a connection to a file, with tables in a second one that is attached."""
    engine = sa.create_engine(database_url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        raw = raw_connection(connection)
        raw.execute("ATTACH ? AS other", (str(tmp_path / "other.db"),))
        raw.executescript(ATTACHED)
        yield connection


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection", "ignore:Unnamed")
def test_a_table_of_an_attached_file(attached: sa.Connection) -> None:
    """I alter a table of a file that is attached, and nothing of it is lost."""
    raw = raw_connection(attached)
    query = "SELECT name, sql FROM other.sqlite_master WHERE type <> 'table' ORDER BY 1"
    before = raw.execute(query).fetchall()
    operations = operations_on(attached)
    with operations.batch_alter_table("shop", schema="other") as batch:
        batch.alter_column("name", type_=sa.String(40), existing_type=sa.Text())
    assert raw.execute(query).fetchall() == before
    where = "FROM other.sqlite_master WHERE name = 'shop'"
    (sql,) = raw.execute(f"SELECT sql {where}").fetchone()
    parts = ["VARCHAR(40)", "AUTOINCREMENT", "us$ > 0", "CASCADE", "NOCASE"]
    assert [part in sql for part in parts] == [True] * 5
    raw.execute("INSERT INTO other.shop (name, us$) VALUES ('y', 2)")
    rows = raw.execute("SELECT id, name, us$ FROM other.shop").fetchall()
    assert rows == [(4, "x", 1), (5, "y", 2)]


def test_what_may_not_break_in_an_attached_file(attached: sa.Connection) -> None:
    """I break a trigger and a foreign key of a file that is attached, and am told."""
    raw = raw_connection(attached)
    dependents, orphans = remember_dependents(raw), remember_orphans(raw)
    dependents()
    orphans()
    raw.execute("DELETE FROM other.city")
    raw.execute("DROP TABLE other.log")
    with pytest.raises(CommandError, match=r"DROP trigger other\.tr"):
        dependents()
    with pytest.raises(CommandError, match=r"other\.shop: rowid 4 refer to city"):
        orphans()
    operations = operations_on(attached)
    with (
        pytest.raises(CommandError, match="cheap is a view"),
        operations.batch_alter_table("cheap", schema="other") as batch,
    ):
        batch.drop_column("name")


@pytest.mark.parametrize("said", UNKEPT)
def test_what_cannot_be_rebuilt_is_named(
    shop: Environment, database_url: str, said: str
) -> None:
    """I alter what a copy could not be like: told what it is, nothing is altered."""
    ask(database_url, UNKEPT[said])
    write(shop, "b", ALTERED.format(table="odd", column="name"), down="a")
    done = shop.alembic("upgrade", "head", status=255)
    assert said in done.stdout
    assert "op.execute" in done.stdout
    ((sql,),) = ask(database_url, "SELECT sql FROM sqlite_master WHERE name = 'odd'")
    assert sql == UNKEPT[said]


def test_a_foreign_key_that_the_revision_changes(
    shop: Environment, database_url: str
) -> None:
    """I give a foreign key another ON DELETE, and get that."""
    write(shop, "b", CHANGED_KEY, down="a")
    shop.alembic("upgrade", "head")
    ((sql,),) = ask(database_url, SHOP)
    assert "ON DELETE SET NULL" in sql
    assert "CASCADE" not in sql


def test_types_of_an_attached_file(attached: sa.Connection) -> None:
    """A type that SQLAlchemy does not know keeps its words in an attached file, too."""
    raw = raw_connection(attached)
    raw.execute("CREATE TABLE main.note (id INTEGER PRIMARY KEY, a CLOB, b INTEGER)")
    raw.execute("CREATE TABLE other.note (id INTEGER PRIMARY KEY, a INTEGER, b CLOB)")
    operations = operations_on(attached)
    with operations.batch_alter_table("note", schema="other") as batch:
        batch.add_column(sa.Column("c", sa.Integer))
        batch.alter_column("a", nullable=False, existing_type=sa.Integer())
    rows = raw.execute("SELECT name, type FROM pragma_table_info('note', 'other')")
    types = dict(rows.fetchall())
    assert types == {"id": "INTEGER", "a": "INTEGER", "b": "CLOB", "c": "INTEGER"}


REFERRING = "CREATE TABLE odd (id INTEGER PRIMARY KEY, name TEXT, at REFERENCES {})"


def test_a_reference_that_names_no_column(shop: Environment, database_url: str) -> None:
    """A foreign key to `SHOP`, whose key is meant, is there after a rebuild."""
    ask(database_url, REFERRING.format("SHOP"))
    write(shop, "b", ALTERED.format(table="odd", column="name"), down="a")
    shop.alembic("upgrade", "head")
    (key,) = ask(database_url, "PRAGMA foreign_key_list(odd)")
    assert key[2:5] == ("SHOP", "at", "id")


def test_a_reference_to_no_table(shop: Environment, database_url: str) -> None:
    """A foreign key to a table that is gone is named, and nothing is altered."""
    ask(database_url, REFERRING.format("gone"))
    write(shop, "b", ALTERED.format(table="odd", column="name"), down="a")
    said = shop.alembic("upgrade", "head", status=255).stdout
    assert "A foreign key of odd refers to gone, which is not there" in said
    ((sql,),) = ask(database_url, "SELECT sql FROM sqlite_master WHERE name = 'odd'")
    assert sql == REFERRING.format("gone")


def test_a_reference_to_what_refers_to_no_table(
    shop: Environment, database_url: str
) -> None:
    """What is wrong two references away is not my revision's: it alters my table."""
    ask(database_url, "CREATE TABLE near (id INTEGER PRIMARY KEY, at REFERENCES gone)")
    ask(database_url, REFERRING.format("near (id)"))
    write(shop, "b", ALTERED.format(table="odd", column="name"), down="a")
    shop.alembic("upgrade", "head")
    (key,) = ask(database_url, "PRAGMA foreign_key_list(odd)")
    assert key[2:5] == ("near", "at", "id")
    ((_, _, _, _, default, _),) = [
        it for it in ask(database_url, "PRAGMA table_info(odd)") if it[1] == "name"
    ]
    assert default == "'1'"
