"""Write the page that says what drafts compare, from the gallery of attributes."""

from collections.abc import Iterable, Iterator
from inspect import signature
from typing import Any

import sqlalchemy as sa
from alembic_lossless.autogenerate.compare_tables import NOT_COMPARED
from alembic_lossless.state import SO_ANYWAY
from attributes import ATTRIBUTES, Attribute
from rendering import TEMPLATE
from sqlalchemy.dialects import mysql, postgresql, sqlite

PAGE = TEMPLATE / "docs" / "compared.md"

CLASSES = (
    sa.Column,
    sa.Index,
    sa.CheckConstraint,
    sa.UniqueConstraint,
    sa.PrimaryKeyConstraint,
    sa.ForeignKeyConstraint,
    sa.Computed,
    sa.Identity,
    sa.Sequence,
    sa.Table,
)
"""What a table is declared with; ForeignKey is a ForeignKeyConstraint of one column."""

DIALECTS = (postgresql.dialect, mysql.dialect, sqlite.dialect)

NO_PART_OF_A_TABLE = {"Update", "Delete", "CreateView", "Constraint"}
"""What dialects have arguments for too; those of each kind of constraint are listed."""

OF_PYTHON = {
    **dict.fromkeys(("info", "doc", "key"), "for people and programs"),
    **dict.fromkeys(("quote", "quote_schema"), "how a name is written"),
    **dict.fromkeys(("args", "dialect_kw", "dialect_kwargs", "kw"), "all the others"),
    **dict.fromkeys(("table", "metadata", "schema"), "where it belongs"),
    **dict.fromkeys(("name", "columns"), "compared by Alembic"),
}
"""Arguments of many classes that no database hears of, and why."""

SAYS_NOTHING = {
    "Column.default": "Python gives it; a Sequence is compared",
    "Column.insert_default": "Python gives it",
    "Column.onupdate": "Python gives it",
    "Column.server_onupdate": "says that the database does it by itself",
    "Column.insert_sentinel": "for the order of returned rows",
    "Column.system": "a column that the database makes by itself",
    "Column.index": "an Index",
    "Column.unique": "a UniqueConstraint",
    "Column.type_": "compared, see the gallery of types",
    "Column.nullable": "compared by Alembic",
    "Column.primary_key": "compared; another key is refused",
    "Column.server_default": "compared with the revisions",
    "Column.sqlite_on_conflict_primary_key": "as `sqlite_on_conflict_not_null`",
    "Column.sqlite_on_conflict_unique": "as `sqlite_on_conflict_not_null`",
    "Index.postgresql_concurrently": "how it is made",
    "CheckConstraint.postgresql_not_valid": "how it is made",
    "CheckConstraint.deferrable": "no database can",
    "CheckConstraint.initially": "no database can",
    "ForeignKeyConstraint.postgresql_not_valid": "how it is made",
    "ForeignKeyConstraint.refcolumns": "compared by Alembic",
    "ForeignKeyConstraint.use_alter": "how it is made",
    "ForeignKeyConstraint.link_to_name": "how names are read",
    "Identity.on_null": "Oracle's",
    "Identity.order": "Oracle's",
    "Sequence.order": "Oracle's",
    "Sequence.optional": "then there is none",
    "Sequence.for_update": "when Python asks for the next value",
    "Table.autoload_with": "how it is read",
    "Table.autoload_replace": "how it is read",
    "Table.keep_existing": "how it is read",
    "Table.extend_existing": "how it is read",
    "Table.resolve_fks": "how it is read",
    "Table.include_columns": "how it is read",
    "Table.implicit_returning": "how rows are written",
    "Table.listeners": "for programs",
    "Table.postgresql_ignore_search_path": "how it is read",
    "Table.postgresql_on_commit": "of temporary tables",
}
"""Arguments that no database hears of, or that are compared elsewhere."""


def arguments() -> Iterator[str]:
    """Give each argument of a class that SQLAlchemy or a dialect knows."""
    for made in CLASSES:
        names = [*signature(made.__init__).parameters][1:]
        public = (name for name in names if not name.startswith("_"))
        yield from (f"{made.__name__}.{name}" for name in public)
    for dialect in DIALECTS:
        for construct, given in dialect.construct_arguments or ():
            known = (name for name, value in given.items() if is_declared(value))
            if construct.__name__ not in NO_PART_OF_A_TABLE:
                for name in known:
                    yield f"{construct.__name__}.{dialect.name}_{name}"


def is_declared(value: object) -> bool:
    """Tell an option that a model gives from one that only a database says."""
    return "REFLECTED_ONLY" not in repr(value)


def is_listed(argument: str) -> bool:
    """Tell whether the gallery or the page has an argument."""
    listed = {name_of(it) for it in ATTRIBUTES} | {*SAYS_NOTHING, *NOT_COMPARED}
    return argument in listed or argument.partition(".")[2] in OF_PYTHON


def is_known(attribute: Attribute) -> bool:
    """Tell whether this SQLAlchemy has an argument; a dialect's can be newer."""
    name = name_of(attribute)
    of_dialects = tuple(f"{it.name}_" for it in DIALECTS)
    is_newer = name.partition(".")[2].startswith(of_dialects)
    return not is_newer or name in {*arguments()}


SINCE = {"postgresql_nulls_not_distinct": (15,)}
"""The version of a server that was the first to have an argument."""


