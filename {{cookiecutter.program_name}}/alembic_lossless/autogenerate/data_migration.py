"""A revision that brings rows: `alembic -x data=hobby revision -m "seed hobbies"`.

It describes each table as it is now and never imports a model: models go on changing,
and the revision still has to run.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from keyword import iskeyword
from typing import Any

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError

from ..internals import type_code
from ..marks import REVIEW
from .draft import tables as tables_of

TAKEN = {"op", "sa", "upgrade", "downgrade", "revision", "down_revision"}


class Lines(MigrateOperation):
    """Lines of a script as they are."""

    def __init__(self, *lines: str) -> None:
        """Take the lines."""
        self.lines = list(lines)


@renderers.dispatch_for(Lines)
def _render_lines(_context: AutogenContext, lines: Lines) -> list[str]:
    return lines.lines


def write_data_migration(database: MigrationContext, script: MigrationScript) -> None:
    """Give a revision the rows of the tables that `-x data=…` names.

    :param database: one of the databases; its part gets the tables that it has.
    :raises CommandError: for a `-x` that means something else.
    """
    wanted = _wanted()
    tables = [t for t in tables_of(database) if t.key in wanted]
    parts = database.opts["revision_context"].template_args.setdefault("tables", [])
    rendering = AutogenContext(database, autogenerate=False)
    for table in tables:
        name = _variable(table)
        parts.append("\n".join(_described(table, name, rendering)))
        insert = Lines(f"op.bulk_insert({name}, {name}_rows)")
        script.upgrade_ops_list[-1].ops.append(insert)
        # The empty line ends the loop: Alembic indents what is written here.
        delete = Lines(f"for row in {name}_rows:", _deleted(table, name), "")
        script.downgrade_ops_list[-1].ops.insert(0, delete)
    script.imports |= rendering.imports


def refuse_unknown(known: set[str]) -> None:
    """Refuse a `-x data=…` that names no table.

    :param known: the tables of all databases.
    :raises CommandError: naming the table, and those that there are.
    """
    for name in sorted(_wanted() - known):
        there = ", ".join(sorted(known)) or "none"
        raise CommandError(f"data={name}: no such table. There are: {there}.")


def _wanted() -> set[str]:
    given = getattr(context.config.cmd_opts, "x", None) or ()
    names = set()
    for text in (*given, *context.config.attributes.get("answers", ())):
        key, _, name = text.partition("=")
        if key != "data" and get_close_matches(key, ["data"], cutoff=0.7):
            raise CommandError(f"{text}: did you mean data=?")
        if key in {"rename", "drop", "fill"}:
            raise CommandError(f"{text} answers a draft: add --autogenerate.")
        if key == "data":
            names.add(name)
    return names


def _variable(table: sa.Table) -> str:
    """Return the name that a table has in the script."""
    name = re.sub(r"\W", "_", table.key)
    return f"{name}_" if iskeyword(name) or name in TAKEN else name


def _described(table: sa.Table, name: str, rendering: AutogenContext) -> Iterator[str]:
    yield f"{name} = sa.table("
    yield f"    {table.name!r},"
    for column in table.columns:
        type_ = type_code(column.type, rendering)
        yield f"    sa.column({column.name!r}, {type_}),"
    if table.schema:
        yield f"    schema={table.schema!r},"
    yield ")"
    example = ", ".join(f"{column.name!r}: ..." for column in _given(table))
    yield f"{name}_rows: list[dict[str, object]] = ["
    yield f"    {REVIEW} write the rows here, each as {'{'}{example}{'}'}"
    yield "]"


def _given(table: sa.Table) -> list[sa.Column[Any]]:
    """Return the columns that a row gives; a number that counts up gives itself."""
    return [c for c in table.columns if c is not table.autoincrement_column]


def _deleted(table: sa.Table, name: str) -> str:
    """Return the line that deletes a row, found by what makes it different."""
    unique = [c for c in table.constraints if isinstance(c, sa.UniqueConstraint)]
    given = [column.name for column in _given(table)]
    keys = ([c.name for c in key.columns] for key in (table.primary_key, *unique))
    key = next((key for key in keys if key and set(key) <= set(given)), given)
    same = ", ".join(f"{name}.c[{column!r}] == row[{column!r}]" for column in key)
    return f"op.execute({name}.delete().where({same}))"
