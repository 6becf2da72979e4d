"""Sequences, DOMAINs and views of the models, and tables that a query fills.

They are compared with what the revisions have made. A database gives a view back in
other words: so its query is compared with the one that the revisions have, and the
database is asked which views are there. A view is dropped before what it uses changes,
and made again after it, whether or not it changes itself.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, ops
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy.dialects.postgresql import DOMAIN
from sqlalchemy.exc import CompileError

from .. import sql
from .._alembic import CREATE_TABLE_AS, copy_of, maker_of, sequences_of
from ..operations import objects
from ..operations.base import Key, LosslessOp, called, label
from ..operations.columns import alter_generated
from ..operations.guards import GUARDS
from ..replay import replayed
from ..rules import REVIEW, rule
from ..sql import literal, quoted_table, text
from ..state import (
    Create,
    State,
    changed,
    drop_of,
    objects_of,
    options_of_sequence,
    other_options,
    same,
)
from ..types.portable import ddl, dialect_named, domains_in, enums_in
from .aside import columns_aside, columns_moved
from .draft import Draft, Note, RestoreColumn, key_of, metadatas, tables
from .unmanaged import unmanaged_in, unwanted

log = logging.getLogger("alembic.review")

THERE = {
    "postgresql": "SELECT relname FROM pg_class WHERE relkind = 'S' AND relnamespace ="
    " to_regnamespace(quote_ident(coalesce(:schema, current_schema())))"
    " AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass"
    " AND objid = pg_class.oid AND deptype IN ('a', 'e', 'i'))",
    "mariadb": "SELECT table_name FROM information_schema.tables WHERE table_type ="
    " 'SEQUENCE' AND table_schema = coalesce(:schema, database())",
}

OPTIONS = {
    "postgresql": "SELECT seqstart AS start, seqincrement AS increment,"
    " seqmin AS minvalue, seqmax AS maxvalue, seqcache AS cache, seqcycle AS cycle"
    " FROM pg_sequence WHERE seqrelid = {literal}::regclass",
    "mariadb": "SELECT start_value AS start, increment AS increment,"
    " minimum_value AS `minvalue`, maximum_value AS `maxvalue`,"
    " cache_size AS cache, cycle_option AS cycle FROM {name}",
}

THERE["mysql"], OPTIONS["mysql"] = THERE["mariadb"], OPTIONS["mariadb"]
"""What asks for sequences that are no column's and no extension's, and for options."""

LAST = 2**63 - 2
"""Where a sequence ends if nothing is said, or one later."""


def compare_sequences(
    context: AutogenContext, upgrade: ops.UpgradeOps, _schemas: Any
) -> None:
    """Notice a sequence that is new, gone, or another one."""
    state = replayed(context.migration_context)
    known = {key: options_of_sequence(it) for key, it in state.sequences.items()}
    models = dict(_declared(context))
    before, after = list[MigrateOperation](), list[MigrateOperation]()
    for key, options in models.items():
        schema, name = key
        if key not in known:
            if not _is_there(context, key):
                before.append(objects.create_sequence(name, schema=schema, **options))
        elif other_options(known[key], options):
            was = known[key]
            change = objects.alter_sequence(
                name, schema=schema, **options, existing=was
            )
            before.append(change)
    for key in known.keys() - models.keys():
        after.append(objects.drop_sequence(key[1], schema=key[0], **known[key]))
    others = set(_there(context)) - known.keys() - models.keys()
    for schema, name in sorted(others, key=str):
        if not unwanted(context, "sequence", label(schema, name)):
            found = _reflected(context, (schema, name))
            after.append(
                objects.drop_sequence(name, schema=schema, if_exists=True, **found)
            )
    upgrade.ops = [*before, *upgrade.ops, *after]


def _there(context: AutogenContext) -> Iterator[Key]:
    """Give the sequences that a database has, without those that a column counts by."""
    connection = context.connection
    if connection is None or connection.dialect.name not in THERE:
        return
    unmanaged = unmanaged_in(context.migration_context)
    key = replayed(context.migration_context).key
    every = metadatas(context.migration_context)
    sequences = (it for one in every for it in sequences_of(one))
    counting = {key(it.schema, it.name) for it in sequences}
    for schema in unmanaged.schemas() if unmanaged else ():
        query = sa.text(THERE[connection.dialect.name]).bindparams(schema=schema)
        for name in connection.scalars(query):
            if (schema, name) not in counting:
                yield schema, name


def _reflected(context: AutogenContext, key: Key) -> dict[str, Any]:
    """Return the options of a sequence that are not as they are if nothing is said."""
    connection: Any = context.connection
    dialect = connection.dialect
    name = quoted_table(key[1], key[0], dialect)
    asked = OPTIONS[dialect.name]
    query = text(asked.format(name=name, literal=literal(name, dialect)))
    found = dict(connection.execute(query).mappings().one())
    usual = {"start": 1, "increment": 1, "minvalue": 1, "cycle": False}
    usual["cache"] = objects.CACHED[connection.dialect.name]
    given = {option: it for option, it in found.items() if it != usual.get(option)}
    return {
        option: bool(it) if option == "cycle" else it
        for option, it in given.items()
        if option != "maxvalue" or it < LAST
    }


def _declared(context: AutogenContext) -> Iterator[tuple[Key, dict[str, Any]]]:
    """Give what `create_all` makes, on this database or another that is served."""
    database = context.migration_context
    key, names = replayed(database).key, database.opts.get("runs_on", ())
    served = [database.dialect, *map(dialect_named, names)]
    # MariaDB makes those too that other databases need not have.
    needed = any(it.supports_sequences and not it.sequences_optional for it in served)
    for metadata in metadatas(database):
        for it in sequences_of(metadata):
            if needed or not it.optional:
                yield key(it.schema, it.name), options_of_sequence(it)


def _is_there(context: AutogenContext, key: Key) -> bool:
    """Tell whether a database has a sequence that no revision made by its operation."""
    connection = context.connection
    if connection is None or not connection.dialect.supports_sequences:
        return False
    return sa.inspect(connection).has_sequence(key[1], key[0])


POSTGRESQL = "postgresql"


def compare_domains(
    context: AutogenContext, upgrade: ops.UpgradeOps, _schemas: Any
) -> None:
    """Notice a DOMAIN that is new, or another one, or that no column uses any more."""
    database = context.migration_context
    state = replayed(database)
    before, models = dict(_declared_domains(state)), dict(_of(tables(database), state))
    aside = (it for column in columns_aside(state) for it in domains_in(column.type))
    held = {state.key(it.schema, it.name) for it in aside}
    made, changed = list[MigrateOperation](), list[MigrateOperation]()
    for key, new in models.items():
        old = before.get(key)
        if old is None:
            made += [] if _is_known(context, key) else [new]
        elif not same(old.options, new.options) or not _is_made_of(old, new):
            changed.append(_change(old, new))
    gone = [key for key in reversed(before) if key not in models and key not in held]
    dropped = [_call(objects.drop_domain, before[key]) for key in gone]
    upgrade.ops = [*made, *changed, *upgrade.ops, *dropped]


def without_domain(
    context: AutogenContext,
    change: ops.AlterColumnOp,
    old: sa.Column[Any],
    model: sa.Column[Any],
) -> None:
    """Take from a column what its DOMAIN has: SQLAlchemy reflects it as the column's.

    A column may have NOT NULL and a default of its own beside those.
    """
    if context.migration_context.dialect.name != POSTGRESQL:
        return
    if isinstance(old.type, DOMAIN):
        state = replayed(context.migration_context)
        own = state.column(*key_of(change), change.column_name)
        known = model if own is None else own
        if old.type.not_null:
            old.nullable = known.nullable
        if old.type.default is not None and known.server_default is None:
            old.server_default = None


def _call(operation: Any, made: LosslessOp, **more: Any) -> LosslessOp:
    """Return a call about a DOMAIN, with what it was made with."""
    where = {"schema": made.schema} if made.schema else {}
    call: LosslessOp = operation(made.name, made.type_, **where, **made.options, **more)
    return call


@rule(
    "domain",
    "refusal",
    "A DOMAIN is made of another type or collation, which PostgreSQL cannot change.",
)
def _change(old: LosslessOp, new: LosslessOp) -> LosslessOp:
    """Return what makes a DOMAIN another one."""
    collations = [it.options.get("collation") for it in (old, new)]
    if not _is_made_of(old, new) or not same(*collations):
        name = label(new.schema, new.name)
        raise CommandError(
            f"The DOMAIN {name} is made of {old.type_!r}, and of {new.type_!r} in the"
            " models, or has another collation: PostgreSQL changes neither. Nothing is"
            " written. Give the new one another name in the models."
        )
    return _call(objects.alter_domain, new, existing=dict(old.options))


def _is_made_of(old: LosslessOp, new: LosslessOp) -> bool:
    return ddl(old.type_, POSTGRESQL) == ddl(new.type_, POSTGRESQL)


def _declared_domains(state: State) -> Iterator[tuple[Key, LosslessOp]]:
    """Give the DOMAINs of the revisions, those too that a table made by itself."""
    yield from _of(state.tables.values(), state)
    yield from state.domains.items()


def _of(found: Iterable[sa.Table], state: State) -> Iterator[tuple[Key, LosslessOp]]:
    """Give the DOMAINs that tables make, first those that others are made of."""
    for table in found:
        for column in table.columns:
            for domain in domains_in(column.type):
                if domain.create_type:
                    made = objects.creation_of_domain(domain)
                    yield state.key(domain.schema, str(domain.name)), made


def _is_known(context: AutogenContext, key: Key) -> bool:
    """Tell whether a database has a DOMAIN that no revision made."""
    connection = context.connection
    if connection is None or connection.dialect.name != POSTGRESQL:
        return False
    inspector: Any = sa.inspect(connection)
    there = any(it["name"] == key[1] for it in inspector.get_domains(key[0]))
    if there:
        log.info("The DOMAIN %s is there: it is taken as it is.", label(*key))
    return there


# What is set aside


def hold_domains(draft: Draft, container: ops.OpContainer) -> None:
    """Leave a DOMAIN alone that a column needs which is set aside here.

    Say where one allows no NULL that a column would come back with.
    """
    held = {
        (it.schema, str(it.name))
        for column in columns_moved(container)
        for it in domains_in(column.type)
    }
    made = dict(_declared_domains(draft.state))
    found = list[MigrateOperation]()
    for op in container.ops:
        if (
            called(op, objects.create_domain, objects.drop_domain)
            and (op.schema, op.name) in held
        ):
            continue
        if isinstance(op, ops.ModifyTableOps) and container is draft.downgrade:
            found += _notes(draft.state, made, op)
        found.append(op)
    container.ops = found


def _notes(
    state: State, made: Mapping[Key, LosslessOp], change: ops.ModifyTableOps
) -> Iterator[Note]:
    """Give a note for each column that comes back with NULL, and may not."""
    for op in change.ops:
        if not isinstance(op, ops.AddColumnOp) or isinstance(op, RestoreColumn):
            continue
        domains = domains_in(op.column.type)
        own = state.column(change.schema, change.table_name, op.column.name)
        if domains and own is not None and own.nullable is not op.column.nullable:
            op.column = copy_of(op.column)  # it was reflected with that of the DOMAIN
            op.column.nullable = own.nullable
        is_null = op.column.nullable and op.column.server_default is None
        for domain in domains if is_null else ():
            known = made.get(state.key(domain.schema, str(domain.name)))
            options = {} if known is None else known.options
            if options.get("not_null") and options.get("default") is None:
                table = label(change.schema, change.table_name)
                yield Note(
                    REVIEW,
                    f"{table}.{op.column.name}: the DOMAIN {domain.name} allows no"
                    " NULL, so that this fails where the table has rows. Give the"
                    " column a server_default for them.",
                )


CALLS = (
    objects.create_view,
    objects.replace_view,
    objects.drop_view,
    objects.create_table_as,
)


class Made(NamedTuple):
    """A view, or a table that a query fills, and the indexes of one that has some."""

    call: LosslessOp
    indexes: Mapping[Any, Create] = {}

    def drop(self, *, if_exists: bool = False) -> MigrateOperation:
        """Return what drops it, with its indexes."""
        if called(self.call, objects.create_table_as):
            return self.call.reverse()
        return objects.dropping(self.call, if_exists=if_exists)

    def create(self, *, anyway: bool) -> Iterator[MigrateOperation]:
        """Give what makes it.

        :param anyway: whether there may be one.
        """
        call = self.call
        if anyway and called(call, objects.create_view):
            call = objects.replace_view(*call.args, **call.kwargs)
        elif called(call, objects.replace_view):
            call = objects.create_view(*call.args, **call.kwargs)
        yield call
        yield from self.indexes.values()

    def is_like(self, other: "Made", dialect: str) -> bool:
        """Tell whether another one shows the same, in the same way."""
        one, two = self.call, other.call
        words = [
            _words(objects.query_for(it.query, dialect), dialect) for it in (one, two)
        ]
        return words[0] == words[1] and all(
            same(getattr(one, what), getattr(two, what))
            for what in ("materialized", "postgresql_with")
        )

    def names(self) -> frozenset[str]:
        """Return the names that its query speaks of, and a star, in lower case."""
        query = self.call.query
        texts = {"": query} if isinstance(query, str) else query
        return frozenset(
            name for dialect, text in texts.items() for name in names_in(text, dialect)
        )


def names_in(text: str, dialect: str = "") -> Iterator[str]:
    """Give the names that a query speaks of, and the star for all columns.

    :param dialect: the database that reads it; "" for each.
    """
    known = dialect_named(dialect) if dialect else None
    before = ""
    for token in sql.significant(text, known):
        if token.is_name or (token.text == "*" and before != "("):
            yield token.value.lower()
        before = token.text


def _words(query: str | None, dialect: str) -> list[str]:
    return [it.text for it in sql.significant(query or "", dialect_named(dialect))]


Views = dict[Key, Made]


class Direction(NamedTuple):
    """The views before an upgrade or a downgrade, and after it."""

    before: Views
    after: Views


@dataclass
class Comparison:
    """The views of one database, and what becomes of them."""

    dialect: str
    upgrade: Direction
    downgrade: Direction
    undeclared: frozenset[Key] = frozenset()
    """Those of another state than the revisions say: they may be there, or not."""
    others: Mapping[Key, Made] = field(default_factory=dict)
    """Unmanaged views."""

    def differences(self) -> Iterator[MigrateOperation]:
        """Give what differs, for `check`."""
        before, after = self.upgrade
        for key in sorted(before.keys() | after.keys(), key=str):
            old, new = before.get(key), after.get(key)
            if old is None and new is not None:
                yield from new.create(anyway=False)
            elif new is None and old is not None:
                yield old.drop().reversed_by(old.call)  # type: ignore[attr-defined]
            elif old is not None and new is not None:
                if not old.is_like(new, self.dialect):
                    back, change = (next(it.create(anyway=True)) for it in (old, new))
                    yield change.reversed_by(back)  # type: ignore[attr-defined]
                elif indexes := [*_changed_indexes(old, new)]:
                    yield ops.ModifyTableOps(key[1], indexes, schema=key[0])

    def split(self, renamed: Collection[str]) -> tuple["Comparison", "Comparison"]:
        """Return those before the deployment and after it.

        :param renamed: names that columns have from the deployment on.
        """
        before, after = self.upgrade
        between = {key: it for key, it in before.items() if key not in after}
        late = {key for key, it in after.items() if it.names() & {*renamed}}
        while more := {
            key for key, it in after.items() if _uses_one(it, late) and key not in late
        }:
            late |= more
        for key, made in after.items():
            if key not in late:
                between[key] = made
            elif key in before:
                between[key] = before[key]
        first = Direction(before, between), Direction(between, self.downgrade.after)
        second = Direction(between, after), Direction(after, between)
        rest = self.undeclared, self.others
        return (
            Comparison(self.dialect, *first, *rest),
            Comparison(self.dialect, *second, *rest),
        )


def _uses_one(made: Made, keys: Iterable[Key]) -> bool:
    return not made.names().isdisjoint(name.lower() for _, name in keys)


def _changed_indexes(old: Made, new: Made) -> Iterator[MigrateOperation]:
    """Give what makes the indexes of a materialized view others."""
    kept = {
        name
        for name in old.indexes.keys() & new.indexes.keys()
        if not changed(old.indexes[name], new.indexes[name])
    }
    yield from (drop_of(it) for name, it in old.indexes.items() if name not in kept)
    yield from (it for name, it in new.indexes.items() if name not in kept)


# What there is


def compare_views(
    context: AutogenContext, upgrade: ops.UpgradeOps, _schemas: Any
) -> None:
    """Notice a view that is new, gone, or shows something else."""
    found = _compared(context.migration_context)
    context.migration_context.opts["views"] = found
    upgrade.ops += found.differences()


def take_views(draft: Draft) -> Comparison:
    """Take the views out of a draft, which come back when the rest is in order."""
    found: Comparison = draft.context.opts.pop("views", None) or _compared(
        draft.context
    )
    keys = found.upgrade.before.keys() | found.upgrade.after.keys()
    draft.upgrade.ops = [op for op in draft.upgrade.ops if not _is_about_view(op, keys)]
    return found


def _is_about_view(op: MigrateOperation, keys: Collection[Key]) -> bool:
    is_index = isinstance(op, ops.ModifyTableOps | ops.CreateIndexOp)
    return called(op, *CALLS) or (is_index and key_of(op) in keys)


def _compared(database: MigrationContext) -> Comparison:
    state, models = replayed(database), _of_models(database)
    there = dict(_views_there(database, {key[0] for key in (*models, *state.views)}))
    declared = {
        key: Made(call, state.objects(*key))
        for key, call in state.views.items()
        if key in there or key in models
    }
    found, others = Views(), Views()
    unmanaged = unmanaged_in(database)
    for key, materialized in there.items():
        if key not in declared:
            known = key in models or (
                unmanaged is not None and unmanaged.is_wanted("view", label(*key))
            )
            made = _reflected_view(database.connection, key, materialized=materialized)
            (found if known else others)[key] = made
    before = {key: it for key, it in declared.items() if key in there}
    return Comparison(
        database.dialect.name,
        Direction(before | found, models),
        Direction(models, declared | found),
        frozenset(found.keys() | declared.keys() - there.keys()),
        others,
    )


@rule(
    "view",
    "refusal",
    "A database of the project has no words for the query of a view, or no materialized"
    " views.",
)
def _of_models(database: MigrationContext) -> Views:
    """Return the views of the models, and the tables to fill that are not there."""
    state, here = replayed(database), database.dialect
    names = (it for it in database.opts.get("runs_on", ()) if it != here.name)
    dialects = [here, *map(dialect_named, names)]
    found, lines = Views(), list[str]()
    for table, maker in _makers(database):
        key, name = state.key(table.schema, table.name), table.fullname
        if maker.temporary:
            log.warning(
                "%s is temporary: it is not compared, and no draft makes it.", name
            )
            continue
        if isinstance(maker, CREATE_TABLE_AS) and _is_filled(database, key):
            continue  # its rows are data by now
        if getattr(maker, "materialized", False):
            others = (it.name for it in dialects if it.name != "postgresql")
            lines += [objects.no_materialized(*key, other) for other in others]
        try:
            call = objects.creation_of(table, dialects)
        except CompileError as error:
            lines.append(f"{name}: a database has no words for its query: {error}")
            continue
        indexes = objects_of(table).items()
        own = {it: op for it, op in indexes if isinstance(op, ops.CreateIndexOp)}
        found[key] = Made(call, own)
    if lines:
        raise CommandError("\n".join([*lines, "Nothing is written."]))
    return found


def _makers(database: MigrationContext) -> Iterator[tuple[sa.Table, Any]]:
    for metadata in metadatas(database):
        for table in metadata.tables.values():
            if (maker := maker_of(table)) is not None:
                yield table, maker


def _is_filled(database: MigrationContext, key: Key) -> bool:
    """Tell whether a table was made of a query, or is there."""
    connection = database.connection
    if replayed(database).table(*key) is not None or connection is None:
        return True
    return sa.inspect(connection).has_table(key[1], key[0])


def _views_there(
    database: MigrationContext, schemas: set[str | None]
) -> Iterator[tuple[Key, bool]]:
    """Give the views of a database that no extension made, and which hold rows."""
    connection, unmanaged = database.connection, unmanaged_in(database)
    if connection is None:
        return
    inspector, state = sa.inspect(connection), replayed(database)
    if unmanaged is not None:
        schemas |= unmanaged.schemas()
    known = {None, *inspector.get_schema_names()}
    for schema in sorted({state.key(it, "")[0] for it in schemas} & known, key=str):
        holding = list[str]()
        if database.dialect.name == "postgresql":
            holding = inspector.get_materialized_view_names(schema)
        for name in [*inspector.get_view_names(schema), *holding]:
            key = schema, name
            if unmanaged is None or key not in unmanaged.extensions:
                yield key, name in holding


def _reflected_view(connection: Any, key: Key, *, materialized: bool) -> Made:
    """Return a view that no revision declares, in the words of its database."""
    said = sa.inspect(connection).get_view_definition(key[1], key[0])
    query = sql.query_of_view(said or "", connection.dialect)
    options: dict[str, Any] = {"materialized": True} if materialized else {}
    return Made(objects.create_view(key[1], query, schema=key[0], **options))


# What becomes of them


def arrange_views(draft: Draft, found: Comparison) -> None:
    """Put the views around the changes of what they use, in both directions."""
    ways = (draft.upgrade, found.upgrade), (draft.downgrade, found.downgrade)
    for container, direction in ways:
        _Arrangement(draft, found, container, direction).arrange()


Part = tuple[str, str | None]
"""A table, and a column of it; None where it is the whole table. In lower case."""


class _Arrangement:
    """The views of an upgrade or a downgrade, and what changes below them."""

    def __init__(
        self,
        draft: Draft,
        found: Comparison,
        container: ops.OpContainer,
        direction: Direction,
    ) -> None:
        self._draft, self._found, self._container = draft, found, container
        self._before, self._after = direction
        self._parts = [
            (table.lower(), column and column.lower())
            for table, column in _changed_parts(draft, container.ops)
        ]
        both = self._before.keys() & self._after.keys()
        filled = {
            it for it in both if called(self._after[it].call, objects.create_table_as)
        }
        changes = {key for key in both - filled if not self._stays(key)}
        moved = {
            key
            for key, made in self._before.items()
            if key not in both or self._is_used_by(made)
        }
        moved |= {key for key in changes if self._holds_rows(key)}
        self._removed = self._with_users(moved, changes) - filled
        self._replaced = changes - self._removed

    def arrange(self) -> None:
        """Drop first what is in the way, and make last what uses the rest."""
        undeclared, operations = self._found.undeclared, self._container.ops
        drops = [
            self._before[key].drop(if_exists=key in undeclared)
            for key in reversed(_ordered(self._before, self._removed))
        ]
        made = self._after.keys() - self._before.keys() | self._removed
        makes = list[MigrateOperation]()
        for key in _ordered(self._after, (made | self._replaced) & self._after.keys()):
            anyway = key in self._replaced or key in undeclared - self._removed
            makes += self._after[key].create(anyway=anyway)
        for key in sorted(self._before.keys() & self._after.keys() - made, key=str):
            makes += _changed_indexes(self._before[key], self._after[key])
        at = _behind_guards(operations)
        first = [*self._notes(), *drops]
        self._container.ops = [*operations[:at], *first, *operations[at:], *makes]

    def _stays(self, key: Key) -> bool:
        old, new = self._before[key], self._after[key]
        return old.is_like(new, self._found.dialect)

    def _holds_rows(self, key: Key) -> bool:
        return any(it[key].call.materialized for it in (self._before, self._after))

    def _is_used_by(self, made: Made) -> bool:
        return bool([*self._used(made.names())])

    def _used(self, names: frozenset[str]) -> Iterator[Part]:
        """Give what changes of what a query speaks of."""
        for table, column in self._parts:
            if table in names and (column is None or {column, "*"} & names):
                yield table, column

    def _with_users(self, moved: set[Key], changes: set[Key]) -> set[Key]:
        """Return views, and those that use one of them, or one that changes."""
        moved = set(moved)
        while more := {
            key
            for key, made in self._before.items()
            if key not in moved and _uses_one(made, (moved | changes) - {key})
        }:
            moved |= more
        return moved

    def _notes(self) -> Iterator[Note]:
        """Name the unmanaged views that use what changes."""
        if self._container is not self._draft.upgrade:
            return
        views = [(name.lower(), None) for _, name in self._removed]
        for key, made in self._found.others.items():
            used = [*self._used(made.names())]
            used += [part for part in views if part[0] in made.names()]
            if used:
                what = ".".join(filter(None, used[0]))
                dialect = self._draft.context.dialect
                kind = "MATERIALIZED VIEW" if made.call.materialized else "VIEW"
                drop = f"DROP {kind} {sql.quoted_table(key[1], key[0], dialect)}"
                text = (
                    f"the view {label(*key)}, which neither the models nor a revision"
                    f" declare, uses {what}. Drop it here, before that changes, and"
                    f" make it again below: {sql.executing(drop)}"
                )
                log.warning("In the draft, %s", text)
                yield Note(REVIEW, text)


def _behind_guards(operations: Sequence[MigrateOperation]) -> int:
    """Return the place behind what looks at the rows first, and behind new schemas."""
    at = 0
    for place, op in enumerate(operations, 1):
        if called(op, *GUARDS, objects.create_schema):
            at = place
        elif not isinstance(op, Note):
            break
    return at


def _ordered(views: Views, keys: Collection[Key]) -> list[Key]:
    """Return views in order, those that others use first."""
    graph = {
        key: [it for it in keys if it != key and _uses_one(views[key], [it])]
        for key in sorted(keys, key=str)
    }
    try:
        return [*TopologicalSorter(graph).static_order()]
    except CycleError:  # a column of one is called like another one
        return [*graph]


def _changed_parts(
    draft: Draft, operations: Iterable[MigrateOperation]
) -> Iterator[tuple[str, str | None]]:
    """Give what no database lets change below a view, or what a view is to follow."""
    for op in operations:
        if isinstance(op, ops.OpContainer):
            yield from _changed_parts(draft, op.ops)
        elif isinstance(op, ops.DropTableOp | ops.RenameTableOp):
            yield op.table_name, None
        elif isinstance(op, ops.DropColumnOp) or called(op, alter_generated):
            yield op.table_name, op.column_name
        elif isinstance(op, ops.AlterColumnOp):
            if op.modify_type is not None or op.modify_name is not None:
                yield op.table_name, op.column_name
        elif called(op, objects.change_enum):
            yield from _columns_of_enum(draft, op)
        elif isinstance(op, LosslessOp) and (alike := op.as_alembic()) is not None:
            yield from _changed_parts(draft, [alike])


def _columns_of_enum(draft: Draft, op: LosslessOp) -> Iterator[tuple[str, str | None]]:
    tables = [
        (name, [*columns.values()]) for (_, name), columns in draft.models.items()
    ]
    tables += [(it.name, [*it.c]) for it in draft.state.tables.values()]
    for table, columns in tables:
        for column in columns:
            if any(it.name == op.name for it in enums_in(column.type)):
                yield table, column.name
