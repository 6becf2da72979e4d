"""Columns compared with the revisions, and drafted in the revisions' words."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any, TypeGuard

import sqlalchemy as sa
from alembic import context as alembic_context
from alembic.autogenerate.api import AutogenContext
from alembic.ddl.impl import DefaultImpl
from alembic.operations import MigrateOperation, ops
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError, PriorityDispatchResult
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

from .._alembic import bring_back, dropped_items, variants
from ..operations.base import LosslessOp, label
from ..operations.columns import alter_generated
from ..replay import replayed
from ..rules import rule
from ..runtime.errors import reviewing
from ..sql import columns_in, literal, normal, string_in, text, text_in
from ..state import (
    GENERATORS,
    Create,
    name_for,
    options_of,
    other_options,
    same,
    speaks_of,
    sql,
)
from ..types.conversion import is_known, is_native, is_one_enum, kind
from ..types.portable import (
    DIALECTS,
    Type,
    base_of,
    ddl,
    enums_in,
    is_equivalent,
    stored,
)
from ..types.values import is_lossless
from .draft import (
    ChangePrimaryKey,
    Draft,
    change_of,
    divide,
    key_of,
    of_kind,
    operations_in,
)
from .render import code_of, default_code
from .unmanaged import unmanaged_in


def as_declared(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Replace what a database reported in a draft by what was once declared.

    That is what a downgrade restores after a drop, and what `existing_type` says.
    """
    state, impl = draft.state, draft.context.impl
    for operation in operations_in(upgrade):
        if isinstance(operation, ops.AlterColumnOp):
            if operation.modify_type is not None:
                operation.modify_type = stored(operation.modify_type)
            known = state.columns(*key_of(operation))
            _restore_existing(operation, known, impl)
        elif isinstance(operation, ops.DropColumnOp | ops.DropTableOp):
            known = state.columns(*key_of(operation))
            if isinstance(operation, ops.DropTableOp):
                whole = state.created(*key_of(operation))
                if whole is not None and _is_whole(operation, known, impl):
                    bring_back(operation, whole)
                    _leave_constraints(upgrade, operation)
                    continue
            for column in _dropped(operation):
                declared = _confirmed(column, known, impl)
                column.type = declared.type
                column.comment = column.comment or declared.comment
                column.server_default = declared.server_default


def _dropped(operation: ops.DropTableOp | ops.DropColumnOp) -> list[sa.Column[Any]]:
    if isinstance(operation, ops.DropColumnOp):
        return [operation.to_column()]
    items = dropped_items(operation)
    return [item for item in items if isinstance(item, sa.Column)]


def _is_whole(
    operation: ops.DropTableOp, known: dict[str, sa.Column[Any]], impl: DefaultImpl
) -> bool:
    """Tell whether a table that is dropped is still what the revisions made of it."""
    there = {it.name: it for it in _dropped(operation)}
    return there.keys() == known.keys() and all(
        _agrees(impl, column, known[name]) for name, column in there.items()
    )


def _leave_constraints(upgrade: ops.OpContainer, whole: ops.DropTableOp) -> None:
    """Let a table take its constraints with it: MariaDB tells of some as indexes."""
    for change in of_kind(ops.ModifyTableOps, upgrade.ops):
        if key_of(change) == key_of(whole):
            drops = [*of_kind(ops.DropConstraintOp, change.ops)]
            change.ops = [it for it in change.ops if it not in drops]


def _restore_existing(
    operation: ops.AlterColumnOp,
    known: dict[str, sa.Column[Any]],
    impl: DefaultImpl,
) -> None:
    if operation.existing_type is None:
        return
    default = operation.existing_server_default or None
    # A rename speaks of the column as it was, and what is known has its new name.
    name = operation.modify_name or operation.column_name
    reported = sa.Column(name, operation.existing_type, server_default=default)
    declared = _confirmed(reported, known, impl)
    operation.existing_type = declared.type
    # SQLite keeps no comments, and MariaDB hears the whole column again.
    operation.existing_comment = operation.existing_comment or declared.comment
    if operation.existing_server_default is not False:
        found = declared.server_default
        if found is None and not operation.kw.get("autoincrement"):
            # What nobody declared is still there, and MariaDB would forget it.
            found = portable_default(reported)
        operation.existing_server_default = found


