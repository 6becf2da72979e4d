"""Keys and conditions that the rows of a table may contradict, NOT NULL among them.

Each database refuses them by itself. MariaDB, though, takes nothing back of what
a revision did before it came to that. Columns become NOT NULL in two steps: the rows
get values, then they need them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from functools import partial
from typing import Any, NamedTuple, TypeGuard, cast

import sqlalchemy as sa
from alembic.ddl.postgresql import CreateExcludeConstraintOp
from alembic.operations import MigrateOperation, ops
from alembic.util import CommandError

from ..operations.base import Key, LosslessOp, altering, label
from ..operations.guards import (
    refuse_duplicates,
    refuse_missing,
    refuse_orphans,
    refuse_violations,
)
from ..prompts import Question
from ..rules import INVENTS, REVIEW, rule
from ..sql import (
    columns_in,
    functions_in,
    literal,
    quoted,
    renamed,
    significant,
    text,
    text_in,
    without_order,
)
from ..state import GENERATORS, Drop, columns_of, every_of, same, sql
from ..types.fills import declared, form_of, has_form, is_unique, neutral, typed
from ..types.portable import domains_in, stored, words
from ..types.values import Value
from .compare_columns import default_after
from .draft import (
    DialectBlock,
    Draft,
    FillNulls,
    Note,
    RestoreColumn,
    RestoreTable,
    change_of,
    divide,
    filled_in,
    is_of_beginnings,
    key_of,
    names_before,
    of_kind,
    operations_in,
    retypes,
    unique_index,
)

Part = tuple[Key, str | None]
"""A table, or a column of it."""


PARTIAL = ("postgresql_where", "sqlite_where")
"""The options by which an index is about some rows alone."""


class Expression(NamedTuple):
    """What a unique index has in place of a column, or says of the rows it is about."""

    sql: str
    columns: tuple[str, ...]
    """The columns that it speaks of."""


NULLS = "postgresql_nulls_not_distinct"
"""The option of a unique key by which PostgreSQL takes NULLs for one value."""


class Rule(NamedTuple):
    """What a key asks of rows: to differ or, with a parent, to refer to rows of it."""

    table: Key
    columns: tuple[str | Expression, ...]
    parent: Key | None = None
    keys: tuple[str, ...] = ()
    where: tuple[tuple[str, Expression], ...] = ()
    """Which rows it is about: the option of an index for a database, and what it says.
    """
    has_nulls: bool = False
    """Whether PostgreSQL takes NULLs for one value."""


def guard_keys(draft: Draft, container: ops.OpContainer) -> None:
    """Begin with a look at the rows that a new key is about."""
    whole = container.ops
    blocks = [*of_kind(DialectBlock, whole)]
    for block in blocks:
        guard_keys(draft, block)
    container.ops = [op for op in whole if op not in blocks]
    every = list(operations_in(container))
    known = {_rule(draft, op) for op in every if isinstance(op, Drop)}
    fresh = set(_fresh(every))
    given = _given(draft, every)
    filled = filled_in(container)
    guards = list[MigrateOperation]()
    made = [_rule(draft, op) for op in every]
    for new in made:
        if new is None or new in known:
            continue
        unknown = fresh.intersection(_parts(new))
        if not unknown or (new.parent is None and unknown <= given.keys()):
            wanted = unknown.union(*(given[it].uses for it in unknown))
            values = {str(it[1]): given[it].value for it in given if it in wanted}
            guards.append(_guard(draft, container, new, values, filled))
        elif fresh.isdisjoint(_parts(Rule(new.table, new.columns))):
            guards += _guard_of_new_parent(draft, container, new, fresh)
    guards += _guards_of_filled(draft, container, filled, {*made}, fresh)
    guards += _check_guards(draft, container, fresh)
    if container is draft.upgrade:
        guards += _fill_guards(draft, fresh)
    container.ops = [*guards, *whole]


def _guards_of_filled(
    draft: Draft,
    container: ops.OpContainer,
    filled: Mapping[tuple[Key, str], Any],
    made: set[Rule | None],
    fresh: set[Part],
) -> Iterator[LosslessOp]:
    """Look at what is unique already, and gets a value where rows have none.

    :param filled: what rows get where they have NULL.
    :param made: the rules that are dropped or made, which are looked at anyway.
    :param fresh: what gets another type, with which it is looked at.
    """
    for key in dict.fromkeys(table for table, _ in filled):
        table = draft.table_after(container, key)
        for op in every_of(table) if table is not None else ():
            rule = _rule(draft, op)
            if rule is None or rule.parent is not None or rule in made:
                continue
            parts = {*_parts(rule)}
            if fresh.isdisjoint(parts) and not parts.isdisjoint(filled):
                yield _guard(draft, container, rule, {}, filled)


def _fill_guards(draft: Draft, fresh: set[Part]) -> Iterator[MigrateOperation]:
    """Look whether there is what the rows are going to refer to."""
    given: dict[tuple[Key, str], Any] = {**draft.fills}
    for op in of_kind(ops.AddColumnOp, operations_in(draft.upgrade)):
        default = _default_of(op.column, draft.context.dialect)
        if op.column.foreign_keys and default is not None:
            given.setdefault((key_of(op), op.column.name), default)
    for (key, name), value in given.items():
        column = draft.models.get(key, {}).get(name)
        for fk in column.foreign_keys if column is not None else ():
            parent = (fk.column.table.schema, fk.column.table.name)
            if parent[0] == key[0] and (key, None) not in fresh:
                yield from _fill_guard(draft, (key, name), value, fk.column, fresh)


class Given(NamedTuple):
    """What each row gets in a column that is new."""

    value: Any
    uses: frozenset[Part] = frozenset()
    """The new columns that the formula of this one speaks of."""


def _given(draft: Draft, every: Iterable[MigrateOperation]) -> dict[Part, Given]:
    """Return what rows get in columns that are new, where it can be said before.

    What a function makes may be another value for each row.
    """
    dialect = draft.context.dialect
    found, formulas = dict[Part, Given](), dict[Part, str]()
    for op in of_kind(ops.AddColumnOp, every):
        key, name = key_of(op), op.column.name
        if isinstance(op.column.server_default, sa.Computed):
            formulas[key, name] = sql(op.column.server_default.sqltext, dialect)
        else:
            default = _typed_default(op.column, dialect)
            value: Any = draft.fills.get((key, name), default)
            said = text_in(value) if isinstance(value, sa.TextClause) else ""
            called = {*functions_in(said, dialect)}
            if not called:
                found[key, name] = Given(value)
            elif called <= OF_THE_TIME:
                found[key, name] = Given(text("CURRENT_TIMESTAMP"))
    new = {*found, *formulas}
    for part, formula in formulas.items():
        key = part[0]
        names = columns_in(formula, _columns(draft, key), dialect)
        uses = new.intersection((key, it) for it in names)
        if uses <= found.keys():
            found[part] = Given(text(formula), frozenset(uses))
    return {part: it for part, it in found.items() if it.value is not None}


OF_THE_TIME = {
    *("current_date", "current_time", "current_timestamp", "curdate", "curtime"),
    *("localtime", "localtimestamp", "now", "transaction_timestamp", "utc_date"),
    *("utc_time", "utc_timestamp"),
}
"""The functions that give each row of a statement the same value, in many spellings.

