"""Tables, columns, constraints and values are called as they like, on each database."""

import ast
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.util import CommandError
from alembic_lossless import plugin, sql
from alembic_lossless.operations.base import OPERATIONS
from alembic_lossless.runtime.recovery import Journal
from drafts import alembic, define_thing, draft
from environment import Environment
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from scripts import operations_on
from servers import DATABASES, empty_database, engine_of
from sqlalchemy.dialects import postgresql

plugin  # noqa: B018  it registers the operations

NASTY = [
    *("user", "Order", "length", "LOWER", 'a"b', "a'b", "a`b", "100%", "%s", "%(x)s"),
    *(":x", "a:b", "a::b", "$1", "a$$b", "a$key$b", "the part", "Größe", "x" * 63),
    *(
        "ü" * 31,
        "--",
        "/*x",
        "*/",
        ";",
        "\\",
        "a\\'b",
        "{name}",
        "{}",
        "[x]",
        "a~b",
        "?",
    ),
    *("a,b", "(a)", "@x", "#", "new", "old", "Straße 1", "select", "a" * 40 + '"%:$'),
]
"""None has a dot, which divides table and column in SQLAlchemy's ForeignKey."""

NAME = st.one_of(
    st.sampled_from(NASTY),
    st.text("ab\"'`%:$\\ ü,;()[]{}-/*?#@AB", min_size=1, max_size=24).filter(
        lambda it: it.strip() == it
    ),
)
WORDS = (
    *(
        "parent",
        "table",
        "table2",
        "key",
        "code",
        "text",
        "number",
        "mood",
        "ref",
        "sum",
    ),
    *("added", "again", "kind", "enum", "sequence", "schema", "check", "check2", "fk"),
    *("unique", "unique2", "index", "pk", "one", "two", "three"),
)
"""What is called somehow."""


