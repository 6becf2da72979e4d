"""The operations of a draft that become calls of `steps`, and how they are written."""

from typing import Any

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import _repr_type
from alembic.operations import MigrateOperation
from alembic.operations.ops import AlterColumnOp, OpContainer
from sqlalchemy.types import TypeEngine

from .declared import names_before

IMPORT = f"from {__name__.rpartition('.review.')[0]} import steps"
"""The import of a script that calls one."""

_stock_alter_column = renderers.dispatch(AlterColumnOp)


class Call(MigrateOperation):
    """A call of a function in `steps`, for example `steps.drop_enum('mood')`."""

    def __init__(
        self, function: str, *arguments: Any, schema: str | None = None
    ) -> None:
        """Take the function's name and what it is called with."""
        self.function = function
        self.arguments = arguments
        self.schema = schema


def refuse_loss(container: OpContainer, change: AlterColumnOp, new: Any) -> Call:
    """Return the step that stops when a column has values that a type would destroy.

    It comes first, so it speaks of the column as it is called before anything changes.

    :param container: the operations of one direction, that the change is in.
    """
    key = change.schema, change.table_name
    was = names_before(container, key, change.column_name)
    return Call("refuse_loss", *was, new, schema=change.schema)


@renderers.dispatch_for(Call)
def _render_call(context: AutogenContext, call: Call) -> str:
    context.imports.add(IMPORT)
    written = [
        _repr_type(value, context) if isinstance(value, TypeEngine) else repr(value)
        for value in call.arguments
    ]
    if call.schema:
        written.append(f"schema={call.schema!r}")
    return f"steps.{call.function}({', '.join(written)})"


@renderers.dispatch_for(AlterColumnOp, replace=True)
def _render_alter_column(context: AutogenContext, operation: AlterColumnOp) -> str:
    """Write `postgresql_using` too, which Alembic's own rendering leaves out."""
    text: str = _stock_alter_column(context, operation)
    using = operation.kw.get("postgresql_using")
    return text[:-1] + f",\n           postgresql_using={using!r})" if using else text
