"""What SQLAlchemy can declare of a table, each with a change of it, as data."""

from textwrap import indent
from typing import NamedTuple

from gallery import COLLATIONS

ALL = ("sqlite", "postgresql", "mariadb")
PG = ("postgresql",)
STANDARD = ("sqlite", "postgresql")
"""The databases on which a key can be deferred, and an index have an expression."""


class Attribute(NamedTuple):
    """An attribute, a model that has it, and one in which it is another one."""

    name: str
    """Where it is declared: the argument of a class of SQLAlchemy's."""
    before: str
    """What a model says, in lines of its class; `{t}` is the name of its table."""
    after: str
    databases: tuple[str, ...] = ALL
    in_other_words: tuple[str, ...] = ()
    """The databases whose `create_all` says the same in other words."""
    is_marked: bool = False
    """Whether a draft says what its author has to write, and does not do it."""


AGE = "age = sa.Column(sa.Integer)"


def args(*items: str, more: str = AGE) -> str:
    """Return a model with table arguments."""
    return f"{more}\n__table_args__ = ({', '.join(items)},)"


CHECKS = [
    Attribute(
        "CheckConstraint added",
        AGE,
        args("sa.CheckConstraint('age > 0', name='positive')"),
    ),
    Attribute(
        "CheckConstraint removed",
        args("sa.CheckConstraint('age > 0', name='positive')"),
        AGE,
    ),
    Attribute(
        "CheckConstraint.sqltext",
        args("sa.CheckConstraint('age > 0', name='positive')"),
        args("sa.CheckConstraint('age > 1 AND age < 200', name='positive')"),
    ),
    Attribute(
        "CheckConstraint of a column",
        "age = sa.Column(sa.Integer, sa.CheckConstraint('age > 0', name='positive'))",
        "age = sa.Column(sa.Integer, sa.CheckConstraint('age > 9', name='positive'))",
        ("sqlite", "postgresql"),  # create_all fails on MariaDB
        in_other_words=("sqlite",),  # in the line of the column
    ),
    Attribute(
        "CheckConstraint of an expression",
        "age = sa.Column(sa.Integer)\n"
        "is_old = sa.Column(sa.Boolean)\n"
        "__table_args__ = (sa.CheckConstraint(sa.and_(age > 0, is_old == sa.true(),"
        " is_old.is_not(None)), name='sane'),)",
        "age = sa.Column(sa.Integer)\n"
        "is_old = sa.Column(sa.Boolean)\n"
        "__table_args__ = (sa.CheckConstraint(age > 1, name='sane'),)",
        in_other_words=("sqlite",),  # 1 for true
    ),
    Attribute(
        "CheckConstraint with signs",
        "name = sa.Column(sa.String(20))\n"
        "__table_args__ = (sa.CheckConstraint(\"name LIKE 'a%' OR name = '12:30'"
        " OR name = ' \\\\:x'\", name='signs'),)",
        "name = sa.Column(sa.String(20))\n"
        "__table_args__ = (sa.CheckConstraint(name.like('b%'), name='signs'),)",
    ),
    Attribute(
        "CHECK of a Boolean",
        "on = sa.Column(sa.Boolean(create_constraint=True, name=conv('ck_{t}_on')))",
        "on = sa.Column(sa.Boolean(create_constraint=True, name=conv('ck_{t}_on')))\n"
        + AGE,
    ),
    Attribute(
        "CHECK of an Enum",
        "state = sa.Column(sa.Enum('a', 'b', native_enum=False, length=9,"
        " create_constraint=True, name=conv('ck_{t}_state')))",
        "state = sa.Column(sa.Enum('a', 'b', native_enum=False, length=9,"
        " create_constraint=True, name=conv('ck_{t}_state')))\n" + AGE,
    ),
    Attribute(
        "CHECK of a type of the app's own",
        "on = sa.Column(Own(create_constraint=True, name=conv('ck_{t}_on')))",
        "on = sa.Column(Own(create_constraint=True, name=conv('ck_{t}_on')))\n" + AGE,
    ),
]

