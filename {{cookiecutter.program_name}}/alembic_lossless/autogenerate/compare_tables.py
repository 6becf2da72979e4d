"""Options of tables and columns, schemas, indexes and constraints.

Which of them there are, the database says; what they are, the revisions. A database
gives a condition back in words of its own, or forgets the order of an index.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import Any, TypeGuard

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.ddl.postgresql import CreateExcludeConstraintOp
from alembic.operations import MigrateOperation, ops
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy.sql.elements import conv

from .._alembic import dropped_items, made_on
from ..ddl.postgresql import is_index_there
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
    arguments,
    changed,
    columns_of,
    created_by,
    drop_of,
    has_expressions,
    is_alike,
    is_same_key,
    made_name,
    name_for,
    name_of,
    objects_of,
    of_its_column,
    options_of_column,
    options_of_table,
    other_options,
    same,
    sql,
    table_of,
    unnamed_checks,
)
from ..types.portable import DIALECTS, MYSQL, dialect_named
from .compare_columns import say_edited
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
    named_as_made,
    names_before,
    of_kind,
    operations_in,
    unique_index,
)
from .unmanaged import excludes

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
    table, name = names_before(draft.upgrade, key, name)
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


KINDS = {
    ops.CreateIndexOp: "index",
    ops.CreateUniqueConstraintOp: "unique_constraint",
    ops.CreateForeignKeyOp: "foreign_key_constraint",
    ops.CreateCheckConstraintOp: "check_constraint",
    CreateExcludeConstraintOp: "exclude_constraint",
}
"""What `include_object` hears of them."""

INDEXES = "SELECT name FROM sqlite_master WHERE type = 'index'"


def compare_objects(
    context: AutogenContext,
    change: ops.ModifyTableOps,
    old: sa.Table | None,
    model: sa.Table | None,
) -> None:
    """Notice an index or a constraint that is new, gone, or another one."""
    known = replayed(context.migration_context).objects(*key_of(change))
    models = objects_of(model) if model is not None else {}
    if old is None or model is None:
        # The rest is created and dropped with its table.
        known, models = _only_indexes(known), _only_indexes(models)
    else:
        for op in change.ops:
            _say_whole(op, model)
        _in_order(context, change, model)
        change.ops = [*_without_other_words(context, change.ops, known, models)]
    found = _Unseen(context, old)
    concerned = {name_of(op) for op in change.ops}
    gone = {name_of(op) for op in change.ops if isinstance(op, Drop)}
    for name in sorted((known.keys() & concerned) - gone):
        # Alembic makes the index that replaces one which it does not see.
        if found.is_one(known[name]) and found.has(known[name]):
            change.ops.append(drop_of(known[name]))
    for name in sorted((known.keys() | models.keys()) - concerned):
        before, after = known.get(name), models.get(name)
        if edited := _edited(old, before, after):
            what = " and ".join(edited)
            say_edited((*key_of(change), name[1]), f"another {what}", "the same")
            continue
        steps = list(_steps(found, before, after))
        if steps and _is_included(context, after or before):
            change.ops += steps
    if old is not None and model is not None:
        change.ops += _unnamed_checks(context, change, model)
        if context.migration_context.dialect.name == "postgresql":
            made = of_kind(CreateExcludeConstraintOp, models.values())
            there = [it for it in made if found.has(it)]
            change.ops = [*_each_once(change.ops, old, model, there)]


def _without_other_words(
    context: AutogenContext,
    changes: Iterable[MigrateOperation],
    known: Objects,
    models: Objects,
) -> Iterator[MigrateOperation]:
    """Leave out an index of expressions that PostgreSQL only writes in other words."""
    changes, connection = [*changes], context.connection
    same = set[Name]()
    if connection is not None and connection.dialect.name == "postgresql":
        for op in filter(has_expressions, of_kind(ops.CreateIndexOp, changes)):
            name = "index", str(op.index_name)
            before, after = known.get(name), models.get(name)
            if isinstance(after, ops.CreateIndexOp) and before is not None:
                is_same = not changed(before, after) and is_index_there(
                    connection, after
                )
                same |= {name} if is_same else set()
    yield from (op for op in changes if name_of(op) not in same)


def _say_whole(op: MigrateOperation, model: sa.Table) -> None:
    """Let what makes a key say all that its model does: Alembic leaves some out."""
    if isinstance(op, NAMED):
        for it in model.constraints:
            made = created_by(it) if isinstance(it, Keyed) else None
            if made and name_of(made) == name_of(op) and is_same_key(made, op):
                op.kw = made.kw


def _in_order(
    context: AutogenContext, change: ops.ModifyTableOps, model: sa.Table
) -> None:
    """Tell UNIQUEs without a name by the order of their columns, where it says more.

    To Alembic those of the same columns are one, in whatever order.
    """
    whole = replayed(context.migration_context).created(change.schema, model.name)
    if whole is None:
        return
    names = {str(it.name) for it in model.constraints if it.name}
    gone: list[Any] = [
        created_by(it) for it in _uniques(whole) if str(it.name) not in names
    ]
    made: list[Any] = [created_by(it) for it in _uniques(model) if not it.name]
    orders = defaultdict[frozenset[str], set[tuple[str, ...]]](set)
    for unique in (*_uniques(whole), *_uniques(model)):
        columns = unique.columns.keys()
        orders[frozenset(columns)].add((*columns,))
    doubtful = {of for of, found in orders.items() if len(found) > 1}
    if not doubtful:
        return
    indexes = {str(it.name) for it in (*whole.indexes, *model.indexes)}
    change.ops = [
        op for op in change.ops if not _is_unique_of(op, doubtful, names | indexes)
    ]
    for it in [*made]:
        kept = next((was for was in gone if not changed(was, it)), None)
        if kept is not None:
            gone.remove(kept)
            made.remove(it)
    change.ops += [drop_of(it) for it in gone if frozenset(it.columns) in doubtful]
    change.ops += [it for it in made if frozenset(it.columns) in doubtful]


def _is_unique_of(
    op: MigrateOperation, doubtful: set[frozenset[str]], names: set[str]
) -> bool:
    """Tell what makes or drops a UNIQUE of some columns that has none of the names."""
    name = (name_of(op) or ("", ""))[1]
    if isinstance(op, ops.CreateUniqueConstraintOp):
        return not name and frozenset(op.columns) in doubtful
    item: Any = None
    if isinstance(op, ops.DropConstraintOp) and op.constraint_type == "unique":
        item = op.to_constraint()
    elif isinstance(op, ops.DropIndexOp):  # MariaDB tells of one as an index
        item = unique_index(op)
    is_one = item is not None and name not in names
    return is_one and frozenset(item.columns.keys()) in doubtful


ONCE = (ops.CreateUniqueConstraintOp, CreateExcludeConstraintOp)
"""What makes an index of its own, of which PostgreSQL needs no second one."""


def _each_once(
    changes: Iterable[MigrateOperation],
    old: sa.Table,
    model: sa.Table,
    excludes: Iterable[Create],
) -> Iterator[MigrateOperation]:
    """Leave out a UNIQUE or EXCLUDE that says what the key or another one there says.

    Source: `transformIndexConstraints` of PostgreSQL. Of those in one CREATE TABLE that
    are alike it makes the first alone, and the key before all.
    """
    changes = [*changes]
    # One that changes is dropped and made again: it is not there in between.
    made = {name_of(op) for op in changes if isinstance(op, ONCE)}
    named = {str(it.name) for it in old.constraints}
    there = [created_by(it) for it in _uniques(model) if str(it.name) in named]
    there += excludes
    seen = [op for op in there if name_of(op) not in made]
    key = model.primary_key
    if not any((key.dialect_kwargs, key.deferrable)):
        columns = [it.name for it in key]
        seen.append(ops.CreateUniqueConstraintOp(None, "", columns))
    for op in changes:
        if isinstance(op, ONCE):
            if any(not changed(it, op) for it in seen):
                continue
            seen.append(op)
        yield op


def _edited(
    table: sa.Table | None, before: Create | None, after: Create | None
) -> list[str]:
    """Return the arguments that the database has as the models, not as the revisions.

    There are none unless all arguments are such that differ between these. Of an index
    the servers do not say all.
    """
    if table is None or before is None or isinstance(after, ops.CreateIndexOp | None):
        return []
    differences = changed(before, after)
    found = objects_of(table).get(name_of(after) or ("", "")) if differences else None
    if found is None:
        return []
    there, was, new = (arguments(op) for op in (found, before, after))
    is_edited = all(
        same(there.get(name), new.get(name))
        and not same(there.get(name), was.get(name))
        # What it does not say, it may have forgotten.
        and not same(there.get(name), None)
        for name in differences
    )
    return differences if is_edited else []


def _only_indexes(found: Objects) -> Objects:
    return {name: op for name, op in found.items() if name[0] == "index"}


class _Unseen:
    """Know which of the objects that Alembic does not see a database has."""

    def __init__(self, context: AutogenContext, table: sa.Table | None) -> None:
        self._context, self._table = context, table
        self._found: dict[type[Create], set[str]] = {}
        self._dialect = context.migration_context.dialect

    def is_one(self, op: Create) -> bool:
        """Tell whether Alembic overlooks such an object."""
        if isinstance(op, ops.CreateIndexOp):
            return self._dialect.name == "sqlite" and has_expressions(op)
        return isinstance(op, ops.CreateCheckConstraintOp | CreateExcludeConstraintOp)

    def has(self, op: Create) -> bool:
        """Tell whether the database has an object of that name."""
        if self._table is None:
            return False
        kind = type(op)
        if kind not in self._found:
            self._found[kind] = set(self._ask(kind))
        return named_as_made(op, self._dialect) in self._found[kind]

    def _ask(self, kind: type[Create]) -> Iterator[str]:
        connection = self._context.connection
        if kind is ops.CreateCheckConstraintOp:
            every = self._table.constraints if self._table is not None else ()
            checks = (it for it in every if isinstance(it, sa.CheckConstraint))
            yield from (str(it.name) for it in checks if it.name)
        elif connection is None:
            return
        elif kind is ops.CreateIndexOp:
            yield from connection.scalars(sa.text(INDEXES))
        else:
            found = excludes(self._context.inspector, connection)
            yield from (str(it["name"]) for it in found)


def _steps(
    found: _Unseen, before: Create | None, after: Create | None
) -> Iterator[Any]:
    """Give what makes one object of another; None stands for none."""
    if before is not None and after is not None:
        differences = changed(before, after)
        is_there = not found.is_one(after) or found.has(after)
        if differences == ["comment"] and is_there:
            log.info("Detected another comment of %s", _said(after))
            yield _comment_of(before, after)
            return
        if differences and is_there:
            log.info("Detected changed %s: %s", _said(after), ", ".join(differences))
            yield drop_of(before)
        if differences or not is_there:
            yield after
    elif after is not None and found.is_one(after) and not found.has(after):
        log.info("Detected added %s", _said(after))
        yield after
    elif before is not None and found.is_one(before) and found.has(before):
        log.info("Detected removed %s", _said(before))
        yield drop_of(before)


def _comment_of(before: Create, after: Create) -> LosslessOp:
    """Return what gives a constraint the comment of another one."""
    schema, table = table_of(after)
    _, name = name_of(after) or ("", "")
    was, comment = (op.kw.get("comment") for op in (before, after))
    return set_constraint_comment(
        name, table, comment, existing_comment=was, schema=schema
    )


def _said(op: Create) -> str:
    """Return what a person calls an index or a constraint, and its table."""
    found: Any = op
    _, name = name_of(op) or ("", "")
    where = getattr(found, "table_name", None) or found.source_table
    return (
        f"{KINDS.get(type(op), 'constraint').replace('_', ' ')} '{name}' on '{where}'"
    )


def _is_included(context: AutogenContext, op: Any) -> bool:
    item = op.to_index() if isinstance(op, ops.CreateIndexOp) else op.to_constraint()
    kind: Any = KINDS[type(op)]
    return context.run_object_filters(item, item.name, kind, False, None)  # noqa: FBT003


def _unnamed_checks(
    context: AutogenContext, change: ops.ModifyTableOps, model: sa.Table
) -> Iterator[MigrateOperation]:
    """Give what drops and makes CHECKs without a name, which their text tells apart.

    A later revision gives one the name that PostgreSQL would, and there it is known by.
    """
    declared = replayed(context.migration_context).created(change.schema, model.name)
    if declared is None:
        for check in unnamed_checks(model):
            log.warning(
                "%s: a CHECK without a name is not compared (%s). Give it one.",
                label(model.schema, model.name),
                getattr(check, "condition", ""),
            )
        return
    there, named = unnamed_checks(declared), objects_of(declared)
    wanted = list[ops.CreateCheckConstraintOp]()
    for check in unnamed_checks(model):
        kept = next((it for it in there if not changed(it, check)), None)
        if kept is not None:
            there.remove(kept)
        elif (drop := _drop_of_same(change, check, named)) is not None:
            change.ops.remove(drop)
        elif isinstance(check, ops.CreateCheckConstraintOp):
            wanted.append(check)
    for gone in there:
        log.info("Detected removed CHECK of '%s' without a name", model)
        yield drop_of(gone)
    for check in wanted:
        log.info("Detected added CHECK of '%s' without a name", model)
        yield check


def _drop_of_same(
    change: ops.ModifyTableOps, check: Create, named: Objects
) -> MigrateOperation | None:
    """Return the drop of a CHECK that says the same, and has the name it was given."""
    for op in change.ops:
        if isinstance(op, ops.DropConstraintOp) and op.constraint_type == "check":
            found = named.get(name_of(op) or ("", ""))
            if found is not None and is_alike(found, check):
                return op
    return None


def objects_as_declared(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Let a downgrade make again what revisions declared, not what a database says."""
    for change in upgrade.ops:
        if not isinstance(change, ops.ModifyTableOps | ops.DropTableOp):
            continue
        known = draft.state.objects(*key_of(change))
        others = draft.state.others(*key_of(change))
        if isinstance(change, ops.ModifyTableOps):
            change.ops = [_as_declared(op, known, others) for op in change.ops]
        else:
            items = dropped_items(change)
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


