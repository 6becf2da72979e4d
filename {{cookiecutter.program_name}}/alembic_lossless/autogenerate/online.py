"""The form of a draft that lets concurrent clients go on, and the cost of the other.

Each operation is committed by itself, in an `autocommit_block()`: then none waits with
a lock on a table for what comes after it. What the running version of the app would not
survive is written as two scripts, in phases: one before the deployment, one after it.
"""

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from textwrap import dedent
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import render_python_code
from alembic.operations import MigrateOperation, ops
from alembic.util import CommandError, rev_id

from .._alembic import to_be_rendered
from ..lint.postgresql import STABLE
from ..lint.rules import Growth, Harm, Server, Situation, examine, growth, version_of
from ..operations.backfill import backfill
from ..operations.base import AutocommitBlock, Key, LosslessOp, altering, called, label
from ..operations.columns import alter_type_concurrently, begin_dual_write
from ..operations.constraints import (
    create_unique_constraint_concurrently,
    index_partitions,
    set_not_null,
    validate_constraint,
)
from ..operations.guards import GUARDS
from ..operations.objects import (
    begin_table_rename,
    drop_domain,
    end_table_rename,
    rename_sequence,
)
from ..project import production_server
from ..rules import AFTER, BEFORE, LOCKS, rule
from ..sql import functions_in
from ..state import GENERATORS
from ..types.conversion import is_native, keeps_all
from ..types.portable import dialect_named, kind_of
from ..types.values import texts_of
from .aside import allow_null
from .draft import (
    Draft,
    FillNulls,
    Note,
    RenameColumn,
    RenameTable,
    change_of,
    key_of,
    of_kind,
    operations_in,
)
from .guards import added_with, gives_itself
from .render import render_item, written

VALIDATED = (ops.CreateForeignKeyOp, ops.CreateCheckConstraintOp)

CONCURRENT = (ops.CreateIndexOp, ops.DropIndexOp)

IN_ONE_PIECE = (*CONCURRENT, ops.CreateForeignKeyOp, ops.CreateUniqueConstraintOp)
"""What has another online form, or none, on a table with partitions."""

StandsAlone = Callable[[ops.AlterColumnOp], bool]

POSTGRESQL = Server.oldest("postgresql")
"""What is an instant there is left as it is: MariaDB refuses what it cannot do."""


def make_online(draft: Draft, container: ops.OpContainer) -> None:
    """Give each change of a table in use its online form."""
    made = {key_of(op) for op in of_kind(ops.CreateTableOp, container.ops)}
    before, inside = list[MigrateOperation](), list[MigrateOperation]()
    for op in container.ops:
        if isinstance(op, ops.ModifyTableOps) and key_of(op) not in made:
            partitioned = draft.state.is_partitioned(*key_of(op))
            stands_alone = partial(_stands_alone, draft)
            inside += online(op, stands_alone, partitioned=partitioned)
        elif isinstance(op, FillNulls):
            inside.append(_in_batches(op))
        elif called(op, *GUARDS) or (isinstance(op, Note) and not inside):
            before.append(op)
        else:
            inside.append(op)
    new = (ops.CreateTableOp, Note)
    alone = all(isinstance(op, new) or _is_of(op, made) for op in inside)
    container.ops = [*before, *(inside if alone else [AutocommitBlock(inside)])]


def _is_of(op: MigrateOperation, made: set[Key]) -> bool:
    return isinstance(op, ops.ModifyTableOps) and key_of(op) in made


def _key(op: ops.ModifyTableOps) -> Key:
    return op.schema, op.table_name


def leave_fills(after: ops.UpgradeOps) -> list[MigrateOperation]:
    """Take the fills out of what waits for the deployment; return them, left for later.

    The revision that had them forbids NULL, and waits until each row has its value.
    """
    fills = [*of_kind(FillNulls, after.ops)]
    after.ops = [op for op in after.ops if op not in fills]
    return [_in_batches(op, later=True) for op in fills]


