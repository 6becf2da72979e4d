"""Unmanaged objects, which neither models nor revisions declare: ignored, and named.

An answer, `-x drop=…`, makes one part of a draft; other databases may have none.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, ops
from alembic.runtime.migration import MigrationContext
from alembic.util import PriorityDispatchResult
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.sql.elements import conv

from .._alembic import CREATE_TABLE_AS, is_made_by_type, maker_of
from ..operations.aside import kept
from ..operations.base import Key, label
from ..prompts import Prompt
from ..replay import replayed
from ..rules import REVIEW, rule
from ..runtime.applied import is_own
from ..state import (
    Create,
    State,
    created_by,
    drop_of,
    is_same_key,
    name_for,
    name_of,
    objects_of,
    others_of,
)
from ..types.portable import MYSQL
from ..types.reflection import is_check_of_type
from .draft import (
    Draft,
    Note,
    RenameColumn,
    RenameTable,
    change_of,
    key_of,
    metadatas,
    named_as_made,
    tables,
)

log = logging.getLogger("alembic.review")

WORDS = {
    "index": "index",
    "unique_constraint": "unique constraint",
    "foreign_key_constraint": "foreign key",
    "check_constraint": "CHECK",
    "exclude_constraint": "EXCLUDE",
    "primary_key_constraint": "primary key",
}
"""What `include_object` hears of -> what it is called."""

FOUND_BY_NAME = (
    ops.CreateIndexOp,
    ops.CreateUniqueConstraintOp,
    ops.CreateForeignKeyOp,
)
"""What makes something that has its name to itself, whatever its table is called."""

SHOWN = 10
"""How many of the unmanaged objects are named."""

OF_EXTENSIONS = sa.text(
    "SELECT nspname, relname FROM pg_depend"
    " JOIN pg_class ON classid = 'pg_class'::regclass AND objid = pg_class.oid"
    " JOIN pg_namespace ON relnamespace = pg_namespace.oid"
    " WHERE deptype = 'e'"
)
"""The tables that PostgreSQL's extensions brought, as PostGIS does."""

PARTITIONS = sa.text(
    "SELECT nspname, relname FROM pg_class"
    " JOIN pg_namespace ON relnamespace = pg_namespace.oid WHERE relispartition"
)
"""The tables that are partitions of others."""


