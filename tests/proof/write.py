"""An app as models.py, and two of them as a case with rows."""

from collections.abc import Iterator, Sequence
from itertools import cycle, islice

from .case import Case
from .described import (
    PLACEHOLDER,
    App,
    Column,
    Constraint,
    Domain,
    Enumeration,
    Index,
    Item,
    Options,
    Sql,
    Table,
    View,
)
from .generate import EDITS

HEADER = '''"""The models of an app."""

import enum
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql import expression

from .db import Model
'''
COMPILED = """

class utcnow(expression.FunctionElement):
    type = sa.DateTime()
    inherit_cache = True


@compiles(utcnow)
def any_utcnow(element, compiler, **kw):
    return "CURRENT_TIMESTAMP"


@compiles(utcnow, "postgresql")
def postgresql_utcnow(element, compiler, **kw):
    return "TIMEZONE('utc', CURRENT_TIMESTAMP)"
"""
ROWS = 3
"""How many rows each table has."""


class Writer:
    """Writes one app."""

    def __init__(self, app: App) -> None:
        """Take the app."""
        self.app = app
        self.names = {column.uid: column.name for _, column in app.columns()}
        self.names |= {table.uid: table.name for table in app.tables}

    def quoted(self, name: str) -> str:
        """Return a name as SQL has it on the database."""
        mark = "`" if self.app.database == "mariadb" else '"'
        return f"{mark}{name.replace(mark, mark * 2)}{mark}"

    def sql(self, sql: Sql, *, variables: bool = True) -> str:
        """Return the Python for an expression."""
        if sql.python and variables:
            return PLACEHOLDER.sub(r"\1", sql.python)
        text = PLACEHOLDER.sub(lambda it: self.quoted(self.names[it[1]]), sql.text)
        return repr(text.replace(":", "\\:") if "::" not in text else text)

    def arguments(self, options: Options) -> list[str]:
        """Return keyword arguments."""
        return [self._argument(name, value) for name, value in options]

    def _argument(self, name: str, value: str) -> str:
        return f"{name}={PLACEHOLDER.sub(lambda it: self._name(it[1]), value)}"

    def _name(self, uid: str) -> str:
        return repr(self.names[uid]) if uid in self.names else uid

    def models(self) -> str:
        """Return models.py."""
        parts = [HEADER]
        needs = [column.type.needs for _, column in self.app.columns()]
        if any("utcnow" in repr(column) for _, column in self.app.columns()):
            parts.append(COMPILED)
        parts += [f"\n\n{text}" for text in dict.fromkeys(needs) if text]
        parts += [f"\n{self.enumeration(it)}" for it in self.app.enums]
        parts += [f"\n{self.domain(it)}" for it in self.app.domains]
        parts += [f"\n\n{self.table(it)}" for it in in_order(self.app.tables)]
        for sequence in self.app.sequences:
            words = [repr(sequence.name), *self.arguments(sequence.options)]
            made = f"sa.Sequence({', '.join(words)}, metadata=Model.metadata)"
            parts.append(f"\n{sequence.uid} = {made}\n")
        parts += [f"\n{self.view(it)}" for it in self.app.views]
        return "".join(parts)

    def enumeration(self, enum: Enumeration) -> str:
        """Return an Enum, and the class that it is made of."""
        more = [f"name={enum.name!r}", *self.arguments(enum.options)]
        if enum.form == "strings":
            words = [*(repr(it.text) for it in enum.labels), *more]
            return f"{enum.uid} = sa.Enum({', '.join(words)})\n"
        members = {it.text: it.uid for it in enum.labels}
        base = ", type=str" if enum.form == "str" else ""
        cls = enum.uid.upper()
        made = f"{cls} = enum.Enum({cls!r}, {members!r}{base})\n"
        return f"{made}{enum.uid} = sa.Enum({', '.join([cls, *more])})\n"

    def domain(self, domain: Domain) -> str:
        """Return a DOMAIN."""
        words = [
            repr(domain.name),
            domain.base.expression,
            *self.arguments(domain.options),
        ]
        return f"{domain.uid} = postgresql.DOMAIN({', '.join(words)})\n"

    def column(self, table: Table, column: Column, call: str) -> str:
        """Return the call that makes a column."""
        words = [repr(column.name), PLACEHOLDER.sub(r"\1", column.type.expression)]
        if column.item:
            words.append(self.item(table, column.item))
        words += self.arguments(column.options)
        if table.style == "mapped" and not (
            column.is_key or "nullable" in column.given
        ):
            words.append("nullable=True")  # Mapped[Any] alone is NOT NULL
        return f"{call}({', '.join(words)})"

    def item(self, table: Table, item: Item) -> str:
        """Return a Computed, an Identity or a Sequence."""
        words = self.arguments(item.options)
        if item.formula:
            words.insert(0, self.sql(item.formula, variables=not table.mixed))
        if item.name:
            words.insert(0, repr(item.name))
        return f"sa.{item.kind}({', '.join(words)})"

    def constraint(self, table: Table, constraint: Constraint) -> str:
        """Return a constraint."""
        words = list[str]()
        if constraint.kind == "ExcludeConstraint":
            words = [f"({self.variable(table, it)}, '=')" for it in constraint.columns]
        elif constraint.condition:
            words.append(self.sql(constraint.condition, variables=not table.single))
        columns = [self.variable(table, uid) for uid in constraint.columns]
        if constraint.target:
            target = self.app.table(constraint.target)
            assert target
            words.append(f"[{', '.join(columns)}]")
            there = [f"{fullname(target)}.{it.name}" for it in target.key]
            words.append(repr(there))
        elif constraint.kind != "ExcludeConstraint":
            words += columns
        words += self.arguments(constraint.options)
        module = "postgresql" if constraint.kind == "ExcludeConstraint" else "sa"
        only = f".ddl_if(dialect={constraint.ddl_if!r})" if constraint.ddl_if else ""
        return f"{module}.{constraint.kind}({', '.join(words)}){only}"

    def index(self, table: Table, index: Index) -> str:
        """Return an index."""
        words = [repr(index.name) if index.name else "None"]
        for expression in index.expressions:
            if (uid := expression.text.strip("{}")) in self.names:
                words.append(self.variable(table, uid))
            elif expression.python and not (table.mixed or table.single):
                words.append(self.sql(expression))
            else:
                words.append(f"sa.text({self.sql(expression, variables=False)})")
        words += self.arguments(index.options)
        words += [
            f"{name}=sa.text({self.sql(condition, variables=False)})"
            for name, condition in index.conditions
        ]
        only = f".ddl_if(dialect={index.ddl_if!r})" if index.ddl_if else ""
        return f"sa.Index({', '.join(words)}){only}"

    def variable(self, table: Table, uid: str) -> str:
        """Return how models.py says a column of the table that it is making."""
        if uid in (*table.mixed, *table.single):
            return repr(self.names[uid])
        return uid

    def table(self, table: Table) -> str:
        """Return a table, and what its model inherits from."""
        if table.style == "core":
            return self._core(table)
        return self._mixin(table) + self._class(table)

    def _core(self, table: Table) -> str:
        lines = [
            f"{it.uid} = {self.column(table, it, 'sa.Column')}" for it in table.columns
        ]
        words = [repr(table.name), "Model.metadata", *(it.uid for it in table.columns)]
        words += self._parts(table)
        words += self.arguments(self._options(table))
        body = ",\n    ".join(words)
        return "\n".join(lines) + f"\n{table.uid} = sa.Table(\n    {body},\n)\n"

    def _mixin(self, table: Table) -> str:
        if not table.mixed:
            return ""
        lines = [
            f"    {it.uid} = {self.column(table, it, 'sa.Column')}"
            for it in table.columns
            if it.uid in table.mixed
        ]
        return f"class Mixin{table.uid.upper()}:\n" + "\n".join(lines) + "\n\n\n"

    def _class(self, table: Table) -> str:
        bases = [f"Mixin{table.uid.upper()}"] if table.mixed else []
        bases.append(table.parent.upper() or "Model")
        lines = [f"class {table.uid.upper()}({', '.join(bases)}):"]
        lines.append(f"    __tablename__ = {table.name!r}\n")
        elsewhere = (*table.mixed, *table.single)
        call = "sa.Column" if table.style == "class" else "mapped_column"
        hint = "" if table.style == "class" else ": Mapped[Any]"
        lines += [
            f"    {it.uid}{hint} = {self.column(table, it, call)}"
            for it in table.columns
            if it.uid not in elsewhere
        ]
        options = dict(self._options(table))
        texts = [f"{name!r}: {value}" for name, value in options.items()]
        arguments = self._parts(table) + ([f"{{{', '.join(texts)}}}"] if texts else [])
        if arguments:
            body = ",\n        ".join(arguments)
            lines.append(f"    __table_args__ = (\n        {body},\n    )")
        lines.append("")
        if table.single:
            lines.append(f"\nclass Sub{table.uid.upper()}({table.uid.upper()}):")
            lines += [
                f"    {it.uid} = {self.column(table, it, 'sa.Column')}"
                for it in table.columns
                if it.uid in table.single
            ]
            lines.append("")
        return "\n".join(lines)

    def _parts(self, table: Table) -> list[str]:
        return [
            *(self.constraint(table, it) for it in table.constraints),
            *(self.index(table, it) for it in table.indexes),
        ]

    def _options(self, table: Table) -> Options:
        return (
            (("schema", "'SCHEMA'"), *table.options) if table.schema else table.options
        )

    def edit(self) -> str:
        """Return what the author writes into the revision."""
        if not self.app.edit:
            return ""
        table = self.app.tables[0]
        where = ("SCHEMA." if table.schema else "") + self.quoted(table.name)
        (first, *_), plain = table.columns, (it for it in table.columns if not it.item)
        free = [self.quoted(it.name) for it in plain if not it.is_key]
        update = f"DELETE FROM {where} WHERE 1 = 0"  # noqa: S608
        if free:
            update = f"UPDATE {where} SET {free[0]} = {free[0]} WHERE 1 = 1"  # noqa: S608
        count = f"SELECT count({self.quoted(first.name)}) FROM {where}"  # noqa: S608
        return EDITS[self.app.edit].format(update=update, count=count)

    def view(self, view: View) -> str:
        """Return a view."""
        table = self.app.table(view.table)
        assert table
        there = f"{table.uid.upper()}.__table__" if table.style != "core" else table.uid
        columns = [f"{there}.c[{self.names[it]!r}]" for it in view.columns]
        made = f"sa.select({', '.join(columns)})"
        if view.where:
            made += f".where(sa.text({self.sql(view.where, variables=False)}))"
        words = [made, repr(view.name), "metadata=Model.metadata"]
        words += self.arguments(view.options)
        return f"{view.uid} = sa.CreateView({', '.join(words)})\n"