def _folded(name: str) -> str:
    """Return what MariaDB takes names for the same by."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return plain.replace(" ", "").upper() or name


NAMES = st.lists(NAME, min_size=len(WORDS), max_size=len(WORDS), unique_by=_folded).map(
    lambda names: SimpleNamespace(**dict(zip(WORDS, names, strict=True)))
)
FIRST = SimpleNamespace(
    **dict(zip(WORDS, list({_folded(it): it for it in NASTY}.values()), strict=False))
)
LAST = SimpleNamespace(
    **dict(
        zip(WORDS, list({_folded(it): it for it in NASTY}.values())[::-1], strict=False)
    )
)


class Shop:
    """Two tables with hostile names, and what each operation does to them."""

    def __init__(self, connection: sa.Connection, names: Any) -> None:
        """Take a connection that is in a transaction."""
        self.connection, self.n = connection, names
        self.op: Any = operations_on(connection)
        self.context = self.op.get_context()
        self.kind = connection.dialect.name

    def quoted(self, name: str) -> str:
        """Return a name as an owner would write it in SQL."""
        return self.connection.dialect.identifier_preparer.quote_identifier(
            name
        ).replace("%%", "%")

    def mood(self) -> Any:
        """Return the type of a column that PostgreSQL has a type for."""
        n = self.n
        if self.kind == "postgresql":
            return postgresql.ENUM(n.one, n.two, name=n.enum, create_type=False)
        return sa.Enum(n.one, n.two, name=n.enum)

    def make(self) -> None:
        """Make the tables, with rows."""
        op, n = self.op, self.n
        op.create_enum(n.enum, [n.one, n.two])
        op.create_sequence(n.sequence, start=5)
        op.alter_sequence(n.sequence, start=5, increment=2, existing={"start": 5})
        if self.kind == "postgresql":
            op.create_schema(n.schema)
        op.create_table(
            n.parent,
            sa.Column(n.key, sa.Integer, primary_key=True),
            sa.Column(n.code, sa.Integer, unique=True),
            sa.Column(n.number, sa.Integer),
        )
        op.create_table(
            n.table,
            sa.Column(n.key, sa.Integer, primary_key=True),
            sa.Column(n.text, sa.String(40), comment=n.one),
            sa.Column(n.number, sa.Integer, server_default="7"),
            sa.Column(n.kind, sa.String(80), server_default=n.two),
            sa.Column(n.mood, self.mood()),
            sa.Column(n.ref, sa.Integer),
            sa.Column(n.sum, sa.Integer, sa.Computed(sa.column(n.number) + 1)),
            sa.CheckConstraint(sa.column(n.number) > 0, name=n.check),
            sa.UniqueConstraint(n.text, n.number, name=n.unique),
        )
        if self.kind != "sqlite":
            op.create_table_comment(n.table, n.two)
            op.drop_table_comment(n.table)
        columns = (n.key, n.text, n.number, n.mood, n.ref)
        table = sa.table(n.table, *map(sa.column, columns))
        table.c[n.mood].type = self.mood()
        parent = sa.table(n.parent, sa.column(n.key), sa.column(n.code))
        op.bulk_insert(parent, [{n.key: 1, n.code: 1}, {n.key: 2, n.code: 2}])
        rows = [(1, "aa", 3, n.one, 1), (2, "bb", 3, n.two, 2)]
        op.bulk_insert(table, [dict(zip(columns, row, strict=True)) for row in rows])

    def guard(self) -> None:
        """Look at the rows in each way that a draft does."""
        op, n = self.op, self.n
        number, text = self.quoted(n.number), self.quoted(n.text)
        lower = sql.text(f"lower({text})")
        for passes in (True, False):
            with nullcontext() if passes else pytest.raises(CommandError):
                op.refuse_loss(n.table, n.text, sa.String(2 if passes else 1))
            with nullcontext() if passes else pytest.raises(CommandError):
                op.refuse_duplicates(n.table, [n.text if passes else n.number])
            with nullcontext() if passes else pytest.raises(CommandError):
                columns = [n.ref if passes else n.number]
                op.refuse_orphans(n.table, columns, n.parent, [n.code])
            with nullcontext() if passes else pytest.raises(CommandError):
                value = 1 if passes else 9
                op.refuse_missing(n.table, None, (n.parent, n.code), value)
            with nullcontext() if passes else pytest.raises(CommandError):
                op.refuse_violations(
                    n.table, f"{number} < {4 if passes else 3}", [n.key]
                )
        op.refuse_duplicates(n.table, [lower])

    def change(self) -> None:
        """Change the tables in the ways of Alembic."""
        op, n = self.op, self.n
        with op.batch_alter_table(n.table) as batch:
            batch.create_check_constraint(n.check2, sa.column(n.number) > -5)
            batch.create_foreign_key(n.fk, n.parent, [n.ref], [n.code])
            batch.create_unique_constraint(n.unique2, [n.text])
        with op.batch_alter_table(n.table) as batch:
            batch.drop_constraint(n.unique, type_="unique")
            batch.drop_constraint(n.check, type_="check")
            batch.add_column(sa.Column(n.added, sa.Integer, server_default="4"))
        op.create_index(n.index, n.table, [n.text, n.number])
        with op.batch_alter_table(n.table) as batch:
            kind = {"existing_type": sa.String(40)}
            batch.alter_column(n.text, new_column_name=n.again, **kind)
        with op.batch_alter_table(n.table) as batch:
            batch.alter_column(
                n.again, type_=sa.String(60), existing_type=sa.String(40)
            )
        with op.batch_alter_table(n.table) as batch:
            batch.drop_column(n.added)
        op.drop_index(n.index, n.table)
        op.rename_table(n.table, n.table2)
        op.rename_constraints(n.table2, {n.pk: n.check, n.check: n.pk})
        op.rename_constraints(n.table2, {n.check: n.pk})
        op.rename_table(n.table2, n.table)
        with op.batch_alter_table(n.table) as batch:
            kind = {"existing_type": sa.String(60)}
            batch.alter_column(n.again, new_column_name=n.text, **kind)
            batch.drop_constraint(n.fk, type_="foreignkey")
        op.drop_index_of_foreign_key(n.table, n.fk)
        op.drop_unnamed_constraint(n.parent, [n.code], type_="unique")
        op.create_table(n.table2, sa.Column(n.key, sa.Integer, nullable=False))
        with op.batch_alter_table(n.table2) as batch:
            batch.create_primary_key(n.check, [n.key])
        op.drop_table(n.table2)

    def change_as_the_library(self) -> None:
        """Change the tables in the ways that only the library has."""
        op, n = self.op, self.n
        op.resize_sequence(n.table, n.key, 64)
        op.rename_sequence(n.table, n.key, "no such", "other")
        key, number = sa.Integer(), sa.column(n.number, sa.Integer)
        if self.kind == "postgresql":
            for new, old in ((sa.Identity(), None), (None, sa.Identity())):
                op.alter_generated(n.table, n.key, key, new, existing=old, counts=True)
        else:
            formula, existing = sa.Computed(number + 2), sa.Computed(number + 1)
            op.alter_generated(n.table, n.sum, key, formula, existing=existing)
        op.change_enum(n.enum, [n.one, n.two], [n.one, n.three], {n.two: n.three})
        op.change_enum(n.enum, [n.one, n.three], [n.three, n.one, n.two], {})
        op.change_enum(n.enum, [n.three, n.one, n.two], [n.one, n.three], {})
        if self.kind == "sqlite":
            op.rename_enum_value(n.table, n.mood, n.two, n.three)
        op.set_constraint_comment(n.check2, n.table, n.one)
        op.set_constraint_comment(n.check2, n.table, n.two, existing_comment=n.one)
        if self.kind == "postgresql":
            op.move_table(n.table, n.schema)
            op.move_table(n.table, None, schema=n.schema)
        op.manual_change(n.table, n.text, mysql_engine=n.one)
        op.sql_type("INTEGER")

    def keep_and_show(self) -> None:
        """Set aside a column and a table, and make views and DOMAINs."""
        op, n = self.op, self.n
        kept: Any = {"until": "2099-01-31"}
        given = {"existing_type": sa.String(80), "existing_server_default": n.two}
        op.set_column_aside(n.table, n.kind, **kept, **given)
        op.restore_column(n.table, n.kind, **kept, **given)
        op.create_table(n.table2, sa.Column(n.key, sa.Integer, nullable=False))
        op.set_table_aside(n.table2, **kept)
        op.restore_table(n.table2, **kept)
        op.drop_table(n.table2)
        query = f"SELECT {self.quoted(n.key)} FROM {self.quoted(n.table)}"  # noqa: S608  names
        op.create_view(n.table2, query)
        op.replace_view(n.table2, f"{query} WHERE {self.quoted(n.key)} > 1")
        made: Any = sa.select(sa.column(n.key)).select_from(sa.table(n.table2))
        assert self.connection.scalars(made).all() == [2]
        op.drop_view(n.table2)
        op.create_table_as(n.table2, query)
        assert self.connection.scalars(made.order_by(n.key)).all() == [1, 2]
        op.drop_table(n.table2)
        op.create_domain(n.added, sa.Integer())
        op.alter_domain(n.added, sa.Integer(), existing={}, not_null=True)
        op.drop_domain(n.added, sa.Integer(), not_null=True)

    def change_online(self) -> None:
        """Change the tables while others use them, as far as the server can."""
        op, n = self.op, self.n
        with op.batch_alter_table(n.table) as batch:
            batch.add_column(sa.Column(n.again, sa.String(60)))
        op.begin_dual_write(n.table, n.text, n.again)
        table = sa.table(n.table, *map(sa.column, (n.key, n.text, n.again)))
        op.execute(table.insert().values({n.key: 3, n.again: "cc"}))
        rows = self.connection.execute(sa.select(table).order_by(table.c[n.key])).all()
        assert [tuple(row) for row in rows] == [
            *((1, "aa", "aa"), (2, "bb", "bb"), (3, "cc", "cc"))
        ]
        op.end_dual_write(n.table, n.text, n.again)
        with op.batch_alter_table(n.table) as batch:
            batch.drop_column(n.again)
        # SQLAlchemy takes a name with %( for the begin of a parameter.
        third = f"{self.quoted(n.key)} = 3"
        op.execute(sql.text(f"DELETE FROM {self.quoted(n.table)} WHERE {third}"))  # noqa: S608  names
        op.begin_table_rename(n.table, n.table2)
        if self.kind != "sqlite":
            rows = self.connection.execute(sa.select(table.c[n.key])).all()
            assert len(rows) == 2
        op.end_table_rename(n.table, n.table2)
        op.rename_table(n.table2, n.table)
        op.backfill(n.parent, n.number, sa.column(n.code))
        given: Any = {"existing_type": sa.Integer()}
        op.set_not_null(n.parent, n.number, **given)
        op.create_unique_constraint_concurrently(n.unique, n.parent, [n.code])
        if self.kind != "sqlite":
            op.create_foreign_key(
                n.fk, n.table, n.parent, [n.ref], [n.code], postgresql_not_valid=True
            )
            op.validate_constraint(n.fk, n.table)
            op.drop_constraint(n.fk, n.table, type_="foreignkey")
        if self.kind == "postgresql":
            was = sa.String(80)
            op.alter_type_concurrently(n.table, n.kind, sa.Text(), existing_type=was)

    def drop(self) -> None:
        """Drop all that there is."""
        op, n = self.op, self.n
        columns: Any = [sa.column(name) for name in (n.text, n.kind, n.sum)]
        rows = self.connection.execute(
            sa.select(*columns).select_from(sa.table(n.table))
        )
        total = 4 if self.kind == "postgresql" else 5
        assert sorted(map(tuple, rows)) == [("aa", n.two, total), ("bb", n.two, total)]
        op.drop_table(n.table)
        op.drop_table(n.parent)
        op.drop_sequence(n.sequence, start=5)
        op.drop_enum(n.enum)
        if self.kind == "postgresql":
            op.execute(sql.text(f"DROP SCHEMA {self.quoted(n.schema)}"))
        assert sa.inspect(self.connection).get_table_names() == []


SERVERS = DATABASES[1:]
OTHERS = {
    *(
        "batch_alter_table",
        "context",
        "f",
        "get_bind",
        "get_context",
        "register_operation",
    ),
    *("implementation_for", "inline_literal", "invoke", "run_async"),
    "create_exclude_constraint",  # its columns are SQL
    "index_partitions",  # it commits, and these run in one transaction
}
"""What says no name."""


OTHERWISE = dict(zip("`:(),'üöß", "^~<>|=uos", strict=True))
"""A sign that is in no name, for one that somebody else cannot read."""


def readable(names: Any, without: str) -> Any:
    """Return names without what SQLAlchemy, or an answer to a question, divides at."""
    table = {ord(sign): other for sign, other in OTHERWISE.items() if sign in without}
    given = {word: name.translate(table) for word, name in vars(names).items()}
    return SimpleNamespace(**given)


@contextmanager
def committed_apart(shop: Shop) -> Iterator[None]:
    """Let each statement be committed by itself, as in an autocommit_block()."""
    journal = Journal(shop.context, lambda _passed: None)
    with journal.kept(), shop.context.autocommit_block():
        yield


SAMPLE = settings(
    max_examples=8,
    phases=[Phase.explicit, Phase.generate],
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@SAMPLE
@given(names=NAMES)
@example(names=FIRST)
@example(names=LAST)
@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning", "ignore:Unnamed")
@pytest.mark.parametrize(
    ("kind", "in_block"),
    [("sqlite", False), *((it, block) for it in SERVERS for block in (False, True))],
)
def test_every_operation_takes_any_name(
    kind: str, names: Any, tmp_path: Path, *, in_block: bool
) -> None:
    """I call things as I like, and each operation and guard does what it says."""
    with empty_database(kind, tmp_path) as url, engine_of(url).connect() as connection:
        for _ in range(2):
            shop = Shop(connection, names)
            with shop.context.begin_transaction():
                shop.make()
                shop.guard()
                shop.change()
                shop.change_as_the_library()
                shop.keep_and_show()
                with committed_apart(shop) if in_block else nullcontext():
                    shop.change_online()
                shop.drop()


BEFORE = """
class Parent(Model):
    __tablename__ = {n.parent!r}

    key = sa.Column({n.key!r}, sa.Integer, primary_key=True)
    code = sa.Column({n.code!r}, sa.Integer, unique=True)