def _as_declared(
    op: MigrateOperation, known: Objects, others: Iterable[Create]
) -> MigrateOperation:
    if not isinstance(op, ops.DropIndexOp | ops.DropConstraintOp):
        return op
    declared = known.get(name_of(op) or ("", ""))
    if isinstance(op, ops.DropConstraintOp) and op.constraint_name is None:
        made = created_by(op.to_constraint())
        alike = (it for it in others if is_alike(it, made))
        declared = next((it for it in alike if name_of(it) is None), None)
    return op if declared is None else drop_of(declared)


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


def compare_unnamed(
    context: AutogenContext,
    change: ops.ModifyTableOps,
    old: sa.Table | None,
    new: sa.Table | None,
) -> None:
    """Notice a unique constraint that SQLite has without a name, and models have not.

    Alembic compares it in one direction: it notices such a one that is new.
    """
    if old is None or new is None:
        return
    wanted = [frozenset(it.columns.keys()) for it in _uniques(new)]
    kind: Any = "unique_constraint"
    reflected = True
    for constraint in _uniques(old):
        columns = constraint.columns.keys()
        if (
            constraint.name is None
            and frozenset(columns) not in wanted
            and context.run_object_filters(constraint, None, kind, reflected, None)
        ):
            change.ops.append(drop_of(created_by(constraint)))
            log.info("Detected removed unique constraint of %s", ", ".join(columns))