def has_words(attribute: Attribute, server: Any) -> bool:
    """Tell whether a server is new enough for an attribute.

    :param server: its version, as SQLAlchemy reads it.
    """
    since = SINCE.get(name_of(attribute).partition(".")[2], ())
    return server is None or server >= since


def name_of(attribute: Attribute) -> str:
    """Return the argument that a row of the gallery is about."""
    return attribute.name.partition(":")[0].partition(" ")[0]


def table(rows: Iterable[Attribute]) -> str:
    """Return rows of the gallery as a table of Markdown."""
    found = dict[str, list[str]]()
    for row in rows:
        databases = found.setdefault(row.name, [])
        databases += [it for it in row.databases if it not in databases]
    lines = [f"| {name} | {', '.join(on)} |" for name, on in sorted(found.items())]
    return "\n".join(["| attribute | tried on |", "|---|---|", *lines])


def page() -> str:
    """Return the whole page."""
    drafted = (it for it in ATTRIBUTES if it.databases and not it.is_marked)
    marked = (it for it in ATTRIBUTES if it.databases and it.is_marked)
    named = "\n".join(f"- `{name}`" for name in NOT_COMPARED)
    nothing = "\n".join(f"- `{name}`: {why}" for name, why in SAYS_NOTHING.items())
    anyway = ", ".join(f"`{name}={it!r}`" for name, it in SO_ANYWAY.items())
    return TEXT.format(
        drafted=table(drafted),
        marked=table(marked),
        anyway=anyway,
        named=named,
        nothing=nothing,
    )


TEXT = """\
# What drafts compare

What SQLAlchemy can declare of a table is compared with the database, or with what the
revisions declared where a database gives it back in other words or not at all. This
page is written from the tests that do it (`tests/compared.py`).

What was made by SQL of your own (`op.execute`) is in no revision's words: of that the
database alone is asked, and only for what Alembic asks it.

## A draft makes the change

For each row a model is drafted, made, compared with what `create_all` makes, taken back
and made again; then the model is changed, and all of that once more.

{drafted}

A CHECK that rows violate stops the upgrade before anything is changed, as a unique key
does. A column with values that becomes computed, and a computed one that is to hold
values, are refused: no draft can do that to rows. On PostgreSQL before 17 a column with
another formula is made anew, and the revision stops where an index uses it.

## A draft says what you have to write

These are in the first draft of a table. A change is marked with `# REVIEW:`; you write
the `op.execute` for it above the `op.manual_change(…)` that the draft has, which
tells later drafts.

{marked}

## The same, said or not

What a database does where nothing is said is no difference, in whatever letters:
{anyway}, the `start` and `minvalue` of a sequence that counts from 1, and the usual
operator class of a type. MySQL's names of one option are one: `mysql_DEFAULT CHARSET`,
`mysql_character_set` and `mysql_charset`. What depends on how a server is set, as
`mysql_engine` or a tablespace, is compared as it is written.

## Views

A `CreateView` of the metadata is compared by its query, with the one that the
revisions have; the database is asked which views are there. One that nobody declared
and a model has now is replaced by the first draft, and what it showed comes back with
the downgrade.

- A draft writes `op.create_view`, `op.replace_view` and `op.drop_view`, those that
  others use first. The query is text, for each database of `runs_on` where they read
  it differently; one that has no words for it refuses the draft.
- Before a column or a table is dropped or renamed, or a column gets another type, each
  view that uses it is dropped, and made again after it, with its owner, its comments
  and who may read it (`GRANT`); a script of `--sql` says where these are lost. One with
  a trigger is not dropped with it: the run stops before that.
- A view of somebody else, in no model and no revision, is left alone and named (`-x
  drop=…` drops it). Where it uses what a draft changes, `# REVIEW:` names it, and what
  to write.
- A materialized view, and its indexes, are PostgreSQL's alone; elsewhere a draft and
  `check` are refused. One that changes is dropped and made, with the rows of that
  moment.
- `CreateTableAs` is `op.create_table_as`: the rows are those of the moment at which
  the revision runs, and data from then on. Of such a table only that it is there is
  compared.
- `temporary=True` is named and not compared; `or_replace` and `sqlite_if_not_exists`
  say how a view is made.

## DOMAINs

A DOMAIN of PostgreSQL is made before its columns (`op.create_domain`), also where only
a column of it is new, and dropped with the last one. Its CHECK, NOT NULL and default
are compared with the revisions: `op.alter_domain` looks into each column first, and
stops with a count and an example where rows have what is no longer allowed. A new
column of one that is NOT NULL without a default is asked for a value. Its type and its
collation cannot change: the draft is refused, and another name is another DOMAIN. One
with `create_type=False` is left to you.

## Partitions

Partitions belong to their table, whoever makes them: none is named or offered to be
dropped, unless a model or a revision has it as a table of its own. PostgreSQL has no
CONCURRENTLY for an index of such a table: a live draft builds it on each partition
(`op.index_partitions`), and `op.create_index` takes those over. A foreign key and a
unique constraint have no such form there, and are marked with `# LOCKS:`.

Functions, triggers and policies are no part of a metadata: they are not compared.

## Not compared

A model that has one of these is named in one line, at each draft and `check`:

{named}
- a CHECK without a name, in a table that exists: give it one

## Nothing to compare

No database hears of these, or they are compared with something else:

{nothing}
"""

if __name__ == "__main__":
    PAGE.write_text(page())