def fullname(table: Table) -> str:
    """Return a table as a metadata calls it."""
    return f"SCHEMA.{table.name}" if table.schema else table.name


def in_order(tables: Sequence[Table]) -> list[Table]:
    """Return tables after those that they inherit from."""
    found, left = list[Table](), list(tables)
    while left:
        there = {it.uid for it in found}
        ready = [it for it in left if not it.parent or it.parent in there] or left
        found += ready
        left = [it for it in left if it not in found]
    return found


def value_of(app: App, column: Column, number: int) -> str:
    """Return the value that a column has in a row, in Python."""
    for enum in app.enums:
        if enum.uid == column.type.named:
            label = enum.labels[number % len(enum.labels)].text
            return (
                repr(label)
                if enum.form == "strings"
                else f"{enum.uid.upper()}[{label!r}]"
            )
    for domain in app.domains:
        if domain.uid == column.type.named:
            return domain.base.values[number % len(domain.base.values)]
    return column.type.values[number % len(column.type.values)]


def row(app: App, table: Table, number: int) -> tuple[tuple[str, str], ...]:
    """Return a row of a table: each column that is written, and its value."""
    referring = {
        uid: (constraint, place)
        for constraint in table.constraints
        if constraint.target
        for place, uid in enumerate(constraint.columns)
    }
    values = dict[str, str]()
    for column in table.columns:
        if not column.is_written:
            continue
        if column.uid in referring:
            constraint, place = referring[column.uid]
            target = app.table(constraint.target)
            assert target
            values[column.name] = key_value(app, target, place, number)
        elif column.is_nullable and number == ROWS - 1:
            values[column.name] = "None"
        else:
            values[column.name] = value_of(app, column, number)
    return tuple(values.items())