class Unmanaged:
    """What a comparison looks at in the database that Alembic is configured for.

    Alembic asks `include_name` of schemas, tables and columns before it reads them, and
    `include_object` of indexes and constraints, some of which MariaDB makes by itself.
    """

    def __init__(self, prompt: Callable[[], Prompt]) -> None:
        """Begin with no unmanaged object.

        :param prompt: returns where answers are: `-x drop=…` makes a thing ours.
        """
        self._prompt = prompt
        self.left: dict[str, str] = {}
        """The unmanaged objects, as an answer names one -> what it is."""
        self.adopted: dict[str, str] = {}
        """Likewise what an answer made ours, though no revision made it."""
        self.doubtful: set[str] = set()
        """What a revision that cannot be read may have made, as an answer names it."""

    def include_name(
        self, name: str | None, kind: str, parents: Mapping[str, str | None]
    ) -> bool:
        """Tell whether a schema, a table or a column is ours."""
        schema = parents.get("schema_name")
        if kind == "schema":
            return name is None or name in self.schemas()
        if self._is_the_librarys(name, kind, parents):
            return False
        if kind == "table":
            key = schema, str(name)
            if key in self._filled or self._declares(*key):
                return key not in self._filled
            subject = label(*key)
            of_others = key in self.extensions or key in self._partitions
            return not of_others and self._may_be_ours("table", subject)
        if kind == "column":
            key = schema, str(parents["table_name"])
            subject = f"{label(*key)}.{name}"
            return self._declares(*key, name) or self._may_be_ours("column", subject)
        return True

    def _is_the_librarys(
        self, name: str | None, kind: str, parents: Mapping[str, str | None]
    ) -> bool:
        """Tell what the library set aside, and where it remembers what ran."""
        options = context.get_context().opts
        place = parents.get("schema_name"), str(name)
        if kind == "table" and is_own(place, options):
            return True
        return bool(kept(name)) and not self._is_modelled(name, kind, parents)

    def _is_modelled(
        self, name: str | None, kind: str, parents: Mapping[str, str | None]
    ) -> bool:
        """Tell whether the models declare a table or a column."""
        table = parents.get("table_name") if kind == "column" else name
        found = self._models.get((parents.get("schema_name"), str(table)), {})
        return bool(found) if kind == "table" else name in found

    def include_object(
        self,
        item: Any,
        name: str | None,
        kind: str,
        reflected: bool,  # noqa: FBT001  the signature is Alembic's
        model: Any,
    ) -> bool:
        """Tell whether an index or a constraint that no model has is ours.

        An index that MariaDB made for a foreign key, and kept without it, does no harm,
        and the other databases have none that a script could drop.
        """
        if kind not in WORDS or not reflected or model is not None:
            return True
        names = replayed(context.get_context()).names
        if kind == "index" and name in names(ops.CreateForeignKeyOp):
            return False
        return self.is_ours(item) or self.is_wanted(WORDS[kind], self.subject(item))

    def is_ours(self, item: Any) -> bool:
        """Tell whether the models or a revision declare an index or a constraint.

        A name is enough; without one, or where the server made up another, it is what
        it holds.
        """
        key = item.table.schema, item.table.name
        if not self._declares(*key):
            return True  # it is dropped with its table
        database = context.get_context()
        known, model = replayed(database), self._tables.get(key)
        if item.name and _is_name_of(known, key, str(item.name)):
            return True
        declared = [*known.objects(*key).values(), *known.others(*key)]
        if model is not None:
            declared += [*objects_of(model).values(), *others_of(model)]
        dialect = database.dialect
        return any(_is_made_by(item, op, dialect) for op in declared)

    @staticmethod
    def subject(item: Any) -> str:
        """Return an index or a constraint as an answer names it."""
        table = item.table
        name = item.name or name_for(item)
        return f"{label(table.schema, table.name)}.{name}"

    def say(self) -> None:
        """Say in one line what is unmanaged."""
        if not self.left:
            return
        subjects = sorted(self.left)
        names = ", ".join(f"{self.left[it]} {it}" for it in subjects[:SHOWN])
        more = len(subjects) - SHOWN
        log.info(
            "Left alone, for neither the models nor a revision%s declare it: %s."
            " To drop it: -x drop=%s",
            " that can be read" if self.doubtful else "",
            f"{names} and {more} more" if more > 0 else names,
            subjects[0],
        )

    def leave_doubtful(self, upgrade: ops.OpContainer) -> None:
        """Drop nothing of others that was compared because it may have been renamed."""
        kept = list[MigrateOperation]()
        for op in upgrade.ops:
            if isinstance(op, ops.DropTableOp | ops.ModifyTableOps):
                subject = label(op.schema, op.table_name)
                if subject in self.doubtful:
                    continue
                if isinstance(op, ops.ModifyTableOps):
                    op.ops = [it for it in op.ops if not self._is_doubtful(subject, it)]
            kept.append(op)
        upgrade.ops = kept

    def _is_doubtful(self, table: str, op: MigrateOperation) -> bool:
        name = op.column_name if isinstance(op, ops.DropColumnOp) else ""
        return f"{table}.{name}" in self.doubtful

    def is_wanted(self, kind: str, subject: str) -> bool:
        """Tell whether an answer speaks of it; otherwise it is ignored."""
        prompt = self._prompt()
        if prompt.confirms_drop(subject) or prompt.answers.says("rename", subject):
            self.adopted[subject] = kind
            return True
        self.left[subject] = kind
        return False

    def _may_be_ours(self, kind: str, subject: str) -> bool:
        """Tell whether what nothing declares is compared.

        It is when an answer or a revision that cannot be read speaks of it. When there
        is such a revision, anything may have been renamed, and so may what the SQL of
        a revision names: `leave_doubtful` gives the rest back.
        """
        state = replayed(context.get_context())
        if state.may_have_made(subject) or self.is_wanted(kind, subject):
            return True
        doubtful = bool(state.unreadable) or state.says(subject)
        if doubtful:
            self.doubtful.add(subject)
        return doubtful

    def _declares(
        self, schema: str | None, name: str, column: str | None = None
    ) -> bool:
        """Tell whether the models or the revisions declare a table, or a column."""
        state = replayed(context.get_context())
        model = self._models.get((schema, name))
        if column is None:
            return model is not None or state.table(schema, name) is not None
        declared = state.column(schema, name, column) is not None
        return declared or column in (model or ())

    def schemas(self) -> set[str | None]:
        """Return the schemas that models or revisions use."""
        state = replayed(context.get_context())
        return {schema for schema, _ in (*self._models, *state.tables)} | state.schemas

    @cached_property
    def _default(self) -> str | None:
        """The schema that a connection looks into, for which Alembic says None."""
        return context.get_context().dialect.default_schema_name

    @cached_property
    def _models(self) -> dict[Key, dict[str, sa.Column[Any]]]:
        return {
            key: {it.name: it for it in table.columns}
            for key, table in self._tables.items()
        }

    @cached_property
    def _tables(self) -> dict[Key, sa.Table]:
        return {(it.schema, it.name): it for it in tables(context.get_context())}

    @cached_property
    def _filled(self) -> set[Key]:
        """The tables that a query fills when they are made."""
        return {
            (it.schema, it.name)
            for metadata in metadatas(context.get_context())
            for it in metadata.tables.values()
            if isinstance(maker_of(it), CREATE_TABLE_AS)
        }

    @cached_property
    def _partitions(self) -> set[Key]:
        return self._asked(PARTITIONS)

    @cached_property
    def extensions(self) -> set[Key]:
        """The tables and views that PostgreSQL's extensions brought."""
        return self._asked(OF_EXTENSIONS)

    def _asked(self, question: sa.TextClause) -> set[Key]:
        """Return the tables that PostgreSQL names, and none on other servers."""
        connection = context.get_context().connection
        if connection is None or connection.dialect.name != "postgresql":
            return set()
        found = connection.execute(question)
        return {(None if at == self._default else at, name) for at, name in found}