NAME = "name = sa.Column(sa.String(20))"
BOTH = f"{AGE}\n{NAME}"
INDEX = "sa.Index('ix_{t}', 'age', %s)"


def index(
    name: str,
    before: str,
    after: str,
    databases: tuple[str, ...] = ALL,
) -> Attribute:
    """Return an attribute of an index, by its arguments before and after."""
    first, last = (
        args(f"sa.Index('ix_{{t}}', {of})", more=BOTH) if of else BOTH
        for of in (before, after)
    )
    return Attribute(f"Index{name}", first, last, databases)


INDEXES = [
    index(" added", "", "'age'"),
    index(" removed", "'age'", ""),
    index(".unique", "'age'", "'age', unique=True"),
    index(".expressions", "'age', 'name'", "'name', 'age'"),
    index(
        ".expressions: an expression",
        "sa.text('lower(name)')",
        "sa.text('upper(name)')",
        ("sqlite", "postgresql"),
    ),
    index(
        ".expressions: of a function",
        "sa.func.lower(name)",
        "sa.func.lower(name), age",
        ("sqlite", "postgresql"),
    ),
    index(
        ".expressions: an expression added",
        "",
        "sa.func.lower(name)",
        ("sqlite", "postgresql"),
    ),
    index(
        ".expressions: an expression removed",
        "sa.func.lower(name)",
        "",
        ("sqlite", "postgresql"),
    ),
    Attribute(
        "Index.expressions: beside a CHECK",
        args("sa.Index('ix_{t}', sa.func.lower(name))", more=BOTH),
        args(
            "sa.Index('ix_{t}', sa.func.upper(name))",
            "sa.CheckConstraint('age > 0', name='positive')",
            more=BOTH,
        ),
        STANDARD,
    ),
    index(".expressions: DESC", "age", "age.desc()"),
    index(".expressions: no DESC", "age.desc()", "age"),
    index(".expressions: NULLS FIRST", "age.desc()", "age.desc().nulls_last()", PG),
    index(
        ".postgresql_where",
        "'age', postgresql_where=age > 1",
        "'age', postgresql_where=sa.text('age > 2')",
    ),
    index(
        ".sqlite_where",
        "'age', sqlite_where=sa.text('age > 1')",
        "'age', sqlite_where=sa.text('age > 2')",
    ),
    index(
        ".sqlite_where and more",
        "'age', sqlite_where=age > 1, postgresql_where=age > 1",
        "'age'",
    ),
    index(".postgresql_using", "'age'", "'age', postgresql_using='hash'"),
    index(".postgresql_include", "'age'", "'age', postgresql_include=['name']"),
    index(
        ".postgresql_ops",
        "'name'",
        "'name', postgresql_ops={'name': 'text_pattern_ops'}",
    ),
    index(".postgresql_with", "'age'", "'age', postgresql_with={'fillfactor': 50}"),
    index(
        ".postgresql_tablespace", "'age'", "'age', postgresql_tablespace='pg_default'"
    ),
    index(
        ".postgresql_nulls_not_distinct",
        "'age', unique=True",
        "'age', unique=True, postgresql_nulls_not_distinct=True",
    ),
    index(".mysql_length", "'name'", "'name', mysql_length=5, mariadb_length=5"),
    index(".mysql_using", "'age'", "'age', mysql_using='btree', mariadb_using='btree'"),
    index(
        ".mysql_prefix",
        "'name'",
        "'name', mysql_prefix='FULLTEXT', mariadb_prefix='FULLTEXT'",
    ),
    index(
        ".mysql_with_parser",
        "'name', mysql_prefix='FULLTEXT', mariadb_prefix='FULLTEXT'",
        "'name', mysql_prefix='FULLTEXT', mysql_with_parser='ngram'",
        (),
    ),
]


def key(
    name: str, before: str, after: str, databases: tuple[str, ...] = ALL
) -> Attribute:
    """Return an attribute of a unique constraint."""
    first, last = (args(f"sa.UniqueConstraint('age', {of})") for of in (before, after))
    return Attribute(f"UniqueConstraint{name}", first, last, databases)


