"""Views, materialized views, and tables that a query fills when they are made."""

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from alembic.operations import Operations, ops
from alembic.util import CommandError
from sqlalchemy.engine import Dialect

from .. import sql
from .._alembic import CREATE_VIEW, maker_of
from ..rules import rule
from ..runtime.causes import PermanentError
from ..types.portable import MYSQL
from .base import LosslessOp, Names, derived, label, operation

Query = str | Mapping[str, str]
"""A SELECT as text; or one for each database, by its name, where they differ."""

REPLACE = """
BEGIN
    CREATE OR REPLACE VIEW {view} AS {query};
EXCEPTION WHEN invalid_table_definition THEN
    IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = {literal}::regclass) THEN
        RAISE;
    END IF;
    DROP VIEW {name};
    CREATE VIEW {view} AS {query};
END """
"""Replace a view, or make it anew where it loses columns or gives them other types."""

ATTACHED = {
    "sqlite": "SELECT name FROM {catalog} WHERE type = 'trigger' AND tbl_name = {view}",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    " AND tgrelid = to_regclass({name})",
}
"""What is dropped with a view, without a word."""

RIGHTS = """
WITH it AS (SELECT * FROM pg_class WHERE oid = to_regclass({name})),
given AS (
    SELECT NULL::name AS attname, relowner, (aclexplode(relacl)).* FROM it
    UNION ALL SELECT attname, relowner, (aclexplode(attacl)).*
    FROM it JOIN pg_attribute ON attrelid = it.oid AND NOT attisdropped
)
SELECT attname, 'GRANT ' || privilege_type
    || coalesce('(' || quote_ident(attname) || ')', '') || ' ON ' || {view} || ' TO '
    || CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END
    || CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
FROM given WHERE grantee <> relowner
UNION ALL SELECT attname, 'COMMENT ON '
    || coalesce('COLUMN ' || {view} || '.' || quote_ident(attname), {kind} || {view})
    || ' IS ' || quote_literal(description)
FROM it JOIN pg_description ON objoid = it.oid AND classoid = 'pg_class'::regclass
    LEFT JOIN pg_attribute ON attrelid = it.oid AND attnum = objsubid AND attnum > 0
UNION ALL SELECT NULL, 'ALTER TABLE ' || {view} || ' OWNER TO '
    || quote_ident(pg_get_userbyid(relowner))
FROM it WHERE pg_get_userbyid(relowner) <> current_user
"""
"""What gives a view of PostgreSQL the rights, comments and owner that something has,
which are those of all of it, or of a column."""

COLUMNS = "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass({name})"

_rights: MutableMapping[Operations, dict[str, list[Any]]] = WeakKeyDictionary()
"""A revision's operations -> the views that it has dropped -> what `RIGHTS` found."""


def query_for(query: Query, dialect: str) -> str | None:
    """Return a query as one database reads it, or None where it has none.

    :param query: of a view.
    :param dialect: the name of the database; MariaDB and MySQL are one.
    """
    if isinstance(query, str):
        return query
    names = (dialect, *MYSQL) if dialect in MYSQL else (dialect,)
    return next((query[name] for name in names if name in query), None)


def query_of(select: sa.ClauseElement, dialects: Iterable[Dialect]) -> Query:
    """Return a SELECT as text, for each database if they read it differently.

    :param select: what SQLAlchemy has of it.
    :param dialects: the databases.
    :raises CompileError: where one of them has no words for it.
    """
    found = {
        "mysql" if it.name in MYSQL else it.name: sql.compiled(select, it)
        for it in dialects
    }
    texts = {*found.values()}
    return next(iter(texts)) if len(texts) == 1 else found


def creation_of(table: sa.Table, dialects: Iterable[Dialect]) -> LosslessOp:
    """Return the call that makes a view, or a table that a query fills.

    :param table: what a `CreateView` or a `CreateTableAs` has as `table`.
    :param dialects: the databases that the call is for.
    :raises CompileError: where one of them has no words for its query.
    """
    maker: Any = maker_of(table)
    query = query_of(maker.selectable, dialects)
    where: dict[str, Any] = {"schema": table.schema} if table.schema else {}
    if not isinstance(maker, CREATE_VIEW):
        made = create_table_as(table.name, query, **where)
        made.info["reverse"] = ops.DropTableOp(table.name, schema=table.schema)
        return made
    options: dict[str, Any] = {"materialized": True} if maker.materialized else {}
    # SQLAlchemy gives a default for it, which is None.
    if given := maker.dialect_options["postgresql"]["with"]:
        options["postgresql_with"] = dict(given)
    return create_view(table.name, query, **where, **options)


