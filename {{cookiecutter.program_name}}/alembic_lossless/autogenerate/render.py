"""How a draft is written: types, defaults and calls, as no single database has them."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, cast

import sqlalchemy as sa
from alembic.autogenerate import render_op_text, renderers
from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import render_op
from alembic.operations import MigrateOperation, ops
from sqlalchemy import dialects
from sqlalchemy.dialects.postgresql import DOMAIN
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.elements import conv
from sqlalchemy.sql.functions import FunctionElement, next_value
from sqlalchemy.types import TypeEngine

from .._alembic import column_code, is_made_by_type, type_code, variants, with_variants
from ..ddl.sqlite import CONFLICTS
from ..operations.base import AutocommitBlock, LosslessOp, altering, label
from ..state import GENERATORS, created_by, options_of, sql, text_code
from ..types import values
from ..types.portable import PARTS, SQLType, bare_words, dialect_of_class, stored
from .draft import (
    DialectBlock,
    FillNulls,
    Note,
    RenameColumn,
    RenameTable,
    same_as_before,
)


def generated_code(item: sa.Computed | sa.Identity, prefix: str, on: Dialect) -> str:
    """Return a formula or an identity as a script has it."""
    given = options_of(item)
    written = []
    if isinstance(item, sa.Computed):
        written.append(text_code(given.pop("sqltext"), on))
    written += [f"{name}={value!r}" for name, value in given.items()]
    return f"{prefix}{type(item).__name__}({', '.join(written)})"


Type = TypeEngine[Any]


class _Written:
    """Stand in for a type inside another one, and be written as it should be."""

    def __init__(self, code: str) -> None:
        self._code = code

    def __repr__(self) -> str:
        return self._code


def code_of(type_: Type, context: AutogenContext) -> str:
    """Return the expression that makes a type.

    Revisions drafted on one database run on the others, so it does not matter which one
    this is.

    :param type_: a type of SQLAlchemy's own, as `stored` returns them.
    :param context: where imports go.
    """
    code = _bare_code(with_variants(type_, {}), context)
    for name, one in sorted(variants(type_).items()):
        code += f".with_variant({code_of(one, context)}, {name!r})"
    return code


def _bare_code(type_: Type, context: AutogenContext) -> str:
    if isinstance(type_, SQLType):
        return f"{context.opts['alembic_module_prefix']}sql_type({type_.sql!r})"
    name, prefix = _exported(type_, context)
    if isinstance(type_, sa.Enum):
        return f"{prefix}{name}({', '.join(_enum_arguments(type_, context))})"
    if type(type_) is sa.Interval:  # its own words leave out all of it
        return f"{prefix}{name}({', '.join(_interval_arguments(type_))})"
    if isinstance(type_, DOMAIN):
        words = [repr(str(type_.name)), code_of(type_.data_type, context)]
        words += [f"schema={str(type_.schema)!r}"] if type_.schema else []
        # It is made by an operation of its own, with its CHECK: tables may share it.
        return f"{prefix}{name}({', '.join(words)}, create_type=False)"
    shown = copy.copy(type_)
    if isinstance(type_, sa.Boolean) and type_.name:
        vars(shown)["name"] = _Written(_name_code(type_.name, context))
    for part in PARTS:
        held = getattr(type_, part, None)
        if isinstance(held, TypeEngine):
            setattr(shown, part, _Written(code_of(held, context)))
    return f"{prefix}{name}{bare_words(shown).removeprefix(type(type_).__name__)}"


def _exported(type_: Type, context: AutogenContext) -> tuple[str, str]:
    """Return the public name of a type's class, and what stands before it."""
    dialect = dialect_of_class(type(type_))
    prefix: str = context.opts["sqlalchemy_module_prefix"] or ""
    places: list[tuple[Any, str]] = [(sa, prefix), (sa.types, f"{prefix}types.")]
    if dialect:
        context.imports.add(f"from sqlalchemy.dialects import {dialect}")
        places = [(getattr(dialects, dialect), f"{dialect}.")]
    for module, before in places:
        if found := _names_of(module, type(type_)):
            return found[0], before
    return type(type_).__name__, places[-1][1]