def _in_batches(op: FillNulls, *, later: bool = False) -> LosslessOp:
    schema, table = op.table
    options = {"later": True} if later else {}
    return backfill(table, op.column, op.value, schema=schema, **options)


def online(
    change: ops.ModifyTableOps, stands_alone: StandsAlone, *, partitioned: bool
) -> Iterator[MigrateOperation]:
    """Give the change of a table in parts, those in a batch and those that are not.

    :param stands_alone: tells whether a column can be copied to take another type.
    :param partitioned: whether the table has partitions.
    """
    batch: list[MigrateOperation] = []
    for op in change.ops:
        if partitioned and isinstance(op, IN_ONE_PIECE):
            inside, after = _partitioned(op)
        else:
            inside, after = _parts(change, op, stands_alone)
        batch += inside
        if after:
            yield from _batch(change, batch)
            yield from after
            batch = []
    yield from _batch(change, batch)


def _batch(
    change: ops.ModifyTableOps, inside: list[MigrateOperation]
) -> Iterator[MigrateOperation]:
    if all(isinstance(op, Note) for op in inside):
        yield from inside  # a block of comments alone is no Python
    else:
        yield change_of(change, inside)


Parts = tuple[list[MigrateOperation], list[MigrateOperation]]


def _partitioned(op: MigrateOperation) -> Parts:
    """Return what an operation is in the batch of a table with partitions, and after.

    PostgreSQL has neither CONCURRENTLY nor, for a foreign key, NOT VALID there.
    """
    if not isinstance(op, ops.CreateIndexOp):
        return [op], []
    options = {it: value for it, value in op.kw.items() if it.startswith("postgresql_")}
    columns = [it.name if isinstance(it, sa.Column) else it for it in op.columns]
    if any(isinstance(it, sa.ClauseElement) for it in [*columns, *options.values()]):
        return [op], []  # what it speaks of would have to be each partition's
    options |= {"unique": True} if op.unique else {}
    words: list[Any] = [str(op.index_name), str(op.table_name), columns]
    return [], [index_partitions(*words, schema=op.schema, **options), op]


def _parts(
    change: ops.ModifyTableOps, op: MigrateOperation, stands_alone: StandsAlone
) -> Parts:
    """Return what an operation is in the batch of its table, and after it."""
    table, schema = change.table_name, change.schema
    if isinstance(op, CONCURRENT):
        return [_with(op, postgresql_concurrently=True)], []
    if isinstance(op, VALIDATED):
        name = str(op.constraint_name)
        validate = validate_constraint(name, table, schema=schema)
        return [_with(op, postgresql_not_valid=True)], [validate]
    if isinstance(op, ops.CreateUniqueConstraintOp):
        name, columns = str(op.constraint_name), list(op.columns)
        make = create_unique_constraint_concurrently
        return [], [make(name, table, columns, schema=schema, **op.kw)]
    if isinstance(op, ops.AlterColumnOp):
        return _altered(op, stands_alone)
    return [op], []


def _with(op: Any, **more: Any) -> Any:
    """Return an operation with more of its server's arguments."""
    changed = copy(op)
    changed.kw = {**op.kw, **more}
    return changed


def _altered(op: ops.AlterColumnOp, stands_alone: StandsAlone) -> Parts:
    """Take NOT NULL, and a type for which rows are rewritten, out of an operation."""
    rest, after = copy(op), list[MigrateOperation]()
    where = (op.table_name, op.column_name)
    if _rewrites(op) and stands_alone(op):
        new: Any = op.modify_type
        known = _existing(op, "type", "nullable", "server_default", "comment")
        using = op.kw.get("postgresql_using")
        more = known | ({"postgresql_using": using} if using else {})
        retype = alter_type_concurrently(*where, new, schema=op.schema, **more)
        after.append(retype)
        rest.existing_type, rest.modify_type, rest.kw = op.modify_type, None, {}
    if op.modify_nullable is False:
        known = _existing(op, "type", "server_default", "comment")
        if op.modify_type is not None:
            known["existing_type"] = op.modify_type
        after.append(set_not_null(*where, schema=op.schema, **known))
        rest.modify_nullable = None
    return ([rest] if rest.has_changes() else []), after


