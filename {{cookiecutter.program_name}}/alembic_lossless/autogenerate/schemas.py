"""The schemas that tables and types are about to be in."""

from collections.abc import Iterator

from alembic.operations import ops
from alembic.util import CommandError
from sqlalchemy import ForeignKeyConstraint

from ..dialects import MYSQL
from ..operations.enums import CreateEnumOp
from ..operations.schemas import ATTACH, CreateSchemaOp, is_there
from ..rules import rule
from .draft import Draft
from .operations import label, operations_in


@rule(
    "schema",
    "refusal",
    "SQLite has no such schema, or MariaDB finds no table of another one from it.",
)
def refuse_schemas(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Refuse what a database cannot do with schemas, which create_all cannot do either.

    :raises CommandError: with the schema, or with the tables.
    """
    connection, dialect = draft.context.connection, draft.context.dialect.name
    lines = []
    if dialect == "sqlite" and connection is not None:
        news = _new_schemas(draft, upgrade)
        lines = [ATTACH.format(name=it) for it in news if not is_there(connection, it)]
    if dialect in MYSQL:
        lines = [
            f"{source} refers to {target}, and MariaDB looks for it in the same"
            f" database. Say which one it is in: schema=… of {target}."
            for source, target in _references_without_schema(upgrade)
        ]
    if lines:
        raise CommandError("\n".join([*lines, "Nothing is written."]))


def _references_without_schema(container: ops.OpContainer) -> Iterator[tuple[str, str]]:
    """Give each table of a schema and the one without, which its keys refer to."""
    for op in operations_in(container):
        if isinstance(op, ops.CreateTableOp):
            keys = op.to_table().foreign_key_constraints
        elif isinstance(op, ops.CreateForeignKeyOp):
            made = op.to_constraint()
            keys = {made} if isinstance(made, ForeignKeyConstraint) else set()
        else:
            continue
        for key in keys:
            schema, name = key.table.schema, key.table.name
            target = key.elements[0].target_fullname.split(".")[:-1]
            if schema and len(target) == 1:
                yield label(schema, name), target[0]


def make_schemas(draft: Draft, container: ops.OpContainer) -> None:
    """Begin an upgrade with the schemas that no revision has used before."""
    if container is draft.upgrade:
        made = [CreateSchemaOp(name) for name in _new_schemas(draft, container)]
        container.ops[:0] = made


def _new_schemas(draft: Draft, upgrade: ops.OpContainer) -> list[str]:
    """Return the schemas of new tables and types that no revision has used."""
    default = draft.context.dialect.default_schema_name
    known = {default, *(schema for schema, _ in draft.declared)}
    used = [
        op.schema
        for op in operations_in(upgrade)
        if isinstance(op, ops.CreateTableOp | CreateEnumOp) and op.schema not in known
    ]
    return [name for name in dict.fromkeys(used) if name is not None]
