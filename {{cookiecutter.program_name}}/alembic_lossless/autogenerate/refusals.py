"""Drafts that are refused: what no draft can do, or what nobody can have meant."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, ops
from alembic.util import CommandError
from sqlalchemy.dialects.mysql import INET4
from sqlalchemy.dialects.postgresql.ranges import AbstractMultiRange
from sqlalchemy.exc import CompileError, UnsupportedCompilationError
from sqlalchemy.types import TypeEngine

from .._alembic import variants
from ..lint.rules import version_of
from ..operations.aside import kept
from ..operations.base import Key, called, label
from ..operations.objects import move_table
from ..prompts import command_with
from ..replay import replayed
from ..rules import DELETES, rule
from ..sql import LONGEST
from ..state import Create, name_of, table_of
from ..types.conversion import NUMBERS
from ..types.portable import kind_of, stored, words
from ..types.values import texts_of
from ..urls import printable
from .compare_columns import default_of
from .draft import (
    ChangePrimaryKey,
    Draft,
    DropFormula,
    Note,
    SetColumnAside,
    SetTableAside,
    key_of,
    of_kind,
    operations_in,
    retypes,
    tables,
)
from .renames import closest
from .render import code_of


def _refuse(lines: Iterable[str], advice: str = "") -> None:
    """Refuse the draft if there is anything to say, each thing once."""
    if found := [*dict.fromkeys(lines)]:
        end = f"Nothing is written. {advice}".rstrip()
        raise CommandError("\n".join([*found, end]))


@rule(
    "set-null",
    "refusal",
    "A column is NOT NULL, and its ondelete would make it NULL.",
)
def refuse_contradictions(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Refuse a column that is NOT NULL and becomes NULL when its parent is deleted.

    :raises CommandError: with each of them, and what to write.
    """
    lines = [
        f"{label(*key)}.{name} is NOT NULL, and its ondelete would make it NULL."
        for op in operations_in(upgrade)
        for key, name in _columns_required(op)
        if not draft.models[key][name].nullable
        if any(map(_sets_null, draft.models[key][name].foreign_keys))
    ]
    _refuse(lines, "Allow NULL in the model, or choose another ondelete.")