def _existing(op: ops.AlterColumnOp, *what: str) -> dict[str, Any]:
    """Return what a column is, as far as it is not what it would be anyway."""
    found = {f"existing_{one}": getattr(op, f"existing_{one}") for one in what}
    return {
        name: value for name, value in found.items() if value not in (None, False)
    } | (
        {"existing_nullable": False} if found.get("existing_nullable") is False else {}
    )


def _rewrites(op: ops.AlterColumnOp) -> bool:
    if op.modify_type is None or op.modify_name is not None:
        return False
    using = op.kw.get("postgresql_using", "")
    how = growth(op.existing_type, op.modify_type, POSTGRESQL, using)
    return how is not Growth.INSTANT


def _stands_alone(draft: Draft, op: ops.AlterColumnOp) -> bool:
    """Tell whether no key, index or CHECK uses a column, nor did one before."""
    column = draft.models.get(key_of(op), {}).get(op.column_name)
    known = draft.state.column(op.schema, op.table_name, op.column_name)
    every = [it for it in (column, known) if it is not None]
    return column is not None and not any(map(is_used, every))


def safe_form(operation: MigrateOperation, *, partitioned: bool = False) -> str:
    """Return the online form of an operation as code, or nothing where there is none.

    :param operation: one of a revision, outside of a draft.
    :param partitioned: whether its table has partitions.
    """
    schema = getattr(operation, "schema", None)
    table = getattr(operation, "table_name", "")
    if isinstance(operation, ops.CreateForeignKeyOp):
        schema, table = operation.kw.get("source_schema"), operation.source_table
    change = ops.ModifyTableOps(table, [operation], schema=schema)
    parts = [*online(change, lambda _change: True, partitioned=partitioned)]
    block = AutocommitBlock(parts)
    if [*operations_in(block)] == [operation]:
        return ""
    script = ops.UpgradeOps([block])
    written(script)
    code = render_python_code(script, render_item=render_item)
    lines = (it for it in code.splitlines() if it and not it.lstrip().startswith("#"))
    return dedent("\n".join(lines))


def is_used(column: sa.Column[Any]) -> bool:
    """Tell whether a key, an index or a CHECK uses a column.

    What a foreign key refers to has a key or a unique index.
    """
    every = (*column.table.indexes, *column.table.constraints)
    return any(column in {*getattr(it, "columns", ())} for it in every)


