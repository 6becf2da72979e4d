"""An operation is declared once, and what is made of it agrees."""

from copy import copy
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import render_python_code
from alembic.migration import MigrationContext
from alembic.operations import MigrateOperation, Operations, ops
from alembic_lossless import operations as every
from alembic_lossless.autogenerate.render import render_item
from alembic_lossless.operations.backfill import backfill
from alembic_lossless.operations.base import OPERATIONS, LosslessOp, called, operation
from alembic_lossless.operations.columns import begin_dual_write, end_dual_write
from alembic_lossless.operations.guards import GUARDS
from alembic_lossless.operations.objects import create_schema
from operation_calls import CALLS
from servers import empty_database, engine_of

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
    back = create_schema("old")
    call = create_schema("new").reversed_by(back)
    assert (call.reverse(), back.reverse()) == (back, call)
    with pytest.raises(NotImplementedError):
        backfill("friend", "age", 7).reverse()


class Noted(Operations):
    """Take the place of `op`, and only remember what is called."""

    def invoke(self, operation: MigrateOperation) -> Any:
        """Remember a call."""
        self.call = operation


def name_of(call: LosslessOp) -> str:
    """Return what a test of a call is called."""
    return call.operation.name


@pytest.fixture
def noted() -> Noted:
    """Return what remembers the calls of a revision."""
    return Noted(MigrationContext.configure(dialect_name="sqlite"))


def code_of(call: MigrateOperation) -> str:
    """Return a call as a draft has it."""
    text = render_python_code(ops.UpgradeOps([call]), render_item=render_item)
    return text.splitlines()[1].strip()


def test_every_operation_is_called_here() -> None:
    """A new operation is added to the calls that tests draft."""
    names = {call.operation.name for call in CALLS} | {"sql_type"}
    assert names == {*OPERATIONS}


@pytest.mark.parametrize("call", CALLS, ids=name_of)
def test_a_revision_calls_what_was_drafted(call: LosslessOp, noted: Noted) -> None:
    """The code of a draft is Python, and makes the same call again."""
    exec(code_of(call), {"op": noted, "sa": sa})  # noqa: S102  as Alembic does
    assert called(noted.call, call.operation)
    assert code_of(noted.call) == code_of(call)


@pytest.mark.parametrize(
    "call", [it for it in CALLS if it.operation.formerly], ids=name_of
)
def test_a_former_name_makes_the_same_call(call: LosslessOp, noted: Noted) -> None:
    """An old revision calls each operation as it was called then."""
    for name in call.operation.formerly:
        getattr(noted, name)(*call.args, **call.kwargs)
        assert code_of(noted.call) == code_of(call)


@pytest.mark.parametrize(
    "call", [it for it in CALLS if "reverse" in it.operation.methods], ids=name_of
)
def test_back_and_forth_is_the_same(call: LosslessOp) -> None:
    """Undone twice, an operation is what it was."""
    there = call.reverse()
    assert isinstance(there, LosslessOp)
    assert code_of(there) != code_of(call)
    assert code_of(there.reverse()) == code_of(call)


def test_every_guard_comes_first() -> None:
    """An operation that only looks at rows does so before anything is changed."""
    guards = {it for it in OPERATIONS.values() if it.name.startswith("refuse_")}
    assert guards == {*GUARDS}


def test_two_operations_have_two_names() -> None:
    """An operation is never replaced by another one of its name."""
    with pytest.raises(ValueError, match="Two operations are called 'backfill'"):

        @operation()
        def backfill(operations: Operations) -> None:
            """Do nothing."""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_dual_write_in_another_schema(kind: str, tmp_path: Path) -> None:
    """A table keeps two columns the same, and so does its namesake elsewhere."""
    with empty_database(kind, tmp_path) as url, empty_database(kind, tmp_path) as other:
        engine = engine_of(url)
        with engine.connect() as connection:
            schemas = _two_schemas(connection, other, tmp_path)
            op = Operations(MigrationContext.configure(connection))
            for schema in schemas:
                columns = (sa.Column(it, sa.Integer) for it in ("id", "old", "new"))
                op.create_table("t", *columns, schema=schema)
                op.invoke(begin_dual_write("t", "old", "new", schema=schema))
            for schema in schemas:
                t = sa.table("t", *map(sa.column, ("id", "old", "new")), schema=schema)
                op.execute(t.insert().values(id=1, new=5))
                op.execute(t.update().values(old=7))
                assert connection.execute(sa.select(t)).all() == [(1, 7, 7)]
                op.invoke(end_dual_write("t", "old", "new", schema=schema))
                op.execute(t.update().values(old=8))
                assert connection.execute(sa.select(t)).all() == [(1, 8, 7)]
        engine.dispose()


def _two_schemas(connection: sa.Connection, other: str, folder: Path) -> list[str]:
    """Return the names of two schemas that a table can be in."""
    if connection.dialect.name == "sqlite":
        for name in ("one", "two"):
            connection.exec_driver_sql(f"ATTACH '{folder / name}.db' AS {name}")
        return ["one", "two"]
    if connection.dialect.name == "postgresql":
        for name in ("one", "two"):
            connection.exec_driver_sql(f"CREATE SCHEMA {name}")
        return ["one", "two"]
    return [str(connection.engine.url.database), str(sa.make_url(other).database)]
