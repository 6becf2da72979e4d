"""The names of Alembic and SQLAlchemy that are private, or that the library replaces.

Versions are bounded from below alone: these names are looked at when an environment
starts, before one that is gone is needed. A test looks for others. What some versions
do otherwise is made alike here, and none is asked which one it is.
"""

import copy
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cache, partial
from inspect import getclosurevars, unwrap
from pathlib import Path
from traceback import walk_tb
from typing import Any, NamedTuple

import sqlalchemy as sa
from alembic import context, op
from alembic.autogenerate import render
from alembic.autogenerate.api import AutogenContext
from alembic.command import history
from alembic.config import Config
from alembic.ddl.impl import DefaultImpl
from alembic.operations import BatchOperations, Operations, ops
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionMap
from alembic.util import CommandError, to_tuple
from sqlalchemy.engine import Dialect
from sqlalchemy.pool import Pool
from sqlalchemy.types import TypeEngine
from sqlalchemy.util import immutabledict

from . import requirements

WITHOUT_MODELS = frozenset(
    {"current", "downgrade", "edit", "ensure_version", "history"}
    | {"merge", "stamp", "upgrade"}
)
"""The commands for which the models need not be imported."""


class Name(NamedTuple):
    """A name that another version may lack."""

    of: str
    """Whose it is, as Python imports that."""
    name: str
    owner: Callable[[], object]
    """Returns something that has it."""


PRIVATE: dict[str, tuple[str, ...]] = {
    "alembic.autogenerate.api.AutogenContext": ("inspector",),
    "alembic.autogenerate.render": ("_repr_type", "_render_cmd_body", "_render_column"),
    "alembic.command.history": ("_display_history", "indicate_current"),
    "alembic.config.CommandLine": ("_POSITIONAL_OPTS",),
    "alembic.config.Config": ("messaging_opts",),
    "alembic.context": ("_proxy",),
    "alembic.ddl.impl.DefaultImpl": ("_exec",),
    "alembic.op": ("_proxy",),
    "alembic.operations.BatchOperations": ("invoke",),
    "alembic.operations.batch.BatchOperationsImpl": ("_should_recreate",),
    "alembic.operations.ops.DropTableOp": ("_reverse",),
    "alembic.operations.ops.MigrationScript": ("_needs_render",),
    "alembic.runtime.environment.EnvironmentContext": ("_migration_context",),
    "alembic.runtime.migration.MigrationContext": ("autocommit_block",),
    "alembic.runtime.migration.MigrationContext.run_migrations": ("_migrations_fn",),
    "alembic.runtime.plugins.Plugin": ("add_autogenerate_comparator",),
    "alembic.script.Script": ("_from_path",),
    "alembic.script.ScriptDirectory": ("_load_revisions", "generate_revision"),
    "alembic.script.revision.RevisionMap": ("_generator",),
    "alembic.util.messaging": ("TERMWIDTH",),
    "sqlalchemy.CheckConstraint": ("_type_bound", "_ddl_if"),
    "sqlalchemy.Column": ("_copy",),
    "sqlalchemy.MetaData": ("_sequences",),
    "sqlalchemy.Table": ("_creator_ddl", "_prefixes"),
    "sqlalchemy.dialects.mysql.base.MySQLDialect": (
        *("_tabledef_parser", "_parsed_state_or_create"),
    ),
    "sqlalchemy.dialects.postgresql.base.PGDialect": ("_backslash_escapes",),
    "sqlalchemy.dialects.sqlite.base.SQLiteDialect": ("_get_table_pragma",),
    "sqlalchemy.engine.Compiled": ("_result_columns",),
    "sqlalchemy.pool.Pool": ("_creator",),
    "sqlalchemy.sql.compiler.IdentifierPreparer": ("_truncate_and_render_maxlen_name",),
    "sqlalchemy.types.TypeEngine": ("_variant_mapping",),
}
"""Whose the names are, as Python imports that, and the names."""


def _table() -> object:
    """Return a table, with the name that SQLAlchemy 2.0 has no views for."""
    table = sa.Table("t", sa.MetaData())
    if not hasattr(sa, "CreateView"):
        vars(table)["_creator_ddl"] = None
    return table