class Rename:
    """A column that has two names, and is two columns, while two versions run."""

    def __init__(self, op: RenameColumn) -> None:
        """Take the rename that stands for all of it."""
        self._op = op
        # A column that may be NULL has NULL that was given, beside its default.
        known: Any = op.existing_server_default
        is_kept = op.existing_nullable is not False and isinstance(
            known, sa.DefaultClause
        )
        self._default: sa.DefaultClause | None = known if is_kept else None

    def _step(self, fills: str) -> LosslessOp:
        """Return what begins to write both names."""
        op = self._op
        names = op.table_name, op.column_name, str(op.modify_name)
        if self._default is None:
            return begin_dual_write(*names, schema=op.schema)
        default = self._default
        return begin_dual_write(*names, default=default, fills=fills, schema=op.schema)

    def before(self) -> list[MigrateOperation]:
        """Return what lets the new version use its name."""
        new = str(self._op.modify_name)
        return [self._table(self._add(new)), self._step(new)]

    def after(self) -> list[MigrateOperation]:
        """Return what makes one column of the two, once the old version is gone."""
        new = self._complete(str(self._op.modify_name))
        drop = self._add(self._op.column_name).reverse()
        # The new version does not know the old name, and could not give it a value.
        end = self._step("").reverse()
        return [*new, *self._allow_null(), end, self._table(drop)]

    def undo_after(self) -> list[MigrateOperation]:
        """Return what gives the old version its name back."""
        old = self._op.column_name
        return [self._table(self._add(old)), self._step(old), *self._complete(old)]

    def undo_before(self) -> list[MigrateOperation]:
        """Return what leaves the old name alone."""
        drop = self._add(str(self._op.modify_name)).reverse()
        return [self._step("").reverse(), self._table(drop)]

    def _add(self, name: str) -> ops.AddColumnOp:
        op = self._op
        column: sa.Column[Any] = sa.Column(
            name,
            op.existing_type,
            comment=op.existing_comment or None,
            server_default=self._default,
        )
        return ops.AddColumnOp(op.table_name, column, schema=op.schema)

    def _complete(self, name: str) -> list[MigrateOperation]:
        """Return what forbids NULL, and gives the default, if the column had that."""
        op = self._op
        change = altering(
            op,
            name,
            existing_type=op.existing_type,
            existing_nullable=True,
            existing_comment=op.existing_comment,
            modify_nullable=False if op.existing_nullable is False else None,
            modify_server_default=op.existing_server_default or False,
        )
        return [self._table(change)] if change.has_changes() else []

    def _allow_null(self) -> list[MigrateOperation]:
        op = self._op
        if op.existing_nullable is not False:
            return []
        change = altering(
            op,
            op.column_name,
            existing_type=op.existing_type,
            existing_nullable=False,
            existing_comment=op.existing_comment,
            existing_server_default=op.existing_server_default,
            modify_nullable=True,
        )
        return [self._table(change)]

    def _table(self, *changes: MigrateOperation) -> ops.ModifyTableOps:
        op = self._op
        return change_of(op, list(changes))


def is_dual_written(draft: Draft, upgrade: ops.UpgradeOps, op: RenameColumn) -> bool:
    """Tell whether a column can have two names for a while.

    Where a key or an index uses it, something generates its values, or more than its
    name changes, it is renamed after the deployment: the lint says whom that breaks.
    """
    models = draft.models.get(key_of(op), {})
    column = models.get(str(op.modify_name))
    if column is None or isinstance(column.server_default, GENERATORS):
        return False
    if op.existing_nullable is not False and not _is_one(op.existing_server_default):
        return False
    return not (is_used(column) or _is_changed(upgrade, op))


def _is_one(default: Any) -> bool:
    """Tell whether a default is the same wherever a statement asks for it, or none."""
    if not isinstance(default, sa.DefaultClause) or isinstance(default.arg, str):
        return True
    called = {
        name.lower()
        for dialect, text in texts_of(default.arg).items()
        for name in functions_in(text, dialect_named(dialect))
    }
    return called <= STABLE


def _is_changed(upgrade: ops.UpgradeOps, rename: RenameColumn) -> bool:
    """Tell whether more than its name changes of a column."""
    names = {rename.column_name, rename.modify_name}
    return any(
        getattr(op, name, None) in names
        for op in operations_in(upgrade)
        if op is not rename and getattr(op, "table_name", None) == rename.table_name
        for name in ("column_name", "modify_name")
    )


@rule("locks", "mark", "`# LOCKS:` stands where others wait for more than an instant.")
def note_costs(draft: Draft, container: ops.OpContainer) -> None:
    """Write a comment before each operation that makes others of a server wait."""
    dialect, runs_on = draft.context.dialect, draft.context.opts["runs_on"]
    name = production_server(kind_of(dialect), runs_on)
    here = version_of(dialect) if name == kind_of(dialect) else ()
    server = Server.oldest(name, here, runs_on.get(name, ()))
    _note(container, Situation(server, draft.state))


def _note(container: ops.OpContainer, situation: Situation) -> None:
    found: list[MigrateOperation] = []
    for op in container.ops:
        if isinstance(op, AutocommitBlock):
            situation.autocommit = True
            _note(op, situation)
            situation.autocommit = False
        else:
            found += [Note(LOCKS, sentence) for sentence in _costs(op, situation)]
        found.append(op)
    container.ops = found


