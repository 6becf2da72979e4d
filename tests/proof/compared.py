"""Write docs/compared.md: what drafts compare, by what the generator's models say.

PYTHONPATH="tests:{{cookiecutter.program_name}}" python -m proof.compared
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from inspect import signature

import sqlalchemy as sa
from alembic_lossless.autogenerate.compare_tables import NOT_COMPARED
from alembic_lossless.ddl.sqlite import CONFLICTS
from alembic_lossless.state import OF_UNIQUE, SO_ANYWAY
from rendering import TEMPLATE
from servers import DATABASES
from sqlalchemy.dialects import mysql, postgresql, sqlite

from .__main__ import apps_of
from .left_out import ARGUMENTS, SILENT
from .write import Writer

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


Found = Mapping[str, set[str]]
"""Each argument, as `Column.comment`, or a class -> the databases of its models."""


def written(seeds: int = 400) -> Found:
    """Return what stands in the models of so many seeds, for each database."""
    found = defaultdict[str, set[str]](set)
    for database in DATABASES:
        for seed in range(seeds):
            app, *_ = apps_of(seed, database, known=True)
            for name in arguments_in(Writer(app).models()):
                found[name].add(database)
    return found


def arguments_in(models: str) -> Iterator[str]:
    """Give each class that a module makes, and each argument that it gives it."""
    for node in ast.walk(ast.parse(models)):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else ""
            name = "Column" if "mapped_column" in ast.dump(function) else name
            yield name
            for keyword in node.keywords:
                yield f"{name}.{keyword.arg}"
        if isinstance(node, ast.Dict):  # of __table_args__
            for key in node.keys:
                if isinstance(key, ast.Constant):
                    yield f"Table.{key.value!s}"


def is_marked(name: str) -> bool:
    """Tell an option of a table or a column that no draft changes, but its author."""
    made, _, argument = name.partition(".")
    of_dialect = argument.startswith(tuple(f"{it.name}_" for it in DIALECTS))
    if argument in {CONFLICTS, OF_UNIQUE}:
        return False  # a rebuild of SQLite's makes them
    return (made in {"Table", "Column"} and of_dialect) or name in OPTIONS


OPTIONS = {"Table.prefixes", "Column.autoincrement", "Column.system"}
"""The options that are no dialect's."""

BY_PLACE = {"columns", "expressions", "refcolumns", "sqltext", "type_"}
"""What is compared of what has no keyword."""


def page(found: Found) -> str:
    """Return the whole page.

    :param found: what `written` gives.
    """
    on = dict[str, set[str]]()
    for name in arguments():
        made, _, argument = name.partition(".")
        tried = found.get(made if argument in BY_PLACE else name, set())
        if tried and not {name, argument} & {*SILENT, *NOT_COMPARED}:
            on[name] = tried
    return TEXT.format(
        drafted=_table({it: at for it, at in on.items() if not is_marked(it)}),
        marked=_table({it: at for it, at in on.items() if is_marked(it)}),
        anyway=", ".join(f"`{it}={value!r}`" for it, value in SO_ANYWAY.items()),
        named=_list(dict.fromkeys(NOT_COMPARED, "")),
        left_out=_list(ARGUMENTS),
        nothing=_list(SILENT),
    )


def _table(on: Found) -> str:
    rows = (
        f"| {name} | {', '.join(it for it in DATABASES if it in at)} |"
        for name, at in sorted(on.items())
    )
    return "\n".join(["| argument | tried on |", "|---|---|", *rows])


def _list(reasons: Mapping[str, str]) -> str:
    return "\n".join(
        f"- `{name}`" + (f": {why}" if why else "") for name, why in reasons.items()
    )


TEXT = """\
# What drafts compare

What SQLAlchemy can declare of a table is compared with the database, or with what the
revisions declared where a database gives it back in other words or not at all. This
page is written from the generator of the [proof](proof.md) (`tests/proof/compared.py`).

What was made by SQL of your own (`op.execute`) is in no revision's words: of that the
database alone is asked, and only for what Alembic asks it.

## A draft makes the change

The generator makes models with each of these, and changes them. Each is drafted, made,
compared with what `create_all` makes, taken back and made again, with rows. A gallery
of single changes does it for each alone (`tests/attributes.py`).

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

A constraint that models name has that name, whatever it was called before. Where they
give none, and no naming convention does, any name will do: that of a server, of a
draft, or one that an earlier model gave.

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
- a CHECK without a name, in a table that no revision makes: give it one

## Not made by the generator

What is left out, and why; a few of these are in the gallery:

{left_out}

## Nothing to compare

No database hears of these, or they are compared with something else:

{nothing}
"""

if __name__ == "__main__":
    PAGE.write_text(page(written()))
