"""Options of tables and columns, schemas, and how a draft writes constraints.

What is for some databases alone stands apart, and what has no name is found by what it
holds.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, ops
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy.sql.elements import conv

from .._alembic import dropped_items, made_on
from ..ddl.sqlite import CONFLICTS
from ..operations import objects
from ..operations.base import Key, LosslessOp, altering, called, label
from ..operations.columns import manual_change
from ..operations.constraints import (
    WORDS,
    drop_unnamed_constraint,
    set_constraint_comment,
)
from ..replay import declared_at, replayed
from ..rules import REVIEW, rule
from ..state import (
    Create,
    Drop,
    Name,
    Objects,
    State,
    changed,
    columns_of,
    created_by,
    drop_of,
    has_expressions,
    made_name,
    name_for,
    name_of,
    of_its_column,
    options_of_column,
    options_of_table,
    other_options,
    same,
    sql,
    unnamed_checks,
)
from ..types.portable import DIALECTS, MYSQL, dialect_named
from .draft import (
    DialectBlock,
    Draft,
    Note,
    change_of,
    divide,
    given_models,
    is_rename,
    items_of,
    key_of,
    leading_renames,
    names_before,
    of_kind,
    operations_in,
)

log = logging.getLogger("alembic.review")


def _key_has(name: str) -> Callable[[sa.Table], bool]:
    def has(table: sa.Table) -> bool:
        key = table.primary_key
        return bool(getattr(key, name, None) or key.dialect_kwargs.get(name))

    return has


NOT_COMPARED: dict[str, Callable[[sa.Table], bool]] = {
    "PrimaryKeyConstraint.deferrable": _key_has("deferrable"),
    "PrimaryKeyConstraint.initially": _key_has("initially"),
    "PrimaryKeyConstraint.postgresql_include": _key_has("postgresql_include"),
    "PrimaryKeyConstraint.mysql_using": _key_has("mysql_using"),
    "PrimaryKeyConstraint.sqlite_on_conflict": _key_has("sqlite_on_conflict"),
    "PrimaryKeyConstraint.comment": lambda table: bool(table.primary_key.comment),
}
"""What a table is made with and no later draft changes; whether a model has it."""


def compare_options(
    context: AutogenContext,
    change: ops.ModifyTableOps,
    old: sa.Table | None,
    model: sa.Table | None,
) -> None:
    """Notice another comment of a table where none are kept, and other options."""
    if model is not None:
        _name_not_compared(model)
    if old is None or model is None:
        return
    state = replayed(context.migration_context)
    if (whole := state.created(*key_of(change))) is not None:
        if not context.migration_context.dialect.supports_comments:
            change.ops += _comment(model, whole.comment)
        _compare(change, options_of_table(whole), options_of_table(model))
    is_same_key = {*old.primary_key.columns.keys()} == {
        *model.primary_key.columns.keys()
    }
    for column in model.columns:
        known = state.column(*key_of(change), column.name)
        if known is not None:
            before = options_of_column(known)
            after = options_of_column(column, context.migration_context.dialect)
            if "autoincrement" not in before or not is_same_key:
                # Another key is another difference.
                before.pop("autoincrement", None)
                after.pop("autoincrement", None)
            _compare(change, before, after, column.name)


def _compare(
    change: ops.ModifyTableOps,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *column: str,
) -> None:
    """Note the options of a table, or of a column of it, that are others."""
    if other := other_options(before, after):
        where: Any = (change.table_name, *column)
        old: dict[str, Any] = {name: before.get(name) for name in other}
        new: dict[str, Any] = {name: after.get(name) for name in other}
        back = manual_change(*where, schema=change.schema, **old)
        made = manual_change(*where, schema=change.schema, **new)
        change.ops.append(made.reversed_by(back))


def _name_not_compared(model: sa.Table) -> None:
    """Say what a model has of which no change is seen."""
    for name, has in NOT_COMPARED.items():
        if has(model):
            where = label(model.schema, model.name)
            log.warning("%s: %s is not compared, and no draft changes it.", where, name)


def _comment(model: sa.Table, old: str | None) -> list[MigrateOperation]:
    if (model.comment or None) == (old or None):
        return []
    log.info("Detected another comment of '%s'", model)
    if model.comment is None:
        name, schema = model.name, model.schema
        return [ops.DropTableCommentOp(name, existing_comment=old, schema=schema)]
    return [
        ops.CreateTableCommentOp(
            model.name, model.comment, existing_comment=old, schema=model.schema
        )
    ]


def mark_manual_changes(draft: Draft, container: ops.OpContainer) -> None:
    """Say in the script and in the log what its author has to write.

    The comments of constraints stand beside their table, too: no batch has them.
    """
    divide(container, partial(_with_manual_changes, draft, container))


def _with_manual_changes(
    draft: Draft, container: ops.OpContainer, change: ops.ModifyTableOps
) -> Iterator[MigrateOperation]:
    taken = [op for op in change.ops if called(op, manual_change)]
    said = [op for op in change.ops if called(op, set_constraint_comment)]
    change.ops = [op for op in change.ops if op not in (*taken, *said)]
    yield change
    yield from said
    for op in taken:
        if (alter := _altering(draft, op)) is not None:
            yield change_of(op, [alter])
            continue
        text = _text(op)
        yield Note(REVIEW, text)
        yield op
        if container is draft.upgrade:
            log.warning("%s", text)


def _altering(draft: Draft, op: LosslessOp) -> ops.AlterColumnOp | None:
    """Return what makes a change that only SQLite knows, and makes with the table."""
    if op.column_name is None or {*op.options} != {CONFLICTS}:
        return None
    column = draft.models[op.schema, op.table_name][op.column_name]
    return altering(
        op,
        op.column_name,
        existing_type=column.type,
        existing_nullable=column.nullable,
        **op.options,
    )


def say_conflicts(draft: Draft, container: ops.OpContainer) -> None:
    """Let NOT NULL and UNIQUE say what columns say for them: what SQLite does then."""
    for op in operations_in(container):
        if isinstance(op, ops.AlterColumnOp) and op.modify_nullable is False:
            name = op.modify_name or op.column_name
            column = _column_after(draft, container, op, name)
            said = None if column is None else column.dialect_kwargs.get(CONFLICTS)
            if said is not None:
                op.kw = {**op.kw, CONFLICTS: said}
        elif isinstance(op, ops.CreateUniqueConstraintOp) and len(op.columns) == 1:
            (name,) = op.columns
            column = _column_after(draft, container, op, str(name))
            if column is not None:
                op.kw = {**of_its_column([column]), **op.kw}


def _column_after(
    draft: Draft, container: ops.OpContainer, op: Any, name: str
) -> sa.Column[Any] | None:
    """Return a column as it is declared when a direction has ended."""
    key = key_of(op)
    if container is not draft.downgrade:
        return draft.models.get(key, {}).get(name)
    # The history has the new names by now, with which a downgrade begins.
    table, name = names_before(draft.downgrade, key, name)
    return draft.state.column(op.schema, table, name)


def _text(op: LosslessOp) -> str:
    where = ".".join(filter(None, (label(op.schema, op.table_name), op.column_name)))
    was: Any = op.reverse()
    return (
        f"{where}: {_words(was.options)} becomes {_words(op.options)}, which no draft"
        " can do. Write the op.execute for it here, before this line."
    )


def _words(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in options.items())


@rule(
    "schema",
    "refusal",
    "SQLite has no such schema, or MariaDB finds no table of another one from it.",
)
def refuse_schemas(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Refuse what a database cannot do with schemas, which create_all cannot do either.

    :raises CommandError: with the schema, or with the tables.
    """
    connection, dialect = draft.context.connection, draft.context.dialect.name
    lines = []
    if dialect == "sqlite" and connection is not None:
        news = _new_schemas(draft, upgrade)
        lines = [
            objects.ATTACH.format(name=it)
            for it in news
            if not objects.has_schema(connection, it)
        ]
    if dialect in MYSQL:
        lines = [
            f"{source} refers to {target}, and MariaDB looks for it in the same"
            f" database. Say which one it is in: schema=… of {target}."
            for source, target in _references_without_schema(upgrade)
        ]
    if lines:
        raise CommandError("\n".join([*lines, "Nothing is written."]))


