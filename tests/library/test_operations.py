"""An operation is declared once, and what is made of it agrees."""

from copy import copy
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic_lossless import operations as every
from alembic_lossless.operations.backfill import backfill
from alembic_lossless.operations.base import OPERATIONS, LosslessOp, called, operation
from alembic_lossless.operations.columns import begin_dual_write, end_dual_write
from alembic_lossless.operations.keys import rename_primary_key

FORMER = {
    "changed_by_hand": "manual_change",
    "drop_constraint_by_columns": "drop_unnamed_constraint",
    "fill_in_batches": "backfill",
    "keep_in_step": "begin_dual_write",
    "stop_keeping_in_step": "end_dual_write",
}
"""What revisions were drafted with, and run with for years."""


@pytest.fixture
def op() -> Operations:
    """Return what a revision has as `op`, with a table that has rows."""
    connection = sa.create_engine("sqlite://").connect()
    connection.exec_driver_sql("CREATE TABLE friend (id INTEGER, age INTEGER)")
    connection.exec_driver_sql("INSERT INTO friend VALUES (1, NULL), (2, 9)")
    return Operations(MigrationContext.configure(connection))


def ages(op: Operations) -> list[Any]:
    """Return what the rows hold."""
    return list(op.get_bind().scalars(sa.text("SELECT age FROM friend ORDER BY id")))


def test_a_call_has_its_arguments_by_name() -> None:
    """I read what a draft holds by the names of the signature, defaults too."""
    call = backfill("friend", "age", value=7)
    assert (call.table_name, call.column_name, call.value) == ("friend", "age", 7)
    assert call.schema is None
    assert copy(call).table_name == "friend"
    assert repr(call) == "backfill('friend', 'age', value=7)"
    assert called(call, backfill)
    assert not called(call, begin_dual_write)


@pytest.mark.parametrize("name", ["backfill", "fill_in_batches"])
def test_a_revision_calls_it_by_either_name(op: Operations, name: str) -> None:
    """My revision of last year has the former name, and does the same."""
    getattr(op, name)("friend", "age", 7)
    assert ages(op) == [7, 9]


def test_former_names_are_those_that_were_drafted() -> None:
    """A name that a revision may hold is never taken away, nor drafted again."""
    assert every.__all__  # these declare them
    found = {old: it.name for it in OPERATIONS.values() for old in it.formerly}
    assert found == FORMER
    assert FORMER.keys().isdisjoint(OPERATIONS)
    assert all(hasattr(Operations, name) for name in {*FORMER, *OPERATIONS})


def test_a_wrong_argument_is_named(op: Operations) -> None:
    """I mistype an argument, and read which operation does not know it."""
    calls: Any = op
    with pytest.raises(TypeError, match=r"op\.backfill: missing .* 'value'"):
        calls.backfill("friend", "age")
    with pytest.raises(TypeError, match=r"op\.backfill: .*'shema'"):
        calls.backfill("friend", "age", 7, shema="s")


def test_no_argument_hides_what_a_call_is() -> None:
    """The attributes of a call are its arguments, and no other attribute is lost."""
    own = {*dir(LosslessOp), "operation", "args", "kwargs"}
    for declared in OPERATIONS.values():
        assert own.isdisjoint(declared.signature.parameters), declared.name


def test_a_call_knows_its_way_back() -> None:
    """A downgrade is what the operation declares, or what the draft says."""
    begin = begin_dual_write("friend", "name", "full_name", schema="s")
    assert repr(begin.reverse()) == repr(end_dual_write(*begin.args, **begin.kwargs))
    back = rename_primary_key("friend", "old")
    call = rename_primary_key("friend", "new").reversed_by(back)
    assert (call.reverse(), back.reverse()) == (back, call)
    with pytest.raises(NotImplementedError):
        backfill("friend", "age", 7).reverse()


def test_two_operations_have_two_names() -> None:
    """An operation is never replaced by another one of its name."""
    with pytest.raises(ValueError, match="Two operations are called 'backfill'"):

        @operation()
        def backfill(operations: Operations) -> None:
            """Do nothing."""