def _names_of(module: Any, class_: type) -> list[str]:
    """Return the names that a module has for a class, its own name first."""
    found = [name for name, value in vars(module).items() if value is class_]
    return sorted(found, key=lambda name: (name != class_.__name__, name))


def _name_code(name: object, context: AutogenContext) -> str:
    """Return the name of a type and of its CHECK; a convention leaves `op.f` alone."""
    code = repr(str(name))
    prefix = context.opts["alembic_module_prefix"]
    return f"{prefix}f({code})" if isinstance(name, conv) else code


def _enum_arguments(enum: sa.Enum, context: AutogenContext) -> Iterator[str]:
    yield from map(repr, enum.enums)
    if enum.name:
        yield f"name={_name_code(enum.name, context)}"
    if enum.schema:
        yield f"schema={str(enum.schema)!r}"
    if enum.native_enum and dialect_of_class(type(enum)) != "mysql":
        # Its type is made and dropped by steps of their own: two tables may share it.
        # SQLAlchemy 2.0 knows that of a type by its metadata alone.
        prefix = context.opts["sqlalchemy_module_prefix"]
        yield f"create_type=False, metadata={prefix}MetaData()"
    elif not enum.native_enum:
        yield f"native_enum=False, length={enum.length}"
    if enum.create_constraint:
        yield "create_constraint=True"


def _interval_arguments(interval: sa.Interval) -> Iterator[str]:
    if not interval.native:
        yield "native=False"
    for name in ("second_precision", "day_precision"):
        if (digits := getattr(interval, name)) is not None:
            yield f"{name}={digits}"


@renderers.dispatch_for(Note)
def _render_note(_context: AutogenContext, note: Note) -> list[str]:
    return [f"{note.mark} {line}" for line in note.text.splitlines()]


@renderers.dispatch_for(RenameTable)
def _render_table(_context: AutogenContext, op: RenameTable) -> str:
    schema = f", schema={op.schema!r}" if op.schema else ""
    return f"op.rename_table({op.table_name!r}, {op.new_table_name!r}{schema})"


@renderers.dispatch_for(RenameColumn)
def _render_column(context: AutogenContext, op: RenameColumn) -> str:
    rename = altering(
        op,
        op.column_name,
        modify_name=op.modify_name,
        **same_as_before(op),
    )
    text = render_op_text(context, rename)
    if "existing_autoincrement" not in op.kw:
        return text
    counting = 'op.get_context().dialect.name in {"mysql", "mariadb"} or None'
    return f"{text.removesuffix(')')},\n{' ' * 11}existing_autoincrement={counting})"


@renderers.dispatch_for(FillNulls)
def _render_fill(_context: AutogenContext, op: FillNulls) -> str:
    schema, name = op.table
    column = f"sa.column({op.column!r})"
    more = f", schema={schema!r}" if schema else ""
    return (
        "op.execute(\n"
        f"    sa.update(sa.table({name!r}, {column}{more}))\n"
        f"    .where({column}.is_(None))\n"
        "    .values({" + f"{op.column!r}: {op.value.expression_code()}" + "})\n"
        ")"
    )


Rendered = str | Literal[False]
NOTHING = cast("Rendered", None)
"""What Alembic leaves out of a script."""


def render_item(kind: str, item: Any, context: AutogenContext) -> Rendered:
    """Render a part of a script, or leave it to Alembic by returning False.

    :param kind: what Alembic is about to render.
    :param item: the type, default or constraint itself.
    """
    render = RENDERERS.get(kind)
    return False if render is None else render(item, context)


def _default(item: Any, context: AutogenContext) -> Rendered:
    if isinstance(item, GENERATORS):
        prefix = context.opts["sqlalchemy_module_prefix"]
        return generated_code(item, prefix, context.migration_context.dialect)
    return default_code(item.arg) if isinstance(item, sa.DefaultClause) else False