def _references_without_schema(container: ops.OpContainer) -> Iterator[tuple[str, str]]:
    """Give each table of a schema and the one without, which its keys refer to."""
    for op in operations_in(container):
        if isinstance(op, ops.CreateTableOp):
            keys = op.to_table().foreign_key_constraints
        elif isinstance(op, ops.CreateForeignKeyOp):
            made = op.to_constraint()
            keys = {made} if isinstance(made, sa.ForeignKeyConstraint) else set()
        else:
            continue
        for key in keys:
            schema, name = key.table.schema, key.table.name
            target = key.elements[0].target_fullname.split(".")[:-1]
            if schema and len(target) == 1:
                yield label(schema, name), target[0]


def make_schemas(draft: Draft, container: ops.OpContainer) -> None:
    """Begin an upgrade with the schemas that no revision has used before."""
    if container is draft.upgrade:
        made = [objects.create_schema(name) for name in _new_schemas(draft, container)]
        container.ops[:0] = made


IN_SCHEMA = (
    objects.create_enum,
    objects.create_domain,
    objects.create_view,
    objects.create_table_as,
    objects.create_sequence,
)
"""The calls that make something in a schema."""


def _new_schemas(draft: Draft, upgrade: ops.OpContainer) -> list[str]:
    """Return the schemas of what is new that no revision has used."""
    state = draft.state
    known = {schema for schema, _ in (*state.tables, *state.views)} | state.schemas
    used = [
        op.schema
        for op in operations_in(upgrade)
        if isinstance(op, ops.CreateTableOp) or called(op, *IN_SCHEMA)
        if op.schema not in known
    ]
    return [name for name in dict.fromkeys(used) if name is not None]


