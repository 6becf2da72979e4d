"""Sequences of the models, compared with those that revisions have made."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops

from ..internals import sequences_of
from ..operations.sequences import AlterSequenceOp, CreateSequenceOp, DropSequenceOp
from .expressions import same
from .generated import options_of
from .operations import Key
from .replay import replayed

log = logging.getLogger(__name__)

NO_OPTIONS = frozenset(
    {"name", "schema", "metadata", "optional", "for_update", "quote_schema", "quote"}
)
"""The arguments that say nothing of what a database makes."""


def compare_sequences(
    context: AutogenContext, upgrade: ops.UpgradeOps, _schemas: Any
) -> None:
    """Notice a sequence that is new, gone, or another one."""
    known = replayed(context.migration_context).objects.sequences
    models = dict(_declared(context))
    before, after = list[ops.MigrateOperation](), list[ops.MigrateOperation]()
    for key, options in models.items():
        schema, name = key
        if key not in known:
            if not _is_there(context, key):
                before.append(CreateSequenceOp(name, schema=schema, **options))
        elif not same(known[key], options):
            was = known[key]
            change = AlterSequenceOp(name, schema=schema, **options, existing=was)
            before.append(change)
    for key in known.keys() - models.keys():
        after.append(DropSequenceOp(key[1], schema=key[0], **known[key]))
    upgrade.ops = [*before, *upgrade.ops, *after]


def _declared(context: AutogenContext) -> Iterator[tuple[Key, dict[str, Any]]]:
    given: Any = context.metadata
    every = given if isinstance(given, Sequence) else [given]
    for metadata in every:
        for sequence in sequences_of(metadata):
            if not sequence.optional:
                yield (sequence.schema, sequence.name), options_of_sequence(sequence)


def options_of_sequence(sequence: sa.Sequence) -> dict[str, Any]:
    """Return the options that a sequence is made with."""
    found = options_of(sequence)
    return {name: it for name, it in found.items() if name not in NO_OPTIONS}


def _is_there(context: AutogenContext, key: Key) -> bool:
    """Tell whether a database has a sequence that no revision made by its operation."""
    connection = context.connection
    if connection is None or not connection.dialect.supports_sequences:
        return False
    return sa.inspect(connection).has_sequence(key[1], key[0])