def _uniques(table: sa.Table) -> list[sa.UniqueConstraint]:
    found = (it for it in table.constraints if isinstance(it, sa.UniqueConstraint))
    return sorted(found, key=lambda it: it.columns.keys())


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
    taken = _names_of_checks(draft, before, drops)
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


def _names_of_checks(
    draft: Draft, table: sa.Table | None, gone: Iterable[LosslessOp]
) -> set[str]:
    """Return the names that PostgreSQL gave the CHECKs without one that stay."""
    found, conditions = set[str](), {it.condition for it in gone}
    if table is None:
        return found
    every: Iterable[Any] = unnamed_checks(table)
    for check in every:
        condition = check.to_constraint().sqltext
        if sql(condition, draft.context.dialect) not in conditions:
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
    """Drop indexes and constraints by the names that they have in the revisions.

    The other databases, on which the script runs too, know no other.
    """
    history, dialect = draft.state, draft.context.dialect
    whole = history.whole_names(dialect)

    def named(op: Drop) -> Drop:
        op = _wholly_named(op, whole)
        if dialect.name in MYSQL and isinstance(op, ops.DropIndexOp):
            op = _as_constraint(op, history)
        if _is_unnamed(op, history):
            op.constraint_name = None
        return op

    _each(upgrade, named)


