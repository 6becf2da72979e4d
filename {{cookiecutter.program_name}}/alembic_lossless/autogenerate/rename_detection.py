"""Renames: what is gone and what is new may be one thing, and keep its data."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from alembic.operations.ops import (
    AddColumnOp,
    AlterColumnOp,
    CreatePrimaryKeyOp,
    CreateTableOp,
    DropColumnOp,
    DropTableOp,
    MigrateOperation,
    ModifyTableOps,
    OpContainer,
)
from sqlalchemy import Column, Identity
from sqlalchemy import Sequence as NamedSequence
from sqlalchemy import inspect as sa_inspect

from ..operations.keys import RenameSequenceOp, primary_key_of, sequence_of
from ..prompts.questions import Question
from ..rules import rule
from .compare import compare_renamed
from .draft import Draft, tables
from .foreign_keys import named_by_convention
from .inspector import Names
from .likeness import TableLikeness, convertible, may_be
from .operations import (
    Key,
    RenameColumn,
    RenamePrimaryKey,
    RenameTable,
    existing,
    label,
)
from .replay import replayed

Columns = Mapping[tuple[Key, str], Column[object]]


@rule(
    "rename",
    "question",
    "A column or a table is gone and one like it is new: was it renamed?",
)
def ask_renames(draft: Draft, upgrade: OpContainer) -> None:
    """Ask which tables and columns were renamed, and rewrite the upgrade to rename.

    The renames come first, and then what the models differ by under the new names.
    """
    names = Names()
    names.tables = _renamed_tables(draft, upgrade)
    if names.tables:
        upgrade.ops = compare_renamed(draft, names)[0].ops
    gone, fresh = _columns(upgrade, DropColumnOp), _columns(upgrade, AddColumnOp)
    for table in sorted({table for table, _ in gone}, key=str):
        _ask_columns(draft, names, table, (gone, fresh))
    if names.tables or names.columns:
        found, inspector = compare_renamed(draft, names)
        found.ops += named_by_convention(draft.context, inspector, names)
        upgrade.ops = [*_renames(draft, names, gone, fresh, found), *found.ops]


def _renamed_tables(draft: Draft, upgrade: OpContainer) -> dict[Key, str]:
    gone = [op.to_table() for op in upgrade.ops if isinstance(op, DropTableOp)]
    found = dict[Key, str]()
    if not gone:
        return found
    fresh = [op.to_table() for op in upgrade.ops if isinstance(op, CreateTableOp)]
    likeness = TableLikeness(gone, fresh, tables(draft.context), upgrade)
    for old in sorted(gone, key=lambda table: table.fullname):
        taken = draft.prompt.answers.targets("", except_for=old.fullname)
        taken |= set(found.values())
        news = [n for n in fresh if n.schema == old.schema and n.name not in taken]
        likely = [new.name for new in news if likeness.may_be(old, new)]
        question = _rename_question(
            (old.fullname, ""), [new.name for new in news], likely
        )
        if new := _reply(draft, question):
            found[old.schema, old.name] = new
    return found


def _ask_columns(
    draft: Draft, names: Names, table: Key, columns: tuple[Columns, Columns]
) -> None:
    gone, fresh = (
        {name: column for (at, name), column in some.items() if at == table}
        for some in columns
    )
    now, was = label(*table), label(table[0], names.old_table(*table))
    for old in gone.values():
        taken = {new for (at, _), new in names.columns.items() if at == table}
        for one in {now, was}:
            taken |= draft.prompt.answers.targets(one, except_for=f"{one}.{old.name}")
        news = [new for new in fresh.values() if new.name not in taken]
        possible = [new.name for new in news if convertible(old, new)]
        likely = [new.name for new in news if may_be(old, new)]
        question = _rename_question(
            (now, old.name), possible, likely, f"{was}.{old.name}"
        )
        if new := _reply(draft, question):
            names.columns[table, old.name] = new


def _reply(draft: Draft, question: Question) -> str | None:
    """Ask, if there is something to ask or somebody says it unasked."""
    said = draft.prompt.answers.says("rename", question.subject, question.alias)
    if not question.candidates and not said:
        return None
    reply = draft.prompt.ask(question)
    if reply is None:
        draft.unsettled |= {f"{question.table}.{new}" for new in question.candidates}
    return reply


def _rename_question(
    subject: tuple[str, str],
    possible: Sequence[str],
    likely: Sequence[str],
    alias: str = "",
) -> Question:
    table, column = subject
    what = f"{table}.{column}" if column else f"table {table}"
    text = f"What was {what} renamed to?"
    if len(likely) == 1:
        new = f"{table}.{likely[0]}" if column else likely[0]
        text = f"Was {what} renamed to {new}?"
    check = partial(_check_name, possible)
    return Question("rename", table, column or None, text, tuple(likely), check, alias)


def _check_name(possible: Sequence[str], name: str) -> None:
    if name not in possible:
        names = ", ".join(possible) or "nothing new"
        raise ValueError(f"it can have become {names}, not {name}.")


def _columns(
    container: OpContainer, of: type[AddColumnOp] | type[DropColumnOp]
) -> dict[tuple[Key, str], Column[object]]:
    """Return the columns that operations of a kind add or drop."""
    tables = [op for op in container.ops if isinstance(op, ModifyTableOps)]
    return {
        ((table.schema, table.table_name), op.to_column().name): op.to_column()
        for table in tables
        for op in table.ops
        if isinstance(op, of)
    }


def _renamed_key(draft: Draft, key: Key, new: str) -> Iterator[RenamePrimaryKey]:
    """Yield what gives a primary key the name that a new table's would have.

    Without a name in the models, in the database or in the revisions, since MariaDB
    keeps none, it is PostgreSQL's.
    """
    schema, old = key
    metadatas = tables(draft.context)
    table = next(it for it in metadatas if (it.schema, it.name) == (schema, new))
    found = sa_inspect(draft.context.connection).get_pk_constraint(old, schema)
    known = replayed(draft.context).objects.of((schema, new))
    declared = [
        it.constraint_name for it in known if isinstance(it, CreatePrimaryKeyOp)
    ]
    before = next(filter(None, [found["name"], *declared]), primary_key_of(old))
    after = table.primary_key.name
    name = str(after or primary_key_of(new))
    if found["constrained_columns"] and before != name:
        yield RenamePrimaryKey(new, before, name, schema)


def _renamed_sequences(draft: Draft, names: Names) -> Iterator[RenameSequenceOp]:
    """Yield what calls sequences as PostgreSQL would call those of a new table.

    One that a model names keeps its name.
    """
    was = {(key, new): old for (key, old), new in names.columns.items()}
    for table in tables(draft.context):
        old_table = names.old_table(table.schema, table.name)
        for column in filter(_counts, table.columns):
            old = was.get(((table.schema, table.name), column.name), column.name)
            before = sequence_of(old_table, old)
            after = sequence_of(table.name, column.name)
            if before != after:
                yield RenameSequenceOp(
                    table.name, column.name, before, after, schema=table.schema
                )


def _counts(column: Column[object]) -> bool:
    """Tell a column for which PostgreSQL makes a sequence by itself."""
    counts = isinstance(column.server_default, Identity)
    if column is column.table.autoincrement_column:
        sequence = column.default
        counts |= not isinstance(sequence, NamedSequence) or sequence.optional
    return counts


def _renames(
    draft: Draft, names: Names, gone: Columns, fresh: Columns, found: OpContainer
) -> Iterator[MigrateOperation]:
    """Yield the operations that rename, tables first."""
    for (schema, old), new in names.tables.items():
        yield RenameTable(old, new, schema=schema)
        yield from _renamed_key(draft, (schema, old), new)
    changed = {
        ((op.schema, op.table_name), op.column_name): op.existing_type
        for table in found.ops
        if isinstance(table, ModifyTableOps)
        for op in table.ops
        if isinstance(op, AlterColumnOp) and op.modify_type is not None
    }
    for (table, old), new in names.columns.items():
        same = existing(gone[table, old], fresh[table, new], changed.get((table, new)))
        schema, name = table
        yield RenameColumn(name, old, schema=schema, modify_name=new, **same)
    yield from _renamed_sequences(draft, names)