def _column(column: sa.Column[Any], context: AutogenContext) -> Rendered:
    """Write a key that a sequence counts as one that nothing else does.

    MySQL has no sequences: there it counts by itself.
    """
    if not _counts_by_sequence(column):
        return False
    code = column_code(column, context).removesuffix(")")
    dialect = "op.get_context().dialect"
    mysql = f"{dialect}.name == 'mysql' and not {dialect}.supports_sequences"
    return f"{code}, autoincrement={mysql})"


def _counts_by_sequence(column: sa.Column[Any]) -> bool:
    """Tell a key that a sequence counts, and not the database by itself."""
    sequence = column.default
    is_one = isinstance(sequence, sa.Sequence) and not sequence.optional
    return is_one and column.primary_key and column.autoincrement == "auto"


def _primary_key(key: sa.PrimaryKeyConstraint, context: AutogenContext) -> Rendered:
    """Write a key with its options, which Alembic leaves out."""
    given = {it: getattr(key, it) for it in ("deferrable", "initially", "comment")}
    given = {it: value for it, value in given.items() if value is not None}
    given |= key.dialect_kwargs
    if not key.columns or not given:
        return False
    columns = [repr(column.name) for column in key.columns]
    return _constraint(sa.PrimaryKeyConstraint, key, columns, given, context)


def _constraint(
    kind: type[sa.Constraint],
    item: sa.Constraint,
    written: Sequence[str],
    given: Mapping[str, Any],
    context: AutogenContext,
) -> str:
    """Return a constraint of a table as a script has it.

    :param kind: SQLAlchemy's own class, of which an app may have another one.
    :param written: the code of its arguments by place.
    :param given: its other arguments, but the name.
    """
    words = [*written]
    if item.name is not None:
        words.append(f"name={_name_code(item.name, context)}")
    words += [f"{name}={value!r}" for name, value in given.items()]
    prefix = context.opts["sqlalchemy_module_prefix"]
    return f"{prefix}{kind.__name__}({', '.join(words)})"


def _says_more(item: sa.Constraint) -> bool:
    """Tell whether a constraint says what Alembic leaves out."""
    return item.deferrable is False or bool(item.comment)


def _unique(key: sa.UniqueConstraint, context: AutogenContext) -> Rendered:
    if not _says_more(key):
        return False
    made: Any = created_by(key)
    columns = [repr(column.name) for column in key.columns]
    return _constraint(sa.UniqueConstraint, key, columns, made.kw, context)


PLACES = ("source_schema", "referent_schema")
"""What an operation says of where a foreign key is, and the key by its columns."""


def _foreign_key(key: sa.ForeignKeyConstraint, context: AutogenContext) -> Rendered:
    if not _says_more(key):
        return False
    made: Any = created_by(key)
    given = {it: made.kw[it] for it in made.kw if it not in PLACES}
    place = label(made.kw.get("referent_schema"), made.referent_table)
    targets = [f"{place}.{it}" for it in made.remote_cols]
    written = [repr(made.local_cols), repr(targets)]
    return _constraint(sa.ForeignKeyConstraint, key, written, given, context)


def _check(check: sa.CheckConstraint, context: AutogenContext) -> Rendered:
    if is_made_by_type(check):
        # Its type makes it again, which Alembic 1.18 cannot tell with SQLAlchemy 2.1.
        return NOTHING
    written = [text_code(check.sqltext, context.migration_context.dialect)]
    given = {**check.dialect_kwargs}
    given |= {"comment": check.comment} if check.comment else {}
    return _constraint(sa.CheckConstraint, check, written, given, context)


RENDERERS: dict[str, Callable[[Any, AutogenContext], Rendered]] = {
    "check": _check,
    "column": _column,
    "foreign_key": _foreign_key,
    "primary_key": _primary_key,
    "server_default": _default,
    "type": lambda item, context: code_of(stored(item), context),
    "unique": _unique,
}
"""What renders a part of a script, by Alembic's words for it."""


class Written(MigrateOperation):
    """An operation of Alembic's that a draft writes in another way.

    Alembic's own renderers are the whole process's.
    """

    def __init__(self, op: MigrateOperation) -> None:
        """Take the operation."""
        self.op = op


