"""The code to write instead of an operation that stops others."""

from collections.abc import Iterable
from textwrap import dedent

from alembic.autogenerate import render_python_code
from alembic.operations import MigrateOperation, ops

from ..autogenerate.live import online
from ..autogenerate.operations import AutocommitBlock
from ..autogenerate.render import render_item


def safe_form(operation: MigrateOperation) -> str:
    """Return the form of an operation that leaves others at work, or nothing."""
    schema = getattr(operation, "schema", None)
    table = getattr(operation, "table_name", "")
    if isinstance(operation, ops.CreateForeignKeyOp):
        schema, table = operation.kw.get("source_schema"), operation.source_table
    change = ops.ModifyTableOps(table, [operation], schema=schema)
    parts = list(online(change, lambda _change: True))
    if _operations(parts) == [operation]:
        return ""
    block = ops.UpgradeOps([AutocommitBlock(parts)])
    lines = render_python_code(block, render_item=render_item).splitlines()
    code = (line for line in lines if line and not line.lstrip().startswith("#"))
    return dedent("\n".join(code))


def _operations(parts: Iterable[MigrateOperation]) -> list[MigrateOperation]:
    return [
        op
        for part in parts
        for op in (part.ops if isinstance(part, ops.ModifyTableOps) else [part])
    ]