Source: "Date and Time Functions" of SQLite, PostgreSQL and MariaDB.
"""


def _typed_default(column: sa.Column[Any], dialect: sa.Dialect) -> Any:
    """Return the default that the rows get, as a value of the column's type."""
    default = getattr(column.server_default, "arg", None)
    if not isinstance(default, str):
        return _default_of(column, dialect)
    try:
        return typed(column, f"'{default}'")
    except ValueError:
        return None


def _default_of(column: sa.Column[Any], dialect: sa.Dialect) -> Any:
    """Return the default that the rows get with a new column, as an expression."""
    default = getattr(column.server_default, "arg", None)
    if isinstance(default, str):
        return text(literal(default))
    if not isinstance(default, sa.ClauseElement):
        return None
    said = sql(default, dialect)
    return None if said.upper() == "NULL" else text(said)


def _fill_guard(
    draft: Draft,
    at: tuple[Key, str],
    value: Any,
    referred: sa.Column[Any],
    fresh: set[Part],
) -> Iterator[MigrateOperation]:
    """Look for the row that a value is about to refer to."""
    key, parent = at[0], (referred.table.schema, referred.table.name)
    table, column = names_before(draft.upgrade, *at)
    target = names_before(draft.upgrade, parent, referred.name)
    is_made = (parent, None) in fresh
    if is_made:
        yield Note(REVIEW, _to_insert(label(*parent), f"{table}.{at[1]}"))
    given = {"made_here": True} if is_made else {}
    without = None if at in fresh else column
    yield refuse_missing(table, without, target, value, **given, schema=key[0])


