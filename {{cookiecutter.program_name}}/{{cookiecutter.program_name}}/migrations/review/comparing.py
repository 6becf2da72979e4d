"""The second comparison, with the database as it will be once the renames are done."""

from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import UpgradeOps
from sqlalchemy import inspect

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
    return found, inspector