OWNERS: dict[str, Callable[[], object]] = {
    "alembic.command.history": lambda: _inside(history),
    "alembic.context": lambda: _inside(context.configure),
    "alembic.op": lambda: _inside(op.execute),
    "alembic.operations.ops.DropTableOp": lambda: ops.DropTableOp("table"),
    "alembic.operations.ops.MigrationScript": lambda: _declared(ops.MigrationScript),
    "alembic.runtime.migration.MigrationContext.run_migrations": lambda: _inside(
        MigrationContext.run_migrations
    ),
    "alembic.script.revision.RevisionMap": lambda: RevisionMap(tuple),
    "sqlalchemy.CheckConstraint": lambda: sa.CheckConstraint("1"),
    "sqlalchemy.MetaData": sa.MetaData,
    "sqlalchemy.Table": _table,
    "sqlalchemy.engine.Compiled": lambda: sa.select(1).compile(),
}
"""What has the names of an owner, where that is not the owner itself."""


def _imported(path: str) -> object:
    """Return what is imported by a path, or None: nothing need be, to look at it."""
    module, _, name = path.rpartition(".")
    return sys.modules.get(path) or getattr(sys.modules.get(module), name, None)


NAMES = tuple(
    Name(of, name, OWNERS.get(of, partial(_imported, of)))
    for of, names in PRIVATE.items()
    for name in names
)
"""The names that are looked at when an environment starts."""


def _inside(function: Any) -> object:
    """Return an object with the names that stand in a function."""
    code = function.__code__
    names = (*code.co_names, *code.co_varnames, *code.co_cellvars)
    return type("Names", (), dict.fromkeys(names))


def _declared(kind: Any) -> object:
    """Return an object with the names that a class declares and may not set."""
    return type("Names", (), dict.fromkeys(kind.__annotations__))


def insist() -> None:
    """Refuse an Alembic or a SQLAlchemy that the library cannot work with.

    :raises CommandError: with its version, and the name that it lacks or the versions
        that are needed.
    """
    requirements.insist()
    for of, name, owner in NAMES:
        if (found := owner()) is not None and not hasattr(found, name):
            known = requirements.ALEMBIC, requirements.SQLALCHEMY
            needed = known[of.startswith("sqlalchemy")]
            raise CommandError(requirements.lacks(needed, f"{of}.{name}"))


def type_code(type_: TypeEngine[Any], rendering: AutogenContext) -> str:
    """Return a type as Alembic writes it; only whole columns have a public renderer."""
    return str(render._repr_type(type_, rendering))  # noqa: SLF001


def variants(type_: TypeEngine[Any]) -> dict[str, TypeEngine[Any]]:
    """Return what a type is elsewhere, by dialect, which only the type itself knows."""
    return dict(type_._variant_mapping)  # noqa: SLF001


def with_variants(
    type_: TypeEngine[Any], given: dict[str, TypeEngine[Any]]
) -> TypeEngine[Any]:
    """Return a type with these variants alone; `with_variant` replaces none."""
    if given == variants(type_):
        return type_
    changed = type_.copy()
    vars(changed)["_variant_mapping"] = immutabledict(given)
    return changed


def with_plain_text(dialect: Dialect) -> Dialect:
    """Let a dialect that asked no server write text as PostgreSQL reads it.

    SQLAlchemy 2.0 doubles each backslash until a server told it not to.
    """
    if dialect.name == "postgresql":
        vars(dialect)["_backslash_escapes"] = False
    return dialect


def keeping_bytes(dialect: Dialect) -> Dialect:
    """Return a dialect that shortens names as its server does.

    PostgreSQL keeps as many whole letters as have room in 63 bytes; SQLAlchemy, which
    counts letters, leaves that to it.
    """
    if dialect.name != "postgresql":
        return dialect
    changed, quoter = copy.copy(dialect), copy.copy(dialect.identifier_preparer)
    shorten: Any = quoter._truncate_and_render_maxlen_name  # noqa: SLF001

    def kept(name: str, longest: int, quotes: bool) -> str:  # noqa: FBT001
        short = shorten(name, longest, False)  # noqa: FBT003
        short = short.encode()[:longest].decode(errors="ignore")
        return quoter.quote(short) if quotes else short

    vars(quoter)["_truncate_and_render_maxlen_name"] = kept
    vars(changed)["identifier_preparer"] = quoter
    return changed