def _to_insert(parent: str, subject: str) -> str:
    """Return what an author does where rows refer to a table that has none yet."""
    return (
        f"insert the rows of {parent} that {subject} refers to before the foreign key,"
        " and take the next line away then."
    )


def _check_guards(
    draft: Draft, container: ops.OpContainer, fresh: set[Part]
) -> Iterator[LosslessOp]:
    """Look whether rows are as a new CHECK will have them."""
    every = list(operations_in(container))
    gone = [op.to_constraint() for op in of_kind(ops.DropConstraintOp, every)]
    known = [check.sqltext for check in gone if isinstance(check, sa.CheckConstraint)]
    for op in of_kind(ops.CreateCheckConstraintOp, every):
        condition = op.to_constraint().sqltext
        if not any(same(condition, old) for old in known):
            yield from _check_guard(draft, container, op, fresh)


def _check_guard(
    draft: Draft,
    container: ops.OpContainer,
    op: ops.CreateCheckConstraintOp,
    fresh: set[Part],
) -> Iterator[LosslessOp]:
    """Give the look at the rows, unless what it is about is only coming."""
    key: Key = key_of(op)
    condition = sql(op.to_constraint().sqltext, draft.context.dialect)
    dialect = draft.context.dialect
    used = columns_in(condition, _columns(draft, key), dialect)
    parts = {(key, None), *((key, name) for name in used)}
    if used and fresh.isdisjoint(parts):
        was = {name: names_before(container, key, name) for name in used}
        table = next(iter(was.values()))[0]
        columns = {name: column for name, (_, column) in was.items()}
        text: Any = renamed(condition, columns, dialect)
        yield refuse_violations(table, text, [*columns.values()], schema=key[0])


def _columns(draft: Draft, key: Key) -> list[str]:
    """Return the columns that a table has before the revision, or after it."""
    return [*{**draft.models.get(key, {}), **draft.state.columns(*key)}]


def _rule(draft: Draft, op: MigrateOperation) -> Rule | None:
    """Return the rule of a key, made or removed; None for all else."""
    index = unique_index(op)
    if index is not None and not is_of_beginnings(index):
        at, conditions = _key_of(index), tuple(_conditions(draft, index))
        parts = (indexed(draft, at, it) for it in index.expressions)
        return Rule(at, tuple(parts), where=conditions, has_nulls=_has_nulls(index))
    if isinstance(op, ops.AddConstraintOp | ops.DropConstraintOp):
        key = op.to_constraint()
        if isinstance(key, sa.UniqueConstraint):
            at, columns = (key.table.schema, key.table.name), _names(key.columns)
            return Rule(at, columns, has_nulls=_has_nulls(key))
        if isinstance(key, sa.ForeignKeyConstraint):
            table, parent = key.table, key.referred_table
            keys = _names(element.column for element in key.elements)
            if table.schema == parent.schema:
                of = (parent.schema, parent.name)
                return Rule((table.schema, table.name), _names(key.columns), of, keys)
    return None