class _View(Names):
    """A view in statements."""

    def query(self, query: Query) -> str:
        """Return what the view shows on this database."""
        if (found := query_for(query, self.dialect)) is not None:
            return found
        raise CommandError(
            f"{label(self.schema, self.name)}: the revision has a query for"
            f" {', '.join(query)} and none for {self.dialect}. Add one of that name."
        )

    def refuse_materialized(self) -> None:
        """Refuse to make one that holds its rows where there are none."""
        if self.dialect != "postgresql":
            raise CommandError(no_materialized(self.schema, self.name, self.dialect))

    def refuse_attached(self) -> None:
        """Refuse to drop a trigger with a view."""
        asked = ATTACHED.get(self.dialect)
        if asked is None or self.offline:
            return
        schema = f"{self.quoted(self.schema)}." if self.schema else ""
        question = asked.format(
            catalog=f"{schema}sqlite_master",
            view=self.literal(self.name),
            name=self.literal(self.table),
        )
        for trigger in self.bind().scalars(sql.text(question)).all():
            drop = f"DROP TRIGGER {self.quoted(trigger)}"
            if self.dialect == "postgresql":
                drop += f" ON {self.table}"
            raise CommandError(
                f"The view {label(self.schema, self.name)} would be dropped with its"
                f" trigger {trigger}. Let the revision drop that first and create it"
                f" again after: {sql.executing(drop)}"
            )

    def create(self, query: str, options: Mapping[str, Any] | None, kind: str) -> None:
        """Make it."""
        self.execute(f"CREATE {kind} {self.with_options(options)} AS {query}")
        self.give_again()

    def give_again(self) -> None:
        """Give it what it had before this revision dropped it."""
        found = _rights.get(self.operations, {}).pop(self.table, [])
        asked = COLUMNS.format(name=self.literal(self.table))
        there = {*self.bind().scalars(sql.text(asked))} if found else set()
        for column, statement in found:
            if column is None or column in there:
                self.execute(statement)

    def remember(self, kind: str) -> None:
        """Remember what is lost with it, until this revision makes it again."""
        if self.dialect != "postgresql":
            return
        if self.offline:
            line = f"-- The rights on {self.table} are lost here: grant them again."
            self.operations.get_context().impl.static_output(line)
            return
        name, kind = self.literal(self.table), self.literal(f"{kind} ")
        asked = RIGHTS.format(name=name, view=name, kind=kind)
        found = self.bind().execute(sql.text(asked))
        _rights.setdefault(self.operations, {})[self.table] = [*found]

    def with_options(self, options: Mapping[str, Any] | None) -> str:
        """Return its name, and what PostgreSQL is told in WITH."""
        if not options or self.dialect != "postgresql":
            return self.table
        said = ", ".join(f"{name} = {value}".lower() for name, value in options.items())
        return f"{self.table} WITH ({said})"


def no_materialized(schema: str | None, name: str, dialect: str) -> str:
    """Say that a database has no materialized views.

    :param schema: that of the one it should have.
    :param name: its name.
    :param dialect: the name of the database.
    """
    return (
        f"{label(schema, name)}: {dialect} has no materialized views, PostgreSQL alone"
        " has. Leave materialized=True out, or keep the rows in a table."
    )


KINDS = {False: "VIEW", True: "MATERIALIZED VIEW"}


@operation()
def create_view(  # noqa: PLR0913  what a revision has to say
    operations: Operations,
    name: str,
    query: str | Mapping[str, str],
    *,
    schema: str | None = None,
    materialized: bool = False,
    postgresql_with: Mapping[str, Any] | None = None,
) -> None:
    """Make a view.

    :param name: its name.
    :param query: the SELECT that it shows; or one for each database, by the names that
        SQLAlchemy has for them, where they are written differently.
    :param schema: its schema.
    :param materialized: whether it holds its rows, which PostgreSQL alone can; `REFRESH
        MATERIALIZED VIEW` reads them again.
    :param postgresql_with: its options, such as `{"security_barrier": True}`.
    :rows: stay as they are.
    :databases: a materialized view is refused but on PostgreSQL.
    :raises CommandError: where the query is given for other databases only.
    """
    view = _View(operations, name, schema)
    if materialized:
        view.refuse_materialized()
    view.create(view.query(query), postgresql_with, KINDS[materialized])