def reflecting_dialect(dialect: Dialect, types: Mapping[str, Any]) -> Dialect:
    """Return a copy of a dialect to reflect with, which warns of nothing.

    :param types: what it finds types in, by their names.
    """
    changed = copy.copy(dialect)
    vars(changed)["ischema_names"] = types
    vars(changed).pop("_tabledef_parser", None)  # it looks into the original
    if dialect.name == "sqlite":
        kind: Any = type(dialect)
        changed.__class__ = _without_expression_indexes(kind)
    elif hasattr(dialect, "_parsed_state_or_create"):
        kind = type(dialect)
        changed.__class__ = _with_directions(kind)
    return changed


def parse_by(
    dialect: Dialect, parse: Callable[[Callable[[str], Any], str], Any]
) -> None:
    """Let a dialect of MariaDB read each CREATE TABLE with the help of a function.

    :param dialect: one of `reflecting_dialect`; it is changed.
    :param parse: is given how SQLAlchemy reads one, and the statement.
    """
    parser: Any = dialect._tabledef_parser  # type: ignore[attr-defined]  # noqa: SLF001
    read = parser.parse
    vars(parser)["parse"] = lambda create, charset: parse(
        lambda text: read(text, charset), create
    )


@cache
def _with_directions(kind: Any) -> Any:
    """Return a dialect of MariaDB that tells which columns of an index are DESC."""

    class Reflecting(kind):  # type: ignore[misc]
        def get_indexes(
            self, connection: Any, table_name: str, schema: Any = None, **given: Any
        ) -> Any:
            of = connection, table_name, schema
            parsed = self._parsed_state_or_create(*of, **given)
            down = {
                key["name"]: {it[0]: ("desc",) for it in key["columns"] if "DESC" in it}
                for key in parsed.keys
            }
            return [
                {**it, "column_sorting": down.get(it["name"], {})}
                for it in super().get_indexes(*of, **given)
            ]

    return Reflecting


@cache
def _without_expression_indexes(kind: Any) -> Any:
    """Return a dialect of SQLite that does not list an index which it cannot read."""

    class Reflecting(kind):  # type: ignore[misc]
        def _get_table_pragma(
            self, connection: Any, pragma: str, table_name: str, schema: Any = None
        ) -> Any:
            ask = partial(super()._get_table_pragma, connection, schema=schema)
            rows = ask(pragma, table_name)
            if pragma != "index_list":
                return rows
            columns = {row[1]: ask("index_info", row[1]) for row in rows}
            read = {name for name, of in columns.items() if all(it[2] for it in of)}
            return [row for row in rows if row[1] in read]

    return Reflecting


def command_options() -> dict[str, Any]:
    """Return what the command told Alembic; `context` has no other way to ask."""
    options: dict[str, Any] = vars(context)["_proxy"].context_opts
    return options


@contextmanager
def in_place_of_op(operations: Operations) -> Iterator[None]:
    """Let every `op.…` of a revision go to other operations for a while.

    `Operations.context` would do it, but leaves nothing behind for an outer one.
    """
    proxy = vars(op).get("_proxy")
    vars(op)["_proxy"] = operations
    try:
        yield
    finally:
        vars(op)["_proxy"] = proxy


@contextmanager
def in_place_of_context(
    environment: EnvironmentContext, replaced: MigrationContext
) -> Iterator[None]:
    """Let `context.get_bind()` and its like of a revision go elsewhere for a while.

    They would read, and write to, the database that is being compared.
    """
    before = vars(environment).get("_migration_context")
    vars(environment)["_migration_context"] = replaced
    try:
        yield
    finally:
        vars(environment)["_migration_context"] = before


def answer_by(environment: EnvironmentContext, **functions: Callable[..., Any]) -> None:
    """Let other functions stand for those of one `context`, which is no subclass."""
    vars(environment).update(functions)


def result_of(execution: Any) -> list[tuple[str, TypeEngine[Any]]]:
    """Return the names and types of the columns that a compiled statement gives."""
    compiled = execution.compiled
    columns = compiled._result_columns if compiled is not None else None  # noqa: SLF001
    return [(it.keyname, it.type) for it in columns or ()]