def _has_nulls(key: sa.Index | sa.UniqueConstraint) -> bool:
    return bool(key.dialect_kwargs.get(NULLS))


def _key_of(index: sa.Index) -> Key:
    table = cast("sa.Table", index.table)
    return table.schema, table.name


def _conditions(draft: Draft, index: sa.Index) -> Iterator[tuple[str, Expression]]:
    """Give which rows an index is about, for each database on which it is partial."""
    known, dialect = _columns(draft, _key_of(index)), draft.context.dialect
    for option, said in sorted(index.dialect_kwargs.items()):
        if option in PARTIAL and said is not None:
            written = said if isinstance(said, str) else sql(said, dialect)
            used = columns_in(written, known, dialect)
            yield option, Expression(written, tuple(used))


def indexed(draft: Draft, key: Key, part: Any) -> str | Expression:
    """Return a column of an index, in whichever order it is, or its expression.

    :param key: the table.
    :param part: one of the index's `expressions`.
    """
    known = _columns(draft, key)
    if isinstance(part, sa.ColumnClause) and (
        not part.is_literal or part.name in known
    ):
        return part.name
    dialect = draft.context.dialect
    text = without_order(sql(part, dialect), dialect)
    used = columns_in(text, known, dialect)
    if len(used) == len(significant(text, dialect)) == 1:
        return used[0]
    return Expression(text, tuple(used))


def _names(columns: Iterable[sa.Column[Any]]) -> tuple[str, ...]:
    return tuple(column.name for column in columns)


def _fresh(every: Iterable[MigrateOperation]) -> Iterator[Part]:
    """Give what holds nothing before the revision, or something else."""
    for op in every:
        if isinstance(op, RestoreColumn | RestoreTable):
            continue  # the rows are there, and have their values
        if isinstance(op, ops.CreateTableOp):
            yield key_of(op), None
        elif isinstance(op, ops.AddColumnOp):
            yield key_of(op), op.column.name
        elif retypes(op):
            yield key_of(op), op.column_name


def _parts(rule: Rule) -> Iterator[Part]:
    yield rule.table, None
    for column in (*rule.columns, *(it for _, it in rule.where)):
        names = column.columns if isinstance(column, Expression) else (column,)
        yield from ((rule.table, name) for name in names)
    if rule.parent is not None:
        yield rule.parent, None
        yield from ((rule.parent, column) for column in rule.keys)


def _guard(
    draft: Draft,
    container: ops.OpContainer,
    rule: Rule,
    values: Mapping[str, Any],
    filled: Mapping[tuple[Key, str], Any],
) -> LosslessOp:
    """Return the look at the rows, by the names that there are before.

    :param values: what each row gets in the columns that are new.
    :param filled: what rows get where they have NULL.
    """
    schema = rule.table[0]
    columns = [_before(draft, container, rule.table, it) for it in rule.columns]
    table = names_before(container, rule.table, "")[0]
    if rule.parent is None:
        conditions = {
            option: _before(draft, container, rule.table, it)
            for option, it in rule.where
        }
        more: dict[str, Any] = {"values": values} if values else {}
        fills = {
            names_before(container, rule.table, str(name))[1]: filled[rule.table, name]
            for _, name in _parts(rule)
            if name is not None and (rule.table, name) in filled
        }
        more |= {"fills": fills} if fills else {}
        more |= {NULLS: True} if rule.has_nulls else {}
        return refuse_duplicates(table, columns, **more, **conditions, schema=schema)
    parent = names_before(container, rule.parent, "")[0]
    keys = [names_before(container, rule.parent, it)[1] for it in rule.keys]
    names = [str(it) for it in columns]
    return refuse_orphans(table, names, parent, keys, schema=schema)


