"""Primary keys: a draft does not change them, and says so instead of being silent."""

from typing import Any

from alembic.autogenerate import comparators
from alembic.operations import ops
from alembic.util import CommandError

from .declared import operations_in
from .draft import Draft, label


class ChangePrimaryKey(ops.MigrateOperation):
    """A table has another primary key in the models; Alembic does not compare them."""

    def __init__(self, table: str, old: list[str], new: list[str]) -> None:
        """Take the names of the table and of the columns, before and after."""
        self.table, self.old, self.new = table, old, new

    def reverse(self) -> "ChangePrimaryKey":
        """Return the way back, which Alembic asks for before the draft is refused."""
        return ChangePrimaryKey(self.table, self.new, self.old)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """Return what the Python API of `check` has of it."""
        return "modify_primary_key", self.table, self.old, self.new

    def __str__(self) -> str:
        """Return the difference as a line of text."""
        new = ", ".join(self.new) or "none"
        return f"primary key {', '.join(self.old)} becomes {new}"


@comparators.dispatch_for("table")
def _compare(
    _: Any, change: ops.ModifyTableOps, schema: Any, name: Any, old: Any, new: Any
) -> None:
    """Notice another primary key; a table of others that has none may keep it so."""
    if old is None or new is None:
        return
    before, after = ([c.name for c in table.primary_key] for table in (old, new))
    if before and set(before) != set(after):
        change.ops.append(ChangePrimaryKey(label(schema, name), before, after))


def refuse_primary_keys(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Refuse a draft that needs another primary key.

    New values for rows that others may refer to are not a draft's to invent.

    :raises CommandError: with the columns, and what to do.
    """
    for op in operations_in(upgrade):
        if isinstance(op, ChangePrimaryKey) and not draft.desk.open:
            raise CommandError(
                f"{op.table}: {op}, which no draft can do to rows. Nothing is written."
                " Take it back, or write a revision by hand (without --autogenerate)"
                " that makes a new table and copies the rows."
            )
