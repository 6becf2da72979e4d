"""Sequences and DOMAINs of the models, compared with those that revisions have made."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, ops
from alembic.util import CommandError
from sqlalchemy.dialects.postgresql import DOMAIN

from .._alembic import copy_of, sequences_of
from ..operations.base import Key, LosslessOp, called, label
from ..operations.domains import (
    alter_domain,
    create_domain,
    creation_of_domain,
    drop_domain,
)
from ..operations.objects import (
    CACHED,
    alter_sequence,
    create_sequence,
    drop_sequence,
)
from ..replay import replayed
from ..rules import REVIEW, rule
from ..sql import literal, quoted_table, text
from ..state import State, options_of_sequence, other_options, same
from ..types.portable import ddl, dialect_named, domains_in
from .aside import columns_aside, columns_moved
from .draft import (
    Draft,
    Note,
    RestoreColumn,
    tables,
)
from .models import metadatas
from .unmanaged import unmanaged_in, unwanted

log = logging.getLogger("alembic.review")

THERE = {
    "postgresql": "SELECT relname FROM pg_class WHERE relkind = 'S' AND relnamespace ="
    " to_regnamespace(quote_ident(coalesce(:schema, current_schema())))"
    " AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass"
    " AND objid = pg_class.oid AND deptype IN ('a', 'e', 'i'))",
    "mariadb": "SELECT table_name FROM information_schema.tables WHERE table_type ="
    " 'SEQUENCE' AND table_schema = coalesce(:schema, database())",
}

OPTIONS = {
    "postgresql": "SELECT seqstart AS start, seqincrement AS increment,"
    " seqmin AS minvalue, seqmax AS maxvalue, seqcache AS cache, seqcycle AS cycle"
    " FROM pg_sequence WHERE seqrelid = {literal}::regclass",
    "mariadb": "SELECT start_value AS start, increment AS increment,"
    " minimum_value AS `minvalue`, maximum_value AS `maxvalue`,"
    " cache_size AS cache, cycle_option AS cycle FROM {name}",
}

THERE["mysql"], OPTIONS["mysql"] = THERE["mariadb"], OPTIONS["mariadb"]
"""What asks for sequences that are no column's and no extension's, and for options."""

LAST = 2**63 - 2
"""Where a sequence ends if nothing is said, or one later."""


def compare_sequences(
    context: AutogenContext, upgrade: ops.UpgradeOps, _schemas: Any
) -> None:
    """Notice a sequence that is new, gone, or another one."""
    state = replayed(context.migration_context)
    known = {key: options_of_sequence(it) for key, it in state.sequences.items()}
    models = dict(_declared(context))
    before, after = list[ops.MigrateOperation](), list[ops.MigrateOperation]()
    for key, options in models.items():
        schema, name = key
        if key not in known:
            if not _is_there(context, key):
                before.append(create_sequence(name, schema=schema, **options))
        elif other_options(known[key], options):
            was = known[key]
            change = alter_sequence(name, schema=schema, **options, existing=was)
            before.append(change)
    for key in known.keys() - models.keys():
        after.append(drop_sequence(key[1], schema=key[0], **known[key]))
    others = set(_there(context)) - known.keys() - models.keys()
    for schema, name in sorted(others, key=str):
        if not unwanted(context, "sequence", label(schema, name)):
            found = _reflected(context, (schema, name))
            after.append(drop_sequence(name, schema=schema, if_exists=True, **found))
    upgrade.ops = [*before, *upgrade.ops, *after]


def _there(context: AutogenContext) -> Iterator[Key]:
    """Give the sequences that a database has, without those that a column counts by."""
    connection = context.connection
    if connection is None or connection.dialect.name not in THERE:
        return
    unmanaged = unmanaged_in(context.migration_context)
    key = replayed(context.migration_context).key
    every = metadatas(context.migration_context)
    sequences = (it for one in every for it in sequences_of(one))
    counting = {key(it.schema, it.name) for it in sequences}
    for schema in unmanaged.schemas() if unmanaged else ():
        query = sa.text(THERE[connection.dialect.name]).bindparams(schema=schema)
        for name in connection.scalars(query):
            if (schema, name) not in counting:
                yield schema, name


def _reflected(context: AutogenContext, key: Key) -> dict[str, Any]:
    """Return the options of a sequence that are not as they are if nothing is said."""
    connection: Any = context.connection
    dialect = connection.dialect
    name = quoted_table(key[1], key[0], dialect)
    asked = OPTIONS[dialect.name]
    query = text(asked.format(name=name, literal=literal(name, dialect)))
    found = dict(connection.execute(query).mappings().one())
    usual = {"start": 1, "increment": 1, "minvalue": 1, "cycle": False}
    usual["cache"] = CACHED[connection.dialect.name]
    given = {option: it for option, it in found.items() if it != usual.get(option)}
    return {
        option: bool(it) if option == "cycle" else it
        for option, it in given.items()
        if option != "maxvalue" or it < LAST
    }


def _declared(context: AutogenContext) -> Iterator[tuple[Key, dict[str, Any]]]:
    """Give what `create_all` makes, on this database or another that is served."""
    database = context.migration_context
    key, names = replayed(database).key, database.opts.get("runs_on", ())
    served = [database.dialect, *map(dialect_named, names)]
    # MariaDB makes those too that other databases need not have.
    needed = any(it.supports_sequences and not it.sequences_optional for it in served)
    for metadata in metadatas(database):
        for it in sequences_of(metadata):
            if needed or not it.optional:
                yield key(it.schema, it.name), options_of_sequence(it)


def _is_there(context: AutogenContext, key: Key) -> bool:
    """Tell whether a database has a sequence that no revision made by its operation."""
    connection = context.connection
    if connection is None or not connection.dialect.supports_sequences:
        return False
    return sa.inspect(connection).has_sequence(key[1], key[0])


POSTGRESQL = "postgresql"


def compare_domains(
    context: AutogenContext, upgrade: ops.UpgradeOps, _schemas: Any
) -> None:
    """Notice a DOMAIN that is new, or another one, or that no column uses any more."""
    database = context.migration_context
    state = replayed(database)
    before, models = dict(_declared_domains(state)), dict(_of(tables(database), state))
    aside = (it for column in columns_aside(state) for it in domains_in(column.type))
    held = {state.key(it.schema, it.name) for it in aside}
    made, changed = list[MigrateOperation](), list[MigrateOperation]()
    for key, new in models.items():
        old = before.get(key)
        if old is None:
            made += [] if _is_known(context, key) else [new]
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


def _declared_domains(state: State) -> Iterator[tuple[Key, LosslessOp]]:
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


def _is_known(context: AutogenContext, key: Key) -> bool:
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

    Say where one allows no NULL that a column would come back with.
    """
    held = {
        (it.schema, str(it.name))
        for column in columns_moved(container)
        for it in domains_in(column.type)
    }
    made = dict(_declared_domains(draft.state))
    found = list[MigrateOperation]()
    for op in container.ops:
        if called(op, create_domain, drop_domain) and (op.schema, op.name) in held:
            continue
        if isinstance(op, ops.ModifyTableOps) and container is draft.downgrade:
            found += _notes(draft.state, made, op)
        found.append(op)
    container.ops = found


def _notes(
    state: State, made: Mapping[Key, LosslessOp], change: ops.ModifyTableOps
) -> Iterator[Note]:
    """Give a note for each column that comes back with NULL, and may not."""
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