def unmanaged_in(database: MigrationContext) -> Unmanaged | None:
    """Return what is ours; None where an env.py of its own names the plugin alone."""
    found: Unmanaged | None = database.opts.get("unmanaged")
    return found


def _is_name_of(known: State, key: Key, name: str) -> bool:
    """Tell whether revisions gave something this name."""
    everywhere = any(name in known.names(kind) for kind in FOUND_BY_NAME)
    named = known.objects(*key)
    return everywhere or any(name == its for _, its in named)


def _is_made_by(item: Any, op: Create, dialect: sa.Dialect) -> bool:
    """Tell whether an operation may have made what a database has.

    It has the name or, where the server made up another one, the same columns. Of a
    CHECK without a name nothing more is known.
    """
    if name_of(op) is not None:
        name = named_as_made(op, dialect)
        table = item.table
        there = {str(it.name) for it in (*table.constraints, *table.indexes)}
        if name == item.name or name in there:
            return bool(name == item.name)
    if isinstance(item, sa.Index):
        if not isinstance(op, ops.CreateUniqueConstraintOp) or not item.unique:
            return False
        return {it.name for it in item.columns} == set(op.columns)
    return is_same_key(op, created_by(item))


EXCLUDES = sa.text(
    "SELECT nullif(nspname, current_schema())::text AS schema,"
    " own.relname AS table, conname AS name, amname AS using,"
    " pg_get_expr(indpred, indrelid, true) AS where,"
    " ARRAY(SELECT pg_get_indexdef(indexrelid, at::int, true)"
    "  FROM generate_subscripts(conexclop, 1) AS at ORDER BY at) AS elements,"
    " ARRAY(SELECT oprname::text FROM unnest(conexclop) WITH ORDINALITY AS its (op, at)"
    "  JOIN pg_operator ON pg_operator.oid = op ORDER BY at) AS operators"
    " FROM pg_constraint"
    " JOIN pg_class AS own ON own.oid = conrelid"
    " JOIN pg_namespace ON pg_namespace.oid = own.relnamespace"
    " JOIN pg_index ON indexrelid = conindid"
    " JOIN pg_class AS its ON its.oid = conindid JOIN pg_am ON pg_am.oid = its.relam"
    " WHERE contype = 'x' ORDER BY conname"
)
"""The EXCLUDE constraints, which SQLAlchemy does not reflect."""