def _guard_of_new_parent(
    draft: Draft, container: ops.OpContainer, rule: Rule, fresh: set[Part]
) -> Iterator[MigrateOperation]:
    """Look whether rows refer to anything, where their parent has no rows yet."""
    if rule.parent is None or (rule.parent, None) not in fresh:
        return
    table = names_before(container, rule.table, "")[0]
    names = [names_before(container, rule.table, str(it))[1] for it in rule.columns]
    parent, subject = label(*rule.parent), f"{table}.{', '.join(names)}"
    if container is draft.upgrade:
        yield Note(REVIEW, _to_insert(parent, subject))
    else:
        yield Note(INVENTS, f"{parent} is empty: no {subject} can refer to it.")
    quoted_names = (quoted(it, draft.context.dialect) for it in names)
    condition = " OR ".join(f"{it} IS NULL" for it in quoted_names)
    yield refuse_violations(table, condition, names, schema=rule.table[0])


def _before(
    draft: Draft, container: ops.OpContainer, key: Key, column: str | Expression
) -> Any:
    """Return a column, or an expression, with the names that there are before."""
    if isinstance(column, str):
        return names_before(container, key, column)[1]
    was = {name: names_before(container, key, name)[1] for name in column.columns}
    return text(renamed(column.sql, was, draft.context.dialect) or column.sql)


Fills = Mapping[tuple[Key, str], Value]
"""The value for each table and column."""

Default = Callable[[ops.AlterColumnOp], Any]
"""Returns the default that a column has once its type has changed."""

EARLY = (ops.DropConstraintOp, ops.AddColumnOp)
"""What need not wait until the rows have their values."""


def needs_value(op: object) -> TypeGuard[ops.AddColumnOp | ops.AlterColumnOp]:
    """Return whether the rows of a table cannot stay as they are."""
    if isinstance(op, ops.AddColumnOp):
        return not gives_itself(op.column)
    if not isinstance(op, ops.AlterColumnOp) or op.modify_nullable is not False:
        return False
    return not isinstance(op.existing_server_default, sa.Computed)


def gives_itself(column: sa.Column[Any]) -> bool:
    """Tell whether rows have a value of a new column, or need none.

    What a trigger fetches is no default: the rows that are there have none.
    """
    made = isinstance(column.server_default, (sa.DefaultClause, *GENERATORS))
    is_null = column.nullable and not forbids_null(column.type)
    return bool(is_null) or made or column.primary_key


def forbids_null(type_: Any) -> bool:
    """Tell whether a type is a DOMAIN that is NOT NULL, and has no default."""
    found = domains_in(type_)
    return any(it.not_null for it in found) and found[-1].default is None


def column_of(op: ops.AddColumnOp | ops.AlterColumnOp) -> sa.Column[Any]:
    """Return the column that is added, or changed as far as the operation knows it."""
    if isinstance(op, ops.AddColumnOp):
        return op.column
    return sa.Column(op.column_name, op.modify_type or op.existing_type)


def like(column: sa.Column[Any], **but: Any) -> sa.Column[Any]:
    """Return a column like another, which belongs to the models and must not change."""
    same = {"nullable": column.nullable, "comment": column.comment}
    same |= column.dialect_kwargs
    return sa.Column(column.name, column.type, **{**same, **but})


def fill_asked(draft: Draft, container: ops.OpContainer) -> None:
    """Fill with the values that were asked for."""
    if container is draft.upgrade:
        fill(draft, container, draft.fills)


def fill(draft: Draft, container: ops.OpContainer, fills: Fills) -> None:
    """Split each change of a table where rows get a value.

    Two changes to one column need two batches: in one, the second replaces the first.
    """
    default = partial(default_after, draft, container)
    divide(container, partial(_split, fills=fills, default=default))


def _split(
    change: ops.ModifyTableOps, fills: Fills, default: Default
) -> list[MigrateOperation]:
    key = key_of(change)
    values: dict[MigrateOperation, Value | None] = {
        op: fills.get((key, column_of(op).name)) for op in change.ops if needs_value(op)
    }
    if not any(values.values()):
        return [change]
    first = change_of(change, [])
    last = change_of(change, [])
    between = list[MigrateOperation]()
    # What stands before a change of type is in its way.
    places = [n for n, it in enumerate(change.ops) if values.get(it) and retypes(it)]
    for place, op in enumerate(change.ops):
        value = values.get(op)
        if value is None or not needs_value(op):
            is_early = place < max(places, default=0) or isinstance(op, EARLY)
            (first if is_early else last).ops.append(op)
        elif isinstance(op, ops.AddColumnOp):
            with_default, without = added_with(op, value)
            first.ops.append(with_default)
            last.ops.append(without)
        else:
            first.ops += _retyped(op, default)
            between.append(FillNulls(key, op.column_name, value))
            last.ops.append(op)
    return [first, *between, last] if first.ops else [*between, last]