def _costs(op: MigrateOperation, situation: Situation) -> list[str]:
    """Return what an operation costs, or those in the batch of a table."""
    every = op.ops if isinstance(op, ops.ModifyTableOps) else [op]
    sentences = []
    for one in every:
        findings = examine(one, situation)
        sentences += [f.sentence for f in findings if f.harm is Harm.STALLS]
        situation.after(one)
    return sentences


Directions = tuple[ops.UpgradeOps, ops.DowngradeOps]
"""What a revision does to one database, and how it is undone."""


def declare_phases(scripts: list[ops.MigrationScript], after: list[Directions]) -> None:
    """Let each script say its phase, and make one of what waits for the deployment.

    :param scripts: one, as Alembic made it, which becomes none, one or two.
    :param after: what waits, for each database.
    """
    (script,) = scripts
    waits = any(not upgrade.is_empty() for upgrade, _ in after)
    if all(upgrade.is_empty() for upgrade in script.upgrade_ops_list):
        if not waits:
            scripts.clear()
            return
        for mine, (upgrade, downgrade) in zip(_pairs(script), after, strict=True):
            mine[0].ops, mine[1].ops = upgrade.ops, downgrade.ops
        _declared(script, AFTER)
        return
    if waits:
        scripts.append(_declared(_second(script, after), AFTER))
    if waits or _is_online(script):
        _declared(script, BEFORE)


def _pairs(script: ops.MigrationScript) -> Iterable[Directions]:
    return zip(script.upgrade_ops_list, script.downgrade_ops_list, strict=True)


def _is_online(script: ops.MigrationScript) -> bool:
    every = (op for upgrade in script.upgrade_ops_list for op in upgrade.ops)
    return any(isinstance(op, AutocommitBlock) for op in every)


def _declared(script: ops.MigrationScript, phase: str) -> ops.MigrationScript:
    """Let a script declare its phase.

    What a script imports is the only part of every script.py.mako that is free text.
    """
    script.imports = {
        *script.imports,
        f'phase = "{phase}"  # the deployment of the code',
    }
    return script


def _second(
    script: ops.MigrationScript, after: list[Directions]
) -> ops.MigrationScript:
    upgrades, downgrades = zip(*after, strict=True)
    script.rev_id = script.rev_id or rev_id()
    second = ops.MigrationScript(
        _later(script.rev_id),
        # It takes lists as well: a script has a part for each database.
        upgrade_ops=list(upgrades),  # type: ignore[arg-type]
        downgrade_ops=list(downgrades),  # type: ignore[arg-type]
        message=f"{script.message or 'draft'} after the deployment",
        imports=set(),
        head=script.rev_id,
        version_path=script.version_path,
    )
    return to_be_rendered(second)


def _later(first: str) -> str:
    """Return an identifier that sorts after another, as the files then do as well.

    A file's name has the time before the identifier, and the two share the second.
    """
    tried = (rev_id() for _ in range(1000))
    return next((new for new in tried if new > first), rev_id())


InPhases = tuple[list[MigrateOperation], list[MigrateOperation]]
"""What of an operation comes before the deployment, and what after it."""