@create_view.declares("reverse")
def _(op: LosslessOp) -> LosslessOp:
    return dropping(op).reversed_by(op)


@create_view.declares("to_diff_tuple")
def _(op: LosslessOp) -> tuple[Any, ...]:
    return "add_view", op.schema, op.name


@operation()
def replace_view(  # noqa: PLR0913  what a revision has to say
    operations: Operations,
    name: str,
    query: str | Mapping[str, str],
    *,
    schema: str | None = None,
    materialized: bool = False,
    postgresql_with: Mapping[str, Any] | None = None,
) -> None:
    """Let a view show something else, or make it where there is none.

    PostgreSQL replaces it if the columns stay and others follow them; else, and on
    SQLite, the view is dropped and made. Then it must have no trigger. Its owner, its
    comments and who may read it stay as they are, but in a script of `--sql`.

    :param name: its name.
    :param query: what it shows from now on, as for `create_view`.
    :param schema: its schema.
    :param materialized: whether it holds its rows; it is dropped and made.
    :param postgresql_with: its options.
    :rows: stay as they are.
    :databases: a materialized view is refused but on PostgreSQL.
    :raises CommandError: where a trigger would be dropped with it.
    """
    view, kind = _View(operations, name, schema), KINDS[materialized]
    shown = view.query(query)
    if materialized:
        view.refuse_materialized()
    if view.is_mysql:
        view.create(shown, None, f"OR REPLACE {kind}")
        return
    view.remember(kind)
    if view.dialect == "postgresql" and not materialized:
        block = REPLACE.format(
            view=view.with_options(postgresql_with),
            name=view.table,
            literal=view.literal(view.table),
            query=shown,
        )
        view.execute(f"DO {sql.body(block, 'view')}")
        view.give_again()
    else:
        view.refuse_attached()
        view.execute(f"DROP {kind} IF EXISTS {view.table}")
        view.create(shown, postgresql_with, kind)


@replace_view.declares("to_diff_tuple")
def _(op: LosslessOp) -> tuple[Any, ...]:
    return "modify_view", op.schema, op.name


@operation()
def drop_view(
    operations: Operations,
    name: str,
    *,
    schema: str | None = None,
    materialized: bool = False,
    if_exists: bool = False,
) -> None:
    """Drop a view; a revision that makes it again gives it its rights again.

    :param name: its name.
    :param schema: its schema.
    :param materialized: whether it holds its rows.
    :param if_exists: whether it need not be there.
    :rows: stay as they are; those of a materialized view are made of others.
    :databases: is refused on PostgreSQL while another view uses it.
    :raises CommandError: where a trigger would be dropped with it.
    """
    view = _View(operations, name, schema)
    view.refuse_attached()
    view.remember(KINDS[materialized])
    there = "IF EXISTS " if if_exists else ""
    view.execute(f"DROP {KINDS[materialized]} {there}{view.table}")


@drop_view.declares("to_diff_tuple")
def _(op: LosslessOp) -> tuple[Any, ...]:
    return "remove_view", op.schema, op.name


@operation()
def create_table_as(
    operations: Operations,
    name: str,
    query: str | Mapping[str, str],
    *,
    schema: str | None = None,
) -> None:
    """Make a table of the rows that a query finds now.

    :param name: its name.
    :param query: the SELECT, as for `create_view`.
    :param schema: its schema.
    :rows: are copied; later changes of the others do not reach them.
    :databases: what a type becomes is theirs to say; no constraint is made.
    :raises CommandError: where the query is given for other databases only.
    """
    made = _View(operations, name, schema)
    made.create(made.query(query), None, "TABLE")


@create_table_as.declares("to_diff_tuple")
def _(op: LosslessOp) -> tuple[Any, ...]:
    return "add_table", op.schema, op.name


def dropping(made: LosslessOp, *, if_exists: bool = False) -> LosslessOp:
    """Return the call that drops a view.

    :param made: the call that makes it.
    :param if_exists: whether it need not be there.
    """
    options = {"if_exists": True} if if_exists else {}
    if made.materialized:
        options["materialized"] = True
    return drop_view(made.name, schema=made.schema, **options)


SECOND_NAME = """
DECLARE given record;
BEGIN
    {rename}CREATE VIEW {old} AS SELECT * FROM {new};
    FOR given IN SELECT * FROM ({rights}) AS found (place, statement) LOOP
        EXECUTE given.statement;
    END LOOP;
END """
"""Let a table of PostgreSQL have a second name, for whoever had the first one."""