def key_value(app: App, table: Table, place: int, number: int) -> str:
    """Return the value of a key's column in a row, which may refer to another key."""
    column = table.key[place]
    for constraint in table.constraints:
        if constraint.target and column.uid in constraint.columns:
            target = app.table(constraint.target)
            assert target
            if target is not table:
                at = constraint.columns.index(column.uid)
                return key_value(app, target, at, number)
    return value_of(app, column, number)


def by_reference(tables: Sequence[Table]) -> Iterator[Table]:
    """Give tables after those that they refer to."""
    left, done = list(tables), set[str]()
    while left:
        for table in left:
            needs = {it.target for it in table.constraints if it.target} - {table.uid}
            if needs <= done:
                break
        done.add(table.uid)
        left.remove(table)
        yield table


def case_of(before: App, after: App) -> Case:
    """Return the case of an app that becomes another one."""
    tables = dict[str, str]()
    columns = dict[str, str]()
    labels = dict[str, tuple[tuple[str, str], ...]]()
    retyped, filled = list[str](), list[str]()
    for table in before.tables:
        later = after.table(table.uid)
        if later is None:
            continue
        tables[fullname(table)] = fullname(later)
        for column in table.columns:
            if new := later.column(column.uid):
                key = f"{fullname(table)}\n{column.name}"
                columns[key] = new.name
                if new.type != column.type:
                    retyped.append(key)
                is_formula = any(
                    it.item and it.item.kind == "Computed" for it in (column, new)
                )
                if is_formula or (column.is_nullable and not new.is_nullable):
                    filled.append(key)
                labels[key] = _labels(before, after, column, new)
    fills = {
        f"{fullname(table)}.{column.name}": _fill(before, after, column)
        for table, column in after.columns()
    }
    rows = tuple(
        (fullname(table), tuple(islice(_rows(before, table), ROWS)))
        for table in by_reference(before.tables)
    )
    return Case(
        database=before.database,
        convention=before.convention,
        before=Writer(before).models(),
        after=Writer(after).models(),
        rows=rows,
        tables=tables,
        columns=columns,
        retyped=tuple(retyped),
        filled=tuple(filled),
        labels={key: it for key, it in labels.items() if it},
        fills={key: it for key, it in fills.items() if it},
        defaults=dict(_defaults(before, after)),
        edit=Writer(before).edit(),
        later_edit=Writer(after).edit(),
    )


