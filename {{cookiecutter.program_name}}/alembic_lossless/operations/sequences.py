"""Sequences of their own: made, changed and dropped where a database has them."""

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic.operations import MigrateOperation, Operations
from sqlalchemy.schema import CreateSequence, DropSequence

from .base import LosslessOp
from .names import Names

CACHED = {"postgresql": 1, "mysql": 1000, "mariadb": 1000}
"""How many values a database keeps ready if nothing is said."""

OF_CALL = ("existing", "if_exists", "if_not_exists")
"""What a call says beside the options of its sequence."""


def option_words(given: Mapping[str, Any], dialect: str) -> Iterator[str]:
    """Give every option of a sequence or an identity, those not given too.

    :param given: the arguments of SQLAlchemy's class.
    :param dialect: the database.
    """
    step = given.get("increment") or 1
    limits = ("minvalue", "maxvalue")
    low, high = (given.get(name) for name in limits)
    first = (low if low is not None else 1) if step > 0 else high or -1
    start = given.get("start")
    yield f"INCREMENT BY {step}"
    for name, value in zip(limits, (low, high), strict=True):
        word = name.upper()
        yield f"NO {word}" if value is None else f"{word} {value}"
    yield f"START WITH {first if start is None else start}"
    yield f"CACHE {given.get('cache') or CACHED[dialect]}"
    no = "NO " if dialect == "postgresql" else "NO"
    yield "CYCLE" if given.get("cycle") else f"{no}CYCLE"


class SequenceOp(LosslessOp):
    """What happens to a sequence, by its name and its options."""

    @property
    def given(self) -> dict[str, Any]:
        """The options that the sequence itself has."""
        return {name: it for name, it in self.options.items() if name not in OF_CALL}

    @property
    def sequence(self) -> sa.Sequence:
        """The sequence, with the options that it has or gets."""
        name: str = self.arguments[0]
        return sa.Sequence(name, schema=self.schema, **self.given)


def _has_sequences(operations: Operations) -> bool:
    return operations.get_context().dialect.supports_sequences


@Operations.register_operation("create_sequence")
class CreateSequenceOp(SequenceOp):
    """Make a sequence."""

    function = "create_sequence"

    def reverse(self) -> MigrateOperation:
        """Return what drops it; its options are for the way back."""
        options = dict(self.options)
        if options.pop("if_not_exists", False):
            options["if_exists"] = True
        return DropSequenceOp(*self.arguments, schema=self.schema, **options)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """Return what the Python API of `check` has of it."""
        return "add_sequence", self.sequence

    @classmethod
    def create_sequence(cls, operations: Operations, name: str, **options: Any) -> None:
        """Make a sequence, where the database has them.

        :param options: what `sa.Sequence` takes, and `if_not_exists`.
        """
        operations.invoke(cls(name, **options))


@Operations.implementation_for(CreateSequenceOp)
def _create(operations: Operations, op: CreateSequenceOp) -> None:
    if _has_sequences(operations):
        anyway = op.options.get("if_not_exists", False)
        operations.execute(CreateSequence(op.sequence, if_not_exists=anyway))


@Operations.register_operation("drop_sequence")
class DropSequenceOp(SequenceOp):
    """Drop a sequence."""

    function = "drop_sequence"

    def reverse(self) -> MigrateOperation:
        """Return what makes it again."""
        options = dict(self.options)
        if options.pop("if_exists", False):
            options["if_not_exists"] = True
        return CreateSequenceOp(*self.arguments, schema=self.schema, **options)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """Return what the Python API of `check` has of it."""
        return "remove_sequence", self.sequence

    @classmethod
    def drop_sequence(cls, operations: Operations, name: str, **options: Any) -> None:
        """Drop a sequence, where the database has them.

        :param options: what it was made with, and `if_exists`.
        """
        operations.invoke(cls(name, **options))


@Operations.implementation_for(DropSequenceOp)
def _drop(operations: Operations, op: DropSequenceOp) -> None:
    if _has_sequences(operations):
        anyway = op.options.get("if_exists", False)
        operations.execute(DropSequence(op.sequence, if_exists=anyway))


@Operations.register_operation("alter_sequence")
class AlterSequenceOp(SequenceOp):
    """Change the options of a sequence."""

    function = "alter_sequence"

    def reverse(self) -> MigrateOperation:
        """Return the way back."""
        options = dict(self.options)
        old = options.pop("existing")
        return AlterSequenceOp(
            *self.arguments, schema=self.schema, **old, existing=options
        )

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """Return what the Python API of `check` has of it."""
        return "modify_sequence", self.sequence, self.options["existing"]

    @classmethod
    def alter_sequence(
        cls,
        operations: Operations,
        name: str,
        *,
        existing: Mapping[str, Any],
        **options: Any,
    ) -> None:
        """Change the options of a sequence; it goes on from where it is.

        :param existing: the options that it has.
        :param options: those that it gets, and no others.
        """
        operations.invoke(cls(name, **options, existing=existing))


@Operations.implementation_for(AlterSequenceOp)
def _alter(operations: Operations, op: AlterSequenceOp) -> None:
    if not _has_sequences(operations):
        return
    names = Names(operations, op.arguments[0], op.schema)
    words = [*option_words(op.options, names.dialect)]
    if names.dialect == "postgresql":
        kind = op.sequence.data_type or sa.BigInteger()
        words.append(f"AS {kind.compile(dialect=operations.get_context().dialect)}")
    names.execute(f"ALTER SEQUENCE {names.table} {' '.join(words)}")