PARENT = "parent_id = sa.Column(sa.Integer)"


def reference(
    name: str, before: str, after: str, databases: tuple[str, ...] = ALL
) -> Attribute:
    """Return an attribute of a foreign key."""
    first, last = (
        args(
            f"sa.ForeignKeyConstraint(['parent_id'], ['parent.id'], {of})", more=PARENT
        )
        for of in (before, after)
    )
    return Attribute(f"ForeignKeyConstraint{name}", first, last, databases)


KEYS = [
    Attribute("UniqueConstraint added", AGE, args("sa.UniqueConstraint('age')")),
    Attribute("UniqueConstraint removed", args("sa.UniqueConstraint('age')"), AGE),
    Attribute(
        "UniqueConstraint.columns",
        args("sa.UniqueConstraint('age', 'name')", more=BOTH),
        args("sa.UniqueConstraint('name', 'age', name='uq_{t}_age_name')", more=BOTH),
    ),
    key(".deferrable", "", "deferrable=True", PG),
    key(".initially", "deferrable=True", "deferrable=True, initially='DEFERRED'", PG),
    key(".postgresql_nulls_not_distinct", "", "postgresql_nulls_not_distinct=True"),
    key(".postgresql_include", "", "postgresql_include=['id']"),
    key(".sqlite_on_conflict", "", "sqlite_on_conflict='IGNORE'"),
    reference(".ondelete", "", "ondelete='CASCADE'"),
    reference(".onupdate", "onupdate='CASCADE'", ""),
    reference(".deferrable", "", "deferrable=True", STANDARD),
    reference(
        ".initially",
        "deferrable=True",
        "deferrable=True, initially='DEFERRED'",
        STANDARD,
    ),
    reference(".match", "", "match='FULL'", STANDARD),
    Attribute(
        "ExcludeConstraint added",
        "during = sa.Column(postgresql.INT4RANGE)",
        "during = sa.Column(postgresql.INT4RANGE)\n"
        "__table_args__ = (postgresql.ExcludeConstraint(('during', '&&'),"
        " name='no_overlap'),)",
        PG,
    ),
    Attribute(
        "ExcludeConstraint removed",
        "during = sa.Column(postgresql.INT4RANGE)\n"
        "__table_args__ = (postgresql.ExcludeConstraint(('during', '&&'),"
        " name='no_overlap_2'),)",
        "during = sa.Column(postgresql.INT4RANGE)",
        PG,
    ),
    Attribute(
        "ExcludeConstraint.where",
        "during = sa.Column(postgresql.INT4RANGE)\n"
        "__table_args__ = (postgresql.ExcludeConstraint(('during', '&&'),"
        " where=sa.text('id > 5'), name='no_overlap_3'),)",
        "during = sa.Column(postgresql.INT4RANGE)\n"
        "__table_args__ = (postgresql.ExcludeConstraint((during, '&&'),"
        " where=sa.text('id > 7'), using='gist', deferrable=True, initially='DEFERRED',"
        " name='no_overlap_3'),)",
        PG,
    ),
]


def number(name: str, before: str, after: str, *databases: str) -> Attribute:
    """Return an attribute of a column of numbers."""
    first, last = (
        f"{AGE}\nnumber = sa.Column(sa.Integer, {of})" for of in (before, after)
    )
    return Attribute(name, first, last, databases or ALL)


STORED = "sa.Computed('age * 2', persisted=True)"