def written(container: ops.OpContainer) -> None:
    """Let a draft that is done be rendered as the library does it."""
    for number, op in enumerate(container.ops):
        if isinstance(op, ops.OpContainer):
            written(op)
        elif type(op) in WRITTEN:
            container.ops[number] = Written(op)


@renderers.dispatch_for(Written)
def _render_written(context: AutogenContext, written: Written) -> str:
    return WRITTEN[type(written.op)](context, written.op)


def _stock(context: AutogenContext, op: MigrateOperation) -> str:
    """Return an operation as Alembic renders it."""
    return render_op(context, op)[-1]


def _key_call(context: AutogenContext, op: ops.CreatePrimaryKeyOp) -> str:
    """Write the way back from a key that others made; Alembic has no words for it."""
    like_it = ops.CreateUniqueConstraintOp(
        op.constraint_name, op.table_name, op.columns, schema=op.schema
    )
    text = "".join(render_op(context, like_it))
    return text.replace("create_unique_constraint", "create_primary_key", 1)


def _check_call(context: AutogenContext, op: ops.CreateCheckConstraintOp) -> str:
    """Write it as one that is dropped and a condition: Alembic 1.18 has no words."""
    check = op.to_constraint()
    opts = ops.DropConstraintOp(op.constraint_name, op.table_name)
    name = _stock(context, opts).removesuffix(")")
    opts.schema = op.schema
    schema = _stock(context, opts).removeprefix(name)
    return (
        name.replace("drop_constraint", "create_check_constraint", 1)
        + f", {text_code(check.sqltext, context.migration_context.dialect)}"
        + schema.removesuffix(")")
        + "".join(f", {it}={value!r}" for it, value in check.dialect_kwargs.items())
        + (f", comment={check.comment!r}" if check.comment else "")
        + ")"
    )


def _unique_call(context: AutogenContext, op: ops.CreateUniqueConstraintOp) -> str:
    text = _stock(context, op)
    if op.kw.get("deferrable") is False:
        text = f"{text.removesuffix(')')}, deferrable=False)"
    return _with_comment(text, op)


def _foreign_key_call(context: AutogenContext, op: ops.CreateForeignKeyOp) -> str:
    return _with_comment(_stock(context, op), op)


def _with_comment(
    text: str, op: ops.CreateUniqueConstraintOp | ops.CreateForeignKeyOp
) -> str:
    """Return a call with the comment of what it makes, which Alembic leaves out."""
    comment = op.kw.get("comment")
    return f"{text.removesuffix(')')}, comment={comment!r})" if comment else text


def _index_call(context: AutogenContext, op: ops.CreateIndexOp) -> str:
    index = op.to_index()
    text = _stock(context, op)
    expression: Any
    for expression in index.expressions:
        if not isinstance(expression, sa.Column):
            text = _in_own_words(text, expression, context, is_index=True)
    for value in index.dialect_kwargs.values():
        if isinstance(value, sa.ClauseElement):
            text = _in_own_words(text, value, context)
    return text


def _in_own_words(
    text: str,
    expression: sa.ClauseElement,
    context: AutogenContext,
    *,
    is_index: bool = False,
) -> str:
    """Replace what Alembic wrote of an expression, which is for one database alone."""
    impl = context.migration_context.impl
    written = repr(impl.render_ddl_sql_expr(expression, is_index=is_index))
    # `literal_column`, which stands in an index, knows no parameters.
    code = text_code(expression, impl.dialect)
    code = repr(sql(expression, impl.dialect)) if is_index else code
    return text.replace(written, code, 1)


def default_code(value: Any) -> str:
    """Return a server default as a script has it, right on each database.

    :param value: text, or an expression.
    """
    found = (code(value) for kinds, code in DEFAULTS if isinstance(value, kinds))
    return next(found, None) or values.sql_code(values.texts_of(value))


def _function_code(value: Any) -> str | None:
    """Return the code of a function, unless an app compiles it in a way of its own."""
    name = getattr(value, "name", None)
    function = getattr(sa.func, name)() if name else None
    if function is None or values.texts_of(function) != values.texts_of(value):
        return None
    return f"sa.func.{name}()"


