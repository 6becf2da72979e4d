"""What is compared beyond Alembic's own comparison, and the second comparison."""

import logging
from typing import Any, TypeGuard

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.operations.ops import AlterColumnOp, UpgradeOps
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, DefaultClause, FetchedValue, inspect

from ..dialects import DIALECTS, Type, ddl
from ..internals import variants
from ..runtime.errors import reviewing
from ..stored_types import enums_in, stored
from ..types import is_native, kind
from .declared import default_fits, default_of
from .draft import Draft
from .held import put_back
from .inspector import Names, RenamedInspector
from .named_objects import name_for
from .operations import ChangePrimaryKey, label, operations_in
from .ownership import ownership_of
from .render import default_code
from .replay import declared_in, replayed
from .reported import is_reported_as

log = logging.getLogger("alembic.review")


def compare_column(
    context: AutogenContext, change: AlterColumnOp, *compared: Any
) -> None:
    """Compare a column of the models, which comes last, with the revisions."""
    column: Column[Any] = compared[-1]
    tables = declared_in(context.migration_context)
    declared = tables.get((change.schema, change.table_name), {}).get(column.name)
    if declared is None:
        return
    _compare_defaults(change, declared, column)
    has_none = not context.migration_context.dialect.supports_comments
    if has_none and declared.comment != column.comment:
        change.existing_comment = declared.comment
        change.modify_comment = column.comment
        log.info("Detected another comment of '%s'", column)


def _compare_defaults(
    change: AlterColumnOp, declared: Column[Any], column: Column[Any]
) -> None:
    """Notice a default that a model gained, lost or changed."""
    before, after = declared.server_default, column.server_default
    if before is None and not default_fits(column):
        text = (
            "The server default %r of '%s' is no value of its type; it is not compared"
        )
        log.warning(text, default_of(column), column)
        return  # another type took it away
    if _is_plain(before) and _is_plain(after) and _code(before) != _code(after):
        change.existing_server_default, change.modify_server_default = before, after
        log.info("Detected another server default of '%s'", column)


def _is_plain(default: FetchedValue | None) -> TypeGuard[DefaultClause | None]:
    """Tell a default, or none, from an identity or a formula, which no draft alters."""
    return default is None or isinstance(default, DefaultClause)


def _code(default: DefaultClause | None) -> str | None:
    return None if default is None else default_code(default.arg)


def compare_renamed(draft: Draft, names: Names) -> tuple[UpgradeOps, RenamedInspector]:
    """Return what the models differ by from the database with the new names."""
    database = draft.context
    names.apply(draft.declared)
    objects = replayed(database).objects
    for key, new in names.tables.items():
        objects.rename_table(key, new)
    for (key, old), renamed in names.columns.items():
        objects.rename_columns(key, {old: renamed})
    comparison, found = AutogenContext(database), UpgradeOps()
    inspector = RenamedInspector(inspect(database.connection), names)
    vars(comparison)["inspector"] = inspector
    draft.ownership.left.clear()  # it says the old names
    comparison.comparators.dispatch("autogenerate", qualifier=database.dialect.name)(
        comparison, found
    )
    put_back(found)
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


def compare_type(
    context: MigrationContext,
    inspected: sa.Column[Any],
    column: sa.Column[Any],
    inspected_type: Any,
    model_type: Any,
) -> bool:
    """Tell whether a column has another type in the models, here or elsewhere.

    :raises ReviewError: with the column, where the types cannot be compared.
    """
    table = declared_in(context).get((column.table.schema, column.table.name), {})
    declared = table[column.name].type if column.name in table else None
    with reviewing(label(column.table.schema, column.table.name), column.name):
        new = stored(model_type)
        changed = _enums_differ(inspected_type, declared, new)
        if changed is not None:
            return changed
        if declared is not None and _has_check(declared) is not _has_check(new):
            log.warning(
                "%s: create_constraint of its type is not compared, and no draft"
                " changes it.",
                column,
            )
        if declared is not None and _text_of(declared) != _text_of(new):
            return True
        here = sa.Column(column.name, new, primary_key=column.primary_key)
        if context.impl.compare_type(inspected, here) and not is_reported_as(
            context.dialect, new, inspected_type
        ):
            return True
        return declared is not None and _differ_elsewhere(context, declared, new)


def _enums_differ(inspected: Type, declared: Type | None, new: Type) -> bool | None:
    """Tell whether native Enums are others than before; None where there are none."""
    old = inspected if isinstance(inspected, sa.Enum) else declared
    if isinstance(new, sa.Enum) and isinstance(old, sa.Enum):
        if new.native_enum is not old.native_enum:
            return True
        if is_native(new):
            # MariaDB keeps no name of it.
            name = old.name or getattr(declared, "name", None) or new.name
            return name != new.name or set(old.enums) != set(new.enums)
        return None
    others = {enum.name: enum for enum in enums_in(new)}
    if not others:
        return None
    known = {enum.name: enum for enum in enums_in(inspected)}
    known = known or {enum.name: enum for enum in enums_in(declared)}
    changed = (
        set(known[name].enums) != set(others[name].enums)
        for name in known.keys() & others.keys()
    )
    return any(changed) or None


TEXT = ("collation", "charset", "ascii", "unicode", "national", "binary")
"""What Alembic does not compare of types that hold text."""


def _has_check(type_: Type) -> bool:
    return bool(getattr(type_, "create_constraint", False))


def _text_of(type_: Type) -> list[Any]:
    return [getattr(type_, name, None) or None for name in TEXT]


def _differ_elsewhere(context: MigrationContext, old: Type, new: Type) -> bool:
    """Tell whether types that are one here are two on another database.

    SQLite and MariaDB keep no time zone, and a variant can say INTEGER to SQLite alone.
    """
    if type(old) is type(new) and vars(old) == vars(new):
        return False
    names = {*variants(old), *variants(new), *context.opts["runs_on"]}
    if context.dialect.name != "postgresql" and kind(old) is kind(new):
        names |= {"postgresql"} if kind(new) in {sa.DateTime, sa.Integer} else set()
    pairs = {(ddl(old, name), ddl(new, name)) for name in names & set(DIALECTS)}
    return any(before != after for before, after in pairs)


def compare_primary_key(  # noqa: PLR0913, PLR0917  the signature is Alembic's
    context: AutogenContext,
    change: ops.ModifyTableOps,
    schema: Any,
    name: Any,
    old: sa.Table | None,
    new: sa.Table | None,
) -> None:
    """Notice another primary key; a table of others that has none may keep it so."""
    if old is None or new is None:
        return
    before, after = ([c.name for c in table.primary_key] for table in (old, new))
    if not before or set(before) == set(after):
        return
    ownership = ownership_of(context.migration_context)
    if after or ownership is None or ownership.is_ours(old.primary_key):
        change.ops.append(ChangePrimaryKey(label(schema, name), before, after))
    elif ownership.is_wanted("primary key", ownership.subject(old.primary_key)):
        key = ops.DropConstraintOp.from_constraint(old.primary_key)
        key.constraint_name = name_for(old.primary_key)
        change.ops.append(key)