def unwanted(context: AutogenContext, kind: str, subject: str) -> bool:
    """Tell whether an object that nobody declared is ignored: no answer drops it.

    :param kind: what it is.
    :param subject: what an answer calls it.
    """
    unmanaged = unmanaged_in(context.migration_context)
    return unmanaged is None or not unmanaged.is_wanted(kind, subject)


def keep_comment(
    context: AutogenContext, change: Any, old: Any, model: Any
) -> PriorityDispatchResult:
    """Leave the comment of a table or a column alone that nobody declared."""
    column = [change.column_name] if isinstance(change, ops.AlterColumnOp) else []
    if old is None or model is None or not old.comment or model.comment:
        return PriorityDispatchResult.CONTINUE
    history = replayed(context.migration_context)
    if not column and "comment" in old.columns:
        return PriorityDispatchResult.STOP  # an answer would speak of that column
    if column:
        known: Any = history.column(*key_of(change), *column)
    else:
        known = history.table(*key_of(change))
    was = known.comment if known is not None else None
    subject = ".".join([label(*key_of(change)), *column, "comment"])
    if was or not unwanted(context, "comment", subject):
        return PriorityDispatchResult.CONTINUE
    if column:
        change.existing_comment = old.comment  # MariaDB hears the whole column again
    return PriorityDispatchResult.STOP


def compare_default(
    context: AutogenContext,
    change: ops.AlterColumnOp,
    old: sa.Column[Any],
    model: sa.Column[Any],
) -> None:
    """Notice the default of a column that nobody declared."""
    key, name = key_of(change), change.column_name
    declared = replayed(context.migration_context).column(*key, name)
    default = old.server_default
    if not isinstance(default, sa.DefaultClause) or model.server_default is not None:
        return
    if declared is not None and declared.server_default is not None:
        return
    if model.table.autoincrement_column is model or _is_given(context, old):
        return
    if not unwanted(context, "default", f"{label(*key)}.{name}.server_default"):
        change.existing_server_default = default
        change.modify_server_default = None


def _is_given(context: AutogenContext, column: sa.Column[Any]) -> bool:
    """Tell the default that MariaDB may give a TIMESTAMP by itself."""
    on_mysql = context.migration_context.dialect.name in MYSQL
    return on_mysql and isinstance(column.type, sa.TIMESTAMP)


def compare_unmanaged(
    context: AutogenContext,
    change: ops.ModifyTableOps,
    old: sa.Table | None,
    model: sa.Table | None,
) -> None:
    """Notice a CHECK or an EXCLUDE that nobody declared.

    `compare_constraints` drops those that a revision made.
    """
    unmanaged = unmanaged_in(context.migration_context)
    if old is None or model is None or unmanaged is None:
        return
    reflected = True
    for kind, constraint in _conditions(context, old):
        name = constraint.name
        if (
            name
            and not unmanaged.is_ours(constraint)
            and not _is_of_type(context, constraint, model)
            and context.run_object_filters(constraint, name, kind, reflected, None)
        ):
            change.ops.append(drop_of(created_by(constraint)))


def _is_of_type(
    context: AutogenContext, constraint: sa.Constraint, model: sa.Table
) -> bool:
    """Tell the CHECK of a type that has not the name of the models, and say so."""
    known = replayed(context.migration_context).table(model.schema, model.name)
    connection, places = context.connection, [known] if known is not None else []
    if not isinstance(constraint, sa.CheckConstraint) or connection is None:
        return False
    said, columns = str(constraint.sqltext), constraint.table.columns.keys()
    for made in (it for table in (*places, model) for it in table.constraints):
        if is_made_by_type(made) and is_check_of_type(connection, said, columns, made):
            log.info(
                "%s: the CHECK of a type is called %s, and %s in the models. It gets"
                " that name when the values change.",
                *(label(model.schema, model.name), constraint.name, made.name),
            )
            return True
    return False