"""
FIRST_MODEL = (
    "key = {n.key!r}, sa.Integer, primary_key=True",
    "text = {n.text!r}, sa.String(40), comment={n.one!r}",
    "number = {n.number!r}, sa.Integer",
    "kind = {n.kind!r}, sa.String(80), server_default={n.two!r}",
    "mood = {n.mood!r}, sa.Enum({n.one!r}, {n.two!r}, name={n.enum!r})",
    "added = {n.added!r}, sa.Integer",
    "again = {n.again!r}, sa.String(20)",
    "__table_args__ = ({}, {}, {})".format(
        "sa.CheckConstraint(number > 0, name={n.check!r})",
        "sa.Index({n.index!r}, text)",
        "sa.UniqueConstraint(text, number, name={n.unique!r})",
    ),
)
SECOND_MODEL = (
    "key = {n.key!r}, sa.Integer, primary_key=True",
    "text = {n.table2!r}, sa.String(40), comment={n.two!r}",
    "number = {n.number!r}, sa.BigInteger",
    "kind = {n.kind!r}, sa.String(80), server_default={n.one!r}",
    "mood = {n.mood!r}, sa.Enum({n.one!r}, {n.two!r}, {n.three!r}, name={n.enum!r})",
    "again = {n.again!r}, sa.String(10)",
    "ref = {n.ref!r}, sa.Integer, sa.ForeignKey(Parent.code, name={n.fk!r})",
    "sum = {n.sum!r}, sa.Integer, nullable=False",
    "__table_args__ = ({}, {}, {})".format(
        "sa.CheckConstraint(number < 100, name={n.check2!r})",
        "sa.Index({n.pk!r}, number)",
        "sa.UniqueConstraint(text, name={n.unique2!r})",
    ),
)


UNREAD = {"sqlite": ":", "mariadb": ":", "postgresql": ":(),'üöß"}
"""What no name of a model holds here, and why.