COLUMNS = [
    number("Computed.sqltext", STORED, "sa.Computed('age * 3', persisted=True)"),
    number(
        "Computed.sqltext: an expression",
        "sa.Computed(age * 2, persisted=True)",
        "sa.Computed(age + 3, persisted=True)",
    ),
    number(
        "Computed.persisted",
        "sa.Computed('age * 2', persisted=False)",
        STORED,
        "sqlite",
        "mariadb",
    ),
    number("Identity added", "nullable=False", "sa.Identity()"),
    number("Identity removed", "sa.Identity()", "nullable=False"),
    number("Identity.always", "sa.Identity()", "sa.Identity(always=True)"),
    number("Identity.start", "sa.Identity(start=5)", "sa.Identity(start=9)"),
    number("Identity.increment", "sa.Identity()", "sa.Identity(increment=2)"),
    number("Identity.minvalue", "sa.Identity()", "sa.Identity(minvalue=0)"),
    number("Identity.nominvalue", "sa.Identity()", "sa.Identity(nominvalue=True)"),
    number("Identity.maxvalue", "sa.Identity()", "sa.Identity(maxvalue=99)"),
    number("Identity.nomaxvalue", "sa.Identity()", "sa.Identity(nomaxvalue=True)"),
    number("Identity.cycle", "sa.Identity()", "sa.Identity(cycle=True)"),
    number("Identity.cache", "sa.Identity()", "sa.Identity(cache=5)"),
    Attribute(
        "Identity of a key added",
        AGE,
        f"{AGE}\nid = sa.Column(sa.Integer, sa.Identity(), primary_key=True)",
    ),
    Attribute(
        "Identity of a key removed",
        f"{AGE}\nid = sa.Column(sa.Integer, sa.Identity(), primary_key=True)",
        AGE,
    ),
]


def sequence(name: str, before: str, after: str) -> Attribute:
    """Return an attribute of a sequence that gives a column its values."""
    first, last = (
        f"number = sa.Column(sa.Integer, sa.Sequence('{{t}}_s'{of}))"
        for of in (before, after)
    )
    return Attribute(f"Sequence{name}", first, last)


SEQUENCES = [
    Attribute(
        "Sequence added",
        AGE,
        f"{AGE}\nnumber = sa.Column(sa.Integer, sa.Sequence('{{t}}_s'))",
    ),
    Attribute(
        "Sequence removed",
        f"{AGE}\nnumber = sa.Column(sa.Integer, sa.Sequence('{{t}}_s'))",
        AGE,
    ),
    Attribute(
        "Sequence of a key",
        "id = sa.Column(sa.Integer, sa.Sequence('{t}_s', start=5), primary_key=True)",
        "id = sa.Column(sa.Integer, sa.Sequence('{t}_s', start=9), primary_key=True)\n"
        f"{AGE}",
    ),
    Attribute(
        "Sequence as server_default",
        f"{AGE}\nseq = sa.Sequence('{{t}}_s', metadata=Model.metadata)\n"
        "number = sa.Column(sa.Integer, seq, server_default=seq.next_value())",
        AGE,
        PG,
    ),
    sequence(".start", "", ", start=9"),
    sequence(".increment", ", increment=3", ", increment=9"),
    sequence(".minvalue", ", minvalue=3, start=3", ""),
    sequence(".maxvalue", ", maxvalue=33", ""),
    sequence(".nominvalue", "", ", nominvalue=True"),
    sequence(".nomaxvalue", "", ", nomaxvalue=True"),
    sequence(".cycle", "", ", cycle=True"),
    sequence(".cache", "", ", cache=9"),
    sequence(".data_type", "", ", data_type=sa.Integer()"),
]


def options(name: str, before: str, after: str, *databases: str) -> Attribute:
    """Return an option of a table, which a draft names and its author changes."""
    first, last = (f"{NAME}\n__table_args__ = {{{of}}}" for of in (before, after))
    is_marked = not name.startswith("comment")
    return Attribute(
        f"Table.{name}", first, last, databases or ALL, is_marked=is_marked
    )


