"""The scripts of a draft in two phases: each says its own, and they follow."""

from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass, field
from itertools import takewhile

from alembic.operations import MigrateOperation, ops
from alembic.util import CommandError, rev_id

from .._alembic import to_be_rendered
from ..operations.base import AutocommitBlock, Key, called, label
from ..operations.domains import drop_domain
from ..operations.guards import GUARDS
from ..operations.keys import rename_sequence
from ..operations.views import begin_table_rename, end_table_rename
from ..rules import AFTER, BEFORE, rule
from ..types.conversion import is_native, keeps_all
from .aside import allow_null
from .draft import Draft, Note, RenameColumn, RenameTable, operations_in
from .guards import gives_itself, like
from .online import Rename, is_dual_written

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


Parts = tuple[list[MigrateOperation], list[MigrateOperation]]
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
        ops_ = (op for op in self.after.ops if isinstance(op, RenameColumn))
        return {str(op.modify_name).lower() for op in ops_}

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
    made = {
        (op.schema, op.table_name)
        for op in upgrade.ops
        if isinstance(op, ops.CreateTableOp)
    }
    renamed = {
        (op.schema, op.table_name, op.modify_name)
        for op in upgrade.ops
        if isinstance(op, RenameColumn)
    }
    phases, late = Phases(_like(upgrade), _like(upgrade)), set[tuple[Key, str]]()
    for op in upgrade.ops:
        if called(op, rename_sequence):
            column = (op.schema, op.table_name, op.column_name)
            (phases.after if column in renamed else phases.before).ops.append(op)
            continue
        if isinstance(op, RenameTable):
            phases.tables.append(op)
        if isinstance(op, RenameColumn) and is_dual_written(draft, upgrade, op):
            phases.renames.append(Rename(op))
            continue
        if isinstance(op, RenameColumn):
            late.add(((op.schema, op.table_name), str(op.modify_name)))
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
    key = rename.schema, rename.table_name
    changed = [
        op.column_name
        for op in operations_in(before)
        if isinstance(op, ops.AlterColumnOp)
        and (op.schema, op.table_name) == (rename.schema, rename.new_table_name)
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
) -> Parts:
    """Return the parts of an operation.

    :param made: the tables that are new.
    :param late: the columns that have their names after the deployment only.
    """
    if isinstance(op, ops.DropTableOp | RenameColumn) or called(op, drop_domain):
        return [], [op]
    if not isinstance(op, ops.ModifyTableOps) or (op.schema, op.table_name) in made:
        return [op], []
    fresh = {one.column.name for one in op.ops if isinstance(one, ops.AddColumnOp)}
    parts: Parts = [], []
    for one in op.ops:
        is_late = any(((op.schema, op.table_name), it) in late for it in _columns(one))
        both = ([], [one]) if is_late else _of_table(draft, one, fresh)
        for found, more in zip(parts, both, strict=True):
            found.extend(more)
    first, last = (
        [ops.ModifyTableOps(op.table_name, part, schema=op.schema)] if part else []
        for part in parts
    )
    return list(first), list(last)


def _of_table(draft: Draft, op: MigrateOperation, fresh: set[str]) -> Parts:
    """Return the parts of what happens to one table."""
    if isinstance(op, ops.AddColumnOp):
        return _added(draft, op)
    if isinstance(op, ops.DropColumnOp):
        return _dropped(draft, op)
    if isinstance(op, ops.AlterColumnOp):
        return _altered(op)
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


def _added(draft: Draft, op: ops.AddColumnOp) -> Parts:
    """Give a column that must not be empty a default until the old version is gone."""
    column = op.column
    value = draft.fills.get(((op.schema, op.table_name), column.name))
    if gives_itself(column) or value is None:
        return [op], []
    with_default = like(column, server_default=value.clause())
    without = ops.AlterColumnOp(
        op.table_name,
        column.name,
        schema=op.schema,
        existing_type=column.type,
        existing_nullable=False,
        existing_comment=column.comment,
        existing_server_default=with_default.server_default,
        modify_server_default=None,
    )
    return [ops.AddColumnOp(op.table_name, with_default, schema=op.schema)], [without]


def _dropped(draft: Draft, op: ops.DropColumnOp) -> Parts:
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


def _altered(op: ops.AlterColumnOp) -> Parts:
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