@dataclass
class Phases:
    """An upgrade in two, and what each has beside what Alembic compares."""

    before: ops.UpgradeOps
    after: ops.UpgradeOps
    renames: list[Rename] = field(default_factory=list)
    tables: list[RenameTable] = field(default_factory=list)

    def late_names(self) -> set[str]:
        """Return the names that columns have after the deployment only."""
        renames = of_kind(RenameColumn, self.after.ops)
        return {str(op.modify_name).lower() for op in renames}

    def add_views(self, draft: Draft, before: Directions, after: Directions) -> None:
        """Let renamed tables have two names until the old version is gone.

        The view is dropped first: it uses the columns.
        """
        for op in self.tables:
            _refuse_behind_view(draft, op, before[0])
            names = op.table_name, op.new_table_name
            at = before[0].ops.index(op)
            before[0].ops[at] = begin_table_rename(*names, schema=op.schema)
            end = end_table_rename(*names, schema=op.schema)
            before[1].ops.insert(_looks(before[1]), end)
            after[0].ops.insert(0, end)
            after[1].ops.append(end.reverse())

    def add_renames(self, before: Directions, after: Directions) -> None:
        """Let columns with two names be added last and dropped first."""
        for rename in self.renames:
            before[0].ops += rename.before()
            after[1].ops += rename.undo_after()
            after[0].ops[:0] = rename.after()
            at = _looks(before[1])
            before[1].ops[at:at] = rename.undo_before()


def split(draft: Draft, upgrade: ops.UpgradeOps) -> Phases:
    """Return the upgrade in two: before the deployment and after it."""
    made = {key_of(op) for op in of_kind(ops.CreateTableOp, upgrade.ops)}
    renames = of_kind(RenameColumn, upgrade.ops)
    renamed = {(key_of(op), op.modify_name) for op in renames}
    phases, late = Phases(_like(upgrade), _like(upgrade)), set[tuple[Key, str]]()
    for op in upgrade.ops:
        if called(op, rename_sequence):
            is_late = (key_of(op), op.column_name) in renamed
            (phases.after if is_late else phases.before).ops.append(op)
            continue
        if isinstance(op, RenameTable):
            phases.tables.append(op)
        if isinstance(op, RenameColumn) and is_dual_written(draft, upgrade, op):
            phases.renames.append(Rename(op))
            continue
        if isinstance(op, RenameColumn):
            late.add((key_of(op), str(op.modify_name)))
        first, last = _of_whole(draft, op, made, late)
        phases.before.ops += first
        phases.after.ops += last
    return phases


@rule("two-names", "refusal", "A renamed table cannot have two names for a while.")
def _refuse_behind_view(
    draft: Draft, rename: RenameTable, before: ops.UpgradeOps
) -> None:
    """Refuse to rename a table whose old name cannot be a view until the deployment.

    :raises CommandError: where the name is taken, or a column of the view changes.
    """
    key = key_of(rename)
    changed = [
        op.column_name
        for op in operations_in(before)
        if isinstance(op, ops.AlterColumnOp)
        and key_of(op) == (rename.schema, rename.new_table_name)
        and op.modify_type is not None
        and not is_native(op.modify_type)  # what comes to it is added to its type
    ]
    is_taken = key in draft.models
    if not (is_taken or changed):
        return
    why = "another table gets its name"
    if changed:
        why = f"no column of a view can get another type ({', '.join(changed)})"
    old, new = label(*key), label(rename.schema, rename.new_table_name)
    raise CommandError(
        f"{old} is renamed to {new}, which the running version calls {old}: until the"
        f" deployment that would be a view, and {why}. Let the models rename it alone"
        " and draft that, then the rest; or draft it for a quiet hour: -x live=no"
    )


def _looks(container: ops.OpContainer) -> int:
    """Return how many operations only look at rows: MariaDB takes nothing back."""
    looks = takewhile(
        lambda op: isinstance(op, Note) or called(op, *GUARDS), container.ops
    )
    return len([*looks])


def _like(upgrade: ops.UpgradeOps) -> ops.UpgradeOps:
    return ops.UpgradeOps([], upgrade_token=upgrade.upgrade_token)