def dropped_items(drop: ops.DropTableOp) -> list[Any]:
    """Return the columns and constraints of a table that a downgrade makes again.

    They are the ones, to be changed; `to_table()` gives a copy.
    """
    create = drop._reverse  # noqa: SLF001
    if create is None:
        return []
    create.columns = [*create.columns]
    return create.columns


def bring_back(drop: ops.DropTableOp, table: sa.Table) -> None:
    """Let the way back of a drop make a table with all that is declared of it."""
    vars(drop).update(vars(ops.DropTableOp.from_table(table)))


def without_table(create: ops.CreateTableOp) -> ops.DropTableOp:
    """Return the way back of a table that is created, whose columns it shares.

    `reverse()` copies them twice, for a line that only names the table.
    """
    as_it_is = copy.copy(create)
    return ops.DropTableOp(create.table_name, schema=create.schema, _reverse=as_it_is)


def prefixes_of(table: sa.Table) -> list[str]:
    """Return what stands between CREATE and TABLE."""
    return [*table._prefixes]  # noqa: SLF001


def copy_prefixes(table: sa.Table, other: sa.Table) -> None:
    """Give a copy of a table what stands between CREATE and TABLE: it was left out."""
    vars(other)["_prefixes"] = table._prefixes  # noqa: SLF001


def creator_of(pool: Pool) -> Callable[[], Any]:
    """Return what connects for a pool, with the arguments that its engine was given."""
    return pool._creator  # type: ignore[return-value]  # noqa: SLF001


class _NotThere:
    """Stand for a class that SQLAlchemy 2.0 does not have."""


CREATE_VIEW: Any = getattr(sa, "CreateView", _NotThere)
CREATE_TABLE_AS: Any = getattr(sa, "CreateTableAs", _NotThere)
DROP_VIEW: Any = getattr(sa.schema, "DropView", _NotThere)


def maker_of(table: sa.Table) -> Any:
    """Return what makes a view, or a table that a query fills; None of other tables."""
    made = getattr(table, "_creator_ddl", None)
    return made if isinstance(made, (CREATE_VIEW, CREATE_TABLE_AS)) else None


def sequences_of(metadata: sa.MetaData) -> list[sa.Sequence]:
    """Return the sequences that a metadata would make, those of columns too."""
    return [*metadata._sequences.values()]  # noqa: SLF001


def copy_of(column: sa.Column[Any]) -> sa.Column[Any]:
    """Return a column that belongs to no table, with the very type of another one.

    A copied Enum would lose its variants.
    """
    copied = column._copy()  # noqa: SLF001
    copied.type = column.type
    return copied


def column_code(column: sa.Column[Any], rendering: AutogenContext) -> str:
    """Return a column as Alembic writes it, from a hook that writes columns."""
    item_code = rendering.opts["render_item"]

    def others(kind: str, item: Any, context: AutogenContext) -> Any:
        return kind != "column" and item_code(kind, item, context)

    opts, rendering.opts = rendering.opts, {**rendering.opts, "render_item": others}
    try:
        return render._render_column(column, rendering)  # noqa: SLF001
    finally:
        rendering.opts = opts


def body_code(
    container: ops.UpgradeOps | ops.DowngradeOps, rendering: AutogenContext
) -> str:
    """Return the operations of a direction as Alembic lays them out, without its marks.

    Its public function forgets which imports they need.
    """
    text = render._render_cmd_body(container, rendering)  # noqa: SLF001
    lines = text.splitlines()
    return "\n".join(it for it in lines if not it.startswith("# ### "))


def is_made_by_type(constraint: sa.Constraint) -> bool:
    """Tell the CHECK that a Boolean or an Enum makes, and makes again."""
    return bool(constraint._type_bound)  # noqa: SLF001


def leave_checks_to_names(batch: Any) -> None:
    """Take the CHECKs out that types of added columns make a second time.

    Alembic adds each by its name too; before 1.19 it leaves the other one there.

    :param batch: Alembic's ApplyBatchImpl, with the new table.
    """
    new, before = batch.new_table, {column.name for column in batch.table.columns}
    for check in [it for it in new.constraints if isinstance(it, sa.CheckConstraint)]:
        added = {column.name for column in check.columns} - before
        if (
            is_made_by_type(check)
            and added
            and check.name not in batch.named_constraints
        ):
            new.constraints.remove(check)