def _defaults(before: App, after: App) -> Iterator[tuple[str, str]]:
    """Give what Python gives a column that is added to a table with rows."""
    for table in before.tables:
        later = after.table(table.uid)
        for column in later.columns if later else ():
            given = column.given
            is_new = not table.column(column.uid) and not column.is_nullable
            if is_new and "default" in given and "server_default" not in given:
                yield f"{fullname(table)}\n{column.name}", given["default"]


def _rows(app: App, table: Table) -> Iterator[tuple[tuple[str, str], ...]]:
    for number in cycle(range(ROWS)):
        yield row(app, table, number)


def _labels(
    before: App, after: App, old: Column, new: Column
) -> tuple[tuple[str, str], ...]:
    first = {it.uid: it for it in before.enums}.get(old.type.named)
    second = {it.uid: it for it in after.enums}.get(new.type.named)
    if not (first and second):
        return ()
    later = {it.uid: it.text for it in second.labels}
    same = {it: it for it in later.values()}  # of another Enum, too
    return tuple(
        (it.text, later.get(it.uid, same.get(it.text, ""))) for it in first.labels
    )


def _fill(before: App, after: App, column: Column) -> str:
    """Return what an author answers; of an Enum what the downgrade has as well."""
    known = {it.uid for enum in before.enums for it in enum.labels}
    for enum in after.enums:
        if enum.uid == column.type.named:
            there = [it.text for it in enum.labels if it.uid in known]
            return [*there, enum.labels[0].text][0]
    for domain in after.domains:
        if domain.uid == column.type.named:
            return domain.base.fill
    was = next((it for _, it in before.columns() if it.uid == column.uid), column)
    for enum in before.enums:
        # A downgrade takes a text of it for one of its values again.
        if enum.uid == was.type.named and column.type.family == "text":
            return enum.labels[0].text
    # Likewise for a number.
    is_number = was.type.family in {"integer", "decimal", "float"}
    return (was if is_number and column.type.family == "text" else column).type.fill
