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

from .._alembic import type_code
from ..replay import replayed
from ..rules import DELETES, REVIEW
from .draft import Note
from .draft import tables as tables_of

END = ""
"""The empty line ends a loop: Alembic indents what is written after it."""

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
    tables = [_declared(t, database) for t in tables_of(database) if t.key in wanted]
    parts = database.opts["revision_context"].template_args.setdefault("tables", [])
    rendering = AutogenContext(database, autogenerate=False)
    for table in tables:
        name = _variable(table)
        parts.append("\n".join(_described(table, name, rendering)))
        script.upgrade_ops_list[-1].ops.append(_inserts(name))
        downgrade = script.downgrade_ops_list[-1]
        downgrade.ops = [*_deletes(table, name), *downgrade.ops]
    script.imports |= rendering.imports


def _declared(table: sa.Table, database: MigrationContext) -> sa.Table:
    """Return a table as the revisions declare it, which the models may be ahead of."""
    found = replayed(database).created(table.schema, table.name)
    return table if found is None else found


def refuse_unknown(known: set[str]) -> None:
    """Refuse a `-x data=…` that names no table.

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


def _inserts(name: str) -> Lines:
    """Return the loop that inserts the rows, each with the columns that it gives."""
    insert = f"op.execute({name}.insert().values(row))"
    return Lines(f"for row in {name}_rows:", insert, END)


def _deletes(table: sa.Table, name: str) -> Iterator[MigrateOperation]:
    """Yield the loop that deletes the rows, found by what makes each different."""
    loop, key = f"for row in {name}_rows:", _key(table)
    same = [f"{name}.c[{column!r}] == row[{column!r}]" for column in key]
    if not key:
        text = f"every row of {table.key} with such values, also one that was added."
        yield Note(DELETES, text)
        same = [f"*({name}.c[column] == value for column, value in row.items())"]
        if not any(map(_is_required, _given(table))):
            # No condition would mean all rows.
            loop = f"for row in filter(None, {name}_rows):"
    yield Lines(loop, f"op.execute({name}.delete().where({', '.join(same)}))", END)


def _key(table: sa.Table) -> list[str]:
    """Return columns that each row gives and no two rows share, or none."""
    unique = [c for c in table.constraints if isinstance(c, sa.UniqueConstraint)]
    indexes = [index for index in table.indexes if _is_key(index)]
    columns = [it.columns for it in unique] + [it.columns for it in indexes]
    names = sorted([column.name for column in key] for key in columns)
    names.insert(0, [column.name for column in table.primary_key.columns])
    given = {column.name for column in _given(table) if _is_required(column)}
    return next((key for key in names if key and given.issuperset(key)), [])


def _is_key(index: sa.Index) -> bool:
    """Tell whether an index is unique over all rows, and over columns as they are."""
    wheres = (v for k, v in index.dialect_kwargs.items() if "where" in k.split("_"))
    columns = all(isinstance(part, sa.Column) for part in index.expressions)
    return bool(index.unique) and columns and all(value is None for value in wheres)


def _is_required(column: sa.Column[Any]) -> bool:
    """Tell whether a row has to give a column."""
    return not column.nullable and column.server_default is None