def objects_as_declared(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Let a downgrade make tables again as declared, not as a database has them."""
    for drop in of_kind(ops.DropTableOp, upgrade.ops):
        known = draft.state.objects(*key_of(drop))
        others = draft.state.others(*key_of(drop))
        items = dropped_items(drop)
        items[:] = [
            _item_as_declared(item, known)
            for item in items
            if not _comes_with_type(item, items, others)
        ]


def _comes_with_type(item: Any, items: list[Any], others: Iterable[Create]) -> bool:
    """Tell the CHECK that a database reports and a type makes again."""
    types = (it.type for it in items if isinstance(it, sa.Column))
    makes = any(getattr(it, "create_constraint", False) for it in types)
    names = {name_of(it) for it in others}
    named = ("constraint", str(item.name)) if hasattr(item, "name") else None
    return makes and isinstance(item, sa.CheckConstraint) and named in names


def _item_as_declared(item: Any, known: Objects) -> Any:
    name: Name = ("constraint", str(getattr(item, "name", "")))
    declared = known.get(name) if isinstance(item, sa.Constraint) else None
    if declared is None or isinstance(declared, ops.CreateIndexOp):
        return item
    return declared.to_constraint()


def checks_of_columns(_draft: Draft, upgrade: ops.OpContainer) -> None:
    """Write the CHECK that stands in a column beside it, where Alembic writes it."""
    for op in of_kind(ops.CreateTableOp, operations_in(upgrade)):
        columns = [item for item in op.columns if isinstance(item, sa.Column)]
        op.columns = [
            *op.columns,
            *(
                _beside(check)
                for column in columns
                for check in column.constraints
                if isinstance(check, sa.CheckConstraint)
            ),
        ]


def _beside(check: sa.CheckConstraint) -> sa.CheckConstraint:
    name = conv(str(check.name)) if check.name else None
    return sa.CheckConstraint(check.sqltext, name=name, **check.dialect_kwargs)


def expressions_apart(_draft: Draft, container: ops.OpContainer) -> None:
    """Make and drop indexes of expressions beside the batch of their table.

    A batch that makes the table of SQLite anew knows no expression.
    """
    divide(container, _parts)


def _parts(change: ops.ModifyTableOps) -> Iterator[ops.ModifyTableOps]:
    found = [op for op in change.ops if has_expressions(op)]
    drops = [*of_kind(ops.DropIndexOp, found)]
    makes = [*of_kind(ops.CreateIndexOp, found)]
    rest = [op for op in change.ops if op not in found]
    # MariaDB keeps an index as long as a foreign key needs it.
    keys = [op for op in rest if drops and _drops_key(op)]
    rest = [op for op in rest if op not in keys]
    for part in (keys, drops, rest, makes):
        if part:
            yield change_of(change, part)


def _drops_key(op: MigrateOperation) -> bool:
    if not isinstance(op, ops.DropConstraintOp):
        return False
    return isinstance(op.to_constraint(), sa.ForeignKeyConstraint)


Keyed = sa.UniqueConstraint | sa.ForeignKeyConstraint
"""What can be found by its columns."""

NAMED = (ops.CreateUniqueConstraintOp, ops.CreateForeignKeyOp)
"""What makes them."""


def find_unnamed(draft: Draft, container: ops.OpContainer) -> None:
    """Drop what has no name by its columns, and name what a table gets.

    SQLite's batch makes no constraint without a name. The name is PostgreSQL's own.
    """
    divide(container, partial(_with_names, draft, container))


def _with_names(
    draft: Draft, container: ops.OpContainer, change: ops.ModifyTableOps
) -> Iterator[MigrateOperation]:
    drops = [*_drops(draft, change)]
    before = draft.table_before(container, key_of(change))
    after = draft.table_after(container, key_of(change))
    taken = _names_of_checks(before, drops)
    _name(change.ops, after if after is not None else before, taken)
    yield from drops
    if not change.is_empty():
        yield change


def _drops(draft: Draft, change: ops.ModifyTableOps) -> Iterator[LosslessOp]:
    """Take the constraints that go without a name out of the change of a table."""
    for op in list(change.ops):
        if isinstance(op, ops.DropConstraintOp) and op.constraint_name is None:
            constraint = op.to_constraint()
            if isinstance(constraint, Keyed):
                change.ops.remove(op)
                name = draft.state.drafted_name(op)
                yield drop_unnamed_constraint(
                    op.table_name,
                    _columns(constraint),
                    type_=str(op.constraint_type),
                    **({} if name is None else {"drafted_as": name}),
                    schema=op.schema,
                )
            elif isinstance(constraint, sa.CheckConstraint):
                change.ops.remove(op)
                yield drop_unnamed_constraint(
                    op.table_name,
                    [],
                    type_="check",
                    condition=sql(constraint.sqltext, draft.context.dialect),
                    schema=op.schema,
                )


def _name(
    changes: Iterable[MigrateOperation], table: sa.Table | None, taken: set[str]
) -> None:
    """Give each new constraint of a table a name, with a number where it is taken.

    :param table: as it is when it has them.
    """
    for op in changes:
        if not isinstance(op, (*NAMED, ops.CreateCheckConstraintOp)):
            continue
        constraint = op.to_constraint()
        if op.constraint_name is None and isinstance(constraint, Keyed):
            op.constraint_name = _free(name_for(constraint), taken)
        elif op.constraint_name is None and table is not None:
            op.constraint_name = _free(_name_of_check(op, table), taken)
        taken.add(str(op.constraint_name))


def _names_of_checks(table: sa.Table | None, gone: Iterable[LosslessOp]) -> set[str]:
    """Return the names that PostgreSQL gave the CHECKs without one that stay."""
    found = set[str]()
    if table is None:
        return found
    conditions = [it.condition for it in gone]
    every: Iterable[Any] = unnamed_checks(table)
    for check in every:
        condition = check.to_constraint().sqltext
        said = (it for it in conditions if same(sa.text(it or ""), condition))
        if (one := next(said, None)) is not None:
            conditions.remove(one)
        else:
            found.add(_free(_name_of_check(check, table), found))
    return found


def _name_of_check(check: Create, table: sa.Table) -> str:
    return made_name(check, table.name, columns_of(check, table.columns.keys()))


def _free(name: str, taken: set[str]) -> str:
    numbered = (f"{name}{number}" for number in count(1))
    return next(it for it in chain([name], numbered) if it not in taken)


def _columns(constraint: Keyed) -> list[str]:
    return [column.name for column in constraint.columns]


def names_as_declared(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Drop what a draft named by what it holds.

    Where `create_all` made its table it has another name.
    """
    for op in of_kind(ops.DropConstraintOp, operations_in(upgrade)):
        is_named = op.constraint_type in WORDS and op.constraint_name is not None
        if is_named and draft.state.drafted_name(op) is not None:
            op.constraint_name = None


# What is for some kinds of databases alone: `ddl_if`, and revisions that ask which one.

Place = tuple[Key, Name]
"""A table, and what an index or a constraint of it is called."""

Steps = dict[Place, tuple[Drop | None, Create | None]]
"""What is dropped and what is made at each place, on one kind of database."""


def for_some_databases(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Let each database have the indexes and constraints that are for it.

    What all of them get stays where it is. A script that is drafted on one database
    runs on the others of `runs_on`. What they need is found by the revisions alone,
    replayed as each of them would run them.
    """
    wanted = dict(_conditional(draft))
    others = draft.dialects[1:]
    if not wanted and not (others and _ask_which(draft.context)):
        return
    states = {it.name: _declared_elsewhere(draft, upgrade, it) for it in others}
    places = {*wanted}
    for state in states.values():
        places |= _unlike(draft.state, state)
    here = draft.context.dialect.name
    steps: dict[str, Steps] = {here: dict(_taken_at(upgrade, places))}
    for name, state in states.items():
        steps[name] = dict(_steps_elsewhere(draft, state, places, wanted, name))
    drops, makes = _blocks(steps, wanted)
    renames, rest = leading_renames(upgrade)
    upgrade.ops = [*renames, *drops, *rest, *makes]


def _conditional(draft: Draft) -> Iterator[tuple[Place, tuple[Create, set[str]]]]:
    """Give what models make on some databases alone, and the names of these."""
    for metadata in given_models(draft.context):
        for table in metadata.tables.values():
            for item in items_of(table):
                names = {it for it in DIALECTS if made_on(item, dialect_named(it))}
                if names != {*DIALECTS} and not isinstance(item.name, str):
                    continue  # nothing tells it apart
                if names != {*DIALECTS}:
                    yield _made_on_some(draft, table, item, names)


def _made_on_some(
    draft: Draft, table: sa.Table, item: Any, names: set[str]
) -> tuple[Place, tuple[Create, set[str]]]:
    op: Any = created_by(item)
    key = draft.state.key(table.schema, table.name)
    if isinstance(op, ops.CreateForeignKeyOp):
        op.kw["source_schema"] = key[0]
    else:
        op.schema = key[0]
    return (key, name_of(op) or ("", "")), (op, names)


def _ask_which(context: MigrationContext) -> bool:
    """Tell whether a revision asks on which database it runs."""
    environment = context.environment_context
    revisions = environment.script.walk_revisions() if environment else ()
    return any("dialect" in Path(it.path).read_text() for it in revisions)


def _declared_elsewhere(
    draft: Draft, upgrade: ops.OpContainer, dialect: sa.Dialect
) -> State:
    """Return what the revisions declare elsewhere, with the names of the draft."""
    state = declared_at(draft.context, dialect=dialect)
    for op in operations_in(upgrade):
        if is_rename(op):
            state.apply(op)
    return state


def _unlike(here: State, there: State) -> set[Place]:
    """Return what only one of two databases has."""
    return {
        (key, name)
        for key in here.tables.keys() & there.tables.keys()
        for name in here.objects(*key).keys() ^ there.objects(*key).keys()
    }


def _taken_at(
    upgrade: ops.OpContainer, places: set[Place]
) -> Iterator[tuple[Place, tuple[Drop | None, Create | None]]]:
    """Take what is dropped and made at some places out of a draft."""
    found = defaultdict[Place, list[MigrateOperation]](list)
    for change in upgrade.ops:
        if isinstance(change, ops.ModifyTableOps):
            for op in [*change.ops]:
                place = key_of(change), name_of(op) or ("", "")
                if place in places and isinstance(op, Drop | Create):
                    found[place].append(op)
                    change.ops.remove(op)
        elif isinstance(change, ops.CreateTableOp):
            for item in [it for it in change.columns if isinstance(it, sa.Constraint)]:
                name = "constraint", str(item.name)
                if (place := (key_of(change), name)) in places:
                    found[place].append(created_by(item))
                    change.columns = [it for it in change.columns if it is not item]
    for place, every in found.items():
        drop = next((it for it in every if isinstance(it, Drop)), None)
        make = next((it for it in every if isinstance(it, Create)), None)
        yield place, (drop, make)


def _steps_elsewhere(
    draft: Draft,
    state: State,
    places: set[Place],
    wanted: dict[Place, tuple[Create, set[str]]],
    dialect: str,
) -> Iterator[tuple[Place, tuple[Drop | None, Create | None]]]:
    """Give what another kind of database drops and makes, by the revisions alone."""
    for place in places:
        key, name = place
        if key not in draft.models:
            continue  # it is dropped with its table
        before = state.objects(*key).get(name)
        after, names = wanted.get(place, (None, set[str]()))
        if place not in wanted and name in draft.state.objects(*key):
            after = (
                None
                if _is_in_no_model(draft, place)
                else draft.state.objects(*key)[name]
            )
        elif dialect not in names:
            after = None
        if before is not None and after is not None and not changed(before, after):
            continue
        if before is not None or after is not None:
            yield place, (None if before is None else drop_of(before), after)


def _is_in_no_model(draft: Draft, place: Place) -> bool:
    """Tell whether models have nothing of a name."""
    (schema, table), (_, name) = place
    return not any(
        draft.state.key(one.schema, one.name) == (schema, table)
        and any(str(it.name) == name for it in items_of(one))
        for metadata in given_models(draft.context)
        for one in metadata.tables.values()
    )


def _blocks(
    steps: dict[str, Steps], wanted: dict[Place, tuple[Create, set[str]]]
) -> tuple[list[DialectBlock], list[DialectBlock]]:
    """Return what drops and what makes, each for the databases that need it."""
    drops, makes = list[DialectBlock](), list[DialectBlock]()
    for place in sorted({it for found in steps.values() for it in found}, key=str):
        found = {name: it[place] for name, it in steps.items() if place in it}
        (schema, table), _ = place
        dropping = {name: drop for name, (drop, _) in found.items() if drop}
        making = {name: make for name, (_, make) in found.items() if make}
        for part, which in ((drops, dropping), (makes, making)):
            if which:
                op = next(iter(which.values()))
                change = ops.ModifyTableOps(table, [op], schema=schema)
                names = {*which}
                if place in wanted:  # also on the databases that nobody runs on
                    names |= wanted[place][1] - steps.keys()
                part.append(DialectBlock(names, [change]))
    return drops, makes