def made_on(item: Any, dialect: Dialect) -> bool:
    """Tell whether a constraint or an index is made on a database (`ddl_if`)."""
    if item._ddl_if is None:  # noqa: SLF001
        return True
    names, decides, state = item._ddl_if  # noqa: SLF001
    names = (names,) if isinstance(names, str) else names
    if names is not None and dialect.name not in names:
        return False
    compiler: Any = dialect.ddl_compiler(dialect, None)  # type: ignore[arg-type]
    given = {"state": state, "dialect": dialect, "compiler": compiler}
    create = sa.schema.CreateTable(item.table)
    return decides is None or bool(decides(create, item, None, **given))


@contextmanager
def executed_by(
    impl: DefaultImpl, execute: Callable[..., Any]
) -> Iterator[Callable[..., Any]]:
    """Let every statement of a revision be run by something else for a while.

    Alembic has no other place that all of them go through.

    :return: what runs them otherwise.
    """
    before = impl._exec  # noqa: SLF001
    vars(impl)["_exec"] = execute
    try:
        yield before
    finally:
        del vars(impl)["_exec"]


def rebuilds(batch: Any) -> bool:
    """Tell whether a batch makes its table anew; it is told so, or asks its changes."""
    return bool(batch._should_recreate())  # noqa: SLF001


def steps_taken_by(
    migration: MigrationContext, take: Callable[..., Iterable[Any]]
) -> None:
    """Let the steps of a command be taken by a function, which is given the command's.

    `context.configure` takes the function of the steps, and env.py called it already.

    :param take: is called with the command's function and its two arguments.
    """
    vars(migration)["_migrations_fn"] = partial(take, migration._migrations_fn)  # noqa: SLF001


def commit_blocks_by(
    migration: MigrationContext, block: Callable[[], AbstractContextManager[Any]]
) -> None:
    """Let something else stand for the `autocommit_block()` of one context."""
    vars(migration)["autocommit_block"] = block


def invoke_by(operations: BatchOperations, invoke: Callable[..., Any]) -> None:
    """Let something else run each operation of a batch."""
    vars(operations)["invoke"] = invoke


def write_revisions_by(
    folder: ScriptDirectory, generate: Callable[..., Script | None]
) -> None:
    """Let something else write the revision files of one folder."""
    vars(folder)["generate_revision"] = generate


def compare_with(comparison: AutogenContext, inspector: sa.Inspector) -> None:
    """Let a comparison read the database with an inspector of ours."""
    vars(comparison)["inspector"] = inspector


def print_nothing(config: Config) -> None:
    """Let a command be silent whose messages somebody else gives."""
    config.messaging_opts = {"quiet": True}


def to_be_rendered(script: ops.MigrationScript) -> ops.MigrationScript:
    """Let a script that autogenerate did not make be written like one that it did."""
    script._needs_render = True  # noqa: SLF001
    return script


def script_at(folder: ScriptDirectory, path: str | Path) -> Script | None:
    """Return the revision in a file, or None for a file that holds none."""
    return Script._from_path(folder, path)  # noqa: SLF001


Reader = Callable[[ScriptDirectory, Callable[[], Iterable[Script]]], Iterable[Script]]
"""Returns the revisions of a folder, given what reads them from its files."""


def read_revisions_by(folder: ScriptDirectory, reader: Reader) -> None:
    """Let something stand between the files of a folder and what Alembic knows."""
    revisions: Any = folder.revision_map
    load = revisions._generator  # noqa: SLF001
    vars(revisions)["_generator"] = lambda: reader(folder, load)


@contextmanager
def revisions_read_by(reader: Reader) -> Iterator[None]:
    """Let it stand there for a while wherever a command of Alembic reads revisions.

    The commands that run no env.py make their folder themselves.
    """
    before = ScriptDirectory._load_revisions  # noqa: SLF001
    name = "_load_revisions"
    setattr(
        ScriptDirectory, name, lambda folder: reader(folder, partial(before, folder))
    )
    try:
        yield
    finally:
        setattr(ScriptDirectory, name, before)


