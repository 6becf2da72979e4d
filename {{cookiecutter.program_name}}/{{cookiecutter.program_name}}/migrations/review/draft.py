"""A draft of one database, and the operations that only a reviewed script has."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import (
    DowngradeOps,
    MigrateOperation,
    OpContainer,
    UpgradeOps,
)
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column

from .desk import Desk
from .history import declared_in
from .recorder import Tables
from .renamed import Key
from .values import Value


@dataclass
class Draft:
    """What autogenerate found for one database, and where its questions go."""

    context: MigrationContext
    upgrade: UpgradeOps
    downgrade: DowngradeOps
    desk: Desk
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
    def declared(self) -> Tables:
        """The tables of the database as its revisions declare them."""
        return declared_in(self.context)


def label(schema: str | None, table: str) -> str:
    """Return a table's name as questions and answers have it."""
    return f"{schema}.{table}" if schema else table


Step = Callable[[Draft, OpContainer], None]
"""A step changes the operations of a container, the draft's upgrade or downgrade."""


class Note(MigrateOperation):
    """A comment in the script, which does nothing."""

    def __init__(self, mark: str, text: str) -> None:
        """Take a mark of `marks` and the text after it."""
        self.mark = mark
        self.text = text

    def reverse(self) -> "Note":
        """Return the same note: a step that writes one runs for each direction."""
        return self


@renderers.dispatch_for(Note)
def _render_note(_context: AutogenContext, note: Note) -> list[str]:
    return [f"{note.mark} {line}" for line in note.text.splitlines()]
