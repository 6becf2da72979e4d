"""The second comparison, with the database as it will be once the renames are done."""

from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import AlterColumnOp, UpgradeOps
from sqlalchemy import inspect

from .declared import operations_in
from .draft import Draft
from .renamed import Names, RenamedInspector


def compare(draft: Draft, names: Names) -> tuple[UpgradeOps, RenamedInspector]:
    """Return what the models differ by from the database with the new names."""
    database = draft.context
    names.apply(draft.declared)
    comparison, found = AutogenContext(database), UpgradeOps()
    inspector = RenamedInspector(inspect(database.connection), names)
    vars(comparison)["inspector"] = inspector
    comparison.comparators.dispatch("autogenerate", qualifier=database.dialect.name)(
        comparison, found
    )
    for op in operations_in(found):
        if isinstance(op, AlterColumnOp):
            _keep_counting(draft, op)
    return found, inspector


def _keep_counting(draft: Draft, op: AlterColumnOp) -> None:
    """Say that a key counts up, which Alembic forgets where its sequence has a name.

    MariaDB hears the whole column again, and would stop counting.
    """
    column = draft.models[op.schema, op.table_name][op.column_name]
    if column.table.autoincrement_column is column:
        op.kw["autoincrement"] = True
