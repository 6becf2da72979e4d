"""Names that a server shortened: a draft says the whole name, and each shortens it.

PostgreSQL keeps 63 bytes of a name and MariaDB 64 characters, SQLite keeps all.
"""

from typing import TYPE_CHECKING

from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy.sql.elements import conv

from ..operations.names import LONGEST
from .replay import replayed

if TYPE_CHECKING:
    from .draft import Draft


def whole_names(context: MigrationContext) -> dict[str, str]:
    """Return the long names that revisions gave, by what this database made of them."""
    history, preparer = replayed(context), context.dialect.identifier_preparer
    objects = {name for its in history.objects.tables.values() for _, name in its}
    names = objects | history.indexes | history.unique | history.foreign_keys
    return {
        preparer.truncate_and_render_index_name(conv(name)).strip('"`'): name
        for name in names
        if len(name.encode()) > LONGEST
    }


def name_wholly(draft: "Draft", upgrade: ops.OpContainer) -> None:
    """Drop indexes and constraints by the names that they have in the revisions."""
    whole = whole_names(draft.context)
    if whole:
        _name_wholly(upgrade, whole)


def _name_wholly(container: ops.OpContainer, whole: dict[str, str]) -> None:
    for at, op in enumerate(container.ops):
        if isinstance(op, ops.OpContainer):
            _name_wholly(op, whole)
        elif isinstance(op, ops.DropIndexOp) and op.index_name in whole:
            index = op.to_index()
            index.name = conv(whole[str(op.index_name)])
            container.ops[at] = ops.DropIndexOp.from_index(index)
        elif isinstance(op, ops.DropConstraintOp) and op.constraint_name in whole:
            constraint = op.to_constraint()
            constraint.name = conv(whole[str(op.constraint_name)])
            container.ops[at] = ops.DropConstraintOp.from_constraint(constraint)