def _confirmed(
    reported: sa.Column[Any], known: dict[str, sa.Column[Any]], impl: DefaultImpl
) -> sa.Column[Any]:
    """Return the declaration of a column, if the database still agrees with it.

    It may not: a table can come from elsewhere, or be changed in a way not recorded.
    """
    declared = known.get(reported.name)
    if declared is not None and _agrees(impl, reported, declared):
        return declared
    return sa.Column(
        reported.name,
        portable_type(reported.type),
        server_default=portable_default(reported),
    )


def _agrees(
    impl: DefaultImpl, reported: sa.Column[Any], declared: sa.Column[Any]
) -> bool:
    """Tell whether a column can be what the revisions say it is."""
    if isinstance(reported.type, sa.types.NullType):
        return True  # only the database has a word for it
    return not impl.compare_type(reported, declared) or is_equivalent(
        impl.dialect, declared.type, reported.type
    )


def portable_type(reflected: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return the type of a column that a model would have had, as far as can be told.

    :param reflected: a type as a database reports it, for example `mysql.TINYINT(1)`.
    """
    if isinstance(reflected, sa.Enum):
        return sa.Enum(*reflected.enums, name=reflected.name)
    name = type(reflected).__name__
    if name == "TINYINT" and getattr(reflected, "display_width", 0) == 1:
        return sa.Boolean()
    if name.endswith("TEXT"):
        return sa.Text()
    # Types in capitals are a database's own, and these are nobody else's.
    if name.isupper() and name not in {"ARRAY", "HSTORE", "JSONB"}:
        with suppress(NotImplementedError):
            portable = reflected.as_generic()
            if isinstance(portable, sa.String):
                portable.collation = None
            return portable
    return reflected


NOW = {("now", "(", ")"), ("current_timestamp",), ("current_timestamp", "(", ")")}
"""How databases report the moment at which a row is made."""


def portable_default(column: sa.Column[Any]) -> Any:
    """Return the default of a reflected column as every database understands it."""
    default = column.server_default
    if not isinstance(default, sa.DefaultClause) or isinstance(default.arg, str):
        return default
    # What a database reports holds no parameters, and what is escaped is a draft's.
    said = getattr(default.arg, "text", None) or str(default.arg)
    value = string_in(said)
    if value is not None:  # PostgreSQL says 'new'::character varying
        return sa.DefaultClause(text(literal(value)))
    if normal(said) in NOW:
        return sa.DefaultClause(sa.func.now())
    if isinstance(portable_type(column.type), sa.Boolean):
        return sa.DefaultClause(sa.false() if said in {"0", "false"} else sa.true())
    return sa.DefaultClause(text(said))


def defaults_around(
    draft: Draft, container: ops.OpContainer, change: ops.AlterColumnOp
) -> tuple[Any, Any]:
    """Return the default before and after a change, None for no default.

    :param container: the operations of one direction, that the change is in.
    """
    declared = change.existing_server_default
    if container is draft.downgrade and change.modify_server_default is not False:
        declared = change.modify_server_default
    before = None if declared is False else declared
    columns = draft.models.get(key_of(change), {})
    column = columns.get(change.modify_name or change.column_name)
    after = (
        column.server_default if column is not None and default_fits(column) else None
    )
    return (after, before) if container is draft.downgrade else (before, after)


def default_after(
    draft: Draft, container: ops.OpContainer, change: ops.AlterColumnOp
) -> Any:
    """Return the default that a column keeps or gets when its type changes."""
    if change.modify_server_default is not False:
        return change.modify_server_default or False
    old, new = change.existing_type, change.modify_type
    if old is None or new is None:
        return change.existing_server_default
    if kind(old) is kind(new) is not sa.Enum:
        return change.existing_server_default
    after = defaults_around(draft, container, change)[1]
    return False if after is None else after


def default_of(column: sa.Column[Any]) -> Any:
    """Return what a model says as a server default, text where it is a value."""
    default = column.server_default
    return default.arg if isinstance(default, sa.DefaultClause) else default


def value_in(default: Any) -> Any:
    """Return the value that a default is the literal of, or the default itself."""
    if not isinstance(default, sa.TextClause):
        return default
    value = string_in(text_in(default))
    return default if value is None else value


def default_fits(column: sa.Column[Any]) -> bool:
    """Tell whether a model's default is a value that its type can have."""
    value, type_ = value_in(default_of(column)), base_of(stored(column.type))
    if not isinstance(value, str) or not is_known(type_, type_):
        return True
    if isinstance(type_, sa.Boolean):
        return value.lower() in {"0", "1", "true", "false"}
    return is_lossless(value, type_)


log = logging.getLogger("alembic.review")


def _compare_generated(
    change: ops.AlterColumnOp,
    there: sa.Column[Any],
    declared: sa.Column[Any],
    column: sa.Column[Any],
) -> None:
    """Notice another formula or identity."""
    before, after = declared.server_default, column.server_default
    if not isinstance(before, GENERATORS) and not isinstance(after, GENERATORS):
        return
    if type(before) is not type(after) or other_options(
        options_of(before), options_of(after)
    ):
        here, was, new = (_formula(it) for it in (there, declared, column))
        if here is not None and same(here, new) and not same(here, was):
            where = (change.schema, change.table_name, column.name)
            say_edited(where, str(was), str(here))
            return
        change.existing_server_default, change.modify_server_default = before, after
        log.info("Detected that '%s' is generated otherwise", column)


def _formula(column: sa.Column[Any]) -> sa.ColumnElement[Any] | None:
    return None if column.computed is None else column.computed.sqltext


@rule(
    "computed",
    "refusal",
    "A column with values becomes computed, or a computed one gets values.",
)
def refuse_computed(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Refuse to take the values of rows away for a formula, or to leave them to it.

    :raises CommandError: with the columns, and what to do.
    """
    lines, typed = list[str](), list[str]()
    for op in of_kind(ops.AlterColumnOp, operations_in(upgrade)):
        if op.modify_server_default is False:
            continue
        both = (op.existing_server_default, op.modify_server_default)
        was, is_new = (isinstance(it, sa.Computed) for it in both)
        if was is not is_new:
            how = "becomes computed." if is_new else "is computed no more."
            lines.append(f"{label(op.schema, op.table_name)}.{op.column_name} {how}")
            typed += [] if is_new else _with_values_kept(draft, op)
    if lines and not draft.prompt.open:
        advice = (
            "Nothing is written. Give the new column another name in the model, or"
            " write a revision by hand (without --autogenerate) with"
            " op.drop_column and op.add_column."
        )
        if typed:
            typed.insert(0, "To keep what was computed, write in that revision:")
        raise CommandError("\n".join([*lines, advice, *typed]))


def _with_values_kept(draft: Draft, op: ops.AlterColumnOp) -> Iterator[str]:
    """Give the lines of a revision that make a plain column of a computed one."""
    table, name, between = op.table_name, op.column_name, f"plain_{op.column_name}"
    where = f", schema={op.schema!r}" if op.schema else ""
    model = draft.models[op.schema, table][name]
    type_ = code_of(stored(model.type), AutogenContext(draft.context))
    yield f"op.add_column({table!r}, sa.Column({between!r}, {type_}){where})"
    yield (
        f"op.execute(sa.update(sa.table({table!r}, sa.column({between!r}){where}))"
        f".values({{{between!r}: sa.column({name!r})}}))"
    )
    yield f"op.drop_column({table!r}, {name!r}{where})"
    yield (
        f"op.alter_column({table!r}, {between!r}, new_column_name={name!r},"
        f" existing_type={type_}{where})"
    )


def shape_generated(draft: Draft, container: ops.OpContainer) -> None:
    """Change formulas and identities by an operation that every database knows."""
    divide(container, partial(_with_generated, draft))


def _with_generated(
    draft: Draft, change: ops.ModifyTableOps
) -> Iterator[MigrateOperation]:
    alters = of_kind(ops.AlterColumnOp, change.ops)
    late, last = list[MigrateOperation](), _behind_formulas(draft, change)
    for op in [op for op in alters if _is_generated(op)]:
        # An identity is dropped before all else, and made after it.
        is_made = isinstance(op.modify_server_default, GENERATORS)
        taken = _taken(draft, op)
        if is_made:
            late.append(taken)
        else:
            yield taken
    change.ops = [
        op
        for op in change.ops
        if not isinstance(op, ops.AlterColumnOp) or op.has_changes()
        if op not in last
    ]
    yield change
    yield from late
    if last:
        yield change_of(change, last)


def _behind_formulas(
    draft: Draft, change: ops.ModifyTableOps
) -> list[MigrateOperation]:
    """Return what waits until a column has another formula.

    The old one may speak of a column that is dropped, and what is made of the column
    would go with it where it is made anew.
    """
    drops = [*of_kind(ops.DropColumnOp, change.ops)]
    names, dialect = [op.column_name for op in drops], draft.context.dialect
    anew, used = set[str](), set[str]()
    for op in of_kind(ops.AlterColumnOp, change.ops):
        old, new = op.existing_server_default, op.modify_server_default
        if isinstance(old, sa.Computed) and isinstance(new, sa.Computed):
            used |= {*columns_in(sql(old.sqltext, dialect), names, dialect)}
            anew.add(op.modify_name or op.column_name)
    table = draft.table_before(draft.downgrade, key_of(change))
    makes = [
        op
        for op in change.ops
        if isinstance(op, Create) and table is not None
        if speaks_of(op, anew, table, dialect)
    ]
    return [*makes, *(op for op in drops if op.column_name in used)]


def _is_generated(op: ops.AlterColumnOp) -> bool:
    both = (op.modify_server_default, op.existing_server_default)
    changes = op.modify_server_default is not False
    return changes and any(isinstance(it, GENERATORS) for it in both)


def _taken(draft: Draft, op: ops.AlterColumnOp) -> LosslessOp:
    """Take the change of what generates a column out of an operation."""
    type_: Any = op.existing_type if op.modify_type is None else op.modify_type
    name = op.modify_name or op.column_name
    new: Any = op.modify_server_default
    old: Any = op.existing_server_default or None
    op.modify_server_default = new if isinstance(new, sa.DefaultClause) else False
    op.existing_server_default = False
    if isinstance(old, sa.DefaultClause):
        op.modify_server_default, op.existing_server_default = None, old
    new, old = (it if isinstance(it, GENERATORS) else None for it in (new, old))
    column = draft.models.get(key_of(op), {}).get(name)
    counts = column is not None and column.table.autoincrement_column is column
    more: Any = {"counts": True} if counts else {}
    if isinstance(new, sa.Computed):
        more |= _kept_of_formula(op)
    arguments = op.table_name, name, type_, new
    return alter_generated(*arguments, schema=op.schema, existing=old, **more)


def _kept_of_formula(op: ops.AlterColumnOp) -> dict[str, Any]:
    """Return what a column with another formula has beside it, when it is made anew."""
    nullable = op.modify_nullable
    comment = op.modify_comment
    kept: dict[str, Any] = {
        "nullable": op.existing_nullable if nullable is None else nullable,
        "comment": op.existing_comment if comment is False else comment,
    }
    return {name: it for name, it in kept.items() if it not in {None, True}}


def compare_column(
    context: AutogenContext,
    change: ops.AlterColumnOp,
    there: sa.Column[Any],
    column: sa.Column[Any],
) -> None:
    """Compare a column of the models with the revisions."""
    state = replayed(context.migration_context)
    declared = state.column(change.schema, change.table_name, column.name)
    if declared is None:
        return
    _compare_defaults(context.migration_context, change, there, declared, column)
    _compare_generated(change, there, declared, column)
    dialect = context.migration_context.dialect
    is_identity = (column.identity or there.identity) is not None
    if (
        is_identity
        and not _is_not_null_anyway(context, there, column)
        and there.nullable is not column.nullable
    ):
        change.modify_nullable = column.nullable  # Alembic overlooks it
    if not dialect.supports_comments and declared.comment != column.comment:
        change.existing_comment = declared.comment
        change.modify_comment = column.comment
        log.info("Detected another comment of '%s'", column)


def keep_not_null_of_key(
    context: AutogenContext,
    change: ops.AlterColumnOp,
    there: sa.Column[Any],
    column: sa.Column[Any],
) -> PriorityDispatchResult:
    """Leave a column of a primary key NOT NULL, whatever its model says."""
    if not _is_not_null_anyway(context, there, column):
        return PriorityDispatchResult.CONTINUE
    change.existing_nullable = False
    return PriorityDispatchResult.STOP


def _is_not_null_anyway(
    context: AutogenContext, there: sa.Column[Any], column: sa.Column[Any]
) -> bool:
    """Tell a column of a key that may be NULL in the models, as it can on SQLite."""
    on_sqlite = context.migration_context.dialect.name == "sqlite"
    return column.primary_key and not on_sqlite and not there.nullable


def _compare_defaults(
    context: MigrationContext,
    change: ops.AlterColumnOp,
    there: sa.Column[Any],
    declared: sa.Column[Any],
    column: sa.Column[Any],
) -> None:
    """Notice a default that a model gained, lost or changed."""
    before, after = declared.server_default, column.server_default
    if not default_fits(column):
        text = (
            "The server default %r of '%s' is no value of its type; it is not compared"
        )
        log.warning(text, value_in(default_of(column)), column)
        return  # another type took it away
    if not (_is_plain(before) and _is_plain(after)) or _code(before) == _code(after):
        return
    dialect = context.dialect
    here, was, new = (_default_here(dialect, it) for it in (there, declared, column))
    is_chosen = before is not None and isinstance(before.arg, sa.TextClause)
    if is_chosen and was and new and normal(was, dialect) == normal(new, dialect):
        return  # the words of this database, which the revision chose
    here, was, new = (_meant(it, dialect) for it in (here, was, new))
    if here == new != was:
        where = (change.schema, change.table_name, column.name)
        say_edited(where, f"server_default={was}", f"server_default={here}")
        return
    change.existing_server_default, change.modify_server_default = before, after
    log.info("Detected another server default of '%s'", column)


def _default_here(dialect: Any, column: sa.Column[Any]) -> str | None:
    """Return the default of a column as this database would be told it."""
    if column.server_default is None:
        return None
    compiler = dialect.ddl_compiler(dialect, None)
    return str(compiler.get_column_default_string(column))


def _meant(text: str | None, dialect: Dialect) -> str | None:
    """Return what a default says; PostgreSQL reads a number in quotes, or casts it."""
    if text is None:
        return None
    value = string_in(text, dialect)
    return " ".join(normal(text, dialect)) if value is None else value


def say_edited(
    where: tuple[str | None, str, str], declared: object, there: object
) -> None:
    """Say that it is the revisions that differ, and neither models nor database.

    :param where: a schema, a table and what is in it.
    :param declared: what the revisions say of it.
    :param there: what the database has, and the models too.
    """
    schema, table, name = where
    known = alembic_context.get_context().opts.get("remembered")
    log.warning(
        "%s.%s: the revisions say %s, the database and the models %s. %s; another"
        " database gets what the revisions say.",
        label(schema, table),
        name,
        declared if isinstance(declared, str) else repr(declared),
        there if isinstance(there, str) else repr(there),
        # Had one been edited, it would have been refused.
        "This database was changed by hand"
        if known
        else "A revision was edited after it was applied",
    )


def existing_as_declared(
    context: AutogenContext,
    change: ops.AlterColumnOp,
    there: sa.Column[Any],
    column: sa.Column[Any],
) -> None:
    """Say of a type that changes what the revisions call it, variants included.

    A key counts up, which Alembic forgets of an identity and of a sequence with a name:
    MariaDB hears the whole column again, and would stop counting.
    """
    if column.table.autoincrement_column is column:
        change.kw["autoincrement"] = True
    state = replayed(context.migration_context)
    declared = state.column(change.schema, change.table_name, there.name)
    if change.modify_type is None or declared is None:
        return
    if _agrees(context.migration_context.impl, there, declared):
        change.existing_type = declared.type


def _is_plain(default: sa.FetchedValue | None) -> TypeGuard[sa.DefaultClause | None]:
    """Tell a default, or none, from an identity or a formula, which no draft alters."""
    return default is None or isinstance(default, sa.DefaultClause)


def _code(default: sa.DefaultClause | None) -> str | None:
    return None if default is None else default_code(default.arg)


def compare_type(
    context: MigrationContext,
    inspected: sa.Column[Any],
    column: sa.Column[Any],
    inspected_type: Any,
    model_type: Any,
) -> bool:
    """Tell whether a column has another type in the models, here or elsewhere.

    :raises ReviewError: with the column, where the types cannot be compared.
    """
    where = (column.table.schema, column.table.name, column.name)
    known = replayed(context).column(*where)
    declared = known.type if known is not None else None
    with reviewing(label(*where[:2]), column.name):
        new = stored(model_type)
        before = new if declared is None else declared
        if _check_of(before, context.dialect) != _check_of(new, context.dialect):
            return True
        changed = _enums_differ(inspected_type, declared, new)
        if changed is not None:
            return changed
        here = column
        if new is not column.type:
            here = sa.Column(column.name, new, primary_key=column.primary_key)
        is_other = context.impl.compare_type(inspected, here) and not is_equivalent(
            context.dialect, new, inspected_type
        )
        if is_other or _loses_values(before, new):
            return True
        if known is None or _is_alike(known.type, new):
            return False
        differs = _differ_elsewhere(context, known.type, new)
        # Of a type a database may say less than was asked of it: UNSIGNED.
        differs |= ddl(known.type, context.dialect) != ddl(new, context.dialect)
        if differs and not _agrees(context.impl, inspected, known):
            say_edited(where, known.type, inspected_type)
            return False
        return differs


def _enums_differ(inspected: Type, declared: Type | None, new: Type) -> bool | None:
    """Tell whether native Enums are others than before; None where there are none."""
    old = inspected if isinstance(inspected, sa.Enum) else declared
    if isinstance(new, sa.Enum) and isinstance(old, sa.Enum):
        if new.native_enum is not old.native_enum:
            return True
        if is_native(new):
            # MariaDB keeps no name of it.
            named = old if old.name or not isinstance(declared, sa.Enum) else declared
            return not is_one_enum(named, new) or old.enums != new.enums
    others = {enum.name: enum for enum in enums_in(new)}
    known = {enum.name: enum for enum in enums_in(inspected)}
    known = known or {enum.name: enum for enum in enums_in(declared)}
    changed = (
        known[name].enums != others[name].enums for name in known.keys() & others.keys()
    )
    return any(changed) or None


TEXT = ("collation", "charset", "ascii", "unicode", "national", "binary")
"""What Alembic does not compare of types that hold text."""


def _check_of(type_: Type, dialect: sa.Dialect) -> tuple[str, ...] | None:
    """Return the name and the values of a type's CHECK, None where it makes none."""
    if not isinstance(type_, sa.Enum | sa.Boolean) or not type_.create_constraint:
        return None
    if is_native(type_) and dialect.supports_native_enum:
        return None
    return str(type_.name), *getattr(type_, "enums", ())


def _loses_values(old: Type, new: Type) -> bool:
    """Tell whether an Enum that is text no longer has a value that rows may hold."""
    if not (isinstance(old, sa.Enum) and isinstance(new, sa.Enum)):
        return False
    return not set(old.enums) <= set(new.enums)


def _text_of(type_: Type) -> list[Any]:
    if type_.__visit_name__ == "DOMAIN":
        return []  # compared by itself
    return [getattr(type_, name, None) or None for name in TEXT]


def _is_alike(old: Type, new: Type) -> bool:
    """Tell whether two types are written alike, without variants."""
    if type(old) is not type(new) or variants(old) or variants(new):
        return False
    return _arguments(old) == _arguments(new)


def _arguments(type_: Type) -> dict[str, Any]:
    """Return what a type was made with, and not what it remembers."""
    return {name: it for name, it in vars(type_).items() if not name.startswith("_")}


def _differ_elsewhere(context: MigrationContext, old: Type, new: Type) -> bool:
    """Tell whether types that are one here are two on another database.

    SQLite and MariaDB keep no time zone, and a variant can say INTEGER to SQLite alone.
    """
    if _text_of(old) != _text_of(new):
        return True
    names = {*context.opts["runs_on"]}
    if not names:  # a variant says where a type is meant to be, too
        names = {*variants(old), *variants(new)}
    if context.dialect.name != "postgresql" and kind(old) is kind(new):
        names |= {"postgresql"} if kind(new) in {sa.DateTime, sa.Integer} else set()
    pairs = {(ddl(old, name), ddl(new, name)) for name in names & set(DIALECTS)}
    return any(before != after for before, after in pairs)


def compare_primary_key(
    context: AutogenContext,
    change: ops.ModifyTableOps,
    old: sa.Table | None,
    new: sa.Table | None,
) -> None:
    """Notice another primary key; a table of others that has none may keep it so."""
    if old is None or new is None:
        return
    before, after = ([c.name for c in table.primary_key] for table in (old, new))
    if not before or set(before) == set(after):
        return
    unmanaged = unmanaged_in(context.migration_context)
    if after or unmanaged is None or unmanaged.is_ours(old.primary_key):
        change.ops.append(ChangePrimaryKey(key_of(change), before, after))
    elif unmanaged.is_wanted("primary key", unmanaged.subject(old.primary_key)):
        key = ops.DropConstraintOp.from_constraint(old.primary_key)
        key.constraint_name = name_for(old.primary_key)
        change.ops.append(key)