def _of_whole(
    draft: Draft, op: MigrateOperation, made: set[Key], late: set[tuple[Key, str]]
) -> InPhases:
    """Return the parts of an operation.

    :param made: the tables that are new.
    :param late: the columns that have their names after the deployment only.
    """
    if isinstance(op, ops.DropTableOp | RenameColumn) or called(op, drop_domain):
        return [], [op]
    if not isinstance(op, ops.ModifyTableOps) or key_of(op) in made:
        return [op], []
    fresh = {one.column.name for one in of_kind(ops.AddColumnOp, op.ops)}
    parts: InPhases = [], []
    for one in op.ops:
        is_late = any((key_of(op), it) in late for it in _columns(one))
        both = ([], [one]) if is_late else _of_table(draft, one, fresh)
        for found, more in zip(parts, both, strict=True):
            found.extend(more)
    first, last = ([change_of(op, part)] if part else [] for part in parts)
    return list(first), list(last)


def _of_table(draft: Draft, op: MigrateOperation, fresh: set[str]) -> InPhases:
    """Return the parts of what happens to one table."""
    if isinstance(op, ops.AddColumnOp):
        return _added(draft, op)
    if isinstance(op, ops.DropColumnOp):
        return _dropped(draft, op)
    if isinstance(op, ops.AlterColumnOp):
        return _altered_in_phases(op)
    is_unique = isinstance(op, ops.CreateIndexOp) and op.unique
    if isinstance(op, ops.AddConstraintOp) or is_unique:
        # What the running version does not know it cannot violate.
        return ([op], []) if set(_columns(op)) <= fresh else ([], [op])
    if isinstance(op, ops.DropIndexOp) and not op.to_index().unique:
        return [], [op]
    return [op], []


def _columns(op: MigrateOperation) -> Iterable[str]:
    if isinstance(op, ops.AlterColumnOp):
        return [op.column_name]
    if isinstance(op, ops.CreateIndexOp | ops.DropIndexOp):
        return [column.name for column in op.to_index().columns]
    if isinstance(op, ops.DropConstraintOp):
        return [it.name for it in getattr(op.to_constraint(), "columns", ())]
    if isinstance(op, ops.CreateForeignKeyOp):
        return list(op.local_cols)
    if isinstance(op, ops.CreateUniqueConstraintOp):
        return list(op.columns)
    return [""]


def _added(draft: Draft, op: ops.AddColumnOp) -> InPhases:
    """Give a column that must not be empty a default until the old version is gone."""
    column = op.column
    value = draft.fills.get((key_of(op), column.name))
    if gives_itself(column) or value is None:
        return [op], []
    with_default, without = added_with(op, value)
    given: Any = with_default.column.server_default
    without.existing_server_default = given
    return [with_default], [without]


def _dropped(draft: Draft, op: ops.DropColumnOp) -> InPhases:
    """Let a column be empty as soon as the new version no longer writes it."""
    column = op.to_column()
    if column.nullable or column.server_default is not None or column.primary_key:
        return [], [op]
    allow, drop = allow_null(draft, op)
    return [allow], [drop]


Facet = tuple[str, object, Callable[[ops.AlterColumnOp], bool]]

FACETS: tuple[Facet, ...] = (
    (
        "type",
        None,
        lambda op: (
            op.modify_type is None
            or op.existing_type is None
            or keeps_all(op.existing_type, op.modify_type)
        ),
    ),
    ("nullable", None, lambda op: bool(op.modify_nullable)),
    ("server_default", False, lambda op: op.modify_server_default is not None),
    ("comment", False, lambda _op: True),
)
"""What an operation changes of a column, the value that says that it does not, and
whether the running version survives it."""


def _altered_in_phases(op: ops.AlterColumnOp) -> InPhases:
    """Take apart what an operation changes of a column."""
    first, last = copy(op), copy(op)
    first.kw, last.kw = dict(op.kw), dict(op.kw)
    for what, unchanged, is_survived in FACETS:
        modify, existing = f"modify_{what}", f"existing_{what}"
        change = getattr(op, modify)
        if change is unchanged:
            continue
        if is_survived(op):
            setattr(last, modify, unchanged)
            setattr(last, existing, change)
        else:
            setattr(first, modify, unchanged)
    parts = ([part] if part.has_changes() else [] for part in (first, last))
    before, after = (list[MigrateOperation](part) for part in parts)
    return before, after
