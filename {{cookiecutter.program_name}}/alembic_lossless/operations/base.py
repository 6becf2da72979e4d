"""What the operations have in common, and a table as statements name it."""

import hashlib
from collections.abc import Callable
from inspect import signature
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    Literal,
    ParamSpec,
    TypeGuard,
    TypeVar,
)

import sqlalchemy as sa
from alembic.operations import MigrateOperation, Operations, ops

from .. import sql
from ..runtime.recovery import journal_of

Key = tuple[str | None, str]
"""The schema and the name of a table."""


def label(schema: str | None, table: str) -> str:
    """Return a table's name as questions and answers have it.

    :param schema: its schema, if it has one.
    :param table: its name.
    """
    return f"{schema}.{table}" if schema else table


class AutocommitBlock(ops.OpContainer):
    """Operations that are each committed by itself."""


P = ParamSpec("P")
Function = Callable[Concatenate[Operations, P], Any]
Method = TypeVar("Method", bound=Callable[["LosslessOp"], Any])

OPERATIONS: dict[str, "Operation[...]"] = {}
"""Every operation that an imported module declares, by its name."""


class Operation(Generic[P]):
    """An operation of the library; a call of it is what a draft holds.

    :param function: what it does; its first parameter is Alembic's `op`.
    :param formerly: the names that revisions may still call it by. No draft writes
        them.
    :param diff: what the Python API of `check` calls a call of it.
    """

    def __init__(
        self, function: Function[P], formerly: tuple[str, ...], diff: str
    ) -> None:
        """Declare an operation, and put it on `op`."""
        self.function = function
        self.name: str = function.__name__
        self.formerly = formerly
        self.diff = diff
        _operations, *rest = signature(function).parameters.values()
        self.signature = signature(function).replace(parameters=rest)
        self.methods: dict[str, Callable[[LosslessOp], Any]] = {}
        if OPERATIONS.setdefault(self.name, self) is not self:
            raise ValueError(f"Two operations are called {self.name!r}.")
        for name in (self.name, *formerly):
            self._register(name)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> "LosslessOp":
        """Return a call for a draft, with the arguments that it is written with."""
        return LosslessOp(self, *args, **kwargs)

    def declares(
        self, method: Literal["reverse", "as_alembic", "stops_like", "to_diff_tuple"]
    ) -> Callable[[Method], Method]:
        """Declare what one of the methods of a call returns.

        :param method: its name.
        """

        def declare(function: Method) -> Method:
            self.methods[method] = function
            return function

        return declare

    def undoes(self, other: "Operation[...]") -> None:
        """Declare that this operation and another one are the way back of each other.

        :param other: one that takes the same arguments.
        """
        self.declares("reverse")(lambda op: other(*op.args, **op.kwargs))
        other.declares("reverse")(lambda op: self(*op.args, **op.kwargs))

    def _register(self, name: str) -> None:
        """Put the operation on `op` by a name."""

        def call(cls: type, operations: Operations, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG001  as Alembic calls it
            if self.signature.return_annotation is not None:
                return self.function(operations, *args, **kwargs)
            return operations.invoke(LosslessOp(self, *args, **kwargs))

        call.__name__, call.__doc__ = name, self.function.__doc__
        Operations.register_operation(name)(type(name, (), {name: classmethod(call)}))


def operation(
    *, formerly: tuple[str, ...] = (), diff: str = ""
) -> Callable[[Function[P]], Operation[P]]:
    """Declare that a function is an operation of the library.

    A function that returns something is called at once: what it returns is for the
    revision, and nothing is invoked.

    :param formerly: the names that revisions may still call it by.
    :param diff: what the Python API of `check` calls a call of it, with its schema and
        its name: "add_view".
    """
    return lambda function: Operation(function, formerly, diff)


class LosslessOp(MigrateOperation):
    """A call of an operation of the library.

    Its arguments are its attributes, by the names that the signature has.

    :param operation: what is called.
    :param args: what the call gives by position.
    :param kwargs: what it gives by name.
    :raises TypeError: when they do not fit the signature.
    """

    def __init__(self, operation: Operation[...], *args: Any, **kwargs: Any) -> None:
        """Take an operation and the arguments of a call."""
        self.operation = operation
        self.args, self.kwargs = args, kwargs
        try:
            bound = operation.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"op.{operation.name}: {error}") from error
        bound.apply_defaults()
        vars(self).update(bound.arguments)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Return an argument; its type stands in the signature."""

    def __repr__(self) -> str:
        """Return the call as code."""
        named = (f"{name}={value!r}" for name, value in self.kwargs.items())
        return f"{self.operation.name}({', '.join([*map(repr, self.args), *named])})"

    def reversed_by(self, other: "LosslessOp") -> "LosslessOp":
        """Let another call be the way back from this one, and this one from that.

        :param other: the call in the other direction.
        """
        self.info["reverse"], other.info["reverse"] = other, self
        return self

    def reverse(self) -> MigrateOperation:
        """Return the way back, if there is one."""
        known: MigrateOperation | None = self.info.get("reverse")
        return known or self._declared("reverse") or super().reverse()

    def as_alembic(self) -> MigrateOperation | None:
        """Return the operation of Alembic's that leaves a table the same, if one does.

        Who reads revisions need not know the operations of the library.
        """
        same: MigrateOperation | None = self._declared("as_alembic")
        return same

    def stops_like(self) -> MigrateOperation:
        """Return the operation that makes others wait as this one does."""
        return self._declared("stops_like") or self

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """Return what the Python API of `check` has of it."""
        if self.operation.diff:
            return self.operation.diff, self.schema, self.name
        return self._declared("to_diff_tuple") or super().to_diff_tuple()

    def _declared(self, method: str) -> Any:
        declared = self.operation.methods.get(method)
        return declared and declared(self)


@Operations.implementation_for(LosslessOp)
def _invoke(operations: Operations, op: LosslessOp) -> None:
    op.operation.function(operations, *op.args, **op.kwargs)


def called(op: MigrateOperation, *operations: Operation[...]) -> TypeGuard[LosslessOp]:
    """Tell whether something is a call of one of these operations.

    :param op: an operation of a draft or a revision.
    :param operations: those that are meant.
    """
    return isinstance(op, LosslessOp) and op.operation in operations


def altering(op: Any, column: str, **given: Any) -> ops.AlterColumnOp:
    """Return a change of a column in the table that an operation is about.

    :param op: the operation.
    :param column: the name of the column.
    :param given: what is there, and what becomes of it, as `AlterColumnOp` has it.
    """
    return ops.AlterColumnOp(op.table_name, column, schema=op.schema, **given)


def table(schema: str | None, name: str, *columns: str) -> sa.TableClause:
    """Return a table that an operation speaks of, with these columns.

    :param schema: its schema, if it has one.
    :param name: its name.
    :param columns: the names of the columns.
    """
    return sa.table(name, *map(sa.column, columns), schema=schema)


def is_online(operations: Operations) -> bool:
    """Tell whether a revision is one of a live project, and must hold no lock.

    :param operations: what a revision has as `op`.
    """
    journal = journal_of(operations.get_context())
    return journal is not None and journal.live


def dialect_of(operations: Operations) -> str:
    """Return the name of the database that a revision runs on.

    :param operations: what a revision has as `op`.
    """
    return operations.get_context().dialect.name


EXECUTE_FOUND = (
    "SET @found = coalesce(({query}), 'DO 0')",
    "PREPARE found FROM @found",
    "EXECUTE found",
    "DEALLOCATE PREPARE found",
)


class Names:
    """Quote the names of a table and its parts, and execute text that holds them."""

    def __init__(self, operations: Operations, table: str, schema: str | None) -> None:
        """Take a table."""
        self.operations = operations
        self.name, self.schema = table, schema
        context = operations.get_context()
        self.dialect = context.dialect.name
        self.is_mysql = self.dialect in {"mysql", "mariadb"}
        self.offline = context.as_sql
        self.journal = journal_of(context)
        self._dialect = context.dialect

    @property
    def is_alone(self) -> bool:
        """Whether each statement is committed by itself."""
        return self.journal is not None and self.journal.commits()

    @property
    def table(self) -> str:
        """The table, with its schema, quoted where it has to be."""
        return sql.quoted_table(self.name, self.schema, self._dialect)

    def quoted(self, name: str) -> str:
        """Return a name as it stands in a statement.

        :param name: the name of a table, a column or anything else.
        """
        return sql.quoted(name, self._dialect)

    def beside(self, name: str) -> str:
        """Return a name of something in the schema of the table, as in a statement.

        :param name: the name of a function or, on MariaDB, of a trigger.
        """
        return sql.quoted_table(name, self.schema, self._dialect)

    def literal(self, value: object) -> str:
        """Return a value as it stands in a statement.

        :param value: a text, a number or another value that a literal has.
        """
        return sql.literal(value, self._dialect)

    def execute(self, statement: str) -> None:
        """Execute text in which a colon or a percent sign is only that.

        :param statement: SQL, with names that are quoted.
        """
        self.operations.execute(sql.text(statement))

    def execute_block(self, block: str, **words: str) -> None:
        """Execute a block of PL/pgSQL.

        :param block: its code.
        :param words: what stands in the place of each name in braces.
        """
        code = sql.body(f"\n{block.format(**words)}", "key")
        self.execute(f"DO {code}")

    def execute_found(self, query: str) -> None:
        """Execute the statement that a query of MariaDB or MySQL finds, if it does.

        So a script of `--sql` does what the database at hand needs.

        :param query: what selects the statement.
        """
        for statement in EXECUTE_FOUND:
            self.execute(statement.format(query=query))

    def bind(self) -> sa.Connection:
        """Return the connection."""
        return self.operations.get_bind()

    def clause(self, *columns: str) -> sa.TableClause:
        """Return the table for a query.

        :param columns: the names of its columns that the query speaks of.
        """
        return table(self.schema, self.name, *columns)


def derived(*parts: str) -> str:
    """Return a name made of others, shortened where a server would do it.

    :param parts: the names that it is made of.
    """
    name = "_".join(parts)
    if len(name.encode()) <= sql.LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name.encode()[: sql.LONGEST - 9].decode(errors='ignore')}_{digest}"