RENAMES: dict[str, tuple[str, ...]] = {
    # The view is made of a table without rows, which then changes places with the
    # table: there is no instant without one of the names.
    "begin": (
        "CREATE TABLE {new} LIKE {old}",
        "CREATE VIEW {view} AS SELECT * FROM {new}",
        "RENAME TABLE {new} TO {spare}, {old} TO {new}, {view} TO {old}",
        "DROP TABLE {spare}",
    ),
    "renamed": ("CREATE VIEW {old} AS SELECT * FROM {new}",),
}
"""What gives a table of MariaDB or MySQL a second name."""


@operation()
def begin_table_rename(
    operations: Operations,
    table_name: str,
    new_name: str,
    *,
    renamed: bool = False,
    schema: str | None = None,
) -> None:
    """Rename a table, and let others read and write it by its old name, as a view.

    :param table_name: the name that the running version of the app knows.
    :param new_name: the name that the next version knows.
    :param renamed: whether the table has the new name already.
    :param schema: the schema of the table.
    :rows: stay as they are.
    :databases: PostgreSQL, MariaDB and MySQL, in one instant; who had rights to the
        table has them to the view. SQLite, where nobody else writes meanwhile, has no
        view.
    :raises CommandError: for a table of PostgreSQL with row security.
    """
    names = Names(operations, table_name, schema)
    if names.dialect == "sqlite":
        if not renamed:
            operations.rename_table(table_name, new_name, schema=schema)
        return
    if names.is_mysql:
        _rename(names, new_name, "renamed" if renamed else "begin")
        return
    new = Names(operations, new_name, schema)
    _refuse_row_security(new if renamed else names)
    name, view = names.literal(new.table), names.literal(names.table)
    rights = RIGHTS.format(name=name, view=view, kind=names.literal("VIEW "))
    rename = f"ALTER TABLE {names.table} RENAME TO {names.quoted(new_name)};\n    "
    block = SECOND_NAME.format(
        rename="" if renamed else rename,
        old=names.table,
        new=new.table,
        rights=rights,
    )
    names.execute(f"DO {sql.body(block, 'rename')}")


@operation()
def end_table_rename(
    operations: Operations,
    table_name: str,
    new_name: str,  # noqa: ARG001  who reads it learns whose name it was
    *,
    schema: str | None = None,
) -> None:
    """Let a table have one name again, the new one, after `begin_table_rename`.

    :param table_name: the name that the previous version of the app knows.
    :param new_name: the name that the running version knows.
    :param schema: the schema of the table.
    :rows: stay as they are.
    :databases: the same on each.
    """
    names = Names(operations, table_name, schema)
    if names.dialect != "sqlite":
        names.execute(f"DROP VIEW {names.table}")


@end_table_rename.declares("reverse")
def _(op: LosslessOp) -> LosslessOp:
    return begin_table_rename(*op.args, renamed=True, schema=op.schema)


@begin_table_rename.declares("reverse")
def _(op: LosslessOp) -> LosslessOp | None:
    """Return what drops the view; nothing by itself gives the old name back."""
    if not op.renamed:
        return None
    return end_table_rename(*op.args, schema=op.schema)


@begin_table_rename.declares("as_alembic")
def _(op: LosslessOp) -> ops.RenameTableOp | None:
    """Return the rename, unless it was done before."""
    names = op.table_name, op.new_name
    return None if op.renamed else ops.RenameTableOp(*names, schema=op.schema)


def _rename(names: Names, new_name: str, what: str) -> None:
    words = {
        "old": names.table,
        "new": names.beside(new_name),
        "view": names.beside(derived(names.name, "view")),
        "spare": names.beside(derived(names.name, "spare")),
    }
    for statement in RENAMES[what]:
        names.execute(statement.format(**words))


SECURED = "SELECT relrowsecurity FROM pg_class WHERE oid = to_regclass({name})"


@rule("row-security", "refusal", "A table with row security is renamed behind a view.")
def _refuse_row_security(names: Names) -> None:
    if not names.offline and names.bind().scalar(
        sql.text(SECURED.format(name=names.literal(names.table)))
    ):
        raise PermanentError(
            f"{names.name} has row security, which does not hold for a view of it: use"
            " op.rename_table outside the autocommit_block(), in a quiet hour."
        )