def each_readable(scripts: Iterable[Script]) -> Iterator[Script]:
    """Yield revisions, whose files have what Alembic reads first.

    :raises CommandError: with the file that has not.
    """
    try:
        yield from scripts
    except (AttributeError, TypeError) as error:
        frames = [frame for frame, _ in walk_tb(error.__traceback__)]
        paths = [it.f_locals["path"] for it in frames if "path" in it.f_locals]
        if not paths or str(paths[-1]) in {it.f_code.co_filename for it in frames}:
            raise
        raise CommandError(
            f"{paths[-1]}: {error}. A revision has a text for `revision`, and one or"
            " None for `down_revision`."
        ) from error


def compares() -> bool:
    """Say whether a command reads what the models declare.

    Those that run revisions, or tell which were run, do without; a command that is not
    Alembic's own may read it.
    """
    if not vars(context).get("_proxy"):
        return True  # no command of Alembic's runs
    command = command_options()["fn"]
    name = command.__qualname__.partition(".")[0]
    known = command.__module__ == "alembic.command"
    return not (known and name in WITHOUT_MODELS)


def command_name() -> str:
    """Return the command of Alembic's that runs env.py: "revision", or "" for another.

    What was typed stands in the function that Alembic runs inside env.py.
    """
    command = command_steps()
    is_its_own = command.__module__ == "alembic.command"
    return command.__qualname__.partition(".")[0] if is_its_own else ""


def command_steps() -> Callable[..., Any]:
    """Return what gives the steps of the command: Alembic's own function.

    A run for another database may have put its own steps in front.
    """
    command: Callable[..., Any] = unwrap(command_options()["fn"])
    return command


def has_no_steps(heads: tuple[str, ...]) -> bool:
    """Say whether the command has nothing to do on a database.

    What it refuses, its run will explain.

    :param heads: where the database is.
    """
    try:
        return bool(heads) and not any(True for _ in command_steps()(heads, None))
    except CommandError:
        return False


def counts_back() -> bool:
    """Say whether the command is a downgrade by a number of revisions."""
    target = str(command_options().get("destination_rev"))
    return command_name() == "downgrade" and target.startswith("-")


def typed_revisions() -> tuple[str, ...]:
    """Return where a run begins, for a script, and where it ends, as it was typed."""
    options = command_options()
    given = (options.get(it) for it in ("starting_rev", "destination_rev"))
    return tuple(str(it) for each in given for it in to_tuple(each, default=()))


def compares_database() -> bool:
    """Say whether the command compares the models with the database, as a check does.

    A revision that is begun by hand runs env.py, too.
    """
    if command_name() not in {"check", "revision"}:
        return False
    given = getclosurevars(command_steps()).nonlocals
    return bool(given["revision_context"].command_args["autogenerate"])


def asks_database() -> bool:
    """Say whether a command looks at the database at all.

    `merge` never does, and `history` does only to show where the database is. What was
    typed stands in the function that Alembic runs inside env.py.
    """
    command = command_steps()
    if command.__module__ != "alembic.command":
        return True
    given = getclosurevars(command).nonlocals
    if "_display_history" not in given:
        return not command.__qualname__.startswith("merge.")
    marks = getclosurevars(given["_display_history"]).nonlocals["indicate_current"]
    return marks or "current" in {given["base"], given["head"]}


def only_reads() -> bool:
    """Say whether the command leaves the database as it is.

    Alembic names a destination for upgrade, downgrade and stamp alone; ensure_version
    writes without one. What is not Alembic's own may write, unless it says
    `dont_mutate`.
    """
    options = command_options()
    command = options["fn"]
    return options.get("dont_mutate", False) or (
        "destination_rev" not in options
        and command.__module__ == "alembic.command"
        and command.__name__ != "do_ensure_version"
    )


def is_check(database: MigrationContext) -> bool:
    """Return whether `alembic check` runs, which looks exactly like a revision.

    Only the function that Alembic runs inside env.py tells them apart.
    """
    name: str = database.opts["fn"].__qualname__
    return name.startswith("check.")
