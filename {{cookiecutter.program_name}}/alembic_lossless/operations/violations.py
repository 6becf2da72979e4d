"""Which rows are in the way of a constraint: how many, and one of them."""

from collections.abc import Sequence
from typing import NoReturn

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.util import CommandError
from sqlalchemy.engine.interfaces import ReflectedForeignKeyConstraint
from sqlalchemy.exc import IntegrityError

from ..rules import rule
from .base import LosslessOp, table
from .names import Names
from .rows import asks_only, label, refuse, rows_of

CHECK = (
    "SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint"
    " WHERE conname = :name AND conrelid = to_regclass(:table)"
)


def explain(names: Names, constraint: str, error: IntegrityError) -> NoReturn:
    """Say which rows PostgreSQL did not like, if that can still be asked.

    :raises CommandError: with a count and an example.
    """
    if not names.is_alone:
        raise error
    if _foreign_key(names, constraint):
        refuse_orphans(names, constraint)
    given = {"name": constraint, "table": names.table}
    condition = names.bind().scalar(sa.text(CHECK), given)
    if condition is None:
        raise error
    query = sa.select(*_key(names)).where(sa.not_(sa.literal_column(f"({condition})")))
    _refuse(names, query, f"violate {constraint}: {condition}")
    raise error


def explain_duplicates(
    names: Names, columns: Sequence[str], error: IntegrityError
) -> NoReturn:
    """Say which values PostgreSQL found more than once.

    :raises CommandError: with a count and an example.
    """
    if names.is_alone:
        table = names.clause(*columns)
        query = sa.select(*table.columns).group_by(*table.columns)
        query = query.having(sa.func.count() > 1)
        for column in table.columns:
            query = query.where(column.is_not(None))
        _refuse(
            names, query, f"({', '.join(columns)}) are there more than once", "value"
        )
    raise error


def refuse_orphans(names: Names, constraint: str) -> None:
    """Stop when rows refer to nothing.

    :raises CommandError: with a count and an example.
    """
    key = _foreign_key(names, constraint)
    if key is None:
        return
    columns, keys = key["constrained_columns"], key["referred_columns"]
    source = names.clause(*columns)
    parent = sa.table(
        key["referred_table"],
        *(sa.column(name) for name in keys),
        schema=key.get("referred_schema"),
    ).alias("parent")
    pairs = zip(source.columns, parent.columns, strict=True)
    refers = sa.exists().where(*(child == found for child, found in pairs))
    given = (column.is_not(None) for column in source.columns)
    query = sa.select(*source.columns).where(*given, ~refers)
    _refuse(names, query, f"refer to no {key['referred_table']} ({constraint})")


def _foreign_key(names: Names, name: str) -> ReflectedForeignKeyConstraint | None:
    found = sa.inspect(names.bind()).get_foreign_keys(names.name, names.schema)
    return next((key for key in found if key["name"] == name), None)


def _key(names: Names) -> list[sa.ColumnClause[object]]:
    """Return the columns by which a row is found again."""
    key = sa.inspect(names.bind()).get_pk_constraint(names.name, names.schema)
    return list(names.clause(*key["constrained_columns"]).columns)


@rule("violations", "guard", "Rows violate a constraint that new rows keep already.")
def _refuse(
    names: Names, query: sa.Select[*tuple[object, ...]], why: str, of: str = "row"
) -> None:
    rows = query.subquery()
    bind = names.bind()
    count = bind.scalar(sa.select(sa.func.count()).select_from(rows))
    example = bind.execute(query.limit(1)).first()
    if example is not None:
        pairs = zip(query.selected_columns.keys(), example, strict=True)
        values = ", ".join(f"{name}={value!r}" for name, value in pairs)
        some = f"1 {of}" if count == 1 else f"{count} {of}s"
        raise CommandError(
            f"{some} of {names.name} {why}, for example {values}. Correct them and run"
            " the upgrade again: it goes on from here."
        )


@rule("check", "guard", "Rows violate a CHECK that is about to be there.")
@Operations.register_operation("refuse_violations")
class RefuseViolationsOp(LosslessOp):
    """Stop when rows violate a condition that is about to hold."""

    function = "refuse_violations"

    @classmethod
    def refuse_violations(
        cls,
        operations: Operations,
        table_name: str,
        condition: str,
        columns: Sequence[str],
        *,
        schema: str | None = None,
    ) -> None:
        """Stop the revision when rows violate a condition that is about to hold.

        Where it comes to NULL it holds, as in a CHECK.

        :param table_name: the table, by the name it has now.
        :param condition: SQL, with the names that columns have now.
        :param columns: those to show of a row.
        :param schema: the schema of the table.
        :raises CommandError: with a count and an example.
        """
        operations.invoke(cls(table_name, condition, columns, schema=schema))


@Operations.implementation_for(RefuseViolationsOp)
def _refuse_violations(operations: Operations, op: RefuseViolationsOp) -> None:
    name, condition, columns = op.arguments
    subject = label(name, columns)
    if asks_only(operations, f"is {condition} in each row of {name}?"):
        return
    source = table(op, name, *columns)
    violates: sa.ColumnElement[bool] = sa.not_(sa.literal_column(f"({condition})"))
    rows = rows_of(operations, sa.select(source).where(violates))
    refuse(rows, f"{subject} holds", f"that violate {condition}")