TABLES = [
    options("prefixes", "", "'prefixes': ['UNLOGGED']", "postgresql"),
    options("prefixes again", "'prefixes': ['UNLOGGED']", "", "postgresql"),
    options("postgresql_with", "'postgresql_with': {'fillfactor': 70}", "", *PG),
    options("postgresql_tablespace", "'postgresql_tablespace': 'pg_default'", "", *PG),
    options(
        "postgresql_partition_by", "'postgresql_partition_by': 'HASH (id)'", "", *PG
    ),
    options("postgresql_inherits", "'postgresql_inherits': 'parent'", "", *PG),
    options("postgresql_using", "'postgresql_using': 'heap'", "", *PG),
    options("postgresql_with_oids", "'postgresql_with_oids': False", "", *PG),
    options(
        "mysql_*",
        "'mysql_engine': 'MyISAM', 'mariadb_engine': 'MyISAM'",
        "'mysql_charset': 'latin1', 'mariadb_charset': 'latin1'",
    ),
    options("sqlite_with_rowid", "'sqlite_with_rowid': False", ""),
    options("sqlite_autoincrement", "'sqlite_autoincrement': True", ""),
    Attribute(
        "Table.sqlite_strict",
        f"{AGE}\n__table_args__ = {{'sqlite_strict': True}}",
        AGE,
        is_marked=True,
    ),
    Attribute(
        "Column.sqlite_on_conflict_not_null",
        "age = sa.Column(sa.Integer, nullable=False,"
        " sqlite_on_conflict_not_null='IGNORE')",
        "age = sa.Column(sa.Integer, nullable=False)",
    ),
    Attribute(
        "Column.sqlite_on_conflict_not_null of NULL",
        "age = sa.Column(sa.Integer, nullable=False,"
        " sqlite_on_conflict_not_null='IGNORE')",
        "age = sa.Column(sa.Integer, sqlite_on_conflict_not_null='IGNORE')",
    ),
    Attribute(
        "Column.sqlite_on_conflict_unique",
        "age = sa.Column(sa.Integer, unique=True)",
        "age = sa.Column(sa.Integer, unique=True, sqlite_on_conflict_unique='IGNORE')",
    ),
    Attribute(
        "Column.sqlite_on_conflict_unique of UNIQUE",
        "age = sa.Column(sa.Integer, sqlite_on_conflict_unique='IGNORE')",
        "age = sa.Column(sa.Integer, unique=True, sqlite_on_conflict_unique='IGNORE')",
    ),
    Attribute(
        "Column.autoincrement",
        "id = sa.Column(sa.Integer, primary_key=True, autoincrement=False)",
        "id = sa.Column(sa.Integer, primary_key=True)",
        is_marked=True,
    ),
    options("comment added", "", "'comment': 'It''s'"),
    options("comment removed", "'comment': 'One'", ""),
    options("comment", "'comment': 'One'", "'comment': 'Two'"),
    Attribute(
        "Column.comment",
        "age = sa.Column(sa.Integer, comment='One')",
        "age = sa.Column(sa.Integer, comment='Two')",
    ),
    Attribute(
        "String.collation",
        NAME,
        "name = sa.Column(sa.String(20, collation=COLLATION))",
    ),
    Attribute(
        "String.collation removed",
        "name = sa.Column(sa.String(20, collation=COLLATION))",
        NAME,
    ),
]

ATTRIBUTES = [*CHECKS, *INDEXES, *KEYS, *COLUMNS, *SEQUENCES, *TABLES]


IN_WORDS = ("sqlite", "mariadb")
"""The databases that keep words of a key which do nothing."""


def anyway(attribute: Attribute, *in_other_words: str) -> Attribute:
    """Return an attribute that says after its change what is so before."""
    words = in_other_words or ("sqlite",)
    return attribute._replace(in_other_words=words, is_marked=False)


CHARSET = "'mysql_{0}': '{1}', 'mariadb_{0}': '{1}'"

