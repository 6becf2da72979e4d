"""What an app declares, as data; each part has an identity that no rename changes.

Two apps that share identities are the same app at two times: what was renamed, and
which value is where, follows from that alone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

Options = tuple[tuple[str, str], ...]
"""Keyword arguments, each with the Python that models.py has for its value."""

PLACEHOLDER = re.compile(r"\{([a-z]\d+)\}")
"""An identity in a text of SQL or Python, which is written as its name."""


@dataclass(frozen=True)
class Type:
    """A type of a column.

    :param expression: what models.py says; `{e1}` stands for a named type.
    :param family: what its values are like: "integer", "text" …
    :param values: some of its values in Python.
    :param fill: what an author types for a value.
    :param needs: what stands before it in models.py.
    :param named: the Enum or DOMAIN that it is.
    """

    expression: str
    family: str
    values: tuple[str, ...]
    fill: str = ""
    needs: str = ""
    named: str = ""


@dataclass(frozen=True)
class Label:
    """A value of an Enum."""

    uid: str
    text: str


@dataclass(frozen=True)
class Enumeration:
    """An Enum that columns share.

    :param form: "strings", or the class of Python that it is made of: "Enum", "str".
    """

    uid: str
    name: str
    labels: tuple[Label, ...]
    form: str
    options: Options = ()


@dataclass(frozen=True)
class Domain:
    """A DOMAIN of PostgreSQL."""

    uid: str
    name: str
    base: Type
    options: Options = ()


@dataclass(frozen=True)
class Sql:
    """An expression of columns.

    :param text: in SQL; `{c1}` stands for a column.
    :param python: in Python, or nothing when it is written as text.
    """

    text: str
    python: str = ""

    @property
    def uses(self) -> frozenset[str]:
        """The columns that it names."""
        return frozenset(PLACEHOLDER.findall(self.text))


@dataclass(frozen=True)
class Item:
    """A Computed, an Identity or a Sequence, which stands in its column."""

    kind: str
    formula: Sql | None = None
    name: str = ""
    options: Options = ()


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    uid: str
    name: str
    type: Type
    options: Options = ()
    item: Item | None = None

    @property
    def given(self) -> dict[str, str]:
        """The keyword arguments by name."""
        return dict(self.options)

    @property
    def is_key(self) -> bool:
        """Whether it is in the primary key."""
        return "primary_key" in self.given

    @property
    def is_nullable(self) -> bool:
        """Whether it may be NULL."""
        counts = self.item is not None and self.item.kind == "Identity"
        return not (self.is_key or counts) and self.given.get("nullable") != "False"

    @property
    def is_written(self) -> bool:
        """Whether rows give it a value."""
        if self.item is None or self.item.kind == "Sequence":
            return True
        return (
            self.item.kind == "Identity" and ("always", "True") not in self.item.options
        )

    def having(self, name: str, value: str | None) -> "Column":
        """Return the column with another value of an argument; None takes it away."""
        return replace(self, options=changed(self.options, name, value))


@dataclass(frozen=True)
class Constraint:
    """A CHECK, a key or a reference of a table.

    :param kind: the class of SQLAlchemy.
    :param columns: the identities of its columns.
    :param target: the table that it refers to.
    :param ddl_if: the database that alone has it.
    """

    uid: str
    kind: str
    columns: tuple[str, ...] = ()
    condition: Sql | None = None
    target: str = ""
    options: Options = ()
    ddl_if: str = ""

    @property
    def uses(self) -> frozenset[str]:
        """The columns that it names."""
        return frozenset(self.columns) | (
            self.condition.uses if self.condition else frozenset()
        )


@dataclass(frozen=True)
class Index:
    """An index of a table."""

    uid: str
    name: str
    expressions: tuple[Sql, ...]
    options: Options = ()
    conditions: tuple[tuple[str, Sql], ...] = ()
    ddl_if: str = ""

    @property
    def uses(self) -> frozenset[str]:
        """The columns that it names."""
        said = " ".join(value for _, value in self.options)
        own = frozenset(PLACEHOLDER.findall(said))
        parts = (*self.expressions, *(it for _, it in self.conditions))
        return own.union(*(it.uses for it in parts))


@dataclass(frozen=True)
class Table:
    """A table.

    :param style: how models.py writes it: "class", "mapped" or "core".
    :param parent: the table whose model its model inherits from.
    :param mixed: the columns that stand in a mixin.
    :param single: the columns that a subclass adds to the same table.
    """

    uid: str
    name: str
    columns: tuple[Column, ...]
    constraints: tuple[Constraint, ...] = ()
    indexes: tuple[Index, ...] = ()
    schema: bool = False
    options: Options = ()
    style: str = "class"
    parent: str = ""
    mixed: tuple[str, ...] = ()
    single: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[Column, ...]:
        """The columns of the primary key."""
        return tuple(it for it in self.columns if it.is_key)

    def column(self, uid: str) -> Column | None:
        """Return a column by its identity."""
        return next((it for it in self.columns if it.uid == uid), None)


@dataclass(frozen=True)
class View:
    """A view of the metadata, on one table."""

    uid: str
    name: str
    table: str
    columns: tuple[str, ...]
    where: Sql | None = None
    options: Options = ()


@dataclass(frozen=True)
class Sequence:
    """A sequence of the metadata, which no column has."""

    uid: str
    name: str
    options: Options = ()


@dataclass(frozen=True)
class App:
    """All that an app declares, for one kind of database.

    :param convention: whether the metadata names constraints.
    :param before: Python that models.py begins with.
    :param edit: what the author writes into the revision that leads here, a key of
        `EDITS`.
    """

    database: str
    convention: bool
    tables: tuple[Table, ...]
    enums: tuple[Enumeration, ...] = ()
    domains: tuple[Domain, ...] = ()
    views: tuple[View, ...] = ()
    sequences: tuple[Sequence, ...] = ()
    edit: str = ""

    def table(self, uid: str) -> Table | None:
        """Return a table by its identity."""
        return next((it for it in self.tables if it.uid == uid), None)

    def columns(self) -> Iterator[tuple[Table, Column]]:
        """Give each column with its table."""
        for table in self.tables:
            for column in table.columns:
                yield table, column

    def with_table(self, table: Table) -> "App":
        """Return the app with another state of a table."""
        return replace(self, tables=swapped(self.tables, table))

    def with_column(self, column: Column) -> "App":
        """Return the app with another state of a column."""
        tables = tuple(
            replace(it, columns=swapped(it.columns, column)) for it in self.tables
        )
        return replace(self, tables=tables)


class Identified(Protocol):
    """A part with an identity."""

    @property
    def uid(self) -> str:
        """The identity."""


Part = TypeVar("Part", bound=Identified)


def changed(options: Options, name: str, value: str | None) -> Options:
    """Return arguments with another value of one; None takes it away."""
    rest = tuple((key, old) for key, old in options if key != name)
    return rest if value is None else (*rest, (name, value))


def swapped(parts: tuple[Part, ...], part: Part) -> tuple[Part, ...]:
    """Return parts with another state of the one that has the same identity."""
    return tuple(part if it.uid == part.uid else it for it in parts)


def whole(app: App) -> App:
    """Return an app without what names a part that is not there."""
    named = {it.uid for it in app.enums if it.labels} | {it.uid for it in app.domains}
    tables = tuple(_whole_table(it, named) for it in app.tables)
    tables = tuple(it for it in tables if it.key)
    for _ in tables:  # a table without its parent is gone, and so on
        there = {it.uid for it in tables}
        tables = tuple(it for it in tables if not it.parent or it.parent in there)
    keys = {it.uid: len(it.key) for it in tables}
    tables = tuple(
        replace(table, constraints=tuple(_referring(table.constraints, keys)))
        for table in tables
    )
    columns = {table.uid: {it.uid for it in table.columns} for table in tables}
    views = tuple(
        replace(it, columns=kept)
        for it in app.views
        if it.table in columns
        if (kept := tuple(uid for uid in it.columns if uid in columns[it.table]))
        if not it.where or it.where.uses <= columns[it.table]
    )
    used = {column.type.named for table in tables for column in table.columns}
    return replace(
        app,
        tables=tables,
        views=views,
        enums=tuple(it for it in app.enums if it.uid in used),
        domains=tuple(it for it in app.domains if it.uid in used),
    )


def _referring(
    constraints: tuple[Constraint, ...], keys: dict[str, int]
) -> Iterator[Constraint]:
    for constraint in constraints:
        fits = keys.get(constraint.target) == len(constraint.columns)
        if not constraint.target or fits:
            yield constraint


def _whole_table(table: Table, named: set[str]) -> Table:
    columns = tuple(
        it for it in table.columns if not it.type.named or it.type.named in named
    )
    for _ in columns:
        there = {it.uid for it in columns}
        columns = tuple(
            it
            for it in columns
            if it.item is None or not it.item.formula or it.item.formula.uses <= there
        )
    there = {it.uid for it in columns}
    unique: set[tuple[str, ...]] = {(it.uid,) for it in columns if "unique" in it.given}
    unique.add(tuple(it.uid for it in columns if it.is_key))
    constraints = list[Constraint]()
    for constraint in table.constraints:
        is_key = constraint.kind == "UniqueConstraint"
        if constraint.uses <= there and not (is_key and constraint.columns in unique):
            constraints.append(constraint)
            unique |= {constraint.columns} if is_key else set()
    indexes = tuple(it for it in table.indexes if it.uses <= there and it.expressions)
    parts: tuple[Constraint | Index, ...] = (*constraints, *indexes)
    used = {uid for it in parts for uid in it.uses}
    used |= {
        uid
        for it in columns
        if it.item and it.item.formula
        for uid in it.item.formula.uses
    }
    return replace(
        table,
        columns=columns,
        constraints=tuple(constraints),
        indexes=indexes,
        mixed=tuple(it for it in table.mixed if it in there - used),
        single=tuple(
            it.uid
            for it in columns
            if it.uid in table.single and it.uid not in used and it.is_nullable
        ),
    )
