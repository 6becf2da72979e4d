"""DOMAINs of the models, compared with those that the revisions have made."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, ops
from alembic.util import CommandError
from sqlalchemy.dialects.postgresql import DOMAIN

from .._alembic import copy_of
from ..operations.base import Key, LosslessOp, called, label
from ..operations.domains import (
    alter_domain,
    create_domain,
    creation_of_domain,
    drop_domain,
)
from ..replay import replayed
from ..rules import REVIEW, rule
from ..state import State, same
from ..types.portable import ddl, domains_in
from .aside import columns_aside, columns_moved
from .draft import (
    Draft,
    Note,
    RestoreColumn,
    tables,
)

log = logging.getLogger("alembic.review")

POSTGRESQL = "postgresql"


def compare_domains(
    context: AutogenContext, upgrade: ops.UpgradeOps, _schemas: Any
) -> None:
    """Notice a DOMAIN that is new, or another one, or that no column uses any more."""
    database = context.migration_context
    state = replayed(database)
    before, models = dict(_declared(state)), dict(_of(tables(database), state))
    aside = (it for column in columns_aside(state) for it in domains_in(column.type))
    held = {state.key(it.schema, it.name) for it in aside}
    made, changed = list[MigrateOperation](), list[MigrateOperation]()
    for key, new in models.items():
        old = before.get(key)
        if old is None:
            made += [] if _is_there(context, key) else [new]
        elif not same(old.options, new.options) or not _is_made_of(old, new):
            changed.append(_change(old, new))
    gone = [key for key in reversed(before) if key not in models and key not in held]
    dropped = [_call(drop_domain, before[key]) for key in gone]
    upgrade.ops = [*made, *changed, *upgrade.ops, *dropped]


def without_domain(  # noqa: PLR0913, PLR0917  the signature is Alembic's
    context: AutogenContext,
    _change: ops.AlterColumnOp,
    schema: str | None,
    table: str,
    name: str,
    old: sa.Column[Any],
    model: sa.Column[Any],
) -> None:
    """Take from a column what its DOMAIN has: SQLAlchemy reflects it as the column's.

    A column may have NOT NULL and a default of its own beside those.
    """
    if context.migration_context.dialect.name != POSTGRESQL:
        return
    if isinstance(old.type, DOMAIN):
        own = replayed(context.migration_context).column(schema, table, name)
        known = model if own is None else own
        if old.type.not_null:
            old.nullable = known.nullable
        if old.type.default is not None and known.server_default is None:
            old.server_default = None


def _call(operation: Any, made: LosslessOp, **more: Any) -> LosslessOp:
    """Return a call about a DOMAIN, with what it was made with."""
    where = {"schema": made.schema} if made.schema else {}
    call: LosslessOp = operation(made.name, made.type_, **where, **made.options, **more)
    return call


@rule(
    "domain",
    "refusal",
    "A DOMAIN is made of another type or collation, which PostgreSQL cannot change.",
)
def _change(old: LosslessOp, new: LosslessOp) -> LosslessOp:
    """Return what makes a DOMAIN another one."""
    collations = [it.options.get("collation") for it in (old, new)]
    if not _is_made_of(old, new) or not same(*collations):
        name = label(new.schema, new.name)
        raise CommandError(
            f"The DOMAIN {name} is made of {old.type_!r}, and of {new.type_!r} in the"
            " models, or has another collation: PostgreSQL changes neither. Nothing is"
            " written. Give the new one another name in the models."
        )
    return _call(alter_domain, new, existing=dict(old.options))


def _is_made_of(old: LosslessOp, new: LosslessOp) -> bool:
    return ddl(old.type_, POSTGRESQL) == ddl(new.type_, POSTGRESQL)


def _declared(state: State) -> Iterator[tuple[Key, LosslessOp]]:
    """Give the DOMAINs of the revisions, those too that a table made by itself."""
    yield from _of(state.tables.values(), state)
    yield from state.domains.items()


def _of(found: Iterable[sa.Table], state: State) -> Iterator[tuple[Key, LosslessOp]]:
    """Give the DOMAINs that tables make, first those that others are made of."""
    for table in found:
        for column in table.columns:
            for domain in domains_in(column.type):
                if domain.create_type:
                    made = creation_of_domain(domain)
                    yield state.key(domain.schema, str(domain.name)), made


def _is_there(context: AutogenContext, key: Key) -> bool:
    """Tell whether a database has a DOMAIN that no revision made."""
    connection = context.connection
    if connection is None or connection.dialect.name != POSTGRESQL:
        return False
    inspector: Any = sa.inspect(connection)
    there = any(it["name"] == key[1] for it in inspector.get_domains(key[0]))
    if there:
        log.info("The DOMAIN %s is there: it is taken as it is.", label(*key))
    return there


# What is set aside


def hold_domains(draft: Draft, container: ops.OpContainer) -> None:
    """Leave a DOMAIN alone that a column needs which is set aside here.

    Say where one allows no NULL that a new column would have.
    """
    held = {
        (it.schema, str(it.name))
        for column in columns_moved(container)
        for it in domains_in(column.type)
    }
    models = _of(tables(draft.context), draft.state)
    is_upgrade = container is draft.upgrade
    made = dict(models if is_upgrade else _declared(draft.state))
    found = list[MigrateOperation]()
    for op in container.ops:
        if called(op, create_domain, drop_domain) and (op.schema, op.name) in held:
            continue
        if isinstance(op, ops.ModifyTableOps):
            found += _notes(draft.state, made, op)
        found.append(op)
    container.ops = found


def _notes(
    state: State, made: Mapping[Key, LosslessOp], change: ops.ModifyTableOps
) -> Iterator[Note]:
    """Give a note for each new column that would have NULL, and may not."""
    for op in change.ops:
        if not isinstance(op, ops.AddColumnOp) or isinstance(op, RestoreColumn):
            continue
        domains = domains_in(op.column.type)
        own = state.column(change.schema, change.table_name, op.column.name)
        if domains and own is not None and own.nullable is not op.column.nullable:
            op.column = copy_of(op.column)  # it was reflected with that of the DOMAIN
            op.column.nullable = own.nullable
        is_null = op.column.nullable and op.column.server_default is None
        for domain in domains if is_null else ():
            known = made.get(state.key(domain.schema, str(domain.name)))
            options = {} if known is None else known.options
            if options.get("not_null") and options.get("default") is None:
                table = label(change.schema, change.table_name)
                yield Note(
                    REVIEW,
                    f"{table}.{op.column.name}: the DOMAIN {domain.name} allows no"
                    " NULL, so that this fails where the table has rows. Give the"
                    " column a server_default for them.",
                )