SO_ANYWAY = [
    *(
        anyway(reference(f".{name}", before, after, on), *IN_WORDS)
        for name, before, after, on in (
            ("deferrable", "", "deferrable=False", STANDARD),
            (
                "initially",
                "deferrable=True",
                "deferrable=True, initially='IMMEDIATE'",
                PG,
            ),
            (
                "initially",
                "initially='deferred'",
                "deferrable=True, initially='DEFERRED'",
                PG,
            ),
            ("match", "", "match='SIMPLE'", STANDARD),
            ("ondelete", "", "ondelete='no action', onupdate='NO ACTION'", ALL),
            ("ondelete", "ondelete='CASCADE'", "ondelete='cascade'", ALL),
        )
    ),
    *map(
        anyway,
        (
            key(
                ".initially",
                "deferrable=True",
                "deferrable=True, initially='IMMEDIATE'",
                PG,
            ),
            key(".sqlite_on_conflict", "", "sqlite_on_conflict='ABORT'"),
            key(
                ".postgresql_nulls_not_distinct",
                "",
                "postgresql_nulls_not_distinct=False",
            ),
            index(".postgresql_using", "'age'", "'age', postgresql_using='btree'"),
            index(
                ".postgresql_using",
                "'age', postgresql_using='hash'",
                "'age', postgresql_using='HASH'",
            ),
            index(".postgresql_include", "'age'", "'age', postgresql_include=[]"),
            index(".postgresql_with", "'age'", "'age', postgresql_with={}"),
            index(
                ".postgresql_ops",
                "'name'",
                "'name', postgresql_ops={'name': 'text_ops'}",
            ),
            Attribute(
                "ExcludeConstraint.using",
                "during = sa.Column(postgresql.INT4RANGE)\n"
                "__table_args__ = (postgresql.ExcludeConstraint(('during', '&&'),"
                " name='{t}_e'),)",
                "during = sa.Column(postgresql.INT4RANGE)\n"
                "__table_args__ = (postgresql.ExcludeConstraint(('during', '&&'),"
                " name='{t}_e', using='GIST', initially='immediate'),)",
                PG,
            ),
            *(
                options(
                    f"mysql_{name}",
                    CHARSET.format("charset", "latin1"),
                    CHARSET.format(name, "Latin1"),
                )
                for name in (
                    "DEFAULT CHARSET",
                    "DEFAULT_CHARSET",
                    "default_character_set",
                    "CHARACTER SET",
                )
            ),
            options(
                "mysql_ENGINE",
                CHARSET.format("engine", "InnoDB"),
                CHARSET.format("ENGINE", "innodb"),
            ),
            options(
                "mysql_default_collate",
                CHARSET.format("collate", "latin1_bin"),
                CHARSET.format("default_collate", "latin1_bin"),
            ),
            options("sqlite_with_rowid", "", "'sqlite_with_rowid': True"),
            Attribute(
                "Column.sqlite_on_conflict_not_null",
                "age = sa.Column(sa.Integer, nullable=False)",
                "age = sa.Column(sa.Integer, nullable=False,"
                " sqlite_on_conflict_not_null='ABORT')",
            ),
            number(
                "Identity.start",
                "sa.Identity()",
                "sa.Identity(start=1, increment=1, minvalue=1, nomaxvalue=True,"
                " cycle=False, always=False)",
            ),
            sequence(".start", ", minvalue=3", ", minvalue=3, start=3"),
            sequence(
                ".data_type",
                "",
                ", data_type=sa.BigInteger(), start=1, minvalue=1, increment=1,"
                " nomaxvalue=True, cycle=False",
            ),
        ),
    ),
]
"""What a database does also where nothing is said: unsaid, and said."""


HEADER = '''"""Every attribute."""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.sql.elements import conv

from .db import Model


COLLATION = {collation!r}


class Own(sa.TypeDecorator):
    impl = sa.Boolean
    cache_ok = True


class Parent(Model):
    __tablename__ = "parent"

    id = sa.Column(sa.Integer, primary_key=True)
'''
TABLE = """

class Thing{number}(Model):
    __tablename__ = "{table}"

    id = sa.Column(sa.Integer, primary_key=True)
{lines}
"""


def models_of(attributes: list[Attribute], moment: str, database: str) -> str:
    """Return a module with a table for each attribute, before or after its change."""
    text = HEADER.format(collation=COLLATIONS[database])
    for number, attribute in enumerate(attributes):
        table = f"t_{number}"
        lines = indent(getattr(attribute, moment), "    ").replace("{t}", table)
        text += TABLE.format(number=number, table=table, lines=lines)
    return text
