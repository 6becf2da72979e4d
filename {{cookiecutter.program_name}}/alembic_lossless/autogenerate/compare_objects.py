"""Sequences of the models, compared with those that revisions have made."""

import logging
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops

from .._alembic import sequences_of
from ..operations.base import Key, label
from ..operations.objects import (
    CACHED,
    alter_sequence,
    create_sequence,
    drop_sequence,
)
from ..replay import replayed
from ..sql import literal, quoted_table, text
from ..state import options_of_sequence, same
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
        elif not same(known[key], options):
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
    key = replayed(context.migration_context).key
    for metadata in metadatas(context.migration_context):
        for it in sequences_of(metadata):
            if not it.optional:
                yield key(it.schema, it.name), options_of_sequence(it)


def _is_there(context: AutogenContext, key: Key) -> bool:
    """Tell whether a database has a sequence that no revision made by its operation."""
    connection = context.connection
    if connection is None or not connection.dialect.supports_sequences:
        return False
    return sa.inspect(connection).has_sequence(key[1], key[0])