def added_with(
    op: ops.AddColumnOp, value: Value
) -> tuple[ops.AddColumnOp, ops.AlterColumnOp]:
    """Return what adds a column with a default, and what takes the default away."""
    column = like(op.column, server_default=value.clause())
    with_default = ops.AddColumnOp(op.table_name, column, schema=op.schema)
    return with_default, _default_after(with_default, None)


def _default_after(op: ops.AddColumnOp, default: Any) -> ops.AlterColumnOp:
    """Return what gives a column that was added the default that it is to have."""
    column = op.column
    return altering(
        op,
        column.name,
        existing_type=column.type,
        existing_nullable=column.nullable,
        existing_comment=column.comment,
        modify_server_default=default,
    )


def _retyped(op: ops.AlterColumnOp, default: Default) -> list[ops.AlterColumnOp]:
    """Take the change of type out of an operation that also says NOT NULL."""
    if op.modify_type is None:
        return []
    retype = copy(op)
    retype.modify_nullable, retype.existing_nullable = None, True
    # MariaDB hears the whole column again, with the default that it has by now.
    op.existing_server_default = default(op)
    op.existing_type, op.modify_type, op.kw = op.modify_type, None, {}
    op.modify_server_default = False
    return [retype]


@rule(
    "fill",
    "question",
    "A column becomes NOT NULL: which value do the rows get that have none?",
)
def ask_fills(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Ask for the value of each column that becomes NOT NULL, unless the model says it.

    It is asked even if this database has no rows: another one may have some.

    :raises CommandError: where no value can be typed at all.
    """
    made = {key_of(op) for op in of_kind(ops.CreateTableOp, upgrade.ops)}
    for change in of_kind(ops.ModifyTableOps, upgrade.ops):
        key = key_of(change)
        for op in filter(needs_value, change.ops if key not in made else ()):
            column = draft.models[key][column_of(op).name]
            if value := _value_for(draft, label(*key), column):
                draft.fills[key, column.name] = value


def _value_for(draft: Draft, table: str, column: sa.Column[Any]) -> Value | None:
    subject = f"{table}.{column.name}"
    said = draft.prompt.answers.says("fill", subject)
    if not said and (value := declared(column, draft.dialects)):
        return value
    is_later = subject in draft.unsettled and not said
    if not is_later:  # else it may have been renamed, and its rows have values
        _refuse_untyped(subject, column)
    check = partial(typed, column, dialects=draft.dialects)
    text = f"Value of {subject} ({_hint(column)}) for the rows there are:"
    question = Question("fill", table, column.name, text, (), check)
    if is_later:
        draft.prompt.later += [question] if has_form(column.type) else []
        return None
    words = draft.prompt.ask(question)
    return check(words) if words else None


@rule(
    "untyped",
    "refusal",
    "A column becomes NOT NULL, and a value of its type cannot be typed.",
)
def _refuse_untyped(subject: str, column: sa.Column[Any]) -> None:
    """Say the ways that work where no answer does."""
    if not has_form(column.type):
        raise CommandError(
            f"{subject} is NOT NULL, and no value of {words(column.type)} can be"
            " typed for the rows there are. Nothing is written. Let it be nullable, and"
            " fill it in a revision of its own before it is NOT NULL; or give it a"
            " server_default, or a default that is no function."
        )


def _hint(column: sa.Column[Any]) -> str:
    """Return what a value has to be."""
    hints = [str(column.type), form_of(stored(column.type)).example]
    hints += [
        f"a {fk.column.name} of {fk.column.table.name}" for fk in column.foreign_keys
    ]
    if is_unique(column):
        hints.append("unique: it fits one row")
    return ", ".join(hints)


@rule(
    "invents",
    "mark",
    "`# INVENTS:` stands where a downgrade puts a value that nobody entered.",
)
def fill_neutrally(draft: Draft, container: ops.OpContainer) -> None:
    """Fill with values that mean nothing where a downgrade brings NOT NULL back.

    It has nobody to ask. Where no value can be right, the column may stay NULL.
    """
    if container is draft.upgrade:
        return
    fills, notes = dict[tuple[Key, str], Value](), list[MigrateOperation]()
    for change in of_kind(ops.ModifyTableOps, container.ops):
        key = key_of(change)
        for op in filter(needs_value, change.ops):
            column = column_of(op)
            if isinstance(op, ops.AddColumnOp) and column.nullable:
                continue  # `hold_domains` says it
            value = neutral(column, draft.dialects)
            if column.name in _constrained(draft, container, key):
                value = None
            if value:
                fills[key, column.name] = value
            else:
                _allow_null(op)
            what = "NULL, and was NOT NULL"
            if value:
                what = f"{value.shown(draft.context.dialect)} where there is no value"
            notes.append(Note(INVENTS, f"{label(*key)}.{column.name} is {what}."))
    fill(draft, container, fills)
    container.ops[:0] = notes


def hold_defaults(draft: Draft, container: ops.OpContainer) -> None:
    """Give a new column that is unique its default after the rows have NULL there.

    One default for all of them would be there twice. In a downgrade it may refer to a
    row that is gone, too.
    """
    found = list[MigrateOperation]()
    for change in container.ops:
        found.append(change)
        added = change.ops if isinstance(change, ops.ModifyTableOps) else ()
        for op in of_kind(ops.AddColumnOp, added):
            column, default = op.column, op.column.server_default
            is_back = container is draft.downgrade
            fits_none = is_unique(column) or (is_back and column.foreign_keys)
            if not isinstance(default, sa.DefaultClause) or not fits_none:
                continue
            if not (is_back or column.nullable):
                continue
            subject = f"{label(op.schema, op.table_name)}.{column.name}"
            if not column.nullable:
                found.insert(0, Note(INVENTS, f"{subject} is NULL, and was NOT NULL."))
            op.column = like(column, nullable=True)
            found.append(change_of(op, [_default_after(op, default)]))
    container.ops = found


def _constrained(draft: Draft, container: ops.OpContainer, key: Key) -> set[str]:
    """Return the columns that come back with a constraint that no value may fit.

    Where they come back with their values, the rows that came since have none; and one
    value in all rows is what an EXCLUDE refuses.
    """
    changes = of_kind(ops.ModifyTableOps, container.ops)
    every = [op for it in changes if key_of(it) == key for op in it.ops]
    back = [it.column.name for it in of_kind(RestoreColumn, every)]
    added = {it.column.name for it in of_kind(ops.AddColumnOp, every)}
    excludes = of_kind(CreateExcludeConstraintOp, every)
    found = {name for it in excludes for name in columns_of(it, added)} & added
    for op in every if back else ():
        if isinstance(op, ops.CreateCheckConstraintOp):
            condition = sql(op.to_constraint().sqltext, draft.context.dialect)
            found |= {*columns_in(condition, back, draft.context.dialect)}
        elif isinstance(op, ops.CreateForeignKeyOp):
            found |= {*op.local_cols} & {*back}
        elif isinstance(op, ops.CreateUniqueConstraintOp):
            found |= {*op.columns} & {*back}
        elif (index := unique_index(op)) is not None:
            found |= {it.name for it in index.columns} & {*back}
    return found


def _allow_null(op: ops.AddColumnOp | ops.AlterColumnOp) -> None:
    if isinstance(op, ops.AddColumnOp):
        op.column = like(op.column, nullable=True)
    else:
        op.modify_nullable = None