def _each(container: ops.OpContainer, named: Callable[[Drop], Drop]) -> None:
    for at, op in enumerate(container.ops):
        if isinstance(op, ops.OpContainer):
            _each(op, named)
        elif isinstance(op, ops.DropIndexOp | ops.DropConstraintOp):
            container.ops[at] = named(op)


def _wholly_named(op: Drop, whole: dict[str, str]) -> Drop:
    """Return a drop by a name that no server has shortened."""
    _, name = name_of(op) or ("", "")
    if name not in whole:
        return op
    if isinstance(op, ops.DropIndexOp):
        index = op.to_index()
        index.name = conv(whole[name])
        return ops.DropIndexOp.from_index(index)
    constraint = op.to_constraint()
    constraint.name = conv(whole[name])
    return drop_of(created_by(constraint))


def _as_constraint(op: ops.DropIndexOp, history: State) -> Drop:
    """Return the drop of a constraint where MariaDB tells of an index of one.

    What revisions gave no name has one of the server's.
    """
    index, names = op.to_index(), history.names
    known = history.table(op.schema, str(op.table_name)) is not None
    unnamed = known and op.index_name not in names(ops.CreateIndexOp)
    declared = op.index_name in names(ops.CreateUniqueConstraintOp)
    if not (declared or (index.unique and unnamed)):
        return op
    constraint = sa.UniqueConstraint(*index.columns, name=index.name)
    return drop_of(created_by(constraint))


def _is_unnamed(op: Drop, history: State) -> TypeGuard[ops.DropConstraintOp]:
    """Tell whether a constraint has no name that is the same everywhere.

    What an author named has that name. What a draft named has another one where
    `create_all` made the table.
    """
    if not isinstance(op, ops.DropConstraintOp) or op.constraint_type not in WORDS:
        return False
    if history.drafted_name(op) is not None:
        return True
    kinds = (*NAMED, ops.CreateCheckConstraintOp)
    if any(op.constraint_name in history.names(kind) for kind in kinds):
        return False
    made = created_by(op.to_constraint())
    known = history.others(*key_of(op))
    return any(name_of(it) is None and is_same_key(it, made) for it in known)


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
    is_index = isinstance(item, sa.Index)
    op: Any = ops.CreateIndexOp.from_index(item) if is_index else created_by(item)
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