A colon divides an answer to a question. SQLAlchemy's patterns of PostgreSQL's foreign
keys end a list of columns at a parenthesis or a comma. Alembic asks PostgreSQL for a
sequence with the quotes of its name still doubled, and SQLAlchemy shortens what a
naming convention makes by letters, where PostgreSQL counts bytes.
"""


@settings(SAMPLE, max_examples=2)
@given(names=NAMES)
@example(names=FIRST)
@example(names=LAST)
@pytest.mark.parametrize("kind", DATABASES)
def test_models_take_any_name(
    project: Environment, tmp_path: Path, kind: str, names: Any
) -> None:
    """I call all in my models as I like: a draft goes up, down and up again on rows."""
    n = readable(names, UNREAD[kind])
    # Alembic's comparison of types looks for a word in the name of an Enum.
    n.enum = f"e{n.enum}"
    for path in project.revisions()[1:]:
        path.unlink()
    with empty_database(kind, tmp_path) as url:
        shop = project.using(url)
        before = BEFORE.format(n=n)
        define(shop, n, before, FIRST_MODEL)
        draft(shop, "before")
        columns = (n.key, n.text, n.number, n.mood, n.again)
        table = sa.table(n.table, *map(sa.column, columns))
        with engine_of(url).begin() as connection:
            table.c[n.mood].type = Shop(connection, n).mood()
            for row in ((1, "aa", 3, n.one, "x"), (2, "bb", 4, n.two, "y")):
                values = dict(zip(columns, row, strict=True))
                connection.execute(table.insert().values(values))
        define(shop, n, before, SECOND_MODEL)
        answers = f"fill={n.table}.{n.sum}:5", f"rename={n.table}.{n.text}:{n.table2}"
        draft(shop, "after", *answers, f"drop={n.table}.{n.added}")
        alembic(shop, "check", "downgrade -1", "upgrade head", "check")
        kept: Any = [sa.column(name) for name in (n.table2, n.sum, n.again)]
        with engine_of(url).connect() as connection:
            rows = connection.execute(sa.select(*kept).select_from(sa.table(n.table)))
            assert sorted(map(tuple, rows)) == [("aa", 5, "x"), ("bb", 5, "y")]
        alembic(shop, "downgrade base", "upgrade head", "check")


def define(project: Environment, n: Any, before: str, columns: Any) -> None:
    """Write the models; the attributes of a class are called as always."""
    define_thing(project, *(it.format(n=n) for it in columns), before=before)
    path = project.package / "things.py"
    written = (
        path.read_text()
        .replace('"thing"', repr(n.table))
        .replace("    id = sa.Column(sa.Integer, primary_key=True)\n", "")
    )
    path.write_text(written.replace("sa.Column((sa.Check", "((sa.Check"))


def test_no_operation_is_left_out() -> None:
    """An operation is called above, with names that are like no others."""
    tree = ast.parse(Path(__file__).read_text())
    called = {it.attr for it in ast.walk(tree) if isinstance(it, ast.Attribute)}
    former = {name for it in OPERATIONS.values() for name in it.formerly}
    every = {name for name in vars(Operations) if not name.startswith("_")}
    assert {*OPERATIONS, *every} - former - called - OTHERS == set()