@rule(
    "made-already",
    "refusal",
    "The database lacks a table that its revisions make.",
)
def refuse_tables_again(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Refuse to make a table that the revisions make: any other database has it.

    :raises CommandError: with each of them, and what may have happened.
    """
    made = [*of_kind(ops.CreateTableOp, upgrade.ops)]
    known = replayed(draft.context).tables if made else {}
    keys = (key_of(it) for it in made)
    again = [label(*key) for key in keys if key in known]
    if again:
        url = printable(sa.inspect(draft.context.connection).engine.url)
        raise CommandError(
            f"{url} lacks {', '.join(sorted(again))}, which revisions make that it has"
            " run: it was stamped while it was empty, or they were dropped by hand."
            "\nNothing is written. Draft on a database that was upgraded."
        )


@rule(
    "same-name",
    "refusal",
    "The CHECKs of two types in one table have one name.",
)
def refuse_same_names(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Refuse two types in a table whose CHECKs have one name, which SQLite alone takes.

    What alters the table goes by names, and would drop one with the other.

    :raises CommandError: with the columns, and what to write.
    """
    lines = []
    kinds = ops.CreateTableOp | ops.AddColumnOp | ops.AlterColumnOp
    made = (it for it in operations_in(upgrade) if isinstance(it, kinds))
    for key in sorted({key_of(it) for it in made}, key=str):
        columns = defaultdict[str, list[str]](list)
        for column in draft.models[key].values():
            type_: Any = column.type
            if getattr(type_, "create_constraint", False) and type_.name:
                columns[str(type_.name)].append(column.name)
        lines += [
            f"{label(*key)}: the CHECKs of {' and '.join(found)} are both called {it}."
            for it, found in columns.items()
            if len(found) > 1
        ]
    _refuse(lines, "Give each type a name of its own in the model (Enum(…, name=…)).")


def _sets_null(fk: sa.ForeignKey) -> bool:
    return (fk.ondelete or "").upper() == "SET NULL"


def _columns_required(op: MigrateOperation) -> Iterable[tuple[Key, str]]:
    """Return the columns that an operation makes, makes NOT NULL or lets refer."""
    key: Key
    match op:
        case ops.CreateTableOp():
            key = key_of(op)
            return [
                (key, item.name) for item in op.columns if isinstance(item, sa.Column)
            ]
        case ops.AddColumnOp():
            return [(key_of(op), op.column.name)]
        case ops.AlterColumnOp(modify_nullable=False):
            return [(key_of(op), op.column_name)]
        case ops.CreateForeignKeyOp():
            key = op.kw.get("source_schema"), op.source_table
            return [(key, name) for name in op.local_cols]
    return []


@rule(
    "type",
    "refusal",
    "This database has no word for the type of a column.",
)
def refuse_uncompilable(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Refuse columns that cannot be made: a String without a length on MariaDB.

    It need not be the database of the draft: the project says which ones it runs on.

    :raises CommandError: with each column and what is wrong with its type.
    """
    problems = []
    advice = "Write another type in the model, such as String(200) or Text."
    for table, column in _columns_made(upgrade):
        for dialect in draft.dialects:
            if problem := _problem(column.type, dialect):
                said = f"{words(column.type)}: {problem} on {dialect.name}."
                problems.append(f"{table}.{column.name}: {said}")
                if isinstance(column.type, sa.Enum) and not column.type.name:
                    name = f"{table.rpartition('.')[2]}_{column.name}"
                    advice = f"Give the Enum a name in the model, such as {name!r}."
    _refuse(problems, advice)


class Feature(NamedTuple):
    """What a server can make since some version."""

    words: str
    since: Mapping[str, tuple[int, ...]]
    """The version of a database that has it; nobody asks the others."""
    uses: Callable[[Any, Mapping[str, Any]], object]
    """Tells whether a column, an index, a constraint or a table, or its options, have
    it."""


def _of_type(kind: type[TypeEngine[Any]], on: str) -> Callable[[Any, object], bool]:
    """Return what tells whether a column has a type on a database."""

    def uses(item: Any, _: object) -> bool:
        if not isinstance(item, sa.Column):
            return False
        found = stored(item.type)
        return isinstance(variants(found).get(on, found), kind)

    return uses


def _computed(item: Any) -> Any:
    return getattr(item, "computed", None)


FEATURES = (
    Feature(
        "NULLS NOT DISTINCT",
        {"postgresql": (15,)},
        lambda _, options: options.get("postgresql_nulls_not_distinct"),
    ),
    Feature(
        "a computed column that is not stored",
        {"postgresql": (18,)},
        lambda it, _: getattr(_computed(it), "persisted", None) is False,
    ),
    Feature(
        "a computed column",
        {"sqlite": (3, 31)},
        lambda it, _: _computed(it) is not None,
    ),
    Feature(
        "ON DELETE of some columns",
        {"postgresql": (15,)},
        lambda it, its: "(" in (getattr(it, "ondelete", its.get("ondelete")) or ""),
    ),
    Feature(
        "a multirange",
        {"postgresql": (14,)},
        _of_type(AbstractMultiRange, "postgresql"),
    ),
    Feature("the type INET4", {"mariadb": (10, 10)}, _of_type(INET4, "mariadb")),
    Feature("the type UUID", {"mariadb": (10, 7)}, _of_type(sa.UUID, "mariadb")),
    Feature("STRICT", {"sqlite": (3, 37)}, lambda _, its: its.get("sqlite_strict")),
)
"""What not every version of a server has. Source: the release notes of each."""


@rule(
    "version",
    "refusal",
    "The server has no words for what a model says, or no database has.",
)
def refuse_unknown_features(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Refuse what a server cannot make, or keep the name of, and an index of nothing.

    That is the one at hand, and the oldest one that `runs_on` names.

    :raises CommandError: with each of them, and the version that it needs.
    """
    here: sa.Dialect = draft.context.dialect
    servers = [(kind_of(here), version_of(here), "this server is ")]
    for name, version in draft.context.opts["runs_on"].items():
        servers.append((name, version, f"the project runs on {name}>="))
    databases = {it.name for it in draft.dialects}
    problems = list[str]()
    for where, item, options in _made(upgrade):
        if isinstance(item, ops.CreateIndexOp) and not item.columns:
            problems.append(f"{where}: the index has no column. Name one.")
        problems += (f"{where}: {it}" for it in _of_name(item, databases))
        problems += [
            f"{where}: {it.words} needs {name} {_dotted(it.since[name])},"
            f" and {said}{_dotted(version)}."
            for it in FEATURES
            for name, version, said in servers
            if version and version < it.since.get(name, ())
            if it.uses(item, options)
        ]
    _refuse(problems)


def _of_name(item: Any, databases: set[str]) -> Iterator[str]:
    """Say which databases would not keep the name of what is made."""
    if isinstance(item, ops.CreateTableOp):
        name = item.table_name
    else:
        name = getattr(item, "name", None) or (name_of(item) or ("", ""))[1]
    size = len(str(name).encode())
    is_cut = isinstance(item, sa.Column | ops.CreateTableOp) and size > LONGEST
    if is_cut and "postgresql" in databases:
        yield (
            f"the name has {size} bytes, and PostgreSQL keeps {LONGEST}. Give it a"
            " shorter one."
        )


def _dotted(version: Iterable[int]) -> str:
    return ".".join(map(str, version))


def _made(
    upgrade: ops.OpContainer,
) -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
    """Give what is made: what it is called, it, and the options of its database."""
    for op in operations_in(upgrade):
        if isinstance(op, ops.CreateTableOp):
            table = label(op.schema, op.table_name)
            yield table, op, op.kw
            for item in op.columns:
                options = getattr(item, "dialect_kwargs", {})
                yield f"{table}.{getattr(item, 'name', None)}", item, options
        elif isinstance(op, ops.AddColumnOp):
            table = label(op.schema, op.table_name)
            yield f"{table}.{op.column.name}", op.column, {}
        elif isinstance(op, Create):
            _, name = name_of(op) or ("", None)
            yield f"{label(*table_of(op))}.{name}", op, op.kw


def _problem(type_: TypeEngine[Any], dialect: sa.Dialect) -> str | None:
    """Return why a database cannot make a type, or None."""
    try:
        type_.compile(dialect=dialect)
    except UnsupportedCompilationError:
        return "there is no such type"
    except CompileError as error:
        return str(error.args[0]).partition(" on dialect ")[0].rstrip(".")
    return None


@rule(
    "default",
    "refusal",
    "The server default of a number or an Enum is no value of it, or a database has no"
    " words for one.",
)
def refuse_defaults(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Refuse a number that is made with a default which is none, such as ''.

    SQLite would take it, and the others say so in the middle of a revision. Rows with
    an Enum that is text would have it, and no app could read them. What a database of
    the project cannot compile would stop a revision there.

    :raises CommandError: with each column and its default.
    """
    problems = [
        f"{table}.{name}: {dialect.name} has no words for the server default"
        f" {type(default).__name__}()."
        for table, name, default in _defaults_made(upgrade)
        for dialect in draft.dialects
        if dialect.name not in texts_of(default)
    ]
    _refuse(problems, "Say with @compiles what it is there, or write sa.text(…).")
    problems = [
        f"{table}.{column.name}: the server default {str.__str__(said)!r} is no value"
        f" of {stored(column.type)!r}."
        for table, column in _columns_made(upgrade)
        if isinstance(said := default_of(column), str) and not _is_one(said, column)
    ]
    _refuse(
        problems, "Write one that is, or sa.text(…) for an expression such as NULL."
    )


def _is_one(default: str, column: sa.Column[Any]) -> bool:
    """Tell whether a number or an Enum has a default; of other types none can tell."""
    type_ = stored(column.type)
    if isinstance(type_, sa.Enum):
        return str.__str__(default) in type_.enums
    return not isinstance(type_, NUMBERS) or _is_number(default)


def _defaults_made(
    upgrade: ops.OpContainer,
) -> Iterator[tuple[str, str, sa.ClauseElement]]:
    """Give the server defaults that are expressions, but no text of their own."""
    found = [
        (table, one.name, one.server_default) for table, one in _columns_made(upgrade)
    ]
    for op in of_kind(ops.AlterColumnOp, operations_in(upgrade)):
        table, default = label(op.schema, op.table_name), op.modify_server_default
        found.append((table, op.column_name, default))
    for table, name, default in found:
        arg = default.arg if isinstance(default, sa.DefaultClause) else None
        if isinstance(arg, sa.ClauseElement) and not isinstance(arg, sa.TextClause):
            yield table, name, arg


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _columns_made(upgrade: ops.OpContainer) -> Iterator[tuple[str, sa.Column[Any]]]:
    for op in operations_in(upgrade):
        if isinstance(op, ops.CreateTableOp):
            for item in op.columns:
                if isinstance(item, sa.Column):
                    yield label(op.schema, op.table_name), item
        elif isinstance(op, ops.AddColumnOp):
            yield label(op.schema, op.table_name), op.column
        elif retypes(op):
            column = sa.Column[Any](op.column_name, op.modify_type)
            yield label(op.schema, op.table_name), column


@rule(
    "primary-key",
    "refusal",
    "A table gets another primary key, which no draft can do to rows.",
)
def refuse_primary_keys(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Refuse a draft that needs another primary key.

    New values for rows that others may refer to are not a draft's to invent.

    :raises CommandError: with the columns, and what to do.
    """
    config = draft.prompt.config
    for op in of_kind(ChangePrimaryKey, operations_in(upgrade)):
        if not draft.prompt.open:
            typed = _of_columns_there(draft, op)
            how = "has these lines:" if typed else "makes a new table, and copies rows."
            leave = command_with([f"leave={op.table}.primary_key"], config)
            said = (
                f"{op.table}: {op}, which no draft can do to rows. Nothing is written."
                " Take it back, or write a revision by hand (without --autogenerate)"
                f" that {how}"
            )
            before = "Was it so before? To live with it:"
            raise CommandError("\n".join([said, *typed, before, leave]))


def _of_columns_there(draft: Draft, op: ChangePrimaryKey) -> list[str]:
    """Return the lines of a revision by which a key has more of the columns, or fewer.

    The database refuses rows that then share a key, or have no value in it.
    """
    (schema, name), table = op.key, draft.state.table(*op.key)
    key = None if table is None else table.primary_key.name
    there = draft.state.columns(*op.key)
    is_like = {*op.old} <= {*op.new} or ({*op.new} <= {*op.old} and op.new)
    if not (key and is_like and {*op.new} <= there.keys()):
        return []
    where = f", schema={schema!r}" if schema else ""
    context = AutogenContext(draft.context)
    nullable = [there[it] for it in op.new if there[it].nullable]
    return [
        f"with op.batch_alter_table({name!r}{where}) as batch_op:",
        *(
            f"    batch_op.alter_column({it.name!r}, nullable=False,"
            f" existing_type={code_of(stored(it.type), context)})"
            for it in nullable
        ),
        f"    batch_op.drop_constraint({str(key)!r}, type_='primary')",
        f"    batch_op.create_primary_key({str(key)!r}, {op.new!r})",
    ]


log = logging.getLogger("alembic.review")


@rule(
    "drop-all",
    "refusal",
    "Every table would be dropped: the models were not imported, or are others.",
)
def refuse_to_drop_everything(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Refuse a draft without a single table that stays, unless each was answered.

    :raises CommandError: with the likely cause.
    """
    drops = [*of_kind(ops.DropTableOp, upgrade.ops)]
    names = [label(op.schema, op.table_name) for op in drops]
    said = [draft.prompt.confirms_drop(name) for name in names]
    if all(said) or draft.prompt.open or _tables_there(draft) - set(names):
        return
    cause = "This is another project's database, or all its tables were replaced: then"
    cause += " delete the old revisions, too, and begin with an empty database."
    if not tables(draft.context):
        cause = "The models were not imported, or this is another project's database."
    lines = [f"The draft would drop every table ({', '.join(sorted(names))})."]
    lines[0] += " Nothing is written."
    gone = [op.to_table() for op, told in zip(drops, said, strict=True) if not told]
    fresh = [op.to_table() for op in of_kind(ops.CreateTableOp, upgrade.ops)]
    pairs = closest(gone, fresh)
    if renames := sorted(f"rename={old.fullname}:{new.name}" for old, new in pairs):
        lines.append("A table that was renamed keeps its rows when you say so:")
        lines.append(command_with(renames, draft.prompt.config))
    drop = command_with([f"drop={name}" for name in sorted(names)], draft.prompt.config)
    lines += [f"{cause} To drop them with all rows:", drop]
    raise CommandError("\n".join(lines))


def _tables_there(draft: Draft) -> set[str]:
    """Return the tables of the database that are ours, which Alembic's own is not."""
    found = sa.inspect(draft.context.connection).get_table_names()
    found = [it for it in found if not kept(it)]
    return set(found) & {name for _, name in (*draft.models, *draft.state.tables)}


@rule(
    "move",
    "refusal",
    "A table would be dropped, and one of its name made in another schema.",
)
def refuse_to_move(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Refuse to drop a table that was most likely moved to another schema.

    :raises CommandError: with both places, and how the rows are kept.
    """
    if draft.prompt.open:
        return
    made = [*of_kind(ops.CreateTableOp, upgrade.ops)]
    lines = list[str]()
    for op in of_kind(ops.DropTableOp, upgrade.ops):
        old = label(op.schema, op.table_name)
        for new in (it for it in made if it.table_name == op.table_name):
            if not draft.prompt.confirms_drop(old):
                there = label(new.schema, new.table_name)
                lines.append(f"{old} would be dropped with its rows, {there} is new.")
                lines += _ways_to_move(draft, op, new)
    if lines:
        raise CommandError("\n".join(lines))


def refuse_to_move_online(draft: Draft) -> None:
    """Refuse to move a table that the running version still looks for where it is.

    :raises CommandError: with the table, and how it is moved.
    """
    moves = [it for it in draft.moves if called(it, move_table)]
    moved = [label(it.schema, it.table_name) for it in moves]
    if moved:
        raise CommandError(
            f"{', '.join(moved)} would move to another schema, where the running"
            " version does not look for it. Nothing is written. Draft it for a quiet"
            " hour: -x live=no"
        )


def refuse_formulas_online(draft: Draft) -> None:
    """Refuse to make a column anew that the running version reads in the meantime.

    :raises CommandError: with the columns.
    """
    found = of_kind(DropFormula, operations_in(draft.upgrade))
    anew = [f"{label(it.schema, it.table_name)}.{it.column_name}" for it in found]
    if anew:
        raise CommandError(
            f"{', '.join(anew)} is computed from a column that gets another type, and"
            " would be gone until all rows have it. Nothing is written. Draft it for a"
            " quiet hour: -x live=no"
        )


def _ways_to_move(
    draft: Draft, old: ops.DropTableOp, new: ops.CreateTableOp
) -> Iterator[str]:
    """Give what keeps the rows of a table in another schema, and what does not."""
    where = f", schema={old.schema!r}" if old.schema else ""
    said = "write this revision by hand (without --autogenerate), and draft the rest"
    said += f" after it: op.move_table({old.table_name!r}, {new.schema!r}{where})"
    if draft.context.dialect.name == "sqlite":
        said = "write a revision by hand that copies the rows: SQLite moves no table"
    yield f"Nothing is written. Was it moved? Then {said}"
    yield "To drop it with all rows:"
    yield command_with(
        [f"drop={label(old.schema, old.table_name)}"], draft.prompt.config
    )


@rule(
    "deletes",
    "mark",
    "`# DELETES:` stands where an upgrade takes rows or values away for good, or the"
    " undo of rows may take others along.",
)
def mark_drops(draft: Draft, upgrade: ops.OpContainer) -> None:
    """Say in the script and in the log what an upgrade deletes."""
    if upgrade is not draft.upgrade:
        return
    marked: list[MigrateOperation] = []
    for op in upgrade.ops:
        if isinstance(op, ops.DropTableOp) and not isinstance(op, SetTableAside):
            name = label(op.schema, op.table_name)
            marked.append(_deletes(f"table {name} with all its rows", name))
        if isinstance(op, ops.ModifyTableOps):
            op.ops = list(_marked(draft, op))
        marked.append(op)
    upgrade.ops = marked


STAYS = (SetColumnAside, DropFormula)
"""What takes a column away, and its values are there or are made again."""


def _marked(draft: Draft, change: ops.ModifyTableOps) -> Iterator[MigrateOperation]:
    for op in change.ops:
        if isinstance(op, ops.DropColumnOp) and not isinstance(op, STAYS):
            name = f"{label(change.schema, change.table_name)}.{op.column_name}"
            draft.prompt.confirms_drop(name)
            yield _deletes(f"column {name} with its values", name)
        yield op


def _deletes(text: str, name: str) -> Note:
    said = "The draft deletes %s. To keep them for a while: -x drop=%s:later"
    log.warning(said, text, name)
    return Note(DELETES, text)