DEFAULTS: tuple[tuple[Any, Callable[[Any], str | None]], ...] = (
    (str, lambda value: repr(str.__str__(value))),  # no member of an Enum
    (sa.TextClause, lambda value: f"sa.text({value.text!r})"),
    ((sa.False_, sa.True_, sa.Null), lambda value: f"sa.{str(value).lower()}()"),
    (next_value, lambda it: f"sa.Sequence({it.sequence.name!r}).next_value()"),
    (values.Literal, lambda literal: literal.value.default_code()),
    (
        sa.BindParameter,
        lambda bound: values.Value(bound.effective_value, bound.type).default_code(),
    ),
    (FunctionElement, _function_code),
)
"""The kinds of server defaults, and how a script has each without SQL."""


def _value_code(value: Any, context: AutogenContext) -> str:
    """Return an argument of a call as a script has it."""
    match value:
        case TypeEngine():
            code = type_code(value, context)
        case dict():
            pairs = [f"{it!r}: {_value_code(value[it], context)}" for it in value]
            code = f"{{{', '.join(pairs)}}}"
        case list():
            code = f"[{', '.join(_value_code(it, context) for it in value)}]"
        case sa.Computed() | sa.Identity():
            code = str(render_item("server_default", value, context))
        case sa.DefaultClause():
            code = default_code(value.arg)
        case sa.TextClause():
            code = default_code(value)
        case sa.ColumnClause():
            code = f"sa.column({value.name!r})"
        case values.Value():
            code = value.argument_code()
        case str() if "\n" in value:
            code = " ".join(map(repr, value.splitlines(keepends=True)))
        case _:
            code = repr(value)
    return code


@renderers.dispatch_for(AutocommitBlock)
def _render_block(context: AutogenContext, block: AutocommitBlock) -> list[str]:
    """Write the operations of a block; an empty line ends a block of Python."""
    prefix = context.opts["alembic_module_prefix"]
    head = f"with {prefix}get_context().autocommit_block():"
    return [head, *(line for op in block.ops for line in render_op(context, op)), ""]


@renderers.dispatch_for(DialectBlock)
def _render_dialects(context: AutogenContext, block: DialectBlock) -> list[str]:
    """Write the operations for some databases alone."""
    dialect = f"{context.opts['alembic_module_prefix']}get_context().dialect.name"
    names = ", ".join(map(repr, block.names))
    test = f"== {names}" if len(block.names) == 1 else f"in {{{names}}}"
    lines = (line for op in block.ops for line in render_op(context, op))
    return [f"if {dialect} {test}:", *lines, ""]


@renderers.dispatch_for(LosslessOp)
def _render_call(context: AutogenContext, op: LosslessOp) -> str:
    given = dict(op.kwargs)
    schema = given.pop("schema", None)
    given |= {"schema": schema} if schema else {}
    written = [_value_code(value, context) for value in op.args]
    named = ((name, _value_code(value, context)) for name, value in given.items())
    written += [f"{name}={code}" for name, code in named]
    prefix = context.opts["alembic_module_prefix"]
    return f"{prefix}{op.operation.name}({', '.join(written)})"


def _alter_call(context: AutogenContext, op: ops.AlterColumnOp) -> str:
    """Write the options of databases too, which Alembic's own rendering leaves out."""
    text = _stock(context, op)
    for name in ("postgresql_using", CONFLICTS):
        if name in op.kw:
            text = f"{text[:-1]},\n           {name}={op.kw[name]!r})"
    return text


WRITTEN: dict[type, Callable[[AutogenContext, Any], str]] = {
    ops.CreatePrimaryKeyOp: _key_call,
    ops.CreateCheckConstraintOp: _check_call,
    ops.CreateUniqueConstraintOp: _unique_call,
    ops.CreateForeignKeyOp: _foreign_key_call,
    ops.CreateIndexOp: _index_call,
    ops.AlterColumnOp: _alter_call,
}
"""What a draft writes in another way than Alembic, and how."""
