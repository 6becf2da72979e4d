"""A draft of one database, and the marks that it carries."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from alembic.operations.ops import (
    DowngradeOps,
    OpContainer,
    UpgradeOps,
)
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, MetaData, Table

from ..prompts.prompt import Prompt
from .fill_values import Value
from .operations import Key
from .ownership import Ownership
from .replay import Tables, declared_in


@dataclass
class Draft:
    """What autogenerate found for one database, and where its questions go."""

    context: MigrationContext
    upgrade: UpgradeOps
    downgrade: DowngradeOps
    prompt: Prompt
    renamed_values: dict[str, dict[str, str]] = field(default_factory=dict)
    """The name of an Enum -> an old value -> what it is called now."""
    fills: dict[tuple[Key, str], Value] = field(default_factory=dict)
    """What the rows get in columns that become NOT NULL."""
    unsettled: set[str] = field(default_factory=set)
    """New columns that an open question is about."""

    @cached_property
    def models(self) -> dict[Key, dict[str, Column[Any]]]:
        """The columns of the models: (schema, table) -> column's name -> column."""
        given = self.context.opts["target_metadata"]
        every = given if isinstance(given, Sequence) else [given]
        tables = [table for metadata in every for table in metadata.tables.values()]
        return {
            (table.schema, table.name): {c.name: c for c in table.columns}
            for table in tables
        }

    @property
    def ownership(self) -> Ownership:
        """What the comparison left alone."""
        found: Ownership = self.context.opts["ownership"]
        return found

    @property
    def declared(self) -> Tables:
        """The tables of the database as its revisions declare them."""
        return declared_in(self.context)


Step = Callable[[Draft, OpContainer], None]
"""A step changes the operations of a container, the draft's upgrade or downgrade."""


def tables(database: MigrationContext) -> list[Table]:
    """Return the tables of the models, those that others refer to first."""
    found: MetaData | Iterable[MetaData] = database.opts["target_metadata"]
    several = [found] if isinstance(found, MetaData) else found
    return [table for metadata in several for table in metadata.sorted_tables]