def _conditions(
    context: AutogenContext, table: sa.Table
) -> Iterator[tuple[Any, sa.Constraint]]:
    checks = [it for it in table.constraints if isinstance(it, sa.CheckConstraint)]
    for check in sorted(checks, key=lambda it: str(it.name)):
        yield "check_constraint", check
    connection = context.connection
    if connection is None or connection.dialect.name != "postgresql":
        return
    for found in excludes(context.inspector, connection):
        if (found["schema"], found["table"]) != (table.schema, table.name):
            continue
        elements = zip(found["elements"], found["operators"], strict=True)
        exclude = ExcludeConstraint(
            *((sa.literal_column(element), operator) for element, operator in elements),
            name=conv(found["name"]),
            using=found["using"],
            where=found["where"] and sa.text(found["where"]),
        )
        table.append_constraint(exclude)
        yield "exclude_constraint", exclude


def excludes(inspector: sa.Inspector, connection: sa.Connection) -> Any:
    """Return the EXCLUDE constraints of PostgreSQL, asked for once."""
    cache = inspector.info_cache
    if EXCLUDES not in cache:
        cache[EXCLUDES] = connection.execute(EXCLUDES).mappings().all()
    return cache[EXCLUDES]


INDEXES = (ops.CreateIndexOp, ops.DropIndexOp)


@rule(
    "only-there",
    "mark",
    "`# REVIEW:` stands where a database fails that lacks what no revision made.",
)
def allow_for_others(draft: Draft, container: ops.OpContainer) -> None:
    """Let a draft run where there is nothing to drop, or say that it does not.

    Tables and indexes have an IF EXISTS on every database; columns and constraints have
    none on SQLite, and none in a batch.
    """
    taken = draft.unmanaged.adopted
    if not taken:
        return
    is_upgrade = container is draft.upgrade
    every = list[MigrateOperation]()
    for op in container.ops:
        if isinstance(op, ops.ModifyTableOps):
            every += _parts(op, taken, is_upgrade=is_upgrade)
            continue
        table = label(getattr(op, "schema", None), getattr(op, "table_name", ""))
        if isinstance(op, RenameTable | RenameColumn) and is_upgrade:
            every += _review(taken, table)
            every += _review(taken, f"{table}.{_name(op)}")
        elif table in taken:
            _allow(op, is_upgrade=is_upgrade)
        every.append(op)
    container.ops = every


def _parts(
    change: ops.ModifyTableOps, taken: Mapping[str, str], *, is_upgrade: bool
) -> Iterator[MigrateOperation]:
    """Give the change of a table in parts: an index of others has one to itself.

    A batch that makes the table of SQLite anew knows no IF EXISTS.
    """
    table = label(change.schema, change.table_name)
    part = list[MigrateOperation]()
    for op in change.ops:
        subject = table if table in taken else f"{table}.{_name(op)}"
        if is_upgrade and not isinstance(op, INDEXES):
            yield from _review(taken, subject)
        if isinstance(op, INDEXES) and subject in taken:
            _allow(op, is_upgrade=is_upgrade)
            yield from _part(change, part)
            yield from _part(change, [op])
            part = []
            continue
        part.append(op)
    yield from _part(change, part)


def _part(
    change: ops.ModifyTableOps, inside: list[MigrateOperation]
) -> Iterator[ops.ModifyTableOps]:
    if inside:
        yield change_of(change, inside)


def _name(op: MigrateOperation) -> str | None:
    """Return the name of what an operation drops or changes."""
    if isinstance(op, ops.DropConstraintOp):
        return str(op.constraint_name or name_for(op.to_constraint()))
    if isinstance(op, INDEXES):
        return str(op.index_name)
    if isinstance(op, ops.DropColumnOp | ops.AlterColumnOp):
        return op.column_name
    return None


def _allow(op: MigrateOperation, *, is_upgrade: bool) -> None:
    """Let an upgrade drop what is not there, and a downgrade make what is."""
    if isinstance(op, ops.DropTableOp | ops.DropIndexOp) and is_upgrade:
        op.if_exists = True
    elif isinstance(op, ops.CreateTableOp | ops.CreateIndexOp) and not is_upgrade:
        op.if_not_exists = True


def _review(taken: Mapping[str, str], subject: str) -> Iterator[Note]:
    if subject in taken:
        text = (
            f"no revision made {taken[subject]} {subject}: this fails on a database"
            " without it, such as a new one."
        )
        log.warning("In the draft, %s", text)
        yield Note(REVIEW, text)
